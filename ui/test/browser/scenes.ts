//! Every screen in every state, once: the axe check walks them and the pictures are taken of them.

import type { Page } from 'playwright-core';

/** One screen in one state. */
export interface Scene {
  name: string;
  /** What `?mock=` is given. */
  mock: string;
  /** What is pressed before looking. */
  act?: (page: Page) => Promise<void>;
  /** What must be there before looking. */
  expect: string;
}

const id = (name: string) => `[data-testid="${name}"]`;
const press = (name: string) => (page: Page) => page.locator(id(name)).click();

async function join(page: Page): Promise<void> {
  await page.locator(id('join-text')).fill('streamrp2p://join/7Q2X-MIRA?coordinator=https://coordinator.example');
  await page.locator(id('join-submit')).click();
}

export const scenes: Scene[] = [
  { name: 'connecting', mock: 'connecting', expect: id('waiting') },
  { name: 'never-reached', mock: 'never', expect: id('waiting') },
  { name: 'denied', mock: 'denied', expect: id('waiting') },
  { name: 'first-run', mock: 'first-run', expect: id('join-text') },
  { name: 'first-run-empty', mock: 'first-run', act: press('join-submit'), expect: '[aria-invalid="true"]' },
  { name: 'first-run-error', mock: 'first-run!invite_expired', act: join, expect: id('error') },
  { name: 'first-run-refused', mock: 'first-run!coordinator_refused', act: join, expect: id('error') },
  { name: 'consent', mock: 'consent', expect: id('consent-agree') },
  { name: 'consent-invited', mock: 'consent-invited', expect: id('consent-agree') },
  {
    name: 'consent-wrong-cap',
    mock: 'consent',
    act: (page) => page.locator(id('consent-cap')).fill('0.2'),
    expect: '[aria-invalid="true"]',
  },
  { name: 'loading', mock: 'loading', expect: id('streams-loading') },
  { name: 'streams-unreachable', mock: 'streams-unreachable', expect: id('streams-unreachable') },
  { name: 'streams-empty', mock: 'streams-empty', expect: id('streams-empty') },
  { name: 'chooser', mock: 'chooser', expect: id('stream-mira') },
  {
    name: 'chooser-no-match',
    mock: 'chooser',
    act: (page) => page.locator(id('stream-search')).fill('zebra'),
    expect: 'text=zebra',
  },
  { name: 'ready', mock: 'ready', expect: id('start') },
  { name: 'ready-offline', mock: 'ready-offline', expect: id('start') },
  { name: 'ready-error', mock: 'ready!internal', act: press('start'), expect: id('error') },
  { name: 'starting', mock: 'starting', expect: id('stop') },
  { name: 'supporting', mock: 'supporting', expect: id('pause') },
  { name: 'supporting-first-minute', mock: 'supporting-first-minute', expect: id('pause') },
  { name: 'giving-way', mock: 'giving-way', expect: id('uplink') },
  { name: 'chart-table', mock: 'supporting', act: (page) => page.locator('figure + details summary').click(), expect: 'table' },
  { name: 'no-pool', mock: 'no-pool', expect: id('earnings') },
  { name: 'paused', mock: 'paused', expect: id('resume') },
  { name: 'paused-offline', mock: 'paused-offline', expect: id('stop') },
  { name: 'stopping', mock: 'stopping', expect: id('state-sentence') },
  { name: 'faulted', mock: 'faulted', expect: id('fault') },
  { name: 'coordinator-down', mock: 'coordinator-down', expect: id('coordinator-unreachable') },
  { name: 'notices', mock: 'notices', expect: id('notice') },
  { name: 'lost', mock: 'lost', expect: id('link-lost') },
  { name: 'earnings', mock: 'supporting', act: press('open-earnings'), expect: id('paid-hours') },
  { name: 'earnings-none', mock: 'ready', act: press('open-earnings'), expect: id('account') },
  { name: 'earnings-unknown', mock: 'coordinator-down', act: press('open-earnings'), expect: id('account') },
  { name: 'earnings-few', mock: 'few-hours', act: press('open-earnings'), expect: id('forecast-unknown') },
  {
    name: 'earnings-hour',
    mock: 'supporting',
    act: async (page) => {
      await press('open-earnings')(page);
      await page.locator('tbody summary').nth(2).click();
      await page.locator('tbody summary').nth(1).click();
    },
    expect: `details[open] ${id('save-receipts')}`,
  },
  {
    name: 'earnings-dispute',
    mock: 'supporting',
    act: async (page) => {
      await press('open-earnings')(page);
      await page.locator('tbody summary').nth(1).click();
      await page.locator(`details[open] ${id('dispute-hour')}`).click();
    },
    expect: id('dispute-send'),
  },
  {
    name: 'earnings-save-failed',
    mock: 'supporting!data_directory',
    act: async (page) => {
      await press('open-earnings')(page);
      await press('save-table')(page);
    },
    expect: id('error'),
  },
  { name: 'profile', mock: 'supporting', act: press('open-profile'), expect: id('tier') },
  { name: 'profile-newcomer', mock: 'ready', act: press('open-profile'), expect: id('claim-node') },
  { name: 'profile-highest', mock: 'few-hours', act: press('open-profile'), expect: id('tier') },
  { name: 'profile-unknown', mock: 'coordinator-down', act: press('open-profile'), expect: id('profile') },
  {
    name: 'profile-error',
    mock: 'ready!claim_stale',
    act: async (page) => {
      await press('open-profile')(page);
      await page.locator(id('claim-handle')).fill('ada-k');
      await page.locator(id('claim-code')).fill('7q2x');
      await press('claim-node')(page);
    },
    expect: id('error'),
  },
  {
    name: 'profile-too-soon',
    mock: 'supporting',
    act: async (page) => {
      await press('open-profile')(page);
      await page.locator(id('downtime-from')).fill('2020-01-01T10:00');
      await press('declare-downtime')(page);
    },
    expect: '[aria-invalid="true"]',
  },
  { name: 'settings-costs', mock: 'few-hours', act: press('open-settings'), expect: id('costs-power') },
  {
    name: 'settings-costs-wrong',
    mock: 'few-hours',
    act: async (page) => {
      await press('open-settings')(page);
      await page.locator(id('costs-currency')).fill('');
      await page.locator(id('costs-power-price')).fill('much');
    },
    expect: '[aria-invalid="true"]',
  },
  { name: 'settings', mock: 'supporting', act: press('open-settings'), expect: id('settings-cap') },
  {
    name: 'settings-leave',
    mock: 'supporting',
    act: async (page) => {
      await press('open-settings')(page);
      await press('leave-network')(page);
    },
    expect: id('leave-confirm'),
  },
];
