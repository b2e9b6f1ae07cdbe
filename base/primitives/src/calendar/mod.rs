//! Periods on the calendar: the day, week or month of an instant, and when credits lapse.
//!
//! All arithmetic is on local wall-clock days counted from 1 January 1970 (a Thursday), in the
//! proleptic Gregorian calendar, without a time zone: a scale counts by the person's local day, and
//! the source of the records says which day that was. When clocks are set back, an hour of the wall
//! clock comes twice. Records in it may then repeat or go backwards in their key, and are refused
//! for that. A [`Timestamp`] is an instant of the ledger instead, in UTC.

use alloc::{borrow::ToOwned as _, format, string::String};
use core::fmt;

use thiserror::Error;

use crate::ids::{Period, PeriodIndex, PeriodKind};

mod expiry;
mod timestamp;

pub use expiry::ExpiryRule;
pub use timestamp::Timestamp;

/// Minutes in a day.
pub const MINUTES_PER_DAY: u32 = 1440;

/// The most days of a period of this kind.
pub const fn most_days(kind: PeriodKind) -> u32 {
    match kind {
        PeriodKind::Day => 1,
        PeriodKind::Week => 7,
        PeriodKind::Month => 31,
    }
}

/// Why a text of a period or date is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CalendarError {
    /// Not a label of a period.
    #[error(
        "{0:?} is not a period: 2014-09-01 (day), 2014-W36 (ISO week) or 2014-09 (month) is expected, from 1970 on"
    )]
    Label(String),
    /// A day that its month does not have.
    #[error("there is no {text}: that month has {last} days")]
    NoSuchDay {
        /// The text.
        text: String,
        /// The last day of the month.
        last: u8,
    },
    /// A week that its year does not have.
    #[error("there is no {text}: that year has {last} weeks, from Monday, as ISO 8601 counts them")]
    NoSuchWeek {
        /// The text.
        text: String,
        /// The last week of the year.
        last: u32,
    },
}

/// A civil date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Year, 1970 or later in all data that this project stores.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

impl Date {
    /// A date that exists, from 1970 on.
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let fits = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && day >= 1
            && day <= days_in_month(year, month);
        fits.then_some(Self { year, month, day })
    }

    /// A date in exactly the form `2024-03-14`.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        let date = Self::new(
            digits(year, 4)?,
            u8::try_from(digits(month, 2)?).ok()?,
            u8::try_from(digits(day, 2)?).ok()?,
        )?;
        parts.next().is_none().then_some(date)
    }

    /// Days since 1 January 1970.
    ///
    /// Source: H. Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
    pub fn to_days(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// The date this many days after 1 January 1970 (`civil_from_days` of the same source).
    pub fn from_days(days: u32) -> Self {
        let days = i64::from(days) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        // A u32 of days ends before the year 11,800,000: all three fit.
        Self {
            year: year as i32,
            month: month as u8,
            day: day as u8,
        }
    }
}

/// A day counted from 1 January 1970. Shown as a date, `2014-09-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub u32);

impl Day {
    /// 1 January 1970.
    pub const FIRST: Self = Self(0);

    /// The last day that has a number. It is in the year 11,761,191, so after every day in use.
    pub const LAST: Self = Self(u32::MAX);

    /// This many days later, at most [`Day::LAST`].
    #[must_use]
    pub fn saturating_add(self, days: u32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Period::of_day(PeriodKind::Day, self.0).label())
    }
}

