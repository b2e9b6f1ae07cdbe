//! Builds the ledger's entry from a manifest.

use std::{
    io,
    path::{Path, PathBuf},
};

use ed25519_dalek::SigningKey;
use merits_circuits::earn::EarnCircuit;
use merits_ledger::{
    Blob, BlobTooLarge, Entry,
    entry::{PublishedKey, ScaleProposed},
};
use merits_params::{
    keystore::{KeyStore, KeyStoreError, StoredKey},
    manifest::{Manifest, ManifestError},
};
use merits_primitives::ids::{Origin, PartyId};
use merits_verifier::{entry::SignedEntry, groth16::KeyPolicy};
use thiserror::Error;

/// Why a scale cannot be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The manifest cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The manifest is refused.
    #[error("{path}: {source}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<ManifestError>,
    },
    /// No key is available.
    #[error(transparent)]
    Key(#[from] KeyStoreError),
    /// The key is larger than a blob may be.
    #[error("the circuit's verifying key: {0}; give the scale fewer claims a proof")]
    KeyTooLarge(#[from] BlobTooLarge),
}

/// A scale with its circuit and key.
#[derive(Debug)]
pub struct Built {
    manifest: Manifest,
    circuit: EarnCircuit,
    key: StoredKey,
}

/// A manifest from a scale's directory.
///
/// # Errors
/// [`BuildError`].
pub fn read_manifest(directory: &Path) -> Result<Manifest, BuildError> {
    let path = directory.join("scale.toml");
    let text = merits_text::file::read(&path).map_err(|source| BuildError::Read {
        path: path.clone(),
        source,
    })?;
    Manifest::from_toml(&text).map_err(|source| BuildError::Manifest {
        path,
        source: Box::new(source),
    })
}

impl Built {
    /// Checks the manifest in `directory`, compiles its circuit, and takes the key from `store`. If
    /// it has none, a key is made now, if `policy` allows keys of a single party.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn new(
        directory: &Path,
        store: &KeyStore,
        made_by: &str,
        policy: KeyPolicy,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<Self, BuildError> {
        let manifest = read_manifest(directory)?;
        let circuit =
            EarnCircuit::build(manifest.formula(), usize::from(manifest.claims_per_proof()));
        let r1cs = &circuit.circuit().r1cs;
        // A key from elsewhere, such as a ceremony, is used as it is.
        let key = match store.get(&r1cs.digest(), policy)? {
            Some(key) => key,
            None => store.get_or_set_up(r1cs, made_by, policy, rng)?,
        };
        Ok(Self {
            manifest,
            circuit,
            key,
        })
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The circuit.
    pub fn circuit(&self) -> &EarnCircuit {
        &self.circuit
    }

    /// The key.
    pub fn key(&self) -> &StoredKey {
        &self.key
    }

    /// What the ledger is asked to take, and the key as a blob where it is too large for the entry.
    ///
    /// # Errors
    /// [`BuildError::KeyTooLarge`].
    pub fn proposal(&self) -> Result<(ScaleProposed, Option<Blob>), BuildError> {
        let (key, blob) = PublishedKey::publish(self.key.zkey.key.vk.clone())?;
        let proposed = merits_proposal::proposal(&self.manifest, key, self.key.provenance);
        Ok((proposed, blob))
    }

    /// The proposal, signed by the issuer, and the blob that must come with it.
    ///
    /// # Errors
    /// As of [`Built::proposal`].
    pub fn entry(
        &self,
        origin: &Origin,
        issuer: PartyId,
        key: &SigningKey,
    ) -> Result<(SignedEntry, Option<Blob>), BuildError> {
        let (proposed, blob) = self.proposal()?;
        let entry = Entry::ScaleProposed(proposed).sign(origin, issuer, None, key);
        Ok((entry, blob))
    }
}
