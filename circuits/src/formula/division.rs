//! Rounding down: division with remainder, by a literal or by a number that varies.

use merits_formula::{Kind, NodeId, Range, VarId};
use merits_primitives::Fr;
use num_bigint::{BigInt, Sign};
use num_integer::Integer as _;

use super::Compiler;
use super::comparison::better;
use super::memo::Bound;
use super::steps::{StepPlan, Steps};
use super::whole::{element, integer, signed, whole_bits};
use crate::builder::{Bit, Builder, Lc};
use crate::gadgets::compare;

impl Compiler<'_> {
    /// The greatest whole number not above `a`.
    pub(super) fn floor(&mut self, a: NodeId) -> Lc {
        let (value, range) = (self.number(a), self.range(a).clone());
        self.b.section("floor", |b| floor(b, &value, &range))
    }

    /// The greatest whole number not above `a / c`, with 1 for an absent divisor.
    pub(super) fn floor_div(&mut self, id: NodeId, a: NodeId, c: NodeId) -> Lc {
        if let Some(quotient) = self.floor_of_capped(id, a, c) {
            return quotient;
        }
        let quotients = self.range(id).clone();
        self.quotient_within(&quotients, a, c)
    }

    /// Let A and B be numerator and divisor, scaled to integers. q = floor(A / B) is the only
    /// integer with 0 ≤ A − q·B < B. q is the least quotient plus a number in bits. The remainder
    /// r = A − q·B is in [0, B): r and B − 1 − r are decomposed, or r is made of [`Steps`]. |A| is
    /// below 2^250 and |q·B| below 2^251 by the intervals, so nothing wraps and the equation holds
    /// for integers.
    fn quotient_within(&mut self, quotients: &Range, a: NodeId, c: NodeId) -> Lc {
        let (over, under) = (self.range(a).clone(), self.range(c).clone());
        let scale = Scale::of(&over, &under);
        let numerator = self.number(a) * element(&scale.up);
        if under.is_point() {
            let den = &under.lo * &scale.down;
            let whole = Range::new(&over.lo * &scale.up, &over.hi * &scale.up, den);
            return self.b.section("floor", |b| floor(b, &numerator, &whole));
        }
        let divisor = self.divisor(c, &under) * element(&scale.down);
        let most = scale.most_divisor(&under);
        assert!(
            fits(quotients, &most),
            "the checker bounds quotient times divisor"
        );
        let steps = self.steps(c, &scale, &divisor, &under);
        let n = (&quotients.hi - &quotients.lo).bits() as usize;
        self.b.section("floor of a quotient", |b| {
            let least = Lc::constant(element(&quotients.lo));
            let wires = b.hint(&[&numerator, &divisor, &least], n, signed_quotient_bits);
            let bits: Vec<Bit> = wires.iter().map(|wire| b.assert_bool(wire)).collect();
            let quotient = Lc::from_bits(&bits) + least;
            let remainder = &numerator - b.mul(&quotient, &divisor);
            match steps {
                Some(steps) => steps.assert_below(b, &remainder),
                None => {
                    let n = (&most - 1u8).bits() as usize;
                    whole_bits(b, &remainder, n);
                    whole_bits(b, &(divisor - Lc::one() - remainder), n);
                }
            }
            quotient
        })
    }

    /// floor(least(x, cap) / c) as least(floor(x / c), floor(cap / c)), if cap and c depend on no
    /// variable and this is cheaper. It is equal because rounding down is monotone. The second
    /// quotient is made once, and quotients take fewer bits to compare.
    fn floor_of_capped(&mut self, id: NodeId, a: NodeId, c: NodeId) -> Option<Lc> {
        let typed = self.typed;
        let (parts, greatest) = match &typed.node(a).kind {
            Kind::Least(parts) => (parts, false),
            Kind::Greatest(parts) => (parts, true),
            _ => return None,
        };
        let [first, second] = parts.as_slice() else {
            return None;
        };
        let closed = |id: NodeId| self.analysis.is_closed(id);
        let (varying, cap) = match (closed(*first), closed(*second)) {
            (false, true) => (*first, *second),
            (true, false) => (*second, *first),
            _ => return None,
        };
        let under = self.range(c).clone();
        if !closed(c) || under.lo <= BigInt::from(0u8) || self.analysis.parents(a) > 1 {
            return None;
        }
        let quotients = |of: NodeId| {
            let range = self.range(of);
            let scale = Scale::of(range, &under);
            let quotients = scale.quotients(range, &under);
            fits(&quotients, &scale.most_divisor(&under)).then_some(quotients)
        };
        let (of_varying, of_cap) = (quotients(varying)?, quotients(cap)?);
        let bits = |range: &Range| (&range.hi - &range.lo).bits();
        let reach = |range: &Range| range.lo.bits().max(range.hi.bits());
        let whole = self.range(varying).sub(self.range(cap));
        let cost = bits(&of_varying) + reach(&of_varying.sub(&of_cap));
        if cost >= reach(&whole) + bits(self.range(id)) {
            return None;
        }
        let one = self.quotient_within(&of_varying, varying, c);
        let other = match self.quotients.get(&(cap, c)) {
            Some(known) => known.clone(),
            None => {
                let quotient = self.quotient_within(&of_cap, cap, c);
                self.quotients.insert((cap, c), quotient.clone());
                quotient
            }
        };
        let name = if greatest { "greatest" } else { "least" };
        let (one, other) = ((one, of_varying), (other, of_cap));
        Some(
            (self.b)
                .section(name, |b| better(b, &one, &other, greatest))
                .0,
        )
    }

    /// The steps of a divisor that depends on no variable, made once, if they are cheaper than two
    /// decompositions of each remainder.
    fn steps(&mut self, c: NodeId, scale: &Scale, divisor: &Lc, under: &Range) -> Option<Steps> {
        if !self.analysis.is_closed(c) {
            return None;
        }
        let (least, most) = (&under.lo * &scale.down, &under.hi * &scale.down);
        let plan = StepPlan::new(&least, &most)?;
        let slots = self.records.len() as u64;
        if plan.rest.bits() + slots * plan.cost() as u64 >= slots * 2 * (most - 1u8).bits() {
            return None;
        }
        let key = (c, scale.down.clone());
        if let Some(known) = self.steps.get(&key) {
            return Some(known.clone());
        }
        let steps = (self.b).section("steps of a divisor", |b| plan.build(b, divisor));
        self.steps.insert(key, steps.clone());
        Some(steps)
    }

    /// A divisor that is positive if everything that it refers to exists, and 1 otherwise.
    fn divisor(&mut self, c: NodeId, range: &Range) -> Lc {
        let value = self.number(c);
        let free = self.analysis.free(c);
        if range.lo > BigInt::from(0u8) || free.is_empty() {
            return value;
        }
        let present = self.all_present(&free);
        let one = Lc::constant(element(&range.den));
        let vanishes = free.iter().all(|var| {
            !matches!(self.bound.get(var), Some(Bound::Number(..)))
                && self.typed.zero_where_absent(c, *var)
        });
        if vanishes {
            return value + present.not().lc() * element(&range.den);
        }
        self.b
            .section("divisor", |b| b.select(&present, &value, &one))
    }

    /// Whether each of these variables stands for something that exists.
    fn all_present(&mut self, vars: &[VarId]) -> Bit {
        let bounds: Vec<Bound> = vars
            .iter()
            .filter_map(|var| self.bound.get(var).cloned())
            .collect();
        // Slots are filled from the first: the last one's presence implies the others'.
        let slot = |bound: &Bound| match bound {
            Bound::Record(slot) | Bound::OwnGroup(_, slot) => Some(*slot),
            _ => None,
        };
        let last = bounds.iter().filter_map(slot).max();
        let mut present = last.map_or(Bit::constant(true), |slot| {
            self.records[slot].present.clone()
        });
        for bound in &bounds {
            let more = match bound {
                Bound::Group(set, key) => self.occurs_bit(set, *key),
                Bound::Number(items, at) => {
                    let truth = self.slot_truth(&items.mask, *at);
                    truth.bit(self.b)
                }
                Bound::Record(_) | Bound::OwnGroup(..) => continue,
            };
            present = self.b.and(&present, &more);
        }
        present
    }
}

