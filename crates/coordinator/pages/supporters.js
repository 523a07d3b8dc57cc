// Supporters who agreed to be shown.

import { element, table } from './dom.js';
import { bytes, duration } from './format.js';

/** @type {Record<string, string>} */
const tiers = {
  node_operator: 'Node Operator',
  stream_guardian: 'Stream Guardian',
  network_pioneer: 'Network Pioneer',
};

/** @typedef {{ supporter: string, name: string, tier: string | null, bytes: number, live_s: number }} Supporter */

/** @param {Supporter[]} supporters */
export function supportersTable(supporters) {
  const row = (/** @type {Supporter} */ one) => [
    element(
      'span',
      {},
      element('bdi', {}, one.name),
      one.tier !== null && element('span', { class: 'tier' }, tiers[one.tier] ?? one.tier),
    ),
    bytes(one.bytes),
    duration(one.live_s),
  ];
  return table(['Name', 'Given…', 'There for…'], supporters.map(row));
}
