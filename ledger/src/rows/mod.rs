//! The state as rows, the form that every store keeps.
//!
//! A row has a table, a key and a value. A key orders its table: numbers in keys are big-endian. A value
//! is a canonical encoding, so equal states have equal rows, and the digest covers all of them.
//!
//! Tables that govern are small, are read for nearly every entry, and are kept in memory
//! ([`crate::Governing`]), derived from the rows:
//!
//! | table | key | value |
//! |---|---|---|
//! | log | nothing | leaves, time of the last one, chain of their hashes |
//! | party | party id | name, roles, keys, standing |
//! | party key | signing key | nothing: the key was a party's once |
//! | epoch | number | the published keys |
//! | scale | scale id | number, kind of period, what was issued and last claimed |
//! | version | scale id, version | what was proposed and approved, its standing |
//! | proposal | entry id | what waits for approval |
//! | statement key | statement | the key in force |
//! | evaluator | nothing | the key of the uniqueness tags: generation, threshold, holders, whether it was ever whole |
//! | evaluation count | registrar | evaluations that it was given |
//! | evaluator count | evaluator | evaluations that it counted |
//! | terms | distributor, SHA-256 of the document | scale, entry |
//! | offer | entry id | what was published, what was redeemed, when it was closed |
//! | redeemed | number of the scale, expiry | redemptions, credits |
//! | group | nothing | leaves and root of the group of people |
//! | notes | nothing | right edge of the note tree, newest anchor |
//! | board | nothing | the board's thresholds and their generation |
//! | act | entry id | a proposed act, what it needs, when it was enacted |
//! | voice | entry id, party | endorsement or objection of an act |
//! | made alone | number and target of an act | the entry by which one supervisor alone decided it |
//!
//! Tables that grow with people and deeds are never completely in memory. An entry's rules state
//! which rows they need ([`crate::Governing::reads`]):
//!
//! | table | key | value | read by |
//! |---|---|---|---|
//! | evaluation | entry id | registrar, digest of the blinded element | registrations |
//! | person | uniqueness tag | IC, leaf, eligibility, registrar, standing | registrations, retirements |
//! | commitment | IC | uniqueness tag | registrations, retirements, wallets |
//! | group node | level, index | node | registrations, retirements, wallets' paths |
//! | old root | root | when it was superseded | tickets, withdrawals, redemptions, attestations |
//! | ticket | nullifier | the deposit that was not claimed with | deposits, withdrawals, batches |
//! | withdrawal | nullifier, message | nothing | deposits, withdrawals |
//! | anchor | root of the note tree | notes under it | redemptions, attestations |
//! | note run | index of its first note | the notes of one entry | wallets, through the note service |
//! | opening | entry id | request, result, what was revealed | openings, wallets |
//! | totals | asset, period, epoch, output | the running interval, time of the last cut, sums of both sides | batches, cuts, totals |
//! | interval | the same, number | batches, claims, ΣT1, ΣT2, its cut, what was opened | batches, cuts, totals, holders |
//! | deeds | schema, period | atoms, intervals that were cut, whether claims of several scales are compared | batches, cuts |
//! | atom | the same, number | deeds that were claimed in exactly these portions | batches, cuts |
//! | atom place | the same, digest of portions | number of the atom | batches |
//! | deed | C | number of its atom, where several scales read such records | batches |
//! | key attempts | epoch, side | attempts to make this half, the newest of each party, up to 8 | openings of attempts |
//! | key generation | epoch, side, attempt | holders, threshold, deadline, how far it is, the half that it made | openings of attempts, messages, epochs |
//! | key message | epoch, side, attempt, round, party | the message | messages that complete a round |
//! | destroyed share | epoch, side, party | when its holder destroyed it | reports |
//! | blob quota | party | day, blobs named on it | entries that name blobs |
//! | alert | entry id | who raised it, what it says, how it was handled | the handling of alerts, reports |
//! | alert quota | party | day, entries about alerts on it | alerts and their handling |
//! | request | digest of a blinded element | registrar, the evaluators that counted it with their entries, whether it was used | evaluations, registrations, evaluators |
//! | tag dealing | generation, opener | who deals shares of the tag key to whom, what was published | its messages, evaluators |
//!
//! Values that may occur only once ([`crate::UniqueSet`]) are not rows: a constraint of the store
//! enforces them in the transaction of the append.

mod digest;
mod memory;
mod view;

pub use digest::StateDigest;
pub use memory::MemoryRows;
pub use view::View;

use std::{fmt, marker::PhantomData};

use merits_verifier::codec::{Canonical, CodecError};
use thiserror::Error;

use crate::store::UniqueSet;

