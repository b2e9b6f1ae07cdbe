//! Measures the processor time of a witness for the three statements: the public side, the layout
//! of the inputs, the witness program.
//!
//! `cargo run --release -p merits-bench --features timing --example witness_cost`
//!
//! Everything runs on one thread. Only the time that this thread had a processor counts, so other
//! work on the machine changes little. The program is also run
//! [plainly](merits_circuits::program::Program::run_plainly), instruction by instruction,
//! alternating with the plan that proofs use.

#![allow(clippy::print_stdout, reason = "the table is what the example is for")]

#[path = "../../circuits/examples/statements/mod.rs"]
mod statements;

use std::hint::black_box;

use merits_circuits::{
    builder::Circuit, earn::EarnCircuit, redeem::RedeemCircuit, ticket::TicketCircuit,
};
use merits_params::manifest::Manifest;
use merits_primitives::Fr;
use rand::{SeedableRng, rngs::StdRng};
use rustix::time::{ClockId, clock_gettime};
use statements::{CLAIMS, Result, SCALE};
use zeroize::Zeroizing;

/// How often each part runs before the next part has its turn.
const RUNS: u32 = 10;
/// Turns; the least time counts.
const TURNS: usize = 12;

fn main() -> Result<()> {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    one.install(|| {
        println!("{:<28} {:>8}  {:>8}", "ms of one thread", "least", "median");
        let rng = &mut StdRng::seed_from_u64(1);
        earn()?;
        ticket(rng)?;
        redeem(rng)
    })
}

fn earn() -> Result<()> {
    let manifest = Manifest::from_toml(SCALE)?;
    let circuit = EarnCircuit::build(manifest.formula(), CLAIMS);
    let (terms, witness) = statements::earn()?;
    let state = || Ok(witness.statement(circuit.formula(), circuit.capacity(), &terms)?);
    let statement = state()?;
    let inputs = || Ok(circuit.inputs(&statement, &witness)?);
    times("earn, 16 claims", circuit.circuit(), &state, &inputs)
}

fn ticket(rng: &mut StdRng) -> Result<()> {
    let circuit = TicketCircuit::build();
    let (witness, statement) = statements::ticket(rng)?;
    let state = || Ok(statement(&witness));
    let stated = state()?;
    let inputs = || Ok(witness.inputs(&stated));
    times("ticket", circuit.circuit(), &state, &inputs)
}

fn redeem(rng: &mut StdRng) -> Result<()> {
    let circuit = RedeemCircuit::build();
    let (terms, witness) = statements::redeem(rng)?;
    let state = || Ok(witness.statement(&terms)?);
    let statement = state()?;
    let inputs = || Ok(witness.inputs(&statement));
    times("redeem", circuit.circuit(), &state, &inputs)
}

/// A step that returns a value or an error.
type Step<'a, T> = &'a dyn Fn() -> Result<T>;

fn times<S>(
    name: &str,
    circuit: &Circuit,
    state: Step<'_, S>,
    lay_out: Step<'_, Zeroizing<Vec<Fr>>>,
) -> Result<()> {
    let inputs = lay_out()?;
    let program = &circuit.program;
    let run = || Ok(program.run(&inputs)?);
    let plainly = || Ok(program.run_plainly(&inputs)?);
    let wires = run()?;
    circuit.check(&wires)?;
    if plainly()? != wires {
        return Err(format!("{name}: the two ways to the wires disagree").into());
    }
    let mut passed: [Vec<f64>; 4] = Default::default();
    for _ in 0..TURNS {
        let [stated, laid_out, ran, stepped] = &mut passed;
        stated.push(time(state)?);
        laid_out.push(time(lay_out)?);
        ran.push(time(&run)?);
        stepped.push(time(&plainly)?);
    }
    println!("{name}: {} instructions", program.len());
    let parts = [
        "public side",
        "inputs",
        "witness program",
        "instruction by instruction",
    ];
    for (part, mut times) in parts.into_iter().zip(passed) {
        times.sort_by(f64::total_cmp);
        println!("  {part:<26} {:>8.2}  {:>8.2}", times[0], times[TURNS / 2]);
    }
    Ok(())
}

/// Milliseconds that one of [`RUNS`] takes.
fn time<T>(step: Step<'_, T>) -> Result<f64> {
    let before = processor_time();
    for _ in 0..RUNS {
        black_box(step()?);
    }
    Ok((processor_time() - before) / f64::from(RUNS))
}

/// Milliseconds for which this thread had a processor so far.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
