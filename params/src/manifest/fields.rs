//! `[schema]`: the fields of a record.

use std::ops::Range;
use std::str::FromStr as _;

use merits_formula::decimal::MAX_DIGITS;
use merits_formula::{Field, FieldKind, Schema, Unit};
use merits_primitives::ids::PeriodKind;

use super::document::{At, Section, every, nearest, shown, text};
use super::error::Faults;
use super::values::{read_date, read_date_time};

const SCHEMA: [&str; 4] = ["id", "list", "max_records", "field"];

const FIELD: [&str; 8] = [
    "name", "type", "unit", "min", "max", "digits", "values", "key",
];

/// The types of fields, as `type` writes them.
const TYPES: [&str; 8] = [
    "int", "decimal", "bool", "enum", "time", "day", "date", "datetime",
];

/// The position of something that has a name.
pub(super) type Named = (String, Range<usize>);

/// Reads the schema.
pub(super) fn read(
    faults: &mut Faults<'_>,
    root: &Section<'_>,
    period: PeriodKind,
) -> Option<Schema> {
    let section = root.section(faults, "schema", &SCHEMA)?;
    let id = section.text(faults, "id");
    let list = section.text(faults, "list");
    let most = section.whole::<u16>(faults, "max_records");
    let tables = section.sections(faults, "field", "[[schema.field]]", &FIELD)?;
    let fields = every(tables.iter().map(|table| field(faults, table)));
    let (id, list, most, fields) = (id?, list?, most?, fields?);
    let places: Vec<Named> = [
        ("id", id.span.clone()),
        ("max_records", most.span.clone()),
        (list.value.as_str(), list.span.clone()),
    ]
    .into_iter()
    .map(|(name, span)| (name.to_owned(), span))
    .chain(
        fields
            .iter()
            .map(|(field, span)| (field.name.clone(), span.clone())),
    )
    .collect();
    let fields = fields.into_iter().map(|(field, _)| field).collect();
    match Schema::new(&id.value, &list.value, period, fields, most.value) {
        Ok(schema) => Some(schema),
        Err(error) => {
            let span = place_of(&error.reason, &places).unwrap_or(section.span);
            faults.value(span, format!("[schema]: {}", error.reason), "")
        }
    }
}

/// The position of the item that a message names first, in backticks or as a word.
pub(super) fn place_of(message: &str, places: &[Named]) -> Option<Range<usize>> {
    let quoted = message.split('`').skip(1).step_by(2);
    let words = message.split_whitespace();
    quoted.chain(words).find_map(|name| {
        // For a figure such as `tariff[bus] (before)`, the declared name.
        let name = name.split(['[', ' ']).next().unwrap_or(name);
        let named = places.iter().rev().find(|(known, _)| known == name);
        named.map(|(_, span)| span.clone())
    })
}

/// One field, and the position of its name.
fn field(faults: &mut Faults<'_>, section: &Section<'_>) -> Option<(Field, Range<usize>)> {
    let name = section.text(faults, "name");
    let key = section.flag_or_false(faults, "key");
    let kind = kind(faults, section);
    let unit = unit(faults, section, kind.as_ref());
    let (name, kind) = (name?, kind?);
    let field = Field {
        name: name.value,
        kind,
        unit: unit?,
        key: key?,
    };
    Some((field, name.span))
}

fn kind(faults: &mut Faults<'_>, section: &Section<'_>) -> Option<FieldKind> {
    let kind = section.text(faults, "type")?;
    let uses: &[&str] = match kind.value.as_str() {
        "int" | "date" | "datetime" => &["min", "max"],
        "decimal" => &["min", "max", "digits"],
        "enum" => &["values"],
        "bool" | "time" | "day" => &[],
        other => {
            let message = format!("`type` = {:?} is not a type of field", shown(other));
            let hint = match nearest(other, &TYPES) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("the types are {}", TYPES.join(", ")),
            };
            return faults.value(kind.span, message, hint);
        }
    };
    let before = faults.len();
    for key in ["min", "max", "digits", "values"] {
        if section.get(key).is_some() && !uses.contains(&key) {
            let (article, bounds) = match kind.value.as_str() {
                "int" | "enum" => ("an", ""),
                "time" | "day" => ("a", ": its bounds are those of the period"),
                _ => ("a", ""),
            };
            let message = format!("{article} {} takes no `{key}`{bounds}", kind.value);
            faults.value::<()>(section.place(key), message, "leave it out");
        }
    }
    let kind = match kind.value.as_str() {
        "int" => whole_bounds(faults, section).map(|(min, max)| FieldKind::Int { min, max }),
        "decimal" => decimal(faults, section),
        "enum" => names(faults, section),
        "date" => moments(faults, section, "2020-01-01", read_date)
            .map(|(min, max)| FieldKind::Date { min, max }),
        "datetime" => moments(faults, section, "2020-01-01T00:00", read_date_time)
            .map(|(min, max)| FieldKind::DateTime { min, max }),
        "bool" => Some(FieldKind::Bool),
        "time" => Some(FieldKind::TimeInPeriod),
        // Only this one is left.
        _ => Some(FieldKind::DayInPeriod),
    }?;
    (faults.len() == before).then_some(kind)
}

