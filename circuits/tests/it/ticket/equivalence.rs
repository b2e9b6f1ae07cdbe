//! The native mirror accepts exactly what the circuit accepts.

use ark_ff::Field;
use merits_primitives::{Fr, field, group::Step, identity::Secret};
use proptest::prelude::*;
use rand::{RngExt, rngs::StdRng};

use crate::ticket::case::{self, Case};

/// Changes the witness in one way. Some ways keep it good.
fn change_witness(kind: usize, case: &mut Case, rng: &mut StdRng) {
    let witness = &mut case.witness;
    let hashes = witness.path.steps.iter_mut().flatten();
    match kind {
        0 => witness.secret = Secret::random(rng),
        1 => witness.birth.from.0 = rng.random_range(0..2 * case::START),
        2 => witness.birth.generation = rng.random(),
        3 => witness.scope_source = field::random(rng),
        4 => {
            if let Some(step) = hashes.last() {
                step.is_right = !step.is_right;
            }
        }
        5 => {
            if let Some(step) = hashes.last() {
                step.sibling += Fr::ONE;
            }
        }
        // Another leaf's path.
        6 => {
            let other = rng.random_range(0..case.group.size());
            witness.path = case.group.path(other).expect("a leaf");
        }
        // The path of a larger group. It may pass through the old root.
        7 => {
            case.group.push(field::random(rng)).expect("room");
            witness.path = case.group.path(case.index).expect("a leaf");
        }
        // The path of a shorter group.
        8 => {
            witness.path.steps.pop();
        }
        // Levels without a sibling change nothing, at any position.
        9 => {
            let at = rng.random_range(0..=witness.path.steps.len());
            witness.path.steps.insert(at, None);
        }
        // More hashes than any group has: above the root they have no effect, below it they do.
        10 => {
            let sibling = field::random(rng);
            let at = rng.random_range(0..=witness.path.steps.len());
            let is_right = rng.random();
            let step = Some(Step { sibling, is_right });
            witness.path.steps.splice(at..at, vec![step; 40]);
        }
        _ => {}
    }
}

fn person() -> impl Strategy<Value = (u64, u64, u64)> {
    (any::<u64>(), 1..40u64).prop_flat_map(|(seed, size)| (Just(seed), Just(size), 0..size))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Against the statement as it was, and then against the statement of the changed witness.
    #[test]
    fn a_changed_witness((seed, size, index) in person(), kind in 0..12usize) {
        let mut case = Case::new(size, index, seed);
        prop_assert_eq!(case.native(), Ok(()));
        prop_assert!(case.circuit_accepts());
        change_witness(kind, &mut case, &mut case::rng(!seed));
        prop_assert_eq!(case.circuit_accepts(), case.native().is_ok(), "change {}", kind);
        case.restate();
        prop_assert_eq!(case.circuit_accepts(), case.native().is_ok(), "change {}", kind);
    }

    /// One field of a good statement changed, or two.
    #[test]
    fn a_changed_statement(
        (seed, size, index) in person(),
        changes in prop::collection::vec((0..6usize, 0..4u8), 0..3),
    ) {
        let mut case = Case::new(size, index, seed);
        let rng = &mut case::rng(!seed);
        for (at, how) in changes {
            let from = case.witness.birth.from.0;
            let statement = &mut case.statement;
            let field = match at {
                0 => &mut statement.root.0,
                1 => &mut statement.scope.0,
                2 => &mut statement.nullifier.0,
                3 => &mut statement.b.0,
                4 => &mut statement.message.0,
                _ => {
                    let days = [from, from.wrapping_sub(1), from + 1, u32::MAX];
                    statement.start.0 = days[usize::from(how)];
                    continue;
                }
            };
            *field = match how {
                0 => *field + Fr::ONE,
                1 => -*field,
                2 => Fr::from(0u64),
                _ => field::random(rng),
            };
        }
        prop_assert_eq!(case.circuit_accepts(), case.native().is_ok());
    }
}
