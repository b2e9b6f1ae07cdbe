//! All notes in order, for wallets that keep none, and the roots of their buckets.
//!
//! Notes stand in memory beside the published state, 34 bytes each, as the wire has them: an entry that
//! makes one costs the log some hundreds of bytes on disk, and the state has a group of people of 64
//! bytes a person, so this is not what a machine gets full by. All answers share these bytes, so what a
//! bucket weighs is no matter to who asks for it. Roots are made when they are asked for: of complete
//! buckets once, of the last one once an anchor.

use bytes::Bytes;
use merits_ledger::state::Anchor;
use merits_primitives::{
    Fr, field,
    note_tree::{BUCKET, bucket_root},
};
use merits_proto::{NoteBuckets, notes::GetBucketsResponse};
use prost::Message as _;

/// Leaves whose bytes are kept together. Only those of the last, incomplete chunk are copied for an
/// answer.
pub(crate) const CHUNK: usize = 1_024;

/// Before a leaf: protobuf's field 1, 32 bytes.
const LEAF_HEADER: [u8; 2] = [0x0a, 32];
pub(crate) const LEAF_BYTES: usize = LEAF_HEADER.len() + 32;

/// Chunks of a whole bucket.
pub(crate) const BUCKET_CHUNKS: usize = 64;
const _: () = assert!(
    (BUCKET_CHUNKS * CHUNK) as u64 == BUCKET,
    "a bucket is whole chunks"
);

/// The leaves of the note tree.
#[derive(Clone, Debug, Default)]
pub(crate) struct NoteLeaves {
    /// Of [`CHUNK`] leaves each.
    chunks: Vec<Bytes>,
    /// Those after them.
    last: Vec<u8>,
}

