-- Receipts tell what was asked for and did not come.
ALTER TABLE receipts ADD COLUMN missed INTEGER NOT NULL DEFAULT 0;

-- Nodes whose word the operator trusts about others.
CREATE TABLE measurers (
    node  BLOB PRIMARY KEY NOT NULL REFERENCES nodes (node),
    since INTEGER NOT NULL
) STRICT;

-- Who was to look at whom. Kept: what a measurer says of others in the slot is no probe.
CREATE TABLE probes (
    stream   TEXT NOT NULL REFERENCES streams (stream),
    slot     INTEGER NOT NULL,
    measurer BLOB NOT NULL REFERENCES nodes (node),
    provider BLOB NOT NULL REFERENCES nodes (node),
    PRIMARY KEY (stream, slot, measurer, provider)
) STRICT, WITHOUT ROWID;

-- The newest that a measurer itself handed in of what it signed: providers need not hand in what they do not like.
CREATE TABLE samples (
    stream   TEXT NOT NULL REFERENCES streams (stream),
    slot     INTEGER NOT NULL,
    measurer BLOB NOT NULL REFERENCES nodes (node),
    provider BLOB NOT NULL REFERENCES nodes (node),
    session  BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    blocks   INTEGER NOT NULL,
    on_time  INTEGER NOT NULL,
    bad      INTEGER NOT NULL,
    missed   INTEGER NOT NULL,
    signed   BLOB NOT NULL,
    PRIMARY KEY (stream, slot, measurer, provider, session)
) STRICT, WITHOUT ROWID;

-- Members that are weighed with less than they offer, because they were not seen to carry it.
CREATE TABLE capacities (
    stream     TEXT NOT NULL REFERENCES streams (stream),
    node       BLOB NOT NULL REFERENCES nodes (node),
    uplink_bps INTEGER NOT NULL,
    PRIMARY KEY (stream, node)
) STRICT, WITHOUT ROWID;

-- From which networks nodes were heard in an hour that is not closed yet: keyed hashes of address prefixes, another key
-- for each hour.
CREATE TABLE networks (
    hour    INTEGER NOT NULL,
    node    BLOB NOT NULL REFERENCES nodes (node),
    network BLOB NOT NULL,
    PRIMARY KEY (hour, node, network)
) STRICT, WITHOUT ROWID;

-- Who was one party with whom when an hour closed; those that were alone are not here.
CREATE TABLE parties (
    stream TEXT NOT NULL REFERENCES streams (stream),
    hour   INTEGER NOT NULL,
    node   BLOB NOT NULL REFERENCES nodes (node),
    party  INTEGER NOT NULL,
    PRIMARY KEY (stream, hour, node)
) STRICT, WITHOUT ROWID;

-- When a session was last heard of, once another had taken its place.
ALTER TABLE sessions_begun ADD COLUMN ended_at INTEGER;

-- What one consumer was assigned, and signed, over a day: for the review of its signing.
CREATE INDEX grants_by_consumer ON grants (stream, consumer, slot);
