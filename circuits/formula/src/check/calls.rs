//! Functions of the language.

use num_bigint::BigInt;

use super::names::suggest;
use super::{Checker, Inside};
use crate::diagnostic::{Code, Span};
use crate::range::Range;
use crate::schema::FieldKind;
use crate::syntax::{Syntax, SyntaxKind};
use crate::typed::{Kind, NodeId, Type};

/// The most keys that records are grouped by: each costs constraints whether it occurs or not.
const MAX_KEYS: u64 = 64;

const FUNCTIONS: [&str; 9] = [
    "filter",
    "map",
    "groups",
    "sum",
    "size",
    "day",
    "math.floor",
    "math.least",
    "math.greatest",
];

/// CEL's and ours, not built yet.
const NOT_YET: [&str; 13] = [
    "exists",
    "all",
    "exists_one",
    "min",
    "max",
    "math.ceil",
    "math.round",
    "math.abs",
    "has",
    "weekday",
    "minute",
    "table",
    "sort",
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
            (
                "groups",
                None,
                [
                    list @ Syntax {
                        kind: SyntaxKind::Name(_),
                        ..
                    },
                    key,
                ],
            ) => self.groups(list, list, key, true, span),
            ("sum", Some(list), []) | ("sum", None, [list]) => self.sum(list, span),
            ("size", Some(list), []) | ("size", None, [list]) => self.size(list, span),
            ("day", None, [time]) => self.day(time, span),
            ("math.floor", None, [number]) => {
                let a = self.check(number)?;
                let range = self.expect_number(a)?;
                if range.den.bits() >= 64 {
                    let message = format!("rounding down over a denominator of {}", range.den);
                    let hint = "use fewer digits: the denominator must stay below 2^63";
                    return self.fault(Code::Overflow, span, message, hint);
                }
                self.number(Kind::Floor(a), range.floor(), span)
            }
            ("math.least", None, [_, _, ..]) => self.extreme(args, Range::least, Kind::Least, span),
            ("math.greatest", None, [_, _, ..]) => {
                self.extreme(args, Range::greatest, Kind::Greatest, span)
            }
            _ => self.no_such_call(function, at),
        }
    }

    fn no_such_call(&mut self, function: &str, at: Span) -> Option<NodeId> {
        let usage = match function {
            "filter" => "trips.filter(t, t.distance > 0)",
            "map" => "trips.map(t, t.distance)",
            "groups" => "trips.groups(t, day(t.start)), or groups(trips, day(trips.start))",
            "sum" => "trips.map(t, t.distance).sum()",
            "size" => "trips.size()",
            "day" => "day(t.start)",
            "math.floor" => "math.floor(x)",
            "math.least" => "math.least(x, y)",
            "math.greatest" => "math.greatest(x, y)",
            _ if NOT_YET.contains(&function) => {
                let message = format!("`{function}` is not in the language yet");
                let hint = "see docs/src/scale-language.md for what is";
                return self.fault(Code::NotYet, at, message, hint);
            }
            _ => {
                let message = format!("there is no function `{function}`");
                let qualified = format!("math.{function}");
                let hint = if FUNCTIONS.contains(&qualified.as_str()) {
                    format!("did you mean `{qualified}`?")
                } else {
                    suggest(function, &FUNCTIONS)
                };
                return self.fault(Code::UnknownFunction, at, message, hint);
            }
        };
        let message = format!("`{function}` takes other arguments");
        self.fault(Code::WrongArguments, at, message, format!("as in {usage}"))
    }

    fn filter(
        &mut self,
        list: &Syntax,
        name: &Syntax,
        body: &Syntax,
        span: Span,
    ) -> Option<NodeId> {
        let list = self.check(list)?;
        let element = self.element(list, "filter")?;
        let (var, body) = self.bind(name, element, false, body)?;
        self.expect_bool(body)?;
        let ty = self.nodes[list.0].ty.clone();
        Some(self.add(Kind::Filter { list, var, body }, ty, span))
    }

    fn map(&mut self, list: &Syntax, name: &Syntax, body: &Syntax, span: Span) -> Option<NodeId> {
        let list = self.check(list)?;
        let element = self.element(list, "map")?;
        let most = self.length(list);
        let (var, body) = self.bind(name, element, false, body)?;
        let item = self.expect_number(body)?;
        Some(self.add(
            Kind::Map { list, var, body },
            Type::Numbers { item, most },
            span,
        ))
    }

    fn groups(
        &mut self,
        list: &Syntax,
        name: &Syntax,
        key: &Syntax,
        may_hide: bool,
        span: Span,
    ) -> Option<NodeId> {
        let list = self.check(list)?;
        let Type::Records { most } = self.nodes[list.0].ty else {
            return self.wrong_type(list, "a list of records", "group records, before map");
        };
        if self.inside != Inside::Claim {
            let message = "groups inside groups are not in the language yet";
            return self.fault(Code::NotYet, span, message, "group once, by one key");
        }
        let (var, key) = self.bind(name, Type::Record, may_hide, key)?;
        let range = self.expect_number(key)?;
        let small =
            range.is_whole() && !range.may_be_negative() && range.hi < BigInt::from(MAX_KEYS);
        if !small {
            let at = self.nodes[key.0].span;
            let message = format!(
                "records are grouped by a whole number from 0 to {}, but this is {range}",
                MAX_KEYS - 1
            );
            let hint = "group by day(..) of a time, or by a field with a small maximum";
            return self.fault(Code::GroupKey, at, message, hint);
        }
        // Below MAX_KEYS.
        let keys = usize::try_from(&range.hi).map_or(0, |hi| hi + 1);
        Some(self.add(
            Kind::Groups { list, var, key },
            Type::Groups { keys, most },
            span,
        ))
    }

    fn sum(&mut self, list: &Syntax, span: Span) -> Option<NodeId> {
        let list = self.check(list)?;
        match &self.nodes[list.0].ty {
            Type::Numbers { item, most } => {
                let range = item.sum(*most);
                self.number(Kind::Sum(list), range, span)
            }
            _ => self.wrong_type(
                list,
                "a list of numbers",
                "say what is added up: .map(t, t.distance).sum()",
            ),
        }
    }

    fn size(&mut self, list: &Syntax, span: Span) -> Option<NodeId> {
        let list = self.check(list)?;
        match self.nodes[list.0].ty {
            Type::Records { .. } | Type::Groups { .. } | Type::Numbers { .. } => {
                let range = Range::whole(0, self.length(list));
                self.number(Kind::Size(list), range, span)
            }
            _ => self.wrong_type(list, "a list", "count records: trips.size()"),
        }
    }

    fn day(&mut self, time: &Syntax, span: Span) -> Option<NodeId> {
        let time = self.check(time)?;
        if let Kind::Field { of, field } = self.nodes[time.0].kind
            && self.schema.fields[field].kind == FieldKind::TimeInPeriod
        {
            let last = self.schema.days() - 1;
            return self.number(Kind::Day { of, field }, Range::whole(0, last), span);
        }
        let hint = "day(..) takes a field of type time, as in day(t.start)";
        self.wrong_type(time, "a time of a record", hint)
    }

    fn extreme(
        &mut self,
        args: &[Syntax],
        with: fn(&Range, &Range) -> Range,
        kind: fn(Vec<NodeId>) -> Kind,
        span: Span,
    ) -> Option<NodeId> {
        let nodes: Vec<Option<NodeId>> = args.iter().map(|arg| self.check(arg)).collect();
        let nodes: Vec<NodeId> = nodes.into_iter().collect::<Option<_>>()?;
        let ranges: Vec<Option<Range>> = nodes.iter().map(|id| self.expect_number(*id)).collect();
        let ranges: Vec<Range> = ranges.into_iter().collect::<Option<_>>()?;
        let mut folded = ranges[0].clone();
        for range in &ranges[1..] {
            // The circuit compares by the difference, over the common denominator.
            self.within_field(&folded.sub(range), span)?;
            folded = with(&folded, range);
        }
        self.number(kind(nodes), folded, span)
    }

    /// What stands for one element of a list of records or groups.
    fn element(&mut self, list: NodeId, function: &str) -> Option<Type> {
        match self.nodes[list.0].ty {
            Type::Records { .. } => Some(Type::Record),
            Type::Groups { most, .. } => Some(Type::Records { most }),
            Type::Numbers { .. } => {
                let span = self.nodes[list.0].span;
                let message =
                    format!("`{function}` of a list of numbers is not in the language yet");
                let hint = "filter the records first, then map once";
                self.fault(Code::NotYet, span, message, hint)
            }
            _ => self.wrong_type(list, "a list", "as in trips.filter(t, t.distance > 0)"),
        }
    }

    /// The most elements of a list.
    fn length(&self, list: NodeId) -> usize {
        match self.nodes[list.0].ty {
            Type::Records { most } | Type::Numbers { most, .. } => most,
            Type::Groups { keys, .. } => keys,
            _ => 0,
        }
    }
}
