//! What changed from one version of a scale to the next, and whether the keys can stay.

use std::fmt;

use merits_formula::{Field, FieldKind, Record, TableBy};

use super::figures::Version;
use super::values::show_value;
use super::{Constant, Example, Manifest, Table};

/// What changed between two manifests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// All changes, in the order of a manifest.
    pub changes: Vec<Change>,
    /// Why the circuit is another one, so that a set-up and a new key are needed. Empty: the shape
    /// is the same and the keys stay.
    pub new_key: Vec<String>,
    /// What the rules forbid: the newer one is no next version of the older one.
    pub refused: Vec<String>,
    /// Examples of the older manifest whose records give something else under the newer one.
    pub examples: Vec<ExampleChange>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key, such as `constant factor, value`.
    pub key: String,
    /// What was; `None` if it is new.
    pub old: Option<String>,
    /// What is; `None` if it is gone.
    pub new: Option<String>,
    /// Whether the circuit may depend on it.
    pub shape: bool,
}

/// An example whose records give something else now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleChange {
    /// The example of the older manifest.
    pub name: String,
    /// Credits and measure that it had.
    pub old: (u64, Option<u64>),
    /// Credits and measure under the newer manifest.
    pub new: (u64, Option<u64>),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "{}: {old} -> {new}", self.key),
            (None, Some(new)) => write!(f, "{}: {new} is new", self.key),
            (Some(old), None) => write!(f, "{}: {old} is gone", self.key),
            (None, None) => f.write_str(&self.key),
        }
    }
}

impl fmt::Display for ExampleChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |(credits, measure): (u64, Option<u64>)| match measure {
            None => format!("{credits} credits"),
            Some(measure) => format!("{credits} credits and a measure of {measure}"),
        };
        let (old, new) = (show(self.old), show(self.new));
        write!(f, "{:?}: {old} -> {new}", self.name)
    }
}

/// Compares two manifests, the older one first.
pub fn diff(old: &Manifest, new: &Manifest) -> Difference {
    let mut found = Changes::default();
    header(&mut found, old, new);
    schema(&mut found, old, new);
    constants(&mut found, old, new);
    tables(&mut found, old, new);
    formulas(&mut found, old, new);
    examples(&mut found, old.examples(), new.examples());
    let same_shape = old.shape() == new.shape();
    let new_key = if same_shape {
        Vec::new()
    } else {
        reasons(&found.0)
    };
    Difference {
        new_key,
        refused: refused(old, new, same_shape),
        examples: recomputed(old, new),
        changes: found.0,
    }
}

/// Changes as they are found.
#[derive(Default)]
struct Changes(Vec<Change>);

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