/// A number of exactly this many digits.
fn digits(text: &str, length: usize) -> Option<i32> {
    let plain = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The first day of ISO week 1970-W01, Monday 29 December 1969, is day -3.
const WEEK_SHIFT: u32 = 3;

/// A month counted from January 1970, as text: `2014-09`.
pub fn month_label(month: u32) -> String {
    let kind = PeriodKind::Month;
    Period {
        kind,
        index: PeriodIndex(month),
    }
    .label()
}

impl Period {
    /// The period of this kind that holds the day this many days after 1 January 1970.
    pub fn of_day(kind: PeriodKind, day: u32) -> Self {
        let index = match kind {
            PeriodKind::Day => day,
            // This saturates only in the last three of 2^32 days, in the year 11,761,191.
            PeriodKind::Week => day.saturating_add(WEEK_SHIFT) / 7,
            PeriodKind::Month => month_of(Date::from_days(day)),
        };
        Self {
            kind,
            index: PeriodIndex(index),
        }
    }

    /// The first day, counted from 1 January 1970. Week 0 begins three days earlier: -3.
    pub fn first_day(self) -> i64 {
        match self.kind {
            PeriodKind::Day => i64::from(self.index.0),
            PeriodKind::Week => i64::from(self.index.0) * 7 - i64::from(WEEK_SHIFT),
            PeriodKind::Month => first_of_month(self.index.0),
        }
    }

    /// The last day, counted from 1 January 1970.
    pub fn last_day(self) -> i64 {
        match self.kind {
            PeriodKind::Day => i64::from(self.index.0),
            PeriodKind::Week => i64::from(self.index.0) * 7 - i64::from(WEEK_SHIFT) + 6,
            PeriodKind::Month => first_of_month(self.index.0.saturating_add(1)) - 1,
        }
    }

    /// Minutes from the start of this period (00:00 of its first day) to `minute` of `day`;
    /// `None` when the day lies outside the period or the minute is 1440 or more.
    pub fn minute_of(self, day: u32, minute: u32) -> Option<u32> {
        let within = Self::of_day(self.kind, day) == self && minute < MINUTES_PER_DAY;
        let offset = u32::try_from(i64::from(day) - self.first_day()).ok()?;
        within.then_some(offset * MINUTES_PER_DAY + minute)
    }

    /// The label: `2014-09-01`, `2014-W36` or `2014-09`.
    pub fn label(self) -> String {
        match self.kind {
            PeriodKind::Day => {
                let Date { year, month, day } = Date::from_days(self.index.0);
                format!("{year:04}-{month:02}-{day:02}")
            }
            PeriodKind::Week => {
                // ISO 8601: the week belongs to the year of its Thursday.
                let thursday = self.index.0.saturating_mul(7);
                let date = Date::from_days(thursday);
                let january_first = Date {
                    month: 1,
                    day: 1,
                    ..date
                };
                let week = (i64::from(thursday) - january_first.to_days()) / 7 + 1;
                format!("{:04}-W{week:02}", date.year)
            }
            PeriodKind::Month => {
                let month = self.index.0;
                format!("{:04}-{:02}", 1970 + month / 12, month % 12 + 1)
            }
        }
    }

    /// Reads a label.
    ///
    /// # Errors
    /// [`CalendarError`] when the text is not a label, or names a week or day that does not exist.
    pub fn from_label(text: &str) -> Result<Self, CalendarError> {
        let no_label = || CalendarError::Label(text.chars().take(40).collect());
        let mut parts = text.split('-');
        let year = parts.next().and_then(|year| digits(year, 4));
        let (second, third) = (parts.next(), parts.next());
        let (Some(year), Some(second), None) = (year, second, parts.next()) else {
            return Err(no_label());
        };
        let of_day = |kind, day: Option<Date>| {
            let days = day.and_then(|day| u32::try_from(day.to_days()).ok());
            days.map(|days| Self::of_day(kind, days))
                .ok_or_else(no_label)
        };
        match (second.strip_prefix('W'), third) {
            (Some(week), None) => {
                let week = digits(week, 2).and_then(|week| u32::try_from(week).ok());
                let week = week
                    .filter(|week| (1..=53).contains(week))
                    .ok_or_else(no_label)?;
                // 4 January is always in week 1, 28 December in the last.
                let first = of_day(PeriodKind::Week, Date::new(year, 1, 4))?;
                let last = of_day(PeriodKind::Week, Date::new(year, 12, 28))?;
                let last = last.index.0 - first.index.0 + 1;
                if week > last {
                    let text = text.to_owned();
                    return Err(CalendarError::NoSuchWeek { text, last });
                }
                Ok(Self {
                    kind: PeriodKind::Week,
                    index: first.index + (week - 1),
                })
            }
            (None, Some(day)) => {
                let month = digits(second, 2).and_then(|month| u8::try_from(month).ok());
                let first = month.and_then(|month| Date::new(year, month, 1));
                let day = digits(day, 2).and_then(|day| u8::try_from(day).ok());
                let (Some(first), Some(day @ 1..)) = (first, day) else {
                    return Err(no_label());
                };
                let last = days_in_month(year, first.month);
                if day > last {
                    let text = text.to_owned();
                    return Err(CalendarError::NoSuchDay { text, last });
                }
                of_day(PeriodKind::Day, Some(Date { day, ..first }))
            }
            (None, None) => {
                let month = digits(second, 2).and_then(|month| u8::try_from(month).ok());
                let month = month.and_then(|month| Date::new(year, month, 1));
                of_day(PeriodKind::Month, month)
            }
            (Some(_), Some(_)) => Err(no_label()),
        }
    }

    /// The number of its days.
    pub fn days(self) -> u32 {
        // At most 31.
        u32::try_from(self.last_day() - self.first_day() + 1).unwrap_or(0)
    }
}

/// Months since January 1970.
fn month_of(date: Date) -> u32 {
    let years = u32::try_from(date.year - 1970).unwrap_or(0);
    years * 12 + u32::from(date.month) - 1
}

fn first_of_month(index: u32) -> i64 {
    let date = Date {
        // index / 12 is below 2^29.
        year: 1970 + (index / 12) as i32,
        month: (index % 12) as u8 + 1,
        day: 1,
    };
    date.to_days()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u8, day: u8) -> u32 {
        u32::try_from(Date::new(year, month, day).unwrap().to_days()).unwrap()
    }

    #[test]
    fn days_and_dates_agree_for_a_thousand_years() {
        let mut expected = Date::new(1970, 1, 1).unwrap();
        for days in 0..365_243 {
            assert_eq!(Date::from_days(days), expected);
            assert_eq!(expected.to_days(), i64::from(days));
            expected = if expected.day < days_in_month(expected.year, expected.month) {
                Date {
                    day: expected.day + 1,
                    ..expected
                }
            } else if expected.month < 12 {
                Date {
                    month: expected.month + 1,
                    day: 1,
                    ..expected
                }
            } else {
                Date {
                    year: expected.year + 1,
                    month: 1,
                    day: 1,
                }
            };
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_have_iso_labels() {
        // Dates and weeks from ISO 8601's own tables.
        for (date, label) in [
            ((2014, 9, 1), "2014-W36"),
            ((2014, 9, 7), "2014-W36"),
            ((2014, 9, 8), "2014-W37"),
            ((2014, 12, 28), "2014-W52"),
            ((2014, 12, 29), "2015-W01"),
            ((2015, 12, 31), "2015-W53"),
            ((2016, 1, 3), "2015-W53"),
            ((2016, 1, 4), "2016-W01"),
            ((1970, 1, 1), "1970-W01"),
        ] {
            let period = Period::of_day(PeriodKind::Week, day(date.0, date.1, date.2));
            assert_eq!(period.label(), label);
            assert_eq!(Period::from_label(label), Ok(period));
        }
    }

    #[test]
    fn labels_round_trip_and_others_are_refused() {
        for days in (0..40_000).step_by(3) {
            for kind in [PeriodKind::Day, PeriodKind::Week, PeriodKind::Month] {
                let period = Period::of_day(kind, days);
                assert_eq!(Period::from_label(&period.label()), Ok(period));
                let days = i64::from(days);
                assert!(period.first_day() <= days && days <= period.last_day());
            }
        }
        for text in [
            "",
            "2014",
            "2014-W00",
            "2014-W53",
            "2014-W1",
            "2014-13",
            "2014-02-29",
            "2014-9",
            "1969-12",
            "2014-W36-1",
            "2014-09-01-1",
            "二〇一四",
        ] {
            assert!(Period::from_label(text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_and_weeks_that_do_not_exist_are_refused_with_how_many_there_are() {
        for (text, words) in [
            ("2025-02-30", "28 days"),
            ("2024-02-30", "29 days"),
            ("2100-02-29", "28 days"),
            ("2025-04-31", "30 days"),
            ("2025-12-32", "31 days"),
            ("2021-W53", "52 weeks"),
            ("2025-W53", "52 weeks"),
            ("2020-W54", "not a period"),
            ("2025-13-01", "not a period"),
            ("2025-00", "not a period"),
            ("2025-02-00", "not a period"),
            ("2025-2-03", "not a period"),
            ("+2025-02", "not a period"),
            ("12025-02", "not a period"),
            ("2025-W5", "not a period"),
            ("2025-w05", "not a period"),
        ] {
            let error = Period::from_label(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        for text in [
            "2020-W53",
            "2026-W53",
            "2024-02-29",
            "2000-02-29",
            "9999-12-31",
        ] {
            assert_eq!(
                Period::from_label(text).map(Period::label).as_deref(),
                Ok(text)
            );
        }
        for (text, exists) in [
            ("2024-02-29", true),
            ("2025-02-29", false),
            ("2024-2-29", false),
            ("2024-02-29-1", false),
            ("24-02-29", false),
            ("2024-02", false),
            ("1969-12-31", false),
        ] {
            assert_eq!(Date::from_text(text).is_some(), exists, "{text}");
        }
        let days = |label| Period::from_label(label).map(Period::days);
        assert_eq!(days("2025-02"), Ok(28));
        assert_eq!(days("2024-02"), Ok(29));
        assert_eq!(days("2024-W09"), Ok(7));
        assert_eq!(days("2024-02-29"), Ok(1));
    }

    #[test]
    fn minutes_count_from_monday_midnight() {
        let week = Period::of_day(PeriodKind::Week, day(2014, 9, 3));
        assert_eq!(week.minute_of(day(2014, 9, 1), 0), Some(0));
        assert_eq!(week.minute_of(day(2014, 9, 7), 1439), Some(10_079));
        assert_eq!(week.minute_of(day(2014, 9, 8), 0), None);
        assert_eq!(week.minute_of(day(2014, 9, 7), 1440), None);
        assert_eq!(week.minute_of(day(2014, 8, 31), 1439), None);
    }
}
