//! A scale from its file, with its faults placed; its periods and outputs, for people.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use merits_formula::Outputs;
use merits_params::manifest::{FaultKind, Manifest, ManifestError, Validity};
use merits_primitives::ids::Period;

use super::faults::{Faulty, Place};
use crate::screen::thousands;

/// The file of a scale: itself, or the `scale.toml` in its directory.
pub(super) fn path(scale: &Path) -> PathBuf {
    if scale.is_dir() {
        scale.join(FILE)
    } else {
        scale.to_owned()
    }
}

/// Reads and checks a scale.
///
/// Refusals are [`Faulty`], which `merits scale` shows in full.
pub(super) fn read(scale: &Path) -> anyhow::Result<Manifest> {
    read_by(scale, Manifest::from_toml)
}

/// Reads a scale that a ledger may have approved.
pub(super) fn read_approved(scale: &Path) -> anyhow::Result<Manifest> {
    read_by(scale, Manifest::from_approved)
}

fn read_by(
    scale: &Path,
    read: fn(&str) -> Result<Manifest, ManifestError>,
) -> anyhow::Result<Manifest> {
    let path = path(scale);
    let at = path.display().to_string();
    let text = merits_text::file::read(&path).with_context(|| at.clone())?;
    read(&text).map_err(|error| {
        let places = error.faults.into_iter().map(|fault| Place {
            span: Some(fault.span),
            code: Some(code(fault.kind)),
            message: fault.message,
            help: fault.hint,
        });
        Faulty::new(&at, &text, places.collect()).into()
    })
}

/// The name of a kind of fault. The language's own faults have the names of its documentation, but
/// in small letters like the others.
fn code(kind: FaultKind) -> String {
    let FaultKind::Formula(code) = kind else {
        return kind.to_string();
    };
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// The period that was given, or the first of the scale's version. The version is for it.
pub(super) fn period(manifest: &Manifest, said: Option<Period>) -> anyhow::Result<Period> {
    let period = said.unwrap_or(manifest.validity().from);
    let Validity { from, until } = manifest.validity();
    ensure!(
        manifest.is_valid_at(period),
        "{} is not a period of {} version {}, which is for {} to {}",
        period.label(),
        manifest.id(),
        manifest.version().0,
        from.label(),
        until.map_or_else(|| "further notice".to_owned(), Period::label)
    );
    Ok(period)
}

/// Credits with their unit.
pub(super) fn credits(manifest: &Manifest, outputs: &Outputs) -> String {
    format!("{} {}", thousands(outputs.credits), manifest.unit())
}

/// The measure with its unit, where the scale has one.
pub(super) fn measure(manifest: &Manifest, outputs: &Outputs) -> Option<String> {
    let value = thousands(outputs.measure?);
    Some(format!("{value} {}", manifest.measure()?.unit))
}

pub(crate) const FILE: &str = "scale.toml";
