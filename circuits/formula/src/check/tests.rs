//! Every diagnostic, and evaluation against cases computed by hand.

use proptest::prelude::*;

use crate::constant::ConstantDecl;
use crate::declarations::Declarations;
use crate::diagnostic::{Code, Diagnostic};
use crate::eval::EvalError;
use crate::schema::{Record, Schema, tests::trips};
use crate::typed::Typed;

fn constant(name: &str, low: &str, high: &str, exponent: u8) -> ConstantDecl {
    ConstantDecl {
        name: name.into(),
        interval: [low.parse().unwrap(), high.parse().unwrap()],
        exponent,
    }
}

/// Checks a formula against these constants.
fn check(
    source: &str,
    schema: &Schema,
    constants: &[ConstantDecl],
) -> Result<Typed, Vec<Diagnostic>> {
    let constants = constants.iter().cloned().map(Into::into);
    super::check(&Declarations::new(schema.clone(), source).with_constants(constants))
}

fn constants() -> Vec<ConstantDecl> {
    vec![
        constant("factor", "0", "500", 2),
        constant("daily_cap", "0", "50000", 0),
    ]
}

const CYCLING: &str = "
    // grams of CO2e; rounded down once, at the end
    math.floor(
      trips
        .filter(t, t.duration >= 120 && t.duration <= 10800 && t.distance > 0)
        .groups(t, day(t.start))
        .map(g, math.least(g.map(t, t.distance).sum(), daily_cap))
        .sum()
      * factor / 1000)
";

/// 162.72 g/km and 20 km a day.
const VALUES: [u64; 2] = [16_272, 20_000];

fn cycling() -> Typed {
    check(CYCLING, &trips(), &constants()).unwrap()
}

fn without_constants(source: &str) -> Result<Typed, Vec<Diagnostic>> {
    check(source, &trips(), &[])
}

fn records(rows: &[[u64; 3]]) -> Vec<Record> {
    rows.iter().map(|row| Record(row.to_vec())).collect()
}

fn credits(rows: &[[u64; 3]]) -> u64 {
    cycling().eval(&records(rows), &VALUES).unwrap().credits
}

const MONDAY: u64 = 0;
const TUESDAY: u64 = 1440;
const SUNDAY_LAST: u64 = 10_079;

#[test]
fn credits_by_hand() {
    // 3 km on Monday: 3 * 162.72 = 488.16.
    assert_eq!(credits(&[[MONDAY + 490, 600, 3000]]), 488);
    assert_eq!(credits(&[]), 0);
    // Rounded down once: 2 * 488.16 = 976.32, and 3 * 488.16 = 1464.48 over two days.
    assert_eq!(credits(&[[490, 600, 3000], [1000, 600, 3000]]), 976);
    let three = [[490, 600, 3000], [1000, 600, 3000], [TUESDAY, 600, 3000]];
    assert_eq!(credits(&three), 1464);
    // 1 m is 0.16272 g: 6 m are 0.97632, 7 m are 1.13904.
    assert_eq!(credits(&[[0, 600, 6]]), 0);
    assert_eq!(credits(&[[0, 600, 7]]), 1);
}

#[test]
fn the_duration_counts_from_2_minutes_to_3_hours() {
    for (duration, counts) in [
        (0, false),
        (119, false),
        (120, true),
        (121, true),
        (10_799, true),
        (10_800, true),
        (10_801, false),
        (65_535, false),
    ] {
        let expected = if counts { 162 } else { 0 };
        assert_eq!(credits(&[[0, duration, 1000]]), expected, "{duration} s");
    }
}

#[test]
fn at_most_20_km_a_day_count() {
    // 20 km are 3254.4 g.
    assert_eq!(credits(&[[0, 600, 19_999]]), 3254); // 3254.23728
    assert_eq!(credits(&[[0, 600, 20_000]]), 3254);
    assert_eq!(credits(&[[0, 600, 20_001]]), 3254);
    assert_eq!(credits(&[[0, 600, 10_000], [1, 600, 10_000]]), 3254);
    assert_eq!(credits(&[[0, 600, 15_000], [1439, 600, 15_000]]), 3254);
    // Two days: 30 km count, 4881.6 g.
    assert_eq!(credits(&[[1439, 600, 15_000], [1440, 600, 15_000]]), 4881);
    // Sunday 23:59 is still this week's seventh day.
    assert_eq!(credits(&[[SUNDAY_LAST, 600, 25_000]]), 3254);
    // A trip that does not count does not use up the cap.
    assert_eq!(credits(&[[0, 60, 20_000], [1, 600, 1000]]), 162);
}

