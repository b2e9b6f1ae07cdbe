//! The witness program: a flat list of instructions that fills every wire from the inputs.
//!
//! It is made once by the [builder](crate::builder), beside the constraints, and run for each
//! proof; the constraint system is never rebuilt. A linear combination that is used as a factor
//! is evaluated once, into a *temporary*, however often it is used. Segments (one a claim) read
//! only what was there before them and their own values, so they run on several threads.

use std::ops::Range;

use ark_ff::{
    AdditiveGroup, BigInt, BigInteger, Field, PrimeField, serial_batch_inversion_and_mul,
};
use merits_primitives::Fr;
use num_bigint::BigUint;
use rayon::prelude::*;

use crate::section::SectionLog;

/// A function that fills `outputs` from `inputs` when the other instructions cannot express it.
/// What it returns must be constrained by the caller. The error says what is wrong with the
/// inputs.
pub type HintFn = fn(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str>;

/// Why no witness exists for these inputs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// Wrong number of inputs: a programming error of the caller.
    #[error("the witness program takes {expected} inputs but was given {given}")]
    InputCount {
        /// Publics and private inputs of the program.
        expected: usize,
        /// Inputs given.
        given: usize,
    },
    /// A value has more bits than its constraint allows.
    #[error("in `{section}`: a value does not fit into {bits} bits: the input is out of bounds")]
    DoesNotFit {
        /// Path of the section.
        section: String,
        /// The bound.
        bits: u32,
    },
    /// Division of a value other than zero by zero.
    #[error("in `{section}`: division by zero: the inputs hit a case that the circuit excludes")]
    DivisionByZero {
        /// Path of the section.
        section: String,
    },
    /// A hint refused its inputs.
    #[error("in `{section}`: {reason}")]
    Hint {
        /// Path of the section.
        section: String,
        /// What the hint says.
        reason: &'static str,
    },
}

/// Where an operand's value lies: a wire, or (top bit) a temporary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u32);

const TEMPORARY: u32 = 1 << 31;

/// An instruction. Wires written are given by their first; all are of the running segment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// Copies input `input`.
    Input { to: u32, input: u32 },
    /// Evaluates terms `from..to` of the term list into a temporary.
    Linear { to: u32, start: u32, end: u32 },
    /// The product of two values.
    Mul { to: u32, a: Place, b: Place },
    /// `a * b + c`.
    MulAdd {
        to: u32,
        a: Place,
        b: Place,
        c: Place,
    },
    /// The lowest `n` bits, lowest first; fails if there are more.
    Bits { to: u32, a: Place, n: u32 },
    /// `num / den`; 0 if both are 0.
    Quotient { to: u32, num: Place, den: Place },
    /// `1/a`, or 0 for 0.
    InverseOrZero { to: u32, a: Place },
    /// Whether `a` is 0.
    IsZero { to: u32, a: Place },
    /// Integer quotient and remainder, to `to` and `to + 1`.
    DivRem { to: u32, a: Place, divisor: Place },
    /// Whether `a <= b`, both read as integers in (-p/2, p/2).
    Le { to: u32, a: Place, b: Place },
    /// Calls hint `hint`.
    Hint { to: u32, hint: u32 },
}

/// A call of a hint function.
#[derive(Clone, Debug)]
pub(crate) struct HintCall {
    pub(crate) function: HintFn,
    pub(crate) inputs: Vec<Place>,
    pub(crate) outputs: u32,
}

/// A stretch of the program and what it writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stretch {
    pub(crate) ops: Range<usize>,
    pub(crate) wires: Range<u32>,
    pub(crate) temporaries: Range<u32>,
}

/// Stages run in order; the stretches of one stage are independent of each other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stage {
    stretches: Vec<Stretch>,
    /// Where, from the start of every stretch, an inversion stands; empty if the stretches do
    /// not all have theirs in the same places.
    inversions: Vec<usize>,
}

