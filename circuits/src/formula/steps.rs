//! Numbers below a shared divisor: literal bits, and steps that depend on the divisor.
//!
//! They serve a divisor that many remainders share. Two decompositions of m bits would keep a
//! remainder below any divisor. Here the remainder's literal bits cover only the range below the
//! least divisor, and a few steps, made once from the divisor, cover exactly the rest.

use merits_primitives::Fr;
use num_bigint::{BigInt, Sign};

use super::whole::{element, integer, whole_bits};
use crate::builder::{Bit, Builder, Lc};

/// A plan for the numbers below a divisor B in [least, most]. k literal bits reach 2^k − 1. Steps,
/// which depend on B, reach the rest R = B − 2^k. They are the halves of R, until at most 2^k is left.
pub(super) struct StepPlan {
    /// k, at least 1.
    literal: usize,
    /// The greatest R.
    pub(super) rest: BigInt,
    halvings: usize,
}

/// The steps of one divisor: R − R/2, R/2 − R/4, .., and the rest, all rounded down.
#[derive(Clone)]
pub(super) struct Steps {
    literal: usize,
    steps: Vec<Lc>,
}

impl StepPlan {
    pub(super) fn new(least: &BigInt, most: &BigInt) -> Option<Self> {
        let literal = usize::try_from(least.bits().checked_sub(1)?).ok()?;
        if literal == 0 {
            return None;
        }
        let base = BigInt::from(1u8) << literal;
        let rest = most - &base;
        let halvings = (0..).find(|n| &rest >> *n <= base)?;
        Some(Self {
            literal,
            rest,
            halvings,
        })
    }

    /// Constraints for each remainder.
    pub(super) fn cost(&self) -> usize {
        self.literal + 2 * (self.halvings + 1)
    }

    /// R has one decomposition, and each step is a combination of its bits.
    pub(super) fn build(&self, b: &mut Builder, divisor: &Lc) -> Steps {
        let rest = divisor - element(&(BigInt::from(1u8) << self.literal));
        let bits = whole_bits(b, &rest, self.rest.bits() as usize);
        let halved = |n: usize| Lc::from_bits(bits.get(n..).unwrap_or(&[]));
        let mut steps: Vec<Lc> = (0..self.halvings)
            .map(|n| halved(n) - halved(n + 1))
            .collect();
        steps.push(halved(self.halvings));
        // The smallest first.
        steps.reverse();
        Steps {
            literal: self.literal,
            steps,
        }
    }
}

impl Steps {
    /// Demands 0 ≤ r < B: k + 2 for each step.
    ///
    /// r = Σ_{i<k} 2^i·e_i + Σ step_j·d_j with boolean e, d. All of them together are
    /// 2^k − 1 + R = B − 1, so r is in [0, B). Each number in [0, B) can be made, because no step
    /// is more than one above the number that the bits and the steps before it reach: the first is
    /// at most 2^k, and the larger of two halves is at most one larger.
    ///
    /// If steps overlap, r can be made in several ways: the bits may vary together, but r does not,
    /// and nothing else reads the bits.
    pub(super) fn assert_below(&self, b: &mut Builder, r: &Lc) {
        let inputs: Vec<&Lc> = [r].into_iter().chain(&self.steps).collect();
        let wires = b.hint(&inputs, self.steps.len() + self.literal - 1, step_bits);
        let (taken, literal) = wires.split_at(self.steps.len());
        let mut rest = r.clone();
        for (step, wire) in self.steps.iter().zip(taken) {
            let bit = b.assert_bool(wire);
            rest -= b.mul(bit.lc(), step);
        }
        // The lowest bit is the rest, as in `whole_bits`.
        let literal: Vec<Bit> = literal.iter().map(|wire| b.assert_bool(wire)).collect();
        b.assert_bool(&(rest - Lc::from_bits(&literal) * Fr::from(2u64)));
    }
}

/// Fills the hint from the remainder and the steps, smallest first: first which steps are taken, then
/// the literal bits above the lowest. A step is taken only if the smaller ones and the bits do not
/// suffice.
fn step_bits(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
    const OUTSIDE: &str = "a number of the formula lies outside its interval";
    let (first, steps) = inputs.split_first().ok_or(OUTSIDE)?;
    let (taken, literal) = outputs.split_at_mut_checked(steps.len()).ok_or(OUTSIDE)?;
    let mut rest = integer(first);
    let reach = (BigInt::from(1u8) << (literal.len() + 1)) - 1u8;
    let reaches: Vec<BigInt> = steps
        .iter()
        .scan(reach, |reach, step| {
            let before = reach.clone();
            *reach += integer(step);
            Some(before)
        })
        .collect();
    for ((step, reach), taken) in steps.iter().zip(&reaches).zip(taken).rev() {
        if rest > *reach {
            rest -= integer(step);
            *taken = Fr::from(1u64);
        }
    }
    if rest.sign() == Sign::Minus || rest.bits() > literal.len() as u64 + 1 {
        return Err(OUTSIDE);
    }
    for (at, bit) in literal.iter_mut().enumerate() {
        *bit = Fr::from(rest.bit(at as u64 + 1));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use merits_params::r1cs::evaluate;

    use super::*;

    /// Tries every divisor of an interval, every remainder, and every choice of bits and steps that
    /// a prover could make. Only remainders below the divisor are accepted.
    #[test]
    fn steps_reach_each_remainder_below_the_divisor_and_none_above() {
        for (least, most) in [(2u64, 9u64), (4, 7), (5, 19), (3, 3), (6, 30), (17, 21)] {
            let plan = StepPlan::new(&least.into(), &most.into()).expect("a plan");
            let mut b = Builder::new();
            let divisor = b.public("B");
            let r = b.input("r");
            let steps = plan.build(&mut b, &divisor);
            let before = b.n_constraints();
            steps.assert_below(&mut b, &r);
            assert_eq!(b.n_constraints() - before, plan.cost());
            let r = r.as_wire().expect("an input").index();
            let circuit = b.finish();
            let bits = steps.steps.len() + plan.literal - 1;
            let products = circuit.r1cs.n_wires as usize - steps.steps.len();
            for divisor in least..=most {
                for remainder in 0..divisor {
                    let inputs = [Fr::from(divisor), Fr::from(remainder)];
                    let wires = circuit.program.run(&inputs).expect("a witness");
                    circuit
                        .check(&wires)
                        .expect("a remainder below the divisor");
                }
                let beyond = [Fr::from(divisor), Fr::from(divisor)];
                let honest = circuit.program.run(&beyond);
                assert!(honest.is_err() || circuit.check(&honest.expect("wires")).is_err());
                let inputs = [Fr::from(divisor), Fr::from(0u64)];
                let mut wires = circuit.program.run(&inputs).expect("a witness");
                for choice in 0..1u64 << bits {
                    for i in 0..bits {
                        wires[products - bits + i] = Fr::from(choice >> i & 1);
                    }
                    for (i, step) in steps.steps.iter().enumerate() {
                        let step = evaluate(step.terms(), &wires);
                        wires[products + i] = wires[products - bits + i] * step;
                    }
                    for wrong in divisor..2 * most + 2 {
                        for remainder in [Fr::from(wrong), -Fr::from(wrong)] {
                            wires[r] = remainder;
                            assert!(circuit.check(&wires).is_err(), "{wrong} below {divisor}");
                        }
                    }
                }
            }
        }
    }
}
