//! Days, minutes of the day and days of the week of a field that is a time.

use merits_primitives::calendar::{Date, MINUTES_PER_DAY};
use merits_primitives::ids::PeriodKind;
use num_bigint::BigInt;

use super::Checker;
use super::counted::{Beginning, Counted};
use crate::decimal::Decimal;
use crate::diagnostic::{Code, Span};
use crate::field::FieldKind;
use crate::range::Range;
use crate::syntax::{Syntax, SyntaxKind};
use crate::typed::{Kind, NodeId, VarId};
use crate::unit::Unit;

/// 1 January 1970 was a Thursday, day 3 of a week that begins with Monday as day 0.
const FIRST_WEEKDAY: i64 = 3;

impl Checker<'_> {
    /// The field that a node is.
    fn field_of(&self, id: NodeId) -> Option<(VarId, usize, &FieldKind)> {
        match self.nodes[id.0].kind {
            Kind::Field { of, field } => Some((of, field, &self.schema.fields[field].kind)),
            _ => None,
        }
    }

    /// Whether a node is a field that dates are compared with.
    pub(super) fn is_dated(&self, id: NodeId) -> bool {
        matches!(
            self.field_of(id),
            Some((_, _, FieldKind::Date { .. } | FieldKind::DateTime { .. }))
        )
    }

    /// A literal date, counted like the field that it is compared with.
    pub(super) fn date(&mut self, of: NodeId, text: &str, at: Span) -> Option<NodeId> {
        let (value, example, from) = match self.field_of(of) {
            Some((_, _, FieldKind::Date { .. })) => (days(text), "2024-03-01", Beginning::Date),
            Some((_, _, FieldKind::DateTime { .. })) => {
                (minutes(text), "2024-03-01T08:00", Beginning::DateTime)
            }
            _ => {
                let message =
                    format!("the text {text:?} is compared with something that is not a date");
                let hint = "a field of type date or datetime compares with a date that is written out; one of type enum has names, which are equal or not";
                return self.fault(Code::WrongType, at, message, hint);
            }
        };
        match value {
            Some(value) => {
                let from = self.counting(Counted::Since(from));
                self.with_counting(from, |checker| checker.literal(value, at))
            }
            None => {
                let message = format!("{text:?} is not a date of this kind");
                let hint = format!("as in {example:?}");
                self.fault(Code::WrongArguments, at, message, hint)
            }
        }
    }

    /// The beginning of a number's counting; unknown for an approved scale.
    const fn counting(&self, counted: Counted) -> Counted {
        if self.approved {
            Counted::Plain
        } else {
            counted
        }
    }

    /// `day(t.start)`: the day of the period.
    pub(super) fn day(&mut self, time: &Syntax, span: Span) -> Option<NodeId> {
        let time = self.check(time)?;
        match self.day_of(time, span) {
            Some(day) => day,
            None => {
                let hint = "day(..) takes a field of type time, as in day(t.start)";
                self.wrong_type(time, "a time of a record", &self.example(hint))
            }
        }
    }

    /// The day of the period, from a field that gives it.
    fn day_of(&mut self, time: NodeId, span: Span) -> Option<Option<NodeId>> {
        let (of, field, kind) = self.field_of(time)?;
        match kind {
            FieldKind::TimeInPeriod => {
                let last = self.schema.days() - 1;
                Some(self.number(Kind::Day { of, field }, Range::whole(0, last), span))
            }
            FieldKind::DayInPeriod => {
                // As it is written here, including its function.
                self.place(time, span);
                Some(Some(time))
            }
            _ => None,
        }
    }

    /// The day of the period that a dated constant or table is asked for.
    pub(super) fn day_that_counts(&mut self, day: &Syntax) -> Option<NodeId> {
        let node = self.check(day)?;
        if let Some(day) = self.day_of(node, day.span) {
            return day;
        }
        let range = self.expect_number(node)?;
        let last = BigInt::from(self.schema.days() - 1);
        let within = range.is_whole() && !range.may_be_negative() && range.hi <= last;
        if within && self.is_day_of_period(node) {
            self.expect_unit(node, &Unit::named("day"), "the day that counts")?;
            return Some(node);
        }
        let message = if within {
            format!("this is a number, not a day of the period: it is {range}")
        } else {
            format!("this is not a day of the period: it is {range}")
        };
        let hint =
            "the day that counts is that of a field of type time or day, as in factor.at(t.start)";
        self.fault(Code::Dated, day.span, message, self.example(hint))
    }

    /// `minute_of_day(t.start)`
    pub(super) fn minute_of_day(&mut self, time: &Syntax, span: Span) -> Option<NodeId> {
        let time = self.check(time)?;
        match self.field_of(time) {
            Some((of, field, FieldKind::TimeInPeriod)) => {
                let last = MINUTES_PER_DAY - 1;
                self.number(Kind::MinuteOfDay { of, field }, Range::whole(0, last), span)
            }
            Some((_, _, FieldKind::DateTime { .. })) => self
                .with_counting(Counted::Plain, |checker| {
                    checker.remainder_by(time, MINUTES_PER_DAY.into(), span)
                }),
            _ => {
                let hint = "minute_of_day(..) takes a field of type time or datetime, as in minute_of_day(t.start)";
                self.wrong_type(time, "a time of a record", &self.example(hint))
            }
        }
    }

    /// A plain number from one that counts from a beginning. The earlier number keeps its place: in
    /// `d.on + day_of_month(d.on)`, advice on the first must not mark the second.
    pub(super) fn counted_as_people_do(
        &mut self,
        span: Span,
        make: impl FnOnce(&mut Self) -> Option<NodeId>,
    ) -> Option<NodeId> {
        let (places, texts) = (self.places.clone(), self.texts.clone());
        let made = make(self)?;
        for (at, (place, text)) in places.into_iter().zip(texts).enumerate() {
            (self.places[at], self.texts[at]) = (place, text);
        }
        self.place(made, span);
        Some(made)
    }

    /// `day_of_month(t.on)`: 1 is the first.
    pub(super) fn day_of_month(&mut self, time: &Syntax, span: Span) -> Option<NodeId> {
        let time = self.check(time)?;
        let kind = self.field_of(time).map(|(_, _, kind)| kind);
        match (kind, self.schema.period) {
            (Some(FieldKind::TimeInPeriod | FieldKind::DayInPeriod), PeriodKind::Month) => {
                let day = self.day_of(time, span).flatten()?;
                self.one_later(day, span)
            }
            (Some(kind @ (FieldKind::TimeInPeriod | FieldKind::DayInPeriod)), _) => {
                let message = format!(
                    "the day of the month of a field of type {} is known in monthly scales only",
                    of_type(kind)
                );
                let hint = match self.schema.period {
                    PeriodKind::Week => "iso_weekday(..) is known in weekly scales: 1 is Monday",
                    _ => "a field of type date compares with a date, as in t.due >= \"2024-03-01\"",
                };
                self.fault(Code::NotYet, span, message, self.example(hint))
            }
            (Some(FieldKind::Date { .. } | FieldKind::DateTime { .. }), _) => {
                let message = "the day of the month of a date is not in the language yet";
                let hint = "compare it with a date that is written out, as in t.due >= \"2024-03-01\"; in a monthly scale, a field of type day or time has it";
                self.fault(Code::NotYet, span, message, self.example(hint))
            }
            _ => {
                let hint =
                    "day_of_month(..) takes a field of type day or time, as in day_of_month(t.on)";
                self.wrong_type(time, "a day of a record", &self.example(hint))
            }
        }
    }

    /// `iso_weekday(t.start)`: 1 is Monday, 7 is Sunday.
    pub(super) fn iso_weekday(&mut self, time: &Syntax, span: Span) -> Option<NodeId> {
        let day = self.weekday(time, span)?;
        self.one_later(day, span)
    }

    /// A day counted from 1: a plain number.
    fn one_later(&mut self, day: NodeId, span: Span) -> Option<NodeId> {
        self.with_counting(Counted::Plain, |checker| {
            let one = checker.literal(1, span)?;
            checker.derived(Kind::Add(day, one), span)
        })
    }

    /// `weekday(t.start)`: 0 is Monday.
    pub(super) fn weekday(&mut self, time: &Syntax, span: Span) -> Option<NodeId> {
        let time = self.check(time)?;
        match self.field_of(time).map(|(_, _, kind)| kind) {
            // A week begins with Monday.
            Some(FieldKind::TimeInPeriod | FieldKind::DayInPeriod)
                if self.schema.period == PeriodKind::Week =>
            {
                self.day_of(time, span).flatten()
            }
            Some(kind @ (FieldKind::TimeInPeriod | FieldKind::DayInPeriod)) => {
                let message = format!(
                    "the day of the week of a field of type {} is known in weekly scales only",
                    of_type(kind)
                );
                let hint = "use a field of type date or datetime, of which it is known everywhere";
                self.fault(Code::NotYet, span, message, self.example(hint))
            }
            Some(FieldKind::Date { .. }) => self.weekday_of(time, span),
            Some(FieldKind::DateTime { .. }) => {
                let range = self.expect_number(time)?;
                let by = Range::whole(MINUTES_PER_DAY, MINUTES_PER_DAY);
                let (range, factor) = range.divided(&by.lo, &by.den);
                let day = self.with_counting(Counted::Plain, |checker| {
                    checker.with_unit(Some(Unit::named("day")), |checker| {
                        let day = checker.number(Kind::Divide(time, factor), range, span)?;
                        checker.derived(Kind::Floor(day), span)
                    })
                })?;
                self.weekday_of(day, span)
            }
            _ => {
                let hint = "weekday(..) takes a field of type time, day, date or datetime, as in weekday(t.start)";
                self.wrong_type(time, "a time of a record", &self.example(hint))
            }
        }
    }

    /// The day of the week of days since 1970-01-01.
    fn weekday_of(&mut self, days: NodeId, span: Span) -> Option<NodeId> {
        let from = self.counting(Counted::Since(Beginning::Week));
        self.with_counting(from, |checker| {
            let first = checker.literal(FIRST_WEEKDAY, span)?;
            let shifted = checker.derived(Kind::Add(days, first), span)?;
            checker.remainder_by(shifted, 7, span)
        })
    }

    fn remainder_by(&mut self, a: NodeId, by: i64, span: Span) -> Option<NodeId> {
        let dividend = self.expect_number(a)?;
        let written = Syntax::made(SyntaxKind::Number(Decimal::integer(by)), span);
        let by = self.literal(by, span)?;
        let divisor = self.expect_number(by)?;
        self.remainder((a, &dividend), (by, &divisor, &written), span)
    }
}

/// Days since 1970-01-01 of `2024-03-01`.
fn days(text: &str) -> Option<i64> {
    Date::from_text(text).map(Date::to_days)
}

/// Minutes since 1970-01-01T00:00 of `2024-03-01T08:00`.
fn minutes(text: &str) -> Option<i64> {
    let (date, clock) = text.split_once('T')?;
    let (hours, minutes) = clock.split_once(':')?;
    let below = |digits: &str, end: i64| -> Option<i64> {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        let number = digits.parse().ok().filter(|number| *number < end);
        plain.then_some(number).flatten()
    };
    let minute = below(hours, 24)? * 60 + below(minutes, 60)?;
    Some(days(date)? * i64::from(MINUTES_PER_DAY) + minute)
}

/// The type of a field that lies in its period, as a manifest names it.
const fn of_type(kind: &FieldKind) -> &'static str {
    match kind {
        FieldKind::DayInPeriod => "day",
        _ => "time",
    }
}
