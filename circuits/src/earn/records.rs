//! The record slots of a claim: presence, bounds, order, packing.
//!
//! Every value consists of bits that the slot's flag gates, so an absent slot is zero without
//! further constraints. Only the key has a wire beside its bits.
//!
//! # Layout of a slot's private inputs
//!
//! The flag, then each field's bits, lowest first ([`Cells`]):
//!
//! | field | bits of |
//! |---|---|
//! | the key | its distance from the key before it, less one; in slot 0, the distance from its least value |
//! | a time that is not the key | the day of the period, then the minute of the day |
//! | any other | value − min |
//!
//! The key is never decomposed here: keys that are sums of distances from 1 up increase by
//! construction, and one bound on the last of them bounds them all. If a formula needs more of a
//! key than its value (its day, its bits), the formula adds the constraints for that.

use ark_ff::AdditiveGroup;
use merits_formula::{Field, FieldKind, Record, Schema};
use merits_primitives::{Fr, calendar::MINUTES_PER_DAY};
use num_bigint::BigInt;

use crate::{
    builder::{Bit, Builder, Lc},
    element,
    formula::{DaySplit, FieldWires, RecordWires, whole_bits},
    gadgets::{bits, compare},
};

/// Bits of the minute of a day: 1439 < 2^11.
pub(crate) const MINUTE_BITS: usize = 11;

/// The slots of one claim.
pub(crate) struct Slots {
    /// The wires that the formula reads.
    pub(crate) records: Vec<RecordWires>,
    /// The number of slots that hold a record.
    pub(crate) count: Lc,
    /// The packed records, R slots.
    pub(crate) packed: Vec<Lc>,
}

/// How a field is laid out in the private inputs of a slot.
enum Cells {
    /// This many bits of the distance from the key before, less one.
    Key(usize),
    /// This many bits of the day, then those of the minute.
    DayAndMinute(usize),
    /// This many bits of value − min.
    Offset(usize),
}

impl Cells {
    fn of(schema: &Schema, field: &Field) -> Self {
        let (min, max) = schema.bounds(field);
        if field.key {
            Self::Key(bit_length(max - min))
        } else if matches!(field.kind, FieldKind::TimeInPeriod) {
            Self::DayAndMinute(day_bits(schema))
        } else {
            Self::Offset(bit_length(max - min))
        }
    }
}

/// Bits of the day of the period: none if a period is one day.
pub(crate) fn day_bits(schema: &Schema) -> usize {
    bit_length(u64::from(schema.days()) - 1)
}

const fn bit_length(n: u64) -> usize {
    (u64::BITS - n.leading_zeros()) as usize
}

/// Builds R slots. The order of private inputs is that of [`slot_inputs`].
pub(crate) fn slots(b: &mut Builder, schema: &Schema, label: &str) -> Slots {
    let key = schema.key();
    let mut records: Vec<RecordWires> = Vec::with_capacity(schema.max_records.into());
    let mut steps = Vec::with_capacity(schema.max_records.into());
    for slot in 0..schema.max_records {
        let label = format!("{label}[{slot}]");
        let last = records.last();
        // EARN-3: flags are bits that never rise again, so records fill the first slots and
        // count = Σ flags ≤ R.
        let present = b.section("present", |b| {
            bits::falling_flag(
                b,
                &format!("{label}.present"),
                last.map(|last| &last.present),
            )
        });
        let fields = schema.fields.iter().map(|field| {
            let label = format!("{label}.{}", field.name);
            if let Cells::Key(n) = Cells::of(schema, field) {
                let before = last.map(|last| &last.fields[key].value);
                let min = schema.bounds(field).0;
                b.section("order", |b| {
                    let (value, step) = next_key(b, &label, n, min, before, &present);
                    steps.push(step);
                    FieldWires::of_value(value)
                })
            } else {
                b.section(&field.name, |b| {
                    plain_field(b, schema, field, &present, &label)
                })
            }
        });
        let fields = fields.collect();
        records.push(RecordWires { present, fields });
    }
    let field = &schema.fields[key];
    b.section(&field.name, |b| {
        bound_last_key(b, schema.bounds(field), &steps);
    });
    let count = Lc::sum(records.iter().map(|record| record.present.lc()));
    let packed = pack(schema, &records);
    Slots {
        records,
        count,
        packed,
    }
}

/// EARN-5: the next key, and its distance from the one before: n constraints, 1 more after the
/// first.
///
/// The gap g has n bits that are zero unless `present`, and key = present·(before + 1) + g. So the
/// key of a present slot is at least one more than the key before it, and the key of an absent slot
/// is 0. The slots before a present one are present, so `before` is a key. Nothing wraps: keys are
/// sums of at most R gaps below 2^64.
fn next_key(
    b: &mut Builder,
    label: &str,
    n: usize,
    min: u64,
    before: Option<&Lc>,
    present: &Bit,
) -> (Lc, Lc) {
    let gap = bits::gated_input_bits(b, &format!("{label}.gap"), n, present);
    let gap = Lc::from_bits(&gap);
    let least = match before {
        None => present.lc() * Fr::from(min),
        Some(before) => b.mul(present.lc(), &(before + Lc::one())),
    };
    (least + &gap, present.lc() + gap)
}

