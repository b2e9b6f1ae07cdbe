//! Prepared keys on disk, to be mapped: limbs in the layout that the kernels
//! use, tables included.
//!
//! A file holds a whole [`PreparedKey`] except the transforms' tables. Those are computed at every
//! start, because checking stored ones would take about as long. The file also holds an
//! attachment, bytes that the caller chooses (a verifying key), so that the `.zkey` need not be
//! read.
//!
//! ```text
//! header        fixed size: magic, version, form, SHA-256 of the .zkey, length of the file,
//!               budget of the tables, wires, instance, constraints, shapes, sections
//! sections      each at a multiple of 64 bytes, in the order of their numbers
//! checksum      BLAKE3 of all before it, 32 bytes
//! ```
//!
//! Numbers are little-endian. The *form* is that of the points: plain words for the path without
//! AVX-512, words of another Montgomery radix for the vector kernels.
//!
//! # What is trusted
//!
//! The checksum protects against torn writes and failing disks. It does not protect against
//! people: a person who can write the file could put another key in it and compute its checksum.
//! The permissions protect against people ([`crate::map`]). Proofs under an attacker's key could
//! reveal the witness (a δ that blinds nothing, points of small order). They could not prove a
//! false statement, because the verifying key prevents that. The same person could replace the
//! `.zkey` beside the file.
//!
//! Still, nothing in a file may make the prover read out of bounds, panic or loop. When a file is
//! opened, every length and index is checked, and every coordinate must be in the range that the
//! kernels take. One thing is trusted without a check: that the points are in the right group. A
//! file must be made from a key that was checked, and it inherits the trust in that key.

mod read;
mod write;

use std::path::PathBuf;

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::groth16::PreparedKey;
use crate::layout_error::LayoutError;
use crate::path::{Kind, Path};
use crate::tables::TableBudget;

const MAGIC: [u8; 8] = *b"bn254-pk";

/// Raise it with any change of the layout, of a form, of the order of H, or of how tables are
/// used. A file of another version is made again.
const VERSION: u32 = 1;

/// Sections start at multiples of this, a cache line.
const ALIGNMENT: usize = 64;

const CHECKSUM: usize = blake3::OUT_LEN;

/// The queries: A, B in G1, L, H, B in G2.
const QUERIES: usize = 5;

/// The positions in the table of sections.
mod section {
    /// α, β, δ in G1, then β, δ in G2: arkworks' words.
    pub(super) const SINGLE: usize = 0;
    /// Points of query `i`, then its slots, which are empty when no
    /// point is the identity.
    pub(super) const fn points(query: usize) -> usize {
        1 + 2 * query
    }
    pub(super) const fn slots(query: usize) -> usize {
        2 + 2 * query
    }
    /// Ends of the rows of matrix `i` (A, B), then its terms, then its coefficients.
    pub(super) const fn ends(matrix: usize) -> usize {
        1 + 2 * super::QUERIES + 3 * matrix
    }
    /// The caller's bytes.
    pub(super) const ATTACHMENT: usize = ends(2);
    pub(super) const COUNT: usize = ATTACHMENT + 1;
}

#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    version: u32,
    form: u32,
    zkey_sha256: [u8; 32],
    length: u64,
    tables: u64,
    wires: u64,
    instance: u64,
    constraints: u64,
    /// Levels and bits of the tables of the four queries over wires, then of H.
    shapes: [[u32; 2]; 2],
    /// Offset and length in bytes.
    sections: [[u64; 2]; section::COUNT],
}

/// Identifies the prepared key that the caller wants.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// SHA-256 of the `.zkey` file.
    pub zkey_sha256: [u8; 32],
    /// The path that will run.
    pub path: Path,
    /// The memory budget of the tables.
    pub tables: TableBudget,
}

/// A prepared key's file: its path and what it must hold.
///
/// A person who can write the file could put a key there under which proofs reveal the witness.
/// (They could not prove a false statement: the verifying key prevents that.) So a file or
/// directory is used only if nobody but this user and root can write it.
#[derive(Clone, Debug)]
pub struct PreparedFile {
    dir: PathBuf,
    label: Label,
}

/// The contents of a [`PreparedFile`].
#[derive(Debug)]
pub struct Prepared {
    /// The key, mapped or in memory.
    pub key: PreparedKey,
    /// The caller's bytes.
    pub attachment: Vec<u8>,
}

