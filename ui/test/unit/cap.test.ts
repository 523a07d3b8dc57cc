import { expect, test } from 'vitest';

import { bytesPerHour, readCap, showCap } from '../../src/lib/cap';

test.each([
  ['5', 5_000_000],
  [' 2.5 ', 2_500_000],
  ['2,5', 2_500_000],
  ['.5', 500_000],
  ['0.5', 500_000],
  ['1000', 1_000_000_000],
])('%s is a cap', (text, bps) => {
  expect(readCap(text)).toEqual({ ok: true, bps });
});

test.each([
  ['', 'not_a_number'],
  ['five', 'not_a_number'],
  ['1e3', 'not_a_number'],
  ['-3', 'not_a_number'],
  ['1.000,5', 'not_a_number'],
  ['Infinity', 'not_a_number'],
  ['0.49', 'too_low'],
  ['0', 'too_low'],
  ['1000.1', 'too_high'],
])('%s is no cap: %s', (text, why) => {
  expect(readCap(text)).toEqual({ ok: false, why });
});

test('what is shown reads back the same', () => {
  for (const bps of [500_000, 2_500_000, 10_000_000, 1_000_000_000]) {
    expect(readCap(showCap(bps))).toEqual({ ok: true, bps });
  }
});

test('ten megabits a second are four and a half gigabytes an hour', () => {
  expect(bytesPerHour(10_000_000)).toBe(4_500_000_000);
});