fn header(found: &mut Changes, old: &Manifest, new: &Manifest) {
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

fn schema(found: &mut Changes, old: &Manifest, new: &Manifest) {
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
            // The names of an enum and the units of numbers are not the circuit's.
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

fn constants(found: &mut Changes, old: &Manifest, new: &Manifest) {
    each(
        found,
        "constant",
        old.constants(),
        new.constants(),
        |constant| &constant.decl.name,
        |found, key, was, is| {
            let (Some(was), Some(is)) = (was, is) else {
                let show = |c: &Constant| show_versions(&c.versions, &[c.decl.name.clone()]);
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

fn tables(found: &mut Changes, old: &Manifest, new: &Manifest) {
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

/// What the circuit knows of a constant or table.
fn figures(
    found: &mut Changes,
    key: &str,
    [a, b]: [([merits_formula::Decimal; 2], u8); 2],
    [was, is]: [bool; 2],
) {
    let interval = |[low, high]: [merits_formula::Decimal; 2]| format!("[{low}, {high}]");
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

fn show_date(date: merits_primitives::calendar::Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

fn formulas(found: &mut Changes, old: &Manifest, new: &Manifest) {
    each(
        found,
        "step",
        old.steps(),
        new.steps(),
        |step| &step.name,
        |found, key, was, is| {
            let cel = |step: &super::Step| step.cel.trim().to_owned();
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
    let part = |of: fn(&super::Measure) -> &str| {
        [a, b].map(|measure| measure.map(|measure| of(measure).trim().to_owned()))
    };
    let [was, is] = part(|measure| &measure.cel);
    found.compare("measure.cel", was, is, true);
    let [was, is] = part(|measure| &measure.unit);
    found.compare("measure.unit", was, is, false);
    let [was, is] = part(|measure| &measure.rounding);
    found.compare("measure.rounding", was, is, false);
}

fn examples(found: &mut Changes, old: &[Example], new: &[Example]) {
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

/// Compares lists by name: what both have, then what is gone, then what is new.
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

/// Why the shape is another one.
fn reasons(changes: &[Change]) -> Vec<String> {
    let changes = changes.iter().filter(|change| change.shape);
    let reasons: Vec<String> = changes.map(|change| change.key.clone()).collect();
    if reasons.is_empty() {
        // Constants or tables in another order, say: their places are the public inputs'.
        return vec!["the order of what is declared".to_owned()];
    }
    reasons
}

/// What no version may do.
fn refused(old: &Manifest, new: &Manifest, same_shape: bool) -> Vec<String> {
    let mut refused = Vec::new();
    if old.id() != new.id() {
        refused.push(format!(
            "id: {} is another scale than {}",
            new.id(),
            old.id()
        ));
    }
    if old.asset() != new.asset() {
        refused.push("asset: all versions of an id have the number of the first".to_owned());
    }
    if old.period_kind() != new.period_kind() {
        refused.push("period: what an id counts by is fixed".to_owned());
    }
    if new.version() <= old.version() {
        refused.push(format!(
            "version: {} does not come after {}",
            new.version().0,
            old.version().0
        ));
    }
    if old.period_kind() == new.period_kind() && new.validity().from <= old.validity().from {
        refused.push(format!(
            "validity.from: a version begins after the one before, and {} does not come after {}",
            new.validity().from.label(),
            old.validity().from.label()
        ));
    }
    if same_shape && old.schema_id() != new.schema_id() {
        // The ledger keeps one schema for a shape.
        refused.push(
            "schema: under the same shape the ledger takes no other names, units or order of fields"
                .to_owned(),
        );
    }
    if same_shape && !old.figures().same_shape(new.figures()) {
        refused.push(
            "constants and tables: under the same shape the ledger takes no other names".to_owned(),
        );
    }
    refused
}

/// Old examples whose records the new schema reads alike, computed under the new manifest.
fn recomputed(old: &Manifest, new: &Manifest) -> Vec<ExampleChange> {
    let kinds = |m: &Manifest| -> Vec<(String, FieldKind)> {
        let fields = m.schema().fields.iter();
        fields.map(|f| (f.name.clone(), bare(&f.kind))).collect()
    };
    if old.period_kind() != new.period_kind() || kinds(old) != kinds(new) {
        return Vec::new();
    }
    let compute = |m: &Manifest, example: &Example, records: &[Record]| {
        let period = if m.is_valid_at(example.period) {
            example.period
        } else {
            m.validity().from
        };
        let outputs = m.formula().eval(records, &m.public_values(period)).ok()?;
        Some((outputs.credits, outputs.measure))
    };
    let examples = old.examples().iter().filter_map(|example| {
        let was = compute(old, example, &example.records)?;
        // Records beyond the new bounds give nothing; the bounds are among the changes.
        let is = compute(new, example, &example.records)?;
        (was != is).then(|| ExampleChange {
            name: example.name.clone(),
            old: was,
            new: is,
        })
    });
    examples.collect()
}

/// The kind without its bounds: records of two such fields are read alike.
fn bare(kind: &FieldKind) -> FieldKind {
    let (min, max) = (0, 0);
    match kind {
        FieldKind::Int { .. } => FieldKind::Int { min, max },
        FieldKind::Decimal { digits, .. } => FieldKind::Decimal {
            min,
            max,
            digits: *digits,
        },
        FieldKind::Date { .. } => FieldKind::Date { min, max },
        FieldKind::DateTime { .. } => FieldKind::DateTime { min, max },
        other => other.clone(),
    }
}
