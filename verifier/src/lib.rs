//! Verify MERITS proofs, log inclusion and receipts: synchronous and small, the crate that
//! others embed.
//!
//! In scope: the public inputs of each statement, Groth16 over BN254 (single and batch), Schnorr
//! proofs over Baby Jubjub, the canonical codec, the entry envelope, the log's hashing, proofs and checkpoints, receipts and
//! signed refusals.
//!
//! Out of scope: what a ledger's rules allow (`merits-ledger` has them), networks, storage,
//! making proofs. No clock, no source of randomness and no thread of its own: a caller injects
//! time and randomness.
//!
//! Without the feature `std`, which is on by default, an allocator is all that it needs.
//!
//! The path of a stranger: [`receipt::Receipt::parse`] → [`receipt::Receipt::verify`] under a
//! [`log::LogKey`] → [`entry::SignedEntry`] inside the leaf → [`groth16::verify`] for its proof. Or,
//! for what a person shows in a QR code, [`attestation::Attestation`].

#![cfg_attr(not(any(feature = "std", test)), no_std)]

extern crate alloc;

pub mod attestation;
pub mod codec;
pub mod entry;
pub mod field_path;
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

pub use field_path::FieldPath;
pub use merits_primitives as primitives;
pub use proof::{EncodedProof, ProofSystem};
pub use reason::{Reason, ReasonCode};
pub use statement::Statement;
pub use verified::{Verified, VerifyError};
