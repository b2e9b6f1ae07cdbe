//! The machine's clock.

use std::time::SystemTime;

/// The machine's time in milliseconds since 1970. A clock before 1970 reads as 0.
pub fn unix_millis() -> u64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