#[test]
fn a_full_week_is_within_v_max() {
    let rows: Vec<[u64; 3]> = (0..40).map(|i| [i * 251, 600, 65_535]).collect();
    // Seven days of 20 km: 22780.8 g.
    assert_eq!(credits(&rows), 22_780);
    // V_max by the intervals: 7 * 50 km * 500 g/km.
    assert_eq!(cycling().max_value(), 175_000);
    let most = cycling().eval(&records(&rows), &[50_000, 50_000]).unwrap();
    assert_eq!(most.credits, 175_000);
}

#[test]
fn records_and_constants_outside_what_was_declared_are_refused() {
    let typed = cycling();
    let fine = records(&[[0, 600, 1000]]);
    let eval = |rows: &[[u64; 3]], values: &[u64]| typed.eval(&records(rows), values);
    assert!(typed.eval(&fine, &VALUES).is_ok());
    assert!(matches!(
        eval(&[[10_080, 600, 0]], &VALUES),
        Err(EvalError::Records(_))
    ));
    assert!(matches!(
        eval(&[[5, 600, 0], [5, 600, 0]], &VALUES),
        Err(EvalError::Records(_))
    ));
    assert!(matches!(
        typed.eval(&fine, &[50_001, 1]),
        Err(EvalError::Constant(_))
    ));
    let missing = typed.eval(&fine, &[16_272]);
    assert!(matches!(
        missing,
        Err(EvalError::ConstantCount {
            given: 1,
            declared: 2
        })
    ));
}

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

