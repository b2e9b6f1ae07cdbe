//! What was signed: one subject and period has one commitment only.
//!
//! A file of fixed-size records after a first line, (place, C), where place is the digest of
//! schema, h and period: the file says nothing about people to who lacks the pseudonyms. Records
//! are appended and on the disk *before* a signature leaves, so that no crash can make room for a
//! second, different one. A torn last record is a signature that never left: it is dropped.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use merits_primitives::{
    Fr, field,
    ids::{Period, SchemaId},
    owner::Handle,
};
use thiserror::Error;

const MAGIC: &[u8; 24] = b"merits-source-register1\n";
const RECORD: usize = 64;

/// Why a register cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not a register.
    #[error("{path}: not a source register; point register_file at the one kept with the keys")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Another process has it.
    #[error("{path}: another process is signing with this register; wait for it to end")]
    Busy {
        /// The file.
        path: PathBuf,
    },
}

/// A second, different account of the same subject and period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a different commitment was signed before for this subject and period: records changed after signing"
)]
pub struct SecondCommitment;

/// The register, held exclusively while it is open.
#[derive(Debug)]
pub struct Register {
    path: PathBuf,
    file: File,
    signed: HashMap<[u8; 32], [u8; 32]>,
    pending: Vec<u8>,
}

impl Register {
    /// Opens or makes the file and takes its lock.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn open(path: &Path) -> Result<Self, RegisterError> {
        let io = |source| RegisterError::Io {
            path: path.to_owned(),
            source,
        };
        if let Some(directory) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(io)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(io)?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => RegisterError::Busy {
                path: path.to_owned(),
            },
            std::fs::TryLockError::Error(source) => io(source),
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() < MAGIC.len() && MAGIC.starts_with(&bytes) {
            // New, or its making was cut short: no record was ever in it.
            file.set_len(0).map_err(io)?;
            file.seek(SeekFrom::Start(0)).map_err(io)?;
            file.write_all(MAGIC).map_err(io)?;
            file.sync_all().map_err(io)?;
            bytes = MAGIC.to_vec();
        }
        let records = bytes
            .strip_prefix(MAGIC)
            .ok_or_else(|| RegisterError::Malformed {
                path: path.to_owned(),
            })?;
        let whole = records.len() / RECORD * RECORD;
        let signed = records[..whole]
            .chunks_exact(RECORD)
            .map(|record| {
                let (mut place, mut c) = ([0u8; 32], [0u8; 32]);
                place.copy_from_slice(&record[..32]);
                c.copy_from_slice(&record[32..]);
                (place, c)
            })
            .collect();
        let end = (MAGIC.len() + whole) as u64;
        file.set_len(end).map_err(io)?;
        file.seek(SeekFrom::Start(end)).map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            signed,
            pending: Vec::new(),
        })
    }

    /// Notes that C is to be signed; the same C again is fine. [`Register::sync`] must succeed
    /// before the signature leaves.
    ///
    /// # Errors
    /// [`SecondCommitment`] when another C was signed for this place.
    pub fn note(
        &mut self,
        schema: SchemaId,
        handle: &Handle,
        period: Period,
        c: &Fr,
    ) -> Result<(), SecondCommitment> {
        let place = field::digest(
            "merits/source-register/v1",
            &[
                &field::to_bytes(&schema.0),
                &field::to_bytes(&handle.0),
                &period.to_u64().to_le_bytes(),
            ],
        );
        let c = field::to_bytes(c);
        match self.signed.insert(place, c) {
            None => {
                self.pending.extend_from_slice(&place);
                self.pending.extend_from_slice(&c);
                Ok(())
            }
            Some(before) if before == c => Ok(()),
            Some(before) => {
                self.signed.insert(place, before);
                Err(SecondCommitment)
            }
        }
    }

    /// Puts all notes on the disk.
    ///
    /// # Errors
    /// [`RegisterError::Io`]; then nothing that was noted may leave.
    pub fn sync(&mut self) -> Result<(), RegisterError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = self
            .file
            .write_all(&self.pending)
            .and_then(|()| self.file.sync_data());
        written.map_err(|source| RegisterError::Io {
            path: self.path.clone(),
            source,
        })?;
        self.pending.clear();
        Ok(())
    }

    /// How many commitments were signed.
    pub fn len(&self) -> usize {
        self.signed.len()
    }

    /// Whether nothing was signed yet.
    pub fn is_empty(&self) -> bool {
        self.signed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::ids::PeriodKind;

    fn note(register: &mut Register, h: u64, week: u32, c: u64) -> Result<(), SecondCommitment> {
        let period = Period {
            kind: PeriodKind::Week,
            index: week,
        };
        register.note(
            SchemaId(Fr::from(1u64)),
            &Handle(Fr::from(h)),
            period,
            &Fr::from(c),
        )
    }

    #[test]
    fn one_place_has_one_commitment_across_restarts() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("register");
        let mut register = Register::open(&path).expect("made");
        assert_eq!(note(&mut register, 1, 1, 10), Ok(()));
        assert_eq!(note(&mut register, 1, 2, 11), Ok(()));
        assert_eq!(note(&mut register, 1, 1, 12), Err(SecondCommitment));
        register.sync().expect("written");
        assert!(matches!(
            Register::open(&path),
            Err(RegisterError::Busy { .. })
        ));
        drop(register);
        let mut register = Register::open(&path).expect("opened");
        assert_eq!(register.len(), 2);
        assert_eq!(note(&mut register, 1, 1, 10), Ok(()));
        assert_eq!(note(&mut register, 1, 1, 12), Err(SecondCommitment));
        assert_eq!(note(&mut register, 2, 1, 12), Ok(()));
    }

    #[test]
    fn a_torn_record_is_dropped_and_the_rest_stays() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("register");
        let mut register = Register::open(&path).expect("made");
        assert_eq!(note(&mut register, 1, 1, 10), Ok(()));
        assert_eq!(note(&mut register, 2, 1, 20), Ok(()));
        register.sync().expect("written");
        drop(register);
        let bytes = std::fs::read(&path).expect("there");
        for cut in 0..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).expect("written");
            let mut register = Register::open(&path).expect("a cut file opens");
            let kept = cut.saturating_sub(MAGIC.len()) / RECORD;
            assert_eq!(register.len(), kept, "cut at {cut}");
            assert_eq!(note(&mut register, 3, 1, 30), Ok(()));
            register.sync().expect("written");
            drop(register);
            let mut register = Register::open(&path).expect("opened");
            assert_eq!(register.len(), kept + 1);
            assert_eq!(note(&mut register, 3, 1, 31), Err(SecondCommitment));
        }
        std::fs::write(&path, "something else, longer than the magic").expect("written");
        assert!(matches!(
            Register::open(&path),
            Err(RegisterError::Malformed { .. })
        ));
    }
}
