//! The header of a manifest: the keys that identify and describe a scale.

use merits_primitives::calendar::ExpiryRule;
use merits_primitives::ids::{AssetId, Credits, Period, PeriodKind, ScaleId, ScaleVersion};

use super::MAX_CLAIMS;
use super::document::{At, Section, every, shown, whole};
use super::error::Faults;

/// Titles in the two languages of the framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// The periods that a version is for, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The first.
    pub from: Period,
    /// The last, if it is fixed in advance.
    pub until: Option<Period>,
}

impl Validity {
    /// Whether a period is one of them.
    pub fn holds(&self, period: Period) -> bool {
        period.kind == self.from.kind
            && period >= self.from
            && self.until.is_none_or(|until| period <= until)
    }

    /// In words, such as `2024-03 to further notice`.
    pub fn words(&self) -> String {
        let until = self
            .until
            .map_or("further notice".to_owned(), Period::label);
        format!("{} to {until}", self.from.label())
    }
}

/// The header of a manifest.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) id: ScaleId,
    pub(super) version: ScaleVersion,
    pub(super) asset: AssetId,
    pub(super) title: Title,
    pub(super) unit: String,
    pub(super) per_source: bool,
    pub(super) vouched: bool,
    pub(super) supply_cap: Option<Credits>,
    pub(super) sdg: Vec<u8>,
    pub(super) terms: String,
    pub(super) expiry: ExpiryRule,
    pub(super) claims: u16,
}

/// What was read of the header: all of it, and what other parts are checked with even if something else in it is at
/// fault.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) header: Option<Header>,
    /// The unit of the credits.
    pub(super) unit: Option<String>,
    /// Most claims of a batch.
    pub(super) claims: Option<u16>,
}

/// Reads the header.
pub(super) fn read(faults: &mut Faults<'_>, root: &Section<'_>) -> Read {
    // Each key is read, whatever the others are, so that all faults are found.
    let id = id(faults, root);
    let version = version(faults, root);
    let asset = root.whole::<u64>(faults, "asset");
    let unit = root.words(faults, "unit").map(|unit| unit.value);
    let per_source = root.flag(faults, "per_source");
    let vouched = root.flag_or_false(faults, "vouched");
    let supply_cap = supply_cap(faults, root);
    let sdg = sdg(faults, root);
    let terms = root.words(faults, "terms");
    let title = title(faults, root);
    let expiry = expiry(faults, root);
    let claims = claims(faults, root);
    let header = || {
        Some(Header {
            id: id?,
            version: version?,
            asset: AssetId(asset?.value),
            title: title?,
            unit: unit.clone()?,
            per_source: per_source?,
            vouched: vouched?,
            supply_cap: supply_cap?,
            sdg: sdg?,
            terms: terms?.value,
            expiry: expiry?,
            claims: claims?,
        })
    };
    Read {
        header: header(),
        unit,
        claims,
    }
}

/// The period that claims count by, which is needed before schema and validity can be read.
pub(super) fn period_kind(faults: &mut Faults<'_>, root: &Section<'_>) -> Option<PeriodKind> {
    let period = root.text(faults, "period")?;
    match period.value.as_str() {
        "day" => Some(PeriodKind::Day),
        "week" => Some(PeriodKind::Week),
        "month" => Some(PeriodKind::Month),
        other => {
            let message = format!("`period` = {:?} is not a kind of period", shown(other));
            faults.value(period.span, message, "scales count by day, week or month")
        }
    }
}

fn id(faults: &mut Faults<'_>, root: &Section<'_>) -> Option<ScaleId> {
    let id = root.text(faults, "id")?;
    match ScaleId::new(&id.value) {
        Ok(id) => Some(id),
        Err(error) => faults.value(id.span, format!("`id`: {error}"), ""),
    }
}

fn version(faults: &mut Faults<'_>, root: &Section<'_>) -> Option<ScaleVersion> {
    let version = root.whole::<u32>(faults, "version")?;
    if version.value == 0 {
        return faults.value(version.span, "versions are counted from 1", "");
    }
    Some(ScaleVersion(version.value))
}

