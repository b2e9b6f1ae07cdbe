//! One test per invariant: it alone is broken, the mirror names it, and every constraint that
//! fails belongs to the section that keeps it.

use std::collections::BTreeSet;

use ark_ff::Field as _;
use merits_circuits::earn::{EarnCircuit, EarnViolation, WitnessFault, native};
use merits_formula::{Declarations, Field, FieldKind, Record, Schema, check};
use merits_primitives::{
    Fr,
    commitment::RecordCommitment,
    ids::{Credits, PeriodKind},
    note, owner,
    sum::WideSum,
    view_encryption,
};
use merits_verifier::{Statement, statement::earn as layout};

use crate::earn::case::{self, Case, violated};

const CAPACITY: usize = 3;
const RECORDS: u16 = 4;

/// Two present claims of 3 and 4 trips, one absent.
fn good() -> Case {
    Case::new(&case::cycling(RECORDS, true), CAPACITY, &[3, 4], 11)
}

/// The mirror's verdict on the case's public inputs and witness.
fn native(case: &Case) -> Result<(), EarnViolation> {
    native::check(
        case.circuit.formula(),
        CAPACITY,
        &case.publics,
        &case.witness,
    )
}

/// Sections that fail when single inputs of the witness program are replaced.
fn sections_with(case: &Case, changes: &[(usize, Fr)]) -> BTreeSet<String> {
    let mut inputs = case.inputs();
    for (at, value) in changes {
        inputs[*at] = *value;
    }
    let circuit = case.circuit.circuit();
    violated(
        circuit,
        &circuit.program.run(&inputs).expect("a witness exists"),
    )
}

fn only(sections: &[&str]) -> BTreeSet<String> {
    sections
        .iter()
        .map(|section| (*section).to_owned())
        .collect()
}

/// Sections that fail for the unchanged case.
fn sections(case: &Case) -> BTreeSet<String> {
    sections_with(case, &[])
}

/// The first public input of a claim.
fn claim_at(claim: usize, input: usize) -> usize {
    layout::claim_offset(2, claim) + input
}

#[test]
fn the_good_batch_is_good() {
    let case = good();
    assert_eq!(native(&case), Ok(()));
    assert_eq!(sections(&case), only(&[]));
}

#[test]
fn earn_1_n_counts_the_present_claims() {
    for n in [0u64, 1, 3] {
        let mut case = good();
        case.publics[layout::COUNT] = Fr::from(n);
        let violation = EarnViolation::Presence {
            present: 2,
            capacity: CAPACITY,
        };
        assert_eq!(native(&case), Err(violation));
        assert_eq!(sections(&case), only(&["batch/presence"]));
    }
}

#[test]
fn earn_1_flags_are_bits_that_never_rise() {
    // One present claim and one empty absent one, so that flags may move between them freely.
    let case = Case::new(&case::cycling(RECORDS, true), 2, &[], 12);
    let flag = |i| case.input(&format!("claim[{i}].present"));
    let (zero, one, two) = (Fr::from(0u64), Fr::ONE, Fr::from(2u64));
    let n = layout::COUNT;
    for flags in [[zero, one], [two, zero], [two, -one], [one - two, two]] {
        let sum = flags[0] + flags[1];
        let changes = [(flag(0), flags[0]), (flag(1), flags[1]), (n, sum)];
        let failed = sections_with(&case, &changes);
        assert!(failed.contains("batch/presence"), "{failed:?}");
    }
}

#[test]
fn earn_2_absent_claims_publish_zeros() {
    let sections_of = [
        "claim/commitment",
        "claim/binding",
        "claim/note",
        "claim/binding",
        "claim/ephemeral key",
        "claim/audit",
        "claim/audit",
    ];
    for (input, section) in sections_of.iter().enumerate() {
        let mut case = good();
        case.publics[claim_at(2, input)] = Fr::ONE;
        assert_eq!(
            native(&case),
            Err(EarnViolation::AbsentNotZero { claim: 2 })
        );
        assert_eq!(sections(&case), only(&[section]));
    }
}

