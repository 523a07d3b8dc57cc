//! A host without a node: a fixture that answers commands as a node roughly would. Development and tests only.
//!
//! Names beyond the fixtures': `lost`, `denied`, `connecting`, and `NAME!CODE`, whose commands all fail with CODE.

import type { Command } from '../generated/Command';
import type { Export } from '../generated/Export';
import type { Profile } from '../generated/Profile';
import type { Saying } from '../generated/Saying';
import type { Snapshot } from '../generated/Snapshot';
import type { UiErrorCode } from '../generated/UiErrorCode';
import type { Host, HostEvent } from '../host/host';
import { chooser, fixtureError, fixtures, supporting } from './fixtures';

export class MockHost implements Host {
  readonly sent: Command[] = [];
  readonly exported: Export[] = [];
  readonly #listeners = new Set<(event: HostEvent) => void>();
  readonly #link: string;
  readonly #failure: string | undefined;
  #snapshot: Snapshot;

  constructor(name: string) {
    const [fixture = '', failure] = name.split('!');
    this.#link = fixture;
    this.#failure = failure;
    this.#snapshot = structuredClone(fixtures[fixture] ?? supporting);
  }

  subscribe(listener: (event: HostEvent) => void): () => void {
    this.#listeners.add(listener);
    if (this.#link === 'denied') listener({ kind: 'denied' });
    else if (this.#link === 'never') listener({ kind: 'lost' });
    else if (this.#link !== 'connecting') listener({ kind: 'snapshot', snapshot: this.#snapshot });
    if (this.#link === 'lost') listener({ kind: 'lost' });
    return () => this.#listeners.delete(listener);
  }

  async command(command: Command): Promise<void> {
    this.sent.push(command);
    if (this.#failure !== undefined) {
      throw fixtureError(this.#failure as UiErrorCode, 'The stream’s owner has closed enrolment.');
    }
    this.show({ ...this.#snapshot, ...answer(this.#snapshot, command) });
  }

  async save(what: Export): Promise<string> {
    this.exported.push(what);
    if (this.#failure !== undefined) throw fixtureError(this.#failure as UiErrorCode);
    return what.export === 'earnings' ? 'Downloads/streamr-earnings.csv' : 'Downloads/streamr-receipts.json';
  }

  async openExternal(): Promise<void> {
    throw fixtureError('not_now');
  }

  /** Lets every subscriber hear this snapshot. */
  show(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const listener of this.#listeners) listener({ kind: 'snapshot', snapshot });
  }
}

/** What a command changes. */
function answer(now: Snapshot, command: Command): Partial<Snapshot> {
  switch (command.command) {
    case 'join':
      return { setup: fixtures['consent-invited']?.setup ?? now.setup };
    case 'consent':
      return chooser;
    case 'leave_network':
      return fixtures['first-run'] ?? {};
    case 'choose':
      return { chosen: command.stream };
    case 'favourite':
      return {
        streams:
          now.streams?.map((card) => (card.stream === command.stream ? { ...card, favourite: command.on } : card)) ??
          null,
      };
    case 'start':
    case 'resume':
      return { ...supporting, streams: now.streams, chosen: now.chosen };
    case 'pause':
      return { state: { state: 'paused', reason: 'asked', by: 'person', since_ms: Date.now() } };
    case 'stop':
      return { state: { state: 'stopped' }, live: chooser.live, playback_url: null };
    case 'change_settings':
      return { settings: command.settings };
    case 'refresh_streams':
      return { streams: chooser.streams };
    case 'say':
      return { profile: answerSaying(now.profile, command.saying) };
  }
}

/** What the coordinator makes of something said. */
function answerSaying(now: Profile, saying: Saying): Profile {
  if (now.known !== 'known') return now;
  switch (saying.say) {
    case 'claim':
      return { ...now, account: saying.handle };
    case 'release':
      return { ...now, account: null };
    case 'show_name':
      return { ...now, name: saying.name };
    case 'hide_name':
      return { ...now, name: null };
    case 'declare_downtime':
      return { ...now, downtimes: [...now.downtimes, saying] };
    case 'withdraw_downtime':
      return { ...now, downtimes: now.downtimes.filter((one) => one.begins_at_ms !== saying.begins_at_ms) };
    case 'dispute': {
      const { stream, began_at_ms, text } = saying;
      return { ...now, disputes: [{ stream, began_at_ms, text, state: 'open', answer: null }, ...now.disputes] };
    }
  }
}
