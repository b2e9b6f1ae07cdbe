//! Our parser against the crate `cel`'s: if `cel` reads a formula that is in the language, the tree
//! is the same. `KNOWN` lists the differences.

use cel::Env;
use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::{Operator, Syntax, SyntaxKind, parse};
use crate::decimal::Decimal;
use crate::declarations::SourceId;
use crate::diagnostic::{Code, Diagnostic};
use crate::generate::{self, Dice};

/// Whether each of the two parsers accepts a text.
#[derive(Debug, PartialEq)]
enum Answer {
    Same,
    OnlyCel,
    OnlyOurs,
    Neither,
}

use Answer::{Neither, OnlyCel, OnlyOurs};

/// The intended differences, with their reasons.
const KNOWN: [(&str, Answer, &str); 24] = [
    (
        "9223372036854775808",
        OnlyOurs,
        "whole numbers have 36 digits",
    ),
    (
        "-9223372036854775809",
        OnlyOurs,
        "whole numbers have 36 digits",
    ),
    (
        "123456789012345678901234567890123456",
        OnlyOurs,
        "36 digits",
    ),
    (
        "0xffffffffffffffffff",
        OnlyOurs,
        "whole numbers have 36 digits",
    ),
    (
        "1234567890123456789012345678901234567",
        Neither,
        "37 digits",
    ),
    (
        "0.1234567890123456789",
        OnlyCel,
        "19 digits behind the point",
    ),
    ("1e300", OnlyCel, "36 digits"),
    ("-!x", Neither, "parentheses are needed"),
    ("!-x", Neither, "parentheses are needed"),
    ("1u", OnlyCel, "numbers are of one kind"),
    ("b'x'", OnlyCel, "no bytes"),
    ("null", OnlyCel, "no null"),
    ("{1: 2}", OnlyCel, "no maps"),
    ("{}", OnlyCel, "no maps"),
    ("Point{x: 1}", OnlyCel, "no messages"),
    ("a.b{}", OnlyCel, "no messages"),
    (".x", OnlyCel, "no names of an outer space"),
    (".f(1)", OnlyCel, "no names of an outer space"),
    ("a.`b-c`", Neither, "no names in back quotes"),
    ("[,]", OnlyCel, "a comma needs something before it"),
    ("if(x)", Neither, "a word that CEL keeps"),
    ("a ? b ? c : d : e", Neither, "parentheses are needed"),
    ("f(a,)", Neither, "arguments end without a comma"),
    ("a.?b", OnlyCel, "optional fields are an extension"),
];

#[test]
fn the_known_differences_are_these() {
    for (source, answer, reason) in KNOWN {
        assert_eq!(compare(source), answer, "{source}: {reason}");
    }
}

/// Written to show each rule of the grammar.
const ALIKE: [&str; 77] = [
    "1",
    "0",
    "007",
    "-5",
    "- 5",
    "--5",
    "---5",
    "-(5)",
    "0x1F",
    "-0x10",
    "1.5",
    "-1.5",
    ".5",
    "1.5e3",
    "1e3",
    "2E+2",
    "15e-1",
    "true",
    "false",
    "x",
    "_x9",
    "'a'",
    "\"a\"",
    "'''a'b'''",
    "\"\"\"a\nb\"\"\"",
    "r'\\n'",
    "R\"a\\\"",
    "'\\n\\t\\\\\\'\\x41\\u00e9\\U0001F6B2\\101\\?\\`'",
    "'公交'",
    "\"\"",
    "''",
    "''''''",
    "!x",
    "!!x",
    "!!!x",
    "-x",
    "--x",
    "-x.y",
    "-5.y",
    "-5.f()",
    "!x.y(1)",
    "- x - -y",
    "a - -5",
    "a -5",
    "a-5",
    "a+b*c",
    "a*b+c",
    "(a+b)*c",
    "a-b-c",
    "a-(b-c)",
    "a/b/c",
    "a/b*c",
    "a%b+c%d",
    "a < b == c",
    "a == b < c",
    "a < b < c",
    "a in [1, 2] == b",
    "a in [1, 2,]",
    "a in []",
    "a != b",
    "a && b || c && d",
    "a || b && c || d",
    "(a || b) || c || (d || e)",
    "a && (b && c) && d",
    "a ? b : c",
    "a ? b : c ? d : e",
    "(a ? b : c) ? d : e",
    "a || b ? c && d : e == f",
    "a ? (b ? c : d) : e",
    "f()",
    "f(a, b)",
    "a.f()",
    "a.b.c",
    "a.b(c).d(e, f).g",
    "a[0][1].b",
    "math.least(a, b)",
    "// one\na // two\n+ b // three",
];

