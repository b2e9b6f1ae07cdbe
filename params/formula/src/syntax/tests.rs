//! Trees with their places, and every fault with its place and words.

use super::*;

fn parsed(source: &str) -> Syntax {
    parse(SourceId::Credits, source).unwrap_or_else(|faults| panic!("{source}: {faults:?}"))
}

fn faults(source: &str) -> Vec<Diagnostic> {
    parse(SourceId::Credits, source).expect_err(source)
}

#[test]
fn literals_keep_the_digits_that_were_written() {
    for text in [
        "0.1645",
        "162.72",
        "0.123456789012345678",
        "-0.5",
        "1.5e3",
        "9007199254740993",
        "-9223372036854775809",
        "123456789012345678901234567890123456",
    ] {
        let SyntaxKind::Number(number) = parsed(text).kind else {
            panic!("{text} is a number");
        };
        assert_eq!(number, text.parse().unwrap(), "{text}");
    }
}

#[test]
fn places_hold_behind_text_that_is_not_ascii() {
    let source = "// 善度\n  trips.map(t, t.x) + 0.25";
    let syntax = parsed(source);
    let SyntaxKind::Operator(Operator::Add, args) = syntax.kind else {
        panic!("an addition");
    };
    let text = |span: Span| &source[span.start..span.end];
    assert_eq!(text(args[0].span), "trips.map(t, t.x)");
    assert_eq!(text(args[1].span), "0.25");
    let SyntaxKind::Call { at, args, .. } = &args[0].kind else {
        panic!("a call");
    };
    assert_eq!(text(*at), "map(");
    assert_eq!(text(args[1].span), "t.x");
}

#[test]
fn the_place_of_a_part_has_its_parentheses_where_it_begins_or_ends_with_them() {
    let source = "(a + b) * -(c.d(e)[f])";
    let SyntaxKind::Operator(Operator::Multiply, args) = parsed(source).kind else {
        panic!("a product");
    };
    let text = |span: Span| &source[span.start..span.end];
    assert_eq!(text(parsed(source).span), source);
    assert_eq!(text(args[0].span), "a + b");
    assert_eq!(text(args[1].span), "-(c.d(e)[f])");
}

#[test]
fn a_chain_of_ands_is_one_list() {
    let SyntaxKind::Operator(Operator::And, parts) = parsed("a && b && c && d && e").kind else {
        panic!("a conjunction");
    };
    assert_eq!(parts.len(), 5);
}

