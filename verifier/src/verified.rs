//! A type that shows that a proof was checked.

use alloc::vec::Vec;
use thiserror::Error;

use crate::groth16::{self, KeyDigest, PreparedKey, Proof, ProofError};
use crate::statement::{Statement, StatementError};

/// Why a statement is not verified.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The statement itself is refused, with any proof.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The proof does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// A statement whose proof was verified, and the key that it was verified under.
///
/// Only verification makes one, and a ledger's state accepts nothing else. So verification and the
/// change of state are separate steps, and neither can be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<S> {
    statement: S,
    key: KeyDigest,
}

impl<S> Verified<S> {
    /// The statement.
    pub fn statement(&self) -> &S {
        &self.statement
    }

    /// The key under which the proof holds.
    pub fn key(&self) -> KeyDigest {
        self.key
    }

    /// The statement, owned.
    pub fn into_statement(self) -> S {
        self.statement
    }
}

impl<S: Statement> Verified<S> {
    /// Verifies one statement.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn check(key: &PreparedKey, statement: S, proof: &Proof) -> Result<Self, VerifyError> {
        statement.check()?;
        groth16::verify(key, proof, &statement.public_inputs())?;
        Ok(Self {
            statement,
            key: key.digest(),
        })
    }

    /// Verifies many statements under one key at once. The answers are in the order of the
    /// statements. A bad one does not affect the others. See [`groth16::verify_batch`] for `rng`.
    pub fn check_batch(
        key: &PreparedKey,
        items: Vec<(S, Proof)>,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Vec<Result<Self, VerifyError>> {
        let mut answers: Vec<Result<Self, VerifyError>> = Vec::with_capacity(items.len());
        let mut positions = Vec::with_capacity(items.len());
        let mut equations = Vec::with_capacity(items.len());
        for (position, (statement, proof)) in items.into_iter().enumerate() {
            if let Err(error) = statement.check() {
                answers.push(Err(error.into()));
                continue;
            }
            let inputs = statement.public_inputs();
            let expected = key.verifying_key().public_inputs();
            if inputs.len() != expected {
                let found = inputs.len();
                answers.push(Err(ProofError::InputCount { expected, found }.into()));
                continue;
            }
            positions.push(position);
            equations.push((inputs, proof));
            answers.push(Ok(Self {
                statement,
                key: key.digest(),
            }));
        }
        if let Err(error) = groth16::verify_batch(key, &equations, rng) {
            for index in error.bad {
                if let Some(answer) = positions.get(index).and_then(|at| answers.get_mut(*at)) {
                    *answer = Err(ProofError::Invalid.into());
                }
            }
        }
        answers
    }
}
