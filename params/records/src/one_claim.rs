//! Records of one claim from a small file, whose columns have the names of the schema's fields: for people who try a
//! scale.
//!
//! CSV and JSON Lines are read by the code that reads a distributor's files, and of rows that cannot both count, the
//! same one counts. Two things differ: there is no subject and no time, because all rows are of one claim; and a value
//! is written as the examples of a manifest write it, so the caller reads it. TOML is the manifest's own form.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use merits_formula::{Field, FieldKind, Record, Schema};
use merits_guard::input;
use merits_primitives::ids::Period;
use serde::Deserialize;
use thiserror::Error;

use crate::{
    csv_rows::{CsvRows, HeaderFault},
    grouping::Grouping,
    json_rows::JsonRows,
    limits,
    reading::ReadError,
    reject::{Reason, Reject},
    row::{Cell, RawRow},
};

/// What a file gives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OneClaim {
    /// Accepted records, in the order of the schema's key, as a claim has them.
    pub records: Vec<Record>,
    /// Rows that are not records, by line.
    pub rejected: Vec<Reject>,
    /// Columns that are not fields of the schema.
    pub ignored: Vec<String>,
}

/// Why a file gives nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OneClaimError {
    /// The file.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another kind of file.
    #[error(
        "{}: records of one claim are read from .csv, .jsonl or .toml; a file with another layout, or of many people, \
         needs --mapping",
        .0.display()
    )]
    Ending(PathBuf),
    /// A header without the columns of some fields.
    #[error(
        "{}: no column has the name of {}: the columns are {}. Name them as the scale names its fields, or use --mapping",
        .path.display(), .missing.join(" or "), .found.join(", ")
    )]
    MissingColumns {
        /// The file.
        path: PathBuf,
        /// The fields.
        missing: Vec<String>,
        /// The file's columns.
        found: Vec<String>,
    },
    /// What makes the file unreadable as a whole.
    #[error("{}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ReadError,
    },
    /// A TOML file that does not hold records.
    #[error("{}: {source}", .path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where, and what is wrong.
        source: Box<toml::de::Error>,
    },
    /// More records than a claim holds: none is cut, because that would mean choosing which deeds count.
    #[error("{}: {count} records, and a claim holds at most {limit}", .path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// Its records.
        count: u64,
        /// The most of a claim.
        limit: u16,
    },
}

/// Most bytes of the records of one claim.
const MOST_BYTES: u64 = 1 << 24;

/// Reads the records of one claim of `period`, from CSV with a header, JSON Lines, or TOML with `records = [..]` or
/// `[[record]]`, by the file's ending. `value` reads one value of a field from its text, or says what is wrong with
/// it.
///
/// # Errors
/// [`OneClaimError`]. A row that is not a record stops no other.
pub fn read_one_claim(
    path: &Path,
    schema: &Schema,
    period: Period,
    value: &dyn Fn(&str, &Field) -> Result<u64, String>,
) -> Result<OneClaim, OneClaimError> {
    let rows = Rows::of(path, schema)?;
    let mut claim = OneClaim {
        ignored: rows.ignored,
        ..OneClaim::default()
    };
    let mut grouping = Grouping::new(schema.max_records, schema.fields.len(), schema.key());
    for row in rows.rows {
        match record(row, schema, value) {
            Ok((line, record)) => grouping.push(line, "", period, None, &record),
            Err(reject) => claim.rejected.push(reject),
        }
    }
    let grouped = grouping.finish();
    if let Some(refused) = grouped.refused.first() {
        return Err(OneClaimError::TooMany {
            path: path.to_owned(),
            count: refused.count,
            limit: refused.limit,
        });
    }
    let key = schema.fields.get(schema.key());
    let name = key.map_or("", |field| field.name.as_str());
    for beside in &grouped.beside {
        let detail = format!(
            "line {} has the same `{name}`, and counts: of rows that cannot both count, the one with the smaller \
             values does",
            beside.kept
        );
        let reject = Reject::new(beside.line, name, b"", Reason::Tie, detail);
        claim.rejected.push(reject);
    }
    claim.rejected.sort_by_key(|reject| reject.line);
    let records = grouped.groups.into_iter().next();
    claim.records = records.map_or_else(Vec::new, |group| group.records);
    Ok(claim)
}

