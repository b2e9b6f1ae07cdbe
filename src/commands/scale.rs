//! `merits scale`: from a spreadsheet's rule to an exact interpreter, a circuit and keys.
//!
//! Everything here works on one file, `scale.toml`, and needs no ledger. Every command shows a
//! fault of the file at its place in the file.

mod check;
mod diff;
mod eval;
mod explain;
mod export;
mod faults;
mod figures;
mod file;
mod setup;
mod template;
mod trial;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Subcommand;
use merits_params::manifest::Manifest;

use faults::Faulty;
pub(crate) use file::FILE;

/// Reads and checks a scale: a directory with a scale.toml, or such a file.
///
/// # Errors
/// Faults of the scale, which [`shown`] shows.
pub(crate) fn read(scale: &Path) -> anyhow::Result<Manifest> {
    file::read(scale)
}

/// The text of a scale.
///
/// # Errors
/// Those of the file.
pub(crate) fn text(scale: &Path) -> anyhow::Result<String> {
    let path = file::path(scale);
    merits_text::file::read(&path).with_context(|| path.display().to_string())
}

/// The result of a command. Faults of a scale are shown in full, whichever command found them.
pub(crate) fn shown(done: anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
    match done {
        Err(error) => match error.downcast::<Faulty>() {
            Ok(faulty) => {
                faulty.show();
                Ok(ExitCode::FAILURE)
            }
            Err(error) => Err(error),
        },
        done => done,
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a scale.toml to begin with, from a commented template
    New(template::Arguments),
    /// Show every fault at its place in the file, or sum up what the scale says
    Check {
        /// Scales: each a directory with a scale.toml, or such a file
        #[arg(required = true)]
        scales: Vec<PathBuf>,
    },
    /// Compute the credits of records, step by step
    Eval(eval::Arguments),
    /// Run the examples, then the exact interpreter against the circuit on random records
    Test(trial::Arguments),
    /// Explain the formula in words: what each part may be, where it comes from, what it costs
    Explain(explain::Arguments),
    /// Say what changed between two versions, and whether a new key is needed
    Diff {
        /// The version in force: directory or file
        old: PathBuf,
        /// The version that is to follow it: directory or file
        new: PathBuf,
    },
    /// Make the proving key of the scale's circuit
    Setup(setup::Arguments),
    /// Write the circuit and its key in the formats of circom and snarkjs
    Export(export::Arguments),
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        // Compiling and proving keep all cores busy for seconds.
        shown(tokio::task::spawn_blocking(move || self.run_here()).await?)
    }

    fn run_here(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::New(arguments) => arguments.run(),
            Self::Check { scales } => check::run(&scales),
            Self::Eval(arguments) => arguments.run(),
            Self::Test(arguments) => arguments.run(),
            Self::Explain(arguments) => arguments.run(),
            Self::Diff { old, new } => diff::run(&old, &new),
            Self::Setup(arguments) => arguments.run(),
            Self::Export(arguments) => arguments.run(),
        }
    }
}
