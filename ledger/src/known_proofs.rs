//! Proofs that a process verified itself before it meets them in the log.
//!
//! An exchange verifies a redemption before it submits it, and its copy of the log verifies every leaf. Without this
//! memory one process would verify the same proof twice. The memory holds [`Verified`] statements, which only
//! verification makes. One counts for a leaf only if the leaf has the same proof, and this ledger's state gives the
//! same statement under the same key: verification would then only be repeated. Another proof of the same
//! statement is verified, because everybody must refuse a log with a proof that does not hold.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use merits_verifier::{Verified, groth16::Proof};

use crate::proven::{Groth16Job, ProvenStatement};

/// Most proofs that are remembered, each at most a few kilobytes. When the memory is full, the oldest proof
/// that never reached the log is dropped.
const MOST: usize = 256;

/// A bounded memory of verified proofs. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct KnownProofs(Arc<Mutex<Remembered>>);

type Remembered = VecDeque<(Proof, Verified<ProvenStatement>)>;

impl KnownProofs {
    /// Remembers a proof that was verified for this statement. A proof is remembered only once.
    pub fn remember(&self, proof: Proof, verified: Verified<ProvenStatement>) {
        let mut known = self.known();
        let is_same = |(other, before): &(Proof, Verified<ProvenStatement>)| {
            *other == proof
                && before.key() == verified.key()
                && before.statement() == verified.statement()
        };
        if known.iter().any(is_same) {
            return;
        }
        if known.len() == MOST {
            known.pop_front();
        }
        known.push_back((proof, verified));
    }

    /// The number of remembered proofs.
    pub fn len(&self) -> usize {
        self.known().len()
    }

    /// True if none is remembered.
    pub fn is_empty(&self) -> bool {
        self.known().is_empty()
    }

    /// The verified statement of a job whose proof, statement and key are remembered. It is forgotten, because a log
    /// has an entry once.
    pub(crate) fn take(&self, job: &Groth16Job) -> Option<Verified<ProvenStatement>> {
        let mut known = self.known();
        let is_same = |(proof, verified): &(Proof, Verified<ProvenStatement>)| {
            *proof == job.proof
                && verified.key() == job.key
                && *verified.statement() == job.statement
        };
        let position = known.iter().position(is_same)?;
        let (_, verified) = known.remove(position)?;
        Some(verified)
    }

    fn known(&self) -> MutexGuard<'_, Remembered> {
        // A proof is inserted or removed completely or not at all.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
