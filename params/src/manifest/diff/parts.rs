//! Comparing two manifests part by part.

use merits_formula::{Decimal, Field, FieldKind, TableBy};
use merits_primitives::calendar::Date;

use super::Change;
use crate::manifest::figures::Version;
use crate::manifest::header::Header;
use crate::manifest::values::show_value;
use crate::manifest::{Constant, Example, Manifest, Measure, Step, Table};

/// Changes as they are found.
#[derive(Default)]
pub(super) struct Changes(pub(super) Vec<Change>);

impl Changes {
    /// A value for readers or the ledger.
    fn value(&mut self, key: &str, old: impl ToString, new: impl ToString) {
        self.compare(key, Some(old.to_string()), Some(new.to_string()), false);
    }

    /// A value that the circuit is made for.
    fn shape(&mut self, key: &str, old: impl ToString, new: impl ToString) {
        self.compare(key, Some(old.to_string()), Some(new.to_string()), true);
    }

    fn compare(&mut self, key: &str, old: Option<String>, new: Option<String>, shape: bool) {
        if old != new {
            let key = key.to_owned();
            self.0.push(Change {
                key,
                old,
                new,
                shape,
            });
        }
    }
}

pub(super) fn header(found: &mut Changes, old: &Manifest, new: &Manifest) {
    // Destructured in full: this does not compile until a new key is compared below.
    let Header {
        id: _,
        version: _,
        asset: _,
        title: _,
        unit: _,
        per_source: _,
        vouched: _,
        supply_cap: _,
        sdg: _,
        terms: _,
        expiry: _,
        claims: _,
    } = &new.header;
    let none = || "none".to_owned();
    let cap = |m: &Manifest| m.supply_cap().map_or_else(none, |cap| cap.0.to_string());
    let from = |m: &Manifest| m.validity().from.label();
    let until = |m: &Manifest| {
        m.validity()
            .until
            .map_or_else(none, |period| period.label())
    };
    found.value("id", old.id(), new.id());
    found.value("version", old.version().0, new.version().0);
    found.value("asset", old.asset().0, new.asset().0);
    let kind = |m: &Manifest| format!("{:?}", m.period_kind()).to_lowercase();
    found.shape("period", kind(old), kind(new));
    found.value("unit", old.unit(), new.unit());
    found.value("title.en", &old.title().en, &new.title().en);
    found.value("title.zh", &old.title().zh, &new.title().zh);
    found.value("per_source", old.per_source(), new.per_source());
    found.value("vouched", old.vouched(), new.vouched());
    found.value("supply_cap", cap(old), cap(new));
    let goals = |m: &Manifest| format!("{:?}", m.sdg());
    found.value("sdg", goals(old), goals(new));
    found.value("terms", old.terms(), new.terms());
    found.value("validity.from", from(old), from(new));
    found.value("validity.until", until(old), until(new));
    let (a, b) = (old.expiry_rule(), new.expiry_rule());
    found.value(
        "expiry.lifetime_months",
        a.lifetime_months,
        b.lifetime_months,
    );
    found.value("expiry.bucket_months", a.bucket_months, b.bucket_months);
    found.shape(
        "batch.claims",
        old.claims_per_proof(),
        new.claims_per_proof(),
    );
}

pub(super) fn schema(found: &mut Changes, old: &Manifest, new: &Manifest) {
    let (a, b) = (old.schema(), new.schema());
    found.value("schema.id", &a.id_text, &b.id_text);
    found.value("schema.list", &a.list, &b.list);
    found.shape("schema.max_records", a.max_records, b.max_records);
    let show = |field: &Field, m: &Manifest| show_field(field, m);
    each(
        found,
        "field",
        &a.fields,
        &b.fields,
        |field| &field.name,
        |found, key, was, is| {
            let (was, is) = (
                was.map(|f| (f, show(f, old))),
                is.map(|f| (f, show(f, new))),
            );
            // The circuit does not depend on the names of an enum or the units of numbers.
            let shape = match (&was, &is) {
                (Some((was, _)), Some((is, _))) => {
                    a.bounds(was) != b.bounds(is)
                        || std::mem::discriminant(&was.kind) != std::mem::discriminant(&is.kind)
                        || was.kind.digits() != is.kind.digits()
                        || was.key != is.key
                }
                _ => true,
            };
            found.compare(
                key,
                was.map(|(_, text)| text),
                is.map(|(_, text)| text),
                shape,
            );
        },
    );
    let order = |fields: &[Field]| {
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        names.join(", ")
    };
    let mut sorted = (a.fields.clone(), b.fields.clone());
    sorted.0.sort_by(|x, y| x.name.cmp(&y.name));
    sorted.1.sort_by(|x, y| x.name.cmp(&y.name));
    if order(&sorted.0) == order(&sorted.1) {
        found.shape("order of the fields", order(&a.fields), order(&b.fields));
    }
}

