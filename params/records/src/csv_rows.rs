//! CSV rows (RFC 4180), read so that the faults of real files do little harm.
//!
//! A quoted field may hold line breaks, so one stray quote would swallow the rest of the file. A
//! row whose quote is still open after [`limits::LINES_IN_ROW`] lines, [`limits::ROW_BYTES`] bytes
//! or at the end of the file is rejected by its first line only, and reading goes on at the
//! second. Text after a closing quote (`"12"3`) is refused rather than joined: it would change a
//! value silently.

use merits_text::typed::typed;
use std::io::{self, BufRead};

use crate::{
    limits,
    lines::{Line, Lines},
    reject::Reason,
    row::{Cell, RawRow},
};

/// What separates the columns of tables, beside the comma.
const DELIMITERS: [char; 4] = [';', '\t', ',', '|'];

/// What separates the columns of a header that has one column only, if some of the columns that are
/// looked for are there.
fn other_delimiter(header: &str, delimiter: u8, columns: &[String]) -> Option<char> {
    let named = |other: &char| {
        header.contains(*other)
            && header
                .split(*other)
                .map(|name| name.trim().trim_matches('"'))
                .any(|name| columns.iter().any(|column| column == name))
    };
    DELIMITERS
        .into_iter()
        .filter(|other| *other != char::from(delimiter))
        .find(named)
}

/// Rows of a CSV input with a header.
pub(crate) struct CsvRows<R> {
    lines: Lines<R>,
    delimiter: u8,
    /// Columns of the header.
    width: usize,
    /// The positions of the plan's columns.
    mapped: Vec<usize>,
    /// The names of the other columns.
    others: Vec<String>,
}

const CR_ALONE: &str =
    "its lines end in CR alone, as old Macintosh programs write them: save it with LF or CR LF";

const CR_IN_HEADER: &str = "the header has a CR without LF outside of quotes: save it with LF or CR LF at \
 the end of each line";

/// A header that cannot be used.
#[derive(Debug)]
pub(crate) enum HeaderFault {
    Io(io::Error),
    Empty,
    NotText(&'static str),
    TooManyColumns(usize),
    MissingColumns {
        missing: Vec<String>,
        found: Vec<String>,
    },
    ColumnTwice(String),
    /// Another character separates the columns than the mapping says.
    Delimiter {
        found: char,
        expected: char,
    },
}

impl From<io::Error> for HeaderFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<R: BufRead> CsvRows<R> {
    /// Reads the header and finds the mapped columns in it.
    pub(crate) fn open(input: R, delimiter: u8, columns: &[String]) -> Result<Self, HeaderFault> {
        let mut lines = Lines::new(input);
        let (header, bare_cr) = loop {
            match next_row(&mut lines, delimiter)? {
                None => return Err(HeaderFault::Empty),
                Some((_, Parsed::Blank)) => {}
                Some((_, Parsed::Fields { fields, bare_cr })) => break (fields, bare_cr),
                Some((_, Parsed::Broken { value, detail, .. })) => {
                    // Names in quotes, which another character separates.
                    let text = String::from_utf8_lossy(&value);
                    let first = text.lines().next().unwrap_or("");
                    if let Some(found) = other_delimiter(first, delimiter, columns) {
                        let expected = char::from(delimiter);
                        return Err(HeaderFault::Delimiter { found, expected });
                    }
                    let alone = value.contains(&b'\r') && !lines.any_feed();
                    let why = if alone { CR_ALONE } else { detail };
                    return Err(HeaderFault::NotText(why));
                }
            }
        };
        if header
            .iter()
            .any(|f| f.starts_with(b"\xff\xfe") || f.starts_with(b"\xfe\xff") || f.contains(&0))
        {
            return Err(HeaderFault::NotText(
                "UTF-16 or binary: save the table as UTF-8",
            ));
        }
        if bare_cr {
            let some = lines.any_feed();
            let why = if some { CR_IN_HEADER } else { CR_ALONE };
            return Err(HeaderFault::NotText(why));
        }
        if header.len() > limits::COLUMNS {
            return Err(HeaderFault::TooManyColumns(header.len()));
        }
        let found: Vec<String> = header
            .iter()
            .map(|name| typed(&String::from_utf8_lossy(name.trim_ascii())).into_owned())
            .collect();
        let mut mapped = Vec::with_capacity(columns.len());
        let mut missing = Vec::new();
        for column in columns {
            let mut places = found.iter().enumerate().filter(|(_, name)| *name == column);
            match (places.next(), places.next()) {
                (Some(_), Some(_)) => return Err(HeaderFault::ColumnTwice(column.clone())),
                (Some((place, _)), None) => mapped.push(place),
                (None, _) => missing.push(column.clone()),
            }
        }
        if let (false, [whole]) = (missing.is_empty(), found.as_slice())
            && let Some(found) = other_delimiter(whole, delimiter, columns)
        {
            let expected = char::from(delimiter);
            return Err(HeaderFault::Delimiter { found, expected });
        }
        if !missing.is_empty() {
            return Err(HeaderFault::MissingColumns { missing, found });
        }
        let width = found.len();
        let others = found.into_iter();
        Ok(Self {
            lines,
            delimiter,
            width,
            mapped,
            others: others
                .filter(|name| !name.is_empty() && !columns.contains(name))
                .collect(),
        })
    }

