//! Reading a column of times or dates into the local wall clock, and from there into a period.
//!
//! The wall clock is local to the deed: a trip on Sunday night counts in the week in which the
//! rider lived it ([`merits_primitives::calendar`]).

use jiff::{Timestamp, civil::DateTime, fmt::strtime, tz::TimeZone};
use merits_primitives::{
    calendar::Date,
    ids::{Period, PeriodKind},
};
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
}

/// How exactly a column has to give a time.
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
    #[error("zone {zone:?} is not in the IANA time zone database; write it as America/Los_Angeles")]
    UnknownZone {
        /// What came.
        zone: String,
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
        /// What jiff said.
        reason: String,
    },
    /// A day without a time is no instant, which another zone could show differently.
    #[error("format {format:?} gives a day without a time: leave out recorded_in")]
    DayElsewhere {
        /// The format.
        format: String,
    },
}

/// Reads cells of a time column.
#[derive(Debug, Clone)]
pub struct WallClock(Form);

#[derive(Debug, Clone)]
enum Form {
    Civil {
        pattern: String,
        shift: Option<(TimeZone, TimeZone)>,
    },
    Unix {
        per_second: i64,
        zone: TimeZone,
    },
    Rfc3339 {
        zone: TimeZone,
    },
}

impl WallClock {
    /// Checks a format with its zones.
    ///
    /// # Errors
    /// [`TimeMappingError`] says what does not fit.
    pub fn new(mapping: &TimeMapping, needed: Needed) -> Result<Self, TimeMappingError> {
        let zone = |name: &String| {
            TimeZone::get(name).map_err(|_| TimeMappingError::UnknownZone {
                zone: name.chars().take(60).collect(),
            })
        };
        let format = mapping.format.as_str();
        let per_second = match format {
            "unix-seconds" => Some(1),
            "unix-millis" => Some(1000),
            "rfc3339" => None,
            _ => return Self::civil(mapping, needed, zone),
        };
        if mapping.recorded_in.is_some() {
            return Err(TimeMappingError::RecordedIn);
        }
        let zone = zone(
            mapping
                .zone
                .as_ref()
                .ok_or_else(|| TimeMappingError::ZoneMissing {
                    format: format.to_owned(),
                })?,
        )?;
        Ok(Self(match per_second {
            Some(per_second) => Form::Unix { per_second, zone },
            None => Form::Rfc3339 { zone },
        }))
    }

    fn civil(
        mapping: &TimeMapping,
        needed: Needed,
        zone: impl Fn(&String) -> Result<TimeZone, TimeMappingError>,
    ) -> Result<Self, TimeMappingError> {
        let shift = match (&mapping.recorded_in, &mapping.zone) {
            (Some(from), Some(to)) => Some((zone(from)?, zone(to)?)),
            // A zone alone names the zone of times that are local already: checked, not needed.
            (None, Some(to)) => zone(to).map(|_| None)?,
            (None, None) => None,
            (Some(_), None) => return Err(TimeMappingError::RecordedIn),
        };
        let pattern = mapping.format.clone();
        let refuse = |reason: String| TimeMappingError::Pattern {
            format: pattern.chars().take(60).collect(),
            reason,
        };
        // A pattern is tried on a probe, so that one that reads no minute fails here and not at
        // every row.
        let probe = jiff::civil::datetime(2001, 2, 3, 16, 5, 0, 0);
        let text = strtime::format(&pattern, probe).map_err(|e| refuse(e.to_string()))?;
        let read = read_civil(&pattern, &text).filter(|read| read.date() == probe.date());
        let timed = read.is_some_and(|read| (read.hour(), read.minute()) == (16, 5));
        match (read, needed) {
            (Some(_), _) if timed => {}
            (Some(_), Needed::Day) if shift.is_none() => {}
            (Some(_), Needed::Day) => {
                return Err(TimeMappingError::DayElsewhere {
                    format: pattern.chars().take(60).collect(),
                });
            }
            _ => {
                return Err(refuse(
                    "a date and time written by it does not read back".into(),
                ));
            }
        }
        Ok(Self(Form::Civil { pattern, shift }))
    }

    /// The local wall clock of a cell; `None` when the cell does not have the format, or names a
    /// time that does not exist.
    pub fn read(&self, cell: &str) -> Option<DateTime> {
        let cell = cell.trim_ascii();
        match &self.0 {
            Form::Civil { pattern, shift } => {
                let civil = read_civil(pattern, cell)?;
                match shift {
                    None => Some(civil),
                    // Civil times that never were, or were twice, name no instant.
                    Some((from, to)) => Some(
                        from.to_ambiguous_zoned(civil)
                            .unambiguous()
                            .ok()?
                            .with_time_zone(to.clone())
                            .datetime(),
                    ),
                }
            }
            Form::Unix { per_second, zone } => {
                let units: i64 = cell.parse().ok()?;
                let instant = match per_second {
                    1 => Timestamp::from_second(units),
                    _ => Timestamp::from_millisecond(units),
                };
                Some(instant.ok()?.to_zoned(zone.clone()).datetime())
            }
            Form::Rfc3339 { zone } => {
                let instant: Timestamp = cell.parse().ok()?;
                Some(instant.to_zoned(zone.clone()).datetime())
            }
        }
    }
}

/// A moment's period, and whole minutes since that period began; `None` before 1970.
pub fn locate(moment: DateTime, kind: PeriodKind) -> Option<(Period, u64)> {
    let (day, minute) = since_1970(moment)?;
    let period = Period::of_day(kind, day);
    Some((period, u64::from(period.minute_of(day, minute)?)))
}

