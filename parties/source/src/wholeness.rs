//! Whether records are all there, before anything is signed about them.
//!
//! A subject and period has one commitment, for ever: what is signed of half a month stays half. So a
//! period is signed only when it is over, in the world and in the data: something in the file comes after it,
//! or whoever runs the source says until when nothing is missing. And a file of which too many rows cannot
//! be read is the wrong file, or the mapping is: nothing of it is signed.

use std::collections::BTreeMap;

use merits_primitives::{calendar::Date, ids::Period};
use merits_records::{Reason, Report, SubjectPeriod, reading::Span, wall_clock};

/// Rows in a hundred that may be unreadable before nothing is signed, unless the source says otherwise.
pub const MOST_REJECTS_PERCENT: u8 = 5;

/// Up to which day records are all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wholeness {
    /// The last day before the newest row's: all of that day may not be there.
    data: Option<i64>,
    /// The day that was said.
    said: Option<i64>,
    /// The last day that is over somewhere on earth.
    world: i64,
}

impl Wholeness {
    /// Of a file, with what was said of it, at `now` (unix milliseconds).
    pub fn new(span: Option<Span>, complete_until: Option<Date>, now: u64) -> Self {
        let day = |moment| wall_clock::since_1970(moment).map(|(day, _)| i64::from(day) - 1);
        Self {
            data: span.and_then(|span| day(span.last)),
            said: complete_until.map(Date::to_days),
            world: day(wall_clock::latest(now)).unwrap_or(i64::MAX),
        }
    }

    /// Whether a period is over.
    pub fn covers(&self, period: Period) -> bool {
        let over = |day: Option<i64>| day.is_some_and(|day| period.last_day() <= day);
        over(Some(self.world)) && (over(self.data) || over(self.said))
    }

    /// Keeps what may be signed; answers how many subjects each period had that is not over.
    pub fn part(&self, groups: &mut Vec<SubjectPeriod>) -> BTreeMap<Period, u64> {
        let mut unfinished = BTreeMap::new();
        groups.retain(|group| {
            let whole = self.covers(group.period);
            if !whole {
                *unfinished.entry(group.period).or_default() += 1;
            }
            whole
        });
        unfinished
    }
}

/// Whether more rows of a file were refused than may be. Rows of the future are none of them: they can be
/// read, and may be signed when their time has come.
pub fn too_many_rejects(report: &Report, most_percent: u8) -> bool {
    let future = report.reasons.get(&Reason::Future).copied();
    let rejected = report.rejected - future.unwrap_or(0);
    // Rows are at most some 10^10.
    rejected * 100 > (report.accepted + rejected) * u64::from(most_percent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::ids::PeriodKind;

    fn day(text: &str) -> Date {
        let number =
            |range: std::ops::Range<usize>| -> i32 { text[range].parse().expect("a number") };
        Date::new(number(0..4), number(5..7) as u8, number(8..10) as u8).expect("a date")
    }

    fn period(label: &str) -> Period {
        Period::from_label(label).expect("a period")
    }

    fn span(last: &str) -> Option<Span> {
        let last: jiff::civil::DateTime = last.parse().expect("a moment");
        let first = last;
        Some(Span { first, last })
    }

    /// 2016-06-01T00:00Z.
    const JUNE: u64 = 1_464_739_200_000;

    #[test]
    fn a_period_is_over_in_the_data_or_by_ones_word_and_never_before_it_is() {
        let whole = Wholeness::new(span("2016-05-12T23:59:00"), None, JUNE);
        assert!(whole.covers(period("2016-04")));
        assert!(whole.covers(period("2016-05-11")));
        assert!(
            !whole.covers(period("2016-05-12")),
            "the day of the last row"
        );
        assert!(!whole.covers(period("2016-05")));
        let said = Wholeness::new(span("2016-05-12T23:59:00"), Some(day("2016-05-31")), JUNE);
        assert!(said.covers(period("2016-05")));
        assert!(!said.covers(period("2016-06")));
        let less = Wholeness::new(span("2016-05-12T23:59:00"), Some(day("2016-04-10")), JUNE);
        assert!(less.covers(period("2016-04")), "the data say more");
        let nothing = Wholeness::new(None, None, JUNE);
        assert!(!nothing.covers(period("2016-04")));
        // Whatever is said.
        let early = Wholeness::new(span("2016-07-01T00:00:00"), Some(day("2030-01-01")), JUNE);
        assert!(early.covers(period("2016-05")));
        assert!(!early.covers(period("2016-06")));
        // In Kiribati June has begun.
        let early = Wholeness::new(None, Some(day("2016-05-31")), JUNE - 14 * 3_600_000);
        assert!(early.covers(period("2016-05")));
        let early = Wholeness::new(None, Some(day("2016-05-31")), JUNE - 15 * 3_600_000);
        assert!(!early.covers(period("2016-05")));
        assert_eq!(period("2016-05").kind, PeriodKind::Month);
    }

    #[test]
    fn a_few_bad_rows_are_rows_and_many_are_a_bad_file() {
        let report = |accepted, rejected| Report {
            accepted,
            rejected,
            ..Report::default()
        };
        assert!(!too_many_rejects(&report(95, 5), 5));
        assert!(too_many_rejects(&report(94, 6), 5));
        assert!(!too_many_rejects(&report(0, 0), 5));
        assert!(too_many_rejects(&report(1_000_000, 1), 0));
        assert!(!too_many_rejects(&report(0, 9), 100));
        let mut early = report(3, 1);
        early.reasons.insert(Reason::Future, 1);
        assert!(!too_many_rejects(&early, 5), "its time may come");
        early.rejected += 1;
        assert!(too_many_rejects(&early, 5));
    }
}
