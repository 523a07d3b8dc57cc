//! Snapshots that development and tests look at. Never part of a release build.

import type { Account } from '../generated/Account';
import type { ChartPoint } from '../generated/ChartPoint';
import type { Dispute } from '../generated/Dispute';
import type { LiveStats } from '../generated/LiveStats';
import type { PaidHour } from '../generated/PaidHour';
import type { Profile } from '../generated/Profile';
import type { Snapshot } from '../generated/Snapshot';
import type { StreamCard } from '../generated/StreamCard';
import type { UiError } from '../generated/UiError';
import type { UiErrorCode } from '../generated/UiErrorCode';

/** The moment all fixtures are at. */
export const nowMs = Date.now();
const minutes = 60_000;

/** An error with a detail, as a node would send it. */
export const fixtureError = (code: UiErrorCode, message = 'The node says why.', detail = 'connect: timed out'): UiError => ({
  code,
  message,
  detail,
});

const stream = (id: string, streamer: string, title: string, more: Partial<StreamCard> = {}): StreamCard => ({
  stream: id,
  title,
  streamer,
  live_since_ms: null,
  supporters: 0,
  bitrate_bps: 0,
  favourite: false,
  ...more,
});

export const streams: StreamCard[] = [
  stream('mira', 'Mira Okafor', 'Late-night synth building, part 12', {
    live_since_ms: nowMs - 95 * minutes,
    supporters: 14,
    bitrate_bps: 4_000_000,
    favourite: true,
  }),
  stream('saltmarsh', 'Saltmarsh Radio', 'Birds before breakfast', { favourite: true }),
  stream('jonas', 'Jonas Weber', 'Speedrun practice: any %', {
    live_since_ms: nowMs - 12 * minutes,
    supporters: 3,
    bitrate_bps: 6_000_000,
  }),
  stream('olena', 'Олена Коваль', 'Акварель: morning watercolours with a title that goes on for rather long', {
    live_since_ms: nowMs - 230 * minutes,
    supporters: 1,
    bitrate_bps: 2_500_000,
  }),
  stream('town', 'Town Hall Leipzig', 'Council meeting, public part'),
];

/** Ten minutes of believable throughput. */
export function chart(points = 120): ChartPoint[] {
  return Array.from({ length: points }, (_, i) => {
    const wave = Math.sin(i / 9) * 0.9 + Math.sin(i / 3.1) * 0.4;
    const ramp = Math.min(1, i / 25);
    return {
      at_ms: nowMs - (points - 1 - i) * 5000,
      up_bps: Math.round(Math.max(0, (8.2 + wave * 1.6) * ramp) * 1e6),
      down_bps: Math.round(Math.max(0, (4.0 + Math.sin(i / 5) * 0.35) * Math.min(1, i / 4)) * 1e6),
    };
  });
}

const quiet: LiveStats = {
  peers: 0,
  people_helped: 0,
  local_viewers: 0,
  upload_bps: 0,
  download_bps: 0,
  bytes_served: 0,
  bytes_origin: 0,
  bytes_peers: 0,
  segments: 0,
  segments_missed: 0,
  blocks_bad: 0,
  uplink: null,
  chart: [],
  recent: [],
};

export const busy: LiveStats = {
  ...quiet,
  peers: 11,
  people_helped: 8,
  local_viewers: 1,
  upload_bps: 8_400_000,
  download_bps: 4_100_000,
  bytes_served: 5_310_000_000,
  bytes_origin: 640_000_000,
  bytes_peers: 1_920_000_000,
  segments: 2841,
  segments_missed: 2,
  uplink: { measured_bps: 9_200_000, is_limit: true, share_bps: 7_360_000, rate_now_bps: 8_740_000, gives_way: false },
  chart: chart(),
};

const terms = { coordinator: 'https://coordinator.example', streamer: null, stream: null, upload_cap_bps: 10_000_000 };

/** A week of evenings. */
function account(): Account {
  const evening = (back: number, amount: number): PaidHour => ({
    stream: back % 3 === 0 ? 'saltmarsh' : 'mira',
    began_at_ms: Math.floor(nowMs / (60 * minutes) - back * 8) * 60 * minutes,
    currency: 'EUR',
    amount,
    uptime: Math.floor(amount * 0.46),
    quality: Math.floor(amount * 0.36),
    bandwidth: amount - Math.floor(amount * 0.46) - Math.floor(amount * 0.36),
    corrected: back === 4,
  });
  const hours = [1, 2, 3, 4, 5, 6].map((back) => evening(back, 410_000 + 37_000 * back));
  const balance = {
    currency: 'EUR',
    settled: 3_237_000,
    pending: 10_000_000,
    paid: 31_420_000,
    payout_threshold: 10_000_000,
    next_payout_ms: nowMs + 9 * 24 * 60 * minutes,
    forecast: {
      hours: 42,
      hours_needed: 8,
      hour: { low: 441_000, high: 588_000 },
      week_hours: 21,
      week: { low: 9_261_000, high: 12_348_000 },
    },
    spent: { power: 1_240_000, data: 540_100 },
  };
  return { known: 'known', as_of_ms: nowMs - minutes, balances: [balance], hours };
}

