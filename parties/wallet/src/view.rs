//! What a person has on a ledger: found with nothing but the seed and an own, verified copy.
//!
//! One walk over the log. A deposited ticket is the person's own if its nullifier is what the
//! secret gives in its scope; that tells the message, hence K and, with the source's scope, h, b
//! and the pad: so the claim that names the ticket later tells its credits. A note's own nullifier
//! tells when it was spent, and what came back as change is what was there less what was paid. So
//! nobody sends the person anything, and nothing beside the seed has to be kept.
//!
//! Costs one hash a ticket and identity, one look into a table for each claim and spending of others,
//! and a few hashes for each own one.

mod scanning;

use merits_ledger::rows::RowError;
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

pub use self::scanning::scan_leaves;

/// Why there is no view.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScanError {
    /// The copy of the log.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The copy is another ledger's.
    #[error("the wallet is for the ledger {expected}, and the copy is of {found}")]
    OtherOrigin {
        /// The wallet's.
        expected: String,
        /// The copy's.
        found: String,
    },
}

/// The person's identity on the ledger: of all that the seed gives, the newest registered one.
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
    /// Whether it ended: nothing can be claimed or spent with it any more.
    pub retired: bool,
}

/// Where a consent stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsentStanding {
    /// Deposited: the distributor may claim.
    Deposited {
        /// The reservation's last moment.
        until: Timestamp,
    },
    /// Claimed with.
    Claimed {
        /// The earn batch.
        entry: EntryId,
        /// The claim in it.
        claim: u16,
    },
    /// Taken back before it was claimed with.
    Withdrawn,
    /// The reservation is over, unused.
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
    /// Whose records.
    pub source: PartyId,
    /// To whom.
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
    /// Where it stands.
    pub standing: ConsentStanding,
    /// Whether the person took it back. After the claim that means: delete the records.
    pub withdrawn: bool,
}

/// Where a note comes from.
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
        /// Who proved them.
        distributor: PartyId,
        /// Who recorded them.
        source: PartyId,
        /// Whether the distributor alone vouches whose records they are.
        vouched: bool,
    },
    /// What was left of spent notes.
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
    /// Its place in the note tree.
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
    /// What K is made of besides the secret.
    pub made_of: KeyParts,
    /// Where it comes from.
    pub from: NoteOrigin,
    /// The entry that spent it.
    pub spent: Option<EntryId>,
    /// Which of the seed's identities owns it. That of another than [`View::identity`] cannot be
    /// spent any more.
    pub generation: u8,
}

/// What a spending was for.
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
        /// What the voucher is sealed to.
        voucher_key: [u8; 32],
    },
    /// An attestation, or a merge of notes.
    Attested {
        /// At least so many credits were shown.
        floor: Credits,
        /// For whom and what, hashed.
        context: Context,
    },
}

/// A redemption or attestation of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSpending {
    /// The entry.
    pub entry: EntryId,
    /// What for.
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

/// An opening of one of the person's claims that everybody may know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnOpening {
    /// The request.
    pub request: EntryId,
    /// The supervisor that asked.
    pub requester: PartyId,
    /// When it asked.
    pub requested: Timestamp,
    /// The earn batch.
    pub entry: EntryId,
    /// The claim in it.
    pub claim: u16,
    /// The legal basis that was given.
    pub basis: String,
    /// Whether it was carried out.
    pub completed: bool,
}

/// An entry that names the person's own ticket or note and contradicts itself. No valid proof
/// exists for it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("entry {entry}: {what}; its proof cannot be valid, show this entry to a supervisor")]
pub struct EntryFault {
    /// The entry.
    pub entry: EntryId,
    /// What is wrong.
    pub what: &'static str,
}

/// All that a person has on a ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The newest registered identity.
    pub identity: Option<OwnIdentity>,
    /// Consents, in the order of their deposits.
    pub consents: Vec<OwnConsent>,
    /// Notes, in the order of the tree.
    pub notes: Vec<OwnNote>,
    /// Redemptions and attestations, in the log's order.
    pub spendings: Vec<OwnSpending>,
    /// Openings of own claims that were revealed.
    pub openings: Vec<OwnOpening>,
    /// Requests to open a claim of a scale to which the person consented, whose content is still
    /// hidden: they may be about this person or another one.
    pub hidden_requests: usize,
    /// Entries that cannot be.
    pub faults: Vec<EntryFault>,
    /// All note commitments, own and others', in the order of the tree.
    pub note_leaves: Vec<NoteCommitment>,
}

impl View {
    /// Whether the present identity owns a note. Nobody can spend those of an identity that was retired.
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
