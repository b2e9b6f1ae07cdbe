//! The one task that orders entries.
//!
//! It takes whatever waits, up to a group, checks each entry against the state as it is after the
//! one before, appends all that pass in one transaction with one checkpoint, and answers after the
//! commit. So the cost of a sync is shared by all that arrived during the last one, and nothing is
//! acknowledged that a power cut could take back.
//!
//! The newest tree is written to the high-water mark before its checkpoint is shown. While the clock is
//! out of step nothing is appended, and everything that waits is told to come back.
//!
//! It fails and stops: after a storage error nobody knows what is durable, so the state in memory
//! is worthless; a restart reads what was committed and knows.

use std::{collections::HashMap, sync::Arc};

use merits_ledger::{
    Authentic, CheckError, CommitError, Conflict, Effects, Governing, ProvenStatement, Refusal,
    UniqueSet,
    rows::{RowError, StateDigest},
    storage::{Commit, Head, Pending as PendingRows, PendingError, StorageGroup as _, StoredLeaf},
    tree::{self, Frontier, Node},
};
use merits_primitives::ids::EntryId;
use merits_replica::{HighWaterMark, MarkError};
use merits_verifier::{
    Verified,
    log::{Checkpoint, Hash, LogSigner, SignedCheckpoint},
};
use tokio::sync::{mpsc, oneshot};

use merits_ledger_sqlite::{Group, Writer};

use crate::{
    holding::Holding,
    published::Published,
    timekeeper::{OutOfStep, Timekeeper},
};

/// An entry whose signatures and proof hold, waiting for its place.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) authentic: Authentic,
    pub(crate) verified: Option<Verified<ProvenStatement>>,
    pub(crate) reply: oneshot::Sender<Outcome>,
    /// Held until the answer, also when its caller has gone: there are no more permits than places in the
    /// queue.
    pub(crate) holding: Holding,
}

/// What became of an entry.
pub(crate) type Outcome = Result<Placed, NotPlaced>;

/// Why an entry has no place.
#[derive(Debug)]
pub(crate) enum NotPlaced {
    /// The rules refuse it.
    Refused(Box<Refusal>),
    /// The clock is wrong: no judgement on the entry.
    OutOfStep(OutOfStep),
}

/// An entry's place in the log.
#[derive(Debug)]
pub(crate) enum Placed {
    /// Appended by this submission.
    New {
        index: u64,
        leaf: Vec<u8>,
        proof: Vec<Hash>,
        checkpoint: Arc<SignedCheckpoint>,
    },
    /// It was there before.
    Before,
}

