//! The manifest of a scale: `params/scales/<id>/scale.toml`, read and checked.
//!
//! [`Manifest::from_toml`] is the constructor; [`Manifest::from_approved`] is the one for manifests
//! that a ledger has approved. The manifest that they return has a checked schema, formulas that
//! type-check within their bounds, figures within their intervals, and examples that give what they
//! promise. All faults are reported at once, with their positions in the text ([`ManifestError`]).
//!
//! **Shape and numbers are separate.** [`Shape`] is everything that determines the circuit: fields, R,
//! B, formulas, edges of tables, and the figures' intervals and exponents. The figures' values and
//! dates, titles, validity, expiry and terms are not in it. Changing 162.72 to another figure
//! within its interval keeps the shape and so the keys. [`diff()`] reports what changed between two
//! versions and whether the keys can stay.
//!
//! | module | |
//! |---|---|
//! | `document` | TOML by hand, so that everything keeps its place |
//! | `error` | faults |
//! | `header`, `fields`, `figures`, `tables`, `formula`, `examples` | the parts of a manifest |
//! | `values` | one value of a field, as people write it |
//! | `shape` | what determines the circuit |
//! | `diff` | what changed between versions |

mod diff;
mod document;
mod error;
mod examples;
mod fields;
mod figures;
mod formula;
mod header;
mod shape;
#[cfg(test)]
mod tests;
mod values;

use merits_formula::{Declarations, Diagnostic, Schema, Typed};
use merits_primitives::calendar::ExpiryRule;
use merits_primitives::figures::{Figures, PublicNumber};
use merits_primitives::ids::{
    AssetId, Credits, Expiry, Period, PeriodKind, Quantity, ScaleId, ScaleVersion, SchemaId, sha256,
};

pub use diff::{Change, Difference, ExampleChange, diff};
pub use error::{Fault, FaultKind, ManifestError};
pub use examples::Example;
pub use figures::{Constant, Table, Version};
pub use formula::{Measure, Step};
pub use header::{Title, Validity};
pub use shape::Shape;
pub use values::{read_value, show_value, within_period};

use merits_text::{display::check_document, file::without_mark};

use document::Section;
use error::Faults;
use fields::Named;
use header::Header;

/// Most bytes of a manifest, examples and comments included. It travels in a ledger entry of at
/// most 65,535 bytes, beside a verifying key of at most 8 KiB (a larger one is a blob), the schema's
/// text and the figures.
pub const MAX_BYTES: usize = 24_576;

/// Most claims of a proof: as many as the ledger takes.
pub const MAX_CLAIMS: u16 = 64;

/// The largest total of credits, and of a measure, in one batch: totals of batches are opened by
/// finding a number below 2^48.
const MOST_IN_A_BATCH: u128 = 1 << 48;

/// The keys of a manifest. `state` is reserved for history and refused.
const KEYS: [&str; 21] = [
    "id",
    "version",
    "asset",
    "period",
    "unit",
    "per_source",
    "vouched",
    "supply_cap",
    "sdg",
    "terms",
    "title",
    "validity",
    "expiry",
    "batch",
    "schema",
    "constant",
    "table",
    "step",
    "formula",
    "measure",
    "example",
];

/// A checked scale.
#[derive(Debug, Clone)]
pub struct Manifest {
    text: String,
    header: Header,
    validity: Validity,
    constants: Vec<Constant>,
    tables: Vec<Table>,
    figures: Figures,
    steps: Vec<Step>,
    rounding: String,
    measure: Option<Measure>,
    typed: Typed,
    examples: Vec<Example>,
}

impl Manifest {
    /// Reads and checks `scale.toml`. Examples are run.
    ///
    /// # Errors
    /// [`ManifestError`]: all faults that were found, each with its position and what to do.
    pub fn from_toml(text: &str) -> Result<Self, ManifestError> {
        let mut faults = Faults::new(text);
        let read = read(text, &mut faults, merits_formula::check);
        faults.finish(read)
    }

    /// Reads a manifest that a ledger has approved. Constructs that have been refused since then,
    /// because people mistook their meaning, keep that meaning. To write, propose or review a
    /// scale, use [`Manifest::from_toml`]. A text that both accept gives the same manifest of the
    /// same shape.
    ///
    /// # Errors
    /// As [`Manifest::from_toml`].
    pub fn from_approved(text: &str) -> Result<Self, ManifestError> {
        let mut faults = Faults::new(text);
        let read = read(text, &mut faults, merits_formula::check_approved);
        faults.finish(read)
    }

