//! The node: its identity, its secrets, its store, and the steps that it takes.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use merits_keyfile::SecretBytes;
use merits_ledger::{Entry, entry::EarnBatch};
use merits_primitives::ids::{EntryId, Origin, PartyId, Period, ScaleId};
use merits_verifier::{entry::SignedEntry, groth16::Proof};
use rand_core::CryptoRng;
use tokio::sync::Notify;

use crate::{
    batching::split,
    consents::{Consents, Wait, Waiting},
    custody::Custody,
    progress::{Event, Progress},
    proving::{ProverPool, ProvingError, TermsFn, state_on},
    store::{Candidate, DeedId, NewBatch, Store, StoreError, TicketId},
    summary::EarnedSum,
};

/// A node's secrets.
pub struct NodeKeys {
    /// Signs entries.
    pub signing: SigningKey,
    /// Owner keys.
    pub custody: Custody,
    /// Seed of ephemeral exponents. Its loss costs nothing (another seed encrypts as well); its
    /// disclosure opens this node's claims to whoever has it.
    pub ephemeral: SecretBytes,
}

impl std::fmt::Debug for NodeKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeKeys(..)")
    }
}

/// A distributor's node for one scale.
#[derive(Debug)]
pub struct Node {
    origin: Origin,
    party: PartyId,
    scale: ScaleId,
    store: Store,
    keys: Arc<NodeKeys>,
    outbox: Notify,
}

/// What forming did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormReport {
    /// Batches fixed.
    pub batches: u64,
    /// Claims in them.
    pub claims: u64,
    /// What they earn together.
    pub earned: EarnedSum,
    /// Deeds that no batch was fixed for, by reason.
    pub waiting: Waiting,
}

/// A deed that may be claimed now.
type Claimable = (DeedId, Option<TicketId>);

impl Node {
    /// A node over an open store.
    pub fn new(
        origin: Origin,
        party: PartyId,
        scale: ScaleId,
        store: Store,
        keys: NodeKeys,
    ) -> Self {
        Self {
            origin,
            party,
            scale,
            store,
            keys: Arc::new(keys),
            outbox: Notify::new(),
        }
    }

    /// The ledger's origin.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The node's party.
    pub fn party(&self) -> PartyId {
        self.party
    }

    /// The scale.
    pub fn scale(&self) -> &ScaleId {
        &self.scale
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Owner keys.
    pub fn custody(&self) -> &Custody {
        &self.keys.custody
    }

    pub(crate) fn keys(&self) -> Arc<NodeKeys> {
        self.keys.clone()
    }

    /// Wakes whoever empties the outbox.
    pub(crate) fn outbox_filled(&self) {
        self.outbox.notify_one();
    }

    /// Waits until the outbox may have something.
    pub(crate) async fn outbox_waits(&self) {
        self.outbox.notified().await;
    }

    /// Signs a batch's entry.
    pub(crate) fn sign(&self, batch: EarnBatch, proof: &Proof) -> SignedEntry {
        self.sign_entry(&Entry::EarnBatch(batch), Some(proof))
    }

    /// Signs any entry.
    pub(crate) fn sign_entry(&self, entry: &Entry, proof: Option<&Proof>) -> SignedEntry {
        entry.sign(&self.origin, self.party, proof, &self.keys.signing)
    }

    /// Fixes batches for everything that is ingested, not yet claimed, and consented to.
    ///
    /// # Errors
    /// [`ProvingError`]; batches fixed before stay.
    pub async fn form_batches(
        &self,
        pool: &ProverPool,
        terms: &TermsFn<'_>,
        consents: &Consents<'_>,
        rng: &mut (impl CryptoRng + Send),
        progress: &dyn Progress,
    ) -> Result<FormReport, ProvingError> {
        let mut report = FormReport::default();
        let unclaimed = self.claimable(consents, &mut report.waiting).await?;
        let batches = split(&unclaimed, pool.circuit().capacity());
        let total = batches.len();
        for (done, (period, source, claims)) in batches.into_iter().enumerate() {
            let deeds = self.store.claimed_deeds(&claims).await?;
            if deeds.is_empty() {
                continue;
            }
            let terms = pool.terms(terms, period)?;
            let stated = state_on(self, pool, terms.clone(), deeds.clone()).await?;
            let entry = Entry::EarnBatch(stated.entry);
            let statement = entry.statement();
            let entry_id = EntryId::derive(&self.origin, entry.kind(), &self.party, &statement);
            let claims = deeds
                .iter()
                .map(|deed| deed.id)
                .zip(stated.earned.iter().copied());
            let batch = NewBatch {
                scale: self.scale.clone(),
                version: terms.version,
                epoch: terms.epoch,
                period,
                source,
                entry_id,
                statement,
                claims: claims.collect(),
            };
            // A deed that was forgotten a moment ago leaves the others for the next round.
            if self.store.form_batch(&batch, &deeds, rng).await? {
                report.batches += 1;
                report.claims += deeds.len() as u64;
                report.earned.add(&stated.earned);
            }
            progress.event(Event::Formed {
                done: done + 1,
                total,
            });
        }
        Ok(report)
    }

    /// The deeds that may be claimed, in their order; the others are counted.
    async fn claimable(
        &self,
        consents: &Consents<'_>,
        waiting: &mut Waiting,
    ) -> Result<Vec<(Claimable, Period, PartyId)>, StoreError> {
        if matches!(consents, Consents::Custody) {
            let unclaimed = self.store.unclaimed(&self.scale).await?;
            let deeds = unclaimed.into_iter();
            return Ok(deeds
                .map(|(deed, period, source)| ((deed, None), period, source))
                .collect());
        }
        let mut out = Vec::new();
        for candidate in self.store.candidates(&self.scale).await? {
            let Candidate {
                deed,
                period,
                source,
                ticket,
            } = candidate;
            let open = match ticket {
                None => Err(Wait::NoTicket),
                Some(ticket) => consents.open(&self.party, &ticket).map(|()| ticket.id),
            };
            match open {
                Err(wait) => waiting.add(wait),
                Ok(ticket) => {
                    let claim = (deed, Some(ticket));
                    if self.one_person(claim, waiting).await? {
                        out.push((claim, period, source));
                    }
                }
            }
        }
        Ok(out)
    }

    /// Whether the source's commitment and the ticket are about one person.
    async fn one_person(
        &self,
        claim: Claimable,
        waiting: &mut Waiting,
    ) -> Result<bool, StoreError> {
        // Gone meanwhile: the next round sees it no more.
        let Some(deed) = self.store.claimed_deeds(&[claim]).await?.pop() else {
            return Ok(false);
        };
        let same = deed
            .ticket
            .as_ref()
            .is_some_and(|ticket| ticket.handle == deed.handle);
        if !same {
            waiting.add(Wait::OtherPerson);
            waiting.other_person.push((deed.subject, deed.period));
        }
        Ok(same)
    }
}
