//! Statement `earn` (`docs/src/statement-earn.md`): a distributor's credits follow the scale's
//! formula over records that sources committed to.
//!
//! The public inputs, in order: asset, expiry, schema, period, context, A.x, A.y, At.x, At.y, T1.x,
//! T1.y, T2.x, T2.y, n, constants[0..k); if the scale has a measure, M1.x, M1.y, M2.x, M2.y; then
//! for each of B claims C, b, cm, u, Ey, cv, ch, all zero if the claim is absent. [`Layout`] gives
//! the positions.

use alloc::{collections::BTreeMap, vec::Vec};

use ark_ff::AdditiveGroup;
use merits_primitives::{
    Fr,
    commitment::RecordCommitment,
    context::Context,
    figures::PublicNumber,
    ids::{AssetId, Expiry, Origin, PartyId, Period, SchemaId},
    jubjub::Point,
    note::NoteCommitment,
    owner::{HiddenEarned, RecordsBinding},
    view_encryption::{EphemeralKey, SealedEarned, SealedHandle},
};

use super::Statement;
use super::{StatementError, curve_has_each_y};
use crate::codec::{Canonical, CodecError, Reader, Writer};

/// Position of the asset.
pub const ASSET: usize = 0;
/// Position of the expiry bucket.
pub const EXPIRY: usize = 1;
/// Position of the schema.
pub const SCHEMA: usize = 2;
/// Position of the period.
pub const PERIOD: usize = 3;
/// Position of the context.
pub const CONTEXT: usize = 4;
/// Position of A.x; A.y follows.
pub const VIEW_KEY: usize = 5;
/// Position of At.x; At.y follows.
pub const TOTAL_KEY: usize = 7;
/// Position of T1.x; T1.y follows.
pub const T1: usize = 9;
/// Position of T2.x; T2.y follows.
pub const T2: usize = 11;
/// Position of n.
pub const COUNT: usize = 13;
/// Position of the first constant.
pub const CONSTANTS: usize = 14;
/// Public inputs of one claim.
pub const CLAIM_INPUTS: usize = 7;
/// Within a claim: C.
pub const CLAIM_COMMITMENT: usize = 0;
/// Within a claim: b.
pub const CLAIM_BINDING: usize = 1;
/// Within a claim: cm.
pub const CLAIM_NOTE: usize = 2;
/// Within a claim: u.
pub const CLAIM_HIDDEN: usize = 3;
/// Within a claim: Ey.
pub const CLAIM_EPHEMERAL: usize = 4;
/// Within a claim: cv.
pub const CLAIM_CREDITS: usize = 5;
/// Within a claim: ch.
pub const CLAIM_HANDLE: usize = 6;

/// Public inputs of a measure's total: M1.x, M1.y, M2.x, M2.y.
pub const MEASURE_INPUTS: usize = 4;

/// The positions of a shape's public inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// k: public numbers of the formula.
    pub constants: usize,
    /// Whether the scale has a measure besides its credits.
    pub measured: bool,
    /// B: claims that the circuit has room for.
    pub capacity: usize,
}

impl Layout {
    /// Position of M1.x; M1.y, M2.x and M2.y follow. `None` without a measure.
    pub const fn measure_offset(&self) -> Option<usize> {
        if self.measured {
            Some(CONSTANTS + self.constants)
        } else {
            None
        }
    }

    /// Position of a claim's first input.
    pub const fn claim_offset(&self, claim: usize) -> usize {
        let measure = if self.measured { MEASURE_INPUTS } else { 0 };
        CONSTANTS + self.constants + measure + claim * CLAIM_INPUTS
    }

    /// Public inputs of the statement.
    pub const fn input_count(&self) -> usize {
        self.claim_offset(self.capacity)
    }

    const fn unmeasured(constants: usize, capacity: usize) -> Self {
        Self {
            constants,
            measured: false,
            capacity,
        }
    }
}

/// Position of a claim's first input in a statement without a measure.
pub const fn claim_offset(constants: usize, claim: usize) -> usize {
    Layout::unmeasured(constants, 0).claim_offset(claim)
}

/// Public inputs of a statement without a measure, with this many constants and B claims.
pub const fn input_count(constants: usize, capacity: usize) -> usize {
    Layout::unmeasured(constants, capacity).input_count()
}

/// The public values of one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimPublic {
    /// C: the source's commitment to the records.
    pub c: RecordCommitment,
    /// b: binds person, ticket and deed.
    pub b: RecordsBinding,
    /// cm: the note.
    pub cm: NoteCommitment,
    /// u = v + pad: tells the owner v.
    pub u: HiddenEarned,
    /// Ey: the ephemeral key of the audit ciphertext.
    pub ey: EphemeralKey,
    /// cv = v + k0.
    pub cv: SealedEarned,
    /// ch = h + k1.
    pub ch: SealedHandle,
}

impl ClaimPublic {
    /// The claim's public inputs, in order.
    pub fn inputs(&self) -> [Fr; CLAIM_INPUTS] {
        [
            self.c.0, self.b.0, self.cm.0, self.u.0, self.ey.0, self.cv.0, self.ch.0,
        ]
    }
}

impl Canonical for ClaimPublic {
    const NAME: &'static str = "claim";

    fn write(&self, out: &mut Writer) {
        for input in self.inputs() {
            out.field(&input);
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            c: input.field("c")?,
            b: input.field("b")?,
            cm: input.field("cm")?,
            u: input.field("u")?,
            ey: input.field("ey")?,
            cv: input.field("cv")?,
            ch: input.field("ch")?,
        })
    }
}

