//! Totals of batches: encrypted until enough of them are opened together, once.
//!
//! The batches of one (asset, period, epoch) stand in the log's order. A total covers the next
//! so many of them, never a choice, and no batch twice: two sums that differ by one batch would
//! open that batch.

use std::collections::{BTreeMap, VecDeque};

use ark_ec::CurveGroup;
use merits_primitives::{
    ids::{AssetId, Credits, EntryId, Epoch, Period, ScaleId},
    jubjub::{Point, Scalar},
};
use merits_verifier::{
    codec::Writer,
    possession::{KeyHalf, total_context},
};

use super::State;
use crate::entry::{TotalPartial, TotalsOpened};
use crate::refusal::Refusal;

/// V_max × claims of an opened set: sums up to here are found by baby steps and giant steps.
pub const WORST_TOTAL: u128 = 1 << 48;

/// What batches must share to be opened together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TotalsKey {
    /// The scale.
    pub asset: AssetId,
    /// The period.
    pub period: Period,
    /// View-key epoch.
    pub epoch: Epoch,
}

/// A batch's encrypted total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchTotal {
    /// The batch.
    pub entry: EntryId,
    /// Its claims.
    pub claims: u32,
    /// V_max × claims.
    pub worst: u64,
    /// T1 = r·B8.
    pub t1: Point,
    /// T2 = (Σ v)·B8 + r·At.
    pub t2: Point,
}

/// A sum that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedTotal {
    /// The entry that opened it.
    pub entry: EntryId,
    /// Batches covered.
    pub batches: u32,
    /// Claims covered.
    pub claims: u64,
    /// Σ v.
    pub sum: Credits,
}

/// All totals.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    unopened: BTreeMap<TotalsKey, VecDeque<BatchTotal>>,
    opened: BTreeMap<TotalsKey, Vec<OpenedTotal>>,
}

/// A batch to record.
#[derive(Debug, Clone)]
pub(super) struct NewBatch {
    pub(super) scale: ScaleId,
    pub(super) period: Period,
    pub(super) key: TotalsKey,
    pub(super) total: BatchTotal,
}

/// An opened total to record.
#[derive(Debug, Clone)]
pub(super) struct NewTotal {
    pub(super) key: TotalsKey,
    pub(super) opened: OpenedTotal,
    /// V_max × claims of the covered batches.
    pub(super) worst: u128,
}

impl Totals {
    /// The batches that no total covers, in the log's order.
    pub fn unopened(&self, key: &TotalsKey) -> impl Iterator<Item = &BatchTotal> {
        self.unopened.get(key).into_iter().flatten()
    }

    /// The opened totals, in the log's order.
    pub fn opened(&self, key: &TotalsKey) -> impl Iterator<Item = &OpenedTotal> {
        self.opened.get(key).into_iter().flatten()
    }

    /// Every (asset, period, epoch) with a batch.
    pub fn keys(&self) -> impl Iterator<Item = &TotalsKey> {
        self.unopened.keys()
    }

    /// Σ T1 and Σ T2 of batches.
    ///
    /// # Errors
    /// [`Refusal::TotalDegenerate`] when the T1 cancel out.
    pub fn sums<'a>(
        batches: impl IntoIterator<Item = &'a BatchTotal>,
    ) -> Result<(Point, Point), Refusal> {
        let zero = Point::base().projective() * Scalar::from(0u64);
        let (t1, t2) = batches.into_iter().fold((zero, zero), |(t1, t2), batch| {
            (t1 + batch.t1.projective(), t2 + batch.t2.projective())
        });
        let checked = |sum: CurvePoint| {
            Point::from_affine(sum.into_affine()).map_err(|_| Refusal::TotalDegenerate)
        };
        Ok((checked(t1)?, checked(t2)?))
    }

    pub(super) fn apply_batch(&mut self, batch: NewBatch) {
        self.unopened
            .entry(batch.key)
            .or_default()
            .push_back(batch.total);
    }

    pub(super) fn apply_total(&mut self, total: NewTotal) {
        if let Some(queue) = self.unopened.get_mut(&total.key) {
            queue.drain(..(total.opened.batches as usize).min(queue.len()));
        }
        self.opened.entry(total.key).or_default().push(total.opened);
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.count(self.unopened.len());
        for (key, batches) in &self.unopened {
            write_key(out, key);
            out.count(batches.len());
            for batch in batches {
                // The id covers claims, T1 and T2.
                out.array(&batch.entry.0);
            }
        }
        out.count(self.opened.len());
        for (key, totals) in &self.opened {
            write_key(out, key);
            out.count(totals.len());
            totals.iter().for_each(|total| out.array(&total.entry.0));
        }
    }
}

