//! The node: its identity, its secrets, its store.

use std::sync::Arc;

use ed25519_dalek::SigningKey;
use merits_keyfile::SecretBytes;
use merits_ledger::{Entry, entry::EarnBatch};
use merits_primitives::ids::{Origin, PartyId, ScaleId};
use merits_verifier::{entry::SignedEntry, groth16::Proof};
use tokio::sync::Notify;

use crate::{custody::Custody, store::Store};

/// A node's secrets.
pub struct NodeKeys {
    /// Signs entries.
    pub signing: SigningKey,
    /// Owner keys.
    pub custody: Custody,
    /// Seed of ephemeral exponents. Its loss has no cost (another seed encrypts as well), but
    /// anybody who gets it can open this node's claims.
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

    /// Wakes the task that empties the outbox.
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
        let proof = proof.map(Into::into);
        entry.sign(&self.origin, self.party, proof, &self.keys.signing)
    }
}
