//! A file of a prepared key in memory: the only module beside `isa` that may say `unsafe`, once.
//!
//! # Why it is sound
//!
//! A mapped file is a slice: its bytes must not change while it is borrowed, and its pages must
//! exist. The operating system guarantees neither. Both follow from the rules on who may write the
//! file:
//!
//! 1. [`Map::open`] opens it for reading and maps it for reading, so nobody changes it through us.
//! 2. Files are written by [`crate::layout`] alone: under a new temporary name, flushed to the
//!    disk, then renamed to their place. A file at its place is replaced by another file or
//!    removed, never changed or shortened; what is mapped lives on until it is unmapped.
//! 3. The file and its directory belong to this user or to root, and nobody else may write or
//!    replace them ([`merits_guard`]); anything else is refused. The mode of a file of ours is 0400.
//!
//! Root, or a program of the same user that ignores these rules, can still change the file under
//! a running prover (wrong proofs, or a panic at an index) or truncate it (the process then ends
//! by SIGBUS, as with a failing disk). Both could end or change the process by other means.
//!
//! On systems without Unix permissions nothing is mapped.
#![allow(unsafe_code)]

use std::path::Path as FilePath;

use memmap2::{Mmap, MmapOptions};
use merits_guard::{Guard, GuardError};

use crate::layout_error::LayoutError;

/// A mapped file.
pub(crate) struct Map(Mmap);

impl Map {
    /// Maps a file that nobody but this user and root can write.
    pub(crate) fn open(path: &FilePath) -> Result<Self, LayoutError> {
        let io = |source| LayoutError::io("reading", path, source);
        let file = merits_guard::open(path, Guard::Trusted).map_err(|error| match error {
            GuardError::Io { source, .. } => io(source),
            other => LayoutError::Exposed(other),
        })?;
        // SAFETY: 1. to 3. above: nobody but this user and root can write it, and we do not.
        let map = unsafe { MmapOptions::new().populate().map(&file) }.map_err(io)?;
        Ok(Self(map))
    }

    /// The whole file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