/// Source, the place of the first fault as line and column, words of its message and of its hint.
const FAULTS: [(&str, (usize, usize), &str, &str); 101] = [
    // Something is missing.
    ("", (1, 1), "no formula", "trips.size()"),
    ("  // nothing\n", (1, 1), "no formula", "trips.size()"),
    ("a +", (1, 4), "ends after `+`", "right of `+`"),
    ("a\n  + // more\n", (2, 4), "ends after `+`", "right of `+`"),
    (
        "f(a, d.n + )",
        (1, 12),
        "between `+` and `)`",
        "right of `+`",
    ),
    ("a + * b", (1, 5), "between `+` and `*`", "right of `+`"),
    ("* b", (1, 1), "before `*`", "left of `*`"),
    ("+5", (1, 1), "before `+`", "no `+` before it"),
    ("a * !-b", (1, 6), "between `!` and `-`", "parentheses"),
    ("-!a", (1, 2), "between `-` and `!`", "parentheses"),
    ("a > = b", (1, 3), "`> =`", "`>=` without"),
    ("f(a, )", (1, 6), "between `,` and `)`", "last comma"),
    ("f(, a)", (1, 3), "between `(` and `,`", "right of `(`"),
    (
        "a + ()",
        (1, 5),
        "nothing in these parentheses",
        "take them out",
    ),
    ("a[]", (1, 2), "nothing in these `[..]`", "one number"),
    ("a[1, 2]", (1, 2), "2 parts", "one number"),
    ("(1, 5) * a", (1, 1), "2 parts", "decimal has a point"),
    ("a.", (1, 3), "ends after `.`", "t.distance"),
    ("a.(b)", (1, 3), "between `.` and `(`", "t.distance"),
    ("a..b", (1, 3), "between `.` and `.`", "t.distance"),
    (
        "a.5",
        (1, 2),
        "operator is missing between `a` and `.5`",
        "`*`",
    ),
    ("t.in", (1, 3), "between `.` and `in`", "t.distance"),
    ("5. * a", (1, 4), "between `.` and `*`", "5.0"),
    ("a ? b", (1, 6), "ends where `:`", "condition ? a : b"),
    (
        "f(a ? b)",
        (1, 8),
        "`:` is missing before `)`",
        "condition ? a : b",
    ),
    ("a ? b : ", (1, 8), "ends after `:`", "right of `:`"),
    ("a ? b ? c : d : e", (1, 7), "before the `:`", "parentheses"),
    // Something is too much.
    ("a b", (1, 3), "between `a` and `b`", "which operator"),
    ("2 (a)", (1, 3), "between `2` and `(`", "write `*`"),
    ("(a)(b)", (1, 4), "between `)` and `(`", "write `*`"),
    ("3km", (1, 2), "between `3` and `km`", "unit(3, \"km\")"),
    ("1_000", (1, 2), "between `1` and `_000`", "without signs"),
    (
        "1.000.000",
        (1, 6),
        "between `1.000` and `.000`",
        "without signs",
    ),
    ("1 000", (1, 3), "between `1` and `000`", "without signs"),
    ("1,5 * a", (1, 2), "comma", "decimal has a point"),
    ("a, b", (1, 2), "comma", "one expression"),
    ("a : b", (1, 3), "without `?`", "condition ? a : b"),
    ("a !b", (1, 3), "between `a` and `!`", "`!=`"),
    ("5% * a", (1, 4), "between `%` and `*`", "right of `%`"),
    ("(5%)", (1, 4), "between `%` and `)`", "0.05"),
    ("5 km", (1, 3), "between `5` and `km`", "unit(5, \"km\")"),
    ("a / 3b", (1, 6), "between `3` and `b`", "write (3 * b)"),
    ("a % 2 (b)", (1, 7), "between `2` and `(`", "a / (b * (c))"),
    (
        "f(a // b)",
        (1, 2),
        "never closed",
        "in column 5 of the formula begins a comment",
    ),
    (
        "a // b\n c // d",
        (2, 2),
        "between `a` and `c`",
        "column 3 of the formula",
    ),
    (
        "f(a) ? b // 2",
        (1, 9),
        "ends where `:`",
        "begins a comment",
    ),
    (
        "f(a // b\n + 1 2)",
        (2, 6),
        "between `1` and `2`",
        "operator",
    ),
    // Brackets.
    ("f(a", (1, 2), "`(` is never closed", "write `)`"),
    ("f(a))", (1, 5), "`)` closes nothing", "`(`"),
    ("f(a]", (1, 4), "`)` is missing before this `]`", "column 2"),
    (
        "f(\n[a)",
        (2, 3),
        "`]` is missing before this `)`",
        "line 2",
    ),
    // Other languages.
    ("a = b", (1, 3), "one `=`", "`==`"),
    ("a => b", (1, 3), "`=>`", "`>=`"),
    ("a <> b", (1, 3), "`<>`", "`!=`"),
    ("a & b", (1, 3), "one `&`", "`&&`"),
    ("a | b", (1, 3), "one `|`", "`||`"),
    ("a ** 2", (1, 3), "`**`", "multiply"),
    ("a ^ 2", (1, 3), "`^`", "multiply"),
    ("a and b", (1, 3), "`and`", "`&&`"),
    ("a or b", (1, 3), "`or`", "`||`"),
    ("not a == b", (1, 1), "`not`", "!(..)"),
    ("NOT a", (1, 1), "`NOT`", "!(..)"),
    ("a is not b", (1, 3), "`is not`", "`!=`"),
    ("a not in [b]", (1, 3), "`not in`", "!(x in [a, b])"),
    ("a is greater than 2", (1, 3), "`is greater than`", "`>`"),
    ("a is at least 2", (1, 3), "`is at least`", "`>=`"),
    ("a unless b", (1, 3), "`unless`", "&& !("),
    ("a in (1, 2)", (1, 6), "2 parts", "square brackets"),
    ("1 if a > 2 else 3", (1, 3), "`if`", "condition ? a : b"),
    ("not !(a)", (1, 1), "`not`", "!(..)"),
    ("m(a => b)", (1, 5), "`=>`", "map(t, ..)"),
    (
        "a in [1..5]",
        (1, 9),
        "digits are missing",
        "x >= 1 && x <= 5",
    ),
    ("a XOR b", (1, 3), "`XOR`", "(a) != (b)"),
    (
        "2 * a between 1 and b + 5",
        (1, 7),
        "`between`",
        "here: 2 * a >= 1 && 2 * a <= b + 5",
    ),
    (
        "(c && a not between 1 AND 5)",
        (1, 9),
        "`not between`",
        "here: !(a >= 1 && a <= 5)",
    ),
    ("a between (1, 5)", (1, 3), "`between`", "x >= 1 && x <= 5"),
    ("f(a where b)", (1, 5), "`where`", "filter"),
    ("IF a THEN b ELSE c", (1, 1), "`IF`", "condition ? a : b"),
    (
        "2 * if(a > 1, b, c)",
        (1, 5),
        "`if`",
        "here: (a > 1 ? b : c)",
    ),
    (
        "if(a.size() > 1, b, c)",
        (1, 1),
        "`if`",
        "here: a.size() > 1 ? b : c",
    ),
    ("¬a", (1, 1), "`¬`", "!(..)"),
    ("if a then b", (1, 1), "`if`", "condition ? a : b"),
    ("f(a); g(b)", (1, 5), "`;`", "nothing ends"),
    ("# note\na", (1, 1), "`#`", "//"),
    ("a /* note */ + b", (1, 3), "`/*`", "//"),
    ("a ≥ b", (1, 3), "`≥`", "`>=`"),
    ("a × 2，3", (1, 3), "`×`", "`*`"),
    ("f（a）", (1, 2), "`（`", "`(`"),
    ("a == “bus”", (1, 6), "`“`", "straight"),
    ("距离 * 2", (1, 1), "`距离`", "a-z"),
    ("a +\u{a0}b", (1, 4), "U+00A0", "plain space"),
    ("a\u{202e} + b", (1, 2), "U+202E", "delete"),
    ("a @ b", (1, 3), "`@`", "scale-language.md"),
    ("a + \\\nb", (1, 5), "`\\`", "next line"),
    // Texts.
    ("a == \"bus", (1, 6), "never closed", "same line"),
    ("a == 'bus\n'", (1, 6), "never closed", "same line"),
    ("a == \"\\d\"", (1, 7), "`\\d`", "write \\\\"),
    ("a == '\\u12'", (1, 7), "not an escape", "four digits"),
    // CEL's, but not ours.
    (".a", (1, 1), "before `.`", "no point"),
    ("a.?b", (1, 3), "optional field", "scale-language.md"),
    ("[?a]", (1, 2), "optional element", "scale-language.md"),
];

