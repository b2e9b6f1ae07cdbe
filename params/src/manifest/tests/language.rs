//! Every key of a manifest: what is read, what is refused, and the position of the refusal.

use merits_formula::{Code, FieldKind, Record};
use merits_primitives::figures::PublicNumber;
use merits_primitives::ids::{Credits, Period, Quantity};

use super::super::{FaultKind, Manifest, ManifestError};

pub(super) const RIDES: &str = include_str!("rides.toml");

pub(super) fn rides() -> Manifest {
    Manifest::from_toml(RIDES).unwrap_or_else(|error| panic!("{error}"))
}

/// The manifest with one text replaced by another.
pub(super) fn changed(from: &str, to: &str) -> Result<Manifest, ManifestError> {
    assert!(RIDES.contains(from), "{from:?} is in the manifest");
    Manifest::from_toml(&RIDES.replacen(from, to, 1))
}

fn month(label: &str) -> Period {
    Period::from_label(label).unwrap()
}

#[test]
fn every_key_is_read() {
    let scale = rides();
    let kinds: Vec<_> = scale
        .schema()
        .fields
        .iter()
        .map(|f| f.kind.clone())
        .collect();
    assert_eq!(
        kinds,
        [
            FieldKind::TimeInPeriod,
            FieldKind::Enum {
                values: vec!["bus".into(), "metro".into()]
            },
            FieldKind::Decimal {
                min: 0,
                max: 999,
                digits: 1
            },
            FieldKind::Bool,
            FieldKind::Date {
                min: 19_358,
                max: 20_818
            },
            FieldKind::DateTime {
                min: 19_358 * 1440,
                max: 20_818 * 1440 + 1439
            },
            FieldKind::DayInPeriod,
        ]
    );
    let units: Vec<&str> = scale
        .schema()
        .fields
        .iter()
        .map(|f| f.unit.as_str())
        .collect();
    assert_eq!(units, ["min", "", "km", "", "day", "min", "day"]);
    assert_eq!(scale.steps()[0].note, "What was paid for.");
    assert_eq!(scale.measure().unwrap().unit, "m");
    assert_eq!(scale.max_measure(), Some(Quantity(8 * 99_900)));
    assert_eq!(scale.tables()[0].decl.by.labels(), ["bus", "metro"]);
    let [first, second] = scale.examples() else {
        panic!("{:?}", scale.examples());
    };
    let minutes = 13 * 1440 + 490;
    let stored = vec![minutes, 0, 45, 1, 19_723, 19_723 * 1440 + 600, 13];
    assert_eq!(first.records, [Record(stored)]);
    assert_eq!(
        (first.period, first.measure),
        (month("2024-01"), Some(Quantity(4500)))
    );
    assert_eq!((second.period, second.measure), (month("2024-03"), None));
    assert_eq!(second.credits, Credits(26));
}

/// The formula and the ledger's figures give the same order of public inputs.
#[test]
fn figures_are_in_the_order_of_the_public_inputs() {
    for scale in [rides(), super::cycling()] {
        let numbers = scale.formula().declarations().public_numbers();
        assert_eq!(scale.formula().constants(), numbers);
        let figures = scale.figures();
        assert_eq!(figures.check(scale.period_kind()), Ok(()));
        let names: Vec<&String> = numbers.iter().map(|number| &number.name).collect();
        assert_eq!(figures.names().iter().collect::<Vec<_>>(), names);
        let public = scale.public_values(scale.validity().from);
        assert_eq!(public.len(), numbers.len());
        for (number, value) in numbers.iter().zip(public) {
            assert_eq!(number.check_public(value.0), Ok(()));
        }
    }
    let names = rides().figures().names();
    assert_eq!(
        names,
        [
            "bonus (before)",
            "bonus (after)",
            "rate[bus] (before)",
            "rate[bus] (after)",
            "rate[metro] (before)",
            "rate[metro] (after)",
            "share[[0, 5]]",
            "share[(5, 99.9]]",
            "ramp[0]",
            "ramp[100]",
            "change day of bonus",
            "change day of rate",
        ]
    );
}

#[test]
fn a_period_has_the_figures_of_its_days() {
    let scale = rides();
    let fixed = [10, 8, 0, 10];
    let public = |label: &str, dated: [u64; 6], days: [u64; 2]| {
        let expected = dated.into_iter().chain(fixed).chain(days);
        let expected: Vec<_> = expected.map(PublicNumber).collect();
        assert_eq!(scale.public_values(month(label)), expected, "{label}");
    };
    public("2024-01", [3, 3, 10, 10, 5, 5], [0, 0]);
    // From the first day on: nothing changes inside the month.
    public("2024-02", [3, 3, 20, 20, 15, 15], [0, 0]);
    public("2024-03", [3, 5, 20, 20, 15, 15], [10, 0]);
    public("2024-04", [5, 5, 20, 20, 15, 15], [0, 0]);
}

/// A day that the kind of period allows, but that the month of the example lacks.
#[test]
fn an_example_stays_within_the_period_that_it_states() {
    let late = RIDES
        .replace("\"11 00:00\"", "\"31 00:00\"")
        .replace("credits = 26", "credits = 24");
    let april = late.replace("period = \"2024-03\"", "period = \"2024-04\"");
    let error = Manifest::from_toml(&april).unwrap_err().to_string();
    assert!(error.contains("after the end of the period"), "{error}");
}

