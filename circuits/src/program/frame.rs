//! Executes instructions.

use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use merits_primitives::Fr;

use super::{
    Fused, Program,
    op::{COEFFICIENT_MINUS_ONE, COEFFICIENT_ONE, Fault, HintCall, Op, Operand, div_rem, signed},
};
use crate::element;

/// The data of one stretch while it runs: older values to read, its own values to write.
pub(super) struct Frame<'a> {
    code: Code<'a>,
    inputs: &'a [Fr],
    old: Values<'a>,
    own: OwnValues<'a>,
    /// Inputs of a kernel or a hint.
    gathered: Vec<Fr>,
}

/// The lists that instructions refer to.
#[derive(Clone, Copy)]
pub(super) struct Code<'a> {
    /// For the terms of combinations.
    pub(super) program: &'a Program,
    pub(super) hints: &'a [HintCall],
}

/// Values of earlier stages.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) wires: &'a [Fr],
    pub(super) temporaries: &'a [Fr],
}

/// Values that a stretch writes, and the numbers of the first of them.
pub(super) struct OwnValues<'a> {
    pub(super) first_wire: u32,
    pub(super) wires: &'a mut [Fr],
    pub(super) first_temporary: u32,
    pub(super) temporaries: &'a mut [Fr],
}

impl<'a> Frame<'a> {
    pub(super) const fn new(
        code: Code<'a>,
        inputs: &'a [Fr],
        old: Values<'a>,
        own: OwnValues<'a>,
    ) -> Self {
        Self {
            code,
            inputs,
            old,
            own,
            gathered: Vec::new(),
        }
    }

    /// For running the program's instructions one by one: the frame owns all wires and temporaries.
    pub(super) fn of_all(
        program: &'a Program,
        inputs: &'a [Fr],
        wires: &'a mut [Fr],
        temporaries: &'a mut [Fr],
    ) -> Self {
        let old = Values {
            wires: &[],
            temporaries: &[],
        };
        let own = OwnValues {
            first_wire: 0,
            wires,
            first_temporary: 0,
            temporaries,
        };
        let code = Code {
            program,
            hints: &program.hints,
        };
        Self::new(code, inputs, old, own)
    }

    /// Executes one instruction.
    pub(super) fn step(&mut self, op: Op) -> Result<(), Fault> {
        match op {
            Op::Input { to, input } => self.set(to, self.inputs[input as usize]),
            Op::Linear { to, start, end } => {
                let value = self.linear(start, end);
                self.own.temporaries[(to - self.own.first_temporary) as usize] = value;
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
                    return Err(Fault::DoesNotFit(n));
                }
                for i in 0..n {
                    if value.get_bit(i as usize) {
                        self.set(to + i, Fr::ONE);
                    }
                }
            }
            Op::Quotient { .. } | Op::InverseOrZero { .. } => {
                let inverse = self.divisor(op).inverse().unwrap_or(Fr::ZERO);
                self.divide(op, inverse)?;
            }
            Op::IsZero { to, a } => {
                let is_zero = self.get(a) == Fr::ZERO;
                self.set(to, element::of_bit(is_zero));
            }
            Op::DivRem { to, a, divisor } => {
                let divided = div_rem(self.get(a), self.get(divisor));
                let (quotient, remainder) = divided.ok_or(Fault::DivisionByZero)?;
                self.set(to, quotient);
                self.set(to + 1, remainder);
            }
            Op::Le { to, a, b } => {
                let is_at_most = signed(self.get(a)) <= signed(self.get(b));
                self.set(to, element::of_bit(is_at_most));
            }
            Op::Hint { to, hint } => {
                let call = &self.code.hints[hint as usize];
                self.gather(&call.inputs);
                let first = (to - self.own.first_wire) as usize;
                let outputs = &mut self.own.wires[first..first + call.outputs as usize];
                (call.function)(&self.gathered, outputs).map_err(Fault::Hint)?;
            }
        }
        Ok(())
    }

    /// Runs a kernel instead of its instructions. Returns whether the kernel could compute the
    /// values.
    pub(super) fn run_kernel(&mut self, fused: &Fused) -> Option<()> {
        self.gather(&fused.inputs);
        let first = (fused.wires.start - self.own.first_wire) as usize;
        let wires = &mut self.own.wires[first..first + fused.wires.len()];
        fused.kernel.fill(&self.gathered, wires)
    }

    /// The divisor of an inversion.
    pub(super) fn divisor(&self, op: Op) -> Fr {
        match op {
            Op::Quotient { den, .. } => self.get(den),
            Op::InverseOrZero { a, .. } => self.get(a),
            _ => Fr::ZERO,
        }
    }

    /// Finishes an inversion, given the divisor's inverse, or 0 if it is 0.
    pub(super) fn divide(&mut self, op: Op, inverse: Fr) -> Result<(), Fault> {
        match op {
            Op::Quotient { to, num, .. } => {
                let num = self.get(num);
                if inverse == Fr::ZERO && num != Fr::ZERO {
                    return Err(Fault::DivisionByZero);
                }
                self.set(to, num * inverse);
            }
            Op::InverseOrZero { to, .. } => self.set(to, inverse),
            _ => {}
        }
        Ok(())
    }

    fn linear(&self, start: u32, end: u32) -> Fr {
        let mut sum = Fr::ZERO;
        let program = self.code.program;
        for &(wire, coefficient) in &program.terms[start as usize..end as usize] {
            let value = self.wire(wire);
            match coefficient {
                COEFFICIENT_ONE => sum += value,
                COEFFICIENT_MINUS_ONE => sum -= value,
                // Most terms are bits, in sums that count them.
                _ if value == Fr::ZERO => {}
                _ if value == Fr::ONE => sum += program.coefficients[coefficient as usize],
                _ => sum += program.coefficients[coefficient as usize] * value,
            }
        }
        sum
    }

    fn gather(&mut self, places: &[Operand]) {
        let mut gathered = std::mem::take(&mut self.gathered);
        gathered.clear();
        gathered.extend(places.iter().map(|place| self.get(*place)));
        self.gathered = gathered;
    }

    fn get(&self, place: Operand) -> Fr {
        let index = match place.index() {
            Ok(wire) => return self.wire(wire as u32),
            Err(temporary) => temporary as u32,
        };
        match index.checked_sub(self.own.first_temporary) {
            Some(own) => self.own.temporaries[own as usize],
            None => self.old.temporaries[index as usize],
        }
    }

    fn wire(&self, wire: u32) -> Fr {
        match wire.checked_sub(self.own.first_wire) {
            Some(own) => self.own.wires[own as usize],
            None => self.old.wires[wire as usize],
        }
    }

    fn set(&mut self, wire: u32, value: Fr) {
        self.own.wires[(wire - self.own.first_wire) as usize] = value;
    }
}