#[test]
fn every_fault_is_reported_at_its_place_with_what_to_do() {
    for (source, place, message, hint) in FAULTS {
        let faults = faults(source);
        let first = &faults[0];
        assert_eq!((first.line, first.column), place, "{source:?}: {faults:?}");
        assert!(first.message.contains(message), "{source:?}: {first}");
        assert!(first.hint.contains(hint), "{source:?}: {first}");
        for fault in &faults {
            assert!(!fault.hint.is_empty(), "{source:?}: {fault}");
            assert!(source.get(fault.span.start..fault.span.end).is_some());
        }
    }
}

#[test]
fn several_faults_are_reported_each_once_at_its_place() {
    for (source, places) in [
        ("f(a +, b *, c d)", vec![(1, 6), (1, 11), (1, 15)]),
        (
            "(a +) * (b b)\n- [c, , d].f(1 2)",
            vec![(1, 5), (1, 12), (2, 7), (2, 16)],
        ),
        ("f(a = 1 && b = 2)", vec![(1, 5), (1, 14)]),
        // Words of others are one fault each.
        ("a not in [b]", vec![(1, 3)]),
        ("a is not b", vec![(1, 3)]),
        ("not d.a > 3 && not (b)", vec![(1, 1)]),
        ("not not (a)", vec![(1, 1)]),
        ("not !a.b > 3", vec![(1, 1)]),
        ("a between 3 and 5", vec![(1, 3)]),
        ("a between 3 to 5", vec![(1, 3)]),
        ("a between (3, 5)", vec![(1, 3)]),
        ("2 + a is between 3 and 5", vec![(1, 7)]),
        ("a not between 3 and 5 and b", vec![(1, 3), (1, 23)]),
        ("a is greater than or equal to 3", vec![(1, 3)]),
        ("IF a THEN b ELSE c", vec![(1, 1)]),
        ("if (a > 1) then b else c", vec![(1, 1)]),
        ("case when a then b else c end", vec![(1, 1)]),
        ("f(let a, b c)", vec![(1, 3), (1, 12)]),
        ("f(not a, b not in [1 2])", vec![(1, 3), (1, 12), (1, 22)]),
        ("a in [1..5]", vec![(1, 9)]),
        ("f(（a)", vec![(1, 2), (1, 3)]),
        ("null + {1: 2} + 3u", vec![(1, 1), (1, 8), (1, 17)]),
        ("f(\"bus)\n + g(1 2)", vec![(1, 3)]),
    ] {
        let faults = faults(source);
        let mut found: Vec<_> = faults.iter().map(|f| (f.line, f.column)).collect();
        found.dedup();
        assert_eq!(found, places, "{source:?}: {faults:#?}");
    }
    assert!(faults(&"f(a a),".repeat(1000)).len() <= 16);
}

