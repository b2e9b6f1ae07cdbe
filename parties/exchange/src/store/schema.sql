-- One row: whose store this is.
CREATE TABLE node (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL,
    origin TEXT NOT NULL,
    party BLOB NOT NULL CHECK (length(party) = 32),
    -- Counts up whenever the store proves that it can write, so that each proof is a write.
    proofs_of_room INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Always empty: what proves that there is room is put here and deleted, in one transaction.
CREATE TABLE room (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    filler BLOB NOT NULL
) STRICT;

-- Vouchers, in the order in which they came. Never deleted: a wallet may ask again for years.
CREATE TABLE voucher (
    id INTEGER PRIMARY KEY,
    -- The offer's entry.
    offer BLOB NOT NULL CHECK (length(offer) = 32),
    -- HMAC of sponsor and code: one code of one sponsor is in stock once.
    tag BLOB NOT NULL UNIQUE CHECK (length(tag) = 32),
    -- The code, sealed under the master key.
    sealed BLOB NOT NULL,
    -- The redemption's entry that has it; a redemption has one voucher.
    redemption BLOB UNIQUE CHECK (length(redemption) = 32)
) STRICT;

-- How many vouchers of an offer were ever taken in.
CREATE TABLE stock (
    offer BLOB PRIMARY KEY CHECK (length(offer) = 32),
    total INTEGER NOT NULL CHECK (total >= 0)
) STRICT;

CREATE INDEX voucher_free ON voucher (offer, id) WHERE redemption IS NULL;

-- How much of the log was looked through for redemptions of this exchange: before the leaf `next`, each has its voucher.
-- The log's root with so many leaves tells another log.
CREATE TABLE handed (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    next INTEGER NOT NULL CHECK (next >= 0),
    root BLOB NOT NULL CHECK (length(root) = 32)
) STRICT;
