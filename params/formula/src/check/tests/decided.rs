//! Comparisons that always or never hold, by the ranges of their sides, are refused. Approved manifests
//! keep their meaning.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::check_approved;
use crate::generate::{self, Dice};

/// on, at, due, moment, n (1 to 9), a (0 to 10.00)
fn days(period: PeriodKind) -> Schema {
    let fields = vec![
        field("on", FieldKind::DayInPeriod, ""),
        field("at", FieldKind::TimeInPeriod, ""),
        field(
            "due",
            FieldKind::Date {
                min: 18_262,
                max: 22_000,
            },
            "",
        ),
        field(
            "moment",
            FieldKind::DateTime {
                min: 26_297_280,
                max: 31_680_000,
            },
            "",
        ),
        field("n", FieldKind::Int { min: 1, max: 9 }, ""),
        field(
            "a",
            FieldKind::Decimal {
                min: 0,
                max: 1000,
                digits: 2,
            },
            "",
        ),
    ];
    schema(period, 31, fields)
}

fn scale(period: PeriodKind, source: &str) -> Declarations {
    let limit = constant("limit", "20", "31", 0).into();
    let rate = table("rate", "9", 0, "", bands("", &["[0, 9]"]));
    Declarations {
        constants: [limit]
            .into_iter()
            .filter(|c: &NamedConstant| source.contains(&c.name))
            .collect(),
        tables: [rate]
            .into_iter()
            .filter(|t| source.contains(&t.name))
            .collect(),
        ..Declarations::new(days(period), source)
    }
}

use PeriodKind::{Day, Month, Week};

/// A comparison, whether it holds, and the range in the message.
const DECIDED: [(PeriodKind, &str, bool, &str); 34] = [
    (Month, "day_of_month(d.on) == 0", false, "from 1 to 31"),
    (Month, "day_of_month(d.on) == 32", false, "from 1 to 31"),
    (Month, "0 == day_of_month(d.at)", false, "from 1 to 31"),
    (Month, "day_of_month(d.on) != 0", true, "from 1 to 31"),
    (Month, "day_of_month(d.on) < 1", false, "from 1 to 31"),
    (Month, "day_of_month(d.on) >= 1", true, "from 1 to 31"),
    (Month, "day_of_month(d.on) <= 31", true, "from 1 to 31"),
    (Month, "day_of_month(d.on) > 31", false, "from 1 to 31"),
    (Month, "1 <= day_of_month(d.on)", true, "from 1 to 31"),
    (
        Month,
        "day_of_month(d.on) == 1.5",
        false,
        "a whole number from 1 to 31",
    ),
    (
        Month,
        "day_of_month(d.on) in [0, 15]",
        false,
        "from 1 to 31",
    ),
    (Month, "iso_weekday(d.due) == 0", false, "from 1 to 7"),
    (Month, "iso_weekday(d.moment) == 8", false, "from 1 to 7"),
    (Week, "iso_weekday(d.on) == 0", false, "from 1 to 7"),
    (Week, "iso_weekday(d.at) > 7", false, "from 1 to 7"),
    (Month, "minute_of_day(d.at) < 1440", true, "from 0 to 1439"),
    (
        Month,
        "minute_of_day(d.at) == 1440",
        false,
        "from 0 to 1439",
    ),
    (
        Month,
        "minute_of_day(d.moment) >= 24 * 60",
        false,
        "from 0 to 1439",
    ),
    (Day, "d.at >= 1440", false, "from 0 to 1439"),
    (Day, "d.at >= 0", true, "from 0 to 1439"),
    (
        Month,
        "d.due >= \"2019-01-01\"",
        true,
        "from 2020-01-01 to 2030-03-27",
    ),
    (
        Month,
        "d.due == \"2031-01-01\"",
        false,
        "from 2020-01-01 to 2030-03-27",
    ),
    (
        Month,
        "\"2031-01-01\" > d.due",
        true,
        "from 2020-01-01 to 2030-03-27",
    ),
    (
        Month,
        "d.moment < \"2020-01-01T00:00\"",
        false,
        "from 2020-01-01T00:00 to",
    ),
    (Month, "d.n > 0", true, "from 1 to 9"),
    (Month, "d.n == 10", false, "from 1 to 9"),
    (
        Month,
        "d.a == 0.005",
        false,
        "from 0 to 10 in steps of 0.01",
    ),
    (Month, "d.a < 0", false, "from 0 to 10"),
    (Month, "d.n < limit", true, "`limit` is from 20 to 31"),
    (Month, "math.abs(d.a - 5) > 5", false, "from 0 to 5"),
    (Month, "d.n % 7 == 7", false, "from 0 to 6"),
    (Month, "math.greatest(1, d.a) < 1", false, "from 1 to 10"),
    (Month, "rate[d.n] > 9", false, "from 0 to 9"),
    (Month, "d.n + d.n == 1", false, "from 2 to 18"),
];

/// A Friday: the fifteenth of a month.
fn row(period: PeriodKind) -> [u64; 6] {
    let day = match period {
        Month => 14,
        Week => 4,
        Day => 0,
    };
    [day, day * 1440 + 5, 19_783, 19_783 * 1440 + 480, 4, 250]
}

