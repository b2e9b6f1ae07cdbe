//! Facts about a node's value that hold without any record: the interval of a number, the length of
//! a list, a truth value that is always the same.
//!
//! There are three facts for each node. **Present**: every record that the node reads exists, with
//! its fields within their bounds, and every group has a record. **Absent**: no record exists, so
//! fields are 0 and groups are empty; the circuit computes such slots too before it leaves them out.
//! **Any**: in either case; this interval is in the node's type. For a node that reads one record or
//! group, "any" is the union of "present" and "absent". A node that reads none has one value, and all
//! three facts are the same.

use num_bigint::BigInt;
use num_integer::Integer as _;

use crate::node::{Kind, NodeId, Type, VarId};
use crate::range::Range;

/// Facts about a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// A truth value, if it is always the same.
    Truth(Option<bool>),
    Number(Range),
    List {
        /// The fewest elements.
        least: usize,
        /// The most.
        most: usize,
        /// Each element, of a list of numbers.
        item: Option<Range>,
    },
    Record,
}

/// Facts about a node beside its type.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) present: Value,
    pub(crate) absent: Value,
    /// Variables from outside that the node reads, in order. They are few, because a body cannot read
    /// an outer record.
    pub(crate) free: Vec<VarId>,
}

/// The case in which a value is considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Present,
    Absent,
    Any,
}

impl Value {
    /// Only the type's facts.
    pub(crate) fn of_type(ty: &Type) -> Self {
        let list = |most: usize, item: Option<&Range>| Self::List {
            least: 0,
            most,
            item: item.cloned(),
        };
        match ty {
            Type::Bool => Self::Truth(None),
            Type::Number(range) => Self::Number(range.clone()),
            Type::Record => Self::Record,
            Type::Records { most } => list(*most, None),
            Type::Groups { keys, .. } => list(*keys, None),
            Type::Numbers { item, most } => list(*most, Some(item)),
        }
    }

    /// The interval of a number.
    pub(crate) fn number(&self) -> Range {
        match self {
            Self::Number(range) => range.clone(),
            _ => unreachable!("the checker has put a number here"),
        }
    }

    pub(crate) fn truth(&self) -> Option<bool> {
        match self {
            Self::Truth(known) => *known,
            _ => unreachable!("the checker has put a truth value here"),
        }
    }

    /// Fewest and most elements, and each of them.
    pub(crate) fn list(&self) -> (usize, usize, Option<Range>) {
        match self {
            Self::List { least, most, item } => (*least, *most, item.clone()),
            _ => unreachable!("the checker has put a list here"),
        }
    }
}

