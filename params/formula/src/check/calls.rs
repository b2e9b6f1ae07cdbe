//! The functions of the language, and their arguments.

use super::Checker;
use super::names::suggest;
use crate::diagnostic::{Code, Span};
use crate::range::Range;
use crate::syntax::{Operator, Syntax, SyntaxKind};
use crate::typed::{Kind, NodeId};

/// Each function, with an example.
const FUNCTIONS: [(&str, &str); 26] = [
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
    ("day_of_month", "day_of_month(t.on)"),
    ("iso_weekday", "iso_weekday(t.start)"),
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

/// Functions of CEL, Kubernetes and other languages, with what to write in place of each.
const OTHERS: [(&str, Code, &str); 82] = {
    use Code::{NotYet, UnknownFunction, WrongArguments};
    const NUMBERS: &str =
        "numbers are exact and of one kind: leave it out, but not its parentheses";
    const WHOLE: &str = "math.floor(x) rounds down, which is the same for 0 and above; math.round(x) to the nearest";
    const NAMES: &str = "a name of an enum is compared whole: t.mode == \"bus\"";
    const DATES: &str =
        "a field of type date or datetime compares with text: t.due >= \"2024-03-01\"";
    const MEAN: &str = "divide the .sum() by the .size(), and say what counts for none: (n > 0 ? math.floor(total / math.greatest(1, n)) : 0); a mean that is rounded is another number than the mean, so what is computed with it goes into the dividend: math.floor(total * 2 / ..)";
    const COUNT: &str = "count with .size(), as in trips.filter(t, t.distance > 0).size()";
    const SUM_IF: &str =
        "choose, then add up: trips.filter(t, t.distance > 0).map(t, t.distance).sum()";
    const POWER: &str = "there are no powers: multiply, in parentheses: (x * x)";
    const SEE: &str = "see docs/src/scale-language.md for what is";
    const LEAST: &str = "the less of numbers is math.least(a, b)";
    const GREATEST: &str = "the greater of numbers is math.greatest(a, b)";
    [
        (
            "has",
            NotYet,
            "each record has all fields: a row without one is not a record",
        ),
        ("sort", NotYet, "records come in the order of their key"),
        ("isSorted", NotYet, "records come in the order of their key"),
        ("sortBy", NotYet, "records come in the order of their key"),
        ("indexOf", NotYet, SEE),
        ("lastIndexOf", NotYet, SEE),
        ("slice", NotYet, SEE),
        ("flatten", NotYet, SEE),
        ("reverse", NotYet, SEE),
        ("first", NotYet, SEE),
        ("last", NotYet, SEE),
        (
            "distinct",
            NotYet,
            "records of one key form one group: trips.groups(t, day(t.start)).size()",
        ),
        ("math.sign", NotYet, "say it: (x > 0 ? 1 : x < 0 ? -1 : 0)"),
        ("math.trunc", NotYet, WHOLE),
        (
            "math.sqrt",
            NotYet,
            "there are no roots: a table along points comes near",
        ),
        (
            "math.isNaN",
            NotYet,
            "each number is one: nothing here is infinite or undefined",
        ),
        (
            "math.isInf",
            NotYet,
            "each number is one: nothing here is infinite or undefined",
        ),
        (
            "math.isFinite",
            NotYet,
            "each number is one: nothing here is infinite or undefined",
        ),
        ("math.min", UnknownFunction, LEAST),
        ("math.max", UnknownFunction, GREATEST),
        ("math.pow", UnknownFunction, POWER),
        ("pow", UnknownFunction, POWER),
        (
            "sqrt",
            UnknownFunction,
            "there are no roots: a table along points comes near",
        ),
        ("min", WrongArguments, LEAST),
        ("max", WrongArguments, GREATEST),
        ("int", NotYet, WHOLE),
        ("trunc", UnknownFunction, WHOLE),
        ("uint", NotYet, NUMBERS),
        ("double", NotYet, NUMBERS),
        ("decimal", NotYet, NUMBERS),
        ("bool", NotYet, "compare it, as in t.distance > 0"),
        ("string", NotYet, NAMES),
        ("bytes", NotYet, NAMES),
        ("type", NotYet, "the manifest says each field's type"),
        ("dyn", NotYet, NUMBERS),
        ("matches", NotYet, NAMES),
        ("startsWith", NotYet, NAMES),
        ("endsWith", NotYet, NAMES),
        (
            "contains",
            NotYet,
            "t.mode in [\"bus\", \"metro\"]; a list has it if one is equal: trips.exists(t, t.mode == \"bus\")",
        ),
        ("timestamp", NotYet, DATES),
        (
            "duration",
            NotYet,
            "a time written out has its unit: unit(90, \"min\")",
        ),
        ("getFullYear", NotYet, DATES),
        ("getMonth", NotYet, DATES),
        ("getDate", NotYet, "day_of_month(t.on) is 1 for the first"),
        (
            "getDayOfMonth",
            NotYet,
            "day_of_month(t.on) is 1 for the first, where CEL's is 0",
        ),
        (
            "getDayOfWeek",
            NotYet,
            "iso_weekday(t.start) is 1 for Monday and 7 for Sunday, where CEL's is 0 for Sunday",
        ),
        ("getDayOfYear", NotYet, DATES),
        (
            "getHours",
            NotYet,
            "hours have 60 minutes: minute_of_day(t.start) >= 8 * 60",
        ),
        (
            "getMinutes",
            NotYet,
            "minute_of_day(t.start) counts from midnight",
        ),
        ("getSeconds", NotYet, "times have no seconds"),
        (
            "not",
            UnknownFunction,
            "write `!` before what must not hold: !(..)",
        ),
        (
            "if",
            UnknownFunction,
            "a choice is written: (condition ? a : b)",
        ),
        (
            "iif",
            UnknownFunction,
            "a choice is written: (condition ? a : b)",
        ),
        ("count", UnknownFunction, COUNT),
        ("len", UnknownFunction, COUNT),
        ("length", UnknownFunction, COUNT),
        ("avg", UnknownFunction, MEAN),
        ("average", UnknownFunction, MEAN),
        ("mean", UnknownFunction, MEAN),
        (
            "any",
            UnknownFunction,
            "list.exists(t, ..) is whether one meets a condition",
        ),
        (
            "reduce",
            UnknownFunction,
            "add up with .map(t, ..).sum(), or take .min(..) and .max(..)",
        ),
        (
            "fold",
            UnknownFunction,
            "add up with .map(t, ..).sum(), or take .min(..) and .max(..)",
        ),
        ("total", UnknownFunction, "add up with .map(t, ..).sum()"),
        (
            "every",
            UnknownFunction,
            "whether each meets a condition is trips.all(t, t.distance > 0)",
        ),
        (
            "some",
            UnknownFunction,
            "whether one meets a condition is trips.exists(t, t.distance > 0)",
        ),
        (
            "where",
            UnknownFunction,
            "records are chosen with filter: trips.filter(t, t.distance > 0)",
        ),
        (
            "select",
            UnknownFunction,
            "numbers of records are trips.map(t, t.distance)",
        ),
        ("countif", UnknownFunction, COUNT),
        ("counta", UnknownFunction, COUNT),
        ("sumif", UnknownFunction, SUM_IF),
        ("sumifs", UnknownFunction, SUM_IF),
        (
            "and",
            UnknownFunction,
            "write `&&` between what must hold: a && b",
        ),
        (
            "or",
            UnknownFunction,
            "write `||` between what may hold: a || b",
        ),
        (
            "xor",
            UnknownFunction,
            "write `!=` between two conditions, each in parentheses: (a) != (b)",
        ),
        (
            "mod",
            UnknownFunction,
            "what is left of a division is a % b",
        ),
        (
            "between",
            UnknownFunction,
            "write both ends: (x >= 1 && x <= 5)",
        ),
        (
            "ifs",
            UnknownFunction,
            "a choice is written, and may go on behind its `:`: (a ? 1 : b ? 2 : 3)",
        ),
        (
            "switch",
            UnknownFunction,
            "a choice is written, and may go on behind its `:`: (a ? 1 : b ? 2 : 3)",
        ),
        ("power", UnknownFunction, POWER),
        (
            "roundup",
            UnknownFunction,
            "math.ceil(x) rounds up, which is the same for 0 and above",
        ),
        (
            "rounddown",
            UnknownFunction,
            "math.floor(x) rounds down, which is the same for 0 and above",
        ),
        (
            "vlookup",
            UnknownFunction,
            "declare a [[table]] in the manifest, and look it up: rate[t.mode]",
        ),
    ]
};

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
            ("minute_of_day", None, [time]) => {
                self.counted_as_people_do(span, |checker| checker.minute_of_day(time, span))
            }
            ("day_of_month", None, [time]) => {
                self.counted_as_people_do(span, |checker| checker.day_of_month(time, span))
            }
            ("iso_weekday", None, [time]) => {
                self.counted_as_people_do(span, |checker| checker.iso_weekday(time, span))
            }
            ("weekday", None, [time]) => self.weekday(time, span),
            ("at", Some(dated), [day]) => self.at(dated, day, span),
            ("math.floor" | "math.ceil" | "math.round", None, [number]) => {
                self.round(function, number, span)
            }
            ("math.abs", None, [number]) => self.magnitude(number, span),
            ("math.least", None, [_, _, ..]) => {
                self.is_no_decimal(args, span)?;
                self.extreme(args, Kind::Least, span)
            }
            ("math.greatest", None, [_, _, ..]) => {
                self.is_no_decimal(args, span)?;
                self.extreme(args, Kind::Greatest, span)
            }
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
            // `Math.max(a, b)` of JavaScript and Java.
            (_, Some(space), _) if is_math(space) => self.of_another_math(function, at, args),
            _ => self.no_such_call(function, at, target, args, span),
        }
    }

    /// A function of a `Math` that is not ours.
    fn of_another_math(&mut self, function: &str, at: Span, args: &[Syntax]) -> Option<NodeId> {
        let ours = format!("math.{function}");
        let message = "there is no `Math`: `math` has small letters here";
        let hint = if is_known(&ours) {
            format!("write {ours}(..)")
        } else {
            let (_, _, hint) = self.unknown_call(&ours, false, args.len());
            hint.unwrap_or_else(|| suggest(&ours, &FUNCTIONS.map(|(name, _)| name)))
        };
        self.fault(Code::UnknownFunction, at, message, hint)
    }

    fn no_such_call(
        &mut self,
        function: &str,
        at: Span,
        target: Option<&Syntax>,
        args: &[Syntax],
        span: Span,
    ) -> Option<NodeId> {
        let (code, message, hint) = self.unknown_call(function, target.is_some(), args.len());
        let hint = match (self.in_our_words(function, target, args, span), hint) {
            (Some(same), Some(hint)) => format!("{hint}; here: {same}"),
            (Some(same), None) => format!("write {same}"),
            (None, hint) => hint.unwrap_or_else(|| {
                let qualified = format!("math.{function}");
                match is_known(&qualified) {
                    true => format!("did you mean `{qualified}`?"),
                    false => suggest(function, &FUNCTIONS.map(|(name, _)| name)),
                }
            }),
        };
        let hint = match self.decimal_comma(args) {
            Some(number) => format!("a decimal has a point: {number}; {hint}"),
            None => hint,
        };
        self.fault(code, at, message, hint)
    }

    /// `math.least(1,5 * x)` and `1.5 * x` have different meanings: a space after the comma shows that
    /// the first is meant. Manifests that were approved before this was refused keep their meaning.
    fn is_no_decimal(&mut self, args: &[Syntax], span: Span) -> Option<()> {
        let number = match self.approved {
            true => None,
            false => self.decimal_comma(args),
        };
        let Some(number) = number else {
            return Some(());
        };
        let two = number.replace('.', ", ");
        let message = "a comma between digits is one number or separates two";
        let hint = format!(
            "a decimal has a point: {number}; two numbers have a space between them: {two}"
        );
        self.fault(Code::WrongArguments, span, message, hint)
    }

    /// The number that is meant by `1,5` among the arguments of a function.
    fn decimal_comma(&self, args: &[Syntax]) -> Option<String> {
        let source = self.declarations.text(self.text);
        args.windows(2).find_map(|pair| {
            let [a, b] = pair else {
                return None;
            };
            let (before, after) = (source.get(..a.span.end)?, source.get(a.span.end..)?);
            let after = after.strip_prefix(',')?;
            if b.span.start != a.span.end + 1 {
                return None;
            }
            let begin = before.rfind(|c: char| !c.is_ascii_digit());
            let (rest, whole) = before.split_at_checked(begin.map_or(0, |at| at + 1))?;
            // Digits of a name or of a decimal are not a whole number.
            let alone =
                !rest.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
            let digits = after.find(|c: char| !c.is_ascii_digit());
            let fraction = after.get(..digits.unwrap_or(after.len()))?;
            let decimal = alone && !whole.is_empty() && !fraction.is_empty();
            decimal.then(|| format!("{whole}.{fraction}"))
        })
    }

    /// The message for a function that does not exist or takes other arguments, and the hint,
    /// unless the name is unknown.
    fn unknown_call(
        &self,
        function: &str,
        of_list: bool,
        args: usize,
    ) -> (Code, String, Option<String>) {
        let own = FUNCTIONS.iter().find(|(name, _)| *name == function);
        let other = OTHERS.iter().find(|(name, ..)| *name == function);
        // Spreadsheets write theirs in capitals.
        let small = function.to_ascii_lowercase();
        let other = other.or_else(|| OTHERS.iter().find(|(name, ..)| *name == small));
        let hint = other.map(|(.., hint)| self.example(hint));
        match (own, other) {
            // `max(numbers)` of a spreadsheet.
            (Some((_, usage)), Some((_, code, _))) if !of_list && args == 1 => {
                let message = format!("`{function}` stands behind its list");
                let hint = format!("as in {usage}, where 0 counts for an empty list");
                (*code, message, Some(self.example(&hint)))
            }
            // `min(a, b)` is not a function of a list.
            (Some(_), Some((_, code, _))) if !of_list => {
                let message = format!("`{function}` takes a list of numbers");
                (*code, message, hint)
            }
            (Some((_, usage)), _) => {
                let message = format!("`{function}` takes other arguments");
                let hint = self.example(&format!("as in {usage}"));
                (Code::WrongArguments, message, Some(hint))
            }
            (None, Some((_, Code::NotYet, _))) => {
                let message = format!("`{function}` is not in the language yet");
                (Code::NotYet, message, hint)
            }
            (None, other) => {
                let message = format!("there is no function `{function}`");
                let code = match other {
                    Some((_, Code::WrongArguments, _)) | None => Code::UnknownFunction,
                    Some((_, code, _)) => *code,
                };
                (code, message, hint)
            }
        }
    }

    /// The least or greatest of some literal numbers.
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

/// `Math` or `MATH`, which no list of records can be: a scale's names have small letters.
fn is_math(target: &Syntax) -> bool {
    matches!(&target.kind, SyntaxKind::Name(name) if name.eq_ignore_ascii_case("math") && name != "math")
}

/// Whether the language has a function of this name.
pub(super) fn is_known(function: &str) -> bool {
    FUNCTIONS.iter().any(|(name, _)| *name == function)
}

/// The two sides of a division, if the expression is one.
pub(super) fn division(syntax: &Syntax) -> Option<(&Syntax, &Syntax)> {
    match &syntax.kind {
        SyntaxKind::Operator(Operator::Divide, sides) => match sides.as_slice() {
            [a, b] => Some((a, b)),
            _ => None,
        },
        _ => None,
    }
}
