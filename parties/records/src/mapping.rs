//! The column mapping: which column of a file gives which field of the schema.
//!
//! Source and distributor keep it in their config; [`Plan::new`] checks it against the scale's
//! schema once, so that a wrong mapping fails before any row.

use std::collections::BTreeMap;

use merits_formula::{FieldKind, Schema};
use merits_primitives::ids::PeriodKind;
use serde::Deserialize;
use thiserror::Error;

use crate::{
    quantity::{Conversion, ConversionError, Rounding},
    wall_clock::{TimeMapping, TimeMappingError, WallClock},
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
/// ```
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
    /// When the deed began.
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
    /// What to do with a value that is no whole number of the schema's unit.
    #[serde(default)]
    pub round: Rounding,
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
        "schema field {field:?} is the time in the period: it comes from [time], remove [fields.{field}]"
    )]
    TimeIsApart {
        /// The field.
        field: String,
    },
    /// A schema that this reader cannot serve.
    #[error("the schema's key is no time in the period; records cannot be ordered by [time]")]
    NoOrder,
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
    /// A number.
    Number {
        column: usize,
        conversion: Conversion,
    },
}

impl Plan {
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
            .map(|field| {
                let mapped = mapping.fields.get(&field.name);
                if matches!(field.kind, FieldKind::TimeInPeriod) {
                    return match mapped {
                        Some(_) => Err(MappingError::TimeIsApart {
                            field: field.name.clone(),
                        }),
                        None => Ok(FieldPlan::TimeInPeriod),
                    };
                }
                let mapped = mapped.ok_or_else(|| MappingError::FieldNotMapped {
                    field: field.name.clone(),
                })?;
                Ok(FieldPlan::Number {
                    column: columns.place(&mapped.column),
                    conversion: conversion(&field.name, mapped, &field.unit)?,
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let key = schema.key();
        if !matches!(fields.get(key), Some(FieldPlan::TimeInPeriod)) {
            return Err(MappingError::NoOrder);
        }
        Ok(Self {
            format: mapping.format,
            delimiter,
            columns: columns.0,
            subject,
            row_key,
            time,
            clock: WallClock::new(&mapping.time)?,
            fields,
            key,
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

fn conversion(
    field: &str,
    mapped: &FieldMapping,
    schema_unit: &str,
) -> Result<Conversion, MappingError> {
    let made = match (&mapped.unit, &mapped.scale) {
        (Some(_), Some(_)) => {
            return Err(MappingError::UnitAndScale {
                field: field.to_owned(),
            });
        }
        (None, Some(scale)) => Conversion::scaled(scale, mapped.round),
        (Some(unit), None) => Conversion::between(unit, schema_unit, mapped.round),
        (None, None) => Conversion::between(schema_unit, schema_unit, mapped.round),
    };
    made.map_err(|source| MappingError::Conversion {
        field: field.to_owned(),
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
