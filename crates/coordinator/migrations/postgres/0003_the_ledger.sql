-- The same as in SQLite, table for table and column for column.

-- Money. Amounts are millionths of a currency's main unit. What an entry is and how it is hashed stands in
-- src/ledger.rs; what an epoch's input is, in src/epoch/measured.rs.

-- The last entry. One row, and whoever writes an entry changes it first: so writers queue on any database.
CREATE TABLE ledger_head (
    one    BIGINT PRIMARY KEY CHECK (one = 1),
    number BIGINT NOT NULL,
    hash   BYTEA NOT NULL
);
INSERT INTO ledger_head (one, number, hash)
VALUES (1, 0, '\x0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE ledger_entries (
    number   BIGINT PRIMARY KEY,
    at       BIGINT NOT NULL,
    -- What it was made for. Unique, because nothing is booked twice.
    occasion TEXT COLLATE "C" NOT NULL UNIQUE,
    previous BYTEA NOT NULL,
    hash     BYTEA NOT NULL
);

CREATE TABLE ledger_postings (
    entry    BIGINT NOT NULL REFERENCES ledger_entries (number),
    account  TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    amount   BIGINT NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (entry, account, currency)
);
CREATE INDEX ledger_postings_by_account ON ledger_postings (account, currency, entry);

-- The sums of the postings, so that a balance is one row; verify-ledger compares them. The last guard against
-- paying what is not there.
CREATE TABLE ledger_balances (
    account  TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    balance  BIGINT NOT NULL CHECK (
        CASE WHEN account LIKE 'deposits:%' THEN balance <= 0 ELSE balance >= 0 END
    ),
    PRIMARY KEY (account, currency)
) WITH (fillfactor = 70);

-- Hours that are closed, with everything that decided what they paid. The input, up to a megabyte,
-- is stored apart from its row, so it is not read for each share that refers to it.
CREATE TABLE closed_epochs (
    stream     TEXT COLLATE "C" NOT NULL REFERENCES streams (stream),
    hour       BIGINT NOT NULL,
    entry      BIGINT NOT NULL UNIQUE REFERENCES ledger_entries (number),
    input_hash BYTEA NOT NULL,
    input      BYTEA NOT NULL,
    PRIMARY KEY (stream, hour)
);

-- What each node got in them. It follows from the input; here so that a node's epochs are found quickly.
CREATE TABLE epoch_shares (
    stream    TEXT COLLATE "C" NOT NULL,
    hour      BIGINT NOT NULL,
    node      BYTEA NOT NULL,
    uptime    BIGINT NOT NULL,
    quality   BIGINT NOT NULL,
    bandwidth BIGINT NOT NULL,
    PRIMARY KEY (stream, hour, node),
    FOREIGN KEY (stream, hour) REFERENCES closed_epochs (stream, hour)
);
CREATE INDEX epoch_shares_by_node ON epoch_shares (node, hour);

-- Which hours are due is asked every few seconds.
CREATE INDEX live_hours_by_hour ON live_hours (hour, stream);

-- What is written stays, and nothing is written behind the last. Twice is nothing written: the keys see to that.
CREATE FUNCTION the_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only';
END $$;
CREATE FUNCTION a_closed_epoch_stays_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a closed epoch stays closed as it is';
END $$;

CREATE FUNCTION ledger_entries_follow_the_last() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number <> (SELECT COALESCE(MAX(number), 0) + 1 FROM ledger_entries) THEN
        RAISE EXCEPTION 'the ledger is append-only';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_entries_follow_the_last BEFORE INSERT ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_entries_follow_the_last();

CREATE FUNCTION ledger_postings_are_of_the_last_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.entry <> (SELECT MAX(number) FROM ledger_entries) THEN
        RAISE EXCEPTION 'the ledger is append-only';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_postings_are_of_the_last_entry BEFORE INSERT ON ledger_postings
    FOR EACH ROW EXECUTE FUNCTION ledger_postings_are_of_the_last_entry();

CREATE TRIGGER ledger_entries_are_not_rewritten BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION the_ledger_is_append_only();
CREATE TRIGGER ledger_entries_are_not_emptied BEFORE TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION the_ledger_is_append_only();
CREATE TRIGGER ledger_postings_are_not_rewritten BEFORE UPDATE OR DELETE ON ledger_postings
    FOR EACH ROW EXECUTE FUNCTION the_ledger_is_append_only();
CREATE TRIGGER ledger_postings_are_not_emptied BEFORE TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION the_ledger_is_append_only();
CREATE TRIGGER closed_epochs_are_not_rewritten BEFORE UPDATE OR DELETE ON closed_epochs
    FOR EACH ROW EXECUTE FUNCTION a_closed_epoch_stays_closed();
CREATE TRIGGER closed_epochs_are_not_emptied BEFORE TRUNCATE ON closed_epochs
    FOR EACH STATEMENT EXECUTE FUNCTION a_closed_epoch_stays_closed();
CREATE TRIGGER epoch_shares_are_not_rewritten BEFORE UPDATE OR DELETE ON epoch_shares
    FOR EACH ROW EXECUTE FUNCTION a_closed_epoch_stays_closed();
CREATE TRIGGER epoch_shares_are_not_emptied BEFORE TRUNCATE ON epoch_shares
    FOR EACH STATEMENT EXECUTE FUNCTION a_closed_epoch_stays_closed();

-- Where a node's money goes. `payable` is the name of its account in the ledger, to be joined by.
CREATE TABLE payees (
    node    BYTEA PRIMARY KEY REFERENCES nodes (node),
    payable TEXT COLLATE "C" NOT NULL UNIQUE,
    name    TEXT NOT NULL,
    kind    TEXT COLLATE "C" NOT NULL CHECK (kind IN ('iban', 'handle')),
    account TEXT COLLATE "C" NOT NULL,
    set_at  BIGINT NOT NULL
);

CREATE TABLE payout_batches (
    batch         TEXT COLLATE "C" PRIMARY KEY,
    method        TEXT NOT NULL CHECK (method IN ('csv', 'pain001', 'http')),
    currency      TEXT COLLATE "C" NOT NULL,
    begun_at      BIGINT NOT NULL,
    without_payee BIGINT NOT NULL,
    -- When a provider was first about to be told. From then on only the provider knows what became of it.
    submitted_at  BIGINT,
    -- When it said that it has them. After that it is not told again.
    accepted_at   BIGINT
);

-- Payments. The payee is copied, because what was sent must be known whatever the node sets later.
CREATE TABLE payouts (
    payout  BYTEA PRIMARY KEY,
    batch   TEXT COLLATE "C" NOT NULL REFERENCES payout_batches (batch),
    node    BYTEA NOT NULL REFERENCES nodes (node),
    amount  BIGINT NOT NULL CHECK (amount > 0),
    fee     BIGINT NOT NULL CHECK (fee >= 0 AND fee < amount),
    state   TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'posted', 'void')),
    name    TEXT NOT NULL,
    kind    TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    UNIQUE (batch, node)
);
CREATE INDEX payouts_by_state ON payouts (state, payout);
