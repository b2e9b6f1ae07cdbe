//! Sums over many batches, opened in public.

use merits_primitives::{
    ids::{AssetId, EntryId, Epoch, Output},
    sum::Sum,
};
use merits_threshold::{Side, Threshold, half::QuorumHalf, quorum::Partial, total::SidePartials};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    possession::TotalsKey,
};

use super::{earn::read_period, read_entry_id, write_entry_id};

/// Most batches of one opened sum: with the partials of two quorums of 32, their ids fill most of an entry.
pub const MAX_TOTAL_ENTRIES: usize = 1_600;

/// Most partials of one side.
const MOST_PARTIALS: usize = Threshold::MOST_HOLDERS as usize;

/// Both sides' partials: each of t holders' share of At times ΣT1, with the proof that it is, made in
/// [`merits_verifier::possession::total_context`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalPartials {
    /// Those of the supervisors' half.
    pub supervisor: Vec<Partial>,
    /// Those of the log witnesses' half.
    pub witness: Vec<Partial>,
}

impl TotalPartials {
    /// Both sides' partials, each with the half of the epoch that they must be made with.
    pub fn answers<'a>(
        &'a self,
        supervisor: &'a QuorumHalf,
        witness: &'a QuorumHalf,
    ) -> [SidePartials<'a>; 2] {
        [
            (Side::Supervisor, supervisor, &self.supervisor),
            (Side::Witness, witness, &self.witness),
        ]
        .map(|(side, half, partials)| SidePartials {
            side,
            half,
            partials,
        })
    }
}

/// One output of many batches, added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalsOpened {
    /// Scale, period, epoch and output.
    pub key: TotalsKey,
    /// The batches, in the log's order, beginning with the first that no total of this output
    /// covers.
    pub entries: Vec<EntryId>,
    /// Σ v, or Σ w of a measure.
    pub sum: Sum,
    /// The partials that open it. `None` exactly when ΣT1 is the identity, so that the sum is
    /// already open.
    pub partials: Option<TotalPartials>,
}

impl Canonical for TotalsOpened {
    const NAME: &'static str = "totals opened";

    fn write(&self, out: &mut Writer) {
        out.u64(self.key.asset.0);
        out.u64(self.key.period.to_u64());
        out.u32(self.key.epoch.0);
        out.u8(self.key.output as u8);
        out.count(self.entries.len());
        for entry in &self.entries {
            write_entry_id(out, entry);
        }
        out.u64(self.sum.0);
        out.option(self.partials.as_ref(), |out, partials| {
            out.list(&partials.supervisor);
            out.list(&partials.witness);
        });
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            key: TotalsKey {
                asset: AssetId(input.u64("asset")?),
                period: read_period(input)?,
                epoch: Epoch(input.u32("epoch")?),
                output: read_output(input)?,
            },
            entries: {
                let count = input.count("entries", MAX_TOTAL_ENTRIES)?;
                (0..count)
                    .map(|_| read_entry_id(input, "entry"))
                    .collect::<Result<_, _>>()?
            },
            sum: Sum(input.u64("sum")?),
            partials: input.option("partials", |input| {
                Ok(TotalPartials {
                    supervisor: input.list("supervisors' partials", MOST_PARTIALS)?,
                    witness: input.list("witnesses' partials", MOST_PARTIALS)?,
                })
            })?,
        })
    }
}

fn read_output(input: &mut Reader<'_>) -> Result<Output, CodecError> {
    let what = "output";
    let number = input.u8(what)?;
    Output::from_number(number).ok_or(CodecError::UnknownValue {
        what,
        found: number.into(),
    })
}
