-- The old surface: what the coordinator of June 2025 kept. Names are texts that nobody proves, so nothing here
-- refers to the tables of enrolled nodes and registered streams, and nothing there refers to these.
-- Times are Unix milliseconds of the coordinator's clock, amounts are micro-units, hours are counted from 1970.

CREATE TABLE old_streams (
    stream         TEXT PRIMARY KEY NOT NULL,
    -- The how-manyth: the id that old clients are told.
    number         INTEGER NOT NULL UNIQUE,
    sponsor        TEXT NOT NULL,
    -- Without the stream key and whatever else may be secret.
    rtmp_url       TEXT NOT NULL,
    token_balance  INTEGER NOT NULL,
    -- What is left of the balance for hours to come; 0 where the balance is only claimed.
    pool_left      INTEGER NOT NULL,
    -- 1 if the operator registered it, 0 if somebody without the token did.
    is_operators   INTEGER NOT NULL,
    is_active      INTEGER NOT NULL,
    -- Hours before this one are closed: what they paid is in old_earnings and never changes.
    open_since     INTEGER NOT NULL,
    registered_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE old_nodes (
    node               TEXT PRIMARY KEY NOT NULL,
    -- The first it named. It stays, so that nobody can move a node by using its name.
    stats_url          TEXT NOT NULL,
    host               TEXT NOT NULL,
    first_at           INTEGER NOT NULL,
    last_at            INTEGER NOT NULL,
    -- Verdicts of one kind in a row: upwards from 0 the good ones, downwards the wrong ones.
    run                INTEGER NOT NULL,
    flagged_at         INTEGER,
    next_poll_at       INTEGER NOT NULL,
    -- Heartbeats under this name with another address.
    foreign_heartbeats INTEGER NOT NULL
) STRICT;
CREATE INDEX old_nodes_by_host ON old_nodes (host);
CREATE INDEX old_nodes_by_poll ON old_nodes (next_poll_at);

-- Which streams a node says to support, and when it said so last.
CREATE TABLE old_supports (
    stream  TEXT NOT NULL REFERENCES old_streams (stream),
    node    TEXT NOT NULL REFERENCES old_nodes (node),
    last_at INTEGER NOT NULL,
    PRIMARY KEY (stream, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX old_supports_by_node ON old_supports (node, last_at);

-- Evidence: other addresses that heartbeats named under a node's name. A few for each node; the count of all
-- is in old_nodes.
CREATE TABLE old_foreign (
    node      TEXT NOT NULL REFERENCES old_nodes (node),
    stats_url TEXT NOT NULL,
    first_at  INTEGER NOT NULL,
    last_at   INTEGER NOT NULL,
    times     INTEGER NOT NULL,
    PRIMARY KEY (node, stats_url)
) STRICT, WITHOUT ROWID;

-- What heartbeats said and polls showed. Forgotten some weeks after the hour is closed.
CREATE TABLE old_shown (
    stream    TEXT NOT NULL REFERENCES old_streams (stream),
    hour      INTEGER NOT NULL,
    node      TEXT NOT NULL,
    -- What it answered from last: nodes of one line share. Empty until it answered.
    line      TEXT NOT NULL,
    -- Time it said to support the stream.
    active_ms INTEGER NOT NULL,
    asked     INTEGER NOT NULL,
    good      INTEGER NOT NULL,
    PRIMARY KEY (stream, hour, node)
) STRICT, WITHOUT ROWID;

-- What closed hours paid. Only ever added to, and kept when a node is forgotten.
CREATE TABLE old_earnings (
    stream TEXT NOT NULL REFERENCES old_streams (stream),
    hour   INTEGER NOT NULL,
    node   TEXT NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (stream, hour, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX old_earnings_by_node ON old_earnings (node, hour);
CREATE INDEX old_earnings_by_hour ON old_earnings (hour);
