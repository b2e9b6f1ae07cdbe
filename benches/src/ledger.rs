//! Measures 5 and 6: the coordinator's durable pace, and a replica that verifies what it made.
//!
//! Batches are the ledger fixture's: real signatures, ciphertexts and proof equations, with
//! proofs made from a trapdoor, so that the ledger is measured and not the prover.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use merits_coordinator::{Clock, Config, Coordinator, SystemClock};
use merits_ledger::{Groth16Keys, MemoryStore, Sequencer, State, Submission};
use merits_ledger_fixture::{CAPACITY, Federation, START};
use merits_proto::{
    ledger::{SubmitManyRequest, ledger_client::LedgerClient, submit_many_response::Outcome},
    limits::{LEDGER_ANSWER_MESSAGE, LEDGER_REQUEST_MESSAGE},
};
use merits_replica::{Client, Follower, Replica};
use merits_verifier::{Verified, codec::Canonical as _, entry::SignedEntry};
use rand::{SeedableRng as _, rngs::StdRng};
use rayon::prelude::*;
use tonic::transport::Channel;

use super::{
    Effort,
    machine::{Watch, processor_time},
    sampling::{Samples, ms, timed},
    table::{Table, percent},
};
use crate::screen::{thousands, working};

/// How many times the pace is measured, each time on a fresh ledger.
const RUNS: usize = 3;
/// Batches that are submitted one at a time, for the latency.
const ALONE: usize = 20;

const CLAIMS: usize = CAPACITY as usize;

pub(super) async fn measure(table: &mut Table, effort: &Effort) -> anyhow::Result<()> {
    let bar = working("ledger: making batches");
    let rehearsal = Rehearsal::new(effort.batches)?;
    let directory = tempfile::tempdir_in(&effort.data_dir)?;

    bar.set_message("ledger: submitting");
    let mut runs = Vec::new();
    let mut shares = Vec::new();
    let mut syncs = Vec::new();
    let mut reopened = Vec::new();
    let mut following_processor = Vec::new();
    let mut alone = Vec::new();
    for run in 0..if effort.quick { 1 } else { RUNS } {
        let place = directory.path().join(run.to_string());
        let node = rehearsal.node(&place.join("node")).await?;
        let watch = Watch::start();
        runs.push(submit_all(&node, &rehearsal.entries).await?);
        shares.extend(watch.shares());
        let following = processor_time();
        let (sync, reopen) = rehearsal.follow(&node, &place.join("replica")).await?;
        following_processor.push(processor_time().saturating_sub(following));
        syncs.push(sync);
        reopened.push(reopen);
        if run == 0 {
            alone = rehearsal.alone(&node).await?;
        }
        node.shutdown().await?;
    }
    bar.set_message("ledger: one thread, step by step");
    let steps = rehearsal.steps()?;
    bar.finish_and_clear();

    let batches = rehearsal.entries.len();
    let last = runs.last().map_or(0.0, |run| run.as_secs_f64() * 1e3) / batches as f64;
    let runs = Samples::of(runs).each(batches);
    let pace = |each: &Samples| 1e3 / each.median();
    table.section(&format!(
        "Coordinator and client on {} cores: {} ready batches of {CLAIMS} claims, gRPC, SQLite in {}",
        effort.threads,
        thousands(batches as u64),
        effort.data_dir.display()
    ));
    let claims = pace(&runs) * CLAIMS as f64;
    table.row(
        "durable pace",
        format!("{claims:.0} claims/s"),
        format!("{} a batch, {}", ms(runs.median()), runs.range()),
        format!("{:.0} batches/s", pace(&runs)),
    );
    table.time(
        "a batch alone, until its receipt is verified",
        &Samples::of(alone),
    );
    for (name, time) in &steps.parts {
        table.row(format!("  one thread, a batch: {name}"), ms(*time), "", "");
    }
    if let Some(&(own, others)) = shares.last() {
        let cores = effort.threads as f64;
        let processor = own * cores * last;
        table.row(
            "processor time a batch, coordinator and client",
            ms(processor),
            format!("{} of all cores; others {}", percent(own), percent(others)),
            format!(
                "allows {:.0} claims/s",
                cores * 1e3 / processor * CLAIMS as f64
            ),
        );
        table.fact("bound by", steps.bound(processor, own + others));
    }

    let leaves = batches + rehearsal.founding.len();
    table.section("Replica: every signature, rule and proof checked again");
    for (what, times) in [
        ("follows over gRPC", syncs),
        ("opens its own copy", reopened),
    ] {
        let each = Samples::of(times).each(leaves);
        table.row(
            what,
            format!("{:.0} leaves/s", pace(&each)),
            format!("{} a leaf, {}", ms(each.median()), each.range()),
            format!("{:.0} claims/s", pace(&each) * CLAIMS as f64),
        );
    }
    let each = Samples::of(following_processor).each(leaves).median();
    table.row(
        "processor time a leaf, coordinator and replica, followed and opened",
        ms(each),
        "",
        format!("allows {:.0} leaves/s", effort.threads as f64 * 1e3 / each),
    );
    Ok(())
}

