//! The partial rounds with sparse matrices: the same permutation with a quarter of the work.
//!
//! Source: Grassi et al., "Poseidon: A New Hash Function for Zero-Knowledge Proof Systems" (USENIX
//! Security 2021), appendix B. In a partial round only lane 0 passes the S-box, so operations on
//! the other lanes alone may move ahead of it:
//!
//! - constants of lanes 1.. go to the round before, through M^-1;
//! - M = M''·M' with M' = diag(1, M^) and M'' zero except in its first row, first column and
//!   diagonal. M' moves ahead of the S-box and merges with the matrix of the round before.
//!
//! A partial round then takes 2t − 1 multiplications instead of t².

use alloc::{vec, vec::Vec};

use ark_ff::{AdditiveGroup, Field};

use super::Params;
use crate::Fr;

type Matrix = Vec<Vec<Fr>>;

/// A matrix that is zero except in its first row, its first column, and ones on the diagonal.
#[derive(Debug)]
pub(super) struct Sparse {
    pub(super) row: Vec<Fr>,
    /// Column 0 of rows 1 to t − 1.
    pub(super) column: Vec<Fr>,
}

/// The partial rounds of one width, rearranged.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Replaces the MDS matrix after the last full round of the first half.
    pub(super) entry: Matrix,
    /// Constants of the first partial round.
    pub(super) first: Vec<Fr>,
    /// The constant that is added to lane 0 after the S-box of each partial round.
    pub(super) after_box: Vec<Fr>,
    /// The matrix of each partial round.
    pub(super) rounds: Vec<Sparse>,
}

impl Schedule {
    pub(super) fn new(params: &Params) -> Self {
        let t = params.mds.len();
        let inverse = invert(&params.mds);
        let start = params.full_rounds / 2;
        let constants = |round: usize| &params.ark[(start + round) * t..(start + round + 1) * t];

        // Constants, from the last partial round to the first.
        let mut after_box = vec![Fr::ZERO; params.partial_rounds];
        let mut carried = constants(params.partial_rounds - 1).to_vec();
        for round in (0..params.partial_rounds - 1).rev() {
            let moved = apply(&inverse, &carried);
            after_box[round] = moved[0];
            carried = constants(round).to_vec();
            for (lane, constant) in carried.iter_mut().zip(&moved).skip(1) {
                *lane += constant;
            }
        }

        // Matrices, from the last partial round to the first.
        let mut rounds = Vec::with_capacity(params.partial_rounds);
        let mut ahead = params.mds.clone();
        for _ in 0..params.partial_rounds {
            let (sparse, block) = split(&ahead);
            rounds.push(sparse);
            carried_through(&block, &mut ahead, &params.mds);
            if rounds.len() == params.partial_rounds {
                let lanes = apply(&block, &carried[1..]);
                carried[1..].copy_from_slice(&lanes);
            }
        }
        rounds.reverse();
        Self {
            entry: ahead,
            first: carried,
            after_box,
            rounds,
        }
    }
}

/// ahead := diag(1, block)·mds.
fn carried_through(block: &Matrix, ahead: &mut Matrix, mds: &Matrix) {
    ahead[0].clone_from(&mds[0]);
    for (row, weights) in ahead[1..].iter_mut().zip(block) {
        for (column, cell) in row.iter_mut().enumerate() {
            *cell = weights
                .iter()
                .zip(&mds[1..])
                .map(|(w, r)| *w * r[column])
                .sum();
        }
    }
}

/// M = M''·diag(1, M^): returns M'' and M^.
fn split(matrix: &Matrix) -> (Sparse, Matrix) {
    let block: Matrix = matrix[1..].iter().map(|row| row[1..].to_vec()).collect();
    let inverse = invert(&block);
    let mut row = vec![matrix[0][0]];
    row.extend((0..block.len()).map(|column| {
        matrix[0][1..]
            .iter()
            .zip(&inverse)
            .map(|(v, r)| *v * r[column])
            .sum::<Fr>()
    }));
    let column = matrix[1..].iter().map(|row| row[0]).collect();
    (Sparse { row, column }, block)
}

fn apply(matrix: &Matrix, vector: &[Fr]) -> Vec<Fr> {
    matrix
        .iter()
        .map(|row| row.iter().zip(vector).map(|(m, v)| *m * v).sum())
        .collect()
}

/// Gauss–Jordan. The matrices come from an MDS matrix, of which every square block is regular.
fn invert(matrix: &Matrix) -> Matrix {
    let n = matrix.len();
    let mut left = matrix.clone();
    let mut right: Matrix = (0..n)
        .map(|i| {
            (0..n)
                .map(|j| if i == j { Fr::ONE } else { Fr::ZERO })
                .collect()
        })
        .collect();
    for pivot in 0..n {
        let found = (pivot..n)
            .find(|row| left[*row][pivot] != Fr::ZERO)
            .expect("blocks of an MDS matrix are regular");
        left.swap(pivot, found);
        right.swap(pivot, found);
        let scale = left[pivot][pivot].inverse().expect("the pivot is not zero");
        for side in [&mut left, &mut right] {
            for cell in &mut side[pivot] {
                *cell *= scale;
            }
        }
        for row in (0..n).filter(|row| *row != pivot) {
            let factor = left[row][pivot];
            for side in [&mut left, &mut right] {
                let source = side[pivot].clone();
                for (cell, above) in side[row].iter_mut().zip(&source) {
                    *cell -= factor * above;
                }
            }
        }
    }
    right
}
