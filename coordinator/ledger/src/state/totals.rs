//! Totals of batches: encrypted until enough of them are opened together, once.
//!
//! The batches of one (asset, period, epoch) stand in the log's order. A total of one output
//! covers the next so many of them, never a choice, and no batch twice: two sums that differ by
//! one batch would open that batch. Where a scale has a measure, both outputs are opened over the
//! same sets: credits and measure follow from the same records, often one from the other, so a
//! set of credits that differs by one batch from a set of measures would open it too.

use std::collections::{BTreeMap, VecDeque};

use merits_primitives::{
    Fr,
    ids::{EntryId, Period, ScaleId},
    jubjub::Point,
};
use merits_verifier::{
    codec::Writer,
    possession::{KeyHalf, TotalsKey},
    total::{SumFault, TotalSum},
};

use super::State;
use crate::entry::TotalsOpened;
use crate::refusal::{Refusal, TotalRefusal};

/// V_max × claims, or W_max × claims, of an opened set: sums up to here are found by baby steps and giant steps.
pub const WORST_TOTAL: u128 = 1 << 48;

/// A batch's encrypted total of one output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchTotal {
    /// The batch.
    pub entry: EntryId,
    /// Its claims.
    pub claims: u32,
    /// The most that it can be: V_max × claims, or W_max × claims.
    pub worst: u64,
    /// T1 = r·B8, or M1.
    pub t1: Point,
    /// T2 = (Σ v)·B8 + r·At, or M2.
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
    /// Σ v, or Σ w of a measure.
    pub sum: u64,
}

/// All totals.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    unopened: BTreeMap<TotalsKey, VecDeque<BatchTotal>>,
    opened: BTreeMap<TotalsKey, Vec<OpenedTotal>>,
    /// Sizes of the sets in which the other output was opened and this one was not yet.
    cuts: BTreeMap<TotalsKey, VecDeque<u32>>,
}

/// A batch to record.
#[derive(Debug, Clone)]
pub(super) struct NewBatch {
    pub(super) scale: ScaleId,
    pub(super) period: Period,
    /// Of the credits.
    pub(super) key: TotalsKey,
    pub(super) credits: BatchTotal,
    pub(super) measure: Option<BatchTotal>,
    /// cm of each claim.
    pub(super) notes: Vec<Fr>,
    /// nf of each claim's ticket; empty on a ledger in custody.
    pub(super) tickets: Vec<Fr>,
}

/// An opened total to record.
#[derive(Debug, Clone)]
pub(super) struct NewTotal {
    pub(super) key: TotalsKey,
    pub(super) opened: OpenedTotal,
    /// The most that the covered batches can hold.
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

    /// How many batches the next total must cover, if the other output's total says.
    pub fn cut(&self, key: &TotalsKey) -> Option<usize> {
        let next = self.cuts.get(key)?.front()?;
        Some(*next as usize)
    }

    /// Every (asset, period, epoch, output) with a batch.
    pub fn keys(&self) -> impl Iterator<Item = &TotalsKey> {
        self.unopened.keys()
    }

    /// Σ T1 and Σ T2 of batches.
    pub fn sums<'a>(batches: impl IntoIterator<Item = &'a BatchTotal>) -> TotalSum {
        TotalSum::of(batches.into_iter().map(|batch| (batch.t1, batch.t2)))
    }

    pub(super) fn apply_batch(&mut self, batch: NewBatch) {
        let mut push = |key, total| self.unopened.entry(key).or_default().push_back(total);
        push(batch.key, batch.credits);
        if let Some(measure) = batch.measure {
            push(batch.key.twin(), measure);
        }
    }

    pub(super) fn apply_total(&mut self, total: NewTotal) {
        let (key, covered) = (total.key, total.opened.batches);
        if let Some(queue) = self.unopened.get_mut(&key) {
            queue.drain(..(covered as usize).min(queue.len()));
        }
        // Either this total follows a cut that the other output's made, or it makes one. A
        // period's batches are all of one version, so all of them have a measure or none.
        let followed = self.cuts.get_mut(&key).and_then(VecDeque::pop_front);
        if followed.is_none() && self.unopened.contains_key(&key.twin()) {
            let cuts = self.cuts.entry(key.twin()).or_default();
            cuts.push_back(covered);
        }
        self.opened.entry(key).or_default().push(total.opened);
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
        out.count(self.cuts.len());
        for (key, cuts) in &self.cuts {
            write_key(out, key);
            out.count(cuts.len());
            cuts.iter().for_each(|cut| out.u32(*cut));
        }
    }
}

impl State {
    /// Checks an opened total: the right batches, the other output's set, enough of them, both
    /// partials, the sum.
    pub(super) fn check_total(
        &self,
        id: EntryId,
        opened: &TotalsOpened,
    ) -> Result<NewTotal, Refusal> {
        let key = opened.key;
        let batches = self.next_batches(&key, &opened.entries)?;
        let found = batches.len();
        if let Some(expected) = self.totals.cut(&key).filter(|cut| *cut != found) {
            return Err(TotalRefusal::Cut { expected, found }.into());
        }
        let claims: u64 = batches.iter().map(|batch| u64::from(batch.claims)).sum();
        let least = u64::from(self.policy.least_claims_per_total).max(1);
        if claims < least {
            return Err(TotalRefusal::TooFew { claims, least }.into());
        }
        let worst: u128 = batches.iter().map(|batch| u128::from(batch.worst)).sum();
        if worst > WORST_TOTAL {
            return Err(TotalRefusal::TooLarge { worst }.into());
        }
        let sum = opened.sum;
        self.check_sum(opened, &Totals::sums(batches.iter().copied()))?;
        if u128::from(sum) > worst {
            return Err(TotalRefusal::SumWrong { sum }.into());
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
            Some((position, _)) => Err(TotalRefusal::Set { position }.into()),
            None if batches.is_empty() => Err(TotalRefusal::Set { position: 0 }.into()),
            None => Ok(batches),
        }
    }

    /// Both partials, or none of a total that is open already, and the sum.
    fn check_sum(&self, opened: &TotalsOpened, sums: &TotalSum) -> Result<(), Refusal> {
        let TotalsOpened {
            key,
            entries,
            sum,
            partials,
        } = opened;
        let epoch = key.epoch;
        let keys = self
            .epochs
            .get(epoch)
            .ok_or(Refusal::EpochUnknown { epoch })?;
        let answers = partials.as_ref().map(|partials| {
            let (supervisor, witness) = (&keys.opened.supervisor, &keys.opened.witness);
            partials.answers(supervisor, witness)
        });
        let checked = sums.check(self.origin(), key, entries, answers, *sum);
        checked.map_err(|fault| match fault {
            SumFault::Missing => TotalRefusal::PartialsMissing.into(),
            SumFault::OpenAlready => TotalRefusal::OpenAlready.into(),
            SumFault::Partial(half) => {
                let side = match half {
                    KeyHalf::ClaimSupervisor | KeyHalf::TotalSupervisor => "supervisor",
                    KeyHalf::ClaimWitness | KeyHalf::TotalWitness => "witness",
                };
                TotalRefusal::PartialInvalid { side }.into()
            }
            SumFault::Wrong(sum) => TotalRefusal::SumWrong { sum }.into(),
        })
    }
}

fn write_key(out: &mut Writer, key: &TotalsKey) {
    out.u64(key.asset.0);
    out.u64(key.period.to_u64());
    out.u32(key.epoch.0);
    out.u8(key.output as u8);
}
