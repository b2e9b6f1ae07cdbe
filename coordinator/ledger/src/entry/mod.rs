//! Entry kinds and the canonical encoding of their statements, one file a family.
//!
//! A kind's number and encoding never change; a new meaning gets a new number. Retired numbers
//! are not used again: 0x0301 (a scale without dates and measure), 0x0304 (a scale that does not say
//! how deeds at several sources count), 0x0401 (a batch without a measure), 0x0402 (a batch without
//! tickets), 0x0504 (a total of credits only), 0x0505 (a total that always has partials), 0x0702 (a ticket that names no version).

mod earn;
mod figures;
mod identity;
mod opening;
mod party;
mod redemption;
mod scale;
mod statement_key;
mod ticket;
mod totals;
mod view_key;

pub use earn::{EarnBatch, EarnTerms, MAX_CLAIMS, SignedClaim};
pub use identity::{
    EvaluationCounted, EvaluatorOpened, IdentityRegistered, IdentityRetired, UniquenessTag,
    evaluation_digest,
};
pub use opening::{OpeningCompleted, OpeningContent, OpeningRequested, OpeningRevealed};
pub use party::{KeysRotated, MAX_BASIS_BYTES, PartyAdmitted, StandingChange};
pub use redemption::{Attested, OfferClosed, OfferKind, OfferPublished, Redeemed, Spending};
pub use scale::{ScaleApproved, ScaleProposed, ScaleRetired};
pub use statement_key::{PersonStatement, StatementKeyAdopted};
pub use ticket::{ConsentWithdrawn, MAX_TERMS_BYTES, TermsPublished, TicketDeposited};
pub use totals::{MAX_TOTAL_ENTRIES, TotalPartial, TotalPartials, TotalsOpened};
pub use view_key::{HalfKeys, ViewKeyEpochOpened};

use ed25519_dalek::SigningKey;
use merits_primitives::{
    Fr,
    ids::{EntryId, Origin, PartyId},
};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    entry::SignedEntry,
    groth16::Proof,
};

/// The kind of an earn batch.
pub const EARN_BATCH: u16 = 0x0403;
/// The kind of a deposited ticket.
pub const TICKET_DEPOSITED: u16 = 0x0704;
/// The kind of a withdrawn consent.
pub const CONSENT_WITHDRAWN: u16 = 0x0703;
/// The kind of a redemption.
pub const REDEEMED: u16 = 0x0803;
/// The kind of an attestation.
pub const ATTESTED: u16 = merits_verifier::spending::ATTESTED;

/// A typed statement of a ledger entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "entries are handled one at a time, never in arrays"
)]
pub enum Entry {
    /// A party joins.
    PartyAdmitted(PartyAdmitted),
    /// A party loses its voice.
    PartySuspended(StandingChange),
    /// A suspended party gets it back.
    PartyReinstated(StandingChange),
    /// A party changes its keys.
    KeysRotated(KeysRotated),
    /// New view keys.
    ViewKeyEpochOpened(ViewKeyEpochOpened),
    /// An issuer proposes a version of a scale.
    ScaleProposed(ScaleProposed),
    /// A supervisor approves it.
    ScaleApproved(ScaleApproved),
    /// A version ends.
    ScaleRetired(ScaleRetired),
    /// A distributor's proven credits.
    EarnBatch(EarnBatch),
    /// A supervisor asks to open one claim.
    OpeningRequested(OpeningRequested),
    /// The opening happened.
    OpeningCompleted(OpeningCompleted),
    /// What was opened is revealed.
    OpeningRevealed(OpeningRevealed),
    /// A sum over many batches, in the open.
    TotalsOpened(TotalsOpened),
    /// A verifying key of `ticket` or `redeem` comes into force.
    StatementKeyAdopted(StatementKeyAdopted),
    /// The evaluator of uniqueness tags shows its key.
    EvaluatorOpened(EvaluatorOpened),
    /// It answered a registrar.
    EvaluationCounted(EvaluationCounted),
    /// A person is registered.
    IdentityRegistered(IdentityRegistered),
    /// An identity ends.
    IdentityRetired(IdentityRetired),
    /// What people consent to.
    TermsPublished(TermsPublished),
    /// A person's consent, deposited by its recipient.
    TicketDeposited(TicketDeposited),
    /// A person takes a consent back.
    ConsentWithdrawn(ConsentWithdrawn),
    /// A sponsor offers something for credits.
    OfferPublished(OfferPublished),
    /// An offer ends before its time.
    OfferClosed(OfferClosed),
    /// Credits are spent on an offer.
    Redeemed(Redeemed),
    /// A person shows that it owns at least so much.
    Attested(Attested),
}

