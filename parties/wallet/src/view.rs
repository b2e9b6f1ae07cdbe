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

use std::collections::{HashMap, HashSet};

use merits_ledger::{
    Entry, State,
    entry::{Attested, EarnBatch, Redeemed, SignedClaim, Spending, TicketDeposited},
    state::Person,
};
use merits_primitives::{
    Fr, field,
    identity::{Birth, Secret},
    ids::{AssetId, Credits, EntryId, Expiry, PartyId, Period, ScaleId},
    message::Consent,
    note::note_commitment,
    nullifier::{claim_nullifier, spend_nullifier},
    owner::{OwnerKey, bind, change_key, handle, owner_key},
    scope::{claim_scope, source_scope},
};
use merits_replica::{Replica, ReplicaError};
use merits_verifier::entry::Leaf;
use thiserror::Error;

use crate::keys::WalletKeys;

/// Why there is no view.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScanError {
    /// The own copy.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
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
    /// Which of the seed's identities, for [`WalletKeys::secret`].
    pub generation: u8,
    /// IC.
    pub commitment: Fr,
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
        /// The reservation's last moment, unix milliseconds.
        until: u64,
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
    pub scope: Fr,
    /// The consent's message.
    pub message: Fr,
    /// nf.
    pub nullifier: Fr,
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
    pub cm: Fr,
    /// v.
    pub value: Credits,
    /// w of an earned note of a scale with a measure.
    pub measure: Option<u64>,
    /// The scale.
    pub scale: ScaleId,
    /// Its number on the ledger.
    pub asset: AssetId,
    /// Expiry bucket.
    pub expiry: Expiry,
    /// First part of what K is made of: the scope, or sn1 of a change.
    pub f1: Fr,
    /// Second part: the message, or 0.
    pub f2: Fr,
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
        day: u32,
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
        context: Fr,
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
    pub sn1: Fr,
    /// Rate nullifier.
    pub rn: Fr,
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
    /// When it asked, unix milliseconds.
    pub requested: u64,
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
    pub note_leaves: Vec<Fr>,
}

impl View {
    /// Unspent notes of the present identity, worth more than nothing.
    pub fn spendable(&self) -> impl Iterator<Item = &OwnNote> {
        let owner = self.identity.as_ref().filter(|identity| !identity.retired);
        let generation = owner.map(|identity| identity.generation);
        self.notes.iter().filter(move |note| {
            note.spent.is_none() && note.value.0 > 0 && Some(note.generation) == generation
        })
    }
}

/// Finds what the keys' owner has, in a verified copy.
///
/// # Errors
/// [`ScanError`]: the copy is unusable or of another ledger.
pub fn scan(replica: &Replica, keys: &WalletKeys) -> Result<View, ScanError> {
    scan_leaves(
        replica.state()?,
        replica.leaves().map(|(_, leaf)| leaf),
        keys,
    )
}

/// [`scan`] over leaves that were verified and made this state, all of them and in order.
///
/// # Errors
/// [`ScanError::OtherOrigin`].
pub fn scan_leaves(
    state: &State,
    leaves: impl IntoIterator<Item = Leaf>,
    keys: &WalletKeys,
) -> Result<View, ScanError> {
    if state.origin() != keys.origin() {
        return Err(ScanError::OtherOrigin {
            expected: keys.origin().to_string(),
            found: state.origin().to_string(),
        });
    }
    let people = own_people(state, keys);
    let mut scan = Scan {
        state,
        secrets: (0u8..)
            .zip(&people)
            .map(|(generation, _)| (generation, keys.secret(generation)))
            .collect(),
        view: View::default(),
        scopes: HashMap::new(),
        tickets: HashMap::new(),
        notes: HashMap::new(),
    };
    scan.view.identity = newest(&people, keys);
    for leaf in leaves {
        scan.leaf(&leaf);
    }
    scan.finish();
    Ok(scan.view)
}

