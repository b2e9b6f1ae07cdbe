//! Functions of the language: which there are, and what they take.

use super::Checker;
use super::names::suggest;
use crate::diagnostic::{Code, Span};
use crate::range::Range;
use crate::syntax::{Operator, Syntax, SyntaxKind};
use crate::typed::{Kind, NodeId};

/// Each function, with an example.
const FUNCTIONS: [(&str, &str); 24] = [
    ("filter", "trips.filter(t, t.distance > 0)"),
    ("map", "trips.map(t, t.distance)"),
    (
        "groups",
        "trips.groups(t, day(t.start)), or groups(trips, day(trips.start))",
    ),
    ("pairs", "trips.pairs(a, b, b.start - a.start)"),
    ("sum", "trips.map(t, t.distance).sum()"),
    ("size", "trips.size()"),
    ("min", "trips.map(t, t.distance).min(0)"),
    ("max", "trips.map(t, t.distance).max(0)"),
    ("exists", "trips.exists(t, t.distance > 0)"),
    ("all", "trips.all(t, t.distance > 0)"),
    ("exists_one", "trips.exists_one(t, t.distance > 0)"),
    ("day", "day(t.start)"),
    ("minute_of_day", "minute_of_day(t.start)"),
    ("weekday", "weekday(t.start)"),
    ("at", "factor.at(t.start)"),
    ("to", "(x).to(\"km\")"),
    ("unit", "unit(500, \"step/point\")"),
    ("math.floor", "math.floor(x)"),
    ("math.ceil", "math.ceil(x)"),
    ("math.round", "math.round(x)"),
    ("math.abs", "math.abs(x)"),
    ("math.least", "math.least(x, y)"),
    ("math.greatest", "math.greatest(x, y)"),
    ("in", "t.mode in [\"bus\", \"metro\"]"),
];

/// CEL's and Kubernetes', not built yet.
const NOT_YET: [&str; 10] = [
    "has",
    "sort",
    "isSorted",
    "indexOf",
    "lastIndexOf",
    "slice",
    "flatten",
    "distinct",
    "math.sign",
    "math.trunc",
];

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        function: &str,
        at: Span,
        target: Option<&Syntax>,
        args: &[Syntax],
        span: Span,
    ) -> Option<NodeId> {
        match (function, target, args) {
            ("filter", Some(list), [name, body]) => self.filter(list, name, body, span),
            ("map", Some(list), [name, body]) => self.map(list, name, body, span),
            ("groups", Some(list), [name, key]) | ("groups", None, [list, name, key]) => {
                self.groups(list, name, key, false, span)
            }
            // groups(r, r.day): the list's own name stands for each of its records in the key.
            ("groups", None, [list, key]) if matches!(list.kind, SyntaxKind::Name(_)) => {
                self.groups(list, list, key, true, span)
            }
            ("pairs", Some(list), [a, b, body]) => self.pairs(list, [a, b], body, span),
            ("exists", Some(list), [name, body]) => self.exists(list, name, body, span),
            ("all", Some(list), [name, body]) => self.all(list, name, body, span),
            ("exists_one", Some(list), [name, body]) => self.exists_one(list, name, body, span),
            ("sum", Some(list), []) | ("sum", None, [list]) => self.sum(list, span),
            ("size", Some(list), []) | ("size", None, [list]) => self.size(list, span),
            ("min" | "max", Some(list), []) => self.extreme_of(function, list, None, span),
            ("min" | "max", Some(list), [otherwise]) => {
                self.extreme_of(function, list, Some(otherwise), span)
            }
            ("day", None, [time]) => self.day(time, span),
            ("minute_of_day", None, [time]) => self.minute_of_day(time, span),
            ("weekday", None, [time]) => self.weekday(time, span),
            ("at", Some(dated), [day]) => self.at(dated, day, span),
            ("math.floor" | "math.ceil" | "math.round", None, [number]) => {
                self.round(function, number, span)
            }
            ("math.abs", None, [number]) => self.magnitude(number, span),
            ("math.least", None, [_, _, ..]) => self.extreme(args, Kind::Least, span),
            ("math.greatest", None, [_, _, ..]) => self.extreme(args, Kind::Greatest, span),
            (
                "to",
                Some(number),
                [
                    Syntax {
                        kind: SyntaxKind::Text(unit),
                        span: at,
                    },
                ],
            ) => {
                let number = self.check(number)?;
                self.converted(number, unit, *at, span)
            }
            (
                "unit",
                None,
                [
                    number,
                    Syntax {
                        kind: SyntaxKind::Text(unit),
                        span: at,
                    },
                ],
            ) => self.with_its_unit(number, unit, *at, span),
            _ => self.no_such_call(function, at),
        }
    }

    fn no_such_call(&mut self, function: &str, at: Span) -> Option<NodeId> {
        if let Some((_, usage)) = FUNCTIONS.iter().find(|(name, _)| *name == function) {
            let message = format!("`{function}` takes other arguments");
            return self.fault(Code::WrongArguments, at, message, format!("as in {usage}"));
        }
        if NOT_YET.contains(&function) {
            let message = format!("`{function}` is not in the language yet");
            let hint = "see docs/src/scale-language.md for what is";
            return self.fault(Code::NotYet, at, message, hint);
        }
        let message = format!("there is no function `{function}`");
        let names = FUNCTIONS.map(|(name, _)| name);
        let qualified = format!("math.{function}");
        let hint = if names.contains(&qualified.as_str()) {
            format!("did you mean `{qualified}`?")
        } else {
            suggest(function, &names)
        };
        self.fault(Code::UnknownFunction, at, message, hint)
    }

    /// The least or greatest of some numbers that are written down.
    fn extreme(
        &mut self,
        args: &[Syntax],
        kind: fn(Vec<NodeId>) -> Kind,
        span: Span,
    ) -> Option<NodeId> {
        let nodes = self.check_all(args)?;
        let ranges: Vec<Option<Range>> = nodes.iter().map(|id| self.expect_number(*id)).collect();
        let ranges: Vec<Range> = ranges.into_iter().collect::<Option<_>>()?;
        let all = ranges
            .iter()
            .skip(1)
            .fold(ranges[0].clone(), |all, range| all.hull(range));
        self.difference_within_field(&all, &all, span)?;
        self.derived(kind(nodes), span)
    }
}

/// The two sides of a division, if that is what is written.
pub(super) fn division(syntax: &Syntax) -> Option<(&Syntax, &Syntax)> {
    match &syntax.kind {
        SyntaxKind::Operator(Operator::Divide, sides) => match sides.as_slice() {
            [a, b] => Some((a, b)),
            _ => None,
        },
        _ => None,
    }
}
