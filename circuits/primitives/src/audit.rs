//! View-key encryption: a quorum can open single claims, and totals of batches.
//!
//! Each claim has its own ephemeral key, so opening one claim does not open another. An exponent is
//! given by 250 signed bits, e = Σ (2·b_i − 1)·2^i: always odd, |e| < 2^250 < l, so never zero
//! modulo l, and the additions inside the circuit never meet an exceptional case (docs, statement
//! earn).

use alloc::vec::Vec;

use ark_ec::CurveGroup;
use ark_ff::{BigInt, Field, PrimeField};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    Fr,
    commitment::RecordCommitment,
    earned::Earned,
    edwards::EdwardsAffine,
    element::public_element,
    field,
    fixed_base::FixedBase,
    identity::IdentityCommitment,
    ids::Output,
    jubjub::{Point, Scalar},
    nullifier::SpendNullifier,
    owner::Handle,
    poseidon, tags,
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

    /// r of a batch's total of one output: a PRF over the seed, At and everything that the batch's
    /// claims commit to. Each output has its own exponent: with one for both, T2 − M2 would reveal
    /// the difference of the sums.
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
        // 250 bits stand below l, which has 251 with the top one set.
        let k = Scalar::from_bigint(BigInt::new(self.0)).expect("2^250 is below l");
        let offset =
            Scalar::from_bigint(BigInt::new([u64::MAX, u64::MAX, u64::MAX, (1 << 58) - 1]))
                .expect("2^250 is below l");
        k + k - offset
    }
}

public_element! {
    /// Ey: y of E = e·B8, the ephemeral key of a ciphertext.
    EphemeralKey
}

public_element! {
    /// cv = v + 2^64·w + k0: the amounts earned, encrypted for the holders of A.
    SealedEarned
}

public_element! {
    /// ch = h + k1: the person's pseudonym, encrypted for the holders of A.
    SealedHandle
}

public_element! {
    /// c_id = IC + k: the identity of the spender, encrypted for the holders of A.
    SealedCommitment
}

/// A claim's ciphertext under A, bound to its commitment C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ciphertext {
    /// y of E = e·B8.
    pub ey: EphemeralKey,
    /// v + 2^64·w + k0.
    pub cv: SealedEarned,
    /// h + k1.
    pub ch: SealedHandle,
}

/// A ciphertext that does not open to credits and a measure under the key that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the ciphertext does not open to amounts below 2^64: wrong key halves, claim or commitment"
)]
pub struct OpenError;

/// E = e·B8, S = e·A, (k0, k1) = P(AUD; S.y, C)[0, 1], cv = v + 2^64·w + k0, ch = h + k1.
pub fn encrypt(
    exponent: &Exponent,
    view_key: &Point,
    commitment: RecordCommitment,
    earned: impl Into<Earned>,
    handle: &Handle,
) -> Ciphertext {
    let [ephemeral, shared] = ephemeral_and_shared(exponent, view_key);
    let [k0, k1] = poseidon::hash2(tags::AUD, &[shared, commitment.0]);
    Ciphertext {
        ey: EphemeralKey(ephemeral),
        cv: SealedEarned(earned.into().element() + k0),
        ch: SealedHandle(handle.0 + k1),
    }
}

/// y of E = e·B8 and of S = e·A, for an A that is used many times.
fn ephemeral_and_shared(exponent: &Exponent, view_key: &Point) -> [Fr; 2] {
    let shared = FixedBase::of(view_key).mul(exponent);
    let mut both = [FixedBase::base().mul(exponent), shared];
    let [e, s] = &both;
    // One inversion for both, on this thread: arkworks' own would wait for rayon's. No point of the
    // curve has a z of zero.
    let mut inverse = (e.z * s.z).inverse().unwrap_or_default();
    let y = [e.y * s.z * inverse, s.y * e.z * inverse];
    both.zeroize();
    inverse.zeroize();
    y
}

