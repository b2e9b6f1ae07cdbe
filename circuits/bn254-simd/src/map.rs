//! A file of a prepared key in memory: the only module beside `isa` that may say `unsafe`, once.
//!
//! # Why it is sound
//!
//! A mapped file is a slice whose bytes must not change while it is borrowed, and whose pages must
//! be there. Neither can be had from the operating system; it is had from who may write the file:
//!
//! 1. [`Map::open`] opens it for reading and maps it for reading, so nobody changes it through us.
//! 2. Files are written by [`crate::layout`] alone: under a new temporary name, flushed to the
//!    disk, then renamed to their place. A file at its place is replaced by another file or
//!    removed, never changed or shortened; what is mapped lives on until it is unmapped.
//! 3. The file and its directory belong to this user or to root, and nobody else may write them;
//!    anything else is refused. The mode of a file of ours is 0400.
//!
//! What remains: root, or a program of the same user that ignores all this, can change the file
//! under a running prover (wrong proofs, or a panic at an index) or cut it off (the process then
//! ends by SIGBUS, as at a failing disk). Both could end or change the process by other means.
//!
//! On systems without Unix permissions nothing is mapped.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::path::Path as FilePath;

use memmap2::{Mmap, MmapOptions};

use crate::layout::LayoutError;

/// A mapped file.
pub(crate) struct Map(Mmap);

impl Map {
    /// Maps a file that nobody but this user and root can write.
    pub(crate) fn open(path: &FilePath) -> Result<Self, LayoutError> {
        let io = |source| LayoutError::io("reading", path, source);
        if let Some(dir) = path.parent() {
            ours_alone(dir, &fs::metadata(dir).map_err(io)?)?;
        }
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        ours_alone(path, &metadata)?;
        if !metadata.is_file() {
            return Err(LayoutError::Torn {
                what: "it is no file",
            });
        }
        // SAFETY: 1. to 3. above: nobody but this user and root can write it, and we do not.
        let map = unsafe { MmapOptions::new().populate().map(&file) }.map_err(io)?;
        Ok(Self(map))
    }

    /// The whole file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Refuses what others than this user and root may write.
#[cfg(unix)]
fn ours_alone(path: &FilePath, metadata: &fs::Metadata) -> Result<(), LayoutError> {
    use std::os::unix::fs::MetadataExt;
    let (owner, mode) = (metadata.uid(), metadata.mode() & 0o7777);
    let us = rustix::process::geteuid().as_raw();
    if (owner == us || owner == 0) && mode & 0o022 == 0 {
        return Ok(());
    }
    Err(LayoutError::Exposed {
        path: path.into(),
        owner,
        mode,
    })
}

#[cfg(not(unix))]
fn ours_alone(_: &FilePath, _: &fs::Metadata) -> Result<(), LayoutError> {
    Err(LayoutError::Unsupported {
        what: "this system does not say who may write a file",
    })
}