    /// The columns of the header that are not mapped.
    pub(crate) fn others(&self) -> &[String] {
        &self.others
    }

    /// The next row; `None` at the end. Blank lines do not count as rows.
    pub(crate) fn next(&mut self) -> io::Result<Option<RawRow>> {
        loop {
            let Some((line, parsed)) = next_row(&mut self.lines, self.delimiter)? else {
                return Ok(None);
            };
            return Ok(Some(match parsed {
                Parsed::Blank => continue,
                Parsed::Broken {
                    reason,
                    value,
                    detail,
                } => RawRow::Broken {
                    line,
                    reason,
                    value,
                    detail: detail.to_owned(),
                },
                Parsed::Fields { fields, .. } if fields.len() != self.width => RawRow::Broken {
                    line,
                    reason: Reason::ColumnCount,
                    value: fields.join(&self.delimiter),
                    detail: format!("{} columns, the header has {}", fields.len(), self.width),
                },
                Parsed::Fields { mut fields, .. } => RawRow::Cells {
                    line,
                    cells: self
                        .mapped
                        .iter()
                        .map(|&place| {
                            let bytes = std::mem::take(&mut fields[place]);
                            // No column is mapped twice, so a taken field is not asked for again.
                            if bytes.trim_ascii().is_empty() {
                                Cell::Missing
                            } else {
                                Cell::Bytes(bytes)
                            }
                        })
                        .collect(),
                },
            }));
        }
    }
}

enum Parsed {
    Blank,
    Fields {
        fields: Vec<Vec<u8>>,
        /// A CR stands outside quotes, and not before LF.
        bare_cr: bool,
    },
    Broken {
        reason: Reason,
        value: Vec<u8>,
        detail: &'static str,
    },
}

/// One logical row and the number of its first line.
fn next_row<R: BufRead>(lines: &mut Lines<R>, delimiter: u8) -> io::Result<Option<(u64, Parsed)>> {
    let Some(first) = lines.next()? else {
        return Ok(None);
    };
    let number = first.number;
    if first.cut {
        return Ok(Some((number, too_long(first))));
    }
    if first.bytes.trim_ascii().is_empty() {
        return Ok(Some((number, Parsed::Blank)));
    }
    let mut splitter = Splitter::new(delimiter);
    splitter.feed(&first.bytes);
    let mut followers: Vec<Line> = Vec::new();
    let mut size = first.bytes.len();
    while splitter.inside_quotes() {
        let next = match lines.next()? {
            Some(next) => next,
            None => return Ok(Some((number, unclosed(lines, first, followers)))),
        };
        size += next.bytes.len() + 1;
        let over =
            next.cut || size > limits::ROW_BYTES || followers.len() + 2 > limits::LINES_IN_ROW;
        if over {
            followers.push(next);
            return Ok(Some((number, unclosed(lines, first, followers))));
        }
        splitter.feed(b"\n");
        splitter.feed(&next.bytes);
        followers.push(next);
    }
    Ok(Some((
        number,
        match splitter.finish() {
            Some((fields, bare_cr)) => Parsed::Fields { fields, bare_cr },
            None => {
                lines.give_back(followers);
                Parsed::Broken {
                    reason: Reason::Quoting,
                    value: first.bytes,
                    detail: "text follows a closing quote; write a quote inside quotes twice",
                }
            }
        },
    )))
}

fn too_long(line: Line) -> Parsed {
    Parsed::Broken {
        reason: Reason::TooLong,
        value: line.bytes,
        detail: "the row is longer than 64 KiB",
    }
}

fn unclosed<R: BufRead>(lines: &mut Lines<R>, first: Line, followers: Vec<Line>) -> Parsed {
    lines.give_back(followers);
    Parsed::Broken {
        reason: Reason::Quoting,
        value: first.bytes,
        detail: "a quote is opened and never closed",
    }
}

/// Splits one row's bytes into fields, in as many pieces as it takes.
struct Splitter {
    delimiter: u8,
    state: State,
    field: Vec<u8>,
    fields: Vec<Vec<u8>>,
    misquoted: bool,
    bare_cr: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    Plain,
    Quoted,
    /// A quote inside quotes: the field's end, or the first half of a doubled quote.
    QuoteSeen,
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            state: State::Start,
            field: Vec::new(),
            fields: Vec::new(),
            misquoted: false,
            bare_cr: false,
        }
    }

    fn inside_quotes(&self) -> bool {
        self.state == State::Quoted && !self.misquoted
    }

    fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.state = match (self.state, byte) {
                (State::Start, b'"') => State::Quoted,
                (State::Quoted, b'"') => State::QuoteSeen,
                (State::Quoted, _) => {
                    self.field.push(byte);
                    State::Quoted
                }
                (State::QuoteSeen, b'"') => {
                    self.field.push(b'"');
                    State::Quoted
                }
                (_, byte) if byte == self.delimiter => {
                    self.fields.push(std::mem::take(&mut self.field));
                    State::Start
                }
                (State::QuoteSeen, _) => {
                    self.misquoted = true;
                    State::Plain
                }
                (State::Start | State::Plain, _) => {
                    self.bare_cr |= byte == b'\r';
                    self.field.push(byte);
                    State::Plain
                }
            };
        }
    }

    /// The fields, and whether a CR stands outside quotes.
    fn finish(mut self) -> Option<(Vec<Vec<u8>>, bool)> {
        self.fields.push(self.field);
        (!self.misquoted).then_some((self.fields, self.bare_cr))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(input: &[u8]) -> Vec<RawRow> {
        let mut rows =
            CsvRows::open(input, b',', &["a".into(), "b".into()]).expect("the header fits");
        let mut out = Vec::new();
        while let Some(row) = rows.next().expect("memory does not fail") {
            out.push(row);
        }
        out
    }

    fn broken(row: &RawRow) -> Option<(u64, Reason)> {
        match row {
            RawRow::Broken { line, reason, .. } => Some((*line, *reason)),
            RawRow::Cells { .. } => None,
        }
    }

    #[test]
    fn a_stray_quote_costs_one_row() {
        let got = rows(b"a,b\n1,\"two\n3,4\n5,6\n");
        assert_eq!(broken(&got[0]), Some((2, Reason::Quoting)));
        assert_eq!(got.len(), 3);
        assert!(got[1..].iter().all(|row| broken(row).is_none()));
    }

    #[test]
    fn a_stray_quote_before_a_long_rest_costs_one_row() {
        let mut input = b"a,b\n1,\"two\n".to_vec();
        for i in 0..5000 {
            input.extend_from_slice(format!("{i},{i}\n").as_bytes());
        }
        let got = rows(&input);
        assert_eq!(got.len(), 5001);
        assert_eq!(got.iter().filter_map(broken).count(), 1);
    }

    #[test]
    fn text_after_a_closing_quote_is_not_joined() {
        let got = rows(b"a,b\n\"12\"3,4\n5,6\n");
        assert_eq!(broken(&got[0]), Some((2, Reason::Quoting)));
        assert!(broken(&got[1]).is_none());
    }

    #[test]
    fn quoted_breaks_keep_line_numbers() {
        let got = rows(b"a,b\n\"x\r\ny\",2\n\n3\n4,5\n");
        assert!(
            matches!(&got[0], RawRow::Cells { line: 2, cells } if cells[0] == Cell::Bytes(b"x\ny".to_vec()))
        );
        assert_eq!(broken(&got[1]), Some((5, Reason::ColumnCount)));
        assert!(matches!(got[2], RawRow::Cells { line: 6, .. }));
    }

    #[test]
    fn another_separator_is_named() {
        let columns = ["a".to_owned(), "b".to_owned()];
        let open = |header: &str, delimiter| {
            let opened = CsvRows::open(header.as_bytes(), delimiter, &columns);
            match opened {
                Err(HeaderFault::Delimiter { found, .. }) => Some(found),
                _ => None,
            }
        };
        assert_eq!(open("a;b;c\n1;2;3\n", b','), Some(';'));
        assert_eq!(open("\"a\";\"b\"\n1;2\n", b','), Some(';'));
        assert_eq!(open("a\tb\n", b';'), Some('\t'));
        assert_eq!(open("a,b\n", b';'), Some(','));
        // The columns of another file.
        assert_eq!(open("x;y\n", b','), None);
        assert_eq!(open("a,x;b\n", b','), None);
    }

    #[test]
    fn headers_are_checked() {
        let columns = ["a".to_owned(), "z".to_owned()];
        assert!(matches!(
            CsvRows::open(&b"a,b\n"[..], b',', &columns),
            Err(HeaderFault::MissingColumns { missing, .. }) if missing == ["z"]
        ));
        assert!(matches!(
            CsvRows::open(&b""[..], b',', &columns),
            Err(HeaderFault::Empty)
        ));
        assert!(matches!(
            CsvRows::open(&b"a,z,a\n"[..], b',', &columns),
            Err(HeaderFault::ColumnTwice(column)) if column == "a"
        ));
        assert!(matches!(
            CsvRows::open(&b"\xff\xfea\0,\0z\0\n"[..], b',', &columns),
            Err(HeaderFault::NotText(_))
        ));
        let row = b"a,z\r1,2\r";
        for macintosh in [row.to_vec(), row.repeat(limits::ROW_BYTES)] {
            assert!(matches!(
                CsvRows::open(&macintosh[..], b',', &columns),
                Err(HeaderFault::NotText(why)) if why == CR_ALONE
            ));
        }
    }

    /// Regression: a CR inside quotes made lines that end in LF "end in CR alone".
    #[test]
    fn a_cr_in_the_header_is_no_end_of_lines_where_lf_is() {
        let columns = ["a".to_owned(), "z".to_owned()];
        let open = |input: &[u8]| CsvRows::open(input, b',', &columns).map(|_| ());
        let why = |input: &[u8]| match open(input) {
            Err(HeaderFault::NotText(why)) => why,
            other => panic!("{other:?}"),
        };
        for good in [
            &b"a,\"in\rtwo\",z\n1,2,3\n"[..],
            b"a,\"in\rtwo\",z\r\n1,2,3\r\n",
            b"a,\"in\r\ntwo\",z\n",
        ] {
            open(good).expect("a good header");
        }
        assert_eq!(why(b"\"a\",\"z\"\r\"1\",\"2\"\r"), CR_ALONE);
        assert_eq!(why(b"a,\"z\r1,2\r"), CR_ALONE);
        let unclosed = why(b"a,\"in\rtwo,z\n1,2,3\n");
        assert!(unclosed.contains("never closed"), "{unclosed}");
        let mut misquoted = b"a,\"in\rtwo\"x,z\n".to_vec();
        misquoted.extend(b"1,2,3\n");
        let misquoted = why(&misquoted);
        assert!(misquoted.contains("follows a closing quote"), "{misquoted}");
        // All rows would be columns of the header.
        assert_eq!(why(b"a,z\r1,2\r3,4\n"), CR_IN_HEADER);
        // LF comes, but too late to end a line.
        let mut late = b"a,z\r1,2\r".repeat(limits::ROW_BYTES);
        late.push(b'\n');
        assert_eq!(why(&late), CR_ALONE);
    }

    proptest! {
        /// Everything that the `csv` crate writes is read back here.
        #[test]
        fn reads_what_csv_writes(
            table in prop::collection::vec(("[a-z\",\n é]{1,8}", "[0-9\",]{1,5}"), 0..20),
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["a", "b"]).expect("memory");
            for (a, b) in &table {
                writer.write_record([a, b]).expect("memory");
            }
            let bytes = writer.into_inner().expect("memory");
            let cell = |text: &str| if text.trim_ascii().is_empty() {
                Cell::Missing
            } else {
                Cell::Bytes(text.as_bytes().to_vec())
            };
            let want: Vec<Vec<Cell>> = table.iter().map(|(a, b)| vec![cell(a), cell(b)]).collect();
            let got: Vec<Vec<Cell>> = rows(&bytes).into_iter().map(|row| match row {
                RawRow::Cells { cells, .. } => cells,
                RawRow::Broken { .. } => Vec::new(),
            }).collect();
            prop_assert_eq!(got, want);
        }

        /// Any bytes after the header give rows or rejects, in ascending lines, and an end.
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(
            prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..400)) {
            let mut input = b"a,b\n".to_vec();
            input.extend(bytes);
            let lines: Vec<u64> = rows(&input).iter().map(|row| match row {
                RawRow::Cells { line, .. } | RawRow::Broken { line, .. } => *line,
            }).collect();
            prop_assert!(lines.is_sorted_by(|a, b| a < b));
        }
    }
}
