//! The blinded elements that were evaluated, read from the log. The evaluator keeps no record of
//! its own, so a crash cannot damage one.

use std::collections::BTreeMap;

use merits_ledger::Entry;
use merits_primitives::ids::{EntryId, PartyId};
use merits_replica::{Replica, ReplicaError};

/// An evaluation in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The registrar.
    pub registrar: PartyId,
    /// Its entry.
    pub entry: EntryId,
}

/// The log's evaluations by their subject ([`merits_ledger::entry::evaluation_digest`]).
#[derive(Debug, Default)]
pub struct Counts {
    /// Leaves that were read.
    size: u64,
    by_request: BTreeMap<[u8; 32], Counted>,
}

impl Counts {
    /// Reads the leaves that the copy has gained since the last call.
    ///
    /// # Errors
    /// [`ReplicaError`]; leaves that were read before stay counted.
    pub fn follow(&mut self, replica: &Replica) -> Result<(), ReplicaError> {
        for leaf in replica.leaves_from(self.size) {
            let (_, leaf) = leaf?;
            self.size += 1;
            if let Some(Ok(Entry::EvaluationCounted(counted))) =
                Entry::decode(leaf.entry.kind, &leaf.entry.statement)
            {
                let (registrar, entry) = (counted.registrar, leaf.entry.id());
                // The first one stays, because the ledger does not prevent an evaluator from
                // counting twice.
                self.by_request
                    .entry(counted.request)
                    .or_insert(Counted { registrar, entry });
            }
        }
        Ok(())
    }

    /// The evaluation of this subject.
    pub fn get(&self, request: &[u8; 32]) -> Option<Counted> {
        self.by_request.get(request).copied()
    }
}
