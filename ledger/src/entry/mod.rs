//! Entry kinds and the canonical encoding of their statements, one file a family.
//!
//! A kind's number and encoding never change, and a new meaning gets a new number. Retired numbers
//! are never reused:
//!
//! - 0x0102, 0x0103, 0x0202, 0x0203, 0x0302: acts of one supervisor before there was a board; they are numbers of
//!   [`Act`]s now
//! - 0x0201: a view-key epoch with its proofs in the statement
//! - 0x0301: a scale without dates and measure
//! - 0x0304: a scale that does not say how deeds at several sources count
//! - 0x0305: a scale whose key is always in the entry
//! - 0x0401: a batch without a measure
//! - 0x0402: a batch without tickets
//! - 0x0504: a total of credits only
//! - 0x0505: a total that always has partials
//! - 0x0506: a total with one partial of each side
//! - 0x0702: a ticket that names no version

mod board;
mod earn;
mod figures;
mod identity;
mod key_generation;
mod opening;
mod party;
mod redemption;
mod scale;
mod statement_key;
mod ticket;
mod totals;
mod view_key;

pub(crate) use board::EPOCH_NUMBER;
pub use board::{
    Act, ActProposed, EmergencySuspended, EpochProposed, ProposalNamed, ProposalTerms,
    ThresholdsChanged, Voice,
};
pub use earn::{EarnBatch, EarnTerms, MAX_CLAIMS, SignedClaim};
pub use identity::{
    EvaluationCounted, EvaluatorOpened, IdentityRegistered, IdentityRetired, UniquenessTag,
    evaluation_digest,
};
pub use key_generation::{KeyGenerationMessage, KeyGenerationOpened, KeyShareDestroyed};
pub use opening::{OpeningCompleted, OpeningContent, OpeningRequested, OpeningRevealed};
pub use party::{
    KeySucceeded, KeysRotated, MAX_BASIS_BYTES, MAX_GRACE, PartyAdmitted, StandingChange,
};
pub use redemption::{Attested, OfferClosed, OfferKind, OfferPublished, Redeemed, Spending};
pub use scale::{PublishedKey, ScaleApproved, ScaleProposed, ScaleRetired};
pub use statement_key::{PersonStatement, StatementKeyAdopted};
pub use ticket::{ConsentWithdrawn, MAX_TERMS_BYTES, TermsPublished, TicketDeposited};
pub use totals::{MAX_TOTAL_ENTRIES, TotalPartials, TotalsOpened};
pub use view_key::{HalfKeys, ProvenHalf, QuorumEpochOpened, ViewKeyEpochOpened};

use ed25519_dalek::SigningKey;
use merits_primitives::{
    ids::{EntryId, Origin, PartyId},
    note::NoteCommitment,
};
use merits_verifier::{
    EncodedProof, ProofSystem,
    codec::{Canonical, CodecError, Reader, Writer},
    entry::SignedEntry,
    groth16::Proof,
};

use crate::blob::BlobDigest;

/// The kind of a proposed act of the board.
pub const ACT_PROPOSED: u16 = 0x0411;
/// The kind of a proposed version of a scale.
pub const SCALE_PROPOSED: u16 = 0x0306;
/// The kind of an earn batch.
pub const EARN_BATCH: u16 = 0x0403;
/// The kind of a deposited ticket.
pub const TICKET_DEPOSITED: u16 = 0x0704;
/// The kind of a withdrawn consent.
pub const CONSENT_WITHDRAWN: u16 = 0x0703;
/// The kind of a redemption.
pub const REDEEMED: u16 = 0x0803;
/// The kind by which a founder admits itself.
pub const PARTY_ADMITTED: u16 = 0x0101;
/// The kind of a proposed view-key epoch.
pub const EPOCH_PROPOSED: u16 = 0x0412;
/// The kind of an endorsement.
pub const ACT_ENDORSED: u16 = 0x0413;
/// The kind of a revoked endorsement.
pub const ENDORSEMENT_REVOKED: u16 = 0x0414;
/// The kind of a witness's objection.
pub const ACT_OBJECTED: u16 = 0x0416;
/// The kind of an attestation.
pub const ATTESTED: u16 = merits_verifier::spending::ATTESTED;

/// The properties that all entries of one kind have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The number on the wire and in the log.
    pub number: u16,
    /// The readable name.
    pub name: &'static str,
    /// The author of such an entry.
    pub author: Author,
    /// The system of the proof that accompanies the statement; `None` without a proof.
    pub system: Option<ProofSystem>,
    /// Whether the validity of other entries depends on it.
    pub governs: bool,
}

