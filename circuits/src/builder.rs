//! Builds a circuit: constraints and, beside them, the program that fills the wires.
//!
//! Everything here costs exactly the constraints that its documentation states; constants fold.
//! Functions marked *hint* add wires without any constraint: the caller must constrain them.

use std::sync::Arc;

use ark_ff::{AdditiveGroup, Field};
use merits_params::r1cs::R1cs;
use merits_primitives::Fr;

pub use crate::circuit::{Circuit, Unsatisfied};
use crate::evaluations::Evaluations;
pub use crate::lc::{Bit, Lc, Wire};
use crate::program::{
    Fused, HintCall, HintFn, Kernel, Op, Operand, Program, Stretch, WitnessError,
};
pub use crate::section::Section;
use crate::section::SectionLog;
use crate::trace::Trace;

/// The most bits that a decomposition may have: 2^253 < p, so that it is unique.
pub const MAX_BITS: usize = 253;

/// Builds constraints and witness program together. See the module.
#[derive(Debug)]
pub struct Builder {
    r1cs: R1cs,
    program: Program,
    public_labels: Vec<String>,
    input_labels: Vec<(String, Wire)>,
    evaluations: Evaluations,
    /// Start of the stretch that is under construction.
    start: Stretch,
    /// Segments of the parallel stage that is under construction, and the stage's start.
    parallel: Option<Parallel>,
    constraint_sections: SectionLog,
    /// Values of the wires, if the inputs are known already.
    trace: Option<Trace>,
}

#[derive(Debug)]
struct Parallel {
    first_wire: u32,
    first_temporary: u32,
    segments: Vec<Stretch>,
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// An empty circuit.
    #[must_use]
    pub fn new() -> Self {
        let mut program = Program::default();
        let evaluations = Evaluations::new(&mut program);
        let mut builder = Self {
            r1cs: R1cs {
                n_wires: 1,
                ..R1cs::default()
            },
            program,
            public_labels: Vec::new(),
            input_labels: Vec::new(),
            evaluations,
            start: Stretch::default(),
            parallel: None,
            constraint_sections: SectionLog::default(),
            trace: None,
        };
        builder.start = builder.here();
        builder
    }

    /// An empty circuit whose wires are computed while it is built, from the inputs that its
    /// witness program would take: see [`Builder::finish_traced`].
    #[must_use]
    pub fn tracing(inputs: Vec<Fr>) -> Self {
        let mut builder = Self::new();
        builder.trace = Some(Trace::new(inputs));
        builder
    }

    // ---- inputs -------------------------------------------------------------------------------

    /// A public input, supplied by the caller of the witness program. No constraint.
    ///
    /// # Panics
    /// If a private wire exists already: public wires come first in the order of wires.
    pub fn public(&mut self, label: &str) -> Lc {
        assert!(
            self.r1cs.n_wires == self.r1cs.n_public + 1,
            "public input `{label}` is declared after a private wire"
        );
        let wire = self.wires(1);
        self.r1cs.n_public += 1;
        self.public_labels.push(label.to_owned());
        self.take_input(wire)
    }

    /// A private wire, supplied by the caller of the witness program in order of allocation.
    pub fn input(&mut self, label: &str) -> Lc {
        let wire = self.wires(1);
        self.r1cs.n_private_inputs += 1;
        self.input_labels.push((label.to_owned(), Wire(wire)));
        self.take_input(wire)
    }

    fn take_input(&mut self, wire: u32) -> Lc {
        let input = self.program.n_inputs as u32;
        self.program.n_inputs += 1;
        self.program.ops.push(Op::Input { to: wire, input });
        if let Some(trace) = &mut self.trace {
            trace.input();
        }
        Wire(wire).into()
    }

    // ---- arithmetic ---------------------------------------------------------------------------

    /// `a * b`: 1 constraint and a new wire; none if a factor is constant.
    pub fn mul(&mut self, a: &Lc, b: &Lc) -> Lc {
        if let Some(factor) = b.as_constant() {
            return a * factor;
        }
        if let Some(factor) = a.as_constant() {
            return b * factor;
        }
        let (left, right) = (self.place(a), self.place(b));
        let wire = self.wires(1);
        self.program.ops.push(Op::Mul {
            to: wire,
            a: left,
            b: right,
        });
        self.trace_value(|trace| trace.value(a) * trace.value(b));
        let product = Wire(wire).into();
        self.assert_mul(a, b, &product);
        product
    }

