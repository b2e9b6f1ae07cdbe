//! What a witness costs in processor time, for the three statements: the public side, the layout of
//! the inputs, the witness program.
//!
//! `cargo run --release -p merits-circuits --example witness_cost`
//!
//! Everything runs on one thread and what is counted is the time that this thread had a processor,
//! so that other work on the machine changes little (Linux; elsewhere it is the time of the clock).
//! The program is also run [plainly](merits_circuits::program::Program::run_plainly), instruction by
//! instruction, in turns with the way that proofs use.

#![allow(clippy::print_stdout, reason = "the table is what the example is for")]

use std::{error::Error, fs, hint::black_box, time::Instant};

use merits_circuits::{
    builder::Circuit,
    earn::{ClaimWitness, EarnCircuit, EarnTerms, EarnWitness},
    redeem::{NoteWitness, RedeemCircuit, RedeemTerms, RedeemWitness},
    ticket::{TicketCircuit, TicketWitness},
};
use merits_formula::Record;
use merits_params::manifest::Manifest;
use merits_primitives::{
    Fr,
    audit::Exponent,
    field,
    group::Group,
    identity::{Birth, Secret, leaf},
    ids::{AssetId, Credits, Expiry, Period, PeriodKind},
    jubjub::{Point, Scalar},
    note_tree::{self, NotePath},
    owner::{Handle, OwnerKey},
};
use rand::{SeedableRng, rngs::StdRng};
use zeroize::Zeroizing;

const SCALE: &str = include_str!("../../params/scales/cycling-week/scale.toml");
/// Claims of a batch.
const CLAIMS: usize = 16;
/// Times that each part runs before the other parts have their turn.
const RUNS: u32 = 10;
/// Turns; the least time counts.
const TURNS: usize = 12;

fn main() -> Result<(), Box<dyn Error>> {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    one.install(|| {
        println!("{:<28} {:>8}  {:>8}", "ms of one thread", "least", "median");
        let rng = &mut StdRng::seed_from_u64(1);
        earn()?;
        ticket(rng)?;
        redeem(rng).map_err(|error| error.to_string())
    })?;
    Ok(())
}

fn earn() -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let manifest = Manifest::from_toml(SCALE).map_err(|error| text(&error))?;
    let circuit = EarnCircuit::build(manifest.formula(), CLAIMS);
    let key = |n: u64| Point::mul_base(&Scalar::from(n)).ok_or("a zero key");
    let terms = EarnTerms {
        asset: AssetId(1),
        expiry: Expiry(2027),
        period: Period {
            kind: PeriodKind::Week,
            index: 2_333,
        },
        context: Fr::from(5u64),
        view_key: key(12_345)?,
        total_key: key(54_321)?,
        constants: vec![16_272, 20_000],
    };
    let claim = |i: u64| ClaimWitness {
        key: OwnerKey(Fr::from(1_000 + i)),
        handle: Handle(Fr::from(2_000 + i)),
        salt: Fr::from(3_000 + i),
        records: (0..40)
            .map(|j| Record(vec![240 * j + i, 600 + i, 2_000 + j]))
            .collect(),
        exponent: Exponent::from_bytes(&[i as u8 ^ 0x5a; 32]),
    };
    let witness = EarnWitness {
        claims: (0..CLAIMS as u64).map(claim).collect(),
        total_exponent: Exponent::from_bytes(&[0x77; 32]),
        measure_exponent: None,
    };
    let state = || {
        let statement = witness.statement(circuit.formula(), circuit.capacity(), &terms);
        statement.map_err(|error| text(&error))
    };
    let statement = state()?;
    let inputs = || {
        let inputs = circuit.inputs(&statement, &witness);
        inputs.map_err(|error| text(&error))
    };
    times("earn, 16 claims", circuit.circuit(), &state, &inputs)
}

