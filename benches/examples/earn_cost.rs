//! Where the constraints of statement `earn` go, and what other size classes would cost.
//!
//! `cargo run --release -p merits-bench --features timing --example earn_cost`

#![allow(clippy::print_stdout, reason = "the table is what the example is for")]

#[path = "../../circuits/examples/statements/mod.rs"]
mod statements;

use std::time::Instant;

use merits_circuits::earn::EarnCircuit;
use merits_params::manifest::{Manifest, ManifestError};
use statements::{CLAIMS, Result, SCALE};

fn main() -> Result<()> {
    let formula = cycling(40)?;
    let start = Instant::now();
    let circuit = EarnCircuit::build(formula.formula(), CLAIMS);
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
            // A claim takes its constraints and, in circom's reduction, one row for each public
            // input.
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
fn witness_time(circuit: &EarnCircuit) -> Result<()> {
    let (terms, witness) = statements::earn()?;
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

/// The shipped scale with room for this many trips.
fn cycling(records: u16) -> std::result::Result<Manifest, ManifestError> {
    Manifest::from_toml(&SCALE.replace("max_records = 40", &format!("max_records = {records}")))
}
