//! Measures the coordinator's durable pace: prepared batches of 16 claims go in over gRPC on
//! loopback, receipts come out, and every entry is on stable storage.
//!
//! `cargo run --release -p merits-bench --features timing --example pace -- [batches] [directory]`
//!
//! The directory decides which disk is measured; the default is the system's temporary one. The
//! proofs come from the fixture's trapdoor: real proofs of the real number of inputs for verification,
//! made without a prover.
#![allow(clippy::print_stdout, reason = "a program prints for people")]

#[path = "../../coordinator/tests/it/federation/mod.rs"]
mod federation;

use std::{path::PathBuf, time::Instant};

use federation::{Founding, Node};
use merits_coordinator::fsck;
use merits_ledger::{Groth16Keys, Submission};
use merits_verifier::{Verified, codec::Canonical as _, entry::SignedEntry};

/// Claims of a batch.
const CLAIMS: usize = 16;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let batches: usize = arguments.next().map_or(Ok(2_000), |n| n.parse())?;
    let parent = arguments
        .next()
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(parent)?;

    let mut founding = Founding::new(50);
    let config = founding.config(dir.path());
    let mut node = Node::founded(&founding, config.clone()).await;
    let start = Instant::now();
    let entries: Vec<SignedEntry> = (0..batches).map(|_| founding.earn(CLAIMS)).collect();
    println!(
        "made {batches} batches of {CLAIMS} claims in {:.1} s",
        start.elapsed().as_secs_f64()
    );

    parts(&founding, &entries)?;

    let seconds = node.client.pace(&entries).await;
    println!(
        "durable pace: {:.0} batches/s, {:.0} claims/s ({batches} batches in {seconds:.2} s)",
        batches as f64 / seconds,
        (batches * CLAIMS) as f64 / seconds,
    );
    node.coordinator.shutdown().await?;

    let start = Instant::now();
    let again = Node::start(config.clone()).await;
    println!(
        "restart with full replay: {:.2} s",
        start.elapsed().as_secs_f64()
    );
    again.coordinator.shutdown().await?;
    let start = Instant::now();
    let report = fsck(&config, &mut rand::rng()).await?;
    println!("fsck: {:.2} s: {report}", start.elapsed().as_secs_f64());
    Ok(())
}

/// Measures what one batch costs one thread, step by step, which shows what limits the pace.
fn parts(founding: &Founding, entries: &[SignedEntry]) -> Result<(), Box<dyn std::error::Error>> {
    let sample = entries.get(..entries.len().min(256)).unwrap_or(entries);
    let sample: Vec<Vec<u8>> = sample.iter().map(SignedEntry::to_bytes).collect();
    let (state, origin) = (&founding.state, &founding.federation.origin);
    let each = |start: Instant| start.elapsed().as_secs_f64() * 1e3 / sample.len() as f64;

    let start = Instant::now();
    let submissions: Vec<Submission> = sample
        .iter()
        .map(|bytes| Submission::parse(bytes, origin))
        .collect::<Result<_, _>>()?;
    println!(
        "  decode, points checked      {:.3} ms a batch",
        each(start)
    );

    let start = Instant::now();
    let authentic: Vec<_> = submissions
        .into_iter()
        .map(|submission| state.authenticate(submission))
        .collect::<Result<_, _>>()?;
    println!("  signatures                  {:.3} ms", each(start));

    let start = Instant::now();
    let jobs: Vec<_> = authentic
        .iter()
        .map(|authentic| state.job(authentic.submission()))
        .collect::<Result<_, _>>()?;
    println!("  statement from the state    {:.3} ms", each(start));

    let jobs = jobs.into_iter().flatten().map(merits_ledger::Job::groth16);
    let jobs = jobs.collect::<Result<Vec<_>, _>>()?;
    let digest = jobs.first().ok_or("no batch")?.key;
    let key = Groth16Keys::new().get(state, &digest)?;
    let items = jobs
        .into_iter()
        .map(|job| (job.statement, job.proof))
        .collect();
    let start = Instant::now();
    let answers = Verified::check_batch(&key, items, &mut rand::rng());
    println!(
        "  proof, in a batch of {:<3}    {:.3} ms",
        sample.len(),
        each(start)
    );

    let verified: Vec<merits_ledger::VerifiedProof> = answers
        .into_iter()
        .map(|answer| Ok(answer?.into()))
        .collect::<Result<_, merits_verifier::VerifyError>>()?;
    let time = merits_ledger_fixture::START + std::time::Duration::from_millis(1);
    let start = Instant::now();
    for (authentic, verified) in authentic.iter().zip(&verified) {
        let _effects = state.check(authentic, time, Some(verified))?;
    }
    println!("  rules, by the sequencer     {:.3} ms", each(start));
    Ok(())
}
