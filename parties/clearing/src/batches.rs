//! All earn batches of a log, verified together: a bad one is named and does not sink the rest.

use std::collections::BTreeMap;

use merits_ledger::{KeyRing, Refusal, State, Submission};
use merits_primitives::ids::EntryId;
use merits_verifier::{
    Verified, VerifyError,
    entry::SignedEntry,
    groth16::{KeyDigest, Proof},
    statement::earn::EarnStatement,
};
use thiserror::Error;

/// Proofs that share one pairing product: more gain little, and wait in memory.
const GROUP: usize = 256;

/// What an audit of batches found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Batches that hold.
    pub valid: Vec<EntryId>,
    /// Their claims.
    pub claims: usize,
    /// Batches that do not, with the reason.
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

/// Verifies signatures and proofs of all earn batches among `entries`; other kinds are passed
/// over. `rng` blinds the groups of proofs: the operating system's, or seeded from it.
pub fn audit(
    state: &State,
    entries: impl IntoIterator<Item = SignedEntry>,
    rng: &mut impl rand_core::CryptoRng,
) -> Audit {
    let mut audit = Audit::default();
    let mut keys = KeyRing::new();
    let mut waiting: BTreeMap<[u8; 32], Group> = BTreeMap::new();
    for signed in entries {
        let id = signed.id();
        match job(state, signed) {
            Ok(None) => {}
            Ok(Some((digest, statement, proof))) => {
                let group = waiting.entry(digest.0).or_default();
                group.push((id, statement, proof));
                if group.len() == GROUP {
                    verify(
                        state,
                        &mut keys,
                        digest,
                        std::mem::take(group),
                        &mut audit,
                        rng,
                    );
                }
            }
            Err(fault) => audit.invalid.push((id, fault)),
        }
    }
    for (digest, group) in waiting {
        verify(state, &mut keys, KeyDigest(digest), group, &mut audit, rng);
    }
    audit
}

type Group = Vec<(EntryId, EarnStatement, Proof)>;

fn job(
    state: &State,
    signed: SignedEntry,
) -> Result<Option<(KeyDigest, EarnStatement, Proof)>, BatchFault> {
    let submission = Submission::from_signed(signed, state.origin())?;
    let Some(job) = state.earn_job(&submission)? else {
        return Ok(None);
    };
    state.authenticate(submission)?;
    Ok(Some((job.key, job.statement, job.proof)))
}

fn verify(
    state: &State,
    keys: &mut KeyRing,
    digest: KeyDigest,
    group: Group,
    audit: &mut Audit,
    rng: &mut impl rand_core::CryptoRng,
) {
    let key = match keys.get(state, &digest) {
        Ok(key) => key,
        Err(refusal) => {
            let fault = |(id, _, _)| (id, BatchFault::Rules(refusal.clone()));
            audit.invalid.extend(group.into_iter().map(fault));
            return;
        }
    };
    let (ids, items): (Vec<EntryId>, Vec<_>) = group
        .into_iter()
        .map(|(id, statement, proof)| (id, (statement, proof)))
        .unzip();
    for (id, answer) in ids.into_iter().zip(Verified::check_batch(&key, items, rng)) {
        match answer {
            Ok(verified) => {
                audit.claims += verified.statement().claims.len();
                audit.valid.push(id);
            }
            Err(fault) => audit.invalid.push((id, fault.into())),
        }
    }
}
