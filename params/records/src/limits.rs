//! The limits of one reading, each with its reason.

/// Longest row in bytes, quoted line breaks included. Behaviour rows have some hundred bytes; a
/// longer one is a quote that was never closed, or not a table.
pub const ROW_BYTES: usize = 64 * 1024;

/// Most physical lines in one CSV row. Bounds the work that one stray quote can cause.
pub const LINES_IN_ROW: usize = 100;

/// Most columns of a CSV header.
pub const COLUMNS: usize = 1024;

/// Longest subject (account number) in bytes, as it becomes a key of every index.
pub const SUBJECT_BYTES: usize = 128;

/// Longest row key in bytes.
pub const ROW_KEY_BYTES: usize = 256;

/// Characters of an offending value that a reject keeps.
pub const REJECT_VALUE_CHARS: usize = 120;

/// Most accepted rows of one reading: at some 70 to 100 bytes each, with its row key, they stay near 2 GiB
/// and can be sorted in memory. Larger inputs are split by period, which changes no claim.
pub const ACCEPTED_ROWS: u64 = 20_000_000;
