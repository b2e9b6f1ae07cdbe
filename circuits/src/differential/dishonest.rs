//! A prover that lies: the witness program with other values where the prover has a choice.
//!
//! Products leave no choice, but the bits of a number, an inverse, a quotient or a comparison's
//! outcome are claims of the prover, which constraints must check. This module changes such a claim
//! and honestly computes everything after it from the lie, as a prover who wants other credits
//! would. No lie may end in satisfied constraints with other outputs.

use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use merits_formula::generate::Dice;
use merits_primitives::Fr;

use crate::program::{COEFFICIENT_MINUS_ONE, COEFFICIENT_ONE, Op, Operand, Program};

/// The false claim that replaces the values of an instruction.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lie {
    /// The other bit, at this position.
    Flip(usize),
    /// The value plus this number, at this position.
    Plus(usize, Fr),
    /// This value, at this position.
    Is(usize, Fr),
    /// These two values, at these two positions.
    Both([(usize, Fr); 2]),
    /// The next integer up or down, if all positions are the bits of one integer.
    Next(bool),
    /// One multiple of the divisor moved between quotient and remainder.
    Shift(bool),
}

/// A run of the program that can be stopped and copied.
#[derive(Clone)]
pub(super) struct Run<'a> {
    program: &'a Program,
    inputs: &'a [Fr],
    pub(super) wires: Vec<Fr>,
    temporaries: Vec<Fr>,
    next: usize,
}

impl<'a> Run<'a> {
    pub(super) fn new(program: &'a Program, inputs: &'a [Fr]) -> Self {
        let mut wires = vec![Fr::ZERO; program.n_wires as usize];
        wires[0] = Fr::ONE;
        Self {
            program,
            inputs,
            wires,
            temporaries: vec![Fr::ZERO; program.n_temporaries as usize],
            next: 0,
        }
    }

    /// Runs honestly up to, but not including, instruction `end`.
    pub(super) fn to(&mut self, end: usize) {
        while self.next < end.min(self.program.ops.len()) {
            self.step();
        }
    }

    /// Runs the next instruction and lies about it.
    pub(super) fn lie(&mut self, lie: Lie) {
        let Some(op) = self.program.ops.get(self.next).copied() else {
            return;
        };
        self.step();
        let (first, n) = outputs(self.program, op);
        let divisor = match op {
            Op::DivRem { divisor, .. } => self.get(divisor),
            _ => Fr::ZERO,
        };
        let Some(values) = self.wires.get_mut(first..first + n) else {
            return;
        };
        match lie {
            Lie::Flip(at) => values[at] = Fr::ONE - values[at],
            Lie::Plus(at, more) => values[at] += more,
            Lie::Is(at, value) => values[at] = value,
            Lie::Both(both) => both.into_iter().for_each(|(at, value)| values[at] = value),
            Lie::Next(up) => next_integer(values, up),
            Lie::Shift(up) => {
                let (one, divisor) = if up {
                    (Fr::ONE, -divisor)
                } else {
                    (-Fr::ONE, divisor)
                };
                values[0] += one;
                if let Some(remainder) = values.get_mut(1) {
                    *remainder += divisor;
                }
            }
        }
    }

