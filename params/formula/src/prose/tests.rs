//! The words of known formulas. Every formula has words.

use merits_primitives::ids::PeriodKind;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::paragraphs;
use crate::generate::{Acceptance, Dice, draw};
use crate::{
    Decimal, Declarations, Field, FieldKind, Measure, NamedConstant, Schema, Step, TableBy,
    TableDecl, check_approved as check,
};

fn field(name: &str, kind: FieldKind, unit: &str) -> Field {
    Field {
        name: name.into(),
        key: kind == FieldKind::TimeInPeriod,
        kind,
        unit: unit.into(),
    }
}

fn trips() -> Schema {
    let int = FieldKind::Int {
        min: 0,
        max: 65_535,
    };
    let modes = ["bus", "metro", "bike"].map(String::from).to_vec();
    let fields = vec![
        field("start", FieldKind::TimeInPeriod, "min"),
        field("duration", int.clone(), "s"),
        field("distance", int, "m"),
        field("mode", FieldKind::Enum { values: modes }, ""),
        field("shared", FieldKind::Bool, ""),
    ];
    Schema::new("trip", "trips", PeriodKind::Week, fields, 40).unwrap()
}

fn constant(name: &str, high: i64, unit: &str) -> NamedConstant {
    NamedConstant {
        name: name.into(),
        interval: [Decimal::integer(0), Decimal::integer(high)],
        exponent: 2,
        unit: unit.into(),
        dated: false,
    }
}

fn table(name: &str, unit: &str, dated: bool, by: TableBy) -> TableDecl {
    TableDecl {
        name: name.into(),
        interval: [Decimal::integer(0), Decimal::integer(500)],
        exponent: 0,
        unit: unit.into(),
        dated,
        by,
    }
}

fn text(declared: &Declarations) -> Vec<String> {
    let typed = check(declared).unwrap_or_else(|faults| panic!("{faults:#?}"));
    paragraphs(&typed).iter().map(ToString::to_string).collect()
}

#[test]
fn cycling_in_words() {
    let formula = r#"math.floor(
      trips
        .filter(t, t.duration >= 120 && t.duration <= 10800 && t.distance > 0)
        .groups(t, day(t.start))
        .map(g, math.least(g.map(t, t.distance).sum(), daily_cap))
        .sum().to("km")
      * factor)"#;
    let mut declared = Declarations::new(trips(), formula).with_constants([
        constant("factor", 500, "g CO2e/km"),
        constant("daily_cap", 50_000, "m"),
    ]);
    declared.unit = "g CO2e".into();
    assert_eq!(
        text(&declared),
        [
            "(1) (0 to 350000 m): the trips with duration at least 120 s and duration at most \
             10800 s and distance above 0 m, grouped by the day of start; of each group: the sum \
             of distance of its records, but at most daily_cap; the sum of that",
            "credits (0 to 175000 g CO2e): (1) in km times factor, rounded down",
        ]
    );
}

#[test]
fn tables_steps_choices_and_two_outputs_in_words() {
    let mut declared = Declarations::new(trips(), "math.floor(math.greatest(0, points + late))");
    declared.unit = "point".into();
    declared.tables = vec![
        table(
            "grams",
            "g CO2e/km",
            true,
            TableBy::Enum {
                values: ["bus", "metro", "bike"].map(String::from).to_vec(),
            },
        ),
        table(
            "award",
            "point",
            false,
            TableBy::Bands {
                of: "km".into(),
                bands: vec![
                    "[0, 0]".parse().unwrap(),
                    "(0, 1.6]".parse().unwrap(),
                    "(1.6, 100)".parse().unwrap(),
                ],
            },
        ),
        table(
            "bonus",
            "point",
            false,
            TableBy::Curve {
                of: "min".into(),
                points: vec![Decimal::integer(0), Decimal::integer(20_000)],
            },
        ),
    ];
    declared.steps = vec![
        Step {
            name: "green".into(),
            cel: r#"trips.filter(t, t.mode in ["bus", "metro"] && !t.shared)"#.into(),
        },
        Step {
            name: "points".into(),
            cel: r#"green.map(t, award[t.distance.to("km")] + bonus[t.start]).sum()"#.into(),
        },
        Step {
            name: "late".into(),
            cel: r#"green.exists(t, weekday(t.start) == 6) ? -unit(2, "point") : trips.pairs(a, b, math.greatest(0, b.start - a.start)).max(0) > 60 ? unit(1, "point") : 0"#
                .into(),
        },
    ];
    declared.measure = Some(Measure {
        unit: "g CO2e".into(),
        cel: r#"math.round(trips.map(t, t.distance.to("km") * grams.at(t.start)[t.mode]).sum())"#
            .into(),
    });
    assert_eq!(
        text(&declared),
        [
            "green (at most 40 records): the trips with mode bus or metro and not shared set",
            "points (0 to 40000 point): the sum of (the award of distance in km plus the bonus of \
             start) of green",
            "(1) (0 to 10079 min): for each two of the trips that follow each other: the later \
             start minus the earlier start, but at least 0 min; the greatest of that, or 0 for \
             none",
            "late (-2 to 1 point): minus 2 point if at least one of green with the day of the week \
             (0 is Monday) of start equal to 6, else 1 point if (1) above 60 min, else 0",
            "credits (0 to 40001 point): (points plus late, but at least 0 point), rounded down",
            "measure (0 to 1310700 g CO2e): the sum of distance in km times the grams in force on \
             start of mode of the trips, rounded to the nearest whole number",
            "grams (0 to 500 g CO2e/km): one figure for each of bus, metro and bike; changes on a \
             day, and the version in force on the day of the act counts",
            "award (0 to 500 point): one figure for each band: exactly 0 km; above 0 up to and \
             with 1.6 km; above 1.6 up to but without 100 km",
            "bonus (0 to 500 point): a figure at 0 and 20000 min, and a straight line between them",
        ]
    );
}

#[test]
fn every_formula_has_words_and_the_same_each_time() {
    let mut source = StdRng::seed_from_u64(4);
    let mut dice = Dice::new(&mut source);
    let mut acceptance = Acceptance::default();
    for _ in 0..300 {
        let typed = draw(&mut dice, &mut acceptance);
        let written = paragraphs(&typed);
        assert!(written.iter().any(|paragraph| paragraph.title == "credits"));
        for paragraph in &written {
            let text = &paragraph.text;
            assert!(!text.is_empty(), "{:?}", typed.declarations());
            // The reader does not know these signs.
            for mark in [
                "math.", ".map(", ".filter(", "&&", "||", " ? ", "==", "Number(",
            ] {
                assert!(!text.contains(mark), "{text}\n{:?}", typed.declarations());
            }
        }
        assert_eq!(paragraphs(&typed), written);
    }
}
