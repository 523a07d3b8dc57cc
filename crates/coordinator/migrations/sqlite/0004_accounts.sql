-- Accounts of people. The table is `people`, because `accounts` are those that nodes have with each other.
-- Ids of accounts are 32 random bytes; no secret is stored, only hashes.

CREATE TABLE people (
    account    BLOB PRIMARY KEY NOT NULL,
    handle     TEXT NOT NULL UNIQUE,
    email      TEXT,
    role       TEXT NOT NULL,
    -- The newest of `standings`, kept here so that "which nodes are established" is one join.
    standing   TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Apart from `people`, so that what reads accounts cannot read hashes by accident. The parameters are kept with
-- each hash: they may rise later.
CREATE TABLE passwords (
    account    BLOB PRIMARY KEY NOT NULL REFERENCES people (account),
    salt       BLOB NOT NULL,
    hash       BLOB NOT NULL,
    memory_kib INTEGER NOT NULL,
    passes     INTEGER NOT NULL,
    lanes      INTEGER NOT NULL,
    set_at     INTEGER NOT NULL
) STRICT;

-- Every standing an account ever had, numbered from 1. Money is divided by it, so it is never rewritten.
CREATE TABLE standings (
    account  BLOB NOT NULL REFERENCES people (account),
    number   INTEGER NOT NULL,
    standing TEXT NOT NULL,
    reason   TEXT NOT NULL,
    set_at   INTEGER NOT NULL,
    -- The operator who set it; NULL for the operator token.
    set_by   BLOB REFERENCES people (account),
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER standings_are_not_rewritten BEFORE UPDATE ON standings
BEGIN SELECT RAISE(ABORT, 'standings are a history: add a new one'); END;
CREATE TRIGGER standings_are_not_removed BEFORE DELETE ON standings
BEGIN SELECT RAISE(ABORT, 'standings are a history: add a new one'); END;

-- Invites to make an account of a role. A used one is gone: the account itself says that it was used.
CREATE TABLE account_invites (
    code_hash  BLOB PRIMARY KEY NOT NULL,
    role       TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Sessions of people. (`sessions` are those of nodes.)
CREATE TABLE sign_ins (
    token_hash BLOB PRIMARY KEY NOT NULL,
    account    BLOB NOT NULL REFERENCES people (account),
    began_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX sign_ins_by_account ON sign_ins (account, last_at);
CREATE INDEX sign_ins_by_end ON sign_ins (ends_at);

-- A node belongs to one account at most.
CREATE TABLE node_owners (
    node       BLOB PRIMARY KEY NOT NULL REFERENCES nodes (node),
    account    BLOB NOT NULL REFERENCES people (account),
    claimed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX node_owners_by_account ON node_owners (account);

-- The one claim code that an account may have open, and the one node that it serves.
CREATE TABLE claim_codes (
    account    BLOB PRIMARY KEY NOT NULL REFERENCES people (account),
    code_hash  BLOB NOT NULL UNIQUE,
    node       BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- A stream that the operator registered with the operator token has no owner.
CREATE TABLE stream_owners (
    stream  TEXT PRIMARY KEY NOT NULL REFERENCES streams (stream),
    account BLOB NOT NULL REFERENCES people (account)
) STRICT;
CREATE INDEX stream_owners_by_account ON stream_owners (account);

-- An invite that was taken back is kept, so that a late friend is told why.
ALTER TABLE invites ADD COLUMN revoked_at INTEGER;
CREATE INDEX invites_by_stream ON invites (stream, created_at);

-- Passkeys (WebAuthn). The two states are as the library encodes them: the public key and what else never changes,
-- and what every use changes, the counter among it.
CREATE TABLE passkeys (
    credential    BLOB PRIMARY KEY NOT NULL,
    account       BLOB NOT NULL REFERENCES people (account),
    name          TEXT NOT NULL,
    static_state  BLOB NOT NULL,
    dynamic_state BLOB NOT NULL,
    added_at      INTEGER NOT NULL,
    used_at       INTEGER
) STRICT;
CREATE INDEX passkeys_by_account ON passkeys (account);

-- Ceremonies under way, each taken at most once. In the database and not in memory, so that the process that ends
-- one need not be the process that began it. `account` is NULL where somebody signs in and is not known yet.
CREATE TABLE passkey_ceremonies (
    challenge  BLOB PRIMARY KEY NOT NULL,
    account    BLOB REFERENCES people (account),
    state      BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX passkey_ceremonies_by_expiry ON passkey_ceremonies (expires_at);