/// One row as a record.
fn record(
    row: RawRow,
    schema: &Schema,
    value: &dyn Fn(&str, &Field) -> Result<u64, String>,
) -> Result<(u64, Record), Reject> {
    let (line, cells) = match row {
        RawRow::Cells { line, cells } => (line, cells),
        RawRow::Broken {
            line,
            reason,
            value,
            detail,
        } => return Err(Reject::new(line, "", &value, reason, detail)),
    };
    let values = schema.fields.iter().zip(&cells).map(|(field, cell)| {
        let name = &field.name;
        let refuse = |bytes: &[u8], reason, detail: String| {
            Err(Reject::new(line, name, bytes, reason, detail))
        };
        let bytes = match cell {
            Cell::Missing => {
                let detail = format!("`{name}` is missing; missing is not 0");
                return refuse(b"", Reason::Missing, detail);
            }
            Cell::Bytes(bytes) => bytes,
            // JSON and TOML have truth values of their own.
            Cell::Other(bytes)
                if field.kind == FieldKind::Bool
                    && [&b"true"[..], b"false"].contains(&&**bytes) =>
            {
                bytes
            }
            Cell::Other(bytes) => {
                let detail = format!("`{name}` is neither text nor number");
                return refuse(bytes, Reason::Unparsable, detail);
            }
        };
        let Ok(text) = std::str::from_utf8(bytes) else {
            return refuse(bytes, Reason::NotUtf8, format!("`{name}` is not UTF-8"));
        };
        value(text.trim_ascii(), field).or_else(|detail| refuse(bytes, Reason::Unparsable, detail))
    });
    let record = Record(values.collect::<Result<_, _>>()?);
    schema.check_record(&record).map_err(|fault| {
        let detail = fault.to_string();
        Reject::new(line, &fault.field, b"", Reason::OutOfBounds, detail)
    })?;
    Ok((line, record))
}

/// The rows of a file, with the schema's fields as their cells.
struct Rows {
    rows: Vec<RawRow>,
    ignored: Vec<String>,
}

impl Rows {
    fn of(path: &Path, schema: &Schema) -> Result<Self, OneClaimError> {
        let io = |source| OneClaimError::Io {
            path: path.to_owned(),
            source,
        };
        let ending = path.extension().and_then(|ending| ending.to_str());
        let read: fn(&[u8], &Schema) -> Result<Self, Fault> = match ending {
            Some("csv") => Self::of_csv,
            Some("jsonl" | "ndjson") => Self::of_json,
            Some("toml") => Self::of_toml,
            _ => return Err(OneClaimError::Ending(path.to_owned())),
        };
        let bytes = input::read(path, MOST_BYTES).map_err(io)?;
        read(&bytes, schema).map_err(|fault| fault.at(path))
    }

    fn of_csv(bytes: &[u8], schema: &Schema) -> Result<Self, Fault> {
        let mut rows = CsvRows::open(bytes, b',', &columns(schema))?;
        let ignored = rows.others().to_vec();
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(HeaderFault::Io)? {
            found.push(row);
        }
        Ok(Self {
            rows: found,
            ignored,
        })
    }

    fn of_json(bytes: &[u8], schema: &Schema) -> Result<Self, Fault> {
        let mut rows = JsonRows::new(bytes, &columns(schema)).noting_others();
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(HeaderFault::Io)? {
            found.push(row);
        }
        let ignored = rows.others();
        Ok(Self {
            rows: found,
            ignored,
        })
    }

    fn of_toml(bytes: &[u8], schema: &Schema) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default, alias = "record")]
            records: Vec<toml::Spanned<BTreeMap<String, toml::Value>>>,
        }
        let text = std::str::from_utf8(bytes).map_err(|_| HeaderFault::NotText("not UTF-8"))?;
        let text = merits_text::file::without_mark(text);
        let file: File = toml::from_str(text)?;
        let mut ignored: Vec<String> = Vec::new();
        let mut rows = Vec::with_capacity(file.records.len());
        for row in file.records {
            let before = text.get(..row.span().start).unwrap_or(text);
            let line = before.matches('\n').count() as u64 + 1;
            let mut values = row.into_inner();
            let cells = schema.fields.iter().map(|field| {
                let value = values.remove(&field.name);
                value.map_or(Ok(Cell::Missing), |value| toml_cell(&field.name, value))
            });
            let row = match cells.collect::<Result<_, _>>() {
                Ok(cells) => RawRow::Cells { line, cells },
                Err((value, detail)) => RawRow::Broken {
                    line,
                    reason: Reason::Unparsable,
                    value,
                    detail,
                },
            };
            rows.push(row);
            for name in values.into_keys() {
                if !ignored.contains(&name) && ignored.len() < limits::COLUMNS {
                    ignored.push(name);
                }
            }
        }
        Ok(Self { rows, ignored })
    }
}

