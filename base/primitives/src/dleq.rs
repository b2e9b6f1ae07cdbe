//! Proofs about view-key halves over Baby Jubjub: possession of a half (Schnorr), and equality
//! of discrete logarithms (Chaum and Pedersen, CRYPTO '92), both made non-interactive by
//! Fiat–Shamir over SHA-512.
//!
//! A holder of a half `a` with `P = a·B8` answers an opening with `D = a·E` and an [`Equality`]
//! proof that both use the same `a`, so a wrong answer and its holder can be identified. The same
//! proof, published beside an opened total, lets anybody check the total.
//!
//! Every proof binds a [`Context`]: its purpose, the log, and the recipient. A proof made in one
//! context is invalid in another, so it cannot be replayed.

use ark_ec::CurveGroup;
use ark_ff::{PrimeField, Zero};
use sha2::{Digest, Sha512};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::jubjub::{Point, Scalar, scalar_from_bytes, scalar_to_bytes};
use crate::{
    edwards::{EdwardsAffine, EdwardsProjective},
    field,
};

/// Bytes of an encoded proof of either kind: challenge then response, 32 each.
pub const PROOF_BYTES: usize = 64;

/// The binding of a proof: a digest over a domain and length-prefixed parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context([u8; 32]);

impl Context {
    /// Hashes `domain` and `parts` (length-prefixed, so parts cannot run into each other).
    pub fn new(domain: &str, parts: &[&[u8]]) -> Self {
        Self(field::digest(domain, parts))
    }
}

/// Why a proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The challenge or the response is not below l.
    #[error("the proof holds a number that is not a canonical scalar")]
    NotCanonical,
    /// The equation does not hold: another key, another point or another context.
    #[error("the proof does not hold for this key, these points and this context")]
    Invalid,
}

/// A proof that its maker knows `x` with `P = x·B8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Possession(Transcript);

impl Possession {
    /// Proves knowledge of `secret` in `context`; `None` when the secret is zero, which is not a
    /// key.
    pub fn prove(
        secret: &Scalar,
        context: &Context,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Option<Self> {
        let public = Point::mul_base(secret)?;
        let nonce = nonce(secret, context, &[public.affine()], rng);
        let commitment = Point::mul_base(&nonce)?.affine();
        let challenge = challenge(POSSESSION, context, &[public.affine(), commitment]);
        Some(Self(Transcript {
            challenge,
            response: *nonce + challenge * secret,
        }))
    }

    /// Checks the proof for the key `public` in `context`.
    ///
    /// # Errors
    /// [`ProofError::Invalid`] when it was made for another key or context.
    pub fn verify(&self, public: &Point, context: &Context) -> Result<(), ProofError> {
        let commitment = self.0.commitment(&Point::base(), public);
        self.0.matches(challenge(
            POSSESSION,
            context,
            &[public.affine(), commitment],
        ))
    }

    /// Challenge then response.
    pub fn to_bytes(&self) -> [u8; PROOF_BYTES] {
        self.0.to_bytes()
    }

    /// Reads [`Possession::to_bytes`].
    ///
    /// # Errors
    /// [`ProofError::NotCanonical`].
    pub fn from_bytes(bytes: &[u8; PROOF_BYTES]) -> Result<Self, ProofError> {
        Transcript::from_bytes(bytes).map(Self)
    }
}

/// A proof that `P = x·B8` and `D = x·E` for the same `x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Equality(Transcript);

impl Equality {
    /// Computes `D = secret·base` and proves it in `context`; `None` when the secret is zero.
    pub fn prove(
        secret: &Scalar,
        base: &Point,
        context: &Context,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Option<(Point, Self)> {
        let public = Point::mul_base(secret)?;
        let image = base.mul(secret)?;
        let statement = [public.affine(), base.affine(), image.affine()];
        let nonce = nonce(secret, context, &statement, rng);
        let commitments = [
            Point::mul_base(&nonce)?.affine(),
            base.mul(&nonce)?.affine(),
        ];
        let challenge = challenge(
            EQUALITY,
            context,
            &[&statement[..], &commitments[..]].concat(),
        );
        Some((
            image,
            Self(Transcript {
                challenge,
                response: *nonce + challenge * secret,
            }),
        ))
    }

    /// Checks that `image` is `base` times the secret of `public`.
    ///
    /// # Errors
    /// [`ProofError::Invalid`] when it is not, or when the proof is for another context.
    pub fn verify(
        &self,
        public: &Point,
        base: &Point,
        image: &Point,
        context: &Context,
    ) -> Result<(), ProofError> {
        let transcript = [
            public.affine(),
            base.affine(),
            image.affine(),
            self.0.commitment(&Point::base(), public),
            self.0.commitment(base, image),
        ];
        self.0.matches(challenge(EQUALITY, context, &transcript))
    }

    /// Challenge then response.
    pub fn to_bytes(&self) -> [u8; PROOF_BYTES] {
        self.0.to_bytes()
    }

    /// Reads [`Equality::to_bytes`].
    ///
    /// # Errors
    /// [`ProofError::NotCanonical`].
    pub fn from_bytes(bytes: &[u8; PROOF_BYTES]) -> Result<Self, ProofError> {
        Transcript::from_bytes(bytes).map(Self)
    }
}

/// Challenge and response of a sigma protocol; commitments are recomputed by the verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Transcript {
    challenge: Scalar,
    response: Scalar,
}

impl Transcript {
    /// response·base − challenge·image: the prover's commitment if the proof is valid.
    fn commitment(&self, base: &Point, image: &Point) -> EdwardsAffine {
        let commitment: EdwardsProjective =
            base.projective() * self.response - image.projective() * self.challenge;
        commitment.into_affine()
    }

