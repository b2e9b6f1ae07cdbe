//! Every wire is perturbed, one at a time: each must break a constraint, without exception. Then
//! wires that vary together: none can once the private inputs are fixed, and the sets that can are
//! those that `docs/src/statement-ticket.md` argues for.

use ark_ff::{AdditiveGroup, Field};
use merits_params::r1cs::Term;
use merits_primitives::{Fr, field, identity::Secret, jubjub::Scalar};

use crate::ticket::case::{self, Case, circuit, holds, input, only, violated};

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
        for value in values.into_iter().chain([field::random(&mut rng)]) {
            wires[wire] = value;
            let mut rows = rows[wire].iter();
            if value != kept && rows.all(|row| holds(*row as usize, &wires)) {
                free.push(wire);
                break;
            }
        }
        wires[wire] = kept;
    }
    free
}

#[test]
fn no_wire_is_free() {
    // A path with levels passed up, the only person, and a secret with its top bit set.
    let birth = Case::good().witness.birth;
    let top = Secret::from_scalar(-Scalar::from(1u64));
    let rng = &mut case::rng(8);
    for case in [Case::good(), Case::of(top, birth, 1, 0, rng)] {
        assert_eq!(free_wires(&case), [0usize; 0]);
    }
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
    for case in [Case::good(), Case::new(1, 0, 9), Case::new(40, 39, 10)] {
        assert_eq!(loose_wires(&case.assignment()), [0usize; 0]);
    }
}

#[test]
fn the_documented_joint_freedoms_exist() {
    let case = Case::good();
    let honest = case.inputs();
    // What is hashed above the root, which 13 people reach after 4 levels.
    assert_eq!(case.witness.path.steps.len(), 4);
    let above = |level: usize| {
        let mut inputs = honest.clone();
        inputs[input(&format!("path[{level}].right"))] += Fr::ONE;
        // Levels above follow: left is the node below.
        for level in level + 1..32 {
            let [left, right] =
                ["left", "right"].map(|side| input(&format!("path[{}].{side}", level - 1)));
            let node = merits_primitives::poseidon::pos2(inputs[left], inputs[right]);
            inputs[input(&format!("path[{level}].left"))] = node;
        }
        violated(&circuit().program.run(&inputs).expect("a witness exists"))
    };
    assert_eq!(above(4), only(&[]));
    assert_eq!(above(31), only(&[]));
    assert_eq!(above(3), only(&["member/path"]));
}