#[test]
fn earn_2_an_absent_claim_may_hold_anything_and_still_publishes_zeros() {
    let case = good();
    let mut other = Case {
        witness: case.witness.clone(),
        ..good()
    };
    // The private side of claim 1, put where claim 2 is absent.
    other.witness.claims.push(case.witness.claims[1].clone());
    let mut inputs = other.inputs();
    inputs[case.input("claim[2].present")] = Fr::from(0u64);
    let circuit = case.circuit.circuit();
    let wires = circuit.program.run(&inputs).expect("a witness exists");
    assert_eq!(violated(circuit, &wires), only(&[]));
}

#[test]
fn earn_3_no_more_records_than_slots() {
    let mut case = good();
    case.witness.claims[0].records = case::week(&mut case::rng(3), 5);
    assert_eq!(native(&case), Err(EarnViolation::Slots { claim: 0 }));
    let inputs = case.circuit.inputs_of(&case.publics, &case.witness);
    assert!(matches!(
        inputs,
        Err(WitnessFault::Layout {
            claim: 0,
            record: 4
        })
    ));
}

#[test]
fn earn_3_absent_slots_are_zero_and_flags_never_rise() {
    let case = good();
    let slot = |name: &str| case.input(&format!("claim[0].record[3].{name}"));
    // A hidden trip in an absent slot: the commitment moves with it, but the gates fail first.
    for (bit, section) in [
        ("duration[4]", "claim/records/duration"),
        ("distance[9]", "claim/records/distance"),
        ("start.gap[3]", "claim/records/order"),
    ] {
        let failed = sections_with(&case, &[(slot(bit), Fr::ONE)]);
        assert!(failed.contains(section), "{bit}: {failed:?}");
    }
    // A gap in the flags, and a flag that is not a bit.
    let gap = case.input("claim[0].record[1].present");
    let failed = sections_with(&case, &[(gap, Fr::from(0u64))]);
    assert!(failed.contains("claim/records/present"), "{failed:?}");
    let circuit = case.circuit.circuit();
    let label = "claim[0].record[3].present";
    let flag = circuit
        .input_labels
        .iter()
        .find(|(other, _)| other == label);
    let mut wires = case.assignment();
    wires[flag.expect("a flag").1.index()] = Fr::from(2u64);
    assert!(violated(circuit, &wires).contains("claim/records/present"));
}

/// Puts records into claim 0 with a C that commits to them, so that C is not the reason.
fn with_records(change: impl FnOnce(&mut Vec<Record>)) -> Case {
    let mut case = good();
    change(&mut case.witness.claims[0].records);
    let formula = case.circuit.formula();
    let c = case.witness.claims[0].commitment(formula.schema(), case::terms().period);
    case.publics[claim_at(0, layout::CLAIM_COMMITMENT)] = c.0;
    case
}

#[test]
fn earn_4_fields_stay_within_bounds() {
    let violation = EarnViolation::Bounds {
        claim: 0,
        record: 2,
    };
    // One second too long, one metre too far: the bits are there for it.
    for (at, value, section) in [
        (1, 14_401, "claim/records/duration"),
        (2, 50_001, "claim/records/distance"),
    ] {
        let case = with_records(|records| records[2].0[at] = value);
        assert_eq!(native(&case), Err(violation.clone()));
        assert!(sections(&case).contains(section), "{:?}", sections(&case));
    }
    // The minute after Sunday: the rest of the week is negative, so it has no bits.
    let late = with_records(|records| records[2].0[0] = 10_080);
    assert_eq!(native(&late), Err(violation.clone()));
    let circuit = late.circuit.circuit();
    let error = circuit.program.run(&late.inputs()).expect_err("no witness");
    assert!(error.to_string().contains("claim/records/start"), "{error}");
    // One second too short: bits hold the value less the minimum.
    let short = with_records(|records| records[2].0[1] = 59);
    assert_eq!(native(&short), Err(violation));
    assert!(matches!(
        short.circuit.inputs_of(&short.publics, &short.witness),
        Err(WitnessFault::Layout {
            claim: 0,
            record: 2
        })
    ));
}