impl NoteLeaves {
    /// Appends notes.
    pub(crate) fn extend(&mut self, notes: &[Fr]) {
        for note in notes {
            self.last.extend(LEAF_HEADER);
            self.last.extend(field::to_bytes(note));
            if self.last.len() == CHUNK * LEAF_BYTES {
                self.chunks.push(std::mem::take(&mut self.last).into());
            }
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        (self.chunks.len() * CHUNK + self.last.len() / LEAF_BYTES) as u64
    }

    /// The leaves of a bucket, if it has any: a `GetBucketResponse` in pieces.
    pub(crate) fn bucket(&self, index: usize) -> Option<Vec<Bytes>> {
        let first = index.checked_mul(BUCKET_CHUNKS)?;
        let rest = self.chunks.get(first..)?;
        let whole = &rest[..rest.len().min(BUCKET_CHUNKS)];
        let mut pieces = whole.to_vec();
        if whole.len() < BUCKET_CHUNKS && !self.last.is_empty() {
            pieces.push(Bytes::copy_from_slice(&self.last));
        }
        (!pieces.is_empty()).then_some(pieces)
    }
}

/// The first `count` leaves in the pieces of a bucket.
fn leaves(pieces: &[Bytes], count: usize) -> Option<Vec<Fr>> {
    let leaves: Option<Vec<Fr>> = pieces
        .iter()
        .flat_map(|piece| piece.chunks_exact(LEAF_BYTES))
        .take(count)
        .map(|leaf| {
            let bytes = leaf.get(LEAF_HEADER.len()..)?.try_into().ok()?;
            field::from_bytes(bytes).ok()
        })
        .collect();
    leaves.filter(|leaves| leaves.len() == count)
}

/// Roots that were made.
#[derive(Debug, Default)]
pub(crate) struct BucketRoots {
    /// Of complete buckets, from the first on.
    complete: Vec<Fr>,
    /// Of the newest anchor: its size, and a `GetBucketsResponse`.
    answer: Option<(u64, Bytes)>,
}

impl BucketRoots {
    /// The roots of an anchor's buckets, whose pieces `bucket` gives (the last may have later leaves):
    /// a `GetBucketsResponse`. `None` if they lead to another root, which only a bug can bring about.
    /// Makes at most 2^16 / 3 hashes a bucket that is new.
    pub(crate) fn of(
        &mut self,
        anchor: &Anchor,
        bucket: impl Fn(usize) -> Option<Vec<Bytes>>,
    ) -> Option<Bytes> {
        if let Some((size, answer)) = &self.answer
            && *size == anchor.size
        {
            return Some(answer.clone());
        }
        let whole = usize::try_from(anchor.size / BUCKET).ok()?;
        for index in self.complete.len()..whole {
            let leaves = leaves(&bucket(index)?, BUCKET_CHUNKS * CHUNK)?;
            self.complete.push(bucket_root(&leaves));
        }
        let mut roots = self.complete.get(..whole)?.to_vec();
        let rest = usize::try_from(anchor.size % BUCKET).ok()?;
        if rest > 0 {
            roots.push(bucket_root(&leaves(&bucket(whole)?, rest)?));
        }
        let answer = NoteBuckets {
            size: anchor.size,
            roots,
        };
        if answer.root() != anchor.root {
            return None;
        }
        let answer = Bytes::from(GetBucketsResponse::from(answer).encode_to_vec());
        self.answer = Some((anchor.size, answer.clone()));
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use merits_primitives::note_tree::{NoteFrontier, path, root_of_buckets};

    use merits_proto::{NoteBucket, notes::GetBucketResponse};

    use super::*;

    /// As a wallet reads it.
    fn decoded(pieces: &[Bytes]) -> Vec<Fr> {
        let raw = GetBucketResponse::decode(&*pieces.concat()).unwrap();
        NoteBucket::try_from(raw).unwrap().0
    }

    #[test]
    fn answers_share_all_but_the_last_chunk() {
        let mut leaves = NoteLeaves::default();
        let notes: Vec<Fr> = (0..3 * CHUNK as u64 + 1).map(Fr::from).collect();
        leaves.extend(&notes[..3 * CHUNK]);
        let one = leaves.bucket(0).unwrap();
        leaves.extend(&notes[3 * CHUNK..]);
        let two = leaves.bucket(0).unwrap();
        assert_eq!((one.len(), two.len()), (3, 4));
        for (one, two) in one.iter().zip(&two) {
            assert_eq!(one.as_ptr(), two.as_ptr());
        }
        assert_eq!(decoded(&two), notes);
    }

    #[test]
    fn buckets_lead_to_the_anchor_and_give_paths() {
        let mut leaves = NoteLeaves::default();
        let mut frontier = NoteFrontier::new();
        let mut roots = BucketRoots::default();
        let notes: Vec<Fr> = (0..BUCKET + 70).map(|i| Fr::from(i + 9)).collect();
        for (part, size) in [(0, 50), (50, BUCKET), (BUCKET, BUCKET + 5)] {
            let part = &notes[part as usize..size as usize];
            leaves.extend(part);
            assert!(part.iter().all(|note| frontier.push(*note)));
            let anchor = Anchor {
                size,
                root: frontier.root(),
            };
            // Notes that came after the anchor are left out.
            let mut later = leaves.clone();
            later.extend(&notes[size as usize..]);
            let answer = roots.of(&anchor, |index| later.bucket(index)).unwrap();
            let answer = GetBucketsResponse::decode(answer).unwrap();
            let answer = NoteBuckets::try_from(answer).unwrap();
            assert_eq!(answer.roots.len() as u64, size.div_ceil(BUCKET));
            assert_eq!(root_of_buckets(&answer.roots), anchor.root);
            let last = decoded(&later.bucket(answer.roots.len() - 1).unwrap());
            let kept = &last[..((size - 1) % BUCKET + 1) as usize];
            let path = path(size - 1, kept, &answer.roots).unwrap();
            assert_eq!(path.root(notes[size as usize - 1]), anchor.root);
        }
        assert!(leaves.bucket(2).is_none());
        let wrong = Anchor {
            size: 7,
            root: frontier.root(),
        };
        assert_eq!(roots.of(&wrong, |index| leaves.bucket(index)), None);
    }
}
