//! `[[table]]`: figures that are looked up by a name, by bands, or along a curve.

use merits_formula::{Band, Decimal, FieldKind, Schema, TableBy, TableDecl};
use merits_primitives::ids::PeriodKind;

use super::super::document::{At, Section, decimal, every, list, names, section, shown};
use super::super::error::{FaultKind, Faults};
use super::super::fields::{Named, check_unit};
use super::super::header::Validity;
use super::{Table, check, frame, versions};

pub(super) const KEYS: [&str; 11] = [
    "name", "interval", "exponent", "unit", "source", "dated", "version", "values", "bands",
    "points", "of",
];

/// The form of a version's values.
enum Form {
    /// By name.
    Names(Vec<String>),
    /// One for each cell, in order, with the name of each.
    InOrder(Vec<String>),
    /// Beside the band or point itself, and already read.
    Beside(Vec<At<Decimal>>),
}

/// Reads one table.
pub(super) fn read(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    schema: Option<&Schema>,
    kind: PeriodKind,
    validity: Option<Validity>,
) -> Option<(Table, Named)> {
    let frame = frame(faults, section);
    let dated = section.flag_or_false(faults, "dated")?;
    let by = by(faults, section, dated, schema);
    let (by, form) = by?;
    let labels = by.labels();
    let drafts = versions(faults, section, dated, &mut |faults, section| match &form {
        Form::Beside(values) => Some(values.clone()),
        Form::Names(labels) => by_name(faults, section, labels),
        Form::InOrder(labels) => in_order(faults, section, labels),
    });
    let frame = frame?;
    let versions = check(faults, &frame, Some(&labels), drafts?, kind, validity)?;
    let place = (frame.name.value.clone(), frame.name.span.clone());
    let decl = TableDecl {
        name: frame.name.value,
        interval: frame.interval,
        exponent: frame.exponent,
        unit: frame.unit,
        dated,
        by,
    };
    let source = frame.source;
    let table = Table {
        decl,
        source,
        versions,
    };
    Some((table, place))
}

/// The key that it is looked up by, and the form of its values.
fn by(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    dated: bool,
    schema: Option<&Schema>,
) -> Option<(TableBy, Form)> {
    let has = |key: &str| section.get(key).is_some();
    match (has("bands"), has("points")) {
        (true, true) => {
            let message = "a table is looked up by bands or along points, not both";
            faults.value(section.place("points"), message, "")
        }
        (true, false) => bands(faults, section, dated),
        (false, true) => curve(faults, section, dated),
        (false, false) if has("of") => {
            let message = "`of` is the unit of a number that bands or points are given for";
            let hint = "add `bands` or `points`, or take it out";
            faults.value(section.place("of"), message, hint)
        }
        (false, false) => by_enum(faults, section, dated, schema),
    }
}

fn by_enum(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    dated: bool,
    schema: Option<&Schema>,
) -> Option<(TableBy, Form)> {
    // If the figures are dated, the first version determines the names.
    let holder = if dated {
        let all = ["from", "values"];
        let versions = section.sections(faults, "version", "[[table.version]]", &all)?;
        let Some(first) = versions.into_iter().next() else {
            let message = "dated figures need at least one [[table.version]]";
            return faults.value(section.place("dated"), message, "");
        };
        first
    } else {
        section.clone()
    };
    let Some(value) = holder.get("values") else {
        let message = "a table needs its figures: `values`, `bands` or `points`";
        return faults.add(FaultKind::MissingKey, holder.span, message, "");
    };
    let table = names(faults, "values", value)?;
    let found: Vec<&str> = table
        .entries()
        .into_iter()
        .map(|(key, _)| key.value)
        .collect();
    let values = match schema {
        // There is nothing to compare with, because the schema has faults.
        None => found.iter().map(|name| (*name).to_owned()).collect(),
        Some(schema) => match enum_of(schema, &found) {
            Ok(values) => values,
            Err(reason) => {
                let hint = "a table by names has a figure for each name of one enum field";
                return faults.value(holder.place("values"), reason, hint);
            }
        },
    };
    let form = Form::Names(values.clone());
    Some((TableBy::Enum { values }, form))
}

/// The enum of the schema whose names these are, in its order.
fn enum_of(schema: &Schema, found: &[&str]) -> Result<Vec<String>, String> {
    let enums = schema.fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Enum { values } => Some((&field.name, values)),
        _ => None,
    });
    // Names that only one of the two has.
    let differ = |values: &[String]| {
        let missing = values.iter().filter(|name| !found.contains(&name.as_str()));
        let other = found
            .iter()
            .filter(|name| !values.iter().any(|v| v == *name));
        let missing: Vec<String> = missing.cloned().collect();
        let other: Vec<String> = other.map(|name| shown(name)).collect();
        (missing, other)
    };
    let nearest = enums.min_by_key(|(_, values)| {
        let (missing, other) = differ(values);
        missing.len() + other.len()
    });
    let Some((field, values)) = nearest else {
        return Err("the schema has no enum field whose names a table could use".to_owned());
    };
    let (missing, other) = differ(values);
    match (missing.as_slice(), other.as_slice()) {
        ([], []) => Ok(values.clone()),
        (missing, []) => Err(format!(
            "`{}` of field `{field}` has no figure",
            missing.join("`, `")
        )),
        ([], other) => Err(format!(
            "`{}` is not a name of field `{field}`",
            other.join("`, `")
        )),
        (missing, other) => Err(format!(
            "`{}` is not a name of an enum; of field `{field}`, `{}` has no figure",
            other.join("`, `"),
            missing.join("`, `")
        )),
    }
}

