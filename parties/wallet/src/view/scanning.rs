//! The pass over the log.

// A new kind of entry must say what a wallet reads in it.
#![deny(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

use std::collections::{HashMap, HashSet};

use merits_ledger::{
    Entry, State,
    entry::{Attested, EarnBatch, Redeemed, SignedClaim, Spending, TicketDeposited},
    rows::RowError,
    state::{OpeningSubject, Person},
};
use merits_primitives::{
    field,
    identity::{IdentityCommitment, Secret},
    ids::{AssetId, Credits, EntryId, PartyId, ScaleId},
    message::Consent,
    note::note_commitment,
    nullifier::{SpendNullifier, claim_nullifier, spend_nullifier},
    owner::{KeyParts, OwnerKey, bind, change_key, earned_key, handle},
    scope::{Scope, claim_scope, source_scope},
    sum::CreditsSum,
};
use merits_verifier::entry::{Leaf, SignedEntry};

use super::{
    ConsentStanding, Contradiction, EntryFault, Found, NoteOrigin, OwnConsent, OwnIdentity,
    OwnNote, OwnOpening, OwnRegistration, OwnSpending, ScanError, SpendingPurpose, View,
};
use crate::keys::WalletKeys;

/// Finds the possessions of the keys' owner in all verified leaves of this state, in order.
///
/// # Errors
/// [`ScanError::OtherOrigin`].
pub fn scan_leaves(
    state: &State,
    leaves: impl IntoIterator<Item = Leaf>,
    keys: &WalletKeys,
) -> Result<View, ScanError> {
    let mut walk = Walk::resume(state, keys, Found::default())?;
    for leaf in leaves {
        walk.read(&leaf);
    }
    walk.view()
}

/// The registered identities of a seed, from the first on. A wallet begins one only when the one
/// before is registered, so there are no gaps.
fn own_people(
    state: &State,
    keys: &WalletKeys,
) -> Result<Vec<(IdentityCommitment, Person)>, RowError> {
    let mut people = Vec::new();
    for generation in 0..=u8::MAX {
        let commitment = keys.commitment(generation);
        let Some(person) = state.people().by_commitment(&commitment)? else {
            break;
        };
        people.push((commitment, person));
    }
    Ok(people)
}

fn newest(people: &[(IdentityCommitment, Person)], keys: &WalletKeys) -> Option<OwnIdentity> {
    let generation = u8::try_from(people.len().checked_sub(1)?).ok()?;
    let (commitment, person) = people.last()?;
    debug_assert_eq!(*commitment, keys.commitment(generation));
    Some(OwnIdentity {
        generation,
        commitment: *commitment,
        index: person.index,
        birth: person.birth,
        // The person was registered again under another seed, so this identity is retired.
        retired: person.retired || person.commitment != *commitment,
    })
}

/// A pass over the log, which may continue an earlier one.
///
/// ```text
/// let mut walk = Walk::resume(state, keys, found)?;
/// for leaf in leaves_from(walk.next()) { walk.read(&leaf) }
/// let (found, view) = (walk.found().clone(), walk.view()?);
/// ```
#[derive(Debug)]
pub struct Walk<'a> {
    state: &'a State,
    secrets: Vec<(u8, Secret)>,
    identity: Option<OwnIdentity>,
    commitments: HashSet<[u8; 32]>,
    found: Found,
    restarted: bool,
    scopes: HashMap<(AssetId, u64, Option<PartyId>), Scope>,
    /// The person's tickets by nullifier: the consent that was deposited last.
    tickets: HashMap<[u8; 32], usize>,
    /// Own notes by their spend nullifier.
    notes: HashMap<[u8; 32], usize>,
}

