//! The witness program gives the same assignment as synthesis: building the circuit again, with
//! every wire computed on the way, agrees with the program wire by wire.

use merits_circuits::redeem::RedeemCircuit;
use merits_primitives::ids::Credits;

use crate::redeem::case::{self, Case, World};

fn same(case: &Case) {
    let (circuit, traced) = RedeemCircuit::traced(case.inputs()).expect("a witness exists");
    assert_eq!(circuit.r1cs.digest(), case::circuit().r1cs.digest());
    assert!(traced == case.assignment(), "the same in every wire");
    circuit
        .check(&traced)
        .expect("it satisfies the constraints");
}

#[test]
fn the_witness_program_gives_the_same_wires_as_synthesis() {
    same(&Case::good(1, false));
    same(&Case::good(2, true));
    // Alone in group and tree, change 0, floor 0.
    let mut world = World::new(3, 0);
    let note = world.earn(450);
    let notes = [world.note(note), world.dummy()];
    let mut terms = world.terms();
    terms.floor = Credits(0);
    same(&world.case(notes, &terms));
}

#[test]
fn another_number_of_inputs_has_no_trace() {
    let mut inputs = Case::good(1, false).inputs();
    inputs.pop();
    assert!(RedeemCircuit::traced(inputs).is_err());
}
