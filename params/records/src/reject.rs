//! Rows that are refused: where, what and why, for the person who corrects the data.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
};

use merits_guard::output::{Kind, Readers};
use serde::{Serialize, Serializer};

use crate::{limits, peoples_table::PeoplesTable};

/// Why a row is refused. The text of [`Reason::code`] is stable; files and programs rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A mapped cell is empty or not there.
    Missing,
    /// A cell that does not have its column's form.
    Unparsable,
    /// A value outside the schema's bounds.
    OutOfBounds,
    /// A row key that another row has. The other row counts.
    DuplicateKey,
    /// The subject has another record of the same moment, day or other ordering value. The other
    /// record counts.
    Tie,
    /// A civil time that came twice where it was recorded: the clock was set back.
    TimeTwice,
    /// A civil time that never existed where it was recorded: the clock was set forward.
    TimeSkipped,
    /// A time that has not come yet.
    Future,
    /// More or fewer columns than the header.
    ColumnCount,
    /// A cell that is not UTF-8.
    NotUtf8,
    /// A quote that is never closed, or text after a closing quote.
    Quoting,
    /// A row or cell over its limit of length.
    TooLong,
    /// A line of JSON Lines that is not an object, or gives a mapped member twice.
    NotAnObject,
}

impl Reason {
    /// The machine-readable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unparsable => "unparsable",
            Self::OutOfBounds => "out-of-bounds",
            Self::DuplicateKey => "duplicate-key",
            Self::Tie => "tie",
            Self::TimeTwice => "time-twice",
            Self::TimeSkipped => "time-skipped",
            Self::Future => "future",
            Self::ColumnCount => "column-count",
            Self::NotUtf8 => "not-utf8",
            Self::Quoting => "quoting",
            Self::TooLong => "too-long",
            Self::NotAnObject => "not-an-object",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One refused row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// First physical line of the row, counted from 1, the header included.
    pub line: u64,
    /// The column at fault; empty when the row as a whole is.
    pub column: String,
    /// The value at fault, cut to [`limits::REJECT_VALUE_CHARS`] characters.
    pub value: String,
    /// Why.
    pub reason: Reason,
    /// What was expected.
    pub detail: String,
}

impl Reject {
    pub(crate) fn new(
        line: u64,
        column: &str,
        value: &[u8],
        reason: Reason,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            line,
            column: column.to_owned(),
            value: shown(value),
            reason,
            detail: detail.into(),
        }
    }
}

/// A value for people: lossy UTF-8, cut, so that one bad row cannot flood a file.
pub(crate) fn shown(value: &[u8]) -> String {
    // A character has at most four bytes, so the cut loses nothing that would be shown.
    let end = value.len().min(4 * (limits::REJECT_VALUE_CHARS + 1));
    let text = String::from_utf8_lossy(&value[..end]);
    let mut out: String = text.chars().take(limits::REJECT_VALUE_CHARS).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}

const HEADER: [&str; 5] = ["line", "column", "value", "reason", "detail"];

/// The kind of its file: only its owner reads it, since values of people are in it.
pub const REJECTS: Kind<'static> =
    Kind::new("a rejects file", Readers::Owner).replacing(b"line,column,value,reason,detail\n");

/// A rejects file: CSV with line, column, value, reason and detail.
pub struct RejectsFile<W: Write> {
    table: PeoplesTable<W>,
}

impl<W: Write> RejectsFile<W> {
    /// Starts the file with its header.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(output: W) -> io::Result<Self> {
        let mut table = PeoplesTable::new(output);
        table.row(HEADER)?;
        Ok(Self { table })
    }

    /// Appends one row.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&mut self, reject: &Reject) -> io::Result<()> {
        self.table.row([
            &reject.line.to_string(),
            &reject.column,
            &reject.value,
            reject.reason.code(),
            &reject.detail,
        ])
    }

    /// Writes what is buffered, and returns the writer.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(self) -> io::Result<W> {
        self.table.finish()
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// The number of rows that were refused for each reason.
pub type Counts = BTreeMap<Reason, u64>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_any_content_are_cut_and_shown() {
        assert_eq!(shown(b"785"), "785");
        assert_eq!(shown(b"\xffx"), "\u{fffd}x");
        let long = shown("é".repeat(1000).as_bytes());
        assert_eq!(long.chars().count(), limits::REJECT_VALUE_CHARS + 1);
        assert!(long.ends_with('…'));
    }
}
