//! One test per invariant: it alone is broken, the mirror names it, and every constraint that
//! fails belongs to the section that keeps it.

use ark_ff::{AdditiveGroup as _, Field as _};
use merits_circuits::{
    builder::Wire,
    redeem::{RedeemFault, RedeemViolation},
};
use merits_primitives::{
    Fr,
    identity::{Birth, Secret},
    ids::{AssetId, Credits, Expiry},
    note, owner,
    view_encryption::{self, Exponent},
};
use merits_verifier::{Statement as _, statement::redeem as layout};

use crate::redeem::case::{self, Case, World, circuit, forged, only, sections_of, violated};

/// One change of a good redemption's statement: the violation, and the section that keeps it.
fn altered(change: impl Fn(&mut Case), violation: RedeemViolation, section: &str) {
    for dummy in [false, true] {
        let mut case = Case::good(11, dummy);
        change(&mut case);
        assert_eq!(case.native(), Err(violation));
        assert_eq!(case.sections(), only(&[section]));
    }
}

#[test]
fn the_good_redemptions_are_good() {
    for dummy in [false, true] {
        let case = Case::good(11, dummy);
        assert_eq!(case.native(), Ok(()));
        assert_eq!(case.sections(), only(&[]));
    }
}

#[test]
fn redeem_1_the_secret_is_below_l() {
    // A small secret, so that secret + l has 251 bits too.
    let secret = Secret::from_scalar(12_345u64.into());
    let mut world = World::of(secret.clone(), case::rng(3), 4);
    let held = world.earn(1000);
    let notes = [world.note(held), world.dummy()];
    let terms = world.terms();
    let case = world.case(notes, &terms);
    assert_eq!(
        sections_of(&forged(&case, secret.element(), [1000, 0], 550)),
        only(&[])
    );
    // l is the number below p that gives the scalar −1, and one more.
    let order = Secret::from_scalar(-merits_primitives::jubjub::Scalar::ONE).element() + Fr::ONE;
    let twin = secret.element() + order;
    // It gives the same IC, so the leaf is in the group; only the bound refuses it.
    let refused = circuit().program.run(&forged(&case, twin, [1000, 0], 550));
    let refused = refused.expect_err("no witness").to_string();
    assert!(refused.contains("person/order"), "{refused}");
}

#[test]
fn redeem_1_the_secret_is_not_0() {
    let mut case = Case::good(11, true);
    case.witness.secret = Secret::from_scalar(0u64.into());
    assert_eq!(case.native(), Err(RedeemViolation::Identity));
    assert!(case.refusal().contains("person/key"));
}

#[test]
fn redeem_2_the_leaf_is_under_the_group_root() {
    let change = |case: &mut Case| case.statement.group_root.0 += Fr::ONE;
    altered(change, RedeemViolation::Group, "member/path");
    // Another birth is another leaf.
    let change = |case: &mut Case| {
        case.witness.birth = Birth {
            generation: 0,
            ..case::BIRTH
        };
    };
    altered(change, RedeemViolation::Group, "member/path");
}

#[test]
fn redeem_3_nullifiers_are_those_of_the_notes() {
    // The second alone: from the first follow change and sealed identity.
    let change = |case: &mut Case| case.statement.sn2.0 += Fr::ONE;
    let violation = RedeemViolation::Nullifier { note: 1 };
    altered(change, violation, "note 2/nullifier");

    // The first, with all that follows from it.
    let change = |case: &mut Case| {
        let statement = &mut case.statement;
        statement.sn1.0 += Fr::ONE;
        let secret = &case.witness.secret;
        let key = owner::change_key(secret, statement.sn1);
        statement.cm_out =
            note::note_commitment(Credits(550), statement.expiry, statement.asset, &key);
        let identity = secret.commitment().expect("not zero");
        let exponent = &case.witness.exponent;
        statement.c_id =
            view_encryption::seal_identity(exponent, &statement.a, statement.sn1, identity).c_id;
    };
    let violation = RedeemViolation::Nullifier { note: 0 };
    altered(change, violation, "note 1/nullifier");
}

