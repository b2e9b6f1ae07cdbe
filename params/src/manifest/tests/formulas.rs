//! Faults of formulas at their positions in the file, formulas as deep and as long as the manual
//! allows, and constructs that were approved before they were refused.

use crate::manifest::{FaultKind, Manifest, ManifestError};
use merits_formula::Code;

/// A monthly scale over days with a number and a decimal; `formula` is TOML.
fn scale(formula: &str) -> String {
    format!(
        r#"id = "first"
version = 1
asset = 1
period = "month"
unit = "point"
per_source = false
sdg = [3]
terms = "x"
[title]
en = "T"
zh = "T"
[validity]
from = "2025-01"
[expiry]
lifetime_months = 12
bucket_months = 6
[batch]
claims = 16
[schema]
id = "day"
list = "days"
max_records = 31
[[schema.field]]
name = "on"
type = "day"
key = true
[[schema.field]]
name = "steps"
type = "int"
unit = "step"
min = 0
max = 65535
[formula]
rounding = "none"
{formula}
"#
    )
}

fn faults(text: &str) -> Vec<(usize, usize, String)> {
    let error = Manifest::from_toml(text).expect_err(text);
    let faults = error.faults.into_iter();
    faults.map(|f| (f.line, f.column, f.message)).collect()
}

#[test]
fn a_fault_of_syntax_has_its_place_in_every_kind_of_string() {
    let lines = "days\n  .filter(d, d.steps > 3)\n  .map(d, d.steps + ) \n  .size()\n";
    let missing = "a value is missing between `+` and `)`";
    // The formula's key is in line 35.
    for (formula, place) in [
        (format!("cel = '''\n{lines}'''"), (38, 21)),
        (format!("cel = \"\"\"\n{lines}\"\"\""), (38, 21)),
        (format!("cel = '''{lines}'''"), (37, 21)),
        (
            format!("# 步\r\ncel = '''\r\n{}'''", lines.replace('\n', "\r\n")),
            (39, 21),
        ),
        (format!("cel = '{}'", lines.replace('\n', " ")), (35, 59)),
        (
            format!("cel = \"{}\"", lines.replace('\n', "\\n")),
            (35, 61),
        ),
        (
            format!("cel = \"\"\"\n{}\"\"\"", lines.replace('\n', " \\\n")),
            (38, 21),
        ),
    ] {
        let found = faults(&scale(&formula));
        assert_eq!(found, [(place.0, place.1, missing.to_owned())], "{formula}");
    }
    // Several, in the formula and in a step, in the order of the file.
    let text = scale(
        "cel = '''\nn + days.filter(d, d.steps >).size(\n) +\n'''\n[[step]]\nname = \"n\"\ncel = \"1 2\"",
    );
    let found: Vec<_> = faults(&text)
        .into_iter()
        .map(|(line, column, _)| (line, column))
        .collect();
    assert_eq!(found, [(36, 29), (37, 4), (41, 10)]);
}

#[test]
fn formulas_are_as_deep_and_numbers_as_long_as_the_manual_says() {
    let choices = |count: usize| {
        // None of these is decided by the possible number of days.
        let parts = (2..count + 2).map(|n| format!("days.size()*999>{n} ? 1 : "));
        format!("cel = '''\n{}0\n'''", parts.collect::<String>())
    };
    for fine in [
        choices(118),
        choices(150),
        "cel = 'days.size() * 123456789012345678901234567890123456 > 123456789012345678901234567890123456 ? 1 : 0'".into(),
        "cel = 'days.size() * 100000000000000000000 > 18446744073709551616 ? 1 : 0'".into(),
        format!("cel = '{}1{}'", "(".repeat(160), ")".repeat(160)),
    ] {
        Manifest::from_toml(&scale(&fine)).unwrap_or_else(|error| panic!("{fine}: {error}"));
    }
    for (deep, line) in [
        (choices(160), 36),
        (choices(600), 36),
        (format!("cel = '''\n\n{}1\n'''", "(".repeat(5000)), 37),
        (format!("cel = '{}1'", "!(".repeat(4000)), 35),
        (format!("cel = '{}1'", "1 + ".repeat(4000)), 35),
    ] {
        let error = Manifest::from_toml(&scale(&deep)).expect_err("too deep");
        assert_eq!(error.faults.len(), 1, "{error}");
        let fault = &error.faults[0];
        assert_eq!(fault.kind, FaultKind::Formula(Code::TooLong), "{error}");
        assert_eq!(fault.line, line, "{error}");
        assert!(
            fault.column > 100 && error.to_string().len() < 400,
            "{error}"
        );
    }
}

