//! Scalars made ready for multiplication: signs, ones, signed windows, sorted buckets.
//!
//! This depends on the scalars alone, so it is done once for the queries of a proof that share them
//! (Groth16's A, B in both groups, and L). A window's references are sorted when its turn comes and
//! freed after it, so that the references of all windows are never in memory at once.

use core::ops::Range;

use ark_bn254::Fr;
use ark_ff::PrimeField;
use rayon::prelude::*;

use crate::affine::NEGATIVE;
use crate::lists::Lists;
use crate::pages::Pages;
use crate::table_shape::{LONGEST, TableShape};

/// Widest window: 2^16 buckets, 4 MiB of G1 points.
const WIDEST: usize = 17;

/// Scalars that a thread classifies at a time.
const PART: usize = 1 << 12;

/// References of a window that are sorted together: they and the buckets' ends should stay in a
/// core's second cache.
const SEGMENT: usize = 1 << 18;

/// Scalars cut into windows.
///
/// A scalar above `r/2` is replaced by its opposite, and the point's sign flipped. Zeros are
/// dropped, ones go to a list of their own, and the rest are written in digits of some `width` bits
/// between `-2^(width-1)` and `2^(width-1)`.
pub struct Scalars {
    /// The number of scalars, zeros and ones included.
    len: usize,
    /// References to the points that are taken once.
    ones: Vec<u32>,
    /// Word `i` of the absolute values of the other scalars, plus [`Cut::offset`].
    words: [Pages<u64>; 4],
    /// The indices and signs of those.
    references: Pages<u32>,
    cut: Cut,
}

impl core::fmt::Debug for Scalars {
    // Scalars are witnesses, so `Debug` shows their shape only.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Scalars")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// The buckets of one window.
pub(crate) struct Block {
    /// Bits of the window: digits are up to `2^(width-1)`.
    pub(crate) width: usize,
    /// List `b` of each segment holds references whose digit is `b + 1`, up to sign. A reference
    /// is `row * len + index`.
    pub(crate) segments: Vec<Lists>,
}

/// How scalars are cut: chunks for the rows of a table, and the same windows in each chunk.
///
/// Digit `(row, window)` is the bits from `row * shape.bits + window.low` on. Digits are counted
/// row by row from the lowest, and end with the one that takes the longest scalar's last carry.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    shape: TableShape,
    windows: Vec<Window>,
    digits: usize,
    /// `2^(width-1)` in every digit but the top one.
    ///
    /// It is added before cutting and subtracted from each digit afterwards. That makes digits
    /// signed without carries from digit to digit. The top digit takes the last carry: it is
    /// `2^(width-1)` at most, because it has a spare bit.
    offset: [u64; 4],
    /// Expected additions.
    pub(crate) cost: usize,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    low: usize,
    width: usize,
}

/// A digit's position and its offset.
struct Digit {
    position: usize,
    mask: u64,
    half: i64,
    /// The offset of references: `row * len`.
    row: u32,
}

/// What a thread counted in its range of scalars.
struct Part {
    ones: Vec<u32>,
    /// The number of scalars that are neither 0 nor 1.
    general: usize,
    /// The number of those with each length in bits.
    lengths: [usize; LONGEST + 1],
}

impl Scalars {
    /// Of field elements. Their number must be below `2^31`.
    pub fn new(scalars: &[Fr]) -> Self {
        Self::for_shape(TableShape::NONE, scalars)
    }

    /// For bases with tables of some shape. Their number, times the rows, must be below `2^31`.
    pub(crate) fn for_shape(shape: TableShape, scalars: &[Fr]) -> Self {
        Self::cut(shape, scalars.len(), |i| scalars[i].into_bigint().0)
    }

    /// Of integers up to the field's modulus, four words each.
    pub(crate) fn from_words(len: usize, words: impl Fn(usize) -> [u64; 4] + Sync) -> Self {
        Self::cut(TableShape::NONE, len, words)
    }

