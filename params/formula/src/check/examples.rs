//! Examples in advice, with the names of the scale being checked.
//!
//! An issuer may paste an example. So its list, variable, fields, names and dates are those of the
//! scale, if the scale has any of that kind.

use merits_primitives::calendar::{Day, MINUTES_PER_DAY};
use num_bigint::BigInt;

use super::Checker;
use crate::field::{Field, FieldKind};
use crate::range::Ratio;
use crate::typed::Type;

/// The date in examples, if a field may hold it: 2024-03-01.
const EXAMPLE_DAY: u64 = 19_783;

impl Checker<'_> {
    /// The name of the record: the innermost variable for one, or a free name.
    pub(super) fn example_record(&self) -> String {
        let mut records = self.scope.iter().rev();
        match records.find(|bound| bound.ty == Type::Record) {
            Some(bound) => bound.name.clone(),
            None => self.example_name(),
        }
    }

    /// A name that an element of a list can be given here.
    pub(super) fn example_name(&self) -> String {
        let letters = ('a'..='z').map(String::from);
        let mut names = std::iter::once("t".to_owned()).chain(letters);
        let free = names.find(|name| !self.is_taken(name));
        free.unwrap_or_else(|| "t".to_owned())
    }

    /// An example of ours with this scale's names. It is written with `trips` for the list, `t` for
    /// a record, and the fields `distance` (a number), `start` (a time), `on` (a day), `due` (a
    /// date) and `mode` (of an enum that has "bus" and "metro").
    pub(super) fn example(&self, written: &str) -> String {
        // A function that binds a variable needs a free name.
        let binds = written.contains("(t, ");
        let record = if binds {
            self.example_name()
        } else {
            self.example_record()
        };
        self.example_of(&record, written)
    }

    /// The same, of a record that has this name.
    pub(super) fn example_of(&self, record: &str, written: &str) -> String {
        let fields = &self.schema.fields;
        // The field with the example's own name comes first.
        let find = |name: &str, fits: fn(&FieldKind) -> bool| {
            let fitting = || fields.iter().filter(|field| fits(&field.kind));
            let same = fitting().find(|field| field.name == name);
            same.or_else(|| fitting().next())
        };
        let number = find("distance", |kind| {
            matches!(kind, FieldKind::Int { .. } | FieldKind::Decimal { .. })
        });
        let time = find("start", |kind| matches!(kind, FieldKind::TimeInPeriod));
        let day = find("on", |kind| matches!(kind, FieldKind::DayInPeriod));
        let due = find("due", |kind| matches!(kind, FieldKind::Date { .. }));
        let mode = find("mode", |kind| matches!(kind, FieldKind::Enum { .. }));
        let of = |field: Option<&Field>, or: &str| {
            format!("{record}.{}", field.map_or(or, |field| field.name.as_str()))
        };
        let least = number.map_or("0".to_owned(), |field| self.least(field));
        let date = due.map_or("2024-03-01".to_owned(), example_moment);
        let names = match mode.map(|field| &field.kind) {
            Some(FieldKind::Enum { values }) => values.as_slice(),
            _ => &[],
        };
        let name = |at: usize, or: &str| names.get(at).map_or(or.to_owned(), Clone::clone);
        let with = [
            ("trips", self.schema.list.clone()),
            (
                "t.distance > 0",
                format!("{} > {least}", of(number, "distance")),
            ),
            ("t.distance", of(number, "distance")),
            ("t.start", of(time, "start")),
            ("t.on", of(day, "on")),
            ("t.due", of(due, "due")),
            ("t.mode", of(mode, "mode")),
            ("(t, ", format!("({record}, ")),
            ("bus", name(0, "bus")),
            ("metro", name(1, "metro")),
            ("2024-03-01", date),
        ];
        replaced(written, &with)
    }

    /// A field's least value, above which there are others.
    fn least(&self, field: &Field) -> String {
        let (least, _) = self.schema.bounds(field);
        let den = BigInt::from(10u8).pow(u32::from(field.kind.digits()));
        Ratio(&least.into(), &den).to_string()
    }

    fn is_taken(&self, name: &str) -> bool {
        let declared = self.declarations;
        self.scope.iter().any(|bound| bound.name == name)
            || self.schema.list == name
            || declared
                .constants
                .iter()
                .any(|constant| constant.name == name)
            || declared.tables.iter().any(|table| table.name == name)
            || declared.steps.iter().any(|step| step.name == name)
    }
}

/// A date or moment that the field may hold, which is neither the first nor the last possible one.
pub(super) fn example_moment(field: &Field) -> String {
    match field.kind {
        FieldKind::Date { min, max } => moment(&field.kind, between(min, max, EXAMPLE_DAY)),
        FieldKind::DateTime { min, max } => {
            let day = u64::from(MINUTES_PER_DAY);
            moment(&field.kind, between(min, max, EXAMPLE_DAY * day + 8 * 60))
        }
        _ => "2024-03-01".to_owned(),
    }
}

/// The value that a field stores, as people write it.
pub(super) fn moment(kind: &FieldKind, stored: u64) -> String {
    let minutes = u64::from(MINUTES_PER_DAY);
    let date = |days: u64| {
        // Bounds of fields end with the year 9999.
        u32::try_from(days).map_or(Day::LAST, Day).to_string()
    };
    match kind {
        FieldKind::DateTime { .. } => {
            let (days, minute) = (stored / minutes, stored % minutes);
            format!("{}T{:02}:{:02}", date(days), minute / 60, minute % 60)
        }
        _ => date(stored),
    }
}

fn between(min: u64, max: u64, wanted: u64) -> u64 {
    wanted.clamp(min.saturating_add(1).min(max), max)
}

/// Replaces the first part that is found at each step; inserted text is not searched again.
fn replaced(text: &str, with: &[(&str, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let begins_word = !out.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let found = (with.iter()).find(|(from, _)| {
            let word_ends = |rest: &str| {
                let ends = from.ends_with(|c: char| !c.is_ascii_alphanumeric());
                ends || !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            };
            rest.strip_prefix(from).is_some_and(word_ends)
        });
        match found {
            Some((from, to)) if begins_word || from.starts_with('(') => {
                out.push_str(to);
                rest = rest.get(from.len()..).unwrap_or("");
            }
            _ => {
                out.push(next);
                rest = rest.get(next.len_utf8()..).unwrap_or("");
            }
        }
    }
    out
}
