//! Totals of batches. They stay encrypted until enough of them are opened together, once.
//!
//! The batches of one (asset, period, epoch) are in the log's order. A total of one output covers
//! the next batches in that order, never a selection, and no batch twice: two sums that differ by
//! one batch would open that batch. If a scale has a measure, both outputs are opened over the same
//! sets. Credits and measure follow from the same records, often one from the other, so a set of
//! credits that differs by one batch from a set of measures would open that batch too.

mod opening;
mod records;

use merits_primitives::{
    ids::{AssetId, EntryId, Epoch, Output, Period, ScaleId},
    jubjub::Point,
    sum::{Sum, WideSum},
};
use merits_verifier::{codec::CodecError, possession::TotalsKey, total::TotalSum};

use super::draft::Draft;
use super::stored;
use crate::entry::{EarnBatch, TotalsOpened};
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
