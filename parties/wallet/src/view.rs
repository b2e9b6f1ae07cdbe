//! A person's possessions on a ledger, found with only the seed and the person's verified copy.
//!
//! It is one pass over the log. [`Found`] holds what the pass found and how far it came, so a wallet
//! that keeps it reads each leaf once: [`Walk`] continues where the last one stopped. A deposited ticket belongs to the person if its nullifier is the
//! one that the secret gives in its scope. The ticket gives the message and so K and, with the
//! source's scope, h, b and the pad. So the later claim that names the ticket reveals its credits
//! to the person. A note's nullifier shows when it was spent, and the change is the notes' value
//! less the price. So nobody sends the person anything, and only the seed must be stored.
//!
//! The cost is one hash for each ticket and identity, one table lookup for each claim and spending
//! of others, and a few hashes for each of the person's own.

mod found;
mod scanning;

use merits_ledger::{rows::RowError, state::OpeningSubject};
use merits_primitives::{
    calendar::{Day, Timestamp},
    context::Context,
    identity::{Birth, IdentityCommitment},
    ids::{AssetId, Credits, EntryId, Expiry, PartyId, Period, Quantity, ScaleId, ScaleVersion},
    message::Message,
    note::NoteCommitment,
    nullifier::{Nullifier, RateNullifier, SpendNullifier},
    owner::KeyParts,
    scope::Scope,
};
use thiserror::Error;

pub use self::{
    found::Found,
    scanning::{Walk, scan_leaves},
};

/// Why a view cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScanError {
    /// The copy of the log.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The copy belongs to another ledger.
    #[error("the wallet is for the ledger {expected}, and the copy is of {found}")]
    OtherOrigin {
        /// The wallet's ledger.
        expected: String,
        /// The copy's ledger.
        found: String,
    },
}

/// The person's identity on the ledger: the newest registered one of those that the seed gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnIdentity {
    /// Which of the seed's identities, for [`WalletKeys::secret`](crate::keys::WalletKeys::secret).
    pub generation: u8,
    /// IC.
    pub commitment: IdentityCommitment,
    /// Index of its leaf in the group.
    pub index: u64,
    /// Eligibility and the ledger's own count of the person's registrations.
    pub birth: Birth,
    /// Whether it was retired, so that nothing can be claimed or spent with it any more.
    pub retired: bool,
}

/// An entry about one of the seed's identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnRegistration {
    /// The entry.
    pub entry: EntryId,
    /// The registrar.
    pub registrar: PartyId,
    /// Whether it retired the identity; otherwise it registered it.
    pub retired: bool,
}

/// The status of a consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsentStanding {
    /// Deposited: the distributor may claim.
    Deposited {
        /// The reservation's last moment.
        until: Timestamp,
    },
    /// It was used for a claim.
    Claimed {
        /// The earn batch.
        entry: EntryId,
        /// The claim in it.
        claim: u16,
    },
    /// It was withdrawn before it was used for a claim.
    Withdrawn,
    /// The reservation ended unused.
    Lapsed,
}

/// A ticket of the person that was deposited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnConsent {
    /// The scale.
    pub scale: ScaleId,
    /// The version that was consented to.
    pub version: ScaleVersion,
    /// The period.
    pub period: Period,
    /// The source of the records.
    pub source: PartyId,
    /// The distributor.
    pub distributor: PartyId,
    /// Digest of the terms.
    pub terms: [u8; 32],
    /// Expiry bucket of the credits.
    pub expiry: Expiry,
    /// The claim's scope.
    pub scope: Scope,
    /// The consent's message.
    pub message: Message,
    /// nf.
    pub nullifier: Nullifier,
    /// The entry of the deposit.
    pub deposit: EntryId,
    /// Which of the seed's identities gave it.
    pub generation: u8,
    /// Its status.
    pub standing: ConsentStanding,
    /// Whether the person withdrew it. After the claim, this means that the records must be
    /// deleted.
    pub withdrawn: bool,
}

/// The origin of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoteOrigin {
    /// Earned.
    Claim {
        /// The earn batch.
        entry: EntryId,
        /// The claim in it.
        claim: u16,
        /// The period of the deeds.
        period: Period,
        /// The distributor that proved them.
        distributor: PartyId,
        /// The source that recorded them.
        source: PartyId,
        /// Whether only the distributor vouches for whose records they are.
        vouched: bool,
    },
    /// The change of spent notes.
    Change {
        /// The redemption or attestation.
        entry: EntryId,
    },
}

impl NoteOrigin {
    /// The entry that made the note.
    pub fn entry(&self) -> EntryId {
        match self {
            Self::Claim { entry, .. } | Self::Change { entry } => *entry,
        }
    }
}

