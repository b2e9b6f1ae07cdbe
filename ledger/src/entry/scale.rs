//! Scales: a version is proposed by an issuer, approved by the board, and may be retired.

use merits_primitives::{
    calendar::ExpiryRule,
    figures::Figures,
    ids::{
        AssetId, Credits, EntryId, PeriodIndex, PeriodKind, Quantity, ScaleId, ScaleVersion,
        SchemaId,
    },
};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    groth16::{Provenance, VerifyingKey},
    statement::earn::Layout,
};

use crate::blob::{Blob, BlobDigest, BlobTooLarge};

use super::{
    MAX_PERIOD_INDEX,
    figures::{read_figures, write_figures},
    read_entry_id, write_entry_id,
};

/// Most bytes of a manifest, so that it fits into an entry with schema, figures and a key of 8 KiB.
const MAX_MANIFEST_BYTES: usize = 24_576;

/// Most bytes of a schema's canonical text.
const MAX_SCHEMA_BYTES: usize = 8_192;

/// A verifying key as a proposal publishes it: in the entry, or as a blob that the entry names. A key has one
/// form, which follows from its length.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a proposal has one, and there are few proposals"
)]
pub enum PublishedKey {
    /// In the entry.
    Here(VerifyingKey),
    /// Its canonical encoding is the blob with this digest.
    Blob(BlobDigest),
}

impl PublishedKey {
    /// Most input points of a key that is in the entry: 8 KiB. A larger one is a blob, so that a long manifest
    /// still fits beside it.
    pub const MOST_POINTS_HERE: usize = 248;

    /// How a key is published, and the blob that must come with the entry, if it is one.
    ///
    /// # Errors
    /// [`BlobTooLarge`] for a key of more than 1 MiB.
    pub fn publish(key: VerifyingKey) -> Result<(Self, Option<Blob>), BlobTooLarge> {
        if key.ic.len() <= Self::MOST_POINTS_HERE {
            return Ok((Self::Here(key), None));
        }
        let blob = Blob::new(key.to_bytes())?;
        Ok((Self::Blob(blob.digest()), Some(blob)))
    }

    /// The key, if it is in the entry.
    pub fn here(&self) -> Option<&VerifyingKey> {
        match self {
            Self::Here(key) => Some(key),
            Self::Blob(_) => None,
        }
    }

    /// The blob that it names, if it names one.
    pub fn blob(&self) -> Option<BlobDigest> {
        match self {
            Self::Here(_) => None,
            Self::Blob(digest) => Some(*digest),
        }
    }
}

impl std::fmt::Display for PublishedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Here(key) => write!(f, "key {}", key.digest()),
            Self::Blob(digest) => write!(f, "blob {digest}"),
        }
    }
}

impl Canonical for PublishedKey {
    const NAME: &'static str = "published key";

    fn write(&self, out: &mut Writer) {
        match self {
            Self::Here(key) => {
                out.u8(0);
                key.write(out);
            }
            Self::Blob(digest) => {
                out.u8(1);
                digest.write(out);
            }
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        match input.u8(Self::NAME)? {
            0 => {
                let key = VerifyingKey::read(input)?;
                let (found, limit) = (key.ic.len(), Self::MOST_POINTS_HERE);
                if found > limit {
                    let what = "input points of a key in the entry";
                    return Err(CodecError::TooLong { what, found, limit });
                }
                Ok(Self::Here(key))
            }
            1 => BlobDigest::read(input).map(Self::Blob),
            found => Err(CodecError::UnknownValue {
                what: Self::NAME,
                found: found.into(),
            }),
        }
    }
}

/// A version of a scale, with everything that verifiers need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleProposed {
    /// The scale.
    pub id: ScaleId,
    /// The version, counted from 1.
    pub version: ScaleVersion,
    /// The ledger's number of the id: the same for all versions, another for every other id.
    pub asset: AssetId,
    /// Day, week or month: the same for all versions.
    pub period_kind: PeriodKind,
    /// The manifest, as published.
    pub manifest: String,
    /// Digest of the circuit.
    pub shape: [u8; 32],
    /// The verifying key for that circuit.
    pub key: PublishedKey,
    /// How the key was made.
    pub provenance: Provenance,
    /// Constants and tables with the days on which they change, in the order of the public
    /// inputs.
    pub figures: Figures,
    /// Record schema.
    pub schema: SchemaId,
    /// Its canonical text.
    pub schema_text: String,
    /// B: claims that a proof has room for.
    pub capacity: u16,
    /// V_max: the most credits of a claim.
    pub max_credits: Credits,
    /// W_max: the most of the measure that a claim can have; `None` if the scale has no measure.
    pub max_measure: Option<Quantity>,
    /// When credits lapse.
    pub expiry: ExpiryRule,
    /// Index of the first period that the version is for.
    pub valid_from: PeriodIndex,
    /// Index of the last period, if it is fixed in advance.
    pub valid_to: Option<PeriodIndex>,
    /// The most credits of this scale that may ever exist.
    pub supply_cap: Option<Credits>,
    /// Whether deeds at two sources are different deeds, each with its own claim.
    pub per_source: bool,
    /// Whether the sources cannot link people, so that the distributor vouches for whose records
    /// they are.
    pub vouched: bool,
}

impl ScaleProposed {
    /// Whether the scale has a measure besides its credits.
    pub fn measured(&self) -> bool {
        self.max_measure.is_some()
    }