fn show_field(field: &Field, of: &Manifest) -> String {
    let (min, max) = of.schema().bounds(field);
    let show = |value| show_value(value, field, of.period_kind());
    let kind = match &field.kind {
        FieldKind::Int { .. } => format!("int {} to {}", show(min), show(max)),
        FieldKind::Decimal { digits, .. } => {
            format!("decimal {} to {} of {digits} digits", show(min), show(max))
        }
        FieldKind::Bool => "bool".to_owned(),
        FieldKind::Enum { values } => format!("enum of {}", values.join(", ")),
        FieldKind::TimeInPeriod => "time".to_owned(),
        FieldKind::DayInPeriod => "day".to_owned(),
        FieldKind::Date { .. } => format!("date {} to {}", show(min), show(max)),
        FieldKind::DateTime { .. } => format!("datetime {} to {}", show(min), show(max)),
    };
    let unit = if field.unit.is_empty() {
        String::new()
    } else {
        format!(" in {}", field.unit)
    };
    format!("{kind}{unit}{}", if field.key { ", the key" } else { "" })
}

pub(super) fn constants(found: &mut Changes, old: &Manifest, new: &Manifest) {
    each(
        found,
        "constant",
        old.constants(),
        new.constants(),
        |constant| &constant.decl.name,
        |found, key, was, is| {
            let (Some(was), Some(is)) = (was, is) else {
                let show =
                    |c: &Constant| show_versions(&c.versions, std::slice::from_ref(&c.decl.name));
                found.compare(key, was.map(show), is.map(show), true);
                return;
            };
            let (a, b) = (&was.decl, &is.decl);
            let frame = [(a.interval, a.exponent), (b.interval, b.exponent)];
            figures(found, key, frame, [a.dated, b.dated]);
            found.value(&format!("{key}, unit"), &a.unit, &b.unit);
            found.value(&format!("{key}, source"), &was.source, &is.source);
            values(
                found,
                key,
                &was.versions,
                &is.versions,
                &["value".to_owned()],
            );
        },
    );
}

pub(super) fn tables(found: &mut Changes, old: &Manifest, new: &Manifest) {
    each(
        found,
        "table",
        old.tables(),
        new.tables(),
        |table| &table.decl.name,
        |found, key, was, is| {
            let (Some(was), Some(is)) = (was, is) else {
                let show = |t: &Table| show_versions(&t.versions, &t.decl.by.labels());
                found.compare(key, was.map(show), is.map(show), true);
                return;
            };
            let (a, b) = (&was.decl, &is.decl);
            let frame = [(a.interval, a.exponent), (b.interval, b.exponent)];
            figures(found, key, frame, [a.dated, b.dated]);
            found.shape(
                &format!("{key}, what it is looked up by"),
                show_by(&a.by),
                show_by(&b.by),
            );
            found.value(&format!("{key}, unit"), &a.unit, &b.unit);
            found.value(&format!("{key}, source"), &was.source, &is.source);
            if a.by.labels() == b.by.labels() {
                values(found, key, &was.versions, &is.versions, &a.by.labels());
            } else {
                let (was_labels, is_labels) = (a.by.labels(), b.by.labels());
                found.value(
                    &format!("{key}, figures"),
                    show_versions(&was.versions, &was_labels),
                    show_versions(&is.versions, &is_labels),
                );
            }
        },
    );
}

fn show_by(by: &TableBy) -> String {
    let labels = by.labels().join(", ");
    match by {
        TableBy::Enum { .. } => format!("the names {labels}"),
        TableBy::Bands { of, .. } => format!("bands of {of}: {labels}"),
        TableBy::Curve { of, .. } => format!("points of {of}: {labels}"),
    }
}

/// The part of a constant or table that the circuit depends on.
fn figures(found: &mut Changes, key: &str, [a, b]: [([Decimal; 2], u8); 2], [was, is]: [bool; 2]) {
    let interval = |[low, high]: [Decimal; 2]| format!("[{low}, {high}]");
    let words = |dated: bool| if dated { "dated" } else { "not dated" };
    found.shape(&format!("{key}, interval"), interval(a.0), interval(b.0));
    found.shape(&format!("{key}, exponent"), a.1, b.1);
    found.shape(&format!("{key}, dates"), words(was), words(is));
}

