//! `merits scale eval`: credits of records, step by step.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use merits_formula::Record;
use merits_issuer::trying::{Steps, evaluate_file, steps};
use merits_params::manifest::{Manifest, read_value, within_period};
use merits_primitives::ids::Period;
use merits_records::{Mapping, Plan, Reject, Report, one_claim::read_one_claim};
use merits_text::display;

use super::{figures, file};
use crate::{commands::dates, screen::thousands};

/// What `merits scale eval` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The scale: directory or file
    scale: PathBuf,
    /// Records of one claim: .csv, .jsonl or .toml with the fields' names, values as in the
    /// manifest's examples. With --mapping: a file of any layout, of many people
    #[arg(long)]
    input: PathBuf,
    /// How the file's columns become fields, as in a source's or distributor's configuration
    #[arg(long)]
    mapping: Option<PathBuf>,
    /// Period of the records, such as 2025-W06 or 2025-02: its figures count. The first of this
    /// version if left out; with --mapping, only this one of the file's periods
    #[arg(long, value_parser = dates::period)]
    period: Option<Period>,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let manifest = file::read(&self.scale)?;
        match &self.mapping {
            Some(mapping) => self.many(&manifest, mapping),
            None => self.one(&manifest),
        }
    }

    fn one(&self, manifest: &Manifest) -> anyhow::Result<ExitCode> {
        let period = file::period(manifest, self.period)?;
        // The first period is a default, so no day is reported as missing from it.
        let said = self.period.map(|_| period);
        let schema = manifest.schema();
        let claim = read_one_claim(&self.input, schema, period, &|text, field| {
            let value = read_value(text, field, schema.period)?;
            said.map_or(Ok(()), |said| within_period(value, field, said))?;
            Ok(value)
        })?;
        for rejected in &claim.rejected {
            println!("rejected  line {}: {}", rejected.line, rejected.detail);
        }
        if !claim.ignored.is_empty() {
            println!(
                "ignored   no field has this name: {}",
                claim.ignored.join(", ")
            );
        }
        println!(
            "records   {} accepted, {} rejected; figures of {}",
            claim.records.len(),
            claim.rejected.len(),
            period.label()
        );
        let steps = values(manifest, &claim.records, period)
            .with_context(|| self.input.display().to_string())?;
        let width = steps.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in &steps {
            println!("{name:<width$}  {value}", width = width.max(8));
        }
        // No row was readable: the mistake is more likely in the file as a whole than in each row.
        let nothing = claim.records.is_empty() && !claim.rejected.is_empty();
        Ok(if nothing {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }

    fn many(&self, manifest: &Manifest, mapping: &Path) -> anyhow::Result<ExitCode> {
        let at = || mapping.display().to_string();
        let text = merits_text::file::read(mapping).with_context(at)?;
        let mapping = Mapping::from_toml(&text).with_context(at)?;
        let plan = Plan::new(&mapping, manifest.schema()).with_context(at)?;
        let only = match self.period {
            Some(said) => Some(file::period(manifest, Some(said))?),
            None => None,
        };
        let found = evaluate_file(manifest, &self.input, &plan, only, SHOWN_REJECTS)?;
        for group in &found.groups {
            let label = group.period.label();
            let Some(outputs) = &group.outputs else {
                println!(
                    "{label} {}: this version is not for that period",
                    group.subject
                );
                continue;
            };
            println!(
                "{label} {}: {} records, {}{}",
                group.subject,
                group.records,
                file::credits(manifest, outputs),
                file::measure(manifest, outputs)
                    .map(|measure| format!(", {measure}"))
                    .unwrap_or_default()
            );
        }
        for refused in &found.refused {
            println!("{}", display::Line(&refused.to_string()));
        }
        println!(
            "{} claims, {} {}",
            thousands(found.claims),
            thousands(found.credits.0),
            manifest.unit()
        );
        tell(&found.rows, &found.rejects);
        Ok(ExitCode::SUCCESS)
    }
}

fn tell(report: &Report, rejects: &[Reject]) {
    println!(
        "{} rows: {} accepted, {} rejected",
        thousands(report.rows),
        thousands(report.accepted),
        thousands(report.rejected)
    );
    for (reason, count) in &report.reasons {
        println!("   {reason}: {}", thousands(*count));
    }
    for reject in rejects {
        println!(
            "   line {}, {} = {:?}: {}",
            reject.line, reject.column, reject.value, reject.detail
        );
    }
    if report.rejected as usize > rejects.len() {
        println!("   and more; only the first {SHOWN_REJECTS} are shown");
    }
}

/// Each step's value, then the outputs.
fn values(
    manifest: &Manifest,
    records: &[Record],
    period: Period,
) -> anyhow::Result<Vec<(String, String)>> {
    let formula = manifest.formula();
    let Steps { values, outputs } = steps(manifest, records, period)?;
    let steps = manifest.steps().iter().zip(formula.steps());
    let mut shown: Vec<_> = steps
        .zip(values)
        .map(|((step, id), value)| {
            let shown = format!("{value} {}", figures::unit(formula, *id));
            (step.name.clone(), shown.trim_end().to_owned())
        })
        .collect();
    shown.push(("credits".to_owned(), file::credits(manifest, &outputs)));
    if let Some(measure) = file::measure(manifest, &outputs) {
        shown.push(("measure".to_owned(), measure));
    }
    Ok(shown)
}

const SHOWN_REJECTS: usize = 10;
