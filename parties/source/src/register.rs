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
//!
//! The file grows with people and periods, so it is never in memory. A run says which places it signs for
//! ([`Register::recall`]), and the file is read once, record by record, for what was signed for these.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, BufReader, Read as _, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use merits_guard::{LockedFile, input};
use merits_primitives::{
    commitment::RecordCommitment,
    field,
    ids::{Period, SchemaId},
    owner::Handle,
};
use thiserror::Error;

use self::mark::{Position, RegisterMark};

mod mark;

const MAGIC: &[u8; 24] = b"merits-source-register2\n";
const RECORD: usize = 96;

/// Bytes that are read at once.
const BLOCK: usize = 8_192 * RECORD;

/// The key of a record: a source makes only one commitment for each account, and for each person, in a period.
#[derive(Debug, Clone, Copy)]
pub struct RegisterKey {
    /// Schema of the records.
    pub schema: SchemaId,
    /// The account, as [`crate::Signer::account_tag`] has it.
    pub account: [u8; 32],
    /// The person's pseudonym.
    pub handle: Handle,
    /// The period.
    pub period: Period,
}

impl RegisterKey {
    fn digests(&self) -> [Digest; 2] {
        let of = |domain, who: &[u8]| {
            let (schema, period) = (field::to_bytes(&self.schema), self.period.to_u64());
            field::digest(domain, &[&schema, who, &period.to_le_bytes()])
        };
        [
            of("merits/source-register/account/v2", &self.account),
            of(
                "merits/source-register/handle/v2",
                &field::to_bytes(&self.handle),
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
    /// It has commitments, and no mark says how many there must be.
    #[error(
        "the register {} has {found} commitments, and its mark {} is missing: nothing says whether some are lost, and \
         what is lost would be signed a second time. Nothing was signed. Bring the mark back from its copy. Only if the \
         register is whole for certain, begin a mark with --begin-register-mark",
        .register.display(),
        .mark.display()
    )]
    MarkLost {
        /// The register.
        register: PathBuf,
        /// Where its mark should be.
        mark: PathBuf,
        /// Commitments in the register.
        found: u64,
    },
    /// It has fewer commitments than its mark says.
    #[error(
        "the register {} has {found} commitments, and its mark {} says that {marked} were signed: it was emptied, cut \
         or put back older, and what is lost would be signed a second time. Nothing was signed. Bring the newest copy \
         of the register back",
        .register.display(),
        .mark.display()
    )]
    Cut {
        /// The register.
        register: PathBuf,
        /// Its mark.
        mark: PathBuf,
        /// Commitments in the register.
        found: u64,
        /// Commitments by the mark.
        marked: u64,
    },
    /// It is not the register of the mark.
    #[error(
        "the register {} is not the one of its mark {}: its commitment {marked} is another. Nothing was signed. Bring \
         this source's own register back",
        .register.display(),
        .mark.display()
    )]
    Other {
        /// The register.
        register: PathBuf,
        /// Its mark.
        mark: PathBuf,
        /// Commitments by the mark.
        marked: u64,
    },
    /// The mark is damaged, or another file.
    #[error(
        "{}: this is no mark of a register: bring it back from its copy",
        .0.display()
    )]
    MarkMalformed(PathBuf),
    /// Another process has it.
    #[error("{path}: another process is signing with this register; wait for it to end")]
    Busy {
        /// The file.
        path: PathBuf,
    },
}

/// Why a commitment must not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoteError {
    /// A second, different commitment of the same subject and period.
    #[error(
        "a different commitment was signed before for this subject and period: records or pseudonym changed after signing"
    )]
    SecondCommitment,
    /// Nothing is known of the place, because the register was not read for it.
    #[error(
        "the register was not read for a subject and period that is to be signed: this is a fault of the program, so \
         please report it. Nothing was signed for them"
    )]
    NotRecalled,
}

/// One of the two digests of a place, or C.
type Digest = [u8; 32];

/// The register, held exclusively while it is open for signing.
#[derive(Debug)]
pub struct Register {
    path: PathBuf,
    kept: Kept,
    /// Where the last whole record ends.
    end: u64,
    /// Says outside the register how many commitments it has.
    mark: Option<RegisterMark>,
}

