//! A finished circuit: constraints, witness program, and names for both.

use merits_params::r1cs::R1cs;
use merits_primitives::Fr;

use crate::lc::Wire;
use crate::program::Program;
use crate::section::{Section, SectionLog};

/// A finished circuit.
#[derive(Clone, Debug)]
pub struct Circuit {
    /// The constraints.
    pub r1cs: R1cs,
    /// The program that fills the wires.
    pub program: Program,
    /// The number of constraints of each section, nested sections included.
    pub sections: Vec<Section>,
    /// Labels of the public inputs (wires 1, 2, ...).
    pub public_labels: Vec<String>,
    /// Labels and wires of the private inputs, in the order in which the program takes them. The
    /// program takes them after the public ones.
    pub input_labels: Vec<(String, Wire)>,
    pub(crate) origins: SectionLog,
}

/// A constraint that an assignment does not satisfy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("constraint {constraint} in `{section}` is not satisfied: the inputs break the statement")]
pub struct Unsatisfied {
    /// Number of the first constraint that fails.
    pub constraint: usize,
    /// Path of the section that it belongs to.
    pub section: String,
}

impl Circuit {
    /// Checks whether an assignment satisfies the constraints.
    ///
    /// # Errors
    /// [`Unsatisfied`] with the first failing constraint and its section.
    pub fn check(&self, assignment: &[Fr]) -> Result<(), Unsatisfied> {
        self.r1cs
            .is_satisfied(assignment)
            .map_err(|constraint| Unsatisfied {
                constraint,
                section: self.section_of(constraint),
            })
    }

    /// Path of the section that a constraint belongs to.
    #[must_use]
    pub fn section_of(&self, constraint: usize) -> String {
        self.origins.path_at(constraint)
    }
}
