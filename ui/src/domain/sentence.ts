//! The state of the node in one sentence with its reason.

import type { Snapshot } from '../generated/Snapshot';
import type { StreamCard } from '../generated/StreamCard';
import { clock } from '../lib/format';
import { words } from '../lib/words';

/** The card of the chosen stream, where the coordinator still lists it. */
export const chosenCard = (snapshot: Snapshot): StreamCard | undefined =>
  snapshot.streams?.find((card) => card.stream === snapshot.chosen);

/** How the chosen streamer is called. */
export const chosenName = (snapshot: Snapshot): string => chosenCard(snapshot)?.streamer ?? words.main.goneStreamer;

/** Says what the node does and why. Holds no running figure: it is read aloud at every change. */
export function stateSentence(snapshot: Snapshot, nowMs = Date.now()): string {
  const { state } = snapshot;
  const say = words.state;
  const who = chosenName(snapshot);
  switch (state.state) {
    case 'stopped':
      if (snapshot.chosen === null) return say.nothingChosen;
      return chosenCard(snapshot)?.live_since_ms == null ? say.readyOffline(who) : say.ready(who);
    case 'starting':
      return say.starting(who);
    case 'supporting':
      return say.supporting(who, clock(state.since_ms, nowMs));
    case 'paused': {
      const since = clock(state.since_ms, nowMs);
      if (state.reason === 'stream_offline') {
        return state.by === 'person' ? say.pausedOfflineByPerson(who) : say.pausedOffline(who);
      }
      return state.by === 'person' ? say.paused(since) : say.pausedByMachine(since);
    }
    case 'stopping':
      return say.stopping;
    case 'faulted':
      return say.faulted;
  }
}
