//! Checks that records are complete before anything is signed about them.
//!
//! A commitment for a subject and period is final. A signature over half a month cannot be corrected later.
//! So a period is signed only when the file has all of it:
//!
//! - Its end: the period is over in the world and in the data. Rows of the file come after it, or the
//!   operator says until when nothing is missing.
//! - Its beginning: rows of the file are of the period's first day or before, or the operator says from when
//!   nothing is missing.
//!
//! Three rows are required at each end, because a single row may have a wrong date.
//!
//! The zone is that of the mapping. If the mapping names none, a period is over once it is over in all zones
//! (the last is UTC−12). If too many rows are rejected, the file or the mapping is probably wrong, so nothing
//! is signed.

use std::{collections::BTreeMap, fmt};

use merits_primitives::{calendar::Date, ids::Period};
use merits_records::{
    Reason, Report, SubjectPeriod,
    reading::Span,
    wall_clock::{self, Present},
};
use serde::{Serialize, Serializer};

use crate::complete_span::CompleteSpan;

/// Rows in a hundred that may be unreadable before nothing is signed, unless the source says otherwise.
pub const MOST_REJECTS_PERCENT: u8 = 5;

/// The days between which records are complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wholeness {
    /// The day on which the file begins ([`Span::begins`]). A file that was cut by days has all of
    /// that day.
    oldest: Option<Date>,
    /// The last day before the one on which the file ends ([`Span::ends`]): all of that day may not be there.
    data: Option<Date>,
    /// The first day that the operator stated.
    from: Option<Date>,
    /// The last day that the operator stated.
    until: Option<Date>,
    /// The last day that is over wherever the deeds may be; `None` if none is.
    world: Option<Date>,
}

/// Periods that are not signed because a part of them may be missing, and how many subjects have
/// records of each. A period can lack both its beginning and its end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Partial {
    /// The file begins inside them.
    #[serde(serialize_with = "by_label")]
    pub no_beginning: BTreeMap<Period, u64>,
    /// They are not over in the file.
    #[serde(serialize_with = "by_label")]
    pub not_over: BTreeMap<Period, u64>,
    /// They are not over in the real world, whatever the file and the operator say.
    #[serde(serialize_with = "by_label")]
    pub running: BTreeMap<Period, u64>,
}

/// Counts by the periods' names.
fn by_label<S: Serializer>(
    counts: &BTreeMap<Period, u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(period, count)| (period.label(), count)))
}

impl Partial {
    /// Whether nothing was left out.
    pub fn is_empty(&self) -> bool {
        let Self {
            no_beginning,
            not_over,
            running,
        } = self;
        [no_beginning, not_over, running]
            .iter()
            .all(|periods| periods.is_empty())
    }
}

impl Wholeness {
    /// Judges a file by its span, the operator's options, and the local time of the deeds
    /// ([`merits_records::Plan::present`]).
    pub fn new(span: Option<Span>, said: CompleteSpan, present: &Present) -> Self {
        let day = |moment| wall_clock::since_1970(moment).map(|(day, _)| day);
        let before = |day: u32| day.checked_sub(1).map(Date::from_days);
        let begins = span.and_then(|span| span.begins());
        let ends = span.and_then(|span| span.ends());
        Self {
            oldest: begins.and_then(|row| day(row.moment)).map(Date::from_days),
            // No period ends before 1970, so the day before its first one covers none.
            data: ends.and_then(|row| day(row.moment)).and_then(before),
            from: said.complete_from,
            until: said.complete_until,
            world: present.last_day_over(),
        }
    }

    /// Whether all of a period is there.
    pub fn covers(&self, period: Period) -> bool {
        self.has_beginning(period) && self.is_over(period) && !self.is_running(period)
    }

    fn has_beginning(&self, period: Period) -> bool {
        let begun = |day: Option<Date>| day.is_some_and(|day| day.to_days() <= period.first_day());
        begun(self.oldest) || begun(self.from)
    }

