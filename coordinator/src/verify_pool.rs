//! The bounded thread pool for all CPU-intensive work: signatures, points, proofs.
//!
//! Proofs wait in lanes, of Groth16 one for each key and of a system without keys one, and are verified
//! together, with the signatures of their entries: a batch of 256 costs a tenth of 256 single
//! verifications. A lane is taken when it is full or when its oldest proof has waited for the linger;
//! while the threads are busy, lanes fill by themselves. A bad proof is named by the batch's bisection
//! and does not sink the others. What does not fit in the queue is refused at once: a caller
//! that is told to come back costs nothing, one that waits costs memory.
//!
//! Waiting work has three classes ([`Class`]), each with its share of the threads' time. A class
//! that needs less leaves the rest to the others, and one that needs more cannot take theirs. So
//! submissions of parties have their share, however many proofs unknown callers submit.

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    hash::Hash,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use merits_ledger::{Authentic, ProvenStatement, Refusal, Unverified};
use merits_primitives::Fr;
use merits_verifier::{
    Statement, Verified,
    groth16::{self, KeyDigest, PreparedKey},
    schnorr::{self, VerifiedPossession},
    statement::StatementError,
};
use tokio::sync::oneshot;

use crate::holding::Holding;

/// A batch is split among the threads, but not below this: smaller batches lose the saving.
const SPLIT_AT_LEAST: usize = 64;

/// Bare public inputs without a statement, for verifying a bare proof.
#[derive(Clone, Debug)]
pub(crate) struct BareInputs(pub(crate) Vec<Fr>);

impl Statement for BareInputs {
    fn public_inputs(&self) -> Vec<Fr> {
        self.0.clone()
    }

    fn check(&self) -> Result<(), StatementError> {
        Ok(())
    }
}

/// The class of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Submissions of admitted parties whose signatures hold.
    Parties,
    /// Submissions in a party's name, until the signature is checked. Nothing is decoded there.
    Door,
    /// Submissions of people, and verifications for others.
    Others,
}

impl Class {
    const ALL: [Self; 3] = [Self::Parties, Self::Door, Self::Others];

    fn index(self) -> usize {
        match self {
            Self::Parties => 0,
            Self::Door => 1,
            Self::Others => 2,
        }
    }
}

/// A statement type that the pool has lanes for. It belongs to one proof system, and says which proofs of the
/// system share a lane and how those of a lane are verified together.
pub(crate) trait Laned: Send + Sized + 'static {
    /// What names a lane.
    type Name: Copy + Eq + Hash + Send;
    /// What the proofs of a lane are verified under.
    type Key: Clone + Send + 'static;
    /// The system's proof.
    type Proof: Send + 'static;
    /// A statement whose proof holds.
    type Verified: Send + 'static;
    /// What is verified beside the proof, of a whole batch together.
    type Beside: Send + 'static;
    /// The result of that.
    type Done: Send + 'static;

    #[doc(hidden)]
    fn lanes(waiting: &mut Work) -> &mut Lanes<Self>;

    #[doc(hidden)]
    fn lane(key: &Self::Key) -> Self::Name;

    #[doc(hidden)]
    fn verify_beside(batch: Vec<Self::Beside>) -> Vec<Result<Self::Done, Refusal>>;

    /// The answers come in the order of the questions; a bad one does not sink the others.
    #[doc(hidden)]
    fn verify_proofs(
        key: &Self::Key,
        questions: Vec<(Self, Self::Proof)>,
    ) -> Vec<Result<Self::Verified, Refusal>>;
}

/// A Groth16 proof of an entry, and the entry's signatures: 17 of a batch of 16 claims.
impl Laned for ProvenStatement {
    type Name = KeyDigest;
    type Key = Arc<PreparedKey>;
    type Proof = groth16::Proof;
    type Verified = Verified<Self>;
    type Beside = Unverified;
    type Done = Authentic;

    fn lanes(waiting: &mut Work) -> &mut Lanes<Self> {
        &mut waiting.entries
    }

    fn lane(key: &Self::Key) -> KeyDigest {
        key.digest()
    }

    fn verify_beside(batch: Vec<Unverified>) -> Vec<Result<Authentic, Refusal>> {
        merits_ledger::verify_together(batch)
    }

    fn verify_proofs(
        key: &Self::Key,
        questions: Vec<(Self, groth16::Proof)>,
    ) -> Vec<Result<Verified<Self>, Refusal>> {
        verify_groth16(key, questions)
    }
}

/// The Schnorr proofs of an entry, and the entry's signatures. There is no key, so there is one lane; proofs are
/// verified one by one in it, and signatures together.
impl Laned for schnorr::Statement {
    type Name = ();
    type Key = ();
    type Proof = schnorr::Proof;
    type Verified = VerifiedPossession;
    type Beside = Unverified;
    type Done = Authentic;

    fn lanes(waiting: &mut Work) -> &mut Lanes<Self> {
        &mut waiting.possessions
    }

    fn lane((): &()) {}

    fn verify_beside(batch: Vec<Unverified>) -> Vec<Result<Authentic, Refusal>> {
        merits_ledger::verify_together(batch)
    }

