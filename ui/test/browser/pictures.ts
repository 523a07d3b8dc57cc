//! `npm run pictures`: every screen and every public page, light, dark and narrow, into the directory that PICTURES names.
//! With arguments, only the scenes named.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { PublicPages, publicScenes } from './coordinator-stage';
import { scenes } from './scenes';
import { openStage } from './stage';

const directory = process.env['PICTURES'];
if (directory === undefined || directory === '') {
  console.error('Set PICTURES to the directory that shall hold the pictures.');
  process.exit(64);
}
const wanted = process.argv.slice(2);
const looks = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1180, height: 800 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1180, height: 800 } },
  { name: 'window', colorScheme: 'light', viewport: { width: 960, height: 720 } },
  { name: 'narrow', colorScheme: 'light', viewport: { width: 320, height: 640 } },
] as const;

await mkdir(directory, { recursive: true });
const stage = await openStage();
try {
  for (const scene of scenes) {
    if (wanted.length > 0 && !wanted.includes(scene.name)) continue;
    for (const { name, ...look } of looks) {
      const { page } = await stage.open(scene, look);
      // Sticky parts belong where a reader first sees them.
      await page.evaluate(() => window.scrollTo(0, 0));
      await page.screenshot({ path: join(directory, `${scene.name}-${name}.png`), fullPage: true });
      await page.context().close();
    }
  }
  const pages = new PublicPages();
  await pages.start();
  for (const scene of publicScenes) {
    if (wanted.length > 0 && !wanted.includes(scene.name)) continue;
    pages.answers = scene.answers;
    for (const { name, ...look } of looks) {
      const context = await stage.browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce', ...look });
      const page = await context.newPage();
      await page.goto(pages.address + scene.path);
      await page.locator(scene.expect).first().waitFor();
      await page.screenshot({ path: join(directory, `${scene.name}-${name}.png`), fullPage: true });
      await context.close();
    }
  }
  pages.stop();
} finally {
  await stage.close();
}
