//! Advice with `..` in it: the marked part replaces the points, and the result replaces the marked
//! part, at any place.

use super::*;

/// on, a and b (km), n, m (without 0), ok
fn ways() -> Schema {
    let fields = vec![
        field("on", FieldKind::DayInPeriod, ""),
        field("a", int(1000), "km"),
        field("b", int(10_000), "m"),
        field("n", int(100), ""),
        field("m", FieldKind::Int { min: 1, max: 9 }, ""),
        field("ok", FieldKind::Bool, ""),
    ];
    schema(PeriodKind::Month, 31, fields)
}

const ROWS: [[u64; 6]; 4] = [
    [0, 3, 2500, 0, 1, 1],
    [1, 0, 0, 3, 2, 0],
    [2, 7, 9000, 40, 3, 1],
    [3, 40, 100, 7, 9, 0],
];

fn checked(source: &str) -> Result<Typed, Vec<Diagnostic>> {
    crate::check(&Declarations::new(ways(), source))
}

fn value(source: &str) -> Vec<u64> {
    let typed = checked(source).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
    let alone = ROWS.iter().map(|row| worth(&typed, &[*row], &[]));
    alone.chain([worth(&typed, &ROWS, &[])]).collect()
}

/// The text between two marks of the hint.
fn between<'h>(hint: &'h str, from: &str, to: &str) -> &'h str {
    let rest = hint.split_once(from).unwrap_or_else(|| panic!("{hint}")).1;
    rest.split_once(to).map_or(rest, |(advised, _)| advised)
}

/// `$` is a number.
const NUMBERS: [&str; 6] = [
    "$",
    "200 - $",
    "2 * $",
    "(200 + $) % 7",
    "(d.ok ? $ : 3)",
    "math.greatest(2, $)",
];

fn sum(around: &str, part: &str) -> String {
    format!("deeds.map(d, {}).sum()", around.replace('$', part))
}

#[test]
fn a_truth_value_is_counted_at_every_place() {
    for condition in ["d.n > 5", "d.ok && d.n > 5", "d.ok || d.n == 3", "!d.ok"] {
        for around in NUMBERS {
            // Written in parentheses, which stay, and marked without them.
            let source = sum(around, &format!("(1 + ({condition}))"));
            let fault = checked(&source).unwrap_err()[0].clone();
            let advised = between(&fault.hint, "in parentheses: ", "; or");
            let part = &source[fault.span.start..fault.span.end];
            let followed = format!(
                "{}{}{}",
                &source[..fault.span.start],
                advised.replacen("..", part, 1),
                &source[fault.span.end..]
            );
            let meant = sum(around, &format!("(1 + (({condition}) ? 1 : 0))"));
            assert_eq!(value(&followed), value(&meant), "{source}: {followed}");
        }
    }
}

#[test]
fn a_divisor_that_may_be_0_is_guarded_at_every_place() {
    for (divisor, how) in [
        ("d.n", "math.floor"),
        ("d.n - 3", "math.ceil"),
        ("(d.ok ? d.n : d.m)", "math.round"),
        ("d.n * (d.m - 1)", "math.floor"),
    ] {
        for around in NUMBERS {
            let source = sum(around, &format!("{how}(9 / ({divisor}))"));
            let hint = checked(&source).unwrap_err()[0].hint.clone();
            let greatest = between(&hint, "divide by ", ", which is");
            let choice = between(&hint, "where it is: ", " ? .. : 0)");
            let quotient = format!("{choice} ? {how}(9 / {greatest}) : 0)");
            let followed = sum(around, &quotient);
            // The same, by a divisor that is above 0 by other means.
            let meant = format!("(({divisor}) > 0 ? {how}(9 / math.greatest(1, {divisor})) : 0)");
            assert_eq!(value(&followed), value(&sum(around, &meant)), "{followed}");
        }
    }
}

#[test]
fn a_number_gets_the_unit_when_it_is_compared_or_added() {
    for (condition, pure) in [
        ("d.a > $", "d.n + 1"),
        ("$ <= d.a", "d.ok ? d.n : d.m"),
        ("d.a + ($) > unit(5, \"km\")", "d.n"),
        ("unit(50, \"km\") - ($) >= d.a", "d.n * d.m"),
        ("math.least($, d.a) == d.a", "d.n - 1"),
    ] {
        let whole = |part: &str| {
            let condition = condition.replace('$', part);
            format!("deeds.filter(d, !({condition})).size()")
        };
        let fault = checked(&whole(&format!("({pure})"))).unwrap_err()[0].clone();
        assert_eq!(fault.code, Code::UnitMismatch, "{fault}");
        let advised = between(&fault.hint, "give the pure number its unit: ", "\u{0}");
        let followed = whole(&advised.replace("..", pure));
        let meant = whole(&format!("(({pure}) * unit(1, \"km\"))"));
        assert_eq!(value(&followed), value(&meant), "{followed}");
    }
    // One of two units becomes the other.
    let fault = checked("deeds.filter(d, !(d.a + d.a > d.b + d.b)).size()").unwrap_err()[0].clone();
    for (unit, followed) in [
        (
            "km",
            "deeds.filter(d, !(d.a + d.a > (d.b + d.b).to(\"km\"))).size()",
        ),
        (
            "m",
            "deeds.filter(d, !((d.a + d.a).to(\"m\") > d.b + d.b)).size()",
        ),
    ] {
        assert!(
            fault.hint.contains(&format!("(..).to(\"{unit}\")")),
            "{fault}"
        );
        let meant = "deeds.filter(d, 2000 * d.a.to(\"km\") <= 2 * d.b.to(\"m\") * 1).size()";
        let meant = meant.replace("2000 * d.a.to(\"km\")", "(2 * d.a).to(\"m\")");
        assert_eq!(value(followed), value(&meant));
    }
}

/// The replacement of a sign or word of another language, in parentheses if it needs them.
#[test]
fn other_precedences_are_reported_with_parentheses() {
    for (source, word) in [
        ("deeds.map(d, 9 / d.m ^ 2).sum()", "(x * x)"),
        ("deeds.map(d, 9 / d.m ** 2).sum()", "(x * x)"),
        ("deeds.map(d, 9 / pow(d.m, 7)).sum()", "(x * x)"),
        ("deeds.map(d, 9 / 2m).sum()", "(2 * m)"),
        ("deeds.filter(d, not d.n == 5).size()", "!(..)"),
        ("deeds.filter(d, ¬ d.n == 5).size()", "!(..)"),
        (
            "deeds.map(d, 2 * if d.ok then 1 else 2).sum()",
            "(condition ? a : b)",
        ),
        (
            "deeds.map(d, 2 * IFS(d.ok, 1)).sum()",
            "(a ? 1 : b ? 2 : 3)",
        ),
        ("deeds.map(d, math.floor(9 / (0 - d.m))).sum()", "-(a) / b"),
    ] {
        let faults = checked(source).expect_err(source);
        assert!(faults[0].hint.contains(word), "{source}: {}", faults[0]);
    }
}
