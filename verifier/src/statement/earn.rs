//! Statement `earn` (DESIGN 3.2): a distributor's credits follow the scale's formula over
//! records that sources committed to.
//!
//! The public inputs, in order: asset, expiry, schema, period, context, A.x, A.y, At.x, At.y,
//! T1.x, T1.y, T2.x, T2.y, n, constants[0..k); then for each of B claims C, b, cm, u, Ey, cv,
//! ch, all zero where no claim is present.

use std::collections::HashMap;

use ark_ff::{AdditiveGroup, Field};
use merits_primitives::{
    Fr,
    ids::{AssetId, Expiry, Origin, PartyId, Period, SchemaId},
    jubjub::Point,
};

use super::StatementError;
use crate::codec::{Canonical, CodecError, Reader, Writer};
use crate::verified::Statement;

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

/// Position of a claim's first input.
pub const fn claim_offset(constants: usize, claim: usize) -> usize {
    CONSTANTS + constants + claim * CLAIM_INPUTS
}

/// Public inputs of the statement with so many constants and B claims.
pub const fn input_count(constants: usize, capacity: usize) -> usize {
    claim_offset(constants, capacity)
}

/// What is public about one claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimPublic {
    /// C: the source's commitment to the records.
    pub c: Fr,
    /// b: ties person, ticket and deed.
    pub b: Fr,
    /// cm: the note.
    pub cm: Fr,
    /// u = v + pad: tells the owner v.
    pub u: Fr,
    /// Ey: the ephemeral key of the audit ciphertext.
    pub ey: Fr,
    /// cv = v + k0.
    pub cv: Fr,
    /// ch = h + k1.
    pub ch: Fr,
}

impl ClaimPublic {
    /// The claim's public inputs, in order.
    pub fn inputs(&self) -> [Fr; CLAIM_INPUTS] {
        [self.c, self.b, self.cm, self.u, self.ey, self.cv, self.ch]
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
    pub context: Fr,
    /// A: the view key.
    pub a: Point,
    /// At: the view key for totals.
    pub at: Point,
    /// T1 = r·B8.
    pub t1: Point,
    /// T2 = (Σ v)·B8 + r·At.
    pub t2: Point,
    /// The scale's constants, in the manifest's order.
    pub constants: Vec<Fr>,
    /// The present claims; n is their number.
    pub claims: Vec<ClaimPublic>,
    /// B: claims that the circuit has room for.
    pub capacity: usize,
}

impl Statement for EarnStatement {
    fn public_inputs(&self) -> Vec<Fr> {
        let mut inputs = Vec::with_capacity(input_count(self.constants.len(), self.capacity));
        inputs.extend([
            Fr::from(self.asset.0),
            Fr::from(self.expiry.0),
            self.schema.0,
            self.period.element(),
            self.context,
        ]);
        for point in [&self.a, &self.at, &self.t1, &self.t2] {
            inputs.extend([point.x(), point.y()]);
        }
        inputs.push(Fr::from(self.claims.len() as u64));
        inputs.extend(&self.constants);
        inputs.extend(self.claims.iter().flat_map(ClaimPublic::inputs));
        let absent = self.capacity.saturating_sub(self.claims.len());
        inputs.extend(std::iter::repeat_n(Fr::ZERO, absent * CLAIM_INPUTS));
        inputs
    }

    fn check(&self) -> Result<(), StatementError> {
        let (found, limit) = (self.claims.len(), self.capacity);
        if found == 0 || found > limit {
            return Err(StatementError::ClaimCount { found, limit });
        }
        for (claim, public) in self.claims.iter().enumerate() {
            check_ephemeral(claim, public.ey)?;
            if public.ey == self.t1.y() {
                return Err(StatementError::ClaimAsTotal { claim });
            }
        }
        // One commitment is one deed, one note one credit, one ephemeral one plaintext.
        distinct(&self.claims, "commitment C", |claim| claim.c)?;
        distinct(&self.claims, "note commitment cm", |claim| claim.cm)?;
        distinct(&self.claims, "ephemeral key Ey", |claim| claim.ey)
    }
}

/// Ey ∉ {0, 1}, and the curve has a point with this y:
/// x² = (1 − y²) / (168700 − 168696 y²) must be a square.
fn check_ephemeral(claim: usize, ey: Fr) -> Result<(), StatementError> {
    for value in [0u8, 1] {
        if ey == Fr::from(value) {
            return Err(StatementError::EphemeralTrivial { claim, value });
        }
    }
    let y2 = ey.square();
    // The quotient is a square exactly when the product is: no inversion needed.
    let product = (Fr::ONE - y2) * (Fr::from(168_700u64) - Fr::from(168_696u64) * y2);
    if product.legendre().is_qnr() || product == Fr::ZERO {
        return Err(StatementError::EphemeralNotOnCurve { claim });
    }
    Ok(())
}

fn distinct(
    claims: &[ClaimPublic],
    what: &'static str,
    value: impl Fn(&ClaimPublic) -> Fr,
) -> Result<(), StatementError> {
    let mut seen = HashMap::with_capacity(claims.len());
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

/// What a source signs (Ed25519): that it committed, for this ledger, to one subject's records
/// of one period under one schema.
pub fn commitment_signing_bytes(
    origin: &Origin,
    source: &PartyId,
    schema: SchemaId,
    period: Period,
    c: Fr,
) -> Vec<u8> {
    let mut out = Writer::new();
    out.text("merits/record-commitment/v1");
    out.text(origin.as_str());
    out.array(&source.0);
    out.field(&schema.0);
    out.u64(period.to_u64());
    out.field(&c);
    out.into_bytes()
}
