//! Text at the boundary: what people type, what they are shown, and what only looks alike.
//!
//! One text has many spellings. A keyboard of one system composes é as one code point, another's
//! as two; a file may begin with a mark that nobody sees; a name may hold a character that turns
//! the line around, or one that looks like another. Each of these is judged here and nowhere else:
//!
//! - [`shown`]: what has no place in a text that another party's screen shows, and how it is shown
//!   where it has to be shown all the same. The lists are fixed: the ledger's rules use them, and
//!   replicas must agree whatever version of Unicode their libraries know.
//! - [`lines`]: what of a text is nothing but how a program wrote it: line ends, trailing blanks, byte order
//!   marks.
//! - [`cell`]: what a table program would run.
//! - `typed`: the one form (NFC) of passphrases, accounts, names, codes, and files' entries.
//! - `file`: text files, with or without a byte order mark.
//! - `lookalike`: the same key for texts that people would take for one another.
//! - `screen`: what commands print, with nothing on it that a peer could have hidden (feature
//!   `screen`).
//!
//! `typed`, `file` and `lookalike` come with the feature `typed`; the verifier does without, and without `std`. The crate is at the
//! bottom of the workspace, because the verifier's codec, the wire and every party need it.

#![cfg_attr(not(any(feature = "typed", feature = "screen", test)), no_std)]

extern crate alloc;

pub mod cell;
#[cfg(feature = "typed")]
pub mod file;
pub mod lines;
#[cfg(feature = "typed")]
pub mod lookalike;
mod marks;
#[cfg(feature = "screen")]
pub mod screen;
pub mod shown;
#[cfg(feature = "typed")]
pub mod typed;
