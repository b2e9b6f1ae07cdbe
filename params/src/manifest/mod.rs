//! The manifest of a scale: `params/scales/<id>/scale.toml`, read and checked.
//!
//! [`Manifest::from_toml`] is the only constructor: what it returns has a checked schema, a
//! formula that type-checks within its bounds, constants within their intervals, and examples
//! that give the credits they promise.
//!
//! **Shape and numbers are apart.** [`Shape`] is all that determines the circuit: fields, R, B,
//! formula, and the constants' intervals and exponents. The constants' values, titles, validity,
//! expiry and terms are not in it: changing 162.72 to another figure within its interval keeps the
//! shape, and with it the keys.

mod error;
mod examples;
mod raw;
mod shape;
#[cfg(test)]
mod tests;

use merits_formula::{
    ConstantDecl, Decimal, Declarations, Field, FieldKind, NamedConstant, Schema, Typed,
};
use merits_primitives::Fr;
use merits_primitives::calendar::ExpiryRule;
use merits_primitives::ids::{
    AssetId, Credits, Expiry, Period, PeriodKind, ScaleId, ScaleVersion, SchemaId, sha256,
};

pub use error::ManifestError;
pub use examples::Example;
use raw::{FieldType, PeriodName, Raw, RawConstant, RawField};
pub use shape::Shape;

/// Most bytes of a manifest: it travels in a ledger entry of at most 65,535 bytes, beside a
/// verifying key.
pub const MAX_BYTES: usize = 24_576;

/// Most claims of a proof.
pub const MAX_CLAIMS: u16 = 256;

/// Titles in the two languages of the framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// Periods that a version is for, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first.
    pub from: Period,
    /// The last, if it is fixed in advance.
    pub until: Option<Period>,
}

/// A constant: what the shape knows of it, and what it does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constant {
    /// Name, interval, exponent.
    pub decl: ConstantDecl,
    /// The value.
    pub value: Decimal,
    /// The public input: value · 10^exponent.
    pub public: u64,
    /// Its unit, for readers.
    pub unit: String,
    /// Where the figure is from.
    pub source: String,
}

/// A checked scale.
#[derive(Debug, Clone)]
pub struct Manifest {
    text: String,
    id: ScaleId,
    version: ScaleVersion,
    asset: AssetId,
    title: Title,
    unit: String,
    per_source: bool,
    supply_cap: Option<Credits>,
    sdg: Vec<u8>,
    terms: String,
    rounding: String,
    validity: Validity,
    expiry: ExpiryRule,
    claims: u16,
    constants: Vec<Constant>,
    typed: Typed,
    examples: Vec<Example>,
}

impl Manifest {
    /// Reads and checks `scale.toml`.
    ///
    /// # Errors
    /// [`ManifestError`]: what is wrong, at which key or line, and what to do. Examples are run.
    pub fn from_toml(text: &str) -> Result<Self, ManifestError> {
        if text.len() > MAX_BYTES {
            return Err(ManifestError::TooLong {
                bytes: text.len(),
                max: MAX_BYTES,
            });
        }
        let raw: Raw = toml::from_str(text).map_err(|error| ManifestError::toml(text, &error))?;
        let kind = match raw.period {
            PeriodName::Day => PeriodKind::Day,
            PeriodName::Week => PeriodKind::Week,
            PeriodName::Month => PeriodKind::Month,
        };
        let id = ScaleId::new(&raw.id).map_err(|error| ManifestError::at("id", &error))?;
        check_numbers(&raw)?;
        for (key, value) in [
            ("unit", &raw.unit),
            ("terms", &raw.terms),
            ("title.en", &raw.title.en),
            ("title.zh", &raw.title.zh),
            ("formula.rounding", &raw.formula.rounding),
        ] {
            if value.trim().is_empty() {
                return Err(ManifestError::at(key, &"it is empty: readers need it"));
            }
        }
        let validity = validity(&raw, kind)?;
        let expiry = ExpiryRule::new(raw.expiry.lifetime_months, raw.expiry.bucket_months)
            .ok_or_else(|| {
                let reason = "bucket_months must be 1 to 120, lifetime_months at most 1200";
                ManifestError::at("expiry", &reason)
            })?;
        let fields = raw.schema.fields.iter().map(field);
        let schema = Schema::new(
            &raw.schema.id,
            &raw.schema.list,
            kind,
            fields.collect::<Result<_, _>>()?,
            raw.schema.max_records,
        )
        .map_err(|error| ManifestError::at("schema", &error))?;
        let constants: Vec<Constant> = raw
            .constants
            .iter()
            .map(constant)
            .collect::<Result<_, _>>()?;
        let declarations = Declarations {
            unit: raw.unit.clone(),
            ..Declarations::new(schema, raw.formula.cel.get_ref())
        }
        .with_constants(constants.iter().map(|c| NamedConstant {
            unit: c.unit.clone(),
            ..c.decl.clone().into()
        }));
        let typed = merits_formula::check(&declarations)
            .map_err(|faults| ManifestError::formula(text, raw.formula.cel.span(), faults))?;
        let examples = examples::read(&raw.examples, typed.schema())?;
        let manifest = Self {
            text: text.to_owned(),
            id,
            version: ScaleVersion(raw.version),
            asset: AssetId(raw.asset),
            title: Title {
                en: raw.title.en,
                zh: raw.title.zh,
            },
            unit: raw.unit,
            per_source: raw.per_source,
            supply_cap: raw.supply_cap.map(Credits),
            sdg: raw.sdg,
            terms: raw.terms,
            rounding: raw.formula.rounding,
            validity,
            expiry,
            claims: raw.batch.claims,
            constants,
            typed,
            examples,
        };
        manifest.check_examples()?;
        Ok(manifest)
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
        &self.id
    }

