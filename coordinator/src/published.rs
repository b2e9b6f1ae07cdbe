//! The public view: the newest durable checkpoint and the governing state at it, and the newest
//! checkpoint that witnesses cosigned. Rows are read from the database.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use merits_ledger::{CommitError, Effects, Governing};
use merits_verifier::log::{Checkpoint, SignedCheckpoint};
use tokio::sync::watch;

/// The published view, advanced by the sequencer after each commit.
#[derive(Debug)]
pub(crate) struct Published {
    view: RwLock<View>,
    cosigned: RwLock<Option<Shown>>,
    /// Size of the newest tree, for those who wait for the next one.
    newest: watch::Sender<u64>,
}

/// A checkpoint with its signatures.
pub(crate) type Shown = (Checkpoint, Arc<SignedCheckpoint>);

/// One moment of the log.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) state: Governing,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) signed: Arc<SignedCheckpoint>,
}

impl Published {
    pub(crate) fn new(view: View) -> Self {
        let (newest, _) = watch::channel(view.checkpoint.size);
        Self {
            view: RwLock::new(view),
            cosigned: RwLock::new(None),
            newest,
        }
    }

    /// The present view. Hold it only briefly: the sequencer waits for it.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, View> {
        // `advance` cannot leave a half-made view: it does not panic between its assignments.
        self.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest checkpoint.
    pub(crate) fn checkpoint(&self) -> Shown {
        let view = self.read();
        (view.checkpoint.clone(), Arc::clone(&view.signed))
    }

    /// The newest checkpoint that enough witnesses cosigned, if there is one.
    pub(crate) fn cosigned(&self) -> Option<Shown> {
        let cosigned = self.cosigned.read();
        cosigned.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Follows the size of the newest tree.
    pub(crate) fn sizes(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Shows a checkpoint that enough witnesses cosigned. An older one than before is not shown.
    pub(crate) fn show_cosigned(&self, checkpoint: &Checkpoint, signed: SignedCheckpoint) {
        let signed = Arc::new(signed);
        {
            let mut cosigned = (self.cosigned.write()).unwrap_or_else(PoisonError::into_inner);
            if (cosigned.as_ref()).is_some_and(|(shown, _)| shown.size > checkpoint.size) {
                return;
            }
            *cosigned = Some((checkpoint.clone(), Arc::clone(&signed)));
        }
        // Receipts under the newest checkpoint carry the cosignatures too, if it is this one.
        let mut view = self.write();
        if view.checkpoint == *checkpoint {
            view.signed = signed;
        }
    }

    /// Replaces the published view by the stored one, which has the same entries and those that
    /// were committed without an answer.
    pub(crate) fn replace(&self, view: View) {
        let size = view.checkpoint.size;
        *self.write() = view;
        self.newest.send_replace(size);
    }

    pub(crate) fn advance(
        &self,
        checkpoint: &Checkpoint,
        signed: Arc<SignedCheckpoint>,
        effects: &[Effects],
    ) -> Result<(), CommitError> {
        {
            let mut view = self.write();
            view.state.commit_all(effects)?;
            view.checkpoint = checkpoint.clone();
            view.signed = signed;
        }
        self.newest.send_replace(checkpoint.size);
        Ok(())
    }
}
