//! The native mirror accepts exactly what the circuit accepts.

use std::sync::OnceLock;

use ark_ff::Field;
use merits_circuits::earn::{EarnWitness, native};
use merits_primitives::{Fr, field};
use merits_verifier::statement::earn as layout;
use proptest::prelude::*;
use rand::{RngExt, rngs::StdRng};

use crate::earn::case::{self, Case};

const CAPACITY: usize = 3;
const RECORDS: u16 = 6;

/// With or without a measure.
fn shape(measured: bool) -> &'static Case {
    static PLAIN: OnceLock<Case> = OnceLock::new();
    static MEASURED: OnceLock<Case> = OnceLock::new();
    let new = |formula| Case::new(&formula, CAPACITY, &[1], 1);
    if measured {
        MEASURED.get_or_init(|| new(case::measured(RECORDS)))
    } else {
        PLAIN.get_or_init(|| new(case::cycling(RECORDS, true)))
    }
}

fn native_accepts(shape: &Case, publics: &[Fr], witness: &EarnWitness) -> bool {
    native::check(shape.circuit.formula(), CAPACITY, publics, witness).is_ok()
}

/// Changes the witness in one way. Some ways keep it valid for its own statement.
fn change_witness(kind: usize, witness: &mut EarnWitness, rng: &mut StdRng) {
    let claim = rng.random_range(0..witness.claims.len());
    let trips = witness.claims[claim].records.len();
    let target = &mut witness.claims[claim];
    match kind {
        0 => target.key.0 += Fr::ONE,
        1 => target.handle.0 += Fr::ONE,
        2 => target.salt.0 += Fr::ONE,
        3 => target.exponent = case::exponent(rng),
        4 => witness.total_exponent = case::exponent(rng),
        13 => witness.measure_exponent = Some(case::exponent(rng)),
        5 if trips > 0 => {
            // A field anywhere in what its bits can hold, in bounds or not.
            let (record, at) = (rng.random_range(0..trips), rng.random_range(0..3usize));
            target.records[record].0[at] = rng.random_range(0..[10_240, 16_384, 65_536][at]);
        }
        6 if trips > 1 => {
            let i = rng.random_range(1..trips);
            target.records.swap(i - 1, i);
        }
        7 if trips > 1 => {
            let i = rng.random_range(1..trips);
            target.records[i].0[0] = target.records[i - 1].0[0];
        }
        8 => {
            target.records.pop();
        }
        9 => {
            // One more trip: out of order, in order, or one too many.
            let trip = case::week(rng, 1).remove(0);
            target.records.push(trip);
        }
        10 => {
            let own = case::claim(rng, 2);
            witness.claims.push(own);
        }
        11 => {
            witness.claims.pop();
        }
        12 => witness.claims.reverse(),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Against the statement of the batch before the change.
    #[test]
    fn a_changed_witness(
        seed: u64,
        measured: bool,
        trips in prop::collection::vec(0..=usize::from(RECORDS), 1..=CAPACITY),
        kind in 0..15usize,
    ) {
        let shape = shape(measured);
        let mut rng = case::rng(seed);
        let mut witness = case::batch(&mut rng, &trips);
        let publics = case::publics(&shape.circuit, &witness);
        prop_assert!(native_accepts(shape, &publics, &witness));
        prop_assert!(shape.circuit_accepts(&publics, &witness));
        change_witness(kind, &mut witness, &mut rng);
        let expected = native_accepts(shape, &publics, &witness);
        prop_assert_eq!(shape.circuit_accepts(&publics, &witness), expected, "change {}", kind);
    }

    /// Against the changed witness's own public values, so that only its inner invariants speak.
    #[test]
    fn a_changed_witness_with_its_own_statement(
        seed: u64,
        measured: bool,
        trips in prop::collection::vec(1..=usize::from(RECORDS), 1..=CAPACITY),
        kinds in prop::collection::vec(5..10usize, 1..3),
    ) {
        let shape = shape(measured);
        let mut rng = case::rng(seed);
        let mut witness = case::batch(&mut rng, &trips);
        for kind in kinds {
            change_witness(kind, &mut witness, &mut rng);
        }
        let formula = shape.circuit.formula();
        let stated = witness.statement(formula, CAPACITY, &case::terms()).is_ok();
        // The commitments fit any records, so only bounds and order can fail.
        let publics = if stated {
            case::publics(&shape.circuit, &witness)
        } else {
            let mut publics = case::publics(&shape.circuit, &case::batch(&mut rng, &trips));
            let period = case::terms().period;
            for (i, claim) in witness.claims.iter().enumerate() {
                let at = shape.circuit.layout().claim_offset(i) + layout::CLAIM_COMMITMENT;
                publics[at] = claim.commitment(formula.schema(), period).0;
            }
            publics
        };
        prop_assert_eq!(native_accepts(shape, &publics, &witness), stated);
        prop_assert_eq!(shape.circuit_accepts(&publics, &witness), stated);
    }

    /// One public input, or two, of a good statement changed.
    #[test]
    fn a_changed_statement(
        seed: u64,
        measured: bool,
        trips in prop::collection::vec(0..=usize::from(RECORDS), 1..=CAPACITY),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..4u8), 0..3),
    ) {
        let shape = shape(measured);
        let mut rng = case::rng(seed);
        let witness = case::batch(&mut rng, &trips);
        let mut publics = case::publics(&shape.circuit, &witness);
        for (index, how) in changes {
            let at = index.index(publics.len());
            publics[at] = match how {
                0 => publics[at] + Fr::ONE,
                1 => -publics[at],
                2 => Fr::from(0u64),
                _ => field::random(&mut rng),
            };
        }
        let accepted = shape.circuit_accepts(&publics, &witness);
        match native::check(shape.circuit.formula(), CAPACITY, &publics, &witness) {
            Ok(()) => prop_assert!(accepted),
            // The circuit relies on preconditions and guarantees nothing without them. Here it
            // may also accept a constant outside its interval that changes no credit.
            Err(native::EarnViolation::Precondition(_)) => {}
            Err(_) => prop_assert!(!accepted),
        }
    }
}
