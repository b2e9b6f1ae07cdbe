//! Records: their fields, bounds, order, and how they are packed into field elements.

use std::fmt::Write as _;

use merits_primitives::calendar::{MINUTES_PER_DAY, most_days};
use merits_primitives::field;
use merits_primitives::ids::{PeriodKind, SchemaId};
use merits_primitives::{Fr, calendar};
use thiserror::Error;

/// The most records that a schema may allow in a claim.
pub const MAX_RECORDS: u16 = 512;

/// Bits that always fit one field element: 2^253 < p.
pub const ELEMENT_BITS: u32 = 253;

/// The most fields of a record.
pub const MAX_FIELDS: usize = 16;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A whole number within bounds.
    Int {
        /// Least.
        min: u64,
        /// Greatest.
        max: u64,
    },
    /// Minutes of the wall clock since 00:00 of the first day of the claim's period.
    TimeInPeriod,
}

/// One field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name in the formula.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
    /// Its unit, for readers.
    pub unit: String,
    /// Whether records are ordered by it: it must strictly increase, so that no record counts
    /// twice.
    pub key: bool,
}

/// The records of a claim: made by [`Schema::new`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schema {
    /// Its name, such as `cycling-trip`.
    pub id_text: String,
    /// What the formula calls the list of records.
    pub list: String,
    /// What claims count by.
    pub period: PeriodKind,
    /// Fields in order.
    pub fields: Vec<Field>,
    /// R: the most records of a claim.
    pub max_records: u16,
}

/// One value a field, in the schema's order; a time in minutes since the period's start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Record(pub Vec<u64>);

