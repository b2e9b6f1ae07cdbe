//! The commands of an issuer by its configuration: build its scale, and propose it.

use std::path::PathBuf;

use futures::future::BoxFuture;
use merits_params::keystore::KeyStore;
use merits_party::identity::{IdentityError, PartyConfig as _};
use merits_primitives::ids::{EntryId, ScaleId, ScaleVersion};
use merits_replica::{ClientError, JoinError};
use merits_verifier::groth16::KeyPolicy;
use rand_core::CryptoRng;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use thiserror::Error;

use crate::{
    config::IssuerConfig,
    scale::{BuildError, Built},
};

/// Why a scale was not built or proposed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// The scale.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The party's keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The ledger could not be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The coordinator.
    #[error(transparent)]
    Submit(#[from] ClientError),
    /// The runtime ended while the scale was built.
    #[error("building the scale was interrupted: try again")]
    Interrupted,
}

/// A scale that waits for its approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// The entry that proposed it.
    pub entry: EntryId,
    /// The scale.
    pub scale: ScaleId,
    /// Its version.
    pub version: ScaleVersion,
    /// The folder of its keys and circuit files.
    pub files: PathBuf,
}

impl Serialize for Proposed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Proposed", 4)?;
        report.serialize_field("entry", &self.entry.to_string())?;
        report.serialize_field("scale", self.scale.as_str())?;
        report.serialize_field("version", &self.version.0)?;
        report.serialize_field("files", &self.files)?;
        report.end()
    }
}

impl IssuerConfig {
    /// Compiles the scale and takes its key, making it if there is none. A set-up keeps all cores
    /// busy for seconds, so it runs on a thread that may block.
    ///
    /// # Errors
    /// [`IssuerError`].
    pub fn build(
        &self,
        mut rng: impl CryptoRng + Send + 'static,
    ) -> BoxFuture<'_, Result<Built, IssuerError>> {
        Box::pin(async move {
            let (scale, store) = (self.scale.clone(), self.key_store.clone());
            let (name, allow_dev_keys) = (self.name.clone(), self.ledger.allow_dev_keys);
            let built = tokio::task::spawn_blocking(move || {
                let policy = KeyPolicy { allow_dev_keys };
                Built::new(&scale, &KeyStore::new(store), &name, policy, &mut rng)
            });
            Ok(built.await.map_err(|_| IssuerError::Interrupted)??)
        })
    }

    /// Puts the proposal on the ledger.
    ///
    /// # Errors
    /// [`IssuerError`].
    pub fn propose<'a>(&'a self, built: &'a Built) -> BoxFuture<'a, Result<Proposed, IssuerError>> {
        Box::pin(async move {
            let identity = self.identity()?;
            let (entry, blob) =
                built.entry(&identity.origin, identity.party(), &identity.signing)?;
            let mut client = self.ledger.connect().await?;
            let submitted = match blob {
                None => client.submit(&entry).await?,
                Some(blob) => client.submit_with(&entry, &blob).await?,
            };
            let manifest = built.manifest();
            Ok(Proposed {
                entry: submitted.id,
                scale: manifest.id().clone(),
                version: manifest.version(),
                files: built.key().dir.clone(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and forms of a report's fields are an interface: programs read them.
    #[test]
    fn a_report_of_a_proposal_has_these_fields() {
        let proposed = Proposed {
            entry: EntryId([0xab; 32]),
            scale: ScaleId::new("cycling-week").expect("an id"),
            version: ScaleVersion(2),
            files: "keys/1".into(),
        };
        let expected = serde_json::json!({
            "entry": "ab".repeat(32),
            "scale": "cycling-week",
            "version": 2,
            "files": "keys/1",
        });
        assert_eq!(serde_json::to_value(&proposed).expect("JSON"), expected);
    }
}
