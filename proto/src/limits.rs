//! Every limit of the wire, with its reason.
//!
//! tonic gets the `*_MESSAGE` limits. It refuses a longer message by its length prefix, before it
//! buffers or decodes a byte. The conversions check the others.

/// The longest canonical entry. C2SP tlog-tiles stores a leaf behind a 16-bit length, and the log
/// is served as tiles; the sequencer's time is part of the leaf.
pub const ENTRY_BYTES: usize = merits_verifier::entry::MAX_ENTRY_BYTES;

/// Requests of the Ledger service: one entry, its tag, and protobuf framing.
pub const LEDGER_REQUEST_MESSAGE: usize = ENTRY_BYTES + 1_024;

/// Answers of the Ledger service. The largest is a page of leaves ([`PAGE_BYTES`] plus the leaf
/// that crosses it).
pub const LEDGER_ANSWER_MESSAGE: usize = PAGE_BYTES + 2 * ENTRY_BYTES;

/// Requests of the Cosignatures service: an entry's id.
pub const COSIGNATURES_REQUEST_MESSAGE: usize = 1_024;

/// A request to cosign a checkpoint: a size, a consistency proof and a note.
pub const ADD_CHECKPOINT_BYTES: usize = 64 * 45 + 32 + merits_verifier::log::MAX_NOTE_BYTES;

/// What a witness answers: signature lines, or a size, or a sentence.
pub const ADD_CHECKPOINT_ANSWER_BYTES: usize = 16_384;

/// The longest blob: a verifying key of 1,500 input points has 48 KiB, a sealed bid some hundreds of bytes.
pub const BLOB_BYTES: usize = merits_verifier::entry::MAX_BLOB_BYTES;

/// Requests of the Blobs service: one entry, its blob, and protobuf framing.
pub const BLOBS_REQUEST_MESSAGE: usize = ENTRY_BYTES + BLOB_BYTES + 1_024;

/// Answers of the Blobs service: one blob, or the receipt of an entry.
pub const BLOBS_ANSWER_MESSAGE: usize = BLOB_BYTES + 2 * ENTRY_BYTES;

/// A page of leaves ends after the leaf that crosses this. It is large enough that verification,
/// not round trips, limits a follower, and small enough that a hundred streams fit in memory.
pub const PAGE_BYTES: usize = 512 * 1_024;

/// Requests of the Registry service: ids and page sizes only.
pub const REGISTRY_REQUEST_MESSAGE: usize = 1_024;

/// Answers of the Registry service: a page of [`PAGE_ITEMS`], or one scale, whose manifest and key
/// came in one entry.
pub const REGISTRY_ANSWER_MESSAGE: usize = 1_024 * 1_024;

/// Items a page of the Registry has at most.
pub const PAGE_ITEMS: u32 = 256;

/// Requests of the Verifier service: one entry, or one proof with [`PUBLIC_INPUTS`] inputs.
pub const VERIFIER_REQUEST_MESSAGE: usize = LEDGER_REQUEST_MESSAGE;

/// Answers of the Verifier service: one verdict.
pub const VERIFIER_ANSWER_MESSAGE: usize = 8 * 1_024;

/// Public inputs of a bare proof. Statement `earn` with 64 claims, a measure and 544 numbers (the
/// most that a scale's figures give) has 1,010; 1,024 with 34 encoded bytes each still fit in
/// [`VERIFIER_REQUEST_MESSAGE`].
pub const PUBLIC_INPUTS: usize = 1_024;

/// Length of a compressed Groth16 proof over BN254: exactly this.
pub const PROOF_BYTES: usize = 128;

/// Requests of the Supervision service: a [`BASIS_BYTES`] text, and names.
pub const SUPERVISION_REQUEST_MESSAGE: usize = 8 * 1_024;

/// Answers of the Supervision service: a point, a proof, and sealing.
pub const SUPERVISION_ANSWER_MESSAGE: usize = 4 * 1_024;

/// Requests and answers of the Uniqueness service: a point, a proof, a signature, three names.
pub const UNIQUENESS_MESSAGE: usize = 1_024;

/// Requests of the Notes service: the index of a bucket.
pub const NOTES_REQUEST_MESSAGE: usize = 64;

/// Answers of the Notes service: 2^16 leaves, or [`BUCKETS`] roots, 34 encoded bytes each.
pub const NOTES_ANSWER_MESSAGE: usize = 34 * BUCKETS + 1_024;

/// Buckets whose roots one answer holds: those of 2^32 notes.
pub const BUCKETS: usize = 1 << 16;

/// Legal basis of an opening: a reference and one or two sentences, not the whole file.
pub const BASIS_BYTES: usize = 4_096;

/// Canonical bytes of a `redeemed` statement: a few hundred, all of fixed size.
pub const REDEMPTION_BYTES: usize = 1_024;

/// Text of a receipt: base64 of a leaf and some dozens of hashes, and a checkpoint. A redemption's
/// has 2 KiB.
pub const RECEIPT_BYTES: usize = 16 * 1_024;

/// A sealed voucher: its code of at most 512 bytes, padded, and HPKE's tag.
pub const SEALED_VOUCHER_BYTES: usize = 1_024;

/// Requests of the Exchange service: a redemption, or an id with its receipt.
pub const EXCHANGE_REQUEST_MESSAGE: usize = RECEIPT_BYTES + 1_024;

/// Answers of the Exchange service: a receipt with a voucher, or a page of offers.
pub const EXCHANGE_ANSWER_MESSAGE: usize = 32 * 1_024;

/// Requests of the health and reflection services: a service name or a symbol.
pub const INFRASTRUCTURE_REQUEST_MESSAGE: usize = 4 * 1_024;

/// The signed refusal travels in a response header; HTTP/2 peers commonly allow 16 KiB of them.
pub const REFUSAL_BYTES: usize = 4 * 1_024;

/// The size of a fault in a response header: the signed refusal, and a path of 8 steps of 64 bytes.
pub const FAULT_BYTES: usize = REFUSAL_BYTES + 1_024;

/// Text of a refusal, in its message.
pub const REFUSAL_TEXT_BYTES: usize = 1_024;
