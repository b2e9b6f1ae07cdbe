//! Where the constraints of statement `earn` go, and what other size classes would cost.
//!
//! `cargo run --release -p merits-circuits --example earn_cost`

#![allow(clippy::print_stdout, reason = "the table is what the example is for")]

use std::time::Instant;

use merits_circuits::earn::{ClaimWitness, EarnCircuit, EarnTerms, EarnWitness};
use merits_formula::Record;
use merits_params::manifest::{Manifest, ManifestError};
use merits_primitives::{
    Fr,
    audit::Exponent,
    ids::{AssetId, Expiry, Period, PeriodKind},
    jubjub::{Point, Scalar},
    owner::{Handle, OwnerKey},
};

const SCALE: &str = include_str!("../../params/scales/cycling-week/scale.toml");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let formula = cycling(40)?;
    let start = Instant::now();
    let circuit = EarnCircuit::build(formula.formula(), 16);
    println!("built in {:.2?}\n{}", start.elapsed(), circuit.costs());
    witness_time(&circuit)?;

    println!(
        "{:>4} {:>4} {:>12} {:>10} {:>10} {:>22}",
        "R", "B", "constraints", "a claim", "domain", "claims fit in 2^17"
    );
    for records in [24, 30, 40, 56] {
        for claims in [8, 16, 32] {
            let costs = EarnCircuit::build(cycling(records)?.formula(), claims).costs();
            let batch = costs.constraints - claims * costs.per_claim();
            // A claim takes its constraints and, in circom's reduction, one row a public input.
            let room = (1 << 17) - batch - (costs.publics - 7 * claims) - 1;
            println!(
                "{records:>4} {claims:>4} {:>12} {:>10} {:>10} {:>22}",
                costs.constraints,
                costs.per_claim(),
                costs.domain(),
                room / (costs.per_claim() + 7),
            );
        }
    }
    Ok(())
}

/// A full batch, ten times: public side, layout, witness program.
fn witness_time(circuit: &EarnCircuit) -> Result<(), Box<dyn std::error::Error>> {
    let key = |n: u64| Point::mul_base(&Scalar::from(n)).ok_or("a zero key");
    let terms = EarnTerms {
        asset: AssetId(1),
        expiry: Expiry(2027),
        period: Period {
            kind: PeriodKind::Week,
            index: 2_333,
        },
        context: Fr::from(5u64),
        view_key: key(12_345)?,
        total_key: key(54_321)?,
        constants: vec![16_272, 20_000],
    };
    let claim = |i: u64| ClaimWitness {
        key: OwnerKey(Fr::from(1_000 + i)),
        handle: Handle(Fr::from(2_000 + i)),
        salt: Fr::from(3_000 + i),
        records: (0..40)
            .map(|j| Record(vec![240 * j + i, 600 + i, 2_000 + j]))
            .collect(),
        exponent: Exponent::from_bytes(&[i as u8 ^ 0x5a; 32]),
    };
    let witness = EarnWitness {
        claims: (0..16).map(claim).collect(),
        total_exponent: Exponent::from_bytes(&[0x77; 32]),
        measure_exponent: None,
    };
    let mut best = [f64::MAX; 3];
    for _ in 0..10 {
        let start = Instant::now();
        let statement = witness.statement(circuit.formula(), circuit.capacity(), &terms)?;
        let stated = start.elapsed();
        let laid_out = Instant::now();
        let inputs = circuit.inputs(&statement, &witness)?;
        let laid_out = laid_out.elapsed();
        let ran = Instant::now();
        let wires = circuit.circuit().program.run(&inputs)?;
        let ran = ran.elapsed();
        circuit.circuit().check(&wires)?;
        for (best, time) in best.iter_mut().zip([stated, laid_out, ran]) {
            *best = best.min(time.as_secs_f64() * 1e3);
        }
    }
    let [stated, laid_out, ran] = best;
    println!(
        "16 claims of 40 records: public side {stated:.1} ms, inputs {laid_out:.1} ms, \
         witness program {ran:.1} ms (best of 10, {} threads)\n",
        std::thread::available_parallelism()?
    );
    Ok(())
}

/// The shipped scale with room for so many trips.
fn cycling(records: u16) -> Result<Manifest, ManifestError> {
    Manifest::from_toml(&SCALE.replace("max_records = 40", &format!("max_records = {records}")))
}