    fn verify_proofs(
        (): &(),
        questions: Vec<(Self, schnorr::Proof)>,
    ) -> Vec<Result<VerifiedPossession, Refusal>> {
        let questions = questions.into_iter();
        let check = |(statement, proof)| Ok(VerifiedPossession::check(statement, &proof)?);
        questions.map(check).collect()
    }
}

impl Laned for BareInputs {
    type Name = KeyDigest;
    type Key = Arc<PreparedKey>;
    type Proof = groth16::Proof;
    type Verified = Verified<Self>;
    type Beside = ();
    type Done = ();

    fn lanes(waiting: &mut Work) -> &mut Lanes<Self> {
        &mut waiting.bare
    }

    fn lane(key: &Self::Key) -> KeyDigest {
        key.digest()
    }

    fn verify_beside(batch: Vec<()>) -> Vec<Result<(), Refusal>> {
        batch.into_iter().map(Ok).collect()
    }

    fn verify_proofs(
        key: &Self::Key,
        questions: Vec<(Self, groth16::Proof)>,
    ) -> Vec<Result<Verified<Self>, Refusal>> {
        verify_groth16(key, questions)
    }
}

fn verify_groth16<S: Statement>(
    key: &PreparedKey,
    questions: Vec<(S, groth16::Proof)>,
) -> Vec<Result<Verified<S>, Refusal>> {
    let answers = match <[_; 1]>::try_from(questions) {
        // One proof alone is cheaper without coefficients.
        Ok([(statement, proof)]) => vec![Verified::check(key, statement, &proof)],
        // The coefficients must surprise the provers: the thread's generator, seeded by the
        // operating system, does.
        Err(questions) => Verified::check_batch(key, questions, &mut rand::rng()),
    };
    let answers = answers.into_iter();
    answers.map(|answer| Ok(answer?)).collect()
}

/// What a batch answers for one statement.
pub(crate) type Answer<S> = Result<(<S as Laned>::Verified, <S as Laned>::Done), Box<Refusal>>;

/// The queue is full; nothing was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// The settings of the pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolLimits {
    pub(crate) threads: usize,
    pub(crate) batch: usize,
    pub(crate) linger: Duration,
    /// Jobs and proofs that may wait.
    pub(crate) queue: usize,
    /// Hundredths of the time that are reserved for [`Class::Parties`] while they need it. The
    /// other classes each have half of the rest.
    pub(crate) parties_percent: u32,
}

impl PoolLimits {
    /// A class's share of the time, in two-hundredths.
    fn share(&self, class: Class) -> u32 {
        let parties = self.parties_percent.clamp(1, 98);
        match class {
            Class::Parties => 2 * parties,
            Class::Door | Class::Others => 100 - parties,
        }
    }
}

/// The pool. Dropping it finishes the waiting work and joins the threads.
pub(crate) struct VerifyPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl VerifyPool {
    /// Starts the threads.
    pub(crate) fn start(limits: PoolLimits) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            limits,
            queue: Mutex::new(Queue::default()),
            changed: Condvar::new(),
        });
        let threads = (0..limits.threads).map(|i| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name(format!("verify-{i}"))
                .spawn(move || shared.work())
        });
        let threads = threads.collect::<Result<_, _>>()?;
        Ok(Self { shared, threads })
    }

    /// Queues one proof. The answer comes with its batch. An error of the receiver means that the
    /// verification itself failed.
    pub(crate) fn verify<S: Laned>(
        &self,
        class: Class,
        key: &S::Key,
        (statement, proof, beside): (S, S::Proof, S::Beside),
        holding: Holding,
    ) -> Result<oneshot::Receiver<Answer<S>>, Full> {
        let (reply, answer) = oneshot::channel();
        let mut queue = self.shared.room()?;
        let lane = S::lanes(queue.of(class))
            .0
            .entry(S::lane(key))
            .or_insert_with(|| Lane {
                key: key.clone(),
                waiting: VecDeque::new(),
            });
        lane.waiting.push_back(Waiting {
            since: Instant::now(),
            statement,
            proof,
            beside,
            reply,
            holding,
        });
        self.shared.changed.notify_one();
        Ok(answer)
    }

    /// Queues any other work, which owns its resources.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        class: Class,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Full> {
        let (reply, answer) = oneshot::channel();
        let mut queue = self.shared.room()?;
        queue.of(class).jobs.push_back(Box::new(move || {
            // The caller may have gone; then the answer is not needed.
            if !reply.is_closed() {
                let _ = reply.send(job());
            }
        }));
        self.shared.changed.notify_one();
        Ok(answer)
    }
}

impl fmt::Debug for VerifyPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyPool")
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

impl Drop for VerifyPool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A worker catches panics of its work, and has none of its own.
            let _ = thread.join();
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

