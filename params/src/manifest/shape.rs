//! Shape: exactly the parts that determine the circuit.

use std::fmt::Write as _;

use merits_formula::{FieldKind, Typed};
use merits_primitives::ids::sha256;

/// The parts that the circuit is made from: B, the packing, bounds and order of records, the
/// formulas of both outputs with their steps substituted, and the intervals and exponents of the
/// public numbers. Two scales of one shape share their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    text: String,
}

impl Shape {
    pub(super) fn new(typed: &Typed, claims: u16) -> Self {
        let schema = typed.schema();
        let mut text = format!(
            "merits-shape/2\nclaims {claims}\nperiod {:?}\nmax_records {}\n",
            schema.period, schema.max_records
        );
        for field in &schema.fields {
            let (min, max) = schema.bounds(field);
            // The names of an enum are for people. The circuit depends on how many there are, which
            // is in the bounds. The digits of a decimal are in the ranges of the formula.
            let kind = match field.kind {
                FieldKind::Int { .. } => "int",
                FieldKind::Decimal { .. } => "decimal",
                FieldKind::Bool => "bool",
                FieldKind::Enum { .. } => "enum",
                FieldKind::TimeInPeriod => "time",
                FieldKind::DayInPeriod => "day",
                FieldKind::Date { .. } => "date",
                FieldKind::DateTime { .. } => "datetime",
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "field {min} {max} {kind} bits {} key {}",
                schema.field_bits(field),
                field.key
            );
        }
        text.push_str(&typed.canonical());
        Self { text }
    }

    /// The canonical text. It contains no names, titles or values.
    pub fn canonical(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the canonical text.
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.text.as_bytes())
    }
}