/// The identities of a seed that the ledger knows, from the first on. A wallet begins one only
/// when the one before is registered, so there are no gaps.
fn own_people<'a>(state: &'a State, keys: &WalletKeys) -> Vec<(Fr, &'a Person)> {
    (0..=u8::MAX)
        .map_while(|generation| {
            let commitment = keys.commitment(generation);
            let person = state.people().by_commitment(&commitment)?;
            Some((commitment, person))
        })
        .collect()
}

fn newest(people: &[(Fr, &Person)], keys: &WalletKeys) -> Option<OwnIdentity> {
    let generation = u8::try_from(people.len().checked_sub(1)?).ok()?;
    let (commitment, person) = people.last()?;
    debug_assert_eq!(*commitment, keys.commitment(generation));
    Some(OwnIdentity {
        generation,
        commitment: *commitment,
        index: person.index,
        birth: person.birth,
        // The person was registered anew, under another seed: this identity is over.
        retired: person.retired || person.commitment != *commitment,
    })
}

/// A walk over the log.
struct Scan<'a> {
    state: &'a State,
    secrets: Vec<(u8, Secret)>,
    view: View,
    scopes: HashMap<(AssetId, u64, Option<PartyId>), Fr>,
    /// Own tickets by nullifier: the consent that was deposited last.
    tickets: HashMap<[u8; 32], usize>,
    /// Own notes by their spend nullifier.
    notes: HashMap<[u8; 32], usize>,
}

