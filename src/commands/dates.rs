//! Days, periods and spans of time on the command line: one reader for each, whose error message
//! gives an example.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use merits_primitives::{
    calendar::{CalendarError, Date, Day},
    ids::{Period, PeriodIndex, PeriodKind},
};

/// A day.
///
/// # Errors
/// In words, for clap.
pub(crate) fn day(text: &str) -> Result<Date, String> {
    match Period::from_label(text.trim()) {
        Ok(Period {
            kind: PeriodKind::Day,
            index,
        }) => Ok(Date::from_days(index.0)),
        Err(error @ (CalendarError::NoSuchDay { .. } | CalendarError::NoSuchWeek { .. })) => {
            Err(error.to_string())
        }
        Ok(_) | Err(CalendarError::Label(_)) => Err(
            "a day is expected as year, month and day, such as 2026-05-31, from 1970-01-01 on; \
             words such as yesterday are not read"
                .to_owned(),
        ),
    }
}

/// The day of a date.
pub(crate) fn index(day: Date) -> Day {
    // No day is before 1970, and the last year is 9999.
    u32::try_from(day.to_days()).map_or(Day::FIRST, Day)
}

/// A day as it is written.
pub(crate) fn label(day: Date) -> String {
    let Date { year, month, day } = day;
    format!("{year:04}-{month:02}-{day:02}")
}

/// A period.
///
/// # Errors
/// In words, for clap.
pub(crate) fn period(text: &str) -> Result<Period, String> {
    Period::from_label(text.trim()).map_err(|error| match error {
        CalendarError::Label(_) => {
            "a period is expected as the scale counts: a month such as 2026-05, a week such as \
             2026-W22, or a day such as 2026-05-31, from 1970 on"
                .to_owned()
        }
        error => error.to_string(),
    })
}

/// One period, or several in a row. (No `Vec`, which clap would take for an option that is given often.)
#[derive(Debug, Clone)]
pub(crate) struct Periods(pub(crate) Vec<Period>);

/// `2026-W10`, or `2026-W10..2026-W13` with both ends.
///
/// # Errors
/// In words, for clap.
pub(crate) fn periods(text: &str) -> Result<Periods, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (period(first)?, period(last)?);
    if first.kind != last.kind || first.index > last.index {
        return Err(
            "the first period comes before the last, and both are days, weeks or months: \
             2026-W10..2026-W13, both included"
                .to_owned(),
        );
    }
    let count = last.index.0 - first.index.0 + 1;
    if count > MOST_PERIODS {
        return Err(format!(
            "these are {count} periods; at most {MOST_PERIODS} are taken at a time"
        ));
    }
    let kind = first.kind;
    let periods = (first.index.0..=last.index.0).map(|index| PeriodIndex(index).of(kind));
    Ok(Periods(periods.collect()))
}

/// An instant.
///
/// # Errors
/// In words, for clap.
pub(crate) fn instant(text: &str) -> Result<Timestamp, String> {
    text.trim().parse().map_err(|_| {
        "a time is expected with its offset, such as 2026-03-02T08:10Z or 2026-03-02T16:10+08:00"
            .to_owned()
    })
}

/// Whole hours.
///
/// # Errors
/// In words, for clap.
pub(crate) fn hours(text: &str) -> Result<u16, String> {
    let hours = whole(text, "hours", 1..=u64::from(u16::MAX))?;
    // It is in the range.
    Ok(u16::try_from(hours).unwrap_or(u16::MAX))
}

/// Whole minutes.
///
/// # Errors
/// In words, for clap.
pub(crate) fn minutes(text: &str) -> Result<u64, String> {
    whole(text, "minutes", 1..=100_000)
}

fn whole(text: &str, unit: &str, range: RangeInclusive<u64>) -> Result<u64, String> {
    let number = text.trim().parse().ok();
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            format!(
                "a whole number of {unit} is expected, without a unit, such as 24: from {} to {}",
                range.start(),
                range.end()
            )
        })
}

/// The largest number of periods in one command: a year of days.
const MOST_PERIODS: u32 = 366;

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression: `--after-pause yesterday` was "no period", and `1h` an "invalid digit found in
    /// string".
    #[test]
    fn what_is_no_day_is_told_how_one_is_written() {
        assert_eq!(
            day("2026-05-31"),
            Ok(Date::from_text("2026-05-31").unwrap())
        );
        assert_eq!(day(" 2026-05-31 "), day("2026-05-31"));
        assert_eq!(day("2026-05-31").map(label).as_deref(), Ok("2026-05-31"));
        for wrong in [
            "yesterday",
            "today",
            "2026-05",
            "2026-W22",
            "31.05.2026",
            "2026/05/31",
            "20260531",
            "2026-5-31",
            "1969-12-31",
            "2026-05-31T00:00",
            "",
        ] {
            let said = day(wrong).expect_err(wrong);
            assert!(said.contains("such as 2026-05-31"), "{wrong}: {said}");
        }
        let said = day("2026-02-30").expect_err("no such day");
        assert!(said.contains("28 days"), "{said}");
    }

    #[test]
    fn what_is_no_period_is_told_how_one_is_written() {
        for label in ["2026-05", "2026-W22", "2026-05-31"] {
            assert_eq!(period(label).map(Period::label).as_deref(), Ok(label));
        }
        for wrong in ["last week", "2026", "2026-22", "2026-w22", "W22", ""] {
            let said = period(wrong).expect_err(wrong);
            assert!(said.contains("2026-W22"), "{wrong}: {said}");
        }
        let said = period("2025-W53").expect_err("no such week");
        assert!(said.contains("52 weeks"), "{said}");
    }

    #[test]
    fn ranges_of_periods_have_both_ends() {
        let labels = |text: &str| -> Vec<String> {
            let Periods(found) = periods(text).expect("periods");
            found.into_iter().map(Period::label).collect()
        };
        assert_eq!(labels("2026-W10"), ["2026-W10"]);
        assert_eq!(
            labels("2025-12..2026-02"),
            ["2025-12", "2026-01", "2026-02"]
        );
        for wrong in [
            "2026-W13..2026-W10",
            "2026-W10..2026-03",
            "2026-W99",
            "2026-W10..",
            "",
        ] {
            let said = periods(wrong).expect_err(wrong);
            assert!(said.contains("2026-W"), "{said}");
        }
        let said = periods("2024-01-01..2026-01-01").expect_err("too many");
        assert!(said.contains("at most 366"), "{said}");
    }

    #[test]
    fn an_instant_has_an_offset() {
        let utc = instant("2026-03-02T08:10Z").expect("an instant");
        assert_eq!(instant("2026-03-02T16:10+08:00"), Ok(utc));
        for wrong in ["yesterday", "2026-03-02", "2026-03-02T08:10", ""] {
            let said = instant(wrong).expect_err(wrong);
            assert!(said.contains("2026-03-02T08:10Z"), "{said}");
        }
    }

    #[test]
    fn spans_of_time_are_whole_numbers() {
        assert_eq!((hours("24"), minutes("90")), (Ok(24), Ok(90)));
        for wrong in ["1h", "0", "-1", "1.5", "100000", ""] {
            let said = hours(wrong).expect_err(wrong);
            assert!(said.contains("hours is expected"), "{said}");
        }
        assert!(minutes("100001").is_err());
    }
}
