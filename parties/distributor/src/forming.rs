//! Forming: turns deeds into batches that are fixed in the store, a few ahead of the proofs.
//!
//! Batches of an earlier run are stated again; then new ones are stated and fixed. Both are passed
//! to the prover in stated form, so that nothing is stated twice in one run.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use merits_ledger::entry::EARN_BATCH;
use merits_primitives::ids::{EntryId, Period};
use merits_verifier::codec::Canonical;
use rand_core::CryptoRng;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::{
    attempts::Tried,
    batching::{Share, StatedBatch, Stating, ValuedDeed},
    consents::{Consents, Wait, Waiting},
    earnings::EarnedSum,
    node::Node,
    pool::{ProverPool, ProvingError, TermsFn},
    progress::{Event, Progress},
    shares::{Claimable, Claiming, PAGE, Shares},
    sources::Sources,
    store::{
        AsideReason, BatchId, DecryptedDeeds, Deed, DeedId, FormedBatch, NewBatch, StoreError,
    },
    terms::{Terms, TermsError},
};

/// The result of forming.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FormReport {
    /// Batches fixed.
    pub batches: u64,
    /// Claims in them.
    pub claims: u64,
    /// Their total earnings.
    pub earned: EarnedSum,
    /// Deeds without a batch, by reason.
    pub waiting: Waiting,
    /// Batches of an earlier run that were taken apart because the ledger's terms or the deeds have
    /// changed.
    pub dissolved: u64,
    /// Wall-clock time of reading, stating and fixing, including waiting for the provers' threads.
    pub elapsed: Duration,
}

/// Batches of an earlier run that are read at once. Each has a statement of some kilobytes.
const BATCH_PAGE: u32 = 256;

/// The result of stating deeds.
struct Stated {
    /// The batch, and the deeds in it in the order of its claims.
    batch: Option<(StatedBatch, Vec<Deed>)>,
    /// Deeds that the formula has no value for.
    unvalued: Vec<DeedId>,
    /// Valued deeds that no batch could include.
    unstated: Vec<DeedId>,
}

impl Stated {
    /// States the deeds for which the formula has a value. The formula's errors stay here, because
    /// they may reveal records.
    fn of(stating: Stating<'_>, terms: &Terms, deeds: Vec<Deed>) -> Self {
        let mut valued = Vec::with_capacity(deeds.len());
        let mut unvalued = Vec::new();
        for deed in deeds {
            match stating.value(terms, &deed) {
                Ok(earned) => valued.push(ValuedDeed { deed, earned }),
                Err(_) => unvalued.push(deed.id),
            }
        }
        let stated = if valued.is_empty() {
            None
        } else {
            stating.state(terms, &valued).ok()
        };
        let deeds = valued.into_iter().map(|valued| valued.deed);
        match stated {
            Some(stated) => Self {
                batch: Some((stated, deeds.collect())),
                unvalued,
                unstated: Vec::new(),
            },
            None => Self {
                batch: None,
                unvalued,
                unstated: deeds.map(|deed| deed.id).collect(),
            },
        }
    }
}

/// A batch that is in the store, and waits for its proof.
pub(crate) struct Fixed {
    /// Its row.
    pub(crate) id: BatchId,
    /// Its statement, with the witness.
    pub(crate) stated: StatedBatch,
}

/// The inputs of forming.
#[derive(Clone, Copy)]
pub(crate) struct Forming<'a> {
    pub(crate) node: &'a Node,
    pub(crate) pool: &'a ProverPool,
    pub(crate) terms: &'a TermsFn<'a>,
    pub(crate) consents: &'a Consents<'a>,
    pub(crate) sources: &'a Sources<'a>,
    pub(crate) progress: &'a dyn Progress,
    /// Deeds that this run does not try again.
    pub(crate) tried: &'a Tried,
}

impl FormReport {
    /// Adds another round of the same run. The waiting deeds are those of the last round.
    pub(crate) fn add(&mut self, round: &Self) {
        self.batches += round.batches;
        self.claims += round.claims;
        self.earned += round.earned;
        self.waiting.clone_from(&round.waiting);
        self.dissolved += round.dissolved;
        self.elapsed += round.elapsed;
    }
}