/// The columns of a file: the names of the fields.
fn columns(schema: &Schema) -> Vec<String> {
    let fields = schema.fields.iter();
    fields.map(|field| field.name.clone()).collect()
}

/// A value of TOML as a cell, or its text and what is wrong with it.
fn toml_cell(name: &str, value: toml::Value) -> Result<Cell, (Vec<u8>, String)> {
    Ok(match value {
        toml::Value::String(text) if text.trim_ascii().is_empty() => Cell::Missing,
        toml::Value::String(text) => Cell::Bytes(text.into_bytes()),
        toml::Value::Boolean(truth) => Cell::Other(truth.to_string().into_bytes()),
        toml::Value::Array(_) | toml::Value::Table(_) => {
            Cell::Other(value.to_string().into_bytes())
        }
        toml::Value::Float(number) => {
            let detail = format!("`{name}`: write decimals in quotes, they are exact");
            return Err((number.to_string().into_bytes(), detail));
        }
        other => Cell::Bytes(other.to_string().into_bytes()),
    })
}

/// Why the rows of a file cannot be read.
enum Fault {
    Rows(HeaderFault),
    Toml(Box<toml::de::Error>),
}

impl From<HeaderFault> for Fault {
    fn from(fault: HeaderFault) -> Self {
        Self::Rows(fault)
    }
}

impl From<toml::de::Error> for Fault {
    fn from(error: toml::de::Error) -> Self {
        Self::Toml(Box::new(error))
    }
}

