//! A distributor's own files: database and keys. Commands that need only these work without a
//! coordinator and beside a running prover. For example, forgetting a person's records must work
//! even when other parties are down.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use futures::future::BoxFuture;
use merits_guard::{input, output::Output};
use merits_keyfile::{KeyFileError, KeyKind, SecretBytes};
use merits_party::{
    identity::{Identity, PartyConfig as _},
    outputs::RECEIPT,
    store_key::{self, StoreKey},
};
use merits_primitives::ids::{PartyId, ScaleId};
use merits_sealing::SealingKey;
use merits_text::typed::typed;
use rand::rngs::StdRng;

use crate::{
    at_rest::MasterKey,
    config::DistributorConfig,
    custody::Custody,
    error::DistributorError,
    node::{Node, NodeKeys},
    store::{self, Copied, Forgotten, Store, StoreError},
};

/// Database and keys of one distributor.
#[derive(Debug)]
pub struct OpenStore {
    identity: Identity,
    scale: ScaleId,
    secrets: Secrets,
    store: Store,
}

struct Secrets {
    custody: SecretBytes,
    ephemeral: SecretBytes,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

impl OpenStore {
    /// Opens the files, or makes all of them.
    ///
    /// # Errors
    /// [`DistributorError`]: a key or the store is lost or damaged, or belongs to another ledger or party.
    pub fn open<'a>(
        config: &'a DistributorConfig,
        rng: &'a mut StdRng,
    ) -> BoxFuture<'a, Result<Self, DistributorError>> {
        Box::pin(async move {
            let identity = config.identity()?;
            let party = identity.party();
            let (keys, stored) = (&config.keys, store_key::is_there(&config.store));
            let master = StoreKey::of(&config.store, &keys.master, "distributor", rng)?;
            let distinct = config.distinct_accounts.iter();
            let store = Store::open(
                &config.store,
                &identity.origin,
                &party,
                MasterKey::new(master.secret()),
            )
            .await
            .map_err(|source| DistributorError::Open {
                path: config.store.clone(),
                source,
            })?
            .with_distinct(distinct.map(|account| typed(account).into_owned()));
            if let Err(error) = master.keep(&config.store) {
                // Return the first failure.
                let _ = store.close().await;
                return Err(error.into());
            }
            Ok(Self {
                scale: ScaleId::new(&config.scale)?,
                secrets: Secrets {
                    custody: secret(&keys.custody, KeyKind::Custody, stored, rng)?,
                    ephemeral: secret(&keys.ephemeral, KeyKind::Ephemeral, stored, rng)?,
                },
                identity,
                store,
            })
        })
    }

    /// Opens existing files.
    ///
    /// # Errors
    /// As [`OpenStore::open`]; [`DistributorError::NoStore`] before the first run.
    pub fn existing<'a>(
        config: &'a DistributorConfig,
        rng: &'a mut StdRng,
    ) -> BoxFuture<'a, Result<Self, DistributorError>> {
        Box::pin(async move {
            // If its key exists, the store was lost, and opening it reports that.
            if !store_key::is_there(&config.store) && !config.keys.master.exists() {
                return Err(DistributorError::NoStore(config.store.clone()));
            }
            Self::open(config, rng).await
        })
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The scale that the distributor claims on.
    pub fn scale(&self) -> &ScaleId {
        &self.scale
    }

    /// The distributor's party id.
    pub fn party(&self) -> PartyId {
        self.identity.party()
    }

    /// Deletes a subject's data key and sealed rows. `None` when the store does not know it.
    ///
    /// # Errors
    /// [`DistributorError::Store`].
    pub fn forget<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Option<Forgotten>, DistributorError>> {
        Box::pin(async move { Ok(self.store.forget(subject).await?) })
    }

    /// Writes every receipt into a directory and returns how many.
    ///
    /// # Errors
    /// [`DistributorError`].
    pub fn write_receipts<'a>(
        &'a self,
        directory: &'a Path,
    ) -> BoxFuture<'a, Result<usize, DistributorError>> {
        Box::pin(write_receipts(&self.store, &self.scale, directory))
    }

    /// Folds the store in any case, and returns the first failure.
    ///
    /// # Errors
    /// What `done` failed with, or the store.
    pub async fn close<T, E: From<StoreError>>(&self, done: Result<T, E>) -> Result<T, E> {
        closed(&self.store, done).await
    }

    /// The prover node over these files, and the key that opens what is sealed to it.
    pub fn into_node(self) -> (Node, SealingKey) {
        let party = self.identity.party();
        let sealing = self.identity.sealing;
        let origin = self.identity.origin;
        let keys = NodeKeys {
            signing: self.identity.signing,
            custody: Custody::new(self.secrets.custody, origin.clone(), party),
            ephemeral: self.secrets.ephemeral,
        };
        let node = Node::new(origin, party, self.scale, self.store, keys);
        (node, sealing)
    }
}

