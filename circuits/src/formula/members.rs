//! What a list or a group holds: slots, conditions that decide which are in it, and values.

use std::cell::RefCell;
use std::rc::Rc;

use super::truth::Truth;
use crate::builder::{Bit, Lc};

/// Which slots are in a list.
pub(super) struct Mask {
    /// What makes a slot exist.
    pub(super) base: Base,
    /// Whether `conditions` hold only where the slot exists.
    pub(super) implied: bool,
    /// What else must hold for each slot.
    pub(super) conditions: Vec<Vec<Truth>>,
    /// Aggregates that read it.
    pub(super) readers: usize,
    /// The combined condition of each slot, once one of several readers needs it.
    pub(super) combined: RefCell<Vec<Option<Truth>>>,
}

/// What slots are.
#[derive(Clone)]
pub(super) enum Base {
    /// Record slots, which exist where a record is present.
    Records,
    /// Record slots from the second, with the one before.
    Pairs,
    /// Places of groups, which exist where a group has records.
    Places(Rc<GroupSet>),
}

/// Numbers with what decides whether each is in the list.
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

    /// How many slots there are.
    pub(super) fn slots(&self) -> usize {
        self.conditions.len()
    }

    /// Whether a slot is in the list wherever it exists.
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
    /// How many places there are.
    pub(super) places: usize,
    /// How many records each place has, once it is needed.
    pub(super) counts: RefCell<Option<Vec<Lc>>>,
    /// Whether a place has records, as a bit, once it is needed.
    pub(super) occurs: RefCell<Vec<Option<Bit>>>,
}

/// How records are grouped.
pub(super) enum Told {
    /// By the bits of each slot's key. Boolean, and the key below the number of places where a
    /// record is; `vanishes` if they are 0 where none is.
    ByKey { bits: Vec<Vec<Bit>>, vanishes: bool },
    /// The keys never fall from slot to slot, so that groups are runs: whether each slot has the
    /// key of the one before.
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
