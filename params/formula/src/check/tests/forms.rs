//! The result of each form of the language.

use super::{Deed, of_deeds, records, without_constants, worth};

#[test]
fn the_other_forms_of_the_language() {
    let rows = records(&[
        [10, 300, 100],
        [20, 600, 250],
        [1500, 900, 50],
        [4400, 60, 7],
    ]);
    for (source, expected) in [
        ("trips.size()", 4),
        ("size(trips)", 4),
        ("sum(trips.map(t, t.distance))", 407),
        ("groups(trips, day(trips.start)).size()", 3),
        (
            "groups(trips, t, day(t.start)).filter(g, g.size() >= 2).size()",
            1,
        ),
        (
            "trips.groups(t, day(t.start)).map(g, g.filter(t, t.distance > 99).size()).sum()",
            2,
        ),
        ("trips.filter(t, !(t.distance < 100)).size()", 2),
        (
            "trips.filter(t, t.distance == 50 || t.duration == 60).size()",
            2,
        ),
        ("trips.filter(t, t.distance != 50).size()", 3),
        ("trips.filter(t, t.distance * 2 > t.duration).size()", 1 - 1),
        ("trips.filter(t, t.distance * 3 > t.duration).size()", 1),
        (
            "trips.filter(t, t.distance >= 49.5 && t.distance <= 100.5).size()",
            2,
        ),
        ("math.greatest(0, trips.size() - 5)", 0),
        ("math.greatest(3, trips.size(), 2)", 4),
        ("math.floor(trips.map(t, t.distance).sum() / 3)", 135),
        ("math.floor(trips.map(t, t.distance).sum() * 0.1)", 40),
        ("math.floor(trips.map(t, t.distance).sum() / 0.25)", 1628),
        (
            "math.greatest(0, math.floor(-trips.map(t, t.distance).sum() / 3) + 200)",
            64,
        ),
        (
            "trips.map(t, math.floor(t.distance / 7)).sum()",
            14 + 35 + 7 + 1,
        ),
        (
            "trips.filter(t, false).size() + trips.filter(t, true).size()",
            4,
        ),
        (
            "trips.filter(t, t.distance > 99).filter(t, t.duration > 300).size()",
            1,
        ),
        ("trips.filter(t, t.start / 60 >= 24).size()", 2),
        (
            "math.floor(trips.map(t, t.distance / 1000 + 0.0005).sum() * 10)",
            4,
        ),
        (
            "trips.groups(t, day(t.start)).map(g, math.least(g.size(), 1) * 5 + 1).sum()",
            18,
        ),
    ] {
        let typed =
            without_constants(source).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
        assert_eq!(
            typed.eval(&rows, &[]).unwrap().credits,
            expected,
            "{source}"
        );
    }
}

