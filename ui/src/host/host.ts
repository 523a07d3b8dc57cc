//! The seam where the host is swapped: the desktop window's IPC or the headless node's page.
//! Everything above it knows this interface only.

import type { Command } from '../generated/Command';
import type { Export } from '../generated/Export';
import type { Snapshot } from '../generated/Snapshot';
import type { UiError } from '../generated/UiError';

/** What a subscriber hears. `lost` repeats at every failed attempt; a snapshot ends it. */
export type HostEvent =
  | { kind: 'snapshot'; snapshot: Snapshot }
  | { kind: 'lost' }
  /** The node is there but will not speak to this page: its key is missing or from an earlier run. */
  | { kind: 'denied' };

/** Where the node is reached. */
export interface Host {
  /** Hears every snapshot from now on, and of a lost connection. Reconnects by itself until unsubscribed. */
  subscribe(listener: (event: HostEvent) => void): () => void;
  /** Sends a command; rejects with a [`UiError`] and nothing else. */
  command(command: Command): Promise<void>;
  /** Saves a file for the person; says where it is. Rejects with a [`UiError`]. */
  save(what: Export): Promise<string>;
  /** Opens an address in the person's browser; rejects with a [`UiError`] where that is not possible. */
  openExternal(url: string): Promise<void>;
}

/** Whether something thrown is a [`UiError`] as it crosses from Rust. */
export function isUiError(thrown: unknown): thrown is UiError {
  return (
    typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'message' in thrown && 'detail' in thrown
  );
}

/** Whatever was thrown, as a [`UiError`]: anything unexpected is a fault of ours, with its text as the detail. */
export function asUiError(thrown: unknown): UiError {
  if (isUiError(thrown)) return thrown;
  return { code: 'internal', message: '', detail: thrown instanceof Error ? thrown.message : String(thrown) };
}
