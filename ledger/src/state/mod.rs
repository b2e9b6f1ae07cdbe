//! The state that a ledger's entries create. It is the same for everybody who replays them.
//!
//! [`Governing`] is the part that nearly every entry is checked against, in memory; the rest are
//! rows ([`crate::rows`]). [`State`] is both together, for readers. A [`crate::Store`] keeps the
//! leaves and the values that may occur only once.

mod admission;
mod alerts;
mod authentic;
mod blobs;
mod board;
mod conservation;
mod draft;
mod earn;
mod epochs;
mod governing;
mod key_generation;
mod notes;
mod offers;
mod openings;
mod parties;
mod people;
mod period_end;
mod reads;
mod rules;
mod scales;
mod spending;
mod statement_keys;
mod stored;
mod tag_key;
mod tickets;
mod totals;

pub use alerts::{ALERT_ENTRIES_A_DAY, Alert, Alerts, LONGEST_SILENCE, LONGEST_WINDOW};
pub use board::{
    Board, BoardMark, DELAY_WITHOUT_WITNESSES, Demands, Endorsed, LONGEST_PROPOSAL, MOST_PROPOSALS,
    Made, ProposedAct, VoiceRecord,
};
pub use conservation::Balance;
pub use epochs::{EpochKeys, EpochStanding, Epochs, HalfMark};
pub use governing::Governing;
pub use key_generation::{
    DestroyedShare, Guilty, KeyGeneration, KeyGenerations, LONGEST_ATTEMPT, Progress, ceremony,
};
pub use notes::{Anchor, Notes, note_runs, notes_of_run};
pub use offers::{MOST_OFFERS, Offer, Offers, RedeemedSum, check_not_expired};
pub use openings::{Opening, OpeningSubject, OpeningVoice, Openings};
pub use parties::{EMERGENCY, EMERGENCY_PAUSE, FormerKey, Parties, Party};
pub use people::{EvaluatedRequest, GroupTree, People, Person, ROOT_GRACE};
pub use scales::{Scale, Scales, VersionRecord, VersionStanding};
pub use statement_keys::{StatementKey, StatementKeys};
pub use tag_key::{LONGEST_DEALING, TagDealing, TagDealings, TagKeyMark, TagKeyRecord};
pub use tickets::{MOST_DAYS_AHEAD, RESERVATION, Terms, Ticket, Tickets};
pub use totals::{IntervalTotal, OpenedTotal, Totals, TotalsSummary};

pub use merits_verifier::possession::TotalsKey;

use std::{ops::Deref, sync::Arc};

use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId},
    note::NoteCommitment,
};
use merits_verifier::{
    entry::Leaf,
    log::{Hash, leaf_hash},
};
use thiserror::Error;

use crate::blob::Blob;
use crate::policy::LedgerPolicy;
use crate::proven::{Job, VerifiedProof};
use crate::refusal::CheckError;
use crate::rows::{MemoryRows, RowChange, RowError, Rows, View};
use crate::store::Unique;
use crate::submission::{Authentic, Submission};

/// What replaying the log gives: what governs, and the rows.
///
/// A clone keeps the present rows if they are in memory. Rows of a store change with the store.
#[derive(Debug, Clone)]
pub struct State {
    governing: Governing,
    rows: StateRows,
}

/// The location of the rows.
#[derive(Debug, Clone)]
enum StateRows {
    /// All in memory.
    Memory(Arc<MemoryRows>),
    /// In a store.
    Stored(Arc<dyn Rows>),
}

/// The changes of an entry, as [`Governing::check`] determines them. First a store applies them,
/// then [`Governing::commit`].
#[derive(Debug, Clone)]
#[must_use = "effects change nothing until the store and the state have applied them"]
pub struct Effects {
    index: u64,
    time: Timestamp,
    id: EntryId,
    leaf: Vec<u8>,
    hash: Hash,
    uniques: Vec<Unique>,
    rows: Vec<RowChange>,
    notes: Vec<NoteCommitment>,
    blobs: Vec<Blob>,
}

