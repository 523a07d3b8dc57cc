//! The coordinator's public pages in Chromium: what they show, what they send, axe, light and dark, 320 px.

import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { busy, PublicPages, publicScenes, stranger, type Answers } from './coordinator-stage';
import { settled, violations } from './judge';
import { openBrowser } from './stage';

const pages = new PublicPages();
let browser: Browser;

beforeAll(async () => {
  await pages.start();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  pages.stop();
});
beforeEach(() => {
  pages.asked.length = 0;
});

async function open(path: string, answers: Answers): Promise<{ page: Page; complaints: string[] }> {
  pages.answers = answers;
  const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce' });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // A refused request is part of the question "may I?".
    const refused = /status of 40[14]/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !refused) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(pages.address + path);
  return { page, complaints };
}

describe.each(publicScenes)('$name', ({ path, answers, expect: there }) => {
  test('is accessible in light and dark, fits 320 px, and nothing complains', async () => {
    const { page, complaints } = await open(path, answers);
    await page.locator(there).first().waitFor();
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

test('names are texts, whatever they hold', async () => {
  const { page } = await open('streams/mira', busy);
  await page.getByText('<b>Bobby</b>').first().waitFor();
  expect(await page.locator('td b').count()).toBe(0);
  await page.context().close();
});

test('a streamer thanks one supporter or all', async () => {
  const { page } = await open('streams/mira', busy);
  await page.getByLabel('What you want to say').fill('You carried us!');
  await page.getByRole('combobox').selectOption({ label: 'Ada' });
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('They see it in their app').waitFor();
  await page.getByLabel('What you want to say').fill('All of you!');
  await page.getByRole('combobox').selectOption({ label: 'All supporters' });
  await page.getByRole('button', { name: 'Send' }).click();
  const sent = () => pages.asked.filter(({ what }) => what.startsWith('POST')).map(({ body }) => body);
  await expect.poll(sent).toEqual([
    { to: '1', text: 'You carried us!' },
    { to: null, text: 'All of you!' },
  ]);
  await page.context().close();
});

test('a stranger sees no money and is told where to sign in', async () => {
  const { page } = await open('streams/mira', stranger);
  await page.getByText('Is this your stream?').waitFor();
  expect(await page.getByText('Pool and spending').count()).toBe(0);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  expect(new URL(page.url()).pathname).toBe('/below/page/account');
  await page.context().close();
});

test('a failed sign-in is said in words and nothing of it stays in the address', async () => {
  const { page } = await open('account', stranger);
  await page.getByLabel('Account name').first().fill('mira');
  await page.getByLabel('Password').first().fill('rain on the roof');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('The handle or password is wrong.').waitFor();
  expect(page.url()).toBe(`${pages.address}account`);
  expect(pages.asked.at(-1)?.body).toEqual({ handle: 'mira', password: 'rain on the roof', carry: 'cookie' });
  await page.context().close();
});

test('a person gets a code for a node', async () => {
  const { page } = await open('account', busy);
  await page.getByLabel('The node’s id').fill(` ${'cd'.repeat(32)} `);
  await page.getByRole('button', { name: 'Get a code' }).click();
  await page.getByText('k3v9q2m7x1').waitFor();
  expect(pages.asked.at(-1)?.body).toEqual({ node: 'cd'.repeat(32) });
  await page.context().close();
});
