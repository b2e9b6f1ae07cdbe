//! The only entry point: it takes a file and a plan, and gives subject-periods and a report.

use std::{
    borrow::Cow,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use jiff::civil::DateTime;
use merits_formula::{FieldKind, Record};
use merits_guard::{
    input,
    output::{Output, OutputError},
};
use merits_primitives::{calendar::MINUTES_PER_DAY, ids::Period};
use merits_text::{display, typed::typed};
use serde::Serialize;
use thiserror::Error;

use crate::{
    csv_rows::{CsvRows, HeaderFault},
    field_plan::FieldPlan,
    grouping::{Beside, Grouped, Grouping, RefusedGroup, Same, SubjectPeriod},
    json_rows::JsonRows,
    limits,
    mapping::Format,
    plan::Plan,
    reject::{Counts, REJECTS, Reason, Reject, RejectsFile},
    row::{Cell, RawRow},
    wall_clock::{self, TimeFault, WallClock},
};

/// Why a file is unreadable as a whole. Single bad rows are [`Reject`]s instead.
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
    /// Reading failed after this many rows.
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
    /// A rejects file that must not be written at its place.
    #[error(transparent)]
    RejectsFile(#[from] OutputError),
    /// No header.
    #[error("the file is empty: a CSV file starts with a header")]
    Empty,
    /// No text.
    #[error("the file does not start with a CSV header: {0}")]
    NotText(&'static str),
    /// A header beyond its limit.
    #[error("the header has {found} columns, at most {} are read", limits::COLUMNS)]
    TooManyColumns {
        /// The number of columns.
        found: usize,
    },
    /// Mapped columns that the header does not have.
    #[error("the header lacks mapped column(s) {}; it has {}. Correct the mapping or the file", .missing.join(", "), .found.join(", "))]
    MissingColumns {
        /// The mapped columns that are missing.
        missing: Vec<String>,
        /// The columns of the header.
        found: Vec<String>,
    },
    /// Another character separates the columns than the mapping says.
    #[error(
        "{found:?} separates the columns of this file: write delimiter = {:?} in the mapping, or save the file with \
         {expected:?} between its columns", .found.to_string()
    )]
    Delimiter {
        /// What separates them.
        found: char,
        /// What the mapping says.
        expected: char,
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows read, bad ones included; header and blank lines do not count.
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

/// The result of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// By period and subject.
    pub groups: Vec<SubjectPeriod>,
    /// Subject-periods over the claim's size.
    pub refused: Vec<RefusedGroup>,
    /// Counts.
    pub report: Report,
    /// The span that the file covers.
    pub span: Option<Span>,
}

/// The number of rows at an end of a file that make it count. A single row with a wrong date must
/// not extend the span.
const FEWEST: usize = 3;

/// A row at an end of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// When its deed was, by the local wall clock.
    pub moment: DateTime,
    /// Its line.
    pub line: u64,
}

/// The first and the last moments of a file, by its local wall clocks: of rows that became records, and of
/// those of subjects that were left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The earliest row.
    pub first: Edge,
    /// The latest row.
    pub last: Edge,
    /// The earliest ones, in their order.
    earliest: [Option<Edge>; FEWEST],
    /// The latest ones, the latest first.
    latest: [Option<Edge>; FEWEST],
}

impl Span {
    /// For a file with one row.
    pub fn new(row: Edge) -> Self {
        let only = [Some(row), None, None];
        Self {
            first: row,
            last: row,
            earliest: only,
            latest: only,
        }
    }

    /// Adds one row.
    #[must_use]
    pub fn with(mut self, row: Edge) -> Self {
        self.first = self.first.min(row);
        self.last = self.last.max(row);
        place(&mut self.earliest, row, |new, old| new < old);
        place(&mut self.latest, row, |new, old| new > old);
        self
    }

    /// The row with which the file begins, if single rows prove nothing: the third one by time.
    pub fn begins(&self) -> Option<Edge> {
        self.earliest[FEWEST - 1]
    }

    /// The row with which the file ends, as far as one row proves nothing: the third one from the last.
    pub fn ends(&self) -> Option<Edge> {
        self.latest[FEWEST - 1]
    }

    fn add(span: Option<Self>, row: Edge) -> Option<Self> {
        Some(span.map_or_else(|| Self::new(row), |span| span.with(row)))
    }
}

