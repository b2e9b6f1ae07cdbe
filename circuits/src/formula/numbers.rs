//! Numbers and conditions on them.

use ark_ff::{BigInteger as _, PrimeField as _};
use merits_formula::{Kind, NodeId, Range};
use merits_primitives::Fr;
use num_bigint::{BigInt, Sign};
use num_integer::Integer as _;

use super::truth::{Count, Truth};
use super::{Bound, Compiler, threshold};
use crate::builder::{Bit, Builder, Lc};
use crate::formula::FieldWires;
use crate::gadgets::compare;

impl Compiler<'_> {
    /// The integer of a number, over the node's denominator.
    pub(super) fn number(&mut self, id: NodeId) -> Lc {
        if let Some(known) = self.numbers.get(&id) {
            return known.clone();
        }
        let number = self.compile_number(id);
        if self.closed.contains(&id) {
            self.numbers.insert(id, number.clone());
        }
        number
    }

    fn compile_number(&mut self, id: NodeId) -> Lc {
        let typed = self.typed;
        match &typed.node(id).kind {
            Kind::Number(value) => Lc::constant(element(value)),
            Kind::Constant(at) => self.constants[*at].clone(),
            Kind::Field { .. } => self.field(id).0.value.clone(),
            Kind::Day { .. } => self.field(id).1.clone(),
            Kind::Sum(list) => self.sum(id, *list),
            Kind::Size(list) => self.size(id, *list),
            Kind::Neg(a) => -self.number(*a),
            Kind::Add(a, c) => self.over(*a, id) + self.over(*c, id),
            Kind::Sub(a, c) => self.over(*a, id) - self.over(*c, id),
            Kind::Mul(a, c) => {
                let (left, right) = (self.number(*a), self.number(*c));
                self.b.mul(&left, &right)
            }
            Kind::Divide(a, factor) => self.number(*a) * element(factor),
            Kind::Least(parts) => self.extreme(parts, id, Range::least, false),
            Kind::Greatest(parts) => self.extreme(parts, id, Range::greatest, true),
            Kind::Floor(a) => {
                let (value, range) = (self.number(*a), self.range(*a).clone());
                self.b.section("floor", |b| floor(b, &value, &range))
            }
            _ => unreachable!("the checker has put a number here"),
        }
    }

    /// The integer of `part` over the denominator of `whole`, which is a multiple of its own.
    fn over(&mut self, part: NodeId, whole: NodeId) -> Lc {
        let factor = &self.range(whole).den / &self.range(part).den;
        self.number(part) * element(&factor)
    }

    fn extreme(
        &mut self,
        parts: &[NodeId],
        whole: NodeId,
        with: fn(&Range, &Range) -> Range,
        greatest: bool,
    ) -> Lc {
        let den = self.range(whole).den.clone();
        let mut best = self.over(parts[0], whole);
        let mut range = self.range(parts[0]).over(&den);
        for part in &parts[1..] {
            let (other, other_range) = (self.over(*part, whole), self.range(*part).over(&den));
            let difference = &best - &other;
            let bounds = range.sub(&other_range);
            let name = if greatest { "greatest" } else { "least" };
            best = self.b.section(name, |b| {
                let ahead = not_negative(b, &difference, &bounds).bit(b);
                let keep = if greatest { ahead } else { ahead.not() };
                // best where it is kept, else the other.
                &other + b.mul(keep.lc(), &difference)
            });
            range = with(&range, &other_range);
        }
        best
    }

    pub(super) fn truth(&mut self, id: NodeId) -> Truth {
        let typed = self.typed;
        match &typed.node(id).kind {
            Kind::Bool(value) => Truth::Known(*value),
            Kind::Not(a) => self.truth(*a).not(),
            Kind::And(_) => {
                let parts = self.conjuncts(id);
                Truth::all(self.b, parts)
            }
            Kind::Or(parts) => {
                let none: Vec<Truth> = parts.iter().map(|a| self.truth(*a).not()).collect();
                Truth::all(self.b, none).not()
            }
            Kind::AtLeast(a, c) => self.at_least(*a, *c),
            Kind::Equal(a, c) => self.equal(*a, *c),
            _ => unreachable!("the checker has put a truth value here"),
        }
    }

    /// Conditions that hold together exactly where this one does.
    pub(super) fn conjuncts(&mut self, id: NodeId) -> Vec<Truth> {
        let typed = self.typed;
        match &typed.node(id).kind {
            Kind::And(parts) => parts.iter().flat_map(|a| self.conjuncts(*a)).collect(),
            _ => vec![self.truth(id)],
        }
    }

    fn at_least(&mut self, a: NodeId, c: NodeId) -> Truth {
        let bounds = self.range(a).sub(self.range(c));
        let one = BigInt::from(1u8);
        let near = bounds.lo >= -&one || bounds.hi <= BigInt::from(0u8);
        // A count compared with nothing needs no bits: `near` is cheaper still.
        if !near {
            let (left, right) = (self.range(a).clone(), self.range(c).clone());
            if let Some(bits) = self.field_bits(a).filter(|_| right.is_point()) {
                return threshold::at_least(self.b, &bits, &right.lo.div_ceil(&right.den));
            }
            if let Some(bits) = self.field_bits(c).filter(|_| left.is_point()) {
                // c <= left is not c >= floor(left) + 1.
                let above = left.lo.div_floor(&left.den) + 1u8;
                return threshold::at_least(self.b, &bits, &above).not();
            }
        }
        let difference = self.difference(a, c, &bounds);
        not_negative(self.b, &difference, &bounds)
    }

    fn equal(&mut self, a: NodeId, c: NodeId) -> Truth {
        let (left, right) = (self.range(a), self.range(c));
        if let Some(known) = left.equal(right) {
            return Truth::Known(known);
        }
        let bounds = left.sub(right);
        let lc = self.difference(a, c, &bounds);
        let zero = BigInt::from(0u8);
        if bounds.lo >= zero {
            Truth::IfZero(Count {
                lc,
                most: bounds.hi,
            })
        } else if bounds.hi <= zero {
            let most = -bounds.lo;
            Truth::IfZero(Count { lc: -lc, most })
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

    /// Bits of a field or day, where the statement has them.
    fn field_bits(&self, id: NodeId) -> Option<Vec<Bit>> {
        match self.typed.node(id).kind {
            Kind::Field { .. } => {
                let bits = &self.field(id).0.bits;
                (!bits.is_empty()).then(|| bits.clone())
            }
            Kind::Day { .. } => self
                .field(id)
                .0
                .day
                .as_ref()
                .map(|day| day.day_bits.clone()),
            _ => None,
        }
    }

    /// Bits of a group key, from 0 to `keys` - 1.
    pub(super) fn key_bits(&mut self, id: NodeId, keys: usize) -> Vec<Bit> {
        if let Some(bits) = self.field_bits(id) {
            return bits;
        }
        let n = (usize::BITS - (keys - 1).leading_zeros()) as usize;
        let key = self.number(id);
        bits(self.b, &key, n)
    }

    /// Wires of a field node, and the day if it has one.
    fn field(&self, id: NodeId) -> (&FieldWires, &Lc) {
        let (Kind::Field { of, field } | Kind::Day { of, field }) = self.typed.node(id).kind else {
            unreachable!("only fields are looked up");
        };
        let Some(Bound::Record(slot)) = self.bound.get(&of) else {
            unreachable!("the checker has bound a record here");
        };
        let wires = &self.records[*slot].fields[field];
        let day = wires.day.as_ref().map_or(&wires.value, |split| &split.day);
        (wires, day)
    }

    pub(super) fn range(&self, id: NodeId) -> &Range {
        let range = self.typed.range(id);
        range.unwrap_or_else(|| unreachable!("the checker has put a number here"))
    }
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
        return Truth::IfNonzero(Count {
            lc: x + Fr::from(1u64),
            most: &bounds.hi + 1u8,
        });
    }
    if bounds.hi == zero {
        return Truth::IfZero(Count {
            lc: -x,
            most: -&bounds.lo,
        });
    }
    // hi < 2^n and -lo <= 2^n: x + 2^n has n + 1 bits, and the highest is set exactly if x >= 0.
    // The bounds stay below 2^250, so x + 2^n cannot wrap, and its bits are unique.
    let n = bounds.hi.bits().max((-&bounds.lo - 1u8).bits()) as usize;
    let shifted = x + element(&(one << n));
    let bits = bits(b, &shifted, n + 1);
    Truth::Bit(bits[n].clone())
}

