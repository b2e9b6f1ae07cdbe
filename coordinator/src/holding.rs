//! The resources of a submission or a verification. They are held while anything works on it, even
//! after the caller has gone.

use std::sync::Arc;

use merits_serve::{ItemMemory, Memory};
use tokio::sync::OwnedSemaphorePermit;

/// The memory of one request.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "held")]
pub(crate) enum Kept {
    Call(Memory),
    Item(ItemMemory),
    #[cfg(test)]
    Nothing,
}

impl From<Memory> for Kept {
    fn from(memory: Memory) -> Self {
        Self::Call(memory)
    }
}

impl From<ItemMemory> for Kept {
    fn from(memory: ItemMemory) -> Self {
        Self::Item(memory)
    }
}

/// A permit, and the memory. Each job has a copy.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "held")]
pub(crate) struct Holding {
    permit: Arc<OwnedSemaphorePermit>,
    kept: Kept,
}

impl Holding {
    pub(crate) fn new(permit: OwnedSemaphorePermit, kept: Kept) -> Self {
        let permit = Arc::new(permit);
        Self { permit, kept }
    }

    /// For tests that only need to hold it.
    #[cfg(test)]
    pub(crate) fn of_nothing() -> Self {
        let permits = Arc::new(tokio::sync::Semaphore::new(1));
        Self::new(permits.try_acquire_owned().unwrap(), Kept::Nothing)
    }
}