#[test]
fn earn_5_keys_strictly_increase() {
    let same = with_records(|records| records[2].0[0] = records[1].0[0]);
    let swapped = with_records(|records| records.swap(1, 2));
    for case in [same, swapped] {
        let violation = EarnViolation::Order {
            claim: 0,
            record: 2,
        };
        assert_eq!(native(&case), Err(violation));
        // A key is its distance from the one before: there are no bits for such records.
        assert!(matches!(
            case.circuit.inputs_of(&case.publics, &case.witness),
            Err(WitnessFault::Layout {
                claim: 0,
                record: 2
            })
        ));
    }
    // A prover who invents wires cannot do it either: the key before, which enters the sum, is a
    // separate product.
    let case = good();
    let circuit = case.circuit.circuit();
    let mut wires = case.assignment();
    let order = (0..circuit.r1cs.n_constraints())
        .filter(|i| circuit.section_of(*i) == "claim/records/order");
    let products: Vec<usize> = order
        .filter_map(|i| match circuit.r1cs.constraint(i).c {
            [(wire, _)] => Some(*wire as usize),
            _ => None,
        })
        .collect();
    assert_eq!(products.len(), CAPACITY * (usize::from(RECORDS) - 1));
    for wire in products {
        let kept = wires[wire];
        wires[wire] -= Fr::ONE;
        assert!(violated(circuit, &wires).contains("claim/records/order"));
        wires[wire] = kept;
    }
}

#[test]
fn earn_6_c_commits_to_these_records() {
    let violation = EarnViolation::Commitment { claim: 1 };
    let mut altered = good();
    altered.publics[claim_at(1, layout::CLAIM_COMMITMENT)] += Fr::ONE;
    assert_eq!(native(&altered), Err(violation.clone()));
    assert_eq!(sections(&altered), only(&["claim/commitment"]));

    // Another salt gives another C; the audit encryption, which is bound to C, moves with it.
    let mut salted = good();
    salted.witness.claims[1].salt.0 += Fr::ONE;
    assert_eq!(native(&salted), Err(violation.clone()));
    assert_eq!(
        sections(&salted),
        only(&["claim/commitment", "claim/audit"])
    );

    // Records of another period.
    let mut late = good();
    late.publics[layout::PERIOD] += Fr::ONE;
    assert!(matches!(
        native(&late),
        Err(EarnViolation::Commitment { claim: 0 })
    ));
    assert_eq!(sections(&late), only(&["claim/commitment", "claim/audit"]));

    // A metre more than the source signed.
    let mut farther = good();
    farther.witness.claims[1].records[0].0[2] += 1;
    assert_eq!(native(&farther), Err(violation));
    assert!(sections(&farther).contains("claim/commitment"));
}

#[test]
fn earn_7_credits_are_the_formulas() {
    // A statement that is consistent in itself, for one credit more.
    let mut case = good();
    let claim = &case.witness.claims[0];
    let formula = case.circuit.formula();
    let terms = case::terms();
    let true_credits = formula
        .eval(&claim.records, &terms.constants)
        .expect("a value");
    let more = Credits(true_credits.credits + 1);
    let c = case.publics[claim_at(0, layout::CLAIM_COMMITMENT)];
    let sealed = view_encryption::encrypt(
        &claim.exponent,
        &terms.view_key,
        RecordCommitment(c),
        more,
        &claim.handle,
    );
    let other = formula
        .eval(&case.witness.claims[1].records, &terms.constants)
        .expect("a value");
    let sum = WideSum(u128::from(more.0) + u128::from(other.credits));
    let total = view_encryption::encrypt_total(&case.witness.total_exponent, &terms.total_key, sum);
    let hidden = owner::bind(&claim.key, &claim.handle).hide(more);
    let cm = note::note_commitment(more, terms.expiry, terms.asset, &claim.key);
    case.publics[claim_at(0, layout::CLAIM_HIDDEN)] = hidden.0;
    case.publics[claim_at(0, layout::CLAIM_NOTE)] = cm.0;
    case.publics[claim_at(0, layout::CLAIM_CREDITS)] = sealed.cv.0;
    case.publics[layout::T2] = total.t2.x;
    case.publics[layout::T2 + 1] = total.t2.y;
    let violation = EarnViolation::Credits {
        claim: 0,
        credits: Credits(true_credits.credits),
    };
    assert_eq!(native(&case), Err(violation));
    let failed = only(&[
        "claim/binding",
        "claim/note",
        "claim/audit",
        "batch/total/T2 sum",
    ]);
    assert_eq!(sections(&case), failed);
    assert!(
        formula.max_value() < 1 << 63,
        "V_max leaves room in the note's 64 bits"
    );
}

