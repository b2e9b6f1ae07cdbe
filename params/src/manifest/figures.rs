//! `[[constant]]` and `[[table]]`: the figures of a scale, with their dates.

mod tables;

use std::ops::Range;

use merits_formula::{
    ConstantDecl, Decimal, NameFor, NamedConstant, Schema, TableDecl, name_fault,
};
use merits_primitives::calendar::Date;
use merits_primitives::figures::{Figure, Figures, day_of};
use merits_primitives::ids::{Period, PeriodKind};

use super::document::{At, Section, every, shown};
use super::error::Faults;
use super::fields::{Named, check_unit};
use super::header::Validity;
use super::values::read_date;

const CONSTANT: [&str; 8] = [
    "name", "value", "interval", "exponent", "unit", "source", "dated", "version",
];

/// A constant with its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constant {
    /// Name, interval, exponent, unit: the part that belongs to the shape.
    pub decl: NamedConstant,
    /// The source of the figures.
    pub source: String,
    /// Its values over time, one for each version. A constant that is not dated has one version.
    pub versions: Vec<Version>,
}

/// A table with its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Name, interval, exponent, unit, and what it is looked up by: the part that belongs to the
    /// shape.
    pub decl: TableDecl,
    /// The source of the figures.
    pub source: String,
    /// Its values over time, one for each cell in the order of [`merits_formula::TableBy::labels`].
    pub versions: Vec<Version>,
}

/// Figures from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The first day; `None` if they have always applied.
    pub from: Option<Date>,
    /// One value for a constant, one for each cell for a table.
    pub values: Vec<Decimal>,
}

/// All figures, as they were read.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) constants: Vec<Constant>,
    pub(super) tables: Vec<Table>,
    pub(super) figures: Figures,
    /// The place of each declaration.
    pub(super) places: Vec<Named>,
}

/// A version with its positions, before it is checked.
pub(super) struct Draft {
    pub(super) from: Option<At<Date>>,
    pub(super) values: Vec<At<Decimal>>,
    pub(super) span: Range<usize>,
}

/// The limits that the figures of one constant or table are checked against.
pub(super) struct Frame {
    pub(super) name: At<String>,
    pub(super) interval: [Decimal; 2],
    pub(super) exponent: u8,
    pub(super) unit: String,
    pub(super) source: String,
    pub(super) dated: bool,
}

/// Reads constants and tables. Without a schema the names of enums cannot be compared.
pub(super) fn read(
    faults: &mut Faults<'_>,
    root: &Section<'_>,
    schema: Option<&Schema>,
    kind: PeriodKind,
    validity: Option<Validity>,
) -> Option<Read> {
    let constants = root.sections(faults, "constant", "[[constant]]", &CONSTANT);
    let tables = root.sections(faults, "table", "[[table]]", &tables::KEYS);
    let constants = constants.and_then(|sections| {
        every(sections.iter().map(|section| {
            let frame = frame(faults, section);
            let drafts = versions(faults, section, frame.as_ref()?.dated, &mut value);
            let frame = frame?;
            let versions = check(faults, &frame, None, drafts?, kind, validity)?;
            let place = (frame.name.value.clone(), frame.name.span.clone());
            let decl = NamedConstant {
                name: frame.name.value,
                interval: frame.interval,
                exponent: frame.exponent,
                unit: frame.unit,
                dated: frame.dated,
            };
            let source = frame.source;
            let constant = Constant {
                decl,
                source,
                versions,
            };
            Some((constant, place))
        }))
    });
    let tables = tables.and_then(|sections| {
        every(
            sections
                .iter()
                .map(|section| tables::read(faults, section, schema, kind, validity)),
        )
    });
    let (constants, mut places): (Vec<Constant>, Vec<Named>) = constants?.into_iter().unzip();
    let (tables, more): (Vec<Table>, Vec<Named>) = tables?.into_iter().unzip();
    places.extend(more);
    let figures = flat(&constants, &tables);
    Some(Read {
        constants,
        tables,
        figures,
        places,
    })
}

/// Checks that the ledger accepts them together. Duplicate names have been found before.
pub(super) fn check_together(faults: &mut Faults<'_>, read: &Read, kind: PeriodKind) -> Option<()> {
    let Err(error) = read.figures.check(kind) else {
        return Some(());
    };
    // Faults of a single figure have been reported at its position.
    let message = format!("constants and tables: {error}");
    let span = read.places.first().map_or(0..0, |(_, span)| span.clone());
    faults.value(span, message, "")
}

