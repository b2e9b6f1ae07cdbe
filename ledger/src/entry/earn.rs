//! A distributor's batch of proven credits.

use merits_primitives::{
    commitment::RecordCommitment,
    figures::PublicNumber,
    ids::{AssetId, Epoch, Expiry, PartyId, Period, ScaleId, ScaleVersion, SchemaId},
    jubjub::Point,
    nullifier::Nullifier,
};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    signature::SIGNATURE_BYTES,
    statement::earn::{ClaimPublic, MeasureTotal},
};

use super::MAX_PERIOD_INDEX;
use super::figures::MAX_NUMBERS;
use super::scale::{read_version, write_version};

/// Most claims of a batch: at 321 bytes each they fill about a third of an entry.
pub const MAX_CLAIMS: usize = 64;

/// The values of the scale that the prover assumed. The ledger does not use them for verification.
/// It compares them with its own, so that a prover with stale numbers learns which one is wrong,
/// instead of "the proof does not hold".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarnTerms {
    /// The ledger's number of the scale.
    pub asset: AssetId,
    /// Expiry bucket of the period's credits.
    pub expiry: Expiry,
    /// Schema of the records.
    pub schema: SchemaId,
    /// The public numbers of the period, in the order of the public inputs.
    pub constants: Vec<PublicNumber>,
}

impl Canonical for EarnTerms {
    const NAME: &'static str = "terms";

    fn write(&self, out: &mut Writer) {
        out.u64(self.asset.0);
        out.u32(self.expiry.0);
        out.field(&self.schema);
        out.count(self.constants.len());
        for constant in &self.constants {
            out.u64(constant.0);
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            asset: AssetId(input.u64("asset")?),
            expiry: Expiry(input.u32("expiry")?),
            schema: input.field("schema")?,
            constants: {
                let count = input.count("constants", MAX_NUMBERS)?;
                (0..count)
                    .map(|_| input.u64("constant").map(PublicNumber))
                    .collect::<Result<_, _>>()?
            },
        })
    }
}

/// A claim and its source's signature over the record commitment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedClaim {
    /// The public values of the claim.
    pub public: ClaimPublic,
    /// Ed25519 over [`merits_verifier::statement::earn::commitment_signing_bytes`].
    pub source_signature: [u8; SIGNATURE_BYTES],
    /// nf of the deposited ticket that it claims with; `None` on a ledger in custody only.
    pub ticket: Option<Nullifier>,
}

impl Canonical for SignedClaim {
    const NAME: &'static str = "claim";

    fn write(&self, out: &mut Writer) {
        self.public.write(out);
        out.array(&self.source_signature);
        out.option(self.ticket.as_ref(), |out, nullifier| out.field(nullifier));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            public: ClaimPublic::read(input)?,
            source_signature: input.array("source signature")?,
            ticket: input.option("ticket", |input| input.field("ticket"))?,
        })
    }
}

/// A batch of claims of one scale, period and source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarnBatch {
    /// The scale.
    pub scale: ScaleId,
    /// Its version.
    pub version: ScaleVersion,
    /// View-key epoch of the ciphertexts.
    pub epoch: Epoch,
    /// The period.
    pub period: Period,
    /// The source that committed to the records.
    pub source: PartyId,
    /// The values that the prover assumed.
    pub terms: EarnTerms,
    /// T1 = r·B8.
    pub t1: Point,
    /// T2 = (Σ v)·B8 + r·At.
    pub t2: Point,
    /// M1 and M2, present exactly if the scale has a measure.
    pub measure: Option<MeasureTotal>,
    /// The claims; n is their number.
    pub claims: Vec<SignedClaim>,
}

impl EarnBatch {
    /// The record commitments.
    pub fn commitments(&self) -> impl Iterator<Item = RecordCommitment> + '_ {
        self.claims.iter().map(|claim| claim.public.c)
    }
}

impl Canonical for EarnBatch {
    const NAME: &'static str = "earn batch";

    fn write(&self, out: &mut Writer) {
        write_version(out, &self.scale, self.version);
        out.u32(self.epoch.0);
        out.u64(self.period.to_u64());
        out.array(&self.source.0);
        self.terms.write(out);
        out.point(&self.t1);
        out.point(&self.t2);
        out.option(self.measure.as_ref(), |out, measure| {
            out.point(&measure.m1);
            out.point(&measure.m2);
        });
        out.list(&self.claims);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (scale, version) = read_version(input)?;
        Ok(Self {
            scale,
            version,
            epoch: Epoch(input.u32("epoch")?),
            period: read_period(input)?,
            source: PartyId(input.array("source")?),
            terms: EarnTerms::read(input)?,
            t1: input.point("t1")?,
            t2: input.point("t2")?,
            measure: input.option("measure", |input| {
                Ok(MeasureTotal {
                    m1: input.point("measure.m1")?,
                    m2: input.point("measure.m2")?,
                })
            })?,
            claims: input.list("claims", MAX_CLAIMS)?,
        })
    }
}

/// Refuses periods after the year 9999, so that no later calendar arithmetic can overflow.
pub(super) fn read_period(input: &mut Reader<'_>) -> Result<Period, CodecError> {
    let what = "period";
    let number = input.u64(what)?;
    Period::from_u64(number)
        .filter(|period| period.index <= MAX_PERIOD_INDEX)
        .ok_or(CodecError::UnknownValue {
            what,
            found: number,
        })
}
