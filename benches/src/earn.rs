//! Measure 2: the earn batch of the shipped scale, from compiling to proof.

use std::hint::black_box;

use anyhow::Context as _;
use merits_circuits::{
    earn::{CostTable, EarnCircuit},
    prover::{self, CircomProver, Prover, SimdProver},
};
use merits_params::{groth16::set_up, keystore::KeyStore, zkey::Zkey};
use merits_verifier::groth16::{self, KeyError, KeyPolicy, PreparedKey, Provenance, VerifyingKey};
use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    Effort,
    cases::{Case, SHIPPED, full_weeks, scale},
    sampling::{Samples, in_turns, ms, timed},
    table::{Table, percent},
};
use crate::screen::{thousands, working};

/// Keys of benchmarks are made on this machine during the run.
pub(super) const DEV_KEYS: KeyPolicy = KeyPolicy {
    allow_dev_keys: true,
};

/// The largest share of proving time that making the witness may take.
pub(super) const WITNESS_SHARE: f64 = 0.05;

/// The prover that roles use, with a key. This is the only place that names it.
pub(super) fn default_prover(zkey: Zkey) -> Result<SimdProver, prover::KeyError> {
    SimdProver::new(zkey)
}

/// The verifying key of a key that was made here.
pub(super) fn dev_key(key: &VerifyingKey) -> Result<PreparedKey, KeyError> {
    PreparedKey::new(key.clone(), Provenance::InsecureDev, DEV_KEYS)
}

pub(super) fn measure(table: &mut Table, effort: &Effort) -> anyhow::Result<()> {
    let rng = &mut StdRng::seed_from_u64(2);
    let manifest = scale(SHIPPED)?;
    let claims = usize::from(SHIPPED.claims);
    let bar = working("earn: compiling");
    let compile = Samples::cold(3, || Ok(EarnCircuit::build(manifest.formula(), claims)))?;
    let circuit = EarnCircuit::build(manifest.formula(), claims);
    let costs = circuit.costs();
    let r1cs = &circuit.circuit().r1cs;
    let digest = Samples::cold(3, || Ok(r1cs.digest()))?;

    bar.set_message("earn: set-up");
    let set_up = effort
        .pool()?
        .install(|| timed(|| Ok(set_up(r1cs, rng)?)))?
        .1;

    bar.set_message("earn: loading the key");
    let store = KeyStore::new(&effort.keys);
    let name = "merits bench";
    store.get_or_set_up(r1cs, name, DEV_KEYS, rng)?;
    let at = r1cs.digest();
    let key = || store.get(&at, DEV_KEYS)?.context("the key was just there");
    let load = Samples::cold(3, &key)?;
    let mut prepare = Vec::new();
    for _ in 0..3 {
        let zkey = key()?.zkey;
        prepare.push(timed(|| Ok(default_prover(zkey)?))?.1);
    }
    let prepare = Samples::of(prepare);
    let zkey = key()?.zkey;
    let provers = Provers {
        ours: default_prover(zkey.clone())?,
        taceo: CircomProver::new(zkey),
    };

    bar.set_message("earn: witnesses and proofs");
    let real = Case::shipped(rng)?;
    let full = Case::new(&manifest, circuit, full_weeks(SHIPPED), rng)?;
    let times = effort
        .pool()?
        .install(|| prove(&real, &full, &provers, effort, rng))?;
    bar.finish_and_clear();

    table.section(&format!(
        "Statement earn, cycling-week: {} claims of up to {} trips, {} threads",
        SHIPPED.claims, SHIPPED.records, effort.threads
    ));
    table.time("compile the scale (once a start)", &compile);
    table.time("digest of the constraints (once a start)", &digest);
    table.row(
        "set-up by one party (once a shape)",
        ms(set_up.as_secs_f64() * 1e3),
        "once",
        "",
    );
    table.time_within("load the key by digest", &load, 500.0);
    table.time("prepare the prover with it", &prepare);
    times.report(table, claims);
    parts(table, &costs);
    Ok(())
}

struct Times {
    public_side: Samples,
    inputs: Samples,
    program: Samples,
    real: Samples,
    full: Samples,
    taceo: Samples,
}

