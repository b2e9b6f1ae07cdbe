//! The VOPRF of RFC 9497, ristretto255-SHA512, verifiable mode: the evaluator's half.

use std::{fmt, path::Path};

use merits_keyfile::{KeyFileError, KeyKind, SecretBytes};
use rand_core_06::OsRng;
use thiserror::Error;
use voprf::{BlindedElement, Group as _, Ristretto255, VoprfServer};

/// Bytes of a compressed element of ristretto255.
pub const ELEMENT_BYTES: usize = 32;

/// What the key's derivation is bound to.
const INFO: &[u8] = b"merits/voprf/v1";

/// Why an evaluator's key cannot be used. Contains no part of the key.
#[derive(Debug, Error)]
pub enum EvaluatorKeyError {
    /// The file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The seed is unusable, which has a probability of 2^-2000.
    #[error("the seed gives no VOPRF key: make another")]
    Seed,
}

/// Bytes that are not an element of ristretto255, or are its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the bytes are not an element of ristretto255 other than the identity")]
pub struct BadElement;

/// An evaluated element with a proof that the right key was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evaluation {
    /// Compressed.
    pub element: [u8; ELEMENT_BYTES],
    /// Challenge, then response.
    pub proof: [u8; 2 * ELEMENT_BYTES],
}

/// The evaluator's secret scalar. Zeroized when dropped.
pub struct EvaluatorKey(VoprfServer<Ristretto255>);

impl fmt::Debug for EvaluatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EvaluatorKey(..)")
    }
}

impl EvaluatorKey {
    /// The key of a seed file, which is made if there is none yet.
    ///
    /// # Errors
    /// [`EvaluatorKeyError`].
    pub fn load_or_create(path: &Path) -> Result<Self, EvaluatorKeyError> {
        let seed = merits_keyfile::load_or_create(path, KeyKind::Voprf, &mut rand::rng())?;
        Self::from_seed(&seed)
    }

    /// The key of an existing seed file.
    ///
    /// # Errors
    /// [`EvaluatorKeyError`].
    pub fn load(path: &Path) -> Result<Self, EvaluatorKeyError> {
        Self::from_seed(&merits_keyfile::load(path, KeyKind::Voprf)?)
    }

    /// The key of a seed: DeriveKeyPair of RFC 9497.
    ///
    /// # Errors
    /// [`EvaluatorKeyError::Seed`].
    pub fn from_seed(seed: &SecretBytes) -> Result<Self, EvaluatorKeyError> {
        Self::derive(seed.as_ref(), INFO)
    }

    fn derive(seed: &[u8], info: &[u8]) -> Result<Self, EvaluatorKeyError> {
        VoprfServer::new_from_seed(seed, info)
            .map(Self)
            .map_err(|_| EvaluatorKeyError::Seed)
    }

    /// The public key, compressed.
    pub fn public(&self) -> [u8; ELEMENT_BYTES] {
        Ristretto255::serialize_elem(self.0.get_public_key()).into()
    }

    /// Evaluates a blinded element.
    ///
    /// # Errors
    /// [`BadElement`].
    pub fn evaluate(&self, blinded: &[u8; ELEMENT_BYTES]) -> Result<Evaluation, BadElement> {
        let blinded = element(blinded)?;
        let evaluated = self.0.blind_evaluate(&mut OsRng, &blinded);
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
pub fn check_element(blinded: &[u8; ELEMENT_BYTES]) -> Result<(), BadElement> {
    element(blinded).map(|_| ())
}

fn element(bytes: &[u8; ELEMENT_BYTES]) -> Result<BlindedElement<Ristretto255>, BadElement> {
    // The library accepts only the canonical encoding, and not the identity.
    BlindedElement::deserialize(bytes).map_err(|_| BadElement)
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_keyfile::SECRET_BYTES;
    use zeroize::Zeroizing;

    fn bytes<const N: usize>(digits: &str) -> [u8; N] {
        hex::decode(digits)
            .expect("hexadecimal")
            .try_into()
            .expect("the right length")
    }

    /// RFC 9497, A.1.2.
    #[test]
    fn the_rfcs_vectors_hold() {
        let key = EvaluatorKey::derive(&[0xa3; 32], b"test key").expect("a key");
        assert_eq!(
            hex::encode(key.public()),
            "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e"
        );
        for (blinded, evaluated) in [
            (
                "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
                "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
            ),
            (
                "cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c",
                "60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468",
            ),
        ] {
            let evaluation = key.evaluate(&bytes(blinded)).expect("an element");
            assert_eq!(hex::encode(evaluation.element), evaluated);
        }
    }

    #[test]
    fn what_is_no_element_is_refused() {
        let key = EvaluatorKey::from_seed(&Zeroizing::new([1; SECRET_BYTES])).expect("a key");
        assert_eq!(format!("{key:?}"), "EvaluatorKey(..)");
        // The identity, an odd field element, a non-canonical encoding.
        let mut odd = [0; 32];
        odd[0] = 1;
        for refused in [[0; 32], odd, [0xff; 32]] {
            assert_eq!(key.evaluate(&refused), Err(BadElement));
            assert_eq!(check_element(&refused), Err(BadElement));
        }
    }

    #[test]
    fn a_key_file_is_kept_and_its_secret_is_its_owners() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("evaluator-voprf.key");
        assert!(EvaluatorKey::load(&path).is_err(), "nothing is there yet");
        let key = EvaluatorKey::load_or_create(&path).expect("made");
        let again = EvaluatorKey::load_or_create(&path).expect("loaded");
        assert_eq!(key.public(), again.public());
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(&path, open).expect("set");
        let error = EvaluatorKey::load(&path).expect_err("others can read it");
        assert!(error.to_string().contains("644"), "{error}");
    }
}
