//! The kinds of stores that MERITS keeps in SQLite files.

use std::fmt;

/// The kinds of stores that MERITS keeps in SQLite files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// A coordinator's ledger.
    Ledger,
    /// A party's copy of a ledger.
    Copy,
    /// An exchange's vouchers.
    Vouchers,
    /// A distributor's records.
    Records,
}

impl StoreKind {
    /// The name of such a file.
    pub(crate) fn store(self) -> &'static str {
        match self {
            Self::Ledger => "coordinator's database",
            Self::Copy => "copy of a ledger",
            Self::Vouchers => "exchange's store of vouchers",
            Self::Records => "distributor's store of records",
        }
    }
}

/// The content of such a file.
impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ledger => "a coordinator's ledger",
            Self::Copy => "a party's copy of a ledger",
            Self::Vouchers => "an exchange's vouchers",
            Self::Records => "a distributor's records",
        })
    }
}
