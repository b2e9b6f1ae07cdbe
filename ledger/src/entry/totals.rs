//! Sums over many batches, opened in public.

use merits_primitives::{
    dleq::{Equality, PROOF_BYTES},
    ids::{AssetId, EntryId, Epoch, Output},
    jubjub::Point,
    sum::Sum,
};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    possession::{KeyHalf, TotalsKey},
    total::Answer,
};

use super::{HalfKeys, earn::read_period, read_entry_id, write_entry_id};

/// Most batches of one opened sum: their ids fill most of an entry.
pub const MAX_TOTAL_ENTRIES: usize = 1_900;

/// One side's partial: half of At times ΣT1, with the proof that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalPartial {
    /// The partial.
    pub point: Point,
    /// Made in [`merits_verifier::possession::total_context`].
    pub proof: Equality,
}

impl Canonical for TotalPartial {
    const NAME: &'static str = "partial";

    fn write(&self, out: &mut Writer) {
        out.point(&self.point);
        out.array(&self.proof.to_bytes());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let point = input.point(Self::NAME)?;
        let what = "partial's proof";
        let bytes: [u8; PROOF_BYTES] = input.array(what)?;
        let proof = Equality::from_bytes(&bytes).map_err(|_| CodecError::NotCanonical { what })?;
        Ok(Self { point, proof })
    }
}

/// Both sides' partials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalPartials {
    /// The supervisors'.
    pub supervisor: TotalPartial,
    /// The log witnesses'.
    pub witness: TotalPartial,
}

impl TotalPartials {
    /// Both, each with the half of the epoch that it must be made with.
    pub fn answers<'a>(
        &'a self,
        supervisor: &'a HalfKeys,
        witness: &'a HalfKeys,
    ) -> [Answer<'a>; 2] {
        [
            (KeyHalf::TotalSupervisor, supervisor, &self.supervisor),
            (KeyHalf::TotalWitness, witness, &self.witness),
        ]
        .map(|(half, published, partial)| Answer {
            half,
            public: &published.total,
            holder: &published.holder,
            partial: &partial.point,
            proof: &partial.proof,
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
            partials.supervisor.write(out);
            partials.witness.write(out);
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
                    supervisor: TotalPartial::read(input)?,
                    witness: TotalPartial::read(input)?,
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
