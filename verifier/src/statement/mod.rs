//! The statements of proofs, as verifiers see them: public inputs in order, and the conditions that
//! must hold outside the circuit.

pub mod earn;
pub mod redeem;
pub mod ticket;

use alloc::vec::Vec;

use ark_ff::Field;
use merits_primitives::{
    Fr,
    residue::{are_nonzero_squares, is_nonzero_square},
};
use thiserror::Error;

/// The statement of a proof.
pub trait Statement {
    /// The public inputs, in the order of the circuit.
    fn public_inputs(&self) -> Vec<Fr>;

    /// Checks the conditions that must hold outside the circuit and depend only on the statement.
    ///
    /// # Errors
    /// [`StatementError`] names the field.
    fn check(&self) -> Result<(), StatementError>;
}

/// Why a statement is refused before its proof is verified. The prover is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StatementError {
    /// No claim, or more than the circuit has room for.
    #[error("the batch has {found} claims; this scale's circuit takes 1 to {limit}")]
    ClaimCount {
        /// Claims in the batch.
        found: usize,
        /// B, the most claims.
        limit: usize,
    },
    /// Ey is 0 or 1, so the shared point would be of small order or the identity.
    #[error("claim {claim}: Ey is {value}, which is not allowed for an ephemeral key")]
    EphemeralTrivial {
        /// Index of the claim.
        claim: usize,
        /// 0 or 1.
        value: u8,
    },
    /// No curve point has this y.
    #[error("claim {claim}: Ey belongs to no point of Baby Jubjub")]
    EphemeralNotOnCurve {
        /// Index of the claim.
        claim: usize,
    },
    /// T1 or M1 is the ephemeral key of a claim: opening the total would help to open that claim.
    #[error(
        "a total's T1 or M1 is the ephemeral key of claim {claim}: opening the total would help to open the claim"
    )]
    ClaimAsTotal {
        /// Index of the claim.
        claim: usize,
    },
    /// T1 and M1 are the same key, which would reveal the difference of credits and measure.
    #[error("the totals of credits and measure share a key: each needs its own exponent")]
    TotalsShareKey,
    /// sn1 = sn2: one note given twice.
    #[error("both spend nullifiers are the same: one note cannot be spent twice in one redemption")]
    SameNoteTwice,
    /// A rate limit that indices of 16 bits cannot express.
    #[error("the rate limit is {found}; it must be 1 to 65,536")]
    RateLimit {
        /// The limit.
        found: u32,
    },
    /// The change note is 0, which marks an empty leaf.
    #[error("the change note is 0, which is not a note")]
    EmptyNote,
    /// Ey of the sealed identity is 0, 1 or the y of no point.
    #[error("Ey of the sealed identity is not a valid ephemeral key")]
    RedeemEphemeral,
    /// Two claims share a value that must be unique to each.
    #[error("claims {first} and {second} share their {what}")]
    Duplicate {
        /// The value.
        what: &'static str,
        /// Index of one claim.
        first: usize,
        /// Index of the other.
        second: usize,
    },
}

/// Whether Baby Jubjub has a point with this y other than those of x = 0.
fn curve_has_y(y: Fr) -> bool {
    is_nonzero_square(&square_of_x(y))
}

/// [`curve_has_y`] of each.
fn curve_has_each_y(ys: impl Iterator<Item = Fr>) -> Vec<bool> {
    are_nonzero_squares(&ys.map(square_of_x).collect::<Vec<Fr>>())
}

/// x² = (1 − y²) / (168700 − 168696 y²), multiplied by the square of the denominator. The product is a square
/// if and only if x² is, and no inversion is needed.
fn square_of_x(y: Fr) -> Fr {
    let y2 = y.square();
    (Fr::ONE - y2) * (Fr::from(168_700u64) - Fr::from(168_696u64) * y2)
}
