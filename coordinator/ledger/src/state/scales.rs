//! Scales and their versions: which one is in force for a period, and how much may be issued.

use std::collections::BTreeMap;
use std::sync::Arc;

use merits_primitives::{
    field,
    ids::{AssetId, EntryId, PartyId, Period, PeriodKind, ScaleId, ScaleVersion, SchemaId},
};
use merits_verifier::{
    codec::Writer,
    groth16::{KeyDigest, KeyPolicy, Provenance, VerifyingKey},
};

use super::totals::WORST_TOTAL;
use crate::entry::{MAX_CLAIMS, ScaleApproved, ScaleProposed, ScaleRetired};
use crate::refusal::{Refusal, ScaleRefusal};

/// How a version stands, apart from the period that one asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum VersionStanding {
    /// Waiting for approval.
    Proposed = 0,
    /// Approved; in force for the periods it is valid for.
    Approved = 1,
    /// Retired; periods up to its last still count.
    Retired = 2,
}

impl std::fmt::Display for VersionStanding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Retired => "retired",
        })
    }
}

/// A version of a scale.
#[derive(Debug, Clone)]
pub struct VersionRecord {
    /// The entry that proposed it.
    pub proposal: EntryId,
    /// Who proposed it.
    pub issuer: PartyId,
    /// What was proposed.
    pub terms: Arc<ScaleProposed>,
    /// Digest of its verifying key.
    pub key: KeyDigest,
    /// How it stands.
    pub standing: VersionStanding,
    /// Index of its last period, if it has one.
    pub last_period: Option<u32>,
}

/// A scale: all versions of one id.
#[derive(Debug, Clone)]
pub struct Scale {
    /// The ledger's number.
    pub asset: AssetId,
    /// Day, week or month.
    pub period_kind: PeriodKind,
    /// Versions, the first at 0.
    pub versions: Vec<VersionRecord>,
    /// Index of the latest period with a claim.
    pub last_claimed: Option<u32>,
    /// Most credits that may exist: V_max a claim, until a total shows what they really were.
    pub issued_at_most: u128,
}

/// All scales.
#[derive(Debug, Clone, Default)]
pub struct Scales {
    by_id: BTreeMap<ScaleId, Scale>,
    by_asset: BTreeMap<AssetId, ScaleId>,
}

#[derive(Debug, Clone)]
pub(super) enum ScaleChange {
    Proposed(Box<VersionRecord>),
    Standing {
        id: ScaleId,
        version: ScaleVersion,
        standing: VersionStanding,
        last: Option<u32>,
    },
}

impl Scale {
    /// A version by number.
    pub fn version(&self, version: ScaleVersion) -> Option<&VersionRecord> {
        self.versions
            .get(usize::try_from(version.0.checked_sub(1)?).ok()?)
    }

    /// The version in force for a period: the latest approved one that began by then. It may
    /// have ended since; an earlier one does not come back.
    pub fn in_force(&self, index: u32) -> Option<&VersionRecord> {
        self.versions
            .iter()
            .rev()
            .filter(|record| record.standing != VersionStanding::Proposed)
            .find(|record| record.terms.valid_from <= index)
    }
}

impl VersionRecord {
    /// The version's number.
    pub fn version(&self) -> ScaleVersion {
        self.terms.version
    }

    fn period(&self, index: u32) -> Period {
        Period {
            kind: self.terms.period_kind,
            index,
        }
    }
}

