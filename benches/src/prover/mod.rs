//! The prover compared with others: on our own circuits, or on any key and witness of circom.

mod arkworks;
pub(super) mod child;
mod contest;
mod report;
mod trials;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::Args;
use merits_circuits::{
    prover::{Prover as _, SimdProver},
    snarkjs_files::{self, PROOF_FILE, PUBLIC_FILE},
};
use merits_guard::output::Readers;
use merits_params::{keystore::VERIFICATION_KEY_FILE, snarkjs_json};
use merits_verifier::groth16::Proof;
use rand::{SeedableRng as _, rngs::StdRng};

use self::{
    contest::{Field, Outcome},
    trials::{Subject, Trial},
};
use super::{Effort, Program, begin, can_write, finish, machine::Watch, note_load, table::Table};
use crate::screen::working;

/// Arguments of `merits bench prover`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A Groth16 proving key over BN254, of snarkjs or ours. Without one, circuits of our own are
    /// measured
    #[arg(long, requires = "wtns", value_name = "FILE")]
    zkey: Option<PathBuf>,
    /// A witness of the key's circuit
    #[arg(long, requires = "zkey", value_name = "FILE")]
    wtns: Option<PathBuf>,
    /// The circuit, to name the constraint that a bad witness breaks
    #[arg(long, requires = "zkey", value_name = "FILE")]
    r1cs: Option<PathBuf>,
    /// Also write our prover's proof into this directory (proof.json and public.json, with the
    /// key's verification_key.json), for snarkjs to judge
    #[arg(long, requires = "zkey", value_name = "DIR")]
    output: Option<PathBuf>,
    /// Measure only this of our own circuits; may be given several times
    #[arg(long, value_enum, conflicts_with = "zkey")]
    circuit: Vec<Subject>,
    /// Measure nothing: write the circuits, keys and witnesses for others to measure on, a
    /// directory each
    #[arg(long, conflicts_with = "zkey", value_name = "DIR")]
    write_circuits: Option<PathBuf>,
    /// Proofs of each prover that are timed
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Threads of the provers; all cores if left out
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Also write the table as markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Where proving keys of our own circuits are kept for the next run
    #[arg(long, default_value = "merits-data")]
    data_dir: PathBuf,
}

impl Arguments {
    pub(super) fn run(self, program: Program) -> anyhow::Result<ExitCode> {
        let subjects = match self.circuit.as_slice() {
            [] => Subject::ALL.to_vec(),
            some => some.to_vec(),
        };
        if let (Some(zkey), Some(wtns)) = (&self.zkey, &self.wtns) {
            // Wrong files are reported before anything is made.
            let judged = self.output.as_deref().map(Judged::new).transpose()?;
            let trial = Trial::from_files(zkey, wtns, self.r1cs.as_deref())?;
            let (mut table, effort) = self.begin(program)?;
            let watch = Watch::start();
            run_trial(trial, judged.as_ref(), &mut table, &effort)?;
            note_load(&mut table, &watch);
            return self.finish(&table);
        }
        let (mut table, effort) = self.begin(program)?;
        if let Some(directory) = &self.write_circuits {
            write_circuits(&subjects, directory, &effort)?;
            return Ok(ExitCode::SUCCESS);
        }
        let watch = Watch::start();
        run_subjects(&subjects, &mut table, &effort)?;
        note_load(&mut table, &watch);
        self.finish(&table)
    }

    fn begin(&self, program: Program) -> anyhow::Result<(Table, Effort)> {
        can_write(self.markdown.as_deref())?;
        let mut effort = Effort::new(false, self.threads, &self.data_dir, program)?;
        effort.proofs = usize::from(self.runs);
        Ok((begin(&effort), effort))
    }

    fn finish(&self, table: &Table) -> anyhow::Result<ExitCode> {
        finish(table, self.markdown.as_deref())
    }
}

/// All of our own circuits: `merits bench --only prover`.
pub(super) fn measure(table: &mut Table, effort: &Effort) -> anyhow::Result<()> {
    run_subjects(&Subject::ALL, table, effort)
}

