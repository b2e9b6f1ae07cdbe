//! Comparisons without a purpose: the ranges of their sides allow only one answer.
//!
//! `day_of_month(d.on) == 0` holds on no day, `minute_of_day(d.at) < 1440` in every minute. An
//! issuer who writes that means something else, and would notice only by wrong credits. So each
//! written comparison must be able to hold and able to fail, by the ranges of its sides for records
//! that are present. Two literal numbers may be compared, because nobody mistakes that.
//!
//! Manifests that were approved before this was refused keep their meaning: for them nothing here is
//! checked ([`crate::check_approved`]).

use num_bigint::BigInt;
use num_integer::Integer as _;

use super::Checker;
use super::examples::moment;
use crate::diagnostic::{Code, Span};
use crate::facts::Value;
use crate::field::FieldKind;
use crate::range::{Range, Ratio};
use crate::syntax::Syntax;
use crate::typed::{Kind, NodeId};

/// The longest part of a formula that a message repeats.
const MAX_SHOWN: usize = 60;

/// A side of a comparison.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub(super) node: NodeId,
    pub(super) span: Span,
}

impl Checker<'_> {
    /// A fault if `a sign b` always holds, or never does.
    pub(super) fn decided(&mut self, sign: &str, a: Side, b: Side, span: Span) -> Option<()> {
        // If the sides count from a start, that fault is reported first.
        if self.approved || self.counted[a.node.0] != self.counted[b.node.0] {
            return Some(());
        }
        let (Value::Number(left), Value::Number(right)) =
            (&self.facts[a.node.0].present, &self.facts[b.node.0].present)
        else {
            return Some(());
        };
        let (left, right) = (left.clone(), right.clone());
        if left.is_point() && right.is_point() {
            return Some(());
        }
        let apart = between_steps(&left, &right);
        let equal = || left.equal(&right).or_else(|| apart.then_some(false));
        let holds = match sign {
            ">=" => left.at_least(&right),
            "<" => left.at_least(&right).map(|known| !known),
            "<=" => right.at_least(&left),
            ">" => right.at_least(&left).map(|known| !known),
            "!=" => equal().map(|known| !known),
            _ => equal(),
        };
        let Some(holds) = holds else {
            return Some(());
        };
        // The step is mentioned if it is the reason.
        let steps = apart && left.equal(&right).is_none();
        let (first, second) = (self.shown(a), self.shown(b));
        let answer = if holds { "always" } else { "never" };
        let parts = [(a, &left), (b, &right)].into_iter();
        let parts: Vec<String> = parts
            .filter(|(_, range)| !range.is_point())
            .map(|(side, range)| {
                let is = self.can_be(side, range, steps);
                format!("`{}` is {is}", self.shown(side))
            })
            .collect();
        let parts = parts.join(", and ");
        let message = format!("`{first} {sign} {second}` {answer} holds: {parts}");
        // The side that varies, and the values that it can be compared with.
        let (varying, range) = if left.is_point() {
            (b, &right)
        } else {
            (a, &left)
        };
        let hint = format!(
            "compare `{}` with what it can be, {}; write {holds} in place of the comparison if that is \
             meant",
            self.shown(varying),
            self.can_be(varying, range, steps),
        );
        self.fault(Code::Decided, span, message, hint)
    }

    /// The message for an item of a list that the value never equals: the item should be removed.
    pub(super) fn decided_item(
        &mut self,
        known: usize,
        value: &Syntax,
        item: &Syntax,
        items: usize,
    ) {
        let (value, item) = (self.written(value.span), self.written(item.span));
        let Some(fault) = self.faults.get_mut(known) else {
            return;
        };
        if fault.code != Code::Decided || !fault.message.contains(" never holds: ") {
            return;
        }
        let is = fault
            .message
            .split_once(" holds: ")
            .map_or("", |(_, is)| is);
        let hint = match items {
            1 => format!("write what `{value}` can be in place of {item}"),
            _ => format!(
                "take {item} out of the list, which leaves the rest as it is, or write what `{value}` \
                 can be in its place"
            ),
        };
        fault.message = format!("`{value}` is never {item}: {is}");
        fault.hint = hint;
    }

    /// `from 1 to 31`, as dates if dates are meant, and with its steps if they matter.
    fn can_be(&self, side: Side, range: &Range, steps: bool) -> String {
        let kind = self.dated_kind(side);
        let end = |end: &BigInt| match (kind, u64::try_from(end)) {
            (Some(kind), Ok(stored)) => moment(kind, stored),
            _ => Ratio(end, &range.den).to_string(),
        };
        let ends = format!("from {} to {}", end(&range.lo), end(&range.hi));
        if !steps {
            ends
        } else if range.is_whole() {
            format!("a whole number {ends}")
        } else {
            let step = BigInt::from(1u8);
            format!("{ends} in steps of {}", Ratio(&step, &range.den))
        }
    }

    fn dated_kind(&self, side: Side) -> Option<&FieldKind> {
        let Kind::Field { field, .. } = self.nodes[side.node.0].kind else {
            return None;
        };
        let kind = &self.schema.fields[field].kind;
        matches!(kind, FieldKind::Date { .. } | FieldKind::DateTime { .. }).then_some(kind)
    }

    fn shown(&self, side: Side) -> String {
        match self.written(side.span) {
            long if long.chars().count() > MAX_SHOWN => "..".to_owned(),
            written => written,
        }
    }
}

/// Whether a literal number lies between two possible values of the other side, as 1.5 between
/// whole numbers.
fn between_steps(left: &Range, right: &Range) -> bool {
    let (point, other) = match (left.is_point(), right.is_point()) {
        (true, false) => (left, right),
        (false, true) => (right, left),
        _ => return false,
    };
    // point.lo / point.den = n / other.den for no whole n.
    !(&point.lo * &other.den).is_multiple_of(&point.den)
}
