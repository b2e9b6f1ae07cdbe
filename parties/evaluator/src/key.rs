//! What an evaluator multiplies blinded elements by: its share of the key, or the whole key of a sole evaluator
//! (VOPRF of RFC 9497, ristretto255-SHA512, verifiable mode).

use std::{fmt, path::Path};

use merits_keyfile::{KeyFileError, KeyKind, SecretBytes};
use merits_threshold::tags::share::TagShare;
pub use merits_threshold::tags::{
    ELEMENT_BYTES,
    share::{BadElement, Evaluation, check_element},
};
use rand_core_06::OsRng;
use thiserror::Error;

/// What the derivation of a sole evaluator's key is bound to.
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

/// The evaluator's secret scalar. Zeroized when dropped.
pub struct EvaluatorKey(TagShare);

impl fmt::Debug for EvaluatorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EvaluatorKey(..)")
    }
}

impl From<TagShare> for EvaluatorKey {
    fn from(share: TagShare) -> Self {
        Self(share)
    }
}

impl EvaluatorKey {
    /// The whole key of a seed file, which is made if there is none yet.
    ///
    /// # Errors
    /// [`EvaluatorKeyError`].
    pub fn load_or_create(path: &Path) -> Result<Self, EvaluatorKeyError> {
        let seed = merits_keyfile::load_or_create(path, KeyKind::Voprf, &mut rand::rng())?;
        Self::from_seed(&seed)
    }

    /// The whole key of an existing seed file.
    ///
    /// # Errors
    /// [`EvaluatorKeyError`].
    pub fn load(path: &Path) -> Result<Self, EvaluatorKeyError> {
        Self::from_seed(&merits_keyfile::load(path, KeyKind::Voprf)?)
    }

    /// The whole key of a seed: DeriveKeyPair of RFC 9497.
    ///
    /// # Errors
    /// [`EvaluatorKeyError::Seed`].
    pub fn from_seed(seed: &SecretBytes) -> Result<Self, EvaluatorKeyError> {
        Self::derive(seed.as_ref(), INFO)
    }

    fn derive(seed: &[u8], info: &[u8]) -> Result<Self, EvaluatorKeyError> {
        let share = TagShare::from_seed(seed, info);
        share.map(Self).ok_or(EvaluatorKeyError::Seed)
    }

    /// The share, which a dealer deals anew.
    pub(crate) fn share(&self) -> &TagShare {
        &self.0
    }

    /// The verification share, compressed. Of a sole evaluator it is the public key.
    pub fn public(&self) -> [u8; ELEMENT_BYTES] {
        self.0.public()
    }

    /// Evaluates a blinded element.
    ///
    /// # Errors
    /// [`BadElement`].
    pub fn evaluate(&self, blinded: &[u8; ELEMENT_BYTES]) -> Result<Evaluation, BadElement> {
        self.0.evaluate(blinded, &mut OsRng)
    }
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
