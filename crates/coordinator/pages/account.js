// A person's account: signing in, their nodes and streams, and a code for one more node.

import { ask, askIfAllowed, root } from './api.js';
import { card, element, field, form } from './dom.js';
import { clock } from './format.js';

/** @returns {Promise<HTMLElement[]>} */
export async function account() {
  const me = await askIfAllowed('accounts/me');
  if (me === undefined) return [signInCard(), signUpCard()];
  const [nodes, streams] = await Promise.all([ask('GET', 'accounts/me/nodes'), ask('GET', 'accounts/me/streams')]);
  return [meCard(me), claimCard(me.handle), nodesCard(nodes.nodes), ...streamsCards(streams.streams)];
}

/** What both forms ask for. */
const credentials = (/** @type {string} */ autocomplete) => [
  field('Account name', element('input', { name: 'handle', autocomplete: 'username', autocapitalize: 'off', spellcheck: 'false', required: true })),
  field('Password', element('input', { name: 'password', type: 'password', autocomplete, required: true })),
];

/** @param {Record<string, string>} typed */
async function signIn({ handle, password }) {
  await ask('POST', 'sessions', { handle, password, carry: 'cookie' });
  location.reload();
  return 'Signed in.';
}

const signInCard = () => card('Sign in', form(credentials('current-password'), 'Sign in', signIn));

function signUpCard() {
  const send = async (/** @type {Record<string, string>} */ typed) => {
    await ask('POST', 'accounts', { handle: typed.handle, password: typed.password });
    return signIn(typed);
  };
  return card(
    'Make an account',
    element('p', { class: 'soft' }, 'A name of 3 to 32 letters and digits, and a password of at least twelve characters. Nothing else is asked for.'),
    form(credentials('new-password'), 'Make it', send),
  );
}

/** @param {any} me */
function meCard(me) {
  const send = async () => {
    await ask('DELETE', 'sessions/current');
    location.reload();
    return 'Signed out.';
  };
  return card('You', element('p', {}, `Signed in as ${me.handle}, ${me.role}, ${me.standing}.`), form([], 'Sign out', send));
}

/** @param {string} handle */
function claimCard(handle) {
  const shown = element('p', { role: 'status' });
  const node = element('input', { name: 'node', maxlength: '80', autocomplete: 'off', spellcheck: 'false', required: true });
  const send = async (/** @type {Record<string, string>} */ typed) => {
    const { code, expires_at } = await ask('POST', 'accounts/me/claims', { node: typed.node?.trim() });
    shown.replaceChildren('Account name ', element('code', {}, handle), ', code ', element('code', {}, code));
    return `Type both into the app of that node until ${clock(expires_at)}.`;
  };
  return card(
    'Claim a node',
    element('p', { class: 'soft' }, 'The app shows its node’s id under “You and this network”.'),
    form([field('The node’s id', node)], 'Get a code', send),
    shown,
  );
}

/** @param {any[]} nodes */
function nodesCard(nodes) {
  const item = (/** @type {any} */ one) => element('li', {}, element('code', {}, one.node));
  return card(
    'Your nodes',
    nodes.length === 0
      ? element('p', { class: 'soft' }, 'None yet.')
      : element('ul', { class: 'plain' }, ...nodes.map(item)),
  );
}

/** @param {string[]} streams */
function streamsCards(streams) {
  if (streams.length === 0) return [];
  const item = (/** @type {string} */ stream) =>
    element('li', {}, element('a', { href: new URL(`page/streams/${stream}`, root).href }, stream));
  return [card('Your streams', element('ul', { class: 'plain' }, ...streams.map(item)))];
}
