//! The place of a ledger, as this crate's modules see it: of any backend whose failures are reasons not to start.

use merits_ledger::storage;

use crate::{backend, config::Config, error::StartError};

/// The place of the ledger that `config` names.
pub(crate) fn of(config: &Config) -> backend::Chosen {
    backend::file(config.database())
}

/// A place whose failures are reasons not to start.
pub(crate) trait Place: storage::Place + Inspect {}

impl<P: storage::Place + Inspect> Place for P {}

/// Something to look at whose failures are reasons not to start.
pub(crate) trait Inspect: storage::Inspect<Error: Into<StartError>> {}

impl<I: storage::Inspect<Error: Into<StartError>>> Inspect for I {}
