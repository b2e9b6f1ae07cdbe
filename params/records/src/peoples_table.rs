//! CSV that people open in a table program; the only writer of it.
//!
//! Such programs run a cell that begins like a formula (`=HYPERLINK(..)`), and cells hold what
//! strangers wrote. A text that begins so gets an apostrophe before it, which tells table programs
//! that it is text. Numbers keep their minus. Characters that must not reach a screen are escaped
//! ([`merits_text::display`]): people look at such a file in a terminal, too.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use merits_text::{
    cell::formula_sign,
    display::{Document, check_document},
};

/// A table for people.
pub struct PeoplesTable<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> PeoplesTable<W> {
    /// An empty table.
    pub fn new(output: W) -> Self {
        Self {
            writer: csv::Writer::from_writer(output),
        }
    }

    /// Appends one row.
    ///
    /// # Errors
    /// The writer's.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) -> io::Result<()> {
        for cell in cells {
            self.writer
                .write_field(harmless(cell.as_ref()).as_bytes())?;
        }
        self.writer.write_record(None::<&[u8]>)?;
        Ok(())
    }

    /// Writes what is buffered, and returns the writer.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(self) -> io::Result<W> {
        self.writer
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)
    }
}

/// A cell that no table program runs, and that controls no terminal.
fn harmless(cell: &str) -> Cow<'_, str> {
    if formula_sign(cell).is_some() && !is_number(cell) {
        Cow::Owned(format!("'{}", Document(cell)))
    } else if check_document(cell).is_err() {
        Cow::Owned(Document(cell).to_string())
    } else {
        Cow::Borrowed(cell)
    }
}

/// Whether a cell is a plain decimal number, such as `-12.5`.
fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    all(whole) && all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cells: &[&str]) -> String {
        let mut out = Vec::new();
        let mut table = PeoplesTable::new(&mut out);
        table.row(cells).expect("memory");
        table.finish().expect("memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn texts_are_no_formulas_and_numbers_stay_numbers() {
        for cell in [
            "=1+1",
            "=HYPERLINK(\"http://x\",\"y\")",
            "+1+1",
            "-1+2",
            "-",
            "-.5",
            "--5",
            "-5e3",
            "@SUM(A1)",
            "\t=1",
            " =1+1",
            "\u{ff1d}1+1",
            "\r=1",
        ] {
            assert!(harmless(cell).starts_with('\''), "{cell:?}");
        }
        for cell in [
            "",
            "5",
            "-5",
            "-12.50",
            "+3",
            "2014-09-01",
            "a=1",
            "x",
            "'=1",
        ] {
            assert_eq!(harmless(cell), cell);
        }
        // Regression: a refused cell reversed the line, or controlled the terminal that showed the
        // file.
        for (cell, shown) in [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("\u{202e}5", "\\u{202e}5"),
            ("=\u{1b}c", "'=\\u{1b}c"),
        ] {
            assert_eq!(harmless(cell), shown);
        }
        let text = written(&["=HYPERLINK(\"http://x\",\"y\")", "-5", "a,b"]);
        assert_eq!(
            text,
            "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",-5,\"a,b\"\n"
        );
    }
}