/// The factors that make numerator and divisor integers: (a / den) / (c / den') = (a·up) / (c·down).
struct Scale {
    up: BigInt,
    down: BigInt,
}

impl Scale {
    fn of(over: &Range, under: &Range) -> Self {
        let common = over.den.gcd(&under.den);
        Self {
            up: &under.den / &common,
            down: &over.den / &common,
        }
    }

    /// The greatest divisor, or the 1 that replaces an absent one.
    fn most_divisor(&self, under: &Range) -> BigInt {
        under.hi.clone().max(under.den.clone()) * &self.down
    }

    /// Rounded quotients by a divisor that is positive throughout.
    fn quotients(&self, over: &Range, under: &Range) -> Range {
        let corners = [&over.lo, &over.hi].into_iter().flat_map(|a| {
            [&under.lo, &under.hi].map(|c| (a * &self.up).div_floor(&(c * &self.down)))
        });
        let corners: Vec<BigInt> = corners.collect();
        let (lo, hi) = (corners.iter().min(), corners.iter().max());
        Range::whole(
            lo.cloned().unwrap_or_default(),
            hi.cloned().unwrap_or_default(),
        )
    }
}

/// Whether quotient times divisor stays far from p.
fn fits(quotients: &Range, most: &BigInt) -> bool {
    let n = (&quotients.hi - &quotients.lo).bits();
    quotients.lo.bits().max(n) + 1 + most.bits() <= 251
}