#[test]
fn redeem_4_the_first_note_is_under_the_root() {
    // A dummy as the second, which is under no root anyway.
    let mut case = Case::good(11, true);
    case.statement.note_root.0 += Fr::ONE;
    assert_eq!(case.native(), Err(RedeemViolation::FirstNote));
    assert_eq!(case.sections(), only(&["note roots"]));
    // One sibling of its path.
    for level in [0, 7, 19] {
        let mut case = Case::good(11, false);
        case.witness.notes[0].path.siblings[level][1] += Fr::ONE;
        assert_eq!(case.native(), Err(RedeemViolation::FirstNote));
        assert_eq!(case.sections(), only(&["note roots"]));
    }
}

#[test]
fn redeem_4_what_was_reached_from_below_is_a_child() {
    // All children at once replaced by others that lead to no node: the hashes follow.
    let case = Case::good(11, true);
    for level in [0, 7, 19] {
        let mut inputs = case.inputs();
        let first = case::input(&format!("note[1].path[{level}].child[0]"));
        for child in 0..4 {
            inputs[first + child] += Fr::from(1 + child as u64);
        }
        let failed = sections_of(&inputs);
        assert!(failed.contains("note 2/path/member"), "{failed:?}");
    }
}

#[test]
fn redeem_5_a_second_note_with_a_value_is_under_the_root() {
    let mut case = Case::good(11, false);
    case.witness.notes[1].path.siblings[4][0] += Fr::ONE;
    assert_eq!(case.native(), Err(RedeemViolation::SecondNote));
    assert_eq!(case.sections(), only(&["note roots"]));
}

#[test]
fn redeem_6_values_have_64_bits() {
    let case = Case::good(11, true);
    let secret = case.witness.secret.element();
    let most = (1u128 << 64) + 449;
    // v1 with a 65th bit; the largest change that there may be, so the change is not the reason.
    let inputs = forged(&case, secret, [most, 0], u64::MAX);
    assert_eq!(sections_of(&inputs), only(&["note 1/value"]));
    // v2, which must then be in the tree too: in that of v1, it is not.
    let inputs = forged(&case, secret, [0, most], u64::MAX);
    assert_eq!(sections_of(&inputs), only(&["note 2/value", "note roots"]));
}

#[test]
fn redeem_6_amounts_add_up() {
    // The amount is one credit more than the notes hold.
    let mut case = Case::good(11, false);
    case.statement.amount = Credits(1001);
    let violation = RedeemViolation::Amounts(RedeemFault::NotEnough);
    assert_eq!(case.native(), Err(violation));
    assert!(case.refusal().contains("amounts/change"));
    // More change than a note holds.
    let mut world = World::new(12, 3);
    let held = [world.earn(u64::MAX), world.earn(500)];
    let notes = held.map(|held| world.note(held));
    let mut terms = world.terms();
    terms.amount = Credits(500);
    let mut case = world.case(notes, &terms);
    assert_eq!(case.native(), Ok(()));
    assert!(case.circuit_accepts());
    case.statement.amount = Credits(499);
    let violation = RedeemViolation::Amounts(RedeemFault::TooMuch);
    assert_eq!(case.native(), Err(violation));
    assert!(case.refusal().contains("amounts/change"));
}

#[test]
fn redeem_6_change_is_not_reduced_modulo_2_to_64() {
    // 1001 of 1000 spent, with −1 read as 2^64 − 1. A prover fills the wires with the amount that
    // would make it right, which is no 64-bit number, and states the other.
    let mut case = Case::good(11, true);
    let change = Credits(u64::MAX);
    let key = owner::change_key(&case.witness.secret, case.statement.sn1);
    case.statement.cm_out = note::note_commitment(change, case::EXPIRY, case::ASSET, &key);
    let mut inputs = case.inputs();
    inputs[layout::AMOUNT] = Fr::from(1000u64) - Fr::from(u64::MAX);
    let mut wires = circuit().program.run(&inputs).expect("a witness exists");
    assert_eq!(
        violated(&wires),
        only(&[]),
        "types keep the amount below 2^64"
    );
    wires[1 + layout::AMOUNT] = Fr::from(1001u64);
    assert_eq!(violated(&wires), only(&["amounts/change"]));
}

