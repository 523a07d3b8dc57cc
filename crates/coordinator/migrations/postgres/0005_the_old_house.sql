-- The same as in SQLite, table for table and column for column.

-- The old surface: what the coordinator of June 2025 kept. Names are texts that nobody proves, so nothing here
-- refers to the tables of enrolled nodes and registered streams, and nothing there refers to these.
-- Times are Unix milliseconds of the coordinator's clock, amounts are micro-units, hours are counted from 1970.

CREATE TABLE old_streams (
    stream         TEXT COLLATE "C" PRIMARY KEY,
    -- The how-manyth: the id that old clients are told.
    number         BIGINT NOT NULL UNIQUE,
    sponsor        TEXT NOT NULL,
    -- Without the stream key and whatever else may be secret.
    rtmp_url       TEXT NOT NULL,
    token_balance  BIGINT NOT NULL,
    -- What is left of the balance for hours to come; 0 where the balance is only claimed.
    pool_left      BIGINT NOT NULL,
    -- True if the operator registered it, false if somebody without the token did.
    is_operators   BOOLEAN NOT NULL,
    is_active      BOOLEAN NOT NULL,
    -- Hours before this one are closed: what they paid is in old_earnings and never changes.
    open_since     BIGINT NOT NULL,
    registered_at  BIGINT NOT NULL
);

CREATE TABLE old_nodes (
    node               TEXT COLLATE "C" PRIMARY KEY,
    -- The first it named. It stays, so that nobody can move a node by using its name.
    stats_url          TEXT COLLATE "C" NOT NULL,
    host               TEXT COLLATE "C" NOT NULL,
    first_at           BIGINT NOT NULL,
    last_at            BIGINT NOT NULL,
    -- Verdicts of one kind in a row: upwards from 0 the good ones, downwards the wrong ones.
    run                BIGINT NOT NULL,
    flagged_at         BIGINT,
    next_poll_at       BIGINT NOT NULL,
    -- Heartbeats under this name with another address.
    foreign_heartbeats BIGINT NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX old_nodes_by_host ON old_nodes (host);
CREATE INDEX old_nodes_by_poll ON old_nodes (next_poll_at);

-- Which streams a node says to support, and when it said so last.
CREATE TABLE old_supports (
    stream  TEXT COLLATE "C" NOT NULL REFERENCES old_streams (stream),
    node    TEXT COLLATE "C" NOT NULL REFERENCES old_nodes (node),
    last_at BIGINT NOT NULL,
    PRIMARY KEY (stream, node)
);
CREATE INDEX old_supports_by_node ON old_supports (node, last_at);

-- Evidence: other addresses that heartbeats named under a node's name. A few for each node; the count of all
-- is in old_nodes.
CREATE TABLE old_foreign (
    node      TEXT COLLATE "C" NOT NULL REFERENCES old_nodes (node),
    stats_url TEXT COLLATE "C" NOT NULL,
    first_at  BIGINT NOT NULL,
    last_at   BIGINT NOT NULL,
    times     BIGINT NOT NULL,
    PRIMARY KEY (node, stats_url)
);

-- What heartbeats said and polls showed. Forgotten some weeks after the hour is closed.
CREATE TABLE old_shown (
    stream    TEXT COLLATE "C" NOT NULL REFERENCES old_streams (stream),
    hour      BIGINT NOT NULL,
    node      TEXT COLLATE "C" NOT NULL,
    -- What it answered from last: nodes of one line share. Empty until it answered.
    line      TEXT COLLATE "C" NOT NULL,
    -- Time it said to support the stream.
    active_ms BIGINT NOT NULL,
    asked     BIGINT NOT NULL,
    good      BIGINT NOT NULL,
    PRIMARY KEY (stream, hour, node)
);

-- What closed hours paid. Only ever added to, and kept when a node is forgotten.
CREATE TABLE old_earnings (
    stream TEXT COLLATE "C" NOT NULL REFERENCES old_streams (stream),
    hour   BIGINT NOT NULL,
    node   TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (stream, hour, node)
);
CREATE INDEX old_earnings_by_node ON old_earnings (node, hour);
CREATE INDEX old_earnings_by_hour ON old_earnings (hour);
