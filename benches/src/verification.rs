//! Measure 4: verification on one thread, proofs made from a trapdoor.

use std::hint::black_box;

use anyhow::ensure;
use ark_bn254::{Bn254, G1Affine, G1Projective};
use ark_ec::{CurveGroup as _, VariableBaseMSM as _, pairing::Pairing as _};
use merits_primitives::{Fr, field};
use merits_trapdoor::TrapdoorKey;
use merits_verifier::{
    groth16::{Proof, verify, verify_batch},
    statement::earn::input_count,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

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
/// Proofs that are verified one by one in a run: long enough to measure its processor time.
const ALONE: usize = 64;
/// The limit for a proof in a batch, in milliseconds.
const BATCH_BAR: f64 = 0.08;

pub(super) fn measure(table: &mut Table, effort: &Effort) -> anyhow::Result<()> {
    let constants = scale(SHIPPED)?.constants().len();
    let shipped = input_count(constants, usize::from(SHIPPED.claims));
    // Curve arithmetic below would use all of rayon's threads, so the pool is limited to one.
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    one.install(|| {
        for publics in [1, shipped] {
            with_inputs(publics, table, effort)?;
        }
        Ok(())
    })
}

fn with_inputs(publics: usize, table: &mut Table, effort: &Effort) -> anyhow::Result<()> {
    let bar = working("verification: making proofs");
    let mut rng = StdRng::seed_from_u64(4);
    let trapdoor = TrapdoorKey::generate(publics, &mut rng);
    let mut items = Vec::with_capacity(BATCH);
    for _ in 0..BATCH {
        let inputs: Vec<_> = (0..publics).map(|_| field::random(&mut rng)).collect();
        let proof = trapdoor.prove(&inputs, &mut rng)?;
        items.push((inputs, proof));
    }

    bar.set_message("verification: one thread");
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
    let arkworks = Samples::take(effort.proofs, || {
        ensure!(
            by_arkworks(&trapdoor, &items, &mut blinding),
            "arkworks refuses the batch"
        );
        Ok(())
    })?;
    let mut spoilt = items.clone();
    spoilt[100].0[0] += Fr::from(1u64);
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
        BATCH_BAR,
    );
    table.time(
        "  the same batch by arkworks' multi_pairing",
        &arkworks.each(BATCH),
    );
    table.time(
        "  the same with one bad proof, found and named",
        &bisect.each(BATCH),
    );
    bar.finish_and_clear();
    Ok(())
}

/// The batch written with arkworks alone: 128-bit coefficients, two sums over points, one product
/// of pairings.
fn by_arkworks(trapdoor: &TrapdoorKey, items: &[(Vec<Fr>, Proof)], rng: &mut StdRng) -> bool {
    let key = &trapdoor.key;
    let mut scalars = vec![Fr::from(0u64); key.ic.len()];
    let (mut coefficients, mut a, mut b, mut c) = (vec![], vec![], vec![], vec![]);
    for (inputs, proof) in items {
        let coefficient = Fr::from(rng.random::<u128>());
        scalars[0] += coefficient;
        for (sum, input) in scalars[1..].iter_mut().zip(inputs) {
            *sum += coefficient * input;
        }
        let points = proof.points();
        a.push(points.0 * coefficient);
        b.push(points.1);
        c.push(points.2);
        coefficients.push(coefficient);
    }
    a.extend([
        -G1Projective::msm_unchecked(&key.ic, &scalars),
        -G1Projective::msm_unchecked(&c, &coefficients),
        -(key.alpha * scalars[0]),
    ]);
    b.extend([key.gamma, key.delta, key.beta]);
    let a: Vec<G1Affine> = G1Projective::normalize_batch(&a);
    Bn254::multi_pairing(a, b) == ark_ec::pairing::PairingOutput::default()
}
