//! Schnorr proofs over Baby Jubjub: a party that publishes points shows that it knows their secrets.
//!
//! One proof of an entry holds one [`Possession`] for each of its points. The system needs no key:
//! verification takes only the points and the context of each proof. If one possession fails, the
//! whole proof fails, and the error names the first that fails.

use alloc::vec::Vec;

use merits_primitives::{
    dleq::{Context, PROOF_BYTES, Possession},
    jubjub::Point,
};
use thiserror::Error;

/// Most points of one statement, and so most possessions of one proof.
pub const MAX_POSSESSIONS: usize = 16;

/// A point whose secret somebody must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The name of the proof, for people: `possession of the view key's half`.
    pub what: &'static str,
    /// The point.
    pub point: Point,
    /// The context that the proof must be bound to.
    pub context: Context,
}

/// Points whose secrets must be known, in the order of their proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement(pub Vec<Known>);

/// One possession for each point of a statement, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof(Vec<Possession>);

/// Why bytes are not a proof. The sender is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SchnorrFormatError {
    /// Not one to [`MAX_POSSESSIONS`] whole possessions.
    #[error(
        "1 to {MAX_POSSESSIONS} proofs of possession have {PROOF_BYTES} bytes each and {found} bytes came"
    )]
    Length {
        /// Bytes given.
        found: usize,
    },
    /// A number is at or over its modulus.
    #[error("proof of possession {index}: a number is not canonical")]
    NotCanonical {
        /// Which one, from 0.
        index: usize,
    },
}

/// Why a well-formed proof is refused. The prover is to blame, or the party that claims that this
/// statement was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SchnorrError {
    /// More or fewer possessions than points.
    #[error("the statement has {expected} points and {found} proofs of possession came")]
    Count {
        /// Points of the statement.
        expected: usize,
        /// Possessions of the proof.
        found: usize,
    },
    /// One does not hold.
    #[error("{what} does not hold for this point, log, epoch and holder")]
    Invalid {
        /// The name of the proof.
        what: &'static str,
    },
}

/// A statement whose proof was verified. Only verification makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedPossession(Statement);

impl Proof {
    /// One possession for each point, in the statement's order.
    ///
    /// # Errors
    /// [`SchnorrFormatError::Length`] when there is none, or more than [`MAX_POSSESSIONS`].
    pub fn new(possessions: Vec<Possession>) -> Result<Self, SchnorrFormatError> {
        if possessions.is_empty() || possessions.len() > MAX_POSSESSIONS {
            let found = possessions.len() * PROOF_BYTES;
            return Err(SchnorrFormatError::Length { found });
        }
        Ok(Self(possessions))
    }

    /// The possessions, one after the other, [`PROOF_BYTES`] each.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(Possession::to_bytes).collect()
    }

    /// Reads [`Proof::to_bytes`].
    ///
    /// # Errors
    /// [`SchnorrFormatError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SchnorrFormatError> {
        let found = bytes.len();
        let (possessions, []) = bytes.as_chunks::<PROOF_BYTES>() else {
            return Err(SchnorrFormatError::Length { found });
        };
        if possessions.is_empty() || possessions.len() > MAX_POSSESSIONS {
            return Err(SchnorrFormatError::Length { found });
        }
        let read = |(index, bytes)| {
            Possession::from_bytes(bytes).map_err(|_| SchnorrFormatError::NotCanonical { index })
        };
        let read: Result<_, _> = possessions.iter().enumerate().map(read).collect();
        read.map(Self)
    }
}

impl VerifiedPossession {
    /// Verifies one statement.
    ///
    /// # Errors
    /// [`SchnorrError`] names the first possession that does not hold.
    pub fn check(statement: Statement, proof: &Proof) -> Result<Self, SchnorrError> {
        let (expected, found) = (statement.0.len(), proof.0.len());
        if expected != found {
            return Err(SchnorrError::Count { expected, found });
        }
        for (known, possession) in statement.0.iter().zip(&proof.0) {
            possession
                .verify(&known.point, &known.context)
                .map_err(|_| SchnorrError::Invalid { what: known.what })?;
        }
        Ok(Self(statement))
    }

    /// The statement.
    pub fn statement(&self) -> &Statement {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use merits_primitives::jubjub::{Scalar, random_scalar};

    use super::*;

    fn context(what: &str) -> Context {
        Context::new("test", &[what.as_bytes()])
    }

    fn proven(secrets: &[Scalar]) -> (Statement, Proof) {
        let rng = &mut rand::rng();
        let known = secrets.iter().map(|secret| Known {
            what: "possession of a test's key",
            point: Point::mul_base(secret).unwrap(),
            context: context("a"),
        });
        let possessions = secrets
            .iter()
            .map(|secret| Possession::prove(secret, &context("a"), rng).unwrap());
        let statement = Statement(known.collect());
        (statement, Proof::new(possessions.collect()).unwrap())
    }

    fn secrets() -> [Scalar; 3] {
        [(); 3].map(|()| random_scalar(&mut rand::rng()))
    }

    #[test]
    fn a_proof_holds_for_its_points_in_their_order_and_context_only() {
        let (statement, proof) = proven(&secrets());
        let verified = VerifiedPossession::check(statement.clone(), &proof).unwrap();
        assert_eq!(verified.statement(), &statement);
        assert_eq!(Proof::from_bytes(&proof.to_bytes()), Ok(proof.clone()));

        let what = "possession of a test's key";
        let invalid = Err(SchnorrError::Invalid { what });
        let mut swapped = statement.clone();
        swapped.0.swap(0, 2);
        assert_eq!(VerifiedPossession::check(swapped, &proof), invalid);
        let mut elsewhere = statement.clone();
        elsewhere.0[1].context = context("b");
        assert_eq!(VerifiedPossession::check(elsewhere, &proof), invalid);

        let mut fewer = statement;
        fewer.0.pop();
        let (expected, found) = (2, 3);
        assert_eq!(
            VerifiedPossession::check(fewer, &proof),
            Err(SchnorrError::Count { expected, found })
        );
    }

    #[test]
    fn bytes_that_are_no_proof_are_named() {
        let (_, proof) = proven(&secrets());
        let bytes = proof.to_bytes();
        let length = |found| Err(SchnorrFormatError::Length { found });
        assert_eq!(Proof::from_bytes(&[]), length(0));
        assert_eq!(Proof::from_bytes(&bytes[..191]), length(191));
        let many = bytes.repeat(6);
        assert_eq!(Proof::from_bytes(&many), length(18 * PROOF_BYTES));
        assert_eq!(Proof::new(Vec::new()), length(0));
        let mut large = bytes;
        large[PROOF_BYTES..2 * PROOF_BYTES].fill(0xff);
        let index = 1;
        assert_eq!(
            Proof::from_bytes(&large),
            Err(SchnorrFormatError::NotCanonical { index })
        );
    }
}
