//! The changes from one version of a scale to the next, and whether the keys can stay.

mod parts;

use std::fmt;

use merits_formula::{FieldKind, Record};

use super::{Example, Manifest};
use parts::Changes;

/// The differences between two manifests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// All changes, in the order of a manifest.
    pub changes: Vec<Change>,
    /// Why the circuit differs, so that a set-up and a new key are needed. If empty, the shape is
    /// the same and the keys stay.
    pub new_key: Vec<String>,
    /// Why the rules forbid the newer manifest as the next version of the older one.
    pub refused: Vec<String>,
    /// Examples of the older manifest whose records give another result under the newer one.
    pub examples: Vec<ExampleChange>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key, such as `constant factor, value`.
    pub key: String,
    /// The old value; `None` if it is new.
    pub old: Option<String>,
    /// The new value; `None` if it was removed.
    pub new: Option<String>,
    /// Whether the circuit may depend on it.
    pub shape: bool,
}

/// An example whose records give another result now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleChange {
    /// The example of the older manifest.
    pub name: String,
    /// Credits and measure under the older manifest.
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
    parts::header(&mut found, old, new);
    parts::schema(&mut found, old, new);
    parts::constants(&mut found, old, new);
    parts::tables(&mut found, old, new);
    parts::formulas(&mut found, old, new);
    parts::examples(&mut found, old.examples(), new.examples());
    let same_shape = old.shape() == new.shape();
    let new_key = if same_shape {
        Vec::new()
    } else {
        reasons(&found.0)
    };
    Difference {
        new_key,
        refused: refused(old, new),
        examples: recomputed(old, new),
        changes: found.0,
    }
}

/// Why the shape differs.
fn reasons(changes: &[Change]) -> Vec<String> {
    let changes = changes.iter().filter(|change| change.shape);
    let reasons: Vec<String> = changes.map(|change| change.key.clone()).collect();
    if reasons.is_empty() {
        // For example, constants or tables in another order: their order is that of the public
        // inputs.
        return vec!["the order of the declarations".to_owned()];
    }
    reasons
}

/// Violations of the ledger's rules for versions.
fn refused(old: &Manifest, new: &Manifest) -> Vec<String> {
    let mut refused = Vec::new();
    if old.id() != new.id() {
        refused.push(format!(
            "id: {} is another scale than {}",
            new.id(),
            old.id()
        ));
    }
    if old.asset() != new.asset() {
        refused.push("asset: all versions of an id have the same number".to_owned());
    }
    if old.period_kind() != new.period_kind() {
        refused.push("period: all versions of an id count by the same period".to_owned());
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
    if old.per_source() != new.per_source() {
        refused.push("per_source: it is the same in all versions of an id".to_owned());
    }
    if old.vouched() != new.vouched() {
        refused.push("vouched: it is the same in all versions of an id".to_owned());
    }
    refused
}

/// Old examples whose records mean the same under the new schema, computed under the new manifest.
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
        // Records out of the new bounds give no result. The bounds are listed among the changes.
        let is = compute(new, example, &example.records)?;
        (was != is).then(|| ExampleChange {
            name: example.name.clone(),
            old: was,
            new: is,
        })
    });
    examples.collect()
}

/// The kind without its bounds: records of two fields of equal kind mean the same.
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
