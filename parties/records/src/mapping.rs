//! The column mapping: which column of a file gives which field of the schema.
//!
//! Source and distributor keep it in their config; [`Plan::new`] checks it against the scale's
//! schema once, so that a wrong mapping fails before any row.

use std::collections::BTreeMap;

use merits_formula::{Field, FieldKind, Schema};
use merits_primitives::ids::PeriodKind;
use serde::Deserialize;
use thiserror::Error;

use crate::{
    quantity::{Conversion, ConversionError, Rounding},
    wall_clock::{Needed, TimeMapping, TimeMappingError, WallClock},
};

/// A mapping as a config file gives it.
///
/// ```toml
/// format = "csv"
/// subject = "bike_id"
/// row_key = "trip_id"
/// [time]
/// column = "start_date"
/// format = "%Y-%m-%dT%H:%M"
/// [fields.duration]
/// column = "duration_s"
/// unit = "s"
/// [fields.mode]
/// column = "mode"
/// values = { "公交" = "bus", "地铁" = "metro" }
/// [fields.due]
/// column = "due"
/// format = "%d.%m.%Y"
/// ```
///
/// What a field may say beside its column follows from its type in the schema: `unit` or `scale`
/// and `round` for numbers, `values` for enums and truth values, `format`, `recorded_in` and `zone`
/// for dates and datetimes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// CSV with a header, or JSON Lines.
    pub format: Format,
    /// One ASCII character between CSV columns.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// Column of the subject: the account that the deed belongs to.
    pub subject: String,
    /// Column that is unique in each row; a second row with the same value is rejected.
    pub row_key: Option<String>,
    /// When the deed began: it gives the period, and the fields of type `time` and `day`. A day
    /// without a time is enough where the schema has no `time`.
    pub time: TimeMapping,
    /// The schema's other fields.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldMapping>,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// RFC 4180 with a header.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// Where one field comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldMapping {
    /// The column.
    pub column: String,
    /// The column's unit; the schema's when left out.
    pub unit: Option<String>,
    /// Instead of a unit: a decimal factor into the schema's unit, as text.
    pub scale: Option<String>,
    /// What to do with a number that has more digits than the schema keeps; it is refused when
    /// this is left out.
    pub round: Option<Rounding>,
    /// What the column's words mean: a name of the enum, or `true` and `false`. Names of the enum
    /// that stand in the column themselves need no entry.
    pub values: Option<BTreeMap<String, String>>,
    /// How a date or datetime is written: a strptime pattern, `unix-seconds`, `unix-millis` or
    /// `rfc3339`. ISO 8601 (`%Y-%m-%d`, `%Y-%m-%dT%H:%M`) when left out.
    pub format: Option<String>,
    /// As for `[time]`: the IANA zone that a civil time was recorded in.
    pub recorded_in: Option<String>,
    /// As for `[time]`: the IANA zone whose wall clock counts.
    pub zone: Option<String>,
}

/// A mapping that does not fit its schema, or itself. The one who wrote the config mends it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MappingError {
    /// Not TOML, a key that means nothing, or a value of the wrong type.
    #[error("the mapping is not valid: {0}")]
    Toml(String),
    /// A field of the schema without a column.
    #[error("schema field {field:?} has no column: add [fields.{field}] with column = ...")]
    FieldNotMapped {
        /// The field.
        field: String,
    },
    /// A mapped field that the schema does not have.
    #[error("[fields.{field}] maps no field of the schema; it has {known}")]
    UnknownField {
        /// The field.
        field: String,
        /// The schema's fields.
        known: String,
    },
    /// The time of the deed is given by `[time]`.
    #[error(
        "schema field {field:?} is the time or day in the period: it comes from [time], remove [fields.{field}]"
    )]
    TimeIsApart {
        /// The field.
        field: String,
    },
    /// A member that fields of this type do not have.
    #[error("[fields.{field}] is {kind} and takes no `{member}`: it may say {takes}")]
    NotForType {
        /// The field.
        field: String,
        /// Its type.
        kind: &'static str,
        /// What was said of it.
        member: &'static str,
        /// What may be said.
        takes: &'static str,
    },
    /// A word that is to mean something that the field does not have.
    #[error("[fields.{field}] values: {word:?} is to mean {meaning:?}, but the field has {known}")]
    UnknownValue {
        /// The field.
        field: String,
        /// The column's word.
        word: String,
        /// What it is to mean.
        meaning: String,
        /// What the field has.
        known: String,
    },
    /// Both a unit and a scale.
    #[error("[fields.{field}] gives both unit and scale; give one")]
    UnitAndScale {
        /// The field.
        field: String,
    },
    /// A unit or scale that does not work.
    #[error("[fields.{field}]: {source}")]
    Conversion {
        /// The field.
        field: String,
        /// Why.
        source: ConversionError,
    },
    /// The `[time]` table.
    #[error("[time]: {0}")]
    Time(#[from] TimeMappingError),
    /// The format or zone of a date or datetime.
    #[error("[fields.{field}]: {source}")]
    Moment {
        /// The field.
        field: String,
        /// Why.
        source: TimeMappingError,
    },
    /// A delimiter that cannot part columns.
    #[error(
        "delimiter {found:?} cannot part columns: one ASCII character other than a quote or a line break is needed"
    )]
    Delimiter {
        /// What came.
        found: char,
    },
}