    /// The same for bases with tables.
    pub(crate) fn cut(
        shape: TableShape,
        len: usize,
        words: impl Fn(usize) -> [u64; 4] + Sync,
    ) -> Self {
        assert!(
            len.saturating_mul(shape.levels as usize) < NEGATIVE as usize,
            "2^31 scalars, or rows of scalars, or more"
        );
        // Go through the scalars twice: keeping the results of the first pass
        // would be the largest allocation of a proof.
        let range = |part: usize| part * PART..len.min((part + 1) * PART);
        let parts: Vec<Part> = (0..len.div_ceil(PART))
            .into_par_iter()
            .map(|part| Part::new(range(part), &words))
            .collect();
        let mut ones = Vec::with_capacity(parts.iter().map(|part| part.ones.len()).sum());
        let mut lengths = [0; LONGEST + 1];
        for part in &parts {
            ones.extend_from_slice(&part.ones);
            for (all, some) in lengths.iter_mut().zip(&part.lengths) {
                *all += some;
            }
        }
        let cut = Cut::new(shape, &lengths);

        // One array for each word, so that a digit reads only the words that it needs.
        let general = parts.iter().map(|part| part.general).sum();
        let mut references = Pages::zeroed(general);
        let mut planes: [Pages<u64>; 4] = core::array::from_fn(|_| Pages::zeroed(general));
        let mut targets = Vec::with_capacity(parts.len());
        {
            let mut references: &mut [u32] = &mut references;
            let mut planes = planes.each_mut().map(|plane| &mut plane[..]);
            for part in &parts {
                let own = references.split_off_mut(..part.general);
                let words = planes
                    .each_mut()
                    .map(|plane| plane.split_off_mut(..part.general).unwrap_or_default());
                targets.push((own.unwrap_or_default(), words));
            }
        }
        targets
            .into_par_iter()
            .enumerate()
            .for_each(|(part, (references, mut planes))| {
                let mut i = 0;
                sort_out(range(part), &words, |reference, words| {
                    if words == ONE {
                        return;
                    }
                    references[i] = reference;
                    for (plane, word) in planes.iter_mut().zip(add(words, cut.offset)) {
                        plane[i] = word;
                    }
                    i += 1;
                });
            });
        Self {
            len,
            ones,
            words: planes,
            references,
            cut,
        }
    }

    /// The same scalars for bases without tables.
    pub(crate) fn without_tables(&self) -> Self {
        let mut all = vec![[0u64; 4]; self.len];
        let mut set = |reference: u32, words: [u64; 4]| {
            let negative = reference & NEGATIVE != 0;
            all[(reference & !NEGATIVE) as usize] = if negative {
                subtract(Fr::MODULUS.0, words)
            } else {
                words
            };
        };
        for reference in &self.ones {
            set(*reference, ONE);
        }
        let planes = self.words.each_ref().map(|plane| &plane[..]);
        for (i, reference) in self.references.iter().enumerate() {
            let shifted = planes.map(|plane| plane[i]);
            set(*reference, subtract(shifted, self.cut.offset));
        }
        Self::from_words(self.len, |i| all[i])
    }

    /// The number of scalars.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of rows that references may name.
    pub(crate) fn shape(&self) -> TableShape {
        self.cut.shape
    }

    /// References to the points that are taken once.
    pub(crate) fn ones(&self) -> &[u32] {
        &self.ones
    }

    /// The number of windows.
    pub(crate) fn windows(&self) -> usize {
        self.cut.windows.len()
    }

    /// Bits from the start of a window to that of the next.
    pub(crate) fn width(&self, window: usize) -> usize {
        self.cut.windows[window].width
    }