impl Effects {
    /// Index of the leaf.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Time of the leaf.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The entry's id.
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// Writes the digest of the state before the entry ([`Governing::state_digest`]) into its leaf, as the last leaf
    /// under each checkpoint has it. Nothing else of the effects depends on it.
    pub fn seal(&mut self, state: &[u8; 32]) {
        Leaf::seal(&mut self.leaf, state);
        self.hash = leaf_hash(&self.leaf);
    }

    /// The leaf's bytes, as the log hashes them.
    pub fn leaf(&self) -> &[u8] {
        &self.leaf
    }

    /// The leaf's bytes, for callers that need nothing else.
    pub fn into_leaf(self) -> Vec<u8> {
        self.leaf
    }

    /// The leaf's hash.
    pub fn leaf_hash(&self) -> Hash {
        self.hash
    }

    /// Rows that it writes and removes, in the order of their keys.
    pub fn rows(&self) -> &[RowChange] {
        &self.rows
    }

    /// Notes that it appends to the tree, in order.
    pub fn notes(&self) -> &[NoteCommitment] {
        &self.notes
    }

    /// Blobs that the entry names, to be stored with its leaf.
    pub fn blobs(&self) -> &[Blob] {
        &self.blobs
    }

    /// Values that must be new; the entry's id is the first.
    pub fn uniques(&self) -> &[Unique] {
        &self.uniques
    }
}

/// Why effects cannot be applied. The program is to blame.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CommitError {
    /// They were determined for another state: check and commit belong to one sequencer.
    #[error("the effects belong to leaf {found}; the state is at leaf {expected}: check again")]
    Stale {
        /// Leaf that the state takes next.
        expected: u64,
        /// Leaf that the effects are for.
        found: u64,
    },
    /// A row that the rules wrote cannot be read.
    #[error(transparent)]
    Rows(#[from] RowError),
}

impl Deref for State {
    type Target = Governing;

    fn deref(&self) -> &Governing {
        &self.governing
    }
}

impl State {
    /// The state of an empty ledger, in memory.
    pub fn new(policy: LedgerPolicy) -> Self {
        Self {
            governing: Governing::new(policy),
            rows: StateRows::Memory(Arc::new(MemoryRows::summing())),
        }
    }

    /// The state that these rows are, in memory. The rows are trusted: whether they follow from a log is for the
    /// caller to know.
    ///
    /// # Errors
    /// [`RowError`] for rows that this version of the program cannot have written.
    pub fn restored(policy: LedgerPolicy, rows: MemoryRows) -> Result<Self, RowError> {
        let governing = Governing::load(policy, &rows)?;
        let rows = StateRows::Memory(Arc::new(rows));
        Ok(Self { governing, rows })
    }

    /// A stored state.
    pub fn stored(governing: Governing, rows: Arc<dyn Rows>) -> Self {
        let rows = StateRows::Stored(rows);
        Self { governing, rows }
    }

    /// The governing state.
    pub fn governing(&self) -> &Governing {
        &self.governing
    }

    /// A reader of the rows.
    pub fn rows(&self) -> &dyn Rows {
        match &self.rows {
            StateRows::Memory(rows) => rows.as_ref(),
            StateRows::Stored(rows) => rows.as_ref(),
        }
    }

    /// The rows, if they are in memory.
    pub fn memory(&self) -> Option<&MemoryRows> {
        match &self.rows {
            StateRows::Memory(rows) => Some(rows),
            StateRows::Stored(_) => None,
        }
    }

    /// The first of these values that is already used up, according to the rows in memory. A store
    /// refuses the others.
    pub(crate) fn taken(&self, uniques: &[Unique]) -> Option<Unique> {
        match &self.rows {
            StateRows::Memory(rows) => rows.taken(uniques),
            StateRows::Stored(_) => None,
        }
    }

