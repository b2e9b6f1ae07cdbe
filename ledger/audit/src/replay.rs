//! The whole copy again: nothing in it is trusted.

use merits_ledger::State;
use merits_replica::Replica;
use merits_verifier::log::Checkpoint;
use rand_core::CryptoRng;
use serde::Serialize;

use crate::AuditError;

/// A copy that holds. Two who follow the same log get the same report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// The log.
    pub origin: String,
    /// Its leaves.
    pub leaves: u64,
    /// The tree's root, in hexadecimal.
    pub root: String,
    /// The digest of the state that the leaves make, in hexadecimal.
    pub state: String,
}

/// Verifies a copy again from its first leaf: signatures, proofs, rules and tree, and that the stored ids, nodes and
/// rows are those that the leaves make.
///
/// # Errors
/// [`AuditError`] says what does not hold.
pub fn replay(replica: &Replica, rng: &mut impl CryptoRng) -> Result<ReplayReport, AuditError> {
    let checkpoint = checkpoint(replica)?;
    let state: State = replica.replay(rng)?;
    if state.size() != checkpoint.size {
        return Err(AuditError::OtherSize {
            found: state.size(),
            size: checkpoint.size,
        });
    }
    Ok(ReplayReport {
        origin: state.origin().to_string(),
        leaves: state.size(),
        root: hex::encode(checkpoint.root),
        state: hex::encode(state.digest()?),
    })
}

/// The checkpoint of a copy that is not empty.
///
/// # Errors
/// [`AuditError::Empty`].
pub fn checkpoint(replica: &Replica) -> Result<&Checkpoint, AuditError> {
    let empty = || AuditError::Empty(replica.directory().to_owned());
    replica.checkpoint().ok_or_else(empty)
}
