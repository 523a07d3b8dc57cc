-- The same as in SQLite, table for table and column for column.

-- Receipts tell what was asked for and did not come.
ALTER TABLE receipts ADD COLUMN missed BIGINT NOT NULL DEFAULT 0;

-- Nodes whose word the operator trusts about others.
CREATE TABLE measurers (
    node  BYTEA PRIMARY KEY NOT NULL REFERENCES nodes (node),
    since BIGINT NOT NULL
);

-- Who was to look at whom. Kept: what a measurer says of others in the slot is no probe.
CREATE TABLE probes (
    stream   TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    slot     BIGINT NOT NULL,
    measurer BYTEA NOT NULL REFERENCES nodes (node),
    provider BYTEA NOT NULL REFERENCES nodes (node),
    PRIMARY KEY (stream, slot, measurer, provider)
);

-- The newest that a measurer itself handed in of what it signed: providers need not hand in what they do not like.
CREATE TABLE samples (
    stream   TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    slot     BIGINT NOT NULL,
    measurer BYTEA NOT NULL REFERENCES nodes (node),
    provider BYTEA NOT NULL REFERENCES nodes (node),
    session  BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    bytes    BIGINT NOT NULL,
    blocks   BIGINT NOT NULL,
    on_time  BIGINT NOT NULL,
    bad      BIGINT NOT NULL,
    missed   BIGINT NOT NULL,
    signed   BYTEA NOT NULL,
    PRIMARY KEY (stream, slot, measurer, provider, session)
);

-- Members that are weighed with less than they offer, because they were not seen to carry it.
CREATE TABLE capacities (
    stream     TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    node       BYTEA NOT NULL REFERENCES nodes (node),
    uplink_bps BIGINT NOT NULL,
    PRIMARY KEY (stream, node)
);

-- From which networks nodes were heard in an hour that is not closed yet: keyed hashes of address prefixes, another key
-- for each hour.
CREATE TABLE networks (
    hour    BIGINT NOT NULL,
    node    BYTEA NOT NULL REFERENCES nodes (node),
    network BYTEA NOT NULL,
    PRIMARY KEY (hour, node, network)
);

-- Who was one party with whom when an hour closed; those that were alone are not here.
CREATE TABLE parties (
    stream TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    hour   BIGINT NOT NULL,
    node   BYTEA NOT NULL REFERENCES nodes (node),
    party  BIGINT NOT NULL,
    PRIMARY KEY (stream, hour, node)
);

-- When a session was last heard of, once another had taken its place.
ALTER TABLE sessions_begun ADD COLUMN ended_at BIGINT;

-- What one consumer was assigned, and signed, over a day: for the review of its signing.
CREATE INDEX grants_by_consumer ON grants (stream, consumer, slot);
