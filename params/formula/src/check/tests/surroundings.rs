//! A program follows advice that replaces a part, at every place of that part: the resulting formula
//! has the intended meaning, with the same values.

use super::*;
use crate::syntax;

/// on, n, m (without 0), ok, yes, kind
fn works() -> Schema {
    let fields = vec![
        field("on", FieldKind::DayInPeriod, ""),
        field("n", int(100), ""),
        field("m", FieldKind::Int { min: 1, max: 9 }, ""),
        field("ok", FieldKind::Bool, ""),
        field("yes", FieldKind::Bool, ""),
        field(
            "kind",
            FieldKind::Enum {
                values: names(&["bus", "metro", "bike"]),
            },
            "",
        ),
    ];
    schema(PeriodKind::Month, 31, fields)
}

fn rows() -> Vec<[u64; 6]> {
    let numbers = [0, 1, 3, 5, 6, 7, 40, 50, 100];
    let row = |at: u64| {
        let at_n = usize::try_from(at % 9).unwrap();
        [
            at,
            numbers[at_n],
            1 + at * 5 % 9,
            at % 2,
            at / 2 % 2,
            at % 3,
        ]
    };
    (0..31).map(row).collect()
}

fn checked(source: &str) -> Result<Typed, Vec<Diagnostic>> {
    crate::check(&Declarations::new(works(), source))
}

fn value(source: &str) -> Vec<u64> {
    let typed = checked(source).unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
    let rows = rows();
    let alone = rows.iter().map(|row| worth(&typed, &[*row], &[]));
    alone.chain([worth(&typed, &rows, &[])]).collect()
}

/// The tree as text, with parentheses that only the tree decides.
fn read(source: &str) -> String {
    let read = syntax::parse(crate::SourceId::Credits, source);
    let read = read.unwrap_or_else(|faults| panic!("{source}: {faults:?}"));
    read.printed(source)
}

/// Follows advice until there is none. Returns the resulting text, and how often advice was followed.
fn followed(source: &str) -> (String, usize) {
    let mut text = source.to_owned();
    for times in 0..6 {
        let Err(faults) = checked(&text) else {
            return (text, times);
        };
        let fault = &faults[0];
        let advised = fault.hint.strip_prefix("write ");
        let advised = advised.unwrap_or_else(|| panic!("{source}: {text}: {fault}"));
        text = match advised.split_once(" in place of ") {
            Some((new, rest)) => {
                let (old, _) = rest.split_once(", which is the same").unwrap();
                assert!(text.contains(old), "{text}: {fault}");
                text.replacen(old, new, 1)
            }
            None => {
                let span = fault.span;
                format!("{}{advised}{}", &text[..span.start], &text[span.end..])
            }
        };
    }
    panic!("{source}: {text} has faults after all its advice");
}

/// The places of a condition, which is `$`.
const CONDITIONS: [&str; 14] = [
    "$",
    "!($)",
    "$ && d.ok",
    "d.ok && $",
    "$ || d.yes",
    "d.yes || $",
    "d.ok && $ || d.yes",
    "($) == d.ok",
    "d.ok != ($)",
    "$ ? d.ok : d.yes",
    "d.ok ? $ : d.yes",
    "d.ok ? d.yes : $",
    "((d.ok ? 1 : 2) + ($ ? 3 : 4)) * 2 < 9",
    "math.greatest(1, $ ? 3 : 4) == 3",
];