    /// `a * a`: as [`Builder::mul`].
    pub fn square(&mut self, a: &Lc) -> Lc {
        self.mul(a, a)
    }

    /// A new wire `w = a * b + c`, by the 1 constraint `a * b = w - c`; no wire and no constraint
    /// if a factor is constant. Unlike a product to which `c` is added, the result is one term,
    /// however long `c` is. This keeps sums from growing in rounds and chains of additions.
    pub fn mul_add(&mut self, a: &Lc, b: &Lc, c: &Lc) -> Lc {
        if let Some(factor) = b.as_constant() {
            return a * factor + c;
        }
        if let Some(factor) = a.as_constant() {
            return b * factor + c;
        }
        let (left, right, addend) = (self.place(a), self.place(b), self.place(c));
        let wire = self.wires(1);
        self.program.ops.push(Op::MulAdd {
            to: wire,
            a: left,
            b: right,
            c: addend,
        });
        self.trace_value(|trace| trace.value(a) * trace.value(b) + trace.value(c));
        let sum = Wire(wire).into();
        self.assert_mul(a, b, &(&sum - c));
        sum
    }

    /// *Hint*: a new wire with the value of `a * b`, for a caller that constrains the product in
    /// another form. No constraint.
    pub fn hint_mul(&mut self, a: &Lc, b: &Lc) -> Lc {
        let (left, right) = (self.place(a), self.place(b));
        let wire = self.wires(1);
        self.program.ops.push(Op::Mul {
            to: wire,
            a: left,
            b: right,
        });
        self.trace_value(|trace| trace.value(a) * trace.value(b));
        Wire(wire).into()
    }

    /// `num / den`: 1 constraint `q * den = num`. The caller argues that `den` is not 0; the
    /// witness program refuses `x / 0` for `x` other than 0 and takes `0 / 0` as 0.
    pub fn quotient(&mut self, num: &Lc, den: &Lc) -> Lc {
        let (numerator, denominator) = (self.place(num), self.place(den));
        let wire = self.wires(1);
        self.program.ops.push(Op::Quotient {
            to: wire,
            num: numerator,
            den: denominator,
        });
        self.trace_step(|trace, section| trace.quotient(num, den, section));
        let quotient = Wire(wire).into();
        // The quotient on the right: a wire in no right factor costs a prover nothing in G2.
        self.assert_mul(den, &quotient, num);
        quotient
    }

    // ---- assertions ---------------------------------------------------------------------------

    /// Demands `a * b = c`: 1 constraint.
    pub fn assert_mul(&mut self, a: &Lc, b: &Lc, c: &Lc) {
        self.check_visible(a);
        self.check_visible(b);
        self.check_visible(c);
        self.r1cs.a.push_row(a.terms().iter().copied());
        self.r1cs.b.push_row(b.terms().iter().copied());
        self.r1cs.c.push_row(c.terms().iter().copied());
    }

    /// Demands `a = b`: 1 linear constraint; none if they are the same combination.
    pub fn assert_equal(&mut self, a: &Lc, b: &Lc) {
        self.assert_zero(&(a - b));
    }

    /// Demands `a = 0`: 1 linear constraint; none if `a` is the constant 0. Another constant
    /// gives a constraint that nothing satisfies.
    pub fn assert_zero(&mut self, a: &Lc) {
        if a.as_constant() != Some(Fr::ZERO) {
            self.assert_mul(&Lc::zero(), &Lc::zero(), a);
        }
    }

    /// Demands that `a` is 0 or 1: 1 constraint; none for a constant 0 or 1.
    pub fn assert_bool(&mut self, a: &Lc) -> Bit {
        if !matches!(a.as_constant(), Some(value) if value == Fr::ZERO || value == Fr::ONE) {
            self.assert_mul(a, &(a - Fr::ONE), &Lc::zero());
        }
        Bit::assume(a.clone())
    }

    // ---- bits ---------------------------------------------------------------------------------

