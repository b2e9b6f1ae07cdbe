//! The native mirror accepts exactly what the circuit accepts.

use ark_ff::Field as _;
use merits_circuits::redeem::{NoteWitness, RedeemTerms, RedeemViolation, RedeemWitness};
use merits_primitives::{
    Fr, field,
    identity::Secret,
    ids::{AssetId, Credits, Expiry},
    note_tree::NotePath,
    owner::KeyParts,
    view_encryption::Exponent,
};
use merits_verifier::statement::redeem::RedeemStatement;
use proptest::prelude::*;
use rand::{RngExt, rngs::StdRng};

use crate::redeem::case::{self, Case, World};

/// A redemption with the strategy's choice: one note or two, of these values, with part of their sum
/// as the amount and part of the rest as the floor.
fn redemption(seed: u64, values: [u32; 2], dummy: bool, shares: [f64; 2]) -> (Case, RedeemTerms) {
    let mut world = World::new(seed, seed % 9);
    let held = values.map(|value| world.earn(value.into()));
    let second = if dummy {
        world.dummy()
    } else {
        world.note(held[1])
    };
    let notes = [world.note(held[0]), second];
    let mut terms = world.terms();
    let sum = notes.iter().map(|note| note.value.0).sum::<u64>();
    let part = |of: u64, share: f64| (of as f64 * share) as u64;
    terms.amount = Credits(part(sum, shares[0]));
    terms.floor = Credits(part(sum - terms.amount.0, shares[1]));
    terms.context = field::random(&mut world.rng);
    (world.case(notes, &terms), terms)
}

/// Changes the witness in one way. Some ways keep it valid for its own statement.
fn change_witness(kind: usize, witness: &mut RedeemWitness, rng: &mut StdRng) {
    let note = rng.random_range(0..2usize);
    match kind {
        0 => witness.secret = Secret::random(rng),
        1 => witness.birth.from.0 += 1,
        2 => witness.birth.generation = 0,
        3 => {
            witness.group_path.steps.pop();
        }
        4 => witness.group_path.steps.push(None),
        5 => witness.notes[note].value.0 ^= 1 << rng.random_range(0..64),
        6 => *key_part(&mut witness.notes[note], 0) += Fr::ONE,
        7 => *key_part(&mut witness.notes[note], 1) += Fr::ONE,
        8 => witness.notes[note].path.siblings[rng.random_range(0..20)][0] += Fr::ONE,
        9 => witness.notes[note].path.index ^= 1 << rng.random_range(0..40),
        10 => witness.notes.swap(0, 1),
        11 => witness.index = rng.random_range(0..8),
        12 => witness.exponent = Exponent::from_bytes(&rng.random()),
        13 => {
            witness.notes[1].value = Credits(0);
            witness.notes[1].path = NotePath::dummy();
        }
        _ => {}
    }
}

/// f1 or f2 of an earned note.
fn key_part(note: &mut NoteWitness, part: usize) -> &mut Fr {
    match &mut note.made_of {
        KeyParts::Earned { scope, .. } if part == 0 => &mut scope.0,
        KeyParts::Earned { message, .. } => &mut message.0,
        KeyParts::Change { .. } => panic!("these notes were earned"),
    }
}

fn change_statement(kind: usize, statement: &mut RedeemStatement, rng: &mut StdRng) {
    let near = |value: u64, rng: &mut StdRng| match rng.random_range(0..4) {
        0 => value.wrapping_add(1),
        1 => value.wrapping_sub(1),
        2 => 0,
        _ => rng.random(),
    };
    let element = |element: &mut Fr, rng: &mut StdRng| {
        *element = match rng.random_range(0..3) {
            0 => *element + Fr::ONE,
            1 => -*element,
            _ => field::random(rng),
        };
    };
    match kind {
        0 => statement.amount = Credits(near(statement.amount.0, rng)),
        1 => statement.floor = Credits(near(statement.floor.0, rng)),
        2 => statement.asset = AssetId(near(statement.asset.0, rng)),
        3 => statement.expiry = Expiry(near(statement.expiry.0.into(), rng) as u32),
        4 => statement.rate_limit = rng.random_range(1..8),
        5 => statement.a = case::key(rng.random_range(2..1000)),
        6 => element(&mut statement.note_root.0, rng),
        7 => element(&mut statement.group_root.0, rng),
        8 => element(&mut statement.context.0, rng),
        9 => element(&mut statement.sn1.0, rng),
        10 => element(&mut statement.sn2.0, rng),
        11 => element(&mut statement.cm_out.0, rng),
        12 => element(&mut statement.rate_scope.0, rng),
        13 => element(&mut statement.rn.0, rng),
        14 => element(&mut statement.ey.0, rng),
        15 => element(&mut statement.c_id.0, rng),
        _ => {}
    }
}

/// The circuit and its mirror agree. If a precondition is broken, neither guarantees anything.
fn agree(case: &Case) -> Result<(), TestCaseError> {
    match case.native() {
        Err(RedeemViolation::Precondition(_)) => {}
        native => prop_assert_eq!(case.circuit_accepts(), native.is_ok(), "{:?}", native),
    }
    Ok(())
}

fn share() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), 0.0..1.0]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_good_redemption(
        seed: u64,
        values: [u32; 2],
        dummy: bool,
        shares in [share(), share()],
    ) {
        let (case, _) = redemption(seed, values, dummy, shares);
        prop_assert_eq!(case.native(), Ok(()));
        prop_assert!(case.circuit_accepts());
    }

    /// Against the statement from before the change, and against its own where there is one.
    #[test]
    fn a_changed_witness(
        seed: u64,
        values: [u32; 2],
        dummy: bool,
        shares in [share(), share()],
        kinds in prop::collection::vec(0..15usize, 1..3),
    ) {
        let (mut case, terms) = redemption(seed, values, dummy, shares);
        let mut rng = case::rng(seed);
        for kind in kinds {
            change_witness(kind, &mut case.witness, &mut rng);
        }
        agree(&case)?;
        if let Ok(statement) = case.witness.statement(&terms) {
            case.statement = statement;
            agree(&case)?;
        }
    }

    #[test]
    fn a_changed_statement(
        seed: u64,
        values: [u32; 2],
        dummy: bool,
        shares in [share(), share()],
        kinds in prop::collection::vec(0..17usize, 1..3),
    ) {
        let (mut case, _) = redemption(seed, values, dummy, shares);
        let mut rng = case::rng(seed);
        for kind in kinds {
            change_statement(kind, &mut case.statement, &mut rng);
        }
        agree(&case)?;
    }
}
