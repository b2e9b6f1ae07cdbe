//! Powers of many elements to one exponent, in lanes.

use crate::field::F8;
use crate::isa::Ifma;
use crate::modulus::Modulus;

/// Lanes of a vector.
pub(crate) const LANES: usize = 8;

/// Bits of a window of the exponent.
const WINDOW: usize = 4;

/// An exponent in windows, the highest first.
pub(crate) struct Exponent([u8; 256 / WINDOW]);

impl Exponent {
    /// The windows of an exponent in words, the lowest word first.
    pub(crate) const fn new(words: [u64; 4]) -> Self {
        let mut windows = [0; 256 / WINDOW];
        let mut i = 0;
        while i < windows.len() {
            let bit = 256 - WINDOW * (i + 1);
            windows[i] = (words[bit / 64] >> (bit % 64)) as u8 & 15;
            i += 1;
        }
        Self(windows)
    }
}

/// The powers of `C` vectors, which the processor interleaves. Bounds: 1.3 before, 1.03 after.
#[inline(always)]
pub(crate) fn power<M: Modulus, const C: usize>(
    isa: Ifma,
    base: &[F8<M>; C],
    exponent: &Exponent,
) -> [F8<M>; C] {
    let one = F8::<M>::splat(isa, M::sixteen().words());
    let mut powers = [[one; C]; 1 << WINDOW];
    powers[1] = *base;
    for n in 2..1 << WINDOW {
        let mut next = powers[1];
        for (next, last) in next.iter_mut().zip(&powers[n - 1]) {
            *next = next.mul(last);
        }
        powers[n] = next;
    }
    let mut power = [one; C];
    for window in exponent.0 {
        for _ in 0..WINDOW {
            for power in &mut power {
                *power = power.square();
            }
        }
        if window > 0 {
            for (power, factor) in power.iter_mut().zip(&powers[usize::from(window)]) {
                *power = power.mul(factor);
            }
        }
    }
    power
}