fn run_subjects(subjects: &[Subject], table: &mut Table, effort: &Effort) -> anyhow::Result<()> {
    let mut outcomes = Vec::new();
    for subject in subjects {
        let trial = subject.trial(effort)?;
        outcomes.push(run_trial(trial, None, table, effort)?);
    }
    report::summary(table, &outcomes);
    Ok(())
}

fn run_trial(
    trial: Trial,
    judged: Option<&Judged<'_>>,
    table: &mut Table,
    effort: &Effort,
) -> anyhow::Result<Outcome> {
    let bar = working(format!("{}: a proof of each prover, verified", trial.name));
    let sizes = trial.sizes();
    let directory = tempfile::tempdir_in(&effort.data_dir)?;
    let files = trial.files(directory.path())?;
    let (field, proof) = Field::prepare(&trial, effort)?;
    if let Some(judged) = judged {
        judged.write(&trial, &proof)?;
        bar.suspend(|| judged.tell());
    }
    bar.set_message(format!("{}: provers in turns", trial.name));
    let outcome = field.run(&trial, effort)?;
    // The rest is measured in separate processes, and these keys would only take memory.
    drop(field);
    bar.set_message(format!("{}: memory and time to ready", trial.name));
    let alone = child::measure(&files, directory.path(), effort)?;
    bar.finish_and_clear();
    report::section(table, &sizes, &outcome, &alone, effort);
    Ok(outcome)
}

/// Where a proof is written for others to check.
struct Judged<'a>(&'a Path);

impl<'a> Judged<'a> {
    const FILES: [&'static str; 3] = [VERIFICATION_KEY_FILE, PUBLIC_FILE, PROOF_FILE];

    /// Checks before the measurement that the files can be made, and that none is replaced.
    fn new(directory: &'a Path) -> anyhow::Result<Self> {
        let at = || format!("--output {}", directory.display());
        merits_guard::create_shared_folder(directory).with_context(at)?;
        for name in Self::FILES {
            let path = directory.join(name);
            ensure!(
                !path.exists(),
                "{} exists already, and would be of another proof: name another directory for \
                 --output",
                path.display()
            );
        }
        tempfile::tempfile_in(directory).with_context(at)?;
        Ok(Self(directory))
    }

    fn write(&self, trial: &Trial, proof: &Proof) -> anyhow::Result<()> {
        let write = || {
            let key = snarkjs_json::verification_key(&trial.zkey.key.vk);
            snarkjs_files::write(self.0, VERIFICATION_KEY_FILE, Readers::Everybody, |out| {
                out.write_all(key.as_bytes())
            })?;
            snarkjs_files::write_public_part(self.0, trial.publics(), proof)
        };
        write().with_context(|| format!("--output {}", self.0.display()))
    }

    fn tell(&self) {
        let files = Self::FILES.map(|name| self.0.join(name).display().to_string());
        println!("wrote the proof of ours; snarkjs judges it by");
        println!("  snarkjs groth16 verify {}", files.join(" "));
    }
}

fn write_circuits(subjects: &[Subject], to: &Path, effort: &Effort) -> anyhow::Result<()> {
    let at = || to.display().to_string();
    let empty = !to.exists() || fs::read_dir(to).with_context(at)?.next().is_none();
    ensure!(empty, "{} is not empty: name another directory", at());
    let rng = &mut StdRng::from_rng(&mut rand::rng());
    for subject in subjects {
        let trial = subject.trial(effort)?;
        let directory = to.join(trial.slug());
        let bar = working(format!("{}: writing", trial.name));
        if let Some(circuit) = &trial.circuit {
            snarkjs_files::write_circuit(&directory, &circuit.r1cs, &trial.zkey)
                .with_context(at)?;
        }
        let publics = trial.zkey.n_public();
        let prover = SimdProver::new(trial.zkey)?;
        let proof = prover.prove(&trial.assignment, rng)?;
        snarkjs_files::write_proof(&directory, publics, &trial.assignment, &proof)
            .with_context(at)?;
        bar.finish_and_clear();
        println!("wrote {}", directory.display());
    }
    println!("each has circuit.r1cs, circuit.zkey (made by one party: for trials only),");
    println!("verification_key.json, witness.wtns, proof.json and public.json");
    Ok(())
}