    fn step(&mut self) {
        let program = self.program;
        let op = program.ops[self.next];
        self.next += 1;
        match op {
            Op::Input { to, input } => self.wires[to as usize] = self.inputs[input as usize],
            Op::Linear { to, start, end } => {
                let terms = &program.terms[start as usize..end as usize];
                let value = terms.iter().map(|&(wire, coefficient)| {
                    let value = self.wires[wire as usize];
                    match coefficient {
                        COEFFICIENT_ONE => value,
                        COEFFICIENT_MINUS_ONE => -value,
                        _ => program.coefficients[coefficient as usize] * value,
                    }
                });
                self.temporaries[to as usize] = value.sum();
            }
            Op::Mul { to, a, b } => self.wires[to as usize] = self.get(a) * self.get(b),
            Op::MulAdd { to, a, b, c } => {
                self.wires[to as usize] = self.get(a) * self.get(b) + self.get(c);
            }
            Op::Bits { to, a, n } => {
                // If it has more bits, take the lowest: a liar can do no better.
                let value = self.get(a).into_bigint();
                for i in 0..n {
                    self.wires[(to + i) as usize] = Fr::from(value.get_bit(i as usize));
                }
            }
            Op::Quotient { to, num, den } => {
                let inverse = self.get(den).inverse().unwrap_or(Fr::ZERO);
                self.wires[to as usize] = self.get(num) * inverse;
            }
            Op::InverseOrZero { to, a } => {
                self.wires[to as usize] = self.get(a).inverse().unwrap_or(Fr::ZERO);
            }
            Op::IsZero { to, a } => {
                self.wires[to as usize] = Fr::from(self.get(a) == Fr::ZERO);
            }
            Op::DivRem { to, a, divisor } => {
                let values = crate::program::div_rem(self.get(a), self.get(divisor));
                let (quotient, remainder) = values.unwrap_or((Fr::ZERO, Fr::ZERO));
                self.wires[to as usize] = quotient;
                self.wires[to as usize + 1] = remainder;
            }
            Op::Le { to, a, b } => {
                use crate::program::signed;
                let value = signed(self.get(a)) <= signed(self.get(b));
                self.wires[to as usize] = Fr::from(value);
            }
            Op::Hint { to, hint } => {
                let call = &program.hints[hint as usize];
                let values: Vec<Fr> = call.inputs.iter().map(|place| self.get(*place)).collect();
                let first = to as usize;
                let outputs = &mut self.wires[first..first + call.outputs as usize];
                // If the hint fails on a lie, its wires keep what it has written so far.
                let _ = (call.function)(&values, outputs);
            }
        }
    }

    fn get(&self, place: Operand) -> Fr {
        match place.index() {
            Ok(wire) => self.wires[wire],
            Err(temporary) => self.temporaries[temporary],
        }
    }
}

/// Instructions whose values are claims of the prover.
pub(super) fn claims(program: &Program) -> Vec<usize> {
    let is_claim = |op: &Op| {
        !matches!(
            op,
            Op::Input { .. } | Op::Linear { .. } | Op::Mul { .. } | Op::MulAdd { .. }
        )
    };
    let ops = program.ops.iter().enumerate();
    ops.filter(|(_, op)| is_claim(op) && outputs(program, **op).1 > 0)
        .map(|(at, _)| at)
        .collect()
}

/// A lie about an instruction.
pub(super) fn lie(dice: &mut Dice<'_>, program: &Program, at: usize) -> Lie {
    let op = program.ops[at];
    let (_, n) = outputs(program, op);
    let place = dice.below(n);
    let random = Fr::from(dice.between(0, u64::MAX));
    let one = if dice.one_in(2) { Fr::ONE } else { -Fr::ONE };
    let up = dice.one_in(2);
    match op {
        Op::DivRem { .. } if dice.one_in(2) => Lie::Shift(up),
        Op::Quotient { .. } | Op::InverseOrZero { .. } | Op::DivRem { .. } => match dice.below(4) {
            0 => Lie::Is(place, Fr::ZERO),
            1 => Lie::Is(place, Fr::ONE),
            2 => Lie::Plus(place, one),
            _ => Lie::Is(place, random),
        },
        Op::Bits { .. } | Op::Hint { .. } => match dice.below(9) {
            8 => {
                let other = dice.below(n);
                let mut bit = || Fr::from(dice.one_in(2));
                Lie::Both([(place, bit()), (other, bit())])
            }
            0 => Lie::Plus(place, one),
            1 => Lie::Is(place, random),
            2..=4 => Lie::Next(up),
            _ => Lie::Flip(place),
        },
        _ => match dice.below(6) {
            0 => Lie::Is(place, random),
            1 => Lie::Is(place, -Fr::ONE),
            _ => Lie::Flip(place),
        },
    }
}

