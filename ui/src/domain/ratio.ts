//! How much was given for what was taken from the streamer's server.

import type { LiveStats } from '../generated/LiveStats';

/** "3.4" for 3.4 bytes given per byte taken; nothing while either is missing. */
export function givenPerTaken(live: Pick<LiveStats, 'bytes_served' | 'bytes_origin'>): string | undefined {
  if (live.bytes_origin === 0 || live.bytes_served === 0) return undefined;
  const ratio = live.bytes_served / live.bytes_origin;
  return ratio < 10 ? (Math.floor(ratio * 10) / 10).toFixed(1) : Math.floor(ratio).toFixed(0);
}
