//! Records: their fields, bounds, order, and how they are packed into field elements.

use std::fmt::Write as _;

use merits_primitives::field;
use merits_primitives::ids::{PeriodKind, SchemaId};
use merits_primitives::{Fr, calendar};
use thiserror::Error;

use crate::naming::{NameFor, name_fault};

pub use crate::field::{Field, FieldKind};

/// The most records that a schema may allow in a claim.
pub const MAX_RECORDS: u16 = 512;

/// Bits that always fit one field element: 2^253 < p.
pub const ELEMENT_BITS: u32 = 253;

/// The most fields of a record.
pub const MAX_FIELDS: usize = 16;

/// The records of a claim: made by [`Schema::new`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schema {
    /// Its name, such as `cycling-trip`.
    pub id_text: String,
    /// The name of the list of records in the formula.
    pub list: String,
    /// The kind of period by which claims count.
    pub period: PeriodKind,
    /// Fields in order.
    pub fields: Vec<Field>,
    /// R: the most records of a claim.
    pub max_records: u16,
}

/// One value for each field, in the schema's order; a time in minutes since the period's start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Record(pub Vec<u64>);

/// Why a schema is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("schema `{schema}`: {reason}")]
pub struct SchemaError {
    /// The schema.
    pub schema: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Why a record is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("field `{field}` = {value}: {reason}")]
pub struct FieldError {
    /// The field at fault.
    pub field: String,
    /// What came.
    pub value: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Why a list of records is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SequenceError {
    /// More records than a claim holds.
    #[error("{count} records in one period, but a claim of this scale holds at most {max}")]
    TooMany {
        /// The number given.
        count: usize,
        /// R.
        max: u16,
    },
    /// A record that the schema does not allow.
    #[error("record {index}: {error}")]
    Record {
        /// Which, from 0.
        index: usize,
        /// Why.
        error: FieldError,
    },
    /// The key does not increase.
    #[error("record {index}: {error}")]
    Order {
        /// Which, from 0.
        index: usize,
        /// Why.
        error: FieldError,
    },
}

impl Schema {
    /// Checks a schema.
    ///
    /// # Errors
    /// [`SchemaError`]: a name that is not an identifier or comes twice, bounds out of order, no
    /// key or more than one, no field or too many, a record wider than a field element, R of 0 or
    /// above [`MAX_RECORDS`].
    pub fn new(
        id_text: &str,
        list: &str,
        period: PeriodKind,
        fields: Vec<Field>,
        max_records: u16,
    ) -> Result<Self, SchemaError> {
        let schema = Self {
            id_text: id_text.to_owned(),
            list: list.to_owned(),
            period,
            fields,
            max_records,
        };
        match schema.fault() {
            None => Ok(schema),
            Some(reason) => Err(SchemaError {
                schema: id_text.chars().take(64).collect(),
                reason,
            }),
        }
    }

    fn fault(&self) -> Option<String> {
        let id_fits = !self.id_text.is_empty()
            && self.id_text.len() <= 64
            && (self.id_text.bytes())
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !id_fits {
            return Some("its id is not 1 to 64 of a-z 0-9 -".into());
        }
        if self.max_records == 0 || self.max_records > MAX_RECORDS {
            return Some(format!("max_records is not 1 to {MAX_RECORDS}"));
        }
        if self.fields.is_empty() || self.fields.len() > MAX_FIELDS {
            return Some(format!("it has not 1 to {MAX_FIELDS} fields"));
        }
        let names = self.fields.iter().map(|field| &field.name);
        for (at, name) in names.clone().chain([&self.list]).enumerate() {
            let place = if at < self.fields.len() {
                NameFor::Field
            } else {
                NameFor::Alone
            };
            if let Some(reason) = name_fault(name, place) {
                return Some(format!("the name `{name}` {reason}"));
            }
            if names.clone().take(at).any(|other| other == name) {
                return Some(format!("the name `{name}` comes twice"));
            }
        }
        for field in &self.fields {
            if let Some(reason) = field.kind.fault() {
                return Some(format!("field `{}` {reason}", field.name));
            }
            if field.key && !field.kind.is_ordered() {
                return Some(format!(
                    "field `{}` cannot be the key: records are ordered by a number or a time",
                    field.name
                ));
            }
            if field.unit.chars().any(char::is_control) {
                return Some(format!(
                    "field `{}` has a unit with a line break",
                    field.name
                ));
            }
        }
        if self.fields.iter().filter(|field| field.key).count() != 1 {
            return Some("exactly one field must be the key that orders the records".into());
        }
        if self.record_bits() > ELEMENT_BITS {
            return Some(format!(
                "a record takes {} bits, more than the {ELEMENT_BITS} of a field element",
                self.record_bits()
            ));
        }
        None
    }

    /// Least and greatest value of a field.
    pub fn bounds(&self, field: &Field) -> (u64, u64) {
        field.kind.bounds(self.period)
    }

    /// Bits of a packed field: as many as its greatest value has, at least 1.
    pub fn field_bits(&self, field: &Field) -> u32 {
        (u64::BITS - self.bounds(field).1.leading_zeros()).max(1)
    }

