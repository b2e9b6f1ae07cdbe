//! `merits scale check`: all faults, or a summary.

use std::{path::PathBuf, process::ExitCode};

use merits_params::manifest::Manifest;
use merits_primitives::ids::PeriodKind;

use super::{faults::Faulty, figures, file};
use crate::screen::thousands;

/// Checks each one; a faulty one does not stop the others from being checked.
pub(super) fn run(scales: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for (at, scale) in scales.iter().enumerate() {
        match file::read(scale) {
            Ok(manifest) => {
                if at > 0 {
                    println!();
                }
                println!("{}: no faults", file::path(scale).display());
                summary(&manifest);
            }
            Err(error) => {
                error.downcast::<Faulty>()?.show();
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// What a scale says, in a few lines.
fn summary(manifest: &Manifest) {
    let schema = manifest.schema();
    let line = |what: &str, text: String| println!("   {what:<10} {text}");
    line(
        "scale",
        format!(
            "{}, version {}, asset {}, from {}{}",
            manifest.id(),
            manifest.version().0,
            manifest.asset().0,
            manifest.validity().from.label(),
            manifest
                .validity()
                .until
                .map(|until| format!(" to {}", until.label()))
                .unwrap_or_default()
        ),
    );
    line("title", manifest.title().en.clone());
    line("", manifest.title().zh.clone());
    line(
        "records",
        format!(
            "{}: at most {} a {}, {} bits each",
            schema.id_text,
            schema.max_records,
            period(manifest.period_kind()),
            schema.record_bits()
        ),
    );
    for field in &schema.fields {
        line(
            "",
            format!("{}: {}", field.name, figures::field(schema, field)),
        );
    }
    line(
        "credits",
        format!(
            "0 to {} {} a claim",
            thousands(manifest.max_credits().0),
            manifest.unit()
        ),
    );
    if let (Some(measure), Some(most)) = (manifest.measure(), manifest.max_measure()) {
        line(
            "measure",
            format!("0 to {} {} a claim", thousands(most.0), measure.unit),
        );
    }
    line("figures", figures::count(manifest));
    line(
        "examples",
        match manifest.examples().len() {
            0 => "none: add some, computed by hand".to_owned(),
            1 => "1, which holds".to_owned(),
            more => format!("{more}, all hold"),
        },
    );
    line(
        "batch",
        format!("{} claims a proof", manifest.claims_per_proof()),
    );
    line("shape", hex::encode(manifest.shape().digest()));
}

/// The name of a period, for people.
pub(super) fn period(kind: PeriodKind) -> &'static str {
    match kind {
        PeriodKind::Day => "day",
        PeriodKind::Week => "week",
        PeriodKind::Month => "month",
    }
}
