//! The desktop window: Tauri's IPC to the node in the same process.

import { Channel, invoke } from '@tauri-apps/api/core';

import type { Command } from '../generated/Command';
import type { Export } from '../generated/Export';
import type { Snapshot } from '../generated/Snapshot';
import { Backoff } from './backoff';
import { asUiError, type Host, type HostEvent } from './host';

/** The node that this window's process runs. */
export class TauriHost implements Host {
  subscribe(listener: (event: HostEvent) => void): () => void {
    const backoff = new Backoff();
    let closed = false;
    let timer: ReturnType<typeof setTimeout> | undefined;

    const open = async () => {
      const channel = new Channel<Snapshot>();
      channel.onmessage = (snapshot) => {
        if (!closed) listener({ kind: 'snapshot', snapshot });
      };
      try {
        const first = await invoke<Snapshot>('snapshot');
        if (closed) return;
        listener({ kind: 'snapshot', snapshot: first });
        await invoke('subscribe', { channel });
        backoff.reset();
      } catch {
        if (closed) return;
        listener({ kind: 'lost' });
        timer = setTimeout(() => void open(), backoff.next());
      }
    };
    void open();

    return () => {
      closed = true;
      clearTimeout(timer);
    };
  }

  async command(command: Command): Promise<void> {
    try {
      await invoke('command', { command });
    } catch (thrown) {
      throw asUiError(thrown);
    }
  }

  async save(what: Export): Promise<string> {
    try {
      return await invoke<string>('export', { what });
    } catch (thrown) {
      throw asUiError(thrown);
    }
  }

  async openExternal(url: string): Promise<void> {
    try {
      await invoke('open_external', { url });
    } catch (thrown) {
      throw asUiError(thrown);
    }
  }
}