/// First wire and number of wires that an instruction writes.
fn outputs(program: &Program, op: Op) -> (usize, usize) {
    let (to, n) = match op {
        Op::Linear { .. } => (0, 0),
        Op::Input { to, .. }
        | Op::Mul { to, .. }
        | Op::MulAdd { to, .. }
        | Op::Quotient { to, .. }
        | Op::InverseOrZero { to, .. }
        | Op::IsZero { to, .. }
        | Op::Le { to, .. } => (to, 1),
        Op::Bits { to, n, .. } => (to, n),
        Op::DivRem { to, .. } => (to, 2),
        Op::Hint { to, hint } => (to, program.hints[hint as usize].outputs),
    };
    (to as usize, n as usize)
}

/// The bits of an integer become those of the next one up or down, wrapping around.
fn next_integer(bits: &mut [Fr], up: bool) {
    for bit in bits {
        let was_one = *bit == Fr::ONE;
        *bit = Fr::ONE - *bit;
        // A carry goes through ones, a borrow through zeros.
        if was_one != up {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::{Builder, Circuit, Lc};
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng as _;

    /// Whether lies about one claim or two make this circuit accept another value of its only
    /// public input, which equals its first claim.
    fn is_forged(circuit: &Circuit, input: u64) -> bool {
        let mut source = ChaCha8Rng::seed_from_u64(1);
        let mut dice = Dice::new(&mut source);
        let inputs = [Fr::ZERO, Fr::from(input)];
        let claims = claims(&circuit.program);
        let output = outputs(&circuit.program, circuit.program.ops[claims[0]]).0;
        let mut honest = Run::new(&circuit.program, &inputs);
        honest.to(usize::MAX);
        let right = honest.wires[output];
        (0..2000).any(|_| {
            let mut run = Run::new(&circuit.program, &inputs);
            for at in &claims {
                run.to(*at);
                if dice.one_in(2) {
                    let lie = lie(&mut dice, &circuit.program, *at);
                    run.lie(lie);
                }
            }
            run.to(usize::MAX);
            let mut wires = run.wires;
            wires[1] = wires[output];
            circuit.check(&wires).is_ok() && wires[1] != right
        })
    }

    /// A quotient by 7, with or without a bound of its remainder.
    fn quotient(bounded: bool) -> Circuit {
        let mut b = Builder::new();
        let public = b.public("quotient");
        let number = b.input("number");
        let (quotient, remainder) = b.div_rem(&number, &Lc::constant(Fr::from(7u64)));
        b.assert_equal(&number, &(&quotient * Fr::from(7u64) + &remainder));
        b.assert_equal(&public, &quotient);
        if bounded {
            // 0 <= remainder <= 6, and so that 7 times the quotient does not wrap.
            b.bits(&quotient, 60);
            b.bits(&remainder, 3);
            b.bits(&(Lc::constant(Fr::from(6u64)) - &remainder), 3);
        }
        b.finish()
    }

    #[test]
    fn a_missing_bound_is_found_and_a_bound_holds() {
        assert!(is_forged(&quotient(false), 40));
        assert!(!is_forged(&quotient(true), 40));
        assert!(!is_forged(&quotient(true), 42));
    }

    #[test]
    fn a_zero_test_without_its_second_half_is_found() {
        let zero_test = |whole: bool| {
            let mut b = Builder::new();
            let public = b.public("is zero");
            let number = b.input("number");
            let [zero, inverse] = <[Lc; 2]>::try_from(b.hint(&[&number], 2, |inputs, wires| {
                wires[0] = Fr::from(inputs[0] == Fr::ZERO);
                wires[1] = inputs[0].inverse().unwrap_or(Fr::ZERO);
                Ok(())
            }))
            .unwrap();
            b.assert_mul(&number, &inverse, &(Lc::one() - &zero));
            if whole {
                b.assert_mul(&number, &zero, &Lc::zero());
            }
            b.assert_equal(&public, &zero);
            b.finish()
        };
        assert!(is_forged(&zero_test(false), 5));
        assert!(!is_forged(&zero_test(true), 5));
        assert!(!is_forged(&zero_test(true), 0));
    }
}