    /// The sorted buckets of a window.
    pub(crate) fn block(&self, window: usize) -> Block {
        let width = self.cut.windows[window].width;
        let digits = self.cut.digits_of(window, self.len);
        let general = self.references.len();
        let threads = rayon::current_num_threads();
        // Enough segments for all threads if there are fewer windows than threads. No segment is
        // larger than SEGMENT, and each is large enough to fill its buckets.
        let references = general * digits.len();
        let pieces = threads
            .div_ceil(self.windows())
            .max(references.div_ceil(SEGMENT))
            .min(references >> width)
            .clamp(1, general.max(1));
        let segments = (0..pieces)
            .into_par_iter()
            .with_max_len(1)
            .map(|piece| {
                let range = general * piece / pieces..general * (piece + 1) / pieces;
                self.sort(&digits, 1 << (width - 1), range)
            })
            .collect();
        Block { width, segments }
    }

    /// Counting sort of a range of the scalars by the digits of one window.
    fn sort(&self, digits: &[Digit], buckets: usize, range: Range<usize>) -> Lists {
        // offsets[d] will be where digit d starts; digit 0 is dropped by starting after it.
        let mut offsets = vec![0u32; buckets + 2];
        for digit in digits {
            self.for_each_digit(digit, range.clone(), |magnitude, _| {
                offsets[magnitude as usize + 1] += 1;
            });
        }
        offsets[1] = 0;
        for d in 1..offsets.len() {
            offsets[d] += offsets[d - 1];
        }
        let mut references = vec![0u32; offsets[buckets + 1] as usize];
        let mut next = offsets.clone();
        for digit in digits {
            self.for_each_digit(digit, range.clone(), |magnitude, reference| {
                if magnitude != 0 {
                    let at = &mut next[magnitude as usize];
                    references[*at as usize] = reference;
                    *at += 1;
                }
            });
        }
        offsets.remove(0);
        Lists {
            references,
            offsets,
        }
    }

    /// Calls `f` with each digit's magnitude, and the reference with the digit's sign.
    #[inline(always)]
    fn for_each_digit(&self, digit: &Digit, range: Range<usize>, mut f: impl FnMut(u32, u32)) {
        let (word, bit) = (digit.position / 64, digit.position % 64);
        let signed = |raw: u64, reference: u32| {
            let value = (raw & digit.mask) as i64 - digit.half;
            let sign = if value < 0 { NEGATIVE } else { 0 };
            (value.unsigned_abs() as u32, (reference + digit.row) ^ sign)
        };
        let references = &self.references[range.clone()];
        let low = self.words[word][range.clone()].iter();
        // A digit within one word, or across two. Two loops, so that neither has this branch inside.
        if digit.mask << bit >> bit != digit.mask && word < 3 {
            let high = &self.words[word + 1][range];
            for ((low, high), reference) in low.zip(high).zip(references) {
                let (magnitude, reference) =
                    signed((low >> bit) | (high << (64 - bit)), *reference);
                f(magnitude, reference);
            }
        } else {
            for (low, reference) in low.zip(references) {
                let (magnitude, reference) = signed(low >> bit, *reference);
                f(magnitude, reference);
            }
        }
    }
}

impl Part {
    fn new(range: Range<usize>, words: &impl Fn(usize) -> [u64; 4]) -> Self {
        let mut part = Self {
            ones: Vec::new(),
            general: 0,
            lengths: [0; LONGEST + 1],
        };
        sort_out(range, words, |reference, words| {
            if words == ONE {
                part.ones.push(reference);
            } else {
                part.general += 1;
                part.lengths[bits(&words)] += 1;
            }
        });
        part
    }
}

const ONE: [u64; 4] = [1, 0, 0, 0];

/// Calls `f` with the references and absolute values of a range, zeros left out.
#[inline]
fn sort_out(
    range: Range<usize>,
    words: &impl Fn(usize) -> [u64; 4],
    mut f: impl FnMut(u32, [u64; 4]),
) {
    for index in range {
        let mut words = words(index);
        // The modulus also represents zero: transforms can return it.
        if words == [0; 4] || words == Fr::MODULUS.0 {
            continue;
        }
        let mut reference = index as u32;
        if above_half(&words) {
            words = subtract(Fr::MODULUS.0, words);
            reference |= NEGATIVE;
        }
        f(reference, words);
    }
}

