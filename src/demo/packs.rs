//! What the demonstration plays: a pack that the command contains, so that it runs anywhere, or the user's
//! own scale, with records and mapping from files. A pack is a scale of `params/scales`, records of
//! `examples`, and their mapping.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use merits_params::manifest::Manifest;
use merits_party::machine_time;
use merits_primitives::ids::Period;
use merits_records::{Mapping, Plan, ReadOptions, Reject, read_file};
use merits_source::{
    complete_span::CompleteSpan,
    wholeness::{MOST_REJECTS_PERCENT, RejectShare, Wholeness},
};

use crate::{
    commands::scale,
    screen::{say, working},
};

/// The scale that is played when none is named.
pub(super) const DEFAULT: &str = "cycling-week";

/// In the shipped steps, one row in ten is a day on which the watch was not worn. If half of the
/// rows are rejected, the file or the mapping is the wrong one.
pub(super) const REJECTS_PERCENT: u8 = 50;

/// Whether claims can be made for a period: the scale is for it, and it is over by the clock of the deeds.
pub(super) fn plays(manifest: &Manifest, plan: &Plan, period: Period) -> bool {
    let present = plan.present(machine_time());
    let whole = Wholeness::new(None, CompleteSpan::everything(), &present);
    manifest.is_valid_at(period) && whole.covers(period)
}

/// The names of the parties of a user's own scale.
const OWN: [&str; 3] = ["example-issuer", "example-source", "example-app"];

/// One scale with records to play it on.
#[derive(Debug)]
pub(super) struct Pack {
    /// The scale's id.
    pub(super) id: Cow<'static, str>,
    /// `scale.toml`.
    pub(super) scale: Cow<'static, str>,
    /// The records.
    pub(super) records: Records,
    /// How they are read.
    pub(super) mapping: Cow<'static, str>,
    /// Who writes the formula.
    pub(super) issuer: &'static str,
    /// Who recorded.
    pub(super) source: &'static str,
    /// Who proves.
    pub(super) distributor: &'static str,
    /// What the records are, honestly described.
    pub(super) data: &'static str,
}

/// Where records are.
#[derive(Debug)]
pub(super) enum Records {
    /// The command carries them, as CSV.
    Carried(&'static [u8]),
    /// In a file of the user's.
    File(PathBuf),
}

/// What the user chose.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice<'a> {
    /// The id of a shipped scale, or the path of another.
    pub(super) scale: &'a str,
    /// A file of records.
    pub(super) input: Option<&'a Path>,
    /// How it is read.
    pub(super) mapping: Option<&'a Path>,
    /// How many subjects of it count.
    pub(super) subjects: Option<usize>,
}

impl Pack {
    /// The pack of a shipped scale.
    pub(super) fn named(id: &str) -> Option<Self> {
        PACKS.iter().find(|pack| pack.id == id).map(Carried::pack)
    }

    /// The user's choice, after checks: the files exist, the scale has no fault, the mapping fits
    /// it, and some record can be read by it. Every fault is reported before anything is set up.
    ///
    /// # Errors
    /// Says what is missing or does not fit. Faults of a scale are shown as `merits scale check` shows them.
    pub(super) fn choose(choice: Choice<'_>) -> anyhow::Result<Self> {
        let mut pack = match Self::named(choice.scale) {
            Some(pack) => {
                if Path::new(choice.scale).join(scale::FILE).exists() {
                    say(&format!(
                        "({id} is played as it is shipped. The folder of this name here is \
                         --scale ./{id}.)",
                        id = choice.scale
                    ));
                }
                pack
            }
            None => Self::own(choice)?,
        };
        if let Some(path) = choice.mapping {
            let text = merits_text::file::read(path);
            pack.mapping = text
                .with_context(|| format!("the mapping {}", path.display()))?
                .into();
        }
        if let Some(path) = choice.input {
            pack.records = Records::File(path.to_owned());
            pack.check_records(choice, path)?;
        }
        Ok(pack)
    }