    fn is_over(&self, period: Period) -> bool {
        let over = |day: Option<Date>| day.is_some_and(|day| period.last_day() <= day.to_days());
        over(self.data) || over(self.until)
    }

    fn is_running(&self, period: Period) -> bool {
        self.world
            .is_none_or(|day| day.to_days() < period.last_day())
    }

    /// Keeps what may be signed, and returns what was left out.
    pub fn part(&self, groups: &mut Vec<SubjectPeriod>) -> Partial {
        let mut partial = Partial::default();
        groups.retain(|group| {
            let period = group.period;
            if !self.has_beginning(period) {
                *partial.no_beginning.entry(period).or_default() += 1;
            }
            if self.is_running(period) {
                *partial.running.entry(period).or_default() += 1;
            } else if !self.is_over(period) {
                *partial.not_over.entry(period).or_default() += 1;
            }
            self.covers(period)
        });
        partial
    }
}

/// The share of rejected rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejectShare {
    /// Rejected rows, without those of the future: they can be read, and may be signed when their time has come.
    pub rejected: u64,
    /// The rejected and the accepted rows. Rows of subjects that were left out are neither.
    pub judged: u64,
    /// Rows of the future.
    future: u64,
    /// Rows of subjects that were left out.
    left_out: u64,
}

impl RejectShare {
    /// Of a reading.
    pub fn new(report: &Report) -> Self {
        let future = report.reasons.get(&Reason::Future).copied().unwrap_or(0);
        let rejected = report.rejected - future;
        Self {
            rejected,
            judged: report.accepted + rejected,
            future,
            left_out: report.left_out,
        }
    }

    /// Whether more rows in a hundred were rejected than may be.
    pub fn exceeds(&self, most_percent: u8) -> bool {
        // Rows are at most some 10^10.
        self.rejected * 100 > self.judged * u64::from(most_percent)
    }
}

