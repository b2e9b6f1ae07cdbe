//! Loads the approved scale for proving: circuit, key, threads.

use std::{path::PathBuf, sync::Arc};

use merits_circuits::{
    earn::EarnCircuit,
    prover::{self, Prover as _, Readiness, SimdProver, TableBudget},
};
use merits_params::{keystore::KeyStore, manifest::Manifest};
use merits_verifier::groth16::{KeyError, KeyPolicy, PreparedKey};
use thiserror::Error;

use crate::pool::{ProverPool, ProvingError, Width};

/// Why a prover cannot be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The key store, or the proving key in it.
    #[error(transparent)]
    ProvingKey(#[from] prover::LoadError),
    /// No key for the circuit.
    #[error("no key for the approved circuit: get {0} from the issuer")]
    NoKey(PathBuf),
    /// The verifying key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The threads.
    #[error(transparent)]
    Proving(#[from] ProvingError),
}

impl ProverPool {
    /// Builds the manifest's circuit, takes its key from the store, with as large tables of multiples
    /// as `tables` allows, and starts the threads. Each proof is verified before it leaves the
    /// node, for some 2 ms.
    ///
    /// It takes milliseconds if the key's prepared file exists, and about a second if it must be
    /// made, so do not call it on a thread of the async runtime.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(
        manifest: &Manifest,
        store: &KeyStore,
        policy: KeyPolicy,
        width: Width,
        tables: TableBudget,
    ) -> Result<Self, LoadError> {
        let circuit =
            EarnCircuit::build(manifest.formula(), usize::from(manifest.claims_per_proof()));
        let digest = circuit.circuit().r1cs.digest();
        let loaded = SimdProver::from_store(store, &digest, policy, tables)?
            .ok_or_else(|| LoadError::NoKey(store.dir_of(&digest)))?;
        match &loaded.readiness {
            Readiness::Rebuilt { reason } => {
                tracing::info!(%reason, "the proving key was prepared again");
            }
            Readiness::InMemory { reason, obstacle } => {
                tracing::warn!(
                    %reason, %obstacle,
                    "the proving key is prepared in memory only: every start will take as long"
                );
            }
            _ => {}
        }
        let prover = loaded.prover;
        let check = PreparedKey::new(prover.verifying_key().clone(), loaded.provenance, policy)?;
        let prover = prover.with_self_check(check);
        Ok(Self::new(Arc::new(circuit), Arc::new(prover), width)?)
    }
}
