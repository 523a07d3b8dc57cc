// The network: what it costs, who streams, who gave most.

import { ask, root } from './api.js';
import { card, element, stats, table } from './dom.js';
import { bytes, day, money } from './format.js';
import { supportersTable } from './supporters.js';

/** @returns {Promise<HTMLElement[]>} */
export async function network() {
  const [costs, streams, leaders] = await Promise.all([
    ask('GET', 'costs'),
    ask('GET', 'streams'),
    ask('GET', 'leaderboard'),
  ]);
  return [costsCard(costs), streamsCard(streams.streams), leadersCard(leaders.supporters)];
}

/** @param {any} costs */
function costsCard(costs) {
  const { carried, entered, days } = costs;
  const figures = /** @type {[string, string, string?][]} */ ([
    ['From origins', bytes(carried.origin_bytes), 'as nodes report it'],
    ['From supporters', bytes(carried.peer_bytes), 'signed for by those who got it'],
  ]);
  if (entered !== null && entered.saved !== null) {
    figures.push(['Saved', money(entered.saved, entered.currency), 'at the price of a gigabyte below']);
  }
  const below = entered === null ? element('p', { class: 'soft' }, 'The operator has not said what running it costs.') : costsTable(entered, days);
  return card('What it costs', element('p', { class: 'soft' }, `Measured over the last ${days} days.`), stats(figures), below);
}

/**
 * @param {any} entered
 * @param {number} days
 */
function costsTable(entered, days) {
  const { currency, egress_per_gb, egress } = entered;
  const rows = entered.items.map((/** @type {any} */ item) => [element('bdi', {}, item.what), money(item.amount, currency)]);
  if (egress !== null) {
    rows.push([`Egress of the origins, ${money(egress_per_gb, currency)} for a gigabyte`, money(egress, currency)]);
  }
  return element(
    'div',
    {},
    table(['For', 'A month…'], rows, ['Together', money(entered.total, currency)]),
    element('p', { class: 'soft' }, `Said by the operator on ${day(entered.set_at)}; egress as measured in ${days} days.`),
  );
}

/** @param {any[]} streams */
function streamsCard(streams) {
  if (streams.length === 0) return card('Streams', element('p', { class: 'soft' }, 'No stream is registered yet.'));
  const item = (/** @type {any} */ one) =>
    element(
      'li',
      {},
      element('a', { href: new URL(`page/streams/${one.stream}`, root).href }, element('bdi', {}, one.streamer)),
      ' ',
      one.live_since !== null && element('span', { class: 'live' }, 'Live'),
      element('span', { class: 'tier' }, element('bdi', {}, one.title)),
    );
  return card('Streams', element('ul', { class: 'plain' }, ...streams.map(item)));
}

/** @param {import('./supporters.js').Supporter[]} supporters */
function leadersCard(supporters) {
  const help = 'Only those who agreed to be shown, by what they gave so far.';
  const none = 'Nobody has agreed to be shown yet.';
  return card(
    'Supporters',
    element('p', { class: 'soft' }, supporters.length === 0 ? none : help),
    supporters.length > 0 && supportersTable(supporters),
  );
}