impl<'a> Walk<'a> {
    /// Continues after the leaves in which `found` was found. These must be the first leaves of this
    /// state's log: the caller compares size and root. If another identity of the seed was registered
    /// since, the walk begins at leaf 0 again, because `found` has nothing of that identity.
    ///
    /// # Errors
    /// [`ScanError`].
    pub fn resume(state: &'a State, keys: &WalletKeys, found: Found) -> Result<Self, ScanError> {
        if state.origin() != keys.origin() {
            return Err(ScanError::OtherOrigin {
                expected: keys.origin().to_string(),
                found: state.origin().to_string(),
            });
        }
        let people = own_people(state, keys)?;
        let secrets: Vec<(u8, Secret)> = (0u8..=u8::MAX)
            .zip(&people)
            .map(|(generation, _)| (generation, keys.secret(generation)))
            .collect();
        let looked_for = usize::from(found.identities);
        // Nothing was looked for before the first registration.
        let restarted = looked_for > 0 && looked_for != people.len();
        let found = if looked_for == people.len() {
            found
        } else {
            Found::default()
        };
        let mut walk = Self {
            state,
            secrets,
            identity: newest(&people, keys),
            commitments: (people.iter())
                .map(|(commitment, _)| field::to_bytes(commitment))
                .collect(),
            restarted,
            scopes: HashMap::new(),
            tickets: HashMap::new(),
            notes: HashMap::new(),
            found: Found {
                // A seed has at most 256 identities.
                identities: u16::try_from(people.len()).unwrap_or(u16::MAX),
                ..found
            },
        };
        walk.index();
        Ok(walk)
    }

    /// Makes the tables by nullifier.
    fn index(&mut self) {
        let consents = self.found.view.consents.iter().enumerate();
        self.tickets
            .extend(consents.map(|(at, consent)| (field::to_bytes(&consent.nullifier), at)));
        for (at, note) in self.found.view.notes.iter().enumerate() {
            if let Some((_, secret)) = self.secrets.get(usize::from(note.generation)) {
                let nullifier = spend_nullifier(secret, note.cm);
                self.notes.insert(field::to_bytes(&nullifier), at);
            }
        }
    }

    /// Index of the leaf that [`Walk::read`] expects.
    pub fn next(&self) -> u64 {
        self.found.leaves
    }

    /// Whether the walk began at leaf 0 again because a further identity was registered.
    pub fn restarted(&self) -> bool {
        self.restarted
    }

    /// What was found so far.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// The person's view, once all leaves of the state were read. What the state says of consents,
    /// openings and the identity is taken from the state anew.
    ///
    /// # Errors
    /// [`ScanError::Rows`].
    pub fn view(&self) -> Result<View, ScanError> {
        let mut view = View {
            identity: self.identity.clone(),
            ..self.found.view.clone()
        };
        finish(&mut view, self.state)?;
        Ok(view)
    }

    /// Reads the next leaf.
    pub fn read(&mut self, leaf: &Leaf) {
        self.found.leaves += 1;
        let signed = &leaf.entry;
        // Every leaf was decoded when it was verified.
        let Some(Ok(entry)) = Entry::decode(signed.kind, &signed.statement) else {
            return;
        };
        // `Entry::notes` knows every kind, so a kind that this walk does not read breaks no position.
        let tree_size = self.found.view.tree_size + entry.notes().len() as u64;
        match entry {
            Entry::IdentityRegistered(registered) => {
                self.registration(signed, &registered.commitment, false);
            }
            Entry::IdentityRetired(retired) => {
                self.registration(signed, &retired.commitment, true);
            }
            Entry::TicketDeposited(deposit) => {
                self.deposit(signed.id(), signed.party, &deposit);
            }
            Entry::ConsentWithdrawn(withdrawn) => {
                let key = field::to_bytes(&withdrawn.nullifier);
                let consents = &mut self.found.view.consents;
                let own = self.tickets.get(&key).and_then(|at| consents.get_mut(*at));
                if let Some(consent) = own.filter(|own| own.message == withdrawn.message) {
                    consent.withdrawn = true;
                }
            }
            Entry::EarnBatch(batch) => self.batch(signed.id(), signed.party, &batch),
            Entry::Redeemed(redeemed) => self.redeemed(signed.id(), signed.party, &redeemed),
            Entry::Attested(attested) => self.attested(signed.id(), &attested),
            // By name, so that a new kind says what it means for a person. Openings are read from the state.
            Entry::PartyAdmitted(_)
            | Entry::KeysRotated(_)
            | Entry::KeySucceeded(_)
            | Entry::ActProposed(_)
            | Entry::EpochProposed(_)
            | Entry::KeyGenerationOpened(_)
            | Entry::KeyGenerationMessage(_)
            | Entry::KeyShareDestroyed(_)
            | Entry::ActEndorsed(_)
            | Entry::EndorsementRevoked(_)
            | Entry::ActEnacted(_)
            | Entry::ActObjected(_)
            | Entry::EmergencySuspended(_)
            | Entry::ScaleProposed(_)
            | Entry::ScaleRetired(_)
            | Entry::OpeningRequested(_)
            | Entry::RedeemerRequested(_)
            | Entry::OpeningEndorsed(_)
            | Entry::OpeningDisowned(_)
            | Entry::OpeningCompleted(_)
            | Entry::OpeningRevealed(_)
            | Entry::AlertRaised(_)
            | Entry::AlertHandled(_)
            | Entry::TotalsCut(_)
            | Entry::TotalsOpened(_)
            | Entry::TagDealingOpened(_)
            | Entry::TagDealingMessage(_)
            | Entry::EvaluatorOpened(_)
            | Entry::EvaluationCounted(_)
            | Entry::TermsPublished(_)
            | Entry::OfferPublished(_)
            | Entry::OfferClosed(_) => {}
        }
        self.found.view.tree_size = tree_size;
    }

