//! Days, weekdays and dates count from a beginning. A formula that depends on it is refused, and the
//! advice is a function that counts as people do. Approved manifests keep their meaning.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::check_approved;
use crate::generate::{self, Dice};

/// on, at, due, moment, steps
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
        field("steps", int(1000), ""),
    ];
    schema(period, 31, fields)
}

fn scale(period: PeriodKind, source: &str) -> Declarations {
    let limit = NamedConstant {
        unit: "day".into(),
        ..constant("limit", "0", "31", 0).into()
    };
    let rate = table("rate", "9", 0, "", bands("day", &["[0, 9]", "(9, 31]"]));
    let factor = NamedConstant {
        dated: true,
        ..constant("factor", "0", "9", 0).into()
    };
    Declarations {
        constants: [limit, factor]
            .into_iter()
            .filter(|c| source.contains(&c.name))
            .collect(),
        tables: [rate]
            .into_iter()
            .filter(|t| source.contains(&t.name))
            .collect(),
        ..Declarations::new(days(period), source)
    }
}

use PeriodKind::{Day, Month, Week};

/// Refused formulas of new manifests, the marked text, and a part of the advice.
const REFUSED: [(PeriodKind, &str, &str, &str); 42] = [
    (
        Month,
        "deeds.filter(d, d.on == 1).size()",
        "d.on",
        "day_of_month(d.on), which is 1 for the first",
    ),
    (
        Month,
        "deeds.filter(d, 1 == d.on).size()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.filter(d, d.on != 1).size()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.filter(d, d.on < 10).size()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.filter(d, d.on >= 15).size()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.filter(d, d.on in [1, 15]).size()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.filter(d, day(d.on) == 1).size()",
        "day(d.on)",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.filter(d, day(d.at) <= 7).size()",
        "day(d.at)",
        "day_of_month(d.at)",
    ),
    (
        Month,
        "deeds.filter(d, d.on + 1 == 1).size()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.filter(d, d.on - 1 == 1).size()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.filter(d, 2 * d.on == 2).size()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.filter(d, d.on / 7 < 1).size()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.filter(d, d.on % 7 == 0).size()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.filter(d, math.floor(d.on / 7) == 0).size()",
        "d.on",
        "day_of_month",
    ),
    (
        Month,
        "deeds.filter(d, -d.on > -3).size()",
        "d.on",
        "day_of_month",
    ),
    (
        Month,
        "deeds.filter(d, math.abs(d.on - 5) < 2).size()",
        "d.on",
        "day_of_month",
    ),
    (
        Month,
        "deeds.filter(d, (d.steps > 5 ? d.on : 3) == 3).size()",
        "d.on",
        "day_of_month",
    ),
    (
        Month,
        "deeds.filter(d, d.on < limit).size()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.filter(d, math.least(d.on, 5) == d.on).size()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.map(d, rate[d.on]).sum()",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.map(d, d.on).sum() / unit(1, \"day\")",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.map(d, d.on).max(0) / unit(1, \"day\")",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.groups(d, d.on).map(g, g.map(d, d.on).max() / unit(1, \"day\")).max(0)",
        "",
        "day_of_month(d.on)",
    ),
    (
        Month,
        "deeds.map(d, d.on).exists(n, n == 1) ? 1 : 0",
        "d.on",
        "day_of_month(d.on)",
    ),
    (
        Week,
        "deeds.filter(d, d.on == 1).size()",
        "d.on",
        "iso_weekday(d.on), which is 1 for Monday",
    ),
    (
        Week,
        "deeds.filter(d, day(d.at) >= 5).size()",
        "day(d.at)",
        "iso_weekday(d.at)",
    ),
    (
        Week,
        "deeds.filter(d, weekday(d.at) in [5, 6]).size()",
        "weekday(d.at)",
        "iso_weekday(d.at)",
    ),
    (
        Month,
        "deeds.filter(d, weekday(d.due) == 1).size()",
        "weekday(d.due)",
        "iso_weekday(d.due)",
    ),
    (
        Month,
        "deeds.filter(d, weekday(d.moment) > 4).size()",
        "weekday(d.moment)",
        "iso_weekday(d.moment)",
    ),
    (
        Day,
        "deeds.filter(d, d.on == 1).size()",
        "d.on == 1",
        "leave it out",
    ),
    (
        Month,
        "deeds.filter(d, d.due >= 19800).size()",
        "d.due >= 19800",
        "d.due >= \"2024-03-01\"",
    ),
    (
        Month,
        "deeds.filter(d, d.due % 7 == 3).size()",
        "d.due % 7",
        "iso_weekday(d.due)",
    ),
    (
        Month,
        "deeds.filter(d, d.moment > 28000000).size()",
        "d.moment > 28000000",
        "T08:00",
    ),
    (
        Month,
        "deeds.filter(d, math.floor(d.due / 30) == 600).size()",
        "math.floor(d.due / 30)",
        "2024-03-01",
    ),
    // A time counts minutes from the period's first midnight: 1440 is the second day.
    (
        Month,
        "deeds.filter(d, math.floor(d.at / 1440) == 1).size()",
        "d.at",
        "day_of_month(d.at), which is 1 for the first",
    ),
    (
        Month,
        "deeds.filter(d, d.at / 1440 == 1).size()",
        "d.at",
        "day_of_month(d.at)",
    ),
    (
        Month,
        "deeds.filter(d, d.at < 1440).size()",
        "d.at",
        "day_of_month(d.at)",
    ),
    (
        Month,
        "deeds.filter(d, d.at % 1440 < 480).size()",
        "d.at",
        "minute_of_day",
    ),
    (
        Month,
        "deeds.map(d, d.at).max(0) / unit(1, \"min\")",
        "d.at",
        "day_of_month(d.at)",
    ),
    (
        Week,
        "deeds.filter(d, d.at >= 480).size()",
        "d.at",
        "minute_of_day(d.at), which counts from midnight",
    ),
    (
        Week,
        "deeds.filter(d, math.floor(d.at / 1440) == 1).size()",
        "d.at",
        "iso_weekday(d.at), which is 1 for Monday",
    ),
    (
        Week,
        "deeds.filter(d, math.ceil(d.at / 60) == 8).size()",
        "",
        "minute_of_day(d.at)",
    ),
];

#[test]
fn what_depends_on_where_counting_begins_is_refused() {
    for (period, source, at, advice) in REFUSED {
        let decl = scale(period, source);
        let faults = crate::check(&decl).expect_err(source);
        let fault = &faults[0];
        assert_eq!(fault.code, Code::CountedFromZero, "{source}: {fault}");
        let found = &source[fault.span.start..fault.span.end];
        assert!(at.is_empty() || found == at, "{source}: {found}: {fault}");
        assert!(fault.hint.contains(advice), "{source}: {fault}");
        // An approved manifest has no other fault, and keeps its meaning.
        check_approved(&decl).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
    }
}

/// Formulas that do not depend on the beginning, or that count as people do, and their results.
#[test]
fn functions_that_count_as_people_do_have_their_stated_meaning() {
    // The first, fifteenth and last of a month, or Monday, Tuesday and Sunday; due on Friday
    // 2024-03-01 and Sunday 2024-03-03, 08:00.
    let rows = |days: [u64; 3]| {
        let due = [19_783, 19_785, 19_785];
        let deed = |at: usize| {
            [
                days[at],
                days[at] * 1440 + 5,
                due[at],
                due[at] * 1440 + 480,
                10,
            ]
        };
        [deed(0), deed(1), deed(2)]
    };
    let (month, week) = (rows([0, 14, 30]), rows([0, 1, 6]));
    for (period, source, credits) in [
        (Month, "deeds.filter(d, day_of_month(d.on) == 1).size()", 1),
        (Month, "deeds.filter(d, day_of_month(d.at) == 15).size()", 1),
        (
            Month,
            "deeds.filter(d, day_of_month(d.on) in [1, 31]).size()",
            2,
        ),
        (Month, "deeds.filter(d, day_of_month(d.on) < 15).size()", 1),
        (Month, "deeds.filter(d, day_of_month(d.on) <= 15).size()", 2),
        (
            Month,
            "deeds.map(d, day_of_month(d.on)).sum() / unit(1, \"day\")",
            1 + 15 + 31,
        ),
        (
            Month,
            "deeds.map(d, day_of_month(d.on)).max(0) / unit(1, \"day\")",
            31,
        ),
        (
            Month,
            "deeds.map(d, rate[day_of_month(d.on)]).sum()",
            3 + 2 * 4,
        ),
        (
            Month,
            "deeds.filter(d, day_of_month(d.on) % 7 == 1).size()",
            2,
        ),
        (Month, "deeds.filter(d, d.on == day(d.at)).size()", 3),
        (
            Month,
            "deeds.pairs(a, b, b.on - a.on).max(0) / unit(1, \"day\")",
            16,
        ),
        (
            Month,
            "deeds.pairs(a, b, b.on - a.on == 14 ? 1 : 0).sum()",
            1,
        ),
        (
            Month,
            "deeds.pairs(a, b, b.on == a.on + 14 ? 1 : 0).sum()",
            1,
        ),
        (Month, "deeds.groups(d, d.on).size()", 3),
        (
            Month,
            "deeds.groups(d, 2 * d.on + (d.steps > 3 ? 1 : 0)).size()",
            3,
        ),
        (Month, "deeds.filter(d, d.due == \"2024-03-01\").size()", 1),
        (Month, "deeds.filter(d, d.due < \"2024-03-03\").size()", 1),
        (
            Month,
            "deeds.filter(d, d.moment >= \"2024-03-03T08:00\").size()",
            2,
        ),
        (Month, "deeds.filter(d, iso_weekday(d.due) == 5).size()", 1),
        (
            Month,
            "deeds.filter(d, iso_weekday(d.moment) == 7).size()",
            2,
        ),
        (
            Month,
            "deeds.filter(d, weekday(d.due) == weekday(d.moment)).size()",
            3,
        ),
        (
            Month,
            "deeds.filter(d, minute_of_day(d.moment) == 480).size()",
            3,
        ),
        (Month, "deeds.filter(d, minute_of_day(d.at) == 5).size()", 3),
        (Month, "deeds.map(d, factor.at(d.on)).sum()", 1 + 2 + 2),
        (Week, "deeds.filter(d, iso_weekday(d.on) == 1).size()", 1),
        (
            Week,
            "deeds.filter(d, iso_weekday(d.at) in [6, 7]).size()",
            1,
        ),
        (
            Week,
            "deeds.filter(d, weekday(d.on) == weekday(d.due)).size()",
            1,
        ),
        (Week, "deeds.groups(d, day(d.at)).size()", 3),
        (
            Month,
            "math.greatest(0, deeds.pairs(a, b, b.at - a.at).max(0) / unit(1, \"min\"))",
            16 * 1440,
        ),
        (
            Month,
            "deeds.pairs(a, b, b.at < a.at + 20000 ? 1 : 0).sum()",
            0,
        ),
        (
            Month,
            "deeds.pairs(a, b, math.floor((b.at - a.at) / 1440) == 14 ? 1 : 0).sum()",
            1,
        ),
    ] {
        let decl = scale(period, source);
        let typed = crate::check(&decl).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
        let rows = if period == Month { month } else { week };
        let numbers: Vec<u64> = match (source.contains("rate"), source.contains("factor")) {
            (true, _) => vec![3, 4],
            // Before, after, and the day of the change: the tenth.
            (_, true) => vec![1, 2, 9],
            _ => Vec::new(),
        };
        assert_eq!(worth(&typed, &rows, &numbers), credits, "{source}");
    }
}

/// The minutes of a daily scale count from midnight, as people do.
#[test]
fn a_time_of_a_daily_scale_is_a_plain_number() {
    for source in [
        "deeds.filter(d, d.at >= 480).size()",
        "deeds.filter(d, math.floor(d.at / 60) == 8).size()",
        "deeds.filter(d, d.at == minute_of_day(d.at)).size()",
    ] {
        let typed = crate::check(&scale(Day, source))
            .unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
        let morning = [[0, 480, 18_262, 26_297_280, 0]];
        assert_eq!(worth(&typed, &morning, &[]), 1, "{source}");
    }
}

#[test]
fn following_the_advice_gives_the_day_that_files_and_examples_write() {
    // Files and examples write 1, which a record stores as 0.
    let source = "deeds.filter(d, d.on == 1).size()";
    let faults = crate::check(&scale(Month, source)).unwrap_err();
    let advised = faults[0].hint.split(',').next().unwrap();
    let advised = advised.strip_prefix("write ").unwrap();
    let followed = source.replace("d.on", advised);
    let typed = crate::check(&scale(Month, &followed)).unwrap();
    let approved = check_approved(&scale(Month, source)).unwrap();
    let first = [[0, 0, 18_262, 26_297_280, 0]];
    let second = [[1, 0, 18_262, 26_297_280, 0]];
    assert_eq!(
        (worth(&typed, &first, &[]), worth(&typed, &second, &[])),
        (1, 0)
    );
    assert_eq!(
        (
            worth(&approved, &first, &[]),
            worth(&approved, &second, &[])
        ),
        (0, 1)
    );
}

#[test]
fn a_day_that_is_a_number_is_none_for_what_changes_on_a_day() {
    for source in [
        "deeds.size() * factor.at(0)",
        "deeds.map(d, factor.at(d.on > d.on ? 1 : 0)).sum()",
        "deeds.map(d, factor.at(math.least(30, day_of_month(d.on)))).sum()",
    ] {
        let faults = crate::check(&scale(Month, source)).expect_err(source);
        assert_eq!(faults[0].code, Code::Dated, "{source}: {faults:?}");
        assert!(check_approved(&scale(Month, source)).is_ok(), "{source}");
    }
}

#[test]
fn days_of_the_month_are_advised_if_they_are_known() {
    for (period, source, word) in [
        (
            Week,
            "deeds.filter(d, day_of_month(d.on) == 1).size()",
            "iso_weekday",
        ),
        (
            Day,
            "deeds.filter(d, day_of_month(d.on) == 1).size()",
            "type date",
        ),
        (
            Month,
            "deeds.filter(d, day_of_month(d.due) == 1).size()",
            "written out",
        ),
        (
            Month,
            "deeds.filter(d, iso_weekday(d.on) == 1).size()",
            "type date",
        ),
        (
            Month,
            "deeds.filter(d, day_of_month(d.steps) == 1).size()",
            "type day",
        ),
    ] {
        let faults = crate::check(&scale(period, source)).expect_err(source);
        assert!(faults[0].to_string().contains(word), "{source}: {faults:?}");
    }
}

/// For formulas that both accept, the tree is the same, so no approved scale needs another key.
#[test]
fn new_and_approved_manifests_have_one_shape() {
    let mut source = StdRng::seed_from_u64(5);
    let mut dice = Dice::new(&mut source);
    let mut same = 0;
    for _ in 0..600 {
        let drawn = generate::declarations(&mut dice);
        let approved = check_approved(&drawn);
        match crate::check(&drawn) {
            Ok(written) => {
                assert_eq!(
                    written.canonical(),
                    approved.unwrap().canonical(),
                    "{drawn:?}"
                );
                same += 1;
            }
            Err(faults) => {
                let codes = [Code::CountedFromZero, Code::Dated, Code::Decided];
                let today = faults.iter().any(|fault| codes.contains(&fault.code));
                assert!(approved.is_err() || today, "{faults:?}");
            }
        }
    }
    assert!(same > 100, "{same}");
}
