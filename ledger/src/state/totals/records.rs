//! Totals as rows.

use std::ops::Range;

use merits_primitives::{
    jubjub::Point,
    sum::{Sum, WideSum},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::super::stored::{MOST, read_entry, read_u128};
use super::{BatchTotal, OpenedTotal, TotalsSummary};
use crate::refusal::TotalRefusal;
use crate::rows::{Record, Table};

/// The head of the totals of one (asset, period, epoch, output).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TotalsHead {
    /// Number of the first batch that no total covers.
    pub(super) first: u64,
    /// Number of the next batch.
    pub(super) next: u64,
    /// Number of opened totals.
    pub(super) opened: u64,
    pub(super) summary: TotalsSummary,
    /// Sizes of the sets in which the other output was opened, but this one was not yet.
    pub(super) cuts: Vec<u32>,
}

impl Default for TotalsHead {
    fn default() -> Self {
        Self {
            first: 0,
            next: 0,
            opened: 0,
            summary: TotalsSummary {
                unopened_claims: 0,
                unopened_worst: WideSum::ZERO,
                opened_claims: 0,
                opened_sum: WideSum::ZERO,
            },
            cuts: Vec::new(),
        }
    }
}

impl TotalsHead {
    /// How many batches the next total must cover, if the other output's total determines it.
    pub(super) fn cut(&self) -> Option<usize> {
        self.cuts.first().map(|cut| *cut as usize)
    }

    /// Numbers of the next batches to open, at most `count`.
    pub(super) fn next_batches(&self, count: usize) -> Range<u64> {
        self.first..self.next.min(self.first.saturating_add(count as u64))
    }

    /// Remembers the set, of this many batches, in which the other output was opened.
    ///
    /// # Errors
    /// [`TotalRefusal::TwinBehind`] when the row is full: longer lists could not be read back.
    pub(super) fn follow(&mut self, batches: u32) -> Result<(), TotalRefusal> {
        let waiting = self.cuts.len();
        if waiting >= MOST {
            return Err(TotalRefusal::TwinBehind { waiting });
        }
        self.cuts.push(batches);
        Ok(())
    }

    /// Counts a total of the next batches, and returns the cut that it followed.
    pub(super) fn cover(&mut self, total: &OpenedTotal, worst: WideSum) -> Option<u32> {
        self.first += u64::from(total.batches);
        self.opened += 1;
        let summary = &mut self.summary;
        summary.unopened_claims = summary.unopened_claims.saturating_sub(total.claims);
        summary.unopened_worst = summary.unopened_worst.saturating_sub(worst);
        summary.opened_claims += total.claims;
        summary.opened_sum += total.sum;
        (!self.cuts.is_empty()).then(|| self.cuts.remove(0))
    }
}

impl Canonical for TotalsHead {
    const NAME: &'static str = "totals";

    fn write(&self, out: &mut Writer) {
        let Self {
            first,
            next,
            opened,
            summary:
                TotalsSummary {
                    unopened_claims,
                    unopened_worst,
                    opened_claims,
                    opened_sum,
                },
            cuts,
        } = self;
        out.u64(*first);
        out.u64(*next);
        out.u64(*opened);
        out.u64(*unopened_claims);
        out.array(&unopened_worst.0.to_le_bytes());
        out.u64(*opened_claims);
        out.array(&opened_sum.0.to_le_bytes());
        out.count(cuts.len());
        cuts.iter().for_each(|cut| out.u32(*cut));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            first: input.u64("first")?,
            next: input.u64("next")?,
            opened: input.u64("opened")?,
            summary: TotalsSummary {
                unopened_claims: input.u64("unopened claims")?,
                unopened_worst: WideSum(read_u128(input, "unopened worst")?),
                opened_claims: input.u64("opened claims")?,
                opened_sum: WideSum(read_u128(input, "opened sum")?),
            },
            cuts: {
                let count = input.count("cuts", MOST)?;
                (0..count)
                    .map(|_| input.u32("cut"))
                    .collect::<Result<_, _>>()?
            },
        })
    }
}

impl Record for TotalsHead {
    const TABLE: Table = Table::Totals;
}

impl Canonical for BatchTotal {
    const NAME: &'static str = "batch total";

    fn write(&self, out: &mut Writer) {
        out.array(&self.entry.0);
        out.u32(self.claims);
        out.u64(self.worst.0);
        out.point(&self.t1);
        out.point(&self.t2);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        // The points were checked when the entry was accepted.
        let point = |input: &mut Reader<'_>, what| {
            let bytes = input.array(what)?;
            Point::from_stored_bytes(&bytes).map_err(|fault| CodecError::Point { what, fault })
        };
        Ok(Self {
            entry: read_entry(input, "entry")?,
            claims: input.u32("claims")?,
            worst: Sum(input.u64("worst")?),
            t1: point(input, "T1")?,
            t2: point(input, "T2")?,
        })
    }
}

impl Record for BatchTotal {
    const TABLE: Table = Table::BatchTotal;
}

impl Canonical for OpenedTotal {
    const NAME: &'static str = "opened total";

    fn write(&self, out: &mut Writer) {
        out.array(&self.entry.0);
        out.u32(self.batches);
        out.u64(self.claims);
        out.u64(self.sum.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            entry: read_entry(input, "entry")?,
            batches: input.u32("batches")?,
            claims: input.u64("claims")?,
            sum: Sum(input.u64("sum")?),
        })
    }
}

impl Record for OpenedTotal {
    const TABLE: Table = Table::OpenedTotal;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every written row can be read back.
    #[test]
    fn a_head_remembers_no_more_sets_than_it_can_read() {
        let mut head = TotalsHead::default();
        for _ in 0..MOST {
            assert_eq!(head.follow(1), Ok(()));
        }
        let waiting = MOST;
        assert_eq!(head.follow(1), Err(TotalRefusal::TwinBehind { waiting }));
        assert_eq!(TotalsHead::from_bytes(&head.to_bytes()), Ok(head.clone()));
        let total = OpenedTotal {
            entry: merits_primitives::ids::EntryId([1; 32]),
            batches: 1,
            claims: 20,
            sum: Sum(0),
        };
        head.next = 1;
        assert_eq!(head.cover(&total, WideSum(1)), Some(1));
        assert_eq!(head.follow(2), Ok(()));
    }
}
