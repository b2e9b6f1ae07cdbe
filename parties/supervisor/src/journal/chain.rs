//! The lines of a journal, each with the hash of the one before.

use std::{collections::BTreeSet, path::Path};

use merits_primitives::field;

use super::{Answered, JournalError, Line, hex, mark::Position};

/// The contents of a journal.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) lines: Vec<Line>,
    pub(super) head: [u8; 32],
    /// Digests of the answers.
    pub(super) answered: BTreeSet<[u8; 32]>,
}

impl Chain {
    /// Checks all lines.
    pub(super) fn check(path: &Path, text: &[u8]) -> Result<Self, JournalError> {
        let mut chain = Self::default();
        for (at, bytes) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            chain
                .replay(at + 1, bytes)
                .map_err(|fault| JournalError::Broken {
                    path: path.to_owned(),
                    line: at + 1,
                    fault,
                })?;
        }
        Ok(chain)
    }

    fn replay(&mut self, number: usize, bytes: &[u8]) -> Result<(), &'static str> {
        let line: Line = serde_json::from_slice(bytes).map_err(|_| "it is not a journal line")?;
        if line.number != number as u64 {
            return Err("its number is out of sequence");
        }
        if line.previous != hex(&self.head) {
            return Err("it does not follow from the line before");
        }
        self.accept(line, bytes);
        Ok(())
    }

    /// The place after the last line.
    pub(super) fn end(&self) -> Position {
        Position {
            lines: self.lines.len() as u64,
            head: self.head,
        }
    }

    /// The hash of the line before the one at `index`; `None` past the end.
    pub(super) fn head_before(&self, index: u64) -> Option<String> {
        let index = usize::try_from(index).ok()?;
        if index == self.lines.len() {
            return Some(hex(&self.head));
        }
        self.lines.get(index).map(|line| line.previous.clone())
    }

    pub(super) fn accept(&mut self, line: Line, bytes: &[u8]) {
        self.answered.insert(digest(&line.answer));
        self.head = field::digest("merits/journal-line/v1", &[bytes]);
        self.lines.push(line);
    }
}

/// The identity of an answer, independent of its time.
pub(super) fn digest(answer: &Answered) -> [u8; 32] {
    let text =
        |text: &str| -> [u8; 32] { field::digest("merits/journal-text/v1", &[text.as_bytes()]) };
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

/// Bytes up to and with the last newline.
pub(super) fn whole_lines(text: &[u8]) -> usize {
    text.iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1)
}
