//! Every key of a manifest: what is read, what is refused, and where the refusal points.

use merits_formula::{Code, FieldKind, Record};
use merits_primitives::ids::{Credits, Period};

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

/// The faults after a replacement, each with the text that it points at.
fn faults(from: &str, to: &str) -> Vec<(String, String)> {
    let text = RIDES.replacen(from, to, 1);
    let error = changed(from, to).map(|_| ()).unwrap_err();
    let shown = error.faults.into_iter().map(|fault| {
        let at = text[fault.span.clone()].to_owned();
        let line = text[..fault.span.start].matches('\n').count() + 1;
        assert_eq!(fault.line, line, "{fault}");
        (fault.to_string(), at)
    });
    shown.collect()
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
    assert_eq!(scale.max_measure(), Some(8 * 99_900));
    assert_eq!(scale.tables()[0].decl.by.labels(), ["bus", "metro"]);
    let [first, second] = scale.examples() else {
        panic!("{:?}", scale.examples());
    };
    let minutes = 13 * 1440 + 490;
    let stored = vec![minutes, 0, 45, 1, 19_723, 19_723 * 1440 + 600, 13];
    assert_eq!(first.records, [Record(stored)]);
    assert_eq!(
        (first.period, first.measure),
        (month("2024-01"), Some(4500))
    );
    assert_eq!((second.period, second.measure), (month("2024-03"), None));
    assert_eq!(second.credits, Credits(26));
}

/// The order of public inputs is told by the formula and by the ledger's figures: the same.
#[test]
fn figures_stand_in_the_order_of_the_public_inputs() {
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
            assert_eq!(number.check_public(value), Ok(()));
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
        let expected: Vec<u64> = dated.into_iter().chain(fixed).chain(days).collect();
        assert_eq!(scale.public_values(month(label)), expected, "{label}");
    };
    public("2024-01", [3, 3, 10, 10, 5, 5], [0, 0]);
    // From the first day on: nothing changes inside the month.
    public("2024-02", [3, 3, 20, 20, 15, 15], [0, 0]);
    public("2024-03", [3, 5, 20, 20, 15, 15], [10, 0]);
    public("2024-04", [5, 5, 20, 20, 15, 15], [0, 0]);
}

