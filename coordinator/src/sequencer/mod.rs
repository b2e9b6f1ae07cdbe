//! The one task that orders entries.
//!
//! It takes the waiting entries, up to a group, checks each entry against the state after the one
//! before, appends all that pass in one transaction with one checkpoint, and answers after the
//! commit. So all entries that arrived during the last sync share the cost of the next one, and a
//! power cut cannot undo an acknowledged entry.
//!
//! The newest tree is written to the high-water mark before its checkpoint is published. While the
//! clock is wrong, nothing is appended, and all waiting callers are told to retry.
//!
//! After a storage error it is unknown what is durable, so the state in memory cannot be used. Then
//! nothing is appended, waiting callers get an error, and the stored log is still served. The
//! committed data is read again as soon as a write succeeds; then appending continues. If the disk
//! itself failed, this needs a restart: a disk that lost a write may still return it from its
//! cache.

mod group;
mod reload;

use std::{collections::HashMap, sync::Arc, time::Duration};

use merits_ledger::{
    Authentic, CommitError, Effects, Governing, LedgerPolicy, Refusal, Submission, VerifiedProof,
    rows::{RowError, StateDigest},
    storage::{
        Commit, Head, Outlook, PendingError, Storage, StorageGroup, StorageReader, StoreFailure,
        StoredLeaf,
    },
    tree::{self, Frontier, Node},
};
use merits_primitives::ids::EntryId;
use merits_replica::{HighWaterMark, MarkError};
use merits_verifier::log::{Checkpoint, Hash, LogSigner, SignedCheckpoint};
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
    pub(crate) verified: Option<VerifiedProof>,
    pub(crate) reply: oneshot::Sender<Outcome>,
    /// Held until the answer, even after its caller has gone: there are no more permits than places
    /// in the queue.
    pub(crate) holding: Holding,
}

/// The result for an entry.
pub(crate) type Outcome = Result<Placed, NotPlaced>;

/// Why an entry was not appended.
#[derive(Debug)]
pub(crate) enum NotPlaced {
    /// The rules refuse it.
    Refused(Box<Refusal>),
    /// The clock is wrong; this says nothing about the entry.
    OutOfStep(OutOfStep),
    /// Nothing can be stored now; this says nothing about the entry.
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
    /// It was already in the log.
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
    #[error("the store refused entries that it had just taken: restart the coordinator")]
    Unsteady,
    #[error(transparent)]
    Mark(#[from] MarkError),
}

impl SequencerError {
    /// Why the rows of a group could not be read.
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
            Self::Checkpoint(_)
            | Self::Commit(_)
            | Self::Rows(_)
            | Self::Tree(_)
            | Self::Unsteady
            | Self::Mark(_) => Outlook::End,
        }
    }
}

/// How often it is tried whether a write goes through again.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// The callers that wait for an answer.
#[derive(Debug, Default)]
struct Waiting {
    /// Entries that are not checked yet.
    group: Vec<Ready>,
    /// Callers of the entries that are being appended, in order.
    replies: Vec<(oneshot::Sender<Outcome>, Holding)>,
}

impl Waiting {
    /// Tells all of them that nothing can be stored. It is unknown whether their entries are in the
    /// log.
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
    /// Stored nodes at the tree's right edge. With the group's own nodes, its proofs need no
    /// others.
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
                Outlook::Again | Outlook::End => error.to_string(),
            };
            self.writing.stop(CannotWrite(why));
            // Callers that were told ask again, and must get the same answer.
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

    /// Refuses entries until the log was read again. `None` if the coordinator stops before.
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
        // Its transaction may have ended.
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

    /// Appends the entries of the waiting group that pass, and answers all of them. On an error
    /// nobody gets an answer, and all keep waiting.
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
        // One query for the whole group; an entry rarely changes what a later one reads.
        pending
            .read(&log.state, &mut transaction, submissions.clone())
            .await?;
        let new = submissions.clone();
        let new = new.filter(|submission| !known.contains_key(&submission.id()));
        pending.rows.hash_ahead(&log.state, new);
        let mut outcomes = Vec::with_capacity(entries.len());
        for entry in &entries {
            let placed = pending.place(&mut log.state, &mut transaction, entry, &known, time);
            outcomes.push(placed.await?);
        }
        // Append all at once. Each value was queried, so all should be new. The constraints decide
        // nevertheless: if they refuse one, a transaction that is dropped tells leaf by leaf which
        // entries they take, and these make the group.
        let mut ended = pending.seal(log, &mut transaction).await?;
        let leaves: Vec<StoredLeaf<'_>> = pending.effects.iter().map(StoredLeaf::of).collect();
        let appended = transaction.append_all(&leaves).await;
        if appended.map_err(failed::<P>)?.is_err() {
            drop(transaction);
            log.state = self.published.read().state.clone();
            transaction = self.store.begin().await.map_err(failed::<P>)?;
            pending = Pending::new(log);
            outcomes.clear();
            for entry in &entries {
                let placed = pending.probe(&mut log.state, &mut transaction, entry, &known, time);
                outcomes.push(placed.await?);
            }
            drop(transaction);
            log.state = self.published.read().state.clone();
            transaction = self.store.begin().await.map_err(failed::<P>)?;
            pending = Pending::new(log);
            for (entry, outcome) in entries.iter().zip(&outcomes) {
                if let Ok(Some(_)) = outcome {
                    let placed =
                        pending.place(&mut log.state, &mut transaction, entry, &known, time);
                    placed.await?.map_err(|_| SequencerError::Unsteady)?;
                }
            }
            ended = pending.seal(log, &mut transaction).await?;
            let leaves: Vec<StoredLeaf<'_>> = pending.effects.iter().map(StoredLeaf::of).collect();
            let appended = transaction.append_all(&leaves).await;
            let appended = appended.map_err(failed::<P>)?;
            appended.map_err(|_| SequencerError::Unsteady)?;
        }
        if pending.effects.is_empty() {
            drop(transaction);
            for ((reply, holding), outcome) in replies.drain(..).zip(outcomes) {
                // The permit is free when the caller gets the answer.
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
        // Sign it before the commit and publish it after: a checkpoint of entries that a crash
        // undoes must never have been seen.
        let signed = Arc::new(checkpoint.sign(&self.signer)?);
        let (rows, digest) = ended;
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
            // The caller may have gone; the entry stays, and its id gives the receipt.
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
