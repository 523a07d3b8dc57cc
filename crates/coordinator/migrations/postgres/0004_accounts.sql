-- The same as in SQLite, table for table and column for column.

-- Accounts of people. The table is `people`, because `accounts` are those that nodes have with each other.
-- Ids of accounts are 32 random bytes; no secret is stored, only hashes.

CREATE TABLE people (
    account    BYTEA PRIMARY KEY,
    handle     TEXT COLLATE "C" NOT NULL UNIQUE,
    email      TEXT,
    role       TEXT NOT NULL,
    -- The newest of `standings`, kept here so that "which nodes are established" is one join.
    standing   TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Apart from `people`, so that what reads accounts cannot read hashes by accident. The parameters are kept with
-- each hash: they may rise later.
CREATE TABLE passwords (
    account    BYTEA PRIMARY KEY REFERENCES people (account),
    salt       BYTEA NOT NULL,
    hash       BYTEA NOT NULL,
    memory_kib BIGINT NOT NULL,
    passes     BIGINT NOT NULL,
    lanes      BIGINT NOT NULL,
    set_at     BIGINT NOT NULL
);

-- Every standing an account ever had, numbered from 1. Money is divided by it, so it is never rewritten.
CREATE TABLE standings (
    account  BYTEA NOT NULL REFERENCES people (account),
    number   BIGINT NOT NULL,
    standing TEXT NOT NULL,
    reason   TEXT NOT NULL,
    set_at   BIGINT NOT NULL,
    -- The operator who set it; NULL for the operator token.
    set_by   BYTEA REFERENCES people (account),
    PRIMARY KEY (account, number)
);
CREATE FUNCTION standings_are_a_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'standings are a history: add a new one';
END $$;
CREATE TRIGGER standings_are_not_rewritten BEFORE UPDATE OR DELETE ON standings
    FOR EACH ROW EXECUTE FUNCTION standings_are_a_history();
CREATE TRIGGER standings_are_not_emptied BEFORE TRUNCATE ON standings
    FOR EACH STATEMENT EXECUTE FUNCTION standings_are_a_history();

-- Invites to make an account of a role. A used one is gone: the account itself says that it was used.
CREATE TABLE account_invites (
    code_hash  BYTEA PRIMARY KEY,
    role       TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Sessions of people. (`sessions` are those of nodes.)
CREATE TABLE sign_ins (
    token_hash BYTEA PRIMARY KEY,
    account    BYTEA NOT NULL REFERENCES people (account),
    began_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    ends_at    BIGINT NOT NULL
);
CREATE INDEX sign_ins_by_account ON sign_ins (account, last_at);
CREATE INDEX sign_ins_by_end ON sign_ins (ends_at);

-- A node belongs to one account at most.
CREATE TABLE node_owners (
    node       BYTEA PRIMARY KEY REFERENCES nodes (node),
    account    BYTEA NOT NULL REFERENCES people (account),
    claimed_at BIGINT NOT NULL
);
CREATE INDEX node_owners_by_account ON node_owners (account);

-- The one claim code that an account may have open, and the one node that it serves.
CREATE TABLE claim_codes (
    account    BYTEA PRIMARY KEY REFERENCES people (account),
    code_hash  BYTEA NOT NULL UNIQUE,
    node       BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);

-- A stream that the operator registered with the operator token has no owner.
CREATE TABLE stream_owners (
    stream  TEXT COLLATE "C" PRIMARY KEY REFERENCES streams (stream),
    account BYTEA NOT NULL REFERENCES people (account)
);
CREATE INDEX stream_owners_by_account ON stream_owners (account);

-- An invite that was taken back is kept, so that a late friend is told why.
ALTER TABLE invites ADD COLUMN revoked_at BIGINT;
CREATE INDEX invites_by_stream ON invites (stream, created_at);

-- Passkeys (WebAuthn). The two states are as the library encodes them: the public key and what else never changes,
-- and what every use changes, the counter among it.
CREATE TABLE passkeys (
    credential    BYTEA PRIMARY KEY,
    account       BYTEA NOT NULL REFERENCES people (account),
    name          TEXT NOT NULL,
    static_state  BYTEA NOT NULL,
    dynamic_state BYTEA NOT NULL,
    added_at      BIGINT NOT NULL,
    used_at       BIGINT
);
CREATE INDEX passkeys_by_account ON passkeys (account);

-- Ceremonies under way, each taken at most once. In the database and not in memory, so that the process that ends
-- one need not be the process that began it. `account` is NULL where somebody signs in and is not known yet.
CREATE TABLE passkey_ceremonies (
    challenge  BYTEA PRIMARY KEY,
    account    BYTEA REFERENCES people (account),
    state      BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX passkey_ceremonies_by_expiry ON passkey_ceremonies (expires_at);
