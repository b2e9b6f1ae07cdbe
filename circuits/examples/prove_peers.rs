//! Measures set-up, load, witness and proof on a synthetic chain of multiplications, against
//! `ark-groth16` on the same circuit and machine.
//!
//! `cargo run --release -p merits-circuits --example prove_peers -- [constraints] [rounds]`

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ark_bn254::Bn254;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
};
use ark_snark::SNARK;
use merits_circuits::bench_circuits::{
    PEERS_CONSTRAINTS, multiplication_chain, multiplication_chain_inputs,
};
use merits_circuits::builder::Circuit;
use merits_circuits::prover::{CircomProver, Prover};
use merits_params::groth16::set_up;
use merits_params::zkey::{Trust, Zkey};
use merits_primitives::Fr;
use merits_verifier::groth16::{self, KeyPolicy, PreparedKey, Provenance};
use rand::{SeedableRng, rngs::StdRng};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| -> Result<usize> {
        arguments
            .next()
            .map_or(Ok(default), |text| text.parse().context("not a number"))
    };
    let constraints = number(PEERS_CONSTRAINTS)?;
    let rounds = number(5)?;
    let mut rng = StdRng::seed_from_u64(1);

    let (circuit, took) = timed(|| multiplication_chain(constraints));
    report("compile", took);
    let inputs = multiplication_chain_inputs(constraints, Fr::from(3u64), Fr::from(5u64));
    let assignment = circuit.program.run(&inputs)?;
    let took = best(rounds, || circuit.program.run(black_box(&inputs)).map(drop))?;
    report("witness", took);
    circuit.check(&assignment)?;

    let (key, took) = timed(|| set_up(&circuit.r1cs, &mut rng));
    report("set-up", took);
    let zkey = Zkey::new(key?, &circuit.r1cs);
    let mut bytes = Vec::new();
    let (written, took) = timed(|| zkey.write(&mut bytes));
    written?;
    report(&format!("write zkey ({} MiB)", bytes.len() >> 20), took);
    let took = best(rounds, || Zkey::read(&bytes, Trust::Digest).map(drop))?;
    report("read zkey by digest", took);
    let (checked, took) = timed(|| Zkey::read(&bytes, Trust::Nothing));
    checked?;
    report("read zkey, all points checked", took);

    let (prover, took) = timed(|| CircomProver::new(zkey));
    report("prepare prover", took);
    let proof = prover.prove(&assignment, &mut rng)?;
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = PreparedKey::new(
        prover.verifying_key().clone(),
        Provenance::InsecureDev,
        policy,
    )?;
    groth16::verify(&key, &proof, &assignment[1..=1])?;
    let took = best(rounds, || prover.prove(&assignment, &mut rng).map(drop))?;
    report("prove", took);

    let arkworks = Arkworks {
        circuit: &circuit,
        assignment: &assignment,
    };
    let mut ark_rng: ark_std::rand::rngs::StdRng = ark_std::rand::SeedableRng::seed_from_u64(1);
    let ((ark_key, ark_vk), took) = {
        let (keys, took) =
            timed(|| ark_groth16::Groth16::<Bn254>::circuit_specific_setup(arkworks, &mut ark_rng));
        (keys?, took)
    };
    report("ark-groth16 set-up", took);
    let mut last = None;
    let took = best(rounds, || {
        ark_groth16::Groth16::<Bn254>::prove(&ark_key, arkworks, &mut ark_rng)
            .map(|proof| last = Some(proof))
    })?;
    report("ark-groth16 prove (builds its constraint system)", took);
    let proof = last.context("no round was run")?;
    anyhow::ensure!(ark_groth16::Groth16::<Bn254>::verify(
        &ark_vk,
        &assignment[1..=1],
        &proof
    )?);
    Ok(())
}

/// Our constraints, for arkworks' prover.
#[derive(Clone, Copy)]
struct Arkworks<'a> {
    circuit: &'a Circuit,
    assignment: &'a [Fr],
}

impl ConstraintSynthesizer<Fr> for Arkworks<'_> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let r1cs = &self.circuit.r1cs;
        let mut variables = vec![Variable::One];
        for (wire, value) in self.assignment.iter().enumerate().skip(1) {
            variables.push(if wire <= r1cs.n_public as usize {
                cs.new_input_variable(|| Ok(*value))?
            } else {
                cs.new_witness_variable(|| Ok(*value))?
            });
        }
        let sum = |row: &[(u32, Fr)]| {
            let terms = row
                .iter()
                .map(|(wire, value)| (*value, variables[*wire as usize]));
            LinearCombination(terms.collect())
        };
        for i in 0..r1cs.n_constraints() {
            let constraint = r1cs.constraint(i);
            cs.enforce_r1cs_constraint(
                || sum(constraint.a),
                || sum(constraint.b),
                || sum(constraint.c),
            )?;
        }
        Ok(())
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn best<E>(rounds: usize, mut work: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    let mut best = Duration::MAX;
    for _ in 0..rounds.max(1) {
        let (result, took) = timed(&mut work);
        result?;
        best = best.min(took);
    }
    Ok(best)
}

#[allow(clippy::print_stdout, reason = "an example reports on its output")]
fn report(what: &str, took: Duration) {
    println!("{what:52} {:9.1} ms", took.as_secs_f64() * 1e3);
}