    /// A scale that is not shipped.
    fn own(choice: Choice<'_>) -> anyhow::Result<Self> {
        let directory = Path::new(choice.scale);
        if !directory.exists() {
            bail!(
                "no scale {scale:?}: it is neither a directory with a scale.toml, nor one of the \
                 shipped scales ({shipped}). `merits scale new {new}` makes one to begin with",
                scale = choice.scale,
                shipped = shipped(),
                new = "my-scale --template tariff"
            );
        }
        let manifest = scale::read(directory)?;
        ensure!(
            manifest.version().0 == 1,
            "{} is version {} of {}, but the demonstration's new ledger needs version 1: copy the folder, \
             and set `version = 1`",
            directory.display(),
            manifest.version().0,
            manifest.id()
        );
        let (Some(input), Some(_)) = (choice.input, choice.mapping) else {
            bail!(
                "a scale of your own is played with records of your own: --input FILE, and \
                 --mapping FILE, which says which column gives which field of {} ({})",
                manifest.id(),
                fields(&manifest)
            );
        };
        let [issuer, source, distributor] = OWN;
        Ok(Self {
            id: manifest.id().to_string().into(),
            scale: scale::text(directory)?.into(),
            records: Records::File(input.to_owned()),
            // The caller reads it, as it reads any other scale.
            mapping: Cow::Borrowed(""),
            issuer,
            source,
            distributor,
            data: "your records",
        })
    }

    /// Checks that the mapping fits the scale, and that the file fits the mapping.
    fn check_records(&self, choice: Choice<'_>, input: &Path) -> anyhow::Result<()> {
        let manifest = Manifest::from_toml(&self.scale)?;
        let misfit = || match choice.mapping {
            Some(path) => format!("the mapping {}", path.display()),
            None => format!("the shipped mapping of {}", self.id),
        };
        let mapping = Mapping::from_toml(&self.mapping).with_context(misfit)?;
        let plan = Plan::new(&mapping, manifest.schema()).with_context(|| {
            let (id, fields) = (&self.id, fields(&manifest));
            format!("{} does not fit {id}, whose fields are {fields}", misfit())
        })?;
        let mut first = None;
        let mut keep = |reject: &Reject| {
            first.get_or_insert_with(|| reject.clone());
            Ok(())
        };
        let bar = working("looking at the records");
        let options = ReadOptions {
            first_subjects: choice.subjects,
            now: Some(plan.present(machine_time()).latest()),
        };
        let reading = read_file(input, &plan, options, &mut keep, &mut |_| {})
            .with_context(|| format!("the records {}", input.display()))?;
        bar.finish_and_clear();
        let rows = reading.report.rows;
        let most = MOST_REJECTS_PERCENT;
        let share = RejectShare::new(&reading.report);
        if share.exceeds(most)
            && let Some(reject) = first
        {
            bail!(
                "{share} of {} cannot be read by {}, and a source signs nothing of a \
                 file of which more than {most} in a hundred cannot: mend the file or the mapping. \
                 The first: line {}, {} = {:?}: {}",
                input.display(),
                misfit(),
                reject.line,
                reject.column,
                reject.value,
                reject.detail
            );
        }
        ensure!(
            !reading.groups.is_empty(),
            "no claim can be made of {}, which has {rows} rows{}",
            input.display(),
            reading
                .refused
                .first()
                .map_or_else(String::new, |refused| format!(": {refused}"))
        );
        let mut periods = reading.groups.iter().map(|group| group.period);
        ensure!(
            periods.any(|period| plays(&manifest, &plan, period)),
            "no record of {} lies in a period of {} version {} that is over: the version begins with \
             {}, and the first record is of {}. Mend `[validity]` in its scale.toml, or take other records",
            input.display(),
            self.id,
            manifest.version().0,
            manifest.validity().from.label(),
            reading.groups[0].period.label()
        );
        Ok(())
    }
}

/// What `--help` says about the choice.
pub(super) fn help() -> String {
    format!(
        "A shipped scale ({}), or a directory with a scale.toml of your own",
        shipped()
    )
}

fn shipped() -> String {
    let ids: Vec<&str> = PACKS.iter().map(|pack| pack.id).collect();
    ids.join(", ")
}

/// The fields of a scale that a mapping has to give.
fn fields(manifest: &Manifest) -> String {
    let fields = manifest.schema().fields.iter();
    let names: Vec<&str> = fields.map(|field| field.name.as_str()).collect();
    names.join(", ")
}

/// A pack in the program.
struct Carried {
    id: &'static str,
    scale: &'static str,
    records: &'static [u8],
    mapping: &'static str,
    issuer: &'static str,
    source: &'static str,
    distributor: &'static str,
    data: &'static str,
}

impl Carried {
    fn pack(&self) -> Pack {
        Pack {
            id: self.id.into(),
            scale: self.scale.into(),
            records: Records::Carried(self.records),
            mapping: self.mapping.into(),
            issuer: self.issuer,
            source: self.source,
            distributor: self.distributor,
            data: self.data,
        }
    }
}

