//! Turns claims into batches: their deeds, the order, and the statements. All of this is fixed in
//! the store before any proof is made.
//!
//! Everything here is a function of the deeds, the seeds and the ledger's terms. e of a claim is a PRF over
//! (seed, C, v, w, A). r of a batch is a PRF over (seed, At, all (C, v, w)), and so is the separate r of its
//! measure. Stating the same batch again gives the same bytes, and no exponent is ever used for two different
//! plaintexts.

use merits_circuits::earn::{ClaimWitness, EarnWitness, WitnessFault, Worth};
use merits_formula::{EvalError, Typed};
use merits_keyfile::SecretBytes;
use merits_ledger::entry::{EarnBatch, SignedClaim};
use merits_primitives::{
    commitment::RecordCommitment,
    earned::Earned,
    ids::{Credits, Output, PartyId, Period, Quantity},
    owner::OwnerKey,
    view_encryption::Exponent,
};
use merits_verifier::statement::earn::EarnStatement;
use thiserror::Error;

use crate::{
    custody::{Claimed, Custody},
    store::Deed,
    terms::Terms,
};

/// Why deeds cannot be stated as a batch.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The statement cannot be made.
    #[error(transparent)]
    Witness(#[from] WitnessFault),
    /// An empty batch.
    #[error("a batch needs at least one claim")]
    Empty,
}

/// A stated batch: public side, private side, and the earnings of each claim.
#[derive(Debug)]
pub struct StatedBatch {
    /// The content of the ledger entry.
    pub entry: EarnBatch,
    /// The public inputs.
    pub statement: EarnStatement,
    /// The private side.
    pub witness: EarnWitness,
    /// By claim.
    pub earned: Vec<Earned>,
}

/// A deed with its result by the formula.
#[derive(Debug)]
pub struct ValuedDeed {
    /// The deed.
    pub deed: Deed,
    /// Credits and measure.
    pub earned: Earned,
}

/// States batches, with formula, seeds and keys.
#[derive(Clone, Copy)]
pub struct Stating<'a> {
    /// The scale's formula.
    pub formula: &'a Typed,
    /// B.
    pub capacity: usize,
    /// Owner keys.
    pub custody: &'a Custody,
    /// Seed of the ephemeral exponents.
    pub ephemeral: &'a SecretBytes,
}

impl std::fmt::Debug for Stating<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stating")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

impl Stating<'_> {
    /// Evaluates the formula on a deed.
    ///
    /// # Errors
    /// [`EvalError`]: the formula has no value for these records.
    pub fn value(&self, terms: &Terms, deed: &Deed) -> Result<Earned, EvalError> {
        let outputs = self.formula.eval(&deed.records, &terms.circuit.constants)?;
        Ok(Earned {
            credits: Credits(outputs.credits),
            measure: outputs.measure.map(Quantity),
        })
    }

    /// States deeds of one source and period, in this order.
    ///
    /// # Errors
    /// [`BatchError`].
    pub fn state(&self, terms: &Terms, deeds: &[ValuedDeed]) -> Result<StatedBatch, BatchError> {
        let source = deeds.first().ok_or(BatchError::Empty)?.deed.source;
        let mut worth = Vec::with_capacity(deeds.len());
        let mut claims = Vec::with_capacity(deeds.len());
        for ValuedDeed { deed, earned } in deeds {
            let earned = *earned;
            claims.push(ClaimWitness {
                key: self.owner_key(terms, deed),
                handle: deed.handle,
                salt: deed.salt,
                records: deed.records.clone(),
                exponent: Exponent::derive(
                    self.ephemeral,
                    deed.commitment,
                    earned,
                    &terms.circuit.view_key,
                ),
            });
            // The records were checked against this commitment when they were taken in, and were
            // sealed for it.
            worth.push(Worth {
                commitment: deed.commitment,
                earned,
            });
        }
        let committed: Vec<(RecordCommitment, Earned)> = worth
            .iter()
            .map(|claim| (claim.commitment, claim.earned))
            .collect();
        let exponent = |output| {
            let total_key = &terms.circuit.total_key;
            Exponent::derive_batch(self.ephemeral, total_key, &committed, output)
        };
        let measured = self.formula.measure().is_some();
        let witness = EarnWitness {
            claims,
            total_exponent: exponent(Output::Credits),
            measure_exponent: measured.then(|| exponent(Output::Measure)),
        };
        let statement =
            witness.statement_of_worth(self.formula, self.capacity, &terms.circuit, &worth)?;
        let entry = EarnBatch {
            scale: terms.scale.clone(),
            version: terms.version,
            epoch: terms.epoch,
            period: terms.circuit.period,
            source,
            terms: terms.ledger.clone(),
            t1: statement.t1,
            t2: statement.t2,
            measure: statement.measure,
            claims: statement
                .claims
                .iter()
                .zip(deeds)
                .map(|(public, ValuedDeed { deed, .. })| SignedClaim {
                    public: *public,
                    source_signature: deed.signature,
                    ticket: deed.ticket.as_ref().map(|ticket| ticket.nullifier),
                })
                .collect(),
        };
        Ok(StatedBatch {
            entry,
            statement,
            witness,
            earned: worth.into_iter().map(|claim| claim.earned).collect(),
        })
    }

    /// K of a deed: from its person's ticket, or, on a ledger without tickets, from custody.
    fn owner_key(&self, terms: &Terms, deed: &Deed) -> OwnerKey {
        if let Some(ticket) = &deed.ticket {
            return ticket.owner_key;
        }
        let claimed = Claimed {
            source: &deed.source,
            scale: &terms.scale,
            version: terms.version,
            manifest: &terms.manifest,
            asset: terms.ledger.asset,
            period: deed.period,
            expiry: terms.ledger.expiry,
            per_source: terms.per_source,
            terms: &terms.consent,
        };
        self.custody.owner_key(&deed.subject, &claimed)
    }
}

