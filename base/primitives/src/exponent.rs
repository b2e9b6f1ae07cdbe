//! Secret exponents of view-key encryption, by their signed bits.
//!
//! An exponent is given by 250 signed bits, e = Σ (2·b_i − 1)·2^i: always odd, |e| < 2^250 < l, so
//! never zero modulo l, and the additions inside the circuit never meet an exceptional case (docs,
//! statement earn).

use alloc::vec::Vec;

use ark_ff::{BigInt, PrimeField};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    commitment::RecordCommitment,
    earned::Earned,
    field,
    ids::Output,
    jubjub::{Point, Scalar},
};

/// Signed bits of an exponent.
pub const EXPONENT_BITS: usize = 250;

/// A secret exponent by its signed bits: e of a claim, r of a batch.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Exponent([u64; 4]);

impl core::fmt::Debug for Exponent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Exponent(..)")
    }
}

impl Exponent {
    /// From 250 bits: the lowest of 32 little-endian bytes; the top six bits are dropped.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut limbs = [0u64; 4];
        for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
            let mut word = [0u8; 8];
            word.copy_from_slice(chunk);
            *limb = u64::from_le_bytes(word);
        }
        limbs[3] &= (1 << (EXPONENT_BITS - 192)) - 1;
        Self(limbs)
    }

    /// A PRF over (seed, C, v, w, A): proving the same claim again gives the same ciphertext, and
    /// no exponent is ever used for two different plaintexts.
    pub fn derive(
        seed: &[u8; 32],
        commitment: RecordCommitment,
        earned: impl Into<Earned>,
        view_key: &Point,
    ) -> Self {
        Self::prf(
            seed,
            &[
                b"merits/ephemeral/v1",
                &field::to_bytes(&commitment),
                &earned.into().to_bytes(),
                &view_key.to_bytes(),
            ],
        )
    }

    /// r of a batch's total of one output: a PRF over the seed, At and all commitments of the batch's
    /// claims. Each output has its own exponent: with one exponent for both, T2 − M2 would reveal the
    /// difference of the sums.
    pub fn derive_batch(
        seed: &[u8; 32],
        total_key: &Point,
        claims: &[(RecordCommitment, Earned)],
        output: Output,
    ) -> Self {
        let claims: Vec<u8> = claims
            .iter()
            .flat_map(|(c, earned)| field::to_bytes(c).into_iter().chain(earned.to_bytes()))
            .collect();
        let label: &[u8] = match output {
            Output::Credits => b"merits/batch-exponent/v1",
            Output::Measure => b"merits/batch-measure-exponent/v1",
        };
        Self::prf(seed, &[label, &total_key.to_bytes(), &claims])
    }

    fn prf(seed: &[u8; 32], parts: &[&[u8]]) -> Self {
        // HMAC takes keys of any length.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(seed).expect("any length fits");
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        let mut tag: [u8; 32] = mac.finalize().into_bytes().into();
        let exponent = Self::from_bytes(&tag);
        tag.zeroize();
        exponent
    }

    /// The bits b_0 to b_249, as the circuit takes them.
    pub fn bits(&self) -> impl Iterator<Item = bool> + '_ {
        (0..EXPONENT_BITS).map(|i| self.0[i / 64] >> (i % 64) & 1 == 1)
    }

    /// The bits in windows of `WIDTH`, lowest first, each as a number.
    pub(crate) fn windows<const WIDTH: usize>(&self) -> impl Iterator<Item = u64> + '_ {
        (0..EXPONENT_BITS).step_by(WIDTH).map(|at| {
            let (word, shift) = (at / 64, at % 64);
            let low = self.0[word] >> shift;
            // The part of the window that lies in the next word, or nothing if the window ends in
            // this word.
            let high = match self.0.get(word + 1) {
                Some(next) if shift > 0 => next << (64 - shift),
                _ => 0,
            };
            (low | high) & ((1 << WIDTH) - 1)
        })
    }

    /// e modulo l: 2·Σ b_i 2^i − (2^250 − 1).
    pub fn scalar(&self) -> Scalar {
        // A number of 250 bits is below l, which has 251 bits.
        let k = Scalar::from_bigint(BigInt::new(self.0)).expect("2^250 is below l");
        let offset =
            Scalar::from_bigint(BigInt::new([u64::MAX, u64::MAX, u64::MAX, (1 << 58) - 1]))
                .expect("2^250 is below l");
        k + k - offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Fr,
        ids::{Credits, Quantity},
    };

    #[test]
    fn no_exponent_serves_two_plaintexts() {
        let at = Point::mul_base(&Scalar::from(9u64)).expect("not zero");
        let c = RecordCommitment(Fr::from(77u64));
        let earned = |v, measure: Option<u64>| Earned {
            credits: Credits(v),
            measure: measure.map(Quantity),
        };
        let all = [
            earned(5, None),
            earned(5, Some(0)),
            earned(5, Some(6)),
            earned(6, Some(5)),
        ];
        let mut seen = Vec::new();
        for earned in all {
            seen.push(Exponent::derive(&[1; 32], c, earned, &at).scalar());
            for output in Output::ALL {
                seen.push(Exponent::derive_batch(&[1; 32], &at, &[(c, earned)], output).scalar());
            }
        }
        let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), 12);
    }

    #[test]
    fn signed_bits_give_the_scalar() {
        for bytes in [[0u8; 32], [0xff; 32], [0x5a; 32]] {
            let exponent = Exponent::from_bytes(&bytes);
            let mut expected = Scalar::from(0u64);
            let mut power = Scalar::from(1u64);
            for bit in exponent.bits() {
                expected += if bit { power } else { -power };
                power += power;
            }
            assert_eq!(exponent.scalar(), expected);
        }
    }
}
