//! The witness program: a list of instructions that fills every wire from the inputs.
//!
//! The [builder](crate::builder) makes it once, together with the constraints, and it runs for each
//! proof; the constraint system is never rebuilt. A linear combination that is used as a factor is
//! evaluated once, into a *temporary*, however often it is used.
//!
//! The list of instructions (`Op`) defines each wire. Proofs run the instructions by a `Plan`, which
//! is also made once:
//!
//! - if a gadget has a faster way to fill all its wires (`Kernel`), that runs instead;
//! - inversions, by far the most expensive instructions, are done many at a time: an instruction's
//!   level is the length of the chain of inversions that it depends on;
//! - stretches that do not read each other's wires (one for each claim) run on several threads.
//!
//! The plan works for inputs that have a witness. If it meets a case that it cannot handle, the
//! instructions run one by one and return the error or the wires.

mod frame;
mod op;
mod plan;

use std::ops::Range;
use std::sync::Arc;

use ark_ff::{AdditiveGroup, Field};
use merits_primitives::Fr;

pub(crate) use self::op::{COEFFICIENT_MINUS_ONE, COEFFICIENT_ONE, HintCall, Op, Operand};
pub(crate) use self::op::{div_rem, signed};
use self::{frame::Frame, op::Fault, plan::Plan};
use crate::section::SectionLog;

/// A function that fills `outputs` from `inputs` when the other instructions cannot express it.
/// The caller must constrain the outputs. The error says what is wrong with the inputs.
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
        /// The hint's reason.
        reason: &'static str,
    },
}

/// A faster way to fill all wires that a run of instructions writes.
pub(crate) trait Kernel: std::fmt::Debug + Send + Sync {
    /// The number of wires that it fills. If the instructions write another number, because some
    /// fold with a constant operand, the instructions are kept.
    fn n_wires(&self) -> usize;

    /// Fills `wires` from `inputs`, with the values that the instructions would give. `None` if it
    /// cannot, such as for a division by zero.
    fn fill(&self, inputs: &[Fr], wires: &mut [Fr]) -> Option<()>;
}

/// Instructions that a kernel replaces.
#[derive(Clone, Debug)]
pub(crate) struct Fused {
    pub(crate) ops: Range<usize>,
    pub(crate) wires: Range<u32>,
    pub(crate) inputs: Vec<Operand>,
    pub(crate) kernel: Arc<dyn Kernel>,
}

/// A stretch of the program, and the wires that it writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stretch {
    pub(crate) ops: Range<usize>,
    pub(crate) wires: Range<u32>,
    pub(crate) temporaries: Range<u32>,
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
    /// In the order of their instructions.
    pub(crate) fused: Vec<Fused>,
    /// Stages run in order; the stretches of one stage are independent of each other.
    pub(crate) stages: Vec<Vec<Stretch>>,
    /// The section that each instruction came from.
    pub(crate) origins: SectionLog,
    plan: Plan,
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

    /// Makes the plan. Call it after the last instruction was added.
    pub(crate) fn compile(&mut self) {
        self.plan = Plan::new(self);
    }

    /// The full assignment in wire order. It is *a* witness, not necessarily a satisfying one:
    /// plain assertions are not evaluated here. [`crate::builder::Circuit::check`] does that.
    ///
    /// # Errors
    /// [`WitnessError`], which names the section, if no value exists.
    pub fn run(&self, inputs: &[Fr]) -> Result<Vec<Fr>, WitnessError> {
        self.check_count(inputs)?;
        match self.plan.run(self, inputs) {
            Ok(wires) => Ok(wires),
            Err(_) => self.run_plainly(inputs),
        }
    }

    /// The same as [`Program::run`], instruction by instruction: several times slower. For tests and
    /// measurements.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_plainly(&self, inputs: &[Fr]) -> Result<Vec<Fr>, WitnessError> {
        self.check_count(inputs)?;
        let mut wires = vec![Fr::ZERO; self.n_wires as usize];
        let mut temporaries = vec![Fr::ZERO; self.n_temporaries as usize];
        wires[0] = Fr::ONE;
        let mut frame = Frame::of_all(self, inputs, &mut wires, &mut temporaries);
        for (at, op) in self.ops.iter().enumerate() {
            frame.step(*op).map_err(|fault| self.error(at, fault))?;
        }
        Ok(wires)
    }

    fn check_count(&self, inputs: &[Fr]) -> Result<(), WitnessError> {
        if inputs.len() == self.n_inputs {
            return Ok(());
        }
        Err(WitnessError::InputCount {
            expected: self.n_inputs,
            given: inputs.len(),
        })
    }

    fn error(&self, at: usize, fault: Fault) -> WitnessError {
        let section = self.origins.path_at(at);
        match fault {
            Fault::DoesNotFit(bits) => WitnessError::DoesNotFit { section, bits },
            Fault::DivisionByZero => WitnessError::DivisionByZero { section },
            Fault::Hint(reason) => WitnessError::Hint { section, reason },
        }
    }
}