/// Both with the same key.
struct Provers {
    ours: SimdProver,
    taceo: CircomProver,
}

fn prove(
    real: &Case,
    full: &Case,
    provers: &Provers,
    effort: &Effort,
    rng: &mut StdRng,
) -> anyhow::Result<Times> {
    let (formula, capacity) = (real.circuit.formula(), real.circuit.capacity());
    let state = || Ok(full.witness.statement(formula, capacity, &full.terms)?);
    let public_side = Samples::take(effort.short, state)?;
    let statement = state()?;
    let lay_out = || Ok(full.circuit.inputs(&statement, &full.witness)?);
    let inputs = Samples::take(effort.short, lay_out)?;
    let laid_out = lay_out()?;
    let program = &full.circuit.circuit().program;
    let program = Samples::take(effort.short, || Ok(program.run(&laid_out)?))?;

    let (of_real, of_full) = (real.assignment()?, full.assignment()?);
    let key = dev_key(provers.ours.verifying_key())?;
    let proof = provers.ours.prove(&of_real, rng)?;
    groth16::verify(&key, &proof, &real.publics()?)?;
    let mut rngs = [(); 3].map(|()| StdRng::from_rng(rng));
    let [one, two, three] = &mut rngs;
    let proofs = in_turns(
        effort.proofs,
        &mut [
            &mut || {
                black_box(provers.ours.prove(&of_real, one)?);
                Ok(())
            },
            &mut || {
                black_box(provers.ours.prove(&of_full, two)?);
                Ok(())
            },
            &mut || {
                black_box(provers.taceo.prove(&of_full, three)?);
                Ok(())
            },
        ],
    )?;
    let [real, full, taceo] = <[Samples; 3]>::try_from(proofs)
        .ok()
        .context("three kinds of proofs were made")?;
    Ok(Times {
        public_side,
        inputs,
        program,
        real,
        full,
        taceo,
    })
}

impl Times {
    fn report(&self, table: &mut Table, claims: usize) {
        table.time("public side, natively (full weeks)", &self.public_side);
        table.time("witness: inputs laid out (full weeks)", &self.inputs);
        table.time("witness: program (full weeks)", &self.program);
        table.time("prove a batch of real weeks", &self.real);
        table.time("prove a batch of full weeks", &self.full);
        table.time("  a claim (full weeks)", &self.full.each(claims));
        table.time("taceo-groth16, a batch of full weeks", &self.taceo);
        let ratio = self.full.median() / self.taceo.median();
        table.row(
            "ours / taceo-groth16",
            format!("{ratio:.2}"),
            "in turns",
            if ratio <= 1.0 {
                "at most 1: met"
            } else {
                "at most 1: MISSED"
            },
        );
        let witness = self.inputs.median() + self.program.median();
        let prove = self.full.median();
        table.share_within("witness / prove", witness / prove, WITNESS_SHARE);
        let with_public = (witness + self.public_side.median()) / prove;
        table.fact("  the public side counted too", percent(with_public));
    }
}

/// Where the constraints go.
fn parts(table: &mut Table, costs: &CostTable) {
    table.row(
        "constraints a claim",
        thousands(costs.per_claim() as u64),
        "",
        format!(
            "at most 8,000: {}",
            if costs.per_claim() <= 8_000 {
                "met"
            } else {
                "MISSED"
            }
        ),
    );
    let size = |n: usize| thousands(n as u64);
    table.row(
        "constraints in all",
        size(costs.constraints),
        format!("domain {}", size(costs.domain())),
        format!(
            "{} public inputs, {} wires",
            costs.publics,
            size(costs.wires)
        ),
    );
    for line in costs
        .lines
        .iter()
        .filter(|line| line.part.matches('/').count() <= 2)
    {
        let share = match (line.per_record, line.per_claim) {
            (Some(record), _) => format!("{}.{:02} a record", record / 100, record % 100),
            (None, Some(claim)) => format!("{} a claim", size(claim)),
            (None, None) => "once a batch".to_owned(),
        };
        table.row(format!("  {}", line.part), size(line.total), share, "");
    }
}