    fn matches(&self, expected: Scalar) -> Result<(), ProofError> {
        if self.challenge == expected {
            Ok(())
        } else {
            Err(ProofError::Invalid)
        }
    }

    fn to_bytes(self) -> [u8; PROOF_BYTES] {
        let mut out = [0u8; PROOF_BYTES];
        out[..32].copy_from_slice(&scalar_to_bytes(&self.challenge));
        out[32..].copy_from_slice(&scalar_to_bytes(&self.response));
        out
    }

    fn from_bytes(bytes: &[u8; PROOF_BYTES]) -> Result<Self, ProofError> {
        let (challenge, response) = bytes.split_at(32);
        let read = |half: &[u8]| {
            let mut word = [0u8; 32];
            word.copy_from_slice(half);
            scalar_from_bytes(&word).ok_or(ProofError::NotCanonical)
        };
        Ok(Self {
            challenge: read(challenge)?,
            response: read(response)?,
        })
    }
}

/// A hedged nonce: fresh randomness hashed with the secret and the statement. With a weak generator
/// the secret stays safe; with a good one the nonce reveals nothing.
fn nonce(
    secret: &Scalar,
    context: &Context,
    statement: &[EdwardsAffine],
    rng: &mut impl rand_core::CryptoRng,
) -> Zeroizing<Scalar> {
    let mut fresh = Zeroizing::new([0u8; 64]);
    let secret_bytes = Zeroizing::new(scalar_to_bytes(secret));
    loop {
        rng.fill_bytes(fresh.as_mut());
        let mut hash = Sha512::new();
        absorb(&mut hash, NONCE);
        absorb(&mut hash, secret_bytes.as_ref());
        absorb(&mut hash, fresh.as_ref());
        absorb_statement(&mut hash, context, statement);
        let wide = Zeroizing::new(<[u8; 64]>::from(hash.finalize()));
        let nonce = Zeroizing::new(Scalar::from_le_bytes_mod_order(wide.as_ref()));
        if !nonce.is_zero() {
            return nonce;
        }
    }
}

/// SHA-512 reduced modulo l (512 bits into 251: the bias is below 2^-250).
fn challenge(protocol: &[u8], context: &Context, points: &[EdwardsAffine]) -> Scalar {
    let mut hash = Sha512::new();
    absorb(&mut hash, protocol);
    absorb_statement(&mut hash, context, points);
    Scalar::from_le_bytes_mod_order(&hash.finalize())
}

fn absorb_statement(hash: &mut Sha512, context: &Context, points: &[EdwardsAffine]) {
    absorb(hash, &context.0);
    for point in points {
        absorb(hash, &field::to_bytes(&point.x));
        absorb(hash, &field::to_bytes(&point.y));
    }
}

fn absorb(hash: &mut Sha512, part: &[u8]) {
    hash.update((part.len() as u64).to_le_bytes());
    hash.update(part);
}

const POSSESSION: &[u8] = b"merits/view-key/possession/v1";
const EQUALITY: &[u8] = b"merits/view-key/dleq/v1";
const NONCE: &[u8] = b"merits/view-key/nonce/v1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jubjub::random_scalar;

