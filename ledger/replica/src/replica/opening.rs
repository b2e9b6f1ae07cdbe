//! Opening a copy on disk.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

use merits_ledger::{
    Governing, Groth16Keys, KnownProofs, LedgerPolicy, State,
    rows::{RowKey, StateDigest, Table},
    storage::{LogRow, STATE_VERSION},
    tree::{Frontier, frontier_nodes},
};
use merits_verifier::log::{Hash, LogKey, SignedCheckpoint};
use rand_core::CryptoRng;

use super::{Replica, ReplicaError, audit::replayed};
use crate::archive::{Archive as _, file::FileArchive};

impl Replica {
    /// Opens the copy in `directory`, or starts an empty one. Its leaves were verified before they were
    /// stored, and the state that they made with them is trusted, as this program's own key files are;
    /// [`Replica::replay`] verifies all of it again. A state of another version of this program is made again
    /// from the leaves.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn open(
        directory: &Path,
        key: LogKey,
        policy: LedgerPolicy,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, ReplicaError> {
        let mut archive = FileArchive::open(directory, &key, &policy)?;
        let facts = archive.differences(&policy)?;
        if !facts.is_empty() {
            let directory = directory.to_owned();
            return Err(ReplicaError::OtherFacts { directory, facts });
        }
        let altered = || ReplicaError::Altered(directory.to_owned());
        let LogRow {
            size,
            root,
            checkpoint: note,
            ..
        } = archive.log()?;
        archive.check_ends(size)?;
        let newest = match size {
            0 => None,
            _ => {
                let signed = SignedCheckpoint::parse(&note)?;
                Some((signed.verify(&key)?, signed))
            }
        };
        let nodes = archive.nodes(&frontier_nodes(size))?;
        let frontier = Frontier::load(&nodes, size).map_err(|_| altered())?;
        if let Some((checkpoint, _)) = &newest
            && (checkpoint.size != size
                || checkpoint.root[..] != root[..]
                || checkpoint.root != frontier.root())
        {
            return Err(altered());
        }
        if archive.state_version()? != Some(i64::from(STATE_VERSION)) {
            rebuild(&mut archive, directory, &policy, size, frontier.root(), rng)?;
        }
        let head = archive.head()?;
        if size > 0 && head.is_none() {
            return Err(altered());
        }
        if size > 0 && !archive.shows(&note) {
            archive.show_checkpoint(&note)?;
        }
        let rows = archive.rows();
        let governing = Governing::load(policy, rows.as_ref())?;
        if governing.size() != size {
            return Err(altered());
        }
        Ok(Self {
            directory: directory.to_owned(),
            key,
            archive: Box::new(archive),
            mark: None,
            policy: None,
            newest,
            cosigned: AtomicU64::new(0),
            state: State::stored(governing, rows),
            digest: head.map_or_else(StateDigest::default, |head| head.digest),
            frontier,
            keys: Groth16Keys::new(),
            known: KnownProofs::default(),
            unshown: None,
            lost: Arc::default(),
        })
    }
}

/// Makes the stored state again from the leaves.
fn rebuild(
    archive: &mut FileArchive,
    directory: &Path,
    policy: &LedgerPolicy,
    size: u64,
    expected: Hash,
    rng: &mut impl CryptoRng,
) -> Result<(), ReplicaError> {
    tracing::warn!(
        size,
        "the stored state has another version: it is computed again from the leaves"
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