impl Entry {
    /// The kind's number.
    pub fn kind(&self) -> u16 {
        match self {
            Self::PartyAdmitted(_) => 0x0101,
            Self::PartySuspended(_) => 0x0102,
            Self::PartyReinstated(_) => 0x0103,
            Self::KeysRotated(_) => 0x0104,
            Self::ViewKeyEpochOpened(_) => 0x0201,
            Self::ScaleProposed(_) => 0x0305,
            Self::ScaleApproved(_) => 0x0302,
            Self::ScaleRetired(_) => 0x0303,
            Self::EarnBatch(_) => EARN_BATCH,
            Self::OpeningRequested(_) => 0x0501,
            Self::OpeningCompleted(_) => 0x0502,
            Self::OpeningRevealed(_) => 0x0503,
            Self::TotalsOpened(_) => 0x0506,
            Self::StatementKeyAdopted(_) => 0x0202,
            Self::EvaluatorOpened(_) => 0x0601,
            Self::EvaluationCounted(_) => 0x0602,
            Self::IdentityRegistered(_) => 0x0603,
            Self::IdentityRetired(_) => 0x0604,
            Self::TermsPublished(_) => 0x0701,
            Self::TicketDeposited(_) => TICKET_DEPOSITED,
            Self::ConsentWithdrawn(_) => CONSENT_WITHDRAWN,
            Self::OfferPublished(_) => 0x0801,
            Self::OfferClosed(_) => 0x0802,
            Self::Redeemed(_) => REDEEMED,
            Self::Attested(_) => ATTESTED,
        }
    }

