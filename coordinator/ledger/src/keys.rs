//! Prepared verifying keys, shared by all that verify.

use std::collections::HashMap;
use std::sync::Arc;

use merits_verifier::groth16::{KeyDigest, PreparedKey};

use crate::refusal::Refusal;
use crate::state::State;

/// Prepared keys by digest. A key is prepared once (about 15 ms) and kept.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: HashMap<KeyDigest, Arc<PreparedKey>>,
}

impl KeyRing {
    /// Without any key.
    pub fn new() -> Self {
        Self::default()
    }

    /// The key with this digest, prepared now if it is a key of the state and was not before.
    ///
    /// # Errors
    /// [`Refusal::Key`] when the key is refused, [`Refusal::NotVerified`] when the state has no
    /// such key.
    pub fn get(&mut self, state: &State, digest: &KeyDigest) -> Result<Arc<PreparedKey>, Refusal> {
        if let Some(key) = self.keys.get(digest) {
            return Ok(Arc::clone(key));
        }
        let (key, provenance) = state.verifying_key(digest).ok_or(Refusal::NotVerified)?;
        let prepared = Arc::new(PreparedKey::new(
            key.clone(),
            provenance,
            state.policy().keys,
        )?);
        self.keys.insert(*digest, Arc::clone(&prepared));
        Ok(prepared)
    }
}
