//! How a column gives times, as a mapping says it.

use serde::Deserialize;
use thiserror::Error;

/// How a column gives times: the `[time]` table of a mapping, or a field that is a date or a
/// datetime.
///
/// Three ways to give times:
/// - already local: `format = "%Y-%m-%dT%H:%M"` and nothing else (`"%Y-%m-%d"` where a day is
///   enough);
/// - civil times of another zone: also `recorded_in` and `zone`;
/// - instants: `format = "unix-seconds"`, `"unix-millis"` or `"rfc3339"`, and `zone`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeMapping {
    /// The column.
    pub column: String,
    /// A strptime pattern, `unix-seconds`, `unix-millis` or `rfc3339`.
    pub format: String,
    /// IANA zone that a civil time was recorded in, where that is not the local one.
    pub recorded_in: Option<String>,
    /// IANA zone whose wall clock decides the period.
    pub zone: Option<String>,
    /// Which instant a civil time means if it came twice because the clock was set back. If this is
    /// left out, such a row is refused.
    pub twice: Option<Twice>,
}

/// Which of two instants with one civil time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Twice {
    /// The earlier.
    First,
    /// The later.
    Second,
}

/// The precision that a column of times must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// To the minute.
    Minute,
    /// The day is enough: a pattern without hours is read as 00:00.
    Day,
}

/// A format or zone that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TimeMappingError {
    /// No such zone.
    #[error(
        "zone {zone:?} is not in the IANA time zone database: write a place such as Europe/Berlin, or UTC"
    )]
    UnknownZone {
        /// What came.
        zone: String,
    },
    /// A name of the database, or of a machine's copy of it, that is not the clock of a place.
    #[error(
        "zone {zone:?} is not a place: {why}. Write a place such as Europe/Berlin, or UTC, whose clock counts"
    )]
    NoPlace {
        /// What came.
        zone: String,
        /// What the name means.
        why: &'static str,
    },
    /// Instants need a zone to become local.
    #[error(
        "format {format:?} gives instants: say in which zone's wall clock the deed is local (zone = ...)"
    )]
    ZoneMissing {
        /// The format.
        format: String,
    },
    /// `recorded_in` and `zone` belong together, for civil times only.
    #[error("recorded_in needs zone, and is for civil times only")]
    RecordedIn,
    /// A pattern that does not give date, hour and minute.
    #[error("format {format:?} gives no date with hour and minute: {reason}")]
    Pattern {
        /// The format.
        format: String,
        /// The library's reason.
        reason: String,
    },
    /// `twice` without a zone's clock to be set back.
    #[error("twice is for civil times whose zone is known: give zone, or recorded_in and zone")]
    Twice,
    /// A day without a time is not an instant, which another zone could show differently.
    #[error("format {format:?} gives a day without a time: leave out recorded_in")]
    DayElsewhere {
        /// The format.
        format: String,
    },
}