const PACKS: &[Carried] = &[
    Carried {
        id: "blood-and-volunteering",
        scale: include_str!("../../params/scales/blood-and-volunteering/scale.toml"),
        records: include_bytes!("../../examples/blood-and-volunteering/records.csv"),
        mapping: include_str!("../../examples/blood-and-volunteering/mapping.toml"),
        issuer: "health-office",
        source: "blood-and-volunteer-centre",
        distributor: "good-citizen-app",
        data: "donations of a real study, dated by us; volunteering generated",
    },
    Carried {
        id: "cycling-week",
        scale: include_str!("../../params/scales/cycling-week/scale.toml"),
        records: include_bytes!("../../examples/cycling/trips.csv"),
        mapping: include_str!("../../examples/cycling/mapping.toml"),
        issuer: "climate-office",
        source: "bay-area-bike-share",
        distributor: "green-city-app",
        data: "real trips; bikes stand for people",
    },
    Carried {
        id: "household-electricity",
        scale: include_str!("../../params/scales/household-electricity/scale.toml"),
        records: include_bytes!("../../examples/household-electricity/records.csv"),
        mapping: include_str!("../../examples/household-electricity/mapping.toml"),
        issuer: "energy-office",
        source: "smart-meters",
        distributor: "green-home-app",
        data: "generated meter readings",
    },
    Carried {
        id: "low-carbon-event",
        scale: include_str!("../../params/scales/low-carbon-event/scale.toml"),
        records: include_bytes!("../../examples/low-carbon-event/records.csv"),
        mapping: include_str!("../../examples/low-carbon-event/mapping.toml"),
        issuer: "games-committee",
        source: "games-ticketing",
        distributor: "low-carbon-games-app",
        data: "generated deeds",
    },
    Carried {
        id: "low-carbon-travel",
        scale: include_str!("../../params/scales/low-carbon-travel/scale.toml"),
        records: include_bytes!("../../examples/low-carbon-travel/records.csv"),
        mapping: include_str!("../../examples/low-carbon-travel/mapping.toml"),
        issuer: "transport-office",
        source: "mobility-platform",
        distributor: "green-travel-app",
        data: "real bicycle rides; other modes generated",
    },
    Carried {
        id: "public-health-reporting",
        scale: include_str!("../../params/scales/public-health-reporting/scale.toml"),
        records: include_bytes!("../../examples/public-health-reporting/records.csv"),
        mapping: include_str!("../../examples/public-health-reporting/mapping.toml"),
        issuer: "disease-control",
        source: "clinic-register",
        distributor: "health-app",
        data: "generated reports",
    },
    Carried {
        id: "reading",
        scale: include_str!("../../params/scales/reading/scale.toml"),
        records: include_bytes!("../../examples/reading/records.csv"),
        mapping: include_str!("../../examples/reading/mapping.toml"),
        issuer: "culture-office",
        source: "district-library",
        distributor: "reading-app",
        data: "generated visits and loans",
    },
    Carried {
        id: "steps-and-calories",
        scale: include_str!("../../params/scales/steps-and-calories/scale.toml"),
        records: include_bytes!("../../examples/steps-and-calories/records.csv"),
        mapping: include_str!("../../examples/steps-and-calories/mapping.toml"),
        issuer: "sports-office",
        source: "step-counters",
        distributor: "walking-app",
        data: "generated days",
    },
    Carried {
        id: "stop-driving",
        scale: include_str!("../../params/scales/stop-driving/scale.toml"),
        records: include_bytes!("../../examples/stop-driving/records.csv"),
        mapping: include_str!("../../examples/stop-driving/mapping.toml"),
        issuer: "traffic-office",
        source: "odometer-inspection",
        distributor: "stop-driving-app",
        data: "derived from real cars' trips",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_scale_is_carried() {
        let scales = concat!(env!("CARGO_MANIFEST_DIR"), "/params/scales");
        let mut shipped: Vec<String> = std::fs::read_dir(scales)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        shipped.sort();
        let mut carried: Vec<&str> = PACKS.iter().map(|pack| pack.id).collect();
        carried.sort_unstable();
        assert_eq!(carried, shipped);
        assert!(Pack::named(DEFAULT).is_some());
    }

    #[test]
    fn every_pack_reads_its_records_by_its_mapping() {
        for pack in PACKS {
            let manifest = Manifest::from_toml(pack.scale).unwrap();
            assert_eq!(manifest.id().as_str(), pack.id);
            let mapping = Mapping::from_toml(pack.mapping)
                .unwrap_or_else(|error| panic!("{}: {error}", pack.id));
            Plan::new(&mapping, manifest.schema())
                .unwrap_or_else(|error| panic!("{}: {error}", pack.id));
        }
    }
}
