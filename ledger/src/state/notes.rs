//! The tree of notes and the anchors that redemptions prove against.

use std::{sync::OnceLock, time::Duration};

use merits_primitives::{
    calendar::Timestamp,
    field,
    note::NoteCommitment,
    note_tree::{NodesAhead, NoteFrontier, NoteNode, NoteRoot},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::draft::Draft;
use super::stored::MOST;
use crate::rows::{self, Key, Record, RowError, Rows, Table, View, decode};

/// The note tree as it was at the end of a slot of the ledger's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Notes under it.
    pub size: u64,
    /// Its root.
    pub root: NoteRoot,
}

/// The governing part of notes: the tree's right edge and the newest anchor.
#[derive(Debug, Clone)]
pub(super) struct NoteEdge {
    stored: StoredEdge,
    /// The root, once it was needed. It saves 20 hashes that every redemption of a quiet slot would
    /// otherwise compute.
    root: OnceLock<NoteRoot>,
    /// How long a slot is.
    slot: Duration,
}

/// The row.
#[derive(Debug, Clone, Default)]
struct StoredEdge {
    frontier: NoteFrontier,
    /// Slot of the newest note.
    last_slot: u64,
    /// The newest anchor that has later notes.
    anchor: Option<Anchor>,
}

/// The notes of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NoteRun(Vec<NoteCommitment>);

/// All notes: the tree's right edge, and a reader of the other rows.
#[derive(Debug, Clone, Copy)]
pub struct Notes<'s> {
    pub(super) edge: &'s NoteEdge,
    pub(super) rows: &'s dyn Rows,
}

impl Notes<'_> {
    /// Notes in the tree.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The tree's root now. Twenty hashes the first time after a note.
    pub fn root(&self) -> NoteRoot {
        self.edge.root()
    }

    /// The newest anchor at `time`: the tree at the end of the last slot that is over. `None` before
    /// the first.
    pub fn anchor(&self, time: Timestamp) -> Option<Anchor> {
        self.edge.anchor(time)
    }

    /// The anchor with this root, if it is one at `time`. Any age is accepted: the tree only grows,
    /// and spent notes are recorded elsewhere.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn find_anchor(&self, root: NoteRoot, time: Timestamp) -> Result<Option<Anchor>, RowError> {
        let old = rows::get(self.rows, &anchor_key(root))?;
        Ok(old.or_else(|| self.edge.anchor(time).filter(|anchor| anchor.root == root)))
    }

    /// At most `count` notes, beginning with index `first`.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn leaves(&self, first: u64, count: usize) -> Result<Vec<NoteCommitment>, RowError> {
        let mut leaves = Vec::new();
        let (_, from) = note_runs(first);
        rows::scan_from(self.rows, &[], from, |key, NoteRun(notes)| {
            leaves.extend(notes.into_iter().skip(before(key, first)));
            leaves.len() < count
        })?;
        leaves.truncate(count);
        Ok(leaves)
    }
}

impl NoteEdge {
    pub(super) fn new(anchor_seconds: u32) -> Self {
        Self {
            stored: StoredEdge::default(),
            root: OnceLock::new(),
            slot: Duration::from_secs(anchor_seconds.max(1).into()),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.stored.frontier.size()
    }

    fn root(&self) -> NoteRoot {
        *self.root.get_or_init(|| self.stored.frontier.root())
    }

    pub(super) fn anchor(&self, time: Timestamp) -> Option<Anchor> {
        if self.size() > 0 && time.slot(self.slot) > self.stored.last_slot {
            return Some(self.now());
        }
        self.stored.anchor
    }

    fn now(&self) -> Anchor {
        Anchor {
            size: self.size(),
            root: self.root(),
        }
    }

    /// Whether redemptions may prove against this root at `time`.
    pub(super) fn accepts(
        &self,
        view: &View,
        root: NoteRoot,
        time: Timestamp,
    ) -> Result<bool, RowError> {
        let old = view.get(&anchor_key(root))?;
        Ok(old.is_some() || self.anchor(time).is_some_and(|anchor| anchor.root == root))
    }

    /// Hashes the nodes that these notes complete if all are appended in this order.
    pub(super) fn ahead(&self, notes: impl IntoIterator<Item = NoteCommitment>) -> NodesAhead {
        self.stored.frontier.ahead(notes)
    }

    /// Whether there is room for this many more.
    pub(super) fn has_room(&self, notes: usize) -> bool {
        merits_primitives::note_tree::CAPACITY - self.size() >= notes as u64
    }

    /// Appends an entry's notes. That there is room was asked before.
    pub(super) fn append(&self, draft: &mut Draft<'_>, notes: &[NoteCommitment], time: Timestamp) {
        let mut stored = self.stored.clone();
        let slot = time.slot(self.slot);
        if slot > stored.last_slot && self.size() > 0 {
            let anchor = self.now();
            draft.put(anchor_key(anchor.root), &anchor);
            stored.anchor = Some(anchor);
        }
        stored.last_slot = slot;
        for note in notes {
            let _ = stored.frontier.push_ahead(*note, draft.view().ahead());
        }
        draft.put(
            Key::new(&[&self.size().to_be_bytes()]),
            &NoteRun(notes.to_vec()),
        );
        draft.put(Key::new(&[]), &stored);
        draft.note(notes);
    }

    /// Applies the changed row.
    pub(super) fn apply(&mut self, value: &[u8]) -> Result<(), RowError> {
        self.stored = decode(value)?;
        self.root = OnceLock::new();
        Ok(())
    }
}

/// Table and key of the first row with notes from index `first` on, for readers of a store. An
/// entry's notes are in one row, under the index of the first.
pub fn note_runs(first: u64) -> (Table, Vec<u8>) {
    let from = first.saturating_sub(MOST_NOTES);
    (Table::NoteRun, from.to_be_bytes().to_vec())
}

/// The notes of such a row, without those before `first`: 32 bytes each, canonical field elements,
/// not decoded here.
///
/// # Errors
/// [`RowError::Malformed`].
pub fn notes_of_run<'v>(
    key: &[u8],
    value: &'v [u8],
    first: u64,
) -> Result<&'v [[u8; 32]], RowError> {
    let notes = bytes_of_run(value).map_err(|fault| RowError::Malformed {
        table: Table::NoteRun,
        fault,
    })?;
    Ok(notes.get(before(key, first)..).unwrap_or_default())
}

