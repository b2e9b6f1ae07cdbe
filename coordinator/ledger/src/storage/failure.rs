//! A store's failure, whatever the store is made of.

use std::error::Error;

/// What becomes of a store after it failed, for whoever appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It can be read again as soon as a write goes through.
    Again,
    /// Only a restart reads what is durable.
    Restart,
    /// Somebody must look at it first.
    End,
}

/// Why a store cannot be read or written. Its text is the store's own.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct StoreFailure {
    what: Box<dyn Error + Send + Sync>,
    outlook: Outlook,
}

impl StoreFailure {
    /// Of a store's own error.
    pub fn new(what: impl Into<Box<dyn Error + Send + Sync>>, outlook: Outlook) -> Self {
        let what = what.into();
        Self { what, outlook }
    }

    /// What becomes of the store.
    pub fn outlook(&self) -> Outlook {
        self.outlook
    }
}
