//! Proofs that wait for their batch.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    Job, PoolLimits,
    laned::{Answer, Laned},
};
use crate::holding::Holding;

/// A batch is split among the threads, but not below this: smaller batches lose the saving.
const SPLIT_AT_LEAST: usize = 64;

/// A proof that waits.
pub(super) struct Waiting<S: Laned> {
    pub(super) since: Instant,
    pub(super) statement: S,
    pub(super) proof: S::Proof,
    pub(super) beside: S::Beside,
    pub(super) reply: oneshot::Sender<Answer<S>>,
    /// Held until it is verified, even after the caller has gone.
    pub(super) holding: Holding,
}

/// The proofs that wait for one batch.
struct Lane<S: Laned> {
    key: S::Key,
    waiting: VecDeque<Waiting<S>>,
}

/// Proofs that wait, by lane.
pub(crate) struct Lanes<S: Laned>(HashMap<S::Name, Lane<S>>);

impl<S: Laned> Default for Lanes<S> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<S: Laned> Lanes<S> {
    /// Adds a proof to the lane of its key.
    pub(super) fn push(&mut self, key: &S::Key, waiting: Waiting<S>) {
        let lane = self.0.entry(S::lane(key)).or_insert_with(|| Lane {
            key: key.clone(),
            waiting: VecDeque::new(),
        });
        lane.waiting.push_back(waiting);
    }

    /// Proofs that wait in all lanes.
    pub(super) fn waiting(&self) -> usize {
        self.0.values().map(|lane| lane.waiting.len()).sum()
    }

    /// When the first lane ripens by age.
    pub(super) fn ripens(&self, linger: Duration) -> Option<Instant> {
        let oldest = self.0.values().filter_map(|lane| lane.waiting.front());
        oldest.map(|waiting| waiting.since + linger).min()
    }

    /// Takes a batch from a full lane, if there is one.
    pub(super) fn take_full(&mut self, limits: &PoolLimits) -> Option<Job> {
        self.take(limits, |lane| lane.waiting.len() >= limits.batch)
    }

    /// Takes a batch from a lane that has waited for the linger; from any lane if the pool is `closed`.
    pub(super) fn take_ripe(&mut self, limits: &PoolLimits, closed: bool) -> Option<Job> {
        self.take(limits, |lane| {
            let since = lane.waiting.front().map(|waiting| waiting.since);
            since.is_some_and(|since| closed || since.elapsed() >= limits.linger)
        })
    }

    /// Takes the batch that has waited longest from the lanes in `wanted`.
    fn take(&mut self, limits: &PoolLimits, wanted: impl Fn(&Lane<S>) -> bool) -> Option<Job> {
        let (&name, _) = self
            .0
            .iter()
            .filter(|(_, lane)| wanted(lane))
            .min_by_key(|(_, lane)| lane.waiting.front().map(|waiting| waiting.since))?;
        let lane = self.0.get_mut(&name)?;
        let share = lane
            .waiting
            .len()
            .div_ceil(limits.threads)
            .max(SPLIT_AT_LEAST);
        let count = share.min(limits.batch).min(lane.waiting.len());
        let batch: Vec<_> = lane.waiting.drain(..count).collect();
        let key = lane.key.clone();
        if lane.waiting.is_empty() {
            self.0.remove(&name);
        }
        Some(Box::new(move || verify_together(&key, batch)))
    }
}

fn verify_together<S: Laned>(key: &S::Key, batch: Vec<Waiting<S>>) {
    let (questions, (besides, callers)): (Vec<_>, (Vec<_>, Vec<_>)) = batch
        .into_iter()
        // Callers may have gone; then the answer is not needed.
        .filter(|waiting| !waiting.reply.is_closed())
        .map(|waiting| {
            let question = (waiting.statement, waiting.proof);
            let caller = (waiting.reply, waiting.holding);
            (question, (waiting.beside, caller))
        })
        .unzip();
    // If the signatures are refused, the proof need not be verified.
    let mut done = Vec::with_capacity(questions.len());
    let (questions, callers): (Vec<_>, Vec<_>) = questions
        .into_iter()
        .zip(callers)
        .zip(S::verify_beside(besides))
        .filter_map(|((question, caller), beside)| match beside {
            Ok(beside) => {
                done.push(beside);
                Some((question, caller))
            }
            Err(refusal) => {
                let _ = caller.0.send(Err(Box::new(refusal)));
                None
            }
        })
        .unzip();
    let answers = S::verify_proofs(key, questions);
    for (((reply, _holding), answer), beside) in callers.into_iter().zip(answers).zip(done) {
        let answer = answer.map(|verified| (verified, beside));
        let _ = reply.send(answer.map_err(Box::new));
    }
}
