//! The statements that entries of all kinds prove, so that one pool can verify them all.

use merits_primitives::Fr;
use merits_verifier::{
    Statement,
    groth16::{KeyDigest, Proof},
    statement::{
        StatementError, earn::EarnStatement, redeem::RedeemStatement, ticket::TicketStatement,
    },
};

/// The statement of an entry's proof.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "statements are handled one at a time and moved rarely"
)]
pub enum ProvenStatement {
    /// Of an earn batch.
    Earn(EarnStatement),
    /// Of a deposited ticket or a withdrawal.
    Ticket(TicketStatement),
    /// Of a redemption or an attestation.
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

/// The proof that must be verified before an entry can enter the state. Jobs with the same key can
/// go into one batch: [`merits_verifier::Verified::check_batch`].
#[derive(Debug, Clone)]
pub struct Job {
    /// The key that is in force for the statement.
    pub key: KeyDigest,
    /// The statement, from the ledger's state.
    pub statement: ProvenStatement,
    /// The submitted proof.
    pub proof: Proof,
}
