//! The costs in constraints: per record, per claim, per batch.

use std::fmt;

use merits_verifier::statement::earn::CLAIM_INPUTS;

use super::EarnCircuit;

/// One part of the circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostLine {
    /// Path of the section, such as `claim/records/order`.
    pub part: String,
    /// Constraints in the whole circuit, nested parts included.
    pub total: usize,
    /// Constraints in one claim; `None` for parts that a batch has once.
    pub per_claim: Option<usize>,
    /// Constraints in one record slot, in hundredths. (The first slot has no order constraint, so
    /// this is not always whole.)
    pub per_record: Option<usize>,
}

/// All parts, in the order of the circuit. Displays as a table.
#[derive(Clone, Debug)]
pub struct CostTable {
    /// The parts.
    pub lines: Vec<CostLine>,
    /// B.
    pub claims: usize,
    /// R.
    pub records: usize,
    /// Public inputs.
    pub publics: usize,
    /// Wires.
    pub wires: usize,
    /// Constraints in all.
    pub constraints: usize,
    /// Terms in A, B and C.
    pub terms: [usize; 3],
}

impl CostTable {
    pub(super) fn new(earn: &EarnCircuit) -> Self {
        let circuit = earn.circuit();
        let (claims, records) = (
            earn.capacity(),
            usize::from(earn.formula().schema().max_records),
        );
        let lines = circuit.sections.iter().map(|section| {
            let total = section.constraints;
            let in_claim = section.path.starts_with("claim");
            let in_record = section.path.starts_with("claim/records");
            CostLine {
                part: section.path.clone(),
                total,
                per_claim: in_claim.then_some(total / claims),
                per_record: in_record.then_some(100 * total / (claims * records)),
            }
        });
        let r1cs = &circuit.r1cs;
        Self {
            lines: lines.collect(),
            claims,
            records,
            publics: r1cs.n_public as usize,
            wires: r1cs.n_wires as usize,
            constraints: r1cs.n_constraints(),
            terms: [&r1cs.a, &r1cs.b, &r1cs.c].map(|matrix| matrix.non_zero()),
        }
    }

    /// Constraints of one claim.
    #[must_use]
    pub fn per_claim(&self) -> usize {
        let claim = self.lines.iter().find(|line| line.part == "claim");
        claim.and_then(|line| line.per_claim).unwrap_or(0)
    }

    /// How many claims the domain has room for: it is paid for whether it is full or not.
    #[must_use]
    pub fn claims_that_fit(&self) -> usize {
        let batch = self.constraints - self.claims * self.per_claim();
        let publics = self.publics.saturating_sub(CLAIM_INPUTS * self.claims);
        // A claim takes its constraints and, in circom's reduction, one row for each public input.
        let room = self.domain().saturating_sub(batch + publics + 1);
        room / (self.per_claim() + CLAIM_INPUTS)
    }

    /// Size of the smallest domain that holds the circuit: constraints, public inputs and one.
    #[must_use]
    pub fn domain(&self) -> usize {
        (self.constraints + self.publics + 1).next_power_of_two()
    }
}

impl fmt::Display for CostTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} claims of {} records: {} constraints ({} a claim), {} public inputs, {} wires, \
             terms A {} B {} C {}, domain {}",
            self.claims,
            self.records,
            self.constraints,
            self.per_claim(),
            self.publics,
            self.wires,
            self.terms[0],
            self.terms[1],
            self.terms[2],
            self.domain(),
        )?;
        writeln!(
            f,
            "{:<40} {:>8} {:>10} {:>10}",
            "part", "in all", "per claim", "per record"
        )?;
        for line in &self.lines {
            let claim = line.per_claim.map(|n| n.to_string()).unwrap_or_default();
            let record = line
                .per_record
                .map(|n| format!("{}.{:02}", n / 100, n % 100));
            let record = record.unwrap_or_default();
            writeln!(
                f,
                "{:<40} {:>8} {claim:>10} {record:>10}",
                line.part, line.total
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_fit_while_rows_are_left() {
        let costs = |claims: usize| CostTable {
            lines: vec![CostLine {
                part: "claim".to_owned(),
                total: 100 * claims,
                per_claim: Some(100),
                per_record: None,
            }],
            claims,
            records: 1,
            wires: 0,
            constraints: 50 + 100 * claims,
            publics: 10 + CLAIM_INPUTS * claims,
            terms: [0; 3],
        };
        // 1,024 rows, of which the batch takes 50, its public inputs 10, and the constant one.
        assert_eq!((costs(8).domain(), costs(8).claims_that_fit()), (1024, 9));
        assert_eq!(costs(9).domain(), 1024);
        assert_eq!(costs(10).domain(), 2048);
    }
}
