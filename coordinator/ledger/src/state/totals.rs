//! Totals of batches. They stay encrypted until enough of them are opened together, once.
//!
//! The batches of one (asset, period, epoch) are in the log's order. A total of one output covers
//! the next batches in that order, never a selection, and no batch twice: two sums that differ by
//! one batch would open that batch. If a scale has a measure, both outputs are opened over the same
//! sets. Credits and measure follow from the same records, often one from the other, so a set of
//! credits that differs by one batch from a set of measures would open that batch too.

mod records;

use merits_primitives::{
    ids::{AssetId, EntryId, Epoch, Output, Period, ScaleId},
    jubjub::Point,
    sum::{Sum, WideSum},
};
use merits_verifier::{
    codec::CodecError,
    possession::{KeyHalf, TotalsKey},
    total::{SumFault, TotalSum},
};

use super::Governing;
use super::draft::Draft;
use super::stored;
use crate::entry::{EarnBatch, TotalsOpened};
use crate::refusal::{CheckError, Refusal, TotalRefusal};
use crate::rows::{self, Key, RowError, RowKey, Rows, Table, View};
use records::TotalsHead;

/// The most that V_max × claims, or W_max × claims, of an opened set may be: sums up to this are
/// found by baby steps and giant steps.
pub const WORST_TOTAL: WideSum = WideSum(1 << 48);

/// A batch's encrypted total of one output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchTotal {
    /// The batch.
    pub entry: EntryId,
    /// Its claims.
    pub claims: u32,
    /// Its upper bound: V_max × claims, or W_max × claims.
    pub worst: Sum,
    /// T1 = r·B8, or M1.
    pub t1: Point,
    /// T2 = (Σ v)·B8 + r·At, or M2.
    pub t2: Point,
}

/// An opened sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedTotal {
    /// The entry that opened it.
    pub entry: EntryId,
    /// Batches covered.
    pub batches: u32,
    /// Claims covered.
    pub claims: u64,
    /// Σ v, or Σ w of a measure.
    pub sum: Sum,
}

/// A reader of all totals.
#[derive(Debug, Clone, Copy)]
pub struct Totals<'s> {
    pub(super) rows: &'s dyn Rows,
}

/// Summary of the batches of one (asset, period, epoch, output).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotalsSummary {
    /// Claims of batches that no total covers.
    pub unopened_claims: u64,
    /// Their upper bound.
    pub unopened_worst: WideSum,
    /// Claims that opened totals cover.
    pub opened_claims: u64,
    /// The sum of all opened totals.
    pub opened_sum: WideSum,
}

/// The contribution of a batch to the totals.
#[derive(Debug)]
pub(super) struct NewBatch<'b> {
    pub(super) scale: &'b ScaleId,
    pub(super) period: Period,
    /// Of the credits.
    pub(super) key: TotalsKey,
    pub(super) credits: BatchTotal,
    pub(super) measure: Option<BatchTotal>,
}

impl Totals<'_> {
    /// The batches that no total covers, in the log's order.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn unopened(&self, key: &TotalsKey) -> Result<Vec<BatchTotal>, RowError> {
        let mut batches = Vec::new();
        rows::scan(self.rows, &key_bytes(key), |_, batch| {
            batches.push(batch);
            true
        })?;
        Ok(batches)
    }

    /// The opened totals, in the log's order.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn opened(&self, key: &TotalsKey) -> Result<Vec<OpenedTotal>, RowError> {
        let mut totals = Vec::new();
        rows::scan(self.rows, &key_bytes(key), |_, total| {
            totals.push(total);
            true
        })?;
        Ok(totals)
    }

    /// How many batches the next total must cover, if the other output's total determines it.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn cut(&self, key: &TotalsKey) -> Result<Option<usize>, RowError> {
        let head = rows::get(self.rows, &head_key(key))?;
        Ok(head.and_then(|head| head.cut()))
    }

    /// Every (asset, period, epoch, output) with a batch, in order.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn keys(&self) -> Result<Vec<TotalsKey>, RowError> {
        Ok(self.summaries()?.into_iter().map(|(key, _)| key).collect())
    }

    /// Every (asset, period, epoch, output) with a batch, in order, and the sums of its batches.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn summaries(&self) -> Result<Vec<(TotalsKey, TotalsSummary)>, RowError> {
        let mut found = Vec::new();
        rows::scan(self.rows, &[], |key, head: TotalsHead| {
            found.push((read_key(key), head.summary));
            true
        })?;
        found
            .into_iter()
            .map(|(key, summary)| Ok((key?, summary)))
            .collect()
    }

    /// Σ T1 and Σ T2 of batches.
    pub fn sums<'a>(batches: impl IntoIterator<Item = &'a BatchTotal>) -> TotalSum {
        TotalSum::of(batches.into_iter().map(|batch| (batch.t1, batch.t2)))
    }
}

/// The rows that a batch reads: the heads of its totals.
pub(super) fn batch_reads(asset: AssetId, batch: &EarnBatch) -> Vec<RowKey> {
    let key = TotalsKey {
        asset,
        period: batch.period,
        epoch: batch.epoch,
        output: Output::Credits,
    };
    let mut keys = vec![head_key(&key).into_row()];
    if batch.measure.is_some() {
        keys.push(head_key(&key.twin()).into_row());
    }
    keys
}

/// The rows that an opened total reads: the heads of both outputs, and the batches that it may
/// cover.
pub(super) fn total_reads(view: &View, opened: &TotalsOpened) -> Result<Vec<RowKey>, RowError> {
    let own = head_key(&opened.key);
    let mut keys = vec![
        own.clone().into_row(),
        head_key(&opened.key.twin()).into_row(),
    ];
    if let Some(head) = view.known(&own)? {
        let next = head.next_batches(opened.entries.len());
        keys.extend(next.map(|number| batch_key(&opened.key, number).into_row()));
    }
    Ok(keys)
}

