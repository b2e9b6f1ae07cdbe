//! `merits bench`: the performance of this machine, in one table.
//!
//! Medians, with ranges beside them; the table also has the share of the cores that other processes
//! took during each measure, since that distorts such figures.
//!
//! A crate of its own, because it brings proofs made from a trapdoor, and the command that is shipped
//! must not be able to forge. Two programs have these measures: `merits-bench`, which every build of
//! the workspace makes, and `merits` with its feature `bench`, as `merits bench`. Criterion's
//! benchmarks are in `benches/criterion`.

#[macro_use]
extern crate merits_text;

pub mod cases;
mod earn;
mod footprint;
mod ledger;
mod machine;
mod people;
mod prover;
mod roles;
mod sampling;
mod size_classes;
mod table;
mod told;
mod verification;
mod whole_file;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand, ValueEnum};
use merits_guard::output::{Kind, Output, Readers};
use merits_text::screen::{self, thousands};

pub use self::whole_file::WholeFile;
use self::{
    cases::Weeks,
    machine::{Machine, Watch},
    table::{Table, percent},
};

/// The command's arguments: none for the whole table, or one measure with its own options.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    one: Option<One>,
    #[command(flatten)]
    all: All,
}

/// Measures that have their own options.
#[derive(Debug, Subcommand)]
enum One {
    /// Our prover against taceo-groth16 and ark-groth16, in turns, on any key and witness
    Prover(prover::Arguments),
    /// What `prover` starts to measure memory and time to ready in a process of their own
    #[command(hide = true)]
    LoadAndProve(prover::child::Arguments),
    /// What `ledger` starts to measure a server's memory in a process of its own
    #[command(hide = true)]
    ServeAndTell(footprint::Serve),
    /// What `ledger` starts to measure how a command opens a copy
    #[command(hide = true)]
    OpenAndTell(footprint::Open),
    /// What `ledger` starts to measure how a wallet's command knows what its person has
    #[command(hide = true)]
    BalanceAndTell(footprint::Balance),
    /// What `ledger` starts to measure a step of another role in a process of its own
    #[command(hide = true)]
    RoleAndTell(roles::Act),
}

/// Options of the whole table.
#[derive(Debug, Args)]
struct All {
    /// Fewer rounds and sizes: a first impression in a minute
    #[arg(long)]
    quick: bool,
    /// Measure only this; may be given several times
    #[arg(long, value_enum)]
    only: Vec<Measure>,
    /// Also read, prove and submit a whole file of trips, in the form of examples/cycling
    #[arg(long)]
    whole_file: Option<PathBuf>,
    /// Claims of the ledger whose files, memory and time to open `ledger` compares with those of 10,000
    /// claims. Making a million takes some minutes, and 1.1 GB in `--data-dir`
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(i64::from(footprint::LEAST)..))]
    ledger_claims: u32,
    /// Also write the table as markdown
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Threads of the prover; all cores if left out
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Where ledgers are made, and proving keys kept for the next run
    #[arg(long, default_value = "merits-data")]
    data_dir: PathBuf,
}

/// One of the measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// Our prover against its peers, on six circuits
    Prover,
    /// The earn batch: compile, load, witness, prove
    Earn,
    /// Other sizes of claims and batches
    SizeClasses,
    /// One proof, and a batch of them, on one thread
    Verification,
    /// The coordinator's durable pace, a replica, and what a large ledger takes
    Ledger,
    /// What people prove; deposits and redemptions a second
    People,
    /// Nothing but the whole file
    WholeFile,
}

/// How much to measure, and where.
#[derive(Debug)]
struct Effort {
    quick: bool,
    threads: usize,
    /// Runs of a proof.
    proofs: usize,
    /// Runs of work that takes milliseconds.
    short: usize,
    /// Batches for the ledger.
    batches: usize,
    keys: PathBuf,
    data_dir: PathBuf,
    program: Program,
}

/// The program that the measures run in: some of them start it again, as a process of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `merits-bench`, whose arguments these are.
    Own,
    /// `merits`, whose subcommand `bench` takes them.
    Command,
}

impl Program {
    /// The words before the arguments.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Own => &[],
            Self::Command => &["bench"],
        }
    }
}

impl Effort {
    /// Works in this directory, which is created, and on all cores if no number of threads is
    /// given.
    fn new(
        quick: bool,
        threads: Option<u16>,
        data_dir: &Path,
        program: Program,
    ) -> anyhow::Result<Self> {
        merits_guard::create_shared_folder(data_dir)
            .with_context(|| format!("--data-dir {} (a directory)", data_dir.display()))?;
        Ok(Self {
            quick,
            threads: threads.map_or_else(|| Machine::read().cores, usize::from),
            proofs: if quick { 3 } else { 9 },
            short: if quick { 5 } else { 25 },
            batches: if quick { 256 } else { 1_024 },
            keys: data_dir.join("keys"),
            data_dir: data_dir.to_owned(),
            program,
        })
    }

    /// A pool of the prover's threads.
    fn pool(&self) -> anyhow::Result<rayon::ThreadPool> {
        Ok(rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .build()?)
    }
}

impl Arguments {
    /// Whether a whole file is to be taken through a federation.
    pub fn wants_whole_file(&self) -> bool {
        self.all.whole_file.is_some()
    }

