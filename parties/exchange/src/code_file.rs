//! Files of voucher codes, one on each line, as sponsors' programs write them.
//!
//! A spreadsheet program writes a mark before the text and a header before the codes. Neither is a
//! voucher: a person who got the code "code" would have nothing for the credits. Comments, and
//! texts that a spreadsheet program would run, are not vouchers either. And people read codes aloud
//! and type them, so two codes that a person cannot distinguish count as one.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use merits_primitives::field;
use merits_text::{cell::formula_sign, display::check_line, lines::listed, lookalike::skeleton};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::voucher::{BadCode, Code};

/// The operator's statement about a file's first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FirstLine {
    /// None: a known header is recognised, and a line that looks like another header is refused
    /// until the operator decides.
    #[default]
    Unsaid,
    /// It is a code.
    Code,
    /// It is a header.
    Header,
}

/// A code with its line.
#[derive(Debug, Clone)]
pub struct CodeLine {
    /// Line of the file, from 1.
    pub line: usize,
    /// The code.
    pub code: Code,
}

impl CodeLine {
    /// Codes that do not come from a file, in order.
    pub fn numbered(codes: impl IntoIterator<Item = Code>) -> Vec<Self> {
        let codes = (1..).zip(codes);
        codes.map(|(line, code)| Self { line, code }).collect()
    }
}

/// What a file holds.
#[derive(Debug)]
pub struct CodeFile {
    /// The codes, in their order.
    pub codes: Vec<CodeLine>,
    /// Whether the first line was read as a header.
    pub header: bool,
}

/// Why a file of codes cannot be read. It contains line numbers, never codes.
#[derive(Debug, Error)]
pub enum CodeFileError {
    /// The file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line.
    #[error("{path}, line {line}: {reason}")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        reason: BadCode,
    },
    /// A character that is invisible, or that changes how the text around it is shown.
    #[error(
        "{path}, line {line}: character {place} is U+{:04X}, {what}: the person who types the code would not \
         type it; {remedy}",
        u32::from(*.character)
    )]
    Hidden {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// In the line, from 1.
        place: usize,
        /// The character.
        character: char,
        /// A description of it.
        what: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A comment.
    #[error(
        "{path}, line {line}: it begins with # like a comment, and every line is a voucher: take it out"
    )]
    Comment {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A text that a spreadsheet program would run.
    #[error(
        "{path}, line {line}: it begins with {sign:?}, which makes it a formula that table programs run: a \
         voucher's code begins with a letter or a digit"
    )]
    Formula {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Its first character.
        sign: char,
    },
    /// A repeated code.
    #[error("{path}, line {line} repeats line {earlier}: a code is given to one person only")]
    Twice {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The earlier line.
        earlier: usize,
    },
    /// Two codes that a person cannot distinguish.
    #[error(
        "{path}, lines {earlier} and {line} differ only in {how}, so a typing error would give the other \
         voucher. Have the sponsor make another code in place of one"
    )]
    Alike {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The earlier line.
        earlier: usize,
        /// The difference.
        how: &'static str,
    },
    /// No codes.
    #[error("{path}: the file has no codes: name the sponsor's file, with one code a line")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A cell of a table.
    #[error("{path}, line {line}: the code is in quotes: remove them")]
    Quoted {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A first line unlike the others.
    #[error(
        "{path}, line 1: it looks like a header, because it differs from all other lines. Say \
         which it is: --first-line header, or --first-line code"
    )]
    HeaderOrCode {
        /// The file.
        path: PathBuf,
    },
}

/// Most bytes of a file of codes: nine million codes of ours.
const MOST_BYTES: u64 = 1 << 28;

/// Reads codes, one a line.
///
/// # Errors
/// [`CodeFileError`].
pub fn read_codes(path: &Path, first: FirstLine) -> Result<CodeFile, CodeFileError> {
    let text =
        merits_text::file::read_at_most(path, MOST_BYTES).map_err(|source| CodeFileError::Io {
            path: path.to_owned(),
            source,
        })?;
    let text = Zeroizing::new(text);
    let numbered: Vec<(usize, &str)> = listed(&text).collect();
    let lines: Vec<&str> = numbered.iter().map(|(_, line)| *line).collect();
    let header = match first {
        FirstLine::Code => false,
        FirstLine::Header => true,
        FirstLine::Unsaid if is_header(&lines) => true,
        FirstLine::Unsaid if may_be_header(&lines) => {
            return Err(CodeFileError::HeaderOrCode {
                path: path.to_owned(),
            });
        }
        FirstLine::Unsaid => false,
    };
    let codes = numbered.into_iter().skip(usize::from(header));
    let codes = codes
        .map(|(line, text)| read_code(path, line, text))
        .collect::<Result<Vec<_>, _>>()?;
    if codes.is_empty() {
        let path = path.to_owned();
        return Err(CodeFileError::Empty { path });
    }
    part_lookalikes(path, &codes)?;
    Ok(CodeFile { codes, header })
}

