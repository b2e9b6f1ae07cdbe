//! What wall clocks show now: in one zone, or in every zone on Earth.
//!
//! Without a named zone, two questions have different answers. Nothing has happened yet that is
//! later than the **latest** clock shows; nothing is over before the **earliest** clock shows that
//! it is. A period that is signed an hour too early never gets that hour's deeds.

use jiff::{civil::DateTime, tz::TimeZone};
use merits_primitives::calendar::{Date, Timestamp};

use super::moment::{at, since_1970};

/// The wall clocks of deeds, at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    zone: Option<String>,
    earliest: DateTime,
    latest: DateTime,
}

impl Present {
    /// The clock of a zone at this time.
    pub fn in_zone(zone: &TimeZone, time: Timestamp) -> Self {
        let instant = i64::try_from(time.as_millis())
            .ok()
            .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
        let Some(instant) = instant else {
            return Self::anywhere(time);
        };
        let shown = instant.to_zoned(zone.clone()).datetime();
        Self {
            zone: Some(zone.iana_name().unwrap_or("the mapping's zone").to_owned()),
            earliest: shown,
            latest: shown,
        }
    }

    /// The clocks anywhere on Earth at this time: from UTC−12 to UTC+14.
    pub fn anywhere(time: Timestamp) -> Self {
        // Minutes of 2^64 milliseconds are far below 2^63.
        let minutes = i64::try_from(time.as_millis() / 60_000).unwrap_or(i64::MAX);
        let ahead = |hours: i64| at(minutes.saturating_add(hours * 60)).unwrap_or(DateTime::MAX);
        Self {
            zone: None,
            earliest: ahead(BEHIND),
            latest: ahead(AHEAD),
        }
    }

    /// The clock, or the earliest of all clocks. A time before it is over everywhere.
    pub fn earliest(&self) -> DateTime {
        self.earliest
    }

    /// The clock, or the latest of all clocks. A later time has not come anywhere.
    pub fn latest(&self) -> DateTime {
        self.latest
    }

    /// The last day that is over everywhere; none where the clock shows 1 January 1970 or less.
    pub fn last_day_over(&self) -> Option<Date> {
        let (today, _) = since_1970(self.earliest)?;
        Some(Date::from_days(today.checked_sub(1)?))
    }
}

/// The clock that decides what is over, in words that follow "by", and how to name another.
impl std::fmt::Display for Present {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = self.earliest.strftime("%Y-%m-%d %H:%M");
        match &self.zone {
            Some(zone) => write!(f, "the clock of {zone}, which shows {shown}"),
            None => write!(
                f,
                "the clock of UTC-12, which shows {shown}: the mapping's time table names no zone, and days end \
                 last there. If all deeds are of one zone, name it in that table: zone = \"Asia/Shanghai\""
            ),
        }
    }
}

/// Hours by which the clocks of UTC−12 differ from UTC.
const BEHIND: i64 = -12;

/// Hours by which the clocks of UTC+14 differ from UTC.
const AHEAD: i64 = 14;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wall_clock::{Needed, TimeMapping, WallClock};
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

    /// 2026-11-30T12:00Z.
    const NOON: Timestamp = Timestamp::from_millis(1_796_040_000_000);

    #[test]
    fn now_is_the_zones_where_one_is_named() {
        let civil = "%Y-%m-%dT%H:%M";
        let shanghai = Some("Asia/Shanghai");
        for (mapping, hour) in [
            (mapping("unix-seconds", None, shanghai), 20),
            (mapping("rfc3339", None, Some("Europe/Berlin")), 13),
            (mapping(civil, None, Some("Europe/Berlin")), 13),
            (mapping(civil, Some("Europe/Berlin"), shanghai), 20),
            // Days without a time have a zone as well.
            (mapping("%Y-%m-%d", None, shanghai), 20),
        ] {
            let clock = WallClock::new(&mapping, Needed::Day).expect("fits");
            let present = clock.present(NOON);
            let shown = datetime(2026, 11, 30, hour, 0, 0, 0);
            assert_eq!((present.earliest(), present.latest()), (shown, shown));
            assert_eq!(present.last_day_over(), Date::new(2026, 11, 29));
            assert!(!present.to_string().contains("UTC-12"), "{present}");
        }
    }

    /// Regression: where no zone was named, a day was over as soon as it was over at UTC+14.
    #[test]
    fn without_a_zone_nothing_is_over_that_runs_anywhere() {
        let nowhere = mapping("%Y-%m-%d", None, None);
        let clock = WallClock::new(&nowhere, Needed::Day).expect("fits");
        let present = clock.present(NOON);
        assert_eq!(present, Present::anywhere(NOON));
        assert_eq!(present.latest(), datetime(2026, 12, 1, 2, 0, 0, 0));
        assert_eq!(present.earliest(), datetime(2026, 11, 30, 0, 0, 0, 0));
        assert_eq!(present.last_day_over(), Date::new(2026, 11, 29));
        let before = Present::anywhere(NOON - Duration::from_secs(60));
        assert_eq!(before.last_day_over(), Date::new(2026, 11, 28));
        for part in ["UTC-12", "2026-11-30 00:00", "zone = \"Asia/Shanghai\""] {
            assert!(present.to_string().contains(part), "{present}");
        }
    }

    #[test]
    fn clocks_stop_at_the_calendars_ends() {
        assert_eq!(Present::anywhere(Timestamp::LAST).latest(), DateTime::MAX);
        assert_eq!(Present::anywhere(Timestamp::FIRST).last_day_over(), None);
        let zone = TimeZone::get("Asia/Shanghai").expect("a zone");
        assert_eq!(
            Present::in_zone(&zone, Timestamp::LAST).latest(),
            DateTime::MAX
        );
        assert_eq!(
            Present::in_zone(&zone, Timestamp::FIRST).last_day_over(),
            None
        );
    }
}
