//! The `merits` command: every role of a federation, and the demonstration. With the feature
//! `bench` also the benchmarks.
//!
//! There is one module for each role in [`commands`]. Each parses its arguments, calls its party's
//! crate, and prints. Logic belongs in the crates.

use std::{io::IsTerminal as _, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use merits_circuits::prover::SimdPath;
use merits_text::{display::check_document, screen};
use tracing_subscriber::EnvFilter;

// Its `println!` and similar macros hide those of std: they escape characters that must not reach a
// screen.
#[macro_use]
extern crate merits_text;

mod commands;
mod demo;
mod inputs;
mod outputs;

/// Environment variable with the log's filter.
const LOG_VARIABLE: &str = "MERITS_LOG";

/// Measured good deeds, proven credits.
#[derive(Debug, Parser)]
#[command(name = "merits", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a whole federation on this machine, on real data
    Demo(demo::Arguments),
    /// Write a scale, check it, try it, explain it, make its keys
    #[command(subcommand)]
    Scale(commands::scale::Command),
    /// The ledger's operator: serve, check
    #[command(subcommand)]
    Coordinator(commands::coordinator::Command),
    /// Admit, approve, open epochs, claims and totals; answer for the first half of the view keys
    #[command(subcommand)]
    Supervisor(commands::supervisor::Command),
    /// Propose, endorse and enact what supervisors decide together
    #[command(subcommand)]
    Board(commands::board::Command),
    /// Watch the log by rules, raise alerts and handle them, as a supervisor
    #[command(subcommand)]
    Indicators(commands::indicators::Command),
    /// Answer for the second half of the view keys, with a trace only; cosign the log
    #[command(subcommand)]
    Witness(commands::witness::Command),
    /// Give each person one uniqueness tag, blindly, and count the tags given
    #[command(subcommand)]
    Evaluator(commands::evaluator::Command),
    /// Register each person once
    #[command(subcommand)]
    Registrar(commands::registrar::Command),
    /// Build a scale and propose it
    #[command(subcommand)]
    Issuer(commands::issuer::Command),
    /// Commit to behaviour records and sign
    #[command(subcommand)]
    Source(commands::source::Command),
    /// Collect records, prove credits, submit, forget, disclose
    #[command(subcommand)]
    Distributor(commands::distributor::Command),
    /// Verify the credits that a sponsor pays for
    #[command(subcommand)]
    Sponsor(commands::sponsor::Command),
    /// Take redemptions, hand out sponsors' vouchers
    #[command(subcommand)]
    Exchange(commands::exchange::Command),
    /// Audit the log, keep the books
    #[command(subcommand)]
    Clearing(commands::clearing::Command),
    /// Check what anybody can check: conservation of credits, the whole log
    #[command(subcommand)]
    Audit(commands::audit::Command),
    /// A person's wallet: identity, consents and credits, from one seed and the ledger
    #[command(subcommand)]
    Wallet(commands::wallet::Command),
    /// Keys of a party of any role
    #[command(subcommand)]
    Party(commands::party::Command),
    /// Certificates of TLS, and an authority to begin with
    #[command(subcommand)]
    Tls(commands::tls::Command),
    /// Write what a stranger needs to verify receipts offline
    Kit(commands::kit::Arguments),
    /// Make the high-water mark of a copy of the log again after it was lost
    Mark(commands::mark::Arguments),
    /// Make a proving key for any circuit of circom, for trials
    Setup(commands::setup::Arguments),
    /// Check a receipt offline: inclusion, signatures, proof, cosignatures
    Verify(commands::verify::Arguments),
    /// Measure this machine: prover, witness, verification, ledger
    #[cfg(feature = "bench")]
    Bench(merits_bench::Arguments),
    /// Not in this build: says where the measures are
    #[cfg(not(feature = "bench"))]
    #[command(hide = true, disable_help_flag = true)]
    Bench {
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        _arguments: Vec<std::ffi::OsString>,
    },
}