impl Scan<'_> {
    fn leaf(&mut self, leaf: &Leaf) {
        let signed = &leaf.entry;
        // Every leaf was decoded when it was verified.
        let Some(Ok(entry)) = Entry::decode(signed.kind, &signed.statement) else {
            return;
        };
        match entry {
            Entry::TicketDeposited(deposit) => {
                self.deposit(signed.id(), signed.party, &deposit);
            }
            Entry::ConsentWithdrawn(withdrawn) => {
                let key = field::to_bytes(&withdrawn.nullifier);
                let consents = &mut self.view.consents;
                let own = self.tickets.get(&key).and_then(|at| consents.get_mut(*at));
                if let Some(consent) = own.filter(|own| own.message == withdrawn.message) {
                    consent.withdrawn = true;
                }
            }
            Entry::EarnBatch(batch) => self.batch(signed.id(), signed.party, &batch),
            Entry::Redeemed(redeemed) => self.redeemed(signed.id(), signed.party, &redeemed),
            Entry::Attested(attested) => self.attested(signed.id(), &attested),
            _ => {}
        }
    }

    fn deposit(&mut self, entry: EntryId, distributor: PartyId, deposit: &TicketDeposited) {
        if self.secrets.is_empty() {
            return;
        }
        let Ok(scale) = self.state.scales().get(&deposit.scale) else {
            return;
        };
        // The same of every version.
        let per_source = scale.versions.first().is_some_and(|v| v.terms.per_source);
        let source = per_source.then_some(deposit.source);
        let scope = *self
            .scopes
            .entry((scale.asset, deposit.period.to_u64(), source))
            .or_insert_with(|| claim_scope(scale.asset, deposit.period, source.as_ref()));
        let own = |(_, secret): &&(u8, Secret)| claim_nullifier(secret, scope) == deposit.nullifier;
        let Some((generation, _)) = self.secrets.iter().find(own) else {
            return;
        };
        let consent = Consent {
            origin: self.state.origin(),
            distributor: &distributor,
            terms: &deposit.terms,
            expiry: deposit.expiry,
        };
        self.tickets.insert(
            field::to_bytes(&deposit.nullifier),
            self.view.consents.len(),
        );
        self.view.consents.push(OwnConsent {
            scale: deposit.scale.clone(),
            period: deposit.period,
            source: deposit.source,
            distributor,
            terms: deposit.terms,
            expiry: deposit.expiry,
            scope,
            message: consent.message(&deposit.salt),
            nullifier: deposit.nullifier,
            deposit: entry,
            generation: *generation,
            // What it is when the walk is over is said by `finish`, or by the claim.
            standing: ConsentStanding::Lapsed,
            withdrawn: false,
        });
    }

    fn batch(&mut self, entry: EntryId, distributor: PartyId, batch: &EarnBatch) {
        for (index, claim) in (0u16..).zip(&batch.claims) {
            self.view.note_leaves.push(claim.public.cm);
            let own = claim
                .ticket
                .and_then(|nullifier| self.tickets.get(&field::to_bytes(&nullifier)).copied());
            if let Some(at) = own {
                self.claim(entry, distributor, batch, index, claim, at);
            }
        }
    }

    fn claim(
        &mut self,
        entry: EntryId,
        distributor: PartyId,
        batch: &EarnBatch,
        index: u16,
        claim: &SignedClaim,
        at: usize,
    ) {
        let Some(consent) = self.view.consents.get_mut(at) else {
            return;
        };
        consent.standing = ConsentStanding::Claimed {
            entry,
            claim: index,
        };
        let consent = consent.clone();
        let Some((_, secret)) = self.secrets.get(usize::from(consent.generation)) else {
            return;
        };
        let Ok(version) = self.state.scales().version(&batch.scale, batch.version) else {
            return;
        };
        let key = owner_key(secret, consent.scope, consent.message);
        let binding = bind(&key, &handle(secret, source_scope(&consent.source)));
        if binding.b != claim.public.b {
            return self.fault(
                entry,
                "a claim with the own ticket is bound to other records",
            );
        }
        let Some(earned) = binding.reveal(claim.public.u, version.terms.measured()) else {
            return self.fault(entry, "the own claim's u hides no amount");
        };
        let (asset, expiry) = (batch.terms.asset, batch.terms.expiry);
        let note = OwnNote {
            position: self.position(),
            cm: claim.public.cm,
            value: earned.credits,
            measure: earned.measure,
            scale: batch.scale.clone(),
            asset,
            expiry,
            f1: consent.scope,
            f2: consent.message,
            from: NoteOrigin::Claim {
                entry,
                claim: index,
                period: batch.period,
                distributor,
                source: batch.source,
                vouched: version.terms.vouched,
            },
            spent: None,
            generation: consent.generation,
        };
        self.take(note, &key);
    }

    fn redeemed(&mut self, entry: EntryId, exchange: PartyId, redeemed: &Redeemed) {
        let offers = self.state.offers();
        let amount = offers
            .get(&redeemed.offer)
            .map_or(Credits(0), |offer| offer.published.price);
        let purpose = SpendingPurpose::Redeemed {
            offer: redeemed.offer,
            exchange,
            day: redeemed.day,
            amount,
            voucher_key: redeemed.voucher_key,
        };
        self.spending(entry, &redeemed.spending, purpose, amount);
    }

    fn attested(&mut self, entry: EntryId, attested: &Attested) {
        let purpose = SpendingPurpose::Attested {
            floor: attested.floor,
            context: attested.context,
        };
        self.spending(entry, &attested.spending, purpose, Credits(0));
    }

    fn spending(
        &mut self,
        entry: EntryId,
        spending: &Spending,
        purpose: SpendingPurpose,
        amount: Credits,
    ) {
        self.view.note_leaves.push(spending.cm_out);
        let own = |sn: &Fr| self.notes.get(&field::to_bytes(sn)).copied();
        // A dummy's nullifier belongs to no note.
        let Some(first) = own(&spending.sn1) else {
            return;
        };
        let spent: Vec<usize> = [Some(first), own(&spending.sn2)]
            .into_iter()
            .flatten()
            .collect();
        let mut sum = 0u128;
        for at in &spent {
            if let Some(note) = self.view.notes.get_mut(*at) {
                note.spent = Some(entry);
                sum += u128::from(note.value.0);
            }
        }
        let change = self.change(entry, spending, first, sum, amount);
        self.view.spendings.push(OwnSpending {
            entry,
            purpose,
            sn1: spending.sn1,
            rn: spending.rn,
            spent,
            change,
        });
    }

    /// The change note: what the spent notes held less what was paid.
    fn change(
        &mut self,
        entry: EntryId,
        spending: &Spending,
        first: usize,
        sum: u128,
        amount: Credits,
    ) -> Option<usize> {
        let spent = self.view.notes.get(first)?;
        let (_, secret) = self.secrets.get(usize::from(spent.generation))?;
        let left = sum
            .checked_sub(u128::from(amount.0))
            .and_then(|left| u64::try_from(left).ok());
        let Some(left) = left else {
            self.fault(entry, "more was paid with the own notes than they hold");
            return None;
        };
        let key = change_key(secret, spending.sn1);
        let note = OwnNote {
            position: self.position(),
            cm: spending.cm_out,
            value: Credits(left),
            measure: None,
            scale: spent.scale.clone(),
            asset: spent.asset,
            expiry: spent.expiry,
            f1: spending.sn1,
            f2: Fr::from(0u64),
            from: NoteOrigin::Change { entry },
            spent: None,
            generation: spent.generation,
        };
        self.take(note, &key)
    }

    /// Takes a note, if its commitment is that of what was read.
    fn take(&mut self, note: OwnNote, key: &OwnerKey) -> Option<usize> {
        let entry = note.from.entry();
        if note_commitment(note.value, note.expiry, note.asset, key) != note.cm {
            self.fault(entry, "the own note holds something else than was told");
            return None;
        }
        let (_, secret) = self.secrets.get(usize::from(note.generation))?;
        let at = self.view.notes.len();
        self.notes
            .insert(field::to_bytes(&spend_nullifier(secret, note.cm)), at);
        self.view.notes.push(note);
        Some(at)
    }

    /// Place of the leaf that was pushed last.
    fn position(&self) -> u64 {
        (self.view.note_leaves.len() as u64).saturating_sub(1)
    }

    fn fault(&mut self, entry: EntryId, what: &'static str) {
        self.view.faults.push(EntryFault { entry, what });
    }

    /// What the state says of consents and openings, once all entries were seen.
    fn finish(&mut self) {
        let (state, time) = (self.state, self.state.time());
        for consent in &mut self.view.consents {
            if matches!(consent.standing, ConsentStanding::Claimed { .. }) {
                continue;
            }
            let open = state.tickets().open(&consent.nullifier);
            let open = open.filter(|ticket| ticket.entry == consent.deposit);
            consent.standing = match open {
                _ if consent.withdrawn => ConsentStanding::Withdrawn,
                Some(ticket) if ticket.reserves(time) => ConsentStanding::Deposited {
                    until: ticket.until,
                },
                _ => ConsentStanding::Lapsed,
            };
        }
        self.openings();
    }

    fn openings(&mut self) {
        let view = &mut self.view;
        let claimed: HashSet<(EntryId, u16)> = (view.consents.iter())
            .filter_map(|consent| match consent.standing {
                ConsentStanding::Claimed { entry, claim } => Some((entry, claim)),
                _ => None,
            })
            .collect();
        let scales: HashSet<ScaleId> = (view.consents.iter())
            .map(|consent| consent.scale.clone())
            .collect();
        for (request, opening) in self.state.openings().iter() {
            let Some(content) = &opening.revealed else {
                let concerns = scales.contains(&opening.requested.scale);
                view.hidden_requests += usize::from(concerns);
                continue;
            };
            if claimed.contains(&(content.entry, content.claim)) {
                view.openings.push(OwnOpening {
                    request: *request,
                    requester: opening.requester,
                    requested: opening.time,
                    entry: content.entry,
                    claim: content.claim,
                    basis: content.basis.clone(),
                    completed: opening.result.is_some(),
                });
            }
        }
    }
}