impl Cut {
    /// The cut that costs the fewest additions, for scalars of these lengths in bits.
    ///
    /// A window of width `c` costs an addition for each digit that scalars reach and about two for
    /// each of its `2^(c-1)` buckets, and a fixed cost worth about 500.
    fn new(shape: TableShape, lengths: &[usize; LONGEST + 1]) -> Self {
        // Scalars that reach bit b: those with more than b bits, and those with b bits and a carry.
        let mut reach = [0usize; LONGEST + 1];
        let mut longest = 0;
        let mut sum = 0;
        for (bits, reach) in reach.iter_mut().enumerate().rev() {
            if sum == 0 && lengths[bits] > 0 {
                longest = bits;
            }
            sum += lengths[bits];
            *reach = sum;
        }
        // One bit more than the scalars have: a digit borrows from the next.
        let bits = longest + 1;
        let chunk = match shape.bits as usize {
            0 => bits,
            row => row.min(bits),
        };
        let fewest = chunk.div_ceil(WIDEST);
        let mut best: Option<Self> = None;
        for count in fewest..=(chunk / 2).max(fewest) {
            let mut cut = Self::even(shape, chunk, count, bits);
            let of_digits: usize = (0..cut.digits)
                .map(|digit| reach[cut.position(digit).max(1)])
                .sum();
            let of_buckets: usize = cut.windows.iter().map(|w| (1 << w.width) + 500).sum();
            cut.cost = of_digits + of_buckets;
            if best.as_ref().is_none_or(|best| cut.cost < best.cost) {
                best = Some(cut);
            }
        }
        // There is always a count, and there is nothing to cut when all scalars
        // are zeros and ones.
        let mut cut = best.unwrap_or_else(|| Self::even(shape, chunk, fewest, bits));
        if longest == 0 {
            cut.windows.clear();
            cut.digits = 0;
        }
        for digit in 0..cut.digits.saturating_sub(1) {
            let bit = cut.position(digit) + cut.windows[digit % count(&cut)].width - 1;
            cut.offset[bit / 64] |= 1 << (bit % 64);
        }
        cut
    }

    /// Chunks in `count` windows of the same width, or one bit more, up to `bits` bits in all.
    fn even(shape: TableShape, chunk: usize, count: usize, bits: usize) -> Self {
        let start = |window: usize| window * chunk / count;
        let windows: Vec<Window> = (0..count)
            .map(|window| Window {
                low: start(window),
                width: start(window + 1) - start(window),
            })
            .collect();
        let (rows, rest) = ((bits - 1) / chunk, (bits - 1) % chunk);
        // The last bit lies in the last window that starts at or below it.
        let digits = rows * count + windows.iter().filter(|w| w.low <= rest).count();
        Self {
            shape,
            windows,
            digits,
            offset: [0; 4],
            cost: 0,
        }
    }

    /// For `n` scalars of full length.
    pub(crate) fn of_dense(shape: TableShape, n: usize) -> Self {
        let mut lengths = [0; LONGEST + 1];
        lengths[LONGEST] = n;
        Self::new(shape, &lengths)
    }

    /// The lowest bit of a digit.
    fn position(&self, digit: usize) -> usize {
        let (row, window) = (digit / count(self), digit % count(self));
        row * self.shape.bits as usize + self.windows[window].low
    }

    /// One digit for each row that reaches the window.
    fn digits_of(&self, window: usize, len: usize) -> Vec<Digit> {
        let width = self.windows[window].width;
        let all = (window..self.digits).step_by(count(self)).enumerate();
        all.map(|(row, digit)| Digit {
            position: self.position(digit),
            mask: (1 << width) - 1,
            half: if digit + 1 == self.digits {
                0
            } else {
                1 << (width - 1)
            },
            row: (row * len) as u32,
        })
        .collect()
    }
}

/// Windows of a chunk, at least one.
fn count(cut: &Cut) -> usize {
    cut.windows.len().max(1)
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
#[path = "scalars_tests.rs"]
mod tests;