/// A written text, and its intended meaning.
const MEANT: [(&str, &str); 21] = [
    ("1 < d.n < 50", "(1 < d.n && d.n < 50)"),
    ("50 >= d.n > 2 * d.m", "(50 >= d.n && d.n > 2 * d.m)"),
    ("1 < d.m < d.n < 50", "(1 < d.m && d.m < d.n && d.n < 50)"),
    (
        "1 < (d.ok ? d.n : d.m) < 50",
        "(1 < (d.ok ? d.n : d.m) && (d.ok ? d.n : d.m) < 50)",
    ),
    (
        "(d.ok ? 1 : 2) < d.m // so\n < (d.yes ? 3 : d.n)",
        "((d.ok ? 1 : 2) < d.m && d.m < (d.yes ? 3 : d.n))",
    ),
    ("1 < d.n < 50 == d.ok", "((1 < d.n && d.n < 50) == d.ok)"),
    ("1 < d.n < 50 != d.ok", "((1 < d.n && d.n < 50) != d.ok)"),
    ("d.ok == 1 < d.n < 50", "(d.ok == (1 < d.n && d.n < 50))"),
    ("d.ok == d.n > 5", "(d.ok == (d.n > 5))"),
    ("d.ok != d.n > 5", "(d.ok != (d.n > 5))"),
    ("d.ok == d.n > 5 == d.yes", "(d.ok == (d.n > 5) == d.yes)"),
    ("d.ok == d.kind == \"bus\"", "(d.ok == (d.kind == \"bus\"))"),
    (
        "d.ok == d.kind in [\"bus\", 'bike']",
        "(d.ok == (d.kind in [\"bus\", 'bike']))",
    ),
    ("2 < d.m in [1, 3, 5]", "(2 < d.m && d.m in [1, 3, 5])"),
    ("d.n == d.m < 6", "(d.n == d.m && d.m < 6)"),
    ("d.n < (d.m < 6)", "(d.n < d.m && d.m < 6)"),
    (
        "!d.kind in [\"bus\", \"bike\"]",
        "(!(d.kind in [\"bus\", \"bike\"]))",
    ),
    ("!d.n > 5", "(!(d.n > 5))"),
    ("!d.kind == \"bus\"", "(!(d.kind == \"bus\"))"),
    ("!1 < d.n < 50", "(!(1 < d.n && d.n < 50))"),
    ("!d.n > 5 == d.ok", "((!(d.n > 5)) == d.ok)"),
];

#[test]
fn a_comparison_has_the_intended_meaning_at_every_place() {
    for (written, meant) in MEANT {
        for around in CONDITIONS {
            let whole = |part: &str| {
                let condition = around.replace('$', part);
                format!("deeds.filter(d, {condition}).size()")
            };
            let (source, meant) = (whole(written), whole(meant));
            let (text, times) = followed(&source);
            assert!(times > 0, "{source} is taken");
            assert_eq!(read(&text), read(&meant), "{source}: {text}");
            assert_eq!(value(&text), value(&meant), "{source}: {text}");
        }
    }
    // Two possible meanings are both shown.
    let faults = checked("deeds.filter(d, d.n < 5 == d.m < 3).size()").unwrap_err();
    let hint = &faults[0].hint;
    assert!(
        hint.contains("d.n < 5 && 5 == d.m && d.m < 3 where"),
        "{hint}"
    );
    assert!(hint.contains("(d.n < 5) == (d.m < 3) to compare"), "{hint}");
    // A text without a meaning gets no advice.
    for source in [
        "d.ok < d.n < 5",
        "d.n in [1, 2] < 5",
        "\"bus\" == \"bus\" == d.n",
    ] {
        let faults = checked(&format!("deeds.filter(d, {source}).size()")).unwrap_err();
        assert!(
            !faults[0].hint.starts_with("write "),
            "{source}: {faults:?}"
        );
    }
    // An unknown name is reported as unknown.
    for source in ["!d.okk == true", "d.n < 5 == d.okk"] {
        let faults = checked(&format!("deeds.filter(d, {source}).size()")).unwrap_err();
        assert_eq!(faults[0].code, Code::UnknownField, "{source}: {faults:?}");
    }
    // Correct formulas are accepted.
    for source in [
        "d.n < 5 == d.ok",
        "(d.n < 5) == (d.m < 3)",
        "!d.ok == d.yes",
        "!d.ok in [true]",
    ] {
        checked(&format!("deeds.filter(d, {source}).size()")).unwrap();
    }
}

