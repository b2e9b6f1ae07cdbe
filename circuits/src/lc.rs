//! Wires, linear combinations of wires, and wires known to be boolean.

use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use ark_ff::{AdditiveGroup, Field};
use merits_primitives::Fr;

/// A wire of the constraint system; wire 0 is the constant one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wire(pub(crate) u32);

/// A linear combination of wires: terms sorted by wire, no zero coefficient. Costs no constraint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lc {
    terms: Vec<(u32, Fr)>,
}

/// A linear combination whose value is known to be 0 or 1: by a constraint, or by the argument that
/// the caller of [`Bit::assume`] gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bit(Lc);

impl Wire {
    /// The constant one.
    pub const ONE: Self = Self(0);

    /// Position in the assignment.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Lc {
    /// The constant 0.
    #[must_use]
    pub const fn zero() -> Self {
        Self { terms: Vec::new() }
    }

    /// The constant 1.
    #[must_use]
    pub fn one() -> Self {
        Self::constant(Fr::ONE)
    }

    /// A constant.
    #[must_use]
    pub fn constant(value: Fr) -> Self {
        Self::term(Wire::ONE, value)
    }

    /// `coefficient` times a wire.
    #[must_use]
    pub fn term(wire: Wire, coefficient: Fr) -> Self {
        if coefficient == Fr::ZERO {
            return Self::zero();
        }
        Self {
            terms: vec![(wire.0, coefficient)],
        }
    }

    /// `Σ coefficient_i * part_i`, in one pass: much cheaper than adding one by one.
    #[must_use]
    pub fn weighted<'a>(parts: impl IntoIterator<Item = (&'a Lc, Fr)>) -> Self {
        let mut terms: Vec<(u32, Fr)> = Vec::new();
        for (part, weight) in parts {
            if weight == Fr::ONE {
                terms.extend_from_slice(&part.terms);
            } else {
                terms.extend(part.terms.iter().map(|(wire, c)| (*wire, *c * weight)));
            }
        }
        terms.sort_by_key(|(wire, _)| *wire);
        terms.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        terms.retain(|(_, c)| *c != Fr::ZERO);
        Self { terms }
    }

    /// `Σ part_i`.
    #[must_use]
    pub fn sum<'a>(parts: impl IntoIterator<Item = &'a Lc>) -> Self {
        Self::weighted(parts.into_iter().map(|part| (part, Fr::ONE)))
    }

    /// `Σ 2^i * bit_i`, lowest first.
    #[must_use]
    pub fn from_bits(bits: &[Bit]) -> Self {
        let powers = std::iter::successors(Some(Fr::ONE), |p| Some(p.double()));
        Self::weighted(bits.iter().map(Bit::lc).zip(powers))
    }

    /// The value, if it does not depend on any wire but the constant one.
    #[must_use]
    pub fn as_constant(&self) -> Option<Fr> {
        match self.terms.as_slice() {
            [] => Some(Fr::ZERO),
            [(0, value)] => Some(*value),
            _ => None,
        }
    }

    /// The wire, if this is exactly one wire with coefficient one.
    #[must_use]
    pub fn as_wire(&self) -> Option<Wire> {
        match self.terms.as_slice() {
            [(wire, coefficient)] if *coefficient == Fr::ONE => Some(Wire(*wire)),
            _ => None,
        }
    }

    /// Number of terms.
    #[must_use]
    pub fn term_count(&self) -> usize {
        self.terms.len()
    }

    /// The terms, sorted by wire.
    #[must_use]
    pub fn terms(&self) -> &[(u32, Fr)] {
        &self.terms
    }

    /// Adds `factor * other`.
    pub fn add_scaled(&mut self, other: &Self, factor: Fr) {
        if factor == Fr::ZERO {
            return;
        }
        let scaled = other.terms.iter().map(|(wire, c)| (*wire, *c * factor));
        // Most sums grow at the end, by wires that are newer than all others.
        match (self.terms.last(), other.terms.first()) {
            (_, None) => {}
            (None, _) => self.terms = scaled.collect(),
            (Some(last), Some(first)) if last.0 < first.0 => self.terms.extend(scaled),
            _ => self.terms = merge(&self.terms, scaled),
        }
    }
}

fn merge(left: &[(u32, Fr)], right: impl Iterator<Item = (u32, Fr)>) -> Vec<(u32, Fr)> {
    let mut out = Vec::with_capacity(left.len() + right.size_hint().0);
    let mut left = left.iter().copied().peekable();
    for (wire, coefficient) in right {
        while let Some(term) = left.next_if(|(l, _)| *l < wire) {
            out.push(term);
        }
        let sum = match left.next_if(|(l, _)| *l == wire) {
            Some((_, c)) => c + coefficient,
            None => coefficient,
        };
        if sum != Fr::ZERO {
            out.push((wire, sum));
        }
    }
    out.extend(left);
    out
}

impl Bit {
    /// A known bit.
    #[must_use]
    pub fn constant(value: bool) -> Self {
        Self(Lc::constant(Fr::from(value)))
    }

    /// Takes a combination as boolean without a constraint. The caller argues why it can only be
    /// 0 or 1, in a comment at the call.
    #[must_use]
    pub const fn assume(lc: Lc) -> Self {
        Self(lc)
    }