#[test]
fn what_is_written_to_show_each_rule_is_read_alike() {
    for source in ALIKE {
        let answer = compare(source);
        assert_eq!(answer, Answer::Same, "{source}");
    }
}

#[test]
fn formulas_as_issuers_write_them_are_read_alike() {
    let mut source = StdRng::seed_from_u64(11);
    let mut dice = Dice::new(&mut source);
    for _ in 0..cases() {
        let scale = generate::declarations(&mut dice);
        for source in generate::texts(&scale) {
            assert_eq!(compare(source), Answer::Same, "{source}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn random_trees_are_read_alike(source in expression()) {
        prop_assert_eq!(compare(&source), Answer::Same, "{}", source);
    }

    #[test]
    fn random_words_are_read_alike(words in prop::collection::vec(word(), 0..14)) {
        let source = words.concat();
        excused(&source);
    }

    #[test]
    fn random_trees_with_a_slip_are_read_alike(
        source in expression(), at in any::<prop::sample::Index>(), slip in word(), drop in any::<bool>()
    ) {
        let chars: Vec<char> = source.chars().collect();
        let at = at.index(chars.len());
        let rest = at + usize::from(drop);
        let slipped: String = chars[..at].iter().copied()
            .chain(slip.chars())
            .chain(chars[rest..].iter().copied())
            .collect();
        excused(&slipped);
    }

    #[test]
    fn any_characters_are_read_alike(source in "[ -~\n\u{e9}\u{ff0c}\u{200b}]{0,40}") {
        excused(&source);
    }
}

/// More with `MERITS_FUZZ_CASES=100000`.
fn cases() -> u32 {
    std::env::var("MERITS_FUZZ_CASES").map_or(300, |cases| cases.parse().expect("a number"))
}

/// Compares both. A text that only one of them accepts must contain one of the known differences.
fn excused(source: &str) {
    match compare(source) {
        Answer::Same | Neither => {}
        OnlyCel => {
            let faults = parse(SourceId::Credits, source).expect_err("refused by us");
            let known = |fault: &Diagnostic| {
                matches!(fault.code, Code::NotYet | Code::LiteralTooLong | Code::WrongType)
                    || fault.hint.contains("no point before it")
                    // `[,]`
                    || fault.message == "a value is missing between `[` and `,`"
                    // `[1, ?x]`: an optional element, which is not in CEL without extensions.
                    || ["`[` and `?`", "`,` and `?`"].iter().any(|end| fault.message.ends_with(end))
            };
            assert!(faults.iter().any(known), "{source}: {faults:?}");
        }
        OnlyOurs => {
            let ours = parse(SourceId::Credits, source).expect("read by us");
            assert!(has_more_than_cel(&ours), "{source}");
        }
    }
}

/// Whether a tree has a whole number over 64 bits.
fn has_more_than_cel(syntax: &Syntax) -> bool {
    let inner: Vec<&Syntax> = match &syntax.kind {
        SyntaxKind::Number(number) => {
            return number.digits() == 0 && i64::try_from(number.mantissa()).is_err();
        }
        SyntaxKind::Bool(_) | SyntaxKind::Text(_) | SyntaxKind::Name(_) => return false,
        SyntaxKind::List(parts) | SyntaxKind::Operator(_, parts) => parts.iter().collect(),
        SyntaxKind::Index { of, index } => vec![of, index],
        SyntaxKind::Member { of, .. } => vec![of],
        SyntaxKind::Call { target, args, .. } => args.iter().chain(target.as_deref()).collect(),
    };
    inner.into_iter().any(has_more_than_cel)
}

/// Reads a text with both parsers. Panics if they read it differently.
fn compare(source: &str) -> Answer {
    let theirs = Env::default().parser().parse_with_source_info(source);
    let ours = parse(SourceId::Credits, source);
    match (ours, theirs) {
        (Ok(ours), Ok((theirs, _))) => {
            let (ours, theirs) = (write(&ours), write_theirs(&theirs));
            assert_eq!(ours, theirs, "{source}");
            Answer::Same
        }
        (Ok(_), Err(_)) => OnlyOurs,
        (Err(_), Ok(_)) => OnlyCel,
        (Err(_), Err(_)) => Neither,
    }
}

/// Our tree as text.
fn write(syntax: &Syntax) -> String {
    let all = |parts: &[Syntax]| parts.iter().map(write).collect::<Vec<_>>().join(" ");
    match &syntax.kind {
        SyntaxKind::Bool(value) => value.to_string(),
        SyntaxKind::Number(number) => write_number(&number.to_string()),
        SyntaxKind::Text(text) => format!("{text:?}"),
        SyntaxKind::Name(name) => name.clone(),
        SyntaxKind::List(items) => format!("[{}]", all(items)),
        SyntaxKind::Index { of, index } => format!("(index {} {})", write(of), write(index)),
        SyntaxKind::Member { of, field } => format!("(. {} {field})", write(of)),
        SyntaxKind::Call {
            function,
            target,
            args,
            ..
        } => {
            let target = target
                .as_ref()
                .map_or(String::new(), |target| write(target));
            format!("(call {function} on {target}: {})", all(args))
        }
        SyntaxKind::Operator(operator, args) => format!("({operator:?} {})", all(args)),
    }
}

/// A number as text. Of many digits, only the precision of a double.
fn write_number(text: &str) -> String {
    match text.parse::<Decimal>() {
        Ok(number) if number.mantissa().unsigned_abs() < 10u128.pow(15) => number.to_string(),
        _ => format!("{:e}", text.parse::<f64>().expect("a number")),
    }
}

/// The tree of `cel` as text, with the language's meaning.
fn write_theirs(tree: &IdedExpr) -> String {
    let all = |parts: &[IdedExpr]| parts.iter().map(write_theirs).collect::<Vec<_>>().join(" ");
    match &tree.expr {
        Expr::Literal(LiteralValue::Boolean(value)) => value.inner().to_string(),
        Expr::Literal(LiteralValue::Int(value)) => write_number(&value.inner().to_string()),
        Expr::Literal(LiteralValue::Double(value)) => write_number(&value.inner().to_string()),
        Expr::Literal(LiteralValue::String(text)) => format!("{:?}", text.inner()),
        Expr::Literal(other) => format!("{other:?}"),
        Expr::Ident(name) => name.clone(),
        Expr::Select(select) => format!("(. {} {})", write_theirs(&select.operand), select.field),
        Expr::List(list) => format!("[{}]", all(&list.elements)),
        Expr::Call(call) => {
            if let (operators::INDEX, [of, index]) = (call.func_name.as_str(), &call.args[..]) {
                return format!("(index {} {})", write_theirs(of), write_theirs(index));
            }
            if let Some(operator) = operator(&call.func_name) {
                let mut args = Vec::new();
                flat(&call.func_name, &call.args, &mut args);
                return format!("({operator:?} {})", args.join(" "));
            }
            let target = call.target.as_ref().map(|target| write_theirs(target));
            let (space, target) = match target.as_deref() {
                Some("math") => ("math.", String::new()),
                _ => ("", target.unwrap_or_default()),
            };
            format!(
                "(call {space}{} on {target}: {})",
                call.func_name,
                all(&call.args)
            )
        }
        other => format!("{other:?}"),
    }
}

/// `cel` balances `a && b && c` into a tree. This makes one list of it, as it was written.
fn flat(name: &str, args: &[IdedExpr], out: &mut Vec<String>) {
    for arg in args {
        match &arg.expr {
            Expr::Call(call)
                if call.func_name == name
                    && [operators::LOGICAL_AND, operators::LOGICAL_OR].contains(&name) =>
            {
                flat(name, &call.args, out);
            }
            _ => out.push(write_theirs(arg)),
        }
    }
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        operators::LOGICAL_NOT => Operator::Not,
        operators::LOGICAL_AND => Operator::And,
        operators::LOGICAL_OR => Operator::Or,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::NEGATE => Operator::Negate,
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Remainder,
        operators::IN => Operator::In,
        operators::CONDITIONAL => Operator::Conditional,
        _ => return None,
    })
}