/// The register's file.
#[derive(Debug)]
enum Kept {
    /// There is none, and the register is only read.
    Nothing,
    /// It is only read.
    Looked(File),
    /// It is locked, and records are appended.
    Locked(LockedFile),
}

impl Kept {
    fn file(&self) -> Option<&File> {
        match self {
            Self::Nothing => None,
            Self::Looked(file) => Some(file),
            Self::Locked(file) => Some(file),
        }
    }
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
        let file = merits_guard::open_state(path, &mut options)?;
        let mut file = LockedFile::lock(file).map_err(|error| match error {
            std::fs::TryLockError::WouldBlock => RegisterError::Busy {
                path: path.to_owned(),
            },
            std::fs::TryLockError::Error(source) => io(source),
        })?;
        let end = match end_of_records(&file, path)? {
            Some(end) => end,
            None => {
                // New, or its making was cut short: no record was ever in it.
                file.set_len(0).map_err(io)?;
                file.seek(SeekFrom::Start(0)).map_err(io)?;
                file.write_all(MAGIC).map_err(io)?;
                file.sync_all().map_err(io)?;
                FIRST_RECORD
            }
        };
        file.set_len(end).map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            kept: Kept::Locked(file),
            end,
            mark: None,
        })
    }

    /// Reads a register to see what could be signed. Nothing is made, locked or written: what is noted in
    /// it is forgotten with it. Where there is no file, nothing was signed.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn look(path: &Path) -> Result<Self, RegisterError> {
        let (kept, end) = match input::open(path) {
            Ok(file) => {
                let end = end_of_records(&file, path)?.unwrap_or(FIRST_RECORD);
                (Kept::Looked(file), end)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Kept::Nothing, FIRST_RECORD),
            Err(source) => return Err(unreadable(path, source)),
        };
        Ok(Self {
            path: path.to_owned(),
            kept,
            end,
            mark: None,
        })
    }

    /// Judges the register by its mark in this file, and raises the mark with each commitment from now on. With `begin`, a
    /// register without a mark gets one.
    ///
    /// # Errors
    /// [`RegisterError`]: the register has fewer commitments than were signed, or it is another one.
    pub fn under(mut self, mark: &Path, begin: bool) -> Result<Self, RegisterError> {
        let mut mark = RegisterMark::read(mark)?;
        let (register, found) = (self.path.clone(), self.len());
        match mark.at() {
            None if begin || self.is_empty() => {
                if !self.is_empty() && matches!(self.kept, Kept::Locked(_)) {
                    let last = self.position(found)?;
                    mark.raise(last)?;
                }
            }
            None => {
                let mark = mark.path().to_owned();
                return Err(RegisterError::MarkLost {
                    register,
                    mark,
                    found,
                });
            }
            Some(at) => {
                let (marked, path) = (at.records, mark.path().to_owned());
                if found < marked {
                    return Err(RegisterError::Cut {
                        register,
                        mark: path,
                        found,
                        marked,
                    });
                }
                if self.position(marked)? != at {
                    return Err(RegisterError::Other {
                        register,
                        mark: path,
                        marked,
                    });
                }
            }
        }
        self.mark = Some(mark);
        Ok(self)
    }

    /// The place after this many commitments, of which the register has at least as many.
    fn position(&self, records: u64) -> Result<Position, RegisterError> {
        let mut last = [0; 32];
        if let (Some(before), Some(mut file)) = (records.checked_sub(1), self.kept.file()) {
            let mut record = [0; RECORD];
            file.seek(SeekFrom::Start(FIRST_RECORD + before * RECORD as u64))
                .and_then(|_| file.read_exact(&mut record))
                .map_err(|source| unreadable(&self.path, source))?;
            last = digest_of(&record);
        }
        Ok(Position { records, last })
    }

    /// Reads what was signed for these places: once through the file, record by record. Memory is needed for the
    /// places that are asked for, however much was signed before.
    ///
    /// # Errors
    /// [`RegisterError::Io`].
    pub fn recall(
        &mut self,
        places: impl IntoIterator<Item = RegisterKey>,
    ) -> Result<Recalled<'_>, RegisterError> {
        let digests = places.into_iter().flat_map(|place| place.digests());
        let mut signed: HashMap<Digest, Option<Digest>> =
            digests.map(|digest| (digest, None)).collect();
        if !signed.is_empty() {
            self.each_record(|record| {
                let [account, handle, c] = parts(record);
                for digest in [account, handle] {
                    if let Some(place) = signed.get_mut(&digest) {
                        *place = Some(c);
                    }
                }
            })
            .map_err(|source| unreadable(&self.path, source))?;
        }
        Ok(Recalled {
            register: self,
            signed,
            pending: Vec::new(),
        })
    }

    fn each_record(&self, mut visit: impl FnMut(&[u8; RECORD])) -> io::Result<()> {
        let Some(mut file) = self.kept.file() else {
            return Ok(());
        };
        file.seek(SeekFrom::Start(FIRST_RECORD))?;
        let mut records = BufReader::with_capacity(BLOCK, file);
        let mut record = [0; RECORD];
        for _ in 0..self.len() {
            records.read_exact(&mut record)?;
            visit(&record);
        }
        Ok(())
    }

    /// Appends whole records. What a write before this left unfinished is written over.
    fn append(&mut self, records: &[u8]) -> io::Result<()> {
        let Kept::Locked(file) = &mut self.kept else {
            return Ok(());
        };
        file.seek(SeekFrom::Start(self.end))?;
        file.write_all(records)?;
        file.sync_data()?;
        self.end += records.len() as u64;
        Ok(())
    }

    /// How many commitments are in the file.
    pub fn len(&self) -> u64 {
        (self.end - FIRST_RECORD) / RECORD as u64
    }

    /// Whether nothing was signed yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a register has for the places of one run, and what the run adds.
