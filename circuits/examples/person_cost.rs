//! Where the constraints of a person's statements go, and how long a proof takes with its key
//! loaded.
//!
//! `cargo run --release -p merits-circuits --example person_cost`
//!
//! Keys are made here by one party and thrown away: they serve for times only.

#![allow(clippy::print_stdout, reason = "the table is what the example is for")]

use std::{error::Error, time::Instant};

use merits_circuits::{
    builder::Circuit,
    person::Costs,
    prover::{Prover, SimdPath, SimdProver},
    redeem::{self, NoteWitness, RedeemCircuit, RedeemTerms, RedeemWitness},
    ticket::{TicketCircuit, TicketWitness},
};
use merits_params::{groth16::set_up, zkey::Zkey};
use merits_primitives::{
    Fr,
    audit::Exponent,
    field,
    group::Group,
    identity::{Birth, Secret, leaf},
    ids::{AssetId, Credits, Expiry},
    jubjub::{Point, Scalar},
    note_tree::{self, NotePath},
};
use merits_verifier::groth16::{self, KeyPolicy, PreparedKey, Provenance};
use rand::{SeedableRng, rngs::StdRng};
use zeroize::Zeroizing;

/// Proofs of each statement.
const PROOFS: usize = 20;
/// People of the group: a path of 14 levels. How many there are costs a prover nothing.
const PEOPLE: u64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let rng = &mut StdRng::seed_from_u64(1);
    println!(
        "{} threads, path {}\n",
        std::thread::available_parallelism()?,
        SimdPath::preferred().name()
    );
    ticket(rng)?;
    redeem(rng)
}

fn ticket(rng: &mut StdRng) -> Result<(), Box<dyn Error>> {
    let circuit = TicketCircuit::build();
    let mut group = Group::new();
    for _ in 0..PEOPLE {
        group.push(field::random(rng))?;
    }
    let mut witness = TicketWitness {
        secret: Secret::random(rng),
        birth: Birth {
            from: 20_000,
            generation: 0,
        },
        path: group.path(PEOPLE / 3)?,
        scope_source: field::random(rng),
    };
    group.update(PEOPLE / 3, witness.leaf())?;
    witness.path = group.path(PEOPLE / 3)?;
    let root = group.root().ok_or("an empty group")?;
    let (scope, message) = (field::random(rng), field::random(rng));
    times("ticket", circuit.circuit(), rng, || {
        let statement = witness.statement(root, scope, message, 20_500);
        Ok(witness.inputs(&statement))
    })
}

/// Two notes of one bucket, in the middle of a tree of which no more than the path is needed.
fn redeem(rng: &mut StdRng) -> Result<(), Box<dyn Error>> {
    let circuit = RedeemCircuit::build();
    let secret = Secret::random(rng);
    let birth = Birth {
        from: 20_000,
        generation: 0,
    };
    let commitment = secret.commitment().ok_or("a zero secret")?;
    let mut group = Group::new();
    for at in 0..PEOPLE {
        group.push(match at == PEOPLE / 3 {
            true => leaf(commitment, birth),
            false => field::random(rng),
        })?;
    }
    let (asset, expiry) = (AssetId(1), Expiry(2027));
    let mut notes = [700u64, 300].map(|value| NoteWitness {
        value: Credits(value),
        f1: field::random(rng),
        f2: field::random(rng),
        path: NotePath::dummy(),
    });
    let mut leaves: Vec<Fr> = (0..PEOPLE).map(|_| field::random(rng)).collect();
    for note in &mut notes {
        note.path.index = leaves.len() as u64;
        leaves.push(note.commitment(&secret, expiry, asset));
    }
    let buckets = [note_tree::bucket_root(&leaves)];
    for note in &mut notes {
        let path = note_tree::path(note.path.index, &leaves, &buckets);
        note.path = path.ok_or("a note outside the tree")?;
    }
    let witness = RedeemWitness {
        secret,
        birth,
        group_path: group.path(PEOPLE / 3)?,
        notes,
        index: 2,
        exponent: Exponent::from_bytes(&[0x5a; 32]),
    };
    let terms = RedeemTerms {
        note_root: note_tree::root_of_buckets(&buckets),
        group_root: group.root().ok_or("an empty group")?,
        asset,
        expiry,
        amount: Credits(450),
        floor: Credits(0),
        context: field::random(rng),
        rate_scope: field::random(rng),
        rate_limit: 5,
        view_key: Point::mul_base(&Scalar::from(12_345u64)).ok_or("a zero key")?,
    };
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
    inputs: impl Fn() -> Result<Zeroizing<Vec<Fr>>, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
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
