-- What people see of what support is worth, and what they say about it.

-- Downtime that nodes declared before it began. It has a part in what hours pay, so one that has begun stays.
CREATE TABLE downtimes (
    node        BLOB NOT NULL REFERENCES nodes (node),
    begins_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    declared_at INTEGER NOT NULL,
    PRIMARY KEY (node, begins_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX downtimes_by_beginning ON downtimes (begins_at);

-- What a node's person says against a closed hour, and what an operator answered; unanswered ones are open.
CREATE TABLE disputes (
    node        BLOB NOT NULL REFERENCES nodes (node),
    stream      TEXT NOT NULL REFERENCES streams (stream),
    hour        INTEGER NOT NULL,
    said        TEXT NOT NULL,
    made_at     INTEGER NOT NULL,
    outcome     TEXT,
    answer      TEXT,
    answered_at INTEGER,
    PRIMARY KEY (node, stream, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX disputes_by_answer ON disputes (answered_at, made_at);

-- Names under which supporters agreed to be shown. A row is the consent: without it nothing is shown.
CREATE TABLE shown_names (
    node      BLOB PRIMARY KEY NOT NULL REFERENCES nodes (node),
    -- What they are called where everybody can read it. Not the node's id: that is its address among peers.
    supporter BLOB NOT NULL UNIQUE,
    name      TEXT NOT NULL,
    agreed_at INTEGER NOT NULL
) STRICT;

-- What streamers thank for: one node, or with NULL everybody who supported the stream.
CREATE TABLE thanks (
    stream  TEXT NOT NULL REFERENCES streams (stream),
    number  INTEGER NOT NULL,
    node    BLOB REFERENCES nodes (node),
    said    TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    PRIMARY KEY (stream, number)
) STRICT, WITHOUT ROWID;

-- What running the network costs in a month, as the operator says. One row, and none before it is said.
CREATE TABLE costs (
    one           INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    currency      TEXT NOT NULL,
    -- For a gigabyte (10^9 bytes) that leaves an origin; NULL where it is not known.
    egress_per_gb INTEGER,
    set_at        INTEGER NOT NULL
) STRICT;
CREATE TABLE cost_items (
    place  INTEGER PRIMARY KEY NOT NULL,
    what   TEXT NOT NULL,
    amount INTEGER NOT NULL
) STRICT;

-- Media bytes that nodes say they fetched from the origin: of the session so far, and in the hour.
ALTER TABLE sessions ADD COLUMN bytes_origin INTEGER NOT NULL DEFAULT 0;
ALTER TABLE uptimes ADD COLUMN bytes_origin INTEGER NOT NULL DEFAULT 0;