impl Node {
    /// Fixes batches for all deeds that are ingested, unclaimed and consented to, for a later run
    /// to prove.
    ///
    /// # Errors
    /// [`ProvingError`]; batches fixed before stay.
    pub async fn form_batches(
        &self,
        pool: &ProverPool,
        terms: &TermsFn<'_>,
        consents: &Consents<'_>,
        sources: &Sources<'_>,
        rng: &mut (impl CryptoRng + Send),
        progress: &dyn Progress,
    ) -> Result<FormReport, ProvingError> {
        let forming = Forming {
            node: self,
            pool,
            terms,
            consents,
            sources,
            progress,
            tried: &Tried::default(),
        };
        let start = Instant::now();
        let mut report = FormReport::default();
        let (mut shares, mut done) = (forming.shares(), 0);
        while let Some(share) = shares.next(&mut report.waiting).await? {
            forming.fix(share, &mut report, rng).await?;
            done += 1;
            progress.event(Event::Formed {
                done,
                total: shares.found(),
            });
        }
        report.elapsed = start.elapsed();
        Ok(report)
    }
}

impl Forming<'_> {
    /// Sends every batch to prove, each when there is room for it: first those that are already
    /// fixed in the store, then new ones. `total` counts them as they become known. Ends early when
    /// `stop` is set or the prover has ended.
    ///
    /// # Errors
    /// [`ProvingError`]; batches that were sent before can still be proven.
    pub(crate) async fn feed(
        self,
        provers: mpsc::Sender<Fixed>,
        total: &AtomicUsize,
        stop: &AtomicBool,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<FormReport, ProvingError> {
        let mut report = FormReport::default();
        let over = || stop.load(Ordering::Relaxed);
        let mut after = None;
        loop {
            let left = self.timed(&mut report, self.left(after)).await?;
            let Some(last) = left.last() else {
                break;
            };
            after = Some(last.id);
            total.fetch_add(left.len(), Ordering::Relaxed);
            for batch in left {
                let Ok(place) = provers.reserve().await else {
                    return self.ended(self.shares(), report).await;
                };
                if over() {
                    return self.ended(self.shares(), report).await;
                }
                match self.timed(&mut report, self.restate(&batch)).await? {
                    Some(stated) => place.send(Fixed {
                        id: batch.id,
                        stated,
                    }),
                    None => {
                        self.node.store().dissolve(batch.id).await?;
                        report.dissolved += 1;
                        total.fetch_sub(1, Ordering::Relaxed);
                    }
                }
            }
        }
        let (mut shares, mut found, mut done) = (self.shares(), 0, 0);
        loop {
            let start = Instant::now();
            let share = shares.next(&mut report.waiting).await?;
            report.elapsed += start.elapsed();
            total.fetch_add(shares.found() - found, Ordering::Relaxed);
            found = shares.found();
            let Some(share) = share else {
                return Ok(report);
            };
            // State it only now: stated data is private, and no more of it should be in memory than
            // will soon be proven.
            let Ok(place) = provers.reserve().await else {
                return self.ended(shares, report).await;
            };
            if over() {
                return self.ended(shares, report).await;
            }
            let start = Instant::now();
            let fixed = self.fix(share, &mut report, rng).await?;
            report.elapsed += start.elapsed();
            match fixed {
                Some(fixed) => place.send(fixed),
                None => {
                    total.fetch_sub(1, Ordering::Relaxed);
                }
            }
            done += 1;
            self.progress.event(Event::Formed { done, total: found });
        }
    }

    /// The report of a round that ends early. Deeds that wait are counted in any case.
    async fn ended(
        &self,
        rest: Shares<'_>,
        mut report: FormReport,
    ) -> Result<FormReport, ProvingError> {
        let start = Instant::now();
        rest.count_rest(&mut report.waiting).await?;
        report.elapsed += start.elapsed();
        Ok(report)
    }

    async fn timed<T>(&self, report: &mut FormReport, work: impl Future<Output = T>) -> T {
        let start = Instant::now();
        let done = work.await;
        report.elapsed += start.elapsed();
        done
    }

    /// Batches that an earlier run fixed but did not prove: those after one.
    async fn left(&self, after: Option<BatchId>) -> Result<Vec<FormedBatch>, StoreError> {
        let (store, scale) = (self.node.store(), self.node.scale());
        store.formed_batches(scale, after, BATCH_PAGE).await
    }

    /// States a batch again from its deeds. `None` when the result differs from what was fixed: the
    /// deeds are gone or damaged, or the ledger's terms have changed, or it would refuse the source. The
    /// fault is reported when they are stated as new batches.
    async fn restate(&self, batch: &FormedBatch) -> Result<Option<StatedBatch>, ProvingError> {
        let deeds = self.node.store().claimed_deeds(&batch.deeds).await?.deeds;
        if deeds.len() != batch.deeds.len() {
            return Ok(None);
        }
        let Ok(terms) = self.terms_of(batch.period)? else {
            return Ok(None);
        };
        if (terms.version, terms.epoch) != (batch.version, batch.epoch) {
            return Ok(None);
        }
        match self.state(terms, deeds).await {
            Ok(Stated {
                batch: Some((stated, stated_deeds)),
                ..
            }) => {
                let same = stated_deeds.len() == batch.deeds.len()
                    && stated.entry.to_bytes() == batch.statement
                    && self.sources.takes(&stated.entry);
                Ok(same.then_some(stated))
            }
            Ok(Stated { batch: None, .. }) => Ok(None),
            Err(error) if error.aside_reason().is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The terms for a period; the inner error is this period's own.
    fn terms_of(&self, period: Period) -> Result<Result<Terms, TermsError>, ProvingError> {
        match self.pool.terms(self.terms, period) {
            Err(error) if error.concerns_all() => Err(error.into()),
            terms => Ok(terms),
        }
    }

    /// States deeds and fixes them as a batch. `None` when they are gone, or set aside.
    async fn fix(
        &self,
        (period, source, claims): Share<Claimable>,
        report: &mut FormReport,
        rng: &mut (impl CryptoRng + Send),
    ) -> Result<Option<Fixed>, ProvingError> {
        let store = self.node.store();
        let terms = match self.terms_of(period)? {
            Ok(terms) => terms,
            Err(error) => {
                let waiting = &mut report.waiting.without_terms;
                *waiting.entry(error.to_string()).or_default() += claims.len() as u64;
                return Ok(None);
            }
        };
        let DecryptedDeeds { mut deeds, damaged } = store.claimed_deeds(&claims).await?;
        for damaged in damaged {
            self.tried
                .set_aside(store, damaged.deed, AsideReason::Damaged)
                .await?;
            report.waiting.add(Wait::Aside);
        }
        if matches!(self.consents, Consents::Tickets { .. }) {
            report.waiting.take_other_persons(&mut deeds);
        }
        let scale = self.node.scale();
        self.sources
            .take_refused(scale, &mut deeds, &mut report.waiting);
        if deeds.is_empty() {
            return Ok(None);
        }
        let (version, epoch) = (terms.version, terms.epoch);
        let ids: Vec<DeedId> = deeds.iter().map(|deed| deed.id).collect();
        let stated = match self.state(terms, deeds).await {
            Ok(stated) => stated,
            Err(error) => {
                let reason = error.aside_reason().ok_or(error)?;
                self.tried.set_all_aside(store, ids, reason).await?;
                return Ok(None);
            }
        };
        for deed in stated.unvalued {
            self.tried
                .set_aside(store, deed, AsideReason::Formula)
                .await?;
            report.waiting.add(Wait::Aside);
        }
        self.tried
            .set_all_aside(store, stated.unstated, AsideReason::Statement)
            .await?;
        let Some((stated, deeds)) = stated.batch else {
            return Ok(None);
        };
        let statement = stated.entry.to_bytes();
        let (origin, party) = (self.node.origin(), self.node.party());
        let batch = NewBatch {
            scale: self.node.scale().clone(),
            version,
            epoch,
            period,
            source,
            entry_id: EntryId::derive(origin, EARN_BATCH, &party, &statement),
            statement,
            claims: deeds
                .iter()
                .map(|deed| deed.id)
                .zip(stated.earned.iter().copied())
                .collect(),
        };
        // If a deed was just forgotten, the others wait for the next round.
        let Some(id) = store.form_batch(&batch, &deeds, rng).await? else {
            return Ok(None);
        };
        report.batches += 1;
        report.claims += deeds.len() as u64;
        report.earned.add(&stated.earned);
        Ok(Some(Fixed { id, stated }))
    }

    /// States those of the deeds that the formula has a value for, on the pool.
    async fn state(&self, terms: Terms, deeds: Vec<Deed>) -> Result<Stated, ProvingError> {
        let (keys, circuit) = (self.node.keys(), self.pool.shared_circuit());
        self.pool
            .run(move || {
                let stating = Stating {
                    formula: circuit.formula(),
                    capacity: circuit.capacity(),
                    custody: &keys.custody,
                    ephemeral: &keys.ephemeral,
                };
                Ok(Stated::of(stating, &terms, deeds))
            })
            .await
    }

    /// The deeds that may be claimed now, split into batches.
    fn shares(&self) -> Shares<'_> {
        let claiming = Claiming {
            store: self.node.store(),
            scale: self.node.scale(),
            distributor: self.node.party(),
            consents: self.consents,
            sources: self.sources,
            tried: self.tried,
        };
        Shares::new(claiming, self.pool.circuit().capacity(), PAGE)
    }
}
