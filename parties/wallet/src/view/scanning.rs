//! The pass over the log.

use std::collections::{HashMap, HashSet};

use merits_ledger::{
    Entry, State,
    entry::{Attested, EarnBatch, Redeemed, SignedClaim, Spending, TicketDeposited},
    rows::RowError,
    state::Person,
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
use merits_verifier::entry::Leaf;

use super::{
    ConsentStanding, EntryFault, NoteOrigin, OwnConsent, OwnIdentity, OwnNote, OwnOpening,
    OwnSpending, ScanError, SpendingPurpose, View,
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
    if state.origin() != keys.origin() {
        return Err(ScanError::OtherOrigin {
            expected: keys.origin().to_string(),
            found: state.origin().to_string(),
        });
    }
    let people = own_people(state, keys)?;
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
    scan.finish()?;
    Ok(scan.view)
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

/// A pass over the log.
struct Scan<'a> {
    state: &'a State,
    secrets: Vec<(u8, Secret)>,
    view: View,
    scopes: HashMap<(AssetId, u64, Option<PartyId>), Scope>,
    /// The person's tickets by nullifier: the consent that was deposited last.
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
            self.view.consents.len(),
        );
        self.view.consents.push(OwnConsent {
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
        let key = earned_key(secret, consent.scope, consent.message);
        let binding = bind(&key, &handle(secret, source_scope(&consent.source)));
        if binding.b != claim.public.b {
            return self.fault(
                entry,
                "a claim with a ticket of this wallet is bound to other records",
            );
        }
        let Some(earned) = binding.reveal(claim.public.u, version.terms.measured()) else {
            return self.fault(entry, "the u of a claim of this wallet hides no amount");
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
        self.view.note_leaves.push(spending.cm_out);
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
            if let Some(note) = self.view.notes.get_mut(*at) {
                note.spent = Some(entry);
                sum += note.value;
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

    /// The change note: the value of the spent notes less the price.
    fn change(
        &mut self,
        entry: EntryId,
        spending: &Spending,
        first: usize,
        sum: CreditsSum,
        amount: Credits,
    ) -> Option<usize> {
        let spent = self.view.notes.get(first)?;
        let (_, secret) = self.secrets.get(usize::from(spent.generation))?;
        let left = sum
            .checked_sub(amount.into())
            .and_then(|left| u64::try_from(left.0).ok());
        let Some(left) = left else {
            self.fault(
                entry,
                "more was paid with this wallet's notes than they hold",
            );
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
            self.fault(
                entry,
                "a note of this wallet holds something else than was told",
            );
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
    fn finish(&mut self) -> Result<(), RowError> {
        let (state, time) = (self.state, self.state.time());
        for consent in &mut self.view.consents {
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
        self.openings()
    }

    fn openings(&mut self) -> Result<(), RowError> {
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
        for (request, opening) in self.state.openings().all()? {
            let Some(content) = &opening.revealed else {
                let concerns = scales.contains(&opening.requested.scale);
                view.hidden_requests += usize::from(concerns);
                continue;
            };
            if claimed.contains(&(content.entry, content.claim)) {
                view.openings.push(OwnOpening {
                    request,
                    requester: opening.requester,
                    requested: opening.time,
                    entry: content.entry,
                    claim: content.claim,
                    basis: content.basis.clone(),
                    completed: opening.result.is_some(),
                });
            }
        }
        Ok(())
    }
}
