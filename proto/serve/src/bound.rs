//! A limited resource, of which calls hold parts.

use std::sync::Arc;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// A pool of units.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    permits: Arc<Semaphore>,
    total: usize,
}

impl Bound {
    pub(crate) fn new(total: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(total)),
            total,
        }
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    pub(crate) fn free(&self) -> usize {
        self.permits.available_permits()
    }

    pub(crate) fn held(&self) -> usize {
        self.total.saturating_sub(self.free())
    }

    pub(crate) fn try_take(&self, units: u32) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        Arc::clone(&self.permits).try_acquire_many_owned(units)
    }

    pub(crate) async fn take(&self, units: u32) -> Result<OwnedSemaphorePermit, AcquireError> {
        Arc::clone(&self.permits).acquire_many_owned(units).await
    }

    /// Whether a caller that holds `self` of the units in `shared` may hold this many more. A caller may hold
    /// at most as much as is still free. So a greedy caller takes at most half, and a new caller gets what is
    /// available.
    pub(crate) fn leaves_enough(&self, shared: &Self, units: u32) -> bool {
        let held = self.held();
        held == 0 || held.saturating_add(units as usize) <= shared.free()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_callers_at_once_leave_as_much_as_each_of_them_has() {
        let shared = Bound::new(100);
        let callers: Vec<Bound> = (0..4).map(|_| Bound::new(100)).collect();
        let mut held = Vec::new();
        let mut stuck = 0;
        while stuck < callers.len() {
            stuck = 0;
            for caller in &callers {
                if caller.leaves_enough(&shared, 1) {
                    held.push((caller.try_take(1).unwrap(), shared.try_take(1).unwrap()));
                } else {
                    stuck += 1;
                }
            }
        }
        assert_eq!(shared.free(), 20);
        // A new caller gets what it asks for, if it is available.
        assert!(Bound::new(100).leaves_enough(&shared, 20));
        drop(held);
        assert_eq!(shared.free(), 100);
    }
}