/// Why the sequencer stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SequencerError {
    #[error(
        "the log cannot be written: {0}; nothing that was acknowledged is lost: make room if the disk is full, then start the coordinator again"
    )]
    Database(#[from] sqlx::Error),
    #[error("the checkpoint cannot be signed: {0}")]
    Checkpoint(#[from] merits_verifier::log::CheckpointError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Rows(#[from] RowError),
    #[error("the tree cannot be read: {0}")]
    Tree(String),
    #[error(transparent)]
    Mark(#[from] MarkError),
}

impl From<PendingError<sqlx::Error>> for SequencerError {
    fn from(error: PendingError<sqlx::Error>) -> Self {
        match error {
            PendingError::Rows(error) => Self::Rows(error),
            PendingError::Store(error) => Self::Database(error),
        }
    }
}

/// The sequencer's own view of the log, ahead of the published one by the group in hand.
pub(crate) struct Sequencer {
    pub(crate) writer: Writer,
    pub(crate) state: Governing,
    /// The sum over all stored rows and used values.
    pub(crate) digest: StateDigest,
    pub(crate) frontier: Frontier,
    /// Stored nodes at the tree's right edge: with the group's own, all that its proofs need.
    pub(crate) edge: HashMap<Node, Hash>,
    pub(crate) signer: Arc<LogSigner>,
    pub(crate) time: Arc<Timekeeper>,
    pub(crate) mark: HighWaterMark,
    pub(crate) published: Arc<Published>,
    pub(crate) group: usize,
}

impl Sequencer {
    /// Runs until every sender of `queue` is gone and the queue is empty, then closes the
    /// database.
    pub(crate) async fn run(
        mut self,
        mut queue: mpsc::Receiver<Ready>,
    ) -> Result<(), SequencerError> {
        let mut group = Vec::with_capacity(self.group);
        while queue.recv_many(&mut group, self.group).await > 0 {
            self.append(&mut group).await?;
        }
        Ok(self.writer.close().await?)
    }

    /// Appends what passes of `group`, and answers all of it. On an error nobody is answered:
    /// the callers see their channel close.
    async fn append(&mut self, group: &mut Vec<Ready>) -> Result<(), SequencerError> {
        let time = match self.time.now() {
            Ok(now) => now.max(self.state.time()),
            Err(error) => {
                for ready in group.drain(..) {
                    let _ = ready.reply.send(Err(NotPlaced::OutOfStep(error)));
                }
                return Ok(());
            }
        };
        let mut pending = Pending {
            frontier: self.frontier.clone(),
            nodes: std::mem::take(&mut self.edge),
            new_nodes: Vec::new(),
            rows: PendingRows::new(),
            effects: Vec::new(),
        };
        let mut transaction = self.writer.begin().await?;
        // One look for all of the group; an entry that changes what a later one reads is rare.
        let submissions = group.iter().map(|ready| ready.authentic.submission());
        pending
            .rows
            .read(&mut transaction, &self.state, submissions)
            .await?;
        let mut answers = Vec::with_capacity(group.len());
        for ready in group.drain(..) {
            let Ready {
                authentic,
                verified,
                reply,
                holding,
            } = ready;
            let outcome = pending
                .place(
                    &mut self.state,
                    &mut transaction,
                    &authentic,
                    verified,
                    time,
                )
                .await?;
            answers.push((reply, outcome, holding));
        }
        if pending.effects.is_empty() {
            drop(transaction);
            self.edge = pending.nodes;
            for (reply, outcome, holding) in answers {
                // Whoever is answered finds the place free.
                drop(holding);
                let outcome = outcome.map_err(NotPlaced::Refused);
                let _ = reply.send(outcome.map(|_| Placed::Before));
            }
            return Ok(());
        }
        let checkpoint = Checkpoint {
            origin: self.signer.public().origin().clone(),
            size: pending.frontier.size(),
            root: pending.frontier.root(),
        };
        // Signed before the commit and shown after it: a checkpoint of entries that a crash
        // takes back must never have been seen.
        let signed = Arc::new(checkpoint.sign(&self.signer)?);
        let (rows, digest) = pending.rows.finish(&mut transaction, &self.digest).await?;
        let commit = Commit {
            head: Head {
                size: checkpoint.size,
                root: checkpoint.root,
                checkpoint: signed.to_string(),
                digest: digest.clone(),
            },
            nodes: pending.new_nodes,
            rows,
        };
        transaction.commit(commit).await?;
        self.digest = digest;
        self.mark.raise(&checkpoint, &signed)?;

        self.published
            .advance(&checkpoint, Arc::clone(&signed), &pending.effects)?;
        for (reply, outcome, holding) in answers {
            let placed = match outcome {
                Err(refusal) => Err(NotPlaced::Refused(refusal)),
                Ok(None) => Ok(Placed::Before),
                Ok(Some((index, leaf))) => {
                    let proof = tree::inclusion_proof(&pending.nodes, index, checkpoint.size)
                        .map_err(|error| SequencerError::Tree(error.to_string()))?;
                    Ok(Placed::New {
                        index,
                        leaf,
                        proof,
                        checkpoint: Arc::clone(&signed),
                    })
                }
            };
            drop(holding);
            // The caller may have gone away; the entry stays, and its id brings the receipt.
            let _ = reply.send(placed);
        }
        self.edge = tree::frontier_nodes(checkpoint.size)
            .into_iter()
            .filter_map(|node| Some((node, *pending.nodes.get(&node)?)))
            .collect();
        self.frontier = pending.frontier;
        Ok(())
    }
}

/// A group in the making.
struct Pending {
    frontier: Frontier,
    /// Stored nodes at the tree's right edge, and those that the group adds.
    nodes: HashMap<Node, Hash>,
    new_nodes: Vec<(Node, Hash)>,
    rows: PendingRows,
    effects: Vec<Effects>,
}

/// Index and leaf of a new entry; nothing for one that was there before.
type Appended = Option<(u64, Vec<u8>)>;

impl Pending {
    /// Checks and appends one entry.
    async fn place(
        &mut self,
        state: &mut Governing,
        transaction: &mut Group<'_>,
        authentic: &Authentic,
        verified: Option<Verified<ProvenStatement>>,
        time: u64,
    ) -> Result<Result<Appended, Box<Refusal>>, SequencerError> {
        let id: EntryId = authentic.submission().id();
        // The state's rules would refuse a repetition (a party cannot join twice), so it is
        // recognised before them.
        if transaction.find(&id).await?.is_some() {
            return Ok(Ok(None));
        }
        let submission = [authentic.submission()];
        self.rows.read(transaction, state, submission).await?;
        let view = self.rows.view();
        let effects = match state.check(authentic, time, verified.as_ref(), view) {
            Ok(effects) => effects,
            Err(CheckError::Refused(refusal)) => return Ok(Err(Box::new(refusal))),
            Err(CheckError::Rows(error)) => return Err(error.into()),
        };
        let leaf = StoredLeaf {
            index: effects.index(),
            id,
            bytes: effects.leaf(),
            uniques: effects.uniques(),
        };
        match transaction.append(leaf).await? {
            Ok(()) => {}
            Err(Conflict(unique)) if unique.set == UniqueSet::Entry => return Ok(Ok(None)),
            Err(Conflict(unique)) => {
                let (set, claim) = (unique.set, unique.claim);
                return Ok(Err(Box::new(Refusal::AlreadyUsed { set, claim })));
            }
        }
        let nodes = self.frontier.push(effects.leaf_hash());
        self.nodes.extend(nodes.iter().copied());
        self.new_nodes.extend(nodes);
        self.rows.take(&effects);
        let placed = (effects.index(), effects.leaf().to_vec());
        state.commit(&effects)?;
        self.effects.push(effects);
        Ok(Ok(Some(placed)))
    }
}
