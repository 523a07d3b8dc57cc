// A stream: what support did for it; and for its streamer its money, and a word to the supporters.

import { ask, askIfAllowed, root } from './api.js';
import { card, element, field, form, stats } from './dom.js';
import { bytes, count, duration, money } from './format.js';
import { supportersTable } from './supporters.js';

/**
 * @param {string} stream
 * @returns {Promise<[string, HTMLElement[]]>}
 */
export async function stream(stream) {
  const [impact, shown, pool] = await Promise.all([
    ask('GET', `streams/${stream}/impact`),
    ask('GET', `streams/${stream}/supporters`),
    askIfAllowed(`streams/${stream}/pool`),
  ]);
  const cards = [impactCard(impact), supportersCard(shown)];
  if (pool === undefined) {
    const account = new URL('page/account', root).href;
    cards.push(
      card(
        'Is this your stream?',
        element('p', {}, element('a', { href: account }, 'Sign in'), ' to see its pool and to thank your supporters.'),
      ),
    );
  } else {
    cards.push(poolCard(pool), thanksCard(stream, shown.supporters));
  }
  return [impact.streamer, cards];
}

/** @param {any} impact */
function impactCard(impact) {
  const { carried, viewer_minutes, saved, days } = impact;
  return card(
    'What support did',
    element('p', { class: 'soft' }, element('bdi', {}, impact.title), ` · the last ${days} days`),
    stats([
      ['Given by supporters', bytes(carried.peer_bytes), 'each byte of it did not leave the origin'],
      ['Viewer-minutes', viewer_minutes === null ? 'not known' : count(viewer_minutes), 'of the stream at its bit rate'],
      ['Saved', saved === null ? 'not known' : money(saved.amount, saved.currency), 'what it would have cost from the origin'],
      ['From the origin', bytes(carried.origin_bytes), 'as nodes report it'],
      ['Supporters', count(impact.supporters), 'nodes, shown or not'],
      ['Live', duration(impact.live_s), 'as the signer said'],
    ]),
  );
}

/** @param {any} shown */
function supportersCard(shown) {
  const { supporters, unnamed } = shown;
  const others = unnamed === 1 ? '1 other has not asked to be shown.' : `${count(unnamed)} others have not asked to be shown.`;
  return card(
    'Supporters',
    supporters.length === 0
      ? element('p', { class: 'soft' }, 'Nobody has agreed to be shown yet.')
      : supportersTable(supporters),
    unnamed > 0 && element('p', { class: 'soft' }, others),
  );
}

/** @param {any} pool */
function poolCard(pool) {
  const per = pool.per_hour;
  const promised = per === null ? 'This stream pays nothing.' : `${money(per.amount, per.currency)} for each hour live.`;
  const of = (/** @type {any} */ one) =>
    stats([
      ['Pool', money(one.pool, one.currency), 'to pay hours from'],
      ['Stability fund', money(one.fund, one.currency), 'for lean hours'],
      ['Deposited', money(one.deposited, one.currency), `in ${pool.days} days`],
      ['Paid to supporters', money(one.paid, one.currency), `in ${pool.days} days`],
    ]);
  return card('Pool and spending', element('p', { class: 'soft' }, promised), ...pool.money.map(of));
}

/**
 * @param {string} stream
 * @param {import('./supporters.js').Supporter[]} supporters
 */
function thanksCard(stream, supporters) {
  const options = supporters.map((one) => element('option', { value: one.supporter }, one.name));
  const to = element('select', { name: 'to' }, element('option', { value: '' }, 'All supporters'), ...options);
  const text = element('input', { name: 'text', maxlength: '280', required: true, autocomplete: 'off' });
  const send = async (/** @type {Record<string, string>} */ typed) => {
    await ask('POST', `streams/${stream}/thanks`, { to: typed.to === '' ? null : typed.to, text: typed.text });
    /** @type {HTMLInputElement} */ (text).value = '';
    return 'Sent. They see it in their app.';
  };
  return card('Say thank you', form([field('To', to), field('What you want to say', text)], 'Send', send));
}
