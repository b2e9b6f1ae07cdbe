//! Instants of the ledger, in UTC.

use alloc::{format, string::String};
use core::{
    fmt,
    ops::{Add, AddAssign, Sub},
    time::Duration,
};

use super::Day;

/// Milliseconds of a day.
const MILLIS_PER_DAY: u64 = 86_400_000;

/// An instant: milliseconds since 1 January 1970, UTC. Shown to the second, `2014-09-01 08:00:05 UTC`.
///
/// `+` and `-` stop at [`Timestamp::LAST`] and [`Timestamp::FIRST`], so a hostile time neither wraps
/// nor panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(transparent)
)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The beginning of 1 January 1970.
    pub const FIRST: Self = Self(0);

    /// The last instant that has a number, later than every instant in use.
    pub const LAST: Self = Self(u64::MAX);

    /// The instant this many milliseconds after the beginning of 1970.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the beginning of 1970.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The day (UTC); [`Day::LAST`] for all later times.
    pub fn day(self) -> Day {
        u32::try_from(self.0 / MILLIS_PER_DAY).map_or(Day::LAST, Day)
    }

    /// The time since `earlier`; zero if this is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The distance between the two.
    pub const fn distance(self, other: Self) -> Duration {
        Duration::from_millis(self.0.abs_diff(other.0))
    }

    /// The number of whole slots of this length since 1970. A length below a millisecond counts as one.
    pub fn slot(self, length: Duration) -> u64 {
        self.0 / millis(length).max(1)
    }

    /// When the next [slot](Self::slot) of this length begins, at most [`Timestamp::LAST`].
    pub fn next_slot(self, length: Duration) -> Self {
        let next = self.slot(length).saturating_add(1);
        Self(next.saturating_mul(millis(length).max(1)))
    }

    /// To the minute: `2014-09-01 08:00 UTC`.
    pub fn to_minute(self) -> String {
        let minutes = self.0 / 60_000;
        let (date, hours) = (self.day(), minutes / 60 % 24);
        format!("{date} {hours:02}:{:02} UTC", minutes % 60)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// So much later, at most [`Timestamp::LAST`].
    fn add(self, length: Duration) -> Self {
        Self(self.0.saturating_add(millis(length)))
    }
}

impl AddAssign<Duration> for Timestamp {
    fn add_assign(&mut self, length: Duration) {
        *self = *self + length;
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    /// So much earlier, at least [`Timestamp::FIRST`].
    fn sub(self, length: Duration) -> Self {
        Self(self.0.saturating_sub(millis(length)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, seconds) = (self.day(), self.0 / 1_000);
        let (hours, minutes) = (seconds / 3_600 % 24, seconds / 60 % 60);
        write!(f, "{date} {hours:02}:{minutes:02}:{:02} UTC", seconds % 60)
    }
}

/// Milliseconds of a length of time, at most `u64::MAX`.
fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

impl Day {
    /// When the day begins, UTC.
    pub fn start(self) -> Timestamp {
        Timestamp(u64::from(self.0) * MILLIS_PER_DAY)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::calendar::month_label;

    #[test]
    fn days_months_and_moments_are_written_as_people_do() {
        assert_eq!(Day(16_314).to_string(), "2014-09-01");
        let morning = Day(16_314).start();
        assert_eq!(morning.day(), Day(16_314));
        assert_eq!((morning - Duration::from_millis(1)).day(), Day(16_313));
        assert_eq!(Timestamp::LAST.day(), Day::LAST);
        assert_eq!(month_label(536), "2014-09");
        let moment = Timestamp::from_millis(1_409_558_405_999);
        assert_eq!(moment.to_string(), "2014-09-01 08:00:05 UTC");
        assert_eq!(moment.to_minute(), "2014-09-01 08:00 UTC");
        assert_eq!(Timestamp::FIRST.to_string(), "1970-01-01 00:00:00 UTC");
        // A hostile peer's time.
        assert!(Timestamp::LAST.to_string().ends_with(" UTC"));
    }

    #[test]
    fn arithmetic_on_times_stops_at_both_ends() {
        let (first, last) = (Timestamp::FIRST, Timestamp::LAST);
        let second = Duration::from_secs(1);
        let late = Timestamp::from_millis(u64::MAX - 1);
        assert_eq!(late + second, last);
        assert_eq!(last + Duration::MAX, last);
        assert_eq!(Timestamp::from_millis(999) - second, first);
        assert_eq!(last - Duration::MAX, first);
        assert_eq!((first + second).since(first), second);
        assert_eq!(first.since(last), Duration::ZERO);
        assert_eq!(first.distance(last), last.distance(first));
        assert_eq!(Timestamp::from_millis(2_999).slot(second), 2);
        assert_eq!(late.slot(Duration::ZERO), late.as_millis());
        assert_eq!(
            Timestamp::from_millis(2_999).next_slot(second),
            first + 3 * second
        );
        assert_eq!(late.next_slot(second), last);
    }
}
