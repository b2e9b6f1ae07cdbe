//! One evaluator's secret share of the key, and its answer to a blinded element.

use std::fmt;

use rand_core_06::{CryptoRng, RngCore};
use thiserror::Error;
use voprf::{BlindedElement, Group as _, Ristretto255, VoprfServer};
use zeroize::{Zeroize as _, Zeroizing};

use super::ristretto::{Bytes, ELEMENT_BYTES, Scalar, scalar, scalar_bytes};

/// Bytes that are not an element of ristretto255, or are its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the bytes are not an element of ristretto255 other than the identity")]
pub struct BadElement;

/// An evaluated element with the DLEQ proof of RFC 9497, verifiable mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evaluation {
    /// Compressed.
    pub element: [u8; ELEMENT_BYTES],
    /// Challenge, then response.
    pub proof: [u8; 2 * ELEMENT_BYTES],
}

/// A share of the key, or the whole key of a sole evaluator. Zeroized when dropped.
pub struct TagShare {
    value: Zeroizing<Scalar>,
    server: VoprfServer<Ristretto255>,
}

impl fmt::Debug for TagShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TagShare(..)")
    }
}

impl TagShare {
    /// A whole key: DeriveKeyPair of RFC 9497. `None` with a probability of 2^-2000.
    pub fn from_seed(seed: &[u8], info: &[u8]) -> Option<Self> {
        let server = VoprfServer::<Ristretto255>::new_from_seed(seed, info).ok()?;
        // The secret scalar, then the public key.
        let mut bytes = server.serialize();
        let mut secret = Zeroizing::new([0; ELEMENT_BYTES]);
        for (to, from) in secret.iter_mut().zip(bytes.iter()) {
            *to = *from;
        }
        bytes.as_mut_slice().zeroize();
        let value = Zeroizing::new(scalar(&secret)?);
        Some(Self { value, server })
    }

    /// The share with this value; `None` for zero, with which nothing can be proven.
    pub(super) fn of(value: Zeroizing<Scalar>) -> Option<Self> {
        let bytes = Zeroizing::new(scalar_bytes(*value));
        let server = VoprfServer::new_with_key(bytes.as_ref()).ok()?;
        Some(Self { value, server })
    }

    pub(super) fn value(&self) -> &Zeroizing<Scalar> {
        &self.value
    }

    /// The verification share, compressed. Of a sole evaluator it is the public key.
    pub fn public(&self) -> Bytes {
        Ristretto255::serialize_elem(self.server.get_public_key()).into()
    }

    /// Evaluates a blinded element: BlindEvaluate of RFC 9497, verifiable mode.
    ///
    /// # Errors
    /// [`BadElement`].
    pub fn evaluate(
        &self,
        blinded: &Bytes,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Evaluation, BadElement> {
        let evaluated = self.server.blind_evaluate(rng, &element(blinded)?);
        Ok(Evaluation {
            element: evaluated.message.serialize().into(),
            proof: evaluated.proof.serialize().into(),
        })
    }
}

/// Whether a request's bytes can be evaluated.
///
/// # Errors
/// [`BadElement`].
pub fn check_element(blinded: &Bytes) -> Result<(), BadElement> {
    element(blinded).map(|_| ())
}

fn element(bytes: &Bytes) -> Result<BlindedElement<Ristretto255>, BadElement> {
    // The library accepts only the canonical encoding, and not the identity.
    BlindedElement::deserialize(bytes).map_err(|_| BadElement)
}