/// A table of the state. Numbers are never reused; 43 and 44 were batches' and opened totals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Size, time and history of the log.
    Log = 1,
    /// Parties.
    Party = 2,
    /// Signing keys that were ever a party's.
    PartyKey = 3,
    /// View-key epochs.
    Epoch = 4,
    /// Scales.
    Scale = 5,
    /// Approved versions of scales.
    Version = 6,
    /// Versions that wait for approval.
    Proposal = 7,
    /// Keys of people's statements.
    StatementKey = 8,
    /// The key of the uniqueness tags, and its holders.
    Evaluator = 9,
    /// Evaluations by registrar.
    EvaluationCount = 10,
    /// Published terms.
    Terms = 11,
    /// Offers.
    Offer = 12,
    /// What was redeemed.
    Redeemed = 13,
    /// The group of people.
    Group = 14,
    /// The note tree's edge.
    Notes = 15,
    /// Evaluations by evaluator.
    EvaluatorCount = 16,
    /// Thresholds of the board.
    Board = 20,
    /// Proposed acts.
    Act = 21,
    /// Endorsements and objections.
    Voice = 22,
    /// What one supervisor alone decided.
    MadeAlone = 23,
    /// Evaluations.
    Evaluation = 32,
    /// People.
    Person = 33,
    /// Identity commitments.
    Commitment = 34,
    /// Nodes of the group's tree.
    GroupNode = 35,
    /// Superseded roots of the group.
    OldRoot = 36,
    /// Deposited tickets.
    Ticket = 37,
    /// Withdrawn consents.
    Withdrawal = 38,
    /// Anchors of the note tree.
    Anchor = 39,
    /// Notes.
    NoteRun = 40,
    /// Openings.
    Opening = 41,
    /// Heads of totals.
    Totals = 42,
    /// Blobs that parties' entries named today.
    BlobQuota = 45,
    /// Evaluated elements.
    Request = 46,
    /// Attempts to make a half of the view keys, by half.
    KeyAttempts = 47,
    /// Attempts, one by one.
    KeyGeneration = 48,
    /// Messages of attempts.
    KeyMessage = 49,
    /// Shares that their holders destroyed.
    DestroyedShare = 50,
    /// Alerts.
    Alert = 51,
    /// Entries about alerts that supervisors sent today.
    AlertQuota = 52,
    /// Dealings of the tag key's shares.
    TagDealing = 53,
    /// Sums of batches that are opened together, and what was opened.
    Interval = 54,
    /// Deeds of one schema and period.
    Deeds = 55,
    /// Deeds that were claimed in the same portions.
    Atom = 56,
    /// Atoms by their portions.
    AtomPlace = 57,
    /// Atoms by deed.
    Deed = 58,
}

impl Table {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 45] = [
        Self::Log,
        Self::Party,
        Self::PartyKey,
        Self::Epoch,
        Self::Scale,
        Self::Version,
        Self::Proposal,
        Self::StatementKey,
        Self::Evaluator,
        Self::EvaluationCount,
        Self::Terms,
        Self::Offer,
        Self::Redeemed,
        Self::Group,
        Self::Notes,
        Self::EvaluatorCount,
        Self::Board,
        Self::Act,
        Self::Voice,
        Self::MadeAlone,
        Self::Evaluation,
        Self::Person,
        Self::Commitment,
        Self::GroupNode,
        Self::OldRoot,
        Self::Ticket,
        Self::Withdrawal,
        Self::Anchor,
        Self::NoteRun,
        Self::Opening,
        Self::Totals,
        Self::BlobQuota,
        Self::Request,
        Self::KeyAttempts,
        Self::KeyGeneration,
        Self::KeyMessage,
        Self::DestroyedShare,
        Self::Alert,
        Self::AlertQuota,
        Self::TagDealing,
        Self::Interval,
        Self::Deeds,
        Self::Atom,
        Self::AtomPlace,
        Self::Deed,
    ];

    /// The table's number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The table of this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.number() == number)
    }

    /// Whether it is kept in memory.
    pub fn governs(self) -> bool {
        self.number() < Self::Evaluation.number()
    }

    /// Its name in messages and in the digest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Party => "party",
            Self::PartyKey => "party key",
            Self::Epoch => "epoch",
            Self::Scale => "scale",
            Self::Version => "version",
            Self::Proposal => "proposal",
            Self::StatementKey => "statement key",
            Self::Evaluator => "evaluator",
            Self::EvaluationCount => "evaluation count",
            Self::Terms => "terms",
            Self::Offer => "offer",
            Self::Redeemed => "redeemed",
            Self::Group => "group",
            Self::Notes => "notes",
            Self::EvaluatorCount => "evaluator count",
            Self::Board => "board",
            Self::Act => "act",
            Self::Voice => "voice",
            Self::MadeAlone => "made alone",
            Self::Evaluation => "evaluation",
            Self::Person => "person",
            Self::Commitment => "commitment",
            Self::GroupNode => "group node",
            Self::OldRoot => "old root",
            Self::Ticket => "ticket",
            Self::Withdrawal => "withdrawal",
            Self::Anchor => "anchor",
            Self::NoteRun => "note run",
            Self::Opening => "opening",
            Self::Totals => "totals",
            Self::BlobQuota => "blob quota",
            Self::Request => "request",
            Self::KeyAttempts => "key attempts",
            Self::KeyGeneration => "key generation",
            Self::KeyMessage => "key message",
            Self::DestroyedShare => "destroyed share",
            Self::Alert => "alert",
            Self::AlertQuota => "alert quota",
            Self::TagDealing => "tag dealing",
            Self::Interval => "interval",
            Self::Deeds => "deeds",
            Self::Atom => "atom",
            Self::AtomPlace => "atom place",
            Self::Deed => "deed",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A row's table and key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The table.
    pub table: Table,
    /// The key, in the table's order.
    pub key: Vec<u8>,
}

