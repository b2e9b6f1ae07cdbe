//! The transparency log: RFC 6962 hashing, inclusion and consistency proofs, checkpoints as C2SP
//! signed notes, cosignatures of witnesses, and evidence against a log that contradicts itself.
//!
//! Verification only; `merits-ledger` builds trees.

mod checkpoint;
mod cosignature;
mod evidence;
mod merkle;
mod note;
mod quorum;

pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use cosignature::{
    Cosignature, CosignatureError, Cosigned, WitnessKey, WitnessKeyError, WitnessName,
    WitnessSigner,
};
pub use evidence::{Evidence, EvidenceError, MAX_EVIDENCE_BYTES, PrefixProof, Verdict};
pub use merkle::{
    Hash, MAX_PROOF_HASHES, MerkleError, empty_root, inclusion_root, leaf_hash, node_hash,
    verify_consistency, verify_inclusion,
};
pub use note::{LogKey, LogKeyError, LogSigner, MAX_NOTE_BYTES, NoteError, SignedNote};
pub use quorum::{MAX_WITNESSES, Quorum, QuorumError, WitnessPolicy};
