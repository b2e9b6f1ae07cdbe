//! Every type of field, read through a mapping from both forms of a file, good cells and bad.

use std::io::Cursor;

use merits_formula::{Field, FieldKind, Schema};
use merits_primitives::ids::PeriodKind;
use merits_records::{Mapping, Plan, ReadOptions, Reading, Reason, Reject, read};
use proptest::prelude::*;

fn field(name: &str, kind: FieldKind, unit: &str) -> Field {
    Field {
        name: name.into(),
        kind,
        unit: unit.into(),
        key: false,
    }
}

/// Days since 1970 of 2024-01-01.
const NEW_YEAR: u64 = 19_723;

/// A month of loans, ordered by the field with this name.
fn loans(key: &str) -> Schema {
    let mut fields = vec![
        field("on", FieldKind::DayInPeriod, "day"),
        field("at", FieldKind::TimeInPeriod, "min"),
        field(
            "kind",
            FieldKind::Enum {
                values: vec!["book".into(), "film".into(), "e-book".into()],
            },
            "",
        ),
        field("late", FieldKind::Bool, ""),
        field(
            "paid",
            FieldKind::Decimal {
                min: 10,
                max: 9_999,
                digits: 2,
            },
            "yuan",
        ),
        field(
            "due",
            FieldKind::Date {
                min: NEW_YEAR,
                max: NEW_YEAR + 365,
            },
            "day",
        ),
        field(
            "back",
            FieldKind::DateTime {
                min: NEW_YEAR * 1440,
                max: (NEW_YEAR + 366) * 1440 - 1,
            },
            "min",
        ),
        field("number", FieldKind::Int { min: 1, max: 99 }, "1"),
    ];
    for field in &mut fields {
        field.key = field.name == key;
    }
    Schema::new("loan", "loans", PeriodKind::Month, fields, 5).expect("a schema")
}

const MAPPING: &str = r#"
format = "csv"
subject = "card"
[time]
column = "at"
format = "%Y-%m-%dT%H:%M"
[fields.kind]
column = "kind"
values = { "图书" = "book", "影片" = "film" }
[fields.late]
column = "late"
values = { "是" = "true", "否" = "false" }
[fields.paid]
column = "paid"
unit = "fen"
[fields.due]
column = "due"
format = "%d.%m.%Y"
[fields.back]
column = "back"
[fields.number]
column = "no"
"#;

const HEADER: &str = "card,at,kind,late,paid,due,back,no\n";

fn plan(mapping: &str, schema: &Schema) -> Plan {
    let mapping = Mapping::from_toml(mapping).expect("a mapping");
    Plan::new(&mapping, schema).unwrap_or_else(|error| panic!("{error}"))
}

fn run(input: &str, plan: &Plan) -> (Reading, Vec<Reject>) {
    let mut rejects = Vec::new();
    let reading = read(
        Cursor::new(input.as_bytes()),
        plan,
        ReadOptions::default(),
        &mut |reject| {
            rejects.push(reject.clone());
            Ok(())
        },
        &mut |_| {},
    )
    .expect("readable");
    (reading, rejects)
}

fn records(reading: &Reading) -> Vec<Vec<u64>> {
    let groups = reading.groups.iter();
    let records = groups.flat_map(|group| &group.records);
    records.map(|record| record.0.clone()).collect()
}

#[test]
fn every_type_is_read_as_the_integer_that_a_record_stores() {
    let rows = "\
        1,2024-03-14T08:10,图书,是,1250,28.03.2024,2024-03-28T17:30,1\n\
        1,2024-03-14T08:11,e-book,no,10,31.12.2024,2024-12-31 23:59,2\n\
        1,2024-03-31T23:59,film,TRUE,9999,01.01.2024,2024-01-01T00:00,99\n";
    let (reading, rejects) = run(&format!("{HEADER}{rows}"), &plan(MAPPING, &loans("at")));
    // The pattern of a datetime has a T unless the mapping says another.
    assert_eq!(rejects.len(), 1, "{rejects:?}");
    assert_eq!((rejects[0].line, rejects[0].column.as_str()), (3, "back"));
    let day = NEW_YEAR + 73;
    assert_eq!(
        records(&reading),
        [
            vec![
                13,
                13 * 1440 + 490,
                0,
                1,
                1250,
                day + 14,
                (day + 14) * 1440 + 1050,
                1
            ],
            vec![
                30,
                30 * 1440 + 1439,
                1,
                1,
                9999,
                NEW_YEAR,
                NEW_YEAR * 1440,
                99
            ],
        ]
    );
    assert_eq!(reading.groups[0].period.label(), "2024-03");
}

