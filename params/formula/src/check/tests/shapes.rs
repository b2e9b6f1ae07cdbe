//! The shapes that real schemes have, with their figures.

use super::*;
use crate::declarations::Measure;
use crate::eval::Outputs;

fn checked(declarations: &Declarations) -> Typed {
    super::super::check(declarations).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

#[test]
fn shape_1_base_less_project_times_distance() {
    let fields = vec![
        field("start", FieldKind::TimeInPeriod, "min"),
        field("distance", int(65_535), "m"),
    ];
    let decl = Declarations {
        unit: "g CO2e".into(),
        ..Declarations::new(
            schema(PeriodKind::Week, 40, fields),
            "math.floor(deeds.map(t, t.distance).sum().to(\"km\") * math.greatest(0, base - project))",
        )
        .with_constants([
            number("base", "0", "500", 2, "g CO2e/km"),
            number("project", "0", "500", 2, "g CO2e/km"),
        ])
    };
    let typed = checked(&decl);
    // A car's 170.51 g/km less a bus's 66.41: 3 km are 312.3 g.
    assert_eq!(worth(&typed, &[[9, 3000]], &[17_051, 6641]), 312);
    assert_eq!(worth(&typed, &[[9, 3000]], &[6641, 17_051]), 0);
    // Metres times grams per kilometre are not grams.
    let forgotten = Declarations {
        credits: decl.credits.replace(".to(\"km\")", ""),
        ..decl
    };
    refused(&forgotten, Code::UnitMismatch, "");
}

/// Beijing, 2017: yuan for a day without the car, by engine; and for an electric car.
fn beijing() -> Declarations {
    let engine = FieldKind::Decimal {
        min: 0,
        max: 99,
        digits: 1,
    };
    let fields = vec![
        field("on", FieldKind::DayInPeriod, "day"),
        field("engine", engine, "L"),
        field("electric", FieldKind::Bool, ""),
    ];
    let by = bands("L", &["[0, 1.6]", "(1.6, 2.5]", "(2.5, 9.9]"]);
    Declarations {
        unit: "fen".into(),
        tables: vec![table("tariff", "2", 2, "yuan", by)],
        ..Declarations::new(
            schema(PeriodKind::Month, 31, fields),
            "deeds.map(d, d.electric ? electric : tariff[d.engine]).sum().to(\"fen\")",
        )
        .with_constants([number("electric", "0", "2", 2, "yuan")])
    }
}

#[test]
fn shape_1_a_tariff_by_engine_class() {
    let typed = checked(&beijing());
    let values = [20, 50, 60, 70];
    for (engine, fen) in [(10, 50), (16, 50), (17, 60), (25, 60), (26, 70), (99, 70)] {
        assert_eq!(worth(&typed, &[[0, engine, 0]], &values), fen, "{engine}");
    }
    assert_eq!(worth(&typed, &[[0, 0, 1]], &values), 20);
    assert_eq!(
        worth(&typed, &[[0, 16, 0], [1, 20, 0], [30, 0, 1]], &values),
        130
    );
    assert_eq!(typed.max_value(), 31 * 200);
}

fn steps_of_days(credits: &str) -> Declarations {
    let fields = vec![
        field("on", FieldKind::DayInPeriod, ""),
        field("steps", int(99_999), "step"),
    ];
    Declarations {
        unit: "point".into(),
        ..Declarations::new(schema(PeriodKind::Month, 31, fields), credits)
    }
}

#[test]
fn shape_2_luzhou_counts_whole_500_steps() {
    let decl = steps_of_days("deeds.map(d, math.floor(d.steps / unit(500, \"step/point\"))).sum()");
    let typed = checked(&decl);
    for (steps, points) in [
        (0, 0),
        (499, 0),
        (500, 1),
        (999, 1),
        (1000, 2),
        (10_250, 20),
    ] {
        assert_eq!(worth(&typed, &[[0, steps]], &[]), points, "{steps}");
    }
    // Each day is rounded down by itself.
    assert_eq!(worth(&typed, &[[0, 499], [1, 499]], &[]), 0);
}

#[test]
fn shape_2_fuzhou_gives_a_point_from_6000_steps() {
    let decl = steps_of_days("deeds.map(d, d.steps >= 6000 ? unit(1, \"point\") : 0).sum()");
    let typed = checked(&decl);
    assert_eq!(worth(&typed, &[[0, 5999], [1, 6000], [2, 6001]], &[]), 2);
}

#[test]
fn shape_3_caps_a_day_and_a_month() {
    // Meixian's library: 1 a book, at most 6 a day and 30 a month; 2 an hour of volunteering, at
    // most 30 a month.
    let hours = FieldKind::Decimal {
        min: 0,
        max: 240,
        digits: 1,
    };
    let fields = vec![
        field("start", FieldKind::TimeInPeriod, "min"),
        field("books", int(20), "book"),
        field("helped", hours, "h"),
    ];
    let decl = Declarations {
        unit: "point".into(),
        steps: vec![
            step(
                "books",
                "math.least(30, deeds.groups(d, day(d.start))
                   .map(g, math.least(6, g.map(d, d.books).sum())).sum())
                 * unit(1, \"point/book\")",
            ),
            step(
                "help",
                "math.least(30, math.floor(deeds.map(d, d.helped).sum()) * unit(2, \"point/h\"))",
            ),
        ],
        ..Declarations::new(schema(PeriodKind::Month, 62, fields), "books + help")
    };
    let typed = checked(&decl);
    let at = |day: u64| day * 1440 + 600;
    assert_eq!(worth(&typed, &[[at(0), 4, 0], [at(0) + 1, 4, 0]], &[]), 6);
    assert_eq!(worth(&typed, &[[at(0), 4, 0], [at(1), 4, 0]], &[]), 8);
    let all: Vec<[u64; 3]> = (0..31).map(|day| [at(day), 7, 0]).collect();
    assert_eq!(worth(&typed, &all, &[]), 30);
    // Two and a half hours and half an hour.
    assert_eq!(worth(&typed, &[[at(0), 0, 25], [at(1), 0, 5]], &[]), 6);
    let all: Vec<[u64; 3]> = (0..31).map(|day| [at(day), 7, 80]).collect();
    assert_eq!(worth(&typed, &all, &[]), 60);
    assert_eq!(typed.max_value(), 60);
}

#[test]
fn shape_3_a_piecewise_linear_curve() {
    let decl = Declarations {
        tables: vec![table(
            "health",
            "2",
            1,
            "point",
            curve("step", &["0", "6000", "10000", "99999"]),
        )],
        ..steps_of_days("math.floor(deeds.map(d, health[d.steps]).sum())")
    };
    let typed = checked(&decl);
    // 0 at none, 1 at 6000, 2 from 10,000.
    let values = [0, 10, 20, 20];
    assert_eq!(worth(&typed, &[[0, 3000]], &values), 0);
    assert_eq!(worth(&typed, &[[0, 3000], [1, 3000]], &values), 1);
    assert_eq!(worth(&typed, &[[0, 8000], [1, 8000]], &values), 3);
    assert_eq!(worth(&typed, &[[0, 10_000], [1, 50_000]], &values), 4);
    assert_eq!(typed.max_value(), 62);
    // In another unit than the table is declared for.
    let mut other = decl;
    other.tables[0].by = curve("km", &["0", "6000", "10000", "99999"]);
    refused(&other, Code::UnitMismatch, "argument of table `health`");
}

#[test]
fn shape_4_groups_within_a_claim() {
    let decl =
        steps_of_days("groups(deeds, deeds.on).filter(g, g.map(d, d.steps).sum() >= 6000).size()");
    assert_eq!(
        worth(&checked(&decl), &[[0, 6000], [3, 7000], [4, 1]], &[]),
        2
    );
}

#[test]
fn shape_5_negative_entries_with_a_floor() {
    // 3 points a loan, less 1 a day overdue down to -10 each, never below 0 in all.
    let date = FieldKind::Date {
        min: 18_262,
        max: 22_000,
    };
    let fields = vec![
        field("id", int(999_999), ""),
        field("due", date.clone(), ""),
        field("returned", date, ""),
    ];
    let decl = Declarations {
        unit: "point".into(),
        steps: vec![step(
            "entries",
            "deeds.map(b, math.greatest(-10, math.least(0, b.due - b.returned)) * unit(1, \"point/day\"))",
        )],
        ..Declarations::new(
            schema(PeriodKind::Month, 20, fields),
            "math.greatest(0, deeds.size() * unit(3, \"point\") + entries.sum())",
        )
    };
    let typed = checked(&decl);
    let due = 19_782;
    for (late, points) in [(0, 3), (1, 2), (3, 0), (4, 0), (400, 0)] {
        assert_eq!(
            worth(&typed, &[[1, due, due + late]], &[]),
            points,
            "{late}"
        );
    }
    // In time: nothing is added for it.
    assert_eq!(worth(&typed, &[[1, due, due - 9]], &[]), 3);
    // Five loans, one of which is 10 days late, or 11.
    for late in [10, 11] {
        let rows: Vec<[u64; 3]> = (0..5).map(|id| [id, due, due + late * (id / 4)]).collect();
        assert_eq!(worth(&typed, &rows, &[]), 5, "{late}");
    }
    assert_eq!(typed.max_value(), 60);
}

#[test]
fn shape_6_whole_days_between_readings_that_agree() {
    // The car stands where two readings of the odometer agree within 1 km: whole 24 hours count.
    let fields = vec![
        field("taken", FieldKind::TimeInPeriod, "min"),
        field("odometer", int(999_999), "km"),
    ];
    let decl = Declarations {
        unit: "day".into(),
        ..Declarations::new(
            schema(PeriodKind::Month, 31, fields),
            "deeds.pairs(a, b, math.abs(b.odometer - a.odometer) <= tolerance
               ? math.floor((b.taken - a.taken).to(\"day\")) : 0).sum()",
        )
        .with_constants([number("tolerance", "0", "10", 0, "km")])
    };
    let typed = checked(&decl);
    let day = 1440;
    for (second, expected) in [
        ([day - 1, 1000], 0),
        ([day, 1000], 1),
        ([2 * day - 1, 1000], 1),
        ([2 * day, 1001], 2),
        ([2 * day, 1002], 0),
        ([2 * day, 999], 2),
        ([2 * day, 998], 0),
    ] {
        assert_eq!(
            worth(&typed, &[[0, 1000], second], &[1]),
            expected,
            "{second:?}"
        );
    }
    // A day that is partly in one pair and partly in the next is whole in neither.
    let rows = [[0, 10], [day + 5, 10], [2 * day, 10], [5 * day, 10]];
    assert_eq!(worth(&typed, &rows, &[1]), 1 + 3);
    assert_eq!(worth(&typed, &rows[..1], &[1]), 0);
    assert_eq!(typed.max_value(), 30 * 30);
}

#[test]
fn shape_6_and_or_over_several_aggregates() {
    let decl = steps_of_days(
        "(deeds.size() >= 3 && deeds.map(d, d.steps).sum() >= 20000)
         || deeds.exists(d, d.steps >= 30000) ? unit(5, \"point\") : 0",
    );
    let typed = checked(&decl);
    assert_eq!(worth(&typed, &[[0, 7000], [1, 7000], [2, 6000]], &[]), 5);
    assert_eq!(worth(&typed, &[[0, 7000], [1, 7000], [2, 5999]], &[]), 0);
    assert_eq!(worth(&typed, &[[0, 30_000]], &[]), 5);
}

#[test]
fn shape_7_the_version_of_the_day() {
    let decl = Declarations {
        ..steps_of_days("math.floor(deeds.map(d, d.steps * rate.at(d.on)).sum())").with_constants([
            NamedConstant {
                dated: true,
                ..number("rate", "0", "1", 3, "point/step")
            },
        ])
    };
    let typed = checked(&decl);
    // 0.002 up to the 14th, 0.001 from the 15th on.
    let rows = [[0, 5000], [13, 5000], [14, 5000], [30, 5000]];
    assert_eq!(worth(&typed, &rows, &[2, 1, 14]), 10 + 10 + 5 + 5);
    // No change in this month.
    assert_eq!(worth(&typed, &rows, &[1, 1, 0]), 20);
    let names: Vec<&str> = typed.constants().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        names,
        ["rate (before)", "rate (after)", "change day of rate"]
    );
}

#[test]
fn shape_8_grams_and_points() {
    let fields = vec![
        field("start", FieldKind::TimeInPeriod, "min"),
        field("distance", int(65_535), "m"),
    ];
    let decl = Declarations {
        unit: "point".into(),
        steps: vec![step(
            "far",
            "deeds.filter(t, t.distance >= 500).map(t, t.distance).sum()",
        )],
        measure: Some(Measure {
            unit: "g CO2e".into(),
            cel: "math.floor(far.to(\"km\") * factor)".into(),
        }),
        ..Declarations::new(
            schema(PeriodKind::Week, 40, fields),
            "math.floor(far / unit(1000, \"m/point\"))",
        )
        .with_constants([number("factor", "0", "500", 2, "g CO2e/km")])
    };
    let typed = checked(&decl);
    let outputs = typed.eval(&records(&[[0, 400], [1, 2500]]), &[PublicNumber(16_272)]);
    let expected = Outputs {
        credits: 2,
        measure: Some(406),
    };
    assert_eq!(outputs.unwrap(), expected);
    assert_eq!(typed.max_measure(), Some(40 * 65_535 / 2));
    assert_eq!(typed.max_value(), 40 * 65_535 / 1000);
}

#[test]
fn shape_9_missing_is_not_zero() {
    // The mean of the days that there are, not of all days.
    let decl = steps_of_days(
        "math.floor(deeds.map(d, d.steps).sum() / math.greatest(1, deeds.size())
           / unit(1000, \"step/point\"))",
    );
    let faults = super::super::check(&decl).unwrap_err();
    assert_eq!(faults[0].code, Code::DivisorNotLiteral);
    let decl = steps_of_days(
        "math.floor(math.floor(deeds.map(d, d.steps).sum() / math.greatest(1, deeds.size()))
           / unit(1000, \"step/point\"))",
    );
    let typed = checked(&decl);
    assert_eq!(worth(&typed, &[[3, 8000], [9, 9000]], &[]), 8);
    assert_eq!(worth::<2>(&typed, &[], &[]), 0);
    // The least of the days; without days, the declared value.
    let decl =
        steps_of_days("math.floor(deeds.map(d, d.steps).min(0) / unit(1000, \"step/point\"))");
    let typed = checked(&decl);
    assert_eq!(worth(&typed, &[[3, 8000], [9, 9000]], &[]), 8);
    assert_eq!(worth::<2>(&typed, &[], &[]), 0);
}
