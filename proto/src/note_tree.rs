//! Checked messages of `merits.notes.v1`.

use merits_primitives::{
    element::Element,
    field,
    note::NoteCommitment,
    note_tree::{BUCKET, BucketRoot, NoteRoot, root_of_buckets},
};

use crate::{
    Fault, FieldName,
    checked::{array, within},
    fields,
    limits::BUCKETS,
    notes,
};

/// The buckets of the newest anchor's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteBuckets {
    /// Notes under the anchor.
    pub size: u64,
    /// One root for each bucket.
    pub roots: Vec<BucketRoot>,
}

impl NoteBuckets {
    /// Root of the tree that has these buckets. It is the root of an anchor, which a follower of
    /// the ledger knows without asking.
    pub fn root(&self) -> NoteRoot {
        root_of_buckets(&self.roots)
    }
}

impl TryFrom<notes::GetBucketsResponse> for NoteBuckets {
    type Error = Fault;

    fn try_from(raw: notes::GetBucketsResponse) -> Result<Self, Fault> {
        within(fields::ROOTS, raw.roots.len(), BUCKETS)?;
        let expected = raw.size.div_ceil(BUCKET);
        if raw.roots.len() as u64 != expected {
            let text = format!("has {} roots, {expected} expected", raw.roots.len());
            return Err(Fault::malformed(fields::ROOTS, text));
        }
        Ok(Self {
            size: raw.size,
            roots: elements(fields::ROOTS, &raw.roots)?,
        })
    }
}

impl From<NoteBuckets> for notes::GetBucketsResponse {
    fn from(buckets: NoteBuckets) -> Self {
        Self {
            size: buckets.size,
            roots: bytes(&buckets.roots),
        }
    }
}

/// The leaves of one bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteBucket(pub Vec<NoteCommitment>);

impl TryFrom<notes::GetBucketResponse> for NoteBucket {
    type Error = Fault;

    fn try_from(raw: notes::GetBucketResponse) -> Result<Self, Fault> {
        let most = usize::try_from(BUCKET).unwrap_or(usize::MAX);
        within(fields::LEAVES, raw.leaves.len(), most)?;
        elements(fields::LEAVES, &raw.leaves).map(Self)
    }
}

impl From<&[NoteCommitment]> for notes::GetBucketResponse {
    fn from(leaves: &[NoteCommitment]) -> Self {
        Self {
            leaves: bytes(leaves),
        }
    }
}

fn elements<E: Element>(name: FieldName, raw: &[Vec<u8>]) -> Result<Vec<E>, Fault> {
    raw.iter()
        .map(|bytes| {
            field::from_bytes(&array(name.clone(), bytes)?).map_err(|_| {
                Fault::malformed(name.clone(), "holds a value that is not a field element")
            })
        })
        .collect()
}

fn bytes<E: Element>(elements: &[E]) -> Vec<Vec<u8>> {
    elements
        .iter()
        .map(|element| field::to_bytes(element).to_vec())
        .collect()
}

#[cfg(test)]
mod tests {
    use merits_primitives::Fr;

    use super::*;

    #[test]
    fn buckets_have_as_many_roots_as_their_size_asks_for() {
        let good = NoteBuckets {
            size: BUCKET + 1,
            roots: [1u64, 2].map(|root| BucketRoot(Fr::from(root))).to_vec(),
        };
        let raw = notes::GetBucketsResponse::from(good.clone());
        assert_eq!(NoteBuckets::try_from(raw.clone()), Ok(good));
        for change in [0, BUCKET, 2 * BUCKET + 1] {
            let other = notes::GetBucketsResponse {
                size: change,
                ..raw.clone()
            };
            assert_eq!(
                NoteBuckets::try_from(other).unwrap_err().field,
                fields::ROOTS.into()
            );
        }
        let mut other = raw;
        other.roots[1] = vec![0xff; 32];
        assert_eq!(
            NoteBuckets::try_from(other).unwrap_err().field,
            fields::ROOTS.into()
        );
    }

    #[test]
    fn a_bucket_is_no_larger_than_one() {
        let leaf = field::to_bytes(&Fr::from(5u64)).to_vec();
        let raw = notes::GetBucketResponse {
            leaves: vec![leaf; 3],
        };
        assert_eq!(NoteBucket::try_from(raw.clone()).unwrap().0.len(), 3);
        let short = notes::GetBucketResponse {
            leaves: vec![vec![0; 31]],
        };
        assert_eq!(
            NoteBucket::try_from(short).unwrap_err().field,
            fields::LEAVES.into()
        );
        let many = notes::GetBucketResponse {
            leaves: vec![Vec::new(); (1 << 16) + 1],
        };
        assert_eq!(
            NoteBucket::try_from(many).unwrap_err().field,
            fields::LEAVES.into()
        );
    }
}
