//! A distributor's own files: database and keys. What needs no more works without coordinator and
//! beside a running prover; somebody's records must be forgotten whoever is down.

use std::path::Path;

use anyhow::{Context as _, ensure};
use merits_distributor::{
    config::DistributorConfig,
    custody::Custody,
    node::{Node, NodeKeys},
    outlook::Outlook,
    sealing::MasterKey,
    store::{self, Copied, Store},
};
use merits_guard::output::Output;
use merits_keyfile::{KeyFileError, KeyKind, SecretBytes};
use merits_ledger::State;
use merits_party::{
    identity::Identity,
    store_key::{self, StoreKey},
    unix_millis,
};
use merits_primitives::ids::{EntryId, PartyId, ScaleId};
use merits_sealing::SealingKey;
use merits_text::typed::typed;

use super::identity;
use crate::{
    commands::verify::RECEIPT,
    screen::{VOUCHED, thousands},
};

/// Database and keys of one distributor.
pub(super) struct Cabinet {
    identity: Identity,
    party: PartyId,
    scale: ScaleId,
    custody: SecretBytes,
    ephemeral: SecretBytes,
    store: Store,
}

impl Cabinet {
    /// Opens the files, or makes them all.
    pub(super) async fn open(config: &DistributorConfig) -> anyhow::Result<Self> {
        let identity = identity(config)?;
        let party = party(config, &identity)?;
        let (keys, stored) = (&config.keys, store_key::is_there(&config.store));
        let master = StoreKey::of(&config.store, &keys.master, "distributor", &mut rand::rng())?;
        let store = Store::open(
            &config.store,
            &identity.origin,
            &party,
            MasterKey::new(master.secret()),
        )
        .await
        .with_context(|| config.store.display().to_string())?
        .with_distinct(
            config
                .distinct_accounts
                .iter()
                .map(|account| typed(account).into_owned()),
        );
        let kept = master.keep(&config.store);
        if kept.is_err() {
            closed(&store, kept.map_err(Into::into)).await?;
        }
        Ok(Self {
            scale: ScaleId::new(&config.scale)?,
            custody: secret(&keys.custody, KeyKind::Custody, stored)?,
            ephemeral: secret(&keys.ephemeral, KeyKind::Ephemeral, stored)?,
            identity,
            party,
            store,
        })
    }

