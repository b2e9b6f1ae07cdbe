//! A distributor at work: its store, its copy of the log, and the scale as it was approved.

use std::{
    collections::BTreeSet,
    io::BufReader,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use anyhow::{Context as _, ensure};
use indicatif::ProgressBar;
use merits_distributor::{
    config::DistributorConfig,
    consents::Consents,
    depositing::{DepositReport, deposit_tickets},
    disclosing::{Ground, disclose},
    ingest::Ingestion,
    links::{TicketLinks, write_links},
    net::CoordinatorPort,
    node::Node,
    outbox::Patience,
    pool::ProverPool,
    progress::Event,
    publishing::{Published, admitted_name, published},
    run::{Run, run},
    store::{Imported, TicketCounts},
    summary::RunSummary,
    terms::{TermsReader, latest_version, source_key},
    tickets::{Importer, TicketFault},
};
use merits_guard::{
    input,
    output::{Kind, Output, Readers},
};
use merits_ledger::entry::OpeningContent;
use merits_params::{keystore::KeyStore, manifest::Manifest, terms::TermsDocument};
use merits_party::{
    lookup::{find_entry, find_party},
    stop_signal, unix_millis,
};
use merits_primitives::ids::{EntryId, PartyId, Period, ScaleId};
use merits_records::{
    Plan,
    bundle::{FileKind as _, Links},
    handover::{Handover as _, TicketFile},
};
use merits_replica::Follower;
use merits_sealing::SealingKey;
use merits_supervisor::request::RequestFile;
use merits_verifier::groth16::KeyPolicy;

use super::{
    super::source,
    RunArguments,
    cabinet::{self, Cabinet},
};
use crate::screen;

/// A distributor's node with its copy of the log and the approved scale.
pub(crate) struct Station {
    config: DistributorConfig,
    follower: Follower,
    manifest: Manifest,
    node: Node,
    sealing: SealingKey,
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
            Manifest::from_approved(&approved.manifest)?
        };
        let (node, sealing) = Cabinet::open(&config).await?.into_node();
        node.store()
            .note_vouched(node.scale(), manifest.vouched())
            .await?;
        Ok(Self {
            config,
            follower,
            manifest,
            node,
            sealing,
        })
    }

    /// Folds the store in, whatever came before; the first failure is told. Nothing can be done with the
    /// station afterwards.
    pub(crate) async fn close<T>(&self, done: anyhow::Result<T>) -> anyhow::Result<T> {
        cabinet::closed(self.node.store(), done).await
    }

    /// Whether claims need tickets on this ledger.
    pub(crate) fn has_tickets(&self) -> anyhow::Result<bool> {
        Ok(self.follower.replica().state()?.policy().tickets)
    }

    /// Whether the distributor vouches whose records these are.
    pub(super) fn vouched(&self) -> bool {
        self.manifest.vouched()
    }

    /// The terms that stand on the ledger: digests and entries.
    pub(super) fn published_terms(&self) -> anyhow::Result<Vec<([u8; 32], EntryId)>> {
        let replica = self.follower.replica();
        let (party, scale) = (self.node.party(), self.node.scale());
        let terms = published(replica.state()?, &party, scale);
        Ok(terms.map(|(digest, entry)| (*digest, entry)).collect())
    }

    /// Writes terms to begin with; a file that is there is not touched.
    pub(crate) fn write_terms(&self, output: &Path) -> anyhow::Result<()> {
        let party = self.node.party();
        let text = {
            let replica = self.follower.replica();
            let name = admitted_name(replica.state()?, &party)?;
            TermsDocument::template(&party, name, &self.manifest)
        };
        Ok(Output::write(output, TERMS, text.as_bytes())?)
    }

    /// Publishes terms.
    pub(crate) async fn publish_terms(&self, input: &Path) -> anyhow::Result<Published> {
        let text = merits_text::file::read(input).with_context(|| input.display().to_string())?;
        let state = self.follower.replica().state()?.clone();
        let port = CoordinatorPort::new(self.follower.client());
        let published = self
            .node
            .publish_terms(&text, &self.manifest, &state, &port)
            .await
            .with_context(|| input.display().to_string())?;
        Ok(published)
    }

    /// Takes a ticket in, checked by the ledger's state.
    pub(crate) async fn import_tickets(
        &self,
        files: &[std::path::PathBuf],
        said: &mut dyn FnMut(&Path, Result<Imported, TicketFault>),
    ) -> anyhow::Result<()> {
        let state = self.follower.replica().state()?.clone();
        let secret = self.sealing.to_bytes();
        let mut importer = Importer::new(&self.node, &state, &secret);
        let (now, rng) = (unix_millis(), &mut rng());
        for path in files {
            let outcome = match TicketFile::read(path) {
                Ok(file) => importer.import(&file, now, rng).await,
                Err(error) => Err(error.into()),
            };
            said(path, outcome);
        }
        Ok(())
    }

    /// Deposits every ticket that waits for it.
    pub(crate) async fn deposit(&self) -> anyhow::Result<DepositReport> {
        let port = CoordinatorPort::new(self.follower.client());
        Ok(deposit_tickets(&self.node, &port, Patience::default()).await?)
    }

    /// The node's tickets by state.
    pub(crate) async fn tickets(&self) -> anyhow::Result<TicketCounts> {
        Ok(self.node.store().ticket_counts(self.node.scale()).await?)
    }

    /// Writes the pseudonyms that people's tickets give, for a source that cannot link people.
    pub(crate) async fn ticket_links(
        &self,
        source: &str,
        output: &Path,
    ) -> anyhow::Result<TicketLinks> {
        ensure!(
            self.manifest.vouched(),
            "the sources of {} link people themselves (`merits source link`): only for a scale that \
             is marked `vouched` does the distributor say whose accounts these are",
            self.node.scale()
        );
        let source = find_party(&self.follower.replica(), source)?;
        let store = self.node.store();
        let handles = store.ticket_handles(self.node.scale(), &source).await?;
        let links = TicketLinks::new(handles);
        let mut file = Output::begin(output, Links::KIND)?;
        links.write(self.node.origin(), &source, &mut file)?;
        file.publish()?;
        Ok(links)
    }

    /// An entry of the ledger, by its id or the beginning of it.
    pub(crate) fn find_entry(&self, text: &str) -> anyhow::Result<EntryId> {
        Ok(find_entry(&self.follower.replica(), text)?)
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
        let mut file = Output::begin(output, Links::KIND)?;
        write_links(
            self.node.custody(),
            self.node.origin(),
            &source,
            &subjects,
            &mut file,
        )?;
        file.publish()?;
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
            custody: (!self.has_tickets()?).then(|| self.node.custody()),
            store: self.node.store(),
        };
        let file =
            input::open_stream(bundle).with_context(|| format!("bundle {}", bundle.display()))?;
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
        if self.has_tickets()? {
            summary.deposits = self.deposit().await?;
            // The own copy must show what was just deposited, and what people took back.
            self.follower.sync().await?;
        }
        let pool = self.prover().await?;
        let port = CoordinatorPort::new(self.follower.client());
        let state = self.follower.replica().state()?.clone();
        let (scale, party) = (self.node.scale().clone(), self.node.party());
        let now = unix_millis();
        let reader = TermsReader::new(state.clone(), scale, party, now)?;
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
            consents: Consents::of(&state, now),
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
        let (width, tables) = (self.config.prover.width(), self.config.prover.tables());
        let load = move || {
            ProverPool::load(&manifest, &store, policy, width, tables).map_err(anyhow::Error::from)
        };
        let pool = tokio::task::spawn_blocking(load).await??;
        bar.finish_and_clear();
        Ok(pool)
    }

    /// Writes what opens one claim: for the supervisor whose request file this is, or for the
    /// person.
    pub(crate) async fn disclose(
        &self,
        entry: EntryId,
        claim: u16,
        request: Option<&Path>,
        output: &Path,
    ) -> anyhow::Result<()> {
        let shown = request.map(read_request).transpose()?;
        let ground = match &shown {
            Some((id, content)) => Ground::Request { id: *id, content },
            None => Ground::Person,
        };
        let state = self.follower.replica().state()?.clone();
        let schema = self.manifest.schema();
        let disclosure = disclose(&self.node, &state, schema, (entry, claim), ground).await?;
        Ok(disclosure.write(output)?)
    }

    /// Writes every receipt of the node into a directory; answers how many.
    pub(crate) async fn write_receipts(&self, directory: &Path) -> anyhow::Result<usize> {
        cabinet::write_receipts(self.node.store(), self.node.scale(), directory).await
    }
}