#[test]
fn earn_7_credits_follow_the_public_constants() {
    let mut case = good();
    case.publics[layout::CONSTANTS] += Fr::from(100u64);
    assert!(matches!(
        native(&case),
        Err(EarnViolation::Credits { claim: 0, .. })
    ));
    let failed = only(&[
        "claim/binding",
        "claim/note",
        "claim/audit",
        "batch/total/T2 sum",
    ]);
    assert_eq!(sections(&case), failed);
}

/// One public input altered: the violation and the section that keeps it, and no other.
fn altered(at: usize, violation: EarnViolation, section: &str) {
    let mut case = good();
    case.publics[at] += Fr::ONE;
    assert_eq!(native(&case), Err(violation));
    assert_eq!(sections(&case), only(&[section]));
}

#[test]
fn earn_7_u_hides_the_credits() {
    let case = good();
    let formula = case.circuit.formula();
    let credits = formula.eval(&case.witness.claims[1].records, &case::CONSTANTS);
    let violation = EarnViolation::Credits {
        claim: 1,
        credits: Credits(credits.expect("a value").credits),
    };
    altered(
        claim_at(1, layout::CLAIM_HIDDEN),
        violation,
        "claim/binding",
    );
}

#[test]
fn earn_8_the_note_is_of_these_credits_expiry_asset_and_key() {
    let violation = EarnViolation::Note { claim: 0 };
    altered(
        claim_at(0, layout::CLAIM_NOTE),
        violation.clone(),
        "claim/note",
    );
    altered(layout::ASSET, violation.clone(), "claim/note");
    altered(layout::EXPIRY, violation, "claim/note");
}

#[test]
fn earn_9_b_binds_this_key_and_person() {
    let violation = EarnViolation::Binding { claim: 0 };
    altered(
        claim_at(0, layout::CLAIM_BINDING),
        violation.clone(),
        "claim/binding",
    );
    // The key of another person: note and binding follow the witness, not the statement.
    let mut case = good();
    case.witness.claims[0].key = case.witness.claims[1].key;
    assert_eq!(native(&case), Err(violation));
    assert_eq!(sections(&case), only(&["claim/binding", "claim/note"]));
}

#[test]
fn earn_10_ey_is_of_e() {
    let violation = EarnViolation::Ephemeral { claim: 1 };
    altered(
        claim_at(1, layout::CLAIM_EPHEMERAL),
        violation,
        "claim/ephemeral key",
    );
}

#[test]
fn earn_11_the_audit_ciphertext_holds_v_and_h() {
    let violation = EarnViolation::Audit { claim: 1 };
    altered(
        claim_at(1, layout::CLAIM_CREDITS),
        violation.clone(),
        "claim/audit",
    );
    altered(claim_at(1, layout::CLAIM_HANDLE), violation, "claim/audit");
    // Another accepted key: the holder of A could not decrypt it.
    let mut case = good();
    let (ax, ay) = (
        case.publics[layout::TOTAL_KEY],
        case.publics[layout::TOTAL_KEY + 1],
    );
    case.publics[layout::VIEW_KEY] = ax;
    case.publics[layout::VIEW_KEY + 1] = ay;
    assert_eq!(native(&case), Err(EarnViolation::Audit { claim: 0 }));
    assert_eq!(sections(&case), only(&["claim/audit"]));
}

#[test]
fn earn_12_t1_is_of_r() {
    altered(layout::T1, EarnViolation::TotalEphemeral, "batch/total/T1");
    altered(
        layout::T1 + 1,
        EarnViolation::TotalEphemeral,
        "batch/total/T1",
    );
}

#[test]
fn earn_13_t2_holds_the_sum() {
    altered(layout::T2, EarnViolation::Total, "batch/total/T2 sum");
    altered(layout::T2 + 1, EarnViolation::Total, "batch/total/T2 sum");
}

