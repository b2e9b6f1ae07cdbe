//! `merits sponsor`: verify the credits that a sponsor pays for, offer things for credits.

mod offer;

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use merits_party::identity::PartyConfig as _;
use merits_sponsor::{config::SponsorConfig, report::Report};

use super::hand_over;
use crate::screen::{VOUCHED, thousands};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the application that the supervisor admits
    Apply {
        /// Configuration file; parties/sponsor/sponsor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Application to write: public, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Publish, close and list what people get for their credits
    #[command(subcommand)]
    Offer(offer::Command),
    /// Make vouchers for an offer
    #[command(subcommand)]
    Vouchers(offer::Vouchers),
    /// Follow the log and verify every batch, offline and with the coordinator's Verifier
    Verify {
        /// Configuration file; parties/sponsor/sponsor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    Ok(SponsorConfig::load(&config)?.apply(&mut rand::rng())?)
                })?;
                Ok(ExitCode::SUCCESS)
            }
            Self::Offer(command) => command.run().await,
            Self::Vouchers(command) => command.run().await,
            Self::Verify { config } => {
                let report = SponsorConfig::load(&config)?.verify().await?;
                print(&report);
                Ok(if report.faults.is_empty() {
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
        "{} batches, {} claims: {} hold offline, {} by the coordinator's Verifier",
        report.batches, report.claims, report.offline, report.online
    );
    for ((scale, period), sum) in &report.aggregates {
        let credits = if sum.covered > 0 {
            format!(
                "; {} credits in totals over {} claims",
                thousands(sum.credits.0),
                sum.covered
            )
        } else {
            String::new()
        };
        let measure = sum.measured.map_or_else(String::new, |measured| {
            format!("; measure {} in totals", thousands(measured.0))
        });
        println!(
            "{scale} {}: {} claims in {} batches{credits}{measure}",
            period.label(),
            sum.claims,
            sum.batches
        );
        if sum.vouched {
            println!("{scale} {}: {VOUCHED}", period.label());
        }
    }
    for (entry, fault) in &report.faults {
        println!("INVALID {entry}: {fault}");
    }
    let seen = report.seen();
    println!("saw: {}", seen.saw);
    println!("did not see: {}", seen.hidden);
}