/// The keys that constants and tables have in common.
pub(super) fn frame(faults: &mut Faults<'_>, section: &Section<'_>) -> Option<Frame> {
    let name = section.text(faults, "name").and_then(|name| {
        let Some(reason) = name_fault(&name.value, NameFor::Alone) else {
            return Some(name);
        };
        let message = format!("`{}` is not a name: it {reason}", shown(&name.value));
        let hint = "a-z, 0-9 and _, beginning with a letter, at most 32, and no word of CEL";
        faults.value(name.span, message, hint)
    });
    let interval = interval(faults, section);
    let exponent = section.whole::<u8>(faults, "exponent");
    let unit = section.text(faults, "unit");
    let unit = unit.and_then(|unit| check_unit(faults, "unit", unit));
    let source = section.text(faults, "source").and_then(|source| {
        if source.value.trim().is_empty() {
            return faults.value(source.span, "state the source of the figure", "");
        }
        Some(source.value)
    });
    let dated = section.flag_or_false(faults, "dated");
    let (name, interval, exponent) = (name?, interval?, exponent?);
    let decl = ConstantDecl {
        name: name.value.clone(),
        interval: interval.value,
        exponent: exponent.value,
    };
    if let Err(error) = decl.check() {
        return faults.value(interval.span, error.to_string(), "");
    }
    Some(Frame {
        name,
        interval: interval.value,
        exponent: exponent.value,
        unit: unit?,
        source: source?,
        dated: dated?,
    })
}

fn interval(faults: &mut Faults<'_>, section: &Section<'_>) -> Option<At<[Decimal; 2]>> {
    let items = section.list(faults, "interval")?;
    let span = section.get("interval")?.span();
    let bounds = every(
        items
            .iter()
            .map(|item| super::document::decimal(faults, "interval", item)),
    )?;
    match bounds.as_slice() {
        [low, high] => Some(At {
            value: [low.value, high.value],
            span,
        }),
        _ => {
            let message = "an interval is two decimals, the least and the greatest value";
            faults.value(span, message, "write it as [\"0\", \"500\"]")
        }
    }
}

/// Reads the values of one version.
pub(super) type ValueReader<'r> =
    dyn FnMut(&mut Faults<'_>, &Section<'_>) -> Option<Vec<At<Decimal>>> + 'r;

/// Reads the values of each version of a section: those of the section itself or, if it is dated,
/// those of its `[[..version]]` tables.
pub(super) fn versions(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    dated: bool,
    values: &mut ValueReader<'_>,
) -> Option<Vec<Draft>> {
    let name = section.name.trim_matches(['[', ']']).to_owned();
    if !dated {
        if section.get("version").is_some() {
            let message = format!("[[{name}.version]] belongs to figures that are dated");
            let hint = "add `dated = true`";
            return faults.value(section.place("version"), message, hint);
        }
        return Some(vec![Draft {
            from: None,
            values: values(faults, section)?,
            span: section.span.clone(),
        }]);
    }
    let header = format!("[[{name}.version]]");
    for key in ["value", "values"] {
        if section.get(key).is_some() {
            let message = format!("dated figures have their `{key}` in {header}");
            let hint = "one for each day from which other figures count";
            return faults.value(section.place(key), message, hint);
        }
    }
    let keys = if name == "constant" {
        ["from", "value"]
    } else {
        ["from", "values"]
    };
    let sections = section.sections(faults, "version", &header, &keys)?;
    if sections.is_empty() {
        let message = format!("dated figures need at least one {header}");
        return faults.value(section.place("dated"), message, "");
    }
    every(sections.iter().map(|version| {
        let from = match version.text_or_none(faults, "from") {
            None if version.get("from").is_some() => None,
            None => Some(None),
            Some(text) => date(faults, &text).map(Some),
        };
        let values = values(faults, version);
        Some(Draft {
            from: from?,
            values: values?,
            span: version.span.clone(),
        })
    }))
}

/// The one value of a constant.
fn value(faults: &mut Faults<'_>, section: &Section<'_>) -> Option<Vec<At<Decimal>>> {
    Some(vec![section.decimal(faults, "value")?])
}

fn date(faults: &mut Faults<'_>, text: &At<String>) -> Option<At<Date>> {
    let day = read_date(&text.value).and_then(|day| u32::try_from(day).ok());
    let Some(day) = day else {
        let message = format!(
            "`from` = {:?} is not a date from 1970 on",
            shown(&text.value)
        );
        return faults.value(text.span.clone(), message, "write it as \"2024-03-01\"");
    };
    Some(At {
        value: Date::from_days(day),
        span: text.span.clone(),
    })
}