impl Fault {
    fn at(self, path: &Path) -> OneClaimError {
        let path = path.to_owned();
        match self {
            Self::Rows(HeaderFault::MissingColumns { missing, found }) => {
                OneClaimError::MissingColumns {
                    path,
                    missing,
                    found,
                }
            }
            Self::Rows(fault) => OneClaimError::Read {
                path,
                source: fault.into(),
            },
            Self::Toml(source) => OneClaimError::Toml { path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use merits_primitives::ids::{PeriodIndex, PeriodKind};

    use super::*;
    use crate::{Mapping, Plan, ReadOptions, read};

    fn period() -> Period {
        Period {
            kind: PeriodKind::Month,
            index: PeriodIndex(660),
        }
    }

    /// Day of the month, steps, and whether the watch was worn; at most three records.
    fn schema() -> Schema {
        let field = |name: &str, kind, key| Field {
            name: name.to_owned(),
            kind,
            unit: String::new(),
            key,
        };
        let steps = FieldKind::Int {
            min: 0,
            max: 50_000,
        };
        let fields = vec![
            field("day", FieldKind::DayInPeriod, true),
            field("steps", steps, false),
            field("worn", FieldKind::Bool, false),
        ];
        Schema::new("steps", "days", PeriodKind::Month, fields, 3).expect("a schema")
    }

    /// Days from 1 on, numbers, and truth values.
    fn value(text: &str, field: &Field) -> Result<u64, String> {
        let wrong = || format!("`{}` = {text:?} is wrong", field.name);
        match field.kind {
            FieldKind::Bool => match text {
                "true" => Ok(1),
                "false" => Ok(0),
                _ => Err(wrong()),
            },
            FieldKind::DayInPeriod => {
                let day: u64 = text.parse().map_err(|_| wrong())?;
                day.checked_sub(1).ok_or_else(wrong)
            }
            _ => text.parse().map_err(|_| wrong()),
        }
    }

    fn claim(name: &str, text: &str) -> Result<OneClaim, OneClaimError> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(name);
        fs::write(&path, text).expect("written");
        read_one_claim(&path, &schema(), period(), &value)
    }

    fn records(claim: &OneClaim) -> Vec<&[u64]> {
        let records = claim.records.iter();
        records.map(|record| &*record.0).collect()
    }

    fn rejects(claim: &OneClaim) -> Vec<(u64, Reason)> {
        let rejected = claim.rejected.iter();
        rejected
            .map(|reject| (reject.line, reject.reason))
            .collect()
    }

    #[test]
    fn three_forms_give_the_same_records() {
        let csv =
            "day,steps,note,worn\n2,6000,x,true\n1, 5999 ,y,false\n3,,z,true\n2,7000,w,true\n";
        let json = "{\"day\":2,\"steps\":6000,\"worn\":true,\"note\":1}\n\
                    {\"day\":1,\"steps\":\"5999\",\"worn\":\"false\"}\n\
                    {\"day\":3,\"worn\":true}\n{\"day\":2,\"steps\":7000,\"worn\":true}\n";
        let row = |day, steps, worn| format!("[[record]]\nday = {day}\n{steps}worn = {worn}\n");
        let toml = [
            row(2, "steps = 6000\n", "true\nnote = 1"),
            row(1, "steps = 5999\n", "false"),
            row(3, "", "true"),
            row(2, "steps = 7000\n", "true"),
        ]
        .concat();
        for (name, text, lines) in [
            ("r.csv", csv, [4..5, 5..6]),
            ("r.jsonl", json, [3..4, 4..5]),
            ("r.toml", &*toml, [10..13, 13..17]),
        ] {
            let claim = claim(name, text).expect(name);
            let expected: [&[u64]; 2] = [&[0, 5999, 0], &[1, 6000, 1]];
            assert_eq!(records(&claim), expected, "{name}");
            let [missing, tie] = &*rejects(&claim) else {
                panic!("{name}: {claim:?}");
            };
            assert_eq!((missing.1, tie.1), (Reason::Missing, Reason::Tie), "{name}");
            assert!(lines[0].contains(&missing.0), "{name}: {claim:?}");
            assert!(lines[1].contains(&tie.0), "{name}: {claim:?}");
            assert_eq!(claim.ignored, ["note"], "{name}");
        }
    }

    /// The rules for rows are those of the files that a source and a distributor read.
    #[test]
    fn a_distributor_would_take_and_reject_the_same_rows() {
        let mapping = "format = \"csv\"\nsubject = \"who\"\n[time]\ncolumn = \"on\"\nformat = \"%Y-%m-%d\"\n\
                       [fields.steps]\ncolumn = \"steps\"\n[fields.worn]\ncolumn = \"worn\"\n";
        let mapping = Mapping::from_toml(mapping).expect("a mapping");
        let plan = Plan::new(&mapping, &schema()).expect("a plan");
        for rows in [
            "2,10,true\n1,20,false\n",
            "2,10,true\n2,9,true\n2,9,false\n",
            "1,\"10,true\n2,20,true\n",
            "1,\"10\"0,true\n2,20,true\n",
            "1,10\n2,20,true,4\n3,30,true\n",
            "1,50001,true\n2,-1,true\n3,30,perhaps\n",
            "1,,true\n\n2,20,\n3,\u{a0},true\n",
        ] {
            let own = claim("r.csv", &format!("day,steps,worn\n{rows}")).expect("read");
            // The same rows with a subject and a date.
            let dated: String = rows
                .lines()
                .map(|row| match row.split_once(',') {
                    None => "\n".to_owned(),
                    Some((day, rest)) => format!("a,2025-01-0{day},{rest}\n"),
                })
                .collect();
            let mut refused = Vec::new();
            let mut keep = |reject: &Reject| {
                refused.push((reject.line, reject.reason));
                Ok(())
            };
            let input = format!("who,on,steps,worn\n{dated}");
            let options = ReadOptions::default();
            let reading = read(input.as_bytes(), &plan, options, &mut keep, &mut |_| {});
            let group = reading.expect("read").groups.into_iter().next();
            let theirs = group.map_or_else(Vec::new, |group| group.records);
            assert_eq!(own.records, theirs, "{rows:?}");
            refused.sort_unstable();
            let lines = |rejects: Vec<(u64, Reason)>| -> Vec<u64> {
                rejects.into_iter().map(|(line, _)| line).collect()
            };
            assert_eq!(lines(rejects(&own)), lines(refused), "{rows:?}");
        }
    }

    #[test]
    fn files_that_give_nothing_are_refused_whole() {
        for (name, text, says) in [
            (
                "r.csv",
                "day,worn\n1,true\n",
                "no column has the name of steps",
            ),
            ("r.csv", "", "the file is empty"),
            ("r.csv", "day,day,steps,worn\n", "twice"),
            ("r.xls", "", "--mapping"),
            ("r.toml", "[[records]]\nday = ", "r.toml"),
            ("r.toml", "other = 1\n", "other"),
            (
                "r.csv",
                "day,steps,worn\n1,1,true\n2,1,true\n3,1,true\n4,1,true\n",
                "at most 3",
            ),
        ] {
            let refused = claim(name, text).expect_err(text).to_string();
            assert!(
                refused.contains(says) && refused.contains(name),
                "{refused}"
            );
        }
        let float = claim("r.toml", "[[record]]\nday = 1\nsteps = 1.5\nworn = true\n");
        let float = float.expect("a file").rejected.remove(0);
        assert!(float.detail.contains("in quotes"), "{float:?}");
    }
}
