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
//! After a storage error nobody knows what is durable, so the state in memory is worthless. Nothing is appended
//! then, whoever waits is told so, and what is stored is served on. What was committed is read again as soon as
//! a write goes through; then appending goes on. Where the disk itself failed, that is left to a restart: a disk
//! that lost a write may answer from memory that it has it.

mod group;
mod reload;

use std::{collections::HashMap, sync::Arc, time::Duration};

use merits_ledger::{
    Authentic, CommitError, Effects, Governing, LedgerPolicy, ProvenStatement, Refusal, Submission,
    rows::{RowError, StateDigest},
    storage::{
        Commit, Head, Outlook, PendingError, Storage, StorageGroup, StorageReader, StoreFailure,
        StoredLeaf,
    },
    tree::{self, Frontier, Node},
};
use merits_primitives::ids::EntryId;
use merits_replica::{HighWaterMark, MarkError};
use merits_verifier::{
    Verified,
    log::{Checkpoint, Hash, LogSigner, SignedCheckpoint},
};
use tokio::sync::{mpsc, oneshot};

pub(crate) use reload::{parts, reload};

use crate::{
    config::Config,
    holding::Holding,
    place::Place,
    published::Published,
    timekeeper::{OutOfStep, Timekeeper},
    writing::{CannotWrite, Writing},
};
use group::{Entry, Pending};

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
    /// Nothing can be kept now: no judgement on the entry.
    CannotWrite,
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
    #[error("the log cannot be written: {0}")]
    Store(#[from] StoreFailure),
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

impl SequencerError {
    /// Of what a group of entries could not read.
    fn pending<G: StorageGroup>(error: PendingError<G::Error>) -> Self {
        match error {
            PendingError::Rows(error) => Self::Rows(error),
            PendingError::Store(error) => G::explain(error).into(),
        }
    }

    /// What becomes of the log after it.
    fn outlook(&self) -> Outlook {
        match self {
            Self::Store(failure) => failure.outlook(),
            Self::Mark(MarkError::Io { .. }) => Outlook::Again,
            _ => Outlook::End,
        }
    }
}

/// How often it is tried whether a write goes through again.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// Who waits for an answer.
#[derive(Debug, Default)]
struct Waiting {
    /// Entries that nobody looked at.
    group: Vec<Ready>,
    /// Of those that are being appended, in their order.
    replies: Vec<(oneshot::Sender<Outcome>, Holding)>,
}

impl Waiting {
    /// Tells all of them that nothing can be kept. Whether their entries are in the log is not known.
    fn refuse(&mut self) {
        let group = self
            .group
            .drain(..)
            .map(|ready| (ready.reply, ready.holding));
        for (reply, holding) in group.chain(self.replies.drain(..)) {
            drop(holding);
            let _ = reply.send(Err(NotPlaced::CannotWrite));
        }
    }
}

/// The sequencer's own view of the log, ahead of the published one by the group in hand.
pub(crate) struct Log {
    pub(crate) state: Governing,
    /// The sum over all stored rows and used values.
    pub(crate) digest: StateDigest,
    pub(crate) frontier: Frontier,
    /// Stored nodes at the tree's right edge: with the group's own, all that its proofs need.
    pub(crate) edge: HashMap<Node, Hash>,
}

/// The log with its store.
pub(crate) struct Sequencer<P: Place> {
    pub(crate) place: P,
    pub(crate) store: P::Storage,
    pub(crate) log: Log,
    pub(crate) signer: Arc<LogSigner>,
    pub(crate) time: Arc<Timekeeper>,
    pub(crate) mark: HighWaterMark,
    pub(crate) published: Arc<Published>,
    pub(crate) writing: Arc<Writing>,
    pub(crate) config: Config,
    pub(crate) policy: LedgerPolicy,
}

impl<P: Place> Sequencer<P> {
    /// Runs until every sender of `queue` is gone and the queue is empty, then closes the
    /// store.
    pub(crate) async fn run(
        mut self,
        mut queue: mpsc::Receiver<Ready>,
    ) -> Result<(), SequencerError> {
        let mut waiting = Waiting::default();
        loop {
            let Err(error) = self.append_all(&mut queue, &mut waiting).await else {
                return self.store.end().await.map_err(failed::<P>);
            };
            let outlook = error.outlook();
            if outlook == Outlook::End {
                return Err(error);
            }
            tracing::error!(%error, "nothing is appended until the log can be written again");
            let why = match outlook {
                Outlook::Restart => format!("{error}. Then restart the coordinator"),
                _ => error.to_string(),
            };
            self.writing.stop(CannotWrite(why));
            // Whoever is told asks again, and is to hear the same.
            waiting.refuse();
            self = match self.recover(&mut queue, outlook).await {
                Some(recovered) => recovered,
                None => return Err(error),
            };
        }
    }

    async fn append_all(
        &mut self,
        queue: &mut mpsc::Receiver<Ready>,
        waiting: &mut Waiting,
    ) -> Result<(), SequencerError> {
        let most = self.config.sequencer.group;
        while queue.recv_many(&mut waiting.group, most).await > 0 {
            self.append(waiting).await?;
        }
        Ok(())
    }

    /// Refuses what comes until the log was read again; nothing when the coordinator stops first.
    async fn recover(self, queue: &mut mpsc::Receiver<Ready>, outlook: Outlook) -> Option<Self> {
        let Self {
            place,
            store,
            log: _,
            signer,
            time,
            mut mark,
            published,
            writing,
            config,
            policy,
        } = self;
        // It may be inside a transaction that is no more.
        if let Err(error) = store.end().await {
            tracing::debug!(%error, "the store was not closed in order");
        }
        loop {
            let until = tokio::time::Instant::now() + TRY_EVERY;
            loop {
                tokio::select! {
                    ready = queue.recv() => {
                        let _ = ready?.reply.send(Err(NotPlaced::CannotWrite));
                    }
                    () = tokio::time::sleep_until(until), if outlook == Outlook::Again => break,
                }
            }
            match reload(&place, &config, policy.clone(), &signer, &mut mark).await {
                Ok((store, loaded)) => {
                    let (view, log) = parts(loaded);
                    published.replace(view);
                    tracing::info!("the log can be written again: entries are appended");
                    writing.resume();
                    return Some(Self {
                        place,
                        store,
                        log,
                        signer,
                        time,
                        mark,
                        published,
                        writing,
                        config,
                        policy,
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the log cannot be written yet");
                    writing.stop(CannotWrite(error.to_string()));
                }
            }
        }
    }

    /// Appends what passes of the group that waits, and answers all of it. On an error nobody is answered, and
    /// all go on waiting.
    async fn append(&mut self, waiting: &mut Waiting) -> Result<(), SequencerError> {
        let Waiting { group, replies } = waiting;
        let time = match self.time.now() {
            Ok(now) => now.max(self.log.state.time()),
            Err(error) => {
                for ready in group.drain(..) {
                    let _ = ready.reply.send(Err(NotPlaced::OutOfStep(error)));
                }
                return Ok(());
            }
        };
        let entries: Vec<Entry> = group
            .drain(..)
            .map(|ready| {
                replies.push((ready.reply, ready.holding));
                (ready.authentic, ready.verified)
            })
            .collect();
        let submissions = entries.iter().map(|(authentic, _)| authentic.submission());
        let ids: Vec<EntryId> = submissions.clone().map(Submission::id).collect();
        let log = &mut self.log;
        let begun = self.store.begin().await;
        let mut transaction = begun.map_err(failed::<P>)?;
        let known = transaction.find_all(&ids).await.map_err(failed::<P>)?;
        let mut pending = Pending::new(log);
        // One look for all of the group; an entry that changes what a later one reads is rare.
        pending
            .read(&log.state, &mut transaction, submissions.clone())
            .await?;
        let mut outcomes = Vec::with_capacity(entries.len());
        for entry in &entries {
            let placed = pending.place(&mut log.state, &mut transaction, entry, &known, time);
            outcomes.push(placed.await?);
        }
        // All at once. Each value was looked up, so all are new. The constraints have the last word all the same:
        // where they refuse one, the group begins again and asks them leaf by leaf.
        let leaves: Vec<StoredLeaf<'_>> = pending.effects.iter().map(StoredLeaf::of).collect();
        let appended = transaction.append_all(&leaves).await;
        if appended.map_err(failed::<P>)?.is_err() {
            drop(transaction);
            log.state = self.published.read().state.clone();
            transaction = self.store.begin().await.map_err(failed::<P>)?;
            pending = Pending::new(log);
            pending
                .read(&log.state, &mut transaction, submissions)
                .await?;
            outcomes.clear();
            for entry in &entries {
                let placed = pending.append(&mut log.state, &mut transaction, entry, &known, time);
                outcomes.push(placed.await?);
            }
        }
        if pending.effects.is_empty() {
            drop(transaction);
            for ((reply, holding), outcome) in replies.drain(..).zip(outcomes) {
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
        let (rows, digest) = pending
            .rows
            .finish(&mut transaction, &self.log.digest)
            .await
            .map_err(failed::<P>)?;
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
        transaction.commit(commit).await.map_err(failed::<P>)?;
        self.log.digest = digest;
        self.mark.raise(&checkpoint, &signed)?;

        self.published
            .advance(&checkpoint, Arc::clone(&signed), &pending.effects)?;
        let mut leaves = pending.effects.into_iter().map(Effects::into_leaf);
        for ((reply, holding), outcome) in replies.drain(..).zip(outcomes) {
            let placed = match outcome {
                Err(refusal) => Err(NotPlaced::Refused(refusal)),
                Ok(None) => Ok(Placed::Before),
                Ok(Some(index)) => {
                    let proof = tree::inclusion_proof(&pending.nodes, index, checkpoint.size)
                        .map_err(|error| SequencerError::Tree(error.to_string()))?;
                    Ok(Placed::New {
                        index,
                        // In the order of the entries.
                        leaf: leaves.next().unwrap_or_default(),
                        proof,
                        checkpoint: Arc::clone(&signed),
                    })
                }
            };
            drop(holding);
            // The caller may have gone away; the entry stays, and its id brings the receipt.
            let _ = reply.send(placed);
        }
        self.log.edge = tree::frontier_nodes(checkpoint.size)
            .into_iter()
            .filter_map(|node| Some((node, *pending.nodes.get(&node)?)))
            .collect();
        self.log.frontier = pending.frontier;
        Ok(())
    }
}

/// What a failure of the place's store means.
fn failed<P: Place>(error: <P::Storage as StorageReader>::Error) -> SequencerError {
    P::Storage::explain(error).into()
}