/// A federation, and batches that its ledger will accept.
struct Rehearsal {
    federation: Federation,
    state: State,
    founding: Vec<SignedEntry>,
    entries: Vec<SignedEntry>,
    alone: Vec<SignedEntry>,
}

impl Rehearsal {
    fn new(batches: usize) -> anyhow::Result<Self> {
        let mut rng = StdRng::seed_from_u64(5);
        let federation = Federation::generate(&mut rng)?;
        let founding = federation.founding_entries(&mut rng);
        let empty = State::new(federation.policy());
        let mut sequencer = Sequencer::new(empty, MemoryStore::new(), federation.signer());
        for entry in &founding {
            sequencer.submit(&entry.to_bytes(), START)?;
        }
        let state = sequencer.state().clone();
        let seeds: Vec<StdRng> = (0..batches + ALONE)
            .map(|_| StdRng::from_rng(&mut rng))
            .collect();
        let mut entries = seeds
            .into_par_iter()
            .map(|mut rng| Ok(federation.earn(&state, CLAIMS, &mut rng)?))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let alone = entries.split_off(batches);
        Ok(Self {
            federation,
            state,
            founding,
            entries,
            alone,
        })
    }

    /// A coordinator with the founding entries appended.
    async fn node(&self, directory: &Path) -> anyhow::Result<Coordinator> {
        start(
            &self.federation,
            Arc::new(SystemClock),
            directory,
            &self.founding,
        )
        .await
    }

    /// Batches one after the other, each until its receipt is verified.
    async fn alone(&self, node: &Coordinator) -> anyhow::Result<Vec<Duration>> {
        let mut client = client(node).await?;
        let mut times = Vec::with_capacity(self.alone.len());
        for entry in &self.alone {
            let start = Instant::now();
            client.submit(entry).await?;
            times.push(start.elapsed());
        }
        Ok(times)
    }

    /// A new replica fetches and verifies everything, and then opens its own copy again.
    async fn follow(
        &self,
        node: &Coordinator,
        directory: &Path,
    ) -> anyhow::Result<(Duration, Duration)> {
        let open = || {
            let key = node.log_key().clone();
            Replica::open(directory, key, self.federation.policy(), &mut rand::rng())
        };
        let follower = Follower::new(client(node).await?, open()?);
        let start = Instant::now();
        let progress = follower.sync().await?;
        let sync = start.elapsed();
        let leaves = (self.founding.len() + self.entries.len()) as u64;
        ensure!(
            progress.to == leaves,
            "the replica has {} leaves",
            progress.to
        );
        drop(follower);
        // On this thread alone, while nothing else is running.
        let (replica, reopen) = timed(|| Ok(open()?))?;
        ensure!(
            replica.size() == leaves,
            "the copy has {} leaves",
            replica.size()
        );
        Ok((sync, reopen))
    }

    /// The cost of one batch on one thread, step by step, measured over a group of batches.
    fn steps(&self) -> anyhow::Result<Steps> {
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
        one.install(|| self.steps_here())
    }