    /// `1 - self`.
    #[must_use]
    #[allow(
        clippy::should_implement_trait,
        reason = "`!` on a reference would read worse"
    )]
    pub fn not(&self) -> Self {
        Self(Lc::one() - &self.0)
    }

    /// The combination.
    #[must_use]
    pub const fn lc(&self) -> &Lc {
        &self.0
    }

    /// The value, if it is a constant.
    #[must_use]
    pub fn as_constant(&self) -> Option<bool> {
        self.0.as_constant().map(|value| value == Fr::ONE)
    }
}

impl From<Wire> for Lc {
    fn from(wire: Wire) -> Self {
        Self::term(wire, Fr::ONE)
    }
}

impl From<Fr> for Lc {
    fn from(value: Fr) -> Self {
        Self::constant(value)
    }
}

impl From<u64> for Lc {
    fn from(value: u64) -> Self {
        Self::constant(Fr::from(value))
    }
}

impl From<Bit> for Lc {
    fn from(bit: Bit) -> Self {
        bit.0
    }
}

impl From<&Bit> for Lc {
    fn from(bit: &Bit) -> Self {
        bit.0.clone()
    }
}

impl From<&Lc> for Lc {
    fn from(lc: &Lc) -> Self {
        lc.clone()
    }
}

impl AddAssign<&Lc> for Lc {
    fn add_assign(&mut self, other: &Lc) {
        self.add_scaled(other, Fr::ONE);
    }
}

impl AddAssign for Lc {
    fn add_assign(&mut self, other: Lc) {
        *self += &other;
    }
}

impl SubAssign<&Lc> for Lc {
    fn sub_assign(&mut self, other: &Lc) {
        self.add_scaled(other, -Fr::ONE);
    }
}

impl SubAssign for Lc {
    fn sub_assign(&mut self, other: Lc) {
        *self -= &other;
    }
}

impl Neg for Lc {
    type Output = Lc;

    fn neg(mut self) -> Lc {
        for (_, c) in &mut self.terms {
            *c = -*c;
        }
        self
    }
}

impl Neg for &Lc {
    type Output = Lc;

    fn neg(self) -> Lc {
        -self.clone()
    }
}

impl Mul<Fr> for Lc {
    type Output = Lc;

    fn mul(mut self, factor: Fr) -> Lc {
        if factor == Fr::ZERO {
            return Lc::zero();
        }
        for (_, c) in &mut self.terms {
            *c *= factor;
        }
        self
    }
}

impl Mul<Fr> for &Lc {
    type Output = Lc;

    fn mul(self, factor: Fr) -> Lc {
        self.clone() * factor
    }
}

/// Addition and subtraction with both sides owned or borrowed; constants and wires on the right.
macro_rules! binary_operators {
    ($($trait:ident $method:ident $assign:ident;)*) => {$(
        impl $trait<&Lc> for Lc {
            type Output = Lc;

            fn $method(mut self, other: &Lc) -> Lc {
                self.$assign(other);
                self
            }
        }

        impl $trait<Lc> for Lc {
            type Output = Lc;

            fn $method(self, other: Lc) -> Lc {
                self.$method(&other)
            }
        }

        impl $trait<&Lc> for &Lc {
            type Output = Lc;

            fn $method(self, other: &Lc) -> Lc {
                self.clone().$method(other)
            }
        }

        impl $trait<Lc> for &Lc {
            type Output = Lc;

            fn $method(self, other: Lc) -> Lc {
                self.clone().$method(&other)
            }
        }

        impl $trait<Fr> for Lc {
            type Output = Lc;

            fn $method(self, other: Fr) -> Lc {
                self.$method(&Lc::constant(other))
            }
        }

        impl $trait<Fr> for &Lc {
            type Output = Lc;

            fn $method(self, other: Fr) -> Lc {
                self.clone().$method(&Lc::constant(other))
            }
        }
    )*};
}

binary_operators! {
    Add add add_assign;
    Sub sub sub_assign;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(i: u32) -> Lc {
        Lc::from(Wire(i))
    }

    #[test]
    fn sums_stay_sorted_and_cancel() {
        let a = wire(3) + wire(1) * Fr::from(2u64) + Fr::from(7u64);
        let b = wire(2) - &wire(3);
        let sum = &a + &b;
        let wires: Vec<u32> = sum.terms().iter().map(|t| t.0).collect();
        assert_eq!(wires, [0, 1, 2]);
        assert_eq!(sum, Lc::weighted([(&a, Fr::ONE), (&b, Fr::ONE)]));
        assert_eq!((&sum - &sum).as_constant(), Some(Fr::ZERO));
    }

    #[test]
    fn constants_and_single_wires_are_recognised() {
        assert_eq!(Lc::zero().as_constant(), Some(Fr::ZERO));
        assert_eq!(Lc::from(5u64).as_constant(), Some(Fr::from(5u64)));
        assert_eq!(wire(4).as_wire(), Some(Wire(4)));
        assert_eq!((wire(4) * Fr::from(2u64)).as_wire(), None);
        assert_eq!(Bit::constant(true).not().as_constant(), Some(false));
    }
}
