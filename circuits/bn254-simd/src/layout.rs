//! Prepared keys on disk: limbs as the kernels want them, tables included, to be mapped.
//!
//! A file holds all of a [`PreparedKey`] but the transforms' tables, which are made again at every
//! start: that takes about as long as checking them would. With it go bytes of the caller's choice
//! (a verifying key), so that nothing of the `.zkey` need be read.
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
//! # What is believed
//!
//! Whoever can write the file could put another key in it and compute its checksum, so the
//! checksum is against torn writes and failing disks; against people there are the permissions
//! ([`crate::map`]). Proofs under a key of theirs could tell them the witness (a δ that blinds
//! nothing, points of small order); they could not prove what is false, which is for the verifying
//! key to prevent. The same person could replace the `.zkey` beside it.
//!
//! Still nothing in a file may make the prover read out of bounds, panic or loop: every length and
//! index is checked when it is opened, coordinates are checked to be in the range that the kernels
//! take, and only that they are points of the right group is believed: a file is to be made of a
//! key that was checked, and inherits the trust in it.

mod read;
mod write;

use std::path::PathBuf;

use zerocopy_derive::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::groth16::PreparedKey;
use crate::layout_error::LayoutError;
use crate::path::{Kind, Path};
use crate::tables::TableBudget;

const MAGIC: [u8; 8] = *b"bn254-pk";

/// To be raised with any change of the layout, of a form, of the order of H, or of how tables are
/// used: a file of another version is made again.
const VERSION: u32 = 1;

/// Sections start at multiples of this, a cache line.
const ALIGNMENT: usize = 64;

const CHECKSUM: usize = blake3::OUT_LEN;

/// The queries: A, B in G1, L, H, B in G2.
const QUERIES: usize = 5;

/// What stands where in the table of sections.
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

/// Which prepared key is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// SHA-256 of the `.zkey` file.
    pub zkey_sha256: [u8; 32],
    /// The path that will run.
    pub path: Path,
    /// What tables may take.
    pub tables: TableBudget,
}

/// A prepared key's file: its place and what it has to hold.
///
/// Whoever may write it could put a key there under which proofs tell them the witness (not one
/// under which they prove what is false: that is for the verifying key to prevent). So neither a
/// file nor a directory is used that others than this user and root may write.
#[derive(Clone, Debug)]
pub struct PreparedFile {
    dir: PathBuf,
    label: Label,
}

/// What is in a [`PreparedFile`].
#[derive(Debug)]
pub struct Prepared {
    /// The key, mapped or in memory.
    pub key: PreparedKey,
    /// The caller's bytes.
    pub attachment: Vec<u8>,
}

/// How a prepared key was come by.
#[derive(Debug)]
#[non_exhaustive]
pub enum Readiness {
    /// From its file.
    Mapped,
    /// The file was missing or unfit; it was made again, and the key is mapped from it.
    Rebuilt {
        /// Why the file was not taken.
        reason: LayoutError,
    },
    /// As before, but the new file cannot be used: the key is in this process's memory, and the
    /// next start will be as slow as this one.
    InMemory {
        /// Why the file was not taken.
        reason: LayoutError,
        /// Why the new one was not.
        obstacle: LayoutError,
    },
}

impl PreparedFile {
    /// The file for `label` in `dir`, which is made when it is first written, readable by this user
    /// alone. A directory for this purpose only: files of other keys and what crashes left behind
    /// are removed from it when a key is written.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, label: Label) -> Self {
        Self {
            dir: dir.into(),
            label,
        }
    }

    /// Its place: `<dir>/<SHA-256 of the .zkey>.<path>.prepared`.
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

    /// Maps it, after checking its head, its checksum, and all lengths, indexes and ranges of
    /// coordinates in it; that points lie in their groups is believed.
    ///
    /// # Errors
    /// [`LayoutError`].
    pub fn open(&self) -> Result<Prepared, LayoutError> {
        little_endian()?;
        read::open(&self.location(), &self.label)
    }

    /// Writes it: beside its place, flushed, renamed. Whoever has the old one mapped keeps it.
    ///
    /// # Errors
    /// [`LayoutError`]; nothing is left behind then.
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

    /// Maps it, or builds the key, writes it and maps that. `build` runs at most once; its error is
    /// the only one: whatever is wrong with the file, there is a key in the end.
    ///
    /// `decode` makes of a file's attachment what the caller wants of it, and refuses what it does
    /// not want: such a file is made again. `build` gives the same beside the key.
    ///
    /// Processes that do this at the same time each build, and each write a whole file; the last
    /// one stays.
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

    /// What it has to hold.
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
