//! A prover ready in milliseconds: its key mapped from a prepared file, which is made from the
//! `.zkey` if that file is missing or unfit.

use merits_bn254_simd::{KeyError, Label, Path, Prepared, PreparedFile, Readiness, TableBudget};
use merits_params::keystore::{KeyStore, KeyStoreError};
use merits_params::zkey::Zkey;
use merits_verifier::codec::Canonical as _;
use merits_verifier::groth16::{KeyDigest, KeyPolicy, Provenance, VerifyingKey};

use super::simd::{SimdProver, prepare};

/// Why the prover could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The key store.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// The proving key's parts do not belong together.
    #[error("the proving key in the store is unusable: {0}; get it again")]
    ProvingKey(#[from] KeyError),
}

/// A prover from the key store.
#[derive(Debug)]
pub struct LoadedProver {
    /// The prover.
    pub prover: SimdProver,
    /// The key's origin.
    pub provenance: Provenance,
    /// Whether its key is mapped, and if it had to be prepared again, why.
    pub readiness: Readiness,
}

impl SimdProver {
    /// A prover for a circuit with the key from the store; `None` if there is none.
    ///
    /// The `.zkey` is read, and its digest compared with the manifest's, only if there is no fit
    /// prepared file in the key's folder. A prepared file is as trustworthy as the manifest beside
    /// it: see [`PreparedFile`]. A prepared file beside a manifest with `checked: false` came from
    /// elsewhere together with its key, so it is removed. The key is then read, point by point, and
    /// prepared again.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn from_store(
        store: &KeyStore,
        circuit: &[u8; 32],
        policy: KeyPolicy,
        tables: TableBudget,
    ) -> Result<Option<LoadedProver>, LoadError> {
        let Some(entry) = store.entry(circuit, policy)? else {
            return Ok(None);
        };
        let label = Label {
            zkey_sha256: entry.zkey_sha256()?,
            path: Path::preferred(),
            tables,
        };
        let file = PreparedFile::new(entry.prepared_dir(), label);
        if !entry.manifest.checked {
            entry.discard_prepared()?;
        }
        let provenance = entry.provenance;
        let expected = entry.manifest.verifying_key.clone();
        let (prover, readiness) = Self::load(
            &file,
            |key| key.to_string() == expected,
            || Ok::<_, LoadError>(entry.read()?.zkey),
        )?;
        Ok(Some(LoadedProver {
            prover,
            provenance,
            readiness,
        }))
    }

    /// A prover from a prepared file. If the file is missing or unfit, it is made from the `.zkey`
    /// that `zkey` reads; `zkey` must return the key that the file's label names. A file is unfit
    /// if `expects` does not know the digest of its verifying key.
    ///
    /// # Errors
    /// Those of `zkey`, and [`KeyError`] if the key's parts do not belong together.
    pub fn load<E: From<KeyError>>(
        file: &PreparedFile,
        expects: impl Fn(&KeyDigest) -> bool,
        zkey: impl FnOnce() -> Result<Zkey, E>,
    ) -> Result<(Self, Readiness), E> {
        let Label { path, tables, .. } = *file.label();
        let (kernels, vk, readiness) = file.open_or_build(
            |attachment| {
                let vk = VerifyingKey::from_bytes(attachment).ok()?;
                expects(&vk.digest()).then_some(vk)
            },
            || {
                let (key, vk) = prepare(zkey()?, path, tables)?;
                let attachment = vk.to_bytes();
                Ok::<_, E>((Prepared { key, attachment }, vk))
            },
        )?;
        Ok((Self::of(kernels, vk), readiness))
    }
}