    /// Opens files that are there.
    pub(super) async fn existing(config: &DistributorConfig) -> anyhow::Result<Self> {
        // With its key, it is a store that was lost: opening it says so.
        ensure!(
            store_key::is_there(&config.store) || config.keys.master.exists(),
            "there is no store at {}: `merits distributor run` makes it",
            config.store.display()
        );
        Self::open(config).await
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Folds the store in, whatever came before; the first failure is told.
    pub(super) async fn close<T>(&self, done: anyhow::Result<T>) -> anyhow::Result<T> {
        closed(&self.store, done).await
    }

    /// The prover node over these files, and the key that opens what is sealed to it.
    pub(super) fn into_node(self) -> (Node, SealingKey) {
        let sealing = self.identity.sealing;
        let origin = self.identity.origin;
        let keys = NodeKeys {
            signing: self.identity.signing,
            custody: Custody::new(self.custody, origin.clone(), self.party),
            ephemeral: self.ephemeral,
        };
        let node = Node::new(origin, self.party, self.scale, self.store, keys);
        (node, sealing)
    }

    /// Prints how many deeds the next run would claim, and why it would not claim the others.
    async fn print_outlook(&self, config: &DistributorConfig) -> anyhow::Result<()> {
        let (store, scale) = (&self.store, &self.scale);
        let (outlook, unknown) = match kept_state(config).await {
            Ok(state) => {
                let now = unix_millis();
                let outlook = Outlook::of(store, scale, &self.party, &state, now).await?;
                (outlook, None)
            }
            Err(error) => {
                let outlook = Outlook::of_store(store, scale, config.ledger.tickets).await?;
                (outlook, Some(error))
            }
        };
        let Outlook { ready, waiting } = outlook;
        if ready + waiting.total() == 0 {
            return Ok(());
        }
        println!("ready       {ready} for the next `merits distributor run`");
        for (reason, count) in &waiting.without_terms {
            println!("waiting     {count}: {reason}");
        }
        for (reason, count) in &waiting.counts {
            println!("waiting     {count}: {reason}");
        }
        if let Some(error) = unknown {
            println!("note        \"ready\" was not compared with the ledger: {error:#}");
        }
        Ok(())
    }

    /// Prints the counts; writes all receipts into a directory.
    pub(super) async fn status(
        &self,
        config: &DistributorConfig,
        receipts: Option<&Path>,
    ) -> anyhow::Result<()> {
        let (store, scale) = (&self.store, &self.scale);
        let counts = store.counts(scale).await?;
        println!("scale       {scale}");
        println!("subjects    {}", thousands(counts.subjects));
        println!(
            "claims      {} in no batch yet, {} on the ledger, {} refused",
            counts.ingested, counts.acknowledged, counts.refused
        );
        println!(
            "batches     {} to prove, {} in the outbox, {} on the ledger, {} refused",
            counts.formed, counts.outbox, counts.acknowledged_batches, counts.refused_batches
        );
        let tickets = store.ticket_counts(scale).await?;
        if tickets.total() > 0 {
            println!(
                "tickets     {} to deposit, {} on the ledger, {} claimed with, {} lapsed, \
                 {} refused, {} taken back",
                tickets.imported,
                tickets.deposited,
                tickets.claimed,
                tickets.lapsed,
                tickets.refused,
                tickets.withdrawn
            );
        }
        self.print_outlook(config).await?;
        for aside in store.aside(scale).await? {
            println!("waiting     {aside}");
        }
        if store.vouched(scale).await? {
            println!("note        {VOUCHED}: its sources cannot link people");
        }
        for (entry, refusal) in store.refusals(scale).await? {
            println!("refused     {entry}: {refusal}");
        }
        for (entry, refusal) in store.ticket_refusals(scale).await? {
            println!("refused     ticket {entry}: {refusal}");
        }
        if let Some(directory) = receipts {
            let written = write_receipts(store, scale, directory).await?;
            println!("receipts    {written} in {}", directory.display());
        }
        Ok(())
    }
}

/// The ledger's state as this distributor's copy of the log has it, without the network. Not there before
/// the first run; in use by one that is at work.
async fn kept_state(config: &DistributorConfig) -> anyhow::Result<State> {
    ensure!(
        config.ledger.replica.is_dir(),
        "there is no copy of the log at {} yet",
        config.ledger.replica.display()
    );
    let replica = config.ledger.open().await?;
    ensure!(replica.size() > 0, "the copy of the log is empty");
    Ok(replica.state()?.clone())
}

/// The party's id: as the configuration says, or by its first key.
fn party(config: &DistributorConfig, identity: &Identity) -> anyhow::Result<PartyId> {
    let Some(party) = &config.party else {
        return Ok(identity.party());
    };
    let mut id = [0; 32];
    hex::decode_to_slice(party, &mut id)
        .context("in the configuration, `party`: 64 hexadecimal digits")?;
    Ok(PartyId(id))
}

/// Folds a store in, whatever came before; the first failure is told.
pub(super) async fn closed<T>(store: &Store, done: anyhow::Result<T>) -> anyhow::Result<T> {
    match (done, store.close().await) {
        (Ok(_), Err(error)) => Err(error.into()),
        (done, _) => done,
    }
}

/// Copies the store, checked under the configuration's ledger, party and master key.
pub(super) async fn copy(
    config: &DistributorConfig,
    from: &Path,
    to: &Path,
) -> anyhow::Result<Copied> {
    ensure!(from.exists(), "there is no file {}", from.display());
    let identity = identity(config)?;
    let party = party(config, &identity)?;
    let master = MasterKey::new(merits_keyfile::load(&config.keys.master, KeyKind::Master)?);
    Ok(store::copy(from, to, &identity.origin, &party, &master).await?)
}

/// Writes every receipt of a store into a directory; answers how many.
pub(super) async fn write_receipts(
    store: &Store,
    scale: &ScaleId,
    directory: &Path,
) -> anyhow::Result<usize> {
    merits_guard::create_folder(directory).with_context(|| directory.display().to_string())?;
    let receipts = store.receipts(scale).await?;
    for (entry, receipt) in &receipts.held {
        let path = directory.join(format!("{}.receipt", &entry.to_hex()[..16]));
        Output::write(&path, RECEIPT, receipt.as_bytes())?;
    }
    ensure!(
        receipts.lost.is_empty(),
        "wrote {} receipts into {}; the store has lost those of other entries that are on the ledger: {}. Restore \
         it from a copy",
        receipts.held.len(),
        directory.display(),
        listed(&receipts.lost)
    );
    Ok(receipts.held.len())
}

fn listed(entries: &[EntryId]) -> String {
    let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
    entries.join(", ")
}

/// A secret from its file, made only as long as nothing depends on it: beside a store, a fresh
/// key in place of a lost one would hide the loss.
fn secret(path: &Path, kind: KeyKind, stored: bool) -> Result<SecretBytes, KeyFileError> {
    if stored {
        merits_keyfile::load(path, kind)
    } else {
        merits_keyfile::load_or_create(path, kind, &mut rand::rng())
    }
}
