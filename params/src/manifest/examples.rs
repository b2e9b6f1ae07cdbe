//! `[[example]]`: records as a person writes them, and the result that they must give.

use std::ops::Range;

use merits_formula::{Field, FieldKind, Record, Schema, SequenceError, Typed};
use merits_primitives::figures::Figures;
use merits_primitives::ids::{Credits, Period, PeriodKind, Quantity};
use toml::de::DeValue;

use super::document::{At, Section, Value, every, kind, names, shown};
use super::error::{FaultKind, Faults};
use super::header::{Validity, period};
use super::values::{read_value, within_period};

const EXAMPLE: [&str; 5] = ["name", "period", "records", "credits", "measure"];

/// Records, and their result under the figures of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What it shows.
    pub name: String,
    /// The period whose figures count. The default is the first period of the validity.
    pub period: Period,
    /// The records of one claim.
    pub records: Vec<Record>,
    /// Their credits.
    pub credits: Credits,
    /// Their measure, if the example states it.
    pub measure: Option<Quantity>,
}

/// Reads the examples and runs them.
pub(super) fn read(
    faults: &mut Faults<'_>,
    root: &Section<'_>,
    typed: &Typed,
    figures: &Figures,
    validity: Validity,
) -> Option<Vec<Example>> {
    let sections = root.sections(faults, "example", "[[example]]", &EXAMPLE)?;
    every(sections.iter().map(|section| {
        let example = one(faults, section, typed, validity)?;
        run(faults, section, typed, figures, &example)?;
        Some(example)
    }))
}

fn one(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    typed: &Typed,
    validity: Validity,
) -> Option<Example> {
    let name = section.text(faults, "name");
    let credits = section.whole::<u64>(faults, "credits");
    let measure = match section.get("measure") {
        None => Some(None),
        Some(_) => section.whole::<u64>(faults, "measure").map(Some),
    };
    if section.get("measure").is_some() && typed.measure().is_none() {
        let message = "the scale has no measure";
        let hint = "add [measure], or take `measure` out of the example";
        return faults.add(FaultKind::Example, section.place("measure"), message, hint);
    }
    let stated = match section.get("period") {
        None => Some(None),
        Some(_) => section.text(faults, "period").map(Some),
    }?;
    let period = match &stated {
        None => Some(validity.from),
        Some(label) => stated_period(faults, label, validity),
    };
    let exact = stated.as_ref().and(period);
    let records = records(faults, section, typed.schema(), exact);
    Some(Example {
        name: name?.value,
        period: period?,
        records: records?,
        credits: Credits(credits?.value),
        measure: measure?.map(|measure| Quantity(measure.value)),
    })
}

fn stated_period(
    faults: &mut Faults<'_>,
    label: &At<String>,
    validity: Validity,
) -> Option<Period> {
    let period = period(faults, "period", label, validity.from.kind)?;
    if validity.holds(period) {
        return Some(period);
    }
    let message = format!(
        "this version is for {}, not for {}",
        validity.words(),
        label.value
    );
    faults.add(FaultKind::Example, label.span.clone(), message, "")
}

/// The records; `exact` is the period if the example states it.
fn records(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    schema: &Schema,
    exact: Option<Period>,
) -> Option<Vec<Record>> {
    let items = section.list(faults, "records")?;
    let rows = items.iter().enumerate();
    let records = every(rows.map(|(at, item)| record(faults, at, item, schema, exact)))?;
    let (index, error) = match schema.check_sequence(&records) {
        Ok(()) => return Some(records),
        Err(error @ SequenceError::TooMany { .. }) => (None, error),
        Err(SequenceError::Record { index, error }) => {
            (Some(index), SequenceError::Record { index, error })
        }
        Err(SequenceError::Order { index, error }) => {
            (Some(index), SequenceError::Order { index, error })
        }
    };
    let record = index.and_then(|index| items.get(index));
    let span = record.map_or(section.place("records"), |record| {
        value_place(record, &schema.fields[schema.key()].name)
    });
    // Records are counted from 1 here, as people count them.
    let message = match (index, error) {
        (Some(index), SequenceError::Order { error, .. } | SequenceError::Record { error, .. }) => {
            format!("record {}: `{}`: {}", index + 1, error.field, error.reason)
        }
        (_, error) => error.to_string(),
    };
    faults.add(FaultKind::Example, span, message, "")
}

/// The position of a field of a record.
fn value_place(record: &Value<'_>, field: &str) -> Range<usize> {
    let value = match record.get_ref() {
        DeValue::Table(table) => table.get(field),
        _ => None,
    };
    value.map_or(record.span(), |value| value.span())
}

