//! Numbers, sizes, rates, times and money as a person reads them.
//
// Locales come from the browser but are never trusted: under `LANG=C` the webview reports the language "C"
// and every Intl constructor throws on it.

/** The first of `candidates` that Intl accepts, else English. */
export function usableLocale(candidates: readonly (string | undefined)[]): string {
  for (const candidate of candidates) {
    if (!candidate) continue;
    try {
      const [first] = Intl.NumberFormat.supportedLocalesOf(candidate);
      if (first) return first;
    } catch {
      // Not a language tag at all ("C", "POSIX", "en_US.UTF-8"): try the next.
    }
  }
  return 'en';
}

const locale = usableLocale(
  typeof navigator === 'undefined' ? [] : [...(navigator.languages ?? []), navigator.language],
);

/** A figure and its unit, apart, so that a view can set them in different sizes. */
export interface Quantity {
  value: string;
  unit: string;
}

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const rateUnits = ['b/s', 'kb/s', 'Mb/s', 'Gb/s', 'Tb/s'];

function scaled(amount: number, units: readonly string[], where: string): Quantity {
  let value = Number.isFinite(amount) && amount > 0 ? amount : 0;
  let step = 0;
  // 999.5 would be shown as "1,000 kB"; it belongs to the next unit.
  while (value >= 999.5 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  const format = new Intl.NumberFormat(where, { maximumFractionDigits: step === 0 || value >= 99.95 ? 0 : 1 });
  return { value: format.format(value), unit: units[step] ?? '' };
}

/** Bytes in decimal units: 12.4 MB. */
export const bytesParts = (bytes: number, where = locale): Quantity => scaled(bytes, byteUnits, where);

/** Bits per second in decimal units: 4.2 Mb/s. */
export const rateParts = (bps: number, where = locale): Quantity => scaled(bps, rateUnits, where);

const joined = ({ value, unit }: Quantity): string => `${value}\u00a0${unit}`;

/** As [`bytesParts`], in one string that does not break. */
export const bytes = (count: number, where = locale): string => joined(bytesParts(count, where));

/** As [`rateParts`], in one string that does not break. */
export const rate = (bps: number, where = locale): string => joined(rateParts(bps, where));

/** A whole number. */
export const count = (n: number, where = locale): string =>
  new Intl.NumberFormat(where, { maximumFractionDigits: 0 }).format(n);

/** Parts per million as per cent, without pretending 99.99 % were all. */
export function percent(ppm: number, where = locale): string {
  const share = Math.min(Math.max(ppm, 0), 1_000_000) / 1_000_000;
  const floored = Math.floor(share * 1000) / 1000;
  return new Intl.NumberFormat(where, { style: 'percent', maximumFractionDigits: 1 }).format(floored);
}

/** Millionths of `currency`; small amounts keep four decimals so that the first cents are seen coming. */
export function money(millionths: number, currency: string, where = locale): string {
  const amount = millionths / 1_000_000;
  const digits = Math.abs(amount) < 1 ? 4 : 2;
  try {
    return new Intl.NumberFormat(where, {
      style: 'currency',
      currency,
      minimumFractionDigits: Math.min(2, digits),
      maximumFractionDigits: digits,
    }).format(amount);
  } catch {
    // Not an ISO 4217 code: show it as it came.
    return `${new Intl.NumberFormat(where, { maximumFractionDigits: digits }).format(amount)} ${currency}`;
  }
}

/** The time of day, with the date before it once it is not today's. */
export function clock(atMs: number, nowMs = Date.now(), where = locale): string {
  const at = new Date(atMs);
  const time = new Intl.DateTimeFormat(where, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at);
  if (at.toDateString() === new Date(nowMs).toDateString()) return time;
  // Month names would mix languages with the words around them; the words are English.
  const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' }).format(at);
  return `${day}, ${time}`;
}

/** A day: 3 Dec 2026. Month names are English, like the words around them. */
export const day = (atMs: number): string =>
  new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' }).format(new Date(atMs));

/** A length of time in its two largest units: 2 h 14 min. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole}\u00a0s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}\u00a0min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours}\u00a0h` : `${hours}\u00a0h ${minutes % 60}\u00a0min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days}\u00a0d` : `${days}\u00a0d ${hours % 24}\u00a0h`;
}

/** A length of time in whole hours, however many: 500 h. */
export const hours = (seconds: number): string => `${count(Math.floor(Math.max(0, seconds) / 3600))}\u00a0h`;

/** Up to two letters that stand for a name, whatever its script. */
export function initials(name: string): string {
  const words = name.split(/[\s_.-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.slice(0, 2).map((word) => [...word].find((c) => /[\p{L}\p{N}]/u.test(c)) ?? '');
  return letters.join('').toLocaleUpperCase('en') || '?';
}
