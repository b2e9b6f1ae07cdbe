//! The permutation of [`crate::poseidon`] in eight lanes, with one state in each lane.
//!
//! Bounds (see [`crate::field`]): constants and weights have bound 1. Each round's function says the
//! bounds before and after it. A full round may follow either kind of round, because 1.21 is below 1.3.

use ark_bn254::Fr;
use ark_ff::Field;

use crate::field::F8;
use crate::isa::{Ifma, Kernel};
use crate::modulus::{Modulus, canonical, limbs};
use crate::poseidon_rounds::Rounds;

/// Eight elements, one of each state.
type E8 = F8<Fr>;

/// An element that is the same in all lanes.
type Limbs = [u64; 5];

/// Lanes of a vector.
const LANES: usize = 8;

/// [`Rounds`] in limbs.
#[derive(Debug)]
pub(crate) struct Tables<const T: usize> {
    before: Vec<[Limbs; T]>,
    mds: [[Limbs; T]; T],
    entry: [[Limbs; T]; T],
    first: [Limbs; T],
    partial: Vec<Partial<T>>,
    after: Vec<[Limbs; T]>,
}

#[derive(Debug)]
struct Partial<const T: usize> {
    constant: Limbs,
    row: [Limbs; T],
    column: [Limbs; T],
}

impl<const T: usize> Tables<T> {
    pub(crate) fn new(rounds: &Rounds<T>) -> Self {
        let one = |x: Fr| limbs((x * Fr::sixteen()).words());
        let row = |row: &[Fr; T]| row.map(one);
        let matrix = |rows: &[[Fr; T]; T]| rows.each_ref().map(row);
        Self {
            before: rounds.before.iter().map(row).collect(),
            mds: matrix(&rounds.mds),
            entry: matrix(&rounds.entry),
            first: row(&rounds.first),
            partial: rounds
                .partial
                .iter()
                .map(|round| Partial {
                    constant: one(round.constant),
                    row: row(&round.row),
                    column: row(&round.column),
                })
                .collect(),
            after: rounds.after.iter().map(row).collect(),
        }
    }
}

/// Permutes each state, eight at a time. One vector has enough independent products: two side by side
/// gain only 6 %.
pub(crate) fn permute_each<const T: usize>(isa: Ifma, tables: &Tables<T>, states: &mut [[Fr; T]]) {
    for states in states.chunks_mut(LANES) {
        isa.vectorize(Permute { tables, states });
    }
}

/// Up to eight states.
struct Permute<'a, const T: usize> {
    tables: &'a Tables<T>,
    states: &'a mut [[Fr; T]],
}

impl<const T: usize> Kernel for Permute<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run(self, isa: Ifma) {
        let Self { tables, states } = self;
        let mut vector = [E8::splat(isa, [0; 4]); T];
        // Arkworks keeps x * 2^256 and lanes keep x * 2^260. The factor of 16 comes from a product
        // with 16 * 2^260, which is how arkworks keeps 256.
        let sixteen = E8::splat(isa, (Fr::sixteen() * Fr::sixteen()).words());
        for (at, element) in vector.iter_mut().enumerate() {
            let mut words = [[0; 4]; LANES];
            for (words, state) in words.iter_mut().zip(&*states) {
                *words = state[at].words();
            }
            *element = E8::from_words(isa, &words).mul(&sixteen);
        }
        if let [most @ .., last] = tables.before.as_slice() {
            for constants in most {
                full_round(isa, &mut vector, constants, &tables.mds);
            }
            full_round(isa, &mut vector, last, &tables.entry);
        }
        for (element, constant) in vector.iter_mut().zip(&tables.first) {
            *element = element.plus(&E8::splat_limbs(isa, constant));
        }
        for round in &tables.partial {
            partial_round(isa, &mut vector, round);
        }
        for constants in &tables.after {
            full_round(isa, &mut vector, constants, &tables.mds);
        }
        // Times 1/16: arkworks keeps 1 as 2^256, and a product divides by 2^260.
        let sixteenth = E8::splat(isa, Fr::ONE.words());
        for (at, element) in vector.iter().enumerate() {
            // 1 + 2.2 / 84.
            let words = element.mul(&sixteenth).words();
            for (state, words) in states.iter_mut().zip(words) {
                state[at] = Fr::from_words(canonical::<Fr>(words));
            }
        }
    }
}

/// Bound 1.3 to 1.1: 1 + 8 * 1.03 / 84, as the S-box takes 2.3 to 1.07 (a square), to 1.02, and to
/// 1 + 1.02 * 2.3 / 84.
#[inline(always)]
fn full_round<const T: usize>(
    isa: Ifma,
    vector: &mut [E8; T],
    constants: &[Limbs; T],
    matrix: &[[Limbs; T]; T],
) {
    for (element, constant) in vector.iter_mut().zip(constants) {
        let x = element.plus(&E8::splat_limbs(isa, constant));
        *element = x.square().square().mul(&x);
    }
    let boxed = *vector;
    for (element, row) in vector.iter_mut().zip(matrix) {
        *element = E8::dot(&boxed, row).carry();
    }
}

/// Every element of bound 2.2 or less: the first to 1.21, the others to 1.06.
#[inline(always)]
fn partial_round<const T: usize>(isa: Ifma, vector: &mut [E8; T], round: &Partial<T>) {
    // Bounds 1.06, 1.02, 1.03, and 2.03 with the constant.
    let fifth = vector[0].square().square().mul(&vector[0]);
    let boxed = fifth.plus(&E8::splat_limbs(isa, &round.constant));
    vector[0] = boxed;
    // 1 + (2.03 + 7 * 2.2) / 84.
    let sum = E8::dot(vector, &round.row).carry();
    for (element, weight) in vector.iter_mut().zip(&round.column).skip(1) {
        // 1.03 + 2.2, reduced.
        let product = E8::dot(&[boxed], &[*weight]);
        *element = product.plus(&element.raw()).reduce();
    }
    vector[0] = sum;
}