#[derive(Debug)]
pub struct Recalled<'a> {
    register: &'a mut Register,
    /// C by each digest of a place that was asked for; `None` where nothing was signed.
    signed: HashMap<Digest, Option<Digest>>,
    pending: Vec<u8>,
}

impl Recalled<'_> {
    /// Notes that C is to be signed; the same C again is fine. [`Recalled::sync`] must succeed
    /// before the signature leaves.
    ///
    /// # Errors
    /// [`NoteError::SecondCommitment`] when another C was signed for this place.
    pub fn note(&mut self, place: &RegisterKey, c: &RecordCommitment) -> Result<(), NoteError> {
        let c = field::to_bytes(c);
        let [account, handle] = place.digests();
        let known = |digest| self.signed.get(digest).ok_or(NoteError::NotRecalled);
        match (known(&account)?, known(&handle)?) {
            (Some(one), Some(other)) if *one == c && *other == c => return Ok(()),
            (None, None) => {}
            _ => return Err(NoteError::SecondCommitment),
        }
        for part in [account, handle, c] {
            self.pending.extend_from_slice(&part);
        }
        self.signed.insert(account, Some(c));
        self.signed.insert(handle, Some(c));
        Ok(())
    }

    /// Puts all notes on the disk, if the register is not only looked at.
    ///
    /// # Errors
    /// [`RegisterError::Io`]; then nothing that was noted may leave.
    pub fn sync(&mut self) -> Result<(), RegisterError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let written = self.register.append(&self.pending);
        written.map_err(|source| RegisterError::Io {
            path: self.register.path.clone(),
            source: merits_guard::explain::writing(source),
        })?;
        self.pending.clear();
        // After the register and before a signature leaves: a register may be ahead of its mark, never behind.
        let last = self.register.position(self.register.len())?;
        match (&mut self.register.mark, &self.register.kept) {
            (Some(mark), Kept::Locked(_)) => mark.raise(last),
            _ => Ok(()),
        }
    }
}

fn digest_of(record: &[u8; RECORD]) -> Digest {
    field::digest("merits/source-register/last/v1", &[record])
}

/// Where the first record begins.
const FIRST_RECORD: u64 = MAGIC.len() as u64;

/// Where a file's last whole record ends; `None` for a file that is new, or whose making was cut short.
fn end_of_records(file: &File, path: &Path) -> Result<Option<u64>, RegisterError> {
    let unreadable = |source| unreadable(path, source);
    let mut begins = Vec::with_capacity(MAGIC.len());
    let read = file.take(FIRST_RECORD).read_to_end(&mut begins);
    read.map_err(unreadable)?;
    if begins == MAGIC {
        let length = file.metadata().map_err(unreadable)?.len();
        let records = length.saturating_sub(FIRST_RECORD) / RECORD as u64;
        return Ok(Some(FIRST_RECORD + records * RECORD as u64));
    }
    if begins.len() < MAGIC.len() && MAGIC.starts_with(&begins) {
        return Ok(None);
    }
    Err(RegisterError::Malformed {
        path: path.to_owned(),
    })
}

