//! What a batch of 16 claims costs a node, step by step, and a replay of 64 of them.
//!
//! The durable pace of a whole coordinator is `merits bench --only ledger`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use merits_ledger::{Groth16Keys, MemoryStore, Replay, Sequencer, State, Submission};
use merits_ledger_fixture::{Federation, START};
use merits_verifier::{Verified, codec::Canonical as _};
use rand::{SeedableRng as _, rngs::StdRng};

const BATCHES: usize = 64;

/// The fixture is deterministic: it makes the same things each time.
fn ledger(c: &mut Criterion) {
    let rng = &mut StdRng::seed_from_u64(1);
    let federation = Federation::generate(rng).expect("the fixture's names are good");
    let empty = State::new(federation.policy());
    let mut sequencer = Sequencer::new(empty, MemoryStore::new(), federation.signer());
    let submit = |sequencer: &mut Sequencer<MemoryStore>, entry: &[u8]| {
        sequencer
            .submit(entry, START)
            .expect("the fixture's entries are good");
    };
    for entry in federation.founding_entries(rng) {
        submit(&mut sequencer, &entry.to_bytes());
    }
    let state = sequencer.state().clone();
    let entries: Vec<Vec<u8>> = (0..BATCHES)
        .map(|_| {
            federation
                .earn(&state, 16, rng)
                .expect("the scale is approved")
                .to_bytes()
        })
        .collect();

    let mut group = c.benchmark_group("a batch of 16 claims");
    group.sample_size(20);
    let origin = &federation.origin;
    let parse = |bytes: &[u8]| Submission::parse(bytes, origin).expect("a good entry");
    group.bench_function("decode", |b| b.iter(|| parse(black_box(&entries[0]))));
    let submission = parse(&entries[0]);
    group.bench_function("17 signatures", |b| {
        b.iter(|| state.authenticate(black_box(submission.clone())));
    });
    let job = state.job(&submission).expect("the scale is approved");
    let job = job.expect("a batch has a proof");
    let job = job.groth16().expect("a batch's proof is of Groth16");
    let key = Groth16Keys::new()
        .get(&state, &job.key)
        .expect("the scale's key");
    group.bench_function("proof, alone", |b| {
        b.iter(|| Verified::check(&key, job.statement.clone(), black_box(&job.proof)));
    });
    let authentic = state.authenticate(submission).expect("good signatures");
    let verified = Verified::check(&key, job.statement.clone(), &job.proof);
    let verified = verified.expect("a good proof").into();
    group.bench_function("rules", |b| {
        b.iter(|| state.check(black_box(&authentic), START, Some(&verified)));
    });
    group.finish();

    for entry in &entries {
        submit(&mut sequencer, entry);
    }
    let mut group = c.benchmark_group("replay");
    group.sample_size(10);
    let leaves = sequencer.store().leaves().to_vec();
    group.throughput(Throughput::Elements(leaves.len() as u64));
    group.bench_function(format!("{BATCHES} batches"), |b| {
        b.iter(|| Replay::run(federation.policy(), black_box(&leaves), rng));
    });
    group.finish();
}

criterion_group!(benches, ledger);
criterion_main!(benches);