/// A row after an entry: its new value, or `None` if the entry removes it.
pub type RowChange = (RowKey, Option<Vec<u8>>);

/// The key and value of a row whose table is known.
pub type KeyValue = (Vec<u8>, Vec<u8>);

/// The type of a row's value.
pub trait Record: Canonical {
    /// The table of such rows.
    const TABLE: Table;
}

/// The key of a row that holds a `T`.
pub struct Key<T> {
    row: RowKey,
    record: PhantomData<fn() -> T>,
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        Self {
            row: self.row.clone(),
            record: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.row.fmt(f)
    }
}

impl<T: Record> Key<T> {
    /// The key with these parts, one after the other.
    pub(crate) fn new(parts: &[&[u8]]) -> Self {
        Self {
            row: RowKey {
                table: T::TABLE,
                key: parts.concat(),
            },
            record: PhantomData,
        }
    }

    /// Table and key.
    pub fn row(&self) -> &RowKey {
        &self.row
    }

    /// Table and key.
    pub fn into_row(self) -> RowKey {
        self.row
    }
}

/// Why a row could not be read. It is never the fault of the submitter of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RowError {
    /// The rules read a row that they did not request. This is a bug: a row that was not requested
    /// is unknown and must never count as absent.
    #[error(
        "a row of the table `{table}` was used but not requested: this is a bug, please report it"
    )]
    NotAsked {
        /// The table.
        table: Table,
    },
    /// A row that a program of this version cannot have written.
    #[error("a row of the table `{table}` is damaged ({fault}); run fsck")]
    Malformed {
        /// The table.
        table: Table,
        /// What is wrong.
        fault: CodecError,
    },
    /// A row that others refer to is missing.
    #[error("a row of the table `{table}` is missing; run fsck")]
    Missing {
        /// The table.
        table: Table,
    },
    /// The store failed.
    #[error("the stored state cannot be read: {0}")]
    Store(String),
}

/// Decodes a row's value.
pub(crate) fn decode<T: Record>(value: &[u8]) -> Result<T, RowError> {
    T::from_bytes(value).map_err(|fault| RowError::Malformed {
        table: T::TABLE,
        fault,
    })
}

/// Reads rows of a state at one moment.
pub trait Rows: fmt::Debug + Send + Sync {
    /// The values of rows; `None` for each row that does not exist.
    ///
    /// # Errors
    /// [`RowError::Store`].
    fn get(&self, keys: &[RowKey]) -> Result<Vec<Option<Vec<u8>>>, RowError>;

    /// The first `limit` rows of a table from a key on, in key order.
    ///
    /// # Errors
    /// [`RowError::Store`].
    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<KeyValue>, RowError>;

    /// The leaf that used up a value, if one did.
    ///
    /// # Errors
    /// [`RowError::Store`].
    fn used(&self, set: UniqueSet, value: &[u8; 32]) -> Result<Option<u64>, RowError>;

    /// The sum over all rows and used values, without founding facts.
    ///
    /// # Errors
    /// [`RowError::Store`].
    fn digest(&self) -> Result<StateDigest, RowError>;
}

/// Reads one row and decodes it.
///
/// # Errors
/// [`RowError`].
pub(crate) fn get<T: Record>(rows: &dyn Rows, key: &Key<T>) -> Result<Option<T>, RowError> {
    let found = rows.get(std::slice::from_ref(key.row()))?;
    match found.into_iter().next().flatten() {
        None => Ok(None),
        Some(value) => decode(&value).map(Some),
    }
}

/// The number of rows that one query of a range returns.
const PAGE: usize = 1_024;

/// All rows of a table whose keys begin with `prefix`, in order; `each` returns whether to
/// continue.
///
/// # Errors
/// [`RowError`].
pub(crate) fn scan<T: Record>(
    rows: &dyn Rows,
    prefix: &[u8],
    mut each: impl FnMut(&[u8], T) -> bool,
) -> Result<(), RowError> {
    scan_from(rows, prefix, prefix.to_vec(), &mut each)
}

/// Like [`scan`], from a key on.
///
/// # Errors
/// [`RowError`].
pub(crate) fn scan_from<T: Record>(
    rows: &dyn Rows,
    prefix: &[u8],
    mut from: Vec<u8>,
    mut each: impl FnMut(&[u8], T) -> bool,
) -> Result<(), RowError> {
    loop {
        let page = rows.range(T::TABLE, &from, PAGE)?;
        let full = page.len() == PAGE;
        for (key, value) in page {
            if !key.starts_with(prefix) || !each(&key, decode(&value)?) {
                return Ok(());
            }
            from = key;
        }
        if !full {
            return Ok(());
        }
        // The next possible key.
        from.push(0);
    }
}
