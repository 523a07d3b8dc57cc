-- The same as in SQLite, table for table and column for column.

-- Receipts signed by both ends take the place of the tallies in heartbeats. A slot is a window of five minutes,
-- counted from 1970 ("window" is a word of SQL's own).
DROP TABLE accounts;

-- What consumers signed for, for people to see; what it is worth is worked out from the receipts.
ALTER TABLE credits RENAME TO deliveries;
ALTER INDEX credits_pkey RENAME TO deliveries_pkey;
ALTER INDEX credits_by_provider RENAME TO deliveries_by_provider;

-- Who was assigned to whom. Kept, because it tells in which slots a consumer was there at all, and because a
-- receipt is judged by the assignment of its own time. The grant itself can be signed again: Ed25519 has no chance.
CREATE TABLE grants (
    stream     TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    slot       BIGINT NOT NULL,
    consumer   BYTEA NOT NULL REFERENCES nodes (node),
    provider   BYTEA NOT NULL REFERENCES nodes (node),
    cap_bytes  BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    grant_id   BYTEA NOT NULL,
    PRIMARY KEY (stream, slot, consumer, provider)
);

-- The newest receipt of each consumer's session for each provider and slot, with both signatures.
CREATE TABLE receipts (
    stream    TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    slot      BIGINT NOT NULL,
    provider  BYTEA NOT NULL REFERENCES nodes (node),
    consumer  BYTEA NOT NULL REFERENCES nodes (node),
    session   BYTEA NOT NULL,
    sequence  BIGINT NOT NULL,
    -- NULL: under no grant.
    cap_bytes BIGINT,
    bytes     BIGINT NOT NULL,
    blocks    BIGINT NOT NULL,
    on_time   BIGINT NOT NULL,
    bad       BIGINT NOT NULL,
    signed    BYTEA NOT NULL,
    PRIMARY KEY (stream, slot, provider, consumer, session)
);
CREATE INDEX receipts_by_consumer ON receipts (stream, slot, consumer, provider);

-- Two receipts of one sequence: the consumer said two things. Nothing else is done about it by itself.
CREATE TABLE equivocations (
    consumer  BYTEA NOT NULL REFERENCES nodes (node),
    digest    BYTEA NOT NULL,
    seen_at   BIGINT NOT NULL,
    one       BYTEA NOT NULL,
    other     BYTEA NOT NULL,
    PRIMARY KEY (consumer, digest)
);

-- Bytes under grants of each slot of a closed hour in which the consumer was there: what is usual for it.
CREATE TABLE consumer_hours (
    stream   TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    hour     BIGINT NOT NULL,
    consumer BYTEA NOT NULL REFERENCES nodes (node),
    -- 64-bit numbers, least byte first.
    sums     BYTEA NOT NULL,
    PRIMARY KEY (stream, hour, consumer)
);

-- What the stream was said to have at most in the hour: no consumer received more.
ALTER TABLE live_hours ADD COLUMN bitrate_bps BIGINT NOT NULL DEFAULT 0;
