import { expect, test } from 'vitest';

import { earliest, fieldTime, isInTime, readFieldTime } from '../../src/domain/downtime';
import { readMillionths, readWhole, showMillionths } from '../../src/lib/millionths';

test('amounts are read with a point or a comma, exactly', () => {
  for (const [text, expected] of [
    ['0', 0],
    ['0.35', 350_000],
    [' 0,07 ', 70_000],
    ['1.', 1_000_000],
    ['12.345678', 12_345_678],
    ['1000', 1_000_000_000],
  ] as const) {
    expect(readMillionths(text), text).toBe(expected);
  }
});

test('what is no amount from 0 to a thousand is not read', () => {
  for (const text of ['', '-1', '.5', '1e3', '1.2345678', '1000.000001', '10000', 'much', '1,2,3']) {
    expect(readMillionths(text), text).toBeUndefined();
  }
});

test('an amount reads back as it is shown', () => {
  for (const amount of [0, 1, 70_000, 350_000, 1_000_000, 999_999_999]) {
    expect(readMillionths(showMillionths(amount))).toBe(amount);
  }
});

test('whole numbers are whole and bounded', () => {
  expect([readWhole('12', 20), readWhole(' 0 ', 20), readWhole('20', 20)]).toEqual([12, 0, 20]);
  for (const text of ['', '21', '-1', '1.5', '1e1']) expect(readWhole(text, 20), text).toBeUndefined();
});

test('a moment reads back as its field holds it, to the minute', () => {
  const at = new Date(2026, 10, 26, 9, 5).getTime();
  expect(fieldTime(at)).toBe('2026-11-26T09:05');
  expect(readFieldTime(fieldTime(at))).toBe(at);
  expect([readFieldTime(''), readFieldTime('soon')]).toEqual([undefined, undefined]);
});

test('the first moment offered is in time, with ten minutes to spare', () => {
  const now = new Date(2026, 10, 26, 9, 7).getTime();
  expect(isInTime(earliest(now), now + 10 * 60_000)).toBe(true);
  expect(earliest(now) - now).toBeLessThanOrEqual(85 * 60_000);
  expect(isInTime(now + 3_599_999, now)).toBe(false);
});
