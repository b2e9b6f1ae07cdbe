//! Sums over many batches, opened in public.

use merits_primitives::{
    dleq::{Equality, PROOF_BYTES},
    ids::{AssetId, Credits, EntryId, Epoch, Period},
    jubjub::Point,
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::{earn::read_period, read_entry_id, write_entry_id};

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

/// The credits of many batches together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalsOpened {
    /// The scale.
    pub asset: AssetId,
    /// The period.
    pub period: Period,
    /// View-key epoch of the batches.
    pub epoch: Epoch,
    /// The batches, in the log's order, beginning with the first that no total covers.
    pub entries: Vec<EntryId>,
    /// Σ v.
    pub sum: Credits,
    /// The supervisors' partial.
    pub supervisor: TotalPartial,
    /// The log witnesses' partial.
    pub witness: TotalPartial,
}

impl Canonical for TotalsOpened {
    const NAME: &'static str = "totals opened";

    fn write(&self, out: &mut Writer) {
        out.u64(self.asset.0);
        out.u64(self.period.to_u64());
        out.u32(self.epoch.0);
        out.count(self.entries.len());
        for entry in &self.entries {
            write_entry_id(out, entry);
        }
        out.u64(self.sum.0);
        self.supervisor.write(out);
        self.witness.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            asset: AssetId(input.u64("asset")?),
            period: read_period(input)?,
            epoch: Epoch(input.u32("epoch")?),
            entries: {
                let count = input.count("entries", MAX_TOTAL_ENTRIES)?;
                (0..count)
                    .map(|_| read_entry_id(input, "entry"))
                    .collect::<Result<_, _>>()?
            },
            sum: Credits(input.u64("sum")?),
            supervisor: TotalPartial::read(input)?,
            witness: TotalPartial::read(input)?,
        })
    }
}
