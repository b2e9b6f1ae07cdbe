//! The attacks that the design names, as a thief would try them: all public values are made to fit
//! as well as possible.

use ark_ff::Field as _;
use merits_circuits::redeem::RedeemViolation;
use merits_primitives::{
    Fr,
    identity::{IdentityLeaf, Secret},
    ids::{AssetId, Credits, Expiry},
    note,
    note_tree::NoteRoot,
    owner,
};
use merits_verifier::{Statement as _, statement::StatementError};

use crate::redeem::case::{self, Case, World, forged, only, sections_of};

/// A second person who is registered as well.
fn second_person(world: &mut World) -> (Secret, u64) {
    let secret = Secret::random(&mut world.rng);
    let identity = secret.commitment().expect("not zero");
    let leaf = merits_primitives::identity::leaf(identity, case::BIRTH);
    let place = world.group.push(leaf).expect("room");
    (secret, place)
}

#[test]
fn a_note_of_another_person() {
    let mut world = World::new(31, 5);
    let (other, place) = second_person(&mut world);
    // A person gives another one all data of one of their notes.
    let held = world.earn(1000);
    let notes = [world.note(held), world.dummy()];
    let terms = world.terms();
    let mut case = world.case(notes, &terms);
    case.witness.secret = other;
    case.witness.group_path = world.group.path(place).expect("in the group");
    case.statement = case.witness.statement(&terms).expect("enough");
    assert_eq!(case.native(), Err(RedeemViolation::FirstNote));
    assert_eq!(case.sections(), only(&["note roots"]));
}

#[test]
fn one_note_twice() {
    let mut world = World::new(32, 5);
    let held = world.earn(1000);
    let notes = [world.note(held), world.note(held)];
    let terms = world.terms();
    let mut case = world.case(notes, &terms);
    // The circuit does not check this. The verifier does: it sees that both nullifiers are equal.
    let twice = StatementError::SameNoteTwice;
    assert_eq!(case.sections(), only(&[]));
    assert_eq!(case.statement.check(), Err(twice));
    assert_eq!(case.native(), Err(RedeemViolation::Precondition(twice)));
    // A note has one nullifier.
    case.statement.sn2.0 += Fr::ONE;
    assert_eq!(case.statement.check(), Ok(()));
    let violation = RedeemViolation::Nullifier { note: 1 };
    assert_eq!(case.native(), Err(violation));
    assert_eq!(case.sections(), only(&["note 2/nullifier"]));
}

#[test]
fn a_dummy_that_is_worth_something() {
    let mut world = World::new(33, 5);
    let held = world.earn(1000);
    for value in [1, 1 << 63, u64::MAX - 1000] {
        let mut dummy = world.dummy();
        dummy.value = Credits(value);
        let notes = [world.note(held), dummy];
        let terms = world.terms();
        let case = world.case(notes, &terms);
        assert_eq!(case.native(), Err(RedeemViolation::SecondNote));
        assert_eq!(case.sections(), only(&["note roots"]));
    }
}

#[test]
fn a_dummy_in_the_first_place() {
    let mut world = World::new(34, 5);
    let held = world.earn(1000);
    let notes = [world.dummy(), world.note(held)];
    let terms = world.terms();
    let case = world.case(notes, &terms);
    assert_eq!(case.native(), Err(RedeemViolation::FirstNote));
    assert_eq!(case.sections(), only(&["note roots"]));
}

/// v + 2^64 in one bucket is v in the next: were v1 not bounded, a note of 5 that expires a year
/// later would be worth 5 + 2^64 this year.
#[test]
fn a_note_of_the_next_bucket_as_one_with_2_to_64_more() {
    let mut world = World::new(35, 5);
    let secret = world.secret.clone();
    let next = Expiry(case::EXPIRY.0 + 1);
    let held = world.give(5, &secret, next, case::ASSET);
    let notes = [world.note(held), world.dummy()];
    let mut terms = world.terms();
    terms.amount = Credits(10);
    let mut witness = world.witness(notes);
    // A statement to start from: that of its true value, which would not be enough.
    witness.notes[0].value = Credits(10);
    terms.floor = Credits(0);
    let statement = witness.statement(&terms).expect("enough");
    let case = Case { witness, statement };
    let left = u64::MAX - 4;
    let inputs = forged(&case, secret.element(), [5 + (1 << 64), 0], left);
    // The note is in the tree, and all other values fit, the change included.
    assert_eq!(inputs[0], terms.note_root.0);
    assert_eq!(sections_of(&inputs), only(&["note 1/value"]));
}

#[test]
fn a_note_of_another_bucket_or_scale() {
    for (expiry, asset) in [
        (Expiry(case::EXPIRY.0 - 1), case::ASSET),
        (case::EXPIRY, AssetId(case::ASSET.0 + 1)),
    ] {
        let mut world = World::new(36, 5);
        let secret = world.secret.clone();
        let held = world.give(1000, &secret, expiry, asset);
        let notes = [world.note(held), world.dummy()];
        let terms = world.terms();
        let case = world.case(notes, &terms);
        assert_eq!(case.native(), Err(RedeemViolation::FirstNote));
        assert_eq!(case.sections(), only(&["note roots"]));
    }
}