#[test]
fn earn_14_every_public_input_is_in_a_constraint() {
    let case = good();
    let r1cs = &case.circuit.circuit().r1cs;
    let mut used = vec![false; r1cs.n_wires as usize];
    for matrix in [&r1cs.a, &r1cs.b, &r1cs.c] {
        matrix
            .iter()
            .flatten()
            .for_each(|(wire, _)| used[*wire as usize] = true);
    }
    let unused: Vec<usize> = (0..used.len()).filter(|wire| !used[*wire]).collect();
    assert_eq!(unused, [0usize; 0], "wires in no constraint");
    // And in the order that verifiers have: a public input stands at its named position.
    for (label, at) in [
        ("asset", layout::ASSET),
        ("expiry", layout::EXPIRY),
        ("schema", layout::SCHEMA),
        ("period", layout::PERIOD),
        ("context", layout::CONTEXT),
        ("A.x", layout::VIEW_KEY),
        ("At.x", layout::TOTAL_KEY),
        ("T1.x", layout::T1),
        ("T2.y", layout::T2 + 1),
        ("n", layout::COUNT),
        ("constant factor", layout::CONSTANTS),
        ("claim[0].C", claim_at(0, layout::CLAIM_COMMITMENT)),
        ("claim[1].u", claim_at(1, layout::CLAIM_HIDDEN)),
        ("claim[2].ch", claim_at(2, layout::CLAIM_HANDLE)),
    ] {
        assert_eq!(case.public(label), at, "{label}");
    }
}

#[test]
fn every_claim_count_is_provable_without_trips_too() {
    for trips in [&[][..], &[0], &[0, 0, 0], &[4, 4, 4]] {
        let case = Case::new(&case::cycling(RECORDS, false), CAPACITY, trips, 5);
        assert_eq!(native(&case), Ok(()));
        assert_eq!(sections(&case), only(&[]));
    }
}

/// Days and months split a time into other numbers of day bits; a key may be any bounded number.
#[test]
fn other_periods_and_keys_keep_their_bounds() {
    let minutes = |days: u64| days * 1440;
    let day = (PeriodKind::Day, FieldKind::TimeInPeriod, minutes(1));
    let month = (PeriodKind::Month, FieldKind::TimeInPeriod, minutes(31));
    let page = (PeriodKind::Week, FieldKind::Int { min: 3, max: 999 }, 1000);
    for (period, key, end) in [day, month, page] {
        let field = |name: &str, kind: FieldKind, key| Field {
            name: name.into(),
            unit: match kind {
                FieldKind::TimeInPeriod => "min".into(),
                _ => "1".into(),
            },
            kind,
            key,
        };
        let amount = FieldKind::Int { min: 1, max: 100 };
        let fields = vec![field("amount", amount, false), field("at", key, true)];
        let schema = Schema::new("reading", "pages", period, fields, 3).expect("a good schema");
        let formula = check(&Declarations::new(
            schema.clone(),
            "pages.map(p, p.amount).sum()",
        ));
        let formula = formula.expect("a good formula");
        let mut terms = case::terms();
        terms.constants.clear();
        let circuit = EarnCircuit::build(&formula, 1);
        let mut witness = case::batch(&mut case::rng(9), &[0]);
        let record = |at| Record(vec![100, at]);
        witness.claims[0].records = vec![record(5), record(end / 2), record(end - 1)];
        let statement = witness
            .statement(&formula, 1, &terms)
            .expect("a good batch");
        let publics = statement.public_inputs();
        let mut case = Case {
            circuit,
            witness,
            publics,
        };
        assert_eq!(
            native::check(&formula, 1, &case.publics, &case.witness),
            Ok(())
        );
        assert!(case.circuit_accepts(&case.publics, &case.witness));
        // One beyond the end, with a C that commits to it.
        case.witness.claims[0].records[2] = record(end);
        let c = case.witness.claims[0].commitment(&schema, terms.period);
        case.publics[layout::claim_offset(0, 0)] = c.0;
        assert_eq!(
            native::check(&formula, 1, &case.publics, &case.witness),
            Err(EarnViolation::Bounds {
                claim: 0,
                record: 2
            })
        );
        assert!(!case.circuit_accepts(&case.publics, &case.witness));
    }
}
