//! The upload cap as typed: megabits per second with a point or a comma, within the range that makes sense.

/** Below this a node costs its peers more than it gives. */
export const capMinMbps = 0.5;
/** Above this it is a typing error. */
export const capMaxMbps = 1000;

/** What was typed: a cap in bits per second, or why it is none. */
export type CapReading = { ok: true; bps: number } | { ok: false; why: 'not_a_number' | 'too_low' | 'too_high' };

/** Reads what a person typed. */
export function readCap(text: string): CapReading {
  const cleaned = text.trim().replace(',', '.');
  if (!/^\d+(\.\d*)?$|^\.\d+$/.test(cleaned)) return { ok: false, why: 'not_a_number' };
  const mbps = Number(cleaned);
  if (mbps < capMinMbps) return { ok: false, why: 'too_low' };
  if (mbps > capMaxMbps) return { ok: false, why: 'too_high' };
  return { ok: true, bps: Math.round(mbps * 1_000_000) };
}

/** A cap as it stands in the field: plain digits, no grouping, so that it reads back the same. */
export const showCap = (bps: number): string => String(Math.round(bps / 10_000) / 100);

/** The most that an hour at this cap can send, in bytes. */
export const bytesPerHour = (bps: number): number => (bps / 8) * 3600;
