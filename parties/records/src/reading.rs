//! The one entry point: a file, a plan, and out come subject-periods and a report.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use merits_formula::Record;
use merits_primitives::{calendar::MINUTES_PER_DAY, ids::Period};
use thiserror::Error;

use crate::{
    csv_rows::{CsvRows, HeaderFault},
    field_plan::FieldPlan,
    grouping::{Grouping, RefusedGroup, SubjectPeriod},
    json_rows::JsonRows,
    limits,
    mapping::{Format, Plan},
    reject::{Counts, Reason, Reject},
    row::{Cell, RawRow},
    wall_clock::{self, WallClock},
};

/// What makes a file unreadable as a whole. Single bad rows are [`Reject`]s instead.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Reading failed after so many rows.
    #[error("reading failed after {rows} rows: {source}")]
    Input {
        /// Rows read before.
        rows: u64,
        /// Why.
        source: io::Error,
    },
    /// A rejects file that cannot be written.
    #[error("the rejects file cannot be written: {0}")]
    Rejects(io::Error),
    /// No header.
    #[error("the file is empty: a CSV file starts with a header")]
    Empty,
    /// No text.
    #[error("the file does not start with a CSV header: {0}")]
    NotText(&'static str),
    /// A header beyond its limit.
    #[error("the header has {found} columns, at most {} are read", limits::COLUMNS)]
    TooManyColumns {
        /// How many there are.
        found: usize,
    },
    /// Mapped columns that the header does not have.
    #[error("the header lacks mapped column(s) {}; it has {}. Mend the mapping or the file", .missing.join(", "), .found.join(", "))]
    MissingColumns {
        /// Which are mapped and not there.
        missing: Vec<String>,
        /// Which are there.
        found: Vec<String>,
    },
    /// A mapped column that the header has twice.
    #[error("the header has column {column:?} twice: which one is meant?")]
    ColumnTwice {
        /// The column.
        column: String,
    },
    /// More rows than one reading may hold.
    #[error(
        "more than {} rows were accepted: split the file by period",
        limits::ACCEPTED_ROWS
    )]
    TooManyRows,
}

/// Counts of one reading.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows read, bad ones included; header and blank lines are none.
    pub rows: u64,
    /// Rows that became records.
    pub accepted: u64,
    /// Rows that were refused.
    pub rejected: u64,
    /// Refused rows by reason.
    pub reasons: Counts,
    /// Rows of subjects that [`ReadOptions::first_subjects`] leaves out.
    pub left_out: u64,
    /// Subjects with at least one record.
    pub subjects: u64,
}

/// What a reading gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// By period and subject.
    pub groups: Vec<SubjectPeriod>,
    /// Subject-periods over the claim's size.
    pub refused: Vec<RefusedGroup>,
    /// Counts.
    pub report: Report,
}

/// How to read.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOptions {
    /// Read only the first so many subjects of the file; a demo's choice.
    pub first_subjects: Option<usize>,
}

/// Reads a file. `on_reject` sees each refused row; `progress` the rows read so far, now and then.
///
/// # Errors
/// [`ReadError`]: only what makes the whole file unreadable, or a failing `on_reject`.
pub fn read_file(
    path: &Path,
    plan: &Plan,
    options: ReadOptions,
    on_reject: &mut dyn FnMut(&Reject) -> io::Result<()>,
    progress: &mut dyn FnMut(u64),
) -> Result<Reading, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io {
        path: path.to_owned(),
        source,
    })?;
    read(
        BufReader::with_capacity(1 << 16, file),
        plan,
        options,
        on_reject,
        progress,
    )
}

