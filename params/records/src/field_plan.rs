//! How one field of a schema is read, by its type and by the mapping.

use std::collections::BTreeMap;

use merits_formula::{Field, FieldKind};

use crate::{
    mapping::{Columns, FieldMapping, Mapping, MappingError},
    quantity::Conversion,
    wall_clock::{Needed, TimeMapping, WallClock},
};

/// How one field of the schema is read.
#[derive(Debug, Clone)]
pub(crate) enum FieldPlan {
    /// Minutes since the period began, from the time column.
    TimeInPeriod,
    /// Day of the period from 0, from the time column.
    DayInPeriod,
    /// A number.
    Number {
        column: usize,
        conversion: Conversion,
    },
    /// A truth value: 1 or 0.
    Bool {
        column: usize,
        words: BTreeMap<String, u64>,
    },
    /// A name of an enum, as its place.
    Enum {
        column: usize,
        words: BTreeMap<String, u64>,
    },
    /// Days since 1970-01-01.
    Date { column: usize, clock: WallClock },
    /// Minutes since 1970-01-01T00:00.
    DateTime { column: usize, clock: WallClock },
}

impl FieldPlan {
    /// The field's own column; none for what comes from the time column.
    pub(crate) fn column(&self) -> Option<usize> {
        match self {
            Self::TimeInPeriod | Self::DayInPeriod => None,
            Self::Number { column, .. }
            | Self::Bool { column, .. }
            | Self::Enum { column, .. }
            | Self::Date { column, .. }
            | Self::DateTime { column, .. } => Some(*column),
        }
    }
}

/// How a field is read, from its type and its entry in the mapping.
pub(crate) fn field_plan(
    field: &Field,
    mapping: &Mapping,
    columns: &mut Columns,
) -> Result<FieldPlan, MappingError> {
    let mapped = mapping.fields.get(&field.name);
    let of_period = match field.kind {
        FieldKind::TimeInPeriod => Some(FieldPlan::TimeInPeriod),
        FieldKind::DayInPeriod => Some(FieldPlan::DayInPeriod),
        _ => None,
    };
    let name = || field.name.clone();
    let mapped = match (of_period, mapped) {
        (Some(plan), None) => return Ok(plan),
        (Some(_), Some(_)) => return Err(MappingError::TimeIsApart { field: name() }),
        (None, None) => return Err(MappingError::FieldNotMapped { field: name() }),
        (None, Some(mapped)) => mapped,
    };
    check_members(field, mapped)?;
    let column = columns.place(&mapped.column);
    let moment = |needed, iso: &str| {
        let mapping = TimeMapping {
            column: mapped.column.clone(),
            format: mapped.format.clone().unwrap_or_else(|| iso.to_owned()),
            recorded_in: mapped.recorded_in.clone(),
            zone: mapped.zone.clone(),
            twice: mapped.twice,
        };
        WallClock::new(&mapping, needed).map_err(|source| MappingError::Moment {
            field: field.name.clone(),
            source,
        })
    };
    Ok(match &field.kind {
        FieldKind::Bool => FieldPlan::Bool {
            column,
            words: bool_words(field, mapped)?,
        },
        FieldKind::Enum { values } => FieldPlan::Enum {
            column,
            words: words(field, mapped, values)?,
        },
        FieldKind::Date { .. } => FieldPlan::Date {
            column,
            clock: moment(Needed::Day, "%Y-%m-%d")?,
        },
        FieldKind::DateTime { .. } => FieldPlan::DateTime {
            column,
            clock: moment(Needed::Minute, "%Y-%m-%dT%H:%M")?,
        },
        // Numbers are left; `time` and `day` were taken above.
        kind => FieldPlan::Number {
            column,
            conversion: conversion(field, mapped, kind.digits())?,
        },
    })
}

/// The mapping of a field may only have members that fields of its type have.
fn check_members(field: &Field, mapped: &FieldMapping) -> Result<(), MappingError> {
    let number = ("unit, scale, round", [true, false, false]);
    let (kind, (takes, [numbers, words, moments])) = match field.kind {
        FieldKind::Int { .. } => ("an int", number),
        FieldKind::Decimal { .. } => ("a decimal", number),
        FieldKind::Bool => ("a bool", ("values", [false, true, false])),
        FieldKind::Enum { .. } => ("an enum", ("values", [false, true, false])),
        FieldKind::Date { .. } => (
            "a date",
            ("format, recorded_in, zone, twice", [false, false, true]),
        ),
        FieldKind::DateTime { .. } => (
            "a datetime",
            ("format, recorded_in, zone, twice", [false, false, true]),
        ),
        FieldKind::TimeInPeriod | FieldKind::DayInPeriod => ("a time", ("nothing", [false; 3])),
    };
    let said = [
        ("unit", mapped.unit.is_some(), numbers),
        ("scale", mapped.scale.is_some(), numbers),
        ("round", mapped.round.is_some(), numbers),
        ("values", mapped.values.is_some(), words),
        ("format", mapped.format.is_some(), moments),
        ("recorded_in", mapped.recorded_in.is_some(), moments),
        ("zone", mapped.zone.is_some(), moments),
        ("twice", mapped.twice.is_some(), moments),
    ];
    match said.into_iter().find(|(_, said, fits)| *said && !fits) {
        None => Ok(()),
        Some((member, ..)) => Err(MappingError::NotForType {
            field: field.name.clone(),
            kind,
            member,
            takes,
        }),
    }
}

/// The words of a column and the place of the name that each means.
fn words(
    field: &Field,
    mapped: &FieldMapping,
    names: &[String],
) -> Result<BTreeMap<String, u64>, MappingError> {
    // An enum has at most 64 names.
    let own = names.iter().zip(0u64..);
    let one_form = |word: &String| merits_text::typed::typed(word).into_owned();
    let mut words: BTreeMap<String, u64> = own.map(|(name, at)| (one_form(name), at)).collect();
    for (word, meaning) in mapped.values.iter().flatten() {
        let is_meant = |name: &String| one_form(name) == one_form(meaning);
        let place = names.iter().position(is_meant);
        let place = place.ok_or_else(|| MappingError::UnknownValue {
            field: field.name.clone(),
            word: word.chars().take(60).collect(),
            meaning: meaning.chars().take(60).collect(),
            known: names.join(", "),
        })?;
        words.insert(one_form(word), place as u64);
    }
    Ok(words)
}

fn bool_words(field: &Field, mapped: &FieldMapping) -> Result<BTreeMap<String, u64>, MappingError> {
    let names = ["false", "true"].map(str::to_owned);
    let mut words = words(field, mapped, &names)?;
    for (word, value) in [("0", 0), ("1", 1), ("no", 0), ("yes", 1)] {
        words.entry(word.to_owned()).or_insert(value);
    }
    Ok(words)
}

fn conversion(
    field: &Field,
    mapped: &FieldMapping,
    digits: u8,
) -> Result<Conversion, MappingError> {
    let round = mapped.round.unwrap_or_default();
    let made = match (&mapped.unit, &mapped.scale) {
        (Some(_), Some(_)) => {
            return Err(MappingError::UnitAndScale {
                field: field.name.clone(),
            });
        }
        (None, Some(scale)) => Conversion::scaled(scale, round),
        (Some(unit), None) => Conversion::between(unit, &field.unit, round),
        (None, None) => Conversion::between(&field.unit, &field.unit, round),
    };
    let made = made.and_then(|made| made.with_digits(digits));
    made.map_err(|source| MappingError::Conversion {
        field: field.name.clone(),
        source,
    })
}
