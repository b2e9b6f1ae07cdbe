//! The bounded thread pool for all CPU-intensive work: signatures, points, proofs.
//!
//! Proofs wait in lanes: one lane for each Groth16 key, and one for each system without keys. The proofs of a
//! lane are verified together, with the signatures of their entries: a batch of 256 costs a tenth of 256
//! single verifications. A lane is taken when it is full or when its oldest proof has waited for the linger;
//! while the threads are busy, lanes fill by themselves. A bad proof is named by the batch's bisection and
//! does not sink the others. What does not fit in the queue is refused at once: a caller that is told to come
//! back costs nothing, one that waits costs memory.
//!
//! Waiting work has three classes ([`Class`]), each with its share of the threads' time. A class
//! that needs less leaves the rest to the others, and one that needs more cannot take theirs. So
//! submissions of parties have their share, however many proofs unknown callers submit.

mod laned;
mod lanes;
mod queue;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::holding::Holding;
use lanes::Waiting;
use queue::Queue;

pub(crate) use laned::{Answer, BareInputs};
pub(crate) use queue::Queued;

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
    pub(crate) fn verify<S: Queued>(
        &self,
        class: Class,
        key: &S::Key,
        (statement, proof, beside): (S, S::Proof, S::Beside),
        holding: Holding,
    ) -> Result<oneshot::Receiver<Answer<S>>, Full> {
        let (reply, answer) = oneshot::channel();
        let mut queue = self.shared.room()?;
        let waiting = Waiting {
            since: Instant::now(),
            statement,
            proof,
            beside,
            reply,
            holding,
        };
        S::lanes(queue.of(class)).push(key, waiting);
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

/// Work that a thread does without waiting.
type Job = Box<dyn FnOnce() + Send>;

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