#[test]
fn a_formula_is_as_deep_as_it_is_allowed_to_be_and_no_deeper() {
    let nest = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let chain = |times: usize| vec!["a"; times].join(" + ");
    for (deepest, deeper) in [
        (nest("(", "a", ")", 160), nest("(", "a", ")", 161)),
        (nest("f(", "a", ")", 159), nest("f(", "a", ")", 160)),
        (nest("[", "a", "]", 159), nest("[", "a", "]", 160)),
        (nest("!(", "a", ")", 159), nest("!(", "a", ")", 160)),
        (
            nest("a ? b : ", "c", "", 159),
            nest("a ? b : ", "c", "", 160),
        ),
        (
            nest("a ? (", "c", ") : b", 159),
            nest("a ? (", "c", ") : b", 160),
        ),
        (chain(160), chain(161)),
        (
            format!("a{}", ".b".repeat(159)),
            format!("a{}", ".b".repeat(160)),
        ),
        (
            format!("a{}", "[b]".repeat(159)),
            format!("a{}", "[b]".repeat(160)),
        ),
    ] {
        parsed(&deepest);
        let faults = faults(&deeper);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].code, Code::TooLong, "{faults:?}");
        assert!(faults[0].span.end > 100, "{faults:?}");
    }
    // As deep as a text can make it, on the stack of any thread.
    for open in [
        "(", "f(", "[", "!(", "-(", "a ? (", "a ? b : ", "a + (", "a.b(", "a[",
    ] {
        let times = MAX_SOURCE / open.len() - 1;
        assert_eq!(faults(&open.repeat(times))[0].code, Code::TooLong, "{open}");
    }
    // A list of conditions is one, however long.
    parsed(&vec!["a"; 3000].join(" && "));
}