    fn rng() -> rand::rngs::ThreadRng {
        rand::rng()
    }

    fn context(what: &str) -> Context {
        Context::new("test", &[what.as_bytes()])
    }

    #[test]
    fn possession_holds_for_its_key_and_context_only() {
        let secret = random_scalar(&mut rng());
        let public = Point::mul_base(&secret).unwrap();
        let other = Point::mul_base(&random_scalar(&mut rng())).unwrap();
        let proof = Possession::prove(&secret, &context("a"), &mut rng()).unwrap();
        assert_eq!(proof.verify(&public, &context("a")), Ok(()));
        assert_eq!(
            proof.verify(&public, &context("b")),
            Err(ProofError::Invalid)
        );
        assert_eq!(
            proof.verify(&other, &context("a")),
            Err(ProofError::Invalid)
        );
        assert_eq!(Possession::from_bytes(&proof.to_bytes()), Ok(proof));
        assert!(Possession::prove(&Scalar::zero(), &context("a"), &mut rng()).is_none());
    }

    #[test]
    fn equality_holds_for_its_key_points_and_context_only() {
        let secret = random_scalar(&mut rng());
        let public = Point::mul_base(&secret).unwrap();
        let base = Point::mul_base(&random_scalar(&mut rng())).unwrap();
        let other = Point::mul_base(&random_scalar(&mut rng())).unwrap();
        let (image, proof) = Equality::prove(&secret, &base, &context("a"), &mut rng()).unwrap();
        assert_eq!(image, base.mul(&secret).unwrap());
        assert_eq!(proof.verify(&public, &base, &image, &context("a")), Ok(()));
        for (key, e, d, what) in [
            (other, base, image, "a"),
            (public, other, image, "a"),
            (public, base, other, "a"),
            (public, base, image, "b"),
        ] {
            assert_eq!(
                proof.verify(&key, &e, &d, &context(what)),
                Err(ProofError::Invalid)
            );
        }
        assert_eq!(Equality::from_bytes(&proof.to_bytes()), Ok(proof));
    }

    #[test]
    fn an_altered_or_non_canonical_proof_is_refused() {
        let secret = random_scalar(&mut rng());
        let public = Point::mul_base(&secret).unwrap();
        let (image, proof) =
            Equality::prove(&secret, &Point::base(), &context("a"), &mut rng()).unwrap();
        for byte in [0usize, 32] {
            let mut bytes = proof.to_bytes();
            bytes[byte] ^= 1;
            let verdict = Equality::from_bytes(&bytes)
                .and_then(|proof| proof.verify(&public, &Point::base(), &image, &context("a")));
            assert!(verdict.is_err(), "byte {byte}");
        }
        let mut bytes = proof.to_bytes();
        bytes[32..].copy_from_slice(&[0xff; 32]);
        assert_eq!(Equality::from_bytes(&bytes), Err(ProofError::NotCanonical));
    }

    #[test]
    fn nonces_differ_even_when_the_generator_repeats() {
        // A repeated nonce under two challenges would give the secret away.
        struct Stuck;
        impl rand_core::TryRng for Stuck {
            type Error = std::convert::Infallible;
            fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
                Ok(7)
            }
            fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
                Ok(7)
            }
            fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
                out.fill(7);
                Ok(())
            }
        }
        impl rand_core::TryCryptoRng for Stuck {}
        let secret = random_scalar(&mut rng());
        let one = nonce(&secret, &context("a"), &[], &mut Stuck);
        let two = nonce(&secret, &context("b"), &[], &mut Stuck);
        assert_ne!(*one, *two);
    }
}
