//! What proving takes: from figures that were measured, or measured now.

use std::time::{Duration, Instant};

use merits_circuits::{
    earn::{CostTable, EarnCircuit},
    prover::{KeyError as ProverKeyError, ProveError, Prover as _, SimdProver},
};
use merits_params::{
    groth16::{SetupError, set_up},
    manifest::Manifest,
    zkey::Zkey,
};
use merits_verifier::groth16::{self, KeyError, KeyPolicy, PreparedKey, ProofError, Provenance};
use rand_core::CryptoRng;
use serde::Serialize;
use thiserror::Error;

use super::{ExampleBatchError, example_batch};

/// The machine of [`expected_proof`]'s figures.
pub const MACHINE: &str = "2 cores of an Intel Xeon (family 6, model 207) with AVX-512 IFMA";

/// Nanoseconds that a row of the domain and a constraint take to prove, by least squares through
/// the medians of section "Size classes" in `docs/src/benchmarks.md`; all lie within 10 %.
const ROW: f64 = 1_073.0;
const CONSTRAINT: f64 = 3_350.0;

/// What a proof is expected to take on [`MACHINE`].
pub fn expected_proof(costs: &CostTable) -> Duration {
    let nanoseconds = ROW * costs.domain() as f64 + CONSTRAINT * costs.constraints as f64;
    Duration::from_secs_f64(nanoseconds / 1e9)
}

/// What the parts took on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProvingTime {
    /// The witness of a batch.
    pub witness: Duration,
    /// Its proof: the median of three.
    pub proof: Duration,
    /// Threads.
    pub threads: usize,
}

/// Why nothing was measured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// The batch.
    #[error(transparent)]
    Batch(#[from] ExampleBatchError),
    /// The key.
    #[error(transparent)]
    SetUp(#[from] SetupError),
    /// The key, as a prover reads it.
    #[error(transparent)]
    ProverKey(#[from] ProverKeyError),
    /// The key, as a verifier reads it.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A proof.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// A proof that does not hold, which is a fault of this program.
    #[error(transparent)]
    Verify(#[from] ProofError),
}

/// Proves a batch of the scale's examples, with a key that is made now and thrown away.
///
/// # Errors
/// [`MeasureError`].
pub fn measure(
    manifest: &Manifest,
    circuit: &EarnCircuit,
    rng: &mut impl CryptoRng,
) -> Result<ProvingTime, MeasureError> {
    let r1cs = &circuit.circuit().r1cs;
    let prover = SimdProver::new(Zkey::new(set_up(r1cs, rng)?, r1cs))?;
    let start = Instant::now();
    let assignment = example_batch(manifest, circuit)?;
    let witness = start.elapsed();
    // The first proof warms caches for the others, so it is not counted.
    prover.prove(&assignment, rng)?;
    let mut times = Vec::new();
    for _ in 0..PROOFS {
        let start = Instant::now();
        let proof = prover.prove(&assignment, rng)?;
        times.push(start.elapsed());
        let policy = KeyPolicy {
            allow_dev_keys: true,
        };
        let key = prover.verifying_key().clone();
        let key = PreparedKey::new(key, Provenance::InsecureDev, policy)?;
        let publics = &assignment[1..=r1cs.n_public as usize];
        groth16::verify(&key, &proof, publics)?;
    }
    times.sort_unstable();
    Ok(ProvingTime {
        witness,
        proof: times[PROOFS / 2],
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    })
}

const PROOFS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    /// Constraints, log2 of the domain, and milliseconds of a proof, from the benchmarks.
    const MEASURED: [(usize, usize, f64); 6] = [
        (110_873, 17, 504.0),
        (57_473, 16, 273.0),
        (130_895, 17, 553.0),
        (217_679, 18, 978.0),
        (121_941, 17, 588.0),
        (121_089, 17, 548.0),
    ];

    #[test]
    fn the_figures_are_those_of_the_benchmarks() {
        for (constraints, log, measured) in MEASURED {
            let model = (ROW * (1usize << log) as f64 + CONSTRAINT * constraints as f64) / 1e6;
            let off = model / measured - 1.0;
            assert!(off.abs() < 0.1, "{constraints}: {model} for {measured}");
        }
    }
}
