//! `merits distributor`: collect, prove, submit, forget, disclose.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use merits_distributor::{
    config::DistributorConfig,
    custody::Custody,
    disclosing::disclose,
    ingest::Ingestion,
    links::write_links,
    net::CoordinatorPort,
    node::{Node, NodeKeys},
    outbox::Patience,
    progress::Event,
    proving::ProverPool,
    run::{Run, run},
    sealing::MasterKey,
    store::Store,
    summary::RunSummary,
    terms::{TermsReader, latest_version, source_key},
};
use merits_keyfile::KeyKind;
use merits_ledger::Role;
use merits_params::{keystore::KeyStore, manifest::Manifest};
use merits_primitives::ids::{EntryId, PartyId, Period, ScaleId};
use merits_records::Plan;
use merits_replica::Follower;
use merits_verifier::groth16::KeyPolicy;

use super::{source, stop_signal};
use crate::{
    identity::{Identity, find_party, write_handover},
    screen::{self, thousands},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the application that the supervisor admits
    Apply {
        #[arg(long)]
        config: PathBuf,
        #[arg(long)]
        output: PathBuf,
    },
    /// Write the pseudonyms of the accounts in a file of records, for their source
    Links {
        #[arg(long)]
        config: PathBuf,
        /// Records: CSV or JSON Lines, as the configuration's mapping says
        #[arg(long)]
        input: PathBuf,
        /// The source, by name or id
        #[arg(long)]
        source: String,
        #[arg(long)]
        output: PathBuf,
        /// Read only the first so many subjects
        #[arg(long)]
        subjects: Option<usize>,
    },
    /// Take in records, prove, submit; goes on with whatever an earlier run left
    Run(RunArguments),
    /// Counts of the store and the receipts it holds
    Status {
        #[arg(long)]
        config: PathBuf,
        /// Write all receipts into this directory
        #[arg(long)]
        receipts: Option<PathBuf>,
    },
    /// Delete a subject's key, and with it all its records
    Forget {
        #[arg(long)]
        config: PathBuf,
        #[arg(long)]
        subject: String,
    },
    /// Write records and salt behind one claim, for the supervisor that opened it
    Disclose {
        #[arg(long)]
        config: PathBuf,
        /// Entry id of the batch
        #[arg(long)]
        entry: String,
        /// Claim in it, from 0
        #[arg(long)]
        claim: u16,
        #[arg(long)]
        output: PathBuf,
    },
}