/// The meaning under the previous parser, which an approved scale must keep.
const ZERO_BASED: &str = "d53e5eaed98283952ac0cbedc14a1b8400cfe54147cac9ff4c9eb3e3b7d9dea0";

#[test]
fn a_day_is_a_number_only_in_approved_manifests() {
    let zero_based = scale("cel = '''\ndays.filter(d, d.on == 1).size()\n'''");
    let error = Manifest::from_toml(&zero_based).expect_err("1 is the second");
    let fault = &error.faults[0];
    assert_eq!(fault.kind, FaultKind::Formula(Code::CountedFromZero));
    assert_eq!((fault.line, fault.column), (36, 16));
    assert!(fault.hint.contains("day_of_month(d.on)"), "{error}");
    // No day is day 0. In a new manifest that is a fault; in an approved one the condition never holds.
    let none = scale("cel = '''\ndays.filter(d, day_of_month(d.on) == 0).size()\n'''");
    let error = Manifest::from_toml(&none).expect_err("no day is day 0");
    assert_eq!(error.faults[0].kind, FaultKind::Formula(Code::Decided));
    assert!(error.faults[0].message.contains("from 1 to 31"), "{error}");
    Manifest::from_approved(&none).expect("it keeps its meaning");
    let approved = Manifest::from_approved(&zero_based).expect("it keeps its meaning");
    assert_eq!(hex::encode(approved.shape().digest()), ZERO_BASED);
    // The example says what a formula means: 1 is the first.
    let example = "[[example]]\nname = \"the first\"\nrecords = [{ on = 1, steps = 5 }, { on = 2, steps = 5 }]\ncredits = ";
    let first = |condition: &str, credits: u64| {
        scale(&format!(
            "cel = 'days.filter(d, {condition}).map(d, d.steps).sum() / unit(1, \"step\")'\n{example}{credits}"
        ))
    };
    let read = |text: &str| -> Result<Manifest, ManifestError> { Manifest::from_toml(text) };
    assert!(read(&first("day_of_month(d.on) == 1", 5)).is_ok());
    assert!(read(&first("day_of_month(d.on) >= 2", 5)).is_ok());
    assert!(read(&first("day_of_month(d.on) in [3, 4]", 0)).is_ok());
    // A condition that always holds, and an item that no day can equal.
    assert!(read(&first("day_of_month(d.on) >= 1", 10)).is_err());
    assert!(read(&first("day_of_month(d.on) in [0, 3]", 0)).is_err());
    assert!(read(&first("day_of_month(d.on) == 1", 10)).is_err());
}

#[test]
fn a_name_is_refused_by_the_rule_that_it_breaks() {
    let with = |name: &str, list: &str| {
        let text = scale(&format!(
            "cel = '{list}.map(d, d.{name}).sum() / unit(1, \"step\")'"
        ));
        let text = text.replace("\"steps\"", &format!("{name:?}"));
        text.replace("list = \"days\"", &format!("list = {list:?}"))
    };
    // A field may have a function's name, because it is written after its record.
    for name in ["size", "sum", "map", "day", "math", "exists_one"] {
        Manifest::from_toml(&with(name, "days")).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for (name, list, reason) in [
        ("in", "days", "word"),
        ("Size", "days", "write `size`"),
        ("two words", "days", "write `_`"),
        ("steps", "size", "name of a function"),
        ("steps", "all", "name of a function"),
    ] {
        let error = Manifest::from_toml(&with(name, list)).expect_err(name);
        let fault = &error.faults[0];
        assert!(fault.message.contains(reason), "{error}");
        assert!(
            !fault.message.contains("a-z, 0-9 and _, beginning"),
            "{error}"
        );
    }
}