/// Days since 1 January 1970, and whole minutes since that day began; `None` before 1970.
pub fn since_1970(moment: DateTime) -> Option<(u32, u32)> {
    let (month, day) = (
        u8::try_from(moment.month()).ok()?,
        u8::try_from(moment.day()).ok()?,
    );
    let date = Date::new(i32::from(moment.year()), month, day)?;
    let day = u32::try_from(date.to_days()).ok()?;
    // jiff's hours and minutes are never negative.
    let minute = u32::try_from(moment.hour()).ok()? * 60 + u32::try_from(moment.minute()).ok()?;
    Some((day, minute))
}

fn read_civil(pattern: &str, text: &str) -> Option<DateTime> {
    strtime::parse(pattern, text).ok()?.to_datetime().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn mapping(format: &str, recorded_in: Option<&str>, zone: Option<&str>) -> TimeMapping {
        TimeMapping {
            column: "t".into(),
            format: format.into(),
            recorded_in: recorded_in.map(Into::into),
            zone: zone.map(Into::into),
        }
    }

    #[test]
    fn local_times_are_taken_as_they_are() {
        let clock =
            WallClock::new(&mapping("%Y-%m-%dT%H:%M", None, None), Needed::Minute).expect("fits");
        assert_eq!(
            clock.read("2014-09-01T00:01"),
            Some(datetime(2014, 9, 1, 0, 1, 0, 0))
        );
        for bad in [
            "",
            "2014-09-01",
            "2014-13-01T00:01",
            "2014-09-01T24:01",
            "x",
            "2014-09-01T00:01Z",
        ] {
            assert_eq!(clock.read(bad), None, "{bad}");
        }
    }

    #[test]
    fn instants_and_other_zones_become_local() {
        let local = datetime(2014, 8, 31, 17, 1, 0, 0);
        let la = Some("America/Los_Angeles");
        let civil = WallClock::new(&mapping("%Y-%m-%d %H:%M", Some("UTC"), la), Needed::Minute)
            .expect("fits");
        assert_eq!(civil.read("2014-09-01 00:01"), Some(local));
        let unix =
            WallClock::new(&mapping("unix-seconds", None, la), Needed::Minute).expect("fits");
        assert_eq!(unix.read("1409529660"), Some(local));
        let millis =
            WallClock::new(&mapping("unix-millis", None, la), Needed::Minute).expect("fits");
        assert_eq!(millis.read("1409529660000"), Some(local));
        let text = WallClock::new(&mapping("rfc3339", None, la), Needed::Minute).expect("fits");
        assert_eq!(text.read("2014-09-01T00:01:00Z"), Some(local));
        assert_eq!(text.read("2014-09-01T00:01:00"), None, "no offset");
    }

    #[test]
    fn tables_that_cannot_work_are_refused() {
        assert!(matches!(
            WallClock::new(&mapping("unix-seconds", None, None), Needed::Minute),
            Err(TimeMappingError::ZoneMissing { .. })
        ));
        assert!(matches!(
            WallClock::new(
                &mapping("rfc3339", None, Some("Mars/Olympus")),
                Needed::Minute
            ),
            Err(TimeMappingError::UnknownZone { .. })
        ));
        assert!(matches!(
            WallClock::new(&mapping("%Y-%m-%d", None, None), Needed::Minute),
            Err(TimeMappingError::Pattern { .. })
        ));
        assert_eq!(
            WallClock::new(
                &mapping("%Y-%m-%d %H:%M", Some("UTC"), None),
                Needed::Minute
            )
            .err(),
            Some(TimeMappingError::RecordedIn)
        );
    }

    #[test]
    fn a_day_is_enough_where_no_time_is_needed() {
        let day = |format: &str, recorded_in, zone| {
            WallClock::new(&mapping(format, recorded_in, zone), Needed::Day)
        };
        let clock = day("%Y-%m-%d", None, None).expect("fits");
        let midnight = datetime(2024, 2, 29, 0, 0, 0, 0);
        assert_eq!(clock.read("2024-02-29"), Some(midnight));
        for bad in ["2023-02-29", "2024-02-29T10:00", "29.02.2024", ""] {
            assert_eq!(clock.read(bad), None, "{bad}");
        }
        // An instant near midnight falls on the local day.
        let instant = day("rfc3339", None, Some("Asia/Shanghai")).expect("fits");
        let moment = instant.read("2024-02-28T20:00:00Z").expect("an instant");
        assert_eq!(moment.date(), midnight.date());
        assert_eq!(
            day("%Y-%m-%d", Some("UTC"), Some("Asia/Shanghai")).err(),
            Some(TimeMappingError::DayElsewhere {
                format: "%Y-%m-%d".into()
            })
        );
        assert!(matches!(
            day("%H:%M", None, None),
            Err(TimeMappingError::Pattern { .. })
        ));
        assert_eq!(since_1970(midnight), Some((19_782, 0)));
        assert_eq!(since_1970(datetime(1969, 12, 31, 23, 59, 0, 0)), None);
    }

    #[test]
    fn moments_fall_into_periods() {
        let (week, minutes) =
            locate(datetime(2014, 9, 1, 0, 1, 59, 0), PeriodKind::Week).expect("after 1970");
        assert_eq!((week.label().as_str(), minutes), ("2014-W36", 1));
        let (month, minutes) =
            locate(datetime(2014, 9, 30, 23, 59, 0, 0), PeriodKind::Month).expect("after 1970");
        assert_eq!(
            (month.label().as_str(), minutes),
            ("2014-09", 30 * 1440 - 1)
        );
        assert_eq!(
            locate(datetime(1969, 12, 31, 0, 0, 0, 0), PeriodKind::Week),
            None
        );
    }
}
