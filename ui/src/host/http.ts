//! The headless node's page: snapshots as server-sent events, commands as POSTs, one key for both.

import type { Command } from '../generated/Command';
import type { Export } from '../generated/Export';
import type { Snapshot } from '../generated/Snapshot';
import { Backoff } from './backoff';
import { asUiError, isUiError, type Host, type HostEvent } from './host';

const storageKey = 'streamr-page-token';

/**
 * Takes the key out of the page's address, so that it is not bookmarked, shown or shared, and keeps it for this
 * tab's reloads only.
 */
export function takeToken(location: Location, history: History, storage: Storage): string {
  const address = new URL(location.href);
  const fresh = address.searchParams.get('token');
  if (fresh !== null) {
    address.searchParams.delete('token');
    history.replaceState(history.state, '', address.pathname + address.search + address.hash);
    try {
      storage.setItem(storageKey, fresh);
    } catch {
      // Storage may be switched off; then only a reload loses the key.
    }
    return fresh;
  }
  try {
    return storage.getItem(storageKey) ?? '';
  } catch {
    return '';
  }
}

/** A node reached over its loopback page. */
export class HttpHost implements Host {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  subscribe(listener: (event: HostEvent) => void): () => void {
    const line = new EventLine(this.#token, listener);
    return () => line.close();
  }

  async command(command: Command): Promise<void> {
    await this.#post('api/command', command);
  }

  async save(what: Export): Promise<string> {
    const answer = await this.#post('api/export', what);
    const disposition = answer.headers.get('Content-Disposition') ?? '';
    const name = /filename="([^"]+)"/.exec(disposition)?.[1] ?? 'streamr';
    let blob: Blob;
    try {
      blob = await answer.blob();
    } catch (thrown) {
      throw asUiError(thrown);
    }
    const address = URL.createObjectURL(blob);
    const link = document.createElement('a');
    link.href = address;
    link.download = name;
    link.click();
    // The browser has begun to read it by then.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    return name;
  }

  /** Posts; a refusal is thrown as the error it holds. */
  async #post(path: string, body: Command | Export): Promise<Response> {
    let answer: Response;
    try {
      answer = await fetch(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${this.#token}` },
        body: JSON.stringify(body),
      });
    } catch (thrown) {
      throw asUiError(thrown);
    }
    if (answer.ok) return answer;
    const error: unknown = await answer.json().catch(() => null);
    throw isUiError(error) ? error : asUiError(`the node's page answered ${answer.status}`);
  }

  async openExternal(url: string): Promise<void> {
    window.open(url, '_blank', 'noopener,noreferrer');
  }
}

/**
 * One subscription. Asks for a snapshot first, because an EventSource cannot tell a refused key from a node that
 * is not there; then listens. Any failure closes everything and tries again after the backoff.
 */
class EventLine {
  readonly #token: string;
  readonly #listener: (event: HostEvent) => void;
  readonly #backoff = new Backoff();
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(token: string, listener: (event: HostEvent) => void) {
    this.#token = token;
    this.#listener = listener;
    void this.#open();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  async #open(): Promise<void> {
    try {
      const answer = await fetch('api/snapshot', { headers: { Authorization: `Bearer ${this.#token}` } });
      if (this.#closed) return;
      if (answer.status === 401 || answer.status === 403) {
        this.#again('denied');
        return;
      }
      if (!answer.ok) throw new Error(`the node's page answered ${answer.status}`);
      const snapshot = (await answer.json()) as Snapshot;
      if (this.#closed) return;
      this.#hear(snapshot);
      this.#listen();
    } catch {
      this.#again('lost');
    }
  }

  #listen(): void {
    const source = new EventSource(`api/events?token=${encodeURIComponent(this.#token)}`);
    this.#source = source;
    source.onmessage = (message: MessageEvent<string>) => {
      if (!this.#closed) this.#hear(JSON.parse(message.data) as Snapshot);
    };
    source.onerror = () => this.#again('lost');
  }

  #hear(snapshot: Snapshot): void {
    this.#backoff.reset();
    this.#listener({ kind: 'snapshot', snapshot });
  }

  #again(kind: 'lost' | 'denied'): void {
    if (this.#closed) return;
    this.#source?.close();
    this.#listener({ kind });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#open(), this.#backoff.next());
  }
}
