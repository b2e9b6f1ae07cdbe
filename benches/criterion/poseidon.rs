//! Native Poseidon at the widths that the statements use.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use merits_primitives::{Fr, poseidon, tags};

fn permutations(c: &mut Criterion) {
    let mut group = c.benchmark_group("poseidon");
    group.sample_size(20);
    for (what, inputs) in [
        ("binding, 2 inputs", 2u64),
        ("commitment link, 12 inputs", 12),
    ] {
        let inputs: Vec<Fr> = (1..=inputs).map(Fr::from).collect();
        group.bench_function(what, |b| {
            b.iter(|| poseidon::hash(tags::REC, black_box(&inputs)));
        });
    }
    group.finish();
}

criterion_group!(benches, permutations);
criterion_main!(benches);