    /// The text that was read, as it is published.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text.
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.text.as_bytes())
    }

    /// The scale's id, the same for all versions.
    pub fn id(&self) -> &ScaleId {
        &self.header.id
    }

    /// The version, counted from 1.
    pub fn version(&self) -> ScaleVersion {
        self.header.version
    }

    /// The ledger's number for the id.
    pub fn asset(&self) -> AssetId {
        self.header.asset
    }

    /// Titles.
    pub fn title(&self) -> &Title {
        &self.header.title
    }

    /// The unit of a credit.
    pub fn unit(&self) -> &str {
        &self.header.unit
    }

    /// The kind of period that claims count by.
    pub fn period_kind(&self) -> PeriodKind {
        self.typed.schema().period
    }

    /// Whether deeds at two sources are different deeds, so that a person may claim once a
    /// period at each.
    pub fn per_source(&self) -> bool {
        self.header.per_source
    }

    /// Whether the sources cannot link people, so that the distributor vouches for the owner of the
    /// records.
    pub fn vouched(&self) -> bool {
        self.header.vouched
    }

    /// The most credits that may ever exist, if there is a cap.
    pub fn supply_cap(&self) -> Option<Credits> {
        self.header.supply_cap
    }

    /// The Sustainable Development Goals that it serves, 1 to 17.
    pub fn sdg(&self) -> &[u8] {
        &self.header.sdg
    }

    /// The terms that a person consents to.
    pub fn terms(&self) -> &str {
        &self.header.terms
    }

    /// The digest that a consent binds: SHA-256 of the scale's id, its version and the terms.
    ///
    /// It includes the version because owner keys are derived from it. Suppose a new version takes
    /// over a period. Without the version, a refused batch and the batch that replaces it would
    /// hide two amounts under one pad. The difference of the two ciphertexts, of which both factors
    /// are public, would reveal the amount.
    pub fn terms_digest(&self) -> [u8; 32] {
        merits_primitives::field::digest(
            "merits/consent-terms/v1",
            &[
                self.id().as_str().as_bytes(),
                &self.version().0.to_le_bytes(),
                self.terms().as_bytes(),
            ],
        )
    }

    /// How the credits' formula rounds, in words.
    pub fn rounding(&self) -> &str {
        &self.rounding
    }

    /// Periods that this version is for.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether this version is for a period.
    pub fn is_valid_at(&self, period: Period) -> bool {
        self.validity.holds(period)
    }

    /// When credits lapse.
    pub fn expiry_rule(&self) -> ExpiryRule {
        self.header.expiry
    }

    /// The expiry bucket of credits earned in a period.
    pub fn expiry(&self, period: Period) -> Expiry {
        self.header.expiry.expiry(period)
    }

    /// B: claims that a proof has room for.
    pub fn claims_per_proof(&self) -> u16 {
        self.header.claims
    }

    /// The records of a claim.
    pub fn schema(&self) -> &Schema {
        self.typed.schema()
    }

    /// Id of the record schema.
    pub fn schema_id(&self) -> SchemaId {
        self.schema().id()
    }

    /// The checked formulas.
    pub fn formula(&self) -> &Typed {
        &self.typed
    }

    /// V_max: the most credits of a claim.
    pub fn max_credits(&self) -> Credits {
        Credits(self.typed.max_value())
    }

    /// The second output, if there is one.
    pub fn measure(&self) -> Option<&Measure> {
        self.measure.as_ref()
    }

    /// W_max: the most of the measure that a claim can have.
    pub fn max_measure(&self) -> Option<Quantity> {
        self.typed.max_measure().map(Quantity)
    }

    /// Named intermediate results.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The constants.
    pub fn constants(&self) -> &[Constant] {
        &self.constants
    }

    /// The tables.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// All figures with their dates, as the ledger keeps them.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// The public numbers of a period, in the order of the public inputs.
    ///
    /// It also answers for periods outside the validity, for which no ledger accepts the numbers:
    /// see [`Manifest::is_valid_at`].
    pub fn public_values(&self, period: Period) -> Vec<PublicNumber> {
        self.figures.public(period)
    }

    /// Examples, which have been run.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// Everything that determines the circuit.
    pub fn shape(&self) -> Shape {
        Shape::new(&self.typed, self.header.claims)
    }
}