#[test]
fn faults_point_at_their_place() {
    for (from, to, message, at) in [
        // Keys and types.
        ("digits = 1", "digit = 1", "did you mean `digits`", "digit"),
        (
            "type = \"bool\"",
            "type = \"boolean\"",
            "did you mean \"bool\"",
            "\"boolean\"",
        ),
        (
            "type = \"bool\"",
            "type = \"text\"",
            "the types are int",
            "\"text\"",
        ),
        (
            "type = \"bool\"",
            "type = \"bool\"\nmax = 3",
            "takes no `max`",
            "max",
        ),
        (
            "type = \"time\"",
            "type = \"time\"\nmin = 3",
            "those of the period",
            "min",
        ),
        (
            "type = \"bool\"",
            "type = \"bool\"\nunit = \"m\"",
            "leave `unit` out",
            "\"m\"",
        ),
        ("digits = 1", "digits = 19", "at most 18", "19"),
        ("max = \"99.9\"", "max = \"99.99\"", "digits", "\"99.99\""),
        ("max = \"99.9\"", "max = 99.9", "in quotes", "99.9"),
        (
            "values = [\"bus\", \"metro\"]",
            "values = [\"bus\"]",
            "2 to 64",
            "\"mode\"",
        ),
        (
            "\"2023-01-01\"",
            "\"2023-02-29\"",
            "write it as",
            "\"2023-02-29\"",
        ),
        (
            "\"2023-01-01\"",
            "2023-01-01",
            "date or time without quotes",
            "2023-01-01",
        ),
        (
            "unit = \"km\"",
            "unit = \"metre\"",
            "written `m`",
            "\"metre\"",
        ),
        ("key = true", "key = 1", "true or false is needed", "1"),
        ("key = true", "key = false", "key", "[schema]"),
        // Constants and dates.
        (
            "value = \"3\"",
            "value = \"51\"",
            "outside its interval",
            "\"51\"",
        ),
        (
            "from = \"2024-03-11\"",
            "from = \"11.3.2024\"",
            "no date",
            "\"11.3.2024\"",
        ),
        (
            "from = \"2024-03-11\"\n",
            "",
            "only the first version",
            "[[constant.version]]",
        ),
        (
            "[[constant.version]]\nvalue = \"3\"",
            "[[constant.version]]\nfrom = \"2024-01-02\"\nvalue = \"3\"",
            "begins with 2024-01",
            "\"2024-01-02\"",
        ),
        (
            "value = \"5\"",
            "value = \"5\"\n\n[[constant.version]]\nfrom = \"2024-03-31\"\nvalue = \"6\"",
            "changes twice inside 2024-03",
            "\"2024-03-31\"",
        ),
        (
            "value = \"5\"",
            "value = \"5\"\n\n[[constant.version]]\nfrom = \"2024-03-11\"\nvalue = \"6\"",
            "in the order of their days",
            "\"2024-03-11\"",
        ),
        (
            "dated = true\ninterval = [\"0\", \"50\"]",
            "interval = [\"0\", \"50\"]",
            "add `dated = true`",
            "version",
        ),
        (
            "interval = [\"0\", \"50\"]",
            "value = \"3\"\ninterval = [\"0\", \"50\"]",
            "have their `value` in",
            "value",
        ),
        (
            "interval = [\"0\", \"50\"]",
            "interval = [\"0\"]",
            "two decimals",
            "[\"0\"]",
        ),
        (
            "interval = [\"0\", \"50\"]",
            "interval = [\"9\", \"5\"]",
            "lower bound",
            "[\"9\", \"5\"]",
        ),
        (
            "name = \"bonus\"",
            "name = \"Bonus\"",
            "no name",
            "\"Bonus\"",
        ),
        ("name = \"ramp\"", "name = \"rate\"", "taken", "\"rate\""),
        ("name = \"total\"", "name = \"rides\"", "taken", "\"rides\""),
        // Tables.
        (
            "{ metro = \"0.5\", bus = \"1\" }",
            "{ bus = \"1\" }",
            "`metro` of field `mode` has no figure",
            "values",
        ),
        (
            "{ metro = \"0.5\", bus = \"1\" }",
            "{ metro = \"0.5\", bus = \"1\", tram = \"1\" }",
            "`tram` is no name of field `mode`",
            "values",
        ),
        (
            "{ bus = \"2\", metro = \"1.5\" }",
            "{ bus = \"2\" }",
            "`metro` has no figure",
            "values",
        ),
        (
            "{ bus = \"2\", metro = \"1.5\" }",
            "{ bus = \"2\", metro = \"1.5\", tram = \"1\" }",
            "`tram` is no name of this table",
            "tram",
        ),
        (
            "{ bus = \"2\", metro = \"1.5\" }",
            "{ bus = \"2\", metro = \"1.55\" }",
            "more than the declared 1",
            "\"1.55\"",
        ),
        (
            "range = \"(5, 99.9]\"",
            "range = \"[5, 99.9]\"",
            "overlaps the one before",
            "\"[5, 99.9]\"",
        ),
        (
            "range = \"(5, 99.9]\"",
            "range = \"(6, 99.9]\"",
            "leaves a gap behind",
            "\"(6, 99.9]\"",
        ),
        (
            "range = \"[0, 5]\"",
            "range = \"[0, 5)\"",
            "leaves a gap behind",
            "\"(5, 99.9]\"",
        ),
        (
            "range = \"[0, 5]\"",
            "range = \"0 to 5\"",
            "no band",
            "\"0 to 5\"",
        ),
        (
            "range = \"(5, 99.9]\"",
            "range = \"(5, 5]\"",
            "holds no number",
            "\"(5, 5]\"",
        ),
        (
            "value = \"0.8\" }",
            "value = \"1.1\" }",
            "outside its interval",
            "\"1.1\"",
        ),
        (
            "[\"100\", \"10\"]",
            "[\"100\"]",
            "two decimals",
            "[\"100\"]",
        ),
        (
            "[\"100\", \"10\"]",
            "[\"0\", \"10\"]",
            "increasing",
            "\"0\"",
        ),
        (
            "points = [[\"0\", \"0\"], [\"100\", \"10\"]]",
            "points = [[\"0\", \"0\"]]",
            "at least two",
            "points",
        ),
        (
            "points = [[\"0\", \"0\"], [\"100\", \"10\"]]",
            "",
            "add `bands` or `points`",
            "of",
        ),
        (
            "of = \"km\"\nbands",
            "bands",
            "lacks the key `of`",
            "[[table]]",
        ),
        // Formulas, in each kind of string.
        (
            "rides.filter(r, r.paid)",
            "rides.filter(r, r.payed)",
            "did you mean `paid`",
            "r.payed",
        ),
        (
            "counted.map(r, r.length)",
            "counted.map(r, r.lenght)",
            "did you mean `length`",
            "r.lenght",
        ),
        ("bonus.at(r.start)", "bonus.at(r.begin)", "begin", "r.begin"),
        (
            "total.to(\\\"m\\\")",
            "totals.to(\\\"m\\\")",
            "total",
            "\"math.floor(totals.to(\\\"m\\\"))\"",
        ),
        (
            "name = \"counted\"\n",
            "name = \"counted\"\nkey = true\n",
            "has no key `key`",
            "key",
        ),
        (
            "rounding = \"Once, at the end.\"\n",
            "",
            "lacks the key `rounding`",
            "[formula]",
        ),
        (
            "unit = \"m\"\nrounding",
            "unit = \" \"\nrounding",
            "readers need it",
            "\" \"",
        ),
        // What a formula says of a declaration stands at the declaration.
        (
            "  + counted.map(r, bonus.at(r.start)).sum()\n",
            "",
            "not used",
            "\"bonus\"",
        ),
        (
            "\n  + ramp[math.least(total, 100)]",
            "",
            "not used",
            "\"ramp\"",
        ),
        ("bonus.at(r.start)", "bonus", "changes on a day", "bonus"),
        (
            "total.to",
            "counted.size().to",
            "to",
            "\"math.floor(counted.size().to(\\\"m\\\"))\"",
        ),
        // Examples.
        (
            "length = \"4.5\"",
            "length = 4.5",
            "a decimal in quotes",
            "4.5",
        ),
        (
            "length = \"4.5\"",
            "length = \"4.55\"",
            "declared 1",
            "\"4.55\"",
        ),
        (
            "length = \"4.5\"",
            "length = \"100\"",
            "0 to 99.9 is allowed",
            "\"100\"",
        ),
        (
            "mode = \"bus\"",
            "mode = \"tram\"",
            "bus, metro",
            "\"tram\"",
        ),
        ("mode = \"bus\"", "mode = 0", "one of its names", "0"),
        ("paid = true", "paid = 1", "true or false is needed", "1"),
        (
            "booked = \"2024-01-01\"",
            "booked = 2024-01-01",
            "without quotes",
            "2024-01-01",
        ),
        (
            "booked = \"2024-01-01\"",
            "booked = \"2027-01-01\"",
            "2023-01-01 to 2026-12-31",
            "\"2027-01-01\"",
        ),
        ("on = 14", "on = 32", "as in 14", "32"),
        ("on = 10 }", "on = 0 }", "as in 14", "0"),
        (
            "\"11 00:00\"",
            "\"10 23:59\"",
            "counts once",
            "\"10 23:59\"",
        ),
        ("\"11 00:00\"", "\"10 00:00\"", "in order", "\"10 00:00\""),
        (
            "period = \"2024-03\"",
            "period = \"2023-12\"",
            "is for 2024-01 to further notice",
            "\"2023-12\"",
        ),
        (
            "period = \"2024-03\"",
            "period = \"2024-W10\"",
            "counts by",
            "\"2024-W10\"",
        ),
        ("credits = 26", "credits = 25", "gives 26", "25"),
        ("measure = 4500", "measure = 4499", "gives 4500", "4499"),
    ] {
        let found = faults(from, to);
        let fits = |(text, place): &(String, String)| text.contains(message) && place == at;
        assert!(found.iter().any(fits), "{to:?}: {found:#?}");
    }
}

/// A day that the calendar has, but not the month of the example.
#[test]
fn an_example_stays_within_the_period_that_it_states() {
    let late = RIDES
        .replace("\"11 00:00\"", "\"31 00:00\"")
        .replace("credits = 26", "credits = 24");
    let april = late.replace("period = \"2024-03\"", "period = \"2024-04\"");
    let error = Manifest::from_toml(&april).unwrap_err().to_string();
    assert!(error.contains("behind the end of the period"), "{error}");
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_text() {
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

/// Files from other systems: other line ends, and a mark at their beginning.
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
