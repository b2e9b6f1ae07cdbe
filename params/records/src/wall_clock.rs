//! Reading a column of times or dates into the local wall clock, and from there into a period.
//!
//! The wall clock is local to the deed: a trip on Sunday night counts in the week in which the
//! rider lived it ([`merits_primitives::calendar`]). [`Present`] is what that clock shows now.

mod moment;
mod present;
mod time_mapping;
mod zone;

use jiff::{
    Zoned,
    civil::DateTime,
    fmt::strtime,
    tz::{AmbiguousOffset, TimeZone},
};
use merits_primitives::calendar::Timestamp;
use thiserror::Error;

pub(crate) use moment::at;
pub use moment::{locate, since_1970};
pub use present::Present;
pub use time_mapping::{Needed, TimeMapping, TimeMappingError, Twice};
use zone::zone;

/// Why a cell does not give a moment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TimeFault {
    /// It does not have the format, or no such date exists.
    #[error("does not have the mapping's time format, or no such date or time exists")]
    Format,
    /// The time never existed.
    #[error(
        "{civil} never existed in {zone}: the clock was set forward over it, from {before} to {after}. Was it recorded in another zone?"
    )]
    Skipped {
        /// The cell's.
        civil: String,
        /// The zone.
        zone: String,
        /// The offset before.
        before: String,
        /// The offset after.
        after: String,
    },
    /// The time came twice.
    #[error(
        "{civil} came twice in {zone}, where the clock was set back: as {first} and as {second}. Give instants (with their offset), or say which one is meant: twice = \"first\" or \"second\" in the mapping"
    )]
    Twice {
        /// The cell's.
        civil: String,
        /// Where.
        zone: String,
        /// The earlier instant.
        first: String,
        /// The later one.
        second: String,
    },
}

/// Reads cells of a time column.
#[derive(Debug, Clone)]
pub struct WallClock(Form);