impl Scales {
    /// All scales, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&ScaleId, &Scale)> {
        self.by_id.iter()
    }

    /// A scale.
    ///
    /// # Errors
    /// [`ScaleRefusal::IdUnknown`].
    pub fn get(&self, id: &ScaleId) -> Result<&Scale, Refusal> {
        self.by_id
            .get(id)
            .ok_or_else(|| Refusal::Scale(ScaleRefusal::IdUnknown { id: id.clone() }))
    }

    /// The scale with this asset number.
    pub fn by_asset(&self, asset: AssetId) -> Option<(&ScaleId, &Scale)> {
        let id = self.by_asset.get(&asset)?;
        self.by_id.get(id).map(|scale| (id, scale))
    }

    /// A version, whatever its standing.
    ///
    /// # Errors
    /// [`ScaleRefusal::Unknown`].
    pub fn version(&self, id: &ScaleId, version: ScaleVersion) -> Result<&VersionRecord, Refusal> {
        self.by_id
            .get(id)
            .and_then(|scale| scale.version(version))
            .ok_or_else(|| {
                Refusal::Scale(ScaleRefusal::Unknown {
                    id: id.clone(),
                    version,
                })
            })
    }

    /// The version, if it is the one in force for that period.
    ///
    /// # Errors
    /// [`Refusal`]: unknown, not approved, another kind of period, not yet valid, superseded,
    /// retired.
    pub fn in_force(
        &self,
        id: &ScaleId,
        version: ScaleVersion,
        period: Period,
    ) -> Result<&VersionRecord, Refusal> {
        let record = self.version(id, version)?;
        let id = id.clone();
        if record.standing == VersionStanding::Proposed {
            return Err(ScaleRefusal::NotApproved { id, version }.into());
        }
        let expected = record.terms.period_kind;
        if period.kind != expected {
            return Err(Refusal::OtherPeriod {
                expected,
                found: period.kind,
            });
        }
        if period.index < record.terms.valid_from {
            let first = record.period(record.terms.valid_from).label();
            return Err(ScaleRefusal::NotYetValid { id, version, first }.into());
        }
        if let Some(last) = record.last_period
            && period.index > last
        {
            let last = record.period(last).label();
            return Err(ScaleRefusal::Retired { id, version, last }.into());
        }
        let in_force = self
            .get(&id)?
            .in_force(period.index)
            .map(VersionRecord::version);
        match in_force {
            Some(in_force) if in_force != version => Err(ScaleRefusal::Superseded {
                id,
                version,
                in_force,
            }
            .into()),
            _ => Ok(record),
        }
    }

    pub(super) fn verifying_key(&self, digest: &KeyDigest) -> Option<(&VerifyingKey, Provenance)> {
        self.by_id
            .values()
            .flat_map(|scale| &scale.versions)
            .find(|record| record.key == *digest)
            .map(|record| (&record.terms.key, record.terms.provenance))
    }

    pub(super) fn is_issuer(&self, id: &ScaleId, version: ScaleVersion, party: &PartyId) -> bool {
        self.version(id, version)
            .is_ok_and(|record| record.issuer == *party)
    }

    pub(super) fn check_proposed(
        &self,
        proposal: EntryId,
        issuer: PartyId,
        proposed: &ScaleProposed,
        policy: KeyPolicy,
    ) -> Result<ScaleChange, Refusal> {
        self.check_identity(proposed)?;
        self.check_issuer(proposed, &issuer)?;
        check_bounds(proposed)?;
        proposed.figures.check(proposed.period_kind)?;
        policy.admit(proposed.provenance)?;
        proposed.key.check()?;
        let expected = proposed.layout().input_count();
        let found = proposed.key.public_inputs();
        if found != expected {
            return Err(Refusal::KeyInputs { expected, found });
        }
        let key = proposed.key.digest();
        self.check_shape(proposed, key)?;
        Ok(ScaleChange::Proposed(Box::new(VersionRecord {
            proposal,
            issuer,
            terms: Arc::new(proposed.clone()),
            key,
            standing: VersionStanding::Proposed,
            last_period: proposed.valid_to,
        })))
    }

    pub(super) fn check_approved(&self, approved: &ScaleApproved) -> Result<ScaleChange, Refusal> {
        let (id, version) = (approved.id.clone(), approved.version);
        let record = self.version(&id, version)?;
        if record.standing != VersionStanding::Proposed {
            let standing = standing_word(record.standing);
            return Err(ScaleRefusal::Standing {
                id,
                version,
                standing,
            }
            .into());
        }
        if record.proposal != approved.proposal {
            return Err(ScaleRefusal::ProposalMismatch {
                expected: record.proposal,
            }
            .into());
        }
        let scale = self.get(&id)?;
        let valid_from = record.terms.valid_from;
        // Versions change at period boundaries, forwards, and never under a claimed period.
        let begins_late = scale
            .versions
            .iter()
            .filter(|other| other.standing != VersionStanding::Proposed)
            .all(|other| other.terms.valid_from < valid_from && other.version() < version);
        if !begins_late {
            let what = "a version must begin after every approved one, and have a higher number";
            return Err(ScaleRefusal::Invalid { id, what }.into());
        }
        if let Some(last) = scale.last_claimed
            && valid_from <= last
        {
            let last = record.period(last).label();
            return Err(ScaleRefusal::VersionRetroactive { id, version, last }.into());
        }
        let (standing, last) = (VersionStanding::Approved, record.last_period);
        Ok(ScaleChange::Standing {
            id,
            version,
            standing,
            last,
        })
    }

    pub(super) fn check_retired(&self, retired: &ScaleRetired) -> Result<ScaleChange, Refusal> {
        let (id, version) = (retired.id.clone(), retired.version);
        let record = self.version(&id, version)?;
        match record.standing {
            VersionStanding::Proposed => {
                return Err(ScaleRefusal::NotApproved { id, version }.into());
            }
            VersionStanding::Retired => {
                let standing = standing_word(VersionStanding::Retired);
                return Err(ScaleRefusal::Standing {
                    id,
                    version,
                    standing,
                }
                .into());
            }
            VersionStanding::Approved => {}
        }
        // Retiring never lengthens a version's life.
        let last = record
            .last_period
            .map_or(retired.last_period, |last| last.min(retired.last_period));
        let standing = VersionStanding::Retired;
        Ok(ScaleChange::Standing {
            id,
            version,
            standing,
            last: Some(last),
        })
    }

    /// Refuses claims that could pass the supply cap. `worst` is V_max × claims.
    pub(super) fn check_supply(&self, record: &VersionRecord, worst: u64) -> Result<(), Refusal> {
        let Some(cap) = record.terms.supply_cap else {
            return Ok(());
        };
        let id = &record.terms.id;
        let room = u128::from(cap.0).saturating_sub(self.get(id)?.issued_at_most);
        if u128::from(worst) <= room {
            return Ok(());
        }
        let room = u64::try_from(room).unwrap_or(u64::MAX);
        Err(ScaleRefusal::SupplyExhausted {
            id: id.clone(),
            room,
            wanted: worst,
        }
        .into())
    }

    pub(super) fn apply(&mut self, change: ScaleChange) {
        match change {
            ScaleChange::Proposed(record) => {
                let terms = &record.terms;
                self.by_asset.insert(terms.asset, terms.id.clone());
                let scale = self.by_id.entry(terms.id.clone()).or_insert_with(|| Scale {
                    asset: terms.asset,
                    period_kind: terms.period_kind,
                    versions: Vec::new(),
                    last_claimed: None,
                    issued_at_most: 0,
                });
                scale.versions.push(*record);
            }
            ScaleChange::Standing {
                id,
                version,
                standing,
                last,
            } => {
                let record = self
                    .by_id
                    .get_mut(&id)
                    .and_then(|scale| scale.versions.get_mut(version.0 as usize - 1));
                if let Some(record) = record {
                    record.standing = standing;
                    record.last_period = last;
                }
            }
        }
    }

    pub(super) fn record_batch(&mut self, id: &ScaleId, period: Period, worst: u64) {
        if let Some(scale) = self.by_id.get_mut(id) {
            scale.last_claimed = scale.last_claimed.max(Some(period.index));
            scale.issued_at_most = scale.issued_at_most.saturating_add(worst.into());
        }
    }

    /// The credits of batches are known: they count as what they are, no longer as V_max.
    pub(super) fn record_total(&mut self, asset: AssetId, worst: u128, sum: u64) {
        let scale = self
            .by_asset
            .get(&asset)
            .and_then(|id| self.by_id.get_mut(id));
        if let Some(scale) = scale {
            let without = scale.issued_at_most.saturating_sub(worst);
            scale.issued_at_most = without.saturating_add(sum.into());
        }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.count(self.by_id.len());
        for (id, scale) in &self.by_id {
            out.text(id.as_str());
            out.u64(scale.asset.0);
            out.option(scale.last_claimed.as_ref(), |out, last| out.u32(*last));
            out.array(&scale.issued_at_most.to_le_bytes());
            out.count(scale.versions.len());
            for record in &scale.versions {
                // The proposal's id covers all that was proposed.
                out.array(&record.proposal.0);
                out.u8(record.standing as u8);
                out.option(record.last_period.as_ref(), |out, last| out.u32(*last));
            }
        }
    }

    fn check_identity(&self, proposed: &ScaleProposed) -> Result<(), Refusal> {
        let (id, found) = (proposed.id.clone(), proposed.asset.0);
        let known = self.by_id.get(&id);
        let expected = known.map_or(1, |scale| scale.versions.len() as u32 + 1);
        if proposed.version.0 != expected {
            let (what, found) = ("version", proposed.version.0);
            return Err(Refusal::OutOfSequence {
                what,
                expected,
                found,
            });
        }
        match (known, self.by_asset.get(&proposed.asset)) {
            (Some(scale), _) if scale.asset != proposed.asset => {
                let why = "all versions of a scale have the number of the first";
                Err(ScaleRefusal::AssetMismatch { id, found, why }.into())
            }
            (Some(scale), _) if scale.period_kind != proposed.period_kind => {
                Err(ScaleRefusal::VersionDiffers {
                    id,
                    what: "period kind",
                }
                .into())
            }
            // The scope of claims, and who vouches for people, belong to the scale.
            (Some(scale), _)
                if scale.versions.first().is_some_and(|first| {
                    (first.terms.per_source, first.terms.vouched)
                        != (proposed.per_source, proposed.vouched)
                }) =>
            {
                Err(ScaleRefusal::VersionDiffers {
                    id,
                    what: "per source, or who vouches",
                }
                .into())
            }
            (None, Some(_)) => {
                let why = "it is another scale's";
                Err(ScaleRefusal::AssetMismatch { id, found, why }.into())
            }
            _ => Ok(()),
        }
    }

    /// Who had a version approved is the scale's issuer, and nobody else proposes the next.
    fn check_issuer(&self, proposed: &ScaleProposed, issuer: &PartyId) -> Result<(), Refusal> {
        let approved = self.by_id.get(&proposed.id).and_then(|scale| {
            let mut versions = scale.versions.iter();
            versions.find(|record| record.standing != VersionStanding::Proposed)
        });
        match approved {
            Some(record) if record.issuer != *issuer => Err(ScaleRefusal::OfAnother {
                id: proposed.id.clone(),
            }
            .into()),
            _ => Ok(()),
        }
    }

    /// A shape fixes key, schema, intervals and sizes: only numbers may change under it.
    fn check_shape(&self, proposed: &ScaleProposed, key: KeyDigest) -> Result<(), Refusal> {
        for record in self.by_id.values().flat_map(|scale| &scale.versions) {
            let earlier = &record.terms;
            let same_shape = earlier.shape == proposed.shape;
            let differs = if same_shape != (record.key == key) {
                Some("the pair of shape and key")
            } else if !same_shape {
                None
            } else if earlier.schema != proposed.schema {
                Some("the shape's schema")
            } else if earlier.capacity != proposed.capacity {
                Some("the shape's capacity")
            } else if earlier.max_credits != proposed.max_credits {
                Some("the shape's V_max")
            } else if earlier.max_measure != proposed.max_measure {
                Some("the shape's W_max")
            } else if !earlier.figures.same_shape(&proposed.figures) {
                Some("the shape's figures and intervals")
            } else {
                None
            };
            if let Some(what) = differs {
                return Err(ScaleRefusal::VersionDiffers {
                    id: proposed.id.clone(),
                    what,
                }
                .into());
            }
        }
        Ok(())
    }
}

