//! The source (a device's or platform's back end): commits to behaviour records and signs the
//! commitments. Nothing else about a person leaves it toward the ledger.
//!
//! - [`signer`]: salts, commitments, signatures: deterministic, so the same input gives the same
//!   bundle, byte by byte
//! - [`register`]: one subject and period has only one commitment, across restarts
//! - [`signing`]: groups in, bundle out
//! - [`wholeness`]: checks that records are complete before anything is signed about them
//! - [`linking`]: `merits source link`: which pseudonym an account has, proven by its person
//! - [`links_file`]: where the links are kept
//! - [`config`]: the config file, and what a source does with it: [`SourceConfig::sign`],
//!   [`SourceConfig::import_links`], [`SourceConfig::apply`]
//!
//! Out of scope: whether the records are true. A source answers for its records with its signature;
//! see `docs/threat-model.md`.

pub mod complete_span;
pub mod config;
mod file_signing;
mod keys;
mod link_import;
pub mod linking;
pub mod links_file;
pub mod register;
pub mod signer;
pub mod signing;
pub mod wholeness;

pub use config::{ConfigError, SourceConfig};
pub use file_signing::{FileSigning, FileSigningError, Outcome, Signing, SigningStep};
pub use keys::KeyError;
pub use link_import::{LinkFileReport, LinkImportError, LinkReport};
pub use linking::{LinkChecker, LinkFault};
pub use links_file::{Linked, LinksError, LinksFile};
pub use register::{Register, RegisterError};
pub use signer::Signer;
pub use signing::{Refused, SignError, SignReport, sign_groups};