/** One open, one answered for the supporter, one against. */
function disputes(of: Account): Dispute[] {
  if (of.known !== 'known') return [];
  const states = [
    { state: 'open', answer: null },
    { state: 'upheld', answer: 'The signer had lost its connection. Corrected in entry 4711.' },
    { state: 'rejected', answer: 'Nobody was live between 21:10 and 21:40.' },
  ] as const;
  return states.flatMap(({ state, answer }, at) => {
    const hour = of.hours[at * 2];
    if (!hour) return [];
    const text = 'I was there for the whole hour.';
    return [{ stream: hour.stream, began_at_ms: hour.began_at_ms, text, state, answer }];
  });
}

/** A supporter of some months. */
const profile: Extract<Profile, { known: 'known' }> = {
  known: 'known',
  as_of_ms: nowMs - minutes,
  account: 'ada-k',
  name: 'Ada',
  tier: 'node_operator',
  next_tier: { tier: 'stream_guardian', bytes: 100_000_000_000, live_s: 180_000 },
  bytes: 54_010_000_000,
  live_s: 97_000,
  downtimes: [
    { begins_at_ms: nowMs - 20 * minutes, ends_at_ms: nowMs + 40 * minutes },
    { begins_at_ms: nowMs + 2 * 24 * 60 * minutes, ends_at_ms: nowMs + (2 * 24 + 2) * 60 * minutes },
  ],
  disputes: [],
  thanks: [
    {
      streamer: 'Mira Okafor',
      text: 'You carried half of last night’s show. Thank you, Ada!',
      sent_at_ms: nowMs - 14 * 60 * minutes,
      personal: true,
    },
    {
      streamer: 'Saltmarsh Radio',
      text: 'To everybody who was there at five in the morning: the nightjar was for you.',
      sent_at_ms: nowMs - 6 * 24 * 60 * minutes,
      personal: false,
    },
  ],
};

/** Three hours say nothing about the next. */
function fewHours(): Account {
  const whole = account();
  if (whole.known !== 'known') return whole;
  const forecast = { hours: 3, hours_needed: 8, hour: null, week_hours: 3, week: null };
  return {
    ...whole,
    hours: whole.hours.slice(0, 3),
    balances: whole.balances.map((balance) => ({ ...balance, forecast, spent: null })),
  };
}

/** Nobody's, shown to nobody, never thanked. */
const newcomer: Profile = {
  ...profile,
  account: null,
  name: null,
  tier: null,
  next_tier: { tier: 'node_operator', bytes: 1_000_000_000, live_s: 3_600 },
  bytes: 120_000_000,
  live_s: 1_260,
  downtimes: [],
  thanks: [],
};

/** Joined, agreed, the usual streams, nothing chosen. */
export const chooser: Snapshot = {
  version: '0.1.0',
  node: '8f3c2a91d47be05f6a12c98e07d3b4f1a5c6d7e8f90123456789abcdef012345',
  state: { state: 'stopped' },
  setup: { step: 'done', coordinator: 'https://coordinator.example' },
  streams,
  chosen: null,
  live: quiet,
  totals: { shared_today: 0, shared_ever: 48_700_000_000, supporting_s: 93_600 },
  earnings: { known: 'not_yet' },
  account: { known: 'known', as_of_ms: nowMs - minutes, balances: [], hours: [] },
  profile: newcomer,
  coordinator: { health: 'reachable', heartbeat_ms: 42 },
  notices: [],
  settings: { upload_cap_bps: 10_000_000, resume_on_start: true, costs: null },
  playback_url: null,
};

const ready: Snapshot = { ...chooser, chosen: 'mira' };

export const supporting: Snapshot = {
  ...ready,
  state: { state: 'supporting', since_ms: nowMs - 94 * minutes },
  live: busy,
  totals: { shared_today: 5_310_000_000, shared_ever: 54_010_000_000, supporting_s: 99_240 },
  earnings: {
    known: 'provisional',
    as_of_ms: nowMs - 2 * minutes,
    amount: 384_200,
    currency: 'EUR',
    uptime_ppm: 991_000,
    quality_ppm: 942_300,
    bandwidth_ppm: 187_500,
    credited_bytes: 5_120_000_000,
  },
  account: account(),
  profile: { ...profile, disputes: disputes(account()) },
  playback_url: 'http://127.0.0.1:43117/live/mira/index.m3u8',
};