#[test]
fn all_faults_are_reported_at_once_in_the_order_of_the_text() {
    let mut text = RIDES.to_owned();
    for (from, to) in [
        ("version = 1", "version = 0"),
        ("sdg = [11]", "sdg = [18]\ncolour = 1"),
        ("claims = 4", "claims = 65"),
        ("value = \"3\"", "value = \"51\""),
        ("digits = 1", "digits = 19"),
        ("range = \"(5, 99.9]\"", "range = \"5\""),
    ] {
        text = text.replacen(from, to, 1);
    }
    let error = Manifest::from_toml(&text).unwrap_err();
    let kinds: Vec<(FaultKind, &str)> = error
        .faults
        .iter()
        .map(|fault| (fault.kind, &text[fault.span.clone()]))
        .collect();
    assert_eq!(
        kinds,
        [
            (FaultKind::Value, "0"),
            (FaultKind::Value, "18"),
            (FaultKind::UnknownKey, "colour"),
            (FaultKind::Value, "65"),
            (FaultKind::Value, "19"),
            (FaultKind::Value, "\"51\""),
            (FaultKind::Value, "\"5\""),
        ]
    );
    // Faults of formulas, all of them too.
    let text = RIDES.replacen("r.paid", "r.payed", 1).replacen(
        "counted.map(r, r.length).sum()'",
        "counted.map(r, r.far).sum()'",
        1,
    );
    let error = Manifest::from_toml(&text).unwrap_err();
    let codes: Vec<FaultKind> = error.faults.iter().map(|fault| fault.kind).collect();
    assert_eq!(codes[0], FaultKind::Formula(Code::UnknownField), "{error}");
}

/// Regression: a version of 0 hid the faults of the formulas and of the examples.
#[test]
fn a_fault_in_the_header_hides_none_in_formulas_and_examples() {
    let kinds = |text: &str| -> Vec<(FaultKind, String)> {
        let faults = Manifest::from_toml(text).unwrap_err().faults;
        let found = faults.iter();
        let found = found.map(|fault| (fault.kind, text[fault.span.clone()].to_owned()));
        found.collect()
    };
    let with = |text: &str, changes: &[(&str, &str)]| {
        changes.iter().fold(text.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        })
    };
    let formulas = with(
        RIDES,
        &[
            ("r.paid", "r.payed"),
            (
                "counted.map(r, r.length).sum()'",
                "counted.map(r, r.far).sum()'",
            ),
        ],
    );
    let of_formulas = kinds(&formulas);
    assert!(!of_formulas.is_empty());
    for (from, to, place) in [
        ("version = 1", "version = 0", "0"),
        ("sdg = [11]", "sdg = [18]", "18"),
        ("claims = 4", "claims = 65", "65"),
    ] {
        let text = with(&formulas, &[(from, to)]);
        let mut all = vec![(FaultKind::Value, place.to_owned())];
        all.extend(of_formulas.clone());
        assert_eq!(kinds(&text), all);
        // A period of another kind in an example.
        let example = RIDES.find("[[example]]").unwrap();
        let (head, examples) = RIDES.split_at(example);
        let text = with(head, &[(from, to)]) + &examples.replacen("period = ", "perod = ", 1);
        let found = kinds(&text);
        assert_eq!(found[0], (FaultKind::Value, place.to_owned()));
        assert!(
            found.iter().any(|(kind, _)| *kind == FaultKind::UnknownKey),
            "{found:?}"
        );
    }
}

#[test]
fn a_measure_is_promised_only_where_there_is_one() {
    let (start, end) = (
        RIDES.find("[measure]").unwrap(),
        RIDES.find("[[example]]").unwrap(),
    );
    let text = format!("{}{}", &RIDES[..start], &RIDES[end..]);
    let error = Manifest::from_toml(&text).unwrap_err();
    let [fault] = error.faults.as_slice() else {
        panic!("{error}");
    };
    assert!(fault.message.contains("has no measure"), "{fault}");
    assert_eq!(&text[fault.span.clone()], "measure");
}

/// Files from other systems: other line endings, and a byte order mark.
#[test]
fn line_ends_do_not_move_places() {
    let text = RIDES.replace('\n', "\r\n");
    let scale = Manifest::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scale.shape(), rides().shape());
    let wrong = text.replacen("bonus.at(r.start)", "bonus.at(r.begin)", 1);
    let error = Manifest::from_toml(&wrong).unwrap_err();
    assert_eq!(&wrong[error.faults[0].span.clone()], "r.begin");
    let marked = format!("\u{feff}{RIDES}").replacen("version = 1", "version = 0", 1);
    let error = Manifest::from_toml(&marked).unwrap_err();
    assert_eq!(&marked[error.faults[0].span.clone()], "0");
}

#[test]
fn history_is_refused_with_what_it_will_be() {
    let error = changed("[formula]", "[state]\nstreak = 1\n\n[formula]").unwrap_err();
    let [fault] = error.faults.as_slice() else {
        panic!("{error}");
    };
    assert_eq!(fault.kind, FaultKind::NotYet);
    assert!(fault.message.contains("streaks"), "{fault}");
    assert!(fault.hint.contains("take it out"), "{fault}");
}

#[test]
fn nothing_in_a_text_makes_the_reader_fail() {
    // Cut anywhere, and with any byte replaced: read or refused, with places inside the text.
    let cuts = (0..RIDES.len()).filter(|at| RIDES.is_char_boundary(*at));
    for at in cuts.step_by(7) {
        for text in [
            RIDES[..at].to_owned(),
            format!("{}\"{}", &RIDES[..at], &RIDES[at..]),
            format!("{}汉{}", &RIDES[..at], &RIDES[at..]),
        ] {
            if let Err(error) = Manifest::from_toml(&text) {
                assert!(!error.faults.is_empty());
                for fault in error.faults {
                    assert!(text.get(fault.span.clone()).is_some(), "{fault}");
                }
            }
        }
    }
}
