//! Conditions, kept in their cheapest form: a bit, or a count that is 0 or not.
//!
//! A conjunction of counts that must be 0 is one sum that must be 0. The count itself gates a value
//! under a condition, without a bit made of it.

use ark_ff::{AdditiveGroup as _, Field as _};
use merits_formula::range::MAX_BITS;
use merits_primitives::Fr;
use num_bigint::BigInt;

use crate::builder::{Bit, Builder, Lc};

/// A whole number from 0 to `most` < 2^250, so that it is 0 exactly if it is 0 in the field.
#[derive(Clone, Debug)]
pub(super) struct Count {
    pub(super) lc: Lc,
    pub(super) most: BigInt,
}

/// A condition.
#[derive(Clone, Debug)]
pub(super) enum Truth {
    Known(bool),
    Bit(Bit),
    /// Holds where the count is 0.
    IfZero(Count),
    /// Holds where the count is not 0.
    IfNonzero(Count),
}

impl Truth {
    /// Holds where the count is 0.
    pub(super) fn if_zero(count: Count) -> Self {
        if count.most <= BigInt::from(1u8) {
            // 0 or 1: a bit already.
            Self::Bit(Bit::assume(count.lc).not())
        } else {
            Self::IfZero(count)
        }
    }

    /// Holds where the count is not 0.
    pub(super) fn if_nonzero(count: Count) -> Self {
        Self::if_zero(count).not()
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Known(value) => Self::Known(!value),
            Self::Bit(bit) => Self::Bit(bit.not()),
            Self::IfZero(count) => Self::IfNonzero(count),
            Self::IfNonzero(count) => Self::IfZero(count),
        }
    }

    /// As a bit: 2 constraints for a count.
    pub(super) fn bit(self, b: &mut Builder) -> Bit {
        match self {
            Self::Known(value) => Bit::constant(value),
            Self::Bit(bit) => bit,
            Self::IfZero(count) => b.is_zero(&count.lc),
            Self::IfNonzero(count) => b.is_zero(&count.lc).not(),
        }
    }

    /// The value if the condition holds, else 0: 1 constraint under a bit, 2 under a count.
    pub(super) fn gate(self, b: &mut Builder, value: &Lc) -> Lc {
        match self {
            Self::Known(true) => value.clone(),
            Self::Known(false) => Lc::zero(),
            Self::Bit(bit) => b.mul(bit.lc(), value),
            Self::IfZero(count) => {
                let wires = b.hint(&[&count.lc, value], 2, keep_if_zero);
                let (kept, quotient) = (&wires[0], &wires[1]);
                // count·kept = 0: a count other than 0 forces kept = 0, and then one quotient
                // satisfies the second constraint. count = 0 forces kept = value in the second, for
                // any quotient. The quotient occurs in no other constraint.
                b.assert_mul(&count.lc, kept, &Lc::zero());
                b.assert_mul(&count.lc, quotient, &(value - kept));
                kept.clone()
            }
            Self::IfNonzero(count) => {
                let wires = b.hint(&[&count.lc, value], 2, keep_if_nonzero);
                let (kept, quotient) = (&wires[0], &wires[1]);
                // count·(value - kept) = 0: a count other than 0 forces kept = value, and then one
                // quotient satisfies the second constraint. count = 0 forces kept = 0 in the second,
                // for any quotient. The quotient occurs in no other constraint.
                b.assert_mul(&count.lc, &(value - kept), &Lc::zero());
                b.assert_mul(&count.lc, quotient, kept);
                kept.clone()
            }
        }
    }

    /// Whether all hold.
    pub(super) fn all(b: &mut Builder, truths: impl IntoIterator<Item = Self>) -> Self {
        let (mut zero, mut nonzero, mut bits) = (Vec::new(), Vec::new(), Vec::new());
        for truth in truths {
            match truth {
                Self::Known(true) => {}
                Self::Known(false) => return Self::Known(false),
                Self::Bit(bit) => bits.push(bit),
                Self::IfZero(count) => zero.push(count),
                Self::IfNonzero(count) => nonzero.push(count),
            }
        }
        let product = multiply(b, nonzero, &mut bits);
        match (zero.is_empty(), product, bits.as_slice()) {
            (true, None, []) => return Self::Known(true),
            (true, None, [bit]) => return Self::Bit(bit.clone()),
            (true, None, [one, other]) => return Self::Bit(b.and(one, other)),
            (true, Some(count), []) => return Self::IfNonzero(count),
            (true, Some(count), [bit]) => {
                return Self::IfNonzero(Count {
                    lc: b.mul(&count.lc, bit.lc()),
                    most: count.most,
                });
            }
            (_, Some(count), _) => bits.push(Self::IfNonzero(count).bit(b)),
            (_, None, _) => {}
        }
        // Counts are at least 0, and each bit that is not set adds one: the sum is 0 if and only if
        // each term is. A few terms below 2^250 stay below p > 2^253.
        let unset: Vec<Lc> = bits.iter().map(|bit| bit.not().lc().clone()).collect();
        let lc = Lc::sum(zero.iter().map(|count| &count.lc).chain(&unset));
        let most = zero.iter().map(|count| &count.most).sum::<BigInt>() + bits.len();
        if most.bits() > MAX_BITS {
            let each = zero.into_iter().map(|count| b.is_zero(&count.lc));
            let each: Vec<Bit> = each.collect();
            return Self::all(b, bits.into_iter().chain(each).map(Self::Bit));
        }
        Self::IfZero(Count { lc, most })
    }
}

/// One count that is 0 if one of these is. Counts that would grow too large become bits.
fn multiply(b: &mut Builder, counts: Vec<Count>, bits: &mut Vec<Bit>) -> Option<Count> {
    let mut counts = counts.into_iter();
    let mut product = counts.next()?;
    for count in counts {
        let most = &product.most * &count.most;
        if most.bits() > MAX_BITS {
            bits.push(Truth::IfNonzero(count).bit(b));
        } else {
            let lc = b.mul(&product.lc, &count.lc);
            product = Count { lc, most };
        }
    }
    Some(product)
}

fn keep_if_zero(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
    let (count, value) = (inputs[0], inputs[1]);
    (outputs[0], outputs[1]) = match count.inverse() {
        None => (value, Fr::ZERO),
        Some(inverse) => (Fr::ZERO, value * inverse),
    };
    Ok(())
}

fn keep_if_nonzero(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
    let (count, value) = (inputs[0], inputs[1]);
    (outputs[0], outputs[1]) = match count.inverse() {
        None => (Fr::ZERO, Fr::ZERO),
        Some(inverse) => (value, value * inverse),
    };
    Ok(())
}