/// The places of a rounded number.
const NUMBERS: [&str; 7] = [
    "$",
    "200 + $",
    "200 - $",
    "2 * $",
    "math.greatest(0, $)",
    "(d.ok ? $ : 3)",
    "(200 + $) % 7",
];

/// A rounded expression, and its intended meaning, with `/` exact.
const ROUNDED: [(&str, &str); 15] = [
    ("d.n / d.m * 2", "d.n * 2 / d.m"),
    ("2 * d.n / d.m * 3", "2 * d.n * 3 / d.m"),
    ("1 + d.n / d.m", "(d.m + d.n) / d.m"),
    ("d.n / d.m + 0.5", "(d.n + 0.5 * d.m) / d.m"),
    ("d.n / d.m - 0.25", "(d.n - 0.25 * d.m) / d.m"),
    ("d.n / d.m / 2", "d.n / (d.m * 2)"),
    ("d.n / d.m / d.m", "d.n / (d.m * d.m)"),
    ("d.n / (d.m / 2) * 3", "d.n * 2 * 3 / d.m"),
    (
        "d.n / d.m + d.m / (d.m + 1)",
        "(d.n * (d.m + 1) + d.m * d.m) / (d.m * (d.m + 1))",
    ),
    ("d.n / d.m + 3 / d.m", "(d.n + 3) / d.m"),
    ("-(d.n / d.m) * 2", "-d.n * 2 / d.m"),
    (
        "d.n / d.m * d.n / (d.m + 1)",
        "d.n * d.n / (d.m * (d.m + 1))",
    ),
    (
        "d.ok ? d.n / d.m : 0",
        "(d.ok ? d.n : 0) / (d.ok ? d.m : 1)",
    ),
    ("math.least(9, d.n / d.m)", "math.least(9 * d.m, d.n) / d.m"),
    (
        "math.greatest(d.n / d.m * 2, 0.5)",
        "math.greatest(d.n * 2, 0.5 * d.m) / d.m",
    ),
];

#[test]
fn a_quotient_with_more_around_it_keeps_its_value_over_one_divisor() {
    for how in ["math.floor", "math.ceil", "math.round"] {
        for (written, meant) in ROUNDED {
            for around in NUMBERS {
                let whole = |part: &str| {
                    let number = around.replace('$', &format!("{how}({part})"));
                    format!("1000000 + deeds.map(d, {number}).sum()")
                };
                let (source, meant) = (whole(written), whole(meant));
                if checked(&meant).is_err() {
                    // `%` of a number that may be negative.
                    continue;
                }
                let (text, times) = followed(&source);
                assert!(times > 0, "{source} is taken");
                assert_eq!(value(&text), value(&meant), "{source}: {text}");
            }
        }
    }
    // The advice is as short as people write it.
    for (source, advised) in [
        (
            "math.floor(deeds.map(d, d.n).sum() / (deeds.size() + 1) * 2)",
            "math.floor(deeds.map(d, d.n).sum() * 2 / (deeds.size() + 1))",
        ),
        (
            "deeds.map(d, math.floor(1 + d.n / d.m)).sum()",
            "write math.floor((d.m + d.n) / d.m) in",
        ),
        (
            "deeds.map(d, math.round(d.n / d.m + 0.5)).sum()",
            "math.round((d.n + 0.5 * d.m) / d.m)",
        ),
    ] {
        let faults = checked(source).unwrap_err();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].hint.contains(advised), "{}", faults[0]);
    }
    // If there is no equivalent, the hint says that an earlier rounding changes the result. Its example
    // with 7 and 2 is correct.
    for source in [
        "math.floor(deeds.map(d, d.n / d.m).sum() * 2)",
        "deeds.map(d, d.n / d.m * 2).sum()",
        "deeds.filter(d, d.n / d.m > 2).size()",
        // The divisor of the divisor may be 0. Over one divisor, this would not be checked.
        "deeds.map(d, math.floor(d.n / (d.m / (d.m + 1)))).sum()",
    ] {
        let faults = checked(source).unwrap_err();
        let hint = &faults[0].hint;
        assert!(
            hint.contains("gives another result: 6 for 7 / 2, where 7 / 2 * 2 is 7"),
            "{hint}"
        );
    }
    let (seven, two) = ("(deeds.size() * 0 + 7)", "(deeds.size() * 0 + 2)");
    assert_eq!(value(&format!("math.floor({seven} / {two}) * 2"))[0], 6);
    assert_eq!(value(&format!("math.floor({seven} * 2 / {two})"))[0], 7);
    let compared = [
        "deeds.filter(d, d.n > 2 * d.m).size()",
        "deeds.filter(d, math.floor(d.n / d.m) >= 2 && d.n != 2 * d.m).size()",
    ];
    assert_eq!(value(compared[0]), value(compared[1]));
}

