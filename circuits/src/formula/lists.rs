//! Lists of records, groups and numbers: slots with conditions.
//!
//! A list has a fixed number of slots, and a slot is in the list if its conditions hold. Conditions
//! are combined only when something is counted or added up, as cheaply as that use allows. Where
//! several aggregates read the same list, they are combined once, as a bit.

use std::rc::Rc;

use merits_formula::{Kind, NodeId, Type, VarId};

use super::Compiler;
use super::members::{Base, Items, Mask};
use super::memo::{Bound, BoundKey, is_group};
use super::truth::Truth;
use crate::builder::{Bit, Lc};

impl Compiler<'_> {
    /// The members of a list.
    pub(super) fn mask(&mut self, id: NodeId) -> Rc<Mask> {
        let typed = self.typed;
        match &typed.node(id).kind {
            Kind::Map { list, .. } => return self.mask(*list),
            Kind::Var(var) => return Rc::clone(&self.group(*var).members),
            _ => {}
        }
        let places = self.list_places(id);
        if let Some(known) = self.masks.get(id, &places) {
            return known;
        }
        let readers = self.analysis.readers(id);
        let mask = match &typed.node(id).kind {
            Kind::Records => Mask::new(Base::Records, self.records.len(), readers),
            Kind::Pairs { .. } => {
                let pairs = self.records.len().saturating_sub(1);
                Mask::new(Base::Pairs, pairs, readers)
            }
            Kind::Groups { .. } => {
                let set = self.group_set(id);
                let places = set.places;
                Mask::new(Base::Places(set), places, readers)
            }
            Kind::Filter { list, var, body } => self.filtered(*list, *var, *body, readers),
            _ => unreachable!("the checker has put a list here"),
        };
        let mask = Rc::new(mask);
        self.masks.insert(id, places, Rc::clone(&mask));
        mask
    }

    fn filtered(&mut self, list: NodeId, var: VarId, body: NodeId, readers: usize) -> Mask {
        let typed = self.typed;
        let whole = self.mask(list);
        let more = self.for_each(list, var, |compiler, _| compiler.conjuncts(body));
        // A condition that no absent slot (all fields 0, or an empty group) meets implies that
        // the slot exists. Numbers are not known to be 0 there.
        let is_number = matches!(typed.node(list).ty, Type::Numbers { .. });
        let implied = !is_number && typed.false_where_absent(body, var);
        if whole.readers > 0 && !whole.is_plain() {
            // A reader of the whole list pays for its condition anyway.
            let conditions = more.into_iter().enumerate().map(|(slot, more)| {
                let mut conditions = vec![self.slot_truth(&whole, slot)];
                conditions.extend(more);
                conditions
            });
            let conditions = conditions.collect();
            return Mask::with(whole.base.clone(), true, conditions, readers);
        }
        let mut conditions = whole.conditions.clone();
        for (conditions, more) in conditions.iter_mut().zip(more) {
            conditions.extend(more);
        }
        let implied = whole.implied || implied;
        Mask::with(whole.base.clone(), implied, conditions, readers)
    }

    /// Whether a slot is in the list, as one condition.
    pub(super) fn slot_truth(&mut self, mask: &Rc<Mask>, slot: usize) -> Truth {
        if let Some(known) = &mask.combined.borrow()[slot] {
            return known.clone();
        }
        let parts = self.slot_parts(mask, slot);
        let truth = self.b.section("listed", |b| {
            let truth = Truth::all(b, parts);
            // To make a bit of a count costs two, and each reader then costs one instead of two.
            if mask.readers > 1 {
                Truth::Bit(truth.bit(b))
            } else {
                truth
            }
        });
        mask.combined.borrow_mut()[slot] = Some(truth.clone());
        truth
    }

    /// The conditions for a slot to be in the list.
    fn slot_parts(&mut self, mask: &Mask, slot: usize) -> Vec<Truth> {
        let mut parts = mask.conditions[slot].clone();
        if !mask.implied {
            parts.push(match &mask.base {
                Base::Records => Truth::Bit(self.records[slot].present.clone()),
                Base::Pairs => Truth::Bit(self.records[slot + 1].present.clone()),
                Base::Places(set) => self.occurs(set, slot),
            });
        }
        parts
    }

    /// The value if the slot is in the list and the other conditions hold, else 0. `vanishes` says
    /// that the value is 0, or one of the other conditions is false, for a slot that does not exist.
    pub(super) fn gated(
        &mut self,
        value: &Lc,
        (mask, slot): (&Rc<Mask>, usize),
        vanishes: bool,
        others: Vec<Truth>,
    ) -> Lc {
        let mut parts = others;
        if vanishes && mask.is_plain() {
            // Nothing to add.
        } else if mask.readers > 1 || mask.combined.borrow()[slot].is_some() {
            parts.push(self.slot_truth(mask, slot));
        } else if vanishes {
            parts.extend(mask.conditions[slot].iter().cloned());
        } else {
            parts.extend(self.slot_parts(mask, slot));
        }
        // If the value is itself the count that must not be 0, it is already 0 when the condition
        // fails.
        let is_value = |part: &Truth| matches!(part, Truth::IfNonzero(count) if count.lc == *value);
        parts.retain(|part| !is_value(part));
        self.b
            .section("filtered", |b| Truth::all(b, parts).gate(b, value))
    }

    /// For each slot of a list, whether it is in it.
    pub(super) fn presence(&mut self, mask: &Rc<Mask>) -> Vec<Bit> {
        (0..mask.slots())
            .map(|slot| {
                let truth = self.slot_truth(mask, slot);
                let bit = self.b.section("counted", |b| truth.bit(b));
                mask.combined.borrow_mut()[slot] = Some(Truth::Bit(bit.clone()));
                bit
            })
            .collect()
    }

    /// The numbers of a list.
    pub(super) fn items(&mut self, id: NodeId) -> Rc<Items> {
        let places = self.list_places(id);
        if let Some(known) = self.items.get(id, &places) {
            return known;
        }
        let typed = self.typed;
        let mask = self.mask(id);
        let (values, vanishes) = match &typed.node(id).kind {
            Kind::Map { list, var, body } => {
                let values = self.for_each(*list, *var, |compiler, _| compiler.number(*body));
                (values, self.vanishes(*list, *var, *body))
            }
            Kind::Filter { list, .. } => (self.items(*list).values.clone(), false),
            Kind::Pairs {
                later, body, list, ..
            } => {
                let values = self.for_each(id, *later, |compiler, _| compiler.number(*body));
                (values, self.vanishes(*list, *later, *body))
            }
            _ => unreachable!("the checker has put a list of numbers here"),
        };
        let items = Rc::new(Items {
            serial: self.items.len(),
            values,
            vanishes,
            mask,
        });
        self.items.insert(id, places, Rc::clone(&items));
        items
    }

    /// Whether a body is 0 for each slot that does not exist.
    pub(super) fn vanishes(&self, list: NodeId, var: VarId, body: NodeId) -> bool {
        let is_number = matches!(self.typed.node(list).ty, Type::Numbers { .. });
        !is_number && self.typed.zero_where_absent(body, var)
    }

    /// The body for each slot of a list, with the variable bound to the slot. For pairs, the list is
    /// the node of the pairs, and the variable is the later record.
    pub(super) fn for_each<T>(
        &mut self,
        list: NodeId,
        var: VarId,
        mut body: impl FnMut(&mut Self, usize) -> T,
    ) -> Vec<T> {
        let typed = self.typed;
        let pair = match &typed.node(list).kind {
            Kind::Pairs { earlier, later, .. } if *later == var => Some(*earlier),
            _ => None,
        };
        let slots = self.mask(list).slots();
        let owner = self.owner(list);
        let bounds: Vec<Bound> = match &typed.node(list).ty {
            _ if pair.is_some() => (1..=slots).map(Bound::Record).collect(),
            Type::Records { .. } => (0..slots).map(Bound::Record).collect(),
            Type::Groups { .. } => {
                let set = self.group_set(list);
                let group = |key| Bound::Group(Rc::clone(&set), key);
                (0..slots).map(group).collect()
            }
            Type::Numbers { .. } => {
                let items = self.items(list);
                let number = |at| Bound::Number(Rc::clone(&items), at);
                (0..slots).map(number).collect()
            }
            _ => unreachable!("the checker has put a list here"),
        };
        let outer = owner.and_then(|owner| self.bound.get(&owner).cloned());
        let results = bounds
            .into_iter()
            .enumerate()
            .map(|(slot, bound)| {
                self.bound.insert(var, bound);
                if let Some(earlier) = pair {
                    self.bound.insert(earlier, Bound::Record(slot));
                }
                // For a record, the group is its own group.
                if let Some(owner) = owner {
                    let set = self.group(owner);
                    self.bound.insert(owner, Bound::OwnGroup(set, slot));
                }
                body(self, slot)
            })
            .collect();
        if let (Some(owner), Some(outer)) = (owner, outer) {
            self.bound.insert(owner, outer);
        }
        results
    }

    /// The group whose records a list is made of, if it is made of a group's records.
    pub(super) fn owner(&self, list: NodeId) -> Option<VarId> {
        match &self.typed.node(list).kind {
            Kind::Filter { list, .. } | Kind::Map { list, .. } => self.owner(*list),
            Kind::Var(var) if is_group(self.typed, list) => Some(*var),
            _ => None,
        }
    }

    /// What the variables that a node depends on are bound to.
    pub(super) fn places(&self, id: NodeId) -> Vec<BoundKey> {
        let free = self.analysis.free(id);
        let bound = free.iter().filter_map(|var| self.bound.get(var));
        bound.map(Bound::place).collect()
    }

    /// [`Compiler::places`] without the group that a list is made of, because the list has slots for
    /// the records of all groups.
    fn list_places(&self, id: NodeId) -> Vec<BoundKey> {
        let owner = self.owner(id);
        let free = self.analysis.free(id);
        let others = free.iter().filter(|var| Some(**var) != owner);
        let bound = others.filter_map(|var| self.bound.get(var));
        bound.map(Bound::place).collect()
    }
}
