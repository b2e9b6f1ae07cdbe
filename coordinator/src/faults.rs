//! Faults of the coordinator itself, as callers see them.

use std::time::Duration;

use merits_ledger::storage::StoreFailure;
use merits_proto::Fault;
use tokio::sync::oneshot;

use crate::{timekeeper::OutOfStep, verify_pool::Full};

/// When a caller without a permit should retry: after about the time of a full batch.
pub(crate) const RETRY: Duration = Duration::from_millis(250);

/// The clock is wrong: the operator must correct it, and the caller must wait.
pub(crate) fn out_of_step(error: OutOfStep) -> Fault {
    Fault::out_of_step(error.to_string())
}

/// The pool accepts no more.
pub(crate) fn full(_: Full) -> Fault {
    Fault::busy(RETRY)
}

/// The job panicked; the pool has logged it.
pub(crate) fn lost(_: oneshot::error::RecvError) -> Fault {
    Fault::internal()
}

/// A read failed. The cause is for the operator's log, not for the caller.
pub(crate) fn database(error: StoreFailure) -> Fault {
    tracing::error!(%error, "the database failed");
    Fault::internal()
}