/// A deed in the order of claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderedDeed<T> {
    /// Which.
    pub item: T,
    /// Its period.
    pub period: Period,
    /// The source that committed to the records.
    pub source: PartyId,
    /// Whether it has a batch of its own.
    pub alone: bool,
}

/// Deeds of one period and source that fit in a batch.
pub type Share<T> = (Period, PartyId, Vec<T>);

/// Splits unclaimed deeds into batches: neighbours of one period and source, at most `capacity` together. The order is
/// the store's (period, source, commitment), so that the same deeds make the same batches, and the order of
/// commitments reveals nothing about accounts. Only the deeds of one batch are kept, and those that need a batch of
/// their own, which come last, so that they do not delay others.
#[derive(Debug)]
pub struct Splitter<T> {
    capacity: usize,
    /// Neighbours, fewer than a batch has.
    group: Vec<OrderedDeed<T>>,
    alone: Vec<OrderedDeed<T>>,
}

impl<T: Copy> Splitter<T> {
    /// For batches of at most `capacity` deeds.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            group: Vec::new(),
            alone: Vec::new(),
        }
    }

    /// Takes the next deed, and returns a share that is complete.
    pub fn push(&mut self, deed: OrderedDeed<T>) -> Option<Share<T>> {
        if deed.alone {
            self.alone.push(deed);
            return None;
        }
        let first = self.group.first();
        let other = first.is_some_and(|at| (at.period, at.source) != (deed.period, deed.source));
        if other {
            return share(&std::mem::replace(&mut self.group, vec![deed]));
        }
        self.group.push(deed);
        if self.group.len() < self.capacity {
            return None;
        }
        share(&std::mem::take(&mut self.group))
    }

    /// The shares that are left when no deed follows.
    pub fn finish(&mut self) -> Vec<Share<T>> {
        let (group, alone) = (
            std::mem::take(&mut self.group),
            std::mem::take(&mut self.alone),
        );
        share(&group)
            .into_iter()
            .chain(alone.chunks(1).filter_map(share))
            .collect()
    }
}

/// The deeds of one period and source.
fn share<T: Copy>(deeds: &[OrderedDeed<T>]) -> Option<Share<T>> {
    let first = deeds.first()?;
    let items = deeds.iter().map(|deed| deed.item).collect();
    Some((first.period, first.source, items))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DeedId;
    use merits_primitives::ids::PeriodIndex;
    use merits_primitives::ids::PeriodKind;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_deed_is_in_one_batch_of_its_kind(
            mut deeds in prop::collection::vec((0u32..5, 0u8..3, any::<bool>()), 0..100),
            capacity in 1usize..20,
        ) {
            deeds.sort_unstable_by_key(|(week, source, _)| (*week, *source));
            let unclaimed: Vec<OrderedDeed<DeedId>> = deeds.iter().enumerate()
                .map(|(i, (week, source, alone))| OrderedDeed {
                    item: DeedId(i as i64),
                    period: Period { kind: PeriodKind::Week, index: PeriodIndex(*week) },
                    source: PartyId([*source; 32]),
                    alone: *alone,
                }).collect();
            let mut splitter = Splitter::new(capacity);
            let mut batches = Vec::new();
            for deed in &unclaimed {
                batches.extend(splitter.push(*deed));
                prop_assert!(splitter.group.len() < capacity.max(2));
            }
            batches.extend(splitter.finish());
            prop_assert_eq!(splitter.finish(), []);
            let mut ids: Vec<DeedId> = batches.iter().flat_map(|(_, _, ids)| ids.clone()).collect();
            ids.sort_unstable();
            prop_assert_eq!(ids, (0..unclaimed.len() as i64).map(DeedId).collect::<Vec<_>>());
            for (period, source, ids) in &batches {
                prop_assert!((1..=capacity).contains(&ids.len()));
                prop_assert!(ids.is_sorted());
                for id in ids {
                    let place = unclaimed[id.0 as usize];
                    prop_assert_eq!((*period, *source), (place.period, place.source));
                    prop_assert!(!place.alone || ids.len() == 1);
                }
            }
            // Whatever was tried before comes last.
            let alone = |(_, _, ids): &(Period, PartyId, Vec<DeedId>)| unclaimed[ids[0].0 as usize].alone;
            prop_assert!(batches.iter().map(alone).is_sorted());
            // No more batches than needed.
            let needed: usize = unclaimed.chunk_by(|a, b| (a.period, a.source) == (b.period, b.source))
                .map(|group| {
                    let alone = group.iter().filter(|place| place.alone).count();
                    alone + (group.len() - alone).div_ceil(capacity)
                }).sum();
            prop_assert_eq!(batches.len(), needed);
        }
    }
}
