//! Totals as rows.

use merits_primitives::{
    calendar::Timestamp,
    ids::{AssetId, Epoch},
    jubjub::Point,
    sum::{Sum, WideSum},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::super::stored::{MOST, read_entry, read_party, read_u128};
use super::{IntervalTotal, TotalsSummary};
use crate::cuts::{Atom, Interval, Portion};
use crate::rows::{Record, Table};

/// The head of the totals of one (asset, period, epoch, output).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TotalsHead {
    /// Number of the interval that batches go to.
    pub(super) running: u32,
    /// When a running interval was cut last.
    pub(super) last_cut: Option<Timestamp>,
    pub(super) summary: TotalsSummary,
}

impl Default for TotalsHead {
    fn default() -> Self {
        Self {
            running: 0,
            last_cut: None,
            summary: TotalsSummary {
                unopened_claims: 0,
                unopened_worst: WideSum::ZERO,
                opened_claims: 0,
                opened_sum: WideSum::ZERO,
            },
        }
    }
}

impl TotalsHead {
    /// Counts a total of this interval.
    pub(super) fn cover(&mut self, interval: &IntervalTotal, sum: Sum) {
        let summary = &mut self.summary;
        summary.unopened_claims = summary.unopened_claims.saturating_sub(interval.claims);
        let worst = WideSum::from(interval.worst);
        summary.unopened_worst = summary.unopened_worst.saturating_sub(worst);
        summary.opened_claims += interval.claims;
        summary.opened_sum += sum;
    }
}

impl Canonical for TotalsHead {
    const NAME: &'static str = "totals";

    fn write(&self, out: &mut Writer) {
        let Self {
            running,
            last_cut,
            summary:
                TotalsSummary {
                    unopened_claims,
                    unopened_worst,
                    opened_claims,
                    opened_sum,
                },
        } = self;
        out.u32(*running);
        out.option(last_cut.as_ref(), |out, time| out.time(*time));
        out.u64(*unopened_claims);
        out.array(&unopened_worst.0.to_le_bytes());
        out.u64(*opened_claims);
        out.array(&opened_sum.0.to_le_bytes());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            running: input.u32("running")?,
            last_cut: input.option("last cut", |input| input.time("last cut"))?,
            summary: TotalsSummary {
                unopened_claims: input.u64("unopened claims")?,
                unopened_worst: WideSum(read_u128(input, "unopened worst")?),
                opened_claims: input.u64("opened claims")?,
                opened_sum: WideSum(read_u128(input, "opened sum")?),
            },
        })
    }
}

impl Record for TotalsHead {
    const TABLE: Table = Table::Totals;
}

impl Canonical for IntervalTotal {
    const NAME: &'static str = "interval";

    fn write(&self, out: &mut Writer) {
        let Self {
            batches,
            claims,
            worst,
            t1,
            t2,
            cut,
            opened,
        } = self;
        out.u32(*batches);
        out.u64(*claims);
        out.u64(worst.0);
        out.option(t1.as_ref(), Writer::point);
        out.option(t2.as_ref(), Writer::point);
        out.option(cut.as_ref(), |out, cut| out.array(&cut.0));
        out.option(opened.as_ref(), |out, (entry, sum)| {
            out.array(&entry.0);
            out.u64(sum.0);
        });
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        // The points are sums of points that were checked when their entries were accepted.
        let point = |input: &mut Reader<'_>, what| {
            let bytes = input.array(what)?;
            Point::from_stored_bytes(&bytes).map_err(|fault| CodecError::Point { what, fault })
        };
        Ok(Self {
            batches: input.u32("batches")?,
            claims: input.u64("claims")?,
            worst: Sum(input.u64("worst")?),
            t1: input.option("T1", |input| point(input, "T1"))?,
            t2: input.option("T2", |input| point(input, "T2"))?,
            cut: input.option("cut", |input| read_entry(input, "cut"))?,
            opened: input.option("opened", |input| {
                Ok((read_entry(input, "opened")?, Sum(input.u64("sum")?)))
            })?,
        })
    }
}

impl Record for IntervalTotal {
    const TABLE: Table = Table::Interval;
}

/// The head of the deeds of one schema and period.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct DeedsHead {
    /// The only scale that read such records when the first was claimed. `None`: there were several, and deeds are
    /// compared.
    pub(super) sole: Option<AssetId>,
    /// How many atoms there are.
    pub(super) atoms: u32,
    /// A claim found no room for an atom, so the others do not say all.
    pub(super) full: bool,
    /// The intervals that were cut, in the log's order.
    pub(super) cut: Vec<Interval>,
}

impl Canonical for DeedsHead {
    const NAME: &'static str = "deeds";

    fn write(&self, out: &mut Writer) {
        let Self {
            sole,
            atoms,
            full,
            cut,
        } = self;
        out.option(sole.as_ref(), |out, sole| out.u64(sole.0));
        out.u32(*atoms);
        out.bool(*full);
        out.count(cut.len());
        cut.iter()
            .for_each(|interval| write_interval(out, interval));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            sole: input.option("sole", |input| Ok(AssetId(input.u64("sole")?)))?,
            atoms: input.u32("atoms")?,
            full: input.bool("full")?,
            cut: {
                let count = input.count("cut", MOST)?;
                (0..count)
                    .map(|_| read_interval(input))
                    .collect::<Result<_, _>>()?
            },
        })
    }
}

impl Record for DeedsHead {
    const TABLE: Table = Table::Deeds;
}

impl Canonical for Atom {
    const NAME: &'static str = "atom";

    fn write(&self, out: &mut Writer) {
        let Self { portions, deeds } = self;
        out.u64(*deeds);
        out.count(portions.len());
        for Portion {
            interval,
            distributor,
        } in portions
        {
            write_interval(out, interval);
            out.array(&distributor.0);
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            deeds: input.u64("deeds")?,
            portions: {
                let count = input.count("portions", MOST)?;
                let portion = |_| {
                    Ok(Portion {
                        interval: read_interval(input)?,
                        distributor: read_party(input, "distributor")?,
                    })
                };
                (0..count).map(portion).collect::<Result<_, _>>()?
            },
        })
    }
}

impl Record for Atom {
    const TABLE: Table = Table::Atom;
}

fn write_interval(out: &mut Writer, interval: &Interval) {
    let Interval {
        asset,
        epoch,
        number,
    } = interval;
    out.u64(asset.0);
    out.u32(epoch.0);
    out.u32(*number);
}

fn read_interval(input: &mut Reader<'_>) -> Result<Interval, CodecError> {
    Ok(Interval {
        asset: AssetId(input.u64("asset")?),
        epoch: Epoch(input.u32("epoch")?),
        number: input.u32("number")?,
    })
}

/// Defines a row with the number of an atom.
macro_rules! atom_number {
    ($(#[$doc:meta])* $name:ident $text:literal in $table:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) struct $name(pub(super) u32);

        impl Canonical for $name {
            const NAME: &'static str = $text;

            fn write(&self, out: &mut Writer) {
                out.u32(self.0);
            }

            fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
                Ok(Self(input.u32("atom")?))
            }
        }

        impl Record for $name {
            const TABLE: Table = $table;
        }
    };
}

atom_number! {
    /// The atom of these portions.
    AtomNumber "atom place" in Table::AtomPlace
}

atom_number! {
    /// The atom of this deed.
    DeedNumber "deed" in Table::Deed
}
