//! The distributor: record store, claims, prover node, outbox.
//!
//! The life of a record, which data is encrypted at rest, and why a crash at any moment loses and
//! repeats nothing: `docs/src/distributor.md`.
//!
//! A program uses [`Distributor`], or [`OpenStore`] for work without ledger and network. They
//! return reports ([`summary::RunSummary`], [`StatusReport`] and others), which programs print or
//! serialize. Below them:
//!
//! - [`links`]: pseudonyms of accounts, for the source
//! - [`loading`]: makes a prover from the approved scale
//! - [`ingest`]: turns records and the source's bundle into sealed deeds
//! - [`publishing`], [`tickets`], [`depositing`], [`consents`]: terms, and people's consents to
//!   them
//! - [`batching`], [`forming`]: turn deeds into batches that are fixed before they are proven
//! - [`at_rest`]: encryption of the store, under one key for each subject
//! - `aside`: deeds of which no claim can be made do not stop others
//! - [`pool`], [`proving`]: turn batches into signed entries in the outbox
//! - [`outbox`]: submits entries and stores receipts
//! - [`sources`]: whether the ledger would take a source's signatures, before a proof is made
//! - `shares`: the deeds that a round claims, read page by page
//! - [`run`]: all of these, continuing from the state of an earlier run
//! - [`outlook`]: which deeds wait, and why, for reports beside a run
//! - [`disclosing`]: the records of one claim, for a supervisor
//! - [`net`]: the ledger over the network; the modules above are free of it
//!
//! On a ledger with tickets, a deed is claimed with its person's ticket. On one without, accounts
//! are in [`custody`].

pub mod at_rest;
mod attempts;
pub mod batching;
pub mod config;
pub mod consents;
pub mod custody;
pub mod depositing;
pub mod disclosing;
mod distributor;
pub mod earnings;
mod error;
pub mod forming;
pub mod ingest;
pub mod links;
pub mod loading;
pub mod net;
pub mod node;
mod open_store;
pub mod outbox;
pub mod outlook;
mod people;
pub mod pool;
pub mod progress;
pub mod proving;
pub mod publishing;
mod report;
pub mod run;
mod shares;
pub mod sources;
mod status;
pub mod store;
pub mod summary;
pub mod terms;
pub mod tickets;

pub use distributor::{Distributor, RecordsInput, Surroundings};
pub use error::DistributorError;
pub use open_store::OpenStore;
pub use people::{LinksReport, PublishedTerms, TERMS, TicketReport};
pub use status::StatusReport;
