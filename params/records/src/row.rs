//! One row before it is understood: the mapped cells of a line.

use crate::reject::Reason;

/// A mapped cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// Empty, or the row does not have it.
    Missing,
    /// Text as written; for JSON a number's digits as written.
    Bytes(Vec<u8>),
    /// JSON that is neither a string nor a number.
    Other(Vec<u8>),
}

/// The result for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RawRow {
    /// The mapped cells, in the order of the plan's columns.
    Cells { line: u64, cells: Vec<Cell> },
    /// The line as a whole is not a row.
    Broken {
        line: u64,
        reason: Reason,
        value: Vec<u8>,
        detail: String,
    },
}
