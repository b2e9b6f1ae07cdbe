//! The smallest and the largest number of a list.
//!
//! Computed as the largest: the smallest is the negative of the largest of the negatives.

use std::rc::Rc;

use ark_ff::PrimeField as _;
use merits_formula::{NodeId, Range, Type};
use merits_primitives::Fr;
use num_bigint::BigInt;

use super::Compiler;
use super::comparison::kept;
use super::members::GroupSet;
use super::memo::Bound;
use super::truth::{Count, Truth};
use super::whole::{element, whole_bits};
use crate::builder::{Bit, Lc};

/// Values of slots, with a floor for slots that are not in the list.
struct Floored {
    values: Vec<Lc>,
    /// The interval of values and floor.
    range: Range,
    floor: BigInt,
}

impl Compiler<'_> {
    pub(super) fn extreme_of_list(
        &mut self,
        id: NodeId,
        list: NodeId,
        otherwise: Option<NodeId>,
        largest: bool,
    ) -> Lc {
        match self.owner(list) {
            None => self.extreme_of_all(id, list, otherwise, largest),
            Some(owner) => self.by_key(id, owner, |compiler, set| {
                let set = Rc::clone(set);
                let (all, found) = compiler.largest_by_key(id, list, &set, largest);
                let Some(otherwise) = otherwise else {
                    return all;
                };
                let outer = compiler.bound.get(&owner).cloned();
                let chosen = all.into_iter().zip(found).enumerate();
                let chosen = chosen
                    .map(|(key, (value, found))| {
                        let group = Bound::Group(Rc::clone(&set), key);
                        compiler.bound.insert(owner, group);
                        let otherwise = compiler.over(otherwise, id);
                        let b = &mut *compiler.b;
                        b.section("for none", |b| b.select(&found, &value, &otherwise))
                    })
                    .collect();
                if let Some(outer) = outer {
                    compiler.bound.insert(owner, outer);
                }
                chosen
            }),
        }
    }

    fn extreme_of_all(
        &mut self,
        id: NodeId,
        list: NodeId,
        otherwise: Option<NodeId>,
        largest: bool,
    ) -> Lc {
        let sign = if largest { 1i8 } else { -1 };
        let den = self.range(id).den.clone();
        // If the value for an empty list is a literal that is not above any number, it can be the
        // floor itself.
        let literal = otherwise
            .map(|other| self.range(other).over(&den))
            .filter(Range::is_point);
        let literal = literal.map(|range| range.lo * sign);
        let floored = self.floored(id, list, literal, largest);
        let slots = floored.values.into_iter();
        let slots = slots.map(|value| (value, floored.range.clone()));
        let best =
            slots.reduce(|best, other| self.b.section("largest", |b| kept(b, &best, &other, true)));
        let Some((best, _)) = best else {
            // The list has no slots: pairs of a claim of one record.
            return otherwise.map_or(Lc::zero(), |otherwise| self.over(otherwise, id));
        };
        let best = if largest { best } else { -best };
        let Some(otherwise) = otherwise else {
            return best;
        };
        let other = self.range(otherwise).over(&den);
        if other.is_point() && other.lo * sign == floored.floor {
            return best;
        }
        let mask = self.mask(list);
        let bits = self.presence(&mask);
        let any = Truth::if_nonzero(Count {
            lc: Lc::sum(bits.iter().map(Bit::lc)),
            most: bits.len().into(),
        });
        let otherwise = self.over(otherwise, id);
        self.b.section("for none", |b| {
            let difference = best - &otherwise;
            otherwise + any.gate(b, &difference)
        })
    }

    /// Slots' numbers over the node's denominator, negated for the smallest. A slot that is not in
    /// the list has the floor. The floor is not above any number of the list: it is `wanted` if
    /// `wanted` is low enough, else the lower end of the interval.
    fn floored(
        &mut self,
        id: NodeId,
        list: NodeId,
        wanted: Option<BigInt>,
        largest: bool,
    ) -> Floored {
        let typed = self.typed;
        let den = self.range(id).den.clone();
        let Type::Numbers { item, .. } = &typed.node(list).ty else {
            unreachable!("the checker has put numbers here");
        };
        let mut factor = &den / &item.den;
        let mut range = item.over(&den);
        if !largest {
            factor = -factor;
            range = range.neg();
        }
        let floor = match wanted {
            Some(wanted) if wanted <= range.lo => wanted,
            _ => range.lo.clone(),
        };
        range.lo = floor.clone().min(range.lo);
        let items = self.items(list);
        let is_zero = floor == BigInt::from(0u8);
        let values = (0..items.mask.slots())
            .map(|at| {
                let above = &items.values[at] * element(&factor) - element(&floor);
                let vanishes = is_zero && items.vanishes;
                self.gated(&above, (&items.mask, at), vanishes, Vec::new()) + element(&floor)
            })
            .collect();
        Floored {
            values,
            range,
            floor,
        }
    }

    /// The largest number of each group, and whether there is one. For the smallest, the numbers are
    /// the negatives, and the result is negated.
    ///
    /// A hinted m for each key; each slot reads the m of its own key. For each key:
    /// - m − y ≥ 0 for every slot of the key, by bits of the difference;
    /// - the slots in the list with m − y = 0 are counted, each by a bit of its own;
    /// - if that count is 0, m is the floor, and no slot in the list has the key.
    ///
    /// So a key that has numbers has a slot whose number is m, and no larger number: m is the
    /// largest. Any other key has the floor. Slots that are not in the list have y = floor, and no m
    /// is below the floor.
    fn largest_by_key(
        &mut self,
        id: NodeId,
        list: NodeId,
        set: &Rc<GroupSet>,
        largest: bool,
    ) -> (Vec<Lc>, Vec<Bit>) {
        let floored = self.floored(id, list, None, largest);
        let mask = self.mask(list);
        let present = self.presence(&mask);
        let members: Vec<Lc> = present.iter().map(|bit| bit.lc().clone()).collect();
        let counts = if Rc::ptr_eq(&mask, &set.members) {
            self.counts(set)
        } else {
            self.split(set, &members)
        };
        let floor = element(&floored.floor);
        let sign = if largest {
            Fr::from(1u64)
        } else {
            -Fr::from(1u64)
        };
        let heights: Vec<Lc> = (floored.values.iter()).map(|value| value - floor).collect();
        let n = (&floored.range.hi - &floored.range.lo).bits() as usize;
        let above = Range::whole(0, &floored.range.hi - &floored.floor);
        if let Some(most) = self.largest_of_runs(set, &heights, &above) {
            return self.b.section("largest by key", |b| {
                let places = most.into_iter().zip(&counts);
                let found =
                    places.map(|(most, count)| ((most + floor) * sign, b.is_zero(count).not()));
                found.unzip()
            });
        }
        let keys = set.keys();
        let most = self.b.section("largest by key", |b| {
            let inputs: Vec<&Lc> = keys.iter().chain(&heights).collect();
            b.hint(&inputs, set.places, largest_heights)
        });
        let own = self.own(set, &most);
        let mut reached = Vec::with_capacity(heights.len());
        for (slot, height) in heights.iter().enumerate() {
            let below = &own[slot] - height;
            reached.push(self.b.section("largest by key", |b| {
                whole_bits(b, &below, n);
                let is_it = b.is_zero(&below);
                b.and(&is_it, &present[slot]).into()
            }));
        }
        let reached = self.split(set, &reached);
        let sign = if largest {
            Fr::from(1u64)
        } else {
            -Fr::from(1u64)
        };
        self.b.section("largest by key", |b| {
            let keys = most.into_iter().zip(&reached).zip(&counts);
            let (values, found) = keys
                .map(|((most, reached), count)| {
                    let none = b.is_zero(reached);
                    b.assert_mul(none.lc(), &most, &Lc::zero());
                    b.assert_mul(none.lc(), count, &Lc::zero());
                    ((most + floor) * sign, none.not())
                })
                .unzip();
            (values, found)
        })
    }
}

/// The greatest height of each key: inputs are the slots' keys, then their heights.
fn largest_heights(inputs: &[Fr], outputs: &mut [Fr]) -> Result<(), &'static str> {
    let (keys, heights) = inputs.split_at(inputs.len() / 2);
    for (key, height) in keys.iter().zip(heights) {
        let limbs = key.into_bigint().0;
        let output = usize::try_from(limbs[0]).ok();
        let output = output.and_then(|key| outputs.get_mut(key));
        let output = output.ok_or("the key of a group lies outside its interval")?;
        if height.into_bigint() > output.into_bigint() {
            *output = *height;
        }
    }
    Ok(())
}
