//! How the chooser orders and finds streams.

import type { StreamCard } from '../generated/StreamCard';

/** The chooser's three groups, each in the order shown. */
export interface StreamGroups {
  favourites: StreamCard[];
  live: StreamCard[];
  offline: StreamCard[];
}

const plain = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

/** Whether every word of `query` occurs in the streamer's name or the title, whatever its case and accents. */
export function matches(card: StreamCard, query: string): boolean {
  const text = plain(`${card.streamer} ${card.title}`);
  return plain(query).split(/\s+/).every((word) => text.includes(word));
}

function order(a: StreamCard, b: StreamCard): number {
  const live = Number(b.live_since_ms !== null) - Number(a.live_since_ms !== null);
  // By name, not by supporters: rows must not jump about under the pointer.
  return live || plain(a.streamer).localeCompare(plain(b.streamer), 'en') || a.stream.localeCompare(b.stream, 'en');
}

/** Favourites, then those live, then the rest. */
export function groupStreams(cards: readonly StreamCard[], query = ''): StreamGroups {
  const found = cards.filter((card) => matches(card, query)).sort(order);
  const rest = found.filter((card) => !card.favourite);
  return {
    favourites: found.filter((card) => card.favourite),
    live: rest.filter((card) => card.live_since_ms !== null),
    offline: rest.filter((card) => card.live_since_ms === null),
  };
}
