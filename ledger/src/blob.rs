//! Blobs: data that does not fit into an entry, which names it by its digest.
//!
//! The digest is in the statement, so the party's signature and the log's leaf cover it. A blob comes
//! only with the signed entry that names it. The transaction that appends the leaf stores it, and
//! every replica that replays that leaf fetches it. Coordinators and replicas refuse an entry that
//! lacks one of its blobs.

use std::{fmt, sync::Arc};

use merits_primitives::ids::sha256;
use merits_verifier::codec::{CodecError, Reader, Writer};
use thiserror::Error;

pub use merits_verifier::entry::MAX_BLOB_BYTES;

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

/// A blob over its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a blob has {found} bytes; at most {limit} are allowed")]
pub struct BlobTooLarge {
    /// Its bytes.
    pub found: usize,
    /// Most bytes that are allowed.
    pub limit: usize,
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
    /// [`BlobTooLarge`] over [`MAX_BLOB_BYTES`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, BlobTooLarge> {
        let (found, limit) = (bytes.len(), MAX_BLOB_BYTES);
        if found > limit {
            return Err(BlobTooLarge { found, limit });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_has_a_bound() {
        assert!(Blob::new(vec![7; MAX_BLOB_BYTES]).is_ok());
        let (found, limit) = (MAX_BLOB_BYTES + 1, MAX_BLOB_BYTES);
        assert_eq!(
            Blob::new(vec![7; found]),
            Err(BlobTooLarge { found, limit })
        );
    }
}
