//! Witnesses of the shipped earn batch, of real weeks: public side, layout, program.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use merits_bench::cases::Case;
use merits_circuits::earn::EarnCircuit;
use rand::{SeedableRng as _, rngs::StdRng};

fn witness(c: &mut Criterion) {
    // The shipped scale and data. Without a case made from them, there is nothing to measure.
    let case = Case::shipped(&mut StdRng::seed_from_u64(1)).expect("the shipped scale and trips");
    let (formula, capacity) = (case.circuit.formula(), case.circuit.capacity());
    let inputs = case.inputs().expect("real weeks have a layout");
    let mut group = c.benchmark_group("witness, 16 claims");
    group.sample_size(20);
    group.bench_function("compile the scale", |b| {
        b.iter(|| EarnCircuit::build(black_box(formula), capacity));
    });
    group.bench_function("public side", |b| {
        b.iter(|| {
            case.witness
                .statement(formula, capacity, black_box(&case.terms))
        });
    });
    group.bench_function("inputs", |b| {
        let statement = case.witness.statement(formula, capacity, &case.terms);
        let statement = statement.expect("real weeks have a statement");
        b.iter(|| case.circuit.inputs(black_box(&statement), &case.witness));
    });
    group.bench_function("program", |b| {
        b.iter(|| case.circuit.circuit().program.run(black_box(&inputs)));
    });
    group.finish();
}

criterion_group!(benches, witness);
criterion_main!(benches);