/// What a run takes.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Configuration file; parties/distributor/distributor.sample.toml explains every key
    #[arg(long)]
    pub(crate) config: PathBuf,
    /// Records to take in first; without them, only what is in the store goes on
    #[arg(long, requires = "bundle")]
    pub(crate) input: Option<PathBuf>,
    /// The source's signed commitments to these records
    #[arg(long, requires = "source")]
    pub(crate) bundle: Option<PathBuf>,
    /// The source, by name or id
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Rows that could not be read, with line, column, value and reason
    #[arg(long)]
    pub(crate) rejects: Option<PathBuf>,
    /// Read only the first so many subjects
    #[arg(long)]
    pub(crate) subjects: Option<usize>,
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                let identity = identity(&DistributorConfig::load(&config)?)?;
                write_handover(&identity.application(&[Role::Distributor]), &output)?;
            }
            Self::Links {
                config,
                input,
                source,
                output,
                subjects,
            } => {
                let station = Station::open(&config).await?;
                let written = station.links(&input, &source, &output, subjects)?;
                println!(
                    "wrote pseudonyms of {written} accounts to {}",
                    output.display()
                );
            }
            Self::Run(arguments) => {
                let station = Station::open(&arguments.config).await?;
                let summary = station.run(&arguments).await?;
                print(&summary);
                ensure!(
                    summary.submitted.refused.is_empty(),
                    "the ledger refused {} batches",
                    summary.submitted.refused.len()
                );
            }
            Self::Status { config, receipts } => {
                let station = Station::open(&config).await?;
                station.status(receipts.as_deref()).await?;
            }
            Self::Forget { config, subject } => {
                let station = Station::open(&config).await?;
                let forgotten = station
                    .node
                    .store()
                    .forget(&subject)
                    .await?
                    .with_context(|| format!("the store knows no subject {subject:?}"))?;
                println!(
                    "forgot {subject}: {} deeds dropped before they were proven, {} on the ledger \
                     whose records are gone; their proofs still verify",
                    forgotten.dropped, forgotten.shredded
                );
            }
            Self::Disclose {
                config,
                entry,
                claim,
                output,
            } => {
                let station = Station::open(&config).await?;
                let entry = EntryId::from_hex(&entry).context("--entry: 64 hexadecimal digits")?;
                station.disclose(entry, claim, &output).await?;
                println!("wrote {}", output.display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

pub(crate) fn identity(config: &DistributorConfig) -> anyhow::Result<Identity> {
    Identity::load(
        config.ledger.origin()?,
        &config.name,
        &config.keys.signing,
        &config.keys.sealing,
    )
}

/// A distributor's node with its copy of the log and the approved scale.
pub(crate) struct Station {
    config: DistributorConfig,
    follower: Follower,
    manifest: Manifest,
    node: Node,
}

impl Station {
    pub(crate) async fn open(config: &Path) -> anyhow::Result<Self> {
        let config = DistributorConfig::load(config)?;
        let follower = config.ledger.follow().await?;
        follower.sync().await?;
        let scale = ScaleId::new(&config.scale)?;
        // The scale as it was approved, not a file that may say something else.
        let manifest = {
            let replica = follower.replica();
            let approved = latest_version(replica.state()?, &scale)
                .with_context(|| format!("the ledger has no approved version of {scale}"))?;
            Manifest::from_toml(&approved.manifest)?
        };
        let identity = identity(&config)?;
        let party = match &config.party {
            None => identity.party(),
            Some(party) => find_party(&follower.replica(), party)?,
        };
        let rng = &mut rand::rng();
        let (keys, origin) = (&config.keys, identity.origin.clone());
        let master = merits_keyfile::load_or_create(&keys.master, KeyKind::Master, rng)?;
        let custody = merits_keyfile::load_or_create(&keys.custody, KeyKind::Seed, rng)?;
        let ephemeral = merits_keyfile::load_or_create(&keys.ephemeral, KeyKind::Ephemeral, rng)?;
        let store = Store::open(&config.store, &origin, &party, MasterKey::new(master)).await?;
        let custody = Custody::new(custody, origin.clone(), party);
        let keys = NodeKeys {
            signing: identity.signing,
            custody,
            ephemeral,
        };
        let node = Node::new(origin, party, scale, store, keys);
        Ok(Self {
            config,
            follower,
            manifest,
            node,
        })
    }

    /// Writes the pseudonyms of all accounts in a file of records.
    pub(crate) fn links(
        &self,
        input: &Path,
        source: &str,
        output: &Path,
        subjects: Option<usize>,
    ) -> anyhow::Result<usize> {
        let plan = Plan::new(&self.config.mapping, self.manifest.schema())?;
        let reading = source::read(input, &plan, subjects, None)?;
        let subjects: BTreeSet<String> = reading
            .groups
            .into_iter()
            .map(|group| group.subject)
            .collect();
        let source = find_party(&self.follower.replica(), source)?;
        let file = File::create(output).with_context(|| output.display().to_string())?;
        let mut file = BufWriter::new(file);
        write_links(
            self.node.custody(),
            self.node.origin(),
            &source,
            &subjects,
            &mut file,
        )?;
        file.flush()?;
        Ok(subjects.len())
    }

    /// Takes in records if there are any, then forms, proves and submits all that is in the store.
    pub(crate) async fn run(&self, arguments: &RunArguments) -> anyhow::Result<RunSummary> {
        let start = Instant::now();
        let mut summary = RunSummary::default();
        if let (Some(input), Some(bundle), Some(source)) =
            (&arguments.input, &arguments.bundle, &arguments.source)
        {
            let source = find_party(&self.follower.replica(), source)?;
            self.ingest(arguments, input, bundle, source, &mut summary)
                .await?;
        }
        self.prove(&mut summary).await?;
        summary.times.total = start.elapsed();
        Ok(summary)
    }

    async fn ingest(
        &self,
        arguments: &RunArguments,
        input: &Path,
        bundle: &Path,
        source: PartyId,
        summary: &mut RunSummary,
    ) -> anyhow::Result<()> {
        let start = Instant::now();
        let plan = Plan::new(&self.config.mapping, self.manifest.schema())?;
        let reading = source::read(
            input,
            &plan,
            arguments.subjects,
            arguments.rejects.as_deref(),
        )?;
        summary.times.reading = start.elapsed();
        summary.reading = reading.report;
        summary.refused_groups = reading.refused;

        let start = Instant::now();
        let key = source_key(self.follower.replica().state()?, &source)?;
        let ingestion = Ingestion {
            origin: self.node.origin(),
            scale: self.node.scale(),
            schema: self.manifest.schema(),
            source,
            source_key: &key,
            custody: self.node.custody(),
            store: self.node.store(),
        };
        let file = File::open(bundle).with_context(|| format!("bundle {}", bundle.display()))?;
        let commitments = ingestion.read_bundle(BufReader::new(file))?;
        let bar = screen::progress(reading.groups.len() as u64, "checking commitments");
        summary.ingest = ingestion
            .ingest(reading.groups, commitments, &mut rng(), &|done| {
                bar.set_position(done as u64)
            })
            .await?;
        bar.finish_and_clear();
        summary.times.ingesting = start.elapsed();
        Ok(())
    }

    async fn prove(&self, summary: &mut RunSummary) -> anyhow::Result<()> {
        let pool = self.prover().await?;
        let port = CoordinatorPort::new(self.follower.client());
        let state = self.follower.replica().state()?.clone();
        let (scale, party) = (self.node.scale().clone(), self.node.party());
        let reader = TermsReader::new(state, scale, party, unix_millis())?;
        let terms = |period: Period| reader.at(period);
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let watch = tokio::spawn(async move {
            if stop_signal().await.is_ok() {
                stopping.store(true, Ordering::Relaxed);
                eprintln!("stopping after the proofs in flight; run again to go on");
            }
        });
        let bars = Bars::default();
        let work = Run {
            node: &self.node,
            pool: &pool,
            ledger: &port,
            terms: &terms,
            patience: Patience::default(),
            progress: &|event| bars.show(event),
            stop: &stop,
        };
        let done = run(&work, &mut rng(), summary).await;
        watch.abort();
        bars.clear();
        Ok(done?)
    }

    /// The circuit of the approved scale with its key, ready to prove.
    async fn prover(&self) -> anyhow::Result<ProverPool> {
        let manifest = self.manifest.clone();
        let store = KeyStore::new(&self.config.key_store);
        let policy = KeyPolicy {
            allow_dev_keys: self.config.ledger.allow_dev_keys,
        };
        let bar = screen::working("loading the proving key");
        let width = self.config.prover.width();
        let pool =
            tokio::task::spawn_blocking(move || ProverPool::load(&manifest, &store, policy, width))
                .await??;
        bar.finish_and_clear();
        Ok(pool)
    }

    /// Writes what opens one claim.
    pub(crate) async fn disclose(
        &self,
        entry: EntryId,
        claim: u16,
        output: &Path,
    ) -> anyhow::Result<()> {
        let disclosure = disclose(&self.node, self.manifest.schema(), entry, claim).await?;
        disclosure
            .write(output)
            .with_context(|| output.display().to_string())
    }

    /// Writes every receipt of the node into a directory; answers how many.
    pub(crate) async fn write_receipts(&self, directory: &Path) -> anyhow::Result<usize> {
        fs::create_dir_all(directory)?;
        let receipts = self.node.store().receipts(self.node.scale()).await?;
        for (entry, receipt) in &receipts {
            fs::write(
                directory.join(format!("{}.receipt", &entry.to_hex()[..16])),
                receipt,
            )?;
        }
        Ok(receipts.len())
    }

    async fn status(&self, receipts: Option<&Path>) -> anyhow::Result<()> {
        let (store, scale) = (self.node.store(), self.node.scale());
        let counts = store.counts(scale).await?;
        println!("scale       {scale}");
        println!("subjects    {}", thousands(counts.subjects));
        println!(
            "claims      {} waiting, {} on the ledger, {} refused",
            counts.ingested, counts.acknowledged, counts.refused
        );
        println!(
            "batches     {} to prove, {} in the outbox, {} on the ledger, {} refused",
            counts.formed, counts.outbox, counts.acknowledged_batches, counts.refused_batches
        );
        for (entry, refusal) in store.refusals(scale).await? {
            println!("refused     {entry}: {refusal}");
        }
        if let Some(directory) = receipts {
            let written = self.write_receipts(directory).await?;
            println!("receipts    {written} in {}", directory.display());
        }
        Ok(())
    }
}

fn print(summary: &RunSummary) {
    let (rows, ingest) = (&summary.reading, &summary.ingest);
    println!(
        "{} rows read, {} rejected; {} new claims taken in, {} known, {} not taken",
        thousands(rows.rows),
        thousands(rows.rejected),
        ingest.ingested,
        ingest.known,
        ingest.untaken.len()
    );
    for group in &summary.refused_groups {
        println!("refused: {group}");
    }
    for untaken in &ingest.untaken {
        println!("not taken: {untaken}");
    }
    println!(
        "{} proofs over {} claims in {}; {} batches acknowledged",
        summary.proved.proofs,
        summary.proved.claims,
        screen::seconds(summary.proved.elapsed),
        summary.submitted.acknowledged
    );
    for (entry, fault) in &summary.submitted.refused {
        println!("REFUSED {entry}: {fault}");
    }
}

/// One bar at a time, by the phase that the last event is of.
#[derive(Default)]
struct Bars(std::sync::Mutex<Option<(&'static str, ProgressBar)>>);

impl Bars {
    fn show(&self, event: Event) {
        let (phase, done, total) = match event {
            Event::Formed { done, total } => ("forming batches", done, total),
            Event::Proved { done, total } => ("proving", done, total),
            _ => return,
        };
        let mut bar = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if bar.as_ref().is_none_or(|(shown, _)| *shown != phase) {
            if let Some((_, old)) = bar.take() {
                old.finish_and_clear();
            }
            *bar = Some((phase, screen::progress(total as u64, phase)));
        }
        if let Some((_, bar)) = bar.as_ref() {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
    }

    fn clear(&self) {
        let mut bar = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, bar)) = bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// A generator that may cross threads, seeded by the system.
fn rng() -> rand::rngs::StdRng {
    rand::make_rng()
}

fn unix_millis() -> u64 {
    let age = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}
