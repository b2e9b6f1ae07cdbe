//! One value of a field, as a person writes it in an example and as it is shown.

use merits_formula::{Decimal, Field, FieldKind};
use merits_primitives::calendar::{Date, MINUTES_PER_DAY};
use merits_primitives::ids::{Period, PeriodKind};

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const DAY_MINUTES: u64 = MINUTES_PER_DAY as u64;

/// Reads a value as examples write it: `3000`, `12.50`, `true`, `bus`, `Mon 08:10`, `Mon`,
/// `2024-03-14`, `2024-03-14T08:10`. Returns the integer that a record stores.
/// [`merits_formula::Schema::check_record`] checks its bounds.
///
/// # Errors
/// A description of what is wrong with the text, and what it should look like.
pub fn read_value(text: &str, field: &Field, period: PeriodKind) -> Result<u64, String> {
    let shown: String = text.chars().take(60).collect();
    let refuse = |wanted: &str| format!("`{}` = {shown:?} is not a {wanted}", field.name);
    match &field.kind {
        FieldKind::Int { .. } => digits(text).ok_or_else(|| refuse("whole number")),
        FieldKind::Decimal { digits, .. } => {
            let number: Decimal = text
                .parse()
                .map_err(|_| refuse("decimal, as in \"12.5\""))?;
            let stored = number.at(*digits).ok_or_else(|| {
                format!(
                    "`{}` = {shown:?} has more than the declared {digits} digits after the point",
                    field.name
                )
            })?;
            u64::try_from(stored).map_err(|_| refuse("number that the field holds"))
        }
        FieldKind::Bool => match text {
            "true" => Ok(1),
            "false" => Ok(0),
            _ => Err(refuse("truth value: true or false")),
        },
        FieldKind::Enum { values } => {
            let place = values.iter().position(|value| value == text);
            let place = place.ok_or_else(|| {
                refuse(&format!("value of the field; it has {}", values.join(", ")))
            })?;
            // An enum has at most 64 values.
            Ok(place as u64)
        }
        FieldKind::TimeInPeriod => read_time(text, period).ok_or_else(|| {
            refuse(match period {
                PeriodKind::Day => "time, as in \"08:10\"",
                PeriodKind::Week => "time, as in \"Mon 08:10\"",
                PeriodKind::Month => "time, as in \"14 08:10\"",
            })
        }),
        FieldKind::DayInPeriod => read_day(text, period).ok_or_else(|| {
            refuse(match period {
                PeriodKind::Day => "day of a period of one day: write 1",
                PeriodKind::Week => "day, as in \"Mon\"",
                PeriodKind::Month => "day of a month, as in 14",
            })
        }),
        FieldKind::Date { .. } => {
            read_date(text).ok_or_else(|| refuse("date from 1970 on, as in \"2024-03-14\""))
        }
        FieldKind::DateTime { .. } => read_date_time(text)
            .ok_or_else(|| refuse("date and time from 1970 on, as in \"2024-03-14T08:10\"")),
    }
}

/// Checks that the period has the day of a stored value: months differ in length.
///
/// # Errors
/// A description of the value and of the period's length.
pub fn within_period(value: u64, field: &Field, period: Period) -> Result<(), String> {
    let day = match field.kind {
        FieldKind::TimeInPeriod => value / DAY_MINUTES,
        FieldKind::DayInPeriod => value,
        _ => return Ok(()),
    };
    let days = period.days();
    if day < u64::from(days) {
        return Ok(());
    }
    Err(format!(
        "`{}` = {} is after the end of the period: {} has {days} days",
        field.name,
        show_value(value, field, period.kind),
        period.label()
    ))
}

/// Shows a stored value so that [`read_value`] reads it back. A value out of bounds is shown as a
/// bare number.
pub fn show_value(value: u64, field: &Field, period: PeriodKind) -> String {
    let (day, minute) = (value / DAY_MINUTES, value % DAY_MINUTES);
    match &field.kind {
        FieldKind::TimeInPeriod => match show_day(day, period) {
            Some(day) => format!("{day}{:02}:{:02}", minute / 60, minute % 60),
            None => value.to_string(),
        },
        FieldKind::DayInPeriod => match (period, show_day(value, period)) {
            (PeriodKind::Day, Some(_)) => "1".to_owned(),
            (_, Some(day)) => day.trim_end().to_owned(),
            (_, None) => value.to_string(),
        },
        FieldKind::Enum { values } => {
            let name = usize::try_from(value).ok().and_then(|at| values.get(at));
            name.map_or_else(|| value.to_string(), Clone::clone)
        }
        kind => kind.show(value),
    }
}

