//! What is wrong with a file that a program of ours wrote, in words for the person who was given it.
//!
//! Backups, requests, tickets, bundles and links are JSON that people hand on: by mail, on a stick,
//! through a portal. What a JSON parser says about one of them (`EOF while parsing a string at line
//! 1 column 3`) tells a person nothing. [`Damage`] says what happened to the file, and what to do.

use alloc::string::{String, ToString as _};
use core::fmt;

use crate::display;
use crate::lines::MARK;

/// Most characters of a kind's name that are shown.
const MOST_SHOWN: usize = 40;

/// Why a JSON file of ours cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// It is empty.
    Empty,
    /// It ends inside of a text or bracket.
    Cut,
    /// It does not begin like a file of ours.
    Foreign,
    /// It names another kind.
    OtherKind(String),
    /// It names the same kind with another version.
    OtherVersion(String),
    /// Its content was changed or damaged.
    Changed {
        /// The line where reading ended, from 1.
        line: usize,
    },
}

impl Damage {
    /// Judges a file, or one line of it, that a parser refused in `line`. `kind` is the expected
    /// value of its key `merits`, such as `wallet-backup/v1`, if it has one.
    #[must_use]
    pub fn of(text: &[u8], kind: Option<&str>, line: usize) -> Self {
        let text = text.strip_prefix(MARK.as_bytes()).unwrap_or(text);
        let text = text.trim_ascii();
        if text.is_empty() {
            return Self::Empty;
        }
        if !text.starts_with(b"{") {
            return Self::Foreign;
        }
        if let (Some(found), Some(expected)) = (named(text), kind)
            && found != expected
        {
            let name = |kind: &str| kind.split('/').next().unwrap_or_default().to_string();
            return match name(&found) == name(expected) {
                true => Self::OtherVersion(found),
                false => Self::OtherKind(found),
            };
        }
        match ends_inside(text) {
            true => Self::Cut,
            false => Self::Changed { line },
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const AGAIN: &str = "copy it again from where it came, or have it made again";
        match self {
            Self::Empty => write!(f, "it is empty: {AGAIN}"),
            Self::Cut => write!(f, "it ends in the middle, as if it was cut off: {AGAIN}"),
            Self::Foreign => f.write_str("it is another kind of file: look for the right one"),
            Self::OtherKind(kind) => {
                write!(f, "it is a file of the kind {kind}: look for the right one")
            }
            Self::OtherVersion(kind) => write!(
                f,
                "another version of merits wrote it ({kind}): read it with that version, or have it made again"
            ),
            Self::Changed { line } => write!(
                f,
                "it is damaged, or was changed after it was written, in line {line}: {AGAIN}"
            ),
        }
    }
}

/// The value of the key `merits`, which our programs write first.
fn named(text: &[u8]) -> Option<String> {
    let rest = text.strip_prefix(b"{")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"merits\"")?.trim_ascii_start();
    let rest = rest.strip_prefix(b":")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    let name = core::str::from_utf8(rest.get(..end)?).ok()?;
    let short: String = name.chars().take(MOST_SHOWN).collect();
    Some(display::line(&short))
}

/// Whether JSON ends inside of a text, list or object.
fn ends_inside(text: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in text {
        match (in_text, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    in_text || depth > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKUP: &str = "{\n  \"merits\": \"wallet-backup/v1\",\n  \"kdf\": {\"salt\": \"a\\\"{b\", \"list\": [1, 2]}\n}\n";

    fn judged(text: &str) -> Damage {
        Damage::of(text.as_bytes(), Some("wallet-backup/v1"), 3)
    }

    #[test]
    fn a_file_that_was_cut_off_anywhere_is_recognised() {
        let whole = BACKUP.trim_end();
        for end in 1..whole.len() {
            // Without a complete kind, the file can only be cut off.
            assert_eq!(judged(&whole[..end]), Damage::Cut, "{:?}", &whole[..end]);
        }
        assert_eq!(judged(""), Damage::Empty);
        assert_eq!(judged("\u{feff} \n"), Damage::Empty);
        assert_eq!(judged(BACKUP), Damage::Changed { line: 3 });
    }

    #[test]
    fn another_kind_of_file_is_recognised() {
        for text in ["PK\u{3}\u{4}", "<html>", "[1]", "C2SP/tlog-proof@v1"] {
            assert_eq!(judged(text), Damage::Foreign, "{text}");
        }
        let other = |kind: &str| judged(&BACKUP.replace("wallet-backup/v1", kind));
        assert_eq!(other("ticket/v2"), Damage::OtherKind("ticket/v2".into()));
        assert_eq!(
            other("wallet-backup/v2"),
            Damage::OtherVersion("wallet-backup/v2".into())
        );
        // A name cannot act on the screen.
        let said = other("a\u{202e}b").to_string();
        assert!(said.contains("a\\u{202e}b"), "{said}");
        // Without a kind, only the form is judged.
        let damage = Damage::of(BACKUP.as_bytes(), None, 2);
        assert_eq!(damage, Damage::Changed { line: 2 });
    }

    #[test]
    fn each_says_what_to_do_without_words_of_a_parser() {
        for damage in [
            Damage::Empty,
            Damage::Cut,
            Damage::Foreign,
            Damage::OtherKind("ticket/v2".into()),
            Damage::OtherVersion("wallet-backup/v2".into()),
            Damage::Changed { line: 3 },
        ] {
            let said = damage.to_string();
            assert!(said.contains(": "), "{said}");
            for jargon in ["EOF", "column", "expected", "parse", "field"] {
                assert!(!said.contains(jargon), "{said}");
            }
        }
    }
}