/// The request's id and content, out of the file that the supervisor keeps.
fn read_request(path: &Path) -> anyhow::Result<(EntryId, OpeningContent)> {
    let at = || format!("request file {}", path.display());
    let file = RequestFile::read(path).with_context(at)?;
    let id = file
        .request_id()
        .context("no id of a request")
        .with_context(at)?;
    let content = file
        .content()
        .context("no entry or nonce")
        .with_context(at)?;
    Ok((id, content))
}

/// The kind of a new terms document: everybody reads it, and it replaces none.
pub(super) const TERMS: Kind<'static> = Kind::new("a template of terms", Readers::Everybody);

const FORMING: &str = "forming batches";
const PROVING: &str = "proving";

/// One bar at a time: of forming, until the first proof is there, then of proving.
#[derive(Default)]
struct Bars(std::sync::Mutex<Option<(&'static str, ProgressBar)>>);

impl Bars {
    fn show(&self, event: Event) {
        let (phase, done, total) = match event {
            Event::Formed { done, total } => (FORMING, done, total),
            Event::Proved { done, total } => (PROVING, done, total),
            _ => return,
        };
        let mut bar = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let shown = bar.as_ref().map(|(phase, _)| *phase);
        // Forming goes on ahead of the proofs.
        if shown == Some(PROVING) && phase == FORMING {
            return;
        }
        if shown != Some(phase) {
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
