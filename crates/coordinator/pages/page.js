// Which page this is, by its address.

import { account } from './account.js';
import { root } from './api.js';
import { element } from './dom.js';
import { network } from './network.js';
import { stream } from './stream.js';

const main = /** @type {HTMLElement} */ (document.getElementById('main'));

/** @returns {Promise<[string, HTMLElement[]]>} */
async function page() {
  const path = location.pathname.slice(new URL('page/', root).pathname.length);
  const [kind, id] = path.split('/');
  if (kind === 'account') return ['Account', await account()];
  if (kind === 'streams' && id) return stream(id);
  return ['The network', await network()];
}

try {
  const [title, cards] = await page();
  document.title = `${title} · StreamrP2P`;
  main.replaceChildren(element('h1', {}, element('bdi', {}, title)), ...cards);
} catch (thrown) {
  const what = thrown instanceof Error ? thrown.message : String(thrown);
  main.replaceChildren(
    element('h1', {}, 'This page cannot be shown now'),
    element('p', { class: 'error', role: 'alert' }, what),
  );
} finally {
  main.removeAttribute('aria-busy');
}
