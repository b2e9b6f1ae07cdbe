//! Which statements the pool verifies, and how the proofs of one system are verified together.

use std::{hash::Hash, sync::Arc};

use merits_ledger::{
    Authentic, ProvenStatement, Refusal, TotalStatement, Unverified, VerifiedTotal,
};
use merits_primitives::Fr;
use merits_verifier::{
    EncodedProof, Statement, Verified,
    groth16::{self, KeyDigest, PreparedKey},
    proof::Proof,
    schnorr::{self, VerifiedPossession},
    statement::StatementError,
};

/// Bare public inputs without a statement, for verifying a bare proof.
#[derive(Clone, Debug)]
pub(crate) struct BareInputs(pub(crate) Vec<Fr>);

impl Statement for BareInputs {
    fn public_inputs(&self) -> Vec<Fr> {
        self.0.clone()
    }

    fn check(&self) -> Result<(), StatementError> {
        Ok(())
    }
}

/// A statement type that the pool has lanes for. It belongs to one proof system, and says which proofs of the
/// system share a lane and how those of a lane are verified together.
pub(crate) trait Laned: Send + Sized + 'static {
    /// What names a lane.
    type Name: Copy + Eq + Hash + Send;
    /// What the proofs of a lane are verified under.
    type Key: Clone + Send + 'static;
    /// The system's proof.
    type Proof: Send + 'static;
    /// A statement whose proof holds.
    type Verified: Send + 'static;
    /// What is verified beside the proof, of a whole batch together.
    type Beside: Send + 'static;
    /// The result of that.
    type Done: Send + 'static;

    fn lane(key: &Self::Key) -> Self::Name;

    fn verify_beside(batch: Vec<Self::Beside>) -> Vec<Result<Self::Done, Refusal>>;

    /// The answers come in the order of the questions; a bad one does not sink the others.
    fn verify_proofs(
        key: &Self::Key,
        questions: Vec<(Self, Self::Proof)>,
    ) -> Vec<Result<Self::Verified, Refusal>>;
}

/// A Groth16 proof of an entry, and the entry's signatures: 17 of a batch of 16 claims.
impl Laned for ProvenStatement {
    type Name = KeyDigest;
    type Key = Arc<PreparedKey>;
    /// It is decoded with those of its batch, which costs less.
    type Proof = EncodedProof;
    type Verified = Verified<Self>;
    type Beside = Unverified;
    type Done = Authentic;

    fn lane(key: &Self::Key) -> KeyDigest {
        key.digest()
    }

    fn verify_beside(batch: Vec<Unverified>) -> Vec<Result<Authentic, Refusal>> {
        merits_ledger::verify_together(batch)
    }

    fn verify_proofs(
        key: &Self::Key,
        questions: Vec<(Self, EncodedProof)>,
    ) -> Vec<Result<Verified<Self>, Refusal>> {
        let encoded: Vec<&EncodedProof> = questions.iter().map(|(_, proof)| proof).collect();
        let decoded = EncodedProof::decode_all(&encoded);
        // Why each without a proof is refused, at its place among the others.
        let mut faults = Vec::with_capacity(questions.len());
        let mut good = Vec::with_capacity(questions.len());
        for ((statement, _), proof) in questions.into_iter().zip(decoded) {
            faults.push(match proof {
                Ok(Proof::Groth16(proof)) => {
                    good.push((statement, proof));
                    None
                }
                Ok(Proof::Schnorr(_)) => Some(Refusal::NotVerified),
                Err(fault) => Some(fault.into()),
            });
        }
        let mut verified = verify_groth16(key, good).into_iter();
        let answer = |fault: Option<Refusal>| match fault {
            Some(fault) => Err(fault),
            None => verified.next().unwrap_or(Err(Refusal::NotVerified)),
        };
        faults.into_iter().map(answer).collect()
    }
}

/// The Schnorr proofs of an entry, and the entry's signatures. There is no key, so there is one lane; proofs are
/// verified one by one in it, and signatures together.
impl Laned for schnorr::Statement {
    type Name = ();
    type Key = ();
    type Proof = schnorr::Proof;
    type Verified = VerifiedPossession;
    type Beside = Unverified;
    type Done = Authentic;

    fn lane((): &()) {}

    fn verify_beside(batch: Vec<Unverified>) -> Vec<Result<Authentic, Refusal>> {
        merits_ledger::verify_together(batch)
    }

    fn verify_proofs(
        (): &(),
        questions: Vec<(Self, schnorr::Proof)>,
    ) -> Vec<Result<VerifiedPossession, Refusal>> {
        let questions = questions.into_iter();
        let check = |(statement, proof)| Ok(VerifiedPossession::check(statement, &proof)?);
        questions.map(check).collect()
    }
}

/// An opened total, whose proofs are in the statement. The signatures of its entry were verified before, because its
/// rows are read only for a supervisor.
impl Laned for TotalStatement {
    type Name = ();
    type Key = ();
    type Proof = ();
    type Verified = VerifiedTotal;
    type Beside = Authentic;
    type Done = Authentic;

    fn lane((): &()) {}

    fn verify_beside(batch: Vec<Authentic>) -> Vec<Result<Authentic, Refusal>> {
        batch.into_iter().map(Ok).collect()
    }

    fn verify_proofs((): &(), questions: Vec<(Self, ())>) -> Vec<Result<VerifiedTotal, Refusal>> {
        let questions = questions.into_iter();
        let check = |(statement, ())| Ok(VerifiedTotal::check(statement)?);
        questions.map(check).collect()
    }
}

impl Laned for BareInputs {
    type Name = KeyDigest;
    type Key = Arc<PreparedKey>;
    type Proof = groth16::Proof;
    type Verified = Verified<Self>;
    type Beside = ();
    type Done = ();

    fn lane(key: &Self::Key) -> KeyDigest {
        key.digest()
    }

    fn verify_beside(batch: Vec<()>) -> Vec<Result<(), Refusal>> {
        batch.into_iter().map(Ok).collect()
    }

    fn verify_proofs(
        key: &Self::Key,
        questions: Vec<(Self, groth16::Proof)>,
    ) -> Vec<Result<Verified<Self>, Refusal>> {
        verify_groth16(key, questions)
    }
}

fn verify_groth16<S: Statement>(
    key: &PreparedKey,
    questions: Vec<(S, groth16::Proof)>,
) -> Vec<Result<Verified<S>, Refusal>> {
    let answers = match <[_; 1]>::try_from(questions) {
        // One proof alone is cheaper without coefficients.
        Ok([(statement, proof)]) => vec![Verified::check(key, statement, &proof)],
        // The coefficients must surprise the provers: the thread's generator, seeded by the
        // operating system, does.
        Err(questions) => Verified::check_batch(key, questions, &mut rand::rng()),
    };
    let answers = answers.into_iter();
    answers.map(|answer| Ok(answer?)).collect()
}

/// What a batch answers for one statement.
pub(crate) type Answer<S> = Result<(<S as Laned>::Verified, <S as Laned>::Done), Box<Refusal>>;