    /// All alerts.
    pub fn alerts(&self) -> Alerts<'_> {
        Alerts { rows: self.rows() }
    }

    /// All openings.
    pub fn openings(&self) -> Openings<'_> {
        Openings { rows: self.rows() }
    }

    /// Key generations, and shares that were destroyed.
    pub fn key_generations(&self) -> KeyGenerations<'_> {
        KeyGenerations { rows: self.rows() }
    }

    /// Batches whose totals are not opened, and totals that are.
    pub fn totals(&self) -> Totals<'_> {
        Totals { rows: self.rows() }
    }

    /// Registered people.
    pub fn people(&self) -> People<'_> {
        People {
            register: &self.governing.people,
            rows: self.rows(),
        }
    }

    /// Consents.
    pub fn tickets(&self) -> Tickets<'_> {
        Tickets {
            published: &self.governing.terms,
            rows: self.rows(),
        }
    }

    /// The note tree.
    pub fn notes(&self) -> Notes<'_> {
        Notes {
            edge: &self.governing.notes,
            rows: self.rows(),
        }
    }

    /// The rows that the rules of a submission read.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn view(&self, submission: &Submission) -> Result<View, RowError> {
        let mut view = View::new();
        view.fill(self.rows(), |view| self.governing.reads(submission, view))?;
        Ok(view)
    }

    /// The rows that the rules of several submissions read.
    pub(crate) fn view_of<'a>(
        &self,
        submissions: impl Iterator<Item = &'a Submission> + Clone,
    ) -> Result<View, RowError> {
        let mut view = View::new();
        view.fill(self.rows(), |view| {
            let mut wanted = Vec::new();
            for submission in submissions.clone() {
                wanted.extend(self.governing.reads(submission, view)?);
            }
            Ok(wanted)
        })?;
        Ok(view)
    }

    /// Like [`State::check`], with a view that also has other entries' changes. Further rows that
    /// the entry reads are added to it, and a proof about rows is verified.
    pub(crate) fn check_in(
        &self,
        authentic: &Authentic,
        time: Timestamp,
        verified: Option<&VerifiedProof>,
        view: &mut View,
    ) -> Result<Effects, CheckError> {
        view.fill(self.rows(), |view| {
            self.governing.reads(&authentic.submission, view)
        })?;
        let by_rows = match verified {
            Some(_) => None,
            None => self.governing.verify_by_rows(&authentic.submission, view)?,
        };
        let verified = verified.or(by_rows.as_ref());
        self.governing.check(authentic, time, verified, view)
    }

    /// Like [`Governing::check_before_blobs`], but reads the row.
    ///
    /// # Errors
    /// [`CheckError`].
    pub fn check_before_blobs(&self, party: &PartyId, time: Timestamp) -> Result<(), CheckError> {
        let mut view = View::new();
        let wanted = self.governing.blob_reads(party);
        view.fill(self.rows(), |_| Ok(vec![wanted.clone()]))?;
        self.governing.check_before_blobs(party, time, &view)
    }

    /// Like [`Governing::job`], but reads the rows.
    ///
    /// # Errors
    /// [`CheckError`].
    pub fn job(&self, submission: &Submission) -> Result<Option<Job>, CheckError> {
        let mut view = View::new();
        view.fill(self.rows(), |view| {
            self.governing.job_reads(submission, view)
        })?;
        self.governing.job(submission, &view)
    }

    /// Like [`Governing::check`], but reads the rows.
    ///
    /// # Errors
    /// [`CheckError`].
    pub fn check(
        &self,
        authentic: &Authentic,
        time: Timestamp,
        verified: Option<&VerifiedProof>,
    ) -> Result<Effects, CheckError> {
        let view = self.view(&authentic.submission)?;
        self.governing.check(authentic, time, verified, &view)
    }

    /// Applies the effects of [`State::check`]. For a stored state, the store must have applied the
    /// rows before.
    ///
    /// # Errors
    /// [`CommitError`].
    pub fn commit(&mut self, effects: &Effects) -> Result<(), CommitError> {
        self.governing.commit(effects)?;
        let (index, changes, uniques) = (effects.index, &effects.rows, &effects.uniques);
        match &mut self.rows {
            StateRows::Memory(rows) => Arc::make_mut(rows).apply(index, changes, uniques),
            StateRows::Stored(_) => {}
        }
        Ok(())
    }

    /// The digest of the whole state: founding facts, rows and used values. It is equal exactly for
    /// those who applied the same leaves under the same policy, wherever checkpoints were made.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn digest(&self) -> Result<[u8; 32], RowError> {
        Ok(self.governing.state_digest(&self.rows().digest()?))
    }
}
