//! The variables that each node depends on, and the results that have been compiled for them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use merits_formula::{Kind, NodeId, Type, Typed, VarId};

use super::members::{GroupSet, Items};

/// What a variable is bound to while its body is compiled.
#[derive(Clone)]
pub(super) enum Bound {
    /// The record in this slot.
    Record(usize),
    /// The records with this key.
    Group(Rc<GroupSet>, usize),
    /// The records with the key of the record in this slot: a group, seen from one of its records.
    OwnGroup(Rc<GroupSet>, usize),
    /// The number at this position of a list.
    Number(Rc<Items>, usize),
}

/// [`Bound`] as a part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum BoundKey {
    Record(usize),
    Group(usize),
    OwnGroup(usize),
    Number(usize, usize),
}

impl Bound {
    pub(super) fn place(&self) -> BoundKey {
        match self {
            Self::Record(slot) => BoundKey::Record(*slot),
            Self::Group(_, key) => BoundKey::Group(*key),
            Self::OwnGroup(_, slot) => BoundKey::OwnGroup(*slot),
            Self::Number(items, at) => BoundKey::Number(items.serial, *at),
        }
    }
}

/// Results by node, and by what the variables that it depends on are bound to.
pub(super) struct Memo<T>(BTreeMap<(NodeId, Vec<BoundKey>), T>);

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Clone> Memo<T> {
    pub(super) fn get(&self, id: NodeId, places: &[BoundKey]) -> Option<T> {
        // A map with tuple keys cannot be searched by a tuple of borrows.
        self.0.get(&(id, places.to_vec())).cloned()
    }

    pub(super) fn insert(&mut self, id: NodeId, places: Vec<BoundKey>, value: T) {
        self.0.insert((id, places), value);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Facts that follow from the tree alone.
pub(super) struct Analysis {
    free: BTreeMap<NodeId, Rc<[VarId]>>,
    parents: BTreeMap<NodeId, usize>,
    readers: BTreeMap<NodeId, usize>,
}

impl Analysis {
    pub(super) fn new(typed: &Typed) -> Self {
        let mut analysis = Self {
            free: BTreeMap::new(),
            parents: BTreeMap::new(),
            readers: BTreeMap::new(),
        };
        let mut binders = BTreeMap::new();
        let roots = [Some(typed.root()), typed.measure()];
        for root in roots.into_iter().flatten() {
            *analysis.parents.entry(root).or_default() += 1;
            analysis.visit(typed, root, &mut binders);
        }
        let nodes: Vec<NodeId> = analysis.free.keys().copied().collect();
        for id in nodes {
            let (Kind::Sum(list)
            | Kind::Size(list)
            | Kind::Smallest { list, .. }
            | Kind::Largest { list, .. }) = &typed.node(id).kind
            else {
                continue;
            };
            let root = mask_root(typed, *list, &binders);
            *analysis.readers.entry(root).or_default() += 1;
        }
        analysis
    }

    fn visit(
        &mut self,
        typed: &Typed,
        id: NodeId,
        binders: &mut BTreeMap<VarId, NodeId>,
    ) -> Rc<[VarId]> {
        if let Some(known) = self.free.get(&id) {
            return Rc::clone(known);
        }
        let mut free: BTreeSet<VarId> = BTreeSet::new();
        let mut operands = typed.operands(id);
        operands.sort_unstable();
        operands.dedup();
        for operand in operands {
            *self.parents.entry(operand).or_default() += 1;
            free.extend(self.visit(typed, operand, binders).iter());
        }
        match &typed.node(id).kind {
            Kind::Var(of)
            | Kind::Field { of, .. }
            | Kind::Day { of, .. }
            | Kind::MinuteOfDay { of, .. } => {
                free.insert(*of);
            }
            // Variables have one binder each, so that a list never contains its binder's variable.
            Kind::Filter { list, var, .. }
            | Kind::Map { list, var, .. }
            | Kind::Groups { list, var, .. } => {
                free.remove(var);
                binders.insert(*var, *list);
            }
            Kind::Pairs { earlier, later, .. } => {
                free.remove(earlier);
                free.remove(later);
            }
            _ => {}
        }
        let free: Rc<[VarId]> = free.into_iter().collect();
        self.free.insert(id, Rc::clone(&free));
        free
    }

    /// Variables from outside that a node depends on.
    pub(super) fn free(&self, id: NodeId) -> Rc<[VarId]> {
        let free = self.free.get(&id);
        free.map_or_else(|| Rc::from([]), Rc::clone)
    }

    /// Whether a node depends on no variable from outside.
    pub(super) fn is_closed(&self, id: NodeId) -> bool {
        self.free(id).is_empty()
    }

    /// The number of nodes and outputs that have this node as a direct part.
    pub(super) fn parents(&self, id: NodeId) -> usize {
        self.parents.get(&id).copied().unwrap_or(0)
    }

    /// The number of aggregates that ask which slots are in a list. The list is given by the node
    /// that decides this.
    pub(super) fn readers(&self, list: NodeId) -> usize {
        self.readers.get(&list).copied().unwrap_or(0)
    }
}

/// The node that decides which slots are in a list. It is not a `map`; for the records of a group,
/// it is the list that the groups were made from.
fn mask_root(typed: &Typed, list: NodeId, binders: &BTreeMap<VarId, NodeId>) -> NodeId {
    match &typed.node(list).kind {
        Kind::Map { list, .. } => mask_root(typed, *list, binders),
        Kind::Var(var) => {
            let mut at = binders.get(var).copied();
            while let Some(list) = at {
                match &typed.node(list).kind {
                    Kind::Filter { list, .. } => at = Some(*list),
                    Kind::Groups { list, .. } => return mask_root(typed, *list, binders),
                    _ => break,
                }
            }
            list
        }
        _ => list,
    }
}

/// Whether a node is a list of records that stands for one group.
pub(super) fn is_group(typed: &Typed, id: NodeId) -> bool {
    matches!(typed.node(id).ty, Type::Records { .. })
}
