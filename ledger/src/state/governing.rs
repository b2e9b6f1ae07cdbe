//! The governing state: the part of the state that nearly every entry is checked against. It is
//! small, in memory, derived from the rows of the tables that govern, and pure.

mod questions;

use std::{collections::BTreeMap, sync::Arc};

use merits_primitives::{calendar::Timestamp, field, ids::Origin};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    entry::Leaf,
    groth16::{KeyDigest, Provenance, VerifyingKey},
    log::{Hash, leaf_hash},
};

use super::blobs;
use super::draft::Draft;
use super::notes::NoteEdge;
use super::people::Register;
use super::tickets::PublishedTerms;
use super::{Anchor, Board, CommitError, Effects, Epochs, Offers, Parties, Scales, StatementKeys};
use crate::policy::LedgerPolicy;
use crate::proven::VerifiedProof;
use crate::refusal::{CheckError, Refusal};
use crate::rows::{Key, Record, RowError, Rows, StateDigest, Table, View, decode};
use crate::store::UniqueSet;
use crate::submission::Authentic;

/// The part of the state that is in memory. Clones share its tables until one of them changes a table.
#[derive(Debug, Clone)]
pub struct Governing {
    pub(super) policy: LedgerPolicy,
    /// The vectors of the founding facts.
    founded: Arc<StateDigest>,
    log: LogHead,
    pub(super) parties: Parties,
    pub(super) board: Board,
    pub(super) epochs: Epochs,
    pub(super) scales: Scales,
    pub(super) statement_keys: StatementKeys,
    pub(super) people: Register,
    pub(super) terms: PublishedTerms,
    pub(super) notes: NoteEdge,
    pub(super) offers: Offers,
}

/// How much of the log was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct LogHead {
    /// Leaves applied.
    size: u64,
    /// Time of the last leaf.
    time: Timestamp,
    /// Chain over the hashes of all leaves, so that the digest covers what the tables do not keep. A leaf counts
    /// without its digest of the state, so a state does not depend on where checkpoints were made.
    history: [u8; 32],
}

impl Canonical for LogHead {
    const NAME: &'static str = "log";

    fn write(&self, out: &mut Writer) {
        out.u64(self.size);
        out.time(self.time);
        out.array(&self.history);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            size: input.u64("size")?,
            time: input.time("time")?,
            history: input.array("history")?,
        })
    }
}

impl Record for LogHead {
    const TABLE: Table = Table::Log;
}

impl Governing {
    /// For an empty ledger.
    pub fn new(policy: LedgerPolicy) -> Self {
        Self {
            notes: NoteEdge::new(policy.anchor_interval),
            board: Board::new(&policy.board),
            founded: Arc::new(StateDigest::founded(&policy)),
            policy,
            log: LogHead::default(),
            parties: Parties::default(),
            epochs: Epochs::default(),
            scales: Scales::default(),
            statement_keys: StatementKeys::default(),
            people: Register::default(),
            terms: PublishedTerms::default(),
            offers: Offers::default(),
        }
    }