fn check_bounds(proposed: &ScaleProposed) -> Result<(), Refusal> {
    let capacity = usize::from(proposed.capacity);
    let worst = |most: u64| u128::from(most) * u128::from(proposed.capacity);
    let fault = if proposed.asset.0 == 0 {
        "asset numbers count from 1"
    } else if capacity == 0 || capacity > MAX_CLAIMS {
        "a proof takes 1 to 64 claims"
    } else if proposed.max_credits.0 == 0 {
        "V_max is 0: nothing could be earned"
    } else if worst(proposed.max_credits.0) > WORST_TOTAL {
        "V_max times capacity is over 2^48: no total could be opened"
    } else if proposed.max_measure == Some(0) {
        "W_max is 0: nothing could be measured"
    } else if worst(proposed.max_measure.unwrap_or(0)) > WORST_TOTAL {
        "W_max times capacity is over 2^48: no total could be opened"
    } else if proposed
        .valid_to
        .is_some_and(|last| last < proposed.valid_from)
    {
        "it ends before it begins"
    } else if proposed.schema != schema_of(&proposed.schema_text) {
        "the schema's id is not the hash of its text"
    } else if proposed.manifest.is_empty() {
        "the manifest is empty"
    } else {
        return Ok(());
    };
    Err(ScaleRefusal::Invalid {
        id: proposed.id.clone(),
        what: fault,
    }
    .into())
}

/// The id of a schema by its canonical text, as `merits-formula` derives it.
fn schema_of(text: &str) -> SchemaId {
    SchemaId(field::hash("merits/schema/v1", &[text.as_bytes()]))
}

fn standing_word(standing: VersionStanding) -> &'static str {
    match standing {
        VersionStanding::Proposed => "proposed",
        VersionStanding::Approved => "approved",
        VersionStanding::Retired => "retired",
    }
}
