//! Advice is followed to the letter, and the resulting formula has the intended meaning.

use super::*;

/// on, a, b (decimals of two digits), n, m (n without 0)
fn gaps() -> Schema {
    let decimal = |max| FieldKind::Decimal {
        min: 0,
        max,
        digits: 2,
    };
    let fields = vec![
        field("on", FieldKind::DayInPeriod, ""),
        field("a", decimal(1000), "km"),
        field("b", decimal(1000), "km"),
        field("n", int(100), ""),
        field("m", FieldKind::Int { min: 1, max: 9 }, ""),
    ];
    schema(PeriodKind::Month, 31, fields)
}

/// 1.00 by 0.50 km, 3 and 1; 2.00 by 0 km, 7 and 2.
const ROWS: [[u64; 5]; 2] = [[0, 100, 50, 3, 1], [1, 200, 0, 7, 2]];

fn checked(source: &str) -> Result<Typed, Vec<Diagnostic>> {
    let rate = table("rate", "9", 0, "", bands("", &["(2, 50]", "(50, 60)"]));
    let closed = table("closed", "9", 0, "", bands("", &["[2, 50]", "(50, 60]"]));
    let tables = [rate, closed]
        .into_iter()
        .filter(|t| source.contains(&t.name));
    super::super::check(&Declarations {
        tables: tables.collect(),
        ..Declarations::new(gaps(), source)
    })
}

fn only_fault(source: &str) -> Diagnostic {
    let faults = checked(source).expect_err(source);
    assert_eq!(faults.len(), 1, "{source}: {faults:?}");
    faults[0].clone()
}

/// The text after a word of the advice, up to a mark.
fn advised<'h>(hint: &'h str, from: &str, to: &str) -> &'h str {
    let (_, rest) = hint.split_once(from).unwrap_or_else(|| panic!("{hint}"));
    rest.split_once(to).map_or(rest, |(advised, _)| advised)
}

#[test]
fn a_guarded_divisor_is_the_same_if_it_is_above_0() {
    for (how, divisor, credits) in [
        ("math.floor", "d.b", 200),
        ("math.ceil", "d.b", 200),
        ("math.round", "d.b", 200),
        ("math.floor", "d.b * d.b / unit(1, \"km\")", 400),
        ("math.floor", "d.b / 3", 600),
    ] {
        let source = format!("deeds.map(d, {how}(100 * d.a / ({divisor}))).sum()");
        let hint = only_fault(&source).hint;
        // Divide by what is advised, under the choice that is advised.
        let greatest = format!(
            "math.greatest{}",
            advised(&hint, "math.greatest", ", which is")
        );
        let condition = advised(&hint, "where it is: (", " ? .. : 0)");
        let quotient = format!("{how}(100 * d.a / {greatest})");
        let followed = format!("deeds.map(d, ({condition} ? {quotient} : 0)).sum()");
        let typed = checked(&followed).unwrap_or_else(|faults| panic!("{followed}: {faults:?}"));
        assert_eq!(worth(&typed, &ROWS, &[]), credits, "{followed}");
        assert_eq!(worth(&typed, &ROWS[..1], &[]), credits, "{followed}");
        assert_eq!(worth(&typed, &ROWS[1..], &[]), 0, "{followed}");
    }
    // The same for a count, and for a remainder.
    let hint = only_fault("math.floor(10 / deeds.size())").hint;
    assert!(hint.contains("math.greatest(1, deeds.size())"), "{hint}");
    let hint = only_fault("7 % deeds.size()").hint;
    assert!(hint.contains("math.greatest(1, deeds.size())"), "{hint}");
    let hint = only_fault("math.floor(10 / (deeds.size() > 2 ? deeds.size() : 0))").hint;
    assert!(
        hint.contains("((deeds.size() > 2 ? deeds.size() : 0) > 0 ? .. : 0)"),
        "{hint}"
    );
}

