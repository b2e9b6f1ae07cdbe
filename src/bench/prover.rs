//! Measure 1: the prover against its peers, on a dense chain of multiplications.

use std::hint::black_box;

use merits_circuits::{
    bench_circuits::{PEERS_CONSTRAINTS, multiplication_chain, multiplication_chain_inputs},
    prover::{CircomProver, Prover, SimdPath, SimdProver},
};
use merits_params::{groth16::set_up, zkey::Zkey};
use merits_primitives::Fr;
use merits_verifier::groth16;
use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    Effort,
    arkworks::Peer,
    earn::dev_key,
    sampling::{Work, in_turns, ms},
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
    let zkey = Zkey::new(set_up(&circuit.r1cs, rng)?, &circuit.r1cs);
    let publics = &assignment[1..=circuit.r1cs.n_public as usize];
    let key = dev_key(&zkey.key.vk)?;
    let arkworks = Peer::new(&circuit, &assignment)?;
    arkworks.verify(&arkworks.prove(&assignment, rng)?, publics)?;

    let mut provers: Vec<(String, Box<dyn Prover>)> = Vec::new();
    for path in SimdPath::all() {
        let chosen = if path.name() == SimdPath::preferred().name() {
            " (chosen here)"
        } else {
            ""
        };
        let prover = SimdProver::on_path(zkey.clone(), path)?;
        provers.push((format!("ours, {}{chosen}", path.name()), Box::new(prover)));
    }
    let taceo = CircomProver::new(zkey);
    provers.push(("taceo-groth16, the same key".to_owned(), Box::new(taceo)));
    // All are asked for a true proof before their time is worth anything.
    for (_, prover) in &provers {
        groth16::verify(&key, &prover.prove(&assignment, rng)?, publics)?;
    }

    bar.set_message("prover: ours and peers in turns");
    let mut seeded: Vec<_> = provers.iter().map(|_| StdRng::from_rng(rng)).collect();
    let mut ark = || {
        black_box(arkworks.prove(&assignment, rng)?);
        Ok(())
    };
    let mut proofs: Vec<_> = provers
        .iter()
        .zip(&mut seeded)
        .map(|((_, prover), rng)| {
            || {
                black_box(prover.prove(&assignment, rng)?);
                Ok(())
            }
        })
        .collect();
    let mut works: Vec<Work<'_>> = vec![&mut ark];
    for proof in &mut proofs {
        works.push(proof);
    }
    let samples = effort
        .pool()?
        .install(|| in_turns(effort.proofs, &mut works))?;
    bar.finish_and_clear();

    table.section(&format!(
        "Prover: dense chain of {} constraints, {} threads, in turns",
        thousands(PEERS_CONSTRAINTS as u64),
        effort.threads
    ));
    let names = provers.iter().map(|(name, _)| name.as_str());
    let names = std::iter::once("ark-groth16, its own key, nothing rebuilt").chain(names);
    let Some(arkworks) = samples.first() else {
        return Ok(());
    };
    for (name, samples) in names.zip(&samples) {
        let wall = samples.median() / arkworks.median();
        let mut compare = format!("{wall:.2} of ark-groth16");
        if let (Some(one), Some(other)) = (samples.processor(), arkworks.processor()) {
            compare += &format!("; {:.2} by processor time", one / other);
        }
        table.row(name, ms(samples.median()), samples.range(), compare);
    }
    table.row("published by peers", "", "", PUBLISHED);
    Ok(())
}

/// Time over arkworks' time on 2 cores like these, as issue 2 gives them.
const PUBLISHED: &str = "arkworks 1.00, rapidsnark 0.97, taceo 0.77, gnark 0.65";
