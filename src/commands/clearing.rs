//! `merits clearing`: audit the whole log, keep the books.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use merits_clearing::{config::ClearingConfig, net::Report};
use merits_party::identity::PartyConfig as _;

use super::hand_over;
use crate::screen::{VOUCHED, thousands};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the application that the supervisor admits
    Apply {
        /// Configuration file; parties/clearing/clearing.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Application to write: public, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Follow the log, verify all batches together and all opened totals, print the books
    Audit {
        /// Configuration file; parties/clearing/clearing.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    Ok(ClearingConfig::load(&config)?.apply(&mut rand::rng())?)
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Audit { config } => {
                let report = ClearingConfig::load(&config)?.audit().await?;
                print(&report);
                Ok(if report.is_clean() {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::FAILURE
                })
            }
        }
    }
}

fn print(report: &Report) {
    println!(
        "{} valid batches with {} claims, {} invalid",
        thousands(report.batches.valid),
        thousands(report.batches.claims),
        report.batches.invalid.len()
    );
    for line in &report.issuance {
        println!(
            "{} {}: {} claims; totals cover {} of them: {} credits; the rest holds at most {}",
            line.scale,
            line.period.label(),
            line.claims,
            line.covered,
            thousands(line.credits.0),
            thousands(line.at_most.0)
        );
        if line.vouched {
            println!("{} {}: {VOUCHED}", line.scale, line.period.label());
        }
        if let Some(measured) = line.measured {
            println!(
                "{} {}: totals of its measure cover {} of the claims: {}",
                line.scale,
                line.period.label(),
                measured.covered,
                thousands(measured.sum.0)
            );
        }
    }
    for (entry, total) in &report.totals {
        if let Ok(total) = total {
            println!(
                "total {entry}: {} {} over {} claims, checked from the log",
                thousands(total.sum.0),
                total.output,
                total.claims
            );
        }
    }
    // Also what makes this command fail.
    for (entry, fault) in report.faults() {
        println!("INVALID {entry}: {fault}");
    }
    println!("saw: {}", report.saw());
    println!("did not see: {}", report.hidden());
}
