//! Measures what entries about people cost a node on one thread, step by step, and what the note
//! tree adds to a batch: `cargo run --release -p merits-bench --features timing --example
//! people_timing`
#![allow(clippy::print_stdout, reason = "an example prints for people")]

use std::time::{Duration, Instant};

use merits_ledger::{Groth16Keys, State, Submission};
use merits_ledger_fixture::{Citizen, Redeeming, Stage};
use merits_primitives::{
    Fr,
    calendar::Timestamp,
    ids::Credits,
    note_tree::{NoteCommitment, NoteFrontier},
};
use merits_verifier::{Verified, codec::Canonical, entry::SignedEntry};
use rand::{SeedableRng, rngs::StdRng};

/// Entries of a kind.
const COUNT: u64 = 256;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let mut stage = Stage::new(StdRng::seed_from_u64(9))?;
    stage.earner(&Citizen::new(1))?;
    let offer = stage.offer(Credits(30), u32::MAX)?;
    let at = Redeeming::new(
        offer,
        &stage.federation.exchange,
        stage.time + Duration::from_secs(2),
    );
    let state = stage.ledger.state();
    let deposits = stage.federation.deposits(state, COUNT, &mut stage.rng)?;
    let redemptions = stage
        .federation
        .redemptions(state, COUNT, &at, &mut stage.rng)?;
    measure("deposits of tickets", state, &deposits, at.time)?;
    measure("redemptions", state, &redemptions, at.time)?;

    let mut tree = NoteFrontier::new();
    let notes: Vec<NoteCommitment> = (1..=16_384u64)
        .map(|note| NoteCommitment(Fr::from(note)))
        .collect();
    let start = Instant::now();
    assert!(notes.iter().all(|note| tree.push(*note)), "there is room");
    let each = start.elapsed().as_secs_f64() * 1e6 / notes.len() as f64;
    println!(
        "the note tree: {each:.1} µs a note, {:.0} µs a batch of 16",
        16.0 * each
    );
    let start = Instant::now();
    let root = tree.root();
    println!(
        "its root, once an anchor: {:.0} µs ({root})",
        start.elapsed().as_secs_f64() * 1e6
    );
    Ok(())
}

fn measure(what: &str, state: &State, entries: &[SignedEntry], time: Timestamp) -> Outcome<()> {
    let sample: Vec<Vec<u8>> = entries.iter().map(|entry| entry.to_bytes()).collect();
    let each = |took: Duration| took.as_secs_f64() * 1e6 / sample.len() as f64;
    println!("{what}: {} bytes an entry", sample[0].len());
    let start = Instant::now();
    let submissions: Vec<_> = sample
        .iter()
        .map(|bytes| Submission::parse(bytes, state.origin()))
        .collect::<Result<_, _>>()?;
    println!(
        "  decode                   {:8.1} µs",
        each(start.elapsed())
    );
    let start = Instant::now();
    let authentic: Vec<_> = submissions
        .into_iter()
        .map(|submission| state.authenticate(submission))
        .collect::<Result<_, _>>()?;
    println!(
        "  signature                {:8.1} µs",
        each(start.elapsed())
    );
    let start = Instant::now();
    let mut jobs = Vec::with_capacity(authentic.len());
    for entry in &authentic {
        if let Some(job) = state.job(entry.submission())? {
            jobs.push(job.groth16()?);
        }
    }
    println!(
        "  statement from the state {:8.1} µs",
        each(start.elapsed())
    );
    let key = Groth16Keys::new().get(state, &jobs[0].key)?;
    let items = jobs.into_iter().map(|job| (job.statement, job.proof));
    let start = Instant::now();
    let answers = Verified::check_batch(&key, items.collect(), &mut rand::rng());
    println!(
        "  proof, in a group of {COUNT} {:8.1} µs",
        each(start.elapsed())
    );
    let verified: Vec<merits_ledger::VerifiedProof> = answers
        .into_iter()
        .map(|answer| Ok(answer?.into()))
        .collect::<Result<_, merits_verifier::VerifyError>>()?;
    // On one state, then one after the other.
    let start = Instant::now();
    for (entry, verified) in authentic.iter().zip(&verified) {
        let _effects = state.check(entry, time, Some(verified))?;
    }
    println!(
        "  rules, by the sequencer  {:8.1} µs",
        each(start.elapsed())
    );
    let mut state = state.clone();
    let start = Instant::now();
    for (entry, verified) in authentic.iter().zip(&verified) {
        let effects = state.check(entry, time, Some(verified))?;
        state.commit(&effects)?;
    }
    println!(
        "  rules and commit         {:8.1} µs",
        each(start.elapsed())
    );
    Ok(())
}
