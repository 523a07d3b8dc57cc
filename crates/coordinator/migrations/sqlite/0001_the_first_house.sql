-- Times are Unix milliseconds of the coordinator's clock, hours are counted from 1970.
-- Ids of nodes and keys are 32 bytes, hashes of secrets are BLAKE3. No secret is stored.

CREATE TABLE streams (
    stream             TEXT PRIMARY KEY NOT NULL,
    title              TEXT NOT NULL,
    streamer           TEXT NOT NULL,
    origin             TEXT NOT NULL,
    key                BLOB,
    pool_per_hour      INTEGER,
    currency           TEXT,
    secret_hash        BLOB NOT NULL,
    membership_version INTEGER NOT NULL DEFAULT 1,
    registered_at      INTEGER NOT NULL
) STRICT;

-- The last a stream's signer said. A row stays when the live ends: live_total_ms goes on next time.
CREATE TABLE lives (
    stream        TEXT PRIMARY KEY NOT NULL REFERENCES streams (stream),
    is_live       INTEGER NOT NULL,
    seed          BLOB NOT NULL,
    addresses     TEXT NOT NULL,
    live_since    INTEGER NOT NULL,
    bitrate_bps   INTEGER NOT NULL,
    last_at       INTEGER NOT NULL,
    live_total_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE live_hours (
    stream  TEXT NOT NULL REFERENCES streams (stream),
    hour    INTEGER NOT NULL,
    live_ms INTEGER NOT NULL,
    PRIMARY KEY (stream, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE nodes (
    node        BLOB PRIMARY KEY NOT NULL,
    token_hash  BLOB NOT NULL UNIQUE,
    enrolled_at INTEGER NOT NULL
) STRICT;

CREATE TABLE invites (
    code_hash  BLOB PRIMARY KEY NOT NULL,
    stream     TEXT NOT NULL REFERENCES streams (stream),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_by    BLOB REFERENCES nodes (node),
    used_at    INTEGER
) STRICT;
CREATE INDEX invites_by_expiry ON invites (expires_at);

-- The current session of each node. Here and not in memory, so that a restart breaks no nonce chain.
CREATE TABLE sessions (
    node          BLOB PRIMARY KEY NOT NULL REFERENCES nodes (node),
    session       BLOB NOT NULL,
    stream        TEXT NOT NULL REFERENCES streams (stream),
    number        INTEGER NOT NULL,
    nonce_carried TEXT NOT NULL,
    nonce_given   TEXT NOT NULL,
    activity      TEXT NOT NULL,
    started_at    INTEGER NOT NULL,
    last_at       INTEGER NOT NULL,
    live_mark_ms  INTEGER NOT NULL,
    is_member     INTEGER NOT NULL,
    uplink_bps    INTEGER NOT NULL,
    addresses     TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_by_membership ON sessions (stream, is_member, last_at);

-- Every session there ever was: one that was replaced cannot be begun again with its recorded first report.
CREATE TABLE sessions_begun (
    node       BLOB NOT NULL REFERENCES nodes (node),
    session    BLOB NOT NULL,
    begun_at   INTEGER NOT NULL,
    PRIMARY KEY (node, session)
) STRICT, WITHOUT ROWID;

-- A consumer's accounts with its providers in its current session: claimed and credited, cumulative.
CREATE TABLE accounts (
    consumer         BLOB NOT NULL REFERENCES nodes (node),
    provider         BLOB NOT NULL REFERENCES nodes (node),
    claimed_bytes    INTEGER NOT NULL,
    claimed_blocks   INTEGER NOT NULL,
    claimed_on_time  INTEGER NOT NULL,
    claimed_bad      INTEGER NOT NULL,
    credited_bytes   INTEGER NOT NULL,
    credited_blocks  INTEGER NOT NULL,
    credited_on_time INTEGER NOT NULL,
    credited_bad     INTEGER NOT NULL,
    PRIMARY KEY (consumer, provider)
) STRICT, WITHOUT ROWID;

CREATE TABLE credits (
    stream   TEXT NOT NULL REFERENCES streams (stream),
    hour     INTEGER NOT NULL,
    provider BLOB NOT NULL REFERENCES nodes (node),
    consumer BLOB NOT NULL REFERENCES nodes (node),
    bytes    INTEGER NOT NULL,
    blocks   INTEGER NOT NULL,
    on_time  INTEGER NOT NULL,
    bad      INTEGER NOT NULL,
    PRIMARY KEY (stream, hour, provider, consumer)
) STRICT, WITHOUT ROWID;
CREATE INDEX credits_by_provider ON credits (provider, hour);

CREATE TABLE uptimes (
    stream        TEXT NOT NULL REFERENCES streams (stream),
    hour          INTEGER NOT NULL,
    node          BLOB NOT NULL REFERENCES nodes (node),
    -- All of it; the part of it while the stream was live; declared downtime.
    supporting_ms INTEGER NOT NULL,
    live_ms       INTEGER NOT NULL,
    paused_ms     INTEGER NOT NULL,
    PRIMARY KEY (stream, hour, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX uptimes_by_node ON uptimes (node, hour);
