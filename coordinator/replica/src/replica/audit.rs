//! Verifies a whole copy again, and computes its state again.

use std::path::Path;

use merits_ledger::{
    LedgerPolicy, Replay, State,
    rows::{RowError, RowKey, Rows, Table},
};
use merits_verifier::log::Hash;
use rand_core::CryptoRng;

use super::{PAGE_BYTES, Replica, ReplicaError};
use crate::archive::Archive;

impl Replica {
    /// Verifies the whole copy again from its first leaf: signatures, proofs, rules and tree, and
    /// that the stored ids, nodes and state follow from the leaves. Returns that state, in memory.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn replay(&self, rng: &mut impl CryptoRng) -> Result<State, ReplicaError> {
        self.require_written()?;
        let policy = self.state.policy().clone();
        let (size, expected) = (self.size(), self.frontier.root());
        let state = replayed(
            &self.archive,
            &self.directory,
            policy,
            (size, expected),
            rng,
        )?;
        if !self.archive.same_tree()? {
            return Err(ReplicaError::Altered(self.directory.clone()));
        }
        let same = state.rows().digest()? == self.digest
            && same_rows(state.rows(), self.archive.file().as_ref())?
            && self.archive.same_used(state.memory())?;
        if same {
            Ok(state)
        } else {
            Err(ReplicaError::StateAltered(self.directory.clone()))
        }
    }
}

/// Whether two states have the same rows.
fn same_rows(one: &dyn Rows, other: &dyn Rows) -> Result<bool, RowError> {
    for table in Table::ALL {
        let mut from = Vec::new();
        loop {
            let page = one.range(table, &from, PAGE_ROWS)?;
            if other.range(table, &from, PAGE_ROWS)? != page {
                return Ok(false);
            }
            let Some((last, _)) = page.into_iter().next_back() else {
                break;
            };
            // The next key there can be.
            from = last;
            from.push(0);
        }
    }
    Ok(true)
}

/// Rows that are compared at a time.
const PAGE_ROWS: usize = 1_024;

/// The state that follows from the leaves of a copy, each verified again.
fn replayed(
    archive: &Archive,
    directory: &Path,
    policy: LedgerPolicy,
    (size, expected): (u64, Hash),
    rng: &mut impl CryptoRng,
) -> Result<State, ReplicaError> {
    let altered = || ReplicaError::Altered(directory.to_owned());
    let mut replay = Replay::new(policy);
    let mut next = 0;
    while next < size {
        let page = archive.file().leaves(next, size, PAGE_BYTES);
        let page = page.map_err(archive.failed())?;
        if page.is_empty() {
            return Err(altered());
        }
        next += page.len() as u64;
        for leaf in page {
            replay.push(&leaf, rng)?;
        }
    }
    let (state, root) = replay.finish(rng)?;
    if root == expected {
        Ok(state)
    } else {
        Err(altered())
    }
}

/// Computes the stored state again from the leaves.
pub(super) fn rebuild(
    archive: &mut Archive,
    directory: &Path,
    policy: &LedgerPolicy,
    size: u64,
    expected: Hash,
    rng: &mut impl CryptoRng,
) -> Result<(), ReplicaError> {
    tracing::warn!(
        size,
        "the stored state is of another version: it is made anew from the leaves"
    );
    let state = replayed(archive, directory, policy.clone(), (size, expected), rng)?;
    let digest = state.rows().digest()?;
    let mut rows = Vec::new();
    for table in Table::ALL {
        let of_table = state.rows().range(table, &[], usize::MAX)?.into_iter();
        rows.extend(of_table.map(|(key, value)| (RowKey { table, key }, Some(value))));
    }
    Ok(archive.replace_state(size, &rows, &digest)?)
}
