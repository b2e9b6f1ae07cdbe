//! EARN-15 to EARN-17: a second output, proven beside the credits.

use std::collections::BTreeSet;

use ark_ff::Field as _;
use merits_circuits::earn::{EarnViolation, WitnessFault, native};
use merits_primitives::{
    Fr,
    commitment::RecordCommitment,
    earned::Earned,
    ids::{Credits, Quantity},
    owner::{self, HiddenEarned},
    sum::WideSum,
    view_encryption,
};
use merits_verifier::{Statement as _, statement::earn as layout};

use crate::earn::case::{self, Case, violated};

const CAPACITY: usize = 2;

/// Two present claims of 3 and 4 trips.
fn good() -> Case {
    Case::new(&case::measured(4), CAPACITY, &[3, 4], 31)
}

fn native(case: &Case) -> Result<(), EarnViolation> {
    native::check(
        case.circuit.formula(),
        CAPACITY,
        &case.publics,
        &case.witness,
    )
}

fn sections(case: &Case) -> BTreeSet<String> {
    violated(case.circuit.circuit(), &case.assignment())
}

fn only(sections: &[&str]) -> BTreeSet<String> {
    sections
        .iter()
        .map(|section| (*section).to_owned())
        .collect()
}

fn claim_at(case: &Case, claim: usize, input: usize) -> usize {
    case.circuit.layout().claim_offset(claim) + input
}

fn measure_at(case: &Case) -> usize {
    let at = case.circuit.layout().measure_offset();
    at.expect("the scale has a measure")
}

#[test]
fn the_measured_batch_is_good_and_has_the_verifiers_layout() {
    let case = good();
    assert_eq!(native(&case), Ok(()));
    assert_eq!(sections(&case), only(&[]));
    let at = measure_at(&case);
    assert_eq!(case.public("M1.x"), at);
    assert_eq!(case.public("M2.y"), at + 3);
    assert_eq!(case.public("claim[0].C"), at + 4);
    assert_eq!(case.publics.len(), case.circuit.layout().input_count());
    // Both outputs come out of u and cv; the note holds the credits alone.
    let formula = case.circuit.formula();
    let claim = &case.witness.claims[0];
    let outputs = formula
        .eval(&claim.records, &case::CONSTANTS)
        .expect("a value");
    let metres = claim.records.iter().map(|record| record.0[2]).sum::<u64>();
    assert_eq!(outputs.measure, Some(metres));
    let u = case.publics[claim_at(&case, 0, layout::CLAIM_HIDDEN)];
    let earned = owner::bind(&claim.key, &claim.handle).reveal(HiddenEarned(u), true);
    let expected = Earned {
        credits: Credits(outputs.credits),
        measure: Some(Quantity(metres)),
    };
    assert_eq!(earned, Some(expected));
}

#[test]
fn a_measured_batch_needs_an_exponent_of_its_own() {
    let mut case = good();
    case.witness.measure_exponent = None;
    let statement = case
        .witness
        .statement(case.circuit.formula(), CAPACITY, &case::terms());
    assert!(matches!(statement, Err(WitnessFault::NoMeasureExponent)));
    assert!(!case.circuit_accepts(&case.publics, &case.witness));
    assert_eq!(native(&case), Err(EarnViolation::MeasureEphemeral));
    // The same exponent twice is refused before any proof is looked at.
    let mut shared = good();
    shared.witness.measure_exponent = Some(shared.witness.total_exponent.clone());
    let statement = shared
        .witness
        .statement(shared.circuit.formula(), CAPACITY, &case::terms())
        .expect("it can be stated");
    assert!(statement.check().is_err());
}

#[test]
fn earn_15_the_measure_is_the_formulas() {
    // A statement that is consistent in itself, for one metre more.
    let mut case = good();
    let claim = &case.witness.claims[0];
    let (formula, terms) = (case.circuit.formula(), case::terms());
    let eval = |claim: usize| {
        let records = &case.witness.claims[claim].records;
        let outputs = formula.eval(records, &terms.constants).expect("a value");
        (outputs.credits, outputs.measure.expect("it has a measure"))
    };
    let ((credits, metres), (_, others)) = (eval(0), eval(1));
    let more = Earned {
        credits: Credits(credits),
        measure: Some(Quantity(metres + 1)),
    };
    let c = case.publics[claim_at(&case, 0, layout::CLAIM_COMMITMENT)];
    let sealed = view_encryption::encrypt(
        &claim.exponent,
        &terms.view_key,
        RecordCommitment(c),
        more,
        &claim.handle,
    );
    let hidden = owner::bind(&claim.key, &claim.handle).hide(more);
    let exponent = case.witness.measure_exponent.as_ref().expect("it has one");
    let sum = WideSum(u128::from(metres) + 1 + u128::from(others));
    let total = view_encryption::encrypt_total(exponent, &terms.total_key, sum);
    let (hidden_at, sealed_at, total_at) = (
        claim_at(&case, 0, layout::CLAIM_HIDDEN),
        claim_at(&case, 0, layout::CLAIM_CREDITS),
        measure_at(&case) + 2,
    );
    case.publics[hidden_at] = hidden.0;
    case.publics[sealed_at] = sealed.cv.0;
    case.publics[total_at] = total.t2.x;
    case.publics[total_at + 1] = total.t2.y;
    let violation = EarnViolation::Measure {
        claim: 0,
        measure: Quantity(metres),
    };
    assert_eq!(native(&case), Err(violation));
    let failed = ["claim/binding", "claim/audit", "batch/total/M2 sum"];
    assert_eq!(sections(&case), only(&failed));
}

#[test]
fn earn_16_and_17_the_measures_total() {
    for (at, violation, section) in [
        (0, EarnViolation::MeasureEphemeral, "batch/total/M1"),
        (1, EarnViolation::MeasureEphemeral, "batch/total/M1"),
        (2, EarnViolation::MeasureTotal, "batch/total/M2 sum"),
        (3, EarnViolation::MeasureTotal, "batch/total/M2 sum"),
    ] {
        let mut case = good();
        let at = measure_at(&case) + at;
        case.publics[at] += Fr::ONE;
        assert_eq!(native(&case), Err(violation));
        assert_eq!(sections(&case), only(&[section]));
    }
}

#[test]
fn an_absent_claim_measures_nothing() {
    let case = Case::new(&case::measured(4), CAPACITY, &[4], 33);
    assert_eq!(native(&case), Ok(()));
    // The private side of claim 0, put where claim 1 is absent.
    let mut other = Case::new(&case::measured(4), CAPACITY, &[4], 33);
    other.witness.claims.push(case.witness.claims[0].clone());
    let mut inputs = other.inputs();
    inputs[case.input("claim[1].present")] = Fr::from(0u64);
    let circuit = case.circuit.circuit();
    let wires = circuit.program.run(&inputs).expect("a witness exists");
    assert_eq!(violated(circuit, &wires), only(&[]));
}
