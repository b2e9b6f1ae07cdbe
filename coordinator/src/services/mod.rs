//! The gRPC services: each turns a request into its checked form, asks, and turns the answer into
//! a message. Nothing is decided here.

mod ledger;
mod notes;
mod registry;
mod verifier;

pub(crate) use ledger::LedgerService;
pub(crate) use notes::NotesService;
pub(crate) use registry::RegistryService;
pub(crate) use verifier::VerifierService;

use std::pin::Pin;

use futures::Stream;
use tonic::Status;

/// Items of one stream that are worked on at once: enough to fill a batch of proofs.
const STREAM_PARALLEL: usize = 256;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
