//! Whether wires could vary together: the constraints' derivatives at a satisfying assignment.
//!
//! If some wires can move a little, all at once, without breaking a constraint, then the derivative
//! of every constraint along that movement is 0. So such movements form the kernel of a matrix with
//! one row for each constraint and one column for each wire. If the outputs are 0 everywhere in
//! that kernel, no movement of any number of wires changes them. This cannot find another solution
//! far away, such as other bits: [`super::dishonest`] tries those.

use std::collections::BTreeMap;

use ark_ff::{AdditiveGroup, Field};
use merits_params::r1cs::{R1cs, Term, evaluate};
use merits_primitives::Fr;

/// The largest number of rows to eliminate. Elimination is cubic, so larger systems stay undecided.
const MOST_ROWS: usize = 600;

/// The wires that may vary near an assignment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Freedom {
    /// Wires that occur in constraints only beside a factor 0, so that their value has no effect.
    pub(super) idle: usize,
    /// Wires that can vary together with others, none of them an output.
    pub(super) joint: Vec<usize>,
    /// Outputs that can vary.
    pub(super) outputs: Vec<usize>,
    /// Too many rows are left to decide.
    pub(super) undecided: bool,
}

/// Examines the wires from `first` on and the outputs. All other wires are fixed.
pub(super) fn freedom(
    r1cs: &R1cs,
    assignment: &[Fr],
    varies: impl Fn(usize) -> bool,
    outputs: &[usize],
) -> Freedom {
    let mut rows: Vec<BTreeMap<usize, Fr>> = (0..r1cs.n_constraints())
        .map(|at| {
            let row = r1cs.constraint(at);
            let (a, b) = (evaluate(row.a, assignment), evaluate(row.b, assignment));
            let mut derivative = BTreeMap::new();
            let mut add = |terms: &[Term], factor: Fr| {
                for (wire, coefficient) in terms {
                    // Wire 0 is the constant 1.
                    if *wire != 0 && varies(*wire as usize) && factor != Fr::ZERO {
                        *derivative.entry(*wire as usize).or_insert(Fr::ZERO) +=
                            *coefficient * factor;
                    }
                }
            };
            add(row.a, b);
            add(row.b, a);
            add(row.c, -Fr::ONE);
            derivative.retain(|_, value| *value != Fr::ZERO);
            derivative
        })
        .collect();
    let wires: Vec<usize> = (1..assignment.len()).filter(|wire| varies(*wire)).collect();
    let fixed = fix_alone(&mut rows, assignment.len());
    rows.retain(|row| !row.is_empty());
    let mut freedom = Freedom::default();
    if rows.len() > MOST_ROWS {
        freedom.undecided = true;
        return freedom;
    }
    let loose = kernel(rows, outputs);
    for wire in wires {
        if fixed[wire] {
            continue;
        }
        match loose.get(&wire) {
            // It is in no remaining row, so its derivative is 0 everywhere.
            None if outputs.contains(&wire) => freedom.outputs.push(wire),
            None => freedom.idle += 1,
            Some(false) => {}
            Some(true) if outputs.contains(&wire) => freedom.outputs.push(wire),
            Some(true) => freedom.joint.push(wire),
        }
    }
    freedom
}

/// A row with a single wire fixes that wire, which is then removed from all other rows. Repeats
/// until nothing changes.
fn fix_alone(rows: &mut [BTreeMap<usize, Fr>], wires: usize) -> Vec<bool> {
    let mut of_wire: Vec<Vec<usize>> = vec![Vec::new(); wires];
    for (at, row) in rows.iter().enumerate() {
        for wire in row.keys() {
            of_wire[*wire].push(at);
        }
    }
    let mut fixed = vec![false; wires];
    let mut ready: Vec<usize> = (0..rows.len()).filter(|at| rows[*at].len() == 1).collect();
    while let Some(at) = ready.pop() {
        let Some(wire) = rows[at].keys().next().copied() else {
            continue;
        };
        fixed[wire] = true;
        for other in std::mem::take(&mut of_wire[wire]) {
            rows[other].remove(&wire);
            if rows[other].len() == 1 {
                ready.push(other);
            }
        }
    }
    fixed
}