/// A batch's total of the measure, under At with its own exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeasureTotal {
    /// M1 = r2·B8.
    pub m1: Point,
    /// M2 = (Σ w)·B8 + r2·At.
    pub m2: Point,
}

/// The whole statement. Everything but totals and claims comes from the ledger's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarnStatement {
    /// The ledger's number of the scale id.
    pub asset: AssetId,
    /// Expiry bucket of the credits.
    pub expiry: Expiry,
    /// Schema of the records.
    pub schema: SchemaId,
    /// Period of the records.
    pub period: Period,
    /// H(origin, distributor, scale id, version).
    pub context: Context,
    /// A: the view key.
    pub a: Point,
    /// At: the view key for totals.
    pub at: Point,
    /// T1 = r·B8.
    pub t1: Point,
    /// T2 = (Σ v)·B8 + r·At.
    pub t2: Point,
    /// The scale's public numbers of this period, in the order of its figures.
    pub constants: Vec<PublicNumber>,
    /// The measure's total, present if and only if the scale has a measure.
    pub measure: Option<MeasureTotal>,
    /// The present claims; n is their number.
    pub claims: Vec<ClaimPublic>,
    /// B: claims that the circuit has room for.
    pub capacity: usize,
}

impl EarnStatement {
    /// The positions of its public inputs.
    pub fn layout(&self) -> Layout {
        Layout {
            constants: self.constants.len(),
            measured: self.measure.is_some(),
            capacity: self.capacity,
        }
    }

    /// M1 must not be a claim's ephemeral key or T1: using an exponent twice would reveal the
    /// difference of the hidden values.
    fn check_measure(&self, measure: &MeasureTotal) -> Result<(), StatementError> {
        // Compare y alone, because −T1 reveals as much as T1.
        if measure.m1.y() == self.t1.y() {
            return Err(StatementError::TotalsShareKey);
        }
        let shared = |claim: &ClaimPublic| claim.ey.0 == measure.m1.y();
        match self.claims.iter().position(shared) {
            Some(claim) => Err(StatementError::ClaimAsTotal { claim }),
            None => Ok(()),
        }
    }
}

impl Statement for EarnStatement {
    fn public_inputs(&self) -> Vec<Fr> {
        let mut inputs = Vec::with_capacity(self.layout().input_count());
        inputs.extend([
            Fr::from(self.asset.0),
            Fr::from(self.expiry.0),
            self.schema.0,
            self.period.element(),
            self.context.0,
        ]);
        for point in [&self.a, &self.at, &self.t1, &self.t2] {
            inputs.extend([point.x(), point.y()]);
        }
        inputs.push(Fr::from(self.claims.len() as u64));
        inputs.extend(self.constants.iter().map(|number| number.element()));
        for point in self.measure.iter().flat_map(|m| [&m.m1, &m.m2]) {
            inputs.extend([point.x(), point.y()]);
        }
        inputs.extend(self.claims.iter().flat_map(ClaimPublic::inputs));
        let absent = self.capacity.saturating_sub(self.claims.len());
        inputs.extend(core::iter::repeat_n(Fr::ZERO, absent * CLAIM_INPUTS));
        inputs
    }

    fn check(&self) -> Result<(), StatementError> {
        let (found, limit) = (self.claims.len(), self.capacity);
        if found == 0 || found > limit {
            return Err(StatementError::ClaimCount { found, limit });
        }
        let on_curve = curve_has_each_y(self.claims.iter().map(|public| public.ey.0));
        for ((claim, public), on_curve) in self.claims.iter().enumerate().zip(on_curve) {
            check_ephemeral(claim, public.ey, on_curve)?;
            if public.ey.0 == self.t1.y() {
                return Err(StatementError::ClaimAsTotal { claim });
            }
        }
        if let Some(measure) = &self.measure {
            self.check_measure(measure)?;
        }
        // Each commitment is for one deed, each note for one claim's credits, each ephemeral key
        // for one plaintext.
        distinct(&self.claims, "commitment C", |claim| claim.c)?;
        distinct(&self.claims, "note commitment cm", |claim| claim.cm)?;
        distinct(&self.claims, "ephemeral key Ey", |claim| claim.ey)
    }
}

/// Ey ∉ {0, 1}, and the curve has a point with this y.
fn check_ephemeral(
    claim: usize,
    EphemeralKey(y): EphemeralKey,
    on_curve: bool,
) -> Result<(), StatementError> {
    for value in [0u8, 1] {
        if y == Fr::from(value) {
            return Err(StatementError::EphemeralTrivial { claim, value });
        }
    }
    if !on_curve {
        return Err(StatementError::EphemeralNotOnCurve { claim });
    }
    Ok(())
}

fn distinct<E: Ord>(
    claims: &[ClaimPublic],
    what: &'static str,
    value: impl Fn(&ClaimPublic) -> E,
) -> Result<(), StatementError> {
    let mut seen = BTreeMap::new();
    for (second, claim) in claims.iter().enumerate() {
        if let Some(first) = seen.insert(value(claim), second) {
            return Err(StatementError::Duplicate {
                what,
                first,
                second,
            });
        }
    }
    Ok(())
}

/// The statement that a source signs (Ed25519): for this ledger, it committed to one subject's records
/// of one period under one schema.
pub fn commitment_signing_bytes(
    origin: &Origin,
    source: &PartyId,
    schema: SchemaId,
    period: Period,
    c: RecordCommitment,
) -> Vec<u8> {
    let mut out = Writer::new();
    out.text("merits/record-commitment/v1");
    out.text(origin.as_str());
    out.array(&source.0);
    out.field(&schema);
    out.u64(period.to_u64());
    out.field(&c);
    out.into_bytes()
}
