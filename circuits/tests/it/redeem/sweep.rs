//! Every wire is perturbed, one at a time; each must break a constraint, except the context, which
//! is public and enters the circuit only as its square (REDEEM-12).
//!
//! This cannot find wires that vary *together*. `docs/src/statement-redeem.md` says which sets may,
//! and [`the_documented_joint_freedoms_exist`] shows that these do.

use ark_ff::{AdditiveGroup, Field};
use merits_params::r1cs::Term;
use merits_primitives::{Fr, field, ids::Credits};
use merits_verifier::statement::redeem as layout;

use crate::redeem::case::{self, Case, World, circuit, holds, only, sections_of, violated};

/// Constraints by wire.
fn rows_by_wire() -> Vec<Vec<u32>> {
    let r1cs = &circuit().r1cs;
    let mut rows = vec![Vec::new(); r1cs.n_wires as usize];
    for i in 0..r1cs.n_constraints() {
        let row = r1cs.constraint(i);
        for (wire, _) in row.a.iter().chain(row.b).chain(row.c) {
            let rows: &mut Vec<u32> = &mut rows[*wire as usize];
            if rows.last() != Some(&(i as u32)) {
                rows.push(i as u32);
            }
        }
    }
    rows
}

/// Wires that can take another value without breaking a constraint.
fn free_wires(case: &Case) -> Vec<usize> {
    let rows = rows_by_wire();
    let mut wires = case.assignment();
    assert_eq!(violated(&wires), only(&[]));
    let mut rng = case::rng(77);
    let mut free = Vec::new();
    for wire in 1..wires.len() {
        let kept = wires[wire];
        // Flipped as a bit, one more, one less, negated, zero, random.
        let values = [
            Fr::ONE - kept,
            kept + Fr::ONE,
            kept - Fr::ONE,
            -kept,
            Fr::ZERO,
        ];
        let values = values.into_iter().chain([field::random(&mut rng)]);
        let is_free = values.filter(|value| *value != kept).any(|value| {
            wires[wire] = value;
            rows[wire].iter().all(|row| holds(*row as usize, &wires))
        });
        wires[wire] = kept;
        if is_free {
            free.push(wire);
        }
    }
    free
}

#[test]
fn no_wire_is_free_but_the_context() {
    // Two notes; one note and a dummy.
    for case in [Case::good(21, false), Case::good(22, true)] {
        assert_eq!(free_wires(&case), [1 + layout::CONTEXT]);
    }
}

#[test]
fn no_wire_is_free_but_the_context_where_amounts_are_zero() {
    // Amount 0, change 0, floor 0, alone in the group.
    let mut world = World::new(23, 0);
    let note = world.earn(0);
    let notes = [world.note(note), world.dummy()];
    let mut terms = world.terms();
    (terms.amount, terms.floor) = (Credits(0), Credits(0));
    let case = world.case(notes, &terms);
    assert_eq!(case.native(), Ok(()));
    assert_eq!(free_wires(&case), [1 + layout::CONTEXT]);
}

/// Wires that could move a little together while the public wires and the private inputs stay
/// fixed: those that no constraint's derivative fixes. A constraint with a single wire left fixes
/// that wire.
fn loose_wires(assignment: &[Fr]) -> Vec<usize> {
    let r1cs = &circuit().r1cs;
    let value = |terms: &[Term]| -> Fr {
        let terms = terms.iter();
        terms.map(|(wire, c)| assignment[*wire as usize] * c).sum()
    };
    let mut held = vec![false; assignment.len()];
    held[..=circuit().public_labels.len()].fill(true);
    for (_, wire) in &circuit().input_labels {
        held[wire.index()] = true;
    }
    let mut derivatives: Vec<Vec<(usize, Fr)>> = Vec::new();
    for i in 0..r1cs.n_constraints() {
        let row = r1cs.constraint(i);
        let (a, b) = (value(row.a), value(row.b));
        let mut derivative = std::collections::BTreeMap::new();
        for (terms, factor) in [(row.a, b), (row.b, a), (row.c, -Fr::ONE)] {
            for (wire, coefficient) in terms {
                *derivative.entry(*wire as usize).or_insert(Fr::ZERO) += *coefficient * factor;
            }
        }
        derivatives.push(
            derivative
                .into_iter()
                .filter(|(_, d)| *d != Fr::ZERO)
                .collect(),
        );
    }
    loop {
        let mut progress = false;
        derivatives.retain(|row| {
            let mut open = row.iter().filter(|(wire, _)| !held[*wire]);
            match (open.next(), open.next()) {
                (None, _) => false,
                (Some((wire, _)), None) => {
                    held[*wire] = true;
                    progress = true;
                    false
                }
                _ => true,
            }
        });
        if !progress {
            return (0..held.len()).filter(|wire| !held[*wire]).collect();
        }
    }
}

#[test]
fn the_private_inputs_hold_all_other_wires() {
    for case in [Case::good(25, false), Case::good(26, true)] {
        assert_eq!(loose_wires(&case.assignment()), [0usize; 0]);
    }
}

#[test]
fn the_documented_joint_freedoms_exist() {
    // −e: the same Ey and S.y, so the same statement.
    let case = Case::good(24, true);
    let mut negated = case.inputs();
    let first = case::input("e[0]");
    negated[first..first + 250]
        .iter_mut()
        .for_each(|bit| *bit = Fr::ONE - *bit);
    assert_eq!(sections_of(&negated), only(&[]));
    // The siblings on a dummy's path.
    let mut elsewhere = case.clone();
    elsewhere.witness.notes[1].path.siblings[3][1] = Fr::from(17u64);
    assert_eq!(elsewhere.sections(), only(&[]));
    // The position of a child that occurs twice among its siblings: there are no bits for it.
    let mut moved = case.clone();
    let leaf = case.witness.notes[1].commitment(&case.witness.secret, case::EXPIRY, case::ASSET);
    moved.witness.notes[1].path.siblings[0] = [leaf.0; 3];
    let inputs = moved.inputs();
    moved.witness.notes[1].path.index = 2;
    assert_eq!(moved.inputs(), inputs);
    assert_eq!(moved.sections(), only(&[]));
}