/// For each wire in the rows, whether it can vary. Eliminates wire by wire, outputs last, so that
/// the other wires of a row fix its first wire.
fn kernel(mut rows: Vec<BTreeMap<usize, Fr>>, outputs: &[usize]) -> BTreeMap<usize, bool> {
    let mut order: Vec<usize> = rows.iter().flat_map(|row| row.keys().copied()).collect();
    order.sort_unstable();
    order.dedup();
    order.sort_by_key(|wire| (outputs.contains(wire), *wire));
    let mut pivots: Vec<(usize, BTreeMap<usize, Fr>)> = Vec::new();
    for wire in &order {
        let holders = (0..rows.len()).filter(|at| rows[*at].contains_key(wire));
        let Some(at) = holders.min_by_key(|at| rows[*at].len()) else {
            continue;
        };
        let pivot = rows.swap_remove(at);
        let inverse = pivot[wire].inverse().unwrap_or(Fr::ZERO);
        for row in &mut rows {
            if let Some(factor) = row.get(wire).map(|value| *value * inverse) {
                subtract(row, &pivot, factor);
            }
        }
        pivots.push((*wire, pivot));
    }
    // Backwards: a wire is fixed if all others in its row are.
    let mut loose: BTreeMap<usize, bool> = order.iter().map(|wire| (*wire, true)).collect();
    for at in (0..pivots.len()).rev() {
        let (wire, mut row) = (pivots[at].0, pivots[at].1.clone());
        // Remove the wires that later pivots fix, so that only free wires remain beside it.
        for (other, pivot) in &pivots[at + 1..] {
            if let Some(value) = row.get(other).copied() {
                let inverse = pivot[other].inverse().unwrap_or(Fr::ZERO);
                subtract(&mut row, pivot, value * inverse);
            }
        }
        loose.insert(wire, row.len() > 1);
        pivots[at].1 = row;
    }
    loose
}

fn subtract(row: &mut BTreeMap<usize, Fr>, pivot: &BTreeMap<usize, Fr>, factor: Fr) {
    for (wire, value) in pivot {
        let entry = row.entry(*wire).or_insert(Fr::ZERO);
        *entry -= *value * factor;
        if *entry == Fr::ZERO {
            row.remove(wire);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builder::{Builder, Lc};

    #[test]
    fn wires_that_move_together_are_found() {
        let mut b = Builder::new();
        let public = b.public("sum");
        let known = b.input("known");
        let parts = b.hint(&[&known], 2, |inputs, outputs| {
            outputs[0] = inputs[0];
            Ok(())
        });
        // x + y = known, and neither is bounded: they move together, the sum does not.
        b.assert_equal(&Lc::sum(&parts), &known);
        b.assert_equal(&public, &(&known + Fr::from(3u64)));
        let circuit = b.finish();
        let wires = circuit
            .program
            .run(&[Fr::from(8u64), Fr::from(5u64)])
            .unwrap();
        assert_eq!(circuit.check(&wires), Ok(()));
        let found = freedom(&circuit.r1cs, &wires, |wire| wire != 2, &[1]);
        assert_eq!(found.joint, vec![3, 4]);
        assert_eq!(found.outputs, Vec::<usize>::new());
        // An output that depends on one of them moves.
        let mut b = Builder::new();
        let public = b.public("part");
        let known = b.input("known");
        let parts = b.hint(&[&known], 2, |inputs, outputs| {
            outputs[0] = inputs[0];
            Ok(())
        });
        b.assert_equal(&Lc::sum(&parts), &known);
        b.assert_equal(&public, &parts[0]);
        let circuit = b.finish();
        let wires = circuit
            .program
            .run(&[Fr::from(5u64), Fr::from(5u64)])
            .unwrap();
        assert_eq!(circuit.check(&wires), Ok(()));
        let found = freedom(&circuit.r1cs, &wires, |wire| wire != 2, &[1]);
        assert_eq!(found.outputs, vec![1]);
    }
}