/// Source, the fault's code, the text that it must point at, a word of message or hint.
const FAULTS: [(&str, Code, &str, &str); 47] = [
    (
        "math.floor(0.0000000001 * 0.0000000001)",
        Code::Overflow,
        "",
        "2^63",
    ),
    ("trips.size() +", Code::Syntax, "", "no expression"),
    ("trips.size() @ 2", Code::Syntax, "", "no expression"),
    ("", Code::Syntax, "", "no expression"),
    (
        "0.1234567890123456789",
        Code::LiteralTooLong,
        "0.1234567890123456789",
        "18 digits",
    ),
    (
        "trip.size()",
        Code::UnknownName,
        "trip",
        "did you mean `trips`",
    ),
    ("xyzzy", Code::UnknownName, "xyzzy", "known here: trips"),
    (
        "trips.filter(t, distance > 0).size()",
        Code::UnknownName,
        "distance",
        "t.distance",
    ),
    (
        "trips.map(t, t.distence).sum()",
        Code::UnknownField,
        "t.distence",
        "`distance`",
    ),
    (
        "trips.distance",
        Code::WrongType,
        "trips",
        ".map(t, t.distance)",
    ),
    (
        "trips.totl()",
        Code::UnknownFunction,
        "totl(",
        "no function",
    ),
    (
        "floor(3)",
        Code::UnknownFunction,
        "floor(",
        "did you mean `math.floor`",
    ),
    (
        "trips.summ()",
        Code::UnknownFunction,
        "summ(",
        "did you mean `sum`",
    ),
    (
        "trips.filter(t, t.distance).size()",
        Code::WrongType,
        "t.distance",
        "truth value",
    ),
    (
        "trips.filter(trips, true).size()",
        Code::NameTaken,
        "trips",
        "taken",
    ),
    (
        "trips.filter(sum, true).size()",
        Code::NameTaken,
        "sum",
        "no name",
    ),
    (
        "trips.filter(3, true).size()",
        Code::WrongArguments,
        "3",
        "name for the element",
    ),
    (
        "trips.filter(true).size()",
        Code::WrongArguments,
        "filter(",
        "trips.filter(t",
    ),
    (
        "math.least(3)",
        Code::WrongArguments,
        "math.least(",
        "math.least(x, y)",
    ),
    (
        "math.floor(1, 2)",
        Code::WrongArguments,
        "math.floor(",
        "math.floor(x)",
    ),
    (
        "trips.sum()",
        Code::WrongType,
        "trips",
        ".map(t, t.distance).sum()",
    ),
    ("trips", Code::WrongType, "trips", ".size()"),
    ("trips.map(t, t)", Code::WrongType, "t", "fields"),
    (
        "trips.map(t, t.start)",
        Code::WrongType,
        "trips.map(t, t.start)",
        ".sum()",
    ),
    ("1 > 2", Code::WrongType, "1 > 2", "filter"),
    ("size(3)", Code::WrongType, "3", "a list"),
    ("true + 1", Code::WrongType, "true", "number"),
    (
        "trips.map(t, day(t.distance)).sum()",
        Code::WrongType,
        "t.distance",
        "time",
    ),
    ("null", Code::WrongType, "null", "absent"),
    ("1 / 0", Code::DivisionByZero, "0", "division by zero"),
    (
        "1 / trips.size()",
        Code::DivisionByZero,
        "trips.size()",
        "possible",
    ),
    (
        "math.floor(10 / (trips.size() + 1))",
        Code::DivisorNotLiteral,
        "trips.size() + 1",
        "reciprocal",
    ),
    (
        "trips.groups(t, t.distance).size()",
        Code::GroupKey,
        "t.distance",
        "day(..)",
    ),
    (
        "trips.groups(t, t.distance / 60000).size()",
        Code::GroupKey,
        "t.distance / 60000",
        "whole",
    ),
    (
        "trips.size() - 1",
        Code::NegativeCredits,
        "trips.size() - 1",
        "math.greatest(0",
    ),
    (
        "trips.size() / 2",
        Code::FractionalCredits,
        "trips.size() / 2",
        "math.floor",
    ),
    ("1e19 + 1e19", Code::CreditsTooLarge, "1e19 + 1e19", "2^64"),
    (
        "math.floor(1e35 * 1e35 * 1e35 / 1e35 / 1e35 / 1e35)",
        Code::Overflow,
        "1e35 * 1e35 * 1e35",
        "2^250",
    ),
    (
        "trips.exists(t, t.distance > 0) ? 1 : 0",
        Code::NotYet,
        "",
        "conditional",
    ),
    (
        "trips.all(t, t.distance > 0)",
        Code::NotYet,
        "all(",
        "not in the language yet",
    ),
    ("trips[0].distance", Code::NotYet, "", "index"),
    ("[1, 2].size()", Code::NotYet, "", "list written out"),
    ("trips.size() % 2", Code::NotYet, "", "remainder"),
    ("\"a\"", Code::NotYet, "\"a\"", "text"),
    (
        "trips.filter(t, trips.size() > 1).size()",
        Code::NotYet,
        "trips",
        "single record",
    ),
    (
        "trips.groups(t, day(t.start)).map(g, g.groups(t, day(t.start)).size()).sum()",
        Code::NotYet,
        "",
        "groups inside groups",
    ),
    (
        "trips.map(t, t.start).map(x, x).sum()",
        Code::NotYet,
        "",
        "list of numbers",
    ),
];

#[test]
fn every_fault_is_named_with_its_place_reason_and_hint() {
    for (source, code, at, word) in FAULTS {
        let faults = without_constants(source).unwrap_err();
        let fault = faults.iter().find(|fault| fault.code == code);
        let fault = fault.unwrap_or_else(|| panic!("{source}: {faults:?}"));
        if !at.is_empty() {
            assert_eq!(&source[fault.span.start..fault.span.end], at, "{source}");
        }
        let text = fault.to_string();
        assert!(text.contains(word), "{source}: {text}");
        assert!(!fault.hint.is_empty(), "{source}: {text}");
        assert!(fault.line >= 1 && fault.column >= 1);
    }
}

#[test]
fn a_fault_has_its_line_and_column_in_characters() {
    let source = "// 善度\ntrips\n  .filter(t, t.duraton > 0)\n  .size()";
    let faults = without_constants(source).unwrap_err();
    assert_eq!((faults[0].line, faults[0].column), (3, 14));
    let faults = without_constants("trips.size() +\n  * 2").unwrap_err();
    assert_eq!((faults[0].line, faults[0].column), (2, 3));
}

#[test]
fn several_faults_are_reported_together_in_order() {
    let faults = without_constants("math.least(foo, bar) + 1 / 0").unwrap_err();
    let codes: Vec<Code> = faults.iter().map(|fault| fault.code).collect();
    assert_eq!(
        codes,
        [Code::UnknownName, Code::UnknownName, Code::DivisionByZero]
    );
}