/// Days since 1970-01-01 of a date such as `2024-03-14`.
pub(super) fn read_date(text: &str) -> Option<u64> {
    u64::try_from(Date::from_text(text)?.to_days()).ok()
}

/// Minutes since 1970-01-01T00:00 of a wall clock such as `2024-03-14T08:10`.
pub(super) fn read_date_time(text: &str) -> Option<u64> {
    let (date, clock) = text.split_once(['T', ' '])?;
    Some(read_date(date)? * DAY_MINUTES + read_clock(clock)?)
}

/// Minutes since the period's start.
fn read_time(text: &str, period: PeriodKind) -> Option<u64> {
    let (day, clock) = match period {
        PeriodKind::Day => (0, text),
        PeriodKind::Week | PeriodKind::Month => {
            let (day, clock) = text.split_once(' ')?;
            (read_day(day, period)?, clock)
        }
    };
    Some(day * DAY_MINUTES + read_clock(clock)?)
}

/// Day of the period, from 0, of a day as the calendar has it.
fn read_day(text: &str, period: PeriodKind) -> Option<u64> {
    match period {
        PeriodKind::Day => (text == "1").then_some(0),
        PeriodKind::Week => {
            let day = WEEKDAYS.iter().position(|weekday| *weekday == text)?;
            Some(day as u64)
        }
        PeriodKind::Month => {
            let day = digits(text).filter(|day| text.len() <= 2 && (1..=31).contains(day))?;
            Some(day - 1)
        }
    }
}

/// The part before the time of day.
fn show_day(day: u64, period: PeriodKind) -> Option<String> {
    match period {
        PeriodKind::Day => (day == 0).then(String::new),
        PeriodKind::Week => {
            let name = WEEKDAYS.get(usize::try_from(day).ok()?)?;
            Some(format!("{name} "))
        }
        PeriodKind::Month => (day < 31).then(|| format!("{:02} ", day + 1)),
    }
}

fn read_clock(text: &str) -> Option<u64> {
    let (hours, minutes) = text.split_once(':')?;
    let hours = fixed(hours, 2).filter(|hours| *hours < 24)?;
    let minutes = fixed(minutes, 2).filter(|minutes| *minutes < 60)?;
    Some(hours * 60 + minutes)
}

