//! The scenario packs that the command carries with it, so that the demonstration runs anywhere:
//! a scale of `params/scales`, records of `examples`, and how these are read.

use clap::builder::PossibleValuesParser;
use merits_primitives::calendar::Date;

/// The packs' records are whole until here: the last day of the last of their periods.
pub(super) const WHOLE_UNTIL: Date = Date {
    year: 2026,
    month: 8,
    day: 31,
};

/// The scale that is played when none is named.
pub(super) const DEFAULT: &str = "cycling-week";

/// One scale with records to play it on.
#[derive(Debug)]
pub(super) struct Pack {
    /// The scale's id.
    pub(super) id: &'static str,
    /// `scale.toml`.
    pub(super) scale: &'static str,
    /// The records, as CSV.
    pub(super) records: &'static [u8],
    /// How they are read.
    pub(super) mapping: &'static str,
    /// Who writes the formula.
    pub(super) issuer: &'static str,
    /// Who recorded.
    pub(super) source: &'static str,
    /// Who proves.
    pub(super) distributor: &'static str,
    /// What the records are, said honestly.
    pub(super) data: &'static str,
}

impl Pack {
    /// The pack of a scale.
    pub(super) fn named(id: &str) -> Option<&'static Self> {
        PACKS.iter().find(|pack| pack.id == id)
    }
}

/// Accepts the ids of the packs.
pub(super) fn parser() -> PossibleValuesParser {
    PACKS.iter().map(|pack| pack.id).collect::<Vec<_>>().into()
}

const PACKS: &[Pack] = &[
    Pack {
        id: "blood-and-volunteering",
        scale: include_str!("../../params/scales/blood-and-volunteering/scale.toml"),
        records: include_bytes!("../../examples/blood-and-volunteering/records.csv"),
        mapping: include_str!("../../examples/blood-and-volunteering/mapping.toml"),
        issuer: "health-office",
        source: "blood-and-volunteer-centre",
        distributor: "good-citizen-app",
        data: "donations of a real study, dated by us; volunteering generated",
    },
    Pack {
        id: "cycling-week",
        scale: include_str!("../../params/scales/cycling-week/scale.toml"),
        records: include_bytes!("../../examples/cycling/trips.csv"),
        mapping: include_str!("../../examples/cycling/mapping.toml"),
        issuer: "climate-office",
        source: "bay-area-bike-share",
        distributor: "green-city-app",
        data: "real trips; bikes stand for people",
    },
    Pack {
        id: "household-electricity",
        scale: include_str!("../../params/scales/household-electricity/scale.toml"),
        records: include_bytes!("../../examples/household-electricity/records.csv"),
        mapping: include_str!("../../examples/household-electricity/mapping.toml"),
        issuer: "energy-office",
        source: "smart-meters",
        distributor: "green-home-app",
        data: "generated meter readings",
    },
    Pack {
        id: "low-carbon-event",
        scale: include_str!("../../params/scales/low-carbon-event/scale.toml"),
        records: include_bytes!("../../examples/low-carbon-event/records.csv"),
        mapping: include_str!("../../examples/low-carbon-event/mapping.toml"),
        issuer: "games-committee",
        source: "games-ticketing",
        distributor: "low-carbon-games-app",
        data: "generated deeds",
    },
    Pack {
        id: "low-carbon-travel",
        scale: include_str!("../../params/scales/low-carbon-travel/scale.toml"),
        records: include_bytes!("../../examples/low-carbon-travel/records.csv"),
        mapping: include_str!("../../examples/low-carbon-travel/mapping.toml"),
        issuer: "transport-office",
        source: "mobility-platform",
        distributor: "green-travel-app",
        data: "real bicycle rides; other modes generated",
    },
    Pack {
        id: "public-health-reporting",
        scale: include_str!("../../params/scales/public-health-reporting/scale.toml"),
        records: include_bytes!("../../examples/public-health-reporting/records.csv"),
        mapping: include_str!("../../examples/public-health-reporting/mapping.toml"),
        issuer: "disease-control",
        source: "clinic-register",
        distributor: "health-app",
        data: "generated reports",
    },
    Pack {
        id: "reading",
        scale: include_str!("../../params/scales/reading/scale.toml"),
        records: include_bytes!("../../examples/reading/records.csv"),
        mapping: include_str!("../../examples/reading/mapping.toml"),
        issuer: "culture-office",
        source: "district-library",
        distributor: "reading-app",
        data: "generated visits and loans",
    },
    Pack {
        id: "steps-and-calories",
        scale: include_str!("../../params/scales/steps-and-calories/scale.toml"),
        records: include_bytes!("../../examples/steps-and-calories/records.csv"),
        mapping: include_str!("../../examples/steps-and-calories/mapping.toml"),
        issuer: "sports-office",
        source: "step-counters",
        distributor: "walking-app",
        data: "generated days",
    },
    Pack {
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
            let manifest = merits_params::manifest::Manifest::from_toml(pack.scale).unwrap();
            assert_eq!(manifest.id().as_str(), pack.id);
            let mapping: merits_records::mapping::Mapping =
                toml::from_str(pack.mapping).unwrap_or_else(|error| panic!("{}: {error}", pack.id));
            merits_records::mapping::Plan::new(&mapping, manifest.schema())
                .unwrap_or_else(|error| panic!("{}: {error}", pack.id));
        }
    }
}
