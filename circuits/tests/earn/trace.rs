//! The witness program gives the same assignment as synthesis: building the circuit anew, with
//! every wire computed on the way, agrees with the program wire by wire.

use merits_circuits::earn::EarnCircuit;
use merits_formula::Typed;

use crate::case::{self, Case};

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
fn the_witness_program_gives_what_synthesis_gives() {
    for (seed, trips) in [&[][..], &[0, 1], &[6, 3, 5], &[2]].iter().enumerate() {
        same(&case::cycling(6, false), 3, trips, seed as u64);
        same(&case::cycling(6, true), 3, trips, 40 + seed as u64);
        same(&case::measured(6), 3, trips, 80 + seed as u64);
    }
    same(&case::cycling(40, false), 1, &[40], 7);
}

#[test]
fn another_number_of_inputs_has_no_trace() {
    let formula = case::cycling(2, false);
    let mut inputs = Case::new(&formula, 1, &[2], 1).inputs();
    inputs.pop();
    assert!(EarnCircuit::traced(&formula, 1, inputs).is_err());
}
