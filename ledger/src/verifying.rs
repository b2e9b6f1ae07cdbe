//! Verifies a job by itself, with a key that the state has.

use merits_verifier::{Verified, VerifyError, schnorr::SchnorrError};
use thiserror::Error;

use crate::keys::Groth16Keys;
use crate::opened_total::VerifiedTotal;
use crate::proven::{Job, VerifiedProof};
use crate::refusal::{Refusal, TotalRefusal};
use crate::state::Governing;

impl Job {
    /// Verifies it alone. A key that is needed comes from `state`, and is prepared if `keys` lacks it.
    ///
    /// # Errors
    /// [`JobError`].
    pub fn verify(self, state: &Governing, keys: &Groth16Keys) -> Result<VerifiedProof, JobError> {
        Ok(match self {
            Self::Groth16(job) => {
                let key = keys.get(state, &job.key)?;
                VerifiedProof::Groth16(Verified::check(&key, job.statement, &job.proof)?)
            }
            Self::Schnorr(job) => VerifiedProof::Schnorr(job.verify()?),
            Self::Total(statement) => VerifiedProof::Total(VerifiedTotal::check(statement)?),
        })
    }
}

/// Why a job is not verified.
#[derive(Debug, Error)]
pub enum JobError {
    /// The key that it needs is missing or refused.
    #[error(transparent)]
    Key(#[from] Refusal),
    /// The Groth16 proof does not hold.
    #[error(transparent)]
    Groth16(#[from] VerifyError),
    /// The Schnorr proof does not hold.
    #[error(transparent)]
    Schnorr(#[from] SchnorrError),
    /// A partial or the sum of an opened total does not hold.
    #[error(transparent)]
    Total(#[from] TotalRefusal),
}

impl From<JobError> for Refusal {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Key(refusal) => refusal,
            JobError::Groth16(error) => error.into(),
            JobError::Schnorr(error) => error.into(),
            JobError::Total(error) => error.into(),
        }
    }
}
