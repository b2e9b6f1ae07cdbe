//! The transparency log: RFC 6962 hashing, inclusion and consistency proofs, and checkpoints as
//! C2SP signed notes.
//!
//! Verification only; `merits-ledger` builds trees.

mod checkpoint;
mod merkle;
mod note;

pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use merkle::{
    Hash, MAX_PROOF_HASHES, MerkleError, empty_root, inclusion_root, leaf_hash, node_hash,
    verify_consistency, verify_inclusion,
};
pub use note::{LogKey, LogKeyError, LogSigner, MAX_NOTE_BYTES, NoteError, SignedNote};
