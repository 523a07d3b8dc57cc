// Which of the three parts has most to gain.

import type { Earnings } from '../generated/Earnings';

export type Part = 'uptime' | 'quality' | 'bandwidth';

/** Less than this is not worth a word: a hundredth of the whole. */
const WORTH = 10_000;

/**
 * The part in which most is missing, by what it counts; undefined where next to nothing is.
 *
 * Bandwidth is a share of what all give, so that nobody has all of it: only what a node could have with twice
 * as much is counted as missing.
 */
export function mostToGain(earnings: Earnings): Part | undefined {
  if (earnings.known !== 'provisional') return undefined;
  const share = earnings.bandwidth_ppm / 1_000_000;
  const doubled = (2 * share) / (1 + share);
  const missing: [Part, number][] = [
    ['uptime', 0.4 * (1_000_000 - earnings.uptime_ppm)],
    ['quality', 0.3 * (1_000_000 - earnings.quality_ppm)],
    ['bandwidth', 0.3 * (doubled - share) * 1_000_000],
  ];
  const [part, most] = missing.reduce((best, next) => (next[1] > best[1] ? next : best));
  return most >= WORTH ? part : undefined;
}
