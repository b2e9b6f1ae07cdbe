//! Verification on one thread, with as many public inputs as cycling-week has.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use merits_primitives::{Fr, field};
use merits_trapdoor::TrapdoorKey;
use merits_verifier::{
    groth16::{KeyPolicy, PreparedKey, Proof, Provenance, verify, verify_batch},
    statement::earn::input_count,
};
use rand::{SeedableRng as _, rngs::StdRng};

fn verification(c: &mut Criterion) {
    // Curve arithmetic uses all of rayon's threads unless the pool is limited to one, as here. This
    // is the first thing that the process does, so there is no pool yet.
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global();
    one.expect("no other pool was built before");
    let rng = &mut StdRng::seed_from_u64(1);
    let trapdoor = TrapdoorKey::generate(input_count(2, 16), rng);
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = PreparedKey::new(trapdoor.key.clone(), Provenance::InsecureDev, policy);
    let key = key.expect("development keys are allowed here");
    let items: Vec<(Vec<Fr>, Proof)> = (0..256)
        .map(|_| {
            let inputs: Vec<Fr> = (0..input_count(2, 16))
                .map(|_| field::random(rng))
                .collect();
            let proof = trapdoor.prove(&inputs, rng);
            // It fails when a sampled scalar is zero.
            (inputs, proof.expect("a chance of 2^-252"))
        })
        .collect();

    let mut group = c.benchmark_group("verify, 128 public inputs");
    group.sample_size(20);
    let (inputs, proof) = &items[0];
    let bytes = proof.to_bytes();
    group.bench_function("decode", |b| {
        b.iter(|| Proof::from_bytes(black_box(&bytes)))
    });
    group.bench_function("one", |b| b.iter(|| verify(&key, black_box(proof), inputs)));
    group.sample_size(10);
    for size in [16, 256] {
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(format!("batch of {size}"), |b| {
            b.iter_batched(
                || StdRng::from_rng(rng),
                |mut rng| verify_batch(&key, black_box(&items[..size]), &mut rng),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, verification);
criterion_main!(benches);
