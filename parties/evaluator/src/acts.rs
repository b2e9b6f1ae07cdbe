//! The entries that an evaluator signs. The ledger's rules decide whether they are accepted.

use ed25519_dalek::SigningKey;
use merits_ledger::entry::{
    Entry, EvaluationCounted, EvaluatorOpened, TagDealingMessage, TagDealingOpened,
};
use merits_primitives::ids::{Origin, PartyId};
use merits_verifier::entry::SignedEntry;

/// Signs an evaluator's entries: its party, its log and its signing key.
#[derive(Clone)]
pub struct Evaluator {
    origin: Origin,
    party: PartyId,
    key: SigningKey,
}

impl std::fmt::Debug for Evaluator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Evaluator({} on {}, ..)", self.party, self.origin)
    }
}

impl Evaluator {
    /// The evaluator `party` with its signing key.
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

    /// Publishes the public key of a key that this evaluator has alone. The ledger accepts one key, once.
    pub fn open(&self, public_key: [u8; 32]) -> SignedEntry {
        self.sign(Entry::EvaluatorOpened(EvaluatorOpened { public_key }))
    }

    /// Opens a dealing of the key's shares.
    pub fn open_dealing(&self, opened: TagDealingOpened) -> SignedEntry {
        self.sign(Entry::TagDealingOpened(opened))
    }

    /// Publishes a message of a dealing.
    pub fn publish(&self, message: TagDealingMessage) -> SignedEntry {
        self.sign(Entry::TagDealingMessage(message))
    }

    /// Counts an evaluation. `number` runs over all registrars of this evaluator, from 1.
    pub fn count(&self, registrar: PartyId, number: u64, request: [u8; 32]) -> SignedEntry {
        self.sign(Entry::EvaluationCounted(EvaluationCounted {
            registrar,
            number,
            request,
        }))
    }

    fn sign(&self, entry: Entry) -> SignedEntry {
        entry.sign(&self.origin, self.party, None, &self.key)
    }
}
