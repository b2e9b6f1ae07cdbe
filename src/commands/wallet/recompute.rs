//! `merits wallet recompute`: a proven credit, computed again from the person's own records.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use merits_primitives::ids::{Credits, Period, Quantity};
use merits_records::{Mapping, Plan, ReadOptions};
use merits_text::typed::argument;

use super::place::Place;
use crate::{commands::dates, screen::thousands};

/// What is computed again.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// The scale
    #[arg(long, value_parser = argument)]
    scale: String,
    /// The period, such as 2026-W10
    #[arg(long, value_parser = dates::period)]
    period: Period,
    /// Your records: CSV or JSON Lines, as the mapping says
    #[arg(long)]
    records: PathBuf,
    /// Mapping of columns to the scale's fields
    #[arg(long)]
    mapping: PathBuf,
    /// Which account of the file is yours, if it has several
    #[arg(long, value_parser = argument)]
    account: Option<String>,
}

impl Arguments {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let wallet = self.place.open().await?;
        let scale = wallet.scale(&self.scale)?;
        let period = self.period;
        let manifest = wallet.approved(&scale, period)?;
        let at = || self.mapping.display().to_string();
        let mapping = merits_text::file::read(&self.mapping).with_context(at)?;
        let mapping = Mapping::from_toml(&mapping).with_context(at)?;
        let plan = Plan::new(&mapping, manifest.schema()).with_context(at)?;
        let reading = merits_records::read_file(
            &self.records,
            &plan,
            ReadOptions::default(),
            &mut |reject| {
                eprintln!(
                    "not counted: line {}, {}: {}",
                    reject.line, reject.column, reject.detail
                );
                Ok(())
            },
            &mut |_| {},
        )
        .with_context(|| self.records.display().to_string())?;
        let account = self.account.as_deref();
        let compared = wallet.recompute(&manifest, period, &reading.groups, account)?;
        let mut agree = true;
        for claim in &compared {
            let result = &claim.result;
            let number = |credits: Credits, measure: Option<Quantity>| {
                let credits = format!("{} {}", thousands(credits.0), result.unit);
                match (measure, manifest.measure()) {
                    (Some(measure), Some(of)) => {
                        format!("{credits} and {} {}", thousands(measure.0), of.unit)
                    }
                    _ => credits,
                }
            };
            let from = &claim.source;
            println!(
                "{} {}, {} own records, by the approved version {}:",
                manifest.id(),
                period.label(),
                result.records,
                manifest.version().0
            );
            println!(
                "  worked out here          {}",
                number(result.credits, result.measure)
            );
            println!(
                "  proven, records of {from}  {}",
                number(result.proven, result.proven_measure)
            );
            agree &= result.agrees();
            println!(
                "  {}",
                if result.agrees() {
                    "equal"
                } else {
                    "DIFFERENT: the source recorded other deeds than these, or the distributor \
                     left some out; ask it to disclose the records behind the claim"
                }
            );
        }
        Ok(if agree {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
