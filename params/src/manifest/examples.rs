//! Examples in a manifest: records as a person writes them, and the credits they must give.

use merits_formula::{Field, FieldKind, Record, Schema};
use merits_primitives::ids::{Credits, PeriodKind};

use super::error::ManifestError;
use super::raw::{RawExample, RawValue};

/// Records and the credits that they give under the manifest's constants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What it shows.
    pub name: String,
    /// The records of one claim.
    pub records: Vec<Record>,
    /// Their credits.
    pub credits: Credits,
}

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

pub(super) fn read(raw: &[RawExample], schema: &Schema) -> Result<Vec<Example>, ManifestError> {
    raw.iter().map(|example| one(example, schema)).collect()
}

fn one(raw: &RawExample, schema: &Schema) -> Result<Example, ManifestError> {
    let fault = |at: usize, reason: String| ManifestError::Example {
        name: raw.name.clone(),
        reason: format!("record {}: {reason}", at + 1),
    };
    let mut records = Vec::new();
    for (at, row) in raw.records.iter().enumerate() {
        let unknown = row
            .keys()
            .find(|key| schema.fields.iter().all(|field| field.name != **key));
        if let Some(key) = unknown {
            return Err(fault(at, format!("the schema has no field `{key}`")));
        }
        let values = schema.fields.iter().map(|field| {
            let value = row.get(&field.name);
            let value = value.ok_or_else(|| format!("field `{}` is missing", field.name))?;
            read_value(value, field, schema.period)
        });
        let values: Result<Vec<u64>, String> = values.collect();
        records.push(Record(values.map_err(|reason| fault(at, reason))?));
    }
    Ok(Example {
        name: raw.name.clone(),
        records,
        credits: Credits(raw.credits),
    })
}

fn read_value(value: &RawValue, field: &Field, period: PeriodKind) -> Result<u64, String> {
    match (&field.kind, value) {
        (FieldKind::Int { .. }, RawValue::Number(number)) => Ok(*number),
        (FieldKind::TimeInPeriod, RawValue::Text(text)) => {
            read_time(text, period).ok_or_else(|| {
                let expected = match period {
                    PeriodKind::Day => "08:10",
                    PeriodKind::Week => "Mon 08:10",
                    PeriodKind::Month => "14 08:10",
                };
                format!("`{}` = {text:?} is no time, as in {expected:?}", field.name)
            })
        }
        (FieldKind::Int { .. }, RawValue::Text(text)) => {
            Err(format!("`{}` = {text:?} is no whole number", field.name))
        }
        (FieldKind::TimeInPeriod, RawValue::Number(number)) => {
            Err(format!("`{}` = {number} is no time in quotes", field.name))
        }
        _ => Err(format!("`{}` cannot be read yet", field.name)),
    }
}

/// Minutes since the period's start.
fn read_time(text: &str, period: PeriodKind) -> Option<u64> {
    let (day, clock) = match period {
        PeriodKind::Day => (0, text),
        PeriodKind::Week => {
            let (name, clock) = text.split_once(' ')?;
            let day = WEEKDAYS.iter().position(|weekday| *weekday == name)?;
            (day as u64, clock)
        }
        PeriodKind::Month => {
            let (day, clock) = text.split_once(' ')?;
            let day: u64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
            (day - 1, clock)
        }
    };
    let (hours, minutes) = clock.split_once(':')?;
    let two = |digits: &str, below: u64| -> Option<u64> {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|n| plain && *n < below)
    };
    Some(day * 1440 + two(hours, 24)? * 60 + two(minutes, 60)?)
}
