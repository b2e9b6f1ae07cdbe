//! When a period is over.

use merits_primitives::{calendar::Timestamp, ids::Period};

/// When a period is over somewhere: days end first at UTC+14.
pub(super) fn end_of(period: Period) -> Timestamp {
    let hours = (i128::from(period.last_day()) + 1) * 24 - 14;
    let millis = u64::try_from(hours.max(0) * 3_600_000);
    Timestamp::from_millis(millis.unwrap_or(u64::MAX))
}