/// The compiled witness program of a circuit.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub(crate) n_inputs: usize,
    pub(crate) n_wires: u32,
    pub(crate) n_temporaries: u32,
    pub(crate) ops: Vec<Op>,
    /// Terms of all linear combinations: wire, index of the coefficient.
    pub(crate) terms: Vec<(u32, u32)>,
    pub(crate) coefficients: Vec<Fr>,
    pub(crate) hints: Vec<HintCall>,
    pub(crate) stages: Vec<Stage>,
    /// Which section each instruction came from.
    pub(crate) origins: SectionLog,
}

/// Index of coefficient 1 in every program.
pub(crate) const COEFFICIENT_ONE: u32 = 0;
/// Index of coefficient -1 in every program.
pub(crate) const COEFFICIENT_MINUS_ONE: u32 = 1;

impl Place {
    pub(crate) const fn wire(wire: u32) -> Self {
        Self(wire)
    }

    pub(crate) const fn temporary(temporary: u32) -> Self {
        Self(temporary | TEMPORARY)
    }

    /// Which wire, or else which temporary.
    pub(crate) const fn index(self) -> Result<usize, usize> {
        if self.0 & TEMPORARY == 0 {
            Ok(self.0 as usize)
        } else {
            Err((self.0 & !TEMPORARY) as usize)
        }
    }
}

impl Program {
    /// Number of inputs that [`Program::run`] takes: public ones first, then private ones, in
    /// the order of their allocation.
    #[must_use]
    pub const fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    /// Number of instructions.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there is no instruction.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// The full assignment in wire order. It is *a* witness, not necessarily a satisfying one:
    /// plain assertions are not evaluated here. [`crate::builder::Circuit::check`] does that.
    ///
    /// # Errors
    /// [`WitnessError`], naming the section, where no value exists at all.
    pub fn run(&self, inputs: &[Fr]) -> Result<Vec<Fr>, WitnessError> {
        if inputs.len() != self.n_inputs {
            return Err(WitnessError::InputCount {
                expected: self.n_inputs,
                given: inputs.len(),
            });
        }
        let mut wires = vec![Fr::ZERO; self.n_wires as usize];
        let mut temporaries = vec![Fr::ZERO; self.n_temporaries as usize];
        wires[0] = Fr::ONE;
        for stage in &self.stages {
            let Some(first) = stage.stretches.first() else {
                continue;
            };
            let (old_wires, mut new_wires) = wires.split_at_mut(first.wires.start as usize);
            let (old_temporaries, mut new_temporaries) =
                temporaries.split_at_mut(first.temporaries.start as usize);
            let mut frames = Vec::with_capacity(stage.stretches.len());
            for stretch in &stage.stretches {
                let (own_wires, rest) = new_wires.split_at_mut(stretch.wires.len());
                new_wires = rest;
                let (own_temporaries, rest) =
                    new_temporaries.split_at_mut(stretch.temporaries.len());
                new_temporaries = rest;
                frames.push(Frame {
                    program: self,
                    stretch,
                    old_wires,
                    old_temporaries,
                    own_wires,
                    own_temporaries,
                });
            }
            match frames.as_mut_slice() {
                [only] => only.run(only.stretch.ops.clone(), inputs)?,
                many => {
                    let group = many.len().div_ceil(rayon::current_num_threads());
                    many.par_chunks_mut(group)
                        .try_for_each(|group| run_together(group, &stage.inversions, inputs))?;
                }
            }
        }
        Ok(wires)
    }
}

impl Stage {
    pub(crate) fn new(stretches: Vec<Stretch>, ops: &[Op]) -> Self {
        let inversions = |stretch: &Stretch| -> Vec<usize> {
            let inverts = |op: &Op| matches!(op, Op::Quotient { .. } | Op::InverseOrZero { .. });
            let ops = ops[stretch.ops.clone()].iter().enumerate();
            ops.filter(|(_, op)| inverts(op))
                .map(|(at, _)| at)
                .collect()
        };
        let mut each = stretches.iter().map(inversions);
        let first = each.next().unwrap_or_default();
        let inversions = if each.all(|other| other == first) {
            first
        } else {
            Vec::new()
        };
        Self {
            stretches,
            inversions,
        }
    }
}

