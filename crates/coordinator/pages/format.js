// Sizes, amounts and times as a person reads them.

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const number = (/** @type {number} */ value, /** @type {number} */ digits) =>
  new Intl.NumberFormat('en', { maximumFractionDigits: digits }).format(value);

/** @param {number} count */
export function bytes(count) {
  let [value, step] = [count, 0];
  while (value >= 999.5 && step < units.length - 1) [value, step] = [value / 1000, step + 1];
  return `${number(value, step === 0 || value >= 99.95 ? 0 : 1)}\u00a0${units[step]}`;
}

/** @param {number} value */
export const count = (value) => number(value, 0);

/**
 * @param {number} millionths
 * @param {string} currency
 */
export function money(millionths, currency) {
  const amount = millionths / 1_000_000;
  const digits = amount !== 0 && Math.abs(amount) < 1 ? 4 : 2;
  try {
    return new Intl.NumberFormat('en', {
      style: 'currency',
      currency,
      minimumFractionDigits: 2,
      maximumFractionDigits: digits,
    }).format(amount);
  } catch {
    return `${number(amount, digits)} ${currency}`;
  }
}

/** @param {number} seconds */
export function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}\u00a0min`;
  const hours = Math.floor(minutes / 60);
  return hours < 10 && minutes % 60 !== 0 ? `${hours}\u00a0h ${minutes % 60}\u00a0min` : `${count(hours)}\u00a0h`;
}

/** @param {number} atMs */
export const day = (atMs) =>
  new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' }).format(new Date(atMs));

/** @param {number} atMs */
export const clock = (atMs) =>
  new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' }).format(new Date(atMs));
