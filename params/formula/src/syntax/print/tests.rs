//! Printed text is read as the same tree, at any place.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;
use crate::declarations::SourceId;
use crate::generate::Dice;
use crate::syntax::parse;

const NOWHERE: Span = Span { start: 0, end: 0 };

fn parsed(source: &str) -> Syntax {
    parse(SourceId::Credits, source).unwrap_or_else(|faults| panic!("{source}: {faults:?}"))
}

/// The tree, with every part in brackets and without places.
fn shape(syntax: &Syntax) -> String {
    let all = |parts: &[Syntax]| parts.iter().map(shape).collect::<Vec<_>>().join(" ");
    match &syntax.kind {
        SyntaxKind::Bool(value) => value.to_string(),
        SyntaxKind::Number(number) => format!("#{number}"),
        SyntaxKind::Text(text) => format!("{text:?}"),
        SyntaxKind::Name(name) => name.clone(),
        SyntaxKind::List(items) => format!("[list {}]", all(items)),
        SyntaxKind::Index { of, index } => format!("[index {} {}]", shape(of), shape(index)),
        SyntaxKind::Member { of, field } => format!("[member {} {field}]", shape(of)),
        SyntaxKind::Call {
            function,
            target,
            args,
            ..
        } => {
            let target = target.as_ref().map_or("none".to_owned(), |of| shape(of));
            format!("[call {function} {target} {}]", all(args))
        }
        SyntaxKind::Operator(operator, parts) => format!("[{operator:?} {}]", all(parts)),
    }
}

/// A tree that the parser may give.
fn tree(dice: &mut Dice<'_>, depth: usize) -> Syntax {
    const OPERATORS: [Operator; 17] = [
        Operator::Not,
        Operator::And,
        Operator::Or,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
        Operator::Equal,
        Operator::NotEqual,
        Operator::Negate,
        Operator::Add,
        Operator::Subtract,
        Operator::Multiply,
        Operator::Divide,
        Operator::Remainder,
        Operator::In,
        Operator::Conditional,
    ];
    let leaf = depth == 0 || dice.one_in(6);
    let made = |kind| Syntax::made(kind, NOWHERE);
    if leaf {
        return made(match dice.below(5) {
            0 => SyntaxKind::Bool(dice.one_in(2)),
            1 => {
                let written = dice.word(&["0", "5", "-5", "0.25", "-1.5", "36"]);
                SyntaxKind::Number(written.parse().unwrap())
            }
            2 => SyntaxKind::Text(
                dice.word(&["bus", "", "a\"b\\c", "d\ne", "公交"])
                    .to_owned(),
            ),
            _ => SyntaxKind::Name(dice.word(&["a", "b", "c_1"]).to_owned()),
        });
    }
    let part = |dice: &mut Dice<'_>| tree(dice, depth - 1);
    match dice.below(10) {
        0 => {
            let count = dice.below(3);
            made(SyntaxKind::List((0..count).map(|_| part(dice)).collect()))
        }
        1 => made(SyntaxKind::Index {
            of: Box::new(part(dice)),
            index: Box::new(part(dice)),
        }),
        2 => made(SyntaxKind::Member {
            of: Box::new(part(dice)),
            field: "x".into(),
        }),
        3 => {
            let count = dice.below(3);
            let args = (0..count).map(|_| part(dice)).collect();
            Syntax::call(dice.word(&["f", "math.floor"]), args, NOWHERE)
        }
        4 => made(SyntaxKind::Call {
            function: "g".into(),
            at: NOWHERE,
            target: Some(Box::new(part(dice))),
            args: vec![part(dice)],
        }),
        _ => {
            let operator = *dice.pick(&OPERATORS).unwrap();
            let count = match operator {
                Operator::Not | Operator::Negate => 1,
                Operator::Conditional => 3,
                Operator::And | Operator::Or => 2 + dice.below(2),
                _ => 2,
            };
            Syntax::operator(operator, (0..count).map(|_| part(dice)).collect(), NOWHERE)
        }
    }
}