/// Reads an input; see [`read_file`].
///
/// # Errors
/// [`ReadError`].
pub fn read(
    input: impl BufRead,
    plan: &Plan,
    options: ReadOptions,
    on_reject: &mut dyn FnMut(&Reject) -> io::Result<()>,
    progress: &mut dyn FnMut(u64),
) -> Result<Reading, ReadError> {
    let mut rows = match plan.format {
        Format::Csv => Rows::Csv(CsvRows::open(input, plan.delimiter, &plan.columns)?),
        Format::JsonLines => Rows::Json(JsonRows::new(input, &plan.columns)),
    };
    let mut grouping = Grouping::new(plan.schema.max_records);
    let mut report = Report::default();
    loop {
        let raw = match &mut rows {
            Rows::Csv(rows) => rows.next(),
            Rows::Json(rows) => rows.next(),
        }
        .map_err(|source| ReadError::Input {
            rows: report.rows,
            source,
        })?;
        let Some(raw) = raw else { break };
        report.rows += 1;
        if report.rows.is_multiple_of(PROGRESS_ROWS) {
            progress(report.rows);
        }
        match take(plan, options, &mut grouping, raw) {
            Ok(Taken::Record) => report.accepted += 1,
            Ok(Taken::LeftOut) => report.left_out += 1,
            Err(reject) => {
                report.rejected += 1;
                *report.reasons.entry(reject.reason).or_default() += 1;
                on_reject(&reject).map_err(ReadError::Rejects)?;
            }
        }
        if report.accepted > limits::ACCEPTED_ROWS {
            return Err(ReadError::TooManyRows);
        }
    }
    progress(report.rows);
    report.subjects = grouping.subjects() as u64;
    let (groups, refused) = grouping.finish();
    Ok(Reading {
        groups,
        refused,
        report,
    })
}

/// Rows between two calls of a progress callback.
const PROGRESS_ROWS: u64 = 4096;

enum Rows<R> {
    Csv(CsvRows<R>),
    Json(JsonRows<R>),
}

enum Taken {
    Record,
    LeftOut,
}

/// One row into the grouping, or the reason why not.
fn take(
    plan: &Plan,
    options: ReadOptions,
    grouping: &mut Grouping,
    raw: RawRow,
) -> Result<Taken, Reject> {
    let (line, cells) = match raw {
        RawRow::Cells { line, cells } => (line, cells),
        RawRow::Broken {
            line,
            reason,
            value,
            detail,
        } => return Err(Reject::new(line, "", &value, reason, detail)),
    };
    let row = Row { plan, line, cells };
    let subject = row.short_text(plan.subject, limits::SUBJECT_BYTES)?;
    if options
        .first_subjects
        .is_some_and(|most| grouping.subjects() >= most && !grouping.knows(subject))
    {
        return Ok(Taken::LeftOut);
    }
    let row_key = plan
        .row_key
        .map(|column| row.short_text(column, limits::ROW_KEY_BYTES))
        .transpose()?;
    let (period, record) = row.record()?;
    // A record has a value for each field of the schema.
    let key = record.0[plan.key];
    match grouping.push(
        subject.to_owned(),
        period,
        key,
        row_key.map(str::as_bytes),
        record,
    ) {
        Ok(()) => Ok(Taken::Record),
        Err(reason) => {
            let (column, detail) = match (reason, plan.row_key) {
                (Reason::DuplicateKey, Some(column)) => {
                    (column, "an accepted row has this key already")
                }
                _ => (
                    plan.key_column(),
                    "not after the subject's last accepted record of the period",
                ),
            };
            Err(row.reject(column, reason, detail))
        }
    }
}

/// A row on its way to a record.
struct Row<'a> {
    plan: &'a Plan,
    line: u64,
    cells: Vec<Cell>,
}