    /// The kind's name, for people.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::PartyAdmitted(_) => "party admitted",
            Self::PartySuspended(_) => "party suspended",
            Self::PartyReinstated(_) => "party reinstated",
            Self::KeysRotated(_) => "keys rotated",
            Self::ViewKeyEpochOpened(_) => "view-key epoch opened",
            Self::ScaleProposed(_) => "scale proposed",
            Self::ScaleApproved(_) => "scale approved",
            Self::ScaleRetired(_) => "scale retired",
            Self::EarnBatch(_) => "earn batch",
            Self::OpeningRequested(_) => "opening requested",
            Self::OpeningCompleted(_) => "opening completed",
            Self::OpeningRevealed(_) => "opening revealed",
            Self::TotalsOpened(_) => "totals opened",
            Self::StatementKeyAdopted(_) => "statement key adopted",
            Self::EvaluatorOpened(_) => "evaluator opened",
            Self::EvaluationCounted(_) => "evaluation counted",
            Self::IdentityRegistered(_) => "identity registered",
            Self::IdentityRetired(_) => "identity retired",
            Self::TermsPublished(_) => "terms published",
            Self::TicketDeposited(_) => "ticket deposited",
            Self::ConsentWithdrawn(_) => "consent withdrawn",
            Self::OfferPublished(_) => "offer published",
            Self::OfferClosed(_) => "offer closed",
            Self::Redeemed(_) => "redeemed",
            Self::Attested(_) => "attested",
        }
    }

    /// The statement's canonical encoding.
    pub fn statement(&self) -> Vec<u8> {
        match self {
            Self::PartyAdmitted(statement) => statement.to_bytes(),
            Self::PartySuspended(statement) | Self::PartyReinstated(statement) => {
                statement.to_bytes()
            }
            Self::KeysRotated(statement) => statement.to_bytes(),
            Self::ViewKeyEpochOpened(statement) => statement.to_bytes(),
            Self::ScaleProposed(statement) => statement.to_bytes(),
            Self::ScaleApproved(statement) => statement.to_bytes(),
            Self::ScaleRetired(statement) => statement.to_bytes(),
            Self::EarnBatch(statement) => statement.to_bytes(),
            Self::OpeningRequested(statement) => statement.to_bytes(),
            Self::OpeningCompleted(statement) => statement.to_bytes(),
            Self::OpeningRevealed(statement) => statement.to_bytes(),
            Self::TotalsOpened(statement) => statement.to_bytes(),
            Self::StatementKeyAdopted(statement) => statement.to_bytes(),
            Self::EvaluatorOpened(statement) => statement.to_bytes(),
            Self::EvaluationCounted(statement) => statement.to_bytes(),
            Self::IdentityRegistered(statement) => statement.to_bytes(),
            Self::IdentityRetired(statement) => statement.to_bytes(),
            Self::TermsPublished(statement) => statement.to_bytes(),
            Self::TicketDeposited(statement) => statement.to_bytes(),
            Self::ConsentWithdrawn(statement) => statement.to_bytes(),
            Self::OfferPublished(statement) => statement.to_bytes(),
            Self::OfferClosed(statement) => statement.to_bytes(),
            Self::Redeemed(statement) => statement.to_bytes(),
            Self::Attested(statement) => statement.to_bytes(),
        }
    }

    /// Reads a statement of this kind; `None` for a kind that does not exist.
    ///
    /// # Errors
    /// [`CodecError`] names the field at fault.
    pub fn decode(kind: u16, statement: &[u8]) -> Option<Result<Self, CodecError>> {
        fn read<T: Canonical>(
            statement: &[u8],
            entry: impl FnOnce(T) -> Entry,
        ) -> Option<Result<Entry, CodecError>> {
            Some(T::from_bytes(statement).map(entry))
        }
        match kind {
            0x0101 => read(statement, Self::PartyAdmitted),
            0x0102 => read(statement, Self::PartySuspended),
            0x0103 => read(statement, Self::PartyReinstated),
            0x0104 => read(statement, Self::KeysRotated),
            0x0201 => read(statement, Self::ViewKeyEpochOpened),
            0x0305 => read(statement, Self::ScaleProposed),
            0x0302 => read(statement, Self::ScaleApproved),
            0x0303 => read(statement, Self::ScaleRetired),
            EARN_BATCH => read(statement, Self::EarnBatch),
            0x0501 => read(statement, Self::OpeningRequested),
            0x0502 => read(statement, Self::OpeningCompleted),
            0x0503 => read(statement, Self::OpeningRevealed),
            0x0506 => read(statement, Self::TotalsOpened),
            0x0202 => read(statement, Self::StatementKeyAdopted),
            0x0601 => read(statement, Self::EvaluatorOpened),
            0x0602 => read(statement, Self::EvaluationCounted),
            0x0603 => read(statement, Self::IdentityRegistered),
            0x0604 => read(statement, Self::IdentityRetired),
            0x0701 => read(statement, Self::TermsPublished),
            TICKET_DEPOSITED => read(statement, Self::TicketDeposited),
            CONSENT_WITHDRAWN => read(statement, Self::ConsentWithdrawn),
            0x0801 => read(statement, Self::OfferPublished),
            0x0802 => read(statement, Self::OfferClosed),
            REDEEMED => read(statement, Self::Redeemed),
            ATTESTED => read(statement, Self::Attested),
            _ => None,
        }
    }

    /// Whether the kind carries a proof.
    pub fn is_proven(&self) -> bool {
        matches!(
            self.kind(),
            EARN_BATCH | TICKET_DEPOSITED | CONSENT_WITHDRAWN | REDEEMED | ATTESTED
        )
    }

    /// Whether a person makes it, whom no party's signature names: the proof alone speaks.
    pub fn is_personal(&self) -> bool {
        Self::is_personal_kind(self.kind())
    }

    /// The same of a kind's number, before the statement is read.
    pub fn is_personal_kind(kind: u16) -> bool {
        matches!(kind, CONSENT_WITHDRAWN | ATTESTED)
    }

    /// Whether others' entries are judged by it: parties, scales, keys, terms, offers, openings. What
    /// people prove, who is registered and which totals were opened governs nobody's, and grows with
    /// people.
    pub fn governs(&self) -> bool {
        let grows = matches!(
            self,
            Self::EvaluationCounted(_)
                | Self::IdentityRegistered(_)
                | Self::IdentityRetired(_)
                | Self::TotalsOpened(_)
        );
        !grows && !self.is_proven()
    }

    /// Notes that it appends to the tree, in order.
    pub fn notes(&self) -> Vec<Fr> {
        match self {
            Self::EarnBatch(batch) => batch.claims.iter().map(|claim| claim.public.cm).collect(),
            Self::Redeemed(redeemed) => vec![redeemed.spending.cm_out],
            Self::Attested(attested) => vec![attested.spending.cm_out],
            _ => Vec::new(),
        }
    }

    /// An entry that a person makes, without party and signature.
    pub fn personal(&self, origin: &Origin, proof: &Proof) -> SignedEntry {
        SignedEntry::unsigned(
            origin.clone(),
            self.kind(),
            self.statement(),
            proof.to_bytes().to_vec(),
        )
    }

    /// Signs the statement as `party` for the log `origin`, with the proof of a kind that has one.
    pub fn sign(
        &self,
        origin: &Origin,
        party: PartyId,
        proof: Option<&Proof>,
        key: &SigningKey,
    ) -> SignedEntry {
        let proof = proof.map_or_else(Vec::new, |proof| proof.to_bytes().to_vec());
        SignedEntry::sign(
            origin.clone(),
            self.kind(),
            party,
            self.statement(),
            proof,
            key,
        )
    }
}

fn write_entry_id(out: &mut Writer, id: &EntryId) {
    out.array(&id.0);
}

fn read_entry_id(input: &mut Reader<'_>, what: &'static str) -> Result<EntryId, CodecError> {
    Ok(EntryId(input.array(what)?))
}