/// Every part of a tree, and the tree in which another part replaces it.
fn places(of: &Syntax, with: &Syntax) -> Vec<(Span, Syntax)> {
    let mut found = vec![(of.span, with.clone())];
    let mut inside = |part: &Syntax, rebuilt: &dyn Fn(Syntax) -> Syntax| {
        let inner = places(part, with).into_iter();
        found.extend(inner.map(|(span, tree)| (span, rebuilt(tree))));
    };
    let made = |kind| Syntax::made(kind, of.span);
    let swapped = |parts: &[Syntax], at: usize, tree: Syntax| {
        let mut parts = parts.to_vec();
        parts[at] = tree;
        parts
    };
    match &of.kind {
        SyntaxKind::List(items) => {
            for (at, item) in items.iter().enumerate() {
                inside(item, &|tree| {
                    made(SyntaxKind::List(swapped(items, at, tree)))
                });
            }
        }
        SyntaxKind::Index { of, index } => {
            inside(of, &|tree| {
                let (of, index) = (Box::new(tree), index.clone());
                made(SyntaxKind::Index { of, index })
            });
            inside(index, &|tree| {
                let (of, index) = (of.clone(), Box::new(tree));
                made(SyntaxKind::Index { of, index })
            });
        }
        SyntaxKind::Member { of, field } => inside(of, &|tree| {
            let (of, field) = (Box::new(tree), field.clone());
            made(SyntaxKind::Member { of, field })
        }),
        SyntaxKind::Call {
            function,
            at: place,
            target,
            args,
        } => {
            let call = |target: Option<Box<Syntax>>, args: Vec<Syntax>| {
                made(SyntaxKind::Call {
                    function: function.clone(),
                    at: *place,
                    target,
                    args,
                })
            };
            if let Some(list) = target {
                inside(list, &|tree| call(Some(Box::new(tree)), args.clone()));
            }
            for (at, arg) in args.iter().enumerate() {
                inside(arg, &|tree| call(target.clone(), swapped(args, at, tree)));
            }
        }
        SyntaxKind::Operator(operator, parts) => {
            for (at, part) in parts.iter().enumerate() {
                inside(part, &|tree| {
                    Syntax::operator(*operator, swapped(parts, at, tree), of.span)
                });
            }
        }
        _ => {}
    }
    found
}

#[test]
fn what_is_printed_is_read_as_the_same_tree() {
    let mut source = StdRng::seed_from_u64(31);
    let mut dice = Dice::new(&mut source);
    for _ in 0..20_000 {
        let depth = dice.below(6);
        let drawn = tree(&mut dice, depth);
        let printed = drawn.printed("");
        assert_eq!(shape(&parsed(&printed)), shape(&drawn), "{printed}");
    }
}

#[test]
fn what_takes_the_place_of_a_part_is_read_as_that_part() {
    let mut source = StdRng::seed_from_u64(32);
    let mut dice = Dice::new(&mut source);
    let mut enclosed = 0;
    for _ in 0..2_000 {
        let text = tree(&mut dice, 3).printed("");
        let read = parsed(&text);
        // Its leaves are spelled in a text of their own.
        let other = tree(&mut dice, 2);
        for (span, meant) in places(&read, &other) {
            let put = other.in_place(&text, span);
            enclosed += usize::from(put.starts_with('('));
            let followed = format!("{}{put}{}", &text[..span.start], &text[span.end..]);
            assert_eq!(
                shape(&parsed(&followed)),
                shape(&meant),
                "{text}: {followed}"
            );
        }
    }
    assert!(enclosed > 1_000, "{enclosed}");
}

#[test]
fn what_was_written_keeps_its_spelling() {
    for (source, printed) in [
        ("1.50 + 'bus'", "1.50 + 'bus'"),
        ("a -  // less\n 007", "a - 007"),
        ("- 5 * x", "-5 * x"),
        ("-(5) * -x", "-(5) * -x"),
        ("0x1f", "31"),
        (
            "t.mode in [ r\"a\", '''b''' ]",
            "t.mode in [r\"a\", '''b''']",
        ),
        ("((a)) + ((b + c))", "a + (b + c)"),
        ("(a + b) + c", "a + b + c"),
        ("(a > 5) == b", "(a > 5) == b"),
        (
            "(a ? b : c) ? (d ? e : f) : (g ? h : i)",
            "(a ? b : c) ? (d ? e : f) : g ? h : i",
        ),
        ("!(a in [1]) && !b", "!(a in [1]) && !b"),
        ("(5).to(\"km\")", "(5).to(\"km\")"),
    ] {
        assert_eq!(parsed(source).printed(source), printed, "{source}");
        let again = parsed(printed);
        assert_eq!(shape(&again), shape(&parsed(source)), "{source}");
        assert_eq!(again.printed(printed).replace("0x1f", "31"), printed);
    }
    assert_eq!(on_one_line("a +  // b\n  c.d( e )"), "a + c.d( e )");
    assert_eq!(on_one_line("\"a  b\""), "\"a  b\"");
}
