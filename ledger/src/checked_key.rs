//! Published verifying keys that were checked.

use std::sync::Arc;

use merits_verifier::groth16::{KeyDigest, KeyError, VerifyingKey};

/// A published key that passed [`VerifyingKey::check`]. The check reads every point, so it happens with the
/// signatures of the entry, outside of any lock. The rules take no other key.
#[derive(Debug, Clone)]
pub struct CheckedKey {
    key: Arc<VerifyingKey>,
    digest: KeyDigest,
}

impl CheckedKey {
    /// Checks a key.
    ///
    /// # Errors
    /// [`KeyError`] says which point is refused and why.
    pub fn check(key: VerifyingKey) -> Result<Self, KeyError> {
        key.check()?;
        Ok(Self {
            digest: key.digest(),
            key: Arc::new(key),
        })
    }

    /// The key.
    pub fn key(&self) -> &Arc<VerifyingKey> {
        &self.key
    }

    /// Its digest.
    pub fn digest(&self) -> KeyDigest {
        self.digest
    }
}