/// Inserts a row among the few that come first, in order, and drops the surplus one.
fn place(rows: &mut [Option<Edge>; FEWEST], row: Edge, is_before: impl Fn(&Edge, &Edge) -> bool) {
    let at = rows
        .iter()
        .position(|old| old.as_ref().is_none_or(|old| is_before(&row, old)));
    if let Some(at) = at {
        rows[at..].rotate_right(1);
        rows[at] = Some(row);
    }
}

/// How to read.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadOptions {
    /// Read only this many subjects of the file, the first ones; for the demonstration.
    pub first_subjects: Option<usize>,
    /// The latest time that the local wall clock may show now ([`Plan::present`]). Rows with a later time are
    /// rejected, because they are in the future. Without it, no row is rejected for this.
    pub now: Option<DateTime>,
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
    let file = input::open_stream(path).map_err(|source| ReadError::Io {
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

/// Like [`read_file`]; refused rows go to a new file `rejects`, which gets its name when it is
/// whole.
///
/// # Errors
/// [`ReadError`].
pub fn read_file_with_rejects(
    path: &Path,
    plan: &Plan,
    options: ReadOptions,
    rejects: Option<&Path>,
    progress: &mut dyn FnMut(u64),
) -> Result<Reading, ReadError> {
    let mut rejects = match rejects {
        None => None,
        Some(path) => {
            let output = Output::begin(path, REJECTS)?;
            Some(RejectsFile::new(output).map_err(ReadError::Rejects)?)
        }
    };
    let mut on_reject = |reject: &Reject| {
        let file = rejects.as_mut();
        file.map_or(Ok(()), |file| file.write(reject))
    };
    let reading = read_file(path, plan, options, &mut on_reject, progress)?;
    if let Some(file) = rejects {
        file.finish().map_err(ReadError::Rejects)?.publish()?;
    }
    Ok(reading)
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
    let mut grouping = Grouping::new(plan.schema.max_records, plan.fields.len(), plan.key);
    let mut report = Report::default();
    let mut span = None;
    loop {
        let raw = match &mut rows {
            Rows::Csv(rows) => rows.next(),
            Rows::Json(rows) => rows.next(),
        }
        .map_err(|source| ReadError::Input {
            rows: report.rows,
            source: merits_guard::explain::reading(source),
        })?;
        let Some(raw) = raw else { break };
        report.rows += 1;
        if report.rows.is_multiple_of(PROGRESS_ROWS) {
            progress(report.rows);
        }
        let (RawRow::Cells { line, .. } | RawRow::Broken { line, .. }) = &raw;
        let line = *line;
        match take(plan, options, &mut grouping, raw) {
            Ok(Taken::Record(moment)) => {
                report.accepted += 1;
                span = Span::add(span, Edge { moment, line });
            }
            Ok(Taken::LeftOut(moment)) => {
                report.left_out += 1;
                span = moment.map_or(span, |moment| Span::add(span, Edge { moment, line }));
            }
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
    let grouped = grouping.finish();
    for beside in &grouped.beside {
        let reject = beside_another(plan, &grouped, beside);
        report.accepted -= 1;
        report.rejected += 1;
        *report.reasons.entry(reject.reason).or_default() += 1;
        on_reject(&reject).map_err(ReadError::Rejects)?;
    }
    report.subjects = grouped.subjects;
    Ok(Reading {
        groups: grouped.groups,
        refused: grouped.refused,
        report,
        span,
    })
}

/// Why a row does not count beside another.
fn beside_another(plan: &Plan, grouped: &Grouped, beside: &Beside) -> Reject {
    let kept = beside.kept;
    let (column, value, reason, detail) = match &beside.same {
        Same::RowKey(key) => (
            plan.row_key.unwrap_or(plan.subject),
            grouped.row_key(key).to_owned(),
            Reason::DuplicateKey,
            format!("line {kept} has this key too, and counts"),
        ),
        Same::Key(period, key) => (
            plan.key_column(),
            key_text(plan, *period, *key),
            Reason::Tie,
            format!(
                "line {kept} is of the same subject and has the same value, and counts: of rows that \
                 cannot both count, the one with the smaller values does"
            ),
        ),
    };
    Reject::new(
        beside.line,
        &plan.columns[column],
        value.as_bytes(),
        reason,
        detail,
    )
}

/// The value that orders records, for people.
fn key_text(plan: &Plan, period: Period, key: u64) -> String {
    let kind = plan.schema.fields.get(plan.key).map(|field| &field.kind);
    let since_1970 = |minutes: i64| wall_clock::at(minutes).map(|at| at.to_string());
    let start = period.first_day() * i64::from(MINUTES_PER_DAY);
    // Times and days in a period are far below 2^63.
    let key_in_period = i64::try_from(key).unwrap_or(i64::MAX);
    match kind {
        Some(FieldKind::TimeInPeriod) => since_1970(start.saturating_add(key_in_period)),
        Some(FieldKind::DayInPeriod) => {
            let minutes = key_in_period.saturating_mul(i64::from(MINUTES_PER_DAY));
            since_1970(start.saturating_add(minutes)).map(|at| at[..10].to_owned())
        }
        _ => None,
    }
    .unwrap_or_else(|| key.to_string())
}

/// Rows between two calls of a progress callback.
const PROGRESS_ROWS: u64 = 4096;

enum Rows<R> {
    Csv(CsvRows<R>),
    Json(JsonRows<R>),
}

enum Taken {
    Record(DateTime),
    LeftOut(Option<DateTime>),
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
        .is_some_and(|most| grouping.subjects() >= most && !grouping.knows(&subject))
    {
        // The faults of a subject that is left out do not concern this reading.
        return Ok(Taken::LeftOut(row.when(options.now).ok()));
    }
    let row_key = plan
        .row_key
        .map(|column| row.short_text(column, limits::ROW_KEY_BYTES))
        .transpose()?;
    let (moment, period, record) = row.record(options.now)?;
    grouping.push(line, &subject, period, row_key.as_deref(), &record);
    Ok(Taken::Record(moment))
}

/// A row on its way to a record.
struct Row<'a> {
    plan: &'a Plan,
    line: u64,
    cells: Vec<Cell>,
}

impl Row<'_> {
    /// When the deed was, by the local wall clock.
    fn when(&self, now: Option<DateTime>) -> Result<DateTime, Reject> {
        let time = self.plan.time;
        let moment = self.clock(time, &self.plan.clock)?;
        if now.is_some_and(|now| moment > now) {
            let detail = "has not come yet";
            return Err(self.reject(time, Reason::Future, detail));
        }
        Ok(moment)
    }

    fn record(&self, now: Option<DateTime>) -> Result<(DateTime, Period, Record), Reject> {
        let plan = self.plan;
        let moment = self.when(now)?;
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
        Ok((moment, period, record))
    }

    /// A cell read by a clock.
    fn clock(&self, column: usize, clock: &WallClock) -> Result<DateTime, Reject> {
        clock.read(self.text(column)?).map_err(|fault| {
            let reason = match fault {
                TimeFault::Format => Reason::Unparsable,
                TimeFault::Skipped { .. } => Reason::TimeSkipped,
                TimeFault::Twice { .. } => Reason::TimeTwice,
            };
            self.reject(column, reason, fault.to_string())
        })
    }

    /// The stored value of one field. `minutes` is the deed's time in the period.
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
                let word = typed(word);
                let lower = || words.get(word.to_ascii_lowercase().as_str());
                let value = words.get(word.as_ref()).or_else(lower).copied();
                value.ok_or_else(|| {
                    let known: Vec<&str> = words.keys().map(String::as_str).collect();
                    let detail = format!("not a truth value: {} are known", known.join(", "));
                    self.reject(*column, Reason::Unparsable, detail)
                })
            }
            FieldPlan::Enum { column, words } => {
                let value = words.get(typed(self.text(*column)?).as_ref()).copied();
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
        let moment = self.clock(column, clock)?;
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

    /// An identifier, in the normal form of typed text.
    fn short_text(&self, column: usize, most: usize) -> Result<Cow<'_, str>, Reject> {
        let text = typed(self.text(column)?);
        if text.len() > most {
            return Err(self.reject(column, Reason::TooLong, format!("longer than {most} bytes")));
        }
        if let Err(fault) = display::check_line(&text) {
            return Err(self.reject(column, Reason::Unparsable, fault.to_string()));
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
            HeaderFault::Delimiter { found, expected } => Self::Delimiter { found, expected },
        }
    }
}
