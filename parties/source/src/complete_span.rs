//! What the operator says of a file: between two days nothing is missing. An impossible statement is refused
//! before anything is signed, because a signed typing mistake is final.

use merits_primitives::{calendar::Date, ids::Period};
use merits_records::wall_clock::{Present, since_1970};
use thiserror::Error;

/// What the operator says of a file: between these days nothing is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompleteSpan {
    /// From the beginning of this day on.
    pub complete_from: Option<Date>,
    /// Up to the end of this day.
    pub complete_until: Option<Date>,
}

/// The periods for which a version of a scale is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    /// The first.
    pub first: Period,
    /// The last, if it is fixed.
    pub last: Option<Period>,
}

/// An impossible statement about a file. The operator corrects it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SpanFault {
    /// A day that is not over.
    #[error(
        "--complete-until {said}: that day is not over, so not all of its records can be there. The last day \
         that is over is {}, by {present}",
        .over.as_deref().unwrap_or("before 1970")
    )]
    NotOver {
        /// The day.
        said: String,
        /// The last day that is over.
        over: Option<String>,
        /// The clock that decides.
        present: Box<Present>,
    },
    /// A day that has not begun anywhere.
    #[error(
        "--complete-from {said}: that day is in the future; give the first day from which the file has all records"
    )]
    NotBegun {
        /// The day.
        said: String,
    },
    /// The first day after the last.
    #[error(
        "--complete-from {from} is after --complete-until {until}: no day is between them. Were the two \
         mixed up?"
    )]
    Crossed {
        /// The first day.
        from: String,
        /// The last day.
        until: String,
    },
    /// A day before the scale's first.
    #[error(
        "{option} {said}: the scale's first period is {period}, which begins on {day}; say that day or a later \
         one. (A source that signs for an earlier version of the scale names that version's folder in its \
         configuration)"
    )]
    TooEarly {
        /// The option.
        option: &'static str,
        /// The day.
        said: String,
        /// The first period.
        period: String,
        /// Its first day.
        day: String,
    },
    /// A day after the scale's last.
    #[error(
        "{option} {said}: the scale's last period is {period}, which ends on {day}; say that day or an earlier \
         one. (A source that signs for a later version of the scale names that version's folder in its \
         configuration)"
    )]
    TooLate {
        /// The option.
        option: &'static str,
        /// The day.
        said: String,
        /// The last period.
        period: String,
        /// Its last day.
        day: String,
    },
}

impl CompleteSpan {
    /// Says that nothing is missing, for a file that is taken as it is. [`CompleteSpan::check`] does not
    /// accept it.
    pub fn everything() -> Self {
        let day = |year, month, day| Date { year, month, day };
        Self {
            complete_from: Some(day(1970, 1, 1)),
            complete_until: Some(day(9999, 12, 31)),
        }
    }

    /// Whether it can be so, for a scale's periods and at `present` by the wall clock of the deeds
    /// ([`merits_records::Plan::present`]).
    ///
    /// # Errors
    /// [`SpanFault`].
    pub fn check(self, periods: Periods, present: &Present) -> Result<(), SpanFault> {
        let over = present.last_day_over();
        if let Some(until) = self.complete_until.filter(|until| Some(*until) > over) {
            return Err(SpanFault::NotOver {
                said: label(until),
                over: over.map(label),
                present: Box::new(present.clone()),
            });
        }
        let today = since_1970(present.latest()).map(|(day, _)| Date::from_days(day));
        if let Some(from) = self.complete_from.filter(|from| Some(*from) > today) {
            return Err(SpanFault::NotBegun { said: label(from) });
        }
        if let (Some(from), Some(until)) = (self.complete_from, self.complete_until)
            && from > until
        {
            return Err(SpanFault::Crossed {
                from: label(from),
                until: label(until),
            });
        }
        let days = [
            ("--complete-from", self.complete_from),
            ("--complete-until", self.complete_until),
        ];
        for (option, said) in days {
            if let Some(said) = said {
                within(option, said, periods)?;
            }
        }
        Ok(())
    }
}

fn within(option: &'static str, said: Date, periods: Periods) -> Result<(), SpanFault> {
    let Periods { first, last } = periods;
    if said.to_days() < first.first_day() {
        return Err(SpanFault::TooEarly {
            option,
            said: label(said),
            period: first.label(),
            day: label_of(first.first_day()),
        });
    }
    match last {
        Some(last) if said.to_days() > last.last_day() => Err(SpanFault::TooLate {
            option,
            said: label(said),
            period: last.label(),
            day: label_of(last.last_day()),
        }),
        _ => Ok(()),
    }
}

/// A day, such as `2016-05-31`.
fn label(date: Date) -> String {
    let Date { year, month, day } = date;
    format!("{year:04}-{month:02}-{day:02}")
}

/// The same for days since 1970. Only the first week begins before that.
fn label_of(days: i64) -> String {
    label(Date::from_days(u32::try_from(days).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::calendar::Timestamp;

    /// 2026-11-30T12:00Z.
    const NOON: Timestamp = Timestamp::from_millis(1_796_040_000_000);

    fn said(from: &str, until: &str) -> CompleteSpan {
        let day = |text: &str| {
            (!text.is_empty()).then(|| Date::from_text(text).expect("a day of this century"))
        };
        CompleteSpan {
            complete_from: day(from),
            complete_until: day(until),
        }
    }

    fn check(from: &str, until: &str) -> Result<(), String> {
        let period = |label| Period::from_label(label).expect("a period");
        let periods = Periods {
            first: period("2016-04"),
            last: Some(period("2026-12")),
        };
        said(from, until)
            .check(periods, &Present::anywhere(NOON))
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn what_can_be_so_is_taken() {
        for (from, until) in [
            ("", ""),
            ("2016-04-01", ""),
            ("2016-04-01", "2016-04-01"),
            ("", "2026-11-29"),
            // Today has begun, and it may be the only day in the file.
            ("2026-12-01", ""),
        ] {
            assert_eq!(check(from, until), Ok(()), "{from} {until}");
        }
    }

    /// Regression: days of the future, of the year 9999, and crossed ones were taken at their word.
    #[test]
    fn what_cannot_be_so_is_refused() {
        for (from, until, says) in [
            ("", "2026-11-30", "is 2026-11-29, by the clock of UTC-12"),
            ("", "2026-11-30", "zone = \"Asia/Shanghai\""),
            ("", "9999-12-31", "is not over"),
            ("2016-04-01", "2999-01-01", "--complete-until 2999-01-01"),
            ("2026-12-02", "", "in the future"),
            ("9999-12-31", "", "in the future"),
            ("2016-06-01", "2016-05-31", "mixed up"),
            ("2016-03-31", "", "2016-04, which begins on 2016-04-01"),
            ("1970-01-01", "2016-05-31", "--complete-from 1970-01-01"),
            ("", "2016-03-31", "--complete-until 2016-03-31"),
        ] {
            let fault = check(from, until).expect_err(until);
            assert!(fault.contains(says), "{says:?} is not in {fault:?}");
        }
        let period = |label| Period::from_label(label).expect("a period");
        let ended = Periods {
            first: period("2016-04"),
            last: Some(period("2016-05")),
        };
        let now = Present::anywhere(NOON);
        for (from, until) in [("2016-06-01", ""), ("", "2016-06-01")] {
            let fault = said(from, until).check(ended, &now).expect_err("too late");
            assert!(fault.to_string().contains("ends on 2016-05-31"), "{fault}");
        }
        assert_eq!(said("2016-04-01", "2016-05-31").check(ended, &now), Ok(()));
    }
}