    /// The positions of the public inputs of its statements.
    pub fn layout(&self) -> Layout {
        Layout {
            constants: self.figures.count(),
            measured: self.measured(),
            capacity: usize::from(self.capacity),
        }
    }
}

impl Canonical for ScaleProposed {
    const NAME: &'static str = "scale proposed";

    fn write(&self, out: &mut Writer) {
        write_version(out, &self.id, self.version);
        out.u64(self.asset.0);
        out.u8(self.period_kind as u8);
        out.text(&self.manifest);
        out.array(&self.shape);
        self.key.write(out);
        self.provenance.write(out);
        write_figures(out, &self.figures);
        out.field(&self.schema.0);
        out.text(&self.schema_text);
        out.u16(self.capacity);
        out.u64(self.max_credits.0);
        out.option(self.max_measure.as_ref(), |out, most| out.u64(most.0));
        out.u16(self.expiry.lifetime_months);
        out.u16(self.expiry.bucket_months);
        out.u32(self.valid_from.0);
        out.option(self.valid_to.as_ref(), |out, last| out.u32(last.0));
        out.option(self.supply_cap.as_ref(), |out, cap| out.u64(cap.0));
        out.bool(self.per_source);
        out.bool(self.vouched);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (id, version) = read_version(input)?;
        Ok(Self {
            id,
            version,
            asset: AssetId(input.u64("asset")?),
            period_kind: read_period_kind(input)?,
            manifest: input.document("manifest", MAX_MANIFEST_BYTES)?,
            shape: input.array("shape digest")?,
            key: PublishedKey::read(input)?,
            provenance: Provenance::read(input)?,
            figures: read_figures(input)?,
            schema: SchemaId(input.field("schema")?),
            schema_text: input.document("schema text", MAX_SCHEMA_BYTES)?,
            capacity: input.u16("capacity")?,
            max_credits: Credits(input.u64("max credits")?),
            max_measure: input.option("max measure", |input| {
                input.u64("max measure").map(Quantity)
            })?,
            expiry: read_expiry_rule(input)?,
            valid_from: read_index(input, "valid from")?,
            valid_to: input.option("valid to", |input| read_index(input, "valid to"))?,
            supply_cap: input
                .option("supply cap", |input| input.u64("supply cap"))?
                .map(Credits),
            per_source: input.bool("per source")?,
            vouched: input.bool("vouched")?,
        })
    }
}

/// The board approves exactly what one entry proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleApproved {
    /// The scale.
    pub id: ScaleId,
    /// The version.
    pub version: ScaleVersion,
    /// The entry that proposed it.
    pub proposal: EntryId,
}

impl Canonical for ScaleApproved {
    const NAME: &'static str = "scale approved";

    fn write(&self, out: &mut Writer) {
        write_version(out, &self.id, self.version);
        write_entry_id(out, &self.proposal);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (id, version) = read_version(input)?;
        Ok(Self {
            id,
            version,
            proposal: read_entry_id(input, "proposal")?,
        })
    }
}

/// A version ends after a period, by its issuer or a supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleRetired {
    /// The scale.
    pub id: ScaleId,
    /// The version.
    pub version: ScaleVersion,
    /// Index of the last period that still counts.
    pub last_period: PeriodIndex,
}

impl Canonical for ScaleRetired {
    const NAME: &'static str = "scale retired";

    fn write(&self, out: &mut Writer) {
        write_version(out, &self.id, self.version);
        out.u32(self.last_period.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (id, version) = read_version(input)?;
        Ok(Self {
            id,
            version,
            last_period: read_index(input, "last period")?,
        })
    }
}

pub(super) fn write_version(out: &mut Writer, id: &ScaleId, version: ScaleVersion) {
    out.text(id.as_str());
    out.u32(version.0);
}

pub(super) fn read_version(input: &mut Reader<'_>) -> Result<(ScaleId, ScaleVersion), CodecError> {
    Ok((read_scale_id(input)?, ScaleVersion(input.u32("version")?)))
}

pub(super) fn read_scale_id(input: &mut Reader<'_>) -> Result<ScaleId, CodecError> {
    let text = input.text("scale id", ScaleId::MAX)?;
    ScaleId::new(&text).map_err(|_| CodecError::NotText { what: "scale id" })
}

/// Index of a period, before the year 10,000.
fn read_index(input: &mut Reader<'_>, what: &'static str) -> Result<PeriodIndex, CodecError> {
    let index = PeriodIndex(input.u32(what)?);
    if index > MAX_PERIOD_INDEX {
        let found = index.0.into();
        return Err(CodecError::UnknownValue { what, found });
    }
    Ok(index)
}

fn read_period_kind(input: &mut Reader<'_>) -> Result<PeriodKind, CodecError> {
    let what = "period kind";
    let number = input.u8(what)?;
    PeriodKind::from_number(number).ok_or(CodecError::UnknownValue {
        what,
        found: number.into(),
    })
}

fn read_expiry_rule(input: &mut Reader<'_>) -> Result<ExpiryRule, CodecError> {
    let what = "expiry rule";
    let (lifetime, bucket) = (input.u16(what)?, input.u16(what)?);
    ExpiryRule::new(lifetime, bucket).ok_or(CodecError::UnknownValue {
        what,
        found: bucket.into(),
    })
}
