//! A holder's journal: every answer that it ever gave, one line each, hash-chained, appended and
//! synchronised to disk **before** the answer is sent. Repeating an answer writes no line, so
//! repeated questions do not make the journal grow.
//!
//! With it the holder can show later what it answered. Totals are not in it: their cuts are on the log, and the answers
//! are public.
//!
//! A file that was emptied, cut or set back is still a chain, so it does not show that lines are
//! missing. The journal's mark shows it, a file beside the high-water mark with the number of
//! lines and the hash of the last one.

mod chain;
mod error;
mod mark;

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use merits_guard::{LockedFile, folder, input};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Output},
};
use serde::{Deserialize, Serialize};

pub use self::error::JournalError;
use self::{
    chain::{Chain, digest, whole_lines},
    mark::JournalMark,
};

/// Most bytes of a journal: tens of millions of answers.
const MOST_BYTES: u64 = 1 << 34;

/// The kind of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answered", rename_all = "kebab-case")]
pub enum Answered {
    /// A partial for one claim.
    Opening {
        /// The request's entry id, in hexadecimal.
        request: String,
        /// The earn entry's id, in hexadecimal.
        entry: String,
        /// The claim's position.
        claim: u16,
        /// The stated basis.
        basis: String,
        /// The party to whose key the answer was sealed, in hexadecimal.
        requester: String,
    },
    /// A partial for a sum of batches. Journals of before there were cuts have such lines; none is written any more.
    Total {
        /// `credits` or `measure`. Lines of before there were measures have none: credits.
        #[serde(default = "credits")]
        output: String,
        /// Digest over asset, period, epoch and the entries, in hexadecimal.
        set: String,
        /// The earn entries of the set, in hexadecimal.
        entries: Vec<String>,
    },
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Counted from 1.
    pub number: u64,
    /// Unix milliseconds by the holder's clock.
    pub time: Timestamp,
    /// What was answered.
    #[serde(flatten)]
    pub answer: Answered,
    /// Hash of the line before, in hexadecimal; zeros for the first.
    pub previous: String,
}

/// An open journal, locked against other processes.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: LockedFile,
    /// The device and inode of the file.
    place: (u64, u64),
    /// Bytes of the lines in `chain`.
    length: u64,
    /// After a failed append: how many bytes it tried to write. The file's contents after `length`
    /// are unknown.
    failed: Option<usize>,
    chain: Chain,
    /// Remembers how far the chain was, outside this file.
    mark: Option<JournalMark>,
}

