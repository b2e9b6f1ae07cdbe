//! A scale of somebody's own in the demonstration: what is missing or does not fit is told before
//! anything is set up. `tests/by_hand/own_scale.sh` plays one to its end.

use std::{fs, path::Path};

use crate::cli::run::{edit, merits};

const MAPPING: &str = r#"format = "csv"
subject = "car"

[time]
column = "day"
format = "%Y-%m-%d"

[fields.drive]
column = "drive"

[fields.displacement]
column = "engine"
"#;

const RECORDS: &str = "car,day,drive,engine\n\
    one,2025-03-01,fuel,1.6\n\
    one,2025-03-02,fuel,1.6\n\
    two,2025-03-01,electric,0.0\n";

/// A directory with a new scale, records and mapping.
fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let new = ["scale", "new", "my-scale", "--template", "tariff"];
    merits(directory.path(), &new).succeeds("wrote");
    write(directory.path(), "mapping.toml", MAPPING);
    write(directory.path(), "deeds.csv", RECORDS);
    directory
}

fn write(directory: &Path, name: &str, text: &str) {
    fs::write(directory.join(name), text).expect("written");
}

/// It is refused with these words, and nothing was set up.
#[track_caller]
fn refused(directory: &Path, more: &[&str], names: &[&str]) {
    let arguments = [&["demo"], more].concat();
    merits(directory, &arguments).refuses(names);
    assert!(!directory.join("merits-data").exists(), "{more:?}");
}

const ALL: [&str; 6] = [
    "--scale",
    "my-scale",
    "--input",
    "deeds.csv",
    "--mapping",
    "mapping.toml",
];

#[test]
fn what_is_not_there_is_named() {
    let directory = directory();
    let at = directory.path();
    let nowhere = ["--scale", "nowhere"];
    let shipped = ["nowhere", "cycling-week", "reading", "merits scale new"];
    refused(at, &nowhere, &shipped);
    fs::create_dir(at.join("empty")).expect("made");
    refused(
        at,
        &["--scale", "empty"],
        &["empty/scale.toml", "there is no such file"],
    );
    refused(
        at,
        &ALL[..2],
        &["--input FILE", "--mapping FILE", "displacement"],
    );
    refused(
        at,
        &ALL[..4],
        &["--input FILE", "--mapping FILE", "displacement"],
    );
    let ran = merits(
        at,
        &["demo", "--scale", "my-scale", "--mapping", "mapping.toml"],
    );
    assert_eq!(ran.code, Some(2), "a mapping of nothing: {ran:#?}");
    for (file, which) in [
        ("deeds.csv", "the records"),
        ("mapping.toml", "the mapping"),
    ] {
        fs::rename(at.join(file), at.join("away")).expect("moved");
        refused(at, &ALL, &[which, file, "there is no such file"]);
        fs::rename(at.join("away"), at.join(file)).expect("moved");
    }
}

#[test]
fn a_mapping_that_does_not_fit_is_named() {
    let directory = directory();
    let at = directory.path();
    let with = |from: &str, to: &str, names: &[&str]| {
        write(at, "mapping.toml", &MAPPING.replace(from, to));
        refused(at, &ALL, &[&["mapping.toml"], names].concat());
    };
    with("format = \"csv\"", "form = \"csv\"", &["form"]);
    let fields = "whose fields are date, drive, displacement";
    with(
        "[fields.drive]",
        "[fields.drives]",
        &["does not fit my-scale", fields, "drives"],
    );
    with(
        "[fields.drive]\ncolumn = \"drive\"\n",
        "",
        &["\"drive\" has no column", fields],
    );
    write(
        at,
        "mapping.toml",
        &MAPPING.replace("\"engine\"", "\"motor\""),
    );
    refused(at, &ALL, &["deeds.csv", "motor", "car, day, drive, engine"]);
}

#[test]
fn records_of_which_none_can_be_read_are_named() {
    let directory = directory();
    let at = directory.path();
    write(at, "deeds.csv", &RECORDS.replace("2025-03", "03/2025"));
    let first = ["3 of 3 rows of deeds.csv", "mapping.toml", "line 2, day"];
    refused(at, &ALL, &first);
    write(at, "deeds.csv", "car,day,drive,engine\n");
    refused(at, &ALL, &["no claim", "deeds.csv", "0 rows"]);
    write(at, "deeds.csv", &RECORDS.replace("2025", "2024"));
    refused(at, &ALL, &["deeds.csv", "begins with 2025-01", "2024-03"]);
}

#[test]
fn a_fault_of_the_scale_is_shown_at_its_place() {
    let directory = directory();
    let at = directory.path();
    edit(
        &at.join("my-scale/scale.toml"),
        "fuel[d.displacement]",
        "fuel[d.displacment]",
    );
    let place = [
        "one fault in this scale",
        "displacment",
        "my-scale/scale.toml:",
    ];
    refused(at, &ALL, &place);
}

#[test]
fn a_later_version_has_no_ledger_to_follow() {
    let directory = directory();
    let at = directory.path();
    edit(
        &at.join("my-scale/scale.toml"),
        "version = 1",
        "version = 2",
    );
    refused(
        at,
        &ALL,
        &["my-scale is version 2 of my-scale", "version = 1"],
    );
}
