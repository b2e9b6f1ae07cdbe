//! Which blinded elements were evaluated, read from the log. The evaluator keeps no book of its
//! own, so there is none that a crash could tear.

use std::collections::BTreeMap;

use merits_ledger::Entry;
use merits_primitives::ids::{EntryId, PartyId};
use merits_replica::{Replica, ReplicaError};

/// An evaluation that the log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// For whom.
    pub registrar: PartyId,
    /// Its entry.
    pub entry: EntryId,
}

/// The log's evaluations by what they are about
/// ([`merits_ledger::entry::evaluation_digest`]).
#[derive(Debug, Default)]
pub struct Counts {
    /// Leaves that were read.
    size: u64,
    by_request: BTreeMap<[u8; 32], Counted>,
}

impl Counts {
    /// Reads what the copy has more than at the last time.
    ///
    /// # Errors
    /// [`ReplicaError`]; what was read before stays read.
    pub fn follow(&mut self, replica: &Replica) -> Result<(), ReplicaError> {
        for leaf in replica.leaves_from(self.size) {
            let (_, leaf) = leaf?;
            self.size += 1;
            if let Some(Ok(Entry::EvaluationCounted(counted))) =
                Entry::decode(leaf.entry.kind, &leaf.entry.statement)
            {
                let (registrar, entry) = (counted.registrar, leaf.entry.id());
                // The first one stays: the ledger does not keep an evaluator from counting twice.
                self.by_request
                    .entry(counted.request)
                    .or_insert(Counted { registrar, entry });
            }
        }
        Ok(())
    }

    /// The evaluation about this.
    pub fn get(&self, request: &[u8; 32]) -> Option<Counted> {
        self.by_request.get(request).copied()
    }
}