/// A group with one person in it, at a depth of 14.
fn member(rng: &mut StdRng) -> Result<(Secret, Birth, Group, u64), String> {
    const PEOPLE: u64 = 10_000;
    let secret = Secret::random(rng);
    let birth = Birth {
        from: 20_000,
        generation: 0,
    };
    let own = leaf(secret.commitment().ok_or("a zero secret")?, birth);
    let mut group = Group::new();
    for at in 0..PEOPLE {
        let leaf = match at == PEOPLE / 3 {
            true => own,
            false => field::random(rng),
        };
        group.push(leaf).map_err(|error| error.to_string())?;
    }
    Ok((secret, birth, group, PEOPLE / 3))
}

fn ticket(rng: &mut StdRng) -> Result<(), String> {
    let circuit = TicketCircuit::build();
    let (secret, birth, group, place) = member(rng)?;
    let witness = TicketWitness {
        secret,
        birth,
        path: group.path(place).map_err(|error| error.to_string())?,
        scope_source: field::random(rng),
    };
    let root = group.root().ok_or("an empty group")?;
    let (scope, message) = (field::random(rng), field::random(rng));
    let state = || Ok(witness.statement(root, scope, message, 20_500));
    let statement = state()?;
    let inputs = || Ok(witness.inputs(&statement));
    times("ticket", circuit.circuit(), &state, &inputs)
}

fn redeem(rng: &mut StdRng) -> Result<(), String> {
    let circuit = RedeemCircuit::build();
    let (secret, birth, group, place) = member(rng)?;
    let (asset, expiry) = (AssetId(1), Expiry(2027));
    let mut notes = [700u64, 300].map(|value| NoteWitness {
        value: Credits(value),
        f1: field::random(rng),
        f2: field::random(rng),
        path: NotePath::dummy(),
    });
    let mut leaves: Vec<Fr> = (0..200).map(|_| field::random(rng)).collect();
    let first = leaves.len() as u64;
    leaves.extend(
        notes
            .iter()
            .map(|note| note.commitment(&secret, expiry, asset)),
    );
    let buckets = [note_tree::bucket_root(&leaves)];
    for (note, place) in notes.iter_mut().zip(first..) {
        let path = note_tree::path(place, &leaves, &buckets);
        note.path = path.ok_or("a note outside the tree")?;
    }
    let witness = RedeemWitness {
        secret,
        birth,
        group_path: group.path(place).map_err(|error| error.to_string())?,
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
    let state = || {
        let statement = witness.statement(&terms);
        statement.map_err(|error| error.to_string())
    };
    let statement = state()?;
    let inputs = || Ok(witness.inputs(&statement));
    times("redeem", circuit.circuit(), &state, &inputs)
}

/// A step that gives something, or says why it cannot.
type Step<'a, T> = &'a dyn Fn() -> Result<T, String>;

fn times<S>(
    name: &str,
    circuit: &Circuit,
    state: Step<'_, S>,
    lay_out: Step<'_, Zeroizing<Vec<Fr>>>,
) -> Result<(), String> {
    let inputs = lay_out()?;
    let program = &circuit.program;
    let run = || program.run(&inputs).map_err(|error| error.to_string());
    let plainly = || {
        let wires = program.run_plainly(&inputs);
        wires.map_err(|error| error.to_string())
    };
    let wires = run()?;
    circuit.check(&wires).map_err(|error| error.to_string())?;
    if plainly()? != wires {
        return Err(format!("{name}: the two ways to the wires disagree"));
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
fn time<T>(step: Step<'_, T>) -> Result<f64, String> {
    let (clock, before) = (Instant::now(), processor_time());
    for _ in 0..RUNS {
        black_box(step()?);
    }
    let wall = clock.elapsed().as_secs_f64() * 1e3;
    let passed = before.zip(processor_time()).map(|(from, to)| to - from);
    // A scheduler that accounts at its ticks only has seen nothing of a short stretch.
    let passed = passed.filter(|passed| *passed > 0.0).unwrap_or(wall);
    Ok(passed / f64::from(RUNS))
}

/// Milliseconds for which this thread had a processor so far.
fn processor_time() -> Option<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e6)
}
