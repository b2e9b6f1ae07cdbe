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
//! - 0x0507: a total of batches that whoever asked first chose
//! - 0x0702: a ticket that names no version

mod alert;
mod board;
mod carried;
mod earn;
mod figures;
mod identity;
mod key_generation;
mod opening;
mod party;
mod reason;
mod redemption;
mod scale;
mod statement_key;
mod tag_key;
mod ticket;
mod totals;
mod view_key;

pub use alert::{AlertHandled, AlertRaised, AlertSubject, MAX_RULE_ID_BYTES, is_rule_id};
pub(crate) use board::EPOCH_NUMBER;
pub use board::{
    Act, ActProposed, EmergencySuspended, EpochProposed, ProposalNamed, ProposalTerms,
    ThresholdsChanged, Voice,
};
pub use carried::{KeyPlace, Published};
pub use earn::{EarnBatch, EarnTerms, MAX_CLAIMS, SignedClaim};
pub use identity::{
    EvaluationCounted, EvaluatorOpened, IdentityRegistered, IdentityRetired, UniquenessTag,
    evaluation_digest,
};
pub use key_generation::{
    ATTEMPTS_A_DAY, KeyGenerationMessage, KeyGenerationOpened, KeyShareDestroyed,
};
pub use opening::{
    OpeningCompleted, OpeningContent, OpeningDisowned, OpeningEndorsed, OpeningRequested,
    OpeningRevealed,
};
pub use party::{KeySucceeded, KeysRotated, MAX_GRACE, PartyAdmitted, StandingChange};
pub use reason::MAX_BASIS_BYTES;
use reason::read_reason;
pub use redemption::{Attested, OfferClosed, OfferKind, OfferPublished, Redeemed, Spending};
pub use scale::{PublishedKey, ScaleApproved, ScaleProposed, ScaleRetired};
pub use statement_key::{PersonStatement, StatementKeyAdopted};
pub use tag_key::{TagDealingMessage, TagDealingOpened};
pub use ticket::{ConsentWithdrawn, MAX_TERMS_BYTES, TermsPublished, TicketDeposited};
pub use totals::{TotalPartials, TotalsCut, TotalsOpened};
pub use view_key::{HalfKeys, ProvenHalf, QuorumEpochOpened, ViewKeyEpochOpened};

use ed25519_dalek::SigningKey;
use merits_primitives::{
    ids::{EntryId, Origin, PartyId, PeriodIndex},
    note::NoteCommitment,
};
use merits_verifier::{
    EncodedProof, ProofSystem,
    codec::{Canonical, CodecError, Reader, Writer},
    entry::SignedEntry,
};

use self::carried::{Naming, Noting, Publishing};
use crate::blob::BlobDigest;
use crate::role::Role;

/// The kind of a proposed act of the board.
pub const ACT_PROPOSED: u16 = 0x0411;
/// The kind of a proposed view-key epoch.
pub const EPOCH_PROPOSED: u16 = 0x0412;
/// The kind of an earn batch.
pub const EARN_BATCH: u16 = 0x0403;
/// Kind of opened totals.
pub const TOTALS_OPENED: u16 = 0x050c;
/// The kind of a deposited ticket.
pub const TICKET_DEPOSITED: u16 = 0x0704;
/// The kind of a withdrawn consent.
pub const CONSENT_WITHDRAWN: u16 = 0x0703;
/// The kind of a redemption.
pub const REDEEMED: u16 = 0x0803;
/// The kind by which a founder admits itself.
pub const PARTY_ADMITTED: u16 = 0x0101;
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
    /// The roles of which its party needs one. Empty if it needs none: people, founders, and what every party in
    /// standing may do.
    pub roles: &'static [Role],
    /// The system of the proof that accompanies the statement; `None` without a proof.
    pub system: Option<ProofSystem>,
    /// Whether its proofs are in the statement, and show something about rows of the state.
    pub proves_rows: bool,
    /// Whether it may publish a verifying key, which costs milliseconds to read.
    pub may_publish_key: bool,
    /// Whether it may name blobs.
    pub may_name_blobs: bool,
    /// Whether the validity of other entries depends on it.
    pub governs: bool,
}