fn read_code(path: &Path, line: usize, text: &str) -> Result<CodeLine, CodeFileError> {
    let at = || path.to_owned();
    if text.len() > 1 && text.starts_with('"') && text.ends_with('"') {
        return Err(CodeFileError::Quoted { path: at(), line });
    }
    if text.starts_with('#') {
        return Err(CodeFileError::Comment { path: at(), line });
    }
    if let Err(hidden) = check_line(text) {
        return Err(CodeFileError::Hidden {
            path: at(),
            line,
            place: hidden.place,
            character: hidden.character,
            what: hidden.what,
            remedy: hidden.remedy(),
        });
    }
    if let Some(sign) = formula_sign(text) {
        let path = at();
        return Err(CodeFileError::Formula { path, line, sign });
    }
    match Code::new(text.to_owned()) {
        Ok(code) => Ok(CodeLine { line, code }),
        Err(reason) => Err(CodeFileError::Line {
            path: at(),
            line,
            reason,
        }),
    }
}

/// Refuses two codes that a person cannot distinguish.
fn part_lookalikes(path: &Path, codes: &[CodeLine]) -> Result<(), CodeFileError> {
    let mut looks: HashMap<[u8; 32], &CodeLine> = HashMap::with_capacity(codes.len());
    for this in codes {
        let Some(known) = looks.insert(look(&this.code), this) else {
            continue;
        };
        let (path, line, earlier) = (path.to_owned(), this.line, known.line);
        return Err(if this.code == known.code {
            CodeFileError::Twice {
                path,
                line,
                earlier,
            }
        } else {
            let how = difference(this.code.as_str(), known.code.as_str());
            CodeFileError::Alike {
                path,
                line,
                earlier,
                how,
            }
        });
    }
    Ok(())
}

/// The look of a code: two codes that a person cannot distinguish have the same look. It is a
/// digest, so that no copy of the code is kept.
pub(crate) fn look(code: &Code) -> [u8; 32] {
    let shape = Zeroizing::new(skeleton(code.as_str()));
    field::digest("merits/voucher-look/v1", &[shape.as_bytes()])
}

/// The difference between two codes that look alike.
pub(crate) fn difference(one: &str, other: &str) -> &'static str {
    let small = |text: &str| Zeroizing::new(text.to_lowercase());
    if small(one) == small(other) {
        "capital and small letters"
    } else {
        "characters of one shape (such as O and 0, or l, I and 1), or in spaces"
    }
}

/// Whether the first line is a usual name for a column of codes.
fn is_header(lines: &[&str]) -> bool {
    let Some(first) = lines.first() else {
        return false;
    };
    let name: String = first
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    HEADERS.contains(&name.as_str())
}

/// Whether the first line differs from all others in one of these ways:
///
/// - it has no digit, and all others have one (as random codes do);
/// - it has a space, and none of the others has one;
/// - all others have the same length, and it has another;
/// - it has a kind of character that none of the others has.
fn may_be_header(lines: &[&str]) -> bool {
    let [first, others @ ..] = lines else {
        return false;
    };
    if first.is_empty() || others.is_empty() {
        return false;
    }
    let has_digit = |line: &str| line.chars().any(char::is_numeric);
    let has_space = |line: &str| line.chars().any(char::is_whitespace);
    let length = |line: &str| line.chars().count();
    let one_length = others.iter().all(|line| length(line) == length(others[0]));
    let alike = one_length && length(first) == length(others[0]);
    if !alike && !has_digit(first) && others.iter().all(|line| has_digit(line)) {
        return true;
    }
    if has_space(first) && !others.iter().any(|line| has_space(line)) {
        return true;
    }
    // A single other line does not show what codes have in common, and two or three may lack a kind
    // by chance.
    (others.len() > 1 && one_length && !alike)
        || (others.len() > 3
            && first.chars().map(Kind::of).any(|kind| {
                !others
                    .iter()
                    .any(|line| line.chars().any(|c| Kind::of(c) == kind))
            }))
}

