//! `merits exchange`: take redemptions, hand out vouchers.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Subcommand, ValueEnum};
use merits_exchange::{code_file, config::ExchangeConfig};
use merits_guard::exposed::Holds;
use merits_party::{identity::PartyConfig as _, machine_time, stop_signal};
use merits_text::typed::argument;
use rand::rngs::StdRng;

use super::hand_over;
use crate::{inputs, outputs, screen::thousands};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the application that the supervisor admits
    Apply {
        /// Configuration file; parties/exchange/exchange.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Application to write: public, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Take a sponsor's vouchers in; an offer is served once there are as many as its quota
    Stock {
        /// Configuration file; parties/exchange/exchange.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// The offer's entry: its id, or the first 8 digits or more
        #[arg(long, value_parser = argument)]
        offer: String,
        /// File of codes, one a line, as `merits sponsor vouchers make` writes it
        #[arg(long)]
        vouchers: PathBuf,
        /// What the file's first line is, where it may be either
        #[arg(long)]
        first_line: Option<FirstLine>,
    },
    /// Take redemptions until ctrl-c or SIGTERM
    Serve {
        /// Configuration file; parties/exchange/exchange.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
    /// Copy the store of vouchers, also while the exchange serves, and check the copy
    Backup {
        /// Configuration file; parties/exchange/exchange.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Copy to make; an existing file is not overwritten. Only the master key opens it: keep
        /// that elsewhere
        #[arg(long)]
        output: PathBuf,
    },
    /// Put a checked copy where the configuration wants its store; an existing store is not
    /// replaced
    Restore {
        /// Configuration file; parties/exchange/exchange.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Copy that `merits exchange backup` made
        #[arg(long)]
        backup: PathBuf,
    },
}

/// What kind of line the first line of a file of codes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FirstLine {
    /// A table's header
    Header,
    /// A code
    Code,
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    Ok(ExchangeConfig::load(&config)?.apply(&mut rand::rng())?)
                })?;
            }
            Self::Stock {
                config,
                offer,
                vouchers,
                first_line,
            } => {
                let first_line = match first_line {
                    None => code_file::FirstLine::Unsaid,
                    Some(FirstLine::Header) => code_file::FirstLine::Header,
                    Some(FirstLine::Code) => code_file::FirstLine::Code,
                };
                let config = ExchangeConfig::load(&config)?;
                inputs::remark(&vouchers, Holds::Vouchers);
                stock(&config, &offer, &vouchers, first_line).await?;
            }
            Self::Serve { config } => {
                serve_until(&ExchangeConfig::load(&config)?, stop_signal()?).await?;
            }
            Self::Backup { config, output } => {
                outputs::of_configuration(&config).admit(&output, "the copy")?;
                let config = ExchangeConfig::load(&config)?;
                let copied = config.copy_store(&config.store, &output).await?;
                println!(
                    "wrote {}: {} vouchers, {} of them given",
                    output.display(),
                    thousands(copied.vouchers),
                    thousands(copied.assigned)
                );
            }
            Self::Restore { config, backup } => {
                let config = ExchangeConfig::load(&config)?;
                let copied = config.copy_store(&backup, &config.store).await?;
                println!(
                    "restored {}: {} vouchers, {} of them given. The log says who gets the others, and gives \
                     everybody the same voucher again; files that were taken in after this backup are to be \
                     taken in again (`merits exchange stock`), in their order",
                    config.store.display(),
                    thousands(copied.vouchers),
                    thousands(copied.assigned)
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Takes a file of codes in.
async fn stock(
    config: &ExchangeConfig,
    offer: &str,
    vouchers: &Path,
    first_line: code_file::FirstLine,
) -> anyhow::Result<()> {
    let report = config
        .stock(offer, vouchers, first_line, &mut rng())
        .await?;
    if report.header {
        println!("line 1 is a header and was skipped");
    }
    println!(
        "took in {} vouchers of {:?}: {} in all, for a quota of {}",
        thousands(report.taken),
        report.title,
        thousands(report.total),
        thousands(report.quota)
    );
    println!(
        "delete {}: anybody who reads it has the vouchers",
        vouchers.display()
    );
    Ok(())
}

/// Serves until `stop`.
pub(crate) async fn serve_until(
    config: &ExchangeConfig,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let ready = |address| println!("{} takes redemptions on {address}", config.name);
    config.serve(machine_time, &mut rng(), ready, stop).await?;
    Ok(())
}

/// A random generator that may move between threads, seeded by the system.
fn rng() -> StdRng {
    rand::make_rng()
}
