//! From a stored log to a running one: everything is read and checked again before anything is
//! served.
//!
//! The state is replayed from the leaves with every signature and proof verified again, because
//! the state takes nothing but verified statements and a database file is no proof of anything.
//! That costs about a third of a millisecond an earn batch.

use std::{collections::HashMap, path::Path};

use merits_ledger::{
    Entry, LedgerPolicy, Replay, State,
    tree::{Frontier, Node, frontier_nodes},
};
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Checkpoint, Hash, LogSigner, SignedCheckpoint, empty_root},
};
use rand_core::CryptoRng;
use sqlx::{Row as _, SqlitePool};

use crate::{archive::Archive, error::StartError, log_writer::LogWriter, notes::NoteLeaves};

/// A log as its database has it, checked.
pub(crate) struct Loaded {
    pub(crate) state: State,
    /// All notes, in order.
    pub(crate) notes: NoteLeaves,
    pub(crate) frontier: Frontier,
    /// Stored nodes of the frontier.
    pub(crate) edge: HashMap<Node, Hash>,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) signed: SignedCheckpoint,
}

/// The row of the table `log`.
pub(crate) struct LogRow {
    pub(crate) origin: String,
    pub(crate) log_key: Vec<u8>,
    pub(crate) size: u64,
    pub(crate) root: Vec<u8>,
    pub(crate) checkpoint: String,
}

/// Reads the row of the table `log`, if the log was founded.
pub(crate) async fn log_row<'e>(db: impl sqlx::SqliteExecutor<'e>) -> sqlx::Result<Option<LogRow>> {
    let row = sqlx::query("SELECT origin, log_key, size, root, checkpoint FROM log WHERE id = 1")
        .fetch_optional(db)
        .await?;
    row.map(|row| {
        Ok(LogRow {
            origin: row.try_get(0)?,
            log_key: row.try_get(1)?,
            size: row.try_get::<i64, _>(2)?.cast_unsigned(),
            root: row.try_get(3)?,
            checkpoint: row.try_get(4)?,
        })
    })
    .transpose()
}

/// Founds the log if the database is new, and loads it.
pub(crate) async fn load(
    writer: &mut LogWriter,
    readers: &SqlitePool,
    policy: LedgerPolicy,
    signer: &LogSigner,
    key_file: &Path,
    rng: &mut impl CryptoRng,
) -> Result<Loaded, StartError> {
    let row = match log_row(readers).await? {
        Some(row) => row,
        None => found(writer, readers, &policy, signer).await?,
    };
    if row.origin != policy.origin.as_str() {
        let (found, expected) = (row.origin, policy.origin.to_string());
        return Err(StartError::OtherOrigin { found, expected });
    }
    if row.log_key != signer.public().public().to_bytes() {
        return Err(StartError::OtherLogKey {
            path: key_file.to_owned(),
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
    let (state, notes) = replay(&archive, policy, &checkpoint, rng).await?;
    let edge = archive.nodes(&frontier_nodes(checkpoint.size)).await?;
    let frontier = Frontier::load(&edge, checkpoint.size).map_err(|e| damaged(e.to_string()))?;
    if frontier.root() != checkpoint.root {
        return Err(damaged("the stored tree nodes lead to another root".into()));
    }
    Ok(Loaded {
        state,
        notes,
        frontier,
        edge,
        checkpoint,
        signed,
    })
}

async fn found(
    writer: &mut LogWriter,
    readers: &SqlitePool,
    policy: &LedgerPolicy,
    signer: &LogSigner,
) -> Result<LogRow, StartError> {
    let checkpoint = Checkpoint {
        origin: policy.origin.clone(),
        size: 0,
        root: empty_root(),
    };
    let signed = checkpoint
        .sign(signer)
        .map_err(|e| StartError::Damaged(e.to_string()))?;
    let key = signer.public().public().to_bytes();
    writer.found(&key, &checkpoint, &signed.to_string()).await?;
    log_row(readers)
        .await?
        .ok_or_else(|| StartError::Damaged("the log has no row".into()))
}

/// Replays all leaves, collects their notes, and compares their tree with the checkpoint.
async fn replay(
    archive: &Archive,
    policy: LedgerPolicy,
    checkpoint: &Checkpoint,
    rng: &mut impl CryptoRng,
) -> Result<(State, NoteLeaves), StartError> {
    let mut notes = NoteLeaves::default();
    let mut replay = Replay::new(policy);
    let mut next = 0;
    while next < checkpoint.size {
        let leaves = archive.page(next, checkpoint.size).await?;
        if leaves.is_empty() {
            return Err(StartError::Damaged(format!("leaf {next} is missing")));
        }
        next += leaves.len() as u64;
        // Nothing is served yet, so this may keep the thread busy.
        for leaf in leaves {
            let damaged = |what: String| StartError::Damaged(what);
            replay
                .push(&leaf, rng)
                .map_err(|e| damaged(e.to_string()))?;
            let leaf = Leaf::from_bytes(&leaf).map_err(|e| damaged(e.to_string()))?;
            let entry = Entry::decode(leaf.entry.kind, &leaf.entry.statement);
            if let Some(Ok(entry)) = entry {
                notes.extend(&entry.notes());
            }
        }
    }
    let (state, root) = replay
        .finish(rng)
        .map_err(|e| StartError::Damaged(e.to_string()))?;
    if root != checkpoint.root {
        return Err(StartError::Damaged(
            "the leaves lead to another root".into(),
        ));
    }
    Ok((state, notes))
}