/// Such as `3 of 12 rows (not counting 988 of subjects that are left out)`.
impl fmt::Display for RejectShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} rows", self.rejected, self.judged)?;
        let others: Vec<String> = [
            (self.future, "of the future"),
            (self.left_out, "of subjects that are left out"),
        ]
        .iter()
        .filter(|(rows, _)| *rows > 0)
        .map(|(rows, which)| format!("{rows} {which}"))
        .collect();
        if others.is_empty() {
            return Ok(());
        }
        write!(f, " (not counting {})", others.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use merits_primitives::{calendar::Timestamp, ids::PeriodKind};
    use merits_records::{DateTime, reading::Edge};

    fn day(text: &str) -> Date {
        let number =
            |range: std::ops::Range<usize>| -> i32 { text[range].parse().expect("a number") };
        Date::new(number(0..4), number(5..7) as u8, number(8..10) as u8).expect("a date")
    }

    fn period(label: &str) -> Period {
        Period::from_label(label).expect("a period")
    }

    /// For a file with this many rows for each of these moments.
    fn rows(of_each: u64, moments: &[&str]) -> Option<Span> {
        let edges = moments.iter().zip(1u64..).flat_map(|(moment, number)| {
            let moment: DateTime = moment.parse().expect("a moment");
            (0..of_each).map(move |row| Edge {
                moment,
                line: number * 10 + row,
            })
        });
        edges.fold(None, |span: Option<Span>, row| {
            Some(span.map_or_else(|| Span::new(row), |span| span.with(row)))
        })
    }

    fn span(first: &str, last: &str) -> Option<Span> {
        rows(3, &[first, last])
    }

    /// A file from April on.
    fn until(last: &str) -> Option<Span> {
        span("2016-04-01T08:00:00", last)
    }

    fn said(until: &str) -> CompleteSpan {
        CompleteSpan {
            complete_from: Some(day("2016-01-01")),
            complete_until: Some(day(until)),
        }
    }

    /// 2016-06-01T00:00Z.
    const JUNE: Timestamp = Timestamp::from_millis(1_464_739_200_000);
    const HOUR: Duration = Duration::from_secs(3_600);
    const MOMENT: Duration = Duration::from_millis(1);

    /// The first of June has begun everywhere.
    fn june() -> Present {
        Present::anywhere(JUNE + 12 * HOUR)
    }

    fn in_shanghai(time: Timestamp) -> Present {
        let zone = jiff::tz::TimeZone::get("Asia/Shanghai").expect("a zone");
        Present::in_zone(&zone, time)
    }

    /// A period that still runs in some time zone is reported as running, whatever options are set.
    #[test]
    fn what_is_left_out_says_why() {
        let group = |label| SubjectPeriod {
            subject: "1".to_owned(),
            period: period(label),
            records: Vec::new(),
        };
        let parted = |now: &Present, until: &str| {
            let mut groups = vec![group("2016-04"), group("2016-05")];
            let whole = Wholeness::new(None, said(until), now);
            let partial = whole.part(&mut groups);
            let signed: Vec<String> = groups.iter().map(|group| group.period.label()).collect();
            (partial, signed)
        };
        let running = Present::anywhere(JUNE + 12 * HOUR - MOMENT);
        let (partial, signed) = parted(&running, "2016-06-30");
        assert_eq!(signed, ["2016-04"]);
        assert_eq!(partial.running, BTreeMap::from([(period("2016-05"), 1)]));
        assert!(partial.not_over.is_empty() && !partial.is_empty());
        let (partial, signed) = parted(&june(), "2016-05-30");
        assert_eq!(signed, ["2016-04"]);
        assert_eq!(partial.not_over, BTreeMap::from([(period("2016-05"), 1)]));
        assert!(partial.running.is_empty());
    }

    /// Regression: because of one row with a wrong date, half a month was signed, which is final.
    #[test]
    fn rows_with_a_wrong_date_cover_nothing() {
        let (april, may) = (period("2016-04"), period("2016-05"));
        let (early, late) = ("1970-01-01T00:00:00", "2016-05-20T10:00:00");
        for (wrong, covers) in [(1, false), (2, false), (3, true)] {
            // The file has 10 to 20 April.
            let good = rows(5, &["2016-04-10T08:00:00", "2016-04-20T08:00:00"]);
            let with = |moment: &str| {
                let moment = moment.parse().expect("a moment");
                (0..wrong).fold(good, |span, line| {
                    span.map(|span| span.with(Edge { moment, line }))
                })
            };
            let from = CompleteSpan {
                complete_from: Some(day("2016-04-01")),
                ..CompleteSpan::default()
            };
            let whole = Wholeness::new(with(late), from, &june());
            assert_eq!(whole.covers(april), covers, "{wrong} late");
            assert!(!whole.covers(may));
            let until = CompleteSpan {
                complete_until: Some(day("2016-04-30")),
                ..CompleteSpan::default()
            };
            let whole = Wholeness::new(with(early), until, &june());
            assert_eq!(whole.covers(april), covers, "{wrong} early");
        }
    }

    #[test]
    fn a_period_is_over_in_the_data_or_by_ones_word_and_never_before_it_is() {
        let whole = Wholeness::new(
            until("2016-05-12T23:59:00"),
            CompleteSpan::default(),
            &june(),
        );
        assert!(whole.covers(period("2016-04")));
        assert!(whole.covers(period("2016-05-11")));
        assert!(
            !whole.covers(period("2016-05-12")),
            "the day of the last row"
        );
        assert!(!whole.covers(period("2016-05")));
        let more = Wholeness::new(until("2016-05-12T23:59:00"), said("2016-05-31"), &june());
        assert!(more.covers(period("2016-05")));
        assert!(!more.covers(period("2016-06")));
        let less = Wholeness::new(until("2016-05-12T23:59:00"), said("2016-04-10"), &june());
        assert!(less.covers(period("2016-04")), "the data say more");
        let nothing = Wholeness::new(None, CompleteSpan::default(), &june());
        assert!(!nothing.covers(period("2016-04")));
        // Whatever is said.
        let early = Wholeness::new(until("2016-07-01T00:00:00"), said("2030-01-01"), &june());
        assert!(early.covers(period("2016-05")));
        assert!(!early.covers(period("2016-06")));
        // Where no zone is named: in Kiribati June began 26 hours before May was over on Baker Island.
        for (now, covers) in [
            (Present::anywhere(JUNE - 14 * HOUR), false),
            (Present::anywhere(JUNE + 12 * HOUR - MOMENT), false),
            (Present::anywhere(JUNE + 12 * HOUR), true),
            (in_shanghai(JUNE - 8 * HOUR - MOMENT), false),
            (in_shanghai(JUNE - 8 * HOUR), true),
        ] {
            let whole = Wholeness::new(None, said("2016-05-31"), &now);
            assert_eq!(whole.covers(period("2016-05")), covers, "{now}");
        }
        assert_eq!(period("2016-05").kind, PeriodKind::Month);
    }

    #[test]
    fn a_period_has_its_beginning_in_the_data_or_by_ones_word() {
        let file = span("2016-04-12T08:00:00", "2016-06-01T00:00:00");
        let whole = Wholeness::new(file, CompleteSpan::default(), &june());
        assert!(
            !whole.covers(period("2016-04")),
            "eleven days are not there"
        );
        assert!(!whole.covers(period("2016-W15")), "Monday is not there");
        assert!(whole.covers(period("2016-04-12")), "a file is cut by days");
        assert!(whole.covers(period("2016-W16")));
        assert!(whole.covers(period("2016-05")));
        for (from, covers) in [("2016-04-01", true), ("2016-04-02", false)] {
            let complete_from = Some(day(from));
            let said = CompleteSpan {
                complete_from,
                ..CompleteSpan::default()
            };
            let whole = Wholeness::new(file, said, &june());
            assert_eq!(whole.covers(period("2016-04")), covers, "{from}");
            assert!(whole.covers(period("2016-05")), "the data say more");
        }
        let exact = span("2016-04-01T23:00:00", "2016-05-01T00:00:00");
        let whole = Wholeness::new(exact, CompleteSpan::default(), &june());
        assert!(whole.covers(period("2016-04")));
    }

    #[test]
    fn a_few_bad_rows_are_rows_and_many_are_a_bad_file() {
        let report = |accepted, rejected| Report {
            accepted,
            rejected,
            ..Report::default()
        };
        let too_many = |report: &Report, most| RejectShare::new(report).exceeds(most);
        assert!(!too_many(&report(95, 5), 5));
        assert!(too_many(&report(94, 6), 5));
        assert!(!too_many(&report(0, 0), 5));
        assert!(too_many(&report(1_000_000, 1), 0));
        assert!(!too_many(&report(0, 9), 100));
        let mut early = report(3, 1);
        early.reasons.insert(Reason::Future, 1);
        assert!(!too_many(&early, 5), "its time may come");
        early.rejected += 1;
        assert!(too_many(&early, 5));
    }

    /// Regression: the message named all rows of the file, and the share was of those of the first
    /// subjects.
    #[test]
    fn the_share_names_the_rows_that_it_is_of() {
        let mut report = Report {
            rows: 112,
            accepted: 9,
            rejected: 1,
            ..Report::default()
        };
        assert_eq!(RejectShare::new(&report).to_string(), "1 of 10 rows");
        report.left_out = 100;
        report.rejected += 2;
        report.reasons.insert(Reason::Future, 2);
        let share = RejectShare::new(&report);
        assert_eq!(
            share.to_string(),
            "1 of 10 rows (not counting 2 of the future and 100 of subjects that are left out)"
        );
        assert!(share.exceeds(9) && !share.exceeds(10));
    }
}
