//! The stored notes in order, for wallets without a copy, and the roots of their buckets.
//!
//! Memory grows only by 32 bytes for each complete bucket of 2^16 notes. A bucket is sent in
//! chunks, and each chunk is read after the one before was received, so a slow peer costs one
//! chunk. Roots are computed on demand: once for a complete bucket, and once for each anchor for
//! the last bucket.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use futures::{Stream, stream};
use merits_ledger::{
    rows::{KeyValue, RowError},
    state::{Anchor, note_runs, notes_of_run},
    storage::{StorageReader, StoreFailure},
};
use merits_primitives::{
    field,
    note::NoteCommitment,
    note_tree::{BUCKET, BucketRoot, bucket_root},
};
use merits_proto::{NoteBuckets, notes::GetBucketsResponse};
use prost::Message as _;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::archive::Archive;

/// Notes that one query returns: 34 KiB on the wire.
pub(crate) const CHUNK: u64 = 1_024;

/// The protobuf prefix of a note: field 1, 32 bytes.
const HEADER: [u8; 2] = [0x0a, 32];
pub(crate) const NOTE_BYTES: usize = HEADER.len() + 32;

/// Rows of one query: an entry of 16 claims has 16 notes in its row.
const RUNS: usize = 64;

/// Why notes cannot be read.
#[derive(Debug, Error)]
pub(crate) enum NotesError {
    #[error(transparent)]
    Store(#[from] StoreFailure),
    #[error(transparent)]
    Row(#[from] RowError),
    #[error("note {0} is missing from the stored notes; run fsck")]
    Missing(u64),
    #[error("the stored notes do not have the root of the anchor of {0} notes; run fsck")]
    OtherRoot(u64),
    #[error("making the root of a bucket stopped unexpectedly")]
    Interrupted,
}

/// Where the stored notes end, read from the last of `count` notes on: one row or a few.
pub(crate) async fn end<R: StorageReader>(store: &R, count: u64) -> Result<u64, NotesError> {
    let (table, mut from) = note_runs(count.saturating_sub(1));
    let mut runs = Runs::default();
    loop {
        let page = store.range(table, &from, RUNS).await.map_err(R::explain)?;
        if !runs.take(&page, &mut from)? {
            return Ok(runs.end);
        }
    }
}

/// Reads all rows of notes, and refuses a gap.
pub(crate) async fn require_all(archive: &Archive) -> Result<(), NotesError> {
    let (table, mut from) = note_runs(0);
    let mut runs = Runs {
        end: 0,
        begun: true,
    };
    loop {
        let page = archive.range(table, &from, 16 * RUNS).await?;
        if !runs.take(&page, &mut from)? {
            return Ok(());
        }
    }
}

/// Rows of notes, each of which begins where the one before ends.
#[derive(Default)]
struct Runs {
    end: u64,
    /// Whether the next row must begin at `end`.
    begun: bool,
}

impl Runs {
    /// Takes the next rows, and sets `from` to the next possible key. Answers whether there were any.
    fn take(&mut self, page: &[KeyValue], from: &mut Vec<u8>) -> Result<bool, NotesError> {
        let Some((last, _)) = page.last() else {
            return Ok(false);
        };
        from.clone_from(last);
        from.push(0);
        for (key, value) in page {
            let begins = <[u8; 8]>::try_from(&key[..]).map_or(u64::MAX, u64::from_be_bytes);
            if self.begun && begins != self.end {
                return Err(NotesError::Missing(self.end));
            }
            self.begun = true;
            let notes = notes_of_run(key, value, 0)?.len() as u64;
            self.end = begins.saturating_add(notes);
        }
        Ok(true)
    }
}

/// Reads notes.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    archive: Archive,
    /// How many computations of roots were begun.
    #[cfg(test)]
    begun: Arc<std::sync::atomic::AtomicUsize>,
}

impl Notes {
    pub(crate) fn new(archive: Archive) -> Self {
        Self {
            archive,
            #[cfg(test)]
            begun: Arc::default(),
        }
    }

