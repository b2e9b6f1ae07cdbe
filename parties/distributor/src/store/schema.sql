-- The distributor's store, version 5. The life of a row: docs/src/distributor.md.
-- Sealed columns are XChaCha20-Poly1305 ciphertexts (at_rest.rs); everything else is public on
-- the ledger sooner or later, or says nothing without the node's master key.

CREATE TABLE node (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    version  INTEGER NOT NULL,
    origin   TEXT    NOT NULL,
    party    BLOB    NOT NULL CHECK (length(party) = 32),
    -- The rule by which `subject.look` was made (merits_text::lookalike::rule).
    looks    TEXT    NOT NULL
) STRICT;

-- What the approved manifest says of a scale, for reports beside a running node.
CREATE TABLE scale (
    id       TEXT    PRIMARY KEY,
    vouched  INTEGER NOT NULL CHECK (vouched IN (0, 1))
) STRICT;

-- An account. Deleting the row deletes its data key, hence all that is sealed under it.
CREATE TABLE subject (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    tag          BLOB NOT NULL UNIQUE CHECK (length(tag) = 32), -- HMAC of the name
    wrapped_key  BLOB NOT NULL,                                 -- sealed under the master key
    name         BLOB NOT NULL,                                 -- sealed
    -- HMAC of what the name looks like: two accounts that people would mix up have the same.
    look         BLOB NOT NULL CHECK (length(look) = 32)
) STRICT;
CREATE INDEX subject_by_look ON subject (look);

-- One subject's records of one period.
CREATE TABLE deed (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    subject     INTEGER REFERENCES subject (id) ON DELETE SET NULL,
    scale       TEXT    NOT NULL,
    period      INTEGER NOT NULL,
    source      BLOB    NOT NULL CHECK (length(source) = 32),
    commitment  BLOB    NOT NULL CHECK (length(commitment) = 32), -- C
    signature   BLOB    NOT NULL CHECK (length(signature) = 64),  -- the source's
    records     BLOB,                                             -- sealed; NULL once forgotten
    credits     BLOB,                                             -- sealed; once claimed
    state       TEXT    NOT NULL CHECK (state IN ('ingested', 'claimed', 'acknowledged', 'refused')),
    refusal     TEXT,
    -- Why the last run made no claim of it, as one of a few words: nothing of the records. Tried again, alone.
    aside       TEXT,
    UNIQUE (scale, commitment),
    UNIQUE (scale, subject, source, period)
) STRICT;
CREATE INDEX deed_by_state ON deed (scale, state, period, source, commitment);
CREATE INDEX deed_by_subject ON deed (subject);

-- A batch of claims: one proof, one ledger entry.
CREATE TABLE batch (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    scale      TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    period     INTEGER NOT NULL,
    source     BLOB    NOT NULL CHECK (length(source) = 32),
    entry_id   BLOB    NOT NULL CHECK (length(entry_id) = 32),
    statement  BLOB    NOT NULL,   -- fixed before proving; what the entry will state
    envelope   BLOB,               -- the signed entry with its proof, from 'proved' on
    state      TEXT    NOT NULL CHECK (state IN ('formed', 'proved', 'acknowledged', 'refused')),
    refusal    TEXT,
    receipt    TEXT                -- the log's signed receipt, as it came
) STRICT;
CREATE INDEX batch_by_state ON batch (state);
-- What the ledger refused may be stated again once its reason is past.
CREATE UNIQUE INDEX batch_by_entry ON batch (entry_id) WHERE state <> 'refused';

-- A person's consent to one claim. On a ledger in custody there are none.
CREATE TABLE ticket (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    subject    INTEGER REFERENCES subject (id) ON DELETE SET NULL,
    scale      TEXT    NOT NULL,
    period     INTEGER NOT NULL,
    source     BLOB    NOT NULL CHECK (length(source) = 32),
    nullifier  BLOB    NOT NULL CHECK (length(nullifier) = 32),
    message    BLOB    NOT NULL CHECK (length(message) = 32),
    entry_id   BLOB    NOT NULL UNIQUE CHECK (length(entry_id) = 32),
    envelope   BLOB    NOT NULL,   -- the signed deposit with the person's proof
    keys       BLOB,               -- sealed: K, h; NULL once there is no use for them
    state      TEXT    NOT NULL CHECK (state IN
                   ('imported', 'deposited', 'claimed', 'lapsed', 'refused', 'withdrawn')),
    refusal    TEXT,
    receipt    TEXT                -- the log's signed receipt of the deposit
) STRICT;
CREATE INDEX ticket_by_state ON ticket (state);
-- One consent of one person for one account's claim.
CREATE UNIQUE INDEX ticket_by_place ON ticket (subject, scale, period, source)
    WHERE state IN ('imported', 'deposited', 'claimed');

-- Which deed is which claim of a batch. A deed is in one live batch at most.
CREATE TABLE claim (
    batch     INTEGER NOT NULL REFERENCES batch (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    deed      INTEGER NOT NULL UNIQUE REFERENCES deed (id),
    ticket    INTEGER REFERENCES ticket (id),  -- NULL on a ledger in custody
    PRIMARY KEY (batch, position)
) STRICT;
CREATE INDEX claim_by_ticket ON claim (ticket);
