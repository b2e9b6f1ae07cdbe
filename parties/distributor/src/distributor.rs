//! A distributor with its store, its copy of the log, and the approved scale.

use std::{
    io::BufReader,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Instant,
};

use futures::future::BoxFuture;
use merits_guard::input;
use merits_ledger::entry::OpeningContent;
use merits_params::{keystore::KeyStore, manifest::Manifest};
use merits_party::lookup::{find_entry, find_party};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId, Period, ScaleId},
};
use merits_records::{Plan, ReadOptions, Reading, read_file_with_rejects};
use merits_replica::{Follower, ReplicaError};
use merits_sealing::SealingKey;
use merits_verifier::groth16::KeyPolicy;
use rand::rngs::StdRng;

use crate::{
    config::DistributorConfig,
    consents::Consents,
    disclosing::{Ground, disclose},
    error::DistributorError,
    ingest::Ingestion,
    net::LedgerOutbox,
    node::Node,
    open_store::{OpenStore, closed, write_receipts},
    outbox::PATIENCE,
    pool::ProverPool,
    progress::{Event, Progress},
    run::{Run, run},
    sources::Sources,
    store::StoreError,
    summary::RunSummary,
    terms::{TermsReader, latest_version, source_keys},
};

/// A distributor's node with its copy of the log and the approved scale.
#[derive(Debug)]
pub struct Distributor {
    config: DistributorConfig,
    pub(crate) follower: Follower,
    pub(crate) manifest: Manifest,
    pub(crate) node: Node,
    pub(crate) sealing: SealingKey,
}

/// Records that a run takes in, with their metadata.
#[derive(Debug, Clone)]
pub struct RecordsInput {
    /// The records.
    pub records: PathBuf,
    /// The source's signed commitments to them.
    pub bundle: PathBuf,
    /// The source, by name or id.
    pub source: String,
    /// New file for rows that could not be read.
    pub rejects: Option<PathBuf>,
    /// Read only this many subjects.
    pub subjects: Option<usize>,
}

/// The program's inputs for a run.
pub struct Surroundings<'a> {
    /// Where it reads the time.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// Sees events.
    pub progress: &'a dyn Progress,
    /// Once true, proving ends after the proofs in flight. Checked from [`Event::ProverLoaded`] on.
    pub stop: &'a AtomicBool,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

