//! Prepared verifying keys, shared by all verifying threads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use merits_verifier::groth16::{KeyDigest, KeyPolicy, PreparedKey, Provenance, VerifyingKey};

use crate::refusal::Refusal;
use crate::state::Governing;

/// The most keys that are kept. A prepared key has some hundreds of bytes for each public input. A
/// ledger with more scales in use prepares the least used ones again.
const MOST_KEPT: usize = 256;

/// Prepared keys by digest. A key is prepared once (about 15 ms, more with its public inputs) and
/// kept while it is used. The preparation happens outside of the lock, so nobody waits for the
/// preparation of another key. Clones share the kept keys.
#[derive(Debug, Clone)]
pub struct Groth16Keys(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    most: usize,
    keys: HashMap<KeyDigest, (Arc<PreparedKey>, u64)>,
    /// Counts uses, to find the least recently used key.
    uses: u64,
}

/// A key of a state that is not prepared yet. It has no reference to the state, so the state is not
/// locked during the preparation.
#[derive(Debug, Clone)]
pub struct UnpreparedKey {
    key: VerifyingKey,
    provenance: Provenance,
    policy: KeyPolicy,
}

impl UnpreparedKey {
    /// The key with this digest.
    ///
    /// # Errors
    /// [`Refusal::NotVerified`] when the state has no such key.
    pub fn of(state: &Governing, digest: &KeyDigest) -> Result<Self, Refusal> {
        let (key, provenance) = state.verifying_key(digest).ok_or(Refusal::NotVerified)?;
        Ok(Self {
            key: key.clone(),
            provenance,
            policy: state.policy().keys,
        })
    }

    /// Checks and prepares it.
    ///
    /// # Errors
    /// [`Refusal::Key`] when the key is refused.
    pub fn prepare(self) -> Result<PreparedKey, Refusal> {
        Ok(PreparedKey::new(self.key, self.provenance, self.policy)?)
    }
}

impl Default for Groth16Keys {
    fn default() -> Self {
        Self::new()
    }
}

impl Groth16Keys {
    /// Without any key.
    pub fn new() -> Self {
        Self::holding(MOST_KEPT)
    }

    /// Without any key. Keeps at most this many, and drops the least recently used one.
    pub fn holding(most: usize) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            most: most.max(1),
            keys: HashMap::new(),
            uses: 0,
        })))
    }

    /// The key with this digest. It is prepared now if it is a key of the state and not prepared yet.
    ///
    /// # Errors
    /// [`Refusal::Key`] when the key is refused, [`Refusal::NotVerified`] when the state has no
    /// such key.
    pub fn get(&self, state: &Governing, digest: &KeyDigest) -> Result<Arc<PreparedKey>, Refusal> {
        match self.find(digest) {
            Some(key) => Ok(key),
            None => Ok(self.keep(UnpreparedKey::of(state, digest)?.prepare()?)),
        }
    }

    /// The key with this digest, if it is prepared.
    pub fn find(&self, digest: &KeyDigest) -> Option<Arc<PreparedKey>> {
        let mut kept = self.kept();
        kept.uses += 1;
        let now = kept.uses;
        let (key, used) = kept.keys.get_mut(digest)?;
        *used = now;
        Some(Arc::clone(key))
    }

    /// Stores a prepared key, and returns the stored one: another thread may have been faster.
    pub fn keep(&self, key: PreparedKey) -> Arc<PreparedKey> {
        let digest = key.digest();
        let mut kept = self.kept();
        kept.uses += 1;
        let now = kept.uses;
        if kept.keys.len() >= kept.most
            && !kept.keys.contains_key(&digest)
            && let Some(oldest) = kept
                .keys
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(digest, _)| *digest)
        {
            kept.keys.remove(&oldest);
        }
        let (key, used) = kept
            .keys
            .entry(digest)
            .or_insert_with(|| (Arc::new(key), now));
        *used = now;
        Arc::clone(key)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A key is inserted completely or not at all.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