impl DistributorConfig {
    /// Copies a store, checked under the configuration's ledger, party and master key.
    ///
    /// # Errors
    /// [`DistributorError`]; no file was made under the new name.
    pub fn copy_store<'a>(
        &'a self,
        from: &'a Path,
        to: &'a Path,
    ) -> BoxFuture<'a, Result<Copied, DistributorError>> {
        Box::pin(async move {
            if !from.exists() {
                return Err(DistributorError::NoFile(from.to_owned()));
            }
            let identity = self.identity()?;
            let party = identity.party();
            let master = MasterKey::new(merits_keyfile::load(&self.keys.master, KeyKind::Master)?);
            let copied = store::copy(from, to, &identity.origin, &party, &master).await;
            copied.map_err(|error| match error {
                StoreError::File(error) if from == self.store => {
                    StoreError::File(error.of_live()).into()
                }
                error => error.into(),
            })
        })
    }
}

/// Folds a store in any case, and returns the first failure.
pub(crate) async fn closed<T, E: From<StoreError>>(
    store: &Store,
    done: Result<T, E>,
) -> Result<T, E> {
    match (done, store.close().await) {
        (Ok(_), Err(error)) => Err(error.into()),
        (done, _) => done,
    }
}

/// Writes every receipt of a store into a directory and returns how many. Those that are there already stay as they
/// are. A page of receipts is in memory.
pub(crate) async fn write_receipts(
    store: &Store,
    scale: &ScaleId,
    directory: &Path,
) -> Result<usize, DistributorError> {
    let at = |source| DistributorError::Write {
        path: directory.to_owned(),
        source: merits_guard::explain::writing(source),
    };
    merits_guard::create_folder(directory).map_err(at)?;
    let (mut written, mut lost, mut after) = (0, Vec::new(), None);
    loop {
        let page = store.receipts(scale, after, PAGE).await?;
        if page.last.is_none() {
            break;
        }
        after = page.last;
        written += page.held.len();
        lost.extend(page.lost);
        let mut outputs = Vec::new();
        for (entry, receipt) in &page.held {
            let path: PathBuf = directory.join(format!("{}.receipt", &entry.to_hex()[..16]));
            let there = input::read(&path, receipt.len() as u64);
            if there.is_ok_and(|there| there == receipt.as_bytes()) {
                continue;
            }
            let mut output = Output::begin(&path, RECEIPT)?;
            output.write_all(receipt.as_bytes()).map_err(at)?;
            outputs.push(output);
        }
        Output::publish_all(outputs)?;
    }
    if lost.is_empty() {
        return Ok(written);
    }
    Err(DistributorError::ReceiptsLost {
        written,
        directory: directory.to_owned(),
        lost,
    })
}

/// Receipts that are written together. Each needs two open files.
const PAGE: u32 = 64;

/// A secret from its file. It is only made while nothing depends on it: beside an existing store, a
/// fresh key in place of a lost one would hide the loss.
fn secret(
    path: &Path,
    kind: KeyKind,
    stored: bool,
    rng: &mut StdRng,
) -> Result<SecretBytes, KeyFileError> {
    if stored {
        merits_keyfile::load(path, kind)
    } else {
        merits_keyfile::load_or_create(path, kind, rng)
    }
}
