//! Sums and sizes of lists.
//!
//! The addends are analysed first, because a sum can share work between them: a factor that is the
//! same for all is multiplied with the sum; `c ? x : 0` is one more condition on the slot; and a
//! table that each addend reads is split into one sum for each cell.

use merits_formula::{Kind, NodeId, Type};
use num_bigint::BigInt;

use super::Compiler;
use super::columns::{by_column, split_one};
use super::truth::Truth;
use super::whole::element;
use crate::builder::{Bit, Lc};

/// The parts of a sum's body: it is `scale · Π factors · table[..] · value` if `conditions` hold,
/// else 0.
struct Addend {
    /// `None` for 1.
    value: Option<NodeId>,
    /// Conditions that must hold, or must not hold.
    conditions: Vec<(NodeId, bool)>,
    scale: BigInt,
    /// Numbers that depend on no variable.
    factors: Vec<NodeId>,
    /// A table of such numbers, and the node that selects the cell.
    table: Option<(NodeId, Vec<NodeId>)>,
}

impl Compiler<'_> {
    pub(super) fn size(&mut self, id: NodeId, list: NodeId) -> Lc {
        let mask = self.mask(list);
        let Some(owner) = self.owner(list) else {
            let bits = self.presence(&mask);
            return Lc::sum(bits.iter().map(Bit::lc));
        };
        self.by_key(id, owner, |compiler, set| {
            if std::rc::Rc::ptr_eq(&mask, &set.members) {
                return compiler.counts(set);
            }
            let bits = compiler.presence(&mask);
            let bits: Vec<Lc> = bits.into_iter().map(Lc::from).collect();
            compiler.split(set, &bits)
        })
    }

    pub(super) fn sum(&mut self, id: NodeId, list: NodeId) -> Lc {
        let Some(owner) = self.owner(list) else {
            return self.sum_of_all(list);
        };
        self.by_key(id, owner, |compiler, set| {
            // One product for each place, or one for each slot.
            let may_factor = set.places <= compiler.records.len();
            let (values, addend) = compiler.addends(list, may_factor, false);
            let sums = compiler.split(set, &values);
            let sums = sums.into_iter();
            sums.map(|sum| compiler.scaled(sum, &addend)).collect()
        })
    }

    fn sum_of_all(&mut self, list: NodeId) -> Lc {
        let (values, addend) = self.addends(list, true, true);
        let sum = match &addend.table {
            None => Lc::sum(&values),
            Some((index, cells)) => {
                let (Kind::Map { list: of, var, .. }
                | Kind::Pairs {
                    later: var,
                    list: of,
                    ..
                }) = &self.typed.node(list).kind
                else {
                    unreachable!("only bodies are taken apart");
                };
                let from = if matches!(self.typed.node(list).kind, Kind::Pairs { .. }) {
                    list
                } else {
                    *of
                };
                let positions = self.for_each(from, *var, |compiler, _| {
                    compiler.position_bits(*index, cells.len())
                });
                let columns: Vec<Vec<Lc>> = self.b.section("by cell", |b| {
                    let slots = values.iter().zip(&positions);
                    slots
                        .map(|(value, bits)| split_one(b, value, bits, cells.len()))
                        .collect()
                });
                let sums = by_column(&columns, cells.len());
                let cells: Vec<Lc> = cells.iter().map(|cell| self.number(*cell)).collect();
                self.b.section("cells", |b| {
                    let products = cells.iter().zip(&sums).map(|(cell, sum)| b.mul(cell, sum));
                    let products: Vec<Lc> = products.collect();
                    Lc::sum(&products)
                })
            }
        };
        self.scaled(sum, &addend)
    }

    fn scaled(&mut self, mut sum: Lc, addend: &Addend) -> Lc {
        for factor in &addend.factors {
            let factor = self.number(*factor);
            sum = self.b.mul(&sum, &factor);
        }
        sum * element(&addend.scale)
    }

    /// The addend of each slot, and the common factor of the sum.
    fn addends(&mut self, list: NodeId, may_factor: bool, may_split: bool) -> (Vec<Lc>, Addend) {
        let typed = self.typed;
        let mask = self.mask(list);
        let (from, var, body) = match &typed.node(list).kind {
            Kind::Map { list, var, body } => (*list, *var, *body),
            Kind::Pairs { later, body, .. } => (list, *later, *body),
            _ => {
                let items = self.items(list);
                let values = (0..mask.slots())
                    .map(|at| {
                        self.gated(&items.values[at], (&mask, at), items.vanishes, Vec::new())
                    })
                    .collect();
                return (values, Addend::of(None));
            }
        };
        let addend = self.taken_apart(body, may_factor, may_split);
        let is_number = matches!(typed.node(from).ty, Type::Numbers { .. })
            && !matches!(typed.node(list).kind, Kind::Pairs { .. });
        let vanishes = !is_number
            && (addend
                .value
                .is_some_and(|value| typed.zero_where_absent(value, var))
                || (addend.conditions.iter())
                    .any(|(condition, holds)| *holds && typed.false_where_absent(*condition, var)));
        let values = self.for_each(from, var, |compiler, at| {
            let value = match addend.value {
                Some(value) => compiler.number(value),
                None => Lc::one(),
            };
            let mut others: Vec<Truth> = Vec::new();
            for (condition, holds) in &addend.conditions {
                if *holds {
                    others.extend(compiler.conjuncts(*condition));
                } else {
                    others.push(compiler.truth(*condition).not());
                }
            }
            compiler.gated(&value, (&mask, at), vanishes, others)
        });
        (values, addend)
    }

    /// A body without its constant factors, its outermost conditions and its table.
    fn taken_apart(&self, body: NodeId, may_factor: bool, may_split: bool) -> Addend {
        let typed = self.typed;
        let mut addend = Addend::of(Some(body));
        while let Some(value) = addend.value {
            // A node that others read too is compiled as a whole.
            if self.analysis.parents(value) > 1 {
                break;
            }
            if may_factor && self.analysis.is_closed(value) {
                addend.factors.push(value);
                addend.value = None;
                break;
            }
            match &typed.node(value).kind {
                Kind::Select { cond, yes, no } => {
                    let (kept, holds) = match (self.is_zero(*yes), self.is_zero(*no)) {
                        (_, true) => (*yes, true),
                        (true, _) => (*no, false),
                        _ => break,
                    };
                    addend.scale *= &self.range(value).den / &self.range(kept).den;
                    addend.conditions.push((*cond, holds));
                    addend.value = Some(kept);
                }
                Kind::Neg(a) => {
                    addend.scale = -addend.scale;
                    addend.value = Some(*a);
                }
                Kind::Divide(a, factor) => {
                    addend.scale *= factor;
                    addend.value = Some(*a);
                }
                Kind::Mul(a, c) => {
                    let closed = |id: NodeId| self.analysis.is_closed(id);
                    let (kept, other) = if closed(*c) { (*a, *c) } else { (*c, *a) };
                    if may_factor && closed(other) {
                        addend.factors.push(other);
                        addend.value = Some(kept);
                        continue;
                    }
                    let table = (may_split && addend.table.is_none())
                        .then(|| self.table_beside(*a, *c))
                        .flatten();
                    let Some((index, cells, kept)) = table else {
                        break;
                    };
                    addend.table = Some((index, cells));
                    addend.value = Some(kept);
                }
                _ => break,
            }
        }
        addend
    }

    /// The node that selects a cell of a product's table, the cells, and the other factor.
    fn table_beside(&self, a: NodeId, c: NodeId) -> Option<(NodeId, Vec<NodeId>, NodeId)> {
        [(a, c), (c, a)].into_iter().find_map(|(table, kept)| {
            let Kind::Pick { index, cells } = &self.typed.node(table).kind else {
                return None;
            };
            let den = &self.range(table).den;
            let plain =
                |cell: &NodeId| self.analysis.is_closed(*cell) && self.range(*cell).den == *den;
            // Each sum by cell costs a product. A table that others read exists anyway.
            let pays = cells.iter().all(plain)
                && cells.len() < self.records.len()
                && self.analysis.parents(table) < 2;
            pays.then(|| (*index, cells.clone(), kept))
        })
    }

    fn is_zero(&self, id: NodeId) -> bool {
        let zero = BigInt::from(0u8);
        let range = self.range(id);
        range.lo == zero && range.hi == zero
    }
}

impl Addend {
    fn of(value: Option<NodeId>) -> Self {
        Self {
            value,
            conditions: Vec::new(),
            scale: BigInt::from(1u8),
            factors: Vec::new(),
            table: None,
        }
    }
}