#[test]
fn json_has_truth_values_and_numbers_of_its_own() {
    let mapping = MAPPING.replace("\"csv\"", "\"json-lines\"");
    let mapping = mapping.replace("unit = \"fen\"", "unit = \"yuan\"");
    let row = |late: &str, paid: &str, no: &str| {
        format!(
            "{{\"card\":\"1\",\"at\":\"2024-03-14T08:10\",\"kind\":\"book\",\"late\":{late},\
             \"paid\":{paid},\"due\":\"28.03.2024\",\"back\":\"2024-03-28T17:30\",\"no\":{no}}}\n"
        )
    };
    for (late, paid, no, stored) in [
        ("true", "12.50", "7", [1, 1250, 7]),
        ("false", "\"12.5\"", "\"7\"", [0, 1250, 7]),
        ("0", "1.25e1", "7", [0, 1250, 7]),
        ("\"Yes\"", "0.1", "1", [1, 10, 1]),
    ] {
        let (reading, rejects) = run(&row(late, paid, no), &plan(&mapping, &loans("at")));
        assert_eq!(rejects, []);
        let record = &records(&reading)[0];
        assert_eq!([record[3], record[4], record[7]], stored);
    }
    for (late, paid, no, column, reason) in [
        ("null", "12.50", "7", "late", Reason::Missing),
        ("\"\"", "12.50", "7", "late", Reason::Missing),
        ("2", "12.50", "7", "late", Reason::Unparsable),
        ("[true]", "12.50", "7", "late", Reason::Unparsable),
        // True is not a number, and is not converted to one.
        ("true", "true", "7", "paid", Reason::Unparsable),
        ("true", "12.505", "7", "paid", Reason::Unparsable),
        ("true", "12.5", "true", "no", Reason::Unparsable),
        ("true", "12.5", "null", "no", Reason::Missing),
    ] {
        let (reading, rejects) = run(&row(late, paid, no), &plan(&mapping, &loans("at")));
        assert!(reading.groups.is_empty());
        let [reject] = rejects.as_slice() else {
            panic!("{rejects:?}");
        };
        assert_eq!(
            (reject.column.as_str(), reject.reason),
            (column, reason),
            "{late} {paid} {no}"
        );
    }
}

/// One bad cell each; what is missing is never taken for 0, false or the first name.
#[test]
fn bad_cells_cost_their_row_and_say_why() {
    const GOOD: [&str; 8] = [
        "1",
        "2024-03-14T08:10",
        "图书",
        "是",
        "1250",
        "28.03.2024",
        "2024-03-28T17:30",
        "1",
    ];
    let columns: Vec<&str> = HEADER.trim_end().split(',').collect();
    for (column, cell, reason) in [
        ("at", "", Reason::Missing),
        ("at", "2024-03-14", Reason::Unparsable),
        ("kind", "", Reason::Missing),
        ("kind", "  ", Reason::Missing),
        ("kind", "Book", Reason::Unparsable),
        ("kind", "0", Reason::Unparsable),
        ("kind", "书", Reason::Unparsable),
        ("late", "", Reason::Missing),
        ("late", "maybe", Reason::Unparsable),
        ("late", "2", Reason::Unparsable),
        ("late", "是的", Reason::Unparsable),
        ("paid", "", Reason::Missing),
        ("paid", "-1", Reason::OutOfBounds),
        ("paid", "9", Reason::OutOfBounds),
        ("paid", "10000", Reason::OutOfBounds),
        ("paid", "12.5", Reason::Unparsable),
        ("paid", "12 yuan", Reason::Unparsable),
        ("due", "", Reason::Missing),
        ("due", "2024-03-28", Reason::Unparsable),
        ("due", "30.02.2024", Reason::Unparsable),
        ("due", "31.12.2023", Reason::OutOfBounds),
        ("due", "31.12.1969", Reason::OutOfBounds),
        ("back", "", Reason::Missing),
        ("back", "2024-03-28", Reason::Unparsable),
        ("back", "2024-03-28T24:00", Reason::Unparsable),
        ("back", "2025-01-01T00:00", Reason::OutOfBounds),
        ("no", "", Reason::Missing),
        ("no", "0", Reason::OutOfBounds),
        ("no", "true", Reason::Unparsable),
    ] {
        let mut cells = GOOD;
        let place = columns
            .iter()
            .position(|name| *name == column)
            .expect("a column");
        cells[place] = cell;
        let file = format!("{HEADER}{}\n{}\n", cells.join(","), GOOD.join(","));
        let (reading, rejects) = run(&file, &plan(MAPPING, &loans("at")));
        let [reject] = rejects.as_slice() else {
            panic!("{column} = {cell:?}: {rejects:?}");
        };
        let found = (reject.line, reject.column.as_str(), reject.reason);
        assert_eq!(found, (2, column, reason), "{cell:?}: {}", reject.detail);
        assert_eq!(reading.report.accepted, 1, "{column} = {cell:?}");
    }
}

