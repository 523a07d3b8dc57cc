//! Which buttons the state calls for: one big one and at most one beside it.

import type { Snapshot } from '../generated/Snapshot';

/** What a button does; also the end of its `data-testid`. */
export type Action = 'start' | 'pause' | 'resume' | 'stop' | 'retry';

/** The buttons of a state. */
export interface Actions {
  /** The one big button, or what it says while it can only wait. */
  main: Action | 'starting' | 'stopping' | undefined;
  /** The quiet one beside it. */
  side: Action | undefined;
}

/** Decides the buttons. */
export function actionsFor(snapshot: Snapshot): Actions {
  const { state } = snapshot;
  switch (state.state) {
    case 'stopped':
      return { main: snapshot.chosen === null ? undefined : 'start', side: undefined };
    case 'starting':
      return { main: 'starting', side: 'stop' };
    case 'supporting':
      return { main: 'pause', side: 'stop' };
    case 'paused':
      // Waiting for the stream ends by itself; nobody can resume what is not there.
      if (state.reason === 'stream_offline' && state.by === 'machine') return { main: 'stop', side: undefined };
      return { main: 'resume', side: 'stop' };
    case 'stopping':
      return { main: 'stopping', side: undefined };
    case 'faulted':
      return { main: 'retry', side: undefined };
  }
}