impl Journal {
    /// Opens or creates the journal, locks it and checks its chain. A last line without its newline
    /// was never synchronised, so its answer was never sent, and it is cut off.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Self::open_if(path, |_| Ok(None))
    }

    /// Begins a new journal and its mark, at no lines, in the file `mark`.
    ///
    /// # Errors
    /// [`JournalError`]: a mark of a journal that had lines; then no file is left.
    pub fn begin(path: &Path, mark: &Path) -> Result<Self, JournalError> {
        let begins = !path.exists();
        let begun = Self::open_if(path, |chain| {
            JournalMark::of_new(path, mark, chain).map(Some)
        })
        .and_then(|mut journal| {
            journal.raise()?;
            Ok(journal)
        });
        if begun.is_err() && begins {
            // It is empty.
            let _ = std::fs::remove_file(path);
        }
        begun
    }

    /// Opens the journal under its mark in the file `mark`, which every answer raises before it leaves.
    ///
    /// # Errors
    /// [`JournalError`]: a journal that does not reach its mark, or whose mark is missing; the file is
    /// then left as it is.
    pub fn open_under(path: &Path, mark: &Path) -> Result<Self, JournalError> {
        Self::open_if(path, |chain| {
            let mark = JournalMark::read(mark)?;
            mark.judge(path, chain)?;
            Ok(Some(mark))
        })
    }

    /// Begins the mark of a journal again after it was lost, at what the journal contains. Returns the
    /// number of its lines.
    ///
    /// # Errors
    /// [`JournalError`]; none is begun where there is one.
    pub fn begin_mark(path: &Path, mark: &Path) -> Result<u64, JournalError> {
        merits_guard::require_file_if_any(path)?;
        if !path.exists() {
            return Err(JournalError::Missing(path.to_owned()));
        }
        let mut journal = Self::open_if(path, |_| JournalMark::begin(mark).map(Some))?;
        journal.raise()?;
        Ok(journal.chain.lines.len() as u64)
    }

    /// `judge` refuses the lines before anything in the file is changed, and gives their mark.
    fn open_if(
        path: &Path,
        judge: impl FnOnce(&Chain) -> Result<Option<JournalMark>, JournalError>,
    ) -> Result<Self, JournalError> {
        let io = |source| JournalError::Io {
            path: path.to_owned(),
            source: merits_guard::explain::reading(source),
        };
        let file = LockedFile::lock(open_private(path)?).map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::InUse {
                path: path.to_owned(),
            },
            TryLockError::Error(source) => io(source),
        })?;
        let mut text = Vec::new();
        input::whole(&*file, &mut text, MOST_BYTES).map_err(io)?;
        let whole = whole_lines(&text);
        let chain = Chain::check(path, &text[..whole])?;
        let mark = judge(&chain)?;
        if whole < text.len() {
            file.set_len(whole as u64)
                .map_err(|source| JournalError::Unwritable {
                    path: path.to_owned(),
                    source: merits_guard::explain::writing(source),
                })?;
        }
        let place = file.metadata().map_err(io)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            place: (place.dev(), place.ino()),
            length: whole as u64,
            failed: None,
            chain,
            mark,
        })
    }

    /// Reads and checks a journal, even while another process has it open.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn read(path: &Path) -> Result<Vec<Line>, JournalError> {
        let text = input::read(path, MOST_BYTES).map_err(|source| JournalError::Io {
            path: path.to_owned(),
            source: merits_guard::explain::reading(source),
        })?;
        Ok(Chain::check(path, &text[..whole_lines(&text)])?.lines)
    }

    /// Appends an answer, unless the journal has it. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`JournalError`]; the answer must not leave then. The next append cuts off what this one left, and
    /// goes on if the file can be written again.
    pub fn append(&mut self, time: Timestamp, answer: Answered) -> Result<(), JournalError> {
        if self.chain.answered.contains(&digest(&answer)) {
            return self.raise();
        }
        self.ready()?;
        let line = Line {
            number: self.chain.lines.len() as u64 + 1,
            time,
            answer,
            previous: hex(&self.chain.head),
        };
        let mut bytes = serde_json::to_vec(&line).map_err(|error| self.unwritable(error.into()))?;
        bytes.push(b'\n');
        // Until it is known to be on the disk.
        self.failed = Some(bytes.len());
        self.file
            .write_all(&bytes)
            .and_then(|()| self.file.sync_data())
            .map_err(|source| self.unwritable(source))?;
        self.failed = None;
        self.length += bytes.len() as u64;
        self.chain.accept(line, &bytes);
        self.raise()
    }

    /// Raises the mark to the last line.
    fn raise(&mut self) -> Result<(), JournalError> {
        let end = self.chain.end();
        match &mut self.mark {
            None => Ok(()),
            Some(mark) => mark.raise(end),
        }
    }

    /// Checks that the next answer can be written under the journal's name, and that the mark is at
    /// the last line. After a failed append, this cuts off the partial line, compares the file with
    /// the answers, and checks that there is room for what did not fit.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn ready(&mut self) -> Result<(), JournalError> {
        let named = std::fs::metadata(&self.path).ok();
        if named.map(|named| (named.dev(), named.ino())) != Some(self.place) {
            return Err(JournalError::Moved {
                path: self.path.clone(),
            });
        }
        let Some(wanted) = self.failed else {
            return self.raise();
        };
        self.cut()?;
        self.require_unchanged()?;
        // A line without its newline does not count, so a crash in between leaves nothing.
        let room = vec![b' '; wanted.max(LEAST_ROOM)];
        let written = self.file.write_all(&room);
        let written = written.and_then(|()| self.file.sync_data());
        self.cut()?;
        written.map_err(|source| self.unwritable(source))?;
        self.failed = None;
        tracing::info!(path = %self.path.display(), "the journal can be written again");
        self.raise()
    }

    /// Cuts off everything after the answered lines.
    fn cut(&self) -> Result<(), JournalError> {
        self.file
            .set_len(self.length)
            .and_then(|()| self.file.sync_all())
            .map_err(|source| self.unwritable(source))
    }

    /// Checks that the file contains the answers.
    fn require_unchanged(&self) -> Result<(), JournalError> {
        let io = |source| JournalError::Io {
            path: self.path.clone(),
            source: merits_guard::explain::reading(source),
        };
        let text = input::read(&self.path, MOST_BYTES).map_err(io)?;
        let chain = Chain::check(&self.path, &text)?;
        if chain.head == self.chain.head {
            return Ok(());
        }
        Err(JournalError::Broken {
            path: self.path.clone(),
            line: chain.lines.len(),
            fault: "it is not what this holder answered last",
        })
    }

    fn unwritable(&self, source: io::Error) -> JournalError {
        JournalError::Unwritable {
            path: self.path.clone(),
            source: merits_guard::explain::writing(source),
        }
    }

    /// All lines, oldest first.
    pub fn lines(&self) -> &[Line] {
        &self.chain.lines
    }
}