/// The greatest integer q with q·den <= a, for `a` within `range` over its denominator.
fn floor(b: &mut Builder, a: &Lc, range: &Range) -> Lc {
    if range.is_whole() {
        return a.clone();
    }
    let den = &range.den;
    // Shifted by a multiple of the denominator, so that nothing is negative.
    let least = range.lo.div_floor(den).min(BigInt::from(0u8));
    let shifted = a - element(&(&least * den));
    let most = range.hi.div_floor(den) - &least;
    // The checker refuses roundings with a denominator of 2^63 or more.
    let den = u64::try_from(den).expect("a denominator below 2^63");
    let (quotient, _) = divided_by(b, &shifted, den, most.bits() as usize);
    Lc::from_bits(&quotient) + element(&least)
}

/// Bits of the quotient, n of them, and of the remainder of a division by a literal.
///
/// q is given by its bits, so q < 2^n. r = a - q·den is a combination, and 0 <= r < den by its bits
/// and the comparison. By the caller's bounds q·den + r < 2^252 < p, so equality in the field is
/// equality of integers, and division with remainder has only one result.
pub(super) fn divided_by(b: &mut Builder, a: &Lc, den: u64, n: usize) -> (Vec<Bit>, Vec<Bit>) {
    let wires = b.hint(&[a, &Lc::from(den)], n, quotient_bits);
    let quotient: Vec<Bit> = wires.iter().map(|wire| b.assert_bool(wire)).collect();
    let remainder = a - Lc::from_bits(&quotient) * Fr::from(den);
    let last = den - 1;
    let remainder = whole_bits(b, &remainder, (u64::BITS - last.leading_zeros()) as usize);
    compare::assert_at_most(b, &remainder, last);
    (quotient, remainder)
}

fn quotient_bits(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
    write_bits(&(integer(&inputs[0]) / integer(&inputs[1])), outputs)
}

/// Fills the hint from numerator, divisor and least quotient.
fn signed_quotient_bits(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
    let divisor = signed(&inputs[1]);
    if divisor.sign() != Sign::Plus {
        return Err("a divisor of the formula is not positive");
    }
    let quotient = signed(&inputs[0]).div_floor(&divisor) - signed(&inputs[2]);
    write_bits(&quotient, outputs)
}

fn write_bits(n: &BigInt, outputs: &mut [Fr]) -> Result<(), &'static str> {
    if n.sign() == Sign::Minus || n.bits() > outputs.len() as u64 {
        return Err("a number of the formula lies outside its interval");
    }
    for (at, bit) in outputs.iter_mut().enumerate() {
        *bit = Fr::from(n.bit(at as u64));
    }
    Ok(())
}
