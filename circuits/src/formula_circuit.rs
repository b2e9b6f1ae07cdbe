//! A formula as a circuit of its own: record slots, the formula, and public outputs.
//!
//! It proves the same facts about a claim's records as statement `earn`, without commitment, note and
//! encryption. Use it to compare the compiled formula with the interpreter, and to see the formula's
//! cost.

use merits_formula::{Outputs, Record, Typed};
use merits_primitives::{Fr, figures::PublicNumber};

use crate::{
    builder::{Builder, Circuit, Lc},
    earn::records::{slot_inputs, slots},
    formula::compile,
    program::WitnessError,
};

/// A circuit that demands `public outputs = F(records; constants)`. Public inputs are the
/// constants, the credits and, if the scale has one, the measure.
#[derive(Clone, Debug)]
pub struct FormulaCircuit {
    formula: Typed,
    circuit: Circuit,
}

/// Why there is no assignment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssignmentError {
    /// A record without a layout in the slots: a value too large for its bits or below its
    /// least, or a key that is not above the one before.
    #[error("record {record} does not fit the schema's layout")]
    Layout {
        /// Index of the record.
        record: usize,
    },
    /// No witness exists.
    #[error(transparent)]
    Witness(#[from] WitnessError),
}

impl FormulaCircuit {
    /// Builds the constraints and the witness program.
    #[must_use]
    pub fn build(formula: &Typed) -> Self {
        Self {
            formula: formula.clone(),
            circuit: synthesise(Builder::new(), formula).finish(),
        }
    }

    /// The formula.
    #[must_use]
    pub const fn formula(&self) -> &Typed {
        &self.formula
    }

    /// Constraints and witness program.
    #[must_use]
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Constraints of the formula alone, without its record slots.
    #[must_use]
    pub fn constraints(&self) -> usize {
        let sections = &self.circuit.sections;
        let formula = sections.iter().find(|section| section.path == "formula");
        formula.map_or(0, |section| section.constraints)
    }

    /// All inputs of the witness program. The outputs need not be the formula's.
    ///
    /// # Errors
    /// [`AssignmentError::Layout`].
    pub fn inputs(
        &self,
        records: &[Record],
        constants: &[PublicNumber],
        outputs: Outputs,
    ) -> Result<Vec<Fr>, AssignmentError> {
        let mut inputs: Vec<Fr> = constants.iter().map(|number| number.element()).collect();
        inputs.push(Fr::from(outputs.credits));
        inputs.extend(outputs.measure.map(Fr::from));
        slot_inputs(self.formula.schema(), records, &mut inputs)
            .map_err(|record| AssignmentError::Layout { record })?;
        Ok(inputs)
    }

    /// The assignment for these records, constants and outputs, by the witness program.
    /// [`Circuit::check`] checks whether it satisfies the constraints.
    ///
    /// # Errors
    /// [`AssignmentError`].
    pub fn assignment(
        &self,
        records: &[Record],
        constants: &[PublicNumber],
        outputs: Outputs,
    ) -> Result<Vec<Fr>, AssignmentError> {
        let inputs = self.inputs(records, constants, outputs)?;
        Ok(self.circuit.program.run(&inputs)?)
    }

    /// Builds the circuit again while computing every wire on the way, without the witness program:
    /// [`FormulaCircuit::assignment`] must return the same assignment.
    ///
    /// # Errors
    /// [`AssignmentError`].
    pub fn traced(formula: &Typed, inputs: Vec<Fr>) -> Result<(Circuit, Vec<Fr>), AssignmentError> {
        Ok(synthesise(Builder::tracing(inputs), formula).finish_traced()?)
    }
}

fn synthesise(mut b: Builder, formula: &Typed) -> Builder {
    let constants = formula.constants().iter();
    let constants: Vec<Lc> = constants.map(|c| b.public(&c.name)).collect();
    let credits = b.public("credits");
    let measure = formula.measure().map(|_| b.public("measure"));
    let slots = b.section("records", |b| slots(b, formula.schema(), "record"));
    let outputs = b.section("formula", |b| {
        compile(b, formula, &slots.records, &constants)
    });
    b.section("outputs", |b| {
        b.assert_equal(&outputs.credits, &credits);
        if let (Some(computed), Some(measure)) = (&outputs.measure, &measure) {
            b.assert_equal(computed, measure);
        }
        // Such as a constant times 0.
        for unused in b.unused_publics() {
            b.square(&unused);
        }
    });
    b
}
