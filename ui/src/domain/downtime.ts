//! When downtime can be planned, and how a moment stands in a field.

const minute = 60_000;
/** It is declared at least so long before. */
export const leadMs = 60 * minute;

/** A moment as a `datetime-local` field holds it: local time, to the minute. */
export function fieldTime(atMs: number): string {
  const at = new Date(atMs);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** The moment that a field holds; undefined if it holds none. */
export function readFieldTime(text: string): number | undefined {
  const at = new Date(text).getTime();
  return text === '' || Number.isNaN(at) ? undefined : at;
}

/** The first quarter of an hour that can still be planned, with ten minutes to think. */
export function earliest(nowMs: number): number {
  const quarter = 15 * minute;
  return Math.ceil((nowMs + leadMs + 10 * minute) / quarter) * quarter;
}

/** Whether downtime that begins then can still be planned. */
export const isInTime = (beginsAtMs: number, nowMs: number): boolean => beginsAtMs >= nowMs + leadMs;