#[test]
fn a_chain_of_comparisons_becomes_two_joined_by_and() {
    for (condition, credits) in [
        ("2 < d.n < 5", 1),
        ("2 <= d.n <= 7", 2),
        ("9 > d.n > 3", 1),
        ("d.n == 3 < 5", 1),
        ("d.n + 1 < 5 != 3", 1),
        ("d.m < d.n == 7", 1),
        ("d.n == 3 == 3", 1),
        ("d.n < (5 < 6)", 1),
        ("1 < d.m <\n  d.n", 1),
    ] {
        let source = format!("deeds.filter(d, {condition}).size()");
        let fault = only_fault(&source);
        assert!(fault.message.contains("not chained"), "{source}: {fault}");
        let advised = advised(&fault.hint, "write ", " where each");
        let followed = format!(
            "{}{advised}{}",
            &source[..fault.span.start],
            &source[fault.span.end..]
        );
        let typed = checked(&followed).unwrap_or_else(|faults| panic!("{followed}: {faults:?}"));
        assert_eq!(worth(&typed, &ROWS, &[]), credits, "{followed}");
    }
    // Truth values compare with truth values.
    for condition in ["d.n < 5 == true", "true == (d.n < 5)", "d.n < 5 == d.m < 2"] {
        let source = format!("deeds.filter(d, {condition}).size()");
        let answer = checked(&source);
        // The last is read as ((n < 5) == m) < 2.
        assert_eq!(answer.is_ok(), !condition.ends_with("< 2"), "{source}");
    }
}

#[test]
fn a_truth_value_becomes_a_number_in_its_own_parentheses() {
    for (source, credits) in [
        ("deeds.map(d, (d.n > 5) * 10 + 1).sum()", 12),
        ("deeds.map(d, d.n > 5).sum()", 1),
        ("deeds.map(d, 3 + (d.n > 5)).sum()", 7),
    ] {
        let fault = only_fault(source);
        let advised = advised(&fault.hint, "in parentheses: ", "; or");
        let part = &source[fault.span.start..fault.span.end];
        let followed = source.replacen(part, &advised.replace("..", part), 1);
        let typed = checked(&followed).unwrap_or_else(|faults| panic!("{followed}: {faults:?}"));
        assert_eq!(worth(&typed, &ROWS, &[]), credits, "{followed}");
    }
}

#[test]
fn an_edge_that_a_table_does_not_hold_is_not_advised() {
    // Open at both ends, closed at both.
    for (source, word, never) in [
        (
            "deeds.map(d, rate[d.n]).sum()",
            "all of 0 to 100",
            "math.greatest(2",
        ),
        (
            "deeds.map(d, rate[math.least(59, d.n)]).sum()",
            "begin the table at 0, as in [0",
            "math.",
        ),
        (
            "deeds.map(d, rate[math.greatest(3, d.n)]).sum()",
            "end the table at 100, as in",
            "math.",
        ),
    ] {
        let hint = only_fault(source).hint;
        assert!(hint.contains(word) && !hint.contains(never), "{hint}");
    }
    for (inner, credits) in [
        ("math.greatest(2, d.n)", 3 + 3),
        ("math.least(60, d.n)", 3 + 3),
    ] {
        let source = format!("deeds.map(d, closed[{inner}]).sum()");
        let fault = only_fault(&source);
        let advised = advised(&fault.hint, "at its edge: ", "\u{0}").replace("..", inner);
        let followed = source.replacen(inner, &advised, 1);
        let typed = checked(&followed).unwrap_or_else(|faults| panic!("{followed}: {faults:?}"));
        assert_eq!(worth(&typed, &ROWS, &[3, 4]), credits, "{followed}");
    }
}