    /// The version, counted from 1.
    pub fn version(&self) -> ScaleVersion {
        self.version
    }

    /// The ledger's number of the id.
    pub fn asset(&self) -> AssetId {
        self.asset
    }

    /// Titles.
    pub fn title(&self) -> &Title {
        &self.title
    }

    /// What one credit is.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// What claims count by.
    pub fn period_kind(&self) -> PeriodKind {
        self.typed.schema().period
    }

    /// Whether deeds at two sources are different deeds, so that a person may claim once a
    /// period at each.
    pub fn per_source(&self) -> bool {
        self.per_source
    }

    /// Most credits that may ever exist, if there is a cap.
    pub fn supply_cap(&self) -> Option<Credits> {
        self.supply_cap
    }

    /// Sustainable Development Goals that it serves, 1 to 17.
    pub fn sdg(&self) -> &[u8] {
        &self.sdg
    }

    /// The terms that a person consents to.
    pub fn terms(&self) -> &str {
        &self.terms
    }

    /// What a consent binds: SHA-256 of the scale's id, its version and the terms.
    ///
    /// The version too, because owner keys are derived from this. Where a new version takes over
    /// a period, a refused batch and the batch that replaces it would otherwise hide two amounts
    /// under one pad, and their difference, of which both factors are public, is the amount.
    pub fn terms_digest(&self) -> [u8; 32] {
        merits_primitives::field::digest(
            "merits/consent-terms/v1",
            &[
                self.id.as_str().as_bytes(),
                &self.version.0.to_le_bytes(),
                self.terms.as_bytes(),
            ],
        )
    }

    /// How the formula rounds, in words.
    pub fn rounding(&self) -> &str {
        &self.rounding
    }

    /// Periods that this version is for.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether this version is for a period.
    pub fn is_valid_at(&self, period: Period) -> bool {
        period.kind == self.period_kind()
            && period >= self.validity.from
            && self.validity.until.is_none_or(|until| period <= until)
    }

    /// When credits lapse.
    pub fn expiry_rule(&self) -> ExpiryRule {
        self.expiry
    }

    /// The expiry bucket of credits earned in a period.
    pub fn expiry(&self, period: Period) -> Expiry {
        self.expiry.expiry(period)
    }

    /// B: claims that a proof has room for.
    pub fn claims_per_proof(&self) -> u16 {
        self.claims
    }

    /// The records of a claim.
    pub fn schema(&self) -> &Schema {
        self.typed.schema()
    }

    /// Id of the record schema.
    pub fn schema_id(&self) -> SchemaId {
        self.schema().id()
    }

    /// The checked formula.
    pub fn formula(&self) -> &Typed {
        &self.typed
    }

    /// V_max: the most credits of a claim.
    pub fn max_credits(&self) -> Credits {
        Credits(self.typed.max_value())
    }

    /// The constants, in the order of the public inputs.
    pub fn constants(&self) -> &[Constant] {
        &self.constants
    }

    /// Public values of the constants, in order.
    pub fn public_constants(&self) -> Vec<u64> {
        self.constants.iter().map(|c| c.public).collect()
    }

    /// Public values of the constants in force in a period.
    ///
    /// # Errors
    /// [`ManifestError::NotInForce`] when this version is not for that period.
    pub fn constants_at(&self, period: Period) -> Result<Vec<u64>, ManifestError> {
        if self.is_valid_at(period) {
            return Ok(self.public_constants());
        }
        Err(ManifestError::NotInForce {
            scale: self.id.clone(),
            version: self.version,
            period: period.label(),
            from: self.validity.from.label(),
            until: self
                .validity
                .until
                .map_or("further notice".into(), Period::label),
        })
    }

