//! Permits: how many submissions are in work at once, and what happens without one.

use std::sync::Arc;

use merits_proto::Fault;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::{
    faults::RETRY,
    holding::{Holding, Kept},
};

/// What a submission does if there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WithoutPermit {
    /// It is told to retry.
    Busy,
    /// It waits: a stream's sender is slowed down by HTTP/2 flow control.
    Wait,
}

impl WithoutPermit {
    pub(super) async fn admit(
        self,
        permits: &Arc<Semaphore>,
        kept: &Kept,
    ) -> Result<Holding, Fault> {
        let permit = match self {
            Self::Busy => try_permit(permits)?,
            Self::Wait => permit(permits).await?,
        };
        Ok(Holding::new(permit, kept.clone()))
    }
}

pub(super) fn try_permit(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Fault> {
    Arc::clone(permits)
        .try_acquire_owned()
        .map_err(|error| match error {
            TryAcquireError::NoPermits => Fault::busy(RETRY),
            TryAcquireError::Closed => Fault::stopping(),
        })
}

pub(super) async fn permit(permits: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Fault> {
    Arc::clone(permits)
        .acquire_owned()
        .await
        .map_err(|_| Fault::stopping())
}
