//! Fields and figures of a scale, for people.

use merits_formula::{Decimal, Field, FieldKind, NodeId, Schema, Type, Typed};
use merits_params::manifest::{Manifest, Version};
use merits_primitives::{calendar::Date, ids::Period};

use crate::screen::{indented, say, thousands};

/// A field with its type, bounds and unit.
pub(super) fn field(schema: &Schema, field: &Field) -> String {
    let (min, max) = schema.bounds(field);
    let of = |kind: &str| {
        let bound = |value| match field.kind {
            FieldKind::Int { .. } => thousands(value),
            _ => field.kind.show(value),
        };
        let unit = match field.kind {
            // Written as a day, not as a number of days.
            FieldKind::Date { .. } | FieldKind::DateTime { .. } => "",
            _ => of_unit(&field.unit),
        };
        format!("{kind}, {} to {} {unit}", bound(min), bound(max))
    };
    let what = match &field.kind {
        FieldKind::Int { .. } => of("whole number"),
        FieldKind::Decimal { digits: 1, .. } => of("number with 1 digit after the point"),
        FieldKind::Decimal { digits, .. } => {
            of(&format!("number with {digits} digits after the point"))
        }
        FieldKind::Bool => "true or false".to_owned(),
        FieldKind::Enum { values } => format!("one of {}", values.join(", ")),
        FieldKind::TimeInPeriod => "time in the period, to the minute".to_owned(),
        FieldKind::DayInPeriod => "day of the period".to_owned(),
        FieldKind::Date { .. } => of("date"),
        FieldKind::DateTime { .. } => of("date and time"),
    };
    let key = if field.key {
        "; orders the records"
    } else {
        ""
    };
    format!("{}{key}", what.trim_end())
}

/// What a part of the formula may be.
pub(super) fn part(formula: &Typed, id: NodeId) -> String {
    let node = formula.node(id);
    let unit = unit(formula, id);
    let text = match &node.ty {
        Type::Bool => "true or false".to_owned(),
        Type::Number(range) => format!("{range} {unit}"),
        Type::Record => "a record".to_owned(),
        Type::Records { most } => format!("at most {most} records"),
        Type::Groups { keys, most } => {
            format!("at most {keys} groups of at most {most} records each")
        }
        Type::Numbers { item, most } => format!("at most {most} numbers, each {item} {unit}"),
    };
    text.trim_end().to_owned()
}

/// The unit of a part; empty for a pure number and for a value that is not a number.
pub(super) fn unit(formula: &Typed, id: NodeId) -> String {
    let unit = formula.node(id).unit.as_ref().map(ToString::to_string);
    of_unit(&unit.unwrap_or_default()).to_owned()
}

/// A unit for people: a pure number has none.
fn of_unit(unit: &str) -> &str {
    if unit == "1" { "" } else { unit }
}

/// Says how many figures there are.
pub(super) fn count(manifest: &Manifest) -> String {
    let cells: usize = manifest.tables().iter().map(|t| t.decl.by.cells()).sum();
    let changes = manifest.figures().schedules.iter().map(Vec::len).sum();
    let several = |count: usize, one: &str, more: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {more}")),
    };
    let cells =
        several(cells, "value", "values").zip(several(manifest.tables().len(), "table", "tables"));
    let parts: Vec<String> = [
        several(manifest.constants().len(), "constant", "constants"),
        cells.map(|(values, tables)| format!("{values} in {tables}")),
        several(changes, "change on its day", "changes on their days"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        return "none".to_owned();
    }
    parts.join(", ")
}

/// All figures with interval and source, as they are in force in a period.
pub(super) fn show(manifest: &Manifest, period: Period) {
    if manifest.constants().is_empty() && manifest.tables().is_empty() {
        say("none");
    }
    for constant in manifest.constants() {
        let decl = &constant.decl;
        let [low, high] = &decl.interval;
        heading(&decl.name, &decl.unit, [low, high]);
        versions(&constant.versions, period, &|version| {
            let values = version.values.iter().map(ToString::to_string);
            values.collect::<Vec<_>>().join(", ")
        });
        source(&constant.source);
    }
    for table in manifest.tables() {
        let decl = &table.decl;
        let [low, high] = &decl.interval;
        heading(&decl.name, &decl.unit, [low, high]);
        let labels = decl.by.labels();
        versions(&table.versions, period, &|version| {
            let cells = labels.iter().zip(&version.values);
            let cells = cells.map(|(label, value)| format!("{label}: {value}"));
            cells.collect::<Vec<_>>().join("; ")
        });
        source(&table.source);
    }
}

fn heading(name: &str, unit: &str, [low, high]: [&Decimal; 2]) {
    let range = format!("{low} to {high} {}", of_unit(unit));
    println!("   {name}, {} under the same key", range.trim_end());
}

/// The versions that count in a period: those in force on its first and on its last day.
fn versions(all: &[Version], period: Period, text: &dyn Fn(&Version) -> String) {
    let (first, last) = (period.first_day(), period.last_day());
    let begins = |version: &Version| version.from.map_or(i64::MIN, Date::to_days);
    for (at, version) in all.iter().enumerate() {
        let next = all.get(at + 1).map_or(i64::MAX, begins);
        if begins(version) > last || next <= first {
            continue;
        }
        let since = match version.from {
            Some(day) => format!(" from {:04}-{:02}-{:02} on", day.year, day.month, day.day),
            None => String::new(),
        };
        indented(&format!("{}{since}", text(version)));
    }
}

fn source(text: &str) {
    indented(&format!("[{text}]"));
    println!();
}
