//! Measure 4: verification on one thread, proofs made from a trapdoor.

use std::hint::black_box;

use anyhow::ensure;
use merits_primitives::field;
use merits_verifier::{
    groth16::{Proof, verify, verify_batch},
    statement::earn::input_count,
    trapdoor::TrapdoorKey,
};
use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    Effort,
    cases::{SHIPPED, scale},
    earn::dev_key,
    sampling::Samples,
    table::Table,
};
use crate::screen::working;

/// The coordinator's group.
const BATCH: usize = 256;
/// Proofs that are verified one by one in a run: long enough for its processor time to be told.
const ALONE: usize = 64;

pub(super) fn measure(table: &mut Table, effort: &Effort) -> anyhow::Result<()> {
    let bar = working("verification: making proofs");
    let mut rng = StdRng::seed_from_u64(4);
    let constants = scale(SHIPPED)?.constants().len();
    let publics = input_count(constants, usize::from(SHIPPED.claims));
    let trapdoor = TrapdoorKey::generate(publics, &mut rng);
    let mut items = Vec::with_capacity(BATCH);
    for _ in 0..BATCH {
        let inputs: Vec<_> = (0..publics).map(|_| field::random(&mut rng)).collect();
        let proof = trapdoor.prove(&inputs, &mut rng)?;
        items.push((inputs, proof));
    }

    bar.set_message("verification: one thread");
    // Curve arithmetic below spreads over rayon's threads if it may; here it may not.
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    one.install(|| {
        let prepare = Samples::take(effort.short, || Ok(black_box(dev_key(&trapdoor.key)?)))?;
        let key = dev_key(&trapdoor.key)?;
        let bytes: Vec<_> = items.iter().map(|(_, proof)| proof.to_bytes()).collect();
        let decode = Samples::take(effort.short, || {
            for bytes in &bytes {
                black_box(Proof::from_bytes(bytes)?);
            }
            Ok(())
        })?;
        let single = Samples::take(effort.proofs, || {
            for (inputs, proof) in &items[..ALONE] {
                verify(&key, proof, inputs)?;
            }
            Ok(())
        })?;
        let mut blinding = StdRng::from_rng(&mut rng);
        let batch = Samples::take(effort.proofs, || {
            Ok(verify_batch(&key, &items, &mut blinding)?)
        })?;
        let mut spoilt = items.clone();
        spoilt[100].0.swap(0, 1);
        let bisect = Samples::take(effort.proofs, || {
            let bad = verify_batch(&key, &spoilt, &mut blinding)
                .err()
                .map(|e| e.bad);
            ensure!(
                bad.as_deref() == Some(&[100]),
                "the bad proof was not named: {bad:?}"
            );
            Ok(())
        })?;

        table.section(&format!(
            "Verification, 1 thread, {publics} public inputs a proof"
        ));
        table.time("prepare a key (once)", &prepare);
        table.time("decode a proof and check its points", &decode.each(BATCH));
        table.time_within("verify one proof", &single.each(ALONE), 3.0);
        table.time_within(
            format!("verify in a batch of {BATCH}, each"),
            &batch.each(BATCH),
            0.35,
        );
        table.time(
            "  the same with one bad proof, found and named",
            &bisect.each(BATCH),
        );
        anyhow::Ok(())
    })?;
    bar.finish_and_clear();
    Ok(())
}
