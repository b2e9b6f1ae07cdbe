//! The witness program gives the same assignment as synthesis: building the circuit again, with
//! every wire computed on the way, agrees with the program wire by wire.

use merits_circuits::ticket::TicketCircuit;
use merits_primitives::{
    Fr,
    calendar::Day,
    identity::{Birth, Secret},
    jubjub::Scalar,
};

use crate::ticket::case::{self, Case, circuit};

fn same(case: &Case) {
    assert_eq!(case.native(), Ok(()));
    let (again, traced) = TicketCircuit::traced(case.inputs()).expect("a witness exists");
    assert_eq!(again.r1cs.digest(), circuit().r1cs.digest());
    assert!(traced == case.assignment());
    again.check(&traced).expect("it satisfies the constraints");
}

#[test]
fn the_witness_program_gives_the_same_wires_as_synthesis() {
    for (seed, (size, index)) in (0..).zip([(1, 0), (2, 1), (13, 12), (40, 7)]) {
        same(&Case::new(size, index, seed));
    }
}

/// Where windows, digits of the difference and the top bit are at their ends.
#[test]
fn so_it_does_for_secrets_at_the_ends() {
    let power = |n: u32| (0..n).fold(Scalar::from(1u64), |power, _| power + power);
    let one = Scalar::from(1u64);
    let secrets = [
        one,
        Scalar::from(2u64),
        -one,
        -Scalar::from(2u64),
        -Scalar::from(0x3000u64),
        power(250),
        power(250) - one,
        power(250) + one,
    ];
    for (seed, secret) in (0..).zip(secrets) {
        let birth = Birth {
            from: Day([0, case::START][seed as usize % 2]),
            generation: [0, 255][seed as usize % 2],
        };
        let rng = &mut case::rng(seed);
        same(&Case::of(Secret::from_scalar(secret), birth, 3, 2, rng));
    }
}

#[test]
fn another_number_of_inputs_has_no_trace() {
    let mut inputs = Case::good().inputs();
    inputs.pop();
    assert!(TicketCircuit::traced(inputs.clone()).is_err());
    inputs.extend([Fr::from(1u64); 2]);
    assert!(TicketCircuit::traced(inputs).is_err());
}
