//! The lines of a journal, each with the hash of the one before, read one after the other.

use std::{
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use merits_primitives::field;

use super::{
    Answered, JournalError, Line, hex,
    index::{Index, Word},
};

/// Most bytes of a line. The longest one is a total of 1,600 entries, some 110 KB, of before there were cuts; a basis of 4,096 bytes may grow
/// sixfold where JSON escapes it.
pub(super) const MOST_LINE_BYTES: usize = 1 << 20;

/// A position in the chain, as a number of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) lines: u64,
    /// Hash of the last of them; zeros without one.
    pub(super) head: [u8; 32],
}

/// What a journal was found to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// The place after its last whole line.
    pub(super) end: Position,
    /// Bytes up to there.
    pub(super) whole: u64,
    /// Whether there is a torn line after it.
    pub(super) torn: bool,
    /// The hash at the watched number of lines; `None` if it has fewer.
    pub(super) watched: Option<[u8; 32]>,
}

/// Follows the lines of a journal to their end, with one of them in memory at a time. Notes the hash after `watch`
/// lines, and gives each whole line to `each`.
pub(super) fn follow(
    path: &Path,
    text: impl Read,
    watch: u64,
    mut each: impl FnMut(Line) -> Result<(), JournalError>,
) -> Result<Found, JournalError> {
    let mut text = BufReader::new(text);
    let mut found = Found {
        end: Position::START,
        whole: 0,
        torn: false,
        watched: (watch == 0).then_some(Position::START.head),
    };
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let number = found.end.lines + 1;
        let broken = |fault| JournalError::Broken {
            path: path.to_owned(),
            line: number,
            fault,
        };
        let most = MOST_LINE_BYTES as u64 + 1;
        text.by_ref()
            .take(most)
            .read_until(b'\n', &mut bytes)
            .map_err(|source| unreadable(path, source))?;
        if bytes.len() > MOST_LINE_BYTES {
            return Err(broken("it is longer than any line of a journal"));
        }
        if bytes.last() != Some(&b'\n') {
            found.torn = !bytes.is_empty();
            return Ok(found);
        }
        let line: Line =
            serde_json::from_slice(&bytes).map_err(|_| broken("it is not a journal line"))?;
        if line.number != number {
            return Err(broken("its number is out of sequence"));
        }
        if line.previous != hex(&found.end.head) {
            return Err(broken("it does not follow from the line before"));
        }
        found.end = found.end.after(&bytes);
        found.whole += bytes.len() as u64;
        if found.end.lines == watch {
            found.watched = Some(found.end.head);
        }
        each(line)?;
    }
}

pub(super) fn unreadable(path: &Path, source: io::Error) -> JournalError {
    JournalError::Io {
        path: path.to_owned(),
        source: merits_guard::explain::reading(source),
    }
}

impl Position {
    /// Before the first line.
    pub(super) const START: Self = Self {
        lines: 0,
        head: [0; 32],
    };

    /// After one more line.
    pub(super) fn after(self, line: &[u8]) -> Self {
        Self {
            lines: self.lines + 1,
            head: field::digest("merits/journal-line/v1", &[line]),
        }
    }
}

/// Notes an answer in the index.
pub(super) fn note(index: &mut Index, answer: &Answered) -> io::Result<()> {
    index.put(&digest(answer), &PRESENT)
}

/// The value of a key that only is there.
const PRESENT: Word = [1; 32];

/// A text as a word of the index.
fn text(text: &str) -> Word {
    field::digest("merits/journal-text/v1", &[text.as_bytes()])
}

/// The identity of an answer, independent of its time.
pub(super) fn digest(answer: &Answered) -> Word {
    match answer {
        Answered::Opening {
            request,
            entry,
            claim,
            basis,
            requester,
        } => field::digest(
            "merits/journal-opening/v1",
            &[
                &text(request),
                &text(entry),
                &claim.to_le_bytes(),
                &text(basis),
                &text(requester),
            ],
        ),
        Answered::Total {
            output,
            set,
            entries,
        } => {
            let entries: Vec<_> = entries.iter().map(|entry| text(entry)).collect();
            let (output, set) = (text(output), text(set));
            let mut parts: Vec<&[u8]> = vec![&output, &set];
            parts.extend(entries.iter().map(|entry| &entry[..]));
            field::digest("merits/journal-total/v1", &parts)
        }
    }
}