/// Why a schema is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("schema `{schema}`: {reason}")]
pub struct SchemaError {
    /// Which.
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
        /// How many came.
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
    /// [`SchemaError`]: a name that is no identifier or comes twice, bounds out of order, no key
    /// or more than one, no field or too many, a record wider than a field element, R of 0 or
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
            if !is_identifier(name) {
                return Some(format!(
                    "`{name}` is no name: a-z, 0-9 and _, beginning with a letter, at most 32"
                ));
            }
            if names.clone().take(at).any(|other| other == name) {
                return Some(format!("the name `{name}` comes twice"));
            }
        }
        for field in &self.fields {
            if matches!(field.kind, FieldKind::Int { min, max } if min > max) {
                return Some(format!("field `{}` has its min above its max", field.name));
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
        match field.kind {
            FieldKind::Int { min, max } => (min, max),
            FieldKind::TimeInPeriod => {
                let minutes = most_days(self.period) * MINUTES_PER_DAY;
                (0, u64::from(minutes) - 1)
            }
        }
    }

    /// Bits that a field is packed in: as many as its greatest value has, at least 1.
    pub fn field_bits(&self, field: &Field) -> u32 {
        (u64::BITS - self.bounds(field).1.leading_zeros()).max(1)
    }

    /// Bits that a record is packed in.
    pub fn record_bits(&self) -> u32 {
        self.fields.iter().map(|field| self.field_bits(field)).sum()
    }

    /// Records that one field element holds.
    pub fn records_per_element(&self) -> usize {
        (ELEMENT_BITS / self.record_bits()) as usize
    }

    /// Field elements that R records are packed in.
    pub fn packed_elements(&self) -> usize {
        usize::from(self.max_records).div_ceil(self.records_per_element())
    }

    /// Position of the field that orders the records.
    pub fn key(&self) -> usize {
        // `new` demands exactly one.
        self.fields.iter().position(|field| field.key).unwrap_or(0)
    }

    /// Days that a claim's period may have.
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

    /// The text that [`Schema::id`] is the hash of: all that determines how records are read.
    pub fn canonical(&self) -> String {
        let mut text = format!(
            "merits-schema/1\nid {}\nlist {}\nperiod {:?}\nmax_records {}\n",
            self.id_text, self.list, self.period, self.max_records
        );
        for field in &self.fields {
            let kind = match field.kind {
                FieldKind::Int { .. } => "int",
                FieldKind::TimeInPeriod => "minute-of-period",
            };
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

/// A name that CEL accepts, in the part of it that we use.
pub fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 32
        && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !RESERVED.contains(&name)
}

/// Words that CEL reserves, and names of our functions.
const RESERVED: [&str; 30] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "null",
    "return",
    "true",
    "var",
    "void",
    "while",
    "math",
    "day",
    "sum",
    "size",
    "groups",
    "filter",
    "map",
    "has",
    "dyn",
];

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn trips() -> Schema {
        let int = |name: &str, unit: &str| Field {
            name: name.into(),
            kind: FieldKind::Int {
                min: 0,
                max: 65_535,
            },
            unit: unit.into(),
            key: false,
        };
        let start = Field {
            name: "start".into(),
            kind: FieldKind::TimeInPeriod,
            unit: "min".into(),
            key: true,
        };
        let fields = vec![start, int("duration", "s"), int("distance", "m")];
        Schema::new("cycling-trip", "trips", PeriodKind::Week, fields, 40).unwrap()
    }

    fn record(values: [u64; 3]) -> Record {
        Record(values.to_vec())
    }

    #[test]
    fn five_trips_fit_an_element() {
        let schema = trips();
        assert_eq!(schema.record_bits(), 14 + 16 + 16);
        assert_eq!(schema.records_per_element(), 5);
        assert_eq!(schema.packed_elements(), 8);
        let records: Vec<Record> = (1..=6).map(|i| record([i, 10 * i, 100 * i])).collect();
        let packed = schema.pack(&records);
        assert_eq!(packed.len(), 8);
        let slot = |i: u64| {
            Fr::from(i) + Fr::from(10 * i) * power_of_two(14) + Fr::from(100 * i) * power_of_two(30)
        };
        let first = (0..5).map(|k| slot(u64::from(k) + 1) * power_of_two(46 * k));
        assert_eq!(packed[0], first.sum::<Fr>());
        assert_eq!(packed[1], slot(6));
        assert!(packed[2..].iter().all(|e| *e == Fr::from(0u64)));
    }

    #[test]
    fn records_outside_the_schema_are_refused() {
        let schema = trips();
        assert_eq!(schema.check_record(&record([10_079, 65_535, 0])), Ok(()));
        let faults = [
            (record([10_080, 0, 0]), "start"),
            (record([0, 65_536, 0]), "duration"),
            (record([0, 0, u64::MAX]), "distance"),
            (Record(vec![0, 0]), "distance"),
            (Record(vec![0, 0, 0, 5]), "(beyond the last)"),
        ];
        for (bad, field) in faults {
            assert_eq!(schema.check_record(&bad).unwrap_err().field, field);
        }
    }

    #[test]
    fn order_and_number_are_checked() {
        let schema = trips();
        let at = |start| record([start, 600, 1000]);
        assert_eq!(schema.check_sequence(&[]), Ok(()));
        assert_eq!(schema.check_sequence(&[at(0), at(1), at(10_079)]), Ok(()));
        for bad in [[at(5), at(5)], [at(5), at(4)]] {
            let error = schema.check_sequence(&bad).unwrap_err();
            assert!(matches!(error, SequenceError::Order { index: 1, .. }));
        }
        let many: Vec<Record> = (0..41).map(at).collect();
        assert_eq!(schema.check_sequence(&many[..40]), Ok(()));
        let error = schema.check_sequence(&many).unwrap_err();
        assert_eq!(error, SequenceError::TooMany { count: 41, max: 40 });
        let error = schema.check_sequence(&[at(1), at(20_000)]).unwrap_err();
        assert!(matches!(error, SequenceError::Record { index: 1, .. }));
    }

    #[test]
    fn wrong_schemas_are_refused() {
        let good = trips();
        let build = |list: &str, fields: Vec<Field>, r| {
            Schema::new("s", list, PeriodKind::Week, fields, r).map_err(|e| e.reason)
        };
        let change = |f: &dyn Fn(&mut Vec<Field>)| {
            let mut fields = good.fields.clone();
            f(&mut fields);
            build("trips", fields, 40).unwrap_err()
        };
        assert!(build("trips", good.fields.clone(), 40).is_ok());
        assert!(
            build("start", good.fields.clone(), 40)
                .unwrap_err()
                .contains("twice")
        );
        assert!(
            build("Trips", good.fields.clone(), 40)
                .unwrap_err()
                .contains("no name")
        );
        assert!(
            build("trips", good.fields.clone(), 0)
                .unwrap_err()
                .contains("max_records")
        );
        assert!(
            build("trips", good.fields.clone(), 513)
                .unwrap_err()
                .contains("max_records")
        );
        assert!(build("trips", vec![], 40).unwrap_err().contains("fields"));
        assert!(change(&|f| f[0].key = false).contains("key"));
        assert!(change(&|f| f[1].key = true).contains("key"));
        assert!(change(&|f| f[1].name = "sum".into()).contains("no name"));
        assert!(change(&|f| f[1].kind = FieldKind::Int { min: 2, max: 1 }).contains("min above"));
        let wide = |f: &mut Vec<Field>| {
            let field = |i| Field {
                name: format!("f{i}"),
                kind: FieldKind::Int {
                    min: 0,
                    max: u64::MAX,
                },
                unit: String::new(),
                key: false,
            };
            f.extend((0..4).map(field));
        };
        assert!(change(&wide).contains("bits"));
        assert!(Schema::new("A b", "t", PeriodKind::Week, good.fields.clone(), 1).is_err());
    }

    #[test]
    fn the_id_covers_bounds_order_and_size() {
        let id = trips().id();
        let changed = |f: &dyn Fn(&mut Schema)| {
            let mut schema = trips();
            f(&mut schema);
            schema.id()
        };
        assert_eq!(id, changed(&|_| {}));
        assert_ne!(id, changed(&|s| s.max_records = 41));
        assert_ne!(id, changed(&|s| s.period = PeriodKind::Month));
        assert_ne!(id, changed(&|s| s.fields.swap(1, 2)));
        assert_ne!(
            id,
            changed(&|s| s.fields[1].kind = FieldKind::Int { min: 0, max: 9 })
        );
        assert_ne!(id, changed(&|s| s.fields[1].unit = "m".into()));
    }
}
