//! The column mapping: the column of a file for each field of the schema.
//!
//! Source and distributor keep it in their config; [`crate::Plan::new`] checks it against the scale's
//! schema once, so that a wrong mapping fails before any row.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use crate::{
    quantity::{ConversionError, Rounding},
    wall_clock::{TimeMapping, TimeMappingError, Twice},
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
/// What a field may state beside its column follows from its type in the schema: `unit` or `scale`
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
    /// What the column's words mean: a name of the enum, or `true` and `false`. Names of the enum that are in
    /// the column themselves need no entry.
    pub values: Option<BTreeMap<String, String>>,
    /// How a date or datetime is written: a strptime pattern, `unix-seconds`, `unix-millis` or
    /// `rfc3339`. ISO 8601 (`%Y-%m-%d`, `%Y-%m-%dT%H:%M`) when left out.
    pub format: Option<String>,
    /// As for `[time]`: the IANA zone that a civil time was recorded in.
    pub recorded_in: Option<String>,
    /// As for `[time]`: the IANA zone whose wall clock counts.
    pub zone: Option<String>,
    /// As for `[time]`: which instant a civil time means that came twice.
    pub twice: Option<Twice>,
}

/// A mapping that does not fit its schema, or contradicts itself. Its author must correct it.
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
    #[error("[fields.{field}] is {kind}, so `{member}` is not allowed; allowed: {takes}")]
    NotForType {
        /// The field.
        field: String,
        /// Its type.
        kind: &'static str,
        /// The key that is not allowed.
        member: &'static str,
        /// The keys that are allowed.
        takes: &'static str,
    },
    /// A word that is mapped to a name that the field does not have.
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
    /// A delimiter that cannot separate columns.
    #[error(
        "delimiter {found:?} cannot separate columns: one ASCII character other than a quote or a line break is needed"
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
        toml::from_str(merits_text::file::without_mark(text))
            .map_err(|error| MappingError::Toml(error.to_string()))
    }
}

fn comma() -> char {
    ','
}

/// Columns in the order of their first mention, each once.
#[derive(Default)]
pub(crate) struct Columns(pub(crate) Vec<String>);

impl Columns {
    pub(crate) fn place(&mut self, name: &str) -> usize {
        let name = &*merits_text::typed::typed(name);
        match self.0.iter().position(|known| known == name) {
            Some(place) => place,
            None => {
                self.0.push(name.to_owned());
                self.0.len() - 1
            }
        }
    }
}
