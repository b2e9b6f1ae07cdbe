//! The failure of a store of any kind.

use std::error::Error;

/// Whether a store can be used after it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It can be read again as soon as a write succeeds.
    Again,
    /// Only a restart shows what is durable.
    Restart,
    /// A person must examine it first.
    End,
}

/// Why a store cannot be read or written, in the store's own words.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct StoreFailure {
    what: Box<dyn Error + Send + Sync>,
    outlook: Outlook,
}

impl StoreFailure {
    /// From the store's error.
    pub fn new(what: impl Into<Box<dyn Error + Send + Sync>>, outlook: Outlook) -> Self {
        let what = what.into();
        Self { what, outlook }
    }

    /// Whether the store can be used after it.
    pub fn outlook(&self) -> Outlook {
        self.outlook
    }
}