impl Row<'_> {
    fn record(&self) -> Result<(Period, Record), Reject> {
        let plan = self.plan;
        let moment = plan.clock.read(self.text(plan.time)?).ok_or_else(|| {
            self.reject(
                plan.time,
                Reason::Unparsable,
                "does not have the mapping's time format, or no such time exists",
            )
        })?;
        let (period, minutes) = wall_clock::locate(moment, plan.kind)
            .ok_or_else(|| self.reject(plan.time, Reason::OutOfBounds, "before 1970"))?;
        let values = plan
            .fields
            .iter()
            .map(|field| self.value(field, minutes))
            .collect::<Result<Vec<u64>, Reject>>()?;
        let record = Record(values);
        plan.schema.check_record(&record).map_err(|fault| {
            let fields = plan.schema.fields.iter();
            let place = fields.zip(&plan.fields);
            let at_fault = place
                .into_iter()
                .find(|(field, _)| field.name == fault.field);
            let column = at_fault.and_then(|(_, read)| read.column());
            let column = column.unwrap_or(plan.time);
            self.reject(column, Reason::OutOfBounds, fault.to_string())
        })?;
        Ok((period, record))
    }

    /// What a record stores of one field. `minutes` is the deed's time in the period.
    fn value(&self, field: &FieldPlan, minutes: u64) -> Result<u64, Reject> {
        match field {
            FieldPlan::TimeInPeriod => Ok(minutes),
            FieldPlan::DayInPeriod => Ok(minutes / u64::from(MINUTES_PER_DAY)),
            FieldPlan::Number { column, conversion } => {
                use crate::quantity::QuantityError as Fault;
                conversion.apply(self.text(*column)?).map_err(|fault| {
                    let reason = match fault {
                        Fault::Negative | Fault::TooLarge => Reason::OutOfBounds,
                        Fault::NotANumber | Fault::NotWhole => Reason::Unparsable,
                    };
                    self.reject(*column, reason, fault.to_string())
                })
            }
            FieldPlan::Bool { column, words } => {
                // JSON has truth values of its own.
                let word = match self.cells.get(*column) {
                    Some(Cell::Other(bytes)) if bytes == b"true" => "true",
                    Some(Cell::Other(bytes)) if bytes == b"false" => "false",
                    _ => self.text(*column)?,
                };
                let lower = || words.get(word.to_ascii_lowercase().as_str());
                let value = words.get(word).or_else(lower).copied();
                value.ok_or_else(|| {
                    let known: Vec<&str> = words.keys().map(String::as_str).collect();
                    let detail = format!("no truth value: {} are known", known.join(", "));
                    self.reject(*column, Reason::Unparsable, detail)
                })
            }
            FieldPlan::Enum { column, words } => {
                let value = words.get(self.text(*column)?).copied();
                value.ok_or_else(|| {
                    let known: Vec<&str> = words.keys().map(String::as_str).collect();
                    let detail = format!(
                        "not one of {}; a word of the file is given its meaning in the mapping's `values`",
                        known.join(", ")
                    );
                    self.reject(*column, Reason::Unparsable, detail)
                })
            }
            FieldPlan::Date { column, clock } => {
                let (day, _) = self.moment(*column, clock)?;
                Ok(u64::from(day))
            }
            FieldPlan::DateTime { column, clock } => {
                let (day, minute) = self.moment(*column, clock)?;
                Ok(u64::from(day) * u64::from(MINUTES_PER_DAY) + u64::from(minute))
            }
        }
    }

    /// Day since 1970 and minute of the day of a date or datetime.
    fn moment(&self, column: usize, clock: &WallClock) -> Result<(u32, u32), Reject> {
        let moment = clock.read(self.text(column)?).ok_or_else(|| {
            self.reject(
                column,
                Reason::Unparsable,
                "does not have the mapping's format, or no such date or time exists",
            )
        })?;
        wall_clock::since_1970(moment)
            .ok_or_else(|| self.reject(column, Reason::OutOfBounds, "before 1970"))
    }

    fn text(&self, column: usize) -> Result<&str, Reject> {
        match &self.cells[column] {
            Cell::Missing => Err(self.reject(column, Reason::Missing, "a value is needed")),
            Cell::Other(_) => {
                Err(self.reject(column, Reason::Unparsable, "a string or a number is needed"))
            }
            Cell::Bytes(bytes) => std::str::from_utf8(bytes)
                .map(str::trim_ascii)
                .map_err(|_| self.reject(column, Reason::NotUtf8, "the cell is not UTF-8")),
        }
    }

    fn short_text(&self, column: usize, most: usize) -> Result<&str, Reject> {
        let text = self.text(column)?;
        if text.len() > most {
            return Err(self.reject(column, Reason::TooLong, format!("longer than {most} bytes")));
        }
        if text.chars().any(char::is_control) {
            return Err(self.reject(
                column,
                Reason::Unparsable,
                "control characters have no place in an identifier",
            ));
        }
        Ok(text)
    }

    fn reject(&self, column: usize, reason: Reason, detail: impl Into<String>) -> Reject {
        let value: &[u8] = match &self.cells[column] {
            Cell::Missing => b"",
            Cell::Bytes(bytes) | Cell::Other(bytes) => bytes,
        };
        Reject::new(self.line, &self.plan.columns[column], value, reason, detail)
    }
}

impl From<HeaderFault> for ReadError {
    fn from(fault: HeaderFault) -> Self {
        match fault {
            HeaderFault::Io(source) => Self::Input { rows: 0, source },
            HeaderFault::Empty => Self::Empty,
            HeaderFault::NotText(why) => Self::NotText(why),
            HeaderFault::TooManyColumns(found) => Self::TooManyColumns { found },
            HeaderFault::MissingColumns { missing, found } => {
                Self::MissingColumns { missing, found }
            }
            HeaderFault::ColumnTwice(column) => Self::ColumnTwice { column },
        }
    }
}
