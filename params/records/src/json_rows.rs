//! JSON Lines rows: one object on each line.
//!
//! Cells are strings or numbers; a number's digits are taken as written, so there is no float
//! between the file and the record. Members that are not mapped are skipped unread. A mapped member
//! given twice breaks its row: parsers differ on which one counts.

use merits_text::typed::typed;
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    io::{self, BufRead},
};

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{error::Category, value::RawValue};

use crate::{
    limits,
    lines::Lines,
    reject::Reason,
    row::{Cell, RawRow},
};

/// Rows of a JSON Lines input.
pub(crate) struct JsonRows<R> {
    lines: Lines<R>,
    columns: HashMap<String, usize>,
    /// The names of members that are not mapped, if they are noted.
    others: Option<BTreeSet<String>>,
}

impl<R: BufRead> JsonRows<R> {
    pub(crate) fn new(input: R, columns: &[String]) -> Self {
        Self {
            lines: Lines::new(input),
            columns: columns
                .iter()
                .enumerate()
                .map(|(place, name)| (name.clone(), place))
                .collect(),
            others: None,
        }
    }

    /// Notes the names of members that are not mapped, at most [`limits::COLUMNS`] of them.
    pub(crate) fn noting_others(mut self) -> Self {
        self.others = Some(BTreeSet::new());
        self
    }

    /// The names that were noted.
    pub(crate) fn others(self) -> Vec<String> {
        self.others.into_iter().flatten().collect()
    }

    /// The next row; `None` at the end. Blank lines do not count as rows.
    pub(crate) fn next(&mut self) -> io::Result<Option<RawRow>> {
        loop {
            let Some(line) = self.lines.next()? else {
                return Ok(None);
            };
            let broken = |reason, value, detail: String| RawRow::Broken {
                line: line.number,
                reason,
                value,
                detail,
            };
            if line.cut {
                return Ok(Some(broken(
                    Reason::TooLong,
                    line.bytes,
                    "the row is longer than 64 KiB".into(),
                )));
            }
            if line.bytes.trim_ascii().is_empty() {
                continue;
            }
            if std::str::from_utf8(&line.bytes).is_err() {
                return Ok(Some(broken(
                    Reason::NotUtf8,
                    line.bytes,
                    "the line is not UTF-8".into(),
                )));
            }
            return Ok(Some(match self.cells(&line.bytes) {
                Ok(cells) => RawRow::Cells {
                    line: line.number,
                    cells,
                },
                Err(error) => broken(Reason::NotAnObject, line.bytes, words(&error)),
            }));
        }
    }

    fn cells(&mut self, line: &[u8]) -> Result<Vec<Cell>, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_slice(line);
        let cells = json.deserialize_map(Members {
            columns: &self.columns,
            others: self.others.as_mut(),
        })?;
        json.end()?;
        Ok(cells)
    }
}

/// What is wrong with a line, in words. The parser's own words are about its states.
fn words(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Eof => "the JSON object ends in the middle: the line was cut off".to_owned(),
        Category::Syntax | Category::Io => format!(
            "the line is not a JSON object: parsing fails at character {}",
            error.column()
        ),
        Category::Data => {
            let said = error.to_string();
            // Without the place, which is not in the file.
            let what = said.split(" at line ").next().unwrap_or_default();
            match what.starts_with("member ") {
                true => what.to_owned(),
                false => "one JSON object a line is expected".to_owned(),
            }
        }
    }
}

struct Members<'a> {
    columns: &'a HashMap<String, usize>,
    others: Option<&'a mut BTreeSet<String>>,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Vec<Cell>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one JSON object a line")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut cells: Vec<Option<Cell>> = vec![None; self.columns.len()];
        while let Some(name) = map.next_key::<String>()? {
            let Some(&place) = self.columns.get(typed(&name).as_ref()) else {
                map.next_value::<IgnoredAny>()?;
                if let Some(others) = &mut self.others
                    && others.len() < limits::COLUMNS
                {
                    others.insert(name);
                }
                continue;
            };
            let value: &RawValue = map.next_value()?;
            if cells[place].replace(cell(value)).is_some() {
                return Err(serde::de::Error::custom(format!(
                    "member {name:?} is given twice"
                )));
            }
        }
        Ok(cells
            .into_iter()
            .map(|cell| cell.unwrap_or(Cell::Missing))
            .collect())
    }
}

fn cell(value: &RawValue) -> Cell {
    let raw = value.get();
    match raw.as_bytes().first() {
        Some(b'"') => match serde_json::from_str::<String>(raw) {
            Ok(text) if text.trim_ascii().is_empty() => Cell::Missing,
            Ok(text) => Cell::Bytes(text.into_bytes()),
            // A lone surrogate escape is valid in JSON's grammar, but it is not text.
            Err(_) => Cell::Other(raw.as_bytes().to_vec()),
        },
        Some(b'-' | b'0'..=b'9') => Cell::Bytes(raw.as_bytes().to_vec()),
        Some(b'n') => Cell::Missing,
        _ => Cell::Other(raw.as_bytes().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(input: &[u8]) -> Vec<RawRow> {
        let mut rows = JsonRows::new(input, &["a".into(), "b".into()]);
        let mut out = Vec::new();
        while let Some(row) = rows.next().expect("memory does not fail") {
            out.push(row);
        }
        out
    }

    /// Regression: "EOF while parsing a string at line 1 column 9".
    #[test]
    fn a_broken_line_is_explained() {
        for (line, says) in [
            ("{\"a\": \"x", "ends in the middle"),
            (
                "{\"a\": x}",
                "not a JSON object: parsing fails at character",
            ),
            (
                "{\"a\": 1} 2",
                "not a JSON object: parsing fails at character",
            ),
            ("[1]", "one JSON object a line"),
            ("{\"a\": 1, \"a\": 2}", "member \"a\" is given twice"),
        ] {
            let mut rows = JsonRows::new(line.as_bytes(), &["a".into()]);
            let said = words(&rows.cells(line.as_bytes()).expect_err(line));
            assert!(said.contains(says), "{line}: {said}");
            assert!(!said.contains("column") && !said.contains("EOF"), "{said}");
        }
    }

    #[test]
    fn cells_are_read_as_written() {
        let got =
            rows(b"{\"b\":12.50,\"x\":[{}],\"a\":\"\\u00e9\"}\n\n{\"a\":null}\r\n{\"a\":true}");
        let bytes = |text: &str| Cell::Bytes(text.as_bytes().to_vec());
        let want = [
            (1, vec![bytes("é"), bytes("12.50")]),
            (3, vec![Cell::Missing, Cell::Missing]),
            (4, vec![Cell::Other(b"true".to_vec()), Cell::Missing]),
        ];
        for (row, (line, cells)) in got.into_iter().zip(want) {
            assert_eq!(row, RawRow::Cells { line, cells });
        }
    }

    #[test]
    fn what_is_no_object_breaks_its_row_only() {
        let got = rows(b"[1]\n{\"a\":1,\"a\":2}\n{\"a\":1} x\n{\n\xff\n{\"a\":1}\n");
        let reasons: Vec<Option<Reason>> = got
            .iter()
            .map(|row| match row {
                RawRow::Broken { reason, .. } => Some(*reason),
                RawRow::Cells { .. } => None,
            })
            .collect();
        let bad = Some(Reason::NotAnObject);
        assert_eq!(reasons, [bad, bad, bad, bad, Some(Reason::NotUtf8), None]);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            rows(&bytes);
        }
    }
}
