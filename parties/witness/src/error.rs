//! Why a witness does not run.

use merits_keyfile::KeyFileError;
use merits_replica::{JoinError, LedgerConfigError};
use merits_serve::{ListenError, ServeError};
use thiserror::Error;

use crate::state::StateError;

/// Why a witness does not run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The configuration.
    #[error("in the configuration, {0}")]
    Config(String),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// The verified copy of the log.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The `[validating.ledger]` table.
    #[error("validating.{0}")]
    Ledger(#[from] LedgerConfigError),
    /// The address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The server.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The socket has no address.
    #[error("the socket that this server listens on: {0}")]
    Socket(#[from] std::io::Error),
}