/// Checks the values against the interval, and the days against each other and the validity.
/// `labels` are the names of a table's cells.
pub(super) fn check(
    faults: &mut Faults<'_>,
    frame: &Frame,
    labels: Option<&[String]>,
    drafts: Vec<Draft>,
    kind: PeriodKind,
    validity: Option<Validity>,
) -> Option<Vec<Version>> {
    let before = faults.len();
    let name = &frame.name.value;
    for draft in &drafts {
        for (cell, value) in draft.values.iter().enumerate() {
            let label = labels.and_then(|labels| labels.get(cell));
            let decl = ConstantDecl {
                name: label.map_or(name.clone(), |label| format!("{name}[{label}]")),
                interval: frame.interval,
                exponent: frame.exponent,
            };
            if let Err(error) = decl.public_value(&value.value) {
                faults.value::<()>(value.span.clone(), error.to_string(), "");
            }
        }
    }
    check_first(faults, name, &drafts, validity);
    for (earlier, later) in drafts.iter().zip(drafts.iter().skip(1)) {
        check_change(faults, name, earlier, later, kind);
    }
    let versions = drafts.into_iter().map(|draft| Version {
        from: draft.from.map(|from| from.value),
        values: draft.values.into_iter().map(|value| value.value).collect(),
    });
    (faults.len() == before).then(|| versions.collect())
}

/// The first version must be in force when the scale begins.
fn check_first(faults: &mut Faults<'_>, name: &str, drafts: &[Draft], validity: Option<Validity>) {
    let first = drafts.first().and_then(|draft| draft.from.as_ref());
    let (Some(first), Some(validity)) = (first, validity) else {
        return;
    };
    if i64::from(day_of(first.value)) > validity.from.first_day() {
        let message = format!(
            "`{name}` has no figures before this day, but the scale begins with {}",
            validity.from.label()
        );
        let hint = "leave out `from` in the first version, or add the one before";
        faults.value::<()>(first.span.clone(), message, hint);
    }
}

/// Checks that days increase and that no two changes fall into one period.
fn check_change(
    faults: &mut Faults<'_>,
    name: &str,
    earlier: &Draft,
    later: &Draft,
    kind: PeriodKind,
) {
    let Some(to) = &later.from else {
        let message = format!("`{name}`: only the first version may leave out `from`");
        faults.value::<()>(
            later.span.clone(),
            message,
            "state the day from which it counts",
        );
        return;
    };
    let Some(from) = &earlier.from else {
        return;
    };
    if to.value <= from.value {
        let message = format!("`{name}`: versions must be in the order of their days");
        faults.value::<()>(to.span.clone(), message, "");
        return;
    }
    let period = |date: Date| Period::of_day(kind, day_of(date));
    if period(to.value) == period(from.value) {
        let message = format!(
            "`{name}` changes twice inside {}, but a proof has room for one change",
            period(to.value).label()
        );
        let hint = "move one change to another period, or count by shorter periods";
        faults.value::<()>(to.span.clone(), message, hint);
    }
}

/// The flat list that the ledger keeps, in the order of the public inputs.
fn flat(constants: &[Constant], tables: &[Table]) -> Figures {
    let mut flat = Figures::default();
    for Constant { decl, versions, .. } in constants {
        let schedule = schedule(&mut flat, decl.dated, versions);
        let frame = (decl.interval, decl.exponent, schedule);
        flat.figures
            .push(figure(decl.name.clone(), frame, versions, 0));
    }
    for Table { decl, versions, .. } in tables {
        let schedule = schedule(&mut flat, decl.dated, versions);
        let frame = (decl.interval, decl.exponent, schedule);
        for (cell, label) in decl.by.labels().into_iter().enumerate() {
            let name = format!("{}[{label}]", decl.name);
            flat.figures.push(figure(name, frame, versions, cell));
        }
    }
    flat
}

/// Adds the days of a dated constant or table.
fn schedule(flat: &mut Figures, dated: bool, versions: &[Version]) -> Option<u16> {
    if !dated {
        return None;
    }
    let days = versions.iter().skip(1);
    let days = days.filter_map(|version| version.from.map(day_of));
    let place = u16::try_from(flat.schedules.len()).ok();
    flat.schedules.push(days.collect());
    // More are refused by `Figures::check`.
    Some(place.unwrap_or(u16::MAX))
}

fn figure(
    name: String,
    (interval, exponent, schedule): ([Decimal; 2], u8, Option<u16>),
    versions: &[Version],
    cell: usize,
) -> Figure {
    // Checked before: intervals and values are integers from 0 to below 2^64 at the exponent.
    let public = |value: &Decimal| {
        let integer = value
            .at(exponent)
            .and_then(|value| u64::try_from(value).ok());
        integer.unwrap_or(u64::MAX)
    };
    let [low, high] = interval.each_ref().map(public);
    let values = versions
        .iter()
        .filter_map(|version| version.values.get(cell));
    Figure {
        name,
        exponent,
        low,
        high,
        schedule,
        values: values.map(public).collect(),
    }
}