    fn steps_here(&self) -> anyhow::Result<Steps> {
        let sample: Vec<_> = self
            .entries
            .iter()
            .take(256)
            .map(|e| e.to_bytes())
            .collect();
        let origin = &self.federation.origin;
        let each = |took: Duration| took.as_secs_f64() * 1e3 / sample.len() as f64;
        let (submissions, decode) = timed(|| {
            let parse = |bytes: &Vec<u8>| Ok(Submission::parse(bytes, origin)?);
            sample.iter().map(parse).collect::<anyhow::Result<Vec<_>>>()
        })?;
        let (authentic, signatures) = timed(|| {
            let check = |submission| Ok(self.state.authenticate(submission)?);
            submissions
                .into_iter()
                .map(check)
                .collect::<anyhow::Result<Vec<_>>>()
        })?;
        let (jobs, statement) = timed(|| {
            let job = |authentic: &merits_ledger::Authentic| {
                let job = self.state.job(authentic.submission())?;
                Ok(job.context("a batch has a proof")?.groth16()?)
            };
            authentic
                .iter()
                .map(job)
                .collect::<anyhow::Result<Vec<_>>>()
        })?;
        let digest = jobs.first().context("no batch")?.key;
        let key = Groth16Keys::new().get(&self.state, &digest)?;
        let items = jobs
            .into_iter()
            .map(|job| (job.statement, job.proof))
            .collect();
        let (verified, proof) = timed(|| {
            let answers = Verified::check_batch(&key, items, &mut rand::rng());
            let answers = answers.into_iter().map(|answer| Ok(answer?.into()));
            answers.collect::<anyhow::Result<Vec<merits_ledger::VerifiedProof>>>()
        })?;
        let rules = timed(|| {
            for (authentic, verified) in authentic.iter().zip(&verified) {
                let _effects = self.state.check(
                    authentic,
                    START + Duration::from_millis(1),
                    Some(verified),
                )?;
            }
            Ok(())
        })?
        .1;
        Ok(Steps {
            parts: [
                ("decode, points and numbers checked", each(decode)),
                ("17 signatures", each(signatures)),
                ("statement from the ledger's state", each(statement)),
                ("proof, in a group", each(proof)),
                ("rules, by the sequencer", each(rules)),
            ],
        })
    }
}

/// Milliseconds for one batch.
struct Steps {
    parts: [(&'static str, f64); 5],
}

impl Steps {
    /// What limits the pace, from the processor time of a batch and the share of time in which the
    /// cores were busy with anything.
    fn bound(&self, processor: f64, busy: f64) -> String {
        if busy < 0.85 {
            return format!(
                "waiting for the disk: the cores were idle {} of the time",
                percent(1.0 - busy)
            );
        }
        let checks: f64 = self.parts[..4].iter().map(|(_, time)| time).sum();
        let largest = self.parts.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let (name, time) = largest.copied().unwrap_or_default();
        format!(
            "processor: checks {} of its time, {name} {}; the rest is gRPC, receipts, SQLite, client",
            percent(checks / processor),
            percent(time / processor)
        )
    }
}

/// A coordinator of the federation's ledger, with these entries appended.
pub(super) async fn start(
    federation: &Federation,
    clock: Arc<dyn Clock>,
    directory: &Path,
    founding: &[SignedEntry],
) -> anyhow::Result<Coordinator> {
    std::fs::create_dir_all(directory)?;
    let policy = federation.policy();
    let listen = ([127, 0, 0, 1], 0).into();
    let (data, mark) = (directory.join("data"), directory.join("ledger.mark"));
    let node = Coordinator::found(Config::new(&policy, listen, data, mark), clock).await?;
    let mut client = client(&node).await?;
    for entry in founding {
        client.submit(entry).await?;
    }
    Ok(node)
}

/// Sends all entries in one stream, and waits for the last receipt.
pub(super) async fn submit_all(
    node: &Coordinator,
    entries: &[SignedEntry],
) -> anyhow::Result<Duration> {
    submit_all_to(address(node), entries).await
}

/// The same, to the coordinator at this address.
pub(super) async fn submit_all_to(
    address: String,
    entries: &[SignedEntry],
) -> anyhow::Result<Duration> {
    let channel = Channel::from_shared(address)?.connect().await?;
    let mut ledger = LedgerClient::new(channel)
        .max_decoding_message_size(LEDGER_ANSWER_MESSAGE)
        .max_encoding_message_size(LEDGER_REQUEST_MESSAGE);
    let requests: Vec<_> = (0u64..)
        .zip(entries)
        .map(|(tag, entry)| SubmitManyRequest {
            tag,
            entry: entry.to_bytes(),
        })
        .collect();
    let start = Instant::now();
    let stream = tokio_stream::iter(requests);
    let mut answers = ledger.submit_many(stream).await?.into_inner();
    let mut accepted = 0;
    while let Some(answer) = answers.message().await? {
        match answer.outcome {
            Some(Outcome::Accepted(_)) => accepted += 1,
            other => bail!("the coordinator refused an entry: {other:?}"),
        }
    }
    let took = start.elapsed();
    ensure!(
        accepted == entries.len(),
        "{accepted} entries were acknowledged"
    );
    Ok(took)
}

async fn client(node: &Coordinator) -> anyhow::Result<Client> {
    Ok(Client::connect(&address(node), node.log_key().clone()).await?)
}

fn address(node: &Coordinator) -> String {
    format!("http://{}", node.address())
}
