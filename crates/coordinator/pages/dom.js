// Elements, made of texts that are never read as HTML.

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element with attributes and children; what is null, undefined or false is left out.
 * @param {string} name
 * @param {Record<string, string | boolean | EventListener>} attributes
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, '');
    else if (value !== false) made.setAttribute(key, value);
  }
  for (const child of children) if (child !== null && child !== undefined && child !== false) made.append(child);
  return made;
}

/**
 * A piece of the page with a heading.
 * @param {string} heading
 * @param {...Child} children
 */
export function card(heading, ...children) {
  const id = `card-${heading.toLowerCase().replace(/[^a-z]+/g, '-')}`;
  return element('section', { 'aria-labelledby': id }, element('h2', { id }, heading), ...children);
}

/**
 * Big figures: name, figure, and what it covers.
 * @param {[string, string, string?][]} figures
 */
export function stats(figures) {
  const one = (/** @type {[string, string, string?]} */ [name, figure, covers]) =>
    element(
      'div',
      {},
      element('dt', {}, name),
      element('dd', { class: 'figures' }, figure),
      covers !== undefined && element('dd', { class: 'soft' }, covers),
    );
  return element('dl', { class: 'stats' }, ...figures.map(one));
}

/**
 * A table. Columns whose name ends in "…" hold figures and stand at the right.
 * @param {string[]} names
 * @param {Child[][]} rows
 * @param {Child[]} [sum]
 */
export function table(names, rows, sum) {
  /** @returns {Record<string, string>} */
  const at = (/** @type {number} */ column) => (names[column]?.endsWith('…') ? { class: 'end' } : {});
  const line = (/** @type {Child[]} */ cells) =>
    element('tr', {}, ...cells.map((cell, column) => element('td', at(column), cell)));
  const heads = names.map((name, column) => element('th', { scope: 'col', ...at(column) }, name.replace('…', '')));
  return element(
    'div',
    { class: 'scroll' },
    element(
      'table',
      {},
      element('thead', {}, element('tr', {}, ...heads)),
      element('tbody', {}, ...rows.map(line)),
      sum && element('tfoot', {}, line(sum)),
    ),
  );
}

/**
 * A field with its name above.
 * @param {string} name
 * @param {HTMLElement} input
 */
export const field = (name, input) => element('label', {}, name, input);

/**
 * A form that says how it went. `send` gets what was typed, by the fields' names; what it returns is shown as done,
 * what it throws as wrong.
 * @param {HTMLElement[]} fields
 * @param {string} button
 * @param {(typed: Record<string, string>) => Promise<string>} send
 */
export function form(fields, button, send) {
  const error = element('p', { class: 'error', role: 'alert' });
  const done = element('p', { class: 'done', role: 'status' });
  const press = /** @type {HTMLButtonElement} */ (element('button', { class: 'primary', type: 'submit' }, button));
  const made = /** @type {HTMLFormElement} */ (element('form', {}, ...fields, element('div', { class: 'row' }, press), done, error));
  made.addEventListener('submit', async (event) => {
    event.preventDefault();
    const typed = Object.fromEntries([...new FormData(made)].map(([key, value]) => [key, String(value)]));
    press.disabled = true;
    error.textContent = done.textContent = '';
    try {
      done.textContent = await send(typed);
    } catch (thrown) {
      error.textContent = thrown instanceof Error ? thrown.message : String(thrown);
    } finally {
      press.disabled = false;
    }
  });
  return made;
}