#[test]
fn a_comparison_that_has_one_answer_is_refused_with_the_range() {
    for (period, condition, holds, range) in DECIDED {
        let source = format!("deeds.filter(d, {condition}).size()");
        let decl = scale(period, &source);
        let faults = crate::check(&decl).expect_err(&source);
        assert_eq!(faults.len(), 1, "{source}: {faults:?}");
        let fault = &faults[0];
        assert_eq!(fault.code, Code::Decided, "{source}: {fault}");
        assert!(fault.message.contains(range), "{source}: {fault}");
        let answer = match holds {
            true => "always holds",
            false if condition.contains(" in [") => "is never",
            false => "never holds",
        };
        assert!(fault.message.contains(answer), "{source}: {fault}");
        let shown = fault.message.split('`').nth(1).unwrap();
        assert!(condition.contains(" in [") || condition == shown, "{fault}");
        // An approved manifest keeps its meaning, and the message states that meaning.
        let approved = check_approved(&decl).unwrap_or_else(|faults| panic!("{faults:?}"));
        let numbers: &[u64] = match approved.constants().len() {
            0 => &[],
            _ => &[9],
        };
        let numbers = if source.contains("limit") {
            &[25]
        } else {
            numbers
        };
        if condition.contains(" in [") {
            continue;
        }
        let counted = worth(&approved, &[row(period)], numbers);
        assert_eq!(counted == 1, holds, "{source}");
        // The advice followed to the letter gives the same.
        let part = &source[fault.span.start..fault.span.end];
        let followed = source.replacen(part, &holds.to_string(), 1);
        assert!(
            fault.hint.contains(&format!("write {holds} in place")),
            "{fault}"
        );
        let unused = |source: &str| source.contains("limit") || source.contains("rate");
        let typed = crate::check(&Declarations::new(days(period), &followed)).unwrap();
        assert!(!unused(&followed));
        assert_eq!(worth(&typed, &[row(period)], &[]), counted, "{followed}");
    }
}

#[test]
fn a_comparison_that_may_hold_or_not_is_accepted() {
    for (period, condition) in [
        (Month, "day_of_month(d.on) == 1"),
        (Month, "day_of_month(d.on) == 31"),
        (Month, "day_of_month(d.on) > 1"),
        (Month, "day_of_month(d.on) < 31"),
        (Week, "iso_weekday(d.at) in [1, 7]"),
        (Month, "minute_of_day(d.at) < 1439"),
        (Month, "d.due > \"2020-01-01\""),
        (Month, "d.due == \"2030-03-27\""),
        (Month, "d.on == day(d.at)"),
        (Month, "d.a == 0.05"),
        (Month, "d.a / 3 == 0.05"),
        (Month, "d.n < 9 && d.n > 1"),
        // Two literal numbers may be compared.
        (Month, "d.n < 9 && 5 < 6"),
    ] {
        let source = format!("deeds.filter(d, {condition}).size()");
        let typed = crate::check(&scale(period, &source));
        typed.unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
    }
    for source in [
        "deeds.size() > 0 ? 1 : 0",
        "deeds.size() == 31 ? 1 : 0",
        "deeds.exists(d, d.n == 1) ? 1 : 0",
        "deeds.all(d, d.n > 1) ? 1 : 0",
        "deeds.groups(d, d.n).filter(g, g.size() > 1).size()",
    ] {
        let typed = crate::check(&scale(Month, source));
        typed.unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
    }
    for source in [
        "deeds.size() >= 0 ? 1 : 0",
        "deeds.size() > 31 ? 1 : 0",
        "deeds.groups(d, d.n).filter(g, g.size() > 0).size()",
    ] {
        let faults = crate::check(&scale(Month, source)).expect_err(source);
        assert_eq!(faults[0].code, Code::Decided, "{faults:?}");
    }
}

/// With random scales: a refused comparison is shown as it is written, and has the stated value.
#[test]
fn the_reported_answer_is_the_answer_for_random_records() {
    let mut source = StdRng::seed_from_u64(11);
    let mut dice = Dice::new(&mut source);
    let mut followed = 0;
    for _ in 0..1500 {
        let drawn = generate::declarations(&mut dice);
        let (Ok(approved), Err(faults)) = (check_approved(&drawn), crate::check(&drawn)) else {
            continue;
        };
        let decided = faults.iter().filter(|fault| fault.code == Code::Decided);
        for fault in decided.filter(|fault| fault.source == crate::declarations::SourceId::Credits)
        {
            let part = &drawn.credits[fault.span.start..fault.span.end];
            // A name of a list behind `in` stands for its comparison.
            if fault.message.contains("` is never ")
                || ![" < ", " > ", " <= ", " >= ", " == ", " != "]
                    .iter()
                    .any(|sign| part.contains(sign))
            {
                continue;
            }
            let holds = fault.message.contains("` always holds");
            assert_ne!(holds, fault.message.contains("` never holds"), "{fault}");
            let mut other = drawn.clone();
            let (start, end) = (fault.span.start, fault.span.end);
            other
                .credits
                .replace_range(start..end, &format!("({holds})"));
            // A name may be left without a use.
            let Ok(typed) = check_approved(&other) else {
                continue;
            };
            for _ in 0..4 {
                let marks = generate::marks(&drawn);
                let records = generate::records(&mut dice, &drawn.schema, &marks);
                let numbers = generate::numbers(&mut dice, &approved);
                let (was, is) = (
                    approved.eval(&records, &numbers),
                    typed.eval(&records, &numbers),
                );
                let credits = |value: Result<_, _>| {
                    let value: Result<crate::Outputs, crate::EvalError> = value;
                    value.map(|value| value.credits).ok()
                };
                assert_eq!(credits(was), credits(is), "{fault}: {drawn:?}");
            }
            followed += 1;
        }
    }
    assert!(followed > 50, "{followed}");
}
