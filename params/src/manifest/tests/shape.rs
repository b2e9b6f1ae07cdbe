//! The parts that the digest of a shape covers, and the parts that it does not cover.

use super::super::Manifest;
use super::language::{RIDES, rides};

/// Without the examples, which promise the credits of the figures.
fn bare() -> &'static str {
    &RIDES[..RIDES.find("[[example]]").unwrap()]
}

fn keeps_the_shape(from: &str, to: &str) -> bool {
    assert!(bare().contains(from), "{from:?} is in the manifest");
    let scale = Manifest::from_toml(&bare().replace(from, to));
    let scale = scale.unwrap_or_else(|error| panic!("{to}: {error}"));
    scale.shape().digest() == rides().shape().digest()
}

#[test]
fn figures_words_and_names_are_no_part_of_the_shape() {
    for (from, to) in [
        ("value = \"3\"", "value = \"4\""),
        ("value = \"5\"", "value = \"50\""),
        ("from = \"2024-03-11\"", "from = \"2024-05-02\""),
        ("value = \"0.8\"", "value = \"0.7\""),
        ("[\"100\", \"10\"]", "[\"100\", \"9\"]"),
        ("metro = \"1.5\"", "metro = \"9\""),
        (
            "\n[[table]]\nname = \"share\"",
            "\n[[table.version]]\nfrom = \"2025-01-01\"\nvalues = { bus = \"0\", metro = \"0\" }\n\n[[table]]\nname = \"share\"",
        ),
        ("version = 1", "version = 2"),
        ("en = \"Rides\"", "en = \"Trips\""),
        ("bucket_months = 6", "bucket_months = 12"),
        ("from = \"2024-01\"", "from = \"2024-02\""),
        ("note = \"What was paid for.\"", "note = \"Paid.\""),
        ("counted", "those_paid_for"),
        ("total", "all_of_it"),
        ("bonus", "extra"),
        ("\"metro\"", "\"tram\""),
        // The circuit selects a cell by its index, not by its name.
        ("[\"bus\", \"metro\"]", "[\"metro\", \"bus\"]"),
        (
            "rides.filter(r, r.paid)",
            "rides.filter(ride, ride.paid) // paid",
        ),
        ("rounding = \"Once, at the end.\"", "rounding = \"Down.\""),
    ] {
        // A renamed name of an enum is renamed in the tables too.
        let (from, to) = (from.to_owned(), to.to_owned());
        if from == "\"metro\"" {
            let text = bare().replace("metro", "tram");
            let scale = Manifest::from_toml(&text).unwrap();
            assert_eq!(scale.shape().digest(), rides().shape().digest());
            continue;
        }
        assert!(keeps_the_shape(&from, &to), "{to}");
    }
}

#[test]
fn a_step_that_is_written_out_is_the_same_circuit() {
    let inlined = bare()
        .replace(
            "[[step]]\nname = \"total\"\ncel = 'counted.map(r, r.length).sum()'\n",
            "",
        )
        .replace("total", "counted.map(r, r.length).sum()");
    let scale = Manifest::from_toml(&inlined).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scale.shape(), rides().shape());
}

#[test]
fn what_the_circuit_is_made_from_is_the_shape() {
    for (from, to) in [
        ("claims = 4", "claims = 8"),
        ("max_records = 8", "max_records = 7"),
        ("period = \"month\"", "period = \"month\" "),
        ("max = \"99.9\"", "max = \"89.9\""),
        ("digits = 1\nmax = \"99.9\"", "digits = 2\nmax = \"9.99\""),
        ("max = \"2026-12-31\"", "max = \"2026-12-30\""),
        ("min = \"2023-01-01\"", "min = \"2023-01-02\""),
        ("type = \"bool\"", "type = \"bool\" "),
        ("interval = [\"0\", \"50\"]", "interval = [\"0\", \"51\"]"),
        ("interval = [\"0\", \"9\"]", "interval = [\"0.5\", \"9\"]"),
        ("exponent = 1\nunit = \"1\"", "exponent = 2\nunit = \"1\""),
        ("[0, 5]", "[0, 6]"),
        ("(5, 99.9]", "[5, 99.9]"),
        ("[\"100\", \"10\"]", "[\"200\", \"10\"]"),
        ("math.least(total, 100)", "math.least(total, 99)"),
        ("r.paid)", "!r.paid)"),
        (
            "cel = \"math.floor(total.to(\\\"m\\\"))\"",
            "cel = \"math.floor(total.to(\\\"m\\\")) + 1\"",
        ),
    ] {
        let mut text = bare().replacen(from, to, 1);
        assert_ne!(text, bare(), "{from}");
        match to {
            // Spaces change nothing: shown once more, so that the list cannot pass by itself.
            "period = \"month\" " | "type = \"bool\" " => {
                let scale = Manifest::from_toml(&text).unwrap();
                assert_eq!(scale.shape(), rides().shape(), "{to}");
                continue;
            }
            "[0, 6]" => text = text.replace("(5, 99.9]", "(6, 99.9]"),
            "[5, 99.9]" => text = text.replace("[0, 5]", "[0, 5)"),
            _ => {}
        }
        let scale = Manifest::from_toml(&text).unwrap_or_else(|error| panic!("{to}: {error}"));
        assert_ne!(scale.shape().digest(), rides().shape().digest(), "{to}");
    }
    let start = bare().find("[measure]").unwrap();
    let plain = Manifest::from_toml(&bare()[..start]).unwrap();
    assert_ne!(plain.shape().digest(), rides().shape().digest());
}

/// The ledger handles who vouches, so marking a scale needs no new key.
#[test]
fn vouching_is_no_part_of_the_shape() {
    const HOUSEHOLD: &str = include_str!("../../../scales/household-electricity/scale.toml");
    let read = |text: &str| Manifest::from_toml(text).unwrap();
    let bare = HOUSEHOLD.replace("vouched = true\n", "");
    let (marked, unmarked) = (read(HOUSEHOLD), read(&bare));
    assert_eq!((marked.vouched(), unmarked.vouched()), (true, false));
    assert_eq!(marked.shape().digest(), unmarked.shape().digest());
    assert_eq!(marked.schema().id(), unmarked.schema().id());
    assert_eq!(marked.terms_digest(), unmarked.terms_digest());
}