/// The bits of `a`, lowest first: n constraints, which demand 0 <= a < 2^n.
///
/// The lowest bit is no wire: it is a - Σ 2^i·b_i of the others, and boolean by its own
/// constraint. So Σ over all is `a` by definition, and as 2^n < p, there is one solution only.
pub(super) fn bits(b: &mut Builder, a: &Lc, n: usize) -> Vec<Bit> {
    if n == 0 {
        b.assert_zero(a);
        return Vec::new();
    }
    let mut rest: Vec<Bit> = Vec::with_capacity(n);
    for wire in b.hint(&[a], n - 1, bits_above_lowest) {
        rest.push(b.assert_bool(&wire));
    }
    let lowest = a - Lc::from_bits(&rest) * Fr::from(2u64);
    let lowest = b.assert_bool(&lowest);
    rest.insert(0, lowest);
    rest
}

fn bits_above_lowest(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
    let integer = inputs[0].into_bigint();
    if integer.num_bits() as usize > outputs.len() + 1 {
        return Err("a number of the formula lies outside its interval");
    }
    for (at, bit) in outputs.iter_mut().enumerate() {
        *bit = Fr::from(integer.get_bit(at + 1));
    }
    Ok(())
}

/// The greatest integer q with q·den <= a, for `a` within `range` over its denominator.
fn floor(b: &mut Builder, a: &Lc, range: &Range) -> Lc {
    if range.is_whole() {
        return a.clone();
    }
    let den = &range.den;
    // Shifted by a multiple of the denominator, so that nothing is negative.
    let shift = if range.may_be_negative() {
        (-&range.lo).div_ceil(den)
    } else {
        BigInt::from(0u8)
    };
    let shifted = a + element(&(&shift * den));
    let most = &range.hi / den + &shift;
    let most = if range.hi.sign() == Sign::Minus {
        range.hi.div_floor(den) + &shift
    } else {
        most
    };
    // q is its bits, so q < 2^(bits of the greatest quotient); r = a - q·den is a combination,
    // 0 <= r < den by its bits and the comparison. q·den + r < 2^252 < p, so that equality in
    // the field is equality of integers, and division with remainder has one result.
    let wires = b.hint(
        &[&shifted, &Lc::constant(element(den))],
        most.bits() as usize,
        quotient_bits,
    );
    let quotient: Vec<Bit> = wires.iter().map(|wire| b.assert_bool(wire)).collect();
    let quotient = Lc::from_bits(&quotient);
    let remainder = &shifted - &quotient * element(den);
    let last = den - 1u8;
    let remainder = bits(b, &remainder, last.bits() as usize);
    // The checker refuses to round over a denominator of 2^63 or more.
    let last = u64::try_from(&last).expect("a denominator below 2^63");
    compare::assert_at_most(b, &remainder, last);
    quotient - element(&shift)
}

fn quotient_bits(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
    let integer = |x: &Fr| BigInt::from_bytes_le(Sign::Plus, &x.into_bigint().to_bytes_le());
    let quotient = integer(&inputs[0]) / integer(&inputs[1]);
    if quotient.bits() > outputs.len() as u64 {
        return Err("a number of the formula lies outside its interval");
    }
    for (at, bit) in outputs.iter_mut().enumerate() {
        *bit = Fr::from(quotient.bit(at as u64));
    }
    Ok(())
}

/// An integer below p in magnitude as a field element.
pub(super) fn element(n: &BigInt) -> Fr {
    let magnitude = Fr::from_le_bytes_mod_order(&n.magnitude().to_bytes_le());
    match n.sign() {
        Sign::Minus => -magnitude,
        _ => magnitude,
    }
}
