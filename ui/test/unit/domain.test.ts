import { describe, expect, test } from 'vitest';

import { actionsFor } from '../../src/domain/actions';
import { mostToGain } from '../../src/domain/advice';
import { chartFigures, chartRows, samePoints } from '../../src/domain/chart';
import { givenPerTaken } from '../../src/domain/ratio';
import { stateSentence } from '../../src/domain/sentence';
import { groupStreams } from '../../src/domain/streams';
import { uplinkSentence } from '../../src/domain/uplink';
import type { NodeState } from '../../src/generated/NodeState';
import type { Snapshot } from '../../src/generated/Snapshot';
import { chart, chooser, fixtureError, fixtures, streams, supporting } from '../../src/mock/fixtures';

const now = new Date(2026, 10, 22, 18, 30).getTime();
const at = new Date(2026, 10, 22, 14, 5).getTime();
const withState = (state: NodeState, more: Partial<Snapshot> = {}): Snapshot => ({ ...supporting, ...more, state });
const offline = fixtures['paused-offline']?.streams ?? null;

describe('the state sentence', () => {
  test.each<[string, Snapshot, string]>([
    ['nothing chosen', chooser, 'You are not supporting anybody yet.'],
    ['ready', withState({ state: 'stopped' }), 'Ready to support Mira Okafor.'],
    [
      'ready, offline',
      withState({ state: 'stopped' }, { streams: offline }),
      'Mira Okafor is offline. You can start now; sharing begins with the next live.',
    ],
    ['starting', withState({ state: 'starting' }), 'Connecting to Mira Okafor’s stream…'],
    ['supporting', withState({ state: 'supporting', since_ms: at }), 'Supporting Mira Okafor since 14:05.'],
    [
      'paused by a person',
      withState({ state: 'paused', reason: 'asked', by: 'person', since_ms: at }),
      'Paused by you at 14:05. Nothing is shared until you resume.',
    ],
    [
      'paused by the machine',
      withState({ state: 'paused', reason: 'asked', by: 'machine', since_ms: at }),
      'Paused by the app at 14:05. Nothing is shared until you resume.',
    ],
    [
      'stream offline',
      withState({ state: 'paused', reason: 'stream_offline', by: 'machine', since_ms: at }),
      'Mira Okafor is offline. Supporting resumes by itself when the stream is back.',
    ],
    [
      'stream offline, held by a person',
      withState({ state: 'paused', reason: 'stream_offline', by: 'person', since_ms: at }),
      'Paused by you, and Mira Okafor is offline. Nothing is shared.',
    ],
    ['stopping', withState({ state: 'stopping' }), 'Finishing uploads and saying good-bye…'],
    [
      'faulted',
      withState({ state: 'faulted', error: fixtureError('internal') }),
      'Stopped, because something needs your help.',
    ],
  ])('%s', (_, snapshot, sentence) => {
    expect(stateSentence(snapshot, now)).toBe(sentence);
  });

  test('names no streamer it does not know', () => {
    expect(stateSentence({ ...supporting, streams: [] }, now)).toContain('A stream that is not listed now');
  });
});

describe('the buttons', () => {
  test.each<[string, Snapshot, ReturnType<typeof actionsFor>]>([
    ['nothing chosen', chooser, { main: undefined, side: undefined }],
    ['stopped', withState({ state: 'stopped' }), { main: 'start', side: undefined }],
    ['starting', withState({ state: 'starting' }), { main: 'starting', side: 'stop' }],
    ['supporting', supporting, { main: 'pause', side: 'stop' }],
    [
      'paused by a person',
      withState({ state: 'paused', reason: 'asked', by: 'person', since_ms: at }),
      { main: 'resume', side: 'stop' },
    ],
    [
      'waiting for the stream',
      withState({ state: 'paused', reason: 'stream_offline', by: 'machine', since_ms: at }),
      { main: 'stop', side: undefined },
    ],
    ['stopping', withState({ state: 'stopping' }), { main: 'stopping', side: undefined }],
    [
      'faulted',
      withState({ state: 'faulted', error: fixtureError('port_taken') }),
      { main: 'retry', side: undefined },
    ],
  ])('%s', (_, snapshot, actions) => {
    expect(actionsFor(snapshot)).toEqual(actions);
  });
});

