//! Where the constraints of a person's statements go, and how long a proof takes with its key
//! loaded.
//!
//! `cargo run --release -p merits-bench --features timing --example person_cost`
//!
//! One party makes the keys here and throws them away: they are only good for timing.

#![allow(clippy::print_stdout, reason = "the table is what the example is for")]

#[path = "../../circuits/examples/statements/mod.rs"]
mod statements;

use std::time::Instant;

use merits_circuits::{
    builder::Circuit,
    person::Costs,
    prover::{Prover, SimdPath, SimdProver},
    redeem::{self, RedeemCircuit},
    ticket::TicketCircuit,
};
use merits_params::{groth16::set_up, zkey::Zkey};
use merits_primitives::Fr;
use merits_verifier::groth16::{self, KeyPolicy, PreparedKey, Provenance};
use rand::{SeedableRng, rngs::StdRng};
use statements::Result;
use zeroize::Zeroizing;

/// Proofs of each statement.
const PROOFS: usize = 20;

fn main() -> Result<()> {
    let rng = &mut StdRng::seed_from_u64(1);
    println!(
        "{} threads, path {}\n",
        std::thread::available_parallelism()?,
        SimdPath::preferred().name()
    );
    ticket(rng)?;
    redeem(rng)
}

fn ticket(rng: &mut StdRng) -> Result<()> {
    let circuit = TicketCircuit::build();
    let (witness, statement) = statements::ticket(rng)?;
    times("ticket", circuit.circuit(), rng, || {
        Ok(witness.inputs(&statement(&witness)))
    })
}

fn redeem(rng: &mut StdRng) -> Result<()> {
    let circuit = RedeemCircuit::build();
    let (terms, witness) = statements::redeem(rng)?;
    redeem::check(&witness.statement(&terms)?, &witness)?;
    times("redeem", circuit.circuit(), rng, || {
        Ok(witness.inputs(&witness.statement(&terms)?))
    })
}

/// Costs and times of one statement. `inputs` computes the public side and lays both out.
fn times(
    name: &str,
    circuit: &Circuit,
    rng: &mut StdRng,
    inputs: impl Fn() -> Result<Zeroizing<Vec<Fr>>>,
) -> Result<()> {
    println!("{name}: {}", Costs(circuit));
    let zkey = Zkey::new(set_up(&circuit.r1cs, rng)?, &circuit.r1cs);
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = PreparedKey::new(zkey.key.vk.clone(), Provenance::InsecureDev, policy)?;
    let prover = SimdProver::on_path(zkey, SimdPath::preferred())?;
    let mut times: [Vec<f64>; 3] = Default::default();
    for _ in 0..PROOFS {
        let start = Instant::now();
        let inputs = inputs()?;
        let stated = start.elapsed();
        let wires = circuit.program.run(&inputs)?;
        let ran = start.elapsed();
        let proof = prover.prove(&wires, rng)?;
        let proven = start.elapsed();
        circuit.check(&wires)?;
        groth16::verify(&key, &proof, &wires[1..=circuit.r1cs.n_public as usize])?;
        let passed = [stated, ran - stated, proven - ran];
        for (times, passed) in times.iter_mut().zip(passed) {
            times.push(passed.as_secs_f64() * 1e3);
        }
    }
    println!("{PROOFS} of {name}, in ms:    median      most");
    for (part, mut times) in ["statement and inputs", "witness program", "proof"]
        .into_iter()
        .zip(times)
    {
        times.sort_by(f64::total_cmp);
        println!(
            "  {part:<22} {:>7.1}   {:>7.1}",
            times[PROOFS / 2],
            times[PROOFS - 1]
        );
    }
    println!();
    Ok(())
}