    /// The `n` bits of `a`, lowest first: `n + 1` constraints, which demand `0 <= a < 2^n`.
    ///
    /// # Panics
    /// If `n` exceeds [`MAX_BITS`].
    pub fn bits(&mut self, a: &Lc, n: usize) -> Vec<Bit> {
        let bits = self.hint_bits(a, n);
        let bits: Vec<Bit> = bits.iter().map(|bit| self.assert_bool(bit)).collect();
        self.assert_equal(&Lc::from_bits(&bits), a);
        bits
    }

    /// *Hint*: `n` wires with the bits of `a`, lowest first. The witness program refuses an `a`
    /// of more bits. No constraint.
    ///
    /// # Panics
    /// If `n` exceeds [`MAX_BITS`].
    pub fn hint_bits(&mut self, a: &Lc, n: usize) -> Vec<Lc> {
        assert!(n <= MAX_BITS, "a decomposition into {n} bits is not unique");
        let n = n as u32;
        let value = self.place(a);
        let first = self.wires(n);
        self.program.ops.push(Op::Bits {
            to: first,
            a: value,
            n,
        });
        self.trace_step(|trace, section| trace.bits(a, n as usize, section));
        (first..first + n).map(|wire| Wire(wire).into()).collect()
    }

    /// Whether `a` is 0: 2 constraints; none for a constant.
    pub fn is_zero(&mut self, a: &Lc) -> Bit {
        if let Some(value) = a.as_constant() {
            return Bit::constant(value == Fr::ZERO);
        }
        let value = self.place(a);
        let inverse = self.wires(2);
        self.program.ops.push(Op::InverseOrZero {
            to: inverse,
            a: value,
        });
        self.program.ops.push(Op::IsZero {
            to: inverse + 1,
            a: value,
        });
        self.trace_value(|trace| trace.value(a).inverse().unwrap_or(Fr::ZERO));
        self.trace_value(|trace| Fr::from(trace.value(a) == Fr::ZERO));
        let is_zero: Lc = Wire(inverse + 1).into();
        // a*inverse = 1 - z and a*z = 0: for a = 0 the first forces z = 1, otherwise the second
        // forces z = 0. So z is boolean without a constraint of its own.
        self.assert_mul(a, &Wire(inverse).into(), &(Lc::one() - &is_zero));
        self.assert_mul(a, &is_zero, &Lc::zero());
        Bit::assume(is_zero)
    }

    /// `a AND b`: 1 constraint.
    pub fn and(&mut self, a: &Bit, b: &Bit) -> Bit {
        Bit::assume(self.mul(a.lc(), b.lc()))
    }

    /// `a OR b`: 1 constraint.
    pub fn or(&mut self, a: &Bit, b: &Bit) -> Bit {
        let both = self.mul(a.lc(), b.lc());
        Bit::assume(a.lc() + b.lc() - both)
    }

    /// `a XOR b`: 1 constraint.
    pub fn xor(&mut self, a: &Bit, b: &Bit) -> Bit {
        let both = self.mul(a.lc(), b.lc());
        Bit::assume(a.lc() + b.lc() - both * Fr::from(2u64))
    }

    /// `if bit { yes } else { no }`: 1 constraint; none if they differ by a constant.
    pub fn select(&mut self, bit: &Bit, yes: &Lc, no: &Lc) -> Lc {
        no + self.mul(bit.lc(), &(yes - no))
    }

    // ---- other hints --------------------------------------------------------------------------

    /// *Hint*: `(floor(a / divisor), a mod divisor)` of the values as integers in [0, p).
    pub fn div_rem(&mut self, a: &Lc, divisor: &Lc) -> (Lc, Lc) {
        let (value, by) = (self.place(a), self.place(divisor));
        let first = self.wires(2);
        self.program.ops.push(Op::DivRem {
            to: first,
            a: value,
            divisor: by,
        });
        self.trace_step(|trace, section| trace.div_rem(a, divisor, section));
        (Wire(first).into(), Wire(first + 1).into())
    }