#[test]
fn an_item_that_never_is_the_value_is_taken_out() {
    for (list, left) in [("[1, 2, 101]", "[1, 2]"), ("[101, 7, 1.5]", "[7]")] {
        for around in CONDITIONS {
            let whole = |list: &str| {
                let condition = around.replace('$', &format!("d.n in {list}"));
                format!("deeds.filter(d, {condition}).size()")
            };
            let mut items: Vec<String> = list[1..list.len() - 1]
                .split(", ")
                .map(Into::into)
                .collect();
            let faults = checked(&whole(list)).unwrap_err();
            for fault in &faults {
                assert_eq!(fault.code, Code::Decided);
                assert!(fault.message.starts_with("`d.n` is never "), "{fault}");
                let (_, item) = fault.hint.split_once("take ").unwrap();
                let (item, _) = item.split_once(" out of the list").unwrap();
                items.retain(|known| known != item);
            }
            assert_eq!(format!("[{}]", items.join(", ")), left);
            value(&whole(left));
        }
    }
    let faults = checked("deeds.filter(d, d.n in [101]).size()").unwrap_err();
    assert!(
        faults[0].hint.contains("can be in place of 101"),
        "{}",
        faults[0]
    );
}

/// Formulas in the style of spreadsheets, and the same in our language.
#[test]
fn functions_of_spreadsheets_are_shown_in_our_words() {
    for (source, same) in [
        (
            "deeds.map(d, IF(d.ok, d.n, d.m)).sum()",
            "deeds.map(d, (d.ok ? d.n : d.m)).sum()",
        ),
        (
            "deeds.map(d, 2 * IF(d.n > 5, 1, 0)).sum()",
            "deeds.map(d, 2 * (d.n > 5 ? 1 : 0)).sum()",
        ),
        (
            "deeds.map(d, MIN(d.n, MAX(d.m, 3))).sum()",
            "deeds.map(d, math.least(d.n, math.greatest(d.m, 3))).sum()",
        ),
        (
            "deeds.map(d, mod(d.n + 1, d.m)).sum()",
            "deeds.map(d, (d.n + 1) % d.m).sum()",
        ),
        (
            "deeds.map(d, 100 - MOD(d.n, d.m)).sum()",
            "deeds.map(d, 100 - d.n % d.m).sum()",
        ),
        (
            "deeds.map(d, 2 * sum(d.n, d.m)).sum()",
            "deeds.map(d, 2 * (d.n + d.m)).sum()",
        ),
        (
            "deeds.map(d, POWER(d.n + 1, 2)).sum()",
            "deeds.map(d, (d.n + 1) * (d.n + 1)).sum()",
        ),
        (
            "deeds.map(d, ROUND(d.n / 3, 0)).sum()",
            "deeds.map(d, math.round(d.n / 3)).sum()",
        ),
        (
            "deeds.map(d, floor(d.n / 3)).sum()",
            "deeds.map(d, math.floor(d.n / 3)).sum()",
        ),
        ("deeds.map(d, Math.Max(d.n, d.m)).sum()", ""),
        (
            "deeds.map(d, 2 * double(d.n + 1)).sum()",
            "deeds.map(d, 2 * (d.n + 1)).sum()",
        ),
        ("SUM(deeds.map(d, d.n))", "sum(deeds.map(d, d.n))"),
        (
            "deeds.filter(d, AND(d.n > 5, d.ok)).size()",
            "deeds.filter(d, d.n > 5 && d.ok).size()",
        ),
        (
            "deeds.filter(d, d.yes && OR(d.n > 5, d.ok)).size()",
            "deeds.filter(d, d.yes && (d.n > 5 || d.ok)).size()",
        ),
        (
            "deeds.filter(d, NOT(d.n > 5)).size()",
            "deeds.filter(d, !(d.n > 5)).size()",
        ),
        (
            "deeds.filter(d, xor(d.n > 5, d.ok)).size()",
            "deeds.filter(d, (d.n > 5) != d.ok).size()",
        ),
        (
            "deeds.filter(d, !between(d.n, 2, 7)).size()",
            "deeds.filter(d, !(d.n >= 2 && d.n <= 7)).size()",
        ),
        (
            "deeds.every(d, d.n > 5) ? 1 : 0",
            "deeds.all(d, d.n > 5) ? 1 : 0",
        ),
        (
            "deeds.where(d, d.ok).size()",
            "deeds.filter(d, d.ok).size()",
        ),
        (
            "deeds.where(d, d.ok).count()",
            "deeds.filter(d, d.ok).size()",
        ),
    ] {
        let faults = checked(source).expect_err(source);
        let fault = &faults[0];
        assert!(!fault.hint.is_empty(), "{source}: {fault}");
        if same.is_empty() {
            continue;
        }
        let shown = fault.hint.split_once("; here: ").map(|(_, shown)| shown);
        let shown = shown.or_else(|| fault.hint.strip_prefix("write "));
        let shown = shown.unwrap_or_else(|| panic!("{source}: {fault}"));
        // The call ends with the parenthesis that belongs to it.
        let start = match fault.message.contains("`count`")
            || source.contains(".every(")
            || source.contains(".where(")
        {
            true => 0,
            false => fault.span.start,
        };
        let mut depth = 0;
        let rest = &source[fault.span.start..];
        let end = rest.char_indices().find_map(|(at, c)| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            (c == ')' && depth == 0).then_some(fault.span.start + at + 1)
        });
        let followed = format!("{}{shown}{}", &source[..start], &source[end.unwrap()..]);
        assert_eq!(read(&followed), read(same), "{source}: {fault}");
        assert_eq!(value(&followed), value(same), "{source}");
    }
}

#[test]
fn a_min_is_advised_for_a_field_only() {
    let hint = |source: &str| checked(source).unwrap_err()[0].hint.clone();
    let of_field = hint("deeds.map(d, math.floor(d.m / d.n)).sum()");
    assert!(
        of_field.contains("the field `n` a min of 1 or more"),
        "{of_field}"
    );
    for source in [
        "math.floor(9 / deeds.size())",
        "deeds.map(d, math.floor(d.n / (d.m - 1))).sum()",
        "deeds.map(d, math.floor(d.n / (d.n * d.m))).sum()",
    ] {
        let hint = hint(source);
        assert!(!hint.contains("a min of"), "{source}: {hint}");
    }
    let choice = hint("deeds.map(d, math.floor(9 / (d.ok ? d.n : d.m))).sum()");
    assert!(
        choice.contains("math.greatest(1, d.ok ? d.n : d.m)"),
        "{choice}"
    );
    assert!(
        choice.contains("((d.ok ? d.n : d.m) > 0 ? .. : 0)"),
        "{choice}"
    );
}