    /// Notes in wire format, in chunks, for a `GetBucketResponse`.
    pub(crate) fn encoded(
        &self,
        notes: Range<u64>,
    ) -> impl Stream<Item = Result<Bytes, NotesError>> + Send + use<> {
        let reader = self.clone();
        stream::try_unfold(notes, move |rest| {
            let reader = reader.clone();
            async move {
                if rest.is_empty() {
                    return Ok(None);
                }
                let chunk = rest.start..rest.end.min(rest.start + CHUNK);
                let mut bytes = Vec::new();
                let until = chunk.end;
                let each = |note: &[u8; 32]| {
                    bytes.extend(HEADER);
                    bytes.extend(note);
                };
                reader.read(chunk, each).await?;
                Ok(Some((Bytes::from(bytes), until..rest.end)))
            }
        })
    }

    /// The root of these notes, at most one bucket.
    async fn root(&self, notes: Range<u64>) -> Result<BucketRoot, NotesError> {
        #[cfg(test)]
        self.begun
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut leaves = Vec::new();
        self.read(notes, |note| leaves.push(field::from_bytes(note)))
            .await?;
        let root = tokio::task::spawn_blocking(move || {
            let leaves: Result<Vec<NoteCommitment>, _> = leaves.into_iter().collect();
            leaves.map(|leaves| bucket_root(&leaves))
        });
        let root = root.await.map_err(|_| NotesError::Interrupted)?;
        let not_canonical = merits_verifier::codec::CodecError::NotCanonical { what: "note" };
        root.map_err(|_| {
            NotesError::Row(RowError::Malformed {
                table: note_runs(0).0,
                fault: not_canonical,
            })
        })
    }

    /// Reads each of these notes, in order.
    async fn read(
        &self,
        notes: Range<u64>,
        mut each: impl FnMut(&[u8; 32]),
    ) -> Result<(), NotesError> {
        let (table, mut from) = note_runs(notes.start);
        let mut next = notes.start;
        while next < notes.end {
            let page = self.archive.range(table, &from, RUNS).await?;
            let Some((last, _)) = page.last() else {
                return Err(NotesError::Missing(next));
            };
            from.clone_from(last);
            // The next possible key.
            from.push(0);
            for (key, value) in &page {
                if next == notes.end {
                    break;
                }
                // If the next run begins later, a run is missing.
                let begins = <[u8; 8]>::try_from(&key[..]).map(u64::from_be_bytes);
                if begins.is_ok_and(|first| first > next) {
                    return Err(NotesError::Missing(next));
                }
                let run = notes_of_run(key, value, next)?;
                let left = usize::try_from(notes.end - next).unwrap_or(usize::MAX);
                for note in run.iter().take(left) {
                    each(note);
                    next += 1;
                }
            }
        }
        Ok(())
    }
}

/// Roots that were computed, for all calls. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedRoots {
    /// Held while roots are computed: concurrent callers wait for the result instead of computing
    /// it again.
    roots: Arc<Mutex<BucketRoots>>,
}

impl SharedRoots {
    /// The roots of an anchor's buckets: a `GetBucketsResponse`. A separate task computes and
    /// stores them. If a caller stops waiting, the task continues, so the next caller finds its
    /// result and does not start another.
    ///
    /// # Errors
    /// [`NotesError`].
    pub(crate) async fn of(&self, anchor: Anchor, notes: &Notes) -> Result<Bytes, NotesError> {
        let mut roots = Arc::clone(&self.roots).lock_owned().await;
        if let Some(answer) = roots.made(&anchor) {
            return Ok(answer);
        }
        let notes = notes.clone();
        let work = tokio::spawn(async move { roots.of(&anchor, &notes).await });
        work.await.map_err(|_| NotesError::Interrupted)?
    }
}

/// The computed roots.
#[derive(Debug, Default)]
struct BucketRoots {
    /// Roots of the complete buckets, in order.
    complete: Vec<BucketRoot>,
    /// The newest anchor's size, and its encoded `GetBucketsResponse`.
    answer: Option<(u64, Bytes)>,
}

impl BucketRoots {
    /// The answer for this anchor, if it was computed.
    fn made(&self, anchor: &Anchor) -> Option<Bytes> {
        let (size, answer) = self.answer.as_ref()?;
        (*size == anchor.size).then(|| answer.clone())
    }

