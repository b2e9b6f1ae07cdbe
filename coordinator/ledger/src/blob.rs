//! Blobs: what an entry names by digest because it does not fit into the entry.
//!
//! The digest is in the statement, so the party's signature and the log's leaf cover it. A blob
//! comes with the signed entry that names it and in no other way, is stored in the transaction that
//! appends the leaf, and is fetched by every replica that replays that leaf. An entry without one
//! of its blobs is refused, by coordinators and replicas alike.

use std::{fmt, sync::Arc};

use merits_primitives::ids::sha256;
use merits_verifier::{
    codec::{Canonical as _, CodecError, Reader, Writer},
    entry::{Leaf, kind_of},
};

pub use merits_verifier::entry::MAX_BLOB_BYTES;

use crate::entry::{Entry, SCALE_PROPOSED};
use crate::refusal::Refusal;

/// Blobs that a party's entries may name in a day (UTC). A day's blobs of a party are 16 MiB at most.
pub const BLOBS_A_DAY: u32 = 16;

/// SHA-256 over a blob's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobDigest(pub [u8; 32]);

impl fmt::Display for BlobDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobDigest({self})")
    }
}

impl BlobDigest {
    pub(crate) fn write(&self, out: &mut Writer) {
        out.array(&self.0);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        input.array("blob digest").map(Self)
    }
}

/// A blob whose digest was computed from its bytes. Clones share the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    digest: BlobDigest,
    bytes: Arc<[u8]>,
}

impl Blob {
    /// Hashes the bytes.
    ///
    /// # Errors
    /// [`Refusal::BlobTooLarge`] over [`MAX_BLOB_BYTES`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, Refusal> {
        let (found, limit) = (bytes.len(), MAX_BLOB_BYTES);
        if found > limit {
            return Err(Refusal::BlobTooLarge { found, limit });
        }
        Ok(Self {
            digest: BlobDigest(sha256(&bytes)),
            bytes: bytes.into(),
        })
    }

    /// Its digest.
    pub fn digest(&self) -> BlobDigest {
        self.digest
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The blobs that the entry of a leaf names: what must be at hand before the leaf is judged. None for bytes
/// that are no leaf, which the rules refuse.
pub fn named_by(leaf: &[u8]) -> Vec<BlobDigest> {
    // Nearly all leaves are of kinds that name none, and are not decoded for this.
    if kind_of(leaf) != Some(SCALE_PROPOSED) {
        return Vec::new();
    }
    let Ok(leaf) = Leaf::from_bytes(leaf) else {
        return Vec::new();
    };
    match Entry::decode(leaf.entry.kind, &leaf.entry.statement) {
        Some(Ok(entry)) => entry.blobs(),
        _ => Vec::new(),
    }
}

/// Checks that the blobs are those that are named: each once, and no other.
pub(crate) fn check_named(named: &[BlobDigest], blobs: &[Blob]) -> Result<(), Refusal> {
    for (position, blob) in blobs.iter().enumerate() {
        let digest = blob.digest;
        let before = blobs.get(..position).unwrap_or_default();
        if !named.contains(&digest) || before.iter().any(|other| other.digest == digest) {
            return Err(Refusal::BlobUnexpected { digest });
        }
    }
    let is_there = |digest: &BlobDigest| blobs.iter().any(|blob| blob.digest == *digest);
    match named.iter().find(|digest| !is_there(digest)) {
        Some(digest) => Err(Refusal::BlobMissing { digest: *digest }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(byte: u8) -> Blob {
        Blob::new(vec![byte; 9]).expect("small")
    }

    #[test]
    fn a_blob_has_a_bound() {
        assert!(Blob::new(vec![7; MAX_BLOB_BYTES]).is_ok());
        let (found, limit) = (MAX_BLOB_BYTES + 1, MAX_BLOB_BYTES);
        assert_eq!(
            Blob::new(vec![7; found]),
            Err(Refusal::BlobTooLarge { found, limit })
        );
    }

    #[test]
    fn missing_foreign_and_doubled_blobs_are_named() {
        let (one, two) = (blob(1), blob(2));
        let named = [one.digest(), two.digest()];
        assert_eq!(check_named(&named, &[two.clone(), one.clone()]), Ok(()));
        assert_eq!(check_named(&[], &[]), Ok(()));
        let digest = two.digest();
        let missing = Err(Refusal::BlobMissing { digest });
        assert_eq!(check_named(&named, std::slice::from_ref(&one)), missing);
        let digest = blob(3).digest();
        let foreign = Err(Refusal::BlobUnexpected { digest });
        let three = [one.clone(), two.clone(), blob(3)];
        assert_eq!(check_named(&named, &three), foreign);
        // One that is swapped is foreign, and not only missing.
        assert_eq!(check_named(&named, &[one.clone(), blob(3)]), foreign);
        let digest = one.digest();
        let doubled = Err(Refusal::BlobUnexpected { digest });
        assert_eq!(check_named(&named, &[one.clone(), two, one]), doubled);
    }
}