#[test]
fn constants_are_declared_once_and_used() {
    let twice = [constant("a", "0", "1", 0), constant("a", "0", "1", 0)];
    let check_with = |source: &str, decls: &[ConstantDecl]| {
        check(source, &trips(), decls).unwrap_err()[0].clone()
    };
    assert_eq!(check_with("a", &twice).code, Code::ConstantDeclaration);
    let unused = check_with("trips.size()", &twice[..1]);
    assert!(unused.message.contains("not used"));
    let hides = check_with("trips", &[constant("trips", "0", "1", 0)]);
    assert_eq!(hides.code, Code::ConstantDeclaration);
    let upside_down = check_with("a", &[constant("a", "2", "1", 0)]);
    assert_eq!(upside_down.code, Code::ConstantDeclaration);
    let no_name = check_with("a", &[constant("A-b", "0", "1", 0)]);
    assert_eq!(no_name.code, Code::ConstantDeclaration);
}

#[test]
fn a_long_formula_is_refused_before_it_is_parsed() {
    let source = format!("trips.size(){}", " ".repeat(17_000));
    assert_eq!(
        without_constants(&source).unwrap_err()[0].code,
        Code::TooLong
    );
    let deep = format!("{}1{}", "(".repeat(2000), ")".repeat(2000));
    assert_eq!(without_constants(&deep).unwrap_err()[0].code, Code::Syntax);
}

#[test]
fn the_canonical_text_ignores_spaces_comments_and_names() {
    let canonical = |source: &str| without_constants(source).unwrap().canonical();
    let plain = canonical("trips.filter(t, t.distance > 0).size()");
    assert_eq!(
        plain,
        canonical("// sum\ntrips . filter( trip , trip.distance>0 ).size( )")
    );
    assert_ne!(plain, canonical("trips.filter(t, t.distance > 1).size()"));
    assert_ne!(plain, canonical("trips.filter(t, t.duration > 0).size()"));
    let mut other = constants();
    other[0].interval[1] = "400".parse().unwrap();
    let narrowed = check(CYCLING, &trips(), &other).unwrap();
    assert_ne!(narrowed.canonical(), cycling().canonical());
}

/// What the formula says, written down a second time in plain integer Rust.
fn by_hand(rows: &[[u64; 3]], [factor, cap]: [u64; 2]) -> u64 {
    let mut days = [0u64; 7];
    for [start, duration, distance] in rows {
        if (120..=10_800).contains(duration) {
            days[(start / 1440) as usize] += distance;
        }
    }
    let metres: u64 = days.iter().map(|day| day.min(&cap)).sum();
    // g/km in hundredths, metres: 100 * 1000 to a gram.
    metres * factor / 100_000
}

fn week(schema: &Schema) -> impl Strategy<Value = Vec<[u64; 3]>> + use<> {
    let most = usize::from(schema.max_records);
    let duration = prop_oneof![0..=65_535u64, 118..=122u64, 10_798..=10_802u64];
    let distance = prop_oneof![Just(0u64), 0..=65_535u64, 0..=3000u64, 19_990..=20_010u64];
    let trip = (0..=10_079u64, duration, distance).prop_map(|(a, b, c)| [a, b, c]);
    prop::collection::vec(trip, 0..=most).prop_map(|mut rows| {
        rows.sort_unstable();
        rows.dedup_by_key(|row| row[0]);
        rows
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_formula_is_what_it_says(
        rows in week(&trips()),
        factor in 0..=50_000u64,
        cap in 0..=50_000u64,
    ) {
        let typed = cycling();
        let credits = typed.eval(&records(&rows), &[factor, cap]).unwrap();
        prop_assert_eq!(credits.credits, by_hand(&rows, [factor, cap]));
        prop_assert!(credits.credits <= typed.max_value());
    }

    #[test]
    fn any_text_is_answered_without_a_panic(source in "[ -~\n]{0,80}") {
        let _ = without_constants(&source);
    }

    #[test]
    fn any_order_of_words_is_answered_without_a_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "trips", "t", "g", ".filter(", ".map(", ".groups(", ".sum()", ".size()", "day(", ")",
            "t.start", "t.distance", ",", "(", "+", "-", "*", "/", "&&", "!", ">=", "1", "0.5",
            "math.least(", "math.floor(", "true", "-7", "1e30",
        ]), 0..25)
    ) {
        let _ = without_constants(&words.concat());
    }
}
