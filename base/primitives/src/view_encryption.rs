//! View-key encryption: a quorum can open single claims, and totals of batches.
//!
//! Each claim has its own ephemeral key, so opening one claim does not open another.

use ark_ec::CurveGroup;
use ark_ff::Field;
use zeroize::Zeroize;

use crate::{
    Fr,
    commitment::RecordCommitment,
    earned::Earned,
    edwards::EdwardsAffine,
    element::public_element,
    fixed_base::FixedBase,
    identity::IdentityCommitment,
    jubjub::{Point, Scalar},
    nullifier::SpendNullifier,
    owner::Handle,
    poseidon,
    sum::WideSum,
    tags,
};

pub use crate::exponent::{EXPONENT_BITS, Exponent};

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
    // One inversion for both, on this thread: arkworks' own batch inversion would wait for rayon's threads.
    // No point of the curve has a z of zero.
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
pub fn encrypt_total(exponent: &Exponent, total_key: &Point, sum: WideSum) -> Total {
    let hidden = Point::base().projective() * Scalar::from(sum.0);
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
}