fn whole_bounds(faults: &mut Faults<'_>, section: &Section<'_>) -> Option<(u64, u64)> {
    let min = match section.get("min") {
        None => Some(0),
        Some(_) => section.whole::<u64>(faults, "min").map(|min| min.value),
    };
    let max = section.whole::<u64>(faults, "max");
    Some((min?, max?.value))
}

fn decimal(faults: &mut Faults<'_>, section: &Section<'_>) -> Option<FieldKind> {
    let digits = section.whole::<u8>(faults, "digits")?;
    if digits.value > MAX_DIGITS {
        let message = format!("`digits` is at most {MAX_DIGITS}");
        return faults.value(digits.span, message, "");
    }
    let mut bound = |key: &str| {
        let bound = section.decimal(faults, key)?;
        let stored = (bound.value.at(digits.value)).and_then(|stored| u64::try_from(stored).ok());
        if stored.is_none() {
            let (value, most) = (bound.value, digits.value);
            let after = match value.digits() {
                1 => "1 digit".to_owned(),
                more => format!("{more} digits"),
            };
            let (message, hint) = if value.mantissa() < 0 {
                let hint = "a field's values begin at 0 or above".to_owned();
                (format!("`{key}` = {value} is below 0"), hint)
            } else if value.digits() > most {
                (
                    format!(
                        "`{key}` = {value} has {after} after the point, and `digits` is {most}"
                    ),
                    format!("write it with fewer, or have `digits` = {}", value.digits()),
                )
            } else {
                (
                    format!("`{key}` = {value} is too large for `digits` = {most}"),
                    "without its point it must be less than 2^64".to_owned(),
                )
            };
            return faults.value(bound.span, message, hint);
        }
        stored
    };
    let min = section.get("min").map_or(Some(0), |_| bound("min"));
    let max = bound("max");
    Some(FieldKind::Decimal {
        min: min?,
        max: max?,
        digits: digits.value,
    })
}

fn names(faults: &mut Faults<'_>, section: &Section<'_>) -> Option<FieldKind> {
    let items = section.list(faults, "values")?;
    let names = every(items.iter().map(|item| text(faults, "values", item)))?;
    Some(FieldKind::Enum {
        values: names.into_iter().map(|name| name.value).collect(),
    })
}

fn moments(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    example: &str,
    read: fn(&str) -> Option<u64>,
) -> Option<(u64, u64)> {
    let mut bound = |key: &str| {
        let At { value, span } = section.text(faults, key)?;
        let moment = read(&value);
        if moment.is_none() {
            let message = format!(
                "`{key}` = {:?} is not a valid value from 1970 on",
                shown(&value)
            );
            return faults.value(span, message, format!("write it as {example:?}"));
        }
        moment
    };
    let (min, max) = (bound("min"), bound("max"));
    Some((min?, max?))
}

/// The unit: free for numbers and fixed for all other types, so that arithmetic on them is
/// meaningful.
fn unit(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    kind: Option<&FieldKind>,
) -> Option<String> {
    let fixed = match kind {
        // The unit depends on the type, whose fault has been reported.
        None => return None,
        Some(FieldKind::Int { .. } | FieldKind::Decimal { .. }) => {
            let unit = section.text(faults, "unit")?;
            return check_unit(faults, "unit", unit);
        }
        Some(FieldKind::Bool | FieldKind::Enum { .. }) => "",
        Some(FieldKind::TimeInPeriod | FieldKind::DateTime { .. }) => "min",
        Some(FieldKind::DayInPeriod | FieldKind::Date { .. }) => "day",
    };
    let Some(_) = section.get("unit") else {
        return Some(fixed.to_owned());
    };
    let unit = section.text(faults, "unit")?;
    if unit.value == fixed || (fixed.is_empty() && unit.value == "1") {
        return Some(fixed.to_owned());
    }
    let message = format!("a field of this type is counted in {fixed:?}");
    faults.value(unit.span, message, "leave `unit` out")
}

/// A text that is a unit.
pub(super) fn check_unit(faults: &mut Faults<'_>, key: &str, unit: At<String>) -> Option<String> {
    match Unit::from_str(&unit.value) {
        Ok(_) => Some(unit.value),
        Err(error) => faults.value(unit.span, format!("`{key}`: {error}"), ""),
    }
}
