//! Records grouped by key: sums by key for all keys at once.

use std::cell::RefCell;
use std::rc::Rc;

use merits_formula::{Kind, NodeId, Range, Type, VarId};
use num_bigint::Sign;

use super::Compiler;
use super::division::whole_bits;
use super::lists::Mask;
use super::memo::Bound;
use super::numbers::kept;
use super::truth::{Count, Truth};
use crate::builder::{Bit, Builder, Lc};

/// Records that are grouped by key. A group has a place: one for each key, or the slot of its last
/// record.
pub(super) struct GroupSet {
    pub(super) members: Rc<Mask>,
    told: Told,
    /// How many places there are.
    pub(super) places: usize,
    /// How many records each place has, once it is needed.
    counts: RefCell<Option<Vec<Lc>>>,
    /// Whether a place has records, as a bit, once it is needed.
    occurs: RefCell<Vec<Option<Bit>>>,
}

/// How records are grouped.
enum Told {
    /// By the bits of each slot's key. Boolean, and the key below the number of places where a
    /// record is; `vanishes` if they are 0 where none is.
    ByKey { bits: Vec<Vec<Bit>>, vanishes: bool },
    /// The keys never fall from slot to slot, so that groups are runs: whether each slot has the
    /// key of the one before.
    Runs { same: Vec<Bit> },
}