    /// Measures, prints, and writes the table if that is asked for. `whole_file` takes every row of
    /// a file (its second path) through a federation that it founds under a directory (its first):
    /// the command's own demonstration, which this crate does not know.
    ///
    /// # Errors
    /// Something that a measure needs is missing. The message is for people.
    pub async fn run(
        self,
        program: Program,
        whole_file: impl AsyncFnOnce(&Path, &Path) -> anyhow::Result<WholeFile>,
    ) -> anyhow::Result<ExitCode> {
        match self.one {
            None => self.all.run(program, whole_file).await,
            // This keeps all cores busy and does not await anything.
            Some(One::Prover(arguments)) => {
                tokio::task::spawn_blocking(move || arguments.run(program)).await?
            }
            Some(One::LoadAndProve(arguments)) => {
                tokio::task::spawn_blocking(move || arguments.run()).await?
            }
            Some(One::ServeAndTell(arguments)) => arguments.run().await,
            Some(One::BalanceAndTell(arguments)) => arguments.run().await,
            Some(One::RoleAndTell(arguments)) => arguments.run().await,
            Some(One::OpenAndTell(arguments)) => {
                tokio::task::spawn_blocking(move || arguments.run()).await?
            }
        }
    }
}

/// The table's file, which a newer table replaces.
const TABLE: Kind<'static> =
    Kind::new("a table of measurements", Readers::Everybody).replacing(table::BEGINS);

/// A table that begins with the machine.
fn begin(effort: &Effort) -> Table {
    let machine = Machine::read();
    let mut table = Table::default();
    table.section("Machine");
    table.fact("processor", &machine.cpu);
    table.fact("vector instructions", machine.vectors);
    table.fact(
        "cores, memory",
        format!("{}, {}", machine.cores, machine.memory),
    );
    table.fact("threads of the prover", effort.threads.to_string());
    table
}

/// Checks that the table can be written, before an hour of work.
fn can_write(markdown: Option<&Path>) -> anyhow::Result<()> {
    let Some(path) = markdown else { return Ok(()) };
    Output::check(path, TABLE).with_context(|| format!("--markdown {}", path.display()))
}

/// Shows the table, and writes it if that is asked for.
fn finish(table: &Table, markdown: Option<&Path>) -> anyhow::Result<ExitCode> {
    println!("{}", table.screen());
    if let Some(path) = markdown {
        Output::write(path, TABLE, table.markdown().as_bytes())?;
        println!("wrote {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

impl All {
    async fn run(
        self,
        program: Program,
        whole_file: impl AsyncFnOnce(&Path, &Path) -> anyhow::Result<WholeFile>,
    ) -> anyhow::Result<ExitCode> {
        ensure!(
            self.whole_file.is_some() || !self.only.contains(&Measure::WholeFile),
            "--only whole-file needs --whole-file PATH"
        );
        can_write(self.markdown.as_deref())?;
        let effort = Effort::new(self.quick, self.threads, &self.data_dir, program)?;
        let mut table = begin(&effort);
        let weeks = self.weeks()?;
        table.fact(
            "real weeks",
            format!("{} with trips", thousands(weeks.count() as u64)),
        );

        let measures = [
            Measure::Prover,
            Measure::Earn,
            Measure::SizeClasses,
            Measure::Verification,
            Measure::Ledger,
            Measure::People,
        ];
        for measure in measures {
            if !self.only.is_empty() && !self.only.contains(&measure) {
                continue;
            }
            let watch = Watch::start();
            match measure {
                Measure::Prover => prover::measure(&mut table, &effort)?,
                Measure::Earn => earn::measure(&mut table, &effort)?,
                Measure::SizeClasses => size_classes::measure(&mut table, &weeks, &effort)?,
                Measure::Verification => verification::measure(&mut table, &effort)?,
                Measure::Ledger => {
                    ledger::measure(&mut table, &effort).await?;
                    note_load(&mut table, &watch);
                    footprint::measure(&mut table, &effort, self.ledger_claims).await?;
                }
                Measure::People => people::measure(&mut table, &effort).await?,
                Measure::WholeFile => {}
            }
            note_load(&mut table, &watch);
        }
        if let Some(input) = &self.whole_file {
            let watch = Watch::start();
            let measured = whole_file(&effort.data_dir, input).await?;
            whole_file::add(&mut table, input, &effort, &measured)?;
            note_load(&mut table, &watch);
        }

        finish(&table, self.markdown.as_deref())
    }

    /// The weeks that size classes are weighed by: of the whole file where it is given.
    fn weeks(&self) -> anyhow::Result<Weeks> {
        match &self.whole_file {
            None => Weeks::shipped(),
            Some(path) => read_weeks(path),
        }
    }
}

fn read_weeks(path: &Path) -> anyhow::Result<Weeks> {
    let file =
        merits_guard::input::open_stream(path).with_context(|| path.display().to_string())?;
    Weeks::read(std::io::BufReader::new(file)).with_context(|| path.display().to_string())
}

/// Adds a row on the load by other processes to the section whose figures it may have distorted.
fn note_load(table: &mut Table, watch: &Watch) {
    let text = watch
        .shares()
        .map_or_else(|| "unknown".to_owned(), |(_, others)| percent(others));
    table.fact("(load from other processes)", text);
}
