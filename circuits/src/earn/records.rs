//! The record slots of a claim: presence, bounds, order, packing.
//!
//! Everything is made of bits that are gated by the slot's flag, so an absent slot is zero
//! without a constraint of its own, and no field has a wire beside its bits.

use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use merits_formula::{Field, FieldKind, Schema};
use merits_primitives::{Fr, calendar::MINUTES_PER_DAY};

use crate::{
    builder::{Bit, Builder, Lc},
    formula::{DaySplit, FieldWires, RecordWires},
    gadgets::{bits, compare},
};

/// Bits of the minute of a day: 1439 < 2^11.
pub(super) const MINUTE_BITS: usize = 11;

/// The slots of one claim.
pub(super) struct Slots {
    /// What the formula reads.
    pub(super) records: Vec<RecordWires>,
    /// How many slots hold a record.
    pub(super) count: Lc,
    /// The packed records, R slots.
    pub(super) packed: Vec<Lc>,
}

/// Bits of the day of the period: none where a period is one day.
pub(super) fn day_bits(schema: &Schema) -> usize {
    (u32::BITS - (schema.days() - 1).leading_zeros()) as usize
}

/// Builds R slots.
pub(super) fn slots(b: &mut Builder, schema: &Schema, label: &str) -> Slots {
    let key = schema.key();
    let mut records: Vec<RecordWires> = Vec::with_capacity(schema.max_records.into());
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
        let fields: Vec<FieldWires> = schema
            .fields
            .iter()
            .map(|f| b.section(&f.name, |b| field(b, schema, f, &present, &label)))
            .collect();
        if let Some(last) = last {
            let (before, now) = (&last.fields[key].value, &fields[key].value);
            let n = schema.field_bits(&schema.fields[key]) as usize;
            b.section("order", |b| assert_later(b, before, now, n, &present));
        }
        records.push(RecordWires { present, fields });
    }
    let count = Lc::sum(records.iter().map(|record| record.present.lc()));
    let packed = pack(schema, &records);
    Slots {
        records,
        count,
        packed,
    }
}

/// EARN-3 and EARN-4: zero in an absent slot, else within bounds. The private inputs are its bits.
fn field(
    b: &mut Builder,
    schema: &Schema,
    field: &Field,
    present: &Bit,
    label: &str,
) -> FieldWires {
    let label = format!("{label}.{}", field.name);
    match field.kind {
        // All but a time are one bounded integer.
        FieldKind::Int { .. }
        | FieldKind::Decimal { .. }
        | FieldKind::Bool
        | FieldKind::Enum { .. }
        | FieldKind::DayInPeriod
        | FieldKind::Date { .. }
        | FieldKind::DateTime { .. } => {
            let (min, max) = schema.bounds(field);
            let n = schema.field_bits(field) as usize;
            let bits = bits::gated_input_bits(b, &label, n, present);
            compare::assert_at_most(b, &bits, max);
            compare::assert_at_least(b, &bits, min, present);
            FieldWires {
                value: Lc::from_bits(&bits),
                bits,
                day: None,
            }
        }
        FieldKind::TimeInPeriod => {
            // Day and minute of the day, each within its range: their sum then lies within the
            // period, and the formula needs them apart anyway.
            let day_bits =
                bits::gated_input_bits(b, &format!("{label}.day"), day_bits(schema), present);
            compare::assert_at_most(b, &day_bits, u64::from(schema.days() - 1));
            let minute =
                bits::gated_input_bits(b, &format!("{label}.minute"), MINUTE_BITS, present);
            compare::assert_at_most(b, &minute, u64::from(MINUTES_PER_DAY - 1));
            let (day, minute) = (Lc::from_bits(&day_bits), Lc::from_bits(&minute));
            let value = &day * Fr::from(MINUTES_PER_DAY) + &minute;
            FieldWires {
                value,
                bits: Vec::new(),
                day: Some(DaySplit {
                    day_bits,
                    day,
                    minute,
                }),
            }
        }
    }
}

/// EARN-5: `now` > `before` if `present`: n + 1 constraints. Both are below 2^n, so
/// now − before − 1 lies in [0, 2^n) exactly if now is greater; otherwise it wraps to p − 2^n or
/// more. The bits of the gap are zero in an absent slot and the only ones for their sum.
fn assert_later(b: &mut Builder, before: &Lc, now: &Lc, n: usize, present: &Bit) {
    let gap = now - before - Lc::one();
    let bits: Vec<Bit> = b
        .hint(&[present.lc(), &gap], n, gap_bits)
        .into_iter()
        .map(|wire| bits::gate(b, wire, present))
        .collect();
    b.assert_mul(present.lc(), &gap, &Lc::from_bits(&bits));
}

/// The low bits of a gap; of one that is no number of n bits too, and then the sum differs.
fn gap_bits(inputs: &[Fr], bits: &mut [Fr]) -> Result<(), &'static str> {
    let gap = inputs
        .iter()
        .fold(Fr::from(1u64), |product, factor| product * factor);
    let gap = gap.into_bigint();
    for (i, bit) in bits.iter_mut().enumerate() {
        *bit = Fr::from(gap.get_bit(i));
    }
    Ok(())
}

/// The layout of `Schema::pack`. Fields are bounded before they are packed (EARN-4), so no field
/// runs into its neighbour.
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
