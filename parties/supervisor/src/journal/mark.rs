//! The journal's mark: how many lines the journal has, and the hash of the last one, in a file of its
//! own. A journal that was cut is still a chain, and only a file outside it shows what is missing.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use merits_guard::output::{self, Readers};

use super::{
    JournalError,
    chain::{Found, Position},
    hex,
};

/// The beginning of the file.
const MAGIC: &str = "merits-journal-mark/v1";
/// Most bytes of the file: its beginning, a number, a digest.
const MOST_BYTES: u64 = 256;

/// The mark of a journal. The lock on the journal covers it.
#[derive(Debug)]
pub(super) struct JournalMark {
    path: PathBuf,
    at: Option<Position>,
}

impl JournalMark {
    /// Reads the mark. A missing file is a mark without a place, which no journal continues.
    pub(super) fn read(path: &Path) -> Result<Self, JournalError> {
        merits_guard::require_file_if_any(path)?;
        merits_guard::check_folder(path)?;
        let at = match merits_text::file::read_at_most(path, MOST_BYTES) {
            Ok(text) => Some(parse(&text).ok_or(JournalError::MarkMalformed(path.to_owned()))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(JournalError::MarkUnreadable {
                    mark: path.to_owned(),
                    source: merits_guard::explain::reading(error),
                });
            }
        };
        Ok(Self {
            path: path.to_owned(),
            at,
        })
    }

    /// A mark that is begun on purpose.
    pub(super) fn begin(path: &Path) -> Result<Self, JournalError> {
        let mark = Self::read(path)?;
        match mark.at {
            None => Ok(mark),
            Some(at) => Err(JournalError::MarkBegun {
                mark: mark.path,
                marked: at.lines,
            }),
        }
    }

    /// The number of lines to [watch](super::chain::follow) in order to judge a journal.
    pub(super) fn watched(&self) -> u64 {
        self.at.map_or(0, |at| at.lines)
    }

    /// As [`JournalMark::judge`], for a journal that begins: it may have no mark yet.
    pub(super) fn judge_new(&self, path: &Path, journal: &Found) -> Result<(), JournalError> {
        match self.at {
            None => Ok(()),
            Some(_) => self.judge(path, journal),
        }
    }

    /// Refuses a journal that does not continue the mark, or that has none. A journal begins with its mark, so a
    /// journal without a line has one too.
    pub(super) fn judge(&self, path: &Path, journal: &Found) -> Result<(), JournalError> {
        let (path, mark, found) = (path.to_owned(), self.path.clone(), journal.end.lines);
        let Some(at) = self.at else {
            return Err(JournalError::MarkLost { path, mark, found });
        };
        let marked = at.lines;
        match journal.watched {
            Some(head) if head == at.head => Ok(()),
            Some(_) => Err(JournalError::Other { path, mark, marked }),
            None => Err(JournalError::Cut {
                path,
                mark,
                found,
                marked,
            }),
        }
    }

    /// Raises the mark. It is on the disk when this returns.
    pub(super) fn raise(&mut self, to: Position) -> Result<(), JournalError> {
        if self.at == Some(to) {
            return Ok(());
        }
        let text = format!("{MAGIC} {} {}\n", to.lines, hex(&to.head));
        output::replace_own(&self.path, Readers::Owner, |out| {
            out.write_all(text.as_bytes())
        })
        .map_err(|source| JournalError::MarkUnwritable {
            mark: self.path.clone(),
            source: merits_guard::explain::writing(source),
        })?;
        self.at = Some(to);
        Ok(())
    }
}

