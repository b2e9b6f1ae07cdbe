//! What was signed: one subject and period has only one commitment.
//!
//! After a first line, the file has records of a fixed size: two digests and C. One digest is of schema, h and
//! period, the other of schema, account and period. Both are needed. Links come from distributors, so the same
//! deeds could be credited twice under a second pseudonym. And two accounts of one person share h. The second
//! digest has the account as a MAC under the salt key, so the file reveals nothing about people without the key
//! and the pseudonyms.
//!
//! Records are appended and synced to the disk *before* a signature leaves, so that a crash never allows a
//! second, different signature. A torn last record belongs to a signature that never left, and is dropped. The
//! salt key belongs to the register: under a new key, accounts are not recognised, and only h is.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use merits_guard::input;
use merits_primitives::{
    commitment::RecordCommitment,
    field,
    ids::{Period, SchemaId},
    owner::Handle,
};
use thiserror::Error;

const MAGIC: &[u8; 24] = b"merits-source-register2\n";
const RECORD: usize = 96;

/// Most bytes of a register: 170 million records.
const MOST_BYTES: u64 = 1 << 34;

/// The key of a record: a source makes only one commitment for each account, and for each person, in a period.
#[derive(Debug, Clone, Copy)]
pub struct RegisterKey<'a> {
    /// Schema of the records.
    pub schema: SchemaId,
    /// The account, as [`crate::Signer::account_tag`] has it.
    pub account: &'a [u8; 32],
    /// The person's pseudonym.
    pub handle: &'a Handle,
    /// The period.
    pub period: Period,
}

impl RegisterKey<'_> {
    fn digests(&self) -> [[u8; 32]; 2] {
        let of = |domain, who: &[u8]| {
            let (schema, period) = (field::to_bytes(&self.schema), self.period.to_u64());
            field::digest(domain, &[&schema, who, &period.to_le_bytes()])
        };
        [
            of("merits/source-register/account/v2", self.account),
            of(
                "merits/source-register/handle/v2",
                &field::to_bytes(self.handle),
            ),
        ]
    }
}

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
    /// Others could replace it, or it cannot be written.
    #[error("the register {0}")]
    Guard(#[from] merits_guard::GuardError),
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
    "a different commitment was signed before for this subject and period: records or pseudonym changed after signing"
)]
pub struct SecondCommitment;

/// The register, held exclusively while it is open.
#[derive(Debug)]
pub struct Register {
    path: PathBuf,
    /// `None` if the register is only read.
    file: Option<File>,
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
            source: merits_guard::explain::writing(source),
        };
        if let Some(directory) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            merits_guard::create_folder(directory).map_err(io)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = merits_guard::open_state(path, &mut options)?;
        file.try_lock().map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => RegisterError::Busy {
                path: path.to_owned(),
            },
            std::fs::TryLockError::Error(source) => io(source),
        })?;
        let mut bytes = Vec::new();
        input::whole(&file, &mut bytes, MOST_BYTES)
            .map_err(merits_guard::explain::reading)
            .map_err(io)?;
        if bytes.len() < MAGIC.len() && MAGIC.starts_with(&bytes) {
            // New, or its making was cut short: no record was ever in it.
            file.set_len(0).map_err(io)?;
            file.seek(SeekFrom::Start(0)).map_err(io)?;
            file.write_all(MAGIC).map_err(io)?;
            file.sync_all().map_err(io)?;
            bytes = MAGIC.to_vec();
        }
        let (signed, end) = parse(&bytes, path)?;
        file.set_len(end).map_err(io)?;
        file.seek(SeekFrom::Start(end)).map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            signed,
            pending: Vec::new(),
        })
    }

    /// Reads a register to see what could be signed. Nothing is made, locked or written: what is noted in
    /// it is forgotten with it. Where there is no file, nothing was signed.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn look(path: &Path) -> Result<Self, RegisterError> {
        let bytes = match input::read(path, MOST_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => MAGIC.to_vec(),
            Err(source) => {
                let path = path.to_owned();
                return Err(RegisterError::Io {
                    path,
                    source: merits_guard::explain::reading(source),
                });
            }
        };
        let new = bytes.len() < MAGIC.len() && MAGIC.starts_with(&bytes);
        let bytes = if new { MAGIC.to_vec() } else { bytes };
        Ok(Self {
            path: path.to_owned(),
            file: None,
            signed: parse(&bytes, path)?.0,
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
        place: &RegisterKey<'_>,
        c: &RecordCommitment,
    ) -> Result<(), SecondCommitment> {
        let c = field::to_bytes(c);
        let [account, handle] = place.digests();
        match (self.signed.get(&account), self.signed.get(&handle)) {
            (Some(one), Some(other)) if *one == c && *other == c => return Ok(()),
            (None, None) => {}
            _ => return Err(SecondCommitment),
        }
        for part in [account, handle, c] {
            self.pending.extend_from_slice(&part);
        }
        self.signed.insert(account, c);
        self.signed.insert(handle, c);
        Ok(())
    }

    /// Puts all notes on the disk.
    ///
    /// # Errors
    /// [`RegisterError::Io`]; then nothing that was noted may leave.
    pub fn sync(&mut self) -> Result<(), RegisterError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Some(file) = &mut self.file else {
            self.pending.clear();
            return Ok(());
        };
        let written = file
            .write_all(&self.pending)
            .and_then(|()| file.sync_data());
        written.map_err(|source| RegisterError::Io {
            path: self.path.clone(),
            source: merits_guard::explain::writing(source),
        })?;
        self.pending.clear();
        Ok(())
    }

    /// How many commitments were signed.
    pub fn len(&self) -> usize {
        self.signed.len() / 2
    }

    /// Whether nothing was signed yet.
    pub fn is_empty(&self) -> bool {
        self.signed.is_empty()
    }
}