fn bytes_of_run(value: &[u8]) -> Result<&[[u8; 32]], CodecError> {
    let mut input = Reader::new(value);
    let count = input.count("notes", MOST)?;
    let (notes, _) = input.take("notes", 32 * count)?.as_chunks();
    input.finish(NoteRun::NAME)?;
    Ok(notes)
}

/// How many notes of a run come before the one with index `first`.
fn before(key: &[u8], first: u64) -> usize {
    let start = <[u8; 8]>::try_from(key).map_or(u64::MAX, u64::from_be_bytes);
    usize::try_from(first.saturating_sub(start)).unwrap_or(usize::MAX)
}

/// Most notes of one entry: one for each claim.
const MOST_NOTES: u64 = crate::entry::MAX_CLAIMS as u64;

pub(super) fn anchor_key(root: NoteRoot) -> Key<Anchor> {
    Key::new(&[&field::to_bytes(&root)])
}

fn write_anchor(out: &mut Writer, anchor: &Anchor) {
    out.u64(anchor.size);
    out.field(&anchor.root);
}

fn read_anchor(input: &mut Reader<'_>) -> Result<Anchor, CodecError> {
    Ok(Anchor {
        size: input.u64("size")?,
        root: input.field("root")?,
    })
}

impl Canonical for Anchor {
    const NAME: &'static str = "anchor";

    fn write(&self, out: &mut Writer) {
        write_anchor(out, self);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        read_anchor(input)
    }
}

impl Record for Anchor {
    const TABLE: Table = Table::Anchor;
}

impl Canonical for StoredEdge {
    const NAME: &'static str = "notes";

    fn write(&self, out: &mut Writer) {
        out.u64(self.frontier.size());
        out.count(self.frontier.nodes().count());
        self.frontier.nodes().for_each(|node| out.field(&node));
        out.u64(self.last_slot);
        out.option(self.anchor.as_ref(), write_anchor);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let size = input.u64("size")?;
        let count = input.count("edge", MOST)?;
        let nodes: Vec<NoteNode> = (0..count)
            .map(|_| input.field("edge"))
            .collect::<Result<_, _>>()?;
        let unfit = CodecError::NotCanonical { what: "edge" };
        Ok(Self {
            frontier: NoteFrontier::restore(size, &nodes).ok_or(unfit)?,
            last_slot: input.u64("last slot")?,
            anchor: input.option("anchor", read_anchor)?,
        })
    }
}

impl Record for StoredEdge {
    const TABLE: Table = Table::Notes;
}

impl Canonical for NoteRun {
    const NAME: &'static str = "note run";

    fn write(&self, out: &mut Writer) {
        out.count(self.0.len());
        self.0.iter().for_each(|note| out.field(note));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let count = input.count("notes", MOST)?;
        let notes = (0..count).map(|_| input.field("note"));
        notes.collect::<Result<_, _>>().map(Self)
    }
}

impl Record for NoteRun {
    const TABLE: Table = Table::NoteRun;
}
