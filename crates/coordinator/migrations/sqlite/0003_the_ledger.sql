-- Money. Amounts are millionths of a currency's main unit. What an entry is and how it is hashed stands in
-- src/ledger.rs; what an epoch's input is, in src/epoch/measured.rs.

-- The last entry. One row, and whoever writes an entry changes it first: so writers queue on any database.
CREATE TABLE ledger_head (
    one    INTEGER PRIMARY KEY NOT NULL CHECK (one = 1),
    number INTEGER NOT NULL,
    hash   BLOB NOT NULL
) STRICT;
INSERT INTO ledger_head (one, number, hash)
VALUES (1, 0, X'0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE ledger_entries (
    number   INTEGER PRIMARY KEY NOT NULL,
    at       INTEGER NOT NULL,
    -- What it was made for. Unique, because nothing is booked twice.
    occasion TEXT NOT NULL UNIQUE,
    previous BLOB NOT NULL,
    hash     BLOB NOT NULL
) STRICT;

CREATE TABLE ledger_postings (
    entry    INTEGER NOT NULL REFERENCES ledger_entries (number),
    account  TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount   INTEGER NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (entry, account, currency)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_postings_by_account ON ledger_postings (account, currency, entry);

-- The sums of the postings, so that a balance is one row; verify-ledger compares them. The last guard against
-- paying what is not there.
CREATE TABLE ledger_balances (
    account  TEXT NOT NULL,
    currency TEXT NOT NULL,
    balance  INTEGER NOT NULL CHECK (
        CASE WHEN account LIKE 'deposits:%' THEN balance <= 0 ELSE balance >= 0 END
    ),
    PRIMARY KEY (account, currency)
) STRICT, WITHOUT ROWID;

-- Hours that are closed, with everything that decided what they paid. With row ids: as a part of its own key's
-- tree a row would be read whole, its input of up to a megabyte too, for each share that refers to it.
CREATE TABLE closed_epochs (
    stream     TEXT NOT NULL REFERENCES streams (stream),
    hour       INTEGER NOT NULL,
    entry      INTEGER NOT NULL UNIQUE REFERENCES ledger_entries (number),
    input_hash BLOB NOT NULL,
    input      BLOB NOT NULL,
    PRIMARY KEY (stream, hour)
) STRICT;

-- What each node got in them. It follows from the input; here so that a node's epochs are found quickly.
CREATE TABLE epoch_shares (
    stream    TEXT NOT NULL,
    hour      INTEGER NOT NULL,
    node      BLOB NOT NULL,
    uptime    INTEGER NOT NULL,
    quality   INTEGER NOT NULL,
    bandwidth INTEGER NOT NULL,
    PRIMARY KEY (stream, hour, node),
    FOREIGN KEY (stream, hour) REFERENCES closed_epochs (stream, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX epoch_shares_by_node ON epoch_shares (node, hour);

-- Which hours are due is asked every few seconds.
CREATE INDEX live_hours_by_hour ON live_hours (hour, stream);

-- What is written stays. The triggers on INSERT stop REPLACE, which takes a row out without a DELETE, and
-- anything behind the last entry.
CREATE TRIGGER ledger_entries_are_not_changed BEFORE UPDATE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_entries_are_not_deleted BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_entries_follow_the_last BEFORE INSERT ON ledger_entries
WHEN NEW.number <> (SELECT COALESCE(MAX(number), 0) + 1 FROM ledger_entries)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

CREATE TRIGGER ledger_postings_are_not_changed BEFORE UPDATE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_postings_are_not_deleted BEFORE DELETE ON ledger_postings
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_postings_are_of_the_last_entry BEFORE INSERT ON ledger_postings
WHEN NEW.entry <> (SELECT MAX(number) FROM ledger_entries)
    OR EXISTS (SELECT 1 FROM ledger_postings
               WHERE entry = NEW.entry AND account = NEW.account AND currency = NEW.currency)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

CREATE TRIGGER closed_epochs_are_not_changed BEFORE UPDATE ON closed_epochs
BEGIN SELECT RAISE(ABORT, 'a closed epoch stays closed as it is'); END;
CREATE TRIGGER closed_epochs_are_not_deleted BEFORE DELETE ON closed_epochs
BEGIN SELECT RAISE(ABORT, 'a closed epoch stays closed as it is'); END;
CREATE TRIGGER closed_epochs_close_once BEFORE INSERT ON closed_epochs
WHEN EXISTS (SELECT 1 FROM closed_epochs WHERE stream = NEW.stream AND hour = NEW.hour)
BEGIN SELECT RAISE(ABORT, 'a closed epoch stays closed as it is'); END;

CREATE TRIGGER epoch_shares_are_not_changed BEFORE UPDATE ON epoch_shares
BEGIN SELECT RAISE(ABORT, 'a closed epoch stays closed as it is'); END;
CREATE TRIGGER epoch_shares_are_not_deleted BEFORE DELETE ON epoch_shares
BEGIN SELECT RAISE(ABORT, 'a closed epoch stays closed as it is'); END;
CREATE TRIGGER epoch_shares_are_given_once BEFORE INSERT ON epoch_shares
WHEN EXISTS (SELECT 1 FROM epoch_shares WHERE stream = NEW.stream AND hour = NEW.hour AND node = NEW.node)
BEGIN SELECT RAISE(ABORT, 'a closed epoch stays closed as it is'); END;

-- Where a node's money goes. `payable` is the name of its account in the ledger, to be joined by.
CREATE TABLE payees (
    node    BLOB PRIMARY KEY NOT NULL REFERENCES nodes (node),
    payable TEXT NOT NULL UNIQUE,
    name    TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('iban', 'handle')),
    account TEXT NOT NULL,
    set_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE payout_batches (
    batch         TEXT PRIMARY KEY NOT NULL,
    method        TEXT NOT NULL CHECK (method IN ('csv', 'pain001', 'http')),
    currency      TEXT NOT NULL,
    begun_at      INTEGER NOT NULL,
    without_payee INTEGER NOT NULL,
    -- When a provider was first about to be told. From then on only the provider knows what became of it.
    submitted_at  INTEGER,
    -- When it said that it has them. After that it is not told again.
    accepted_at   INTEGER
) STRICT;

-- Payments. The payee is copied, because what was sent must be known whatever the node sets later.
CREATE TABLE payouts (
    payout  BLOB PRIMARY KEY NOT NULL,
    batch   TEXT NOT NULL REFERENCES payout_batches (batch),
    node    BLOB NOT NULL REFERENCES nodes (node),
    amount  INTEGER NOT NULL CHECK (amount > 0),
    fee     INTEGER NOT NULL CHECK (fee >= 0 AND fee < amount),
    state   TEXT NOT NULL CHECK (state IN ('pending', 'posted', 'void')),
    name    TEXT NOT NULL,
    kind    TEXT NOT NULL,
    account TEXT NOT NULL,
    UNIQUE (batch, node)
) STRICT;
CREATE INDEX payouts_by_state ON payouts (state, payout);
