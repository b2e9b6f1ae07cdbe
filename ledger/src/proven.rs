//! The statements that entries of all kinds prove, by all proof systems, so that one pool can verify them all.

use merits_primitives::Fr;
use merits_verifier::{
    EncodedProof, ProofSystem, Statement, Verified,
    groth16::{self, KeyDigest},
    schnorr::{self, SchnorrError, VerifiedPossession},
    statement::{
        StatementError, earn::EarnStatement, redeem::RedeemStatement, ticket::TicketStatement,
    },
};

use crate::opened_total::{TotalStatement, VerifiedTotal};
use crate::refusal::Refusal;

/// The statement of an entry's Groth16 proof.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "statements are handled one at a time and moved rarely"
)]
pub enum ProvenStatement {
    /// A job of an earn batch.
    Earn(EarnStatement),
    /// A job of a deposited ticket or a withdrawal.
    Ticket(TicketStatement),
    /// A job of a redemption or an attestation.
    Redeem(RedeemStatement),
}

impl Statement for ProvenStatement {
    fn public_inputs(&self) -> Vec<Fr> {
        match self {
            Self::Earn(statement) => statement.public_inputs(),
            Self::Ticket(statement) => statement.public_inputs(),
            Self::Redeem(statement) => statement.public_inputs(),
        }
    }

    fn check(&self) -> Result<(), StatementError> {
        match self {
            Self::Earn(statement) => statement.check(),
            Self::Ticket(statement) => statement.check(),
            Self::Redeem(statement) => statement.check(),
        }
    }
}

/// The verification that an entry needs before it can enter the state, by the system of its proof.
///
/// Jobs of one system go into batches of the system's own: those of Groth16 by their key. Their proofs are decoded
/// (`P`), or not yet ([`UndecodedJob`]).
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all jobs are of Groth16, and each is moved rarely"
)]
pub enum Job<P = groth16::Proof> {
    /// A statement of a circuit.
    Groth16(Groth16Job<P>),
    /// Points whose secrets must be known.
    Schnorr(SchnorrJob),
    /// An opened total. Its proofs are in the statement, and are about rows of the state.
    Total(TotalStatement),
}

/// A job that is not decoded yet: a Groth16 proof is decoded with the others of its batch.
pub type UndecodedJob = Job<EncodedProof>;

/// A statement of a circuit, and its proof. Jobs with one key go into one batch:
/// [`merits_verifier::Verified::check_batch`].
#[derive(Debug, Clone)]
pub struct Groth16Job<P = groth16::Proof> {
    /// The key that is in force for the statement.
    pub key: KeyDigest,
    /// The statement, from the ledger's state.
    pub statement: ProvenStatement,
    /// The submitted proof.
    pub proof: P,
}

/// Points whose secrets must be known, and the proofs. It needs no key.
///
/// Jobs are verified one by one. Only the opening of a view-key epoch has such proofs, four of them, and a ledger
/// opens an epoch every few months. Batching would save nothing noticeable.
#[derive(Debug, Clone)]
pub struct SchnorrJob {
    /// The points, by the ledger's state.
    pub statement: schnorr::Statement,
    /// The submitted proofs.
    pub proof: schnorr::Proof,
}

/// The result of a job whose proof was verified. Only verification makes one of its variants.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are of Groth16, and each is moved rarely"
)]
pub enum VerifiedProof {
    /// The verified proof of a [`Job::Groth16`].
    Groth16(Verified<ProvenStatement>),
    /// The verified proof of a [`Job::Schnorr`].
    Schnorr(VerifiedPossession),
    /// The verified proof of a [`Job::Total`].
    Total(VerifiedTotal),
}

impl Job {
    /// The system of its proof.
    pub fn system(&self) -> ProofSystem {
        match self {
            Self::Groth16(_) => ProofSystem::Groth16Bn254,
            // The proof of a partial is Schnorr's for two bases.
            Self::Schnorr(_) | Self::Total(_) => ProofSystem::SchnorrBabyJubjub,
        }
    }

    /// The job, if its proof is of Groth16.
    ///
    /// # Errors
    /// [`Refusal::NotVerified`] for a job of another system.
    pub fn groth16(self) -> Result<Groth16Job, Refusal> {
        match self {
            Self::Groth16(job) => Ok(job),
            Self::Schnorr(_) | Self::Total(_) => Err(Refusal::NotVerified),
        }
    }
}

impl SchnorrJob {
    /// Verifies it.
    ///
    /// # Errors
    /// [`SchnorrError`] names the first proof that does not hold.
    pub fn verify(self) -> Result<VerifiedPossession, SchnorrError> {
        VerifiedPossession::check(self.statement, &self.proof)
    }
}

impl From<Verified<ProvenStatement>> for VerifiedProof {
    fn from(verified: Verified<ProvenStatement>) -> Self {
        Self::Groth16(verified)
    }
}

impl From<VerifiedTotal> for VerifiedProof {
    fn from(verified: VerifiedTotal) -> Self {
        Self::Total(verified)
    }
}

impl From<VerifiedPossession> for VerifiedProof {
    fn from(verified: VerifiedPossession) -> Self {
        Self::Schnorr(verified)
    }
}