/// Opens a ciphertext with S.y, which the holders of A's halves compute together from E. The ledger
/// says whether the scale has a measure.
///
/// # Errors
/// [`OpenError`] when the result cannot be the earnings of a claim.
pub fn open(
    shared_y: Fr,
    commitment: RecordCommitment,
    ciphertext: &Ciphertext,
    measured: bool,
) -> Result<(Earned, Handle), OpenError> {
    let [k0, k1] = poseidon::hash2(tags::AUD, &[shared_y, commitment.0]);
    let earned = Earned::from_element(&(ciphertext.cv.0 - k0), measured).ok_or(OpenError)?;
    Ok((earned, Handle(ciphertext.ch.0 - k1)))
}

/// The identity of a redeemer under A, bound to the redemption's first spend nullifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedIdentity {
    /// y of E = e·B8.
    pub ey: EphemeralKey,
    /// IC + k.
    pub c_id: SealedCommitment,
}

/// E = e·B8, S = e·A, c_id = IC + P(AUD; S.y, sn1)\[0\].
pub fn seal_identity(
    exponent: &Exponent,
    view_key: &Point,
    sn1: SpendNullifier,
    commitment: IdentityCommitment,
) -> SealedIdentity {
    let mut e = exponent.scalar();
    let ephemeral = (Point::base().projective() * e).into_affine();
    let shared = (view_key.projective() * e).into_affine();
    e.zeroize();
    SealedIdentity {
        ey: EphemeralKey(ephemeral.y),
        c_id: SealedCommitment(commitment.0 + poseidon::hash(tags::AUD, &[shared.y, sn1.0])),
    }
}

/// The identity commitment, with S.y as in [`open`].
pub fn open_identity(
    shared_y: Fr,
    sn1: SpendNullifier,
    sealed: &SealedIdentity,
) -> IdentityCommitment {
    IdentityCommitment(sealed.c_id.0 - poseidon::hash(tags::AUD, &[shared_y, sn1.0]))
}

/// A batch's total under At: T1 = r·B8, T2 = (Σ v)·B8 + r·At (ElGamal in the exponent, so
/// totals of many batches add up and only sums need ever be opened).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// r·B8.
    pub t1: EdwardsAffine,
    /// (Σ v)·B8 + r·At.
    pub t2: EdwardsAffine,
}

/// Encrypts a batch's sum of one output.
pub fn encrypt_total(exponent: &Exponent, total_key: &Point, sum: u128) -> Total {
    let hidden = Point::base().projective() * Scalar::from(sum);
    Total {
        t1: FixedBase::base().mul(exponent).into_affine(),
        t2: (hidden + FixedBase::of(total_key).mul(exponent)).into_affine(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Credits, Quantity};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn opens_with_the_key_and_with_no_other(bytes in prop::array::uniform32(any::<u8>()), v: u64, w: Option<u64>, key in 2u64..) {
            let secret = Scalar::from(key);
            let view_key = Point::mul_base(&secret).expect("not zero");
            let exponent = Exponent::from_bytes(&bytes);
            let (c, h) = (RecordCommitment(Fr::from(77u64)), Handle(Fr::from(5u64)));
            let earned = Earned { credits: Credits(v), measure: w.map(Quantity) };
            let sealed = encrypt(&exponent, &view_key, c, earned, &h);
            let ephemeral = Point::from_y(sealed.ey.0).expect("in the subgroup");
            let shared = ephemeral.mul(&secret).expect("not zero");
            let measured = w.is_some();
            prop_assert_eq!(open(shared.y(), c, &sealed, measured), Ok((earned, h)));
            let wrong = ephemeral.mul(&(secret + Scalar::from(1u64))).expect("not zero");
            prop_assert_eq!(open(wrong.y(), c, &sealed, measured), Err(OpenError));
            prop_assert_eq!(open(shared.y(), RecordCommitment(c.0 + Fr::from(1u64)), &sealed, measured), Err(OpenError));
        }
    }

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
