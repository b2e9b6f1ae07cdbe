//! Measure 1: the prover against its peers, on a dense chain of multiplications.

use std::hint::black_box;

use merits_circuits::{
    bench_circuits::{PEERS_CONSTRAINTS, multiplication_chain, multiplication_chain_inputs},
    prover::Prover as _,
};
use merits_params::{groth16::set_up, zkey::Zkey};
use merits_primitives::Fr;
use merits_verifier::groth16;
use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    Effort,
    arkworks::Peer,
    earn::{default_prover, dev_key},
    sampling::in_turns,
    table::Table,
};
use crate::screen::{thousands, working};

pub(super) fn measure(table: &mut Table, effort: &Effort) -> anyhow::Result<()> {
    let bar = working("prover: two set-ups for the chain");
    let rng = &mut StdRng::seed_from_u64(1);
    let circuit = multiplication_chain(PEERS_CONSTRAINTS);
    let inputs = multiplication_chain_inputs(PEERS_CONSTRAINTS, Fr::from(3u64), Fr::from(5u64));
    let assignment = circuit.program.run(&inputs)?;
    circuit.check(&assignment)?;
    let ours = default_prover(Zkey::new(set_up(&circuit.r1cs, rng)?, &circuit.r1cs));
    let peer = Peer::new(&circuit, &assignment)?;

    // Both are asked for a true proof before their time is worth anything.
    let publics = &assignment[1..=circuit.r1cs.n_public as usize];
    let key = dev_key(ours.verifying_key())?;
    groth16::verify(&key, &ours.prove(&assignment, rng)?, publics)?;
    peer.verify(&peer.prove(&assignment, rng)?, publics)?;

    bar.set_message("prover: ours and ark-groth16 in turns");
    let (mut own, mut other) = (StdRng::from_rng(rng), StdRng::from_rng(rng));
    let samples = effort.pool()?.install(|| {
        in_turns(
            effort.proofs,
            &mut [
                &mut || {
                    black_box(ours.prove(&assignment, &mut own)?);
                    Ok(())
                },
                &mut || {
                    black_box(peer.prove(&assignment, &mut other)?);
                    Ok(())
                },
            ],
        )
    })?;
    bar.finish_and_clear();

    let [ours, arkworks] = &samples[..] else {
        anyhow::bail!("two provers were measured")
    };
    table.section(&format!(
        "Prover: dense chain of {} constraints, {} threads",
        thousands(PEERS_CONSTRAINTS as u64),
        effort.threads
    ));
    table.time("ours", ours);
    table.time("ark-groth16 (matrices ready, nothing rebuilt)", arkworks);
    let ratio = ours.median() / arkworks.median();
    table.row(
        "ours / ark-groth16",
        format!("{ratio:.2}"),
        "in turns",
        PUBLISHED,
    );
    if let (Some(ours), Some(arkworks)) = (ours.processor(), arkworks.processor()) {
        let ratio = ours / arkworks;
        table.fact("  the same, by processor time", format!("{ratio:.2}"));
    }
    Ok(())
}

/// The table, on 2 of the same cores: time over arkworks' time.
const PUBLISHED: &str = "arkworks 1.00, rapidsnark 0.97, taceo 0.77, gnark 0.65";
