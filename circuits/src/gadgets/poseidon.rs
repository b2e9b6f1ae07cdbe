//! Poseidon with circomlib's parameters, 3 constraints an S-box.
//!
//! # Sums that do not grow
//!
//! In the partial rounds only lane 0 passes the S-box, so every other lane stays a linear
//! combination. Written out naively, each round's input to the S-box is a sum over all earlier
//! rounds, in three constraints. Here the wire of a partial round is not x⁵ but lane 0 *after* the
//! next mixing:
//!
//! ```text
//! x · x = s      s · s = q      (m00·q) · x = x' − rest        x' = m00·x⁵ + rest
//! ```
//!
//! The number of wires and constraints is the same, but `x` is one term in both factors. The sum
//! `rest` (over the lanes that skipped the S-box) is only on the right side, which a prover in
//! circom's reduction never evaluates. Its coefficients depend only on the width, so they are
//! computed once (`PartialRounds`). The inputs determine every wire: one constraint defines each of
//! s, q and x'.
//!
//! Constant lanes (the tag, the zeros that fill a chunk) fold and cost nothing in the first
//! round: 3·(8·t + partial rounds − constant lanes) constraints in all.

use std::sync::OnceLock;

use ark_ff::{AdditiveGroup, Field};
use merits_primitives::{
    Fr,
    poseidon::{MAX_WIDTH, Params, SBox, params, permute_lanes},
    tags::Tag,
};

use crate::{
    builder::{Builder, Lc},
    program::Kernel,
};

/// P(tag; inputs)\[0\].
///
/// # Panics
/// When there are no inputs or more than 12.
pub fn hash(b: &mut Builder, tag: Tag, inputs: &[Lc]) -> Lc {
    let [lane] = permute(b, tag, inputs);
    lane
}

/// P(tag; inputs)\[0, 1\].
///
/// # Panics
/// When there are no inputs or more than 12.
pub fn hash2(b: &mut Builder, tag: Tag, inputs: &[Lc]) -> [Lc; 2] {
    permute(b, tag, inputs)
}

/// The first `N` lanes of one permutation of (tag, inputs). Never all lanes: the released lanes
/// must not let anyone invert the permutation.
fn permute<const N: usize>(b: &mut Builder, tag: Tag, inputs: &[Lc]) -> [Lc; N] {
    assert!(
        N <= inputs.len(),
        "all lanes of a permutation must not be released"
    );
    let mut lanes = [Fr::ZERO; MAX_WIDTH];
    lanes[0] = tag.element();
    for (lane, input) in lanes[1..].iter_mut().zip(inputs) {
        *lane = input.as_constant().unwrap_or_default();
    }
    let lanes_and_inputs = (1..).zip(inputs);
    let (varying, values): (Vec<u8>, Vec<&Lc>) = lanes_and_inputs
        .filter(|(_, input)| input.as_constant().is_none())
        .unzip();
    let permutation = Permutation {
        lanes,
        t: inputs.len() + 1,
        varying,
    };
    b.fused(&values, permutation, |b| constrain(b, tag, inputs))
}

/// All wires of a permutation from its lanes.
#[derive(Debug)]
struct Permutation {
    /// The constant lanes.
    lanes: [Fr; MAX_WIDTH],
    t: usize,
    /// Which lanes are not constant.
    varying: Vec<u8>,
}

impl Kernel for Permutation {
    fn n_wires(&self) -> usize {
        let params = params(self.t);
        let constant = self.t - self.varying.len();
        3 * (params.full_rounds * self.t + params.partial_rounds - constant)
    }

    fn fill(&self, inputs: &[Fr], wires: &mut [Fr]) -> Option<()> {
        let mut lanes = self.lanes;
        let lanes = &mut lanes[..self.t];
        for (lane, value) in self.varying.iter().zip(inputs) {
            lanes[usize::from(*lane)] = *value;
        }
        // In the first round constant lanes have no wires.
        let mut lane = 0;
        let mut varying = self
            .varying
            .iter()
            .map(|lane| usize::from(*lane))
            .peekable();
        let mut wires = wires.chunks_exact_mut(3);
        permute_lanes(lanes, |passed| {
            let (SBox::Full(passed) | SBox::Partial(passed)) = passed;
            if lane < self.t {
                lane += 1;
                if varying.next_if_eq(&(lane - 1)).is_none() {
                    return;
                }
            }
            if let Some(wires) = wires.next() {
                wires.copy_from_slice(&passed);
            }
        });
        Some(())
    }
}

