//! Text at the boundary: what people type, what they see, and texts that only look alike.
//!
//! A text can have many encodings. One system encodes é as one code point, another as two. A file may
//! begin with an invisible mark. A name may contain a character that reverses the line, or one that
//! looks like another. Only this crate handles these cases:
//!
//! - [`display`]: characters that are not allowed in a text that another party's screen shows, and
//!   how to escape them when such a text must be shown. The lists are fixed, because the ledger's
//!   rules use them and replicas must agree even if their libraries have different versions of
//!   Unicode.
//! - [`lines`]: the parts of a text that only depend on the program that wrote it: line endings,
//!   trailing blanks, byte order marks.
//! - [`cell`]: texts that a spreadsheet program would run.
//! - [`damage`]: what happened to a file of ours that cannot be read.
//! - `typed`: the one form (NFC) of passphrases, accounts, names, codes, and files' entries.
//! - `file`: text files, with or without a byte order mark.
//! - `lookalike`: the same key for texts that people would take for one another.
//! - `screen`: the output of commands, in which a peer cannot hide anything (feature `screen`).
//!
//! `typed`, `file` and `lookalike` need the feature `typed`. The verifier uses neither this feature
//! nor `std`. The crate is at the bottom of the workspace, because the verifier's codec, the wire
//! and every party need it.

#![cfg_attr(not(any(feature = "typed", feature = "screen", test)), no_std)]

extern crate alloc;

mod assigned;
pub mod cell;
pub mod damage;
pub mod display;
#[cfg(feature = "typed")]
pub mod file;
pub mod lines;
#[cfg(feature = "typed")]
pub mod lookalike;
mod marks;
mod runs;
#[cfg(feature = "screen")]
pub mod screen;
#[cfg(feature = "typed")]
pub mod typed;
