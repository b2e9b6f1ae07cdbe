//! Loads a stored log for running it.
//!
//! The stored state is trusted, as the log key's file is, because both belong to the coordinator.
//! Cheap checks are made: the log's key, its founding parameters, its checkpoint, the tree's edge,
//! the mark, that no leaf and no note is missing, and that the state is that of the last leaf.
//! `fsck` checks the rest. A state of another version is computed again from the log, and every
//! signature and proof is verified again, at about a third of a millisecond for each earn batch.

use std::collections::HashMap;

use merits_ledger::{
    Blob, Governing, LedgerPolicy, Replay, blob,
    rows::{RowKey, StateDigest, Table},
    storage::STATE_VERSION,
    tree::{Frontier, Node, frontier_nodes},
};
use merits_ledger_sqlite::{Reader, Writer, inspect};
use merits_replica::HighWaterMark;
use merits_verifier::log::{Checkpoint, Hash, LogSigner, SignedCheckpoint};
use rand_core::CryptoRng;

use crate::{
    archive::Archive,
    config::Config,
    error::StartError,
    founding,
    notes::{Notes, NotesError},
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
pub(crate) async fn load(
    readers: &Reader,
    writer: &mut Writer,
    config: &Config,
    policy: LedgerPolicy,
    signer: &LogSigner,
    mark: &mut HighWaterMark,
    rng: &mut impl CryptoRng,
) -> Result<Loaded, StartError> {
    let Some(row) = inspect::log_row(readers.pool()).await? else {
        return Err(founding::missing(config));
    };
    let facts = inspect::differences(readers.pool(), &policy).await?;
    if !facts.is_empty() {
        let database = config.database();
        return Err(StartError::OtherFacts { database, facts });
    }
    if row.log_key != signer.public().public().to_bytes() {
        return Err(StartError::OtherLogKey {
            path: config.log_key_file(),
        });
    }
    let damaged = |what: String| StartError::Damaged(what);
    let signed = SignedCheckpoint::parse(&row.checkpoint).map_err(|e| damaged(e.to_string()))?;
    let checkpoint = signed
        .verify(signer.public())
        .map_err(|e| damaged(e.to_string()))?;
    if checkpoint.size != row.size || checkpoint.root[..] != row.root[..] {
        return Err(damaged(
            "the stored checkpoint is not of the stored size and root".into(),
        ));
    }

    let archive = Archive::new(readers.clone());
    // Check this before the mark, because a damaged tree is not a fork.
    let edge = archive.nodes(&frontier_nodes(checkpoint.size)).await?;
    let frontier = Frontier::load(&edge, checkpoint.size).map_err(|e| damaged(e.to_string()))?;
    if frontier.root() != checkpoint.root {
        return Err(damaged("the stored tree nodes lead to another root".into()));
    }
    let marked = mark.newest().map_or(0, |newest| newest.size);
    let at_mark = archive.nodes(&frontier_nodes(marked)).await?;
    mark.judge(checkpoint.size, |size| {
        let tree = Frontier::load(&at_mark, size).ok()?;
        Some(tree.root())
    })?;
    check_leaves(readers, checkpoint.size).await?;
    mark.raise(&checkpoint, &signed)?;
    let (state, digest) = state(readers, writer, policy, &checkpoint, rng).await?;
    check_notes(readers, state.note_count()).await?;
    Ok(Loaded {
        state,
        digest,
        frontier,
        edge,
        checkpoint,
        signed,
    })
}

/// Checks that there are as many notes as the note tree has: with a run missing, wallets would get
/// wrong buckets.
async fn check_notes(readers: &Reader, count: u64) -> Result<(), StartError> {
    let stored = Notes::new(readers.clone()).count().await;
    let stored = stored.map_err(|error| match error {
        NotesError::Database(error) => error.into(),
        other => StartError::Damaged(other.to_string()),
    })?;
    if stored == count {
        return Ok(());
    }
    Err(StartError::Damaged(format!(
        "the note tree has {count} notes, and {stored} are stored"
    )))
}

/// Checks that there are as many leaves as the checkpoint covers, and that none is missing.
async fn check_leaves(readers: &Reader, size: u64) -> Result<(), StartError> {
    let (count, last) = inspect::leaf_count(readers.pool()).await?;
    if count == size && last.map_or(0, |last| last + 1) == size {
        return Ok(());
    }
    Err(StartError::Damaged(format!(
        "the checkpoint covers {size} leaves, and {count} are there, the last at {}",
        last.map_or("none".to_owned(), |last| last.to_string())
    )))
}

/// The stored governing state and digest. They are computed again from the log if another version
/// of this program stored them.
async fn state(
    readers: &Reader,
    writer: &mut Writer,
    policy: LedgerPolicy,
    checkpoint: &Checkpoint,
    rng: &mut impl CryptoRng,
) -> Result<(Governing, StateDigest), StartError> {
    let damaged = |what: String| StartError::Damaged(what);
    if checkpoint.size == 0 {
        return Ok((Governing::new(policy), StateDigest::default()));
    }
    let digest = match readers.head().await? {
        Some(head) => head.digest,
        None => {
            require_other_version(readers).await?;
            rebuild(readers, writer, policy.clone(), checkpoint, rng).await?
        }
    };
    let mut rows = Vec::new();
    for table in Table::ALL.into_iter().filter(|table| table.governs()) {
        // Small tables, whole.
        let of_table = readers.range(table, &[], usize::MAX).await?;
        rows.extend(of_table.into_iter().map(|(key, value)| (table, key, value)));
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
async fn require_other_version(readers: &Reader) -> Result<(), StartError> {
    let stored = inspect::state_row(readers.pool()).await?;
    match stored.map(|row| row.version) {
        Some(version) if version == i64::from(STATE_VERSION) => Err(StartError::Damaged(
            "the stored state is not of the log's last leaf".into(),
        )),
        Some(version) => {
            let wanted = STATE_VERSION;
            tracing::warn!(
                version,
                wanted,
                "the stored state is made anew from the log"
            );
            Ok(())
        }
        None => Err(StartError::Damaged("the stored state is missing".into())),
    }
}

/// Replays all leaves and stores the resulting state.
async fn rebuild(
    readers: &Reader,
    writer: &mut Writer,
    policy: LedgerPolicy,
    checkpoint: &Checkpoint,
    rng: &mut impl CryptoRng,
) -> Result<StateDigest, StartError> {
    let damaged = |what: String| StartError::Damaged(what);
    let archive = Archive::new(readers.clone());
    let mut replay = Replay::new(policy);
    let mut next = 0;
    while next < checkpoint.size {
        let leaves = archive.page(next, checkpoint.size).await?;
        if leaves.is_empty() {
            return Err(damaged(format!("leaf {next} is missing")));
        }
        next += leaves.len() as u64;
        // Nothing is served yet, so this may block the thread.
        for leaf in leaves {
            let mut blobs = Vec::new();
            for digest in blob::named_by(&leaf) {
                let stored = archive.blob(&digest).await?;
                let missing = || damaged(format!("blob {digest} is missing"));
                let blob = Blob::new(stored.ok_or_else(missing)?);
                blobs.push(blob.map_err(|e| damaged(e.to_string()))?);
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
    writer
        .replace_state(checkpoint.size, &rows, &digest)
        .await?;
    Ok(digest)
}
