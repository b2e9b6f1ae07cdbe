//! Numbers and conditions on them.

use ark_ff::{BigInteger as _, Field as _, PrimeField as _};
use merits_formula::{Kind, NodeId, Range};
use merits_primitives::Fr;
use num_bigint::{BigInt, Sign};
use num_integer::Integer as _;

use super::Compiler;
use super::division::whole_bits;
use super::groups::choose;
use super::memo::Bound;
use super::truth::{Count, Truth};
use crate::builder::{Bit, Builder, Lc};

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

    /// A condition. Where several nodes read it, it is a bit.
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

    /// Conditions that hold together exactly where this one does.
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
        // A count that is compared with 0 needs no bits, which is cheaper still.
        if !is_near(&bounds) {
            let (left, right) = (self.range(a).clone(), self.range(c).clone());
            if right.is_point() {
                // x / den >= right where x >= right·den, rounded up.
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

/// The greater of two, or the lesser, with the interval of it; all over one denominator.
///
/// Half of sum and distance: 1 constraint more than the distance has bits, and no wire of its own.
pub(super) fn better(
    b: &mut Builder,
    one: &(Lc, Range),
    other: &(Lc, Range),
    greatest: bool,
) -> (Lc, Range) {
    let bounds = one.1.sub(&other.1);
    if is_near(&bounds) || !bounds.may_be_negative() || bounds.hi.sign() == Sign::Minus {
        return kept(b, one, other, greatest);
    }
    let distance = magnitude(b, &(&one.0 - &other.0), &bounds);
    let distance = if greatest { distance } else { -distance };
    let half = Fr::from(2u64).inverse().expect("p is odd");
    let sum = &one.0 + &other.0;
    ((sum + distance) * half, range_of(one, other, greatest))
}

/// The same by a comparison, 1 constraint more: in a chain of many, the sum of both would grow
/// with each.
pub(super) fn kept(
    b: &mut Builder,
    (best, range): &(Lc, Range),
    (other, other_range): &(Lc, Range),
    greatest: bool,
) -> (Lc, Range) {
    let difference = best - other;
    let ahead = not_negative(b, &difference, &range.sub(other_range));
    let keep = if greatest { ahead } else { ahead.not() };
    let range = if greatest {
        range.greatest(other_range)
    } else {
        range.least(other_range)
    };
    // `best` where it is kept, else the other.
    (other + keep.gate(b, &difference), range)
}

fn range_of(one: &(Lc, Range), other: &(Lc, Range), greatest: bool) -> Range {
    if greatest {
        one.1.greatest(&other.1)
    } else {
        one.1.least(&other.1)
    }
}

/// |x|: n + 1 constraints for |x| < 2^n.
///
/// It is a number w of n bits with (w − x)·(w + x) = 0, so x or −x. The other one of them is
/// above p − 2^n, or both are 0: one w fits.
fn magnitude(b: &mut Builder, x: &Lc, bounds: &Range) -> Lc {
    let n = bounds.hi.bits().max(bounds.lo.bits()) as usize;
    let wires = b.hint(&[x], n, magnitude_bits);
    let bits: Vec<Bit> = wires.iter().map(|wire| b.assert_bool(wire)).collect();
    let distance = Lc::from_bits(&bits);
    b.assert_mul(&(&distance - x), &(&distance + x), &Lc::zero());
    distance
}

fn magnitude_bits(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
    let x = inputs[0].into_bigint().min((-inputs[0]).into_bigint());
    if x.num_bits() as usize > outputs.len() {
        return Err("a number of the formula lies outside its interval");
    }
    for (at, bit) in outputs.iter_mut().enumerate() {
        *bit = Fr::from(x.get_bit(at));
    }
    Ok(())
}

/// Whether a comparison with 0 needs no bits: numbers of one sign, or from −1 up.
fn is_near(bounds: &Range) -> bool {
    bounds.lo >= BigInt::from(-1i8) || bounds.hi <= BigInt::from(0u8)
}

/// Whether `x >= 0`, where the integer `x` lies in `bounds` (denominator aside).
fn not_negative(b: &mut Builder, x: &Lc, bounds: &Range) -> Truth {
    let (zero, one) = (BigInt::from(0u8), BigInt::from(1u8));
    if bounds.lo >= zero {
        return Truth::Known(true);
    }
    if bounds.hi < zero {
        return Truth::Known(false);
    }
    if bounds.lo == -&one {
        // Negative only at -1.
        return Truth::if_nonzero(Count {
            lc: x + Fr::from(1u64),
            most: &bounds.hi + 1u8,
        });
    }
    if bounds.hi == zero {
        return Truth::if_zero(Count {
            lc: -x,
            most: -&bounds.lo,
        });
    }
    // hi < 2^n and -lo <= 2^n: x + 2^n has n + 1 bits, and the highest is set exactly if x >= 0.
    // The bounds stay below 2^250, so x + 2^n cannot wrap, and its bits are unique.
    let n = bounds.hi.bits().max((-&bounds.lo - 1u8).bits()) as usize;
    let shifted = x + element(&(one << n));
    let bits = whole_bits(b, &shifted, n + 1);
    Truth::Bit(bits[n].clone())
}

/// An integer below p in magnitude as a field element.
pub(super) fn element(n: &BigInt) -> Fr {
    let magnitude = Fr::from_le_bytes_mod_order(&n.magnitude().to_bytes_le());
    match n.sign() {
        Sign::Minus => -magnitude,
        _ => magnitude,
    }
}