fn supply_cap(faults: &mut Faults<'_>, root: &Section<'_>) -> Option<Option<Credits>> {
    if root.get("supply_cap").is_none() {
        return Some(None);
    }
    let cap = root.whole::<u64>(faults, "supply_cap")?;
    if cap.value == 0 {
        let message = "a cap of 0 allows no credits";
        return faults.value(cap.span, message, "leave it out for none");
    }
    Some(Some(Credits(cap.value)))
}

fn sdg(faults: &mut Faults<'_>, root: &Section<'_>) -> Option<Vec<u8>> {
    let items = root.list(faults, "sdg")?;
    let goals = every(items.iter().map(|item| whole::<u8>(faults, "sdg", item)))?;
    let mut known = Vec::new();
    for At { value, span } in goals {
        if !(1..=17).contains(&value) || known.contains(&value) {
            let message = format!("`sdg` has {value}: goals are numbers from 1 to 17, each once");
            return faults.value(span, message, "");
        }
        known.push(value);
    }
    Some(known)
}

fn title(faults: &mut Faults<'_>, root: &Section<'_>) -> Option<Title> {
    let title = root.section(faults, "title", &["en", "zh"])?;
    let (en, zh) = (title.words(faults, "en"), title.words(faults, "zh"));
    Some(Title {
        en: en?.value,
        zh: zh?.value,
    })
}

fn expiry(faults: &mut Faults<'_>, root: &Section<'_>) -> Option<ExpiryRule> {
    let section = root.section(faults, "expiry", &["lifetime_months", "bucket_months"])?;
    let lifetime = section.whole::<u16>(faults, "lifetime_months");
    let bucket = section.whole::<u16>(faults, "bucket_months");
    let rule = ExpiryRule::new(lifetime?.value, bucket?.value);
    if rule.is_none() {
        let message = "bucket_months must be 1 to 120, lifetime_months at most 1200";
        return faults.value(section.span, message, "");
    }
    rule
}

fn claims(faults: &mut Faults<'_>, root: &Section<'_>) -> Option<u16> {
    let section = root.section(faults, "batch", &["claims"])?;
    let claims = section.whole::<u16>(faults, "claims")?;
    if claims.value == 0 || claims.value > MAX_CLAIMS {
        let message = format!(
            "batch.claims = {}: 1 to {MAX_CLAIMS} claims a proof are possible",
            claims.value
        );
        return faults.value(claims.span, message, "");
    }
    Some(claims.value)
}

/// The periods that the version is for.
pub(super) fn validity(
    faults: &mut Faults<'_>,
    root: &Section<'_>,
    kind: PeriodKind,
) -> Option<Validity> {
    let section = root.section(faults, "validity", &["from", "until"])?;
    let from = (section.text(faults, "from"))
        .and_then(|label| period(faults, "validity.from", &label, kind));
    let until_label = match section.get("until") {
        None => None,
        Some(_) => Some(section.text(faults, "until")?),
    };
    let until = match &until_label {
        None => None,
        Some(label) => Some(period(faults, "validity.until", label, kind)?),
    };
    let from = from?;
    if let (Some(until), Some(label)) = (until, until_label)
        && until < from
    {
        return faults.value(label.span, "validity.until lies before validity.from", "");
    }
    Some(Validity { from, until })
}

/// A period of the scale's kind.
pub(super) fn period(
    faults: &mut Faults<'_>,
    key: &str,
    label: &At<String>,
    kind: PeriodKind,
) -> Option<Period> {
    let span = label.span.clone();
    match Period::from_label(&label.value) {
        Err(error) => faults.value(span, format!("`{key}`: {error}"), ""),
        Ok(period) if period.kind == kind => Some(period),
        Ok(_) => {
            let (label, kind) = (&label.value, format!("{kind:?}").to_lowercase());
            let message = format!("`{key}`: {label} is not a {kind}, which this scale counts by");
            faults.value(span, message, "")
        }
    }
}