#[test]
fn a_note_worth_more_than_it_is() {
    let mut world = World::new(37, 5);
    let held = world.earn(449);
    let mut note = world.note(held);
    note.value = Credits(1000);
    let notes = [note, world.dummy()];
    let terms = world.terms();
    let case = world.case(notes, &terms);
    assert_eq!(case.native(), Err(RedeemViolation::FirstNote));
    assert_eq!(case.sections(), only(&["note roots"]));
}

#[test]
fn change_to_another_person() {
    let mut case = Case::good(38, false);
    let other = Secret::random(&mut case::rng(1));
    let key = owner::change_key(&other, case.statement.sn1);
    case.statement.cm_out = note::note_commitment(Credits(550), case::EXPIRY, case::ASSET, &key);
    assert_eq!(case.native(), Err(RedeemViolation::Change));
    assert_eq!(case.sections(), only(&["change note"]));
    // The change goes to the same person, but not under the first nullifier's key: then two
    // redemptions could give the same note.
    let key = owner::change_key(&case.witness.secret, case.statement.sn2);
    case.statement.cm_out = note::note_commitment(Credits(550), case::EXPIRY, case::ASSET, &key);
    assert_eq!(case.native(), Err(RedeemViolation::Change));
    assert_eq!(case.sections(), only(&["change note"]));
}

#[test]
fn notes_of_another_tree() {
    let mut world = World::new(39, 5);
    let held = world.earn(1000);
    let notes = [world.note(held), world.dummy()];
    // A tree that the thief made, under a root that the ledger never had.
    let mut terms = world.terms();
    terms.note_root = note_root_of_another_tree();
    let case = world.case(notes, &terms);
    assert_eq!(case.native(), Err(RedeemViolation::FirstNote));
    assert_eq!(case.sections(), only(&["note roots"]));
}

fn note_root_of_another_tree() -> NoteRoot {
    let mut other = World::new(40, 5);
    other.earn(1000);
    other.terms().note_root
}

#[test]
fn an_inner_node_as_a_note() {
    // A path that starts one level up has one level too few, and the tree is of fixed depth: the
    // root of the bucket's first four notes is nowhere a leaf.
    let mut world = World::new(41, 5);
    let held = world.earn(1000);
    let mut note = world.note(held);
    note.path.siblings.rotate_left(1);
    note.path.index >>= 2;
    let notes = [note, world.dummy()];
    let terms = world.terms();
    let case = world.case(notes, &terms);
    assert_eq!(case.native(), Err(RedeemViolation::FirstNote));
    assert_eq!(case.sections(), only(&["note roots"]));
}

#[test]
fn a_retired_identity() {
    let mut world = World::new(42, 6);
    let held = world.earn(1000);
    let notes = [world.note(held), world.dummy()];
    let before = world.terms();
    let mut case = world.case(notes, &before);
    assert_eq!(case.sections(), only(&[]));
    world
        .group
        .update(world.place, IdentityLeaf::RETIRED)
        .expect("it is there");
    case.statement.group_root = world.terms().group_root;
    for path in [
        case.witness.group_path.clone(),
        world.group.path(world.place).expect("it is there"),
    ] {
        case.witness.group_path = path;
        assert_eq!(case.native(), Err(RedeemViolation::Group));
        assert_eq!(case.sections(), only(&["member/path"]));
    }
}

#[test]
fn the_path_of_another_person_or_of_another_tree_size() {
    let mut world = World::new(43, 6);
    let held = world.earn(1000);
    let notes = [world.note(held), world.dummy()];
    let terms = world.terms();
    let good = world.case(notes, &terms);

    let mut other = good.clone();
    let place = (world.place + 1) % world.group.size();
    other.witness.group_path = world.group.path(place).expect("it is there");
    // With nine people the tree is one level deeper.
    let mut grown = good.clone();
    while world.group.size() < 9 {
        second_person(&mut world);
    }
    grown.witness.group_path = world.group.path(world.place).expect("it is there");
    assert_eq!(
        grown.witness.group_path.steps.len(),
        good.witness.group_path.steps.len() + 1
    );
    let mut shrunk = good.clone();
    shrunk.witness.group_path.steps.pop();
    for case in [other, grown, shrunk] {
        assert_eq!(case.native(), Err(RedeemViolation::Group));
        assert_eq!(case.sections(), only(&["member/path"]));
    }
}

#[test]
fn somebody_elses_identity_in_the_seal() {
    let mut case = Case::good(44, true);
    let identity = case.witness.secret.commitment().expect("not zero");
    let other = Secret::from_scalar(9u64.into()).commitment();
    case.statement.c_id.0 += other.expect("not zero").0 - identity.0;
    assert_eq!(case.native(), Err(RedeemViolation::SealedIdentity));
    assert_eq!(case.sections(), only(&["audit/identity"]));
}

#[test]
fn an_attestation_of_more_than_there_is() {
    let mut world = World::new(45, 5);
    let held = [world.earn(700), world.earn(300)];
    let notes = held.map(|held| world.note(held));
    let mut terms = world.terms();
    (terms.amount, terms.floor) = (Credits(0), Credits(1000));
    let mut case = world.case(notes, &terms);
    assert_eq!(case.native(), Ok(()));
    assert_eq!(case.sections(), only(&[]));
    case.statement.floor = Credits(1001);
    assert_eq!(case.native(), Err(RedeemViolation::Floor));
    assert!(case.refusal().contains("amounts/floor"));
}
