//! ic₀ + Σ xᵢ·icᵢ over fixed points, in one pass of buckets.
//!
//! For each input point the table holds 2^(w·j)·icᵢ. All signed digits of all inputs then fall into
//! one set of 2^(w-1) buckets (Brickell et al., EUROCRYPT '92, for many bases at once), so the
//! table stays small enough for the second-level cache (225 KB for 135 inputs). Full tables of
//! multiples have 20 MB and more, and would wait for memory at every addition.

use alloc::{vec, vec::Vec};

use ark_bn254::{G1Affine, G1Projective, g1::Config};
use ark_ec::{AffineRepr, CurveGroup, short_weierstrass::Bucket};
use ark_ff::{AdditiveGroup, PrimeField};
use merits_primitives::Fr;

/// Bits that an input may have, and one more for the carry of signed digits.
const BITS: usize = 255;

#[derive(Debug, Clone)]
pub(super) struct InputTable {
    constant: G1Affine,
    window: usize,
    /// Row i holds 2^(window·j)·ic of input i, for all j.
    rows: Vec<Vec<G1Affine>>,
}

impl InputTable {
    /// A table for `ic`: the constant's point, then one for each public input.
    pub(super) fn new(constant: G1Affine, points: &[G1Affine]) -> Self {
        let window = best_window(points.len());
        let digits = BITS.div_ceil(window);
        let mut multiples = Vec::with_capacity(points.len() * digits);
        for point in points {
            let mut power = point.into_group();
            for _ in 0..digits {
                multiples.push(power);
                for _ in 0..window {
                    power.double_in_place();
                }
            }
        }
        let affine = G1Projective::normalize_batch(&multiples);
        Self {
            constant,
            window,
            rows: affine.chunks(digits).map(<[_]>::to_vec).collect(),
        }
    }

    /// factor·constant + Σ inputsᵢ·pointᵢ. `inputs` has one value for each row.
    pub(super) fn sum(&self, factor: Fr, inputs: &[Fr]) -> G1Projective {
        let mut buckets = vec![Bucket::<Config>::ZERO; 1 << (self.window - 1)];
        for (row, input) in self.rows.iter().zip(inputs) {
            if *input != Fr::ZERO {
                drop_digits(input, self.window, row, &mut buckets);
            }
        }
        // Σ k·bucket_k by running sums from the top.
        let mut running = Bucket::<Config>::ZERO;
        let mut total = Bucket::<Config>::ZERO;
        for bucket in buckets.iter().rev() {
            running += bucket;
            total += &running;
        }
        G1Projective::from(total) + self.constant * factor
    }
}

/// Recodes `input` into signed digits and adds each digit's multiple to its bucket.
fn drop_digits(input: &Fr, window: usize, row: &[G1Affine], buckets: &mut [Bucket<Config>]) {
    let limbs = input.into_bigint().0;
    let half = 1u64 << (window - 1);
    let mut carry = 0u64;
    for (j, multiple) in row.iter().enumerate() {
        let digit = window_bits(&limbs, j * window, window) + carry;
        // Digits above half become negative and carry one into the next window.
        carry = u64::from(digit > half);
        let (magnitude, negative) = if carry == 1 {
            ((half << 1) - digit, true)
        } else {
            (digit, false)
        };
        if magnitude == 0 {
            continue;
        }
        if let Some(bucket) = buckets.get_mut(magnitude as usize - 1) {
            if negative {
                *bucket -= multiple
            } else {
                *bucket += multiple
            }
        }
    }
}

/// Bits start..start+window of a 256-bit number.
fn window_bits(limbs: &[u64; 4], start: usize, window: usize) -> u64 {
    let (limb, shift) = (start / 64, start % 64);
    let low = limbs.get(limb).map_or(0, |value| value >> shift);
    let high = match limbs.get(limb + 1) {
        Some(value) if shift + window > 64 => value << (64 - shift),
        _ => 0,
    };
    (low | high) & ((1 << window) - 1)
}

/// The window with the lowest cost: one addition for each digit and two for each bucket, and the
/// latter cost more.
fn best_window(points: usize) -> usize {
    (4..=12)
        .min_by_key(|window| 2 * points * BITS.div_ceil(*window) + 5 * (1 << (window - 1)))
        .unwrap_or(8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::field;
    use rand::SeedableRng;

    fn points(count: u64) -> Vec<G1Affine> {
        (1..=count)
            .map(|i| (G1Affine::generator() * Fr::from(i * i + 7)).into())
            .collect()
    }

    #[test]
    fn the_sum_is_the_plain_sum() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        for count in [0u64, 1, 3, 20] {
            let all = points(count + 1);
            let table = InputTable::new(all[0], &all[1..]);
            let mut inputs: Vec<Fr> = (0..count).map(|_| field::random(&mut rng)).collect();
            // Edge values: zero, one, p - 1, and a digit pattern that carries through.
            for (input, edge) in inputs.iter_mut().skip(1).zip([
                Fr::ZERO,
                Fr::from(1u64),
                -Fr::from(1u64),
                Fr::from(u128::MAX),
            ]) {
                *input = edge;
            }
            let factor = field::random(&mut rng);
            let expected = inputs
                .iter()
                .zip(&all[1..])
                .fold(all[0] * factor, |sum, (input, point)| sum + *point * input);
            assert_eq!(table.sum(factor, &inputs), expected, "{count} inputs");
        }
    }

    #[test]
    fn every_window_recodes_right() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(2);
        let all = points(3);
        let inputs = [field::random(&mut rng), field::random(&mut rng)];
        let expected = all[0] + all[1] * inputs[0] + all[2] * inputs[1];
        for window in 4..=12usize {
            let digits = BITS.div_ceil(window);
            let rows = all[1..]
                .iter()
                .map(|point| {
                    let step = Fr::from(1u64 << window);
                    let mut power = Fr::from(1u64);
                    (0..digits)
                        .map(|_| {
                            let multiple = (*point * power).into_affine();
                            power *= step;
                            multiple
                        })
                        .collect()
                })
                .collect();
            let table = InputTable {
                constant: all[0],
                window,
                rows,
            };
            assert_eq!(
                table.sum(Fr::from(1u64), &inputs),
                expected,
                "window {window}"
            );
        }
    }
}
