//! Lists of records, groups and numbers: slots with conditions.
//!
//! A list has a fixed number of slots; each is in the list where its conditions hold. Conditions
//! are combined only when something is counted or added up, and then as cheaply as that allows.

use std::rc::Rc;

use merits_formula::{Kind, NodeId, Type, VarId};

use super::truth::{Count, Truth};
use super::{Bound, Compiler};
use crate::builder::{Bit, Builder, Lc};

/// Slots of records.
#[derive(Clone, Debug)]
pub(super) struct Members {
    /// What must hold for each slot to be in the list.
    conditions: Vec<Vec<Truth>>,
    /// Whether the conditions are no more than the presence of a record.
    plain: bool,
}

/// Records to be told apart by key.
#[derive(Clone, Debug)]
pub(super) struct GroupSet {
    members: Members,
    /// For each slot, the bits of its key. Boolean, and the key below `keys` where a record is.
    key_bits: Vec<Vec<Bit>>,
    keys: usize,
}

/// One slot a key.
#[derive(Clone)]
struct Groups {
    set: Rc<GroupSet>,
    /// Conditions beside the one that the group has records.
    conditions: Vec<Vec<Truth>>,
    /// Whether the conditions already imply that the group has records.
    implied: bool,
}

/// A number to be added up where conditions hold.
struct Item {
    value: Lc,
    /// None where the value is 0 anyway if they fail.
    conditions: Vec<Truth>,
}

impl Item {
    /// The value where the conditions hold, else 0.
    fn gated(self, b: &mut Builder) -> Lc {
        // Where the value is itself the count that must not be 0, it is 0 where that fails.
        let value = self.value;
        let needed = self
            .conditions
            .into_iter()
            .filter(|condition| !matches!(condition, Truth::IfNonzero(count) if count.lc == value));
        let needed = Truth::all(b, needed);
        needed.gate(b, &value)
    }
}

