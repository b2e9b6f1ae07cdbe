//! Every shipped scale has a page that the summary links, and records that the scale can run on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use merits_params::manifest::Manifest;
use merits_records::{Mapping, Plan, ReadOptions, read_file};

/// The scale that existed before the packs. Its records are elsewhere, and its page is the page of
/// the language.
const ELDER: &str = "cycling-week";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All scales by the name of their directory. Reading one runs its examples.
fn scales() -> BTreeMap<String, Manifest> {
    let scales = root().join("params/scales");
    let mut found = BTreeMap::new();
    let mut faults = Vec::new();
    for entry in fs::read_dir(&scales).expect("the scales are there") {
        let path = entry.expect("a directory that can be listed").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        match Manifest::from_toml(&text(&path.join("scale.toml"))) {
            Ok(manifest) => drop(found.insert(name.into_owned(), manifest)),
            Err(error) => faults.push(format!("{name}: {error}")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(found.contains_key(ELDER), "{found:?}");
    found
}

#[test]
fn every_scale_reads_and_has_the_id_of_its_directory() {
    let mut assets = BTreeSet::new();
    for (name, manifest) in scales() {
        assert_eq!(manifest.id().as_str(), name);
        assert!(
            assets.insert(manifest.asset()),
            "{name}: its asset number is taken"
        );
        assert!(manifest.examples().len() >= 5, "{name}: too few examples");
        assert!(
            manifest
                .examples()
                .iter()
                .any(|example| example.credits.0 > 0),
            "{name}: no example earns anything"
        );
        assert!(manifest.supply_cap().is_some(), "{name}: no supply cap");
        assert!(!manifest.sdg().is_empty(), "{name}: serves no goal");
    }
}

#[test]
fn every_scale_has_a_page_that_the_summary_links() {
    let summary = text(&root().join("docs/src/SUMMARY.md"));
    for name in scales().keys().filter(|name| *name != ELDER) {
        let page = text(&root().join(format!("docs/src/scales/{name}.md")));
        assert!(
            summary.contains(&format!("(scales/{name}.md)")),
            "{name}: not in SUMMARY.md"
        );
        assert!(
            page.contains(&format!("merits demo --scale {name}")),
            "{name}: the page does not say how to run it"
        );
    }
}

/// The needs of a demonstration: two periods of ten people, and one with enough claims for a total
/// that the supervisors may open.
#[test]
fn every_scale_has_records_to_be_played_on() {
    for (name, manifest) in scales() {
        let examples = root().join("examples");
        let (records, mapping) = match name.as_str() {
            ELDER => ("cycling/trips.csv".into(), "cycling/mapping.toml".into()),
            _ => (
                format!("{name}/records.csv"),
                format!("{name}/mapping.toml"),
            ),
        };
        let mapping = Mapping::from_toml(&text(&examples.join(mapping)))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let plan = Plan::new(&mapping, manifest.schema())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut rejected = 0u64;
        let reading = read_file(
            &examples.join(records),
            &plan,
            ReadOptions::default(),
            &mut |_| {
                rejected += 1;
                Ok(())
            },
            &mut |_| {},
        )
        .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            reading.report.accepted > 4 * rejected,
            "{name}: {:?} of {} rows are rejected",
            reading.report.reasons,
            reading.report.rows
        );

        let mut people: BTreeMap<_, usize> = BTreeMap::new();
        let mut credits = BTreeSet::new();
        for group in &reading.groups {
            assert!(
                manifest.is_valid_at(group.period),
                "{name}: {}",
                group.period.label()
            );
            let figures = manifest.public_values(group.period);
            let outputs = (manifest.formula().eval(&group.records, &figures))
                .unwrap_or_else(|error| panic!("{name}, {}: {error}", group.subject));
            assert!(
                outputs.credits <= manifest.max_credits().0,
                "{name}: above its bound"
            );
            credits.insert(outputs.credits);
            *people.entry(group.period).or_default() += 1;
        }
        let counts: Vec<usize> = people.into_values().collect();
        assert!(
            counts.iter().filter(|count| **count >= 10).count() >= 2,
            "{name}: {counts:?}"
        );
        assert!(
            counts.iter().any(|count| *count >= 20),
            "{name}: {counts:?}"
        );
        assert!(
            credits.len() >= 5,
            "{name}: {credits:?} are all that anybody earns"
        );
    }
}