#[derive(Debug, Clone)]
enum Form {
    Civil {
        pattern: String,
        /// The zone whose clock was read, if the mapping says it and the pattern gives times.
        recorded: Option<TimeZone>,
        /// The zone whose clock counts, where it is another.
        local: Option<TimeZone>,
        /// The zone whose clock counts, if the mapping says it, of days without a time too.
        counts: Option<TimeZone>,
        twice: Option<Twice>,
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
        let format = mapping.format.as_str();
        let per_second = match format {
            "unix-seconds" => Some(1),
            "unix-millis" => Some(1000),
            "rfc3339" => None,
            _ => return Self::civil(mapping, needed),
        };
        if mapping.recorded_in.is_some() {
            return Err(TimeMappingError::RecordedIn);
        }
        if mapping.twice.is_some() {
            return Err(TimeMappingError::Twice);
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

    fn civil(mapping: &TimeMapping, needed: Needed) -> Result<Self, TimeMappingError> {
        let (recorded, local) = match (&mapping.recorded_in, &mapping.zone) {
            (Some(from), Some(to)) => (Some(zone(from)?), Some(zone(to)?)),
            // A zone alone names the zone of times that are local already.
            (None, Some(zone_name)) => (Some(zone(zone_name)?), None),
            (None, None) if mapping.twice.is_some() => return Err(TimeMappingError::Twice),
            (None, None) => (None, None),
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
            (Some(_), Needed::Day) if local.is_none() => {}
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
        Ok(Self(Form::Civil {
            pattern,
            counts: local.clone().or_else(|| recorded.clone()),
            // A date without a time is always valid, also on a day with a clock change.
            recorded: recorded.filter(|_| timed),
            local,
            twice: mapping.twice,
        }))
    }

    /// The local wall clock at this time: in the mapping's zone or, if it names none, anywhere on
    /// Earth.
    pub fn present(&self, time: Timestamp) -> Present {
        let zone = match &self.0 {
            Form::Civil { counts, .. } => counts.as_ref(),
            Form::Unix { zone, .. } | Form::Rfc3339 { zone } => Some(zone),
        };
        zone.map_or_else(
            || Present::anywhere(time),
            |zone| Present::in_zone(zone, time),
        )
    }

    /// The local wall clock of a cell.
    ///
    /// # Errors
    /// [`TimeFault`]: the cell does not have the format, or names a time that does not exist, or
    /// came twice.
    pub fn read(&self, cell: &str) -> Result<DateTime, TimeFault> {
        let cell = cell.trim_ascii();
        match &self.0 {
            Form::Civil {
                pattern,
                recorded,
                local,
                counts: _,
                twice,
            } => {
                let civil = read_civil(pattern, cell).ok_or(TimeFault::Format)?;
                let Some(recorded) = recorded else {
                    return Ok(civil);
                };
                let instant = instant_of(civil, recorded, *twice)?;
                Ok(match local {
                    None => civil,
                    Some(local) => instant.with_time_zone(local.clone()).datetime(),
                })
            }
            Form::Unix { per_second, zone } => {
                let units: i64 = cell.parse().map_err(|_| TimeFault::Format)?;
                let instant = match per_second {
                    1 => jiff::Timestamp::from_second(units),
                    _ => jiff::Timestamp::from_millisecond(units),
                };
                let instant = instant.map_err(|_| TimeFault::Format)?;
                Ok(instant.to_zoned(zone.clone()).datetime())
            }
            Form::Rfc3339 { zone } => {
                let instant: jiff::Timestamp = cell.parse().map_err(|_| TimeFault::Format)?;
                Ok(instant.to_zoned(zone.clone()).datetime())
            }
        }
    }
}

/// The instant of a civil time; a time that never existed or came twice is a fault, in words.
fn instant_of(civil: DateTime, zone: &TimeZone, twice: Option<Twice>) -> Result<Zoned, TimeFault> {
    let ambiguous = zone.to_ambiguous_zoned(civil);
    let name = zone.iana_name().unwrap_or("the zone").to_owned();
    match (ambiguous.offset(), twice) {
        (AmbiguousOffset::Gap { before, after }, _) => Err(TimeFault::Skipped {
            civil: minute(civil),
            zone: name,
            before: format!("UTC{before}"),
            after: format!("UTC{after}"),
        }),
        (AmbiguousOffset::Fold { .. }, None) => {
            let shown = |instant: Result<Zoned, jiff::Error>| {
                instant.map_or_else(
                    |_| String::from("?"),
                    |instant| instant.strftime("%Y-%m-%dT%H:%M%:z").to_string(),
                )
            };
            Err(TimeFault::Twice {
                civil: minute(civil),
                zone: name,
                first: shown(ambiguous.clone().earlier()),
                second: shown(ambiguous.later()),
            })
        }
        (AmbiguousOffset::Fold { .. }, Some(Twice::Second)) => {
            ambiguous.later().map_err(|_| TimeFault::Format)
        }
        (AmbiguousOffset::Fold { .. }, Some(Twice::First))
        | (AmbiguousOffset::Unambiguous { .. }, _) => {
            ambiguous.earlier().map_err(|_| TimeFault::Format)
        }
    }
}

/// A civil time for people, to the minute.
fn minute(civil: DateTime) -> String {
    civil.strftime("%Y-%m-%dT%H:%M").to_string()
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
            twice: None,
        }
    }

    #[test]
    fn local_times_are_not_converted() {
        let clock =
            WallClock::new(&mapping("%Y-%m-%dT%H:%M", None, None), Needed::Minute).expect("fits");
        assert_eq!(
            clock.read("2014-09-01T00:01"),
            Ok(datetime(2014, 9, 1, 0, 1, 0, 0))
        );
        for bad in [
            "",
            "2014-09-01",
            "2014-13-01T00:01",
            "2014-09-01T24:01",
            "x",
            "2014-09-01T00:01Z",
        ] {
            assert_eq!(clock.read(bad), Err(TimeFault::Format), "{bad}");
        }
    }

    #[test]
    fn instants_and_other_zones_become_local() {
        let local = datetime(2014, 8, 31, 17, 1, 0, 0);
        let la = Some("America/Los_Angeles");
        let civil = WallClock::new(&mapping("%Y-%m-%d %H:%M", Some("UTC"), la), Needed::Minute)
            .expect("fits");
        assert_eq!(civil.read("2014-09-01 00:01"), Ok(local));
        let unix =
            WallClock::new(&mapping("unix-seconds", None, la), Needed::Minute).expect("fits");
        assert_eq!(unix.read("1409529660"), Ok(local));
        let millis =
            WallClock::new(&mapping("unix-millis", None, la), Needed::Minute).expect("fits");
        assert_eq!(millis.read("1409529660000"), Ok(local));
        let text = WallClock::new(&mapping("rfc3339", None, la), Needed::Minute).expect("fits");
        assert_eq!(text.read("2014-09-01T00:01:00Z"), Ok(local));
        let bare = text.read("2014-09-01T00:01:00");
        assert_eq!(bare, Err(TimeFault::Format), "no offset");
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
        assert_eq!(clock.read("2024-02-29"), Ok(midnight));
        for bad in ["2023-02-29", "2024-02-29T10:00", "29.02.2024", ""] {
            assert_eq!(clock.read(bad), Err(TimeFault::Format), "{bad}");
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

    /// Clocks are set back and forward: in Berlin and in Los Angeles, where times may be local or another
    /// zone's.
    #[test]
    fn a_time_that_came_twice_or_never_says_so() {
        let berlin = mapping(
            "%Y-%m-%dT%H:%M",
            Some("Europe/Berlin"),
            Some("Asia/Shanghai"),
        );
        let clock = WallClock::new(&berlin, Needed::Minute).expect("fits");
        let said = clock
            .read("2025-10-26T02:30")
            .expect_err("twice")
            .to_string();
        for part in [
            "2025-10-26T02:30 came twice in Europe/Berlin",
            "2025-10-26T02:30+02:00",
            "2025-10-26T02:30+01:00",
        ] {
            assert!(said.contains(part), "{said}");
        }
        let said = clock
            .read("2025-03-30T02:30")
            .expect_err("never")
            .to_string();
        assert!(
            said.contains("2025-03-30T02:30 never existed in Europe/Berlin"),
            "{said}"
        );
        assert_eq!(
            clock.read("2025-03-31T00:30"),
            Ok(datetime(2025, 3, 31, 6, 30, 0, 0))
        );
        for (twice, hour) in [(Twice::First, 8), (Twice::Second, 9)] {
            let twice = Some(twice);
            let clock = WallClock::new(
                &TimeMapping {
                    twice,
                    ..berlin.clone()
                },
                Needed::Minute,
            );
            assert_eq!(
                clock.expect("fits").read("2025-10-26T02:30"),
                Ok(datetime(2025, 10, 26, hour, 30, 0, 0))
            );
        }
        // Local already: the same words; with the rule, the wall clock counts as it is.
        let local = mapping("%Y-%m-%dT%H:%M", None, Some("America/Los_Angeles"));
        let clock = WallClock::new(&local, Needed::Minute).expect("fits");
        let said = clock
            .read("2024-11-03T01:30")
            .expect_err("twice")
            .to_string();
        assert!(said.contains("-07:00") && said.contains("-08:00"), "{said}");
        let twice = Some(Twice::Second);
        let clock = WallClock::new(&TimeMapping { twice, ..local }, Needed::Minute);
        assert_eq!(
            clock.expect("fits").read("2024-11-03T01:30"),
            Ok(datetime(2024, 11, 3, 1, 30, 0, 0))
        );
        // A date is valid, also on a day with a clock change.
        let day = mapping("%Y-%m-%d", None, Some("America/Sao_Paulo"));
        let clock = WallClock::new(&day, Needed::Day).expect("fits");
        assert!(
            clock.read("2018-11-04").is_ok(),
            "midnight was skipped there"
        );
        // Without a zone no clock is set back.
        let twice = Some(Twice::First);
        let nowhere = TimeMapping {
            twice,
            ..mapping("%Y-%m-%dT%H:%M", None, None)
        };
        assert_eq!(
            WallClock::new(&nowhere, Needed::Minute).err(),
            Some(TimeMappingError::Twice)
        );
    }
}
