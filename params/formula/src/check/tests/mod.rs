//! Every diagnostic, and evaluation against cases computed by hand.

mod advice;
mod counted;
mod cycling;
mod decided;
mod facts;
mod faults;
mod followed;
mod forms;
mod limits;
mod pasted;
mod shapes;
mod sharing;
mod surroundings;
mod tables;

use merits_primitives::{figures::PublicNumber, ids::PeriodKind};

use crate::constant::ConstantDecl;
use crate::declarations::{Declarations, NamedConstant, Step, TableBy, TableDecl};
use crate::diagnostic::{Code, Diagnostic};
use crate::field::{Field, FieldKind};
use crate::schema::{Record, Schema, tests::trips};
use crate::typed::Typed;

fn constant(name: &str, low: &str, high: &str, exponent: u8) -> ConstantDecl {
    ConstantDecl {
        name: name.into(),
        interval: [low.parse().unwrap(), high.parse().unwrap()],
        exponent,
    }
}

/// Checks a formula against these constants; days compare with numbers, as in approved scales.
fn check(
    source: &str,
    schema: &Schema,
    constants: &[ConstantDecl],
) -> Result<Typed, Vec<Diagnostic>> {
    let constants = constants.iter().cloned().map(Into::into);
    super::check_approved(&Declarations::new(schema.clone(), source).with_constants(constants))
}

fn without_constants(source: &str) -> Result<Typed, Vec<Diagnostic>> {
    check(source, &trips(), &[])
}

fn field(name: &str, kind: FieldKind, unit: &str) -> Field {
    Field {
        name: name.into(),
        kind,
        unit: unit.into(),
        key: false,
    }
}

fn int(max: u64) -> FieldKind {
    FieldKind::Int { min: 0, max }
}

fn names(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// A schema whose first field is the key.
fn schema(period: PeriodKind, most: u16, mut fields: Vec<Field>) -> Schema {
    fields[0].key = true;
    Schema::new("deed", "deeds", period, fields, most).unwrap()
}

/// A field of each kind, in pure numbers where the kind does not say otherwise.
fn deeds() -> Schema {
    let fields = vec![
        field("start", FieldKind::TimeInPeriod, ""),
        field(
            "mode",
            FieldKind::Enum {
                values: names(&["bus", "metro", "bike"]),
            },
            "",
        ),
        field("paid", FieldKind::Bool, ""),
        field(
            "litres",
            FieldKind::Decimal {
                min: 0,
                max: 999,
                digits: 2,
            },
            "",
        ),
        field("rooms", FieldKind::Int { min: 2, max: 9 }, ""),
        field("amount", int(1000), ""),
        field("on", FieldKind::DayInPeriod, ""),
        field(
            "due",
            FieldKind::Date {
                min: 18_262,
                max: 22_000,
            },
            "",
        ),
        field(
            "at",
            FieldKind::DateTime {
                min: 26_297_280,
                max: 31_680_000,
            },
            "",
        ),
    ];
    schema(PeriodKind::Week, 8, fields)
}

/// start, mode, paid, litres, rooms, amount, on, due, at
type Deed = [u64; 9];

fn of_deeds(source: &str) -> Result<Typed, Vec<Diagnostic>> {
    check(source, &deeds(), &[])
}

fn records<const N: usize>(rows: &[[u64; N]]) -> Vec<Record> {
    rows.iter().map(|row| Record(row.to_vec())).collect()
}

fn worth<const N: usize>(typed: &Typed, rows: &[[u64; N]], values: &[u64]) -> u64 {
    let values: Vec<_> = values.iter().copied().map(PublicNumber).collect();
    typed.eval(&records(rows), &values).unwrap().credits
}

fn number(name: &str, low: &str, high: &str, exponent: u8, unit: &str) -> NamedConstant {
    NamedConstant {
        unit: unit.into(),
        ..constant(name, low, high, exponent).into()
    }
}

fn table(name: &str, high: &str, exponent: u8, unit: &str, by: TableBy) -> TableDecl {
    TableDecl {
        name: name.into(),
        interval: ["0".parse().unwrap(), high.parse().unwrap()],
        exponent,
        unit: unit.into(),
        dated: false,
        by,
    }
}

fn bands(of: &str, bands: &[&str]) -> TableBy {
    TableBy::Bands {
        of: of.into(),
        bands: bands.iter().map(|band| band.parse().unwrap()).collect(),
    }
}

fn curve(of: &str, points: &[&str]) -> TableBy {
    TableBy::Curve {
        of: of.into(),
        points: points.iter().map(|point| point.parse().unwrap()).collect(),
    }
}

fn step(name: &str, cel: &str) -> Step {
    Step {
        name: name.into(),
        cel: cel.into(),
    }
}

/// The one fault that these declarations have.
fn fault(declarations: &Declarations) -> Diagnostic {
    let faults = super::check_approved(declarations).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].clone()
}

/// Asserts that these declarations have one fault of this code, and that its text has these words.
fn refused(declarations: &Declarations, code: Code, word: &str) {
    let fault = fault(declarations);
    assert_eq!(fault.code, code, "{fault}");
    assert!(fault.to_string().contains(word), "{fault}");
    assert!(!fault.hint.is_empty(), "{fault}");
}
