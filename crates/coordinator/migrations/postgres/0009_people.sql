-- The same as in SQLite, table for table and column for column.

-- What people see of what support is worth, and what they say about it.

-- Downtime that nodes declared before it began. It has a part in what hours pay, so one that has begun stays.
CREATE TABLE downtimes (
    node        BYTEA NOT NULL REFERENCES nodes (node),
    begins_at   BIGINT NOT NULL,
    ends_at     BIGINT NOT NULL,
    declared_at BIGINT NOT NULL,
    PRIMARY KEY (node, begins_at)
);
CREATE INDEX downtimes_by_beginning ON downtimes (begins_at);

-- What a node's person says against a closed hour, and what an operator answered; unanswered ones are open.
CREATE TABLE disputes (
    node        BYTEA NOT NULL REFERENCES nodes (node),
    stream      TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    hour        BIGINT NOT NULL,
    said        TEXT NOT NULL,
    made_at     BIGINT NOT NULL,
    outcome     TEXT,
    answer      TEXT,
    answered_at BIGINT,
    PRIMARY KEY (node, stream, hour)
);
CREATE INDEX disputes_by_answer ON disputes (answered_at, made_at);

-- Names under which supporters agreed to be shown. A row is the consent: without it nothing is shown.
CREATE TABLE shown_names (
    node      BYTEA PRIMARY KEY REFERENCES nodes (node),
    -- What they are called where everybody can read it. Not the node's id: that is its address among peers.
    supporter BYTEA NOT NULL UNIQUE,
    name      TEXT NOT NULL,
    agreed_at BIGINT NOT NULL
);

-- What streamers thank for: one node, or with NULL everybody who supported the stream.
CREATE TABLE thanks (
    stream  TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    number  BIGINT NOT NULL,
    node    BYTEA REFERENCES nodes (node),
    said    TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (stream, number)
);

-- What running the network costs in a month, as the operator says. One row, and none before it is said.
CREATE TABLE costs (
    one           BIGINT PRIMARY KEY CHECK (one = 1),
    currency      TEXT NOT NULL,
    -- For a gigabyte (10^9 bytes) that leaves an origin; NULL where it is not known.
    egress_per_gb BIGINT,
    set_at        BIGINT NOT NULL
);
CREATE TABLE cost_items (
    place  BIGINT PRIMARY KEY,
    what   TEXT NOT NULL,
    amount BIGINT NOT NULL
);

-- Media bytes that nodes say they fetched from the origin: of the session so far, and in the hour.
ALTER TABLE sessions ADD COLUMN bytes_origin BIGINT NOT NULL DEFAULT 0;
ALTER TABLE uptimes ADD COLUMN bytes_origin BIGINT NOT NULL DEFAULT 0;