fn record(
    faults: &mut Faults<'_>,
    at: usize,
    item: &Value<'_>,
    schema: &Schema,
    exact: Option<Period>,
) -> Option<Record> {
    let row = names(faults, "a record", item)?;
    let before = faults.len();
    for (key, _) in row.entries() {
        if schema.fields.iter().all(|field| field.name != key.value) {
            let message = format!("the schema has no field `{}`", shown(key.value));
            let known: Vec<&str> = schema.fields.iter().map(|f| f.name.as_str()).collect();
            let hint = format!("it has {}", known.join(", "));
            faults.add::<()>(FaultKind::UnknownKey, key.span, message, hint);
        }
    }
    let values = every(schema.fields.iter().map(|field| {
        let Some(value) = row.get(&field.name) else {
            let message = format!("record {} lacks `{}`: missing is not 0", at + 1, field.name);
            return faults.add(FaultKind::Example, row.span.clone(), message, "");
        };
        let number = value_of(faults, value, field, schema.period)?;
        within(faults, value, field, schema, number, exact)
    }))?;
    (faults.len() == before).then_some(Record(values))
}

/// A value as TOML has it.
fn value_of(
    faults: &mut Faults<'_>,
    value: &Value<'_>,
    field: &Field,
    period: PeriodKind,
) -> Option<u64> {
    let text = match (value.get_ref(), &field.kind) {
        (
            DeValue::Integer(number),
            FieldKind::Int { .. } | FieldKind::Decimal { .. } | FieldKind::DayInPeriod,
        ) => {
            let number = u64::from_str_radix(number.as_str(), number.radix());
            number.map_or_else(|_| "a number out of bounds".to_owned(), |n| n.to_string())
        }
        (DeValue::Boolean(value), FieldKind::Bool) => value.to_string(),
        (
            DeValue::String(text),
            FieldKind::Decimal { .. }
            | FieldKind::Enum { .. }
            | FieldKind::TimeInPeriod
            | FieldKind::DayInPeriod
            | FieldKind::Date { .. }
            | FieldKind::DateTime { .. },
        ) => text.clone().into_owned(),
        (_, wanted) => {
            let wanted = match wanted {
                FieldKind::Int { .. } => "a whole number",
                FieldKind::Bool => "true or false",
                FieldKind::Decimal { .. } => "a decimal in quotes",
                FieldKind::Enum { .. } => "one of its names in quotes",
                FieldKind::TimeInPeriod => "a time in quotes",
                FieldKind::DayInPeriod => "a day of the period",
                FieldKind::Date { .. } => "a date in quotes",
                FieldKind::DateTime { .. } => "a date and time in quotes",
            };
            let message = format!(
                "`{}` is {}, but {wanted} is needed",
                field.name,
                kind(value)
            );
            return faults.add(FaultKind::WrongType, value.span(), message, "");
        }
    };
    match read_value(&text, field, period) {
        Ok(number) => Some(number),
        Err(reason) => faults.add(FaultKind::Example, value.span(), reason, ""),
    }
}

/// Checks the bounds and, if the example states its period, that the day exists in it.
fn within(
    faults: &mut Faults<'_>,
    value: &Value<'_>,
    field: &Field,
    schema: &Schema,
    number: u64,
    exact: Option<Period>,
) -> Option<u64> {
    let (min, max) = schema.bounds(field);
    if number < min || number > max {
        let show = |bound| super::show_value(bound, field, schema.period);
        let message = format!(
            "`{}` = {} is out of bounds: {} to {} is allowed",
            field.name,
            show(number),
            show(min),
            show(max)
        );
        return faults.add(FaultKind::Example, value.span(), message, "");
    }
    match exact.map_or(Ok(()), |period| within_period(number, field, period)) {
        Ok(()) => Some(number),
        Err(reason) => faults.add(FaultKind::Example, value.span(), reason, ""),
    }
}

/// Computes an example, and compares.
fn run(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    typed: &Typed,
    figures: &Figures,
    example: &Example,
) -> Option<()> {
    let name = shown(&example.name);
    let outputs = match typed.eval(&example.records, &figures.public(example.period)) {
        Ok(outputs) => outputs,
        Err(error) => {
            let message = format!("example {name:?}: {error}");
            return faults.add(FaultKind::Example, section.place("records"), message, "");
        }
    };
    let (promised, given) = (example.credits.0, outputs.credits);
    let mut differ = |key: &str, promised: u64, given: u64| {
        let message =
            format!("example {name:?} promises {promised} {key}, but the formula gives {given}");
        let span = section.get(key).map_or(section.place(key), |v| v.span());
        let hint = "correct the one that is wrong";
        faults.add::<()>(FaultKind::Example, span, message, hint);
    };
    if promised != given {
        differ("credits", promised, given);
    }
    if let (Some(promised), Some(given)) = (example.measure.map(|w| w.0), outputs.measure)
        && promised != given
    {
        differ("measure", promised, given);
        return None;
    }
    (promised == given).then_some(())
}
