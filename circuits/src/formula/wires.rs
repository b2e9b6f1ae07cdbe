//! The wires that the statement passes to the formula for each record slot.

use merits_primitives::{Fr, calendar::MINUTES_PER_DAY};

use crate::builder::{Bit, Lc};

/// One record slot of a claim.
///
/// The statement that fills this (`earn`) has enforced by its own constraints:
/// - `present` is boolean and never rises again from slot to slot, and every field of an absent
///   slot is 0;
/// - every field of a present slot lies within the bounds of the schema, and its parts satisfy the
///   rules of [`FieldWires`].
///
/// The formula relies on both and does not enforce them again.
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
    /// The value; 0 in an absent slot.
    pub value: Lc,
    /// Its bits, if the statement has them.
    pub digits: Option<Digits>,
    /// For a time in the period: its day and the minute of that day, if the statement has them.
    pub day: Option<DaySplit>,
}

/// A value as `min + Σ 2^i·bit_i` if the record is present; all 0 if not.
#[derive(Clone, Debug)]
pub struct Digits {
    /// The least value.
    pub min: u64,
    /// Bits of value − min, lowest first, each 0 in an absent slot.
    pub bits: Vec<Bit>,
    /// Whether the record is present.
    pub present: Bit,
}

/// A time in the period as `value = 1440 * day + minute`, with `minute < 1440` and `day` below
/// the days of the period.
#[derive(Clone, Debug)]
pub struct DaySplit {
    /// Bits of the day, lowest first: 3 for a week, 5 for a month.
    pub day_bits: Vec<Bit>,
    /// The day of the period, from 0.
    pub day: Lc,
    /// Bits of the minute, lowest first.
    pub minute_bits: Vec<Bit>,
    /// The minute of the day.
    pub minute: Lc,
}

impl FieldWires {
    /// A value alone: the formula decomposes it if necessary.
    #[must_use]
    pub const fn of_value(value: Lc) -> Self {
        Self {
            value,
            digits: None,
            day: None,
        }
    }

    /// A time in its two parts.
    #[must_use]
    pub fn of_split(day: DaySplit) -> Self {
        Self {
            value: &day.day * Fr::from(MINUTES_PER_DAY) + &day.minute,
            digits: None,
            day: Some(day),
        }
    }

    /// `min` and the bits of value − min, which are 0 unless `present`.
    #[must_use]
    pub fn of_offset(min: u64, bits: Vec<Bit>, present: &Bit) -> Self {
        Self {
            value: present.lc() * Fr::from(min) + Lc::from_bits(&bits),
            digits: Some(Digits {
                min,
                bits,
                present: present.clone(),
            }),
            day: None,
        }
    }
}

impl DaySplit {
    /// From the bits of both.
    #[must_use]
    pub fn new(day_bits: Vec<Bit>, minute_bits: Vec<Bit>) -> Self {
        Self {
            day: Lc::from_bits(&day_bits),
            minute: Lc::from_bits(&minute_bits),
            day_bits,
            minute_bits,
        }
    }
}