/// EARN-4 for the key: the last present key is min − 1 + Σ (present + gap) ≤ max. The sum of
/// steps is at least 0 and far from p. So the number of keys less this sum fits the bits of the
/// number of keys if and only if it is not negative.
fn bound_last_key(b: &mut Builder, (min, max): (u64, u64), steps: &[Lc]) {
    let keys = BigInt::from(max - min) + 1u8;
    let n = keys.bits() as usize;
    let left = Lc::from(max - min) + Lc::one() - Lc::sum(steps);
    whole_bits(b, &left, n);
}

/// EARN-3 and EARN-4: zero in an absent slot, else within bounds. The private inputs are its bits.
fn plain_field(
    b: &mut Builder,
    schema: &Schema,
    field: &Field,
    present: &Bit,
    label: &str,
) -> FieldWires {
    let (min, max) = schema.bounds(field);
    match Cells::of(schema, field) {
        Cells::DayAndMinute(n) => {
            // Day and minute of the day, each within its range: their sum then lies within the
            // period, and most formulas need them separately.
            let day_bits = bits::gated_input_bits(b, &format!("{label}.day"), n, present);
            compare::assert_at_most(b, &day_bits, u64::from(schema.days() - 1));
            let minute_bits =
                bits::gated_input_bits(b, &format!("{label}.minute"), MINUTE_BITS, present);
            compare::assert_at_most(b, &minute_bits, u64::from(MINUTES_PER_DAY - 1));
            FieldWires::of_split(DaySplit::new(day_bits, minute_bits))
        }
        Cells::Key(n) | Cells::Offset(n) => {
            // The commitment holds the value. Bits of value − min are fewer, and they leave no lower
            // bound to prove.
            let offset = bits::gated_input_bits(b, label, n, present);
            compare::assert_at_most(b, &offset, max - min);
            FieldWires::of_offset(min, offset, present)
        }
    }
}

/// Pushes the private inputs of R slots, in the order of [`slots`].
///
/// # Errors
/// The slot whose record has no layout: other fields, a value without bits, a key that is not
/// above the one before.
pub(crate) fn slot_inputs(
    schema: &Schema,
    records: &[Record],
    out: &mut Vec<Fr>,
) -> Result<(), usize> {
    let capacity = usize::from(schema.max_records);
    if records.len() > capacity {
        return Err(capacity);
    }
    let mut before = None;
    for slot in 0..capacity {
        let record = records.get(slot);
        if record.is_some_and(|record| record.0.len() != schema.fields.len()) {
            return Err(slot);
        }
        out.push(element::of_bit(record.is_some()));
        for (at, field) in schema.fields.iter().enumerate() {
            let min = schema.bounds(field).0;
            let value = record.map(|record| record.0[at]);
            let offset = |least: Option<u64>| match value {
                None => Some(0),
                Some(value) => value.checked_sub(least?),
            };
            let fits = match Cells::of(schema, field) {
                Cells::Key(n) => {
                    let least = before.map_or(Some(min), |before: u64| before.checked_add(1));
                    before = value;
                    push_bits(out, offset(least), n)
                }
                Cells::Offset(n) => push_bits(out, offset(Some(min)), n),
                Cells::DayAndMinute(n) => {
                    let minutes = u64::from(MINUTES_PER_DAY);
                    let value = value.unwrap_or(0);
                    push_bits(out, Some(value / minutes), n)
                        && push_bits(out, Some(value % minutes), MINUTE_BITS)
                }
            };
            if !fits {
                return Err(slot);
            }
        }
    }
    Ok(())
}

/// Pushes the low `n` bits, lowest first. Returns whether there is a value and it fits in `n` bits.
fn push_bits(out: &mut Vec<Fr>, value: Option<u64>, n: usize) -> bool {
    let Some(value) = value else {
        return false;
    };
    let bit = |i| value.checked_shr(i as u32).unwrap_or(0) & 1 == 1;
    out.extend((0..n).map(|i| element::of_bit(bit(i))));
    bit_length(value) <= n
}

/// The layout of `Schema::pack`. Fields are bounded before they are packed (EARN-4), so no field
/// overlaps its neighbour.
fn pack(schema: &Schema, records: &[RecordWires]) -> Vec<Lc> {
    let shift = |factor: Fr, n: u32| (0..n).fold(factor, |power, _| power.double());
    records
        .chunks(schema.records_per_element())
        .map(|chunk| {
            let mut weight = Fr::from(1u64);
            let mut parts = Vec::with_capacity(chunk.len() * schema.fields.len());
            for record in chunk {
                for (wires, field) in record.fields.iter().zip(&schema.fields) {
                    parts.push((&wires.value, weight));
                    weight = shift(weight, schema.field_bits(field));
                }
            }
            Lc::weighted(parts)
        })
        .collect()
}