#[test]
fn what_a_hint_says_of_outputs_and_lists_is_so() {
    let value = |source: &str| {
        let typed = checked(source).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
        worth(&typed, &ROWS, &[])
    };
    // "Counts what is below 0 as 0: around the whole, or each part."
    let source = "deeds.map(d, d.n - 5).sum()";
    assert!(only_fault(source).hint.contains("around each part"));
    assert_eq!(value("math.greatest(0, deeds.map(d, d.n - 5).sum())"), 0);
    assert_eq!(value("deeds.map(d, math.greatest(0, d.n - 5)).sum()"), 2);
    // "A multiple of the divisor leaves the same."
    let hint = only_fault("deeds.map(d, (d.n - 5) % 3).sum()").hint;
    assert!(hint.contains("which leaves the same"), "{hint}");
    assert_eq!(value("deeds.map(d, (d.n - 5 + 6) % 3).sum()"), 1 + 2);
    // "A sign stands before the dividend."
    let hint = only_fault("deeds.map(d, 100 + math.floor(d.n / (0 - d.m))).sum()").hint;
    assert!(hint.contains("-(a) / b"), "{hint}");
    assert_eq!(
        value("deeds.map(d, 100 + math.floor(-d.n / d.m)).sum()"),
        97 + 96
    );
    // "Which number counts for none."
    let hint = only_fault("deeds.map(d, d.n).min()").hint;
    assert!(hint.contains(".min(0) for 0"), "{hint}");
    assert_eq!(value("deeds.map(d, d.n).min(0)"), 3);
    // How it is rounded.
    let hint = only_fault("deeds.map(d, d.n / 2).sum()").hint;
    for (how, credits) in [("floor", 5), ("round", 5), ("ceil", 5)] {
        assert!(hint.contains(&format!("math.{how}(..)")), "{hint}");
        assert_eq!(
            value(&format!("math.{how}(deeds.map(d, d.n / 2).sum())")),
            credits
        );
    }
    // The record's own name.
    let hint = only_fault("deeds.filter(x, n > 5).size()").hint;
    assert!(hint.contains("x.n"), "{hint}");
    // Pairs of kept records are not pairs of the claim's own.
    let hint = only_fault("deeds.filter(d, d.n > 0).pairs(a, b, 1).sum()").hint;
    assert!(hint.contains("not a pair there"), "{hint}");
    // Units: the pure number gets one.
    let hint = only_fault("deeds.filter(d, d.a > d.n).size()").hint;
    assert!(hint.contains("(..) * unit(1, \"km\")"), "{hint}");
    assert_eq!(
        value("deeds.filter(d, d.a < (d.n) * unit(1, \"km\")).size()"),
        2
    );
}

#[test]
fn words_of_other_languages_are_reported_with_our_own() {
    for (source, code, word) in [
        ("math.trunc(1.5)", Code::NotYet, "math.floor(x)"),
        (
            "math.max(1, 2)",
            Code::UnknownFunction,
            "math.greatest(a, b)",
        ),
        ("max(1, 2)", Code::WrongArguments, "math.greatest(a, b)"),
        (
            "min(deeds.size(), 2)",
            Code::WrongArguments,
            "math.least(a, b)",
        ),
        (
            "max(deeds.map(d, d.n))",
            Code::WrongArguments,
            ".max(0), where 0 counts for an empty list",
        ),
        (
            "deeds.size().max(2)",
            Code::WrongType,
            "math.greatest(a, b)",
        ),
        (
            "deeds.map(d, d.n).min(1, 2)",
            Code::WrongArguments,
            ".min(0)",
        ),
        ("int(1.5)", Code::NotYet, "rounds down"),
        ("double(1)", Code::NotYet, "leave it out"),
        ("deeds.count()", Code::UnknownFunction, ".size()"),
        ("deeds.map(d, d.n).avg()", Code::UnknownFunction, "for none"),
        ("not(true) ? 1 : 0", Code::UnknownFunction, "`!`"),
        (
            "deeds.filter(d, d.on.getDayOfMonth() == 0).size()",
            Code::NotYet,
            "day_of_month",
        ),
        (
            "deeds.filter(d, d.on.getDayOfWeek() == 0).size()",
            Code::NotYet,
            "iso_weekday",
        ),
        (
            "timestamp(\"2024-01-01T00:00:00Z\") == 1 ? 1 : 0",
            Code::NotYet,
            "t.due >=",
        ),
        ("has(deeds.n) ? 1 : 0", Code::NotYet, "all fields"),
        ("foo(1)", Code::UnknownFunction, "known here"),
    ] {
        let faults = checked(source).expect_err(source);
        assert_eq!(faults[0].code, code, "{source}: {faults:?}");
        assert!(faults[0].hint.contains(word), "{source}: {}", faults[0]);
    }
    let followed = "math.least(deeds.size(), 2) + math.greatest(1, 2)";
    assert_eq!(worth(&checked(followed).unwrap(), &ROWS, &[]), 4);
}

