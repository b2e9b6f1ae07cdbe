//! Shape: all that determines the circuit, and nothing else.

use std::fmt::Write as _;

use merits_formula::Typed;
use merits_primitives::ids::sha256;

/// What the circuit is made from: B, the packing, bounds and order of records, the formula, and
/// the intervals and exponents of its constants. Two scales of one shape share their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    text: String,
}

impl Shape {
    pub(super) fn new(typed: &Typed, claims: u16) -> Self {
        let schema = typed.schema();
        let mut text = format!(
            "merits-shape/1\nclaims {claims}\nperiod {:?}\nmax_records {}\n",
            schema.period, schema.max_records
        );
        for field in &schema.fields {
            let (min, max) = schema.bounds(field);
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "field {min} {max} {} bits {} key {}",
                match field.kind {
                    merits_formula::FieldKind::TimeInPeriod => "time",
                    // All others are one bounded integer to the circuit.
                    _ => "int",
                },
                schema.field_bits(field),
                field.key
            );
        }
        text.push_str(&typed.canonical());
        Self { text }
    }

    /// The canonical text. No names, titles or values are in it.
    pub fn canonical(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the canonical text.
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.text.as_bytes())
    }
}
