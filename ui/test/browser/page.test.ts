//! The release build on a node's page: the key, the events, the commands, and a node that goes and comes back.

import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import { chooser, fixtureError, supporting } from '../../src/mock/fixtures';
import { buildUi } from './build';
import { PageNode } from './page-node';
import { openBrowser } from './stage';

let dist: string;
let browser: Browser;
let node: PageNode;
let page: Page;

beforeAll(async () => {
  dist = await buildUi('production');
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await rm(dist, { recursive: true, force: true });
});
beforeEach(async () => {
  node = new PageNode(dist, 'secret-1', supporting);
  await node.start();
  page = await browser.newPage();
});
afterEach(async () => {
  await page.context().close();
  await node.stop();
});

const open = (token: string) => page.goto(`${node.address}?token=${token}`);

test('the key leaves the address bar and outlives a reload', async () => {
  await open('secret-1');
  await page.getByTestId('pause').waitFor();
  expect(page.url()).toBe(node.address);
  await page.reload();
  await page.getByTestId('pause').waitFor();
});

test('a wrong key is said in words', async () => {
  await open('guess');
  await page.locator('[data-testid="waiting"][data-link="denied"]').waitFor();
});

test('events change the page and buttons send commands', async () => {
  await open('secret-1');
  await page.getByTestId('pause').waitFor();
  node.show({ ...supporting, live: { ...supporting.live, bytes_served: 123_456 } });
  await page.locator('[data-testid="data-shared-now"][data-bytes="123456"]').waitFor();
  await page.getByTestId('pause').click();
  await expect.poll(() => node.commands).toEqual([{ command: 'pause' }]);
});

test('a refused command is shown by its code', async () => {
  node.snapshot = { ...chooser, chosen: 'mira' };
  node.refusal = { status: 409, body: fixtureError('clock_off') };
  await open('secret-1');
  await page.getByTestId('start').click();
  await page.locator('[data-testid="error"][data-code="clock_off"]').waitFor();
});

test('a file is downloaded under the name the node gives it', async () => {
  await open('secret-1');
  await page.getByTestId('open-earnings').click();
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId('save-table').click()]);
  expect(download.suggestedFilename()).toBe('streamr-earnings.csv');
  expect(await readFile(await download.path(), 'utf8')).toBe('hour_utc\r\n');
  await expect.poll(() => page.getByTestId('saved').textContent()).toContain('streamr-earnings.csv');
});

test('a lost node is said at once, and the page recovers when it is back', async () => {
  await open('secret-1');
  await page.getByTestId('pause').waitFor();
  await node.stop();
  await page.getByTestId('link-lost').waitFor();
  expect(await page.getByTestId('pause').isDisabled()).toBe(true);
  await node.start();
  await page.getByTestId('link-lost').waitFor({ state: 'detached', timeout: 20_000 });
  expect(await page.getByTestId('pause').isDisabled()).toBe(false);
});

test('a page whose language is "C" works all the same', async () => {
  await page.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, 'language', { get: () => 'C' });
    Object.defineProperty(Navigator.prototype, 'languages', { get: () => ['C'] });
  });
  await open('secret-1');
  await page.getByTestId('pause').waitFor();
  expect(await page.getByTestId('data-shared-ever').textContent()).toContain('54');
  expect(await page.locator('canvas').count()).toBe(1);
});

test('a release build holds no fixtures', async () => {
  const assets = await readdir(join(dist, 'assets'));
  const scripts = assets.filter((name) => name.endsWith('.js'));
  expect(scripts.length).toBeGreaterThan(0);
  for (const script of scripts) {
    expect(await readFile(join(dist, 'assets', script), 'utf8')).not.toContain('Mira Okafor');
  }
});
