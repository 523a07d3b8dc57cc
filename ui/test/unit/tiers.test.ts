//! Imports point downward only: views, then domain, then lib and host; the generated types below all.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { expect, test } from 'vitest';

const mayImport: Record<string, string[]> = {
  generated: ['generated'],
  lib: ['lib', 'generated'],
  host: ['host', 'generated', 'mock'],
  domain: ['domain', 'lib', 'host', 'generated'],
  views: ['views', 'domain', 'lib', 'generated'],
  mock: ['mock', 'host', 'generated'],
};

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => /\.(ts|svelte)$/.test(name));

test.each(files.filter((name) => name.includes('/')))('%s imports downward', (name) => {
  const tier = name.split('/')[0] ?? '';
  const source = readFileSync(join('src', name), 'utf8');
  for (const [, target] of source.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)) {
    const other = relative('src', join('src', dirname(name), target ?? '')).split('/')[0] ?? '';
    expect(mayImport[tier], `${name} imports ${target}`).toContain(other);
  }
});

test('only the seam knows Tauri', () => {
  const knowing = files.filter((name) => readFileSync(join('src', name), 'utf8').includes('@tauri-apps/'));
  expect(knowing.toSorted()).toEqual(['host/choose.ts', 'host/tauri.ts']);
});
