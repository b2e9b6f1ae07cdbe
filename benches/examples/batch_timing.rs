//! Measures what one earn batch of 16 claims costs a node on one thread, step by step: `cargo run
//! --release -p merits-bench --features timing --example batch_timing`
#![allow(clippy::print_stdout, reason = "an example prints for people")]

use std::time::{Duration, Instant};

use merits_ledger::{Groth16Keys, MemoryStore, Sequencer, State, Submission};
use merits_ledger_fixture::{Federation, START};
use merits_verifier::{Verified, codec::Canonical};
use rand::{SeedableRng, rngs::StdRng};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = StdRng::seed_from_u64(3);
    let federation = Federation::generate(&mut rng)?;
    let state = State::new(federation.policy());
    let mut ledger = Sequencer::new(state, MemoryStore::new(), federation.signer());
    for (index, entry) in (0u64..).zip(federation.founding_entries(&mut rng)) {
        ledger.submit(&entry.to_bytes(), START + Duration::from_millis(index))?;
    }
    let state = ledger.state();
    let entry = federation.earn(state, 16, &mut rng)?.to_bytes();
    println!("a batch of 16 claims               {:8} bytes", entry.len());

    let parse = best(|| Submission::parse(&entry, &federation.origin).is_ok());
    println!("parse, every point and number      {parse:8.3} ms");
    let submission = Submission::parse(&entry, &federation.origin)?;
    let authenticate = best(|| state.authenticate(submission.clone()).is_ok());
    println!("17 signatures                      {authenticate:8.3} ms");
    let job = best(|| state.job(&submission).is_ok());
    println!("statement from the state           {job:8.3} ms");
    let job = state.job(&submission)?.ok_or("a batch has a proof")?;
    let job = job.groth16()?;
    let key = Groth16Keys::new().get(state, &job.key)?;
    let verify = best(|| Verified::check(&key, job.statement.clone(), &job.proof).is_ok());
    println!("statement checks and proof, alone  {verify:8.3} ms");
    let verified = Verified::check(&key, job.statement, &job.proof)?.into();
    let authentic = state.authenticate(submission)?;
    let check = best(|| {
        state
            .check(
                &authentic,
                START + Duration::from_millis(100),
                Some(&verified),
            )
            .is_ok()
    });
    println!("all rules (the sequencer's part)   {check:8.3} ms");
    let digest = best(|| state.digest().is_ok());
    println!("digest of this small state         {digest:8.3} ms");
    Ok(())
}

/// The best of several runs, in milliseconds: other load on the machine can only add time.
fn best(mut run: impl FnMut() -> bool) -> f64 {
    (0..25)
        .map(|_| {
            let start = Instant::now();
            assert!(run(), "the answer is wrong");
            start.elapsed().as_secs_f64() * 1e3
        })
        .fold(f64::INFINITY, f64::min)
}