impl Mapping {
    /// Reads a mapping from TOML.
    ///
    /// # Errors
    /// [`MappingError::Toml`] with the place.
    pub fn from_toml(text: &str) -> Result<Self, MappingError> {
        toml::from_str(text).map_err(|error| MappingError::Toml(error.to_string()))
    }
}

/// A mapping checked against a schema, ready to read rows.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) format: Format,
    pub(crate) delimiter: u8,
    /// Every mapped column, once; the other members point in here.
    pub(crate) columns: Vec<String>,
    pub(crate) subject: usize,
    pub(crate) row_key: Option<usize>,
    pub(crate) time: usize,
    pub(crate) clock: WallClock,
    /// The schema's fields in its order.
    pub(crate) fields: Vec<FieldPlan>,
    /// Place of the field that orders records.
    pub(crate) key: usize,
    pub(crate) kind: PeriodKind,
    pub(crate) schema: Schema,
}

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

impl Plan {
    /// The column of the field that orders records.
    pub(crate) fn key_column(&self) -> usize {
        let key = self.fields.get(self.key);
        key.and_then(FieldPlan::column).unwrap_or(self.time)
    }

    /// Checks a mapping.
    ///
    /// # Errors
    /// [`MappingError`] names what does not fit.
    pub fn new(mapping: &Mapping, schema: &Schema) -> Result<Self, MappingError> {
        let mut columns = Columns::default();
        let subject = columns.place(&mapping.subject);
        let row_key = mapping.row_key.as_ref().map(|name| columns.place(name));
        let time = columns.place(&mapping.time.column);
        let delimiter = u8::try_from(mapping.delimiter)
            .ok()
            .filter(|b| b.is_ascii() && !b"\"\r\n".contains(b))
            .ok_or(MappingError::Delimiter {
                found: mapping.delimiter,
            })?;
        if let Some(field) = mapping
            .fields
            .keys()
            .find(|name| schema.fields.iter().all(|field| field.name != **name))
        {
            let known: Vec<&str> = schema.fields.iter().map(|f| f.name.as_str()).collect();
            return Err(MappingError::UnknownField {
                field: field.clone(),
                known: known.join(", "),
            });
        }
        let fields = schema
            .fields
            .iter()
            .map(|field| field_plan(field, mapping, &mut columns))
            .collect::<Result<Vec<_>, _>>()?;
        let timed = |field: &Field| field.kind == FieldKind::TimeInPeriod;
        let needed = if schema.fields.iter().any(timed) {
            Needed::Minute
        } else {
            Needed::Day
        };
        Ok(Self {
            format: mapping.format,
            delimiter,
            columns: columns.0,
            subject,
            row_key,
            time,
            clock: WallClock::new(&mapping.time, needed)?,
            fields,
            key: schema.key(),
            kind: schema.period,
            schema: schema.clone(),
        })
    }

    /// The schema that rows are read into.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What the scale counts by.
    pub fn period_kind(&self) -> PeriodKind {
        self.kind
    }
}

/// How a field is read, from its type and its entry in the mapping.
fn field_plan(
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

/// What is said of a field must be something that fields of its type have.
fn check_members(field: &Field, mapped: &FieldMapping) -> Result<(), MappingError> {
    let number = ("unit, scale, round", [true, false, false]);
    let (kind, (takes, [numbers, words, moments])) = match field.kind {
        FieldKind::Int { .. } => ("an int", number),
        FieldKind::Decimal { .. } => ("a decimal", number),
        FieldKind::Bool => ("a bool", ("values", [false, true, false])),
        FieldKind::Enum { .. } => ("an enum", ("values", [false, true, false])),
        FieldKind::Date { .. } => (
            "a date",
            ("format, recorded_in, zone", [false, false, true]),
        ),
        FieldKind::DateTime { .. } => (
            "a datetime",
            ("format, recorded_in, zone", [false, false, true]),
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
    let mut words: BTreeMap<String, u64> = own.map(|(name, at)| (name.clone(), at)).collect();
    for (word, meaning) in mapped.values.iter().flatten() {
        let place = names.iter().position(|name| name == meaning);
        let place = place.ok_or_else(|| MappingError::UnknownValue {
            field: field.name.clone(),
            word: word.chars().take(60).collect(),
            meaning: meaning.chars().take(60).collect(),
            known: names.join(", "),
        })?;
        words.insert(word.clone(), place as u64);
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

fn comma() -> char {
    ','
}

/// Columns by first mention, each once.
#[derive(Default)]
struct Columns(Vec<String>);

impl Columns {
    fn place(&mut self, name: &str) -> usize {
        match self.0.iter().position(|known| known == name) {
            Some(place) => place,
            None => {
                self.0.push(name.to_owned());
                self.0.len() - 1
            }
        }
    }
}