/// A note of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnNote {
    /// Its index in the note tree.
    pub position: u64,
    /// cm.
    pub cm: NoteCommitment,
    /// v.
    pub value: Credits,
    /// w of an earned note of a scale with a measure.
    pub measure: Option<Quantity>,
    /// The scale.
    pub scale: ScaleId,
    /// Its number on the ledger.
    pub asset: AssetId,
    /// Expiry bucket.
    pub expiry: Expiry,
    /// The inputs of K besides the secret.
    pub made_of: KeyParts,
    /// Its origin.
    pub from: NoteOrigin,
    /// The entry that spent it.
    pub spent: Option<EntryId>,
    /// Which of the seed's identities owns it. That of another than [`View::identity`] cannot be
    /// spent any more.
    pub generation: u8,
}

/// The purpose of a spending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpendingPurpose {
    /// A redemption.
    Redeemed {
        /// The offer.
        offer: EntryId,
        /// The exchange.
        exchange: PartyId,
        /// The day that the rate limit counts by.
        day: Day,
        /// The price.
        amount: Credits,
        /// The key to which the voucher is sealed.
        voucher_key: [u8; 32],
    },
    /// An attestation, or a merge of notes.
    Attested {
        /// The least number of credits that was shown.
        floor: Credits,
        /// The hash of verifier and question.
        context: Context,
    },
}

/// A redemption or attestation of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSpending {
    /// The entry.
    pub entry: EntryId,
    /// Its purpose.
    pub purpose: SpendingPurpose,
    /// sn of the first note.
    pub sn1: SpendNullifier,
    /// Rate nullifier.
    pub rn: RateNullifier,
    /// The spent notes, as indices into [`View::notes`]: one or two.
    pub spent: Vec<usize>,
    /// The change note, likewise; `None` only if the entry contradicts itself.
    pub change: Option<usize>,
}

/// A revealed opening of one of the person's claims, or of who made one of the person's redemptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnOpening {
    /// The request.
    pub request: EntryId,
    /// The supervisor that asked.
    pub requester: PartyId,
    /// When it asked.
    pub requested: Timestamp,
    /// What was opened.
    pub subject: OpeningSubject,
    /// The earn batch, or the redemption.
    pub entry: EntryId,
    /// The claim in it; 0 of a redemption.
    pub claim: u16,
    /// The legal basis that was given.
    pub basis: String,
    /// Whether it was carried out.
    pub completed: bool,
}

/// How an entry contradicts the person's own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Contradiction {
    /// The claim's b.
    #[error("a claim with a ticket of this wallet is bound to other records")]
    OtherRecords,
    /// The claim's u.
    #[error("the u of a claim of this wallet hides no amount")]
    NoAmount,
    /// The price is more than the notes' sum.
    #[error("more was paid with this wallet's notes than they hold")]
    Overpaid,
    /// The note's commitment.
    #[error("a note of this wallet has another value than its entry gives")]
    OtherNote,
}

/// An entry that names the person's ticket or note but contradicts itself. No valid proof exists
/// for it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("entry {entry}: {what}; its proof cannot be valid, show this entry to a supervisor")]
pub struct EntryFault {
    /// The entry.
    pub entry: EntryId,
    /// What is wrong.
    pub what: Contradiction,
}

/// Everything that a person has on a ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The newest registered identity.
    pub identity: Option<OwnIdentity>,
    /// Registrations and retirements of the seed's identities, in the log's order.
    pub registrations: Vec<OwnRegistration>,
    /// Consents, in the order of their deposits.
    pub consents: Vec<OwnConsent>,
    /// Notes, in the order of the tree.
    pub notes: Vec<OwnNote>,
    /// Redemptions and attestations, in the log's order.
    pub spendings: Vec<OwnSpending>,
    /// Openings of own claims and redemptions that were revealed.
    pub openings: Vec<OwnOpening>,
    /// Requests to open a claim of a scale to which the person consented, whose content is still
    /// hidden: they may be about this person or another one.
    pub hidden_requests: usize,
    /// Entries that contradict themselves.
    pub faults: Vec<EntryFault>,
    /// Number of all notes in the tree, the person's and others'. The notes themselves are in the copy.
    pub tree_size: u64,
}

impl View {
    /// Whether the present identity owns a note. Nobody can spend the notes of a retired identity.
    pub fn owns(&self, note: &OwnNote) -> bool {
        let owner = self.identity.as_ref();
        owner.is_some_and(|own| !own.retired && own.generation == note.generation)
    }

    /// Unspent notes of the present identity, worth more than nothing.
    pub fn spendable(&self) -> impl Iterator<Item = &OwnNote> {
        self.notes
            .iter()
            .filter(|note| note.spent.is_none() && note.value.0 > 0 && self.owns(note))
    }
}
