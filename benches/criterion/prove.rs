//! Proofs: a small chain, and the shipped earn batch of real weeks.
//!
//! The comparison with other provers, in turns, is `merits bench --only prover`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use merits_bench::cases::Case;
use merits_bench_circuits::{multiplication_chain, multiplication_chain_inputs};
use merits_circuits::{
    builder::Circuit,
    prover::{CircomProver, Prover as _, SimdProver},
};
use merits_params::{keystore::KeyStore, zkey::Zkey};
use merits_primitives::Fr;
use merits_verifier::groth16::KeyPolicy;
use rand::{SeedableRng as _, rngs::StdRng};

const SMALL: usize = 4_000;

fn proofs(c: &mut Criterion) {
    let rng = &mut StdRng::seed_from_u64(1);
    let mut group = c.benchmark_group("prove");
    group.sample_size(10);

    let chain = multiplication_chain(SMALL);
    let inputs = multiplication_chain_inputs(SMALL, Fr::from(3u64), Fr::from(5u64));
    // These inputs were made for this circuit.
    let wires = chain.program.run(&inputs).expect("the chain has a witness");
    let prover = SimdProver::new(key(&chain, rng)).expect("a key of this circuit");
    group.bench_function(format!("chain of {SMALL}"), |b| {
        b.iter(|| prover.prove(black_box(&wires), rng));
    });

    // The shipped scale and data. Without a case made from them, there is nothing to measure.
    let case = Case::shipped(rng).expect("the shipped scale and trips");
    let wires = case.assignment().expect("real weeks have a witness");
    let zkey = key(case.circuit.circuit(), rng);
    let prover = SimdProver::new(zkey.clone()).expect("a key of this circuit");
    group.bench_function("earn, 16 claims", |b| {
        b.iter(|| prover.prove(black_box(&wires), rng));
    });
    let peer = CircomProver::new(zkey);
    group.bench_function("earn, 16 claims, by taceo-groth16", |b| {
        b.iter(|| peer.prove(black_box(&wires), rng));
    });
    group.finish();
}

/// A key from the store that tests share.
fn key(circuit: &Circuit, rng: &mut StdRng) -> Zkey {
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = KeyStore::shared().get_or_set_up(&circuit.r1cs, "cargo bench", policy, rng);
    key.expect("the shared store takes keys").zkey
}

criterion_group!(benches, proofs);
criterion_main!(benches);