impl Distributor {
    /// Joins the ledger, follows it to its end, and opens the store, or makes it.
    ///
    /// # Errors
    /// [`DistributorError`]: the ledger, the scale on it, or the distributor's files.
    pub fn open(
        config: DistributorConfig,
        rng: &mut StdRng,
    ) -> BoxFuture<'_, Result<Self, DistributorError>> {
        Box::pin(async move {
            let follower = config.ledger.follow().await?;
            follower.sync().await?;
            let scale = ScaleId::new(&config.scale)?;
            // The approved scale, not a file that may differ from it.
            let manifest = {
                let replica = follower.replica();
                match latest_version(replica.state()?, &scale) {
                    Some(approved) => Manifest::from_approved(&approved.manifest)?,
                    None => return Err(DistributorError::NotApproved(scale)),
                }
            };
            let (node, sealing) = OpenStore::open(&config, rng).await?.into_node();
            let store = node.store();
            store.note_vouched(node.scale(), manifest.vouched()).await?;
            Ok(Self {
                config,
                follower,
                manifest,
                node,
                sealing,
            })
        })
    }

    /// Folds the store in any case, and returns the first failure. The distributor cannot be used
    /// afterwards.
    ///
    /// # Errors
    /// What `done` failed with, or the store.
    pub async fn close<T, E: From<StoreError>>(&self, done: Result<T, E>) -> Result<T, E> {
        closed(self.node.store(), done).await
    }

    /// Whether claims need tickets on this ledger.
    ///
    /// # Errors
    /// [`ReplicaError`].
    pub fn has_tickets(&self) -> Result<bool, ReplicaError> {
        Ok(self.follower.replica().state()?.policy().tickets)
    }

    /// An entry of the ledger, by its id or a prefix of it.
    ///
    /// # Errors
    /// [`DistributorError::Lookup`].
    pub fn find_entry(&self, text: &str) -> Result<EntryId, DistributorError> {
        Ok(find_entry(&self.follower.replica(), text)?)
    }

    /// Takes in records if there are any, then forms, proves and submits everything in the store.
    ///
    /// # Errors
    /// [`DistributorError`]. Completed work is kept, and running again continues from there.
    pub fn run<'a>(
        &'a self,
        input: Option<&'a RecordsInput>,
        around: &'a Surroundings<'a>,
        rng: &'a mut StdRng,
    ) -> BoxFuture<'a, Result<RunSummary, DistributorError>> {
        Box::pin(async move {
            let start = Instant::now();
            let mut summary = RunSummary::default();
            if let Some(input) = input {
                self.ingest(input, around, rng, &mut summary).await?;
            }
            self.prove(around, rng, &mut summary).await?;
            summary.times.total = start.elapsed();
            Ok(summary)
        })
    }

    async fn ingest(
        &self,
        input: &RecordsInput,
        around: &Surroundings<'_>,
        rng: &mut StdRng,
        summary: &mut RunSummary,
    ) -> Result<(), DistributorError> {
        let source = self.find_party(&input.source)?;
        let start = Instant::now();
        let (now, rejects) = ((around.clock)(), input.rejects.as_deref());
        let reading = self.read(
            &input.records,
            input.subjects,
            rejects,
            now,
            around.progress,
        )?;
        summary.times.reading = start.elapsed();
        summary.reading = reading.report;
        summary.refused_groups = reading.refused;

        let start = Instant::now();
        let keys = source_keys(self.follower.replica().state()?, &source)?;
        let ingestion = Ingestion {
            origin: self.node.origin(),
            scale: self.node.scale(),
            schema: self.manifest.schema(),
            source,
            source_keys: &keys,
            custody: (!self.has_tickets()?).then(|| self.node.custody()),
            store: self.node.store(),
        };
        let file = input::open_stream(&input.bundle)
            .map_err(|source| unreadable("bundle ", &input.bundle, source))?;
        let commitments = ingestion.read_bundle(BufReader::new(file))?;
        let total = reading.groups.len();
        let ingested = |done| around.progress.event(Event::Ingested { done, total });
        summary.ingest = ingestion
            .ingest(reading.groups, commitments, rng, &ingested)
            .await?;
        summary.times.ingesting = start.elapsed();
        Ok(())
    }

    async fn prove(
        &self,
        around: &Surroundings<'_>,
        rng: &mut StdRng,
        summary: &mut RunSummary,
    ) -> Result<(), DistributorError> {
        if self.has_tickets()? {
            summary.deposits = self.deposit().await?;
            // The distributor's copy must show the new deposits, and withdrawals of people.
            self.follower.sync().await?;
        }
        around.progress.event(Event::LoadingProver);
        let pool = self.prover().await?;
        around.progress.event(Event::ProverLoaded);
        let port = LedgerOutbox::new(self.follower.clone());
        // The copy grows meanwhile, so it is not locked. A clone shares the tables.
        let state = self.follower.replica().state()?.clone();
        let (scale, party) = (self.node.scale().clone(), self.node.party());
        let now = (around.clock)();
        let reader = TermsReader::new(&state, scale, party, now)?;
        let terms = |period: Period| reader.at(period);
        let sources = Sources::of(&state, around.clock);
        let work = Run {
            node: &self.node,
            pool: &pool,
            ledger: &port,
            terms: &terms,
            consents: Consents::of(&state, now),
            sources: &sources,
            patience: PATIENCE,
            progress: around.progress,
            stop: around.stop,
        };
        Ok(run(&work, rng, summary).await?)
    }

    /// The circuit of the approved scale with its key, ready to prove.
    async fn prover(&self) -> Result<ProverPool, DistributorError> {
        let manifest = self.manifest.clone();
        let store = KeyStore::new(&self.config.key_store);
        let policy = KeyPolicy {
            allow_dev_keys: self.config.ledger.allow_dev_keys,
        };
        let (width, tables) = (self.config.prover.width(), self.config.prover.tables());
        let load = move || ProverPool::load(&manifest, &store, policy, width, tables);
        match tokio::task::spawn_blocking(load).await {
            Ok(loaded) => Ok(loaded?),
            Err(_) => Err(DistributorError::LoadingLost),
        }
    }

    /// Writes the data that opens one claim: for the supervisor of this request (its entry, and the
    /// content of its commitment), or for the person.
    ///
    /// # Errors
    /// [`DistributorError`].
    pub fn disclose<'a>(
        &'a self,
        entry: EntryId,
        claim: u16,
        request: Option<&'a (EntryId, OpeningContent)>,
        output: &'a Path,
    ) -> BoxFuture<'a, Result<(), DistributorError>> {
        Box::pin(async move {
            let ground = match request {
                Some((id, content)) => Ground::Request { id: *id, content },
                None => Ground::Person,
            };
            let state = self.follower.replica().state()?.clone();
            let schema = self.manifest.schema();
            let disclosure = disclose(&self.node, &state, schema, (entry, claim), ground).await?;
            Ok(disclosure.write(output)?)
        })
    }

    /// Writes every receipt of the node into a directory and returns how many.
    ///
    /// # Errors
    /// [`DistributorError`].
    pub fn write_receipts<'a>(
        &'a self,
        directory: &'a Path,
    ) -> BoxFuture<'a, Result<usize, DistributorError>> {
        Box::pin(write_receipts(
            self.node.store(),
            self.node.scale(),
            directory,
        ))
    }

    pub(crate) fn find_party(&self, text: &str) -> Result<PartyId, DistributorError> {
        Ok(find_party(&self.follower.replica(), text)?)
    }

    /// Reads a file of records by the configuration's mapping; refused rows go to `rejects`.
    pub(crate) fn read(
        &self,
        input: &Path,
        subjects: Option<usize>,
        rejects: Option<&Path>,
        now: Timestamp,
        progress: &dyn Progress,
    ) -> Result<Reading, DistributorError> {
        let plan = Plan::new(&self.config.mapping, self.manifest.schema())?;
        let options = ReadOptions {
            first_subjects: subjects,
            now: Some(plan.present(now).latest()),
        };
        let mut read = |rows| progress.event(Event::Rows(rows));
        read_file_with_rejects(input, &plan, options, rejects, &mut read).map_err(|source| {
            DistributorError::Records {
                path: input.to_owned(),
                source,
            }
        })
    }
}

pub(crate) fn unreadable(
    what: &'static str,
    path: &Path,
    source: std::io::Error,
) -> DistributorError {
    DistributorError::Input {
        what,
        path: path.to_owned(),
        source: merits_guard::explain::reading(source),
    }
}