    fn registration(
        &mut self,
        signed: &SignedEntry,
        commitment: &IdentityCommitment,
        retired: bool,
    ) {
        if self.commitments.contains(&field::to_bytes(commitment)) {
            self.found.view.registrations.push(OwnRegistration {
                entry: signed.id(),
                registrar: signed.party,
                retired,
            });
        }
    }

    fn deposit(&mut self, entry: EntryId, distributor: PartyId, deposit: &TicketDeposited) {
        if self.secrets.is_empty() {
            return;
        }
        let scales = self.state.scales();
        let Ok(version) = scales.version(&deposit.scale, deposit.version) else {
            return;
        };
        let asset = version.terms.asset;
        let source = version.terms.per_source.then_some(deposit.source);
        let scope = *self
            .scopes
            .entry((asset, deposit.period.to_u64(), source))
            .or_insert_with(|| claim_scope(asset, deposit.period, source.as_ref()));
        let own = |(_, secret): &&(u8, Secret)| claim_nullifier(secret, scope) == deposit.nullifier;
        let Some((generation, _)) = self.secrets.iter().find(own) else {
            return;
        };
        let consent = Consent {
            origin: self.state.origin(),
            distributor: &distributor,
            terms: &deposit.terms,
            scale: &deposit.scale,
            version: deposit.version,
            manifest: &version.manifest,
            expiry: deposit.expiry,
        };
        self.tickets.insert(
            field::to_bytes(&deposit.nullifier),
            self.found.view.consents.len(),
        );
        self.found.view.consents.push(OwnConsent {
            scale: deposit.scale.clone(),
            version: deposit.version,
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
            // `finish` or the claim sets its final value.
            standing: ConsentStanding::Lapsed,
            withdrawn: false,
        });
    }

    fn batch(&mut self, entry: EntryId, distributor: PartyId, batch: &EarnBatch) {
        let first = self.found.view.tree_size;
        for (index, claim) in (0u16..).zip(&batch.claims) {
            let own = claim
                .ticket
                .and_then(|nullifier| self.tickets.get(&field::to_bytes(&nullifier)).copied());
            if let Some(at) = own {
                self.claim(
                    entry,
                    distributor,
                    batch,
                    (index, claim),
                    first + u64::from(index),
                    at,
                );
            }
        }
    }