/// Where a prepared key came from.
#[derive(Debug)]
#[non_exhaustive]
pub enum Readiness {
    /// From its file.
    Mapped,
    /// The file was missing or rejected. It was made again, and the key is
    /// mapped from it.
    Rebuilt {
        /// Why the old file was rejected.
        reason: LayoutError,
    },
    /// The file was missing or rejected, and the new file cannot be used either. The key is in
    /// this process's memory, and the next start will be as slow as this one.
    InMemory {
        /// Why the old file was rejected.
        reason: LayoutError,
        /// Why the new file cannot be used.
        obstacle: LayoutError,
    },
}

impl PreparedFile {
    /// The file for `label` in `dir`. The directory is created at the first write, readable by this
    /// user alone. Use the directory for nothing else: each write of a key removes files of other
    /// keys and files that crashes left behind.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, label: Label) -> Self {
        Self {
            dir: dir.into(),
            label,
        }
    }

    /// Its path: `<dir>/<SHA-256 of the .zkey>.<path>.prepared`.
    #[must_use]
    pub fn location(&self) -> PathBuf {
        let digest: String = self
            .label
            .zkey_sha256
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.dir
            .join(format!("{digest}.{}.prepared", self.label.path.name()))
    }

    /// Maps the file and checks the header, the checksum, and all lengths, indexes and ranges of
    /// coordinates. It trusts that points are in their groups.
    ///
    /// # Errors
    /// [`LayoutError`].
    pub fn open(&self) -> Result<Prepared, LayoutError> {
        little_endian()?;
        read::open(&self.location(), &self.label)
    }

    /// Writes the file under a temporary name, flushes it, and renames it.
    /// Processes that have mapped the old file keep the old one.
    ///
    /// # Errors
    /// [`LayoutError`]; no partial file is left behind.
    pub fn save(&self, prepared: &Prepared) -> Result<(), LayoutError> {
        little_endian()?;
        let same_path = form(prepared.key.path) == form(self.label.path);
        if !same_path || prepared.key.tables != self.label.tables {
            return Err(LayoutError::Other {
                what: "path or budget than the file's",
            });
        }
        write::save(&self.location(), &self.label, prepared)
    }

    /// Maps the file. If that fails, builds the key, writes it and maps the new file. `build` runs
    /// at most once, and only its error is returned: a fault of the file never prevents a key.
    ///
    /// `decode` parses the file's attachment for the caller and may reject it; a file whose
    /// attachment is rejected is made again. `build` returns the key and the same parsed value.
    ///
    /// Processes that do this at the same time each build the key and each write a whole file.
    /// The last file remains.
    ///
    /// # Errors
    /// Those of `build`.
    pub fn open_or_build<T, E>(
        &self,
        decode: impl FnOnce(&[u8]) -> Option<T>,
        build: impl FnOnce() -> Result<(Prepared, T), E>,
    ) -> Result<(PreparedKey, T, Readiness), E> {
        let opened = self.open().and_then(|prepared| {
            let wanted = decode(&prepared.attachment);
            let other = LayoutError::Other { what: "attachment" };
            Ok((prepared.key, wanted.ok_or(other)?))
        });
        let reason = match opened {
            Ok((key, wanted)) => return Ok((key, wanted, Readiness::Mapped)),
            Err(reason) => reason,
        };
        let (built, wanted) = build()?;
        Ok(match self.save(&built).and_then(|()| self.open()) {
            Ok(mapped) => (mapped.key, wanted, Readiness::Rebuilt { reason }),
            Err(obstacle) => {
                let readiness = Readiness::InMemory { reason, obstacle };
                (built.key, wanted, readiness)
            }
        })
    }

    /// The key that it must hold.
    #[must_use]
    pub fn label(&self) -> &Label {
        &self.label
    }
}

fn little_endian() -> Result<(), LayoutError> {
    if cfg!(target_endian = "little") {
        return Ok(());
    }
    Err(LayoutError::Unsupported {
        what: "this processor is big-endian, and the file is not",
    })
}

/// Number of a path's form of points.
fn form(path: Path) -> u32 {
    match path.0 {
        Kind::Scalar => 1,
        #[cfg(target_arch = "x86_64")]
        Kind::Ifma(_) => 2,
    }
}

#[cfg(test)]
mod tests;
