//! Fields of records: their values, and their parts. The statement supplies a part, or it is made
//! here when a formula first needs it.

use std::rc::Rc;

use merits_formula::{FieldKind, Kind, NodeId, VarId};
use merits_primitives::calendar::MINUTES_PER_DAY;
use num_bigint::BigInt;

use super::division::divided_by;
use super::memo::Bound;
use super::truth::{Count, Truth};
use super::{Compiler, DaySplit, Digits, FieldWires, threshold};
use crate::builder::{Bit, Lc};

impl Compiler<'_> {
    /// The slot of the record that a variable is bound to.
    fn slot(&self, of: VarId) -> usize {
        match self.bound.get(&of) {
            Some(Bound::Record(slot)) => *slot,
            _ => unreachable!("the checker has bound a record here"),
        }
    }

    fn wires(&self, of: VarId, field: usize) -> &FieldWires {
        &self.records[self.slot(of)].fields[field]
    }

    /// A field's value.
    pub(super) fn value(&self, of: VarId, field: usize) -> Lc {
        self.wires(of, field).value.clone()
    }

    /// A bool field.
    pub(super) fn flag(&self, of: VarId, field: usize) -> Bit {
        let digits = self.wires(of, field).digits.as_ref();
        match digits.map(|digits| digits.bits.as_slice()) {
            Some([bit]) => bit.clone(),
            _ => unreachable!("a bool is one bit and never a key"),
        }
    }

    /// The day of the period of a time or day field.
    pub(super) fn day(&mut self, of: VarId, field: usize) -> Lc {
        if self.is_time(field) {
            self.day_split(of, field).day.clone()
        } else {
            self.value(of, field)
        }
    }

    /// The minute of the day of a time field.
    pub(super) fn minute(&mut self, of: VarId, field: usize) -> Lc {
        self.day_split(of, field).minute.clone()
    }

    fn is_time(&self, field: usize) -> bool {
        let kind = &self.typed.schema().fields[field].kind;
        matches!(kind, FieldKind::TimeInPeriod | FieldKind::DateTime { .. })
    }

    /// Day and minute of a time, made once for a slot.
    ///
    /// value = 1440·day + minute with 0 ≤ minute < 1440 has one solution. No bound on the day is
    /// needed: the value is bounded, and 1440·day does not wrap.
    fn day_split(&mut self, of: VarId, field: usize) -> Rc<DaySplit> {
        let at = (self.slot(of), field);
        if let Some(known) = self.days.get(&at) {
            return Rc::clone(known);
        }
        let wires = self.wires(of, field);
        let split = match &wires.day {
            Some(split) => split.clone(),
            None => {
                let value = wires.value.clone();
                let schema = self.typed.schema();
                let field = &schema.fields[field];
                let last_day = schema.bounds(field).1 / u64::from(MINUTES_PER_DAY);
                let n = (u64::BITS - last_day.leading_zeros()) as usize;
                self.b.section(&format!("day of {}", field.name), |b| {
                    let (day, minute) = divided_by(b, &value, u64::from(MINUTES_PER_DAY), n);
                    DaySplit::new(day, minute)
                })
            }
        };
        let split = Rc::new(split);
        self.days.insert(at, Rc::clone(&split));
        split
    }

    /// Bits of a field, day or minute, if there are any.
    fn digits(&self, id: NodeId) -> Option<Digits> {
        let plain = |slot: usize, bits: &[Bit]| Digits {
            min: 0,
            bits: bits.to_vec(),
            present: self.records[slot].present.clone(),
        };
        match self.typed.node(id).kind {
            Kind::Field { of, field } => {
                let slot = self.slot(of);
                let made = || {
                    self.digits
                        .get(&(slot, field))
                        .map(|bits| plain(slot, bits))
                };
                self.wires(of, field).digits.clone().or_else(made)
            }
            Kind::Day { of, field } => {
                let at = (self.slot(of), field);
                let split = self.days.get(&at).map(Rc::as_ref);
                let split = split.or(self.wires(of, field).day.as_ref());
                split.map(|split| plain(at.0, &split.day_bits))
            }
            Kind::MinuteOfDay { of, field } => {
                let at = (self.slot(of), field);
                let split = self.days.get(&at).map(Rc::as_ref);
                let split = split.or(self.wires(of, field).day.as_ref());
                split.map(|split| plain(at.0, &split.minute_bits))
            }
            _ => None,
        }
    }

    /// Bits of a field or day whose weighted sum is its value. A key has no bits, so they are made
    /// once for each slot.
    pub(super) fn whole_digits(&mut self, id: NodeId) -> Option<Vec<Bit>> {
        self.made(id);
        if let Some(digits) = self.digits(id) {
            return (digits.min == 0).then_some(digits.bits);
        }
        let Kind::Field { of, field } = self.typed.node(id).kind else {
            return None;
        };
        let schema = self.typed.schema();
        let n = schema.field_bits(&schema.fields[field]) as usize;
        let (at, value) = ((self.slot(of), field), self.value(of, field));
        let name = format!("bits of {}", schema.fields[field].name);
        let bits = (self.b).section(&name, |b| super::whole_bits(b, &value, n));
        self.digits.insert(at, bits.clone());
        Some(bits)
    }

    /// Makes the parts of a time that a node reads.
    fn made(&mut self, id: NodeId) {
        if let Kind::Day { of, field } | Kind::MinuteOfDay { of, field } = self.typed.node(id).kind
            && self.is_time(field)
        {
            self.day_split(of, field);
        }
    }

    /// Whether a field, day or minute is at least a literal, if it has bits.
    pub(super) fn reaches(&mut self, id: NodeId, least: &BigInt) -> Option<Truth> {
        self.made(id);
        let digits = self.digits(id)?;
        let min = BigInt::from(digits.min);
        // An absent record has the value 0, so it reaches only a literal that 0 reaches.
        Some(if *least <= BigInt::from(0u8) {
            Truth::Known(true)
        } else if *least <= min {
            Truth::Bit(digits.present)
        } else {
            threshold::at_least(self.b, &digits.bits, &(least - min))
        })
    }

    /// Whether a field, day or minute is a literal, if it has bits: no constraint. The count of
    /// bits that differ is 0.
    pub(super) fn is_literal(&mut self, id: NodeId, literal: &BigInt) -> Option<Truth> {
        self.made(id);
        let digits = self.digits(id)?;
        let (min, zero) = (BigInt::from(digits.min), BigInt::from(0u8));
        let absent = digits.present.not();
        if digits.min > 0 && *literal == zero {
            return Some(Truth::Bit(absent));
        }
        let offset = literal - &min;
        if offset < zero || offset.bits() as usize > digits.bits.len() {
            return Some(Truth::Known(false));
        }
        let differing = digits.bits.iter().enumerate().map(|(i, bit)| {
            if offset.bit(i as u64) {
                bit.not()
            } else {
                bit.clone()
            }
        });
        let mut differing: Vec<Bit> = differing.collect();
        // The bits of an absent record are those of `min`, but its value is 0.
        if digits.min > 0 && offset == zero {
            differing.push(absent);
        }
        Some(Truth::if_zero(Count {
            lc: Lc::sum(differing.iter().map(Bit::lc)),
            most: differing.len().into(),
        }))
    }
}