#[test]
fn records_are_ordered_by_any_ordered_field() {
    let row = |at: &str, due: &str, back: &str, paid: u32, no: u32| {
        format!("1,2024-03-{at},book,0,{paid},{due}.03.2024,2024-03-{back},{no}\n")
    };
    // Each row comes after the first by its own column only.
    let first = row("14T08:10", "14", "14T08:10", 100, 10);
    for (key, column, later, again) in [
        (
            "at",
            "at",
            row("14T08:11", "10", "10T00:00", 50, 5),
            row("14T08:10", "20", "20T00:00", 200, 20),
        ),
        (
            "on",
            "at",
            row("15T00:00", "10", "10T00:00", 50, 5),
            row("14T23:59", "20", "20T00:00", 200, 20),
        ),
        (
            "due",
            "due",
            row("10T00:00", "15", "10T00:00", 50, 5),
            row("20T00:00", "14", "20T00:00", 200, 20),
        ),
        (
            "back",
            "back",
            row("10T00:00", "10", "14T08:11", 50, 5),
            row("20T00:00", "20", "14T08:10", 200, 20),
        ),
        (
            "paid",
            "paid",
            row("10T00:00", "10", "10T00:00", 101, 5),
            row("20T00:00", "20", "20T00:00", 100, 20),
        ),
        (
            "number",
            "no",
            row("10T00:00", "10", "10T00:00", 50, 11),
            row("20T00:00", "20", "20T00:00", 200, 10),
        ),
    ] {
        let plan = plan(MAPPING, &loans(key));
        let (reading, rejects) = run(&format!("{HEADER}{first}{later}"), &plan);
        assert_eq!((rejects.len(), reading.report.accepted), (0, 2), "{key}");
        let (_, rejects) = run(&format!("{HEADER}{first}{again}"), &plan);
        let [reject] = rejects.as_slice() else {
            panic!("{key}: {rejects:?}");
        };
        assert_eq!(
            (reject.reason, reject.column.as_str()),
            (Reason::Tie, column)
        );
    }
}

#[test]
fn a_day_is_enough_for_a_scale_without_times() {
    let mut fields = vec![
        field("on", FieldKind::DayInPeriod, "day"),
        field(
            "steps",
            FieldKind::Int {
                min: 0,
                max: 65_535,
            },
            "step",
        ),
    ];
    fields[0].key = true;
    let steps = Schema::new("steps", "days", PeriodKind::Month, fields.clone(), 31).expect("one");
    let mapping = "format = \"csv\"\nsubject = \"id\"\n[time]\ncolumn = \"date\"\n\
                   format = \"%Y-%m-%d\"\n[fields.steps]\ncolumn = \"steps\"\n";
    let file = "id,date,steps\n1,2024-02-29,0\n1,2024-03-01,6000\n1,2024-03-02,\n1,2024-03-03,1\n\
                1,2023-02-29,1\n1,2024-03-03,2\n";
    let (reading, rejects) = run(file, &plan(mapping, &steps));
    assert_eq!(records(&reading), [[28, 0], [0, 6000], [2, 1]]);
    let why: Vec<(u64, Reason)> = rejects.iter().map(|r| (r.line, r.reason)).collect();
    // The day without steps is absent, not 0.
    assert_eq!(
        why,
        [
            (4, Reason::Missing),
            (6, Reason::Unparsable),
            (7, Reason::Tie)
        ]
    );
    // With a field of type time a date is not enough.
    fields.push(field("at", FieldKind::TimeInPeriod, "min"));
    let timed = Schema::new("steps", "days", PeriodKind::Month, fields, 31).expect("one");
    let error = Plan::new(&Mapping::from_toml(mapping).expect("one"), &timed).expect_err("no time");
    assert!(
        error.to_string().contains("no date with hour and minute"),
        "{error}"
    );
}

