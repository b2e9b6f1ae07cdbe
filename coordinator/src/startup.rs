//! Loads a stored log for running it.
//!
//! The stored state is trusted, as the log key's file is, because both belong to the coordinator.
//! Cheap checks are made: the log's key, its founding parameters, its checkpoint, the tree's edge,
//! the mark, the first and the last leaf, the last notes, and that the state is that of the last leaf.
//! No check reads more of a longer log. [`crate::completeness`] counts leaves and notes while the
//! coordinator serves, and `fsck` checks the rest. A state of another version is computed again from the log, and every
//! signature and proof is verified again, at about a third of a millisecond for each earn batch.

use std::collections::HashMap;

use merits_ledger::{
    Blob, Governing, LedgerPolicy, Replay, named_blobs,
    rows::{RowKey, StateDigest, Table},
    storage::{STATE_VERSION, Storage, StorageReader},
    tree::{Frontier, Node, frontier_nodes},
};
use merits_proto::limits::PAGE_BYTES;
use merits_replica::HighWaterMark;
use merits_verifier::log::{Checkpoint, Hash, LogSigner, SignedCheckpoint};
use rand_core::CryptoRng;

use crate::{
    config::Config,
    error::StartError,
    founding,
    notes::{self, NotesError},
    place::Place,
};

/// A log as stored in its database.
pub(crate) struct Loaded {
    pub(crate) state: Governing,
    /// The sum over all stored rows and used values.
    pub(crate) digest: StateDigest,
    pub(crate) frontier: Frontier,
    /// Stored nodes of the frontier.
    pub(crate) edge: HashMap<Node, Hash>,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) signed: SignedCheckpoint,
}

/// Loads the log and checks it against its key, its founding parameters and its high-water mark,
/// which is raised to it.
pub(crate) async fn load<P: Place>(
    place: &P,
    store: &mut P::Storage,
    config: &Config,
    policy: LedgerPolicy,
    signer: &LogSigner,
    mark: &mut HighWaterMark,
    rng: &mut impl CryptoRng,
) -> Result<Loaded, StartError> {
    let failed = <P::Storage as StorageReader>::explain;
    let Some(founded) = store.founded().await.map_err(failed)? else {
        return Err(founding::missing(config, place));
    };
    let facts = founded.differences(&policy);
    if !facts.is_empty() {
        let database = config.database();
        return Err(StartError::OtherFacts { database, facts });
    }
    if founded.log_key != signer.public().public().to_bytes() {
        return Err(StartError::OtherLogKey {
            path: config.log_key_file(),
        });
    }
    let damaged = |what: String| StartError::Damaged(what);
    let signed =
        SignedCheckpoint::parse(&founded.checkpoint).map_err(|e| damaged(e.to_string()))?;
    let checkpoint = signed
        .verify(signer.public())
        .map_err(|e| damaged(e.to_string()))?;
    if (checkpoint.size, checkpoint.root) != (founded.size, founded.root) {
        return Err(damaged(
            "the stored checkpoint is not of the stored size and root".into(),
        ));
    }

    // Check this before the mark, because a damaged tree is not a fork.
    let edge = store.nodes(&frontier_nodes(checkpoint.size)).await;
    let edge = edge.map_err(failed)?;
    let frontier = Frontier::load(&edge, checkpoint.size).map_err(|e| damaged(e.to_string()))?;
    if frontier.root() != checkpoint.root {
        return Err(damaged("the stored tree nodes lead to another root".into()));
    }
    let marked = mark.newest().map_or(0, |newest| newest.size);
    let at_mark = store.nodes(&frontier_nodes(marked)).await;
    let at_mark = at_mark.map_err(failed)?;
    mark.judge(checkpoint.size, |size| {
        let tree = Frontier::load(&at_mark, size).ok()?;
        Some(tree.root())
    })?;
    check_leaves(store, checkpoint.size).await?;
    mark.raise(&checkpoint, &signed)?;
    let (state, digest) = state(store, policy, &checkpoint, rng).await?;
    check_notes(store, state.note_count()).await?;
    Ok(Loaded {
        state,
        digest,
        frontier,
        edge,
        checkpoint,
        signed,
    })
}

/// Checks that the stored notes end where the note tree does.
async fn check_notes<S: Storage>(store: &S, count: u64) -> Result<(), StartError> {
    let stored = notes::end(store, count)
        .await
        .map_err(|error| match error {
            NotesError::Store(failure) => failure.into(),
            other => StartError::Damaged(other.to_string()),
        })?;
    if stored == count {
        return Ok(());
    }
    Err(StartError::Damaged(format!(
        "the note tree has {count} notes, and the stored notes end with {stored}"
    )))
}

