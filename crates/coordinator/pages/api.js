// The coordinator that served this page.

/** Where the coordinator's paths begin. */
export const root = new URL('..', import.meta.url);

/** A refusal: its sentence for a person, and its code for the page. */
export class Refused extends Error {
  /**
   * @param {string} message
   * @param {string} code
   */
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/**
 * Asks; what comes back is JSON, or undefined where there is nothing to say.
 * @param {string} method
 * @param {string} path below /v1/
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function ask(method, path, body) {
  /** @type {RequestInit} */
  const request = { method, credentials: 'same-origin' };
  if (body !== undefined) {
    request.headers = { 'Content-Type': 'application/json' };
    request.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(new URL(`v1/${path}`, root), request);
  } catch {
    throw new Refused('The coordinator does not answer. Try again in a moment.', 'unreachable');
  }
  const text = await answer.text();
  let said;
  try {
    said = text === '' ? undefined : JSON.parse(text);
  } catch {
    throw new Refused('The coordinator gave an answer that makes no sense.', 'confused');
  }
  if (!answer.ok) throw new Refused(said?.detail ?? `The coordinator refused (${answer.status}).`, said?.code ?? '');
  return said;
}

/**
 * Asks for what only some may see: undefined for whoever may not.
 * @param {string} path
 * @returns {Promise<any>}
 */
export async function askIfAllowed(path) {
  try {
    return await ask('GET', path);
  } catch (thrown) {
    if (thrown instanceof Refused && ['unauthorised', 'forbidden'].includes(thrown.code)) return undefined;
    throw thrown;
  }
}
