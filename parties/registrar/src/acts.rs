//! The entries that a registrar signs. The ledger's rules decide whether they are accepted.

use ed25519_dalek::SigningKey;
use merits_ledger::entry::{Entry, IdentityRegistered, IdentityRetired};
use merits_primitives::{
    identity::IdentityCommitment,
    ids::{Origin, PartyId},
};
use merits_proto::EvaluationRequest;
use merits_verifier::entry::SignedEntry;
use rand_core::CryptoRng;

use crate::evaluation::Pending;

/// Signs a registrar's entries: its party, its log and its signing key.
#[derive(Clone)]
pub struct Registrar {
    origin: Origin,
    party: PartyId,
    key: SigningKey,
}

impl std::fmt::Debug for Registrar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registrar({} on {}, ..)", self.party, self.origin)
    }
}

impl Registrar {
    /// The registrar `party` with its signing key.
    pub fn new(origin: Origin, party: PartyId, key: SigningKey) -> Self {
        Self { origin, party, key }
    }

    /// Its party.
    pub fn party(&self) -> PartyId {
        self.party
    }

    /// The log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Asks for an evaluation.
    pub fn ask(&self, pending: &Pending, rng: &mut impl CryptoRng) -> EvaluationRequest {
        pending.request(self.origin.clone(), self.party, &self.key, rng)
    }

    /// Registers a person, for the first time or again.
    pub fn register(&self, registered: IdentityRegistered) -> SignedEntry {
        self.sign(Entry::IdentityRegistered(registered))
    }

    /// Ends an identity.
    pub fn retire(&self, commitment: IdentityCommitment, basis: &str) -> SignedEntry {
        self.sign(Entry::IdentityRetired(IdentityRetired {
            commitment,
            basis: basis.to_owned(),
        }))
    }

    fn sign(&self, entry: Entry) -> SignedEntry {
        entry.sign(&self.origin, self.party, None, &self.key)
    }
}