/// Words and signs, some of them foreign.
fn word() -> impl Strategy<Value = String> {
    let words = vec![
        "a",
        "b",
        "trips",
        "t",
        "math",
        ".",
        ",",
        "(",
        ")",
        "[",
        "]",
        "?",
        ":",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "&&",
        "||",
        "<",
        "<=",
        ">",
        ">=",
        "==",
        "!=",
        " in ",
        "1",
        "0.5",
        "1e2",
        "7u",
        "0x1f",
        ".5",
        "'x'",
        "\"y\"",
        "r'\\'",
        "b'z'",
        "true",
        "false",
        "null",
        " ",
        "\n",
        "// c\n",
        "{",
        "}",
        ".map(",
        ".sum()",
        "f(",
        "if",
        "=",
        "&",
        "|",
        ";",
        "#",
        "`",
        "\\",
        "\"",
        "'",
        "，",
        "≥",
        "“",
        "9223372036854775808",
        "'''",
        "\u{a0}",
        "\u{200b}",
        "9",
        "_",
        "e3",
        " and ",
        "**",
    ];
    prop::sample::select(words).prop_map(str::to_owned)
}

/// A formula of the grammar, with parentheses only where they were drawn.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "trips", "t"]).prop_map(str::to_owned),
        3 => (0u32..1000).prop_map(|n| n.to_string()),
        1 => (0u32..1000, 0u32..1000).prop_map(|(a, b)| format!("{a}.{b}")),
        1 => prop::sample::select(vec![
            "true", "false", "'x'", "\"y\\n\"", "0x1f", "1e3", "[]", "f()", "r'\\'",
        ]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let operators = prop::sample::select(vec![
            "&&", "||", "<", "<=", ">", ">=", "==", "!=", " in ", "+", "-", "*", "/", "%", " - ", "\n+ ",
        ]);
        let signs = prop::sample::select(vec!["!", "-", "!!", "--", "---", "- "]);
        let atom = inner.clone().prop_map(|inner| format!("({inner})"));
        prop_oneof![
            4 => (inner.clone(), operators, inner.clone()).prop_map(|(a, op, b)| format!("{a}{op}{b}")),
            1 => (signs, atom.clone()).prop_map(|(sign, a)| format!("{sign}{a}")),
            1 => (atom.clone(), atom.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("{a} ? {b} : {c}")),
            2 => atom.clone(),
            1 => (atom.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            1 => atom.clone().prop_map(|a| format!("{a}.size")),
            1 => (atom, prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(a, args)| format!("{a}.map({})", args.join(", "))),
            1 => prop::collection::vec(inner.clone(), 1..3)
                .prop_map(|args| format!("math.least({})", args.join(", "))),
            1 => prop::collection::vec(inner, 1..4).prop_map(|items| format!("[{}, ]", items.join(","))),
        ]
    })
}
