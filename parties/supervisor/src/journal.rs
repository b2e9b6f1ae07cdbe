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
//!
//! A journal grows for ever. So no part of it is kept in memory: it is read once, line by line, when it is opened, and
//! which answers it has goes into an index in a file.

mod chain;
mod error;
mod index;
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
    chain::{Found, MOST_LINE_BYTES, Position, follow, unreadable},
    index::Index,
    mark::JournalMark,
};

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
    /// The place after the last line.
    end: Position,
    /// Bytes of the lines.
    length: u64,
    /// After a failed append: how many bytes it tried to write. The file's contents after `length`
    /// are unknown.
    failed: Option<usize>,
    index: Index,
    /// Whether the index lacks an answer that has a line.
    stale: bool,
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
        Self::open_if(path, || Ok(None), |_, _| Ok(()))
    }

    /// Begins a new journal and its mark, at no lines, in the file `mark`.
    ///
    /// # Errors
    /// [`JournalError`]: a mark of a journal that had lines; then no file is left.
    pub fn begin(path: &Path, mark: &Path) -> Result<Self, JournalError> {
        let begins = !path.exists();
        let begun = Self::open_if(
            path,
            || JournalMark::read(mark).map(Some),
            |mark, found| mark.judge_new(path, found),
        )
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
        Self::open_if(
            path,
            || JournalMark::read(mark).map(Some),
            |mark, found| mark.judge(path, found),
        )
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
        let begin = || JournalMark::begin(mark).map(Some);
        let mut journal = Self::open_if(path, begin, |_, _| Ok(()))?;
        journal.raise()?;
        Ok(journal.answers())
    }

    /// `mark` gives the journal's mark once the journal is locked, and `judge` refuses its lines before anything in
    /// the file is changed.
    fn open_if(
        path: &Path,
        mark: impl FnOnce() -> Result<Option<JournalMark>, JournalError>,
        judge: impl FnOnce(&JournalMark, &Found) -> Result<(), JournalError>,
    ) -> Result<Self, JournalError> {
        let io = |source| unreadable(path, source);
        let file = LockedFile::lock(open_private(path)?).map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::InUse {
                path: path.to_owned(),
            },
            TryLockError::Error(source) => io(source),
        })?;
        let mark = mark()?;
        let watch = mark.as_ref().map_or(0, JournalMark::watched);
        let (found, index) = indexed(path, &*file, watch)?;
        if let Some(mark) = &mark {
            judge(mark, &found)?;
        }
        if found.torn {
            file.set_len(found.whole)
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
            end: found.end,
            length: found.whole,
            failed: None,
            index,
            stale: false,
            mark,
        })
    }

    /// Reads and checks a journal, even while another process has it open. All of it is in memory then.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn read(path: &Path) -> Result<Vec<Line>, JournalError> {
        let file = input::open(path).map_err(|source| unreadable(path, source))?;
        let mut lines = Vec::new();
        follow(path, file, 0, |line| {
            lines.push(line);
            Ok(())
        })?;
        Ok(lines)
    }

    /// Appends an answer, unless the journal has it. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`JournalError`]; the answer must not leave then. The next append cuts off what this one left, and
    /// goes on if the file can be written again.
    pub fn append(&mut self, time: Timestamp, answer: Answered) -> Result<(), JournalError> {
        self.renew()?;
        let known = self.index.has(&chain::digest(&answer));
        if known.map_err(|source| self.unindexed(source))? {
            return self.raise();
        }
        self.ready()?;
        let line = Line {
            number: self.end.lines + 1,
            time,
            answer,
            previous: hex(&self.end.head),
        };
        let mut bytes = serde_json::to_vec(&line).map_err(|error| self.unwritable(error.into()))?;
        bytes.push(b'\n');
        if bytes.len() > MOST_LINE_BYTES {
            // It could not be read again.
            let source = io::Error::new(io::ErrorKind::InvalidInput, "the answer is too long");
            return Err(self.unwritable(source));
        }
        // Until it is known to be on the disk.
        self.failed = Some(bytes.len());
        self.file
            .write_all(&bytes)
            .and_then(|()| self.file.sync_data())
            .map_err(|source| self.unwritable(source))?;
        self.failed = None;
        self.length += bytes.len() as u64;
        self.end = self.end.after(&bytes);
        // Until it is known to be in the index: without it, the next answer could contradict this one.
        self.stale = true;
        let noted = chain::note(&mut self.index, &line.answer);
        noted.map_err(|source| self.unindexed(source))?;
        self.stale = false;
        self.raise()
    }

    /// Makes the index anew from the lines, if it lacks one.
    fn renew(&mut self) -> Result<(), JournalError> {
        if !self.stale {
            return Ok(());
        }
        let file = input::open(&self.path).map_err(|source| unreadable(&self.path, source))?;
        let (found, index) = indexed(&self.path, file, 0)?;
        self.require_end(&found)?;
        self.index = index;
        self.stale = false;
        Ok(())
    }

    /// Raises the mark to the last line.
    fn raise(&mut self) -> Result<(), JournalError> {
        match &mut self.mark {
            None => Ok(()),
            Some(mark) => mark.raise(self.end),
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
            self.renew()?;
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
        self.renew()?;
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
        let file = input::open(&self.path).map_err(|source| unreadable(&self.path, source))?;
        let found = follow(&self.path, file, 0, |_| Ok(()))?;
        self.require_end(&found)
    }

    /// Checks that a file ends with the last answer.
    fn require_end(&self, found: &Found) -> Result<(), JournalError> {
        if found.end == self.end {
            return Ok(());
        }
        Err(JournalError::Broken {
            path: self.path.clone(),
            line: found.end.lines,
            fault: "it is not what this holder answered last",
        })
    }

    fn unindexed(&self, source: io::Error) -> JournalError {
        unindexed(&self.path, source)
    }

    fn unwritable(&self, source: io::Error) -> JournalError {
        JournalError::Unwritable {
            path: self.path.clone(),
            source: merits_guard::explain::writing(source),
        }
    }

    /// How many answers it has.
    pub fn answers(&self) -> u64 {
        self.end.lines
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Follows the lines of a journal, and makes their index.
fn indexed(path: &Path, text: impl io::Read, watch: u64) -> Result<(Found, Index), JournalError> {
    let mut index = Index::begin(path).map_err(|source| unindexed(path, source))?;
    let found = follow(path, text, watch, |line| {
        chain::note(&mut index, &line.answer).map_err(|source| unindexed(path, source))
    })?;
    Ok((found, index))
}

fn unindexed(path: &Path, source: io::Error) -> JournalError {
    JournalError::Index {
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
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
        assert_eq!(journal.answers(), 2);
        journal
            .append(at(3), total("u", &[EntryId([3; 32])]))
            .unwrap();
        assert!(matches!(
            Journal::open(&path),
            Err(JournalError::InUse { .. })
        ));
        assert_eq!(Journal::read(&path).unwrap().len(), 3);
        drop(journal);
        assert_eq!(Journal::open(&path).unwrap().answers(), 3);
    }

    /// A line that the disk has and the index lacks, as when the disk was full in between.
    #[test]
    fn an_answer_that_the_index_lacks_is_found_in_the_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        let answer = || total("s", &[EntryId([1; 32]), EntryId([2; 32])]);
        journal.append(at(1), answer()).unwrap();
        let lose = |journal: &mut Journal| {
            journal.index = Index::begin(&path).unwrap();
            journal.stale = true;
        };
        lose(&mut journal);
        journal.append(at(2), answer()).unwrap();
        assert_eq!(journal.answers(), 1, "one line for one answer");
        lose(&mut journal);
        // The lines are no longer what was answered, so nothing is known of it.
        lose(&mut journal);
        std::fs::write(&path, "").unwrap();
        for error in [
            journal.append(at(3), total("t", &[EntryId([2; 32])])),
            journal.ready(),
        ] {
            let error = error.unwrap_err();
            assert!(matches!(error, JournalError::Broken { .. }), "{error}");
        }
    }

    /// A journal is read line by line, so no line may be as long as its writer likes.
    #[test]
    fn a_line_that_no_holder_writes_is_not_read_to_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        let longest: Vec<EntryId> = (0..1_600u64)
            .map(|number| {
                EntryId(merits_primitives::field::digest(
                    "merits/test",
                    &[&number.to_le_bytes()],
                ))
            })
            .collect();
        journal.append(at(1), total("s", &longest)).unwrap();
        let beyond = vec![EntryId([1; 32]); MOST_LINE_BYTES / 64];
        let error = journal.append(at(2), total("t", &beyond)).unwrap_err();
        assert!(error.to_string().contains("too long"), "{error}");
        journal.append(at(3), total("u", &[])).unwrap();
        drop(journal);
        assert_eq!(Journal::open(&path).unwrap().answers(), 2);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&vec![b' '; MOST_LINE_BYTES + 1]).unwrap();
        for error in [
            Journal::open(&path).map(drop).unwrap_err(),
            Journal::read(&path).map(drop).unwrap_err(),
        ] {
            assert!(
                matches!(error, JournalError::Broken { line: 3, .. }),
                "{error}"
            );
        }
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
