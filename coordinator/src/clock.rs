//! The sequencer's clock, injected so that tests and simulations own time.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

/// Tells the time that leaves carry. It may jump: the sequencer never lets leaf times decrease.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since 1 January 1970 UTC.
    fn unix_millis(&self) -> u64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_millis(&self) -> u64 {
        // A clock before 1970 is a broken machine; 0 keeps leaf times non-decreasing all the same.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
