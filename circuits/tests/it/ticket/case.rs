//! Tickets that satisfy the statement, to start from.

use std::{collections::BTreeSet, sync::OnceLock};

use ark_ff::AdditiveGroup;
use merits_circuits::{
    builder::Circuit,
    program::WitnessError,
    ticket::{TicketCircuit, TicketViolation, TicketWitness, check},
};
use merits_params::r1cs::Term;
use merits_primitives::{
    Fr,
    calendar::Day,
    field,
    group::Group,
    identity::{Birth, Secret},
};
use merits_verifier::{Statement, statement::ticket::TicketStatement};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// First day of the period that tickets here are for.
pub(crate) const START: u32 = 20_500;

/// A group, one of its people, and that person's ticket.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) group: Group,
    pub(crate) index: u64,
    pub(crate) witness: TicketWitness,
    pub(crate) statement: TicketStatement,
}

/// The circuit, built once for all tests of a process.
pub(crate) fn circuit() -> &'static Circuit {
    static CIRCUIT: OnceLock<TicketCircuit> = OnceLock::new();
    CIRCUIT.get_or_init(TicketCircuit::build).circuit()
}

pub(crate) fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

impl Case {
    /// A ticket of the person at `index` of a group of `size`.
    pub(crate) fn new(size: u64, index: u64, seed: u64) -> Self {
        let mut rng = rng(seed);
        let secret = Secret::random(&mut rng);
        let birth = Birth {
            from: Day(rng.random_range(0..=START)),
            generation: rng.random(),
        };
        Self::of(secret, birth, size, index, &mut rng)
    }

    /// The same for a given person.
    pub(crate) fn of(
        secret: Secret,
        birth: Birth,
        size: u64,
        index: u64,
        rng: &mut StdRng,
    ) -> Self {
        let mut group = Group::new();
        for _ in 0..size {
            group.push(field::random(rng)).expect("room");
        }
        let mut witness = TicketWitness {
            secret,
            birth,
            path: group.path(index).expect("a leaf"),
            scope_source: field::random(rng),
        };
        group.update(index, witness.leaf()).expect("a leaf");
        witness.path = group.path(index).expect("a leaf");
        let root = group.root().expect("people");
        let statement = witness.statement(root, field::random(rng), field::random(rng), Day(START));
        Self {
            group,
            index,
            witness,
            statement,
        }
    }

    /// Three people before and nine after.
    pub(crate) fn good() -> Self {
        Self::new(13, 3, 11)
    }

    /// The statement made again from the witness, under the same root, scope, message and start.
    pub(crate) fn restate(&mut self) {
        let TicketStatement {
            root,
            scope,
            message,
            start,
            ..
        } = self.statement;
        self.statement = self.witness.statement(root, scope, message, start);
    }

    /// The mirror's verdict.
    pub(crate) fn native(&self) -> Result<(), TicketViolation> {
        check(&self.statement, &self.witness)
    }

    pub(crate) fn inputs(&self) -> Vec<Fr> {
        self.witness.inputs(&self.statement).to_vec()
    }

    /// All wires, or why there are none.
    pub(crate) fn run(&self) -> Result<Vec<Fr>, WitnessError> {
        circuit().program.run(&self.inputs())
    }

    pub(crate) fn assignment(&self) -> Vec<Fr> {
        self.run().expect("a witness exists")
    }

    pub(crate) fn circuit_accepts(&self) -> bool {
        self.run()
            .is_ok_and(|wires| circuit().check(&wires).is_ok())
    }

    /// Sections of all constraints that fail.
    pub(crate) fn sections(&self) -> BTreeSet<String> {
        violated(&self.assignment())
    }
}

/// Public inputs as the statement has them.
pub(crate) fn publics(statement: &TicketStatement) -> Vec<Fr> {
    statement.public_inputs()
}

/// Position of a private input, by its label, in the inputs of the witness program.
pub(crate) fn input(label: &str) -> usize {
    let labels = &circuit().input_labels;
    let found = labels.iter().position(|(other, _)| other == label);
    circuit().public_labels.len() + found.unwrap_or_else(|| panic!("no input {label}"))
}

pub(crate) fn only(sections: &[&str]) -> BTreeSet<String> {
    sections.iter().map(|name| (*name).to_owned()).collect()
}

fn evaluate(terms: &[Term], wires: &[Fr]) -> Fr {
    terms
        .iter()
        .fold(Fr::ZERO, |sum, (wire, c)| sum + *c * wires[*wire as usize])
}

/// Whether constraint `i` holds.
pub(crate) fn holds(i: usize, wires: &[Fr]) -> bool {
    let row = circuit().r1cs.constraint(i);
    evaluate(row.a, wires) * evaluate(row.b, wires) == evaluate(row.c, wires)
}

/// Sections of all constraints that do not hold, not of the first only.
pub(crate) fn violated(wires: &[Fr]) -> BTreeSet<String> {
    (0..circuit().r1cs.n_constraints())
        .filter(|i| !holds(*i, wires))
        .map(|i| circuit().section_of(i))
        .collect()
}
