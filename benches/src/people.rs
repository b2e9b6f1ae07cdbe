//! Measure 7: the proofs that people make, and how many deposits and redemptions a coordinator
//! takes.
//!
//! Proving is timed with real keys. The ledger's entries are the fixture's, with proofs from a
//! trapdoor, so that the ledger is measured and not the prover.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use merits_circuits::{
    builder::Circuit,
    person::Costs,
    prover::Prover as _,
    redeem::{NoteWitness, RedeemCircuit, RedeemTerms, RedeemWitness},
    ticket::{TicketCircuit, TicketWitness},
};
use merits_coordinator::{Clock, Coordinator};
use merits_ledger_fixture::{Citizen, Redeeming, Stage};
use merits_params::keystore::KeyStore;
use merits_primitives::{
    Fr,
    calendar::{Day, Timestamp},
    field,
    group::{Group, GroupPath, GroupRoot},
    identity::{Birth, Secret, leaf},
    ids::{AssetId, Credits, Expiry},
    jubjub::{Point, random_scalar},
    note::NoteCommitment,
    note_tree::{self, bucket_root, root_of_buckets},
    owner::KeyParts,
    view_encryption::Exponent,
};
use merits_verifier::{
    codec::Canonical as _,
    entry::{Leaf, SignedEntry},
    groth16,
};
use rand::{SeedableRng as _, rngs::StdRng};
use zeroize::Zeroizing;

use super::{
    Effort,
    earn::{DEV_KEYS, WITNESS_SHARE, default_prover, dev_key},
    ledger::{start, submit_all},
    machine::Watch,
    sampling::{Samples, ms},
    table::{Table, percent},
};
use crate::screen::{thousands, working};

/// How many times the pace is measured, each time on a fresh ledger.
const RUNS: usize = 3;
/// People in the group: a path of 14 levels. Their number does not change a prover's cost.
const PEOPLE: u64 = 10_000;

pub(super) async fn measure(table: &mut Table, effort: &Effort) -> anyhow::Result<()> {
    prove(table, effort)?;
    pace(table, effort).await
}

/// A statement to prove repeatedly.
pub(super) struct Inputs {
    /// Makes the statement, as the verifier sees it, and lays the inputs out.
    pub(super) all: LayOut,
    /// Lays the inputs out for a statement that was made once.
    lay_out: LayOut,
}

/// Gives the inputs of the witness program.
type LayOut = Box<dyn Fn() -> anyhow::Result<Zeroizing<Vec<Fr>>> + Send + Sync>;

fn prove(table: &mut Table, effort: &Effort) -> anyhow::Result<()> {
    let rng = &mut StdRng::seed_from_u64(7);
    let (ticket, redeem) = (TicketCircuit::build(), RedeemCircuit::build());
    for (name, circuit, inputs, bar) in [
        ("ticket", ticket.circuit(), ticket_inputs(rng)?, 200.0),
        ("redeem", redeem.circuit(), redeem_inputs(rng)?, 400.0),
    ] {
        let times = Times::take(name, circuit, &inputs, effort, rng)?;
        let costs = Costs(circuit);
        table.section(&format!(
            "Statement {name}, by a person's wallet, {} threads",
            effort.threads
        ));
        table.row(
            "constraints",
            thousands(costs.constraints() as u64),
            format!("domain {}", thousands(costs.domain() as u64)),
            format!("{} public inputs", circuit.r1cs.n_public),
        );
        table.time("load the key by digest (once)", &times.load);
        table.time("statement and inputs", &times.inputs);
        table.time("witness program", &times.program);
        table.time("prove, with the witness ready", &times.proof);
        table.time_within("prove, all of it, with the key loaded", &times.all, bar);
        let witness = times.lay_out.median() + times.program.median();
        let proof = times.proof.median();
        table.share_within("witness / prove", witness / proof, WITNESS_SHARE);
        let with_public = (times.inputs.median() + times.program.median()) / proof;
        table.fact("  the public side counted too", percent(with_public));
        table.time("verify one proof, one thread", &times.verify);
    }
    Ok(())
}

struct Times {
    load: Samples,
    /// Including the public side.
    inputs: Samples,
    lay_out: Samples,
    program: Samples,
    proof: Samples,
    all: Samples,
    verify: Samples,
}

