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
