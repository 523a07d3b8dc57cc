-- Receipts signed by both ends take the place of the tallies in heartbeats. A slot is a window of five minutes,
-- counted from 1970 ("window" is a word of SQL's own).
DROP TABLE accounts;

-- What consumers signed for, for people to see; what it is worth is worked out from the receipts.
ALTER TABLE credits RENAME TO deliveries;
DROP INDEX credits_by_provider;
CREATE INDEX deliveries_by_provider ON deliveries (provider, hour);

-- Who was assigned to whom. Kept, because it tells in which slots a consumer was there at all, and because a
-- receipt is judged by the assignment of its own time. The grant itself can be signed again: Ed25519 has no chance.
CREATE TABLE grants (
    stream     TEXT NOT NULL REFERENCES streams (stream),
    slot       INTEGER NOT NULL,
    consumer   BLOB NOT NULL REFERENCES nodes (node),
    provider   BLOB NOT NULL REFERENCES nodes (node),
    cap_bytes  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    grant_id   BLOB NOT NULL,
    PRIMARY KEY (stream, slot, consumer, provider)
) STRICT, WITHOUT ROWID;

-- The newest receipt of each consumer's session for each provider and slot, with both signatures.
CREATE TABLE receipts (
    stream    TEXT NOT NULL REFERENCES streams (stream),
    slot      INTEGER NOT NULL,
    provider  BLOB NOT NULL REFERENCES nodes (node),
    consumer  BLOB NOT NULL REFERENCES nodes (node),
    session   BLOB NOT NULL,
    sequence  INTEGER NOT NULL,
    -- NULL: under no grant.
    cap_bytes INTEGER,
    bytes     INTEGER NOT NULL,
    blocks    INTEGER NOT NULL,
    on_time   INTEGER NOT NULL,
    bad       INTEGER NOT NULL,
    signed    BLOB NOT NULL,
    PRIMARY KEY (stream, slot, provider, consumer, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX receipts_by_consumer ON receipts (stream, slot, consumer, provider);

-- Two receipts of one sequence: the consumer said two things. Nothing else is done about it by itself.
CREATE TABLE equivocations (
    consumer  BLOB NOT NULL REFERENCES nodes (node),
    digest    BLOB NOT NULL,
    seen_at   INTEGER NOT NULL,
    one       BLOB NOT NULL,
    other     BLOB NOT NULL,
    PRIMARY KEY (consumer, digest)
) STRICT, WITHOUT ROWID;

-- Bytes under grants of each slot of a closed hour in which the consumer was there: what is usual for it.
CREATE TABLE consumer_hours (
    stream   TEXT NOT NULL REFERENCES streams (stream),
    hour     INTEGER NOT NULL,
    consumer BLOB NOT NULL REFERENCES nodes (node),
    -- 64-bit numbers, least byte first.
    sums     BLOB NOT NULL,
    PRIMARY KEY (stream, hour, consumer)
) STRICT, WITHOUT ROWID;

-- What the stream was said to have at most in the hour: no consumer received more.
ALTER TABLE live_hours ADD COLUMN bitrate_bps INTEGER NOT NULL DEFAULT 0;
