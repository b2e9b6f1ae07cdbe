//! Why an entry is not appended. Each reason has a variant with a code for machines, the field at
//! fault, and a message that says what came, what was expected and what to do next.

mod alert;
mod board;
mod code;
mod identity;
mod key_generation;
mod offer;
mod opening;
mod scale;
mod tag_key;
mod ticket;
mod totals;

pub use alert::AlertRefusal;
pub use board::BoardRefusal;
pub use identity::IdentityRefusal;
pub use key_generation::KeyGenerationRefusal;
pub use offer::OfferRefusal;
pub use opening::OpeningRefusal;
pub use scale::ScaleRefusal;
pub use tag_key::TagKeyRefusal;
pub use ticket::TicketRefusal;
pub use totals::TotalRefusal;

use merits_primitives::{
    calendar::Timestamp,
    figures::{FiguresError, PublicNumber},
    ids::{Epoch, PartyId},
    jubjub::PointError,
};
use merits_verifier::{
    FieldName, VerifyError,
    codec::CodecError,
    fields,
    groth16::{KeyError, ProofError, ProofFormatError},
    proof::ProofDecodeError,
    schnorr::SchnorrError,
    statement::StatementError,
};
use thiserror::Error;

use crate::blob::{BlobDigest, BlobTooLarge};
use crate::entry::PersonStatement;
use crate::role::Role;
use crate::rows::RowError;
use crate::store::UniqueSet;

/// Why an entry was not accepted: it is refused, or the state could not be read, which says nothing
/// about the entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckError {
    /// The entry is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The state could not be read.
    #[error(transparent)]
    Rows(#[from] RowError),
}

macro_rules! refused_from {
    ($($refusal:ty),*) => {$(
        impl From<$refusal> for CheckError {
            fn from(refusal: $refusal) -> Self {
                Self::Refused(refusal.into())
            }
        }
    )*};
}

refused_from!(
    AlertRefusal,
    BoardRefusal,
    IdentityRefusal,
    KeyGenerationRefusal,
    OfferRefusal,
    OpeningRefusal,
    ScaleRefusal,
    TagKeyRefusal,
    TicketRefusal,
    TotalRefusal
);

