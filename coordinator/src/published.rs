//! The public view: the newest durable checkpoint and the governing state at it. Rows are read from
//! the database.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use merits_ledger::{CommitError, Effects, Governing};
use merits_verifier::log::{Checkpoint, SignedCheckpoint};

/// The published view, advanced by the sequencer after each commit.
#[derive(Debug)]
pub(crate) struct Published(RwLock<View>);

/// One moment of the log.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) state: Governing,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) signed: Arc<SignedCheckpoint>,
}

impl Published {
    pub(crate) fn new(view: View) -> Self {
        Self(RwLock::new(view))
    }

    /// The present view. Hold it only briefly: the sequencer waits for it.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, View> {
        // `advance` cannot leave a half-made view: it does not panic between its assignments.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest checkpoint.
    pub(crate) fn checkpoint(&self) -> (Checkpoint, Arc<SignedCheckpoint>) {
        let view = self.read();
        (view.checkpoint.clone(), Arc::clone(&view.signed))
    }

    /// Replaces the published view by the stored one, which has the same entries and those that
    /// were committed without an answer.
    pub(crate) fn replace(&self, view: View) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = view;
    }

    pub(crate) fn advance(
        &self,
        checkpoint: &Checkpoint,
        signed: Arc<SignedCheckpoint>,
        effects: &[Effects],
    ) -> Result<(), CommitError> {
        let mut view = self.0.write().unwrap_or_else(PoisonError::into_inner);
        view.state.commit_all(effects)?;
        view.checkpoint = checkpoint.clone();
        view.signed = signed;
        Ok(())
    }
}