impl Compiler<'_> {
    /// The records and key of a list of groups.
    pub(super) fn group_set(&mut self, id: NodeId) -> Rc<GroupSet> {
        if let Some(known) = self.sets.get(&id) {
            return Rc::clone(known);
        }
        let typed = self.typed;
        let set = match &typed.node(id).kind {
            Kind::Filter { list, .. } => self.group_set(*list),
            Kind::Groups { list, var, key } => {
                let Type::Groups { keys, .. } = typed.node(id).ty else {
                    unreachable!("groups have the type of groups");
                };
                let members = self.mask(*list);
                let runs = self.runs_pay(keys) && self.never_falls(*key);
                let told = if runs {
                    self.runs(*list, *var, *key)
                } else {
                    Told::ByKey {
                        bits: self
                            .for_each(*list, *var, |compiler, _| compiler.key_bits(*key, keys)),
                        vanishes: typed.zero_where_absent(*key, *var),
                    }
                };
                let places = if runs { self.records.len() } else { keys };
                Rc::new(GroupSet {
                    members,
                    told,
                    places,
                    counts: RefCell::new(None),
                    occurs: RefCell::new(vec![None; places]),
                })
            }
            _ => unreachable!("the checker has put a list of groups here"),
        };
        self.sets.insert(id, Rc::clone(&set));
        set
    }

    /// The group that a variable stands for.
    pub(super) fn group(&self, var: VarId) -> Rc<GroupSet> {
        match self.bound.get(&var) {
            Some(Bound::Group(set, _) | Bound::OwnGroup(set, _)) => Rc::clone(set),
            _ => unreachable!("the checker has bound a group here"),
        }
    }

    /// Compiles for all keys at the first use, and returns the result for the key that the group
    /// variable `owner` stands for now. For a record, that is its own group.
    pub(super) fn by_key(
        &mut self,
        id: NodeId,
        owner: VarId,
        compile: impl FnOnce(&mut Self, &Rc<GroupSet>) -> Vec<Lc>,
    ) -> Lc {
        if !self.by_key.contains_key(&id) {
            let set = self.group(owner);
            let all = compile(self, &set);
            self.by_key.insert(id, all);
        }
        let all = &self.by_key[&id];
        match self.bound.get(&owner) {
            Some(Bound::Group(_, key)) => all[*key].clone(),
            Some(Bound::OwnGroup(set, slot)) => {
                let (all, set, slot) = (all.clone(), Rc::clone(set), *slot);
                if !self.own.contains_key(&id) {
                    let own = self.own(&set, &all);
                    self.own.insert(id, own);
                }
                self.own[&id][slot].clone()
            }
            _ => unreachable!("the checker has bound a group here"),
        }
    }

    /// The values, of one for each place, for the group of the record in each slot: one
    /// constraint less than there are keys a slot, or 1 in runs.
    pub(super) fn own(&mut self, set: &GroupSet, values: &[Lc]) -> Vec<Lc> {
        self.b.section("own group", |b| match &set.told {
            Told::ByKey { bits, .. } => bits.iter().map(|bits| choose(b, values, bits)).collect(),
            Told::Runs { same } => {
                let mut own = values.to_vec();
                for slot in (1..own.len()).rev() {
                    // What the next slot has, if it is of the same run.
                    own[slot - 1] = b.select(&same[slot], &own[slot], &own[slot - 1]);
                }
                own
            }
        })
    }

    /// Whether runs are cheaper than grouping by the bits of keys: runs have a place for each slot,
    /// and the work for each place costs about 24.
    fn runs_pay(&self, keys: usize) -> bool {
        let slots = self.records.len();
        slots * keys.saturating_sub(3) > slots.saturating_sub(keys) * 24
    }

    /// Whether a key is the one that orders the records, or never falls where that one rises.
    fn never_falls(&self, key: NodeId) -> bool {
        let order = self.typed.schema().key();
        match &self.typed.node(key).kind {
            Kind::Day { field, .. } | Kind::Field { field, .. } => *field == order,
            Kind::Floor(a) => self.never_falls(*a),
            Kind::Divide(a, factor) => factor.sign() == Sign::Plus && self.never_falls(*a),
            _ => false,
        }
    }

    /// Whether each slot has the key of the one before: 2 constraints a slot. Keys of absent slots
    /// may join them to a run, but they add nothing to it.
    fn runs(&mut self, list: NodeId, var: VarId, key: NodeId) -> Told {
        let keys = self.for_each(list, var, |compiler, _| compiler.number(key));
        let mut same = vec![Bit::constant(false)];
        same.extend(self.b.section("runs", |b| {
            let pairs = keys
                .windows(2)
                .map(|pair| b.is_zero(&(&pair[1] - &pair[0])));
            pairs.collect::<Vec<Bit>>()
        }));
        Told::Runs { same }
    }

    /// How many records have each key.
    pub(super) fn counts(&mut self, set: &Rc<GroupSet>) -> Vec<Lc> {
        if let Some(known) = &*set.counts.borrow() {
            return known.clone();
        }
        let bits = self.presence(&set.members);
        let counts = match &set.told {
            Told::ByKey {
                bits: keys,
                vanishes: true,
            } if set.members.is_presence() => {
                let columns: Vec<Vec<Lc>> = self.b.section("by key", |b| {
                    let slots = bits.iter().zip(keys);
                    slots
                        .map(|(bit, key)| one_hot(b, bit, key, set.places))
                        .collect()
                });
                by_column(&columns, set.places)
            }
            _ => {
                let bits: Vec<Lc> = bits.into_iter().map(Lc::from).collect();
                self.split(set, &bits)
            }
        };
        *set.counts.borrow_mut() = Some(counts.clone());
        counts
    }

    /// Whether a key occurs.
    pub(super) fn occurs(&mut self, set: &Rc<GroupSet>, key: usize) -> Truth {
        if let Some(bit) = &set.occurs.borrow()[key] {
            return Truth::Bit(bit.clone());
        }
        let lc = self.counts(set)[key].clone();
        let most = set.members.slots().into();
        Truth::if_nonzero(Count { lc, most })
    }

    /// [`Compiler::occurs`] as a bit.
    pub(super) fn occurs_bit(&mut self, set: &Rc<GroupSet>, key: usize) -> Bit {
        let truth = self.occurs(set, key);
        let bit = self.b.section("occurs", |b| truth.bit(b));
        set.occurs.borrow_mut()[key] = Some(bit.clone());
        bit
    }

    /// Sums by place: for each value that is no constant, one constraint less than there are
    /// keys, or 1 in runs.
    ///
    /// In a run the sum is carried from slot to slot, carried = same·(carried + value) while the
    /// run goes on. The sum that is not carried further belongs to the last slot of the run.
    pub(super) fn split(&mut self, set: &GroupSet, values: &[Lc]) -> Vec<Lc> {
        self.b.section("by key", |b| match &set.told {
            Told::ByKey { bits, .. } => {
                let slots = values.iter().zip(bits);
                let columns: Vec<Vec<Lc>> = slots
                    .map(|(value, bits)| split_one(b, value, bits, set.places))
                    .collect();
                by_column(&columns, set.places)
            }
            Told::Runs { same } => {
                let mut sums = values.to_vec();
                for slot in 1..sums.len() {
                    let carried = b.mul(same[slot].lc(), &sums[slot - 1]);
                    sums[slot - 1] -= &carried;
                    sums[slot] += &carried;
                }
                sums
            }
        })
    }

    /// The largest height of each place, by runs; 0 where there is none: n + 2 a slot for heights
    /// below 2^n, and 1. `None` if records are grouped by the bits of keys.
    pub(super) fn largest_of_runs(
        &mut self,
        set: &GroupSet,
        heights: &[Lc],
        range: &Range,
    ) -> Option<Vec<Lc>> {
        let Told::Runs { same } = &set.told else {
            return None;
        };
        self.b.section("largest by key", |b| {
            let mut largest = heights.to_vec();
            for slot in 1..largest.len() {
                let carried = b.mul(same[slot].lc(), &largest[slot - 1]);
                largest[slot - 1] -= &carried;
                let (own, carried) = (largest[slot].clone(), (carried, range.clone()));
                largest[slot] = kept(b, &carried, &(own, range.clone()), true).0;
            }
            Some(largest)
        })
    }

    /// Bits of a group key, from 0 to `keys` - 1.
    fn key_bits(&mut self, id: NodeId, keys: usize) -> Vec<Bit> {
        let n = (usize::BITS - (keys - 1).leading_zeros()) as usize;
        if let Some(bits) = self.whole_digits(id).filter(|bits| bits.len() == n) {
            return bits;
        }
        let key = self.number(id);
        self.b.section("key", |b| whole_bits(b, &key, n))
    }
}

