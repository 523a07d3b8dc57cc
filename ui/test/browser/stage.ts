//! A test build of the UI behind vite's preview server (under the real content security policy), and Chromium.

import { rm } from 'node:fs/promises';

import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { preview } from 'vite';

import { buildUi } from './build';
import type { Scene } from './scenes';

const chromiumArgs = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Debian's Chromium, or the one that CHROMIUM names. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: chromiumArgs });

/** A running browser with the UI to show in it. */
export interface Stage {
  browser: Browser;
  /** A page with the scene set up, and what the browser complained about on the way. */
  open(scene: Scene, options?: BrowserContextOptions): Promise<{ page: Page; complaints: string[] }>;
  close(): Promise<void>;
}

/** Builds, serves and starts everything. */
export async function openStage(): Promise<Stage> {
  const outDir = await buildUi('test');
  const server = await preview({
    mode: 'test',
    logLevel: 'warn',
    build: { outDir },
    preview: { host: '127.0.0.1', port: 0, strictPort: false },
  });
  const address = server.resolvedUrls?.local[0];
  if (address === undefined) throw new Error('the preview server has no address');
  const browser = await openBrowser();

  return {
    browser,
    async open(scene, options = {}) {
      // Axe and the pictures look at what stays, not at what moves.
      const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', ...options });
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(`${address}?mock=${encodeURIComponent(scene.mock)}`);
      await scene.act?.(page);
      await page.locator(scene.expect).first().waitFor({ timeout: 10_000 });
      await page.evaluate(() => document.fonts.ready);
      return { page, complaints };
    },
    async close() {
      await browser.close();
      await server.close();
      await rm(outDir, { recursive: true, force: true });
    },
  };
}
