//! The issuer: builds a scale and proposes it.
//!
//! An issuer writes a manifest. [`Built::new`] checks it, compiles its circuit, and takes the key from the key
//! store, or makes one that is marked `insecure-dev`. [`Built::proposal`] is the entry for the ledger. It has
//! everything that verifiers need: manifest, verifying key, constants, schema. [`config::IssuerConfig::build`] and
//! [`config::IssuerConfig::propose`] do both from a configuration.
//!
//! [`trying`] is for those who write a scale: it needs no ledger.
//!
//! Out of scope: approval (the supervisors') and supply accounting (the ledger's).

pub mod config;
mod running;
mod scale;
pub mod trying;

pub use running::{IssuerError, Proposed};
pub use scale::{BuildError, Built, read_manifest};