/// Reads the parts, each as far as the parts before it allow.
fn read(
    text: &str,
    faults: &mut Faults<'_>,
    check: fn(&Declarations) -> Result<Typed, Vec<Diagnostic>>,
) -> Option<Manifest> {
    if text.len() > MAX_BYTES {
        let message = format!(
            "the manifest has {} bytes, but at most {MAX_BYTES} are allowed",
            text.len()
        );
        let hint = "shorten comments, terms or examples";
        return faults.add(FaultKind::TooLong, MAX_BYTES..MAX_BYTES, message, hint);
    }
    // Comments are published with the rest.
    if let Err(fault) = check_document(without_mark(text)) {
        let start = text.len() - without_mark(text).len() + fault.at;
        let span = start..start + fault.character.len_utf8();
        return faults.value(span, fault.to_string(), "");
    }
    let (document, errors) = toml::de::DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        faults.add::<()>(FaultKind::Toml, span, error.message(), "");
    }
    if !errors.is_empty() {
        // Further faults would come from the error recovery, not from the text.
        return None;
    }
    let keys: Vec<&str> = KEYS.into_iter().chain(["state"]).collect();
    let root = Section::open(faults, "", 0..0, document.get_ref(), &keys);
    refuse_state(faults, &root);
    let header::Read {
        header,
        unit,
        claims,
    } = header::read(faults, &root);
    let kind = header::period_kind(faults, &root);
    let texts = formula::read(faults, &root);
    // Everything else depends on the period that claims count by.
    let kind = kind?;
    let validity = header::validity(faults, &root, kind);
    let schema = fields::read(faults, &root, kind);
    let figures = figures::read(faults, &root, schema.as_ref(), kind, validity);
    let (texts, schema, figures) = (texts?, schema?, figures?);
    let mut places: Vec<Named> = figures.places.clone();
    places.extend(texts.names.iter().cloned());
    check_names(faults, &schema, &places)?;
    figures::check_together(faults, &figures, kind)?;
    let declarations = Declarations {
        schema,
        unit: unit?,
        constants: figures.constants.iter().map(|c| c.decl.clone()).collect(),
        tables: figures.tables.iter().map(|t| t.decl.clone()).collect(),
        steps: (texts.steps.iter())
            .map(|step| merits_formula::Step {
                name: step.name.clone(),
                cel: step.cel.clone(),
            })
            .collect(),
        credits: texts.cel.clone(),
        measure: (texts.measure.as_ref()).map(|measure| merits_formula::Measure {
            unit: measure.unit.clone(),
            cel: measure.cel.clone(),
        }),
    };
    let typed = match check(&declarations) {
        Ok(typed) => typed,
        Err(found) => {
            texts.report(faults, found, &places);
            return None;
        }
    };
    if let Some(claims) = claims {
        check_totals(faults, &root, &typed, claims)?;
    }
    let validity = validity?;
    let examples = examples::read(faults, &root, &typed, &figures.figures, validity);
    Some(Manifest {
        text: text.to_owned(),
        header: header?,
        validity,
        constants: figures.constants,
        tables: figures.tables,
        figures: figures.figures,
        steps: texts.steps,
        rounding: texts.rounding,
        measure: texts.measure,
        typed,
        examples: examples?,
    })
}

/// History needs state on the ledger. Until the ledger has it, a manifest that uses it is refused.
fn refuse_state(faults: &mut Faults<'_>, root: &Section<'_>) {
    if root.get("state").is_some() {
        let message = "`state` (what a claim carries on from earlier periods: streaks, lifetime \
                       tiers, last year's value) is not built yet";
        let hint = "take it out: a claim knows only its own period";
        faults.add::<()>(FaultKind::NotYet, root.place("state"), message, hint);
    }
}

/// The ledger's limits on the outputs of a batch.
fn check_totals(
    faults: &mut Faults<'_>,
    root: &Section<'_>,
    typed: &Typed,
    claims: u16,
) -> Option<()> {
    let outputs = [
        ("formula", Some(typed.max_value())),
        ("measure", typed.max_measure()),
    ];
    for (key, most) in outputs {
        let Some(most) = most else { continue };
        if most == 0 {
            let message = format!("[{key}] is 0 for all records: nothing can ever be earned");
            return faults.value(root.place(key), message, "");
        }
        let batch = u128::from(most) * u128::from(claims);
        if batch > MOST_IN_A_BATCH {
            let message = format!(
                "[{key}] may reach {most}, {batch} in a batch of {claims} claims: above 2^48 no \
                 total can be opened"
            );
            let hint = "cap it with math.least(..), count in a larger unit, or take fewer claims";
            return faults.value(root.place(key), message, hint);
        }
    }
    Some(())
}

/// Constants, tables, steps and the list of records share one namespace.
fn check_names(faults: &mut Faults<'_>, schema: &Schema, places: &[Named]) -> Option<()> {
    let before = faults.len();
    for (at, (name, span)) in places.iter().enumerate() {
        let earlier = places.iter().take(at);
        if *name == schema.list || earlier.into_iter().any(|(other, _)| other == name) {
            let message = format!("the name `{name}` is taken");
            faults.value::<()>(span.clone(), message, "");
        }
    }
    (faults.len() == before).then_some(())
}