    /// Computes the answer for an anchor, unless it exists: at most 2^16 / 3 hashes for each new
    /// bucket.
    async fn of(&mut self, anchor: &Anchor, notes: &Notes) -> Result<Bytes, NotesError> {
        if let Some(answer) = self.made(anchor) {
            return Ok(answer);
        }
        let whole = anchor.size / BUCKET;
        for bucket in self.complete.len() as u64..whole {
            let root = notes.root(bucket * BUCKET..(bucket + 1) * BUCKET).await?;
            self.complete.push(root);
        }
        // An older anchor has fewer buckets.
        let mut roots = self.complete.clone();
        roots.truncate(usize::try_from(whole).unwrap_or(usize::MAX));
        if !anchor.size.is_multiple_of(BUCKET) {
            roots.push(notes.root(whole * BUCKET..anchor.size).await?);
        }
        let answer = NoteBuckets {
            size: anchor.size,
            roots,
        };
        if answer.root() != anchor.root {
            return Err(NotesError::OtherRoot(anchor.size));
        }
        let answer = Bytes::from(GetBucketsResponse::from(answer).encode_to_vec());
        self.answer = Some((anchor.size, answer.clone()));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;
    use merits_ledger::{
        rows::{RowChange, RowKey, StateDigest, Table},
        storage::{Commit, Head, MemoryStorage, Storage as _, StorageGroup as _},
    };
    use merits_primitives::{
        Fr,
        note_tree::{NoteFrontier, path, root_of_buckets},
    };
    use merits_proto::{NoteBucket, notes::GetBucketResponse};

    use super::*;

    fn made_up(numbers: Range<u64>) -> Vec<NoteCommitment> {
        numbers
            .map(|number| NoteCommitment(Fr::from(number)))
            .collect()
    }

    fn row(first: u64) -> RowKey {
        let (table, key) = (Table::NoteRun, first.to_be_bytes().to_vec());
        RowKey { table, key }
    }

    async fn write(store: &mut MemoryStorage, rows: Vec<RowChange>) {
        let head = Head {
            size: 0,
            root: [0; 32],
            checkpoint: String::new(),
            digest: StateDigest::default(),
        };
        let group = store.begin().await.unwrap();
        let nodes = Vec::new();
        group.commit(Commit { head, nodes, rows }).await.unwrap();
    }

    /// A store with these notes in rows of this many.
    async fn stored(notes: &[NoteCommitment], run: usize) -> (MemoryStorage, Notes) {
        let mut rows: Vec<RowChange> = Vec::new();
        let mut first = 0u64;
        for run in notes.chunks(run) {
            let mut value = u32::try_from(run.len()).unwrap().to_le_bytes().to_vec();
            value.extend(run.iter().flat_map(field::to_bytes));
            rows.push((row(first), Some(value)));
            first += run.len() as u64;
        }
        let mut store = MemoryStorage::new();
        write(&mut store, rows).await;
        let notes = Notes::new(Archive::new(store.clone()));
        (store, notes)
    }

    /// As a wallet reads it.
    async fn decoded(notes: &Notes, range: Range<u64>) -> Vec<NoteCommitment> {
        let pieces: Vec<Bytes> = notes.encoded(range).try_collect().await.unwrap();
        assert!(
            pieces
                .iter()
                .all(|piece| piece.len() <= CHUNK as usize * NOTE_BYTES)
        );
        let raw = GetBucketResponse::decode(&*pieces.concat()).unwrap();
        NoteBucket::try_from(raw).unwrap().0
    }

    #[tokio::test]
    async fn notes_come_in_order_wherever_they_begin() {
        let all = made_up(3..2 * CHUNK + 10);
        for run in [1, 16, 64] {
            let (store, notes) = stored(&all, run).await;
            require_all(&notes.archive).await.unwrap();
            let counted = end(&store, all.len() as u64).await.unwrap();
            assert_eq!(counted, all.len() as u64);
            for (from, until) in [(0, all.len()), (5, 6), (15, 1_040), (1_000, all.len())] {
                let range = from as u64..until as u64;
                assert_eq!(decoded(&notes, range).await, all[from..until]);
            }
            let beyond: Result<Vec<Bytes>, _> = notes.encoded(0..9_999).try_collect().await;
            let missing = all.len() as u64;
            assert!(matches!(beyond, Err(NotesError::Missing(note)) if note == missing));
        }
    }

    #[tokio::test]
    async fn a_run_that_is_missing_is_named() {
        let all = made_up(0..200);
        let (mut store, notes) = stored(&all, 8).await;
        write(&mut store, vec![(row(16), None)]).await;
        for range in [0..64, 16..20, 20..64] {
            let read: Result<Vec<Bytes>, _> = notes.encoded(range.clone()).try_collect().await;
            let missing = range.start.max(16);
            assert!(matches!(read, Err(NotesError::Missing(note)) if note == missing));
        }
        assert_eq!(decoded(&notes, 0..16).await, all[..16]);
        assert_eq!(decoded(&notes, 24..64).await, all[24..64]);
        // The end is there, as the last rows say, and a look at all rows finds the gap.
        assert_eq!(end(&store, 200).await.unwrap(), 200);
        let gap = require_all(&notes.archive).await;
        assert!(matches!(gap, Err(NotesError::Missing(16))), "{gap:?}");
    }

    #[tokio::test]
    async fn the_end_of_the_notes_is_found_from_the_last_ones() {
        for (count, run) in [(0, 8), (1, 1), (64, 8), (1_000, 16), (1_001, 1)] {
            let all = made_up(0..count);
            let (store, notes) = stored(&all, run).await;
            require_all(&notes.archive).await.unwrap();
            for expected in [count, count + 1, count.saturating_sub(1)] {
                let found = end(&store, expected).await.unwrap();
                assert_eq!(found, count, "{expected} were expected");
            }
        }
    }

    #[tokio::test]
    async fn buckets_lead_to_the_anchor_and_give_paths() {
        let all = made_up(9..BUCKET + 79);
        // Notes that came after the anchor are left out.
        let (_, notes) = stored(&all, 16).await;
        let mut frontier = NoteFrontier::new();
        let mut roots = BucketRoots::default();
        for (part, size) in [(0, 50), (50, BUCKET), (BUCKET, BUCKET + 5)] {
            let part = &all[part as usize..size as usize];
            assert!(part.iter().all(|note| frontier.push(*note)));
            let anchor = Anchor {
                size,
                root: frontier.root(),
            };
            let answer = roots.of(&anchor, &notes).await.unwrap();
            let answer = GetBucketsResponse::decode(answer).unwrap();
            let answer = NoteBuckets::try_from(answer).unwrap();
            assert_eq!(answer.roots.len() as u64, size.div_ceil(BUCKET));
            assert_eq!(root_of_buckets(&answer.roots), anchor.root);
            let first = (answer.roots.len() as u64 - 1) * BUCKET;
            let kept = decoded(&notes, first..size).await;
            let path = path(size - 1, &kept, &answer.roots).unwrap();
            assert_eq!(path.root(all[size as usize - 1]), anchor.root);
        }
        let wrong = Anchor {
            size: 7,
            root: frontier.root(),
        };
        let refused = roots.of(&wrong, &notes).await;
        assert!(matches!(refused, Err(NotesError::OtherRoot(7))));
    }

    /// Regression: after a caller went away, the next one began the same hashes again while the
    /// first ones still ran.
    #[tokio::test]
    async fn callers_that_go_away_leave_one_work() {
        let all = made_up(0..50);
        let (_, notes) = stored(&all, 16).await;
        let mut frontier = NoteFrontier::new();
        assert!(all.iter().all(|note| frontier.push(*note)));
        let anchor = || Anchor {
            size: 50,
            root: frontier.root(),
        };
        let roots = SharedRoots::default();
        let begun = || notes.begun.load(std::sync::atomic::Ordering::Relaxed);
        for _ in 0..100 {
            let before = begun();
            let work_begins = async {
                while begun() == before {
                    tokio::task::yield_now().await;
                }
            };
            // A call is dropped as soon as its work has begun.
            tokio::select! {
                answer = roots.of(anchor(), &notes) => drop(answer.unwrap()),
                () = work_begins => {}
            }
        }
        assert!(roots.of(anchor(), &notes).await.is_ok());
        assert_eq!(begun(), 1);
    }
}
