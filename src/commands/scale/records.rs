//! Records of one claim from a small file, written as the examples of a manifest are.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, bail, ensure};
use merits_formula::{Record, Schema};
use merits_params::manifest;
use merits_primitives::ids::Period;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a file gives.
#[derive(Debug, Default)]
pub(super) struct Claim {
    /// Accepted records, in the order of the schema's key.
    pub(super) records: Vec<Record>,
    /// Rows that are not records.
    pub(super) rejected: Vec<Rejected>,
    /// Columns that are not fields of the schema.
    pub(super) ignored: Vec<String>,
}

/// A row that is not a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    /// Line of the file, from 1.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) reason: String,
}

/// One row, before it is understood.
struct Row {
    line: usize,
    /// Texts by column, or the fault of the row as a whole.
    cells: Result<BTreeMap<String, String>, String>,
}

/// Most bytes of the records of one claim.
const MOST_BYTES: u64 = 1 << 24;

/// Reads the records of one claim: CSV with a header, JSON Lines, or TOML with `records = [..]` or
/// `[[record]]`, by the file's ending. Columns have the names of the fields. If the period is
/// given, a row of a day outside it is not a record.
pub(super) fn read(path: &Path, schema: &Schema, period: Option<Period>) -> anyhow::Result<Claim> {
    let at = || path.display().to_string();
    let text = merits_text::file::read_at_most(path, MOST_BYTES).with_context(at)?;
    let ending = path.extension().and_then(|ending| ending.to_str());
    let rows = match ending {
        Some("csv") => csv_rows(&text),
        Some("jsonl" | "ndjson") => json_rows(&text),
        Some("toml") => toml_rows(&text),
        _ => bail!(
            "{}: records of one claim are read from .csv, .jsonl or .toml; a file with another \
             layout, or of many people, needs --mapping",
            at()
        ),
    };
    let rows = rows.with_context(at)?;
    Ok(claim(rows, schema, period))
}

fn claim(rows: Vec<Row>, schema: &Schema, period: Option<Period>) -> Claim {
    let mut claim = Claim::default();
    let mut last = None;
    for row in rows {
        let cells = row.cells.as_ref();
        for column in cells.iter().flat_map(|cells| cells.keys()) {
            let known = schema.fields.iter().any(|field| field.name == *column);
            if !known && !claim.ignored.contains(column) {
                claim.ignored.push(column.clone());
            }
        }
        let record = row
            .cells
            .and_then(|cells| record(&cells, schema, period))
            .and_then(|record| in_order(record, schema, &mut last));
        match record {
            Ok(record) => claim.records.push(record),
            Err(reason) => claim.rejected.push(Rejected {
                line: row.line,
                reason,
            }),
        }
    }
    claim
}

fn record(
    cells: &BTreeMap<String, String>,
    schema: &Schema,
    period: Option<Period>,
) -> Result<Record, String> {
    let values = schema.fields.iter().map(|field| {
        let text = cells
            .get(&field.name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| format!("`{}` is missing; missing is not 0", field.name))?;
        let value = manifest::read_value(text, field, schema.period)?;
        if let Some(period) = period {
            manifest::within_period(value, field, period)?;
        }
        Ok::<u64, String>(value)
    });
    let record = Record(values.collect::<Result<_, _>>()?);
    schema
        .check_record(&record)
        .map_err(|error| error.to_string())?;
    Ok(record)
}

/// As for a distributor: a record counts once, and must come after the one before it.
fn in_order(record: Record, schema: &Schema, last: &mut Option<u64>) -> Result<Record, String> {
    let key = record.0.get(schema.key()).copied();
    if last.is_some() && key <= *last {
        let name = schema
            .fields
            .get(schema.key())
            .map_or("", |field| &field.name);
        return Err(format!(
            "`{name}` is not after that of the last accepted row: records are in its order, and \
             each counts once"
        ));
    }
    *last = key;
    Ok(record)
}

fn csv_rows(text: &str) -> anyhow::Result<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    ensure!(
        header.iter().any(|name| !name.is_empty()),
        "the file is empty: a CSV file starts with a header of the fields' names"
    );
    if let [whole] = header.as_slice()
        && let Some(found) = whole.chars().find(|c| matches!(c, ';' | '\t' | '|'))
    {
        bail!(
            "{found:?} separates the columns of this file: save it with commas, or name a mapping with delimiter = \
             {:?} (--mapping)",
            found.to_string()
        );
    }
    let mut rows = Vec::new();
    for row in reader.records() {
        let row = row?;
        let line = row.position().map_or(0, |place| place.line() as usize);
        let cells = if row.len() == header.len() {
            Ok(header
                .iter()
                .cloned()
                .zip(row.iter().map(str::to_owned))
                .collect())
        } else {
            let (found, wanted) = (row.len(), header.len());
            Err(format!("{found} columns, but the header has {wanted}"))
        };
        rows.push(Row { line, cells });
    }
    Ok(rows)
}

fn json_rows(text: &str) -> anyhow::Result<Vec<Row>> {
    Ok(merits_text::lines::listed(text)
        .map(|(line, text)| Row {
            line,
            cells: json_cells(text),
        })
        .collect())
}

fn json_cells(text: &str) -> Result<BTreeMap<String, String>, String> {
    let members: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(text).map_err(|error| match error.is_eof() {
            true => "the JSON object ends in the middle: close its quotes and brackets".to_owned(),
            false => format!(
                "the line is not a JSON object: parsing fails at character {}",
                error.column()
            ),
        })?;
    let mut cells = BTreeMap::new();
    for (name, value) in members {
        let value = value.get();
        let cell = match value.as_bytes().first() {
            Some(b'"') => serde_json::from_str(value)
                .map_err(|_| format!("`{name}` has an invalid escape"))?,
            Some(b'{' | b'[') => return Err(format!("`{name}` is neither text nor number")),
            // Digits as they are written, without a float in between.
            _ if value != "null" => value.to_owned(),
            _ => continue,
        };
        cells.insert(name, cell);
    }
    Ok(cells)
}

fn toml_rows(text: &str) -> anyhow::Result<Vec<Row>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default, alias = "record")]
        records: Vec<toml::Spanned<BTreeMap<String, toml::Value>>>,
    }
    let file: File = toml::from_str(text)?;
    let rows = file.records.into_iter().map(|row| {
        let before = text.get(..row.span().start).unwrap_or(text);
        let cells = row.into_inner().into_iter().map(|(name, value)| {
            let cell = match value {
                toml::Value::String(text) => text,
                toml::Value::Array(_) | toml::Value::Table(_) => {
                    return Err(format!("`{name}` is neither text nor number"));
                }
                toml::Value::Float(_) => {
                    return Err(format!(
                        "`{name}`: write decimals in quotes, they are exact"
                    ));
                }
                other => other.to_string(),
            };
            Ok((name, cell))
        });
        Row {
            line: before.matches('\n').count() + 1,
            cells: cells.collect(),
        }
    });
    Ok(rows.collect())
}