#[test]
fn mappings_that_do_not_fit_their_types_are_refused() {
    for (from, to, says) in [
        ("unit = \"fen\"", "unit = \"km\"", "different things"),
        (
            "unit = \"fen\"",
            "values = { a = \"b\" }",
            "is a decimal, so `values` is not allowed",
        ),
        (
            "unit = \"fen\"",
            "format = \"%Y\"",
            "`format` is not allowed; allowed: unit, scale, round",
        ),
        (
            "column = \"kind\"",
            "column = \"kind\"\nunit = \"m\"",
            "is an enum, so `unit` is not allowed",
        ),
        (
            "column = \"late\"",
            "column = \"late\"\nround = \"down\"",
            "is a bool, so `round` is not allowed",
        ),
        (
            "column = \"due\"",
            "column = \"due\"\nscale = \"2\"",
            "is a date, so `scale` is not allowed",
        ),
        (
            "column = \"back\"",
            "column = \"back\"\nvalues = {}",
            "a datetime, so `values` is not allowed",
        ),
        (
            "\"影片\" = \"film\"",
            "\"影片\" = \"video\"",
            "\"video\", but the field has book, film",
        ),
        ("\"是\" = \"true\"", "\"是\" = \"yes\"", "has false, true"),
        ("\"%d.%m.%Y\"", "\"%d.%m.\"", "[fields.due]"),
        (
            "column = \"back\"",
            "column = \"back\"\nformat = \"%Y-%m-%d\"",
            "[fields.back]",
        ),
        (
            "column = \"back\"",
            "column = \"back\"\nformat = \"rfc3339\"",
            "[fields.back]",
        ),
        ("[fields.number]", "[fields.on]", "comes from [time]"),
        (
            "[fields.number]\ncolumn = \"no\"",
            "",
            "\"number\" has no column",
        ),
        ("[fields.late]", "[fields.later]", "maps no field"),
    ] {
        let text = MAPPING.replacen(from, to, 1);
        assert_ne!(text, MAPPING);
        let error = match Mapping::from_toml(&text) {
            Err(error) => error.to_string(),
            Ok(mapping) => Plan::new(&mapping, &loans("at")).expect_err(to).to_string(),
        };
        assert!(error.contains(says), "{to}: {error}");
    }
}

proptest! {
    /// What was written comes back, and nothing else is accepted.
    #[test]
    fn stored_values_are_those_of_the_file(
        minute in 0u64..31 * 1440, kind in 0usize..4, late in 0usize..3,
        fen in 0u64..12_000, due in 0u32..800,
    ) {
        let kinds = ["图书", "影片", "e-book", "comic"];
        let lates = ["是", "no", "?"];
        let date = merits_primitives::calendar::Date::from_days(19_700 + due);
        let row = format!(
            "1,2024-03-{:02}T{:02}:{:02},{},{},{fen},{:02}.{:02}.{},2024-03-28T17:30,1\n",
            minute / 1440 + 1, minute / 60 % 24, minute % 60, kinds[kind], lates[late],
            date.day, date.month, date.year,
        );
        let (reading, rejects) = run(&format!("{HEADER}{row}"), &plan(MAPPING, &loans("at")));
        let due = 19_700 + u64::from(due);
        let good = kind < 3 && late < 2 && (10..=9_999).contains(&fen)
            && (NEW_YEAR..=NEW_YEAR + 365).contains(&due);
        prop_assert_eq!(rejects.is_empty(), good);
        if good {
            let record = &records(&reading)[0];
            let late = u64::from(late == 0);
            prop_assert_eq!(&record[..6], &[minute / 1440, minute, kind as u64, late, fen, due]);
        } else {
            prop_assert!(reading.groups.is_empty());
        }
    }
}