    /// *Hint*: a wire that is 1 if `a <= b`, else 0, both read as integers in (-p/2, p/2).
    pub fn hint_le(&mut self, a: &Lc, b: &Lc) -> Lc {
        let (left, right) = (self.place(a), self.place(b));
        let wire = self.wires(1);
        self.program.ops.push(Op::Le {
            to: wire,
            a: left,
            b: right,
        });
        if let Some(trace) = &mut self.trace {
            trace.le(a, b);
        }
        Wire(wire).into()
    }

    /// *Hint*: `outputs` wires that `function` fills from the values of `inputs`.
    pub fn hint(&mut self, inputs: &[&Lc], outputs: usize, function: HintFn) -> Vec<Lc> {
        let places = inputs.iter().map(|lc| self.place(lc)).collect();
        let outputs = outputs as u32;
        let first = self.wires(outputs);
        let hint = self.program.hints.len() as u32;
        self.program.hints.push(HintCall {
            function,
            inputs: places,
            outputs,
        });
        self.program.ops.push(Op::Hint { to: first, hint });
        self.trace_step(|trace, section| trace.hint(inputs, outputs as usize, function, section));
        (first..first + outputs)
            .map(|wire| Wire(wire).into())
            .collect()
    }

    /// Builds `f` and registers `kernel` as a faster way to fill its wires: from the values of
    /// `inputs`, `kernel` fills all wires that `f` makes, with the same values. It replaces kernels
    /// within `f`.
    ///
    /// # Panics
    /// If `f` takes inputs of the program: a kernel has only the inputs that are passed to it.
    pub(crate) fn fused<R>(
        &mut self,
        inputs: &[&Lc],
        kernel: impl Kernel + 'static,
        f: impl FnOnce(&mut Self) -> R,
    ) -> R {
        let inputs: Vec<Operand> = inputs.iter().map(|lc| self.place(lc)).collect();
        let (op, wire, n) = (
            self.program.ops.len(),
            self.r1cs.n_wires,
            self.program.n_inputs,
        );
        let before = self.program.fused.len();
        let result = f(self);
        assert_eq!(
            n, self.program.n_inputs,
            "a kernel replaces an instruction that takes an input"
        );
        let wires = wire..self.r1cs.n_wires;
        if !wires.is_empty() && kernel.n_wires() == wires.len() {
            self.program.fused.truncate(before);
            self.program.fused.push(Fused {
                ops: op..self.program.ops.len(),
                wires,
                inputs,
                kernel: Arc::new(kernel),
            });
        }
        result
    }

    // ---- structure ----------------------------------------------------------------------------

    /// Number of constraints so far.
    #[must_use]
    pub fn n_constraints(&self) -> usize {
        self.r1cs.n_constraints()
    }

    /// Builds `f` under a name; constraints and errors in it are reported under that name.
    pub fn section<R>(&mut self, name: &str, f: impl FnOnce(&mut Self) -> R) -> R {
        self.constraint_sections
            .enter(name, self.r1cs.n_constraints());
        self.program.origins.enter(name, self.program.ops.len());
        let result = f(self);
        self.constraint_sections.leave(self.r1cs.n_constraints());
        self.program.origins.leave(self.program.ops.len());
        result
    }

    /// Builds `n` segments that the witness program may run at the same time: each may use what
    /// was built before all of them and what it builds itself. What they return may be used
    /// afterwards.
    ///
    /// # Panics
    /// If a segment uses a wire of another one, or if segments are nested.
    pub fn parallel<R>(&mut self, n: usize, mut f: impl FnMut(&mut Self, usize) -> R) -> Vec<R> {
        assert!(
            self.parallel.is_none(),
            "parallel segments cannot be nested"
        );
        self.close_stretch();
        self.parallel = Some(Parallel {
            first_wire: self.r1cs.n_wires,
            first_temporary: self.evaluations.temporaries(),
            segments: Vec::with_capacity(n),
        });
        let mut results = Vec::with_capacity(n);
        for i in 0..n {
            results.push(f(self, i));
            let segment = self.stretch();
            if let Some(parallel) = &mut self.parallel {
                parallel.segments.push(segment);
            }
        }
        if let Some(parallel) = self.parallel.take() {
            self.program.stages.push(parallel.segments);
        }
        results
    }

