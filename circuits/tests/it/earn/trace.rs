//! The witness program gives the same assignment as synthesis: building the circuit again, with
//! every wire computed on the way, agrees with the program wire by wire.

use std::{fs, path::Path};

use merits_circuits::earn::{EarnCircuit, EarnTerms, native};
use merits_formula::Typed;
use merits_params::manifest::Manifest;
use merits_verifier::Statement as _;

use crate::earn::case::{self, Case};

fn same(formula: &Typed, capacity: usize, trips: &[usize], seed: u64) {
    let case = Case::new(formula, capacity, trips, seed);
    let (circuit, traced) =
        EarnCircuit::traced(formula, capacity, case.inputs()).expect("a witness exists");
    assert_eq!(circuit.r1cs.digest(), case.circuit.circuit().r1cs.digest());
    assert_eq!(traced, case.assignment());
    circuit
        .check(&traced)
        .expect("it satisfies the constraints");
}

#[test]
fn the_witness_program_gives_the_same_wires_as_synthesis() {
    for (seed, trips) in [&[][..], &[0, 1], &[6, 3, 5], &[2]].iter().enumerate() {
        same(&case::cycling(6, false), 3, trips, seed as u64);
        same(&case::cycling(6, true), 3, trips, 40 + seed as u64);
        same(&case::measured(6), 3, trips, 80 + seed as u64);
    }
    same(&case::cycling(40, false), 1, &[40], 7);
}

/// A batch for every example of every shipped scale's manifest. The mirror and the constraints accept
/// it, and both computations give the same wires.
#[test]
fn so_it_does_for_every_example_of_every_scale() {
    let scales = Path::new(env!("CARGO_MANIFEST_DIR")).join("../params/scales");
    for folder in fs::read_dir(scales).expect("the scales are there") {
        let text = fs::read_to_string(folder.expect("a folder").path().join("scale.toml"));
        let manifest = Manifest::from_toml(&text.expect("a manifest")).expect("a good manifest");
        let formula = manifest.formula();
        let circuit = EarnCircuit::build(formula, 1);
        for (seed, example) in (0..).zip(manifest.examples()) {
            let what = format!("{}: {}", manifest.id(), example.name);
            let mut witness = case::batch(&mut case::rng(seed), &[0]);
            witness.claims[0].records.clone_from(&example.records);
            let terms = EarnTerms {
                period: example.period,
                constants: manifest.public_values(example.period),
                ..case::terms()
            };
            let statement = witness.statement(formula, 1, &terms).expect(&what);
            let publics = statement.public_inputs();
            assert_eq!(
                native::check(formula, 1, &publics, &witness),
                Ok(()),
                "{what}"
            );
            let inputs = circuit.inputs_of(&publics, &witness).expect(&what).to_vec();
            let assignment = circuit.circuit().program.run(&inputs).expect(&what);
            circuit.circuit().check(&assignment).expect(&what);
            let (again, traced) = EarnCircuit::traced(formula, 1, inputs).expect(&what);
            assert_eq!(
                again.r1cs.n_constraints(),
                circuit.circuit().r1cs.n_constraints()
            );
            assert!(traced == assignment, "{what}");
        }
    }
}

#[test]
fn another_number_of_inputs_has_no_trace() {
    let formula = case::cycling(2, false);
    let mut inputs = Case::new(&formula, 1, &[2], 1).inputs();
    inputs.pop();
    assert!(EarnCircuit::traced(&formula, 1, inputs).is_err());
}
