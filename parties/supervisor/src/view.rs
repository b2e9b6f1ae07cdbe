//! The data that supervision reads from a verified copy of the log.
//!
//! It is a trait because the rules of opening are pure: a replica implements it in `net`, and the
//! ledger's memory store in tests. Every method answers from data that the implementor has **itself
//! verified**; nothing may come from a message.

use merits_ledger::{
    entry::OpeningContent,
    rows::RowError,
    state::{FormerKey, IntervalTotal, OpeningSubject, OpeningVoice},
};
use merits_primitives::{
    calendar::Timestamp,
    commitment::RecordCommitment,
    ids::{AssetId, Credits, EntryId, Epoch, Origin, PartyId, Period, Quantity, ScaleId},
    jubjub::Point,
    nullifier::SpendNullifier,
    view_encryption::{Ciphertext, SealedIdentity},
};
pub use merits_threshold::half::QuorumHalf;
use merits_verifier::{possession::TotalsKey, signature::PublicKey, statement::earn::MeasureTotal};
use thiserror::Error;

use crate::side::Side;

/// The copy of the log cannot be read. Data that cannot be read must never count as absent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the copy of the log cannot be read: {0}")]
pub struct Unreadable(pub String);

impl From<RowError> for Unreadable {
    fn from(error: RowError) -> Self {
        Self(error.to_string())
    }
}

/// Who vouches for a copy of the log besides the log itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vouched {
    /// Nobody: this party demands no cosignatures.
    Undemanded,
    /// As many witnesses as this party demands cosigned the copy's newest checkpoint, at this time or later; `None` if
    /// this process has not seen it.
    AsOf(Option<Timestamp>),
}

/// A verified copy of a ledger, for supervision.
pub trait LedgerView {
    /// The log.
    fn origin(&self) -> &Origin;

    /// Who vouches for this copy.
    fn vouched(&self) -> Vouched;

    /// A party's present standing.
    fn party(&self, id: &PartyId) -> Option<PartyStanding>;

    /// An opening request that is in the log.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn request(&self, id: &EntryId) -> Result<Option<LoggedRequest>, Unreadable>;

    /// An earn batch that is in the log.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn batch(&self, id: &EntryId) -> Result<Option<LoggedBatch>, Unreadable>;

    /// A redemption that is in the log.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn redemption(&self, id: &EntryId) -> Result<Option<LoggedRedemption>, Unreadable>;

    /// One side's half of an epoch's keys, with the verification share of each of its holders. A half that
    /// one holder has is a quorum of 1 of 1.
    fn quorum(&self, epoch: Epoch, side: Side) -> Option<QuorumHalf>;

    /// Whether the log has the entry by which this holder destroyed its share of a half.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn destroyed(&self, epoch: Epoch, side: Side, holder: &PartyId) -> Result<bool, Unreadable>;

    /// One output of an interval of batches, added up; `None` without a batch.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn interval(&self, key: &TotalsKey, number: u32) -> Result<Option<IntervalTotal>, Unreadable>;

    /// All intervals of one scale, period, epoch and output, each with its number, in order.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn intervals(&self, key: &TotalsKey) -> Result<Vec<(u32, IntervalTotal)>, Unreadable>;
}

/// A party's state in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartyStanding {
    /// It was admitted as a supervisor.
    pub is_supervisor: bool,
    /// It is suspended.
    pub suspended: bool,
    /// Its signing key.
    pub signing_key: PublicKey,
    /// The key before it, if that signs for some time still.
    pub former: Option<FormerKey>,
    /// Its X25519 key for sealed messages.
    pub sealing_key: [u8; 32],
}

impl PartyStanding {
    /// The keys that sign for it at `time`.
    pub fn keys(&self, time: Timestamp) -> impl Iterator<Item = PublicKey> {
        let former = self.former.filter(|former| time < former.until);
        std::iter::once(self.signing_key).chain(former.map(|former| former.key))
    }
}

/// An OpeningRequested or RedeemerRequested entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// What it opens.
    pub subject: OpeningSubject,
    /// The scale of the claim, which the request states publicly.
    pub scale: ScaleId,
    /// Who signed it.
    pub requester: PartyId,
    /// The commitment to its content.
    pub commitment: [u8; 32],
    /// The time after which no holder answers.
    pub deadline: Timestamp,
    /// Members of the board that must endorse it: the higher of what an ordinary act took then and takes now.
    pub needed: u16,
    /// Those in standing that endorse it, the requester among them.
    pub endorsed: Vec<OpeningVoice>,
    /// The hash of its result, once an OpeningCompleted entry has it.
    pub result: Option<[u8; 32]>,
}

impl LoggedRequest {
    /// The members that endorse the request `id` of this log and saw this very content. The requester's commitment
    /// must have been compared with it.
    pub fn endorsing(
        &self,
        origin: &Origin,
        id: &EntryId,
        content: &OpeningContent,
    ) -> impl Iterator<Item = PartyId> {
        let endorsed = self.endorsed.iter();
        let saw = endorsed.filter(move |voice| voice.saw(origin, id, content));
        saw.map(|voice| voice.member)
    }
}

/// An EarnBatch entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedBatch {
    /// Its scale.
    pub scale: ScaleId,
    /// The ledger's number of its scale.
    pub asset: AssetId,
    /// Its period.
    pub period: Period,
    /// The epoch of the keys that it is encrypted under.
    pub epoch: Epoch,
    /// The most credits a claim of its scale can hold.
    pub v_max: Credits,
    /// The most that a claim of its scale can measure, if the scale has a measure.
    pub w_max: Option<Quantity>,
    /// r·B8.
    pub t1: Point,
    /// (Σ v)·B8 + r·At.
    pub t2: Point,
    /// The measure's total, of a scale with one.
    pub measure: Option<MeasureTotal>,
    /// Its claims.
    pub claims: Vec<SealedClaim>,
}

/// A Redeemed entry, as far as supervision reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRedemption {
    /// The scale of the credits.
    pub scale: ScaleId,
    /// The epoch of the keys that the identity is encrypted under.
    pub epoch: Epoch,
    /// The first spend nullifier, to which the ciphertext is bound.
    pub sn1: SpendNullifier,
    /// The identity under A.
    pub identity: SealedIdentity,
}

/// The data of one claim in an entry, as far as supervision reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedClaim {
    /// C.
    pub commitment: RecordCommitment,
    /// Credits, measure and pseudonym under A.
    pub ciphertext: Ciphertext,
}
