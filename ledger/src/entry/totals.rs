//! Sums over many batches: the cut that says over which, and what they add up to, in public.

use merits_primitives::{
    ids::{AssetId, Epoch, Output, Period},
    sum::Sum,
};
use merits_threshold::{Side, Threshold, half::QuorumHalf, quorum::Partial, total::SidePartials};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    possession::TotalsKey,
};

use super::earn::read_period;

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

/// An interval of batches ends, and its sums may be opened. What lies in it is the ledger's to say: every batch of
/// scale, period and epoch since the interval before. Holders answer for a cut, and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalsCut {
    /// The ledger's number of the scale.
    pub asset: AssetId,
    /// The period.
    pub period: Period,
    /// View-key epoch.
    pub epoch: Epoch,
    /// The interval, counted from 0 within these three.
    pub number: u32,
}

impl TotalsCut {
    /// One output of what it cuts.
    pub fn key(&self, output: Output) -> TotalsKey {
        TotalsKey {
            asset: self.asset,
            period: self.period,
            epoch: self.epoch,
            output,
        }
    }
}

impl Canonical for TotalsCut {
    const NAME: &'static str = "totals cut";

    fn write(&self, out: &mut Writer) {
        out.u64(self.asset.0);
        out.u64(self.period.to_u64());
        out.u32(self.epoch.0);
        out.u32(self.number);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            asset: AssetId(input.u64("asset")?),
            period: read_period(input)?,
            epoch: Epoch(input.u32("epoch")?),
            number: input.u32("number")?,
        })
    }
}

/// One output of a cut's batches, added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalsOpened {
    /// Scale, period, epoch and output.
    pub key: TotalsKey,
    /// The number of the interval, which a [`TotalsCut`] ended.
    pub number: u32,
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
        out.u32(self.number);
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
            number: input.u32("number")?,
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