/// Runs stretches side by side from inversion to inversion: one field inversion, by far the
/// dearest instruction, then serves them all.
fn run_together(
    frames: &mut [Frame<'_>],
    inversions: &[usize],
    inputs: &[Fr],
) -> Result<(), WitnessError> {
    let mut inverses = vec![Fr::ZERO; frames.len()];
    let mut done = 0;
    for &at in inversions {
        for (frame, divisor) in frames.iter_mut().zip(&mut inverses) {
            let start = frame.stretch.ops.start;
            frame.run(start + done..start + at, inputs)?;
            *divisor = frame.divisor(start + at);
        }
        // Leaves zeros alone.
        serial_batch_inversion_and_mul(&mut inverses, &Fr::ONE);
        for (frame, inverse) in frames.iter_mut().zip(&inverses) {
            frame.divide(frame.stretch.ops.start + at, *inverse)?;
        }
        done = at + 1;
    }
    for frame in frames {
        let Range { start, end } = frame.stretch.ops;
        frame.run(start + done..end, inputs)?;
    }
    Ok(())
}

/// What one stretch sees while it runs: older values to read, its own to write.
struct Frame<'a> {
    program: &'a Program,
    stretch: &'a Stretch,
    old_wires: &'a [Fr],
    old_temporaries: &'a [Fr],
    own_wires: &'a mut [Fr],
    own_temporaries: &'a mut [Fr],
}

