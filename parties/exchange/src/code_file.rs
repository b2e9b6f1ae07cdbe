//! Files of voucher codes, one a line, as sponsors' programs write them.
//!
//! A table program puts a mark before the text and a header before the codes. Neither is a voucher:
//! whoever got the code "code" would have nothing for the credits.

use std::path::{Path, PathBuf};

use merits_text::shown::check_line;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::voucher::{BadCode, Code};

/// What the operator says of a file's first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FirstLine {
    /// Nothing: a known header is one, and what looks like another is asked about.
    #[default]
    Unsaid,
    /// It is a code like the others.
    Code,
    /// It is a header.
    Header,
}

/// What a file holds.
#[derive(Debug)]
pub struct CodeFile {
    /// The codes, in their order.
    pub codes: Vec<Code>,
    /// Whether the first line was taken for a header.
    pub header: bool,
}

/// Why a file of codes cannot be read. Says lines, never codes.
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
    /// A character that nobody sees, or that changes how the text around it is shown.
    #[error(
        "{path}, line {line}: character {place} is U+{:04X}, {what}: the person who types the code would not \
         type it; take it out",
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
        /// What it is.
        what: &'static str,
    },
    /// A cell of a table.
    #[error(
        "{path}, line {line}: it stands in quotes, as a table program writes a cell, and a voucher is no cell: write the code alone"
    )]
    Quoted {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A first line unlike the others.
    #[error(
        "{path}, line 1: it looks like a table's header and not like the other lines, whose length, digits or letters it does not share. Say which it is: --first-line header, or --first-line code"
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
    let lines: Vec<&str> = text.lines().collect();
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
    let codes = (1..).zip(lines).skip(usize::from(header));
    let codes = codes.map(|(line, code)| {
        if code.len() > 1 && code.starts_with('"') && code.ends_with('"') {
            let path = path.to_owned();
            return Err(CodeFileError::Quoted { path, line });
        }
        if let Err(hidden) = check_line(code) {
            return Err(CodeFileError::Hidden {
                path: path.to_owned(),
                line,
                place: hidden.place,
                character: hidden.character,
                what: hidden.what,
            });
        }
        Code::new(code.to_owned()).map_err(|reason| CodeFileError::Line {
            path: path.to_owned(),
            line,
            reason,
        })
    });
    Ok(CodeFile {
        codes: codes.collect::<Result<_, _>>()?,
        header,
    })
}

/// Whether the first line is a name that tables give a column of codes.
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

/// Whether the first line is unlike the others: it has no digit where all others have one (random codes do,
/// titles do not), a space where none has one, another length than all others have, or a kind of character that
/// none of them has.
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
    // Of one other line nobody knows what codes have in common, and two or three may lack a kind by chance.
    (others.len() > 1 && one_length && !alike)
        || (others.len() > 3
            && first.chars().map(Kind::of).any(|kind| {
                !others
                    .iter()
                    .any(|line| line.chars().any(|c| Kind::of(c) == kind))
            }))
}

/// What alphabets are made of.
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

/// Letters and digits of what tables call a column of codes.
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
        let codes = file.codes.iter().map(|code| code.as_str().to_owned());
        Ok((codes.collect(), file.header))
    }

    #[test]
    fn a_bad_line_is_named_and_not_shown() {
        let said = read("A-1\nA-2\n\nA-4\n", FirstLine::Unsaid).expect_err("an empty line");
        assert!(said.contains("line 3") && !said.contains("A-"), "{said}");
        let said = read("\"A-1\"\n\"A-2\"\n", FirstLine::Unsaid).expect_err("cells");
        assert!(said.contains("line 1") && !said.contains("A-"), "{said}");
        let (codes, header) = read("A-1\r\nA-2\n", FirstLine::Unsaid).expect("reads");
        assert_eq!((codes.len(), header), (2, false));
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
        // What may be either is asked about.
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
            "HEMCQ-Y04EC\nSMBP5-E541P\nHEMCQ-YO4EC\n",
            "善-01\n券-02\n度-03\n分-04\n积-05\n",
        ] {
            assert!(read(codes, FirstLine::Unsaid).is_ok(), "{codes:?}");
        }
        // Words are codes where all are words.
        let (codes, _) = read("apple-tree\nplum-tree\n", FirstLine::Unsaid).expect("reads");
        assert_eq!(codes.len(), 2);
    }
}
