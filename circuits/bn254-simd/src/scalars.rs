//! Scalars made ready for multiplication: signs, ones, signed windows, sorted buckets.
//!
//! All of it depends on the scalars alone, so it is done once for the queries of a proof that share
//! them (Groth16's A, B in both groups, and L).

use ark_bn254::Fr;
use ark_ff::PrimeField;
use rayon::prelude::*;

use crate::affine::NEGATIVE;
use crate::lists::Lists;

/// Widest window: 2^16 buckets, 4 MiB of G1 points.
const WIDEST: usize = 17;

/// Scalars cut into windows and sorted into buckets.
///
/// A scalar above `r/2` is replaced by its opposite, and the point's sign flipped. Zeros are
/// dropped, ones go to a list of their own, and the rest are written in digits of `width` bits
/// between `-2^(width-1)` and `2^(width-1)`.
#[derive(Debug)]
pub struct Scalars {
    /// How many scalars came in.
    pub(crate) len: usize,
    /// References to the points that are taken once.
    pub(crate) ones: Vec<u32>,
    /// Bits of a window.
    pub(crate) width: usize,
    /// Windows, each perhaps in several blocks.
    pub(crate) blocks: Vec<Block>,
}

/// The buckets of one window over a range of the scalars.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) window: usize,
    /// List `b` holds the references whose digit is `b + 1`, up to sign.
    pub(crate) buckets: Lists,
}

/// A scalar that is neither 0 nor plus or minus 1.
#[derive(Clone, Copy)]
struct General {
    /// Its absolute value; plus [`digit_offset`] once the width is known.
    words: [u64; 4],
    /// Index and sign.
    reference: u32,
}

impl Scalars {
    /// Of field elements. Their number must be below `2^31`.
    pub fn new(scalars: &[Fr]) -> Self {
        Self::from_words(scalars.len(), |i| scalars[i].into_bigint().0)
    }

