//! The costs in constraints of a person's statement.

use std::fmt;

use crate::builder::Circuit;

/// All sections of a circuit with their constraints. Displays as a table, which the pin files hold.
#[derive(Clone, Copy, Debug)]
pub struct Costs<'a>(pub &'a Circuit);

impl Costs<'_> {
    /// Constraints in all.
    #[must_use]
    pub fn constraints(&self) -> usize {
        self.0.r1cs.n_constraints()
    }

    /// Size of the smallest domain that holds the circuit: constraints, public inputs and one.
    #[must_use]
    pub fn domain(&self) -> usize {
        (self.constraints() + self.0.r1cs.n_public as usize + 1).next_power_of_two()
    }
}

impl fmt::Display for Costs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let r1cs = &self.0.r1cs;
        writeln!(
            f,
            "{} constraints, {} public inputs, {} wires, terms A {} B {} C {}, domain {}",
            self.constraints(),
            r1cs.n_public,
            r1cs.n_wires,
            r1cs.a.non_zero(),
            r1cs.b.non_zero(),
            r1cs.c.non_zero(),
            self.domain(),
        )?;
        for section in &self.0.sections {
            writeln!(f, "{:<40} {:>8}", section.path, section.constraints)?;
        }
        Ok(())
    }
}
