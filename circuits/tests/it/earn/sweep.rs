//! Every wire is perturbed, one at a time; each must break a constraint, except quotients 0/0 in
//! the formula and the sign of the context: see [`Freedom`].
//!
//! This cannot find wires that vary *together*. `docs/src/statement-earn.md` says which sets may (all
//! bits of e at once, and the whole private side of an absent claim).
//! [`the_documented_joint_freedoms_exist`] shows that these do.

use ark_ff::{AdditiveGroup, Field};
use merits_circuits::builder::Circuit;
use merits_params::r1cs::Term;
use merits_primitives::{Fr, field};
use merits_verifier::statement::earn as layout;

use crate::earn::case::{self, Case, evaluate, holds, violated};

/// Constraints by wire.
fn rows_by_wire(circuit: &Circuit) -> Vec<Vec<u32>> {
    let mut rows = vec![Vec::new(); circuit.r1cs.n_wires as usize];
    for i in 0..circuit.r1cs.n_constraints() {
        let row = circuit.r1cs.constraint(i);
        for (wire, _) in row.a.iter().chain(row.b).chain(row.c) {
            let rows: &mut Vec<u32> = &mut rows[*wire as usize];
            if rows.last() != Some(&(i as u32)) {
                rows.push(i as u32);
            }
        }
    }
    rows
}

/// Why a wire may take another value.
#[derive(Debug, PartialEq, Eq)]
enum Freedom {
    /// The context is public, and the circuit only contains its square, so −context fits the same
    /// wires. No constraint binds the context. Groth16 binds it, because a proof holds for one list
    /// of public inputs. The holder of the witness may prove any context.
    Context,
    /// The quotient by which a count shows itself not to be 0 (`is_zero`, and values filtered by
    /// a count), if the count is 0: it is alone in one right factor, the left factor is 0, and it is
    /// in no other constraint. So nothing else can move with it.
    QuotientOfZero,
    /// A constant, which is public, where it multiplies nothing: no present claim has a trip
    /// that counts.
    IdleConstant,
    /// None of these reasons: a hole.
    Unexplained(String),
}

fn explain(circuit: &Circuit, rows: &[u32], wire: usize, wires: &[Fr]) -> Freedom {
    let constants = 1 + layout::CONSTANTS..1 + layout::CONSTANTS + case::CONSTANTS.len();
    if constants.contains(&wire) {
        return Freedom::IdleConstant;
    }
    let [row] = rows else {
        return Freedom::Unexplained(format!("in {} rows", rows.len()));
    };
    let section = circuit.section_of(*row as usize);
    if wire == 1 + layout::CONTEXT && section == "batch/context" {
        return Freedom::Context;
    }
    let row = circuit.r1cs.constraint(*row as usize);
    let alone = |terms: &[Term]| matches!(terms, [(only, _)] if *only as usize == wire);
    let absent = |terms: &[Term]| terms.iter().all(|(other, _)| *other as usize != wire);
    let quotient = absent(row.a) && alone(row.b) && absent(row.c);
    if quotient && evaluate(row.a, wires) == Fr::ZERO && section.starts_with("claim/formula") {
        return Freedom::QuotientOfZero;
    }
    Freedom::Unexplained(section)
}

/// Wires, of every `step`-th, that can take another value without breaking a constraint, and the
/// reason that each has.
fn free_wires(case: &Case, step: usize) -> Vec<(usize, Freedom)> {
    let circuit = case.circuit.circuit();
    let rows = rows_by_wire(circuit);
    let mut wires = case.assignment();
    assert!(violated(circuit, &wires).is_empty());
    let mut rng = case::rng(77);
    let mut free = Vec::new();
    for wire in (1..wires.len()).step_by(step) {
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
            if value == kept {
                continue;
            }
            wires[wire] = value;
            if rows[wire]
                .iter()
                .all(|row| holds(circuit, *row as usize, &wires))
            {
                wires[wire] = kept;
                free.push((wire, explain(circuit, &rows[wire], wire, &wires)));
                break;
            }
        }
        wires[wire] = kept;
    }
    free
}

/// Sweeps; demands that each free wire has a reason, and gives the reasons with their numbers.
fn reasons(case: &Case, step: usize) -> [usize; 3] {
    let free = free_wires(case, step);
    let holes: Vec<_> = free
        .iter()
        .filter(|(_, why)| matches!(why, Freedom::Unexplained(_)))
        .collect();
    assert!(holes.is_empty(), "free without a reason: {holes:?}");
    [
        Freedom::Context,
        Freedom::QuotientOfZero,
        Freedom::IdleConstant,
    ]
    .map(|reason| free.iter().filter(|(_, why)| *why == reason).count())
}

#[test]
fn no_wire_of_a_small_batch_is_free_without_a_reason() {
    // Trips of the two claims, and how many constants are idle for them.
    let batches = [
        (false, &[4, 2][..], 0),
        (true, &[3], 0),
        (true, &[0, 4], 0),
        (false, &[], 1),
    ];
    for (narrow, trips, idle) in batches {
        let case = Case::new(&case::cycling(4, narrow), 2, trips, 21);
        let [context, quotients, constants] = reasons(&case, 1);
        assert_eq!((context, constants), (1, idle), "{trips:?}");
        // At most two a slot.
        assert!(quotients <= 2 * 8, "{quotients}");
    }
}

#[test]
fn no_wire_of_a_measured_batch_is_free_without_a_reason() {
    for trips in [&[4, 2][..], &[3], &[]] {
        let case = Case::new(&case::measured(4), 2, trips, 24);
        let [context, quotients, _] = reasons(&case, 1);
        assert_eq!(context, 1, "{trips:?}");
        assert!(quotients <= 2 * 8, "{quotients}");
    }
}

#[test]
fn no_sampled_wire_of_a_large_batch_is_free_without_a_reason() {
    let trips = [40, 0, 1, 14, 26, 39, 7];
    let case = Case::new(&case::cycling(40, false), 8, &trips, 22);
    let [_, quotients, constants] = reasons(&case, 7);
    assert!(quotients <= 2 * 8 * 40);
    assert_eq!(constants, 0);
}

#[test]
fn the_documented_joint_freedoms_exist() {
    let case = Case::new(&case::cycling(4, false), 2, &[3], 23);
    let circuit = case.circuit.circuit();
    let check = |inputs: &[Fr]| {
        violated(
            circuit,
            &circuit.program.run(inputs).expect("a witness exists"),
        )
    };
    // −e: the same Ey and S.y, so the same statement.
    let mut negated = case.inputs();
    let first = case.input("claim[0].e[0]");
    negated[first..first + 250]
        .iter_mut()
        .for_each(|bit| *bit = Fr::ONE - *bit);
    assert!(check(&negated).is_empty());
    // −r does change T1 and T2.
    let mut other_total = case.inputs();
    let first = case.input("r[0]");
    other_total[first..first + 250]
        .iter_mut()
        .for_each(|bit| *bit = Fr::ONE - *bit);
    assert!(check(&other_total).contains("batch/total/T1"));
    // An absent claim's private side.
    let mut absent = case.inputs();
    absent[case.input("claim[1].K")] = Fr::from(5u64);
    absent[case.input("claim[1].h")] = Fr::from(6u64);
    assert!(check(&absent).is_empty());
}
