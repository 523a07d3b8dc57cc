//! What the UI knows: the latest snapshot, whether the node can be reached, and what the last command came to.

import type { Command } from '../generated/Command';
import type { Export } from '../generated/Export';
import type { Saying } from '../generated/Saying';
import type { Snapshot } from '../generated/Snapshot';
import type { UiError } from '../generated/UiError';
import { asUiError, type Host } from '../host/host';

/** How the page stands to the node. */
export type Link = 'connecting' | 'connected' | 'lost' | 'denied';

/** The node as the views see it. Everything they show comes from here, everything they ask for goes through here. */
export class NodeModel {
  /** The latest snapshot; kept while the node is lost. */
  snapshot = $state.raw<Snapshot | undefined>(undefined);
  /** Whether the node is reached. */
  link = $state<Link>('connecting');
  /** Since when it is not. */
  lostSinceMs = $state<number | undefined>(undefined);
  /** The kinds of commands on their way. */
  pending = $state.raw<readonly Command['command'][]>([]);
  /** Why the last command failed. */
  problem = $state.raw<UiError | undefined>(undefined);

  /** Whether a file is being made. */
  saving = $state(false);
  /** Where the last file was saved. */
  saved = $state<string | undefined>(undefined);

  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Begins to listen; returns how to end it. */
  connect(): () => void {
    return this.#host.subscribe((event) => {
      if (event.kind === 'snapshot') {
        this.snapshot = event.snapshot;
        this.link = 'connected';
        this.lostSinceMs = undefined;
        return;
      }
      this.link = event.kind;
      this.lostSinceMs ??= Date.now();
    });
  }

  /** Sends a command. True when the node accepted it; otherwise [`problem`](NodeModel.problem) says why not. */
  async run(command: Command): Promise<boolean> {
    if (this.isPending(command.command)) return false;
    this.pending = [...this.pending, command.command];
    this.problem = undefined;
    try {
      await this.#host.command(command);
      return true;
    } catch (thrown) {
      this.problem = asUiError(thrown);
      return false;
    } finally {
      this.pending = this.pending.filter((kind) => kind !== command.command);
    }
  }

  /** Says something about this node to the coordinator. */
  say(saying: Saying): Promise<boolean> {
    return this.run({ command: 'say', saying });
  }

  /** Saves a file. [`saved`](NodeModel.saved) says where it is, or [`problem`](NodeModel.problem) why there is none. */
  async save(what: Export): Promise<void> {
    if (this.saving) return;
    this.saving = true;
    this.saved = undefined;
    this.problem = undefined;
    try {
      this.saved = await this.#host.save(what);
    } catch (thrown) {
      this.problem = asUiError(thrown);
    } finally {
      this.saving = false;
    }
  }

  /** Whether a command of this kind is on its way. A second one is not sent until it is answered. */
  isPending(kind: Command['command']): boolean {
    return this.pending.includes(kind);
  }

  /** Forgets the last problem. */
  dismiss(): void {
    this.problem = undefined;
    this.saved = undefined;
  }

  /** Opens an address outside; false where that is not possible. */
  async openExternal(url: string): Promise<boolean> {
    try {
      await this.#host.openExternal(url);
      return true;
    } catch {
      return false;
    }
  }
}