/// `2 || 7` repeats what the other side compares; nothing is compared with 0.
#[test]
fn a_bare_number_repeats_the_comparison_of_the_other_side() {
    for (condition, credits) in [
        ("d.n == 3 || 4", 1),
        ("d.n == 3 || 7", 2),
        ("3 == d.n || 7", 2),
        ("4 || d.n == 3", 1),
        ("d.n == 4 || 5 || 7", 1),
        ("d.n != 3 && 7", 0),
        ("d.n in [3] || 7", 2),
        ("d.n > 1 && 4", 1),
        ("(d.n == 3 || 7) && d.m == 1", 1),
        // Joined as they are, these would always or never hold.
        ("d.n != 3 || 7", 0),
        ("d.n == 3 && 7", 2),
        ("(d.n == 3 && 7) && d.m == 1", 1),
        ("d.m == 1 && (d.n == 3 && 7)", 1),
    ] {
        let mut followed = format!("deeds.filter(d, {condition}).size()");
        while let Err(faults) = checked(&followed) {
            let (fault, span) = (&faults[0], faults[0].span);
            assert_eq!(fault.code, Code::WrongType, "{followed}: {fault}");
            assert!(!fault.hint.contains("> 0"), "{followed}: {fault}");
            let new = advised(&fault.hint, "write ", " in place of").to_owned();
            followed.replace_range(span.start..span.end, &new);
            assert!(followed.len() < 200, "{followed}");
        }
        let typed = checked(&followed).unwrap();
        assert_eq!(
            worth(&typed, &ROWS, &[]),
            credits,
            "{condition}: {followed}"
        );
    }
    for source in [
        "deeds.filter(d, 4).size()",
        "deeds.filter(d, !(2 + 2)).size()",
        "deeds.filter(d, (d.n > 3 || d.m > 1) && 4).size()",
        "deeds.filter(d, d.n == 3 || 400).size()",
        "4 ? 1 : 0",
    ] {
        let fault = only_fault(source);
        assert!(!fault.hint.contains("> 0"), "{source}: {fault}");
        let advised = advised(&fault.hint, "as in ", "\u{0}").replace("(..)", "d.n");
        assert!(advised == "d.n == 4" || advised == "d.n == 400", "{fault}");
    }
}

/// An absent record divides nothing: the message shows the range that is checked.
#[test]
fn the_interval_of_a_divisor_is_that_of_present_records() {
    for (source, interval) in [
        ("deeds.map(d, 10 / d.m).sum()", "(1 to 9)"),
        ("deeds.map(d, 10 / (d.m - 0.5)).sum()", "(0.5 to 8.5)"),
    ] {
        let faults = checked(source).expect_err(source);
        let message = &faults[0].message;
        assert!(message.contains("the divisor varies"), "{message}");
        assert!(message.contains(interval), "{message}");
    }
    let fault = only_fault("deeds.map(d, (d.m - 2) % 3).sum()");
    assert!(fault.message.ends_with("this is -1 to 7"), "{fault}");
}

#[test]
fn a_decimal_comma_among_arguments_is_reported_with_the_number() {
    for (source, old, credits) in [
        ("math.floor(1,5 * deeds.size())", "1,5", 3),
        ("deeds.map(d, math.ceil(0,25 * d.n)).sum()", "0,25", 3),
        ("math.floor(deeds.size() * 1,5)", "1,5", 3),
        // With two numbers it would be 1.
        ("math.floor(math.least(1,5 * deeds.size(), 9))", "1,5", 3),
        ("math.floor(math.greatest(deeds.size() * 1,5, 2))", "1,5", 3),
    ] {
        let hint = only_fault(source).hint;
        let number = advised(&hint, "a decimal has a point: ", "; ");
        let followed = source.replace(old, number);
        assert_eq!(worth(&checked(&followed).unwrap(), &ROWS, &[]), credits);
    }
    // With the space that says so, they are two numbers.
    let hint = only_fault("math.least(1,5 * deeds.size())").hint;
    assert!(hint.ends_with("between them: 1, 5"), "{hint}");
    let two = checked("math.least(1, 5 * deeds.size())").unwrap();
    assert_eq!(worth(&two, &ROWS, &[]), 1);
    // An approved manifest keeps its meaning.
    let approved = Declarations::new(gaps(), "math.least(1,5 * deeds.size())");
    let approved = crate::check_approved(&approved).unwrap();
    assert_eq!(worth(&approved, &ROWS, &[]), 1);
    for source in [
        "math.floor(1, 5)",
        "math.floor(d,5)",
        "math.floor(1.5,5)",
        "math.floor(d1,5)",
    ] {
        let faults = checked(source).unwrap_err();
        assert!(!faults[0].hint.contains("decimal"), "{}", faults[0]);
    }
}