impl Compiler<'_> {
    pub(super) fn sum(&mut self, id: NodeId, list: NodeId) -> Lc {
        match self.group_of(list) {
            None => {
                let addends = self.addends(list);
                Lc::sum(&addends)
            }
            Some((set, key)) => self.by_key(id, key, |compiler| {
                let addends = compiler.addends(list);
                compiler.split(&set, &addends)
            }),
        }
    }

    pub(super) fn size(&mut self, id: NodeId, list: NodeId) -> Lc {
        match self.group_of(list) {
            None => {
                let bits = self.presence(list);
                Lc::sum(&bits)
            }
            Some((set, key)) => self.by_key(id, key, |compiler| {
                let bits = compiler.presence(list);
                compiler.split(&set, &bits)
            }),
        }
    }

    /// A sum or size for all keys, at its first use; the one for `key`.
    fn by_key(&mut self, id: NodeId, key: usize, compile: impl FnOnce(&mut Self) -> Vec<Lc>) -> Lc {
        if !self.by_key.contains_key(&id) {
            let all = compile(self);
            self.by_key.insert(id, all);
        }
        self.by_key[&id][key].clone()
    }

    /// What each slot of a list of numbers adds to their sum.
    fn addends(&mut self, list: NodeId) -> Vec<Lc> {
        let items = self.list_numbers(list);
        self.b.section("filtered", |b| {
            items.into_iter().map(|item| item.gated(b)).collect()
        })
    }

    /// For each slot of a list, whether it is in it.
    fn presence(&mut self, list: NodeId) -> Vec<Lc> {
        let conditions = match (&self.typed.node(list).ty, &self.typed.node(list).kind) {
            (Type::Records { .. }, _) => self.list_records(list).conditions,
            (Type::Groups { .. }, _) => {
                let groups = self.list_groups(list);
                self.group_conditions(groups)
            }
            // As many numbers as there are records or groups.
            (_, Kind::Map { list, .. }) => return self.presence(*list),
            _ => unreachable!("the checker has put a list here"),
        };
        self.presence_bits(conditions)
    }

    fn presence_bits(&mut self, conditions: Vec<Vec<Truth>>) -> Vec<Lc> {
        self.b.section("counted", |b| {
            let bit = |truths: Vec<Truth>| Truth::all(b, truths).bit(b).into();
            conditions.into_iter().map(bit).collect()
        })
    }

    fn list_records(&mut self, id: NodeId) -> Members {
        let typed = self.typed;
        match &typed.node(id).kind {
            Kind::Records => Members {
                conditions: (self.records.iter())
                    .map(|record| vec![Truth::Bit(record.present.clone())])
                    .collect(),
                plain: true,
            },
            Kind::Var(var) => match self.bound.get(var) {
                Some(Bound::Group(set, _)) => set.members.clone(),
                _ => unreachable!("the checker has bound a group here"),
            },
            Kind::Filter { list, var, body } => {
                let mut members = self.list_records(*list);
                // A condition that no absent slot (all fields 0) meets implies the presence.
                let implies = members.plain && typed.false_where_absent(*body, *var);
                let more = self.for_each_record(members.conditions.len(), *var, |compiler| {
                    compiler.conjuncts(*body)
                });
                for (conditions, more) in members.conditions.iter_mut().zip(more) {
                    if implies {
                        conditions.clear();
                    }
                    conditions.extend(more);
                }
                members.plain = false;
                members
            }
            _ => unreachable!("the checker has put a list of records here"),
        }
    }

    fn list_groups(&mut self, id: NodeId) -> Groups {
        let typed = self.typed;
        match &typed.node(id).kind {
            Kind::Groups { list, var, key } => {
                let Type::Groups { keys, .. } = typed.node(id).ty else {
                    unreachable!("groups have the type of groups");
                };
                let members = self.list_records(*list);
                let key_bits = self.for_each_record(members.conditions.len(), *var, |compiler| {
                    compiler.key_bits(*key, keys)
                });
                let set = GroupSet {
                    members,
                    key_bits,
                    keys,
                };
                Groups {
                    set: Rc::new(set),
                    conditions: vec![Vec::new(); keys],
                    implied: false,
                }
            }
            Kind::Filter { list, var, body } => {
                let mut groups = self.list_groups(*list);
                groups.implied |= typed.false_where_absent(*body, *var);
                let set = Rc::clone(&groups.set);
                let more = self.for_each_group(&set, *var, |compiler| compiler.conjuncts(*body));
                for (conditions, more) in groups.conditions.iter_mut().zip(more) {
                    conditions.extend(more);
                }
                groups
            }
            _ => unreachable!("the checker has put a list of groups here"),
        }
    }

    fn list_numbers(&mut self, id: NodeId) -> Vec<Item> {
        let typed = self.typed;
        let Kind::Map { list, var, body } = &typed.node(id).kind else {
            unreachable!("the checker has put a list of numbers here");
        };
        let vanishes = typed.zero_where_absent(*body, *var);
        let (values, conditions) = if matches!(typed.node(*list).ty, Type::Records { .. }) {
            let members = self.list_records(*list);
            let values = self.for_each_record(members.conditions.len(), *var, |compiler| {
                compiler.number(*body)
            });
            let free = vanishes && members.plain;
            (values, (!free).then_some(members.conditions))
        } else {
            let groups = self.list_groups(*list);
            let set = Rc::clone(&groups.set);
            let values = self.for_each_group(&set, *var, |compiler| compiler.number(*body));
            let free = vanishes && groups.conditions.iter().all(Vec::is_empty);
            (values, (!free).then(|| self.group_conditions(groups)))
        };
        let conditions = conditions.unwrap_or_else(|| vec![Vec::new(); values.len()]);
        let items = values.into_iter().zip(conditions);
        items
            .map(|(value, conditions)| Item { value, conditions })
            .collect()
    }

    /// For each key, what must hold for its group to be in the list.
    fn group_conditions(&mut self, groups: Groups) -> Vec<Vec<Truth>> {
        if groups.implied {
            return groups.conditions;
        }
        let members = groups.set.members.conditions.clone();
        let most = members.len();
        let bits = self.presence_bits(members);
        let counts = self.split(&groups.set, &bits);
        let conditions = counts.into_iter().zip(groups.conditions);
        conditions
            .map(|(lc, mut conditions)| {
                let most = most.into();
                conditions.push(Truth::IfNonzero(Count { lc, most }));
                conditions
            })
            .collect()
    }

    /// Sums by key: `keys` - 1 constraints for each value that is no constant.
    ///
    /// A binary tree over the bits of the key: the highest bit takes the value into the upper
    /// half, what it leaves is the lower half. Where the upper half is past the last key, the bit
    /// is 0 for every record, by the bounds of the key; for a slot without a record all of this
    /// is 0.
    fn split(&mut self, set: &GroupSet, values: &[Lc]) -> Vec<Lc> {
        let columns: Vec<Vec<Lc>> = self.b.section("by key", |b| {
            let one = |(value, bits): (&Lc, &Vec<Bit>)| split_one(b, value, bits, set.keys);
            values.iter().zip(&set.key_bits).map(one).collect()
        });
        (0..set.keys)
            .map(|key| Lc::sum(columns.iter().map(|column| &column[key])))
            .collect()
    }

    /// The key that a list's records are told apart by, if it is made of a group's records.
    fn group_of(&self, list: NodeId) -> Option<(Rc<GroupSet>, usize)> {
        match &self.typed.node(list).kind {
            Kind::Filter { list, .. } | Kind::Map { list, .. } => self.group_of(*list),
            Kind::Var(var) => match self.bound.get(var) {
                Some(Bound::Group(set, key)) => Some((Rc::clone(set), *key)),
                _ => None,
            },
            _ => None,
        }
    }

    fn for_each_record<T>(
        &mut self,
        slots: usize,
        var: VarId,
        mut body: impl FnMut(&mut Self) -> T,
    ) -> Vec<T> {
        (0..slots)
            .map(|slot| {
                self.bound.insert(var, Bound::Record(slot));
                body(self)
            })
            .collect()
    }

    fn for_each_group<T>(
        &mut self,
        set: &Rc<GroupSet>,
        var: VarId,
        mut body: impl FnMut(&mut Self) -> T,
    ) -> Vec<T> {
        (0..set.keys)
            .map(|key| {
                self.bound.insert(var, Bound::Group(Rc::clone(set), key));
                body(self)
            })
            .collect()
    }
}

fn split_one(b: &mut Builder, value: &Lc, bits: &[Bit], keys: usize) -> Vec<Lc> {
    let Some((highest, lower)) = bits.split_last().filter(|_| keys > 1) else {
        return vec![value.clone()];
    };
    let half = 1usize << lower.len();
    if keys <= half {
        return split_one(b, value, lower, keys);
    }
    let upper = b.mul(value, highest.lc());
    let mut parts = split_one(b, &(value - &upper), lower, half);
    parts.extend(split_one(b, &upper, lower, keys - half));
    parts
}
