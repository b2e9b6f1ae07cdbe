//! What the statement hands to the formula for each record slot.

use crate::builder::{Bit, Lc};

/// One record slot of a claim.
///
/// Whoever fills this (statement `earn`) has enforced, by constraints of its own:
/// - `present` is boolean, and every field of an absent slot is 0;
/// - every field lies within the bounds of the schema, and `bits` and `day` of a field are
///   boolean and add up to its value.
///
/// The formula relies on both and enforces neither again.
#[derive(Clone, Debug)]
pub struct RecordWires {
    /// Whether the slot holds a record.
    pub present: Bit,
    /// One for each field of the schema, in its order.
    pub fields: Vec<FieldWires>,
}

/// One field of a record.
#[derive(Clone, Debug)]
pub struct FieldWires {
    /// The value.
    pub value: Lc,
    /// Its bits, lowest first, as many as the field is packed in; or empty where the statement
    /// has no use for them, and then the formula decomposes the value itself if it must.
    pub bits: Vec<Bit>,
    /// For a time in the period: its day and the minute of that day.
    pub day: Option<DaySplit>,
}

/// A time in the period as `value = 1440 * day + minute`, with `minute < 1440` and `day` below
/// the days of the period.
#[derive(Clone, Debug)]
pub struct DaySplit {
    /// Bits of the day, lowest first: 3 for a week, 5 for a month.
    pub day_bits: Vec<Bit>,
    /// The day of the period, from 0.
    pub day: Lc,
    /// The minute of the day.
    pub minute: Lc,
}