fn unreadable(path: &Path, source: io::Error) -> RegisterError {
    RegisterError::Io {
        path: path.to_owned(),
        source: merits_guard::explain::reading(source),
    }
}

/// The digests of a record's account and pseudonym, and C.
fn parts(record: &[u8; RECORD]) -> [Digest; 3] {
    [0, 32, 64].map(|at| {
        let mut part = [0; 32];
        part.copy_from_slice(&record[at..at + 32]);
        part
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::ids::PeriodIndex;
    use merits_primitives::{Fr, ids::PeriodKind};

    fn place(h: u64, week: u32) -> RegisterKey {
        let period = Period {
            kind: PeriodKind::Week,
            index: PeriodIndex(week),
        };
        let mut account = [0u8; 32];
        account[0] = h as u8;
        RegisterKey {
            schema: SchemaId(Fr::from(1u64)),
            account,
            handle: Handle(Fr::from(h)),
            period,
        }
    }

    /// A run for one place: h, week and C.
    fn note(register: &mut Register, h: u64, week: u32, c: u64) -> Result<(), NoteError> {
        let place = place(h, week);
        let mut recalled = register.recall([place]).expect("read");
        recalled.note(&place, &RecordCommitment(Fr::from(c)))?;
        recalled.sync().expect("written");
        Ok(())
    }

    const SECOND: Result<(), NoteError> = Err(NoteError::SecondCommitment);

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
        assert_eq!(note(&mut register, 1, 1, 12), SECOND);
        assert!(matches!(
            Register::open(&path),
            Err(RegisterError::Busy { .. })
        ));
        drop(register);
        let mut register = Register::open(&path).expect("opened");
        assert_eq!(register.len(), 2);
        assert_eq!(note(&mut register, 1, 1, 10), Ok(()));
        assert_eq!(note(&mut register, 1, 1, 12), SECOND);
        assert_eq!(note(&mut register, 2, 1, 12), Ok(()));
        assert_eq!(register.len(), 3);
    }

    /// A run holds what the file has for its own places, and nothing of all others.
    #[test]
    fn a_run_recalls_its_own_places_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut register = Register::open(&dir.path().join("register")).expect("made");
        let c = |number: u64| RecordCommitment(Fr::from(number));
        let weeks = 0..20_000;
        let mut recalled = register
            .recall(weeks.clone().map(|week| place(1, week)))
            .expect("read");
        for week in weeks {
            let noted = recalled.note(&place(1, week), &c(u64::from(week)));
            assert_eq!(noted, Ok(()));
        }
        recalled.sync().expect("written");
        // More than one block, so that the file is read in several.
        assert!(register.len() * RECORD as u64 > 2 * BLOCK as u64);
        let asked = [place(1, 3), place(1, 19_999), place(2, 3)];
        let mut recalled = register.recall(asked).expect("read");
        assert_eq!(recalled.signed.len(), 2 * asked.len());
        let [known, last, new] = asked;
        assert_eq!(recalled.note(&known, &c(4)), SECOND);
        assert_eq!(recalled.note(&known, &c(3)), Ok(()));
        assert_eq!(recalled.note(&last, &c(3)), SECOND);
        assert_eq!(recalled.note(&new, &c(3)), Ok(()));
        assert_eq!(recalled.note(&new, &c(4)), SECOND);
        // The same person with another account.
        let account = [9; 32];
        let moved = RegisterKey { account, ..known };
        assert_eq!(recalled.note(&moved, &c(3)), Err(NoteError::NotRecalled));
        assert_eq!(
            register.recall([moved]).expect("read").note(&moved, &c(3)),
            SECOND
        );
        assert_eq!(
            register.recall([]).expect("read").note(&known, &c(3)),
            Err(NoteError::NotRecalled)
        );
    }

    /// Regression: an emptied, cut, older or foreign register was taken as a new one, and what it lacked was signed again.
    #[test]
    fn a_register_with_less_than_was_signed_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = |name: &str| dir.path().join(name);
        let (register, mark) = (path("register"), path("a.mark.register"));
        let open = || Register::open(&register).and_then(|opened| opened.under(&mark, false));
        let look = || Register::look(&register).and_then(|opened| opened.under(&mark, false));
        let mut made = open().expect("made");
        for week in 1..=10 {
            assert_eq!(note(&mut made, 1, week, 10), Ok(()));
        }
        drop(made);
        let whole = std::fs::read(&register).expect("read");
        assert_eq!(open().expect("whole").len(), 10);
        let lengths = [
            0,
            10,
            MAGIC.len(),
            MAGIC.len() + 9 * RECORD,
            whole.len() - 1,
        ];
        for length in lengths {
            std::fs::write(&register, &whole[..length]).expect("cut");
            for refused in [look(), open()] {
                assert!(
                    matches!(refused, Err(RegisterError::Cut { marked: 10, .. })),
                    "{length} bytes: {refused:?}"
                );
            }
        }
        // Another source's, with as many commitments.
        let mut foreign = Register::open(&path("foreign")).expect("made");
        for week in 1..=12 {
            assert_eq!(note(&mut foreign, 2, week, 10), Ok(()));
        }
        drop(foreign);
        std::fs::copy(path("foreign"), &register).expect("copied");
        for refused in [look(), open()] {
            assert!(
                matches!(refused, Err(RegisterError::Other { .. })),
                "{refused:?}"
            );
        }
        // A mark that is gone is begun again on purpose alone.
        std::fs::write(&register, &whole).expect("back");
        std::fs::remove_file(&mark).expect("lost");
        for refused in [look(), open()] {
            let lost = matches!(refused, Err(RegisterError::MarkLost { found: 10, .. }));
            assert!(lost, "{refused:?}");
        }
        let begun = Register::open(&register).and_then(|opened| opened.under(&mark, true));
        drop(begun.expect("begun"));
        // Killed between the register and its mark: the register is ahead.
        let mut ahead = Register::open(&register).expect("opened");
        assert_eq!(note(&mut ahead, 1, 11, 10), Ok(()));
        drop(ahead);
        assert_eq!(open().expect("ahead").len(), 11);
        std::fs::write(&mark, "other\n").expect("damaged");
        assert!(matches!(open(), Err(RegisterError::MarkMalformed(_))));
    }

    #[test]
    fn looking_changes_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("sub/register");
        let mut look = Register::look(&path).expect("nothing was signed");
        let (one, c) = (place(1, 1), |c: u64| RecordCommitment(Fr::from(c)));
        let mut recalled = look.recall([one]).expect("nothing to read");
        assert_eq!(recalled.note(&one, &c(10)), Ok(()));
        assert_eq!(recalled.note(&one, &c(11)), SECOND);
        recalled.sync().expect("nothing to write");
        assert!(!dir.path().join("sub").exists());
        let mut register = Register::open(&path).expect("made");
        assert_eq!(note(&mut register, 1, 1, 12), Ok(()));
        // Beside a signer at work.
        let mut look = Register::look(&path).expect("read");
        assert_eq!(note(&mut look, 1, 1, 10), SECOND);
        assert_eq!(note(&mut look, 2, 1, 20), Ok(()));
        assert_eq!(Register::look(&path).expect("read").len(), 1);
    }

    #[test]
    fn a_torn_record_is_dropped_and_the_rest_stays() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("register");
        let mut register = Register::open(&path).expect("made");
        assert_eq!(note(&mut register, 1, 1, 10), Ok(()));
        assert_eq!(note(&mut register, 2, 1, 20), Ok(()));
        drop(register);
        let bytes = std::fs::read(&path).expect("there");
        for cut in 0..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).expect("written");
            let kept = (cut.saturating_sub(MAGIC.len()) / RECORD) as u64;
            assert_eq!(Register::look(&path).expect("read").len(), kept);
            let mut register = Register::open(&path).expect("a cut file opens");
            assert_eq!(register.len(), kept, "cut at {cut}");
            assert_eq!(note(&mut register, 3, 1, 30), Ok(()));
            drop(register);
            let mut register = Register::open(&path).expect("opened");
            assert_eq!(register.len(), kept + 1);
            assert_eq!(note(&mut register, 3, 1, 31), SECOND);
        }
        std::fs::write(&path, "something else, longer than the magic").expect("written");
        for refused in [Register::open(&path), Register::look(&path)] {
            assert!(matches!(refused, Err(RegisterError::Malformed { .. })));
        }
    }
}