/// The commitments that were signed, by place, and where the last whole record ends.
type Parsed = (HashMap<[u8; 32], [u8; 32]>, u64);

fn parse(bytes: &[u8], path: &Path) -> Result<Parsed, RegisterError> {
    let records = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| RegisterError::Malformed {
            path: path.to_owned(),
        })?;
    let whole = records.len() / RECORD * RECORD;
    let signed = records[..whole]
        .chunks_exact(RECORD)
        .flat_map(|record| {
            let part = |at: usize| {
                let mut part = [0u8; 32];
                part.copy_from_slice(&record[at..at + 32]);
                part
            };
            [(part(0), part(64)), (part(32), part(64))]
        })
        .collect();
    Ok((signed, (MAGIC.len() + whole) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::ids::PeriodIndex;
    use merits_primitives::{Fr, ids::PeriodKind};

    fn note(register: &mut Register, h: u64, week: u32, c: u64) -> Result<(), SecondCommitment> {
        let period = Period {
            kind: PeriodKind::Week,
            index: PeriodIndex(week),
        };
        let mut account = [0u8; 32];
        account[0] = h as u8;
        let place = RegisterKey {
            schema: SchemaId(Fr::from(1u64)),
            account: &account,
            handle: &Handle(Fr::from(h)),
            period,
        };
        register.note(&place, &RecordCommitment(Fr::from(c)))
    }

    /// Regression: a pipe was read for ever. That this ends is a part of the test.
    #[test]
    fn a_pipe_is_no_register() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("register");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo runs").success());
        for refused in [Register::open(&path), Register::look(&path)] {
            let said = refused.expect_err("a pipe").to_string();
            assert!(said.contains("it is a pipe"), "{said}");
        }
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
    fn looking_changes_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("sub/register");
        let mut look = Register::look(&path).expect("nothing was signed");
        assert_eq!(note(&mut look, 1, 1, 10), Ok(()));
        assert_eq!(note(&mut look, 1, 1, 11), Err(SecondCommitment));
        look.sync().expect("nothing to write");
        assert!(!dir.path().join("sub").exists());
        let mut register = Register::open(&path).expect("made");
        assert_eq!(note(&mut register, 1, 1, 12), Ok(()));
        register.sync().expect("written");
        // Beside a signer at work.
        let mut look = Register::look(&path).expect("read");
        assert_eq!(note(&mut look, 1, 1, 10), Err(SecondCommitment));
        assert_eq!(note(&mut look, 2, 1, 20), Ok(()));
        look.sync().expect("nothing to write");
        assert_eq!(Register::look(&path).expect("read").len(), 1);
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
