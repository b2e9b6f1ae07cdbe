//! Verifies MERITS proofs, log inclusion and receipts. The crate is synchronous and small, so that
//! others can embed it.
//!
//! In scope: the public inputs of each statement, Groth16 over BN254 (single and batch), Schnorr
//! proofs over Baby Jubjub, the canonical codec, the entry envelope, the log's hashing, proofs and
//! checkpoints, cosignatures of witnesses, receipts, signed refusals, and evidence against a log.
//!
//! Out of scope: a ledger's rules (see `merits-ledger`), networks, storage, making proofs. The
//! crate has no clock, no source of randomness and no threads: a caller passes in time and
//! randomness.
//!
//! Without the feature `std`, which is on by default, it needs only an allocator.
//!
//! The steps of a third party: [`receipt::Receipt::parse`] → [`receipt::Receipt::verify`] under a
//! [`log::LogKey`] → [`entry::SignedEntry`] inside the leaf → [`groth16::verify`] for its proof.
//! For a QR code that a person shows: [`attestation::Attestation`].

#![cfg_attr(not(any(feature = "std", test)), no_std)]

extern crate alloc;

pub mod attestation;
pub mod codec;
pub mod entry;
pub mod field_path;
pub mod fields;
pub mod groth16;
pub mod log;
pub mod possession;
pub mod proof;
pub mod reason;
pub mod receipt;
pub mod refusal;
pub mod schnorr;
pub mod signature;
pub mod spending;
pub mod statement;
pub mod total;

mod verified;

pub use field_path::{FieldName, FieldPath};
pub use merits_primitives as primitives;
pub use proof::{EncodedProof, ProofSystem};
pub use reason::{Reason, ReasonCode};
pub use statement::Statement;
pub use verified::{Verified, VerifyError};