/// The author of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// An admitted party, which signs it.
    Party,
    /// A person. No signature names them; only the proof counts.
    Person,
}

/// Makes [`Entry`], its codec and [`KINDS`] from one table, so that no kind is missing from any of
/// them.
///
/// The columns: variant and statement, number, name, author, the system of its proof (`groth16`, `schnorr`) or
/// `plain`, and whether it `governs` or only `counts`.
macro_rules! entries {
    ($(
        $(#[$doc:meta])*
        $variant:ident($statement:ty),
        $number:tt, $name:literal, $author:ident, $proof:ident, $reach:ident;
    )+) => {
        /// A typed statement of a ledger entry.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(
            clippy::large_enum_variant,
            reason = "entries are handled one at a time, never in arrays"
        )]
        pub enum Entry {
            $( $(#[$doc])* $variant($statement), )+
        }

        /// Every kind of entry, in the order of the numbers' families.
        pub const KINDS: &[Kind] = &[ $( entries!(@kind $number, $name, $author, $proof, $reach), )+ ];

        impl Entry {
            /// The properties that all entries of this kind have in common.
            pub const fn facts(&self) -> Kind {
                match self {
                    $( Self::$variant(_) => entries!(@kind $number, $name, $author, $proof, $reach), )+
                }
            }

            /// The statement's canonical encoding.
            pub fn statement(&self) -> Vec<u8> {
                match self {
                    $( Self::$variant(statement) => statement.to_bytes(), )+
                }
            }

            /// Reads a statement of this kind; `None` for a kind that does not exist.
            ///
            /// # Errors
            /// [`CodecError`] names the field at fault.
            pub fn decode(kind: u16, statement: &[u8]) -> Option<Result<Self, CodecError>> {
                match kind {
                    $( $number => Some(<$statement>::from_bytes(statement).map(Self::$variant)), )+
                    _ => None,
                }
            }
        }
    };
    (@kind $number:tt, $name:literal, $author:ident, $proof:ident, $reach:ident) => {
        Kind {
            number: $number,
            name: $name,
            author: Author::$author,
            system: entries!(@proof $proof),
            governs: entries!(@reach $reach),
        }
    };
    (@proof groth16) => { Some(ProofSystem::Groth16Bn254) };
    (@proof schnorr) => { Some(ProofSystem::SchnorrBabyJubjub) };
    (@proof plain) => { None };
    (@reach governs) => { true };
    (@reach counts) => { false };
}

// Proofs of people, registrations and opened totals only `count`: no other entry depends on them,
// and they grow with the number of people.
entries! {
    /// A founder joins: the authority first, then those that the founding facts name. Everybody else joins by an act.
    PartyAdmitted(PartyAdmitted), PARTY_ADMITTED, "party admitted", Party, plain, governs;
    /// A party changes its keys.
    KeysRotated(KeysRotated), 0x0104, "keys rotated", Party, plain, governs;
    /// A supervisor proposes an act of the board, and endorses it.
    ActProposed(ActProposed), ACT_PROPOSED, "act proposed", Party, plain, governs;
    /// A supervisor proposes a view-key epoch, and endorses it.
    EpochProposed(EpochProposed), EPOCH_PROPOSED, "view-key epoch proposed", Party, schnorr, governs;
    /// A half of the next epoch's keys is to be made by these holders together.
    KeyGenerationOpened(KeyGenerationOpened), 0x0205, "key generation opened", Party, plain, governs;
    /// A holder's message of a round.
    KeyGenerationMessage(KeyGenerationMessage), 0x0206, "key generation message", Party, plain, governs;
    /// A holder destroyed its share of an epoch.
    KeyShareDestroyed(KeyShareDestroyed), 0x0207, "key share destroyed", Party, plain, counts;
    /// A supervisor endorses an act, or a witness consents to it.
    ActEndorsed(Voice), ACT_ENDORSED, "act endorsed", Party, plain, governs;
    /// An endorsement is revoked by its party.
    EndorsementRevoked(Voice), ENDORSEMENT_REVOKED, "endorsement revoked", Party, plain, governs;
    /// An endorsed act takes effect.
    ActEnacted(ProposalNamed), 0x0415, "act enacted", Party, plain, governs;
    /// A witness objects to an act for which too few witnesses are left.
    ActObjected(ProposalNamed), ACT_OBJECTED, "act objected to", Party, plain, governs;
    /// A supervisor suspends a party at once, for 72 hours.
    EmergencySuspended(EmergencySuspended), 0x0417, "emergency suspension", Party, plain, governs;
    /// An issuer proposes a version of a scale.
    ScaleProposed(ScaleProposed), SCALE_PROPOSED, "scale proposed", Party, plain, governs;
    /// A version ends, by its issuer.
    ScaleRetired(ScaleRetired), 0x0303, "scale retired", Party, plain, governs;
    /// A distributor's proven credits.
    EarnBatch(EarnBatch), EARN_BATCH, "earn batch", Party, groth16, counts;
    /// A supervisor asks to open one claim.
    OpeningRequested(OpeningRequested), 0x0501, "opening requested", Party, plain, governs;
    /// The opening happened.
    OpeningCompleted(OpeningCompleted), 0x0502, "opening completed", Party, plain, governs;
    /// The opened content is revealed.
    OpeningRevealed(OpeningRevealed), 0x0503, "opening revealed", Party, plain, governs;
    /// A published sum over many batches.
    TotalsOpened(TotalsOpened), 0x0507, "totals opened", Party, plain, counts;
    /// A party changes its signing key, and the old one signs for some time still.
    KeySucceeded(KeySucceeded), 0x0520, "key succeeded", Party, plain, governs;
    /// The evaluator of uniqueness tags publishes its key.
    EvaluatorOpened(EvaluatorOpened), 0x0601, "evaluator opened", Party, plain, governs;
    /// It answered a registrar.
    EvaluationCounted(EvaluationCounted), 0x0602, "evaluation counted", Party, plain, counts;
    /// A person is registered.
    IdentityRegistered(IdentityRegistered), 0x0603, "identity registered", Party, plain, counts;
    /// An identity ends.
    IdentityRetired(IdentityRetired), 0x0604, "identity retired", Party, plain, counts;
    /// Terms that people consent to.
    TermsPublished(TermsPublished), 0x0701, "terms published", Party, plain, governs;
    /// A person withdraws a consent.
    ConsentWithdrawn(ConsentWithdrawn), CONSENT_WITHDRAWN, "consent withdrawn", Person, groth16, counts;
    /// A person's consent, deposited by its recipient.
    TicketDeposited(TicketDeposited), TICKET_DEPOSITED, "ticket deposited", Party, groth16, counts;
    /// A sponsor offers something for credits.
    OfferPublished(OfferPublished), 0x0801, "offer published", Party, plain, governs;
    /// An offer ends early.
    OfferClosed(OfferClosed), 0x0802, "offer closed", Party, plain, governs;
    /// Credits are spent on an offer.
    Redeemed(Redeemed), REDEEMED, "redeemed", Party, groth16, counts;
    /// A person shows that they own at least this much.
    Attested(Attested), ATTESTED, "attested", Person, groth16, counts;
}

impl Kind {
    /// The kind with this number; `None` if there is none.
    pub fn of(number: u16) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.number == number)
    }

    /// Whether a person makes it.
    pub fn is_personal(&self) -> bool {
        self.author == Author::Person
    }
}

