//! The tree of notes and the anchors that redemptions prove against.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use merits_primitives::{Fr, field, note_tree::NoteFrontier};
use merits_verifier::codec::Writer;

/// The note tree as it was at the end of a slot of the ledger's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Notes under it.
    pub size: u64,
    /// Its root.
    pub root: Fr,
}

/// The tree before and after an entry's notes, once some state has hashed them: a coordinator keeps
/// two states, and a batch of 16 notes costs 0.17 ms of hashing.
#[derive(Debug, Clone, Default)]
pub(super) struct Hashed(Arc<OnceLock<(NoteFrontier, NoteFrontier)>>);

/// All notes: the tree's right edge, and the anchors.
#[derive(Debug, Clone)]
pub struct Notes {
    frontier: NoteFrontier,
    /// The root, once somebody asked for it: 20 hashes that every redemption of a quiet slot would
    /// otherwise make.
    root: OnceLock<Fr>,
    /// Milliseconds of a slot.
    slot: u64,
    /// Slot of the newest note.
    last_slot: u64,
    anchors: Vec<Anchor>,
    by_root: BTreeMap<[u8; 32], u64>,
}

impl Notes {
    pub(super) fn new(anchor_seconds: u32) -> Self {
        Self {
            frontier: NoteFrontier::new(),
            root: OnceLock::new(),
            slot: u64::from(anchor_seconds.max(1)) * 1_000,
            last_slot: 0,
            anchors: Vec::new(),
            by_root: BTreeMap::new(),
        }
    }

    /// Notes in the tree.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The tree's root now. Twenty hashes the first time after a note.
    pub fn root(&self) -> Fr {
        *self.root.get_or_init(|| self.frontier.root())
    }

    /// The newest anchor at `time`: the tree at the end of the last slot that is over. `None` before
    /// the first.
    pub fn anchor(&self, time: u64) -> Option<Anchor> {
        if self.size() > 0 && time / self.slot > self.last_slot {
            return Some(Anchor {
                size: self.size(),
                root: self.root(),
            });
        }
        self.anchors.last().copied()
    }

    /// The anchor with this root, if it is one at `time`. However old: the tree only grows, and what
    /// is spent is kept elsewhere.
    pub fn find_anchor(&self, root: Fr, time: u64) -> Option<Anchor> {
        if let Some(size) = self.by_root.get(&field::to_bytes(&root)) {
            return Some(Anchor { size: *size, root });
        }
        self.anchor(time).filter(|anchor| anchor.root == root)
    }

    /// Whether there is room for so many more.
    pub(super) fn has_room(&self, notes: usize) -> bool {
        merits_primitives::note_tree::CAPACITY - self.size() >= notes as u64
    }

    /// Appends an entry's notes. `hashed` is the entry's, shared by all states that it is applied to.
    pub(super) fn append(&mut self, notes: &[Fr], hashed: &Hashed, time: u64) {
        let slot = time / self.slot;
        if slot > self.last_slot && self.size() > 0 {
            let anchor = Anchor {
                size: self.size(),
                root: self.root(),
            };
            self.by_root
                .insert(field::to_bytes(&anchor.root), anchor.size);
            self.anchors.push(anchor);
        }
        self.last_slot = slot;
        self.root = OnceLock::new();
        if let Some((before, after)) = hashed.0.get()
            && *before == self.frontier
        {
            self.frontier = after.clone();
            return;
        }
        let before = self.frontier.clone();
        for note in notes {
            // `has_room` was asked before.
            let _ = self.frontier.push(*note);
        }
        // Another state may have been quicker.
        let _ = hashed.0.set((before, self.frontier.clone()));
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.u64(self.size());
        out.field(&self.root());
        out.u64(self.last_slot);
        out.count(self.anchors.len());
        for anchor in &self.anchors {
            out.u64(anchor.size);
            out.field(&anchor.root);
        }
    }
}