fn constrain<const N: usize>(b: &mut Builder, tag: Tag, inputs: &[Lc]) -> [Lc; N] {
    let t = inputs.len() + 1;
    let params = params(t);
    let partial = PartialRounds::of(t);
    let half = params.full_rounds / 2;

    let mut lanes = Vec::with_capacity(t);
    lanes.push(Lc::constant(tag.element()));
    lanes.extend_from_slice(inputs);
    let mut lanes = with_constants(params, 0, lanes);

    // Every full round of the first half except the last returns mixed lanes. The S-box outputs of
    // the last one are the basis for the partial rounds.
    for round in 1..half {
        let boxed: Vec<Lc> = lanes.iter().map(|lane| fifth_power(b, lane)).collect();
        lanes = with_constants(params, round, mix(params, &boxed));
    }
    let mut basis = Vec::with_capacity(1 + t + params.partial_rounds);
    basis.push(Lc::one());
    basis.extend(lanes.iter().map(|lane| fifth_power(b, lane)));

    let mut x = combine(&partial.entry, &basis);
    for rest in &partial.rests {
        let square = b.square(&x);
        let fourth = b.square(&square);
        x = b.mul_add(&(fourth * params.mds[0][0]), &x, &combine(rest, &basis));
        basis.push(x.clone());
    }
    let mut lanes = vec![x];
    lanes.extend(partial.exits.iter().map(|lane| combine(lane, &basis)));

    let first = half + params.partial_rounds;
    for round in first + 1..first + half {
        let boxed: Vec<Lc> = lanes.iter().map(|lane| fifth_power(b, lane)).collect();
        lanes = with_constants(params, round, mix(params, &boxed));
    }
    let boxed: Vec<Lc> = lanes.iter().map(|lane| fifth_power(b, lane)).collect();
    std::array::from_fn(|lane| mix_lane(params, lane, &boxed))
}

/// x⁵: 3 constraints, none for a constant.
fn fifth_power(b: &mut Builder, x: &Lc) -> Lc {
    let square = b.square(x);
    let fourth = b.square(&square);
    b.mul(&fourth, x)
}

fn mix(params: &Params, lanes: &[Lc]) -> Vec<Lc> {
    (0..lanes.len())
        .map(|lane| mix_lane(params, lane, lanes))
        .collect()
}

fn mix_lane(params: &Params, lane: usize, lanes: &[Lc]) -> Lc {
    Lc::weighted(lanes.iter().zip(params.mds[lane].iter().copied()))
}

fn with_constants(params: &Params, round: usize, lanes: Vec<Lc>) -> Vec<Lc> {
    let constants = &params.ark[round * lanes.len()..];
    lanes
        .into_iter()
        .zip(constants)
        .map(|(lane, c)| lane + *c)
        .collect()
}

/// Σ coefficient·basis over the part of the basis that exists so far.
fn combine(coefficients: &[Fr], basis: &[Lc]) -> Lc {
    Lc::weighted(
        basis
            .iter()
            .zip(coefficients.iter().copied())
            .filter(|(_, c)| *c != Fr::ZERO),
    )
}

/// The partial rounds of one width, solved for lane 0.
///
/// Basis: 1, the t S-box outputs of the last full round before, then lane 0 after each partial
/// round passed.
struct PartialRounds {
    /// Lane 0 before the first S-box.
    entry: Vec<Fr>,
    /// For each partial round: the summand of m00·x⁵, with the next round's constant included.
    rests: Vec<Vec<Fr>>,
    /// Lanes 1.. after all partial rounds, the next round's constants included.
    exits: Vec<Vec<Fr>>,
}

