//! What an entry carries besides its own fields: notes, verifying keys, blobs. The column of the table `entries!`
//! says which kinds carry what, and the compiler then asks for the statement's implementation here.

use merits_primitives::note::NoteCommitment;
use merits_verifier::groth16::{Provenance, VerifyingKey};

use super::{ActProposed, Attested, EarnBatch, PublishedKey, Redeemed, ScaleProposed};
use crate::blob::BlobDigest;

/// A verifying key that an entry publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published<'e> {
    /// The key, or where it is.
    pub key: KeyPlace<'e>,
    /// How it was made.
    pub provenance: Provenance,
}

/// Where a published key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPlace<'e> {
    /// In the statement.
    Here(&'e VerifyingKey),
    /// In the blob with this digest.
    Blob(BlobDigest),
}

/// A statement that may append notes to the tree.
pub(super) trait Noting {
    /// The notes, in order.
    fn notes(&self) -> Vec<NoteCommitment>;
}

/// A statement that may publish a verifying key.
pub(super) trait Publishing {
    /// The key; `None` if this one publishes none.
    fn published(&self) -> Option<Published<'_>>;
}

/// A statement that may name blobs.
pub(super) trait Naming {
    /// The digests of the blobs that it names.
    fn blobs(&self) -> Vec<BlobDigest>;
}

impl Noting for EarnBatch {
    fn notes(&self) -> Vec<NoteCommitment> {
        self.claims.iter().map(|claim| claim.public.cm).collect()
    }
}

impl Noting for Redeemed {
    fn notes(&self) -> Vec<NoteCommitment> {
        vec![self.spending.cm_out]
    }
}

impl Noting for Attested {
    fn notes(&self) -> Vec<NoteCommitment> {
        vec![self.spending.cm_out]
    }
}

impl Publishing for ScaleProposed {
    fn published(&self) -> Option<Published<'_>> {
        Some(Published {
            key: match &self.key {
                PublishedKey::Here(key) => KeyPlace::Here(key),
                PublishedKey::Blob(digest) => KeyPlace::Blob(*digest),
            },
            provenance: self.provenance,
        })
    }
}

impl Publishing for ActProposed {
    fn published(&self) -> Option<Published<'_>> {
        self.act.published()
    }
}

impl Naming for ScaleProposed {
    fn blobs(&self) -> Vec<BlobDigest> {
        self.key.blob().into_iter().collect()
    }
}