    /// Constants as public inputs.
    pub fn constant_elements(&self) -> Vec<Fr> {
        self.constants.iter().map(|c| Fr::from(c.public)).collect()
    }

    /// Examples, which have been run.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// All that determines the circuit.
    pub fn shape(&self) -> Shape {
        Shape::new(&self.typed, self.claims)
    }

    fn check_examples(&self) -> Result<(), ManifestError> {
        let constants = self.public_constants();
        for example in &self.examples {
            let fault = |reason: String| ManifestError::Example {
                name: example.name.clone(),
                reason,
            };
            let credits = self
                .typed
                .eval(&example.records, &constants)
                .map_err(|error| fault(error.to_string()))?;
            let credits = Credits(credits.credits);
            if credits != example.credits {
                let (expected, given) = (example.credits.0, credits.0);
                return Err(fault(format!(
                    "it promises {expected} credits, but the formula gives {given}"
                )));
            }
        }
        Ok(())
    }
}

fn check_numbers(raw: &Raw) -> Result<(), ManifestError> {
    let fault = |key: &str, reason: &str| Err(ManifestError::at(key, &reason));
    if raw.version == 0 {
        return fault("version", "versions are counted from 1");
    }
    if raw.batch.claims == 0 || raw.batch.claims > MAX_CLAIMS {
        return fault("batch.claims", "1 to 256 claims a proof are possible");
    }
    let mut goals = raw.sdg.clone();
    goals.sort_unstable();
    goals.dedup();
    if goals.len() != raw.sdg.len() || goals.iter().any(|goal| !(1..=17).contains(goal)) {
        return fault("sdg", "goals are numbers from 1 to 17, each once");
    }
    if raw.supply_cap == Some(0) {
        return fault("supply_cap", "a cap of 0 allows no credit at all");
    }
    Ok(())
}

fn validity(raw: &Raw, kind: PeriodKind) -> Result<Validity, ManifestError> {
    let read = |key: &str, label: &str| {
        let period = Period::from_label(label).map_err(|error| ManifestError::at(key, &error))?;
        if period.kind == kind {
            return Ok(period);
        }
        let reason = format!("{label} is no {kind:?}, which this scale counts by");
        Err(ManifestError::at(key, &reason))
    };
    let from = read("validity.from", &raw.validity.from)?;
    let until = (raw.validity.until.as_deref())
        .map(|label| read("validity.until", label))
        .transpose()?;
    if until.is_some_and(|until| until < from) {
        return Err(ManifestError::at(
            "validity.until",
            &"it is before validity.from",
        ));
    }
    Ok(Validity { from, until })
}

fn field(raw: &RawField) -> Result<Field, ManifestError> {
    let kind = match (raw.kind, raw.min, raw.max) {
        (FieldType::Int, min, Some(max)) => FieldKind::Int {
            min: min.unwrap_or(0),
            max,
        },
        (FieldType::Time, None, None) => FieldKind::TimeInPeriod,
        (FieldType::Int, _, None) => {
            let key = format!("schema.field {}", raw.name);
            return Err(ManifestError::at(&key, &"an int needs its max"));
        }
        (FieldType::Time, ..) => {
            let key = format!("schema.field {}", raw.name);
            let reason = "a time has the bounds of its period: leave out min and max";
            return Err(ManifestError::at(&key, &reason));
        }
    };
    Ok(Field {
        name: raw.name.clone(),
        kind,
        unit: raw.unit.clone(),
        key: raw.key,
    })
}

fn constant(raw: &RawConstant) -> Result<Constant, ManifestError> {
    let key = format!("constant {}", raw.name);
    let decimal = |text: &str| -> Result<Decimal, ManifestError> {
        text.parse()
            .map_err(|error| ManifestError::at(&key, &error))
    };
    let [low, high] = &raw.interval;
    let decl = ConstantDecl {
        name: raw.name.clone(),
        interval: [decimal(low)?, decimal(high)?],
        exponent: raw.exponent,
    };
    let value = decimal(&raw.value)?;
    decl.check()
        .map_err(|error| ManifestError::at(&key, &error))?;
    let public = decl
        .public_value(&value)
        .map_err(|error| ManifestError::at(&key, &error))?;
    if raw.source.trim().is_empty() {
        return Err(ManifestError::at(&key, &"say where the figure is from"));
    }
    Ok(Constant {
        decl,
        value,
        public,
        unit: raw.unit.clone(),
        source: raw.source.clone(),
    })
}