/// The figures of a constant or table, version by version where the days are the same.
fn values(found: &mut Changes, key: &str, old: &[Version], new: &[Version], labels: &[String]) {
    let days = |versions: &[Version]| -> Vec<_> { versions.iter().map(|v| v.from).collect() };
    if days(old) != days(new) {
        let show = |versions: &[Version]| show_versions(versions, labels);
        found.value(&format!("{key}, figures"), show(old), show(new));
        return;
    }
    for (was, is) in old.iter().zip(new) {
        let from = was
            .from
            .map_or(String::new(), |from| format!(" from {}", show_date(from)));
        for (label, (was, is)) in labels.iter().zip(was.values.iter().zip(&is.values)) {
            found.value(&format!("{key}, {label}{from}"), was, is);
        }
    }
}

fn show_versions(versions: &[Version], labels: &[String]) -> String {
    let versions = versions.iter().map(|version| {
        let values: Vec<String> = match (labels, version.values.as_slice()) {
            ([_], [value]) => vec![value.to_string()],
            _ => (labels.iter().zip(&version.values))
                .map(|(label, value)| format!("{label} {value}"))
                .collect(),
        };
        let from = version
            .from
            .map_or(String::new(), |from| format!(" from {}", show_date(from)));
        format!("{}{from}", values.join(", "))
    });
    versions.collect::<Vec<_>>().join("; ")
}

fn show_date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

pub(super) fn formulas(found: &mut Changes, old: &Manifest, new: &Manifest) {
    each(
        found,
        "step",
        old.steps(),
        new.steps(),
        |step| &step.name,
        |found, key, was, is| {
            let cel = |step: &Step| step.cel.trim().to_owned();
            found.compare(key, was.map(cel), is.map(cel), true);
            if let (Some(was), Some(is)) = (was, is) {
                found.value(&format!("{key}, note"), &was.note, &is.note);
            }
        },
    );
    let cel = |m: &Manifest| m.formula().source().trim().to_owned();
    found.shape("formula.cel", cel(old), cel(new));
    found.value("formula.rounding", old.rounding(), new.rounding());
    let (a, b) = (old.measure(), new.measure());
    let part = |of: fn(&Measure) -> &str| {
        [a, b].map(|measure| measure.map(|measure| of(measure).trim().to_owned()))
    };
    let [was, is] = part(|measure| &measure.cel);
    found.compare("measure.cel", was, is, true);
    let [was, is] = part(|measure| &measure.unit);
    found.compare("measure.unit", was, is, false);
    let [was, is] = part(|measure| &measure.rounding);
    found.compare("measure.rounding", was, is, false);
}

pub(super) fn examples(found: &mut Changes, old: &[Example], new: &[Example]) {
    each(
        found,
        "example",
        old,
        new,
        |example| &example.name,
        |found, key, was, is| {
            let show = |example: &Example| {
                let records = example.records.len();
                let measure = example.measure.map_or(String::new(), |measure| {
                    format!(" and a measure of {measure}")
                });
                format!("{records} records, {} credits{measure}", example.credits.0)
            };
            if was.map(|e| &e.records) != is.map(|e| &e.records) || was.map(show) != is.map(show) {
                let (old, new, key) = (was.map(show), is.map(show), key.to_owned());
                let shape = false;
                found.0.push(Change {
                    key,
                    old,
                    new,
                    shape,
                });
            }
        },
    );
}

/// Compares lists by name: first the entries of both, then the removed ones, then the new ones.
fn each<T>(
    found: &mut Changes,
    what: &str,
    old: &[T],
    new: &[T],
    name: impl Fn(&T) -> &String,
    mut compare: impl FnMut(&mut Changes, &str, Option<&T>, Option<&T>),
) {
    let by_name = |list: &'_ [T], wanted: &String| -> Option<usize> {
        list.iter().position(|item| name(item) == wanted)
    };
    for was in old {
        let is = by_name(new, name(was)).and_then(|at| new.get(at));
        compare(found, &format!("{what} {}", name(was)), Some(was), is);
    }
    for is in new {
        if by_name(old, name(is)).is_none() {
            compare(found, &format!("{what} {}", name(is)), None, Some(is));
        }
    }
}
