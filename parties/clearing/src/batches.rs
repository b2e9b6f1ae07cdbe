//! Verifies all earn batches of a log together. A bad one is reported and does not affect the
//! others.

use std::{collections::BTreeMap, sync::Arc};

use merits_ledger::{Groth16Keys, ProvenStatement, Refusal, State, Submission};
use merits_primitives::ids::EntryId;
use merits_verifier::{
    ProofSystem, Verified, VerifyError,
    entry::SignedEntry,
    groth16::{PreparedKey, Proof},
};
use serde::Serialize;
use thiserror::Error;

/// Proofs that share one pairing product. More gain little and need memory while they wait.
const GROUP: usize = 256;

/// The result of an audit of batches.
#[derive(Debug, Default, Serialize)]
pub struct Audit {
    /// The number of valid batches.
    pub valid: u64,
    /// Their claims.
    pub claims: u64,
    /// Invalid batches, with the reason.
    #[serde(serialize_with = "merits_party::report::faults")]
    pub invalid: Vec<(EntryId, BatchFault)>,
}

/// Why a batch in the log does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BatchFault {
    /// The ledger's rules refuse it.
    #[error("the ledger's rules refuse the entry: {0}")]
    Rules(#[from] Refusal),
    /// The proof does not hold.
    #[error("the proof: {0}")]
    Proof(#[from] VerifyError),
}

/// Verifies signatures and proofs of all earn batches among `entries` against one state; other
/// kinds are skipped. `rng` blinds the groups of proofs: the operating system's, or seeded from it.
pub fn audit(
    state: &State,
    entries: impl IntoIterator<Item = SignedEntry>,
    rng: &mut impl rand_core::CryptoRng,
) -> Audit {
    let mut auditor = Auditor::default();
    for signed in entries {
        auditor.push(state, signed, rng);
    }
    auditor.finish(rng)
}

/// An audit in progress, for entries that are checked against the states of their own times.
#[derive(Debug, Default)]
pub struct Auditor {
    audit: Audit,
    keys: Groth16Keys,
    waiting: BTreeMap<[u8; 32], Group>,
}

#[derive(Debug)]
struct Group {
    key: Arc<PreparedKey>,
    batches: Vec<(EntryId, ProvenStatement, Proof)>,
}

impl Auditor {
    /// Adds the next entry, checked against `state`.
    pub fn push(
        &mut self,
        state: &State,
        signed: SignedEntry,
        rng: &mut impl rand_core::CryptoRng,
    ) {
        let id = signed.id();
        if let Err(refusal) = self.take(state, signed, rng) {
            self.audit.invalid.push((id, refusal.into()));
        }
    }

    /// Verifies the waiting entries.
    pub fn finish(mut self, rng: &mut impl rand_core::CryptoRng) -> Audit {
        for group in std::mem::take(&mut self.waiting).into_values() {
            self.verify(group, rng);
        }
        self.audit
    }

    fn take(
        &mut self,
        state: &State,
        signed: SignedEntry,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<(), Refusal> {
        let id = signed.id();
        let submission = Submission::from_signed(signed, state.origin())?;
        // Skips entries without a Groth16 proof.
        if submission.entry().proof_system() != Some(ProofSystem::Groth16Bn254) {
            return Ok(());
        }
        let job = state.question(&submission)?.ok_or(Refusal::NotVerified)?;
        let job = job.groth16()?;
        state.authenticate(submission)?;
        let key = self.keys.get(state, &job.key)?;
        let group = self.waiting.entry(job.key.0).or_insert_with(|| Group {
            key,
            batches: Vec::new(),
        });
        group.batches.push((id, job.statement, job.proof));
        if group.batches.len() == GROUP
            && let Some(group) = self.waiting.remove(&job.key.0)
        {
            self.verify(group, rng);
        }
        Ok(())
    }

    fn verify(&mut self, group: Group, rng: &mut impl rand_core::CryptoRng) {
        let (ids, items): (Vec<EntryId>, Vec<_>) = group
            .batches
            .into_iter()
            .map(|(id, statement, proof)| (id, (statement, proof)))
            .unzip();
        let answers = Verified::check_batch(&group.key, items, rng);
        for (id, answer) in ids.into_iter().zip(answers) {
            match answer {
                Ok(verified) => {
                    if let ProvenStatement::Earn(statement) = verified.statement() {
                        self.audit.claims += statement.claims.len() as u64;
                    }
                    self.audit.valid += 1;
                }
                Err(fault) => self.audit.invalid.push((id, fault.into())),
            }
        }
    }
}
