//! Every screen in every state, in real Chromium under the real content security policy.

import axe from 'axe-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { settled, violations } from './judge';
import { scenes } from './scenes';
import { openStage, type Stage } from './stage';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage?.close());

describe.each(scenes)('$name', (scene) => {
  test('is accessible in light and dark, fits 320 px, and nothing complains', async () => {
    const { page, complaints } = await stage.open(scene, { viewport: { width: 1180, height: 800 } });
    // Playwright's evaluate is not subject to the page's policy; a script tag would be.
    await page.evaluate(axe.source);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await settled(page);
      expect(await violations(page), colorScheme).toEqual([]);
    }
    await page.setViewportSize({ width: 320, height: 640 });
    await settled(page);
    expect(await violations(page), 'narrow').toEqual([]);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(overflow, 'pixels wider than the page').toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});

test('everything from the first run to leaving the network works by keyboard alone', async () => {
  const { page } = await stage.open({ name: 'walk', mock: 'first-run', expect: '[data-testid="join-text"]' });
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('data-testid') ?? '');
  const tabTo = async (testid: string) => {
    for (let i = 0; i < 40 && (await focused()) !== testid; i += 1) await page.keyboard.press('Tab');
    expect(await focused()).toBe(testid);
    const ring = await page.evaluate(() => {
      // A field's ring is drawn by the box around it.
      const of = (element: Element | null | undefined) => (element ? getComputedStyle(element).outlineStyle : 'none');
      return [of(document.activeElement), of(document.activeElement?.parentElement)];
    });
    expect(ring, `${testid} shows its focus`).toContain('solid');
  };
  const see = (testid: string) => page.getByTestId(testid).waitFor();
  const press = async (testid: string) => {
    await see(testid);
    await tabTo(testid);
    await page.keyboard.press('Enter');
  };

  await tabTo('join-text');
  await page.keyboard.type('streamrp2p://join/CODE?coordinator=https://c.example');
  await page.keyboard.press('Enter');
  await see('consent-cap');
  await tabTo('consent-cap');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('2,5');
  await press('consent-agree');
  await press('stream-mira');
  await press('start');
  await press('pause');
  await press('resume');
  await press('stop');
  await see('start');
  await press('open-settings');
  await press('leave-network');
  await press('leave-confirm');
  await see('join-text');
  await page.context().close();
});
