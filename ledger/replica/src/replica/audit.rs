//! The whole copy verified again.

use std::path::Path;

use merits_ledger::{
    Blob, BlobDigest, LedgerPolicy, Replay, State, named_blobs,
    rows::{RowError, Rows, Table},
};
use merits_verifier::log::Hash;
use rand_core::CryptoRng;

use super::{PAGE_BYTES, Replica, ReplicaError};
use crate::archive::Archive;

impl Replica {
    /// The blobs that a leaf of the copy names.
    ///
    /// # Errors
    /// [`ReplicaError::Altered`] when one is missing or has other bytes; [`ReplicaError::Archive`].
    pub fn blobs_of(&self, leaf: &[u8]) -> Result<Vec<Blob>, ReplicaError> {
        blobs_of(self.archive.as_ref(), &self.directory, leaf)
    }

    /// Verifies the whole copy again, from its first leaf: signatures, proofs, rules, tree; and that the
    /// stored ids, nodes and state are those that the leaves make. Answers that state, in memory.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn replay(&self, rng: &mut impl CryptoRng) -> Result<State, ReplicaError> {
        self.require_written()?;
        let policy = self.state.policy().clone();
        let (size, expected) = (self.size(), self.frontier.root());
        let state = replayed(
            self.archive.as_ref(),
            &self.directory,
            policy,
            (size, expected),
            rng,
        )?;
        if !self.archive.same_tree()? {
            return Err(ReplicaError::Altered(self.directory.clone()));
        }
        let same = state.rows().digest()? == self.digest
            && same_rows(state.rows(), self.archive.rows().as_ref())?
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

/// The state that the leaves of a copy make, each verified again.
pub(super) fn replayed(
    archive: &dyn Archive,
    directory: &Path,
    policy: LedgerPolicy,
    (size, expected): (u64, Hash),
    rng: &mut impl CryptoRng,
) -> Result<State, ReplicaError> {
    let altered = || ReplicaError::Altered(directory.to_owned());
    let mut replay = Replay::new(policy);
    let mut next = 0;
    while next < size {
        let page = archive.leaves(next, size, PAGE_BYTES)?;
        if page.is_empty() {
            return Err(altered());
        }
        next += page.len() as u64;
        for leaf in page {
            let blobs = blobs_of(archive, directory, &leaf)?;
            replay.push_with(&leaf, blobs, rng)?;
        }
    }
    let (state, root) = replay.finish(rng)?;
    if root == expected {
        Ok(state)
    } else {
        Err(altered())
    }
}

/// The blobs that a leaf of a copy names, as they were stored.
fn blobs_of(
    archive: &dyn Archive,
    directory: &Path,
    leaf: &[u8],
) -> Result<Vec<Blob>, ReplicaError> {
    let read = |digest: BlobDigest| {
        archive
            .blob(&digest)?
            .and_then(|bytes| Blob::new(bytes).ok())
            .filter(|blob| blob.digest() == digest)
            .ok_or_else(|| ReplicaError::Altered(directory.to_owned()))
    };
    named_blobs::named_by(leaf).into_iter().map(read).collect()
}