describe('the chooser', () => {
  const ids = (query = '') => {
    const groups = groupStreams(streams, query);
    return [groups.favourites, groups.live, groups.offline].map((group) => group.map((card) => card.stream));
  };
  test('shows favourites first, then who is live, then the rest', () => {
    expect(ids()).toEqual([['mira', 'saltmarsh'], ['jonas', 'olena'], ['town']]);
  });
  test('finds by every word, in names and titles, whatever the case', () => {
    expect(ids('SYNTH mira')).toEqual([['mira'], [], []]);
    expect(ids('акварель')).toEqual([[], ['olena'], []]);
    expect(ids('zebra')).toEqual([[], [], []]);
  });
  test('finds past accents', () => {
    const [card] = streams;
    if (!card) throw new Error('the fixtures hold streams');
    expect(groupStreams([{ ...card, streamer: 'Zoë Müller' }], 'zoe muller').favourites).toHaveLength(1);
  });
});

describe('the chart in words', () => {
  test('rows are a minute apart, newest first', () => {
    const rows = chartRows(chart());
    expect(rows).toHaveLength(10);
    expect((rows[0]?.at_ms ?? 0) - (rows[1]?.at_ms ?? 0)).toBe(60_000);
    expect(chartRows([])).toEqual([]);
  });
  test('is drawn again only for new points', () => {
    expect(samePoints(chart(), chart())).toBe(true);
    expect(samePoints(chart(), chart(119))).toBe(false);
    expect(samePoints([], [])).toBe(true);
  });
  test('an empty chart is zero, not nonsense', () => {
    expect(chartFigures([]).peak.replaceAll('\u00a0', ' ')).toBe('0 b/s');
  });
});

test('giving is compared with taking only when there is both', () => {
  expect(givenPerTaken({ bytes_served: 0, bytes_origin: 5 })).toBeUndefined();
  expect(givenPerTaken({ bytes_served: 5, bytes_origin: 0 })).toBeUndefined();
  expect(givenPerTaken({ bytes_served: 34, bytes_origin: 10 })).toBe('3.4');
  expect(givenPerTaken({ bytes_served: 999, bytes_origin: 10 })).toBe('99');
});

describe('the uplink', () => {
  const uplink = { measured_bps: 9_200_000, is_limit: true, share_bps: 7_360_000, rate_now_bps: 8_740_000, gives_way: false };
  const said = (more: Partial<typeof uplink> | { measured_bps: null }) =>
    uplinkSentence({ ...uplink, ...more }).replaceAll('\u00a0', ' ');

  test('that was measured is told with what others count on', () => {
    expect(said({})).toBe(
      'Your connection uploads about 9.2 Mb/s, as measured while sharing. Others count on 7.4 Mb/s of it.',
    );
  });

  test('whose limit was not met is not called measured', () => {
    expect(said({ is_limit: false })).toBe('Your connection uploads at least 9.2 Mb/s; its limit was not met yet.');
  });

  test('that is unknown is said to be unknown, and is no zero', () => {
    expect(said({ measured_bps: null })).toMatch(/not measured yet/);
    expect(said({ measured_bps: null })).not.toMatch(/\d/);
  });

  test('that others need is given way on', () => {
    expect(said({ gives_way: true, rate_now_bps: 128_000 })).toMatch(/Giving way now.*128 kb\/s at most\.$/);
  });
});

describe('what would raise earnings most', () => {
  const with_ = (uptime_ppm: number, quality_ppm: number, bandwidth_ppm: number) =>
    mostToGain({
      known: 'provisional',
      as_of_ms: 0,
      amount: 1,
      currency: 'EUR',
      uptime_ppm,
      quality_ppm,
      bandwidth_ppm,
      credited_bytes: 1,
    });
  test.each<[string, number, number, number, ReturnType<typeof mostToGain>]>([
    ['time that is missing', 500_000, 900_000, 100_000, 'uptime'],
    ['blocks that come late', 1_000_000, 600_000, 100_000, 'quality'],
    ['a small share of the bytes', 1_000_000, 990_000, 300_000, 'bandwidth'],
    ['nothing, for a node that does everything', 1_000_000, 990_000, 1_000_000, undefined],
  ])('is %s', (_, uptime, quality, bandwidth, expected) => expect(with_(uptime, quality, bandwidth)).toBe(expected));
  test('is not said of what is not known', () => expect(mostToGain({ known: 'not_yet' })).toBeUndefined());
});
