//! Builds the UI apart from the test runner, whose environment would make a half-test, half-release build.

import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Builds in a mode ("test" knows `?mock=`, "production" does not) into a new directory, and returns it. */
export async function buildUi(mode: 'test' | 'production'): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), 'streamr-ui-'));
  const env = { ...process.env };
  for (const name of ['NODE_ENV', 'VITEST', 'VITEST_MODE', 'MODE', 'DEV', 'PROD']) delete env[name];
  const vite = join('node_modules', 'vite', 'bin', 'vite.js');
  const args = [vite, 'build', '--mode', mode, '--outDir', outDir, '--emptyOutDir', '--logLevel', 'warn'];
  await promisify(execFile)(process.execPath, args, { env });
  return outDir;
}