impl GroupSet {
    /// The place of the group of the record in each slot, by key; none in runs.
    pub(super) fn keys(&self) -> Vec<Lc> {
        match &self.told {
            Told::ByKey { bits, .. } => bits.iter().map(|bits| Lc::from_bits(bits)).collect(),
            Told::Runs { .. } => Vec::new(),
        }
    }
}

/// Sums of columns.
pub(super) fn by_column(columns: &[Vec<Lc>], keys: usize) -> Vec<Lc> {
    (0..keys)
        .map(|key| Lc::sum(columns.iter().map(|column| &column[key])))
        .collect()
}

/// The value in the column of a number that is given by its bits, 0 in the other columns:
/// `columns` - 1 constraints.
///
/// A binary tree over the bits: the highest bit takes the value into the upper half, what it
/// leaves is the lower half. Where the upper half is past the last column, the bit is 0 for every
/// record, by the bounds of the number; for a slot whose value is 0 all of this is 0.
pub(super) fn split_one(b: &mut Builder, value: &Lc, bits: &[Bit], columns: usize) -> Vec<Lc> {
    let Some((highest, lower)) = bits.split_last().filter(|_| columns > 1) else {
        return vec![value.clone()];
    };
    let half = 1usize << lower.len();
    if columns <= half {
        return split_one(b, value, lower, columns);
    }
    let upper = b.mul(value, highest.lc());
    let mut parts = split_one(b, &(value - &upper), lower, half);
    parts.extend(split_one(b, &upper, lower, columns - half));
    parts
}