    /// From stored rows: all rows of the tables that govern, in the order of tables and keys. The
    /// rows are trusted.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn restore<'r>(
        policy: LedgerPolicy,
        rows: impl IntoIterator<Item = (Table, &'r [u8], &'r [u8])>,
    ) -> Result<Self, RowError> {
        let mut governing = Self::new(policy);
        for (table, key, value) in rows {
            governing.apply(table, key, Some(value))?;
        }
        Ok(governing)
    }

    /// Like [`Governing::restore`], from a reader of rows.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn load(policy: LedgerPolicy, rows: &dyn Rows) -> Result<Self, RowError> {
        let mut governing = Self::new(policy);
        for table in Table::ALL.into_iter().filter(|table| table.governs()) {
            let mut from = Vec::new();
            loop {
                let page = rows.range(table, &from, PAGE)?;
                let full = page.len() == PAGE;
                for (key, value) in page {
                    governing.apply(table, &key, Some(&value))?;
                    from = key;
                }
                if !full {
                    break;
                }
                // The next possible key.
                from.push(0);
            }
        }
        Ok(governing)
    }

    /// The founding parameters.
    pub fn policy(&self) -> &LedgerPolicy {
        &self.policy
    }

    /// The digest of the state whose rows and used values have this sum. The last leaf under a checkpoint holds that
    /// of the state before it ([`Effects::seal`]).
    pub fn state_digest(&self, sum: &StateDigest) -> [u8; 32] {
        let mut digest = sum.clone();
        digest.merge(&self.founded);
        digest.finish()
    }

    /// The log's name.
    pub fn origin(&self) -> &Origin {
        &self.policy.origin
    }

    /// Leaves applied.
    pub fn size(&self) -> u64 {
        self.log.size
    }

    /// Notes in the note tree.
    pub fn note_count(&self) -> u64 {
        self.notes.size()
    }

    /// Time of the last leaf; [`Timestamp::FIRST`] before the first.
    pub fn time(&self) -> Timestamp {
        self.log.time
    }

    /// All parties.
    pub fn parties(&self) -> &Parties {
        &self.parties
    }

    /// The board.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// All view-key epochs.
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// All scales.
    pub fn scales(&self) -> &Scales {
        &self.scales
    }

    /// The keys of `ticket` and `redeem`.
    pub fn statement_keys(&self) -> &StatementKeys {
        &self.statement_keys
    }

    /// Offers and redemptions.
    pub fn offers(&self) -> &Offers {
        &self.offers
    }

    /// The newest anchor of the note tree at `time`; `None` before the first.
    pub fn anchor(&self, time: Timestamp) -> Option<Anchor> {
        self.notes.anchor(time)
    }

    /// A verifying key of an approved version or of a statement, by digest.
    pub fn verifying_key(&self, digest: &KeyDigest) -> Option<(&VerifyingKey, Provenance)> {
        self.scales
            .verifying_key(digest)
            .or_else(|| self.statement_keys.verifying_key(digest))
    }

    /// Checks every rule. It is pure: it changes nothing, and the answer depends only on the
    /// governing state, the rows of the view, the entry and the time. An entry with a proof needs
    /// its verified statement, which must be exactly the one that this state gives.
    ///
    /// # Errors
    /// [`CheckError`].
    pub fn check(
        &self,
        authentic: &Authentic,
        time: Timestamp,
        verified: Option<&VerifiedProof>,
        view: &View,
    ) -> Result<Effects, CheckError> {
        if self.parties.any_barred(time) {
            // Emergency suspensions are rare, and a copy shares the tables.
            let mut at = self.clone();
            at.parties = self.parties.at(time);
            return at.check_at(authentic, time, verified, view);
        }
        self.check_at(authentic, time, verified, view)
    }

    fn check_at(
        &self,
        authentic: &Authentic,
        time: Timestamp,
        verified: Option<&VerifiedProof>,
        view: &View,
    ) -> Result<Effects, CheckError> {
        let submission = &authentic.submission;
        let LogHead {
            size,
            time: last,
            history,
        } = self.log;
        if time < last {
            return Err(Refusal::TimeBackwards { last, found: time }.into());
        }
        self.check_origin(&submission.signed)?;
        self.check_signer(authentic, time)?;
        let mut draft = Draft::new(view);
        draft.use_up(UniqueSet::Entry, submission.id.0, None);
        self.check_kind(authentic, time, verified, &mut draft)?;
        blobs::check_quota(submission, time, &mut draft)?;
        let leaf = Leaf::encoded(time, &submission.signed);
        let hash: Hash = leaf_hash(&leaf);
        let head = LogHead {
            size: size + 1,
            time,
            history: field::digest("merits/history/v1", &[&history, &hash]),
        };
        draft.put(Key::new(&[]), &head);
        let (rows, uniques, notes) = draft.finish();
        Ok(Effects {
            index: size,
            time,
            id: submission.id,
            leaf,
            hash,
            uniques,
            rows,
            notes,
            blobs: submission.blobs().to_vec(),
        })
    }

    /// Applies the effects of [`Governing::check`], after the store has stored them.
    ///
    /// # Errors
    /// [`CommitError`] when another entry was committed in between.
    pub fn commit(&mut self, effects: &Effects) -> Result<(), CommitError> {
        if effects.index != self.log.size {
            return Err(CommitError::Stale {
                expected: self.log.size,
                found: effects.index,
            });
        }
        for (key, value) in &effects.rows {
            if key.table.governs() {
                self.apply(key.table, &key.key, value.as_deref())?;
            }
        }
        Ok(())
    }

    /// Like [`Governing::commit`] for each, one after the other. It applies each row only once, in
    /// its last form, because every entry of a group changes the same few rows.
    ///
    /// # Errors
    /// [`CommitError`]. The governing state must not be used after an error.
    pub fn commit_all(&mut self, effects: &[Effects]) -> Result<(), CommitError> {
        let mut rows = BTreeMap::new();
        for (effects, expected) in effects.iter().zip(self.log.size..) {
            let found = effects.index;
            if found != expected {
                return Err(CommitError::Stale { expected, found });
            }
            let governing = effects.rows.iter().filter(|(key, _)| key.table.governs());
            rows.extend(governing.map(|(key, value)| (key, value.as_deref())));
        }
        for (key, value) in rows {
            self.apply(key.table, &key.key, value)?;
        }
        Ok(())
    }

    /// Applies a row of a table that governs; `None` for a removed row.
    fn apply(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) -> Result<(), RowError> {
        let Some(value) = value else {
            // Nothing else is ever removed from the governing state.
            return if table == Table::Proposal {
                self.scales.apply_proposal(key, None)
            } else {
                self.board.remove(table, key)
            };
        };
        match table {
            Table::Log => {
                self.log = decode(value)?;
                Ok(())
            }
            Table::Party => self.parties.apply(key, value),
            Table::PartyKey => self.parties.apply_key(key),
            Table::Epoch => self.epochs.apply(value),
            Table::Scale => self.scales.apply(key, value),
            Table::Version => self.scales.apply_version(value),
            Table::Proposal => self.scales.apply_proposal(key, Some(value)),
            Table::StatementKey => self.statement_keys.apply(value),
            Table::Evaluator | Table::EvaluationCount | Table::EvaluatorCount | Table::Group => {
                self.people.apply(table, key, value)
            }
            Table::Terms => self.terms.apply(key, value),
            Table::Offer => self.offers.apply(key, value),
            Table::Redeemed => self.offers.apply_redeemed(key, value),
            Table::Notes => self.notes.apply(value),
            Table::Board | Table::Act | Table::Voice | Table::MadeAlone => {
                self.board.apply(table, key, value)
            }
            Table::Evaluation
            | Table::Person
            | Table::Commitment
            | Table::GroupNode
            | Table::OldRoot
            | Table::Ticket
            | Table::Withdrawal
            | Table::Anchor
            | Table::NoteRun
            | Table::Opening
            | Table::Alert
            | Table::AlertQuota
            | Table::Totals
            | Table::Interval
            | Table::Deeds
            | Table::Atom
            | Table::AtomPlace
            | Table::Deed
            | Table::BlobQuota
            | Table::Request
            | Table::KeyAttempts
            | Table::KeyGeneration
            | Table::KeyMessage
            | Table::DestroyedShare
            | Table::TagDealing => Ok(()),
        }
    }
}

/// The number of rows that one query of a range returns.
const PAGE: usize = 1_024;
