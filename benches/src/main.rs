//! `merits-bench`: the measures of `merits bench`, without the command.

use std::{io::IsTerminal as _, process::ExitCode};

use anyhow::{Context as _, anyhow};
use clap::{Args as _, Command, FromArgMatches as _};
use merits_bench::{Arguments, Program};
use merits_circuits::prover::SimdPath;
use merits_text::screen;

fn main() -> ExitCode {
    let command = Arguments::augment_args(Command::new("merits-bench"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("Measure this machine: prover, witness, verification, ledger")
        .max_term_width(100);
    let arguments = Arguments::from_arg_matches(&command.get_matches());
    let arguments = arguments.unwrap_or_else(|error| error.exit());
    let code = run(arguments).unwrap_or_else(|error| {
        screen::failure(&error);
        ExitCode::FAILURE
    });
    screen::end(code)
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    merits_serve::logging::start("warn".into(), std::io::stderr().is_terminal());
    // A prover or a verifier would pass over what it cannot have.
    SimdPath::requested()?;
    // Before the other measures, which take an hour.
    if arguments.wants_whole_file() {
        return Err(no_demonstration());
    }
    let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
    runtime.block_on(arguments.run(Program::Own, async |_, _| Err(no_demonstration())))
}

/// What takes a whole file through a federation is the command's own demonstration.
fn no_demonstration() -> anyhow::Error {
    anyhow!(
        "--whole-file plays the demonstration, which only the command has: \
         `cargo run --release --features bench -- bench --whole-file PATH`"
    )
}