    /// The finished circuit.
    #[must_use]
    pub fn finish(mut self) -> Circuit {
        self.close_stretch();
        let mut program = self.program;
        program.n_wires = self.r1cs.n_wires;
        program.n_temporaries = self.evaluations.temporaries();
        program.compile();
        let sections = self.constraint_sections.counts(self.r1cs.n_constraints());
        Circuit {
            r1cs: self.r1cs,
            program,
            sections,
            public_labels: self.public_labels,
            input_labels: self.input_labels,
            origins: self.constraint_sections,
        }
    }

    /// The finished circuit, and its assignment if it was [traced](Builder::tracing).
    ///
    /// # Errors
    /// [`WitnessError`] if no value exists, or if the number of inputs is wrong.
    pub fn finish_traced(mut self) -> Result<(Circuit, Vec<Fr>), WitnessError> {
        let trace = self.trace.take().unwrap_or_else(|| Trace::new(Vec::new()));
        let assignment = trace.finish()?;
        Ok((self.finish(), assignment))
    }

    /// Public inputs that are in no constraint so far.
    #[must_use]
    pub fn unused_publics(&self) -> Vec<Lc> {
        let mut used = vec![false; self.r1cs.n_public as usize + 1];
        for matrix in [&self.r1cs.a, &self.r1cs.b, &self.r1cs.c] {
            for (wire, _) in matrix.iter().flatten() {
                if let Some(used) = used.get_mut(*wire as usize) {
                    *used = true;
                }
            }
        }
        let unused = (1..).zip(used.into_iter().skip(1));
        unused
            .filter(|(_, used)| !used)
            .map(|(wire, _)| Wire(wire).into())
            .collect()
    }

    fn trace_value(&mut self, value: impl FnOnce(&Trace) -> Fr) {
        if let Some(trace) = &mut self.trace {
            let value = value(trace);
            trace.push(value);
        }
    }

    fn trace_step(&mut self, step: impl FnOnce(&mut Trace, &dyn Fn() -> String)) {
        if let Some(trace) = &mut self.trace {
            let (origins, at) = (&self.program.origins, self.program.ops.len() - 1);
            step(trace, &|| origins.path_at(at));
        }
    }

    /// An empty stretch at the current end of program, wires and temporaries.
    fn here(&self) -> Stretch {
        let (op, wire) = (self.program.ops.len(), self.r1cs.n_wires);
        let temporary = self.evaluations.temporaries();
        Stretch {
            ops: op..op,
            wires: wire..wire,
            temporaries: temporary..temporary,
        }
    }

    /// The stretch that was built since the last one ended.
    fn stretch(&mut self) -> Stretch {
        let here = self.here();
        let start = std::mem::replace(&mut self.start, here.clone());
        Stretch {
            ops: start.ops.start..here.ops.end,
            wires: start.wires.start..here.wires.end,
            temporaries: start.temporaries.start..here.temporaries.end,
        }
    }

    fn close_stretch(&mut self) {
        let stretch = self.stretch();
        if !stretch.ops.is_empty() {
            self.program.stages.push(vec![stretch]);
        }
    }

    fn wires(&mut self, n: u32) -> u32 {
        let first = self.r1cs.n_wires;
        self.r1cs.n_wires = first
            .checked_add(n)
            .expect("a circuit has fewer than 2^32 wires");
        first
    }

    /// The operand that holds the value of `lc`. Adds an evaluation if there is none yet.
    fn place(&mut self, lc: &Lc) -> Operand {
        self.check_visible(lc);
        if let Some(Wire(wire)) = lc.as_wire() {
            return Operand::wire(wire);
        }
        // A temporary of another segment may not exist yet when this one runs.
        let stage = self.parallel.as_ref().map(|stage| stage.first_temporary);
        let own = self.start.temporaries.start;
        let is_visible =
            |temporary| stage.is_none_or(|first| temporary < first || temporary >= own);
        self.evaluations.place(lc, &mut self.program, is_visible)
    }

    /// A wire of another segment may not exist yet when this one runs.
    fn check_visible(&self, lc: &Lc) {
        if let Some(stage) = &self.parallel {
            let foreign = |wire: u32| wire >= stage.first_wire && wire < self.start.wires.start;
            assert!(
                !lc.terms().iter().any(|(wire, _)| foreign(*wire)),
                "a parallel segment uses a wire of another segment"
            );
        }
    }
}