/// Kinds of characters.
#[derive(PartialEq, Eq)]
enum Kind {
    Digit,
    Small,
    Capital,
    Letter,
    Sign(char),
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            _ if c.is_numeric() => Self::Digit,
            _ if c.is_lowercase() => Self::Small,
            _ if c.is_uppercase() => Self::Capital,
            _ if c.is_alphabetic() => Self::Letter,
            _ => Self::Sign(c),
        }
    }
}

/// Letters and digits of usual names for a column of codes.
const HEADERS: [&str; 26] = [
    "code",
    "codes",
    "coupon",
    "couponcode",
    "couponcodes",
    "coupons",
    "giftcode",
    "giftcard",
    "gutschein",
    "gutscheincode",
    "promocode",
    "redemptioncode",
    "serial",
    "serialnumber",
    "token",
    "voucher",
    "vouchercode",
    "vouchercodes",
    "vouchers",
    "代码",
    "优惠券",
    "优惠码",
    "兑换码",
    "券号",
    "券码",
    "卡号",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, first: FirstLine) -> Result<(Vec<String>, bool), String> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("codes.txt");
        std::fs::write(&path, text).expect("written");
        let file = read_codes(&path, first).map_err(|error| error.to_string())?;
        let codes = file.codes.iter().map(|at| at.code.as_str().to_owned());
        Ok((codes.collect(), file.header))
    }

    #[test]
    fn a_bad_line_is_named_and_not_shown() {
        let long = format!("A-1\nA-2\n\n{}\n", "A-4".repeat(200));
        let said = read(&long, FirstLine::Code).expect_err("a long line");
        assert!(said.contains("line 4") && !said.contains("A-"), "{said}");
        let said = read("\"A-1\"\n\"A-2\"\n", FirstLine::Unsaid).expect_err("cells");
        assert!(said.contains("line 1") && !said.contains("A-"), "{said}");
        let (codes, header) = read("A-1\r\nA-2\n", FirstLine::Unsaid).expect("reads");
        assert_eq!((codes.len(), header), (2, false));
    }

    /// Blank lines are ignored, at the end or in between, and all systems' line endings are
    /// accepted.
    #[test]
    fn blank_lines_and_blanks_are_no_codes() {
        let want = ["A-1", "A-2", "A-3"];
        for text in [
            "A-1\nA-2\nA-3\n\n\n",
            "A-1\n\nA-2\nA-3",
            "\u{feff}\nA-1 \r\nA-2\t\r\n \r\n A-3\r\n\r\n",
            "A-1\rA-2\rA-3\r",
        ] {
            let (codes, header) = read(text, FirstLine::Unsaid).expect("reads");
            assert_eq!(codes, want, "{text:?}");
            assert!(!header);
        }
        for nothing in ["", "\n\n", "code\n"] {
            let said = read(nothing, FirstLine::Unsaid).expect_err(nothing);
            assert!(said.contains("has no codes"), "{said}");
        }
    }

    /// Regression: `ABC-1` and `abc-1` were two vouchers, although a person who reads one aloud
    /// cannot distinguish them.
    #[test]
    fn codes_that_a_person_cannot_tell_apart_are_refused() {
        for (one, other, how) in [
            ("HEMCQ-Y04EC", "hemcq-y04ec", "capital and small letters"),
            ("HEMCQ-Y04EC", "HEMCQ-y04EC", "capital and small letters"),
            ("HEMCQ-Y04EC", "HEMCQ-YO4EC", "one shape"),
            ("K1-200", "Kl-200", "one shape"),
            ("K1-200", "\u{41a}1-200", "one shape"),
            ("K1-200", "K１-200", "one shape"),
            ("K1 200", "K1  200", "spaces"),
            ("ZO\u{c9}-1", "ZOE\u{301}-1", "one shape"),
        ] {
            let text = format!("\nWX-77\n{one}\n\n{other}\n");
            let said = read(&text, FirstLine::Code).expect_err(other);
            assert!(said.contains("lines 3 and 5"), "{said}");
            assert!(said.contains(how) && !said.contains(one), "{said}");
        }
        let said = read("code\nA-1\nA-2\nA-1\n", FirstLine::Unsaid).expect_err("twice");
        assert!(said.contains("line 4 repeats line 2"), "{said}");
    }

    #[test]
    fn comments_and_formulas_are_no_vouchers() {
        for (line, says) in [
            ("# vouchers of May", "like a comment"),
            ("#A-3", "like a comment"),
            ("=HYPERLINK(\"http://x\",\"y\")", "a formula"),
            ("+A-3", "a formula"),
            ("-A-3", "a formula"),
            ("@A-3", "a formula"),
            ("\u{ff1d}A-3", "a formula"),
        ] {
            for first in [FirstLine::Unsaid, FirstLine::Code] {
                let said = read(&format!("A-1\nA-2\n{line}\n"), first).expect_err(line);
                assert!(said.contains("line 3: ") && said.contains(says), "{said}");
                assert!(!said.contains("A-3") && !said.contains("http"), "{said}");
            }
        }
    }

    #[test]
    fn what_nobody_sees_is_in_no_voucher() {
        for (hidden, name) in [
            ('\u{202e}', "U+202E"),
            ('\u{200b}', "U+200B"),
            ('\u{feff}', "U+FEFF"),
            ('\u{1b}', "U+001B"),
            ('\t', "U+0009"),
        ] {
            let said = read(&format!("A-1\nA-{hidden}2\n"), FirstLine::Unsaid).expect_err(name);
            assert!(said.contains("line 2: character 3"), "{said}");
            assert!(said.contains(name) && !said.contains("A-"), "{said}");
        }
        assert!(read("善-1\n券-2\n", FirstLine::Unsaid).is_ok());
    }

    #[test]
    fn neither_a_mark_nor_a_header_is_a_voucher() {
        let want = vec!["HEMCQ-Y04EC".to_owned(), "SMBP5-E541P".to_owned()];
        for before in [
            "",
            "\u{feff}",
            "code\n",
            "\u{feff}code\r\n",
            "Voucher Code\n",
            "\"Code\"\n",
            "券码\n",
        ] {
            let text = format!("{before}HEMCQ-Y04EC\nSMBP5-E541P\n");
            let (codes, header) = read(&text, FirstLine::Unsaid).expect("reads");
            assert_eq!(codes, want, "{before:?}");
            assert_eq!(header, before.contains('\n'), "{before:?}");
        }
        // A line that may be either is refused until the operator decides.
        let text = "Aktion Fruehling\nHEMCQ-Y04EC\nSMBP5-E541P\n";
        let said = read(text, FirstLine::Unsaid).expect_err("a header?");
        assert!(said.contains("--first-line"), "{said}");
        assert_eq!(read(text, FirstLine::Header).expect("said"), (want, true));
        assert_eq!(read(text, FirstLine::Code).expect("said").0.len(), 3);
        let said = read("\u{feff}\u{feff}code\nA1\n", FirstLine::Header);
        assert_eq!(said.expect("said").0, ["A1"]);
        // A digit makes no code.
        for header in ["Voucher codes 2026", "Codes2026", "vouchers-26", "Charge_1"] {
            let codes = "HEMCQ-Y04EC\nSMBP5-E541P\nK2V0M-1QZ7T\n7QWJ3-PL20D\n";
            let text = format!("{header}\n{codes}");
            let said = read(&text, FirstLine::Unsaid).expect_err(header);
            assert!(
                said.contains("--first-line") && !said.contains("HEMCQ"),
                "{said}"
            );
            assert_eq!(read(&text, FirstLine::Header).expect("said").0.len(), 4);
            assert_eq!(read(&text, FirstLine::Code).expect("said").0.len(), 5);
        }
        let spaced = "Voucher codes 2026\nHEMCQ-Y04EC\n";
        assert!(read(spaced, FirstLine::Unsaid).is_err());
        // Codes are codes: of many lengths, of few lines, with a letter that comes once.
        for codes in [
            "A-9\nA-10\nA-100\n",
            "AB12\nABCD\n",
            "HEMCQ-Y04EC\nSMBP5-E541P\nHEMCQ-YX4EC\n",
            "善-01\n券-02\n度-03\n分-04\n积-05\n",
        ] {
            assert!(read(codes, FirstLine::Unsaid).is_ok(), "{codes:?}");
        }
        // Words are codes where all are words.
        let (codes, _) = read("apple-tree\nplum-tree\n", FirstLine::Unsaid).expect("reads");
        assert_eq!(codes.len(), 2);
    }
}
