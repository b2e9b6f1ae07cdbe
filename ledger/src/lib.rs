//! Ledger entries and the state that they create: the code that coordinators, auditors and
//! validating replicas all run.
//!
//! The steps for an entry, which are the same everywhere:
//!
//! 1. [`Submission::parse`]: bytes to a typed [`Entry`], every limit before allocation; with the [`blob`]s that
//!    it names ([`Submission::with_blobs`]).
//! 2. [`Governing::signatures`] and [`verify_together`]: signatures of the party and of the sources it names,
//!    of many entries together; [`Governing::authenticate`] for one.
//! 3. [`Governing::reads`]: the rows of the state that its rules need, read into a [`rows::View`].
//! 4. [`Governing::job`]: the statement that must be proven, taken from the state and never from
//!    the submission. It is verified outside (in a pool, in a batch of its proof system) into a
//!    [`VerifiedProof`].
//! 5. [`Governing::check`]: all rules, as a pure function. Returns [`Effects`] or a [`Refusal`].
//! 6. A [`Store`] appends the leaf, the unique values and the rows in one transaction.
//! 7. [`Governing::commit`]: applies the effects to the state in memory.
//!
//! Steps 2 and 4 are CPU-intensive and may run on any thread against a recent state. Step 5 is
//! cheap, repeats every rule, and belongs to the one sequencer. The crate has no clock, no I/O and
//! no randomness.

// A new kind of entry, act, job or table must pass every match by name.
#![deny(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

pub mod blob;
mod board_facts;
mod checked_key;
pub mod cuts;
pub mod entry;
mod history;
mod keys;
mod known_proofs;
pub mod named_blobs;
mod opened_total;
mod policy;
mod proven;
mod refusal;
mod replay;
mod role;
pub mod rows;
mod sequencer;
mod signatures;
pub mod state;
pub mod storage;
mod store;
mod submission;
pub mod tree;
mod verifying;

pub use blob::{Blob, BlobDigest, BlobTooLarge};
pub use board_facts::{BoardFacts, BoardFactsError, CutTimes, LONGEST_DELAY, Thresholds};
pub use checked_key::CheckedKey;
pub use entry::Entry;
pub use history::History;
pub use keys::{Groth16Keys, UnpreparedKey};
pub use known_proofs::KnownProofs;
pub use opened_total::{TotalStatement, VerifiedTotal};
pub use policy::{
    AnchorInterval, FactDiffers, FactFault, FoundingFact, LONGEST_FACT, LedgerPolicy, check_facts,
};
pub use proven::{Groth16Job, Job, ProvenStatement, SchnorrJob, UndecodedJob, VerifiedProof};
pub use refusal::{
    AlertRefusal, BoardRefusal, CheckError, IdentityRefusal, KeyGenerationRefusal, OfferRefusal,
    OpeningRefusal, ProvenTerm, Refusal, ScaleRefusal, TagKeyRefusal, TicketRefusal, TotalRefusal,
};
pub use replay::{
    Extended, Extension, ExtensionError, Replay, ReplayCounts, ReplayError, ReplayFault,
};
pub use role::{Role, Roles};
pub use sequencer::{Appended, Sequencer, SubmitError};
pub use signatures::{Unverified, verify_together};
pub use state::{CommitError, Effects, Governing, State};
pub use store::{Conflict, MemoryStore, NewLeaf, Store, Unique, UniqueSet};
pub use submission::{Authentic, Sender, Submission};
pub use verifying::JobError;
