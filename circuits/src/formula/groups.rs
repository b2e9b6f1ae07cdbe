//! Records grouped by key: sums by key for all keys at once.

use std::cell::RefCell;
use std::rc::Rc;

use merits_formula::{Kind, NodeId, Range, Type, VarId};
use num_bigint::Sign;

use super::Compiler;
use super::columns::{by_column, choose, one_hot, split_one};
use super::comparison::kept;
use super::members::{GroupSet, Told};
use super::memo::Bound;
use super::truth::{Count, Truth};
use super::whole::whole_bits;
use crate::builder::{Bit, Lc};

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

    /// The group that a variable is bound to.
    pub(super) fn group(&self, var: VarId) -> Rc<GroupSet> {
        match self.bound.get(&var) {
            Some(Bound::Group(set, _) | Bound::OwnGroup(set, _)) => Rc::clone(set),
            _ => unreachable!("the checker has bound a group here"),
        }
    }

    /// Compiles for all keys at the first use, and returns the result for the current key of the
    /// group variable `owner`. For a record, that is its own group.
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

    /// The value of its group for the record in each slot; `values` has one for each place. Each slot
    /// costs one constraint less than there are keys, or 1 in runs.
    pub(super) fn own(&mut self, set: &GroupSet, values: &[Lc]) -> Vec<Lc> {
        self.b.section("own group", |b| match &set.told {
            Told::ByKey { bits, .. } => bits.iter().map(|bits| choose(b, values, bits)).collect(),
            Told::Runs { same } => {
                let mut own = values.to_vec();
                for slot in (1..own.len()).rev() {
                    // The value of the next slot, if it is in the same run.
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

    /// Whether a key orders the records, or never falls when the ordering key rises.
    fn never_falls(&self, key: NodeId) -> bool {
        let order = self.typed.schema().key();
        match &self.typed.node(key).kind {
            Kind::Day { field, .. } | Kind::Field { field, .. } => *field == order,
            Kind::Floor(a) => self.never_falls(*a),
            Kind::Divide(a, factor) => factor.sign() == Sign::Plus && self.never_falls(*a),
            _ => false,
        }
    }

    /// Whether each slot has the key of the one before: 2 constraints for each slot. Keys of absent
    /// slots may join them to a run, but they add nothing to it.
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

    /// The number of records with each key.
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

    /// Sums by place. Each value that is not a constant costs one constraint less than there are
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

    /// The largest height of each place, by runs; 0 if there is none. Costs n + 2 for each slot for
    /// heights below 2^n, and 1. `None` if records are grouped by the bits of keys.
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