/// A number of exactly this many digits.
fn fixed(text: &str, length: usize) -> Option<u64> {
    digits(text).filter(|_| text.len() == length)
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: FieldKind) -> Field {
        Field {
            name: "x".into(),
            kind,
            unit: String::new(),
            key: false,
        }
    }

    #[test]
    fn values_are_read_and_shown_as_people_write_them() {
        use PeriodKind::{Day, Month, Week};
        let modes = || FieldKind::Enum {
            values: vec!["bus".into(), "metro".into()],
        };
        let money = || FieldKind::Decimal {
            min: 0,
            max: 10_000,
            digits: 2,
        };
        let int = FieldKind::Int { min: 0, max: 9 };
        let date = FieldKind::Date {
            min: 0,
            max: 40_000,
        };
        let moment = || FieldKind::DateTime {
            min: 0,
            max: 40_000_000,
        };
        for (kind, period, text, stored, shown) in [
            (int, Week, "42", 42, "42"),
            (money(), Week, "12.50", 1250, "12.5"),
            (money(), Week, "7", 700, "7"),
            (FieldKind::Bool, Week, "true", 1, "true"),
            (FieldKind::Bool, Week, "false", 0, "false"),
            (modes(), Week, "metro", 1, "metro"),
            (
                FieldKind::TimeInPeriod,
                Week,
                "Tue 08:10",
                1930,
                "Tue 08:10",
            ),
            (
                FieldKind::TimeInPeriod,
                Month,
                "14 08:10",
                19_210,
                "14 08:10",
            ),
            (FieldKind::TimeInPeriod, Month, "1 00:00", 0, "01 00:00"),
            (FieldKind::TimeInPeriod, Day, "23:59", 1439, "23:59"),
            (FieldKind::DayInPeriod, Week, "Sun", 6, "Sun"),
            (FieldKind::DayInPeriod, Month, "31", 30, "31"),
            (FieldKind::DayInPeriod, Day, "1", 0, "1"),
            (date, Month, "2014-09-01", 16_314, "2014-09-01"),
            (
                moment(),
                Month,
                "1970-01-02T00:01",
                1441,
                "1970-01-02T00:01",
            ),
            (
                moment(),
                Month,
                "1970-01-02 00:01",
                1441,
                "1970-01-02T00:01",
            ),
        ] {
            let field = field(kind);
            assert_eq!(read_value(text, &field, period), Ok(stored), "{text}");
            assert_eq!(show_value(stored, &field, period), shown);
            assert_eq!(read_value(shown, &field, period), Ok(stored), "{shown}");
        }
    }

    #[test]
    fn days_that_the_period_lacks_are_refused() {
        let february = Period::from_label("2025-02").unwrap();
        let (day, time) = (
            field(FieldKind::DayInPeriod),
            field(FieldKind::TimeInPeriod),
        );
        for (text, field, fits) in [
            ("28", &day, true),
            ("29", &day, false),
            ("30", &day, false),
            ("28 23:59", &time, true),
            ("29 00:00", &time, false),
        ] {
            let value = read_value(text, field, PeriodKind::Month).unwrap();
            let answer = within_period(value, field, february);
            assert_eq!(answer.is_ok(), fits, "{text}");
            if let Err(reason) = answer {
                assert!(reason.contains("2025-02 has 28 days"), "{reason}");
            }
        }
        let int = field(FieldKind::Int { min: 0, max: 99 });
        assert_eq!(within_period(99, &int, february), Ok(()));
    }

    #[test]
    fn other_texts_are_refused_with_the_expected_form() {
        use PeriodKind::{Day, Month, Week};
        let modes = FieldKind::Enum {
            values: vec!["bus".into(), "metro".into()],
        };
        let money = || FieldKind::Decimal {
            min: 0,
            max: 10_000,
            digits: 2,
        };
        let int = || FieldKind::Int { min: 0, max: 9 };
        let date = || FieldKind::Date { min: 0, max: 9 };
        let moment = || FieldKind::DateTime { min: 0, max: 9 };
        for (kind, period, text, wanted) in [
            (int(), Week, "", "whole number"),
            (int(), Week, "-1", "whole number"),
            (int(), Week, "+1", "whole number"),
            (int(), Week, "1.0", "whole number"),
            (int(), Week, "99999999999999999999", "whole number"),
            (money(), Week, "1,5", "decimal"),
            (money(), Week, "1.234", "declared 2"),
            (money(), Week, "-1", "holds"),
            (FieldKind::Bool, Week, "True", "true or false"),
            (FieldKind::Bool, Week, "1", "true or false"),
            (modes, Week, "tram", "bus, metro"),
            (FieldKind::TimeInPeriod, Week, "Moon 08:10", "Mon 08:10"),
            (FieldKind::TimeInPeriod, Week, "Mon 24:10", "Mon 08:10"),
            (FieldKind::TimeInPeriod, Week, "Mon 8:10", "Mon 08:10"),
            (FieldKind::TimeInPeriod, Month, "32 08:10", "14 08:10"),
            (FieldKind::TimeInPeriod, Month, "00 08:10", "14 08:10"),
            (FieldKind::TimeInPeriod, Day, "1 08:10", "08:10"),
            (FieldKind::DayInPeriod, Week, "1", "Mon"),
            (FieldKind::DayInPeriod, Month, "0", "14"),
            (FieldKind::DayInPeriod, Month, "001", "14"),
            (FieldKind::DayInPeriod, Day, "0", "write 1"),
            (date(), Week, "2023-02-29", "2024-03-14"),
            (date(), Week, "1969-12-31", "from 1970"),
            (date(), Week, "24-03-14", "2024-03-14"),
            (date(), Week, "2024-03-14-1", "2024-03-14"),
            (moment(), Week, "2024-03-14", "2024-03-14T08:10"),
            (moment(), Week, "2024-03-14T08:60", "2024-03-14T08:10"),
        ] {
            let error = read_value(text, &field(kind), period).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
