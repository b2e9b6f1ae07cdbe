//! The waiting work, by class.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use merits_ledger::{ProvenStatement, TotalStatement};
use merits_verifier::schnorr;

use super::{
    Class, Job, PoolLimits,
    laned::{BareInputs, Laned},
    lanes::Lanes,
};

/// A statement type that a class has lanes for.
pub(crate) trait Queued: Laned {
    /// Its lanes.
    fn lanes(waiting: &mut Work) -> &mut Lanes<Self>;
}

impl Queued for ProvenStatement {
    fn lanes(waiting: &mut Work) -> &mut Lanes<Self> {
        &mut waiting.entries
    }
}

impl Queued for schnorr::Statement {
    fn lanes(waiting: &mut Work) -> &mut Lanes<Self> {
        &mut waiting.possessions
    }
}

impl Queued for TotalStatement {
    fn lanes(waiting: &mut Work) -> &mut Lanes<Self> {
        &mut waiting.totals
    }
}

impl Queued for BareInputs {
    fn lanes(waiting: &mut Work) -> &mut Lanes<Self> {
        &mut waiting.bare
    }
}

/// The waiting work of one class.
#[derive(Default)]
pub(crate) struct Work {
    pub(super) jobs: VecDeque<Job>,
    entries: Lanes<ProvenStatement>,
    possessions: Lanes<schnorr::Statement>,
    totals: Lanes<TotalStatement>,
    bare: Lanes<BareInputs>,
    /// Time that was spent on the class, divided by its share.
    pub(super) spent: Duration,
}

impl Work {
    fn waiting(&self) -> usize {
        self.jobs.len()
            + self.entries.waiting()
            + self.possessions.waiting()
            + self.totals.waiting()
            + self.bare.waiting()
    }

    /// The next work of a free thread: a full lane, then other work (which feeds lanes), then a
    /// lane that has waited long enough.
    fn next(&mut self, limits: &PoolLimits, closed: bool) -> Option<Job> {
        self.full(limits)
            .or_else(|| self.jobs.pop_front())
            .or_else(|| self.ripe(limits, closed))
    }

    fn full(&mut self, limits: &PoolLimits) -> Option<Job> {
        self.entries
            .take_full(limits)
            .or_else(|| self.possessions.take_full(limits))
            .or_else(|| self.totals.take_full(limits))
            .or_else(|| self.bare.take_full(limits))
    }

    fn ripe(&mut self, limits: &PoolLimits, closed: bool) -> Option<Job> {
        self.entries
            .take_ripe(limits, closed)
            .or_else(|| self.possessions.take_ripe(limits, closed))
            .or_else(|| self.totals.take_ripe(limits, closed))
            .or_else(|| self.bare.take_ripe(limits, closed))
    }

    fn ripens(&self, linger: Duration) -> Option<Instant> {
        let bare = self.bare.ripens(linger).into_iter();
        bare.chain(self.entries.ripens(linger))
            .chain(self.possessions.ripens(linger))
            .chain(self.totals.ripens(linger))
            .min()
    }
}

/// The waiting work.
#[derive(Default)]
pub(crate) struct Queue {
    pub(super) classes: [Work; Class::ALL.len()],
    /// The time spent on the class that was served last. A class that was idle for a while begins
    /// there and has nothing to catch up on.
    now: Duration,
    pub(super) closed: bool,
}

impl Queue {
    pub(super) fn waiting(&self) -> usize {
        self.classes.iter().map(Work::waiting).sum()
    }

    /// The work of a class, for adding to it.
    pub(super) fn of(&mut self, class: Class) -> &mut Work {
        let work = &mut self.classes[class.index()];
        if work.waiting() == 0 {
            work.spent = work.spent.max(self.now);
        }
        work
    }

    /// The work of the class that has used the least of its share.
    pub(super) fn next(&mut self, limits: &PoolLimits) -> Option<(Class, Job)> {
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

    pub(super) fn ripens(&self, linger: Duration) -> Option<Instant> {
        self.classes
            .iter()
            .filter_map(|work| work.ripens(linger))
            .min()
    }
}