impl PartialRounds {
    fn of(t: usize) -> &'static Self {
        static TABLE: [OnceLock<PartialRounds>; MAX_WIDTH + 1] =
            [const { OnceLock::new() }; MAX_WIDTH + 1];
        TABLE[t].get_or_init(|| Self::solve(t, params(t)))
    }

    fn solve(t: usize, params: &Params) -> Self {
        let half = params.full_rounds / 2;
        let size = 1 + t + params.partial_rounds;
        let zero = vec![Fr::ZERO; size];
        // Lanes before the S-box of the current round, with its constants added.
        let mut lanes: Vec<Vec<Fr>> = (0..t)
            .map(|i| {
                let mut lane = zero.clone();
                lane[0] = params.ark[half * t + i];
                lane[1..=t].copy_from_slice(&params.mds[i]);
                lane
            })
            .collect();
        let entry = lanes[0].clone();
        // circomlib's matrices are Cauchy matrices, which have no zero entry.
        let m00_inverse = params.mds[0][0]
            .inverse()
            .expect("an MDS matrix has no zero entry");
        let mut rests = Vec::with_capacity(params.partial_rounds);
        for round in 0..params.partial_rounds {
            let constants = &params.ark[(half + round + 1) * t..];
            // Σ_{j>0} m_ij·lane_j + constant_i
            let skipped = |i: usize| {
                let mut sum = zero.clone();
                sum[0] = constants[i];
                for (lane, m) in lanes.iter().zip(&params.mds[i]).skip(1) {
                    sum.iter_mut().zip(lane).for_each(|(s, c)| *s += *m * c);
                }
                sum
            };
            let rest = skipped(0);
            // x⁵ = (x' − rest) / m00, with x' the new element of the basis.
            let mut fifth: Vec<Fr> = rest.iter().map(|c| -(*c * m00_inverse)).collect();
            fifth[1 + t + round] += m00_inverse;
            let mut next = vec![zero.clone()];
            next[0][1 + t + round] = Fr::ONE;
            next.extend((1..t).map(|i| {
                let mut lane = skipped(i);
                lane.iter_mut()
                    .zip(&fifth)
                    .for_each(|(s, c)| *s += params.mds[i][0] * c);
                lane
            }));
            rests.push(rest);
            lanes = next;
        }
        lanes.remove(0);
        Self {
            entry,
            rests,
            exits: lanes,
        }
    }
}

#[cfg(test)]
mod tests {
    use merits_primitives::{poseidon as native, tags};

    use super::*;

    fn run(tag: Tag, values: &[Fr], fill: usize) -> (usize, Vec<Fr>, [Fr; 2]) {
        let mut b = Builder::new();
        let mut inputs: Vec<Lc> = values.iter().map(|_| b.input("x")).collect();
        inputs.extend(std::iter::repeat_n(Lc::zero(), fill));
        let lanes = hash2(&mut b, tag, &inputs);
        let outputs = lanes.map(|lane| b.mul_add(&inputs[0], &inputs[0], &lane));
        let at = outputs.map(|wire| wire.as_wire().expect("a wire").index());
        let circuit = b.finish();
        let assignment = circuit.program.run(values).expect("inputs fit");
        circuit.check(&assignment).expect("satisfied");
        let square = values[0].square();
        let lanes = at.map(|wire| assignment[wire] - square);
        (circuit.r1cs.n_constraints() - 2, assignment, lanes)
    }

    #[test]
    fn every_width_agrees_with_the_primitives_and_has_the_stated_cost() {
        for n in 2..=12usize {
            let values: Vec<Fr> = (0..n as u64).map(|i| -Fr::from(i * i + 5)).collect();
            let (constraints, _, lanes) = run(tags::BIND, &values, 0);
            assert_eq!(lanes, native::hash2(tags::BIND, &values));
            let params = params(n + 1);
            assert_eq!(constraints, 3 * (8 * (n + 1) + params.partial_rounds - 1));
        }
    }

    #[test]
    fn constant_lanes_fold() {
        let values: Vec<Fr> = (1..=4u64).map(Fr::from).collect();
        let mut padded = values.clone();
        padded.resize(12, Fr::ZERO);
        let (constraints, _, lanes) = run(tags::REC, &values, 8);
        assert_eq!(lanes, native::hash2(tags::REC, &padded));
        assert_eq!(constraints, 3 * (8 * 13 + 65 - 1 - 8));
    }

    /// The number of terms in the factors, which a prover evaluates, stays below t + rounds for each
    /// constraint of the last wide round. The partial rounds have one or two terms each.
    #[test]
    fn factors_stay_short_in_partial_rounds() {
        let mut b = Builder::new();
        let inputs: Vec<Lc> = (0..12).map(|_| b.input("x")).collect();
        hash(&mut b, tags::REC, &inputs);
        let circuit = b.finish();
        let partial = 3 * (4 * 13 - 1) + 3..3 * (4 * 13 - 1) + 3 * 65;
        for row in partial {
            assert_eq!(circuit.r1cs.a.row(row).len(), 1);
            assert_eq!(circuit.r1cs.b.row(row).len(), 1);
        }
    }
}