/// Appends a batch to its totals.
pub(super) fn record_batch(draft: &mut Draft<'_>, batch: &NewBatch<'_>) -> Result<(), RowError> {
    push(draft, &batch.key, &batch.credits)?;
    match &batch.measure {
        None => Ok(()),
        Some(measure) => push(draft, &batch.key.twin(), measure),
    }
}

fn push(draft: &mut Draft<'_>, key: &TotalsKey, batch: &BatchTotal) -> Result<(), RowError> {
    let mut head = draft.get(&head_key(key))?.unwrap_or_default();
    draft.put(batch_key(key, head.next), batch);
    head.next += 1;
    head.summary.unopened_claims += u64::from(batch.claims);
    head.summary.unopened_worst += batch.worst;
    draft.put(head_key(key), &head);
    Ok(())
}

impl Governing {
    /// Checks an opened total: the right batches, the other output's set, enough of them, both
    /// partials, the sum.
    pub(super) fn check_total(
        &self,
        id: EntryId,
        opened: &TotalsOpened,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let key = opened.key;
        let mut head = draft.get(&head_key(&key))?.unwrap_or_default();
        let batches = next_batches(&head, &key, &opened.entries, draft)?;
        let found = batches.len();
        if let Some(expected) = head.cut().filter(|cut| *cut != found) {
            return Err(TotalRefusal::Cut { expected, found }.into());
        }
        let claims: u64 = batches.iter().map(|batch| u64::from(batch.claims)).sum();
        let least = u64::from(self.policy.least_claims_per_total).max(1);
        if claims < least {
            return Err(TotalRefusal::TooFew { claims, least }.into());
        }
        let worst: WideSum = batches.iter().map(|batch| batch.worst).collect();
        if worst > WORST_TOTAL {
            return Err(TotalRefusal::TooLarge { worst }.into());
        }
        let sum = opened.sum;
        self.check_sum(opened, &Totals::sums(&batches))?;
        if WideSum::from(sum) > worst {
            return Err(TotalRefusal::SumWrong { sum }.into());
        }
        // An entry holds at most 1,900 ids.
        let covered = batches.len() as u32;
        let total = OpenedTotal {
            entry: id,
            batches: covered,
            claims,
            sum,
        };
        if key.output == Output::Credits {
            let (worst, sum) = (worst.as_credits(), sum.as_credits());
            self.scales.record_total(draft, key.asset, worst, sum);
        }
        for number in head.next_batches(found) {
            draft.remove(batch_key(&key, number));
        }
        draft.put(opened_key(&key, head.opened), &total);
        // Either this total follows a cut that the other output's total made, or it makes one. All
        // batches of a period have the same version, so all of them have a measure or none has.
        if head.cover(&total, worst).is_none()
            && let Some(mut twin) = draft.get(&head_key(&key.twin()))?
        {
            twin.follow(covered)?;
            draft.put(head_key(&key.twin()), &twin);
        }
        draft.put(head_key(&key), &head);
        Ok(())
    }

    /// Checks both partials (or that there are none, if the total is already open) and the sum.
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

/// Checks that the entries are the next unopened batches, from the first.
fn next_batches(
    head: &TotalsHead,
    key: &TotalsKey,
    entries: &[EntryId],
    draft: &Draft<'_>,
) -> Result<Vec<BatchTotal>, CheckError> {
    let mut batches = Vec::with_capacity(entries.len());
    for number in head.next_batches(entries.len()) {
        let batch = draft.get(&batch_key(key, number))?;
        batches.push(batch.ok_or(RowError::Missing {
            table: Table::BatchTotal,
        })?);
    }
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

fn key_bytes(key: &TotalsKey) -> Vec<u8> {
    let TotalsKey {
        asset,
        period,
        epoch,
        output,
    } = key;
    let mut bytes = asset.0.to_be_bytes().to_vec();
    bytes.extend(period.to_u64().to_be_bytes());
    bytes.extend(epoch.0.to_be_bytes());
    bytes.push(*output as u8);
    bytes
}

fn read_key(bytes: &[u8]) -> Result<TotalsKey, RowError> {
    let table = Table::Totals;
    let bytes: [u8; 21] = stored::key(table, bytes)?;
    let malformed = |what| RowError::Malformed {
        table,
        fault: CodecError::NotCanonical { what },
    };
    let number = |from: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[from..from + 8]);
        u64::from_be_bytes(word)
    };
    let [.., e0, e1, e2, e3, output] = bytes;
    Ok(TotalsKey {
        asset: AssetId(number(0)),
        period: Period::from_u64(number(8)).ok_or(malformed("period"))?,
        epoch: Epoch(u32::from_be_bytes([e0, e1, e2, e3])),
        output: [Output::Credits, Output::Measure]
            .into_iter()
            .find(|known| *known as u8 == output)
            .ok_or(malformed("output"))?,
    })
}

fn head_key(key: &TotalsKey) -> Key<TotalsHead> {
    Key::new(&[&key_bytes(key)])
}

fn batch_key(key: &TotalsKey, number: u64) -> Key<BatchTotal> {
    Key::new(&[&key_bytes(key), &number.to_be_bytes()])
}

fn opened_key(key: &TotalsKey, number: u64) -> Key<OpenedTotal> {
    Key::new(&[&key_bytes(key), &number.to_be_bytes()])
}
