//! The machine's clock.

use std::time::SystemTime;

use merits_primitives::calendar::Timestamp;

/// The machine's time. A clock before 1970 reads as [`Timestamp::FIRST`].
pub fn machine_time() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::FIRST + since
}