/// The facts about a node that follow from those about its operands. For a kind without operands,
/// only its type's facts.
pub(crate) fn value(kind: &Kind, ty: &Type, case: Case, of: impl Fn(NodeId) -> Value) -> Value {
    let number = |id: &NodeId| of(*id).number();
    let truth = |id: &NodeId| of(*id).truth();
    match kind {
        Kind::Bool(known) => Value::Truth(Some(*known)),
        Kind::Number(_)
        | Kind::Constant(_)
        | Kind::Var(_)
        | Kind::Field { .. }
        | Kind::Day { .. }
        | Kind::MinuteOfDay { .. }
        | Kind::Records => Value::of_type(ty),
        Kind::Filter { list, .. } => {
            let (_, most, item) = of(*list).list();
            Value::List {
                least: 0,
                most,
                item,
            }
        }
        Kind::Map { list, body, .. } => {
            let (least, most, _) = of(*list).list();
            // An element of a present list is itself present.
            let item = match case {
                Case::Absent => match ty {
                    Type::Numbers { item, .. } => Some(item.clone()),
                    _ => None,
                },
                Case::Present | Case::Any => Some(number(body)),
            };
            Value::List { least, most, item }
        }
        Kind::Pairs { list, body, .. } => {
            let (least, most, _) = of(*list).list();
            let item = match (case, ty) {
                (Case::Absent, Type::Numbers { item, .. }) => Some(item.clone()),
                _ => Some(number(body)),
            };
            Value::List {
                least: least.saturating_sub(1),
                most: most.saturating_sub(1),
                item,
            }
        }
        Kind::Groups { list, .. } => {
            let (least, most, _) = of(*list).list();
            let keys = match ty {
                Type::Groups { keys, .. } => *keys,
                _ => most,
            };
            Value::List {
                least: least.min(1),
                most: most.min(keys),
                item: None,
            }
        }
        Kind::Sum(list) => {
            let (least, most, item) = of(*list).list();
            // The checker adds up numbers only.
            let item = item.unwrap_or_else(|| Range::whole(0, 0));
            Value::Number(item.sum(least, most))
        }
        Kind::Size(list) => {
            let (least, most, _) = of(*list).list();
            Value::Number(Range::whole(least, most))
        }
        Kind::Smallest { list, otherwise } | Kind::Largest { list, otherwise } => {
            let (least, most, item) = of(*list).list();
            match (otherwise, item) {
                (Some(other), _) if most == 0 => Value::Number(number(other)),
                (Some(other), Some(item)) if least == 0 => Value::Number(item.hull(&number(other))),
                // Nothing is known about the smallest of an empty list.
                (None, _) if most == 0 => Value::of_type(ty),
                (_, Some(item)) => Value::Number(item),
                (_, None) => Value::of_type(ty),
            }
        }
        Kind::Not(a) => Value::Truth(truth(a).map(|known| !known)),
        Kind::And(parts) => Value::Truth(all(parts.iter().map(truth))),
        Kind::Or(parts) => {
            let none = all(parts.iter().map(|part| truth(part).map(|known| !known)));
            Value::Truth(none.map(|known| !known))
        }
        Kind::AtLeast(a, b) => Value::Truth(number(a).at_least(&number(b))),
        Kind::Equal(a, b) => Value::Truth(number(a).equal(&number(b))),
        Kind::Neg(a) => Value::Number(number(a).neg()),
        Kind::Add(a, b) => Value::Number(number(a).add(&number(b))),
        Kind::Sub(a, b) => Value::Number(number(a).sub(&number(b))),
        Kind::Mul(a, b) => Value::Number(number(a).mul(&number(b))),
        Kind::Divide(a, factor) => {
            let by = Range::new(factor.clone(), factor.clone(), BigInt::from(1u8));
            let mut quotient = number(a).mul(&by);
            if let Type::Number(range) = ty {
                quotient.den.clone_from(&range.den);
            }
            Value::Number(quotient)
        }
        Kind::Least(parts) => Value::Number(fold(parts.iter().map(number), Range::least)),
        Kind::Greatest(parts) => Value::Number(fold(parts.iter().map(number), Range::greatest)),
        Kind::Floor(a) => Value::Number(number(a).floor()),
        Kind::FloorDiv(a, b) => Value::Number(quotient(&number(a), &number(b), case)),
        Kind::Select { cond, yes, no } => Value::Number(match truth(cond) {
            Some(true) => number(yes),
            Some(false) => number(no),
            None => number(yes).hull(&number(no)),
        }),
        Kind::Pick { index, cells } => {
            let at = number(index);
            let reached = cells.iter().enumerate().filter(|(position, _)| {
                let position = BigInt::from(*position);
                at.lo <= position && position <= at.hi
            });
            let reached: Vec<Range> = reached.map(|(_, cell)| number(cell)).collect();
            if reached.is_empty() {
                return Value::of_type(ty);
            }
            Value::Number(fold(reached.into_iter(), Range::hull))
        }
    }
}

/// Rounded quotients. If a record may be absent, the divisor may be 1 or, if it is positive, itself.
fn quotient(a: &Range, b: &Range, case: Case) -> Range {
    let one = BigInt::from(1u8);
    let mut low = b.lo.clone().max(one.clone());
    let mut high = b.hi.clone().max(one);
    if case != Case::Present {
        // The number 1 as an integer over the divisor's denominator.
        low = low.min(b.den.clone());
        high = high.max(b.den.clone());
    }
    let by = |a: &BigInt, b: &BigInt, den_a: &BigInt, den_b: &BigInt| {
        (a * den_b).div_floor(&(b * den_a))
    };
    let corners = [
        by(&a.lo, &low, &a.den, &b.den),
        by(&a.lo, &high, &a.den, &b.den),
        by(&a.hi, &low, &a.den, &b.den),
        by(&a.hi, &high, &a.den, &b.den),
    ];
    let first = Range::whole(corners[0].clone(), corners[0].clone());
    corners.iter().fold(first, |range, corner| {
        range.hull(&Range::whole(corner.clone(), corner.clone()))
    })
}

/// Conjunction of parts that may be unknown.
fn all(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            None => known = None,
            Some(true) => {}
        }
    }
    known
}

fn fold(mut ranges: impl Iterator<Item = Range>, with: impl Fn(&Range, &Range) -> Range) -> Range {
    // The checker demands at least one.
    let first = ranges.next().unwrap_or_else(|| Range::whole(0, 0));
    ranges.fold(first, |folded, range| with(&folded, &range))
}