fn main() -> ExitCode {
    let code = match Cli::try_parse() {
        Ok(cli) => run(cli.command).unwrap_or_else(|error| {
            screen::failure(&error);
            ExitCode::FAILURE
        }),
        Err(usage) => show(&usage),
    };
    screen::end(code)
}

/// Shows help, the version, or what is wrong with the arguments.
fn show(usage: &clap::Error) -> ExitCode {
    let code = ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
    // An argument may be the name of somebody else's file, which must not speak to the terminal.
    let text = usage.render().to_string();
    if usage.use_stderr() && check_document(&text).is_err() {
        eprintln!("{}", text.trim_end());
        return code;
    }
    match usage.print() {
        // Help goes to standard output. If standard error fails, nobody can be told.
        Err(error) if !usage.use_stderr() => screen::output::failed(error),
        _ => {}
    }
    code
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    let log = match std::env::var_os(LOG_VARIABLE) {
        None => command.default_log().into(),
        Some(_) => EnvFilter::try_from_env(LOG_VARIABLE).with_context(|| {
            format!("{LOG_VARIABLE} takes filters such as info or warn,merits_coordinator=debug")
        })?,
    };
    // A log file is not a terminal.
    merits_serve::logging::start(log, std::io::stderr().is_terminal());
    // A prover or a verifier would silently ignore a requested path that it cannot use.
    SimdPath::requested()?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(merits_guard::explain::starting_thread)
        .context("this program cannot start its threads")?;
    runtime.block_on(command.run())
}

impl Command {
    /// Servers log what they do; the other commands print their own output.
    fn default_log(&self) -> &'static str {
        use commands::{coordinator, evaluator, exchange, supervisor, witness};
        match self {
            Self::Coordinator(coordinator::Command::Serve { .. })
            | Self::Supervisor(supervisor::Command::Serve { .. })
            | Self::Evaluator(evaluator::Command::Serve { .. })
            | Self::Exchange(exchange::Command::Serve { .. })
            | Self::Witness(witness::Command::Serve { .. }) => "info",
            // It switches machines off on purpose, and its screen says so. Nobody can act on a warning about that.
            Self::Demo(_) => {
                "warn,merits_coordinator::cosigning=error,merits_supervisor::net::session=error"
            }
            _ => "warn",
        }
    }

    async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Demo(arguments) => arguments.run().await,
            Self::Scale(command) => command.run().await,
            Self::Coordinator(command) => command.run().await,
            Self::Supervisor(command) => command.run().await,
            Self::Board(command) => command.run().await,
            Self::Witness(command) => command.run().await,
            Self::Evaluator(command) => command.run().await,
            Self::Registrar(command) => command.run().await,
            Self::Indicators(command) => command.run().await,
            Self::Issuer(command) => command.run().await,
            Self::Source(command) => command.run().await,
            Self::Distributor(command) => command.run().await,
            Self::Sponsor(command) => command.run().await,
            Self::Exchange(command) => command.run().await,
            Self::Clearing(command) => command.run().await,
            Self::Audit(command) => command.run().await,
            Self::Wallet(command) => command.run().await,
            Self::Party(command) => command.run().await,
            Self::Tls(command) => command.run().await,
            Self::Kit(arguments) => arguments.run().await,
            Self::Mark(arguments) => arguments.run().await,
            Self::Setup(arguments) => arguments.run().await,
            Self::Verify(arguments) => arguments.run().await,
            #[cfg(feature = "bench")]
            Self::Bench(arguments) => {
                let program = merits_bench::Program::Command;
                arguments.run(program, demo::whole_file).await
            }
            #[cfg(not(feature = "bench"))]
            Self::Bench { .. } => anyhow::bail!(
                "this build of merits has no benchmarks, because they can forge proofs: build it with \
                 `cargo build --release --features bench`, or use merits-bench, which \
                 `cargo build --release --workspace` makes"
            ),
        }
    }
}
