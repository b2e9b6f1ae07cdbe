//! The report about two versions of a scale.

use super::super::{Difference, Manifest, diff};
use super::language::{RIDES, rides};

/// The next version, with some texts replaced.
fn next(replaced: &[(&str, &str)]) -> Manifest {
    let mut text = RIDES.replacen("version = 1", "version = 2", 1).replacen(
        "from = \"2024-01\"",
        "from = \"2024-06\"",
        1,
    );
    // Examples state a period that the next version is not for.
    text = text.replace("period = \"2024-03\"\n", "");
    text = text
        .replace("credits = 26", "credits = 28")
        .replace("credits = 7", "credits = 14");
    for (from, to) in replaced {
        assert!(text.contains(from), "{from:?} is in the manifest");
        text = text.replace(from, to);
    }
    Manifest::from_toml(&text).unwrap_or_else(|error| panic!("{replaced:?}: {error}"))
}

fn compare(replaced: &[(&str, &str)]) -> Difference {
    diff(&rides(), &next(replaced))
}

fn shown(difference: &Difference) -> Vec<String> {
    let changes = difference.changes.iter().map(ToString::to_string);
    changes
        .filter(|change| !change.starts_with("example"))
        .collect()
}

#[test]
fn the_same_manifest_has_no_difference_but_is_no_next_version() {
    let found = diff(&rides(), &rides());
    assert_eq!(found.changes, []);
    assert_eq!(found.new_key, [""; 0]);
    assert_eq!(found.examples, []);
    let refused = found.refused.join("\n");
    assert!(refused.contains("1 does not come after 1"), "{refused}");
    assert!(refused.contains("2024-01 does not come after"), "{refused}");
}

#[test]
fn another_figure_keeps_the_key_and_changes_credits() {
    let found = compare(&[
        ("value = \"0.8\"", "value = \"0.7\""),
        ("bus = \"2\"", "bus = \"3\""),
        (
            "source = \"Decision\"\nof = \"km\"\npoints",
            "source = \"Council\"\nof = \"km\"\npoints",
        ),
        ("credits = 28", "credits = 37"),
        ("credits = 14", "credits = 18"),
    ]);
    assert_eq!(
        shown(&found),
        [
            "version: 1 -> 2",
            "validity.from: 2024-01 -> 2024-06",
            "table rate, bus from 2024-02-01: 2 -> 3",
            "table share, (5, 99.9]: 0.8 -> 0.7",
            "table ramp, source: Decision -> Council",
        ]
    );
    assert_eq!(found.new_key, [""; 0]);
    assert_eq!(found.refused, [""; 0]);
    // 4.5 km by bus from June on: 13.5 + 5 + 0.45.
    let example = &found.examples[0];
    assert_eq!(
        (example.old, example.new),
        ((7, Some(4500)), (18, Some(4500)))
    );
    assert!(
        example
            .to_string()
            .contains("7 credits and a measure of 4500 -> 18 credits")
    );
}

#[test]
fn another_shape_needs_a_new_key_and_says_why() {
    for (replaced, reason) in [
        (&[("claims = 4", "claims = 8")][..], "batch.claims"),
        (
            &[("max_records = 8", "max_records = 9")],
            "schema.max_records",
        ),
        (&[("max = \"99.9\"", "max = \"89.9\"")], "field length"),
        (
            &[("interval = [\"0\", \"50\"]", "interval = [\"0\", \"60\"]")],
            "constant bonus, interval",
        ),
        (
            &[("[\"100\", \"10\"]", "[\"200\", \"10\"]")],
            "table ramp, what it is looked up by",
        ),
        (
            &[("math.least(total, 100)", "math.least(total, 50)")],
            "formula.cel",
        ),
        (
            &[(
                "'counted.map(r, r.length).sum()'",
                "'counted.map(r, r.length).sum() + 0.1'",
            )],
            "step total",
        ),
    ] {
        let mut text =
            RIDES[..RIDES.find("[[example]]").unwrap()].replacen("version = 1", "version = 2", 1);
        for (from, to) in replaced {
            assert!(text.contains(from), "{from:?} is in the manifest");
            text = text.replace(from, to);
        }
        let new = Manifest::from_toml(&text).unwrap_or_else(|error| panic!("{reason}: {error}"));
        let found = diff(&rides(), &new);
        assert_eq!(found.new_key, [reason], "{:#?}", found.changes);
    }
}

#[test]
fn text_that_changes_no_circuit_needs_no_new_key() {
    let found = compare(&[("rides.filter(r, r.paid)", "rides.filter(x, x.paid)")]);
    assert!(
        shown(&found)
            .iter()
            .any(|change| change.starts_with("step counted:"))
    );
    assert_eq!(found.new_key, [""; 0]);
    assert_eq!(found.refused, [""; 0]);
}

#[test]
fn what_is_fixed_for_an_id_may_not_change() {
    for (from, to, word) in [
        ("id = \"rides\"", "id = \"trips\"", "another scale"),
        ("asset = 9", "asset = 8", "asset"),
        ("version = 2", "version = 1", "does not come after"),
        ("from = \"2024-06\"", "from = \"2024-01\"", "begins after"),
        ("per_source = false", "per_source = true", "per_source"),
        (
            "per_source = false",
            "per_source = false\nvouched = true",
            "vouched",
        ),
    ] {
        let replaced: Vec<(&str, &str)> = match word {
            // From January the first figures count: 4.5 + 3 + 0.45, and 9 + 6 + 0.9.
            "begins after" => vec![
                (from, to),
                ("credits = 28", "credits = 15"),
                ("credits = 14", "credits = 7"),
            ],
            _ => vec![(from, to)],
        };
        let found = compare(&replaced);
        assert!(
            found.refused.iter().any(|why| why.contains(word)),
            "{to}: {:?}",
            found.refused
        );
    }
}

/// Names are for people. The circuit has none, so a new name needs no new key, and the ledger
/// accepts it.
#[test]
fn other_names_of_fields_and_figures_are_a_versions_own_matter() {
    for replaced in [
        &[
            ("name = \"booked\"", "name = \"reserved\""),
            ("booked = ", "reserved = "),
        ][..],
        &[("bonus", "extra")][..],
    ] {
        let found = compare(replaced);
        assert_eq!(found.new_key, [""; 0], "{replaced:?}");
        assert_eq!(found.refused, [""; 0], "{replaced:?}");
    }
}