/// The author of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A founder, which signs it and is not admitted before.
    Founder,
    /// An admitted party in standing, which signs it.
    Party,
    /// An admitted party, which signs it: in standing, or a witness, which keeps its voice on the board's acts while it
    /// is suspended.
    Voice,
    /// An admitted party that has not ended, suspended or not, which signs it: it says what it did to a secret of its
    /// own.
    Keeper,
    /// A person. No signature names them; only the proof counts.
    Person,
}

/// Makes [`Entry`], its codec, [`KINDS`] and what entries carry from one table, so that no kind is missing from any of
/// them.
///
/// The columns:
///
/// 1. variant and statement, number, name;
/// 2. the author, and the roles of which its party needs one. Everything that asks who may send a kind reads this;
/// 3. the system of its proof (`groth16`, `schnorr`), `plain`, or `rows` for proofs in the statement about rows of the
///    state;
/// 4. what it carries besides its own fields, in any order: `notes` for the tree (the statement is [`Noting`]),
///    a verifying `key` ([`Publishing`]), `blobs` ([`Naming`]), and a second party, the `source`, that signs in it;
/// 5. whether it `governs` or only `counts`.
macro_rules! entries {
    ($(
        $(#[$doc:meta])*
        $variant:ident($statement:ty),
        $number:tt, $name:literal, $author:ident [$($role:ident),*], $proof:ident,
        [$($carried:ident),*], $reach:ident;
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
        pub const KINDS: &[Kind] = &[
            $( entries!(@kind $number, $name, $author [$($role),*], $proof, [$($carried)*], $reach), )+
        ];

        impl Entry {
            /// The properties that all entries of this kind have in common.
            pub const fn facts(&self) -> Kind {
                match self {
                    $( Self::$variant(_) => entries!(
                        @kind $number, $name, $author [$($role),*], $proof, [$($carried)*], $reach
                    ), )+
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

            /// Notes that it appends to the tree, in order.
            pub fn notes(&self) -> Vec<NoteCommitment> {
                match self {
                    $( Self::$variant(_statement) => entries!(@notes _statement [$($carried)*]), )+
                }
            }

            /// The verifying key that it publishes; `None` if it publishes none.
            pub fn published(&self) -> Option<Published<'_>> {
                match self {
                    $( Self::$variant(_statement) => entries!(@key _statement [$($carried)*]), )+
                }
            }

            /// Blobs that it names, in no order that means anything.
            pub fn blobs(&self) -> Vec<BlobDigest> {
                match self {
                    $( Self::$variant(_statement) => entries!(@blobs _statement [$($carried)*]), )+
                }
            }

            /// The second party that signs in it: the source of a batch's claims.
            pub fn source(&self) -> Option<&PartyId> {
                match self {
                    $( Self::$variant(_statement) => entries!(@source _statement [$($carried)*]), )+
                }
            }
        }
    };
    (@kind $number:tt, $name:literal, $author:ident [$($role:ident),*], $proof:ident, $carried:tt, $reach:ident) => {
        Kind {
            number: $number,
            name: $name,
            author: Author::$author,
            roles: &[$(Role::$role),*],
            system: entries!(@system $proof),
            proves_rows: entries!(@rows $proof),
            may_publish_key: entries!(@has_key $carried),
            may_name_blobs: entries!(@has_blobs $carried),
            governs: entries!(@reach $reach),
        }
    };
    (@system groth16) => { Some(ProofSystem::Groth16Bn254) };
    (@system schnorr) => { Some(ProofSystem::SchnorrBabyJubjub) };
    (@system plain) => { None };
    (@system rows) => { None };
    (@rows rows) => { true };
    (@rows $other:ident) => { false };
    (@reach governs) => { true };
    (@reach counts) => { false };
    // Each finds its word in the list of what is carried.
    (@has_key []) => { false };
    (@has_key [key $($rest:ident)*]) => { true };
    (@has_key [$other:ident $($rest:ident)*]) => { entries!(@has_key [$($rest)*]) };
    (@has_blobs []) => { false };
    (@has_blobs [blobs $($rest:ident)*]) => { true };
    (@has_blobs [$other:ident $($rest:ident)*]) => { entries!(@has_blobs [$($rest)*]) };
    (@notes $statement:ident []) => { Vec::new() };
    (@notes $statement:ident [notes $($rest:ident)*]) => { $statement.notes() };
    (@notes $statement:ident [$other:ident $($rest:ident)*]) => { entries!(@notes $statement [$($rest)*]) };
    (@key $statement:ident []) => { None };
    (@key $statement:ident [key $($rest:ident)*]) => { $statement.published() };
    (@key $statement:ident [$other:ident $($rest:ident)*]) => { entries!(@key $statement [$($rest)*]) };
    (@blobs $statement:ident []) => { Vec::new() };
    (@blobs $statement:ident [blobs $($rest:ident)*]) => { $statement.blobs() };
    (@blobs $statement:ident [$other:ident $($rest:ident)*]) => { entries!(@blobs $statement [$($rest)*]) };
    (@source $statement:ident []) => { None };
    (@source $statement:ident [source $($rest:ident)*]) => { Some(&$statement.source) };
    (@source $statement:ident [$other:ident $($rest:ident)*]) => { entries!(@source $statement [$($rest)*]) };
}

// Proofs of people, registrations and opened totals only `count`: no other entry depends on them,
// and they grow with the number of people.
entries! {
    /// A founder joins: the authority first, then those that the founding facts name. Everybody else joins by an act.
    PartyAdmitted(PartyAdmitted), PARTY_ADMITTED, "party admitted", Founder [], plain, [], governs;
    /// A party changes its keys.
    KeysRotated(KeysRotated), 0x0104, "keys rotated", Party [], plain, [], governs;
    /// A supervisor proposes an act of the board, and endorses it.
    ActProposed(ActProposed), ACT_PROPOSED, "act proposed", Party [Supervisor], plain, [key], governs;
    /// A supervisor proposes a view-key epoch, and endorses it.
    EpochProposed(EpochProposed), EPOCH_PROPOSED, "view-key epoch proposed", Party [Supervisor], schnorr, [], governs;
    /// A half of the next epoch's keys is to be made by these holders together.
    KeyGenerationOpened(KeyGenerationOpened), 0x0205, "key generation opened", Party [Supervisor, Witness], plain, [], governs;
    /// A holder's message of a round. The rule asks for the role of the half's side.
    KeyGenerationMessage(KeyGenerationMessage), 0x0206, "key generation message", Party [Supervisor, Witness], plain, [], governs;
    /// A holder destroyed its share of an epoch. A suspended one says so too.
    KeyShareDestroyed(KeyShareDestroyed), 0x0207, "key share destroyed", Keeper [Supervisor, Witness], plain, [], counts;
    /// A supervisor endorses an act, or a witness consents to it.
    ActEndorsed(Voice), 0x0413, "act endorsed", Voice [Supervisor, Witness], plain, [], governs;
    /// An endorsement is revoked by its party.
    EndorsementRevoked(Voice), 0x0414, "endorsement revoked", Voice [Supervisor, Witness], plain, [], governs;
    /// An endorsed act takes effect.
    ActEnacted(ProposalNamed), 0x0415, "act enacted", Party [], plain, [], governs;
    /// A witness objects to an act for which too few witnesses are left.
    ActObjected(ProposalNamed), 0x0416, "act objected to", Voice [Witness], plain, [], governs;
    /// A supervisor suspends a party at once, for 72 hours.
    EmergencySuspended(EmergencySuspended), 0x0417, "emergency suspension", Party [Supervisor], plain, [], governs;
    /// An issuer proposes a version of a scale.
    ScaleProposed(ScaleProposed), 0x0306, "scale proposed", Party [Issuer], plain, [key, blobs], governs;
    /// A version ends, by its issuer.
    ScaleRetired(ScaleRetired), 0x0303, "scale retired", Party [Issuer], plain, [], governs;
    /// A distributor's proven credits.
    EarnBatch(EarnBatch), EARN_BATCH, "earn batch", Party [Distributor], groth16, [notes, source], counts;
    /// A supervisor asks to open one claim.
    OpeningRequested(OpeningRequested), 0x0501, "opening requested", Party [Supervisor], plain, [], governs;
    /// A supervisor asks to open who made one redemption.
    RedeemerRequested(OpeningRequested), 0x050a, "opening of a redeemer requested", Party [Supervisor], plain, [], governs;
    /// Another member of the board endorses it.
    OpeningEndorsed(OpeningEndorsed), 0x0508, "opening endorsed", Party [Supervisor], plain, [], governs;
    /// A member revokes its endorsement of it.
    OpeningDisowned(OpeningDisowned), 0x0509, "opening endorsement revoked", Party [Supervisor], plain, [], governs;
    /// The opening happened.
    OpeningCompleted(OpeningCompleted), 0x0502, "opening completed", Party [Supervisor], plain, [], governs;
    /// The opened content is revealed.
    OpeningRevealed(OpeningRevealed), 0x0503, "opening revealed", Party [Supervisor], plain, [], governs;
    /// An interval of batches ends, and its sums may be opened.
    TotalsCut(TotalsCut), 0x050b, "totals cut", Party [Supervisor], plain, [], counts;
    /// A published sum over many batches.
    TotalsOpened(TotalsOpened), TOTALS_OPENED, "totals opened", Party [Supervisor], rows, [], counts;
    /// A party changes its signing key, and the old one signs for some time still.
    KeySucceeded(KeySucceeded), 0x0520, "key succeeded", Party [], plain, [], governs;
    /// An evaluator publishes a key of the uniqueness tags that it has alone.
    EvaluatorOpened(EvaluatorOpened), 0x0601, "evaluator opened", Party [Evaluator], plain, [], governs;
    /// An evaluator answers a registrar.
    EvaluationCounted(EvaluationCounted), 0x0602, "evaluation counted", Party [Evaluator], plain, [], counts;
    /// A person is registered.
    IdentityRegistered(IdentityRegistered), 0x0603, "identity registered", Party [Registrar], plain, [], counts;
    /// An identity ends.
    IdentityRetired(IdentityRetired), 0x0604, "identity retired", Party [Registrar, Supervisor], plain, [], counts;
    /// Shares of the key of the uniqueness tags are to be dealt.
    TagDealingOpened(TagDealingOpened), 0x0605, "tag dealing opened", Party [Evaluator], plain, [], governs;
    /// A party's message of a round of such a dealing.
    TagDealingMessage(TagDealingMessage), 0x0606, "tag dealing message", Party [Evaluator], plain, [], governs;
    /// Terms that people consent to.
    TermsPublished(TermsPublished), 0x0701, "terms published", Party [Distributor], plain, [], governs;
    /// A person withdraws a consent.
    ConsentWithdrawn(ConsentWithdrawn), CONSENT_WITHDRAWN, "consent withdrawn", Person [], groth16, [], counts;
    /// A person's consent, deposited by its recipient.
    TicketDeposited(TicketDeposited), TICKET_DEPOSITED, "ticket deposited", Party [Distributor], groth16, [], counts;
    /// A sponsor offers something for credits.
    OfferPublished(OfferPublished), 0x0801, "offer published", Party [Sponsor], plain, [], governs;
    /// An offer ends early.
    OfferClosed(OfferClosed), 0x0802, "offer closed", Party [Sponsor], plain, [], governs;
    /// Credits are spent on an offer.
    Redeemed(Redeemed), REDEEMED, "redeemed", Party [Exchange], groth16, [notes], counts;
    /// A person shows that they own at least this much.
    Attested(Attested), ATTESTED, "attested", Person [], groth16, [notes], counts;
    /// A supervisor's indicator raises an alert.
    AlertRaised(AlertRaised), 0x0901, "alert raised", Party [Supervisor], plain, [], counts;
    /// A supervisor acknowledges an alert, or silences it for some time.
    AlertHandled(AlertHandled), 0x0902, "alert handled", Party [Supervisor], plain, [], counts;
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

    /// An entry that a person makes, without party and signature, with a proof of any system.
    pub fn personal(&self, origin: &Origin, proof: impl Into<EncodedProof>) -> SignedEntry {
        SignedEntry::unsigned(
            origin.clone(),
            self.kind(),
            self.statement(),
            Some(proof.into()),
        )
    }

    /// Signs the statement as `party` for the log `origin`, with the proof of a kind that has one.
    pub fn sign(
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
const MAX_PERIOD_INDEX: PeriodIndex = PeriodIndex(2_932_896);

fn write_entry_id(out: &mut Writer, id: &EntryId) {
    out.array(&id.0);
}

fn read_entry_id(input: &mut Reader<'_>, what: &'static str) -> Result<EntryId, CodecError> {
    Ok(EntryId(input.array(what)?))
}
