//! From a stored log to a running one: everything is read and checked again before anything is
//! served.
//!
//! The state is replayed from the leaves with every signature and proof verified again, because
//! the state takes nothing but verified statements and a database file is no proof of anything.
//! That costs about a third of a millisecond an earn batch.

use std::collections::HashMap;

use merits_ledger::{
    Entry, FactDiffers, LedgerPolicy, Replay, State,
    tree::{Frontier, Node, frontier_nodes},
};
use merits_replica::HighWaterMark;
use merits_verifier::{
    codec::Canonical as _,
    entry::Leaf,
    log::{Checkpoint, Hash, LogSigner, SignedCheckpoint, leaf_hash},
};
use rand_core::CryptoRng;
use sqlx::{Row as _, SqlitePool};

use crate::{archive::Archive, config::Config, error::StartError, founding, notes::NoteLeaves};

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

/// What the ledger in a database was founded on, and in what `policy` differs from it.
pub(crate) async fn differences<'e>(
    db: impl sqlx::SqliteExecutor<'e>,
    policy: &LedgerPolicy,
) -> sqlx::Result<Vec<FactDiffers>> {
    let facts: Vec<(String, String)> =
        sqlx::query_as("SELECT fact, value FROM founding ORDER BY fact")
            .fetch_all(db)
            .await?;
    let facts = facts
        .iter()
        .map(|(fact, value)| (fact.as_str(), value.as_str()));
    Ok(policy.differences(facts))
}

/// Loads the log and checks it against its key, its founding facts and its high-water mark, which is
/// raised to it.
pub(crate) async fn load(
    readers: &SqlitePool,
    config: &Config,
    policy: LedgerPolicy,
    signer: &LogSigner,
    mark: &mut HighWaterMark,
    rng: &mut impl CryptoRng,
) -> Result<Loaded, StartError> {
    let Some(row) = log_row(readers).await? else {
        return Err(founding::missing(config));
    };
    let facts = differences(readers, &policy).await?;
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
    // Before the log is replayed, which may take its time.
    let marked = mark.newest().map_or(0, |newest| newest.size);
    if marked > checkpoint.size {
        mark.judge(checkpoint.size, |_| None)?;
    }
    let Replayed {
        state,
        notes,
        root_at_mark,
    } = replay(&archive, policy, &checkpoint, marked, rng).await?;
    mark.judge(checkpoint.size, |_| root_at_mark)?;
    mark.raise(&checkpoint, &signed)?;
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

/// What all leaves give.
struct Replayed {
    state: State,
    notes: NoteLeaves,
    /// Root of the tree of the leaves that the high-water mark covers.
    root_at_mark: Option<Hash>,
}

/// Replays all leaves, collects their notes, and compares their tree with the checkpoint.
async fn replay(
    archive: &Archive,
    policy: LedgerPolicy,
    checkpoint: &Checkpoint,
    marked: u64,
    rng: &mut impl CryptoRng,
) -> Result<Replayed, StartError> {
    let mut notes = NoteLeaves::default();
    let mut frontier = Frontier::new();
    let mut root_at_mark = (marked == 0).then(|| frontier.root());
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
            frontier.push(leaf_hash(&leaf));
            if frontier.size() == marked {
                root_at_mark = Some(frontier.root());
            }
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
    Ok(Replayed {
        state,
        notes,
        root_at_mark,
    })
}