#[test]
fn choices_truths_and_remainders() {
    let rows = records(&[
        [10, 300, 100],
        [20, 600, 250],
        [1500, 900, 50],
        [4400, 60, 7],
    ]);
    for (source, expected) in [
        ("trips.size() > 3 ? 7 : 1", 7),
        ("trips.size() > 4 ? 7 : 1", 1),
        ("trips.map(t, t.distance >= 100 ? 2 : 1).sum()", 6),
        ("(trips.size() > 3 ? trips.size() > 9 : true) ? 1 : 0", 0),
        ("(trips.size() > 9 ? false : trips.size() == 4) ? 1 : 0", 1),
        ("(trips.size() > 9) == (trips.size() > 8) ? 1 : 0", 1),
        ("(trips.size() > 9) != (trips.size() > 3) ? 1 : 0", 1),
        ("trips.size() % 3", 1),
        ("trips.map(t, t.distance % 7).sum()", 2 + 5 + 1),
        ("math.floor((trips.size() + 0.5) % 2 * 10)", 5),
        ("trips.filter(t, t.distance in [7, 100, 101]).size()", 2),
        ("trips.filter(t, !(t.distance in [7])).size()", 3),
        ("trips.exists(t, t.distance > 249) ? 1 : 0", 1),
        ("trips.exists(t, t.distance > 250) ? 1 : 0", 0),
        ("trips.all(t, t.distance > 6) ? 1 : 0", 1),
        ("trips.all(t, t.distance > 7) ? 1 : 0", 0),
        ("trips.exists_one(t, t.distance > 249) ? 1 : 0", 1),
        ("trips.exists_one(t, t.distance > 99) ? 1 : 0", 0),
        (
            "trips.groups(t, day(t.start)).exists(g, g.size() == 2) ? 1 : 0",
            1,
        ),
        (
            "trips.groups(t, day(t.start)).filter(g, g.all(t, t.distance > 40)).size()",
            2,
        ),
        ("trips.map(t, t.distance).max(0)", 250),
        ("trips.map(t, t.distance).min(0)", 7),
        ("trips.filter(t, false).map(t, t.distance).min(33)", 33),
        ("trips.filter(t, false).map(t, t.distance).max(33)", 33),
        // The value for none counts for none only.
        ("trips.map(t, t.distance).max(9999)", 250),
        ("math.floor(trips.map(t, t.distance / 3).min(0.5) * 6)", 14),
        (
            "trips.groups(t, day(t.start)).map(g, g.map(t, t.distance).max()).sum()",
            250 + 50 + 7,
        ),
        (
            "trips.groups(t, day(t.start)).map(g, g.map(t, t.distance).min()).sum()",
            100 + 50 + 7,
        ),
        // A mean of each day.
        (
            "trips.groups(t, day(t.start)).map(g, math.floor(g.map(t, t.distance).sum() / g.size())).sum()",
            175 + 50 + 7,
        ),
        ("trips.map(t, t.distance).filter(x, x > 50).sum()", 350),
        ("trips.map(t, t.distance).filter(x, x > 50).size()", 2),
        ("trips.map(t, t.distance).map(x, x * 2).sum()", 814),
        ("trips.map(t, t.distance).exists(x, x == 7) ? 1 : 0", 1),
        (
            "trips.groups(t, day(t.start)).map(g, g.map(t, t.distance).filter(x, x < 200).sum()).max(0)",
            100,
        ),
        // A list of the claim inside an expression about one record.
        (
            "trips.filter(t, t.distance * 4 > trips.map(u, u.distance).sum()).size()",
            1,
        ),
        (
            "trips.filter(t, t.distance == trips.map(u, u.distance).max(0)).map(t, t.duration).sum()",
            600,
        ),
        (
            "trips.pairs(a, b, b.start - a.start).max(0) / unit(1, \"min\")",
            2900,
        ),
        (
            "trips.pairs(a, b, b.start - a.start <= 10 ? 1 : 0).sum()",
            1,
        ),
        ("trips.pairs(a, b, 1).size()", 3),
        (
            "trips.pairs(a, b, math.abs(b.distance - a.distance)).sum()",
            150 + 200 + 43,
        ),
        (
            "trips.map(t, minute_of_day(t.start)).sum() / unit(1, \"min\")",
            10 + 20 + 60 + 80,
        ),
        ("trips.filter(t, weekday(t.start) == 3).size()", 1),
    ] {
        let typed =
            without_constants(source).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
        let outputs = typed.eval(&rows, &[]).unwrap();
        assert_eq!(outputs.credits, expected, "{source}");
        assert!(outputs.credits <= typed.max_value(), "{source}");
    }
}

