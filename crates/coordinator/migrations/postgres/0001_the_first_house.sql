-- The same house as in SQLite, table for table and column for column; `cargo nextest run` compares them.
--
-- Texts that anything is ordered or looked up by are COLLATE "C": they compare byte by byte, as in SQLite,
-- whatever language the database was created in. BYTEA compares so by itself.
-- Rows that every report rewrites without touching an index leave room on their pages (fillfactor), so that
-- the new version of a row finds a place beside the old one and no index has to hear of it.

-- Times are Unix milliseconds of the coordinator's clock, hours are counted from 1970.
-- Ids of nodes and keys are 32 bytes, hashes of secrets are BLAKE3. No secret is stored.

CREATE TABLE streams (
    stream             TEXT COLLATE "C" PRIMARY KEY,
    title              TEXT NOT NULL,
    streamer           TEXT COLLATE "C" NOT NULL,
    origin             TEXT NOT NULL,
    key                BYTEA,
    pool_per_hour      BIGINT,
    currency           TEXT,
    secret_hash        BYTEA NOT NULL,
    membership_version BIGINT NOT NULL DEFAULT 1,
    registered_at      BIGINT NOT NULL
) WITH (fillfactor = 70);

-- The last a stream's signer said. A row stays when the live ends: live_total_ms goes on next time.
CREATE TABLE lives (
    stream        TEXT COLLATE "C" PRIMARY KEY REFERENCES streams (stream),
    is_live       BOOLEAN NOT NULL,
    seed          BYTEA NOT NULL,
    addresses     TEXT NOT NULL,
    live_since    BIGINT NOT NULL,
    bitrate_bps   BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    live_total_ms BIGINT NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE live_hours (
    stream  TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    hour    BIGINT NOT NULL,
    live_ms BIGINT NOT NULL,
    PRIMARY KEY (stream, hour)
) WITH (fillfactor = 70);

CREATE TABLE nodes (
    node        BYTEA PRIMARY KEY,
    token_hash  BYTEA NOT NULL UNIQUE,
    enrolled_at BIGINT NOT NULL
);

CREATE TABLE invites (
    code_hash  BYTEA PRIMARY KEY,
    stream     TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_by    BYTEA REFERENCES nodes (node),
    used_at    BIGINT
);
CREATE INDEX invites_by_expiry ON invites (expires_at);

-- The current session of each node. Here and not in memory, so that a restart breaks no nonce chain.
CREATE TABLE sessions (
    node          BYTEA PRIMARY KEY REFERENCES nodes (node),
    session       BYTEA NOT NULL,
    stream        TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    number        BIGINT NOT NULL,
    nonce_carried TEXT NOT NULL,
    nonce_given   TEXT NOT NULL,
    activity      TEXT NOT NULL,
    started_at    BIGINT NOT NULL,
    last_at       BIGINT NOT NULL,
    live_mark_ms  BIGINT NOT NULL,
    is_member     BOOLEAN NOT NULL,
    uplink_bps    BIGINT NOT NULL,
    addresses     TEXT NOT NULL
);
CREATE INDEX sessions_by_membership ON sessions (stream, is_member, last_at);

-- Every session there ever was: one that was replaced cannot be begun again with its recorded first report.
CREATE TABLE sessions_begun (
    node       BYTEA NOT NULL REFERENCES nodes (node),
    session    BYTEA NOT NULL,
    begun_at   BIGINT NOT NULL,
    PRIMARY KEY (node, session)
);

-- A consumer's accounts with its providers in its current session: claimed and credited, cumulative.
CREATE TABLE accounts (
    consumer         BYTEA NOT NULL REFERENCES nodes (node),
    provider         BYTEA NOT NULL REFERENCES nodes (node),
    claimed_bytes    BIGINT NOT NULL,
    claimed_blocks   BIGINT NOT NULL,
    claimed_on_time  BIGINT NOT NULL,
    claimed_bad      BIGINT NOT NULL,
    credited_bytes   BIGINT NOT NULL,
    credited_blocks  BIGINT NOT NULL,
    credited_on_time BIGINT NOT NULL,
    credited_bad     BIGINT NOT NULL,
    PRIMARY KEY (consumer, provider)
) WITH (fillfactor = 70);

CREATE TABLE credits (
    stream   TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    hour     BIGINT NOT NULL,
    provider BYTEA NOT NULL REFERENCES nodes (node),
    consumer BYTEA NOT NULL REFERENCES nodes (node),
    bytes    BIGINT NOT NULL,
    blocks   BIGINT NOT NULL,
    on_time  BIGINT NOT NULL,
    bad      BIGINT NOT NULL,
    PRIMARY KEY (stream, hour, provider, consumer)
) WITH (fillfactor = 70);
CREATE INDEX credits_by_provider ON credits (provider, hour);

CREATE TABLE uptimes (
    stream        TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    hour          BIGINT NOT NULL,
    node          BYTEA NOT NULL REFERENCES nodes (node),
    -- All of it; the part of it while the stream was live; declared downtime.
    supporting_ms BIGINT NOT NULL,
    live_ms       BIGINT NOT NULL,
    paused_ms     BIGINT NOT NULL,
    PRIMARY KEY (stream, hour, node)
) WITH (fillfactor = 70);
CREATE INDEX uptimes_by_node ON uptimes (node, hour);