impl Times {
    fn take(
        name: &str,
        circuit: &Circuit,
        inputs: &Inputs,
        effort: &Effort,
        rng: &mut StdRng,
    ) -> anyhow::Result<Self> {
        let bar = working("people: the key");
        let store = KeyStore::new(&effort.keys);
        store.get_or_set_up(&circuit.r1cs, "merits bench", DEV_KEYS, rng)?;
        let at = circuit.r1cs.digest();
        let key = || store.get(&at, DEV_KEYS)?.context("the key was just there");
        let load = Samples::cold(3, &key)?;
        let zkey = key()?.zkey;
        let verifying = dev_key(&zkey.key.vk)?;
        let prover = default_prover(zkey)?;

        bar.set_message(format!("{name}: proofs"));
        let laid_out = (inputs.all)()?;
        let n_public = circuit.r1cs.n_public as usize;
        let wires = circuit.program.run(&laid_out)?;
        let proof = prover.prove(&wires, rng)?;
        let publics = &wires[1..=n_public];
        groth16::verify(&verifying, &proof, publics)?;
        let verify = || Ok(groth16::verify(&verifying, &proof, publics)?);
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
        let pool = effort.pool()?;
        let times = Self {
            load,
            inputs: Samples::take(effort.short, &inputs.all)?,
            lay_out: Samples::take(effort.short, &inputs.lay_out)?,
            program: pool.install(|| {
                Samples::take(effort.short, || Ok(circuit.program.run(&laid_out)?))
            })?,
            proof: pool
                .install(|| Samples::take(effort.proofs, || Ok(prover.prove(&wires, rng)?)))?,
            verify: one.install(|| Samples::take(effort.short, verify))?,
            all: pool.install(|| {
                Samples::take(effort.proofs, || {
                    let wires = circuit.program.run(&(inputs.all)()?)?;
                    Ok(prover.prove(&wires, rng)?)
                })
            })?,
        };
        bar.finish_and_clear();
        Ok(times)
    }
}

/// Somebody in a group of [`PEOPLE`].
fn member(rng: &mut StdRng) -> anyhow::Result<(Secret, Birth, GroupPath, GroupRoot)> {
    let secret = Secret::random(rng);
    let birth = Birth {
        from: Day(20_000),
        generation: 0,
    };
    let mut group = Group::new();
    let own = leaf(secret.commitment().context("a secret is not zero")?, birth);
    for index in 0..PEOPLE {
        let others = field::random(rng);
        group.push(if index == PEOPLE / 3 { own } else { others })?;
    }
    let root = group.root().context("somebody is in the group")?;
    Ok((secret, birth, group.path(PEOPLE / 3)?, root))
}

pub(super) fn ticket_inputs(rng: &mut StdRng) -> anyhow::Result<Inputs> {
    let (secret, birth, path, root) = member(rng)?;
    let witness = Arc::new(TicketWitness {
        secret,
        birth,
        path,
        scope_source: field::random(rng),
    });
    let (scope, message) = (field::random(rng), field::random(rng));
    let again = Arc::clone(&witness);
    let statement = witness.statement(root, scope, message, Day(20_500));
    Ok(Inputs {
        all: Box::new(move || {
            let statement = witness.statement(root, scope, message, Day(20_500));
            Ok(witness.inputs(&statement))
        }),
        lay_out: Box::new(move || Ok(again.inputs(&statement))),
    })
}

/// Two notes of a bucket of 64, change, a limit of three a day.
pub(super) fn redeem_inputs(rng: &mut StdRng) -> anyhow::Result<Inputs> {
    let (secret, birth, group_path, group_root) = member(rng)?;
    let (asset, expiry) = (AssetId(1), Expiry(600));
    let mut own =
        [(1_000, field::random(rng)), (500, field::random(rng))].map(|(value, sn1)| NoteWitness {
            value: Credits(value),
            made_of: KeyParts::Change { sn1 },
            path: note_tree::NotePath::dummy(),
        });
    let mut leaves: Vec<NoteCommitment> = (0..64).map(|_| field::random(rng)).collect();
    for (note, place) in own.iter().zip([5, 40]) {
        leaves[place] = note.commitment(&secret, expiry, asset);
    }
    let roots = [bucket_root(&leaves)];
    for (note, place) in own.iter_mut().zip([5, 40]) {
        note.path = note_tree::path(place, &leaves, &roots).context("the note is there")?;
    }
    let terms = RedeemTerms {
        note_root: root_of_buckets(&roots),
        group_root,
        asset,
        expiry,
        amount: Credits(1_200),
        floor: Credits(0),
        context: field::random(rng),
        rate_scope: field::random(rng),
        rate_limit: 3,
        view_key: Point::mul_base(&random_scalar(rng)).context("a scalar is not zero")?,
    };
    let mut bytes = [0; 32];
    rand::Rng::fill_bytes(rng, &mut bytes);
    let witness = Arc::new(RedeemWitness {
        secret,
        birth,
        group_path,
        notes: own,
        index: 1,
        exponent: Exponent::from_bytes(&bytes),
    });
    let again = Arc::clone(&witness);
    let statement = witness.statement(&terms)?;
    Ok(Inputs {
        all: Box::new(move || {
            let statement = witness.statement(&terms)?;
            Ok(witness.inputs(&statement))
        }),
        lay_out: Box::new(move || Ok(again.inputs(&statement))),
    })
}

