import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { errorWords } from '../../src/lib/words';

test('every error has words, and either says what to do or lets the node say it', () => {
  for (const [code, { title, help, showMessage }] of Object.entries(errorWords)) {
    expect(title, code).not.toBe('');
    expect(title, `${code}: no full stop in a title`).not.toMatch(/\.$/);
    expect(help !== '' || showMessage === true, `${code} helps`).toBe(true);
  }
});

test('no screen holds words of its own', () => {
  const files = ['src', 'src/domain', 'src/views', 'src/lib'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.svelte'))
      .map((name) => join(folder, name)),
  );
  expect(files.length).toBeGreaterThan(20);
  for (const file of files) {
    const markup = readFileSync(file, 'utf8')
      .replace(/<script[\s\S]*?<\/script>|<style>[\s\S]*?<\/style>|<!--[\s\S]*?-->/g, '')
      // Expressions, innermost first.
      .replace(/\{[^{}]*\}/g, '')
      .replace(/\{[^{}]*\}/g, '')
      .replace(/<[^>]*>/g, ' ')
      .replace(/&\w+;/g, ' ');
    expect(markup.match(/\p{L}{3,}/gu) ?? [], file).toEqual([]);
  }
});
