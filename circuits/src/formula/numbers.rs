//! Numbers and conditions on them.

use merits_formula::{Kind, NodeId, Range};
use num_bigint::{BigInt, Sign};
use num_integer::Integer as _;

use super::Compiler;
use super::columns::choose;
use super::comparison::{better, is_near, magnitude, not_negative};
use super::memo::Bound;
use super::truth::{Count, Truth};
use super::whole::{element, whole_bits};
use crate::builder::{Bit, Lc};

impl Compiler<'_> {
    /// The integer of a number, over the node's denominator.
    pub(super) fn number(&mut self, id: NodeId) -> Lc {
        let typed = self.typed;
        match &typed.node(id).kind {
            Kind::Number(value) => return Lc::constant(element(value)),
            Kind::Constant(at) => return self.constants[*at].clone(),
            Kind::Field { of, field } => return self.value(*of, *field),
            _ => {}
        }
        let places = self.places(id);
        if let Some(known) = self.numbers.get(id, &places) {
            return known;
        }
        let number = self.compile_number(id);
        self.numbers.insert(id, places, number.clone());
        number
    }

    fn compile_number(&mut self, id: NodeId) -> Lc {
        let typed = self.typed;
        match &typed.node(id).kind {
            Kind::Var(var) => match self.bound.get(var) {
                Some(Bound::Number(items, at)) => items.values[*at].clone(),
                _ => unreachable!("the checker has bound a number here"),
            },
            Kind::Day { of, field } => self.day(*of, *field),
            Kind::MinuteOfDay { of, field } => self.minute(*of, *field),
            Kind::Sum(list) => self.sum(id, *list),
            Kind::Size(list) => self.size(id, *list),
            Kind::Smallest { list, otherwise } => {
                self.extreme_of_list(id, *list, *otherwise, false)
            }
            Kind::Largest { list, otherwise } => self.extreme_of_list(id, *list, *otherwise, true),
            Kind::Neg(a) => -self.number(*a),
            Kind::Add(a, c) => self.over(*a, id) + self.over(*c, id),
            Kind::Sub(a, c) => self.over(*a, id) - self.over(*c, id),
            Kind::Mul(a, c) => {
                let (left, right) = (self.number(*a), self.number(*c));
                self.b.mul(&left, &right)
            }
            Kind::Divide(a, factor) => self.number(*a) * element(factor),
            Kind::Least(parts) => self.extreme(parts, id, false),
            Kind::Greatest(parts) => self.extreme(parts, id, true),
            Kind::Floor(a) => self.floor(*a),
            Kind::FloorDiv(a, c) => self.floor_div(id, *a, *c),
            Kind::Select { cond, yes, no } => {
                let (yes, no) = (self.over(*yes, id), self.over(*no, id));
                let truth = self.truth(*cond);
                let difference = yes - &no;
                no + (self.b).section("choice", |b| truth.gate(b, &difference))
            }
            Kind::Pick { index, cells } => {
                let cells: Vec<Lc> = cells.iter().map(|cell| self.over(*cell, id)).collect();
                let bits = self.position_bits(*index, cells.len());
                self.b.section("table", |b| choose(b, &cells, &bits))
            }
            _ => unreachable!("the checker has put a number here"),
        }
    }

    /// Bits of a number below `positions`.
    pub(super) fn position_bits(&mut self, index: NodeId, positions: usize) -> Vec<Bit> {
        let n = (usize::BITS - (positions - 1).leading_zeros()) as usize;
        if let Some(bits) = self.whole_digits(index).filter(|bits| bits.len() == n) {
            return bits;
        }
        let position = self.number(index);
        self.b.section("position", |b| whole_bits(b, &position, n))
    }

    /// The integer of `part` over the denominator of `whole`, which is a multiple of its own.
    pub(super) fn over(&mut self, part: NodeId, whole: NodeId) -> Lc {
        let factor = &self.range(whole).den / &self.range(part).den;
        self.number(part) * element(&factor)
    }

    /// The least or greatest of parts.
    fn extreme(&mut self, parts: &[NodeId], whole: NodeId, greatest: bool) -> Lc {
        let den = self.range(whole).den.clone();
        if let (true, [a, negative]) = (greatest, parts)
            && self.typed.node(*negative).kind == Kind::Neg(*a)
        {
            // The distance from 0.
            let (value, range) = (self.over(*a, whole), self.range(*a).over(&den));
            if !is_near(&range) {
                return self.b.section("abs", |b| magnitude(b, &value, &range));
            }
        }
        let mut best: Option<(Lc, Range)> = None;
        for part in parts {
            let other = (self.over(*part, whole), self.range(*part).over(&den));
            best = Some(match best {
                None => other,
                Some(best) => {
                    let name = if greatest { "greatest" } else { "least" };
                    self.b.section(name, |b| better(b, &best, &other, greatest))
                }
            });
        }
        // At least two parts, by the checker.
        best.map(|(value, _)| value).unwrap_or_default()
    }

    /// A condition. If several nodes read it, it is a bit.
    pub(super) fn truth(&mut self, id: NodeId) -> Truth {
        let typed = self.typed;
        if let Kind::Bool(value) = &typed.node(id).kind {
            return Truth::Known(*value);
        }
        let places = self.places(id);
        if let Some(known) = self.truths.get(id, &places) {
            return known;
        }
        let mut truth = match &typed.node(id).kind {
            Kind::Field { of, field } => Truth::Bit(self.flag(*of, *field)),
            Kind::Not(a) => self.truth(*a).not(),
            Kind::And(parts) => {
                let parts = self.all_conjuncts(parts);
                Truth::all(self.b, parts)
            }
            Kind::Or(parts) => {
                let none: Vec<Truth> = parts.iter().map(|a| self.truth(*a).not()).collect();
                Truth::all(self.b, none).not()
            }
            Kind::AtLeast(a, c) => self.at_least(*a, *c),
            Kind::Equal(a, c) => self.equal(*a, *c),
            _ => unreachable!("the checker has put a truth value here"),
        };
        if self.analysis.parents(id) > 1 && !matches!(truth, Truth::Known(_)) {
            truth = Truth::Bit(truth.bit(self.b));
        }
        self.truths.insert(id, places, truth.clone());
        truth
    }

    /// Conditions whose conjunction is this one.
    pub(super) fn conjuncts(&mut self, id: NodeId) -> Vec<Truth> {
        match &self.typed.node(id).kind {
            Kind::And(parts) if self.analysis.parents(id) < 2 => self.all_conjuncts(parts),
            _ => vec![self.truth(id)],
        }
    }

    fn all_conjuncts(&mut self, parts: &[NodeId]) -> Vec<Truth> {
        parts.iter().flat_map(|a| self.conjuncts(*a)).collect()
    }

    fn at_least(&mut self, a: NodeId, c: NodeId) -> Truth {
        let bounds = self.range(a).sub(self.range(c));
        // A count that is compared with 0 needs no bits, so it is even cheaper.
        if !is_near(&bounds) {
            let (left, right) = (self.range(a).clone(), self.range(c).clone());
            if right.is_point() {
                // x / den >= right if x >= right·den, rounded up.
                let least = (&right.lo * &left.den).div_ceil(&right.den);
                if let Some(truth) = self.reaches(a, &least) {
                    return truth;
                }
            }
            if left.is_point() {
                // x <= left is not x >= floor(left) + 1.
                let above = (&left.lo * &right.den).div_floor(&left.den) + 1u8;
                if let Some(truth) = self.reaches(c, &above) {
                    return truth.not();
                }
            }
        }
        let difference = self.difference(a, c, &bounds);
        self.b
            .section("comparison", |b| not_negative(b, &difference, &bounds))
    }

    fn equal(&mut self, a: NodeId, c: NodeId) -> Truth {
        let (left, right) = (self.range(a).clone(), self.range(c).clone());
        if let Some(known) = left.equal(&right) {
            return Truth::Known(known);
        }
        for (varying, id, literal) in [(&left, a, &right), (&right, c, &left)] {
            if !literal.is_point() {
                continue;
            }
            let (whole, rest) = (&literal.lo * &varying.den).div_rem(&literal.den);
            if rest.sign() != Sign::NoSign {
                return Truth::Known(false);
            }
            if let Some(truth) = self.is_literal(id, &whole) {
                return truth;
            }
        }
        let bounds = left.sub(&right);
        let lc = self.difference(a, c, &bounds);
        let zero = BigInt::from(0u8);
        if bounds.lo >= zero {
            Truth::if_zero(Count {
                lc,
                most: bounds.hi,
            })
        } else if bounds.hi <= zero {
            let most = -bounds.lo;
            Truth::if_zero(Count { lc: -lc, most })
        } else {
            // A difference of either sign would cancel in a sum of counts.
            Truth::Bit(self.b.is_zero(&lc))
        }
    }

    fn difference(&mut self, a: NodeId, c: NodeId, bounds: &Range) -> Lc {
        let (left, right) = (
            &bounds.den / &self.range(a).den,
            &bounds.den / &self.range(c).den,
        );
        self.number(a) * element(&left) - self.number(c) * element(&right)
    }

    pub(super) fn range(&self, id: NodeId) -> &Range {
        let range = self.typed.range(id);
        range.unwrap_or_else(|| unreachable!("the checker has put a number here"))
    }
}