    /// Bits of a packed record.
    pub fn record_bits(&self) -> u32 {
        self.fields.iter().map(|field| self.field_bits(field)).sum()
    }

    /// The number of records in one field element.
    pub fn records_per_element(&self) -> usize {
        (ELEMENT_BITS / self.record_bits()) as usize
    }

    /// The number of field elements for R records.
    pub fn packed_elements(&self) -> usize {
        usize::from(self.max_records).div_ceil(self.records_per_element())
    }

    /// Position of the field that orders the records.
    pub fn key(&self) -> usize {
        // `new` demands exactly one.
        self.fields.iter().position(|field| field.key).unwrap_or(0)
    }

    /// The largest number of days of a claim's period.
    pub fn days(&self) -> u32 {
        calendar::most_days(self.period)
    }

    /// Checks one record against the bounds.
    ///
    /// # Errors
    /// [`FieldError`] for the first field at fault.
    pub fn check_record(&self, record: &Record) -> Result<(), FieldError> {
        for (at, field) in self.fields.iter().enumerate() {
            let Some(value) = record.0.get(at).copied() else {
                return Err(FieldError {
                    field: field.name.clone(),
                    value: 0,
                    reason: "it is missing; missing is not 0".into(),
                });
            };
            let (min, max) = self.bounds(field);
            if value < min || value > max {
                let (min, max) = (field.kind.show(min), field.kind.show(max));
                return Err(FieldError {
                    field: field.name.clone(),
                    value,
                    reason: format!("out of bounds: {min} to {max} {} is allowed", field.unit)
                        .replace("  ", " "),
                });
            }
        }
        match record.0.get(self.fields.len()) {
            None => Ok(()),
            Some(value) => Err(FieldError {
                field: "(beyond the last)".into(),
                value: *value,
                reason: format!("a record has {} fields", self.fields.len()),
            }),
        }
    }

    /// Checks the records of one claim: number, bounds, and a strictly increasing key.
    ///
    /// # Errors
    /// [`SequenceError`] for the first fault.
    pub fn check_sequence(&self, records: &[Record]) -> Result<(), SequenceError> {
        if records.len() > usize::from(self.max_records) {
            return Err(SequenceError::TooMany {
                count: records.len(),
                max: self.max_records,
            });
        }
        let key = self.key();
        let mut last = None;
        for (index, record) in records.iter().enumerate() {
            self.check_record(record)
                .map_err(|error| SequenceError::Record { index, error })?;
            let value = record.0[key];
            if let Some(last) = last.filter(|last| value <= *last) {
                let reason = if value == last {
                    "the record before has the same key: each record counts once".into()
                } else {
                    format!("the record before has the key {last}: records must be in order")
                };
                return Err(SequenceError::Order {
                    index,
                    error: FieldError {
                        field: self.fields[key].name.clone(),
                        value,
                        reason,
                    },
                });
            }
            last = Some(value);
        }
        Ok(())
    }

    /// Packs checked records: fields side by side from the lowest bit, the first field lowest;
    /// as many records an element as fit whole, the first lowest; zeros up to R.
    ///
    /// The records must have passed [`Schema::check_sequence`]; others give elements that no
    /// circuit accepts.
    pub fn pack(&self, records: &[Record]) -> Vec<Fr> {
        let record_bits = self.record_bits();
        let mut elements: Vec<Fr> = records
            .chunks(self.records_per_element())
            .map(|chunk| {
                let slots = (0u32..).map(|slot| slot * record_bits);
                let parts = chunk.iter().zip(slots).flat_map(|(record, start)| {
                    let offsets = self.fields.iter().scan(start, |at, field| {
                        let offset = *at;
                        *at += self.field_bits(field);
                        Some(offset)
                    });
                    record.0.iter().zip(offsets)
                });
                parts
                    .map(|(value, offset)| Fr::from(*value) * power_of_two(offset))
                    .sum()
            })
            .collect();
        elements.resize(elements.len().max(self.packed_elements()), Fr::from(0u64));
        elements
    }

    /// The text whose hash is [`Schema::id`]: everything that determines how records are read.
    pub fn canonical(&self) -> String {
        let mut text = format!(
            "merits-schema/1\nid {}\nlist {}\nperiod {:?}\nmax_records {}\n",
            self.id_text, self.list, self.period, self.max_records
        );
        for field in &self.fields {
            let kind = field.kind.canonical();
            let (min, max) = self.bounds(field);
            let key = if field.key { "key" } else { "-" };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "field {} {kind} {min} {max} bits {} {key} unit {}",
                field.name,
                self.field_bits(field),
                field.unit
            );
        }
        text
    }

    /// The id: the hash of [`Schema::canonical`].
    pub fn id(&self) -> SchemaId {
        SchemaId(field::hash(
            "merits/schema/v1",
            &[self.canonical().as_bytes()],
        ))
    }
}

fn power_of_two(exponent: u32) -> Fr {
    (0..exponent).fold(Fr::from(1u64), |power, _| power + power)
}

#[cfg(test)]
pub(crate) mod tests;