/// Checks that the first and the last leaf that the checkpoint covers exist, and none after it.
async fn check_leaves<S: Storage>(store: &S, size: u64) -> Result<(), StartError> {
    let is_there = async |index: u64| {
        let leaves = store.leaves(index, index + 1, 0).await;
        Ok::<_, StartError>(!leaves.map_err(S::explain)?.is_empty())
    };
    let has_ends = size == 0 || is_there(0).await? && is_there(size - 1).await?;
    let after = store.leaves(size, u64::MAX, 0).await.map_err(S::explain)?;
    if has_ends && after.is_empty() {
        return Ok(());
    }
    let (count, last) = store.leaf_count().await.map_err(S::explain)?;
    Err(StartError::Damaged(format!(
        "the checkpoint covers {size} leaves, and {count} are there, the last at {}",
        last.map_or("none".to_owned(), |last| last.to_string())
    )))
}

/// The stored governing state and digest. They are computed again from the log if another version
/// of this program stored them.
async fn state<S: Storage>(
    store: &mut S,
    policy: LedgerPolicy,
    checkpoint: &Checkpoint,
    rng: &mut impl CryptoRng,
) -> Result<(Governing, StateDigest), StartError> {
    let damaged = |what: String| StartError::Damaged(what);
    if checkpoint.size == 0 {
        return Ok((Governing::new(policy), StateDigest::default()));
    }
    let digest = match store.head().await.map_err(S::explain)? {
        Some(head) => head.digest,
        None => {
            require_other_version(store).await?;
            rebuild(store, policy.clone(), checkpoint, rng).await?
        }
    };
    let mut rows = Vec::new();
    for table in Table::ALL.into_iter().filter(|table| table.governs()) {
        // Small tables, whole.
        let of_table = store.range(table, &[], usize::MAX).await;
        let of_table = of_table.map_err(S::explain)?.into_iter();
        rows.extend(of_table.map(|(key, value)| (table, key, value)));
    }
    let rows = rows
        .iter()
        .map(|(table, key, value)| (*table, key.as_slice(), value.as_slice()));
    let state = Governing::restore(policy, rows).map_err(|error| damaged(error.to_string()))?;
    if state.size() != checkpoint.size {
        let (stored, size) = (state.size(), checkpoint.size);
        return Err(damaged(format!(
            "the stored state is of {stored} leaves, and the log has {size}"
        )));
    }
    Ok((state, digest))
}

/// A state is computed again if another version stored it, but not if it does not fit its log: that
/// is damage, which a person must examine.
async fn require_other_version<S: Storage>(store: &S) -> Result<(), StartError> {
    match store.state_version().await.map_err(S::explain)? {
        Some(version) if version == i64::from(STATE_VERSION) => Err(StartError::Damaged(
            "the stored state is not of the log's last leaf".into(),
        )),
        Some(version) => {
            let wanted = STATE_VERSION;
            tracing::warn!(
                version,
                wanted,
                "another version of this program stored the state: it is computed again from the log"
            );
            Ok(())
        }
        None => Err(StartError::Damaged("the stored state is missing".into())),
    }
}

/// Replays all leaves and stores the resulting state.
async fn rebuild<S: Storage>(
    store: &mut S,
    policy: LedgerPolicy,
    checkpoint: &Checkpoint,
    rng: &mut impl CryptoRng,
) -> Result<StateDigest, StartError> {
    let damaged = |what: String| StartError::Damaged(what);
    let mut replay = Replay::new(policy);
    let mut next = 0;
    while next < checkpoint.size {
        let leaves = store.leaves(next, checkpoint.size, PAGE_BYTES).await;
        let leaves = leaves.map_err(S::explain)?;
        if leaves.is_empty() {
            return Err(damaged(format!("leaf {next} is missing")));
        }
        next += leaves.len() as u64;
        // Nothing is served yet, so this may block the thread.
        for leaf in leaves {
            let mut blobs = Vec::new();
            for digest in named_blobs::named_by(&leaf) {
                let stored = store.blob(&digest).await.map_err(S::explain)?;
                let missing = || damaged(format!("blob {digest} is missing"));
                let blob = Blob::new(stored.ok_or_else(missing)?).ok();
                let blob = blob.filter(|blob| blob.digest() == digest);
                let altered = || damaged(format!("blob {digest} holds bytes of another digest"));
                blobs.push(blob.ok_or_else(altered)?);
            }
            replay
                .push_with(&leaf, blobs, rng)
                .map_err(|e| damaged(e.to_string()))?;
        }
    }
    let (state, root) = replay.finish(rng).map_err(|e| damaged(e.to_string()))?;
    if root != checkpoint.root {
        return Err(damaged("the leaves lead to another root".into()));
    }
    let row_error = |error: merits_ledger::rows::RowError| damaged(error.to_string());
    let digest = state.rows().digest().map_err(row_error)?;
    let mut rows = Vec::new();
    for table in Table::ALL {
        let of_table = state.rows().range(table, &[], usize::MAX);
        let of_table = of_table.map_err(row_error)?.into_iter();
        rows.extend(of_table.map(|(key, value)| (RowKey { table, key }, Some(value))));
    }
    let replaced = store.replace_state(checkpoint.size, &rows, &digest).await;
    replaced.map_err(S::explain)?;
    Ok(digest)
}