fn parse(text: &str) -> Option<Position> {
    let mut words = text.strip_suffix('\n')?.split(' ');
    if words.next()? != MAGIC {
        return None;
    }
    let lines = words.next()?.parse().ok()?;
    let mut head = [0; 32];
    hex::decode_to_slice(words.next()?, &mut head).ok()?;
    words.next().is_none().then_some(Position { lines, head })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use merits_primitives::calendar::Timestamp;

    use super::*;
    use crate::journal::{Answered, Journal};

    fn opening(number: u8) -> Answered {
        Answered::Opening {
            request: hex(&[number; 32]),
            entry: hex(&[9; 32]),
            claim: number.into(),
            basis: "a test".to_owned(),
            requester: hex(&[8; 32]),
        }
    }

    fn append(journal: &mut Journal, number: u8) -> Result<(), JournalError> {
        journal.append(Timestamp::from_millis(number.into()), opening(number))
    }

    /// A journal with three answers, and its mark.
    fn three(dir: &Path) -> (PathBuf, PathBuf) {
        let paths = (dir.join("journal.jsonl"), dir.join("a.mark.journal"));
        let mut journal = Journal::begin(&paths.0, &paths.1).expect("new");
        assert!(paths.1.exists());
        for number in 1..=3 {
            append(&mut journal, number).expect("answered");
        }
        paths
    }

    /// Regression: a journal that was emptied or cut was served without a word.
    #[test]
    fn an_emptied_cut_or_older_journal_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, mark) = three(dir.path());
        let whole = fs::read(&path).expect("read");
        let two = whole
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .map(|(at, _)| at + 1)
            .nth(1)
            .expect("two lines");
        for (cut, found) in [
            (0, 0),
            // In the middle of the first line, at the end of the second, before the last newline.
            (20, 0),
            (two, 2),
            (whole.len() - 1, 2),
        ] {
            fs::write(&path, &whole[..cut]).expect("cut");
            let error = Journal::open_under(&path, &mark)
                .map(drop)
                .expect_err("cut");
            assert!(
                matches!(error, JournalError::Cut { found: lines, marked: 3, .. } if lines == found),
                "{error}"
            );
            let said = error.to_string();
            for part in ["journal.jsonl", "a.mark.journal", "bring the newest copy"] {
                assert!(said.contains(part), "{said}");
            }
            // Nothing is repaired that may have to be looked at.
            assert_eq!(fs::read(&path).expect("read"), whole[..cut]);
        }
        // An older copy that went on by itself.
        fs::write(&path, &whole[..two]).expect("cut");
        let mut older = Journal::open(&path).expect("a chain");
        append(&mut older, 7).expect("another third line");
        drop(older);
        let error = Journal::open_under(&path, &mark)
            .map(drop)
            .expect_err("other lines");
        assert!(
            matches!(error, JournalError::Other { marked: 3, .. }),
            "{error}"
        );

        fs::write(&path, &whole).expect("brought back");
        let mut journal = Journal::open_under(&path, &mark).expect("whole");
        append(&mut journal, 4).expect("it goes on");
        drop(journal);
        assert_eq!(
            Journal::open_under(&path, &mark).expect("whole").answers(),
            4
        );
    }

    /// Regression: a journal that was emptied was served if its mark was deleted too.
    #[test]
    fn an_empty_journal_without_its_mark_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, mark) = three(dir.path());
        fs::write(&path, "").expect("emptied");
        fs::remove_file(&mark).expect("removed");
        let error = Journal::open_under(&path, &mark)
            .map(drop)
            .expect_err("no mark");
        assert!(
            matches!(error, JournalError::MarkLost { found: 0, .. }),
            "{error}"
        );
        assert!(!mark.exists());
        // On purpose, as for a journal of before there were marks.
        assert_eq!(Journal::begin_mark(&path, &mark).expect("begun"), 0);
        Journal::open_under(&path, &mark).expect("whole");
    }

    /// A journal that begins does not take the place of one that had lines.
    #[test]
    fn a_journal_begins_under_no_higher_mark() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, mark) = three(dir.path());
        let kept = fs::read(&mark).expect("read");
        fs::remove_file(&path).expect("removed");
        let error = Journal::begin(&path, &mark).map(drop).expect_err("lost");
        assert!(
            matches!(error, JournalError::Cut { marked: 3, .. }),
            "{error}"
        );
        assert!(!path.exists(), "nothing is left");
        assert_eq!(fs::read(&mark).expect("read"), kept);
        // At no lines, as after a half that could not be written.
        fs::remove_file(&mark).expect("removed");
        drop(Journal::begin(&path, &mark).expect("new"));
        fs::remove_file(&path).expect("removed");
        drop(Journal::begin(&path, &mark).expect("new"));
        Journal::open_under(&path, &mark).expect("whole");
    }

    /// A crash between the line and its mark: the answer did not leave, and the line stays.
    #[test]
    fn a_line_before_its_mark_is_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, mark) = three(dir.path());
        let before = fs::read(&mark).expect("read");
        let mut journal = Journal::open_under(&path, &mark).expect("whole");
        append(&mut journal, 4).expect("answered");
        drop(journal);
        fs::write(&mark, before).expect("as before the crash");
        // And a line that was not whole.
        let torn = [&fs::read(&path).expect("read")[..], &b"{\"number\":5"[..]].concat();
        fs::write(&path, torn).expect("written");
        let mut journal = Journal::open_under(&path, &mark).expect("no line is missing");
        assert_eq!(journal.answers(), 4);
        journal.ready().expect("raised");
        drop(journal);
        let raised = JournalMark::read(&mark).expect("a mark");
        assert_eq!(raised.at.map(|at| at.lines), Some(4));
    }

    #[test]
    fn no_answer_leaves_without_its_mark() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, mark) = three(dir.path());
        let mut journal = Journal::open_under(&path, &mark).expect("whole");
        // Nothing takes a folder's place.
        fs::remove_file(&mark).expect("removed");
        fs::create_dir(&mark).expect("made");
        for _ in 0..2 {
            let error = append(&mut journal, 4).expect_err("no mark");
            assert!(
                matches!(error, JournalError::MarkUnwritable { .. }),
                "{error}"
            );
        }
        assert!(journal.ready().is_err());
        fs::remove_dir(&mark).expect("removed");
        append(&mut journal, 4).expect("it goes on");
        assert_eq!(journal.answers(), 4, "one line for one answer");
        drop(journal);
        Journal::open_under(&path, &mark).expect("whole");
    }

    #[test]
    fn a_lost_mark_is_begun_on_purpose_only() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, mark) = three(dir.path());
        let kept = fs::read(&mark).expect("read");
        let error = Journal::begin_mark(&path, &mark).expect_err("it is there");
        assert!(
            matches!(error, JournalError::MarkBegun { marked: 3, .. }),
            "{error}"
        );
        fs::remove_file(&mark).expect("removed");
        let error = Journal::open_under(&path, &mark)
            .map(drop)
            .expect_err("lost");
        assert!(
            error
                .to_string()
                .contains("merits mark --config FILE --journal"),
            "{error}"
        );
        assert!(!mark.exists());
        assert_eq!(Journal::begin_mark(&path, &mark).expect("begun"), 3);
        assert_eq!(fs::read(&mark).expect("read"), kept);
        Journal::open_under(&path, &mark).expect("whole");
        // Half of a mark, or any other file, is not a mark.
        for text in [
            &kept[..kept.len() - 1],
            &kept[..40],
            &b""[..],
            &b"a text\n"[..],
        ] {
            fs::write(&mark, text).expect("written");
            for error in [
                Journal::open_under(&path, &mark)
                    .map(drop)
                    .expect_err("damaged"),
                Journal::begin_mark(&path, &mark)
                    .map(drop)
                    .expect_err("damaged"),
            ] {
                assert!(matches!(error, JournalError::MarkMalformed(_)), "{error}");
                let said = error.to_string();
                assert!(
                    said.contains("merits mark --config FILE --journal"),
                    "{said}"
                );
            }
        }
        // No mark is begun for a journal that is not there, and no journal.
        fs::remove_file(&mark).expect("removed");
        fs::remove_file(&path).expect("removed");
        let error = Journal::begin_mark(&path, &mark).expect_err("no journal");
        assert!(matches!(error, JournalError::Missing(_)), "{error}");
        assert!(!mark.exists() && !path.exists());
        for lost in [&path, &mark] {
            std::os::unix::fs::symlink(dir.path().join("none"), lost).expect("linked");
            let error = Journal::open_under(&path, &mark)
                .map(drop)
                .expect_err("lost");
            assert!(error.to_string().contains("a link to nothing"), "{error}");
            fs::remove_file(lost).expect("removed");
        }
    }
}
