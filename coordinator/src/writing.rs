//! Whether entries can be kept. After a write that failed nothing is appended, and what is stored is served on.

use std::sync::{PoisonError, RwLock};

use thiserror::Error;

/// Shared by the sequencer, which knows, and by all who depend on it.
#[derive(Debug, Default)]
pub(crate) struct Writing(RwLock<Option<CannotWrite>>);

/// Why nothing is appended. For the operator: it names files.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("nothing can be appended, and nothing that was acknowledged is lost: {0}")]
pub(crate) struct CannotWrite(pub(crate) String);

impl Writing {
    /// Whether entries are taken.
    ///
    /// # Errors
    /// [`CannotWrite`].
    pub(crate) fn check(&self) -> Result<(), CannotWrite> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.clone().map_or(Ok(()), Err)
    }

    /// A write failed.
    pub(crate) fn stop(&self, why: CannotWrite) {
        self.set(Some(why));
    }

    /// What is stored was read again, and a write went through.
    pub(crate) fn resume(&self) {
        self.set(None);
    }

    fn set(&self, state: Option<CannotWrite>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}