struct Waiting<S: Laned> {
    since: Instant,
    statement: S,
    proof: S::Proof,
    beside: S::Beside,
    reply: oneshot::Sender<Answer<S>>,
    /// Held until it is verified, even after the caller has gone.
    holding: Holding,
}

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
    fn waiting(&self) -> usize {
        self.0.values().map(|lane| lane.waiting.len()).sum()
    }

    /// When the first lane ripens by age.
    fn ripens(&self, linger: Duration) -> Option<Instant> {
        let oldest = self.0.values().filter_map(|lane| lane.waiting.front());
        oldest.map(|waiting| waiting.since + linger).min()
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

/// The waiting work of one class.
#[derive(Default)]
pub(crate) struct Work {
    jobs: VecDeque<Job>,
    entries: Lanes<ProvenStatement>,
    possessions: Lanes<schnorr::Statement>,
    bare: Lanes<BareInputs>,
    /// Time that was spent on the class, divided by its share.
    spent: Duration,
}

impl Work {
    fn waiting(&self) -> usize {
        self.jobs.len() + self.entries.waiting() + self.possessions.waiting() + self.bare.waiting()
    }

    /// The next work of a free thread: a full lane, then other work (which feeds lanes), then a
    /// lane that has waited long enough.
    fn next(&mut self, limits: &PoolLimits, closed: bool) -> Option<Job> {
        self.full(limits)
            .or_else(|| self.jobs.pop_front())
            .or_else(|| self.ripe(limits, closed))
    }

    fn full(&mut self, limits: &PoolLimits) -> Option<Job> {
        let full = |waiting: usize| waiting >= limits.batch;
        self.entries
            .take(limits, |lane| full(lane.waiting.len()))
            .or_else(|| {
                let lanes = &mut self.possessions;
                lanes.take(limits, |lane| full(lane.waiting.len()))
            })
            .or_else(|| self.bare.take(limits, |lane| full(lane.waiting.len())))
    }

    fn ripe(&mut self, limits: &PoolLimits, closed: bool) -> Option<Job> {
        let linger = limits.linger;
        let ripe = |since: Option<Instant>| since.is_some_and(|s| closed || s.elapsed() >= linger);
        self.entries
            .take(limits, |lane| ripe(lane.waiting.front().map(|w| w.since)))
            .or_else(|| {
                self.possessions
                    .take(limits, |lane| ripe(lane.waiting.front().map(|w| w.since)))
            })
            .or_else(|| {
                self.bare
                    .take(limits, |lane| ripe(lane.waiting.front().map(|w| w.since)))
            })
    }

    fn ripens(&self, linger: Duration) -> Option<Instant> {
        let bare = self.bare.ripens(linger).into_iter();
        bare.chain(self.entries.ripens(linger))
            .chain(self.possessions.ripens(linger))
            .min()
    }
}

/// The waiting work.
#[derive(Default)]
pub(crate) struct Queue {
    classes: [Work; Class::ALL.len()],
    /// The time spent on the class that was served last. A class that was idle for a while begins
    /// there and has nothing to catch up on.
    now: Duration,
    closed: bool,
}

impl Queue {
    fn waiting(&self) -> usize {
        self.classes.iter().map(Work::waiting).sum()
    }

    /// The work of a class, for adding to it.
    fn of(&mut self, class: Class) -> &mut Work {
        let work = &mut self.classes[class.index()];
        if work.waiting() == 0 {
            work.spent = work.spent.max(self.now);
        }
        work
    }

    /// The work of the class that has used the least of its share.
    fn next(&mut self, limits: &PoolLimits) -> Option<(Class, Job)> {
        let mut order = Class::ALL;
        order.sort_by_key(|class| self.classes[class.index()].spent);
        for class in order {
            let work = &mut self.classes[class.index()];
            if let Some(job) = work.next(limits, self.closed) {
                self.now = self.now.max(work.spent);
                return Some((class, job));
            }
        }
        None
    }

    fn ripens(&self, linger: Duration) -> Option<Instant> {
        self.classes
            .iter()
            .filter_map(|work| work.ripens(linger))
            .min()
    }
}

struct Shared {
    limits: PoolLimits,
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing can panic between two states of the queue, so a poisoned queue is still
        // consistent.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self) -> Result<MutexGuard<'_, Queue>, Full> {
        let queue = self.lock();
        if queue.waiting() < self.limits.queue {
            Ok(queue)
        } else {
            Err(Full)
        }
    }

    fn work(&self) {
        while let Some((class, job)) = self.wait() {
            let begun = Instant::now();
            // A panic would be a bug. Only its callers lose their answer.
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("verification panicked; its callers are told so");
            }
            let spent = begun.elapsed() * 200 / self.limits.share(class);
            self.lock().classes[class.index()].spent += spent;
        }
    }

    fn wait(&self) -> Option<(Class, Job)> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.next(&self.limits) {
                // This thread may have been the one that waited until a lane was due, or one that
                // was woken for two jobs. Wake another one for the rest.
                if queue.waiting() > 0 {
                    self.changed.notify_one();
                }
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue = match queue.ripens(self.limits.linger) {
                Some(at) => {
                    let rest = at.saturating_duration_since(Instant::now());
                    let waited = self.changed.wait_timeout(queue, rest);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self
                    .changed
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
