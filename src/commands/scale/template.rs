//! `merits scale new`: a scale to begin with.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};
use merits_guard::output::{Kind, Output, Readers};
use merits_primitives::ids::ScaleId;

use super::file::FILE;

/// What `merits scale new` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Directory to make; its name becomes the scale's id
    directory: PathBuf,
    /// What the scale is like
    #[arg(long, value_enum)]
    template: Template,
}

/// Shapes of real scales, each a file that passes `check` as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Template {
    /// A quantity times a factor by mode: grams avoided by kilometres
    Factor,
    /// An amount a day from a tariff with bands: a parked car by its engine
    Tariff,
    /// Whole units, a threshold, a cap a day: points for steps
    Steps,
    /// Caps by the day and by the month, entries that take away: a library's points
    Caps,
    /// Dates, a rate that changes on one day, two outputs: points and grams at an event
    Event,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let path = self.directory.join(FILE);
        let there = || format!("{} is there already and stays as it is", path.display());
        ensure!(!path.exists(), there());
        let id = id_of(&self.directory)?;
        merits_guard::create_shared_folder(&self.directory)
            .with_context(|| self.directory.display().to_string())?;
        // A file that was created in the meantime is not overwritten.
        let kind = Kind::new("a template", Readers::Everybody);
        Output::write(&path, kind, self.template.text(&id).as_bytes())?;
        let shown = self.directory.display();
        println!("wrote {}", path.display());
        println!("it is complete, with made-up figures; put yours, and look at it with");
        println!("   merits scale check {shown}");
        println!("   merits scale explain {shown}");
        println!("   merits scale test {shown}");
        println!("and play it on records of yours, which a mapping explains, with");
        println!("   merits demo --scale {shown} --input FILE --mapping FILE");
        Ok(ExitCode::SUCCESS)
    }
}

impl Template {
    /// The scale, under an id.
    pub(super) fn text(self, id: &ScaleId) -> String {
        let text = match self {
            Self::Factor => include_str!("templates/factor.toml"),
            Self::Tariff => include_str!("templates/tariff.toml"),
            Self::Steps => include_str!("templates/steps.toml"),
            Self::Caps => include_str!("templates/caps.toml"),
            Self::Event => include_str!("templates/event.toml"),
        };
        text.replacen(PLACEHOLDER, &format!("id = \"{id}\""), 1)
    }
}

/// The id that a directory's name gives.
fn id_of(directory: &Path) -> anyhow::Result<ScaleId> {
    let absolute = || directory.canonicalize().ok();
    let name = match directory.file_name() {
        Some(name) => Some(name.to_owned()),
        // "." and ".." have no name here, but the folders that they mean have one.
        None => absolute().and_then(|path| path.file_name().map(ToOwned::to_owned)),
    };
    let name = name.with_context(|| format!("{} has no name", directory.display()))?;
    let name = name.to_string_lossy();
    ScaleId::new(&name).with_context(|| {
        format!("the directory's name {name:?} becomes the scale's id: choose another")
    })
}

const PLACEHOLDER: &str = "id = \"my-scale\"";

#[cfg(test)]
mod tests {
    use merits_params::manifest::Manifest;

    use super::*;

    #[test]
    fn every_template_is_a_scale_without_faults() {
        for template in Template::value_variants() {
            let id = ScaleId::new("some-scale").unwrap();
            let manifest = Manifest::from_toml(&template.text(&id))
                .unwrap_or_else(|error| panic!("{template:?}: {error}"));
            assert_eq!(manifest.id(), &id, "{template:?}");
            // Reading has run them.
            assert!(manifest.examples().len() >= 3, "{template:?}");
            assert!(
                manifest.examples().iter().any(|e| e.credits.0 > 0),
                "{template:?}"
            );
        }
    }

    #[test]
    fn a_directory_names_its_scale() {
        assert_eq!(id_of(Path::new("a/b-c")).unwrap().as_str(), "b-c");
        assert!(id_of(Path::new("a/B c")).is_err());
        assert!(id_of(Path::new(".")).is_ok_and(|id| !id.as_str().is_empty()));
    }
}
