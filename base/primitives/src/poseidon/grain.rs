//! Poseidon's parameters, from the stream of bits that its authors fixed for them.
//!
//! Grassi, Khovratovich, Rechberger, Roy, Schofnegger (USENIX Security 2021), appendix F: an 80-bit
//! LFSR after Grain, seeded with field, S-box, bits of the modulus, width and rounds. Bits are read
//! in pairs: if the first bit is 1 the second is output, if it is 0 the second is dropped. A round
//! constant is drawn again until it is below the modulus. The matrix is 1/(x_i + y_j) for the next 2t
//! numbers of the stream. circomlib publishes the same parameters for these rounds.

use alloc::vec::Vec;

use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};

use super::Params;
use crate::Fr;

/// Full rounds, half before the partial ones and half after.
const FULL_ROUNDS: usize = 8;

/// Partial rounds of the widths 2, 3, ..: circomlib's.
const PARTIAL_ROUNDS: [usize; super::MAX_WIDTH - 1] =
    [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65];

/// Bits of the register.
const REGISTER: u32 = 80;

/// Bits that the register can produce at once, the distance of the highest tap from its end.
const STEP: u32 = 16;

/// The stream.
struct Stream {
    /// Bit i is the i-th to leave it.
    register: u128,
    /// Bits that are not consumed yet, the first one lowest.
    new: u32,
    left: u32,
}

impl Stream {
    fn new(width: usize, partial_rounds: usize) -> Self {
        let mut register = 0u128;
        let mut filled = 0;
        // Numbers have their highest bit first.
        let mut put = |number: usize, bits: u32| {
            for bit in (0..bits).rev() {
                register |= u128::from(number >> bit & 1 == 1) << filled;
                filled += 1;
            }
        };
        // A prime field, and x^5 for an S-box.
        put(1, 2);
        put(0, 4);
        put(Fr::MODULUS_BIT_SIZE as usize, 12);
        put(width, 12);
        put(FULL_ROUNDS, 10);
        put(partial_rounds, 10);
        put((1 << 30) - 1, 30);
        debug_assert_eq!(filled, REGISTER);
        let mut stream = Self {
            register,
            new: 0,
            left: 0,
        };
        for _ in 0..160 {
            stream.step();
        }
        stream
    }

    fn step(&mut self) -> bool {
        if self.left == 0 {
            let r = self.register;
            let new = (r >> 62) ^ (r >> 51) ^ (r >> 38) ^ (r >> 23) ^ (r >> 13) ^ r;
            let new = new & ((1 << STEP) - 1);
            self.register = (r >> STEP) | (new << (REGISTER - STEP));
            // 16 bits.
            (self.new, self.left) = (new as u32, STEP);
        }
        let bit = self.new & 1 == 1;
        self.new >>= 1;
        self.left -= 1;
        bit
    }

    fn bit(&mut self) -> bool {
        while !self.step() {
            self.step();
        }
        self.step()
    }

    /// As many bits as the modulus has, the highest first.
    fn number(&mut self) -> BigInt<4> {
        let mut number = BigInt::new([0; 4]);
        for _ in 0..Fr::MODULUS_BIT_SIZE {
            number <<= 1;
            number.0[0] |= u64::from(self.bit());
        }
        number
    }

    /// A number below the modulus; larger ones are skipped.
    fn element(&mut self) -> Fr {
        loop {
            if let Some(element) = Fr::from_bigint(self.number()) {
                return element;
            }
        }
    }

    /// A number, less the modulus if it is above.
    fn reduced(&mut self) -> Fr {
        let mut number = self.number();
        // Both have 254 bits, so one subtraction is enough.
        if number >= Fr::MODULUS {
            ark_ff::BigInteger::sub_with_borrow(&mut number, &Fr::MODULUS);
        }
        Fr::from_bigint(number).unwrap_or(Fr::ZERO)
    }

    /// 1/(x_i + y_j), for 2t different numbers for which no such sum is 0.
    fn matrix(&mut self, width: usize) -> Vec<Vec<Fr>> {
        loop {
            let numbers: Vec<Fr> = (0..2 * width).map(|_| self.reduced()).collect();
            let differ = (1..numbers.len()).all(|at| !numbers[..at].contains(&numbers[at]));
            let (xs, ys) = numbers.split_at(width);
            let row = |x: &Fr| ys.iter().map(|y| (*x + y).inverse()).collect();
            let rows: Option<Vec<Vec<Fr>>> = xs.iter().map(row).collect();
            if let (true, Some(rows)) = (differ, rows) {
                return rows;
            }
        }
    }
}

/// circomlib's parameters for state width `t`, if it is one of 2 to 13.
pub(super) fn parameters(t: usize) -> Option<Params> {
    let partial_rounds = *PARTIAL_ROUNDS.get(t.checked_sub(2)?)?;
    let mut stream = Stream::new(t, partial_rounds);
    let constants = t * (FULL_ROUNDS + partial_rounds);
    Some(Params {
        full_rounds: FULL_ROUNDS,
        partial_rounds,
        ark: (0..constants).map(|_| stream.element()).collect(),
        mds: stream.matrix(t),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_are_those_of_light_poseidon() {
        for t in 2..=super::super::MAX_WIDTH {
            let ours = parameters(t).unwrap();
            let width = u8::try_from(t).unwrap();
            let theirs =
                light_poseidon::parameters::bn254_x5::get_poseidon_parameters::<Fr>(width).unwrap();
            let rounds = (theirs.full_rounds, theirs.partial_rounds);
            assert_eq!((ours.full_rounds, ours.partial_rounds), rounds, "{t}");
            assert_eq!(ours.ark, theirs.ark, "{t}");
            assert_eq!(ours.mds, theirs.mds, "{t}");
        }
        assert!([0, 1, 14].into_iter().all(|t| parameters(t).is_none()));
    }
}
