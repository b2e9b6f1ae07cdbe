//! Why a journal cannot be used.

use std::path::PathBuf;

use merits_guard::GuardError;
use thiserror::Error;

/// Why a journal cannot be used. A holder without its journal must not answer.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file cannot be read.
    #[error("journal {path} cannot be read: {source}; the holder answers nothing without it")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Others could replace it, or it cannot be written.
    #[error("journal {0}; the holder does not answer until it can write here")]
    Guard(#[from] GuardError),
    /// Another process answers with it.
    #[error(
        "another program answers with the journal {path} now: a second run of the same holder. Stop it first, \
         or let it run: one holder has one journal and one process"
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error(
        "journal {path} cannot be written: {source}. Every answer is written there before it leaves, so this \
         holder gives none now. Make room if the disk is full, or see why the file cannot be written; then the \
         holder goes on by itself"
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The index of its answers, which has no name, cannot be read or written.
    #[error(
        "the index that this holder keeps beside the journal {path} while it runs: {source}. Without it the holder \
         does not know what it answered, so it gives no answer now. Make room if the disk is full; then the holder goes \
         on by itself"
    )]
    Index {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no longer under its name.
    #[error(
        "journal {path} was moved, deleted or replaced while this holder used it, so it answers nothing: bring \
         the file back and start the holder again"
    )]
    Moved {
        /// The file.
        path: PathBuf,
    },
    /// No journal exists at which a mark could begin.
    #[error("the journal {} is not there, so it has no mark: bring it back from its copy", .0.display())]
    Missing(PathBuf),
    /// It does not reach its mark.
    #[error(
        "the journal {path} has {found} lines, and its mark {mark} says that this holder wrote {marked}: the \
         journal was emptied or cut, or it is an older copy. A holder that does not know what it answered could \
         open a single batch, so it answers nothing: bring the newest copy of the journal back. If none has all \
         lines, this holder must not answer for these epochs any more: open the next epoch with another holder"
    )]
    Cut {
        /// The journal.
        path: PathBuf,
        /// Its mark.
        mark: PathBuf,
        /// Lines of the journal.
        found: u64,
        /// Lines by the mark.
        marked: u64,
    },
    /// Its lines up to the mark are others.
    #[error(
        "the journal {path} has other lines than the {marked} that its mark {mark} was written after: it is \
         another journal. Bring back the one that belongs to this holder"
    )]
    Other {
        /// The journal.
        path: PathBuf,
        /// Its mark.
        mark: PathBuf,
        /// Lines by the mark.
        marked: u64,
    },
    /// Its mark is missing.
    #[error(
        "the mark {mark} of the journal {path} is not there, and the journal has {found} lines: without the mark \
         nobody notices if lines are missing at the end. Bring the file back. If it is lost, or an earlier version \
         of this program, which made none, was the last that answered, and this journal is surely the newest, \
         begin a mark at it: `merits mark --config FILE --journal`"
    )]
    MarkLost {
        /// The journal.
        path: PathBuf,
        /// The expected path of the mark.
        mark: PathBuf,
        /// Lines of the journal.
        found: u64,
    },
    /// There is a mark, so none is begun.
    #[error(
        "the journal's mark {mark} is there already, at {marked} lines: nothing was changed. A holder raises it \
         by itself"
    )]
    MarkBegun {
        /// The mark.
        mark: PathBuf,
        /// Lines by the mark.
        marked: u64,
    },
    /// The mark is damaged.
    #[error(
        "the journal's mark {0} is damaged, or it is another file: bring it back from its copy. If there is none, and \
         the journal is surely the newest, move this file away and begin another mark: `merits mark --config FILE \
         --journal`"
    )]
    MarkMalformed(PathBuf),
    /// The mark cannot be read.
    #[error("the journal's mark {mark} cannot be read: {source}")]
    MarkUnreadable {
        /// The mark.
        mark: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The mark cannot be written.
    #[error(
        "the journal's mark {mark} cannot be written: {source}. It is written before each answer leaves, so this \
         holder gives none now. When the file can be written again, the holder goes on by itself"
    )]
    MarkUnwritable {
        /// The mark.
        mark: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A line was altered, removed or inserted.
    #[error(
        "journal {path}, line {line}: {fault}; the file was changed by something else, \
         restore it from a copy before the holder answers again"
    )]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The fault.
        fault: &'static str,
    },
}