#[test]
fn redeem_7_the_change_is_at_least_the_floor() {
    for dummy in [false, true] {
        let mut case = Case::good(11, dummy);
        case.statement.floor = Credits(550);
        assert_eq!(case.native(), Ok(()));
        assert_eq!(case.sections(), only(&[]));
        case.statement.floor = Credits(551);
        assert_eq!(case.native(), Err(RedeemViolation::Floor));
        assert!(case.refusal().contains("amounts/floor"));
        // And with wires that were made for another floor.
        let mut wires = Case::good(11, dummy).assignment();
        wires[1 + layout::FLOOR] = Fr::from(551u64);
        assert_eq!(violated(&wires), only(&["amounts/floor"]));
    }
}

#[test]
fn redeem_8_the_change_note_is_of_the_change() {
    let change = |case: &mut Case| {
        let key = owner::change_key(&case.witness.secret, case.statement.sn1);
        let more = Credits(551);
        case.statement.cm_out = note::note_commitment(more, case::EXPIRY, case::ASSET, &key);
    };
    altered(change, RedeemViolation::Change, "change note");
    // In another bucket, or of another scale.
    let change = |case: &mut Case| {
        let key = owner::change_key(&case.witness.secret, case.statement.sn1);
        let later = Expiry(case::EXPIRY.0 + 1);
        case.statement.cm_out = note::note_commitment(Credits(550), later, case::ASSET, &key);
    };
    altered(change, RedeemViolation::Change, "change note");
    let change = |case: &mut Case| {
        let key = owner::change_key(&case.witness.secret, case.statement.sn1);
        let other = AssetId(case::ASSET.0 + 1);
        case.statement.cm_out = note::note_commitment(Credits(550), case::EXPIRY, other, &key);
    };
    altered(change, RedeemViolation::Change, "change note");
}

#[test]
fn redeem_9_the_index_is_below_the_limit() {
    let mut world = World::new(13, 3);
    let held = world.earn(1000);
    let notes = [world.note(held), world.dummy()];
    let terms = world.terms();
    let mut witness = world.witness(notes);
    for (index, limit, allowed) in [
        (0, 1, true),
        (1, 1, false),
        (4, 5, true),
        (5, 5, false),
        (u16::MAX, 1 << 16, true),
        (u16::MAX, (1 << 16) - 1, false),
    ] {
        witness.index = index;
        let mut terms = terms.clone();
        terms.rate_limit = limit;
        let statement = witness.statement(&terms).expect("enough");
        let case = Case {
            witness: witness.clone(),
            statement,
        };
        if allowed {
            assert_eq!(case.native(), Ok(()));
            assert_eq!(case.sections(), only(&[]));
        } else {
            let violation = RedeemViolation::RateIndex { index, limit };
            assert_eq!(case.native(), Err(violation));
            assert!(case.refusal().contains("rate/index"));
        }
    }
}

#[test]
fn redeem_9_the_index_has_16_bits() {
    // idx = −1: 2^16 − 1 as bits, and one of them lowered by 2^16. rlimit − 1 − idx = 5 has 16 bits.
    let mut inputs = Case::good(11, true).inputs();
    let first = case::input("idx[0]");
    for i in 0..16 {
        inputs[first + i] = Fr::ONE;
    }
    inputs[first + 15] -= Fr::from(2u64);
    let failed = sections_of(&inputs);
    assert_eq!(failed, only(&["rate/index", "rate/nullifier"]));
    let secret = Case::good(11, true).witness.secret.element();
    let rate = [secret, inputs[layout::RATE_SCOPE], -Fr::ONE];
    inputs[layout::RATE_NULLIFIER] =
        merits_primitives::poseidon::hash(merits_primitives::tags::RATE, &rate);
    assert_eq!(sections_of(&inputs), only(&["rate/index"]));
}