/// A newly founded ledger, and entries that it accepts.
struct Rehearsal {
    stage: Stage<StdRng>,
    founding: Vec<SignedEntry>,
    entries: Vec<SignedEntry>,
}

/// A clock that begins at a given time and runs like the machine's.
#[derive(Debug)]
struct ClockFrom {
    time: Timestamp,
    start: Instant,
}

impl Clock for ClockFrom {
    fn now(&self) -> Timestamp {
        self.time + self.start.elapsed()
    }
}

impl Rehearsal {
    fn deposits(count: usize) -> anyhow::Result<Self> {
        let mut stage = Stage::new(StdRng::seed_from_u64(8))?;
        stage.register(&Citizen::new(1))?;
        let state = stage.ledger.state().clone();
        let entries = stage
            .federation
            .deposits(&state, count as u64, &mut stage.rng)?;
        Self::over(stage, entries)
    }

    fn redemptions(count: usize) -> anyhow::Result<Self> {
        let mut stage = Stage::new(StdRng::seed_from_u64(9))?;
        stage.earner(&Citizen::new(1))?;
        let offer = stage.offer(Credits(1), u32::try_from(count)?)?;
        let state = stage.ledger.state().clone();
        let at = Redeeming::new(
            offer,
            &stage.federation.exchange,
            stage.time + Duration::from_secs(2),
        );
        let entries = stage
            .federation
            .redemptions(&state, count as u64, &at, &mut stage.rng)?;
        Self::over(stage, entries)
    }

    fn over(stage: Stage<StdRng>, entries: Vec<SignedEntry>) -> anyhow::Result<Self> {
        let leaves = stage.ledger.store().leaves().iter();
        let founding = leaves
            .map(|bytes| Ok(Leaf::from_bytes(bytes)?.entry))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            stage,
            founding,
            entries,
        })
    }

    /// A coordinator with all the earlier entries appended.
    async fn node(&self, directory: &Path) -> anyhow::Result<Coordinator> {
        let clock = Arc::new(ClockFrom {
            time: self.stage.time + Duration::from_secs(2),
            start: Instant::now(),
        });
        let node = start(&self.stage.federation, clock, directory, &self.founding).await?;
        // Roots are anchored at whole seconds: the newest notes are not anchored yet.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        Ok(node)
    }
}

async fn pace(table: &mut Table, effort: &Effort) -> anyhow::Result<()> {
    let count = effort.batches * 2;
    let directory = tempfile::tempdir_in(&effort.data_dir)?;
    table.section(&format!(
        "Coordinator and client on {} cores: {} ready entries of a kind, gRPC, SQLite in {}",
        effort.threads,
        thousands(count as u64),
        effort.data_dir.display()
    ));
    for (name, rehearse) in [
        ("deposits", Rehearsal::deposits as fn(usize) -> _),
        ("redemptions", Rehearsal::redemptions),
    ] {
        let bar = working("people: deposits and redemptions");
        let rehearsal: Rehearsal = rehearse(count)?;
        let mut runs = Vec::new();
        let mut others = None;
        for run in 0..if effort.quick { 1 } else { RUNS } {
            let place = directory.path().join(format!("{name}-{run}"));
            let node = rehearsal.node(&place).await?;
            let watch = Watch::start();
            runs.push(submit_all(&node, &rehearsal.entries).await?);
            others = watch.shares().map(|(_, others)| others);
            node.shutdown().await?;
        }
        bar.finish_and_clear();
        let each = Samples::of(runs).each(count);
        table.row(
            format!("{name}, durable, proofs verified in batches"),
            format!("{:.0} a second", 1e3 / each.median()),
            format!("{} each, {}", ms(each.median()), each.range()),
            others.map_or_else(String::new, |others| {
                format!("others took {} of the cores", percent(others))
            }),
        );
    }
    Ok(())
}