#[test]
fn rounding_is_half_away_from_zero() {
    // Quarters from -3 to 3, shifted up so that credits are not negative.
    for quarter in 0..=24u64 {
        let x = quarter as f64 / 4.0 - 3.0;
        for (function, expected) in [
            ("math.round", x.round()),
            ("math.floor", x.floor()),
            ("math.ceil", x.ceil()),
        ] {
            let expected = (expected + 10.0) as u64;
            // By a literal.
            let source = format!("trips.map(t, 10 + {function}(t.distance / 4 - 3)).max(0)");
            let typed = without_constants(&source).unwrap();
            assert_eq!(
                worth(&typed, &[[0, 0, quarter]], &[]),
                expected,
                "{source} {x}"
            );
            // By what varies.
            let source =
                format!("deeds.map(t, 10 + {function}((t.amount - 12) / (t.rooms + 2))).max(0)");
            let typed = of_deeds(&source).unwrap();
            let row: Deed = [0, 0, 0, 0, 2, quarter, 0, 18_262, 26_297_280];
            assert_eq!(worth(&typed, &[row], &[]), expected, "{source} {x}");
        }
    }
    // Thirds: no half among them.
    for (source, expected) in [
        ("math.round(5 / 3)", 2),
        ("math.round(4 / 3)", 1),
        ("3 + math.round(-4 / 3)", 2),
        ("3 + math.round(-5 / 3)", 1),
        ("3 + math.round(-2.5)", 0),
        ("math.round(2.5)", 3),
        ("math.abs(-7)", 7),
        ("math.abs(7)", 7),
        ("4 + math.ceil(-3.5)", 1),
    ] {
        let typed = without_constants(source).unwrap();
        assert_eq!(typed.eval(&[], &[]).unwrap().credits, expected, "{source}");
    }
}

#[test]
fn fields_of_each_kind() {
    // 2024-02-29 is day 19,782, a Thursday; 08:30 of it is minute 28,486,590.
    let rows: [Deed; 3] = [
        [100, 0, 1, 150, 2, 10, 0, 19_782, 28_486_590],
        [1500, 1, 0, 225, 3, 20, 1, 19_783, 28_486_591],
        [2990, 2, 1, 999, 9, 30, 6, 18_262, 26_297_280],
    ];
    for (source, expected) in [
        ("deeds.filter(t, t.paid).size()", 2),
        ("deeds.filter(t, !t.paid).size()", 1),
        ("deeds.filter(t, t.paid == false).size()", 1),
        ("deeds.filter(t, t.paid && t.mode == \"bus\").size()", 1),
        ("deeds.map(t, t.paid ? t.amount : 0).sum()", 40),
        ("deeds.filter(t, t.mode != \"bus\").size()", 2),
        ("deeds.filter(t, \"metro\" == t.mode).size()", 1),
        (
            "deeds.filter(t, t.mode in [\"bus\", \"bike\"]).map(t, t.amount).sum()",
            40,
        ),
        ("deeds.groups(t, t.mode).size()", 3),
        ("deeds.pairs(a, b, a.mode == b.mode ? 1 : 0).sum()", 0),
        // 1.50 + 2.25 + 9.99 litres.
        ("math.floor(deeds.map(t, t.litres).sum() * 100)", 1374),
        ("deeds.filter(t, t.litres >= 2.25).size()", 2),
        ("deeds.map(t, t.on).max(0) / unit(1, \"day\")", 6),
        ("deeds.map(t, day(t.on)).sum() / unit(1, \"day\")", 7),
        ("deeds.map(t, day(t.start)).sum() / unit(1, \"day\")", 1 + 2),
        (
            "deeds.map(t, weekday(t.due)).sum() / unit(1, \"day\")",
            3 + 4 + 2,
        ),
        (
            "deeds.map(t, weekday(t.at)).sum() / unit(1, \"day\")",
            3 + 3 + 2,
        ),
        (
            "deeds.map(t, minute_of_day(t.at)).sum() / unit(1, \"min\")",
            510 + 511,
        ),
        (
            "deeds.map(t, math.floor(t.amount / t.rooms)).sum()",
            5 + 6 + 3,
        ),
        ("deeds.map(t, t.amount % t.rooms).sum()", 2 + 3),
    ] {
        let typed = of_deeds(source).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
        assert_eq!(worth(&typed, &rows, &[]), expected, "{source}");
    }
}