const down = {
  health: 'unreachable',
  since_ms: nowMs - 6 * minutes,
  error: fixtureError('coordinator_unreachable'),
} as const;

/** By the name that `?mock=` takes. */
export const fixtures: Record<string, Snapshot> = {
  'first-run': { ...chooser, setup: { step: 'needs_coordinator' }, streams: null, coordinator: { health: 'unknown' } },
  consent: { ...chooser, setup: { step: 'needs_consent', terms }, streams: null },
  'consent-invited': {
    ...chooser,
    setup: { step: 'needs_consent', terms: { ...terms, streamer: 'Mira Okafor', stream: 'mira' } },
    streams: null,
  },
  loading: { ...chooser, streams: null, coordinator: { health: 'unknown' } },
  'streams-unreachable': { ...chooser, streams: null, coordinator: down },
  'streams-empty': { ...chooser, streams: [] },
  chooser,
  ready,
  'ready-offline': { ...chooser, chosen: 'saltmarsh' },
  starting: { ...ready, state: { state: 'starting' } },
  supporting,
  'supporting-first-minute': {
    ...supporting,
    state: { state: 'supporting', since_ms: nowMs - 20_000 },
    live: {
      ...quiet,
      bytes_origin: 9_000_000,
      segments: 4,
      download_bps: 3_900_000,
      uplink: { measured_bps: null, is_limit: false, share_bps: 10_000_000, rate_now_bps: 5_000_000, gives_way: false },
      chart: chart(1),
    },
    totals: { shared_today: 0, shared_ever: 0, supporting_s: 20 },
    earnings: { known: 'not_yet' },
  },
  'giving-way': {
    ...supporting,
    live: {
      ...busy,
      upload_bps: 310_000,
      uplink: { measured_bps: 9_200_000, is_limit: true, share_bps: 7_360_000, rate_now_bps: 128_000, gives_way: true },
    },
  },
  'no-pool': {
    ...supporting,
    earnings: {
      known: 'provisional',
      as_of_ms: nowMs,
      amount: null,
      currency: null,
      uptime_ppm: 1_000_000,
      quality_ppm: 873_000,
      bandwidth_ppm: 12_000,
      credited_bytes: 120_000_000,
    },
  },
  paused: {
    ...supporting,
    state: { state: 'paused', reason: 'asked', by: 'person', since_ms: nowMs - 3 * minutes },
    live: { ...busy, peers: 0, people_helped: 0, upload_bps: 0, download_bps: 0 },
  },
  'paused-offline': {
    ...supporting,
    state: { state: 'paused', reason: 'stream_offline', by: 'machine', since_ms: nowMs - 3 * minutes },
    streams: streams.map((card) => (card.stream === 'mira' ? { ...card, live_since_ms: null } : card)),
    live: { ...busy, peers: 0, people_helped: 0, upload_bps: 0, download_bps: 0 },
  },
  stopping: { ...supporting, state: { state: 'stopping' } },
  faulted: {
    ...ready,
    state: {
      state: 'faulted',
      error: fixtureError(
        'data_directory',
        'The folder ~/.local/share/streamr cannot be written: no space left on device.',
        'write state.json: ENOSPC',
      ),
    },
  },
  'few-hours': {
    ...supporting,
    account: fewHours(),
    profile: { ...profile, tier: 'network_pioneer', next_tier: null },
    settings: {
      ...chooser.settings,
      costs: { currency: 'EUR', power_w: 12, power_per_kwh: 350_000, data_per_gb: 10_000 },
    },
  },
  'coordinator-down': {
    ...supporting,
    earnings: { known: 'unknown_since', since_ms: nowMs - 6 * minutes },
    account: { known: 'unknown_since', since_ms: nowMs - 6 * minutes },
    profile: { known: 'unknown_since', since_ms: nowMs - 6 * minutes },
    coordinator: down,
  },
  notices: {
    ...supporting,
    live: { ...busy, blocks_bad: 1 },
    notices: [
      { at_ms: nowMs - minutes, error: fixtureError('origin_trouble', '', 'GET segment: 502 Bad Gateway') },
      { at_ms: nowMs - 9 * minutes, error: fixtureError('peer_dropped', '', 'peer 12D3…: block 17 hash mismatch') },
    ],
  },
};
