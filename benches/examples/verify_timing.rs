//! Times verification on one thread, with proofs made from a trapdoor:
//! `cargo run --release -p merits-bench --features timing --example verify_timing`
#![allow(clippy::print_stdout, reason = "an example prints for people")]

use std::time::Instant;

use merits_primitives::{Fr, field};
use merits_trapdoor::TrapdoorKey;
use merits_verifier::groth16::{KeyPolicy, PreparedKey, Proof, Provenance, verify, verify_batch};
use rand::SeedableRng;

const INPUTS: usize = 135;
const BATCH: usize = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = rand::rngs::StdRng::seed_from_u64(7);
    let trapdoor = TrapdoorKey::generate(INPUTS, &mut rng);
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let prepare = Instant::now();
    let key = PreparedKey::new(trapdoor.key.clone(), Provenance::InsecureDev, policy)?;
    println!(
        "prepare a key of {INPUTS} inputs     {:8.3} ms",
        ms(prepare, 1)
    );

    let items = (0..BATCH)
        .map(|_| {
            let inputs: Vec<Fr> = (0..INPUTS).map(|_| field::random(&mut rng)).collect();
            let proof = trapdoor.prove(&inputs, &mut rng)?;
            Ok((inputs, proof))
        })
        .collect::<Result<Vec<_>, merits_verifier::groth16::ProofFormatError>>()?;

    let encoded: Vec<_> = items.iter().map(|(_, proof)| proof.to_bytes()).collect();
    let decode = best(|| {
        encoded[..32]
            .iter()
            .all(|bytes| Proof::from_bytes(bytes).is_ok())
    });
    println!(
        "decode and check one proof         {:8.3} ms",
        decode / 32.0
    );

    let (inputs, proof) = &items[0];
    let single = best(|| verify(&key, proof, inputs).is_ok());
    println!("verify one proof                   {single:8.3} ms");

    for size in [1, 16, 64, BATCH] {
        let batch = best(|| verify_batch(&key, &items[..size], &mut rng).is_ok());
        println!(
            "verify in a batch of {size:3}, each     {:8.3} ms",
            batch / size as f64
        );
    }

    let mut spoilt = items.clone();
    spoilt[100].0[3] += Fr::from(1u64);
    let bisect =
        best(|| verify_batch(&key, &spoilt, &mut rng).is_err_and(|error| error.bad == [100]));
    println!(
        "batch of {BATCH} with one bad, each     {:8.3} ms",
        bisect / BATCH as f64
    );
    Ok(())
}

/// The best of several runs, in milliseconds: other load on the machine can only add time.
fn best(mut run: impl FnMut() -> bool) -> f64 {
    (0..15)
        .map(|_| {
            let start = Instant::now();
            assert!(run(), "the answer is wrong");
            ms(start, 1)
        })
        .fold(f64::INFINITY, f64::min)
}

fn ms(since: Instant, count: usize) -> f64 {
    since.elapsed().as_secs_f64() * 1e3 / count as f64
}