/// Why an entry is refused. Unless stated otherwise, the submitter is to blame. A refusal changes
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    // The envelope.
    /// Over the size limit.
    #[error("the entry has {found} bytes, but at most {limit} are allowed: split the batch")]
    TooLarge {
        /// Bytes that came.
        found: usize,
        /// Most bytes.
        limit: usize,
    },
    /// Not the canonical encoding of an entry.
    #[error("malformed entry: {0}")]
    Malformed(CodecError),
    /// A Baby Jubjub point that is not allowed as a key or ciphertext.
    #[error("{what}: {fault}")]
    BadPoint {
        /// Which point.
        what: &'static str,
        /// What is wrong with it.
        fault: PointError,
    },
    /// Made for another log.
    #[error("the entry was made for log {found}; this is {expected}")]
    OtherOrigin {
        /// This log.
        expected: String,
        /// The log it was made for.
        found: String,
    },
    /// A kind that does not exist.
    #[error("entry kind {kind:#06x} is unknown: the submitter may run a newer version")]
    UnknownKind {
        /// Its number.
        kind: u16,
    },
    /// A proof in an entry of a kind that carries none.
    #[error("an entry of kind `{kind}` carries no proof, but one came")]
    ProofUnexpected {
        /// The kind.
        kind: &'static str,
    },
    /// An entry without a blob that it names.
    #[error("the entry names blob {digest}, which did not come with it: send both together")]
    BlobMissing {
        /// The blob.
        digest: BlobDigest,
    },
    /// A blob that the entry does not name, or that came twice.
    #[error("blob {digest} came with the entry, which does not name it, or came twice")]
    BlobUnexpected {
        /// The blob that came.
        digest: BlobDigest,
    },
    /// A blob over its limit.
    #[error("a blob has {found} bytes; at most {limit} are allowed")]
    BlobTooLarge {
        /// Its bytes.
        found: usize,
        /// Most that are allowed.
        limit: usize,
    },
    /// The party's entries named as many blobs today as they may.
    #[error("daily limit of {limit} blobs of a party reached: send the entry again tomorrow (UTC)")]
    BlobQuota {
        /// The limit.
        limit: u32,
    },
    /// A signature in an entry of a kind that carries none.
    #[error(
        "an entry of kind `{kind}` is made by a person: party and signature must be zeros, because only the proof counts"
    )]
    SignatureUnexpected {
        /// The kind.
        kind: &'static str,
    },
    /// The sequencer's time is less than the last leaf's. The coordinator's clock is to blame.
    #[error(
        "the coordinator's clock went back: it says {found}, and the last entry was dated {last}"
    )]
    TimeBackwards {
        /// Time of the last leaf.
        last: Timestamp,
        /// Time given.
        found: Timestamp,
    },
    // Parties.
    /// The first entry must be the founding supervisor's own admission.
    #[error("the first entry must be party {authority} admitting itself as a supervisor")]
    NotFounded {
        /// The configured authority.
        authority: PartyId,
    },
    /// No such party.
    #[error("party {party} is not admitted")]
    PartyUnknown {
        /// The party.
        party: PartyId,
    },
    /// The party is suspended.
    #[error("party {party} is suspended")]
    PartySuspended {
        /// The party.
        party: PartyId,
    },
    /// The party has ended.
    #[error("party {party} has ended: it never acts again")]
    PartyEnded {
        /// The party.
        party: PartyId,
    },
    /// The party's signature does not hold.
    #[error("the signature does not hold under the key that the ledger has for party {party}")]
    SignatureInvalid {
        /// The party.
        party: PartyId,
    },
    /// The signing key changed between authentication and append.
    #[error("the signing key of party {party} was rotated meanwhile: sign again with the new one")]
    KeyRotated {
        /// The party.
        party: PartyId,
    },
    /// Another change of keys would cut off a key that was promised to sign for some time still.
    #[error(
        "the key of party {party} before its present one signs until {until}, and another change of keys would cut it \
         off: wait until then, or change the key with a grace of 0, which ends all earlier keys at once"
    )]
    KeyInGrace {
        /// The party.
        party: PartyId,
        /// Until when the earlier key signs.
        until: Timestamp,
    },
    /// The party lacks the role that the entry needs.
    #[error("party {party} lacks the role `{needed}`")]
    RoleMissing {
        /// The party.
        party: PartyId,
        /// The role it lacks.
        needed: Role,
    },
    /// A party without any role.
    #[error("a party needs at least one role")]
    RolesEmpty,
    /// Two roles that one institution may not hold together.
    #[error("one institution may not be both {one} and {other}")]
    RoleConflict {
        /// One.
        one: Role,
        /// The other.
        other: Role,
    },
    /// The party is already admitted.
    #[error("party {party} is already admitted")]
    PartyExists {
        /// The party.
        party: PartyId,
    },
    /// Another party has that name.
    #[error("another party is named {name:?}")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Another party has, or had, that signing key.
    #[error("the signing key is or was another's: every party and generation needs its own")]
    KeyTaken,
    /// A proof of possession or consent that does not hold.
    #[error(
        "{what} does not hold: its maker does not know the secret, or made it for another log, party or epoch"
    )]
    PossessionInvalid {
        /// The proof or signature.
        what: &'static str,
    },
    /// A running number is not the next one.
    #[error("{what} must be {expected} and is {found}")]
    OutOfSequence {
        /// The number's name.
        what: FieldName,
        /// The next one.
        expected: u32,
        /// What came.
        found: u32,
    },
    /// The party is already in the state that the entry asks for.
    #[error("party {party} is already {standing}")]
    StandingUnchanged {
        /// The party.
        party: PartyId,
        /// "suspended" or "in good standing".
        standing: &'static str,
    },
    /// A supervisor cannot be suspended or ended if too few would be left to undo it.
    #[error(
        "without party {party}, {left} supervisors would be in standing, and an act of trust takes {needed}: admit another first"
    )]
    LastSupervisor {
        /// The party.
        party: PartyId,
        /// Supervisors in standing without it.
        left: usize,
        /// Members that an act of trust takes.
        needed: u16,
    },
    // View keys.
    /// A sum of halves is the identity, which hides nothing.
    #[error("the halves of the {key} key add up to the identity, which hides nothing")]
    ViewKeyIdentity {
        /// "view" or "totals".
        key: &'static str,
    },
    /// A and At, or their halves, are equal, so that opened totals would open claims.
    #[error("the view key and the totals key share a half: opening a total would open claims")]
    ViewKeysEqual,
    /// One party holds something of both halves.
    #[error("one party is a holder on both sides: it could help to open claims without a trace")]
    OneHolder,
    /// The epoch's times contradict each other.
    #[error("the epoch's times contradict each other: {why}")]
    EpochTimes {
        /// How.
        why: &'static str,
    },
    /// No such epoch.
    #[error("view-key epoch {} is unknown", epoch.0)]
    EpochUnknown {
        /// The epoch.
        epoch: Epoch,
    },
    /// The epoch is not accepted now.
    #[error("view-key epoch {} is {standing} and not accepted now: encrypt under the active one and prove again", epoch.0)]
    EpochNotAccepted {
        /// The epoch.
        epoch: Epoch,
        /// "pending" or "retired".
        standing: &'static str,
    },
    /// The figures are not valid for a scale.
    #[error("the scale's figures: {0}")]
    Figures(#[from] FiguresError),
    /// The verifying key is refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key takes another number of public inputs than figures, measure and capacity give.
    #[error("the key takes {found} public inputs; figures, measure and capacity give {expected}")]
    KeyInputs {
        /// Inputs by figures, measure and capacity.
        expected: usize,
        /// Inputs that the key takes.
        found: usize,
    },
    // Earn batches.
    /// The prover used another value of the scale's terms.
    #[error("the batch was proven for {what} {found}; the approved scale has {expected}")]
    OtherTerms {
        /// The value's name.
        what: ProvenTerm,
        /// The ledger's value.
        expected: String,
        /// The prover's value.
        found: String,
    },
    /// Another kind of period than the scale's.
    #[error("the batch is for a {}; the scale counts by the {}", .found.word(), .expected.word())]
    OtherPeriod {
        /// The scale's kind.
        expected: merits_primitives::ids::PeriodKind,
        /// The batch's kind.
        found: merits_primitives::ids::PeriodKind,
    },
    /// The prover used a constant that is not approved.
    #[error("{name} was taken as {found}; {approved} is approved for {period}")]
    ConstantNotApproved {
        /// Its name, such as `fare (before)`.
        name: String,
        /// The approved public number of the period.
        approved: PublicNumber,
        /// The prover's.
        found: PublicNumber,
        /// Label of the period.
        period: String,
    },
    /// The prover used another number of public numbers.
    #[error("the batch has {found} public numbers; the approved version's figures give {expected}")]
    ConstantCount {
        /// By the version's figures.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// A batch of a scale with a measure lacks the measure's total, or a batch of another scale has
    /// one.
    #[error("{}", if *measured {
        "the scale has a measure, but the batch has no total of it (M1, M2)"
    } else {
        "the scale has no measure, but the batch has a total of one (M1, M2)"
    })]
    MeasureUnfit {
        /// Whether the scale has a measure.
        measured: bool,
    },
    /// The period is not over.
    #[error("period {period} is not over anywhere on Earth")]
    PeriodNotOver {
        /// Label of the period.
        period: String,
    },
    /// The source is not an admitted source.
    #[error("source {source_party} is not admitted as a source")]
    SourceUnknown {
        /// The party that was named.
        source_party: PartyId,
    },
    /// A source signature does not hold.
    #[error(
        "claim {claim}: the source's signature over (log, source, schema, period, C) does not hold under a key that \
         signs for the source now: if its key has changed since, let the source sign again"
    )]
    SourceSignature {
        /// Index of the claim.
        claim: usize,
    },
    /// No proof of the kind's system: the bytes are none, none came, or one of another system.
    #[error(transparent)]
    ProofFormat(#[from] ProofDecodeError),
    /// The statement is refused before its proof is verified.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The proof does not hold for the statement that the ledger's state gives.
    #[error(
        "the proof does not hold for the statement that the ledger's state gives \
         (records, credits, b, keys or context differ from what was proven)"
    )]
    ProofInvalid,
    /// The coordinator passed a verified statement that is not this entry's. Its fault.
    #[error("the entry was not verified against the present state; submit it again")]
    NotVerified,
    /// A value that may occur only once occurred before.
    #[error("{}: already used by an earlier entry", set.describe())]
    AlreadyUsed {
        /// The set.
        set: UniqueSet,
        /// Index of the claim, if the set is one of claims.
        claim: Option<usize>,
    },

    // Statements of people.
    /// No key of this statement was adopted.
    #[error("the ledger has no key for statement `{statement}` yet: the board adopts one first")]
    StatementKeyMissing {
        /// Which statement.
        statement: PersonStatement,
    },
    /// A proof of spending under a root that is not an anchor of the note tree.
    #[error(
        "the proof was made for a note tree that is not an anchor of this ledger: bring the wallet up to date and prove again"
    )]
    NoteRootUnknown,
    /// The tree has no room for the notes that the entry would add.
    #[error("the note tree is full")]
    NoteTreeFull,

    // Each concept's own.
    /// The board and its acts.
    #[error(transparent)]
    Board(#[from] BoardRefusal),
    /// A scale, or a version of it.
    #[error(transparent)]
    Scale(#[from] ScaleRefusal),
    /// A person, or the group of people.
    #[error(transparent)]
    Identity(#[from] IdentityRefusal),
    /// Terms, tickets, consents.
    #[error(transparent)]
    Ticket(#[from] TicketRefusal),
    /// Offers and redemptions.
    #[error(transparent)]
    Offer(#[from] OfferRefusal),
    /// Dealings of the tag key's shares.
    #[error(transparent)]
    TagKey(#[from] TagKeyRefusal),
    /// Key generations and destroyed shares.
    #[error(transparent)]
    KeyGeneration(#[from] KeyGenerationRefusal),
    /// Opening requests.
    #[error(transparent)]
    Opening(#[from] OpeningRefusal),
    /// Alerts.
    #[error(transparent)]
    Alert(#[from] AlertRefusal),
    /// Opened totals.
    #[error(transparent)]
    Total(#[from] TotalRefusal),
}

/// A value of a scale's terms that a proof binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvenTerm {
    /// The asset number.
    Asset,
    /// The expiry.
    Expiry,
    /// The schema.
    Schema,
}

impl ProvenTerm {
    fn name(self) -> FieldName {
        match self {
            Self::Asset => fields::ASSET,
            Self::Expiry => fields::EXPIRY,
            Self::Schema => fields::SCHEMA,
        }
    }
}

impl std::fmt::Display for ProvenTerm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.name().fmt(f)
    }
}

impl From<BlobTooLarge> for Refusal {
    fn from(BlobTooLarge { found, limit }: BlobTooLarge) -> Self {
        Self::BlobTooLarge { found, limit }
    }
}

impl From<CodecError> for Refusal {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "errors of the crates below can get further variants"
    )]
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Point { what, fault } => Self::BadPoint { what, fault },
            error => Self::Malformed(error),
        }
    }
}

impl From<ProofFormatError> for Refusal {
    fn from(error: ProofFormatError) -> Self {
        Self::ProofFormat(error.into())
    }
}

impl From<SchnorrError> for Refusal {
    fn from(error: SchnorrError) -> Self {
        match error {
            SchnorrError::Count { .. } => Self::ProofInvalid,
            SchnorrError::Invalid { what } => Self::PossessionInvalid { what },
        }
    }
}

impl From<VerifyError> for Refusal {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "errors of the crates below can get further variants"
    )]
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Statement(error) => Self::Statement(error),
            VerifyError::Proof(ProofError::InputCount { expected, found }) => Self::KeyInputs {
                expected: found,
                found: expected,
            },
            _ => Self::ProofInvalid,
        }
    }
}