impl Entry {
    /// The kind's number.
    pub const fn kind(&self) -> u16 {
        self.facts().number
    }

    /// The kind's readable name.
    pub const fn kind_name(&self) -> &'static str {
        self.facts().name
    }

    /// The system of the proof that the kind carries; `None` if it carries none.
    pub const fn proof_system(&self) -> Option<ProofSystem> {
        self.facts().system
    }

    /// Whether the kind has a proof, of any system.
    pub const fn is_proven(&self) -> bool {
        self.proof_system().is_some()
    }

    /// Whether a person makes it: no party signs it, and only the proof counts.
    pub fn is_personal(&self) -> bool {
        self.facts().is_personal()
    }

    /// The same of a kind's number, before the statement is read.
    pub fn is_personal_kind(kind: u16) -> bool {
        Kind::of(kind).is_some_and(Kind::is_personal)
    }

    /// Whether the validity of other entries depends on it: parties, scales, keys, terms, offers,
    /// openings.
    pub const fn governs(&self) -> bool {
        self.facts().governs
    }

    /// Whether it changes a party's keys. Only the present key signs such an entry, so a key that was
    /// succeeded never takes its successor's place.
    pub const fn changes_keys(&self) -> bool {
        matches!(self, Self::KeysRotated(_) | Self::KeySucceeded(_))
    }

    /// Notes that it appends to the tree, in order.
    pub fn notes(&self) -> Vec<NoteCommitment> {
        match self {
            Self::EarnBatch(batch) => batch.claims.iter().map(|claim| claim.public.cm).collect(),
            Self::Redeemed(redeemed) => vec![redeemed.spending.cm_out],
            Self::Attested(attested) => vec![attested.spending.cm_out],
            // Kinds are listed by name, so that a new kind must state whether it has notes.
            Self::PartyAdmitted(_)
            | Self::KeysRotated(_)
            | Self::KeySucceeded(_)
            | Self::ActProposed(_)
            | Self::EpochProposed(_)
            | Self::KeyGenerationOpened(_)
            | Self::KeyGenerationMessage(_)
            | Self::KeyShareDestroyed(_)
            | Self::ActEndorsed(_)
            | Self::EndorsementRevoked(_)
            | Self::ActEnacted(_)
            | Self::ActObjected(_)
            | Self::EmergencySuspended(_)
            | Self::ScaleProposed(_)
            | Self::ScaleRetired(_)
            | Self::OpeningRequested(_)
            | Self::OpeningCompleted(_)
            | Self::OpeningRevealed(_)
            | Self::TotalsOpened(_)
            | Self::EvaluatorOpened(_)
            | Self::EvaluationCounted(_)
            | Self::IdentityRegistered(_)
            | Self::IdentityRetired(_)
            | Self::TermsPublished(_)
            | Self::ConsentWithdrawn(_)
            | Self::TicketDeposited(_)
            | Self::OfferPublished(_)
            | Self::OfferClosed(_) => Vec::new(),
        }
    }

    /// Blobs that it names, in no order that means anything.
    pub fn blobs(&self) -> Vec<BlobDigest> {
        match self {
            Self::ScaleProposed(proposed) => proposed.key.blob().into_iter().collect(),
            // By name, so that a new kind says whether it names blobs; `named_blobs::named_by` lists those kinds.
            Self::PartyAdmitted(_)
            | Self::KeysRotated(_)
            | Self::KeySucceeded(_)
            | Self::ActProposed(_)
            | Self::EpochProposed(_)
            | Self::KeyGenerationOpened(_)
            | Self::KeyGenerationMessage(_)
            | Self::KeyShareDestroyed(_)
            | Self::ActEndorsed(_)
            | Self::EndorsementRevoked(_)
            | Self::ActEnacted(_)
            | Self::ActObjected(_)
            | Self::EmergencySuspended(_)
            | Self::ScaleRetired(_)
            | Self::EarnBatch(_)
            | Self::OpeningRequested(_)
            | Self::OpeningCompleted(_)
            | Self::OpeningRevealed(_)
            | Self::TotalsOpened(_)
            | Self::EvaluatorOpened(_)
            | Self::EvaluationCounted(_)
            | Self::IdentityRegistered(_)
            | Self::IdentityRetired(_)
            | Self::TermsPublished(_)
            | Self::ConsentWithdrawn(_)
            | Self::TicketDeposited(_)
            | Self::OfferPublished(_)
            | Self::OfferClosed(_)
            | Self::Redeemed(_)
            | Self::Attested(_) => Vec::new(),
        }
    }

    /// An entry that a person makes, without party and signature.
    pub fn personal(&self, origin: &Origin, proof: &Proof) -> SignedEntry {
        SignedEntry::unsigned(
            origin.clone(),
            self.kind(),
            self.statement(),
            Some(proof.into()),
        )
    }

    /// Signs the statement as `party` for the log `origin`, with the Groth16 proof of a kind that has one.
    pub fn sign(
        &self,
        origin: &Origin,
        party: PartyId,
        proof: Option<&Proof>,
        key: &SigningKey,
    ) -> SignedEntry {
        self.sign_with(origin, party, proof.map(EncodedProof::from), key)
    }

    /// As [`Entry::sign`], with a proof of any system.
    pub fn sign_with(
        &self,
        origin: &Origin,
        party: PartyId,
        proof: Option<EncodedProof>,
        key: &SigningKey,
    ) -> SignedEntry {
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

/// Days from 1970 to the year 9999; weeks and months are fewer.
const MAX_PERIOD_INDEX: u32 = 2_932_896;

fn write_entry_id(out: &mut Writer, id: &EntryId) {
    out.array(&id.0);
}

fn read_entry_id(input: &mut Reader<'_>, what: &'static str) -> Result<EntryId, CodecError> {
    Ok(EntryId(input.array(what)?))
}