impl State {
    /// Checks an opened total: the right batches, enough of them, both partials, the sum.
    pub(super) fn check_total(
        &self,
        id: EntryId,
        opened: &TotalsOpened,
    ) -> Result<NewTotal, Refusal> {
        let key = TotalsKey {
            asset: opened.asset,
            period: opened.period,
            epoch: opened.epoch,
        };
        let batches = self.next_batches(&key, &opened.entries)?;
        let claims: u64 = batches.iter().map(|batch| u64::from(batch.claims)).sum();
        let least = u64::from(self.policy.least_claims_per_total).max(1);
        if claims < least {
            return Err(Refusal::TotalTooFew { claims, least });
        }
        let worst: u128 = batches.iter().map(|batch| u128::from(batch.worst)).sum();
        if worst > WORST_TOTAL {
            return Err(Refusal::TotalTooLarge { worst });
        }
        let (t1, t2) = Totals::sums(batches.iter().copied())?;
        self.check_partials(opened, &t1)?;
        // ΣT2 − partials = (Σ v)·B8.
        let message = t2.projective()
            - opened.supervisor.point.projective()
            - opened.witness.point.projective();
        let sum = opened.sum;
        if message != Point::base().projective() * Scalar::from(sum.0) || u128::from(sum.0) > worst
        {
            return Err(Refusal::SumWrong { sum: sum.0 });
        }
        // An entry holds at most 1,900 ids.
        let batches = batches.len() as u32;
        let opened = OpenedTotal {
            entry: id,
            batches,
            claims,
            sum,
        };
        Ok(NewTotal { key, opened, worst })
    }

    /// The entries must be the next unopened batches, from the first.
    fn next_batches(
        &self,
        key: &TotalsKey,
        entries: &[EntryId],
    ) -> Result<Vec<&BatchTotal>, Refusal> {
        let batches: Vec<_> = self.totals.unopened(key).take(entries.len()).collect();
        let fault = entries.iter().enumerate().find(|(position, entry)| {
            batches
                .get(*position)
                .is_none_or(|batch| batch.entry != **entry)
        });
        match fault {
            Some((position, _)) => Err(Refusal::TotalSet { position }),
            None if batches.is_empty() => Err(Refusal::TotalSet { position: 0 }),
            None => Ok(batches),
        }
    }

    fn check_partials(&self, opened: &TotalsOpened, t1: &Point) -> Result<(), Refusal> {
        let epoch = opened.epoch;
        let keys = self
            .epochs
            .get(epoch)
            .ok_or(Refusal::EpochUnknown { epoch })?;
        let check = |side, partial: &TotalPartial, half, keys: &crate::entry::HalfKeys| {
            let context = total_context(
                self.origin(),
                epoch,
                opened.asset,
                opened.period,
                &opened.entries,
                half,
                &keys.holder,
            );
            partial
                .proof
                .verify(&keys.total, t1, &partial.point, &context)
                .map_err(|_| Refusal::PartialInvalid { side })
        };
        let supervisor = &keys.opened.supervisor;
        check(
            "supervisor",
            &opened.supervisor,
            KeyHalf::TotalSupervisor,
            supervisor,
        )?;
        check(
            "witness",
            &opened.witness,
            KeyHalf::TotalWitness,
            &keys.opened.witness,
        )
    }
}

type CurvePoint = ark_ec::twisted_edwards::Projective<merits_primitives::jubjub::Config>;

fn write_key(out: &mut Writer, key: &TotalsKey) {
    out.u64(key.asset.0);
    out.u64(key.period.to_u64());
    out.u32(key.epoch.0);
}