    /// Of integers up to the field's modulus, four words each.
    pub(crate) fn from_words(len: usize, words: impl Fn(usize) -> [u64; 4] + Sync) -> Self {
        assert!(len < NEGATIVE as usize, "2^31 scalars or more");
        const PART: usize = 1 << 12;
        let parts: Vec<(Vec<u32>, Vec<General>)> = (0..len.div_ceil(PART))
            .into_par_iter()
            .map(|part| sort_out(part * PART..len.min((part + 1) * PART), &words))
            .collect();
        let mut ones = Vec::with_capacity(parts.iter().map(|(ones, _)| ones.len()).sum());
        let mut general = Vec::with_capacity(parts.iter().map(|(_, g)| g.len()).sum());
        for (some_ones, some_general) in &parts {
            ones.extend_from_slice(some_ones);
            general.extend_from_slice(some_general);
        }

        let (width, windows) = choose_windows(&general);
        let offset = digit_offset(width, windows);
        general
            .par_iter_mut()
            .with_min_len(PART)
            .for_each(|scalar: &mut General| scalar.words = add(scalar.words, offset));
        // Enough blocks to keep every thread busy, but each large enough to fill its buckets.
        let most = (general.len() >> width).max(1);
        let pieces = (3 * rayon::current_num_threads())
            .div_ceil(windows.max(1))
            .clamp(1, most);
        let blocks = (0..windows * pieces)
            .into_par_iter()
            .map(|i| {
                let (window, piece) = (i / pieces, i % pieces);
                let range = general.len() * piece / pieces..general.len() * (piece + 1) / pieces;
                Block::new(&general[range], window, width, windows)
            })
            .collect();
        Self {
            len,
            ones,
            width,
            blocks,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Ones and others of a range.
fn sort_out(
    range: core::ops::Range<usize>,
    words: &(impl Fn(usize) -> [u64; 4] + Sync),
) -> (Vec<u32>, Vec<General>) {
    let (mut ones, mut general) = (Vec::new(), Vec::new());
    for index in range {
        let mut words = words(index);
        // The modulus stands for zero too: transforms leave it.
        if words == [0; 4] || words == Fr::MODULUS.0 {
            continue;
        }
        let mut reference = index as u32;
        if above_half(&words) {
            words = subtract(Fr::MODULUS.0, words);
            reference |= NEGATIVE;
        }
        if words == [1, 0, 0, 0] {
            ones.push(reference);
        } else {
            general.push(General { words, reference });
        }
    }
    (ones, general)
}

/// The width that costs the fewest additions, and the number of windows.
///
/// A window of width `c` costs an addition for each scalar that reaches it and about two for each
/// of its `2^(c-1)` buckets, and a fixed cost worth about 500.
fn choose_windows(general: &[General]) -> (usize, usize) {
    let mut reach = [0usize; 257];
    for scalar in general {
        reach[bits(&scalar.words)] += 1;
    }
    // reach[b]: scalars of at least b bits.
    for b in (0..256).rev() {
        reach[b] += reach[b + 1];
    }
    let longest = reach.iter().rposition(|&n| n > 0).unwrap_or(0);
    if longest == 0 {
        return (1, 0);
    }
    (2..=WIDEST)
        .map(|width| {
            // One bit more than the scalars have: a digit borrows from the next.
            let windows = (longest + 1).div_ceil(width);
            let additions: usize = (0..windows).map(|w| reach[(w * width).max(1)]).sum();
            (additions + windows * ((1 << width) + 500), width, windows)
        })
        .min()
        .map(|(_, width, windows)| (width, windows))
        .unwrap_or((1, 0))
}

impl Block {
    /// Counting sort of one window's digits, of scalars that [`digit_offset`] has been added to.
    fn new(general: &[General], window: usize, width: usize, windows: usize) -> Self {
        let buckets = 1 << (width - 1);
        let (word, bit) = (window * width / 64, window * width % 64);
        let mask = (1u64 << width) - 1;
        // What the offset added to the digit: nothing to the top one.
        let half = if window + 1 == windows {
            0
        } else {
            1i64 << (width - 1)
        };
        // The digit's magnitude, and the reference with the digit's sign.
        let digit = |raw: u64, reference: u32| {
            let digit = (raw & mask) as i64 - half;
            let sign = if digit < 0 { NEGATIVE } else { 0 };
            (digit.unsigned_abs() as u32, reference ^ sign)
        };
        // A digit within one word, or across two. Two instances, so that neither asks each time.
        let digits: Vec<(u32, u32)> = if bit + width > 64 && word < 3 {
            let across = |w: &[u64; 4]| (w[word] >> bit) | (w[word + 1] << (64 - bit));
            general
                .iter()
                .map(|s| digit(across(&s.words), s.reference))
                .collect()
        } else {
            general
                .iter()
                .map(|s| digit(s.words[word] >> bit, s.reference))
                .collect()
        };
        // offsets[d] will be where digit d starts; digit 0 is dropped by starting after it.
        let mut offsets = vec![0u32; buckets + 2];
        for (digit, _) in &digits {
            offsets[*digit as usize + 1] += 1;
        }
        offsets[1] = 0;
        for d in 1..offsets.len() {
            offsets[d] += offsets[d - 1];
        }
        let total = offsets[buckets + 1] as usize;
        let mut references = vec![0u32; total];
        let mut next = offsets.clone();
        for (digit, reference) in digits {
            if digit != 0 {
                let at = &mut next[digit as usize];
                references[*at as usize] = reference;
                *at += 1;
            }
        }
        offsets.remove(0);
        Self {
            window,
            buckets: Lists {
                references,
                offsets,
            },
        }
    }
}

/// `2^(width-1)` in every window but the top one.
///
/// Added before cutting and taken off each digit after, it makes digits signed without carrying from
/// window to window. The top digit takes the last carry: it is `2^(width-1)` at most, as the top
/// window has a bit to spare.
fn digit_offset(width: usize, windows: usize) -> [u64; 4] {
    let mut offset = [0u64; 4];
    for window in 0..windows.saturating_sub(1) {
        let bit = window * width + width - 1;
        offset[bit / 64] |= 1 << (bit % 64);
    }
    offset
}

/// Sum without overflow: both are below `2^254`.
#[inline]
fn add(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    let mut carry = false;
    core::array::from_fn(|i| {
        let (t, c0) = a[i].overflowing_add(b[i]);
        let (t, c1) = t.overflowing_add(u64::from(carry));
        carry = c0 | c1;
        t
    })
}

/// `a - b`, for `a >= b`.
fn subtract(a: [u64; 4], b: [u64; 4]) -> [u64; 4] {
    let mut borrow = false;
    core::array::from_fn(|i| {
        let (t, b0) = a[i].overflowing_sub(b[i]);
        let (t, b1) = t.overflowing_sub(u64::from(borrow));
        borrow = b0 | b1;
        t
    })
}

/// Whether a scalar exceeds `(r - 1)/2`.
fn above_half(words: &[u64; 4]) -> bool {
    let half = Fr::MODULUS_MINUS_ONE_DIV_TWO.0;
    words.iter().rev().gt(half.iter().rev())
}

fn bits(words: &[u64; 4]) -> usize {
    words
        .iter()
        .rposition(|&w| w != 0)
        .map_or(0, |i| 64 * i + 64 - words[i].leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use ark_ff::{Field, UniformRand, Zero};
    use ark_std::rand::{SeedableRng, rngs::StdRng};

    use super::*;

    /// The scalars, from their ones and buckets.
    fn recompose(scalars: &Scalars) -> Vec<Fr> {
        let mut out = vec![Fr::zero(); scalars.len];
        let mut take = |reference: u32, weight: Fr| {
            let slot = &mut out[(reference & !NEGATIVE) as usize];
            if reference & NEGATIVE == 0 {
                *slot += weight;
            } else {
                *slot -= weight;
            }
        };
        for one in &scalars.ones {
            take(*one, Fr::from(1u64));
        }
        for block in &scalars.blocks {
            let base = Fr::from(2u64).pow([(block.window * scalars.width) as u64]);
            let lists = &block.buckets;
            for bucket in 0..lists.len() {
                let range = lists.offsets[bucket] as usize..lists.offsets[bucket + 1] as usize;
                for reference in &lists.references[range] {
                    take(*reference, base * Fr::from(bucket as u64 + 1));
                }
            }
        }
        out
    }

    #[test]
    fn digits_recompose() {
        let mut rng = StdRng::seed_from_u64(1);
        let edges = [
            Fr::zero(),
            Fr::from(1u64),
            -Fr::from(1u64),
            Fr::from(2u64),
            -Fr::from(2u64),
            Fr::from(u64::MAX),
            Fr::from_bigint(Fr::MODULUS_MINUS_ONE_DIV_TWO).unwrap(),
            Fr::from_bigint(Fr::MODULUS_MINUS_ONE_DIV_TWO).unwrap() + Fr::from(1u64),
        ];
        for n in [0usize, 1, 3, 8, 100, 5000] {
            for short in [false, true] {
                let scalars: Vec<Fr> = (0..n)
                    .map(|i| match i % 3 {
                        0 => edges[i / 3 % edges.len()],
                        _ if short => Fr::from(u64::from(u32::rand(&mut rng) >> (i % 32))),
                        _ => Fr::rand(&mut rng),
                    })
                    .collect();
                assert_eq!(recompose(&Scalars::new(&scalars)), scalars, "{n} {short}");
            }
        }
        // Every width, at the values where digits borrow.
        for k in 1..254u64 {
            let power = Fr::from(2u64).pow([k]);
            let scalars = [
                power,
                power - Fr::from(1u64),
                power + power.double_minus_one(),
            ];
            assert_eq!(recompose(&Scalars::new(&scalars)), scalars);
        }
    }

    trait DoubleMinusOne {
        fn double_minus_one(self) -> Self;
    }
    impl DoubleMinusOne for Fr {
        fn double_minus_one(self) -> Self {
            self + self - Fr::from(1u64)
        }
    }

    #[test]
    fn bits_and_zeros_need_no_window() {
        let scalars: Vec<Fr> = (0..100u64).map(|i| Fr::from(i % 2)).collect();
        let ready = Scalars::new(&scalars);
        assert_eq!(ready.ones.len(), 50);
        assert!(ready.blocks.is_empty());
    }
}