impl Frame<'_> {
    fn run(&mut self, ops: Range<usize>, inputs: &[Fr]) -> Result<(), WitnessError> {
        for at in ops {
            self.step(self.program.ops[at], inputs, at)?;
        }
        Ok(())
    }

    fn step(&mut self, op: Op, inputs: &[Fr], at: usize) -> Result<(), WitnessError> {
        match op {
            Op::Input { to, input } => self.set(to, inputs[input as usize]),
            Op::Linear { to, start, end } => {
                let value = self.linear(start as usize..end as usize);
                let own = to - self.stretch.temporaries.start;
                self.own_temporaries[own as usize] = value;
            }
            Op::Mul { to, a, b } => {
                let value = if a == b {
                    self.get(a).square()
                } else {
                    self.get(a) * self.get(b)
                };
                self.set(to, value);
            }
            Op::MulAdd { to, a, b, c } => {
                let value = self.get(a) * self.get(b) + self.get(c);
                self.set(to, value);
            }
            Op::Bits { to, a, n } => {
                let value = self.get(a).into_bigint();
                if value.num_bits() > n {
                    return Err(WitnessError::DoesNotFit {
                        section: self.section(at),
                        bits: n,
                    });
                }
                for i in 0..n {
                    if value.get_bit(i as usize) {
                        self.set(to + i, Fr::ONE);
                    }
                }
            }
            Op::Quotient { .. } | Op::InverseOrZero { .. } => {
                let inverse = self.divisor(at).inverse().unwrap_or(Fr::ZERO);
                self.divide(at, inverse)?;
            }
            Op::IsZero { to, a } => {
                let value = Fr::from(self.get(a) == Fr::ZERO);
                self.set(to, value);
            }
            Op::DivRem { to, a, divisor } => {
                let (quotient, remainder) =
                    div_rem(self.get(a), self.get(divisor)).ok_or_else(|| {
                        WitnessError::DivisionByZero {
                            section: self.section(at),
                        }
                    })?;
                self.set(to, quotient);
                self.set(to + 1, remainder);
            }
            Op::Le { to, a, b } => {
                let value = Fr::from(signed(self.get(a)) <= signed(self.get(b)));
                self.set(to, value);
            }
            Op::Hint { to, hint } => {
                let call = &self.program.hints[hint as usize];
                let values: Vec<Fr> = call.inputs.iter().map(|place| self.get(*place)).collect();
                let first = (to - self.stretch.wires.start) as usize;
                let outputs = &mut self.own_wires[first..first + call.outputs as usize];
                (call.function)(&values, outputs).map_err(|reason| WitnessError::Hint {
                    section: self.section(at),
                    reason,
                })?;
            }
        }
        Ok(())
    }

    /// What the inversion at `at` inverts.
    fn divisor(&self, at: usize) -> Fr {
        match self.program.ops[at] {
            Op::Quotient { den, .. } => self.get(den),
            Op::InverseOrZero { a, .. } => self.get(a),
            _ => Fr::ZERO,
        }
    }

    /// Finishes the inversion at `at`, given the divisor's inverse, or 0 if it is 0.
    fn divide(&mut self, at: usize, inverse: Fr) -> Result<(), WitnessError> {
        match self.program.ops[at] {
            Op::Quotient { to, num, .. } => {
                let num = self.get(num);
                if inverse == Fr::ZERO && num != Fr::ZERO {
                    return Err(WitnessError::DivisionByZero {
                        section: self.section(at),
                    });
                }
                self.set(to, num * inverse);
            }
            Op::InverseOrZero { to, .. } => self.set(to, inverse),
            _ => {}
        }
        Ok(())
    }

    fn linear(&self, terms: Range<usize>) -> Fr {
        let mut sum = Fr::ZERO;
        for &(wire, coefficient) in &self.program.terms[terms] {
            let value = self.wire(wire);
            match coefficient {
                COEFFICIENT_ONE => sum += value,
                COEFFICIENT_MINUS_ONE => sum -= value,
                _ if wire == 0 => sum += self.program.coefficients[coefficient as usize],
                _ => sum += self.program.coefficients[coefficient as usize] * value,
            }
        }
        sum
    }

    fn get(&self, Place(place): Place) -> Fr {
        if place & TEMPORARY == 0 {
            return self.wire(place);
        }
        let index = place & !TEMPORARY;
        match index.checked_sub(self.stretch.temporaries.start) {
            Some(own) => self.own_temporaries[own as usize],
            None => self.old_temporaries[index as usize],
        }
    }

    fn wire(&self, wire: u32) -> Fr {
        match wire.checked_sub(self.stretch.wires.start) {
            Some(own) => self.own_wires[own as usize],
            None => self.old_wires[wire as usize],
        }
    }

    fn set(&mut self, wire: u32, value: Fr) {
        self.own_wires[(wire - self.stretch.wires.start) as usize] = value;
    }

    fn section(&self, at: usize) -> String {
        self.program.origins.path_at(at)
    }
}

/// Integer division of canonical representatives.
pub(crate) fn div_rem(a: Fr, divisor: Fr) -> Option<(Fr, Fr)> {
    if divisor == Fr::ZERO {
        return None;
    }
    let (a, divisor) = (a.into_bigint(), divisor.into_bigint());
    if let (BigInt([a0, a1, 0, 0]), BigInt([d0, d1, 0, 0])) = (a, divisor) {
        let a = u128::from(a0) | u128::from(a1) << 64;
        let divisor = u128::from(d0) | u128::from(d1) << 64;
        return Some((Fr::from(a / divisor), Fr::from(a % divisor)));
    }
    // Through bytes: arkworks' conversions are to another version of `num-bigint`.
    let integer = |n: BigInt<4>| BigUint::from_bytes_le(&n.to_bytes_le());
    let element = |n: BigUint| Fr::from_le_bytes_mod_order(&n.to_bytes_le());
    let (a, divisor) = (integer(a), integer(divisor));
    Some((element(&a / &divisor), element(&a % &divisor)))
}

/// A key that orders field elements as integers in (-p/2, p/2).
pub(crate) fn signed(value: Fr) -> (bool, BigInt<4>) {
    let value = value.into_bigint();
    // Negative ones are above the middle; their canonical form grows with their value.
    (value <= Fr::MODULUS_MINUS_ONE_DIV_TWO, value)
}
