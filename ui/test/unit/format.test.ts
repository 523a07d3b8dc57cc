import { describe, expect, test } from 'vitest';

import { bytes, clock, count, duration, hours, initials, money, percent, rate, usableLocale } from '../../src/lib/format';

const en = 'en-GB';
/** Units do not break from their figures; tests read better with plain blanks. */
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('usableLocale', () => {
  test('passes over what Intl throws on', () => {
    expect(usableLocale(['C', 'POSIX', 'en_US.UTF-8', 'de-DE'])).toBe('de-DE');
  });
  test('falls back to English', () => {
    expect(usableLocale(['C', undefined, ''])).toBe('en');
    expect(usableLocale([])).toBe('en');
  });
});

describe('bytes and rates', () => {
  test.each([
    [0, '0 B'],
    [-5, '0 B'],
    [Number.NaN, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [12_440, '12.4 kB'],
    [999_400, '999 kB'],
    [999_600, '1 MB'],
    [5_310_000_000, '5.3 GB'],
    [54_010_000_000, '54 GB'],
    [120_400_000_000, '120 GB'],
    [9e15, '9 PB'],
    [9e21, '9,000,000 PB'],
  ])('%d bytes read as %s', (n, text) => {
    expect(plain(bytes(n, en))).toBe(text);
  });
  test('rates count bits', () => {
    expect(plain(rate(4_200_000, en))).toBe('4.2 Mb/s');
    expect(plain(rate(0, en))).toBe('0 b/s');
  });
  test('figures follow the locale', () => {
    expect(plain(bytes(1_500_000, 'de-DE'))).toBe('1,5 MB');
    expect(count(12_345, 'de-DE')).toBe('12.345');
  });
});

describe('percent', () => {
  test('never rounds up to all', () => {
    expect(percent(999_999, en)).toBe('99.9%');
    expect(percent(1_000_000, en)).toBe('100%');
  });
  test('stays within the bar', () => {
    expect(percent(-1, en)).toBe('0%');
    expect(percent(2_000_000, en)).toBe('100%');
  });
});

describe('money', () => {
  test('shows the first cents coming', () => {
    expect(money(384_200, 'EUR', en)).toBe('€0.3842');
    expect(money(12_345_678, 'EUR', en)).toBe('€12.35');
    expect(money(0, 'EUR', en)).toBe('€0.00');
  });
  test('survives what is no currency', () => {
    expect(money(1_500_000, 'points', en)).toBe('1.5 points');
  });
});

describe('clock', () => {
  const now = new Date(2026, 10, 22, 18, 30).getTime();
  test('is the time alone today', () => {
    expect(clock(new Date(2026, 10, 22, 14, 5).getTime(), now, en)).toBe('14:05');
  });
  test('names the day before', () => {
    expect(clock(new Date(2026, 10, 21, 23, 59).getTime(), now, en)).toBe('21 Nov, 23:59');
  });
});

test.each([
  [0, '0 s'],
  [59.9, '59 s'],
  [60, '1 min'],
  [3600, '1 h'],
  [8040, '2 h 14 min'],
  [172_800, '2 d'],
  [180_000, '2 d 2 h'],
])('%d seconds last %s', (seconds, text) => {
  expect(plain(duration(seconds))).toBe(text);
});

test.each([
  ['Mira Okafor', 'MO'],
  ['saltmarsh', 'S'],
  ['Олена Коваль', 'ОК'],
  ['かおり', 'か'],
  ['  -- ', '?'],
  ['👋 Hello', 'H'],
])('%s is abbreviated %s', (name, letters) => {
  expect(initials(name)).toBe(letters);
});

test('whole hours are hours, however many', () => {
  expect([0, 3_599, 180_000, 1_800_000].map((seconds) => plain(hours(seconds)))).toEqual(['0 h', '0 h', '50 h', '500 h']);
});