/// The least room that is checked after a failed append: a block of most disks.
const LEAST_ROOM: usize = 4_096;

/// A journal shows which claims were opened, and why, before the log reveals it, so only the owner
/// may read it. It must also survive a power cut, so its directory entry is synchronised as well.
fn open_private(path: &Path) -> Result<File, JournalError> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    let file = merits_guard::open_state(path, &mut options)?;
    folder::sync_name(path, &file).map_err(|source| JournalError::Unwritable {
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    })?;
    Ok(file)
}

fn credits() -> String {
    Output::Credits.name().to_owned()
}

fn hex(digest: &[u8; 32]) -> String {
    EntryId(*digest).to_hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(set: &str, entries: &[EntryId]) -> Answered {
        Answered::Total {
            output: credits(),
            set: set.to_owned(),
            entries: entries.iter().map(EntryId::to_hex).collect(),
        }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn answers_are_there_after_a_restart_and_a_torn_line_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        journal
            .append(at(1), total("s", &[EntryId([1; 32])]))
            .unwrap();
        journal
            .append(at(2), total("t", &[EntryId([2; 32])]))
            .unwrap();
        drop(journal);
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(b"{\"number\":3")
            .unwrap();
        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(journal.lines().len(), 2);
        journal
            .append(at(3), total("u", &[EntryId([3; 32])]))
            .unwrap();
        assert!(matches!(
            Journal::open(&path),
            Err(JournalError::InUse { .. })
        ));
        assert_eq!(Journal::read(&path).unwrap().len(), 3);
        drop(journal);
        assert_eq!(Journal::open(&path).unwrap().lines().len(), 3);
    }

    /// Regression: a pipe was read for ever. That this ends is a part of the test.
    #[test]
    fn a_pipe_or_a_folder_is_no_journal() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("journal.jsonl");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for (path, found) in [(&*pipe, "a pipe"), (dir.path(), "a folder")] {
            for error in [
                Journal::open(path).map(drop).unwrap_err(),
                Journal::read(path).map(drop).unwrap_err(),
            ] {
                let said = error.to_string();
                assert!(said.contains(&format!("it is {found}")), "{said}");
                assert!(!said.contains("chmod"), "{said}");
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_what_was_opened_and_why() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        drop(Journal::open(&path).unwrap());
        assert_eq!(mode(), 0o600);
        // One made by an earlier version, or restored from a copy.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        drop(Journal::open(&path).unwrap());
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn an_altered_or_missing_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        for (time, set) in [(1, "s"), (2, "t"), (3, "u")] {
            journal.append(at(time), total(set, &[])).unwrap();
        }
        drop(journal);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replacen("\"time\":1", "\"time\":9", 1)).unwrap();
        let fault = Journal::open(&path).unwrap_err();
        assert!(
            matches!(fault, JournalError::Broken { line: 2, .. }),
            "{fault}"
        );
        let without_second: String = text
            .lines()
            .enumerate()
            .filter(|(i, _)| *i != 1)
            .map(|(_, l)| format!("{l}\n"))
            .collect();
        std::fs::write(&path, without_second).unwrap();
        let fault = Journal::open(&path).unwrap_err();
        assert!(
            matches!(fault, JournalError::Broken { line: 2, .. }),
            "{fault}"
        );
    }

    /// Regression: a journal that was moved away was still written to, where nobody finds it.
    #[test]
    fn a_journal_that_is_not_under_its_name_takes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (path, away) = (dir.path().join("journal.jsonl"), dir.path().join("away"));
        let mut journal = Journal::open(&path).unwrap();
        journal.append(at(1), total("s", &[])).unwrap();
        std::fs::rename(&path, &away).unwrap();
        let fault = journal.append(at(2), total("t", &[])).unwrap_err();
        assert!(matches!(fault, JournalError::Moved { .. }), "{fault}");
        std::fs::copy(&away, &path).unwrap();
        assert!(journal.ready().is_err(), "another file of the same content");
        std::fs::rename(&away, &path).unwrap();
        journal.append(at(2), total("t", &[])).unwrap();
        assert_eq!(Journal::read(&path).unwrap().len(), 2);
    }
}
