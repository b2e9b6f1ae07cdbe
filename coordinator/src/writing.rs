//! Whether entries can be stored. After a failed write nothing is appended, but the stored log is
//! still served.

use std::sync::{PoisonError, RwLock};

use thiserror::Error;

/// Shared by the sequencer, which sets it, and by everything that depends on it.
#[derive(Debug, Default)]
pub(crate) struct Writing(RwLock<Option<CannotWrite>>);

/// Why nothing is appended. For the operator, because it names files.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("nothing can be appended, and nothing that was acknowledged is lost: {0}")]
pub(crate) struct CannotWrite(pub(crate) String);

impl Writing {
    /// Checks whether entries are accepted.
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

    /// The stored log was read again, and a write succeeded.
    pub(crate) fn resume(&self) {
        self.set(None);
    }

    fn set(&self, state: Option<CannotWrite>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}