    fn claim(
        &mut self,
        entry: EntryId,
        distributor: PartyId,
        batch: &EarnBatch,
        (index, claim): (u16, &SignedClaim),
        position: u64,
        at: usize,
    ) {
        let Some(consent) = self.found.view.consents.get_mut(at) else {
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
        let key = earned_key(secret, consent.scope, consent.message);
        let binding = bind(&key, &handle(secret, source_scope(&consent.source)));
        if binding.b != claim.public.b {
            return self.fault(entry, Contradiction::OtherRecords);
        }
        let Some(earned) = binding.reveal(claim.public.u, version.terms.measured()) else {
            return self.fault(entry, Contradiction::NoAmount);
        };
        let (asset, expiry) = (batch.terms.asset, batch.terms.expiry);
        let note = OwnNote {
            position,
            cm: claim.public.cm,
            value: earned.credits,
            measure: earned.measure,
            scale: batch.scale.clone(),
            asset,
            expiry,
            made_of: KeyParts::Earned {
                scope: consent.scope,
                message: consent.message,
            },
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
        let own = |sn: &SpendNullifier| self.notes.get(&field::to_bytes(sn)).copied();
        // A dummy's nullifier belongs to no note.
        let Some(first) = own(&spending.sn1) else {
            return;
        };
        let spent: Vec<usize> = [Some(first), own(&spending.sn2)]
            .into_iter()
            .flatten()
            .collect();
        let mut sum = CreditsSum::ZERO;
        for at in &spent {
            if let Some(note) = self.found.view.notes.get_mut(*at) {
                note.spent = Some(entry);
                sum += note.value;
            }
        }
        let change = self.change(entry, spending, first, sum, amount);
        self.found.view.spendings.push(OwnSpending {
            entry,
            purpose,
            sn1: spending.sn1,
            rn: spending.rn,
            spent,
            change,
        });
    }

    /// The change note: the value of the spent notes less the price.
    fn change(
        &mut self,
        entry: EntryId,
        spending: &Spending,
        first: usize,
        sum: CreditsSum,
        amount: Credits,
    ) -> Option<usize> {
        let spent = self.found.view.notes.get(first)?;
        let (_, secret) = self.secrets.get(usize::from(spent.generation))?;
        let left = sum
            .checked_sub(amount.into())
            .and_then(|left| u64::try_from(left.0).ok());
        let Some(left) = left else {
            self.fault(entry, Contradiction::Overpaid);
            return None;
        };
        let key = change_key(secret, spending.sn1);
        let note = OwnNote {
            position: self.found.view.tree_size,
            cm: spending.cm_out,
            value: Credits(left),
            measure: None,
            scale: spent.scale.clone(),
            asset: spent.asset,
            expiry: spent.expiry,
            made_of: KeyParts::Change { sn1: spending.sn1 },
            from: NoteOrigin::Change { entry },
            spent: None,
            generation: spent.generation,
        };
        self.take(note, &key)
    }

    /// Adds a note, if its commitment fits the values that were read.
    fn take(&mut self, note: OwnNote, key: &OwnerKey) -> Option<usize> {
        let entry = note.from.entry();
        if note_commitment(note.value, note.expiry, note.asset, key) != note.cm {
            self.fault(entry, Contradiction::OtherNote);
            return None;
        }
        let (_, secret) = self.secrets.get(usize::from(note.generation))?;
        let at = self.found.view.notes.len();
        self.notes
            .insert(field::to_bytes(&spend_nullifier(secret, note.cm)), at);
        self.found.view.notes.push(note);
        Some(at)
    }

    fn fault(&mut self, entry: EntryId, what: Contradiction) {
        self.found.view.faults.push(EntryFault { entry, what });
    }
}

/// What the state says of consents and openings, once all entries were seen.
fn finish(view: &mut View, state: &State) -> Result<(), RowError> {
    let time = state.time();
    for consent in &mut view.consents {
        if matches!(consent.standing, ConsentStanding::Claimed { .. }) {
            continue;
        }
        let open = state.tickets().open(&consent.nullifier)?;
        let open = open.filter(|ticket| ticket.entry == consent.deposit);
        consent.standing = match open {
            _ if consent.withdrawn => ConsentStanding::Withdrawn,
            Some(ticket) if ticket.reserves(time) => ConsentStanding::Deposited {
                until: ticket.until,
            },
            _ => ConsentStanding::Lapsed,
        };
    }
    openings(view, state)
}

fn openings(view: &mut View, state: &State) -> Result<(), RowError> {
    let claimed: HashSet<(EntryId, u16)> = (view.consents.iter())
        .filter_map(|consent| match consent.standing {
            ConsentStanding::Claimed { entry, claim } => Some((entry, claim)),
            ConsentStanding::Deposited { .. }
            | ConsentStanding::Withdrawn
            | ConsentStanding::Lapsed => None,
        })
        .collect();
    let redeemed: HashSet<EntryId> = (view.spendings.iter())
        .filter(|spending| matches!(spending.purpose, SpendingPurpose::Redeemed { .. }))
        .map(|spending| spending.entry)
        .collect();
    let scales: HashSet<ScaleId> = (view.consents.iter())
        .map(|consent| consent.scale.clone())
        .collect();
    for (request, opening) in state.openings().all()? {
        let Some(content) = &opening.revealed else {
            let concerns = scales.contains(&opening.requested.scale);
            view.hidden_requests += usize::from(concerns);
            continue;
        };
        let is_own = match opening.subject {
            OpeningSubject::Claim => claimed.contains(&(content.entry, content.claim)),
            OpeningSubject::Redeemer => redeemed.contains(&content.entry),
        };
        if is_own {
            view.openings.push(OwnOpening {
                request,
                requester: opening.requester,
                requested: opening.time,
                subject: opening.subject,
                entry: content.entry,
                claim: content.claim,
                basis: content.basis.clone(),
                completed: opening.result.is_some(),
            });
        }
    }
    Ok(())
}
