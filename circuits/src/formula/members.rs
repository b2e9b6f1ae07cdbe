//! The members of a list or a group: slots, the conditions for a slot to be in it, and values.

use std::cell::RefCell;
use std::rc::Rc;

use super::truth::Truth;
use crate::builder::{Bit, Lc};

/// The slots that are in a list.
pub(super) struct Mask {
    /// What the slots are.
    pub(super) base: Base,
    /// Whether `conditions` hold only for slots that exist.
    pub(super) implied: bool,
    /// The further conditions of each slot.
    pub(super) conditions: Vec<Vec<Truth>>,
    /// The number of aggregates that read the list.
    pub(super) readers: usize,
    /// The combined condition of each slot, once one of several readers needs it.
    pub(super) combined: RefCell<Vec<Option<Truth>>>,
}

/// What slots are.
#[derive(Clone)]
pub(super) enum Base {
    /// Record slots, which exist if a record is present.
    Records,
    /// Record slots from the second on, each with the one before.
    Pairs,
    /// Places of groups, which exist if a group has records.
    Places(Rc<GroupSet>),
}

/// Numbers, and the conditions for each to be in the list.
pub(super) struct Items {
    /// Identifies the list.
    pub(super) serial: usize,
    pub(super) values: Vec<Lc>,
    pub(super) mask: Rc<Mask>,
    /// Whether the value is 0 in each slot that does not exist.
    pub(super) vanishes: bool,
}

impl Mask {
    pub(super) fn new(base: Base, slots: usize, readers: usize) -> Self {
        Self::with(base, false, vec![Vec::new(); slots], readers)
    }

    pub(super) fn with(
        base: Base,
        implied: bool,
        conditions: Vec<Vec<Truth>>,
        readers: usize,
    ) -> Self {
        let combined = RefCell::new(vec![None; conditions.len()]);
        Self {
            base,
            implied,
            conditions,
            readers,
            combined,
        }
    }

    /// The number of slots.
    pub(super) fn slots(&self) -> usize {
        self.conditions.len()
    }

    /// Whether every slot that exists is in the list.
    pub(super) fn is_plain(&self) -> bool {
        !self.implied && self.conditions.iter().all(Vec::is_empty)
    }

    /// Whether its only condition is that the record is present.
    pub(super) fn is_presence(&self) -> bool {
        self.is_plain() && matches!(self.base, Base::Records)
    }
}

/// Records that are grouped by key. A group has a place: one for each key, or the slot of its last
/// record.
pub(super) struct GroupSet {
    pub(super) members: Rc<Mask>,
    pub(super) told: Told,
    /// The number of places.
    pub(super) places: usize,
    /// The number of records of each place, once it is needed.
    pub(super) counts: RefCell<Option<Vec<Lc>>>,
    /// Whether a place has records, as a bit, once it is needed.
    pub(super) occurs: RefCell<Vec<Option<Bit>>>,
}

/// The method by which records are grouped.
pub(super) enum Told {
    /// By the bits of each slot's key. The bits are boolean, and the key of a present record is below
    /// the number of places. `vanishes` says that the bits of an absent record are 0.
    ByKey { bits: Vec<Vec<Bit>>, vanishes: bool },
    /// By runs, because the keys never fall from slot to slot: whether each slot has the key of the
    /// one before.
    Runs { same: Vec<Bit> },
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