fn bands(faults: &mut Faults<'_>, section_: &Section<'_>, dated: bool) -> Option<(TableBy, Form)> {
    let keys: &[&str] = if dated {
        &["range"]
    } else {
        &["range", "value"]
    };
    let of = of(faults, section_);
    let items = section_.list(faults, "bands")?;
    let read = every(items.iter().map(|item| {
        let item = section(faults, "a band", item, keys)?;
        let range = item.text(faults, "range");
        let value = if dated {
            None
        } else {
            Some(item.decimal(faults, "value")?)
        };
        let At { value: text, span } = range?;
        match text.parse::<Band>() {
            Ok(band) => Some((At { value: band, span }, value)),
            Err(error) => faults.value(span, error.to_string(), ""),
        }
    }))?;
    let (bands, values): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    let before = faults.len();
    check_bands(faults, section_, &bands);
    let bands: Vec<Band> = bands.into_iter().map(|band| band.value).collect();
    if faults.len() > before {
        return None;
    }
    let by = TableBy::Bands { of: of?, bands };
    let form = if dated {
        Form::InOrder(by.labels())
    } else {
        Form::Beside(values.into_iter().flatten().collect())
    };
    Some((by, form))
}

/// Checks that bands are not empty and that each begins where the one before ends.
fn check_bands(faults: &mut Faults<'_>, section: &Section<'_>, bands: &[At<Band>]) {
    if bands.is_empty() {
        let message = "a table needs at least one band";
        faults.value::<()>(section.place("bands"), message, "");
    }
    for At { value: band, span } in bands {
        let holds =
            band.low < band.high || (band.low == band.high && band.low_closed && band.high_closed);
        if !holds {
            let message = format!("the band {band} holds no number");
            faults.value::<()>(span.clone(), message, "");
        }
    }
    for (earlier, later) in bands.iter().zip(bands.iter().skip(1)) {
        let (a, b) = (&earlier.value, &later.value);
        let reason = if b.low < a.high || (a.high == b.low && a.high_closed && b.low_closed) {
            "overlaps"
        } else if b.low > a.high || (!a.high_closed && !b.low_closed) {
            "leaves a gap after"
        } else {
            continue;
        };
        let message = format!("the band {b} {reason} the one before, {a}");
        let end = if a.high_closed { "(" } else { "[" };
        let hint = format!("let it begin with {end}{}", a.high);
        faults.value::<()>(later.span.clone(), message, hint);
    }
}

fn curve(faults: &mut Faults<'_>, section: &Section<'_>, dated: bool) -> Option<(TableBy, Form)> {
    let of = of(faults, section);
    let items = section.list(faults, "points")?;
    let read = every(items.iter().map(|item| {
        if dated {
            return Some((decimal(faults, "points", item)?, None));
        }
        let pair = list(faults, "points", item)?;
        let pair = every(pair.iter().map(|part| decimal(faults, "points", part)))?;
        match <[At<Decimal>; 2]>::try_from(pair) {
            Ok([x, y]) => Some((x, Some(y))),
            Err(_) => {
                let message = "a point is two decimals: its position, and the figure there";
                faults.value(item.span(), message, "write it as [\"6000\", \"1\"]")
            }
        }
    }))?;
    let (points, values): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    if points.len() < 2 {
        let message = "a curve needs at least two points";
        return faults.value(section.place("points"), message, "");
    }
    let mut last: Option<Decimal> = None;
    for At { value, span } in &points {
        if last.is_some_and(|last| *value <= last) {
            let message = format!("the point at {value} does not come after the one before");
            return faults.value(span.clone(), message, "points must be in increasing order");
        }
        last = Some(*value);
    }
    let points = points.into_iter().map(|point| point.value).collect();
    let by = TableBy::Curve { of: of?, points };
    let form = if dated {
        Form::InOrder(by.labels())
    } else {
        Form::Beside(values.into_iter().flatten().collect())
    };
    Some((by, form))
}

fn of(faults: &mut Faults<'_>, section: &Section<'_>) -> Option<String> {
    let of = section.text(faults, "of")?;
    check_unit(faults, "of", of)
}

/// The figures of a table that is written by name, in the order of the labels.
fn by_name(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    labels: &[String],
) -> Option<Vec<At<Decimal>>> {
    let value = section.need(faults, "values")?;
    let table = names(faults, "values", value)?;
    for (key, _) in table.entries() {
        if !labels.iter().any(|label| label == key.value) {
            let message = format!("`{}` is not a name of this table", shown(key.value));
            let hint = format!("it has {}", labels.join(", "));
            return faults.add(FaultKind::UnknownKey, key.span, message, hint);
        }
    }
    every(labels.iter().map(|label| match table.get(label) {
        Some(value) => decimal(faults, label, value),
        None => {
            let message = format!("`{label}` has no figure");
            faults.add(FaultKind::MissingKey, section.place("values"), message, "")
        }
    }))
}

/// The figures of a table that are a list.
fn in_order(
    faults: &mut Faults<'_>,
    section: &Section<'_>,
    labels: &[String],
) -> Option<Vec<At<Decimal>>> {
    let items = section.list(faults, "values")?;
    let values = every(items.iter().map(|item| decimal(faults, "values", item)))?;
    if values.len() == labels.len() {
        return Some(values);
    }
    let message = format!(
        "{} figures, but the table has {}: {}",
        values.len(),
        labels.len(),
        labels.join(", ")
    );
    faults.value(section.place("values"), message, "")
}