/// [`split_one`] of a flag where the bits are 0 unless it is set, one constraint less a bit.
///
/// Works from the highest bit down, with columns that add up to the flag. Each column but one is
/// multiplied by the next bit. The product of that column follows from the others: all products add
/// up to flag·bit, which is the bit itself.
fn one_hot(b: &mut Builder, flag: &Bit, bits: &[Bit], columns: usize) -> Vec<Lc> {
    let mut parts = vec![flag.lc().clone()];
    for (at, bit) in bits.iter().enumerate().rev() {
        // How many columns exist when numbers are distinguished by the bits from `at` on.
        let wanted = columns.div_ceil(1 << at);
        let pairs = parts.len();
        // Where the last part has no upper half, its records have a 0 here.
        let split = pairs - (2 * pairs - wanted);
        let mut rest = bit.lc().clone();
        let mut next = Vec::with_capacity(wanted);
        for (i, part) in parts.iter().enumerate() {
            if i >= split {
                next.push(part.clone());
                continue;
            }
            let upper = if i + 1 == split {
                rest.clone()
            } else {
                b.mul(part, bit.lc())
            };
            rest -= &upper;
            next.push(part - &upper);
            next.push(upper);
        }
        parts = next;
    }
    parts
}

/// The value at a position given by its bits: one constraint less than there are values. Bits
/// that only positions past the last have are 0, by the bounds of the position.
pub(super) fn choose(b: &mut Builder, values: &[Lc], bits: &[Bit]) -> Lc {
    let Some((highest, lower)) = bits.split_last().filter(|_| values.len() > 1) else {
        // Never empty: an enum has at least two names, and groups have a key.
        return values.first().cloned().unwrap_or_default();
    };
    let half = 1usize << lower.len();
    if values.len() <= half {
        return choose(b, values, lower);
    }
    let low = choose(b, &values[..half], lower);
    let high = choose(b, &values[half..], lower);
    b.select(highest, &high, &low)
}

#[cfg(test)]
mod tests {
    use merits_primitives::Fr;

    use super::*;
    use crate::gadgets::bits;

    /// Every number of columns up to 9, with every position and a flag that is not set.
    #[test]
    fn splitting_and_choosing_agree_with_indexing() {
        for columns in 1..=9usize {
            let n = (usize::BITS - (columns - 1).leading_zeros()) as usize;
            let mut b = Builder::new();
            let flag = b.input("flag");
            let flag = b.assert_bool(&flag);
            let key = bits::gated_input_bits(&mut b, "key", n, &flag);
            let value = b.input("value");
            let before = b.n_constraints();
            let hot = one_hot(&mut b, &flag, &key, columns);
            assert_eq!(b.n_constraints() - before, (columns - 1).saturating_sub(n));
            let before = b.n_constraints();
            let split = split_one(&mut b, &value, &key, columns);
            assert_eq!(b.n_constraints() - before, columns - 1);
            let table: Vec<Lc> = (0..columns).map(|_| b.input("cell")).collect();
            let before = b.n_constraints();
            let chosen = choose(&mut b, &table, &key);
            assert_eq!(b.n_constraints() - before, columns - 1);
            let results = hot.into_iter().chain(split).chain([chosen]);
            let wires: Vec<usize> = results
                .map(|lc| {
                    let copy = b.mul_add(&value, &value, &lc);
                    copy.as_wire().expect("a wire").index()
                })
                .collect();
            let circuit = b.finish();
            for at in 0..=columns {
                // The last run has no flag, key 0.
                let (flag, key) = if at < columns { (1, at) } else { (0, 0) };
                let value = Fr::from(1000u64);
                let mut inputs = vec![Fr::from(flag as u64)];
                inputs.extend((0..n).map(|i| Fr::from((key >> i & 1) as u64)));
                inputs.push(value);
                inputs.extend((0..columns as u64).map(|i| Fr::from(7 + i)));
                let assignment = circuit.program.run(&inputs).expect("a witness");
                circuit.check(&assignment).expect("satisfied");
                let found: Vec<Fr> = (wires.iter())
                    .map(|wire| assignment[*wire] - value * value)
                    .collect();
                let unit = |with: Fr, set: bool| {
                    (0..columns).map(move |i| {
                        if set && i == key {
                            with
                        } else {
                            Fr::from(0u64)
                        }
                    })
                };
                let expected: Vec<Fr> = unit(Fr::from(1u64), flag == 1)
                    .chain(unit(value, true))
                    .chain([Fr::from(7 + key as u64)])
                    .collect();
                assert_eq!(found, expected, "{columns} columns, {at}");
            }
        }
    }
}
