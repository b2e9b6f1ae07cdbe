//! The approved scale, ready to prove: circuit, key, threads.

use std::{path::PathBuf, sync::Arc};

use merits_circuits::{earn::EarnCircuit, prover, prover::SimdProver};
use merits_params::{
    keystore::{KeyStore, KeyStoreError},
    manifest::Manifest,
};
use merits_verifier::groth16::{KeyError, KeyPolicy, PreparedKey};
use thiserror::Error;

use crate::proving::{ProverPool, ProvingError, Width};

/// Why nothing can be proven.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The key store.
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    /// No key for the circuit.
    #[error("no key for the approved circuit: get {0} from the issuer")]
    NoKey(PathBuf),
    /// The verifying key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The proving key's parts do not belong together.
    #[error("the proving key in the store is unusable: {0}; get it from the issuer again")]
    ProvingKey(#[from] prover::KeyError),
    /// The threads.
    #[error(transparent)]
    Proving(#[from] ProvingError),
}

impl ProverPool {
    /// Builds the manifest's circuit, takes its key from the store, and starts the threads. Each
    /// proof is verified before it leaves the node, for some 2 ms.
    ///
    /// Takes about a second and much memory traffic: not for a thread of the async runtime.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(
        manifest: &Manifest,
        store: &KeyStore,
        policy: KeyPolicy,
        width: Width,
    ) -> Result<Self, LoadError> {
        let circuit =
            EarnCircuit::build(manifest.formula(), usize::from(manifest.claims_per_proof()));
        let digest = circuit.circuit().r1cs.digest();
        let key = store
            .get(&digest, policy)?
            .ok_or_else(|| LoadError::NoKey(store.dir_of(&digest)))?;
        let check = PreparedKey::new(key.zkey.key.vk.clone(), key.provenance, policy)?;
        let prover = SimdProver::new(key.zkey)?.with_self_check(check);
        Ok(Self::new(Arc::new(circuit), Arc::new(prover), width)?)
    }
}