#[test]
fn redeem_9_rn_is_of_this_person_scope_and_index() {
    let change = |case: &mut Case| case.statement.rn.0 += Fr::ONE;
    altered(change, RedeemViolation::RateNullifier, "rate/nullifier");
    let change = |case: &mut Case| case.statement.rate_scope.0 += Fr::ONE;
    altered(change, RedeemViolation::RateNullifier, "rate/nullifier");
    let change = |case: &mut Case| case.witness.index += 1;
    altered(change, RedeemViolation::RateNullifier, "rate/nullifier");
}

#[test]
fn redeem_10_ey_is_of_e() {
    // The ephemeral key of another exponent: the pad does not follow from it.
    let change = |case: &mut Case| {
        let other = Exponent::from_bytes(&[3; 32]);
        let (statement, witness) = (&mut case.statement, &case.witness);
        let identity = witness.secret.commitment().expect("not zero");
        statement.ey =
            view_encryption::seal_identity(&other, &statement.a, statement.sn1, identity).ey;
    };
    altered(change, RedeemViolation::Ephemeral, "audit/ephemeral key");
}

#[test]
fn redeem_11_the_identity_is_sealed_under_a() {
    let change = |case: &mut Case| case.statement.c_id.0 += Fr::ONE;
    altered(change, RedeemViolation::SealedIdentity, "audit/identity");
    // Under another key: the holder of A could not decrypt it.
    let change = |case: &mut Case| case.statement.a = case::key(77);
    altered(change, RedeemViolation::SealedIdentity, "audit/identity");
    // The identity of another person.
    let change = |case: &mut Case| {
        let other = Secret::from_scalar(5u64.into());
        let identity = other.commitment().expect("not zero");
        let (statement, exponent) = (&mut case.statement, &case.witness.exponent);
        statement.c_id =
            view_encryption::seal_identity(exponent, &statement.a, statement.sn1, identity).c_id;
    };
    altered(change, RedeemViolation::SealedIdentity, "audit/identity");
}

#[test]
fn redeem_12_every_wire_is_in_a_constraint_and_every_input_in_its_place() {
    let r1cs = &circuit().r1cs;
    let mut used = vec![false; r1cs.n_wires as usize];
    for matrix in [&r1cs.a, &r1cs.b, &r1cs.c] {
        matrix
            .iter()
            .flatten()
            .for_each(|(wire, _)| used[*wire as usize] = true);
    }
    let unused: Vec<usize> = (Wire::ONE.index()..used.len())
        .filter(|wire| !used[*wire])
        .collect();
    assert_eq!(unused, [0usize; 0], "wires in no constraint");
    let labels = &circuit().public_labels;
    for (label, at) in [
        ("note_root", layout::NOTE_ROOT),
        ("group_root", layout::GROUP_ROOT),
        ("asset", layout::ASSET),
        ("expiry", layout::EXPIRY),
        ("amount", layout::AMOUNT),
        ("floor", layout::FLOOR),
        ("context", layout::CONTEXT),
        ("sn1", layout::SN1),
        ("sn2", layout::SN2),
        ("cm_out", layout::NOTE_OUT),
        ("rscope", layout::RATE_SCOPE),
        ("rlimit", layout::RATE_LIMIT),
        ("rn", layout::RATE_NULLIFIER),
        ("A.x", layout::VIEW_KEY),
        ("A.y", layout::VIEW_KEY + 1),
        ("Ey", layout::EPHEMERAL),
        ("c_id", layout::SEALED_IDENTITY),
    ] {
        assert_eq!(labels[at], label);
    }
    let case = Case::good(11, false);
    assert_eq!(case.statement.public_inputs().len(), labels.len());
    assert_ne!(case.statement.context.0, Fr::ZERO);
}
