//! Scales and their versions: the version in force for a period, and how much may be issued.
//!
//! A proposal that is not approved binds nobody. It is stored separately, by the entry that
//! proposed it, and does not reserve a name, a number or a shape. Proposals are compared only with
//! approved versions, when they are proposed and again when they are approved.

mod acts;
mod agreement;
mod records;

use std::collections::BTreeMap;
use std::sync::Arc;

use merits_primitives::{
    ids::{
        AssetId, Credits, EntryId, PartyId, Period, PeriodIndex, PeriodKind, ScaleId, ScaleVersion,
        SchemaId,
    },
    sum::CreditsSum,
};
use merits_verifier::groth16::{KeyDigest, Provenance, VerifyingKey};

use super::draft::Draft;
use super::stored;
use crate::entry::ScaleProposed;
use crate::refusal::{Refusal, ScaleRefusal};
use crate::rows::{Key, RowError, Table, decode};
use records::{Proposal, ScaleHead, Version, scale_key, version_key};

/// The standing of a version, independent of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum VersionStanding {
    /// Waiting for approval.
    Proposed = 0,
    /// Approved; in force for the periods it is valid for.
    Approved = 1,
    /// Retired; periods up to its last period still count.
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
    /// The issuer.
    pub issuer: PartyId,
    /// The proposal.
    pub terms: Arc<ScaleProposed>,
    /// SHA-256 of its manifest, which consents bind.
    pub manifest: [u8; 32],
    /// Digest of its verifying key.
    pub key: KeyDigest,
    /// The key itself, also where the proposal names a blob.
    pub verifying_key: Arc<VerifyingKey>,
    /// Its standing.
    pub standing: VersionStanding,
    /// Index of its last period, if it has one.
    pub last_period: Option<PeriodIndex>,
}

/// A scale: all approved versions of one id.
#[derive(Debug, Clone)]
pub struct Scale {
    /// The ledger's number.
    pub asset: AssetId,
    /// Day, week or month.
    pub period_kind: PeriodKind,
    /// Versions, the first at 0.
    pub versions: Vec<VersionRecord>,
    /// Index of the latest period with a claim.
    pub last_claimed: Option<PeriodIndex>,
    /// Index of the latest period for which a ticket was deposited.
    pub last_ticketed: Option<PeriodIndex>,
    /// The most credits that may exist: V_max for each claim, until a total shows the real credits.
    pub issued_at_most: CreditsSum,
}

/// All scales.
#[derive(Debug, Clone, Default)]
pub struct Scales {
    by_id: Arc<BTreeMap<ScaleId, Scale>>,
    by_asset: Arc<BTreeMap<AssetId, ScaleId>>,
    /// The proposals that wait for approval, by the entry that proposed them.
    proposals: Arc<BTreeMap<EntryId, VersionRecord>>,
}

impl Scale {
    /// A version by number.
    pub fn version(&self, version: ScaleVersion) -> Option<&VersionRecord> {
        self.versions
            .get(usize::try_from(version.0.checked_sub(1)?).ok()?)
    }

    /// The version in force for a period: the latest approved one that began by then. It may
    /// have ended since; an earlier one does not come back.
    pub fn in_force(&self, index: PeriodIndex) -> Option<&VersionRecord> {
        self.versions
            .iter()
            .rev()
            .find(|record| record.terms.valid_from <= index)
    }
}

impl VersionRecord {
    /// The version's number.
    pub fn version(&self) -> ScaleVersion {
        self.terms.version
    }

    fn period(&self, index: PeriodIndex) -> Period {
        index.of(self.terms.period_kind)
    }
}

impl Scales {
    /// All scales with an approved version, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&ScaleId, &Scale)> {
        self.by_id.iter()
    }

    /// The numbers of the scales with a version, in force or not, that reads records of this schema.
    pub(super) fn reading(&self, schema: SchemaId) -> impl Iterator<Item = AssetId> {
        let reads = move |record: &VersionRecord| record.terms.schema == schema;
        let scales = self.by_id.values();
        let scales = scales.filter(move |scale| scale.versions.iter().any(reads));
        scales.map(|scale| scale.asset)
    }

    /// The proposals that wait for approval. There may be several for one version.
    pub fn proposals(&self) -> impl Iterator<Item = &VersionRecord> {
        self.proposals.values()
    }

    /// The proposals for this version that wait for approval, in an arbitrary order.
    pub fn proposals_of<'a>(
        &'a self,
        id: &'a ScaleId,
        version: ScaleVersion,
    ) -> impl Iterator<Item = &'a VersionRecord> {
        self.proposals()
            .filter(move |record| record.terms.id == *id && record.version() == version)
    }

    /// A scale with an approved version.
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

    /// A version that was approved; it may be retired.
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

    /// A version that was approved. The error tells whether a proposal waits for approval.
    fn approved(&self, id: &ScaleId, version: ScaleVersion) -> Result<&VersionRecord, Refusal> {
        self.version(id, version).map_err(|unknown| {
            if self.proposals_of(id, version).next().is_none() {
                return unknown;
            }
            let id = id.clone();
            ScaleRefusal::NotApproved { id, version }.into()
        })
    }

    /// The version, which must be the one in force for that period.
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
        let record = self.approved(id, version)?;
        let id = id.clone();
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
            .map(|record| (record.verifying_key.as_ref(), record.terms.provenance))
    }

    pub(super) fn is_issuer(&self, id: &ScaleId, version: ScaleVersion, party: &PartyId) -> bool {
        self.version(id, version)
            .is_ok_and(|record| record.issuer == *party)
    }

    /// Refuses claims that could pass the supply cap. `worst` is V_max × claims.
    pub(super) fn check_supply(
        &self,
        record: &VersionRecord,
        worst: Credits,
    ) -> Result<(), Refusal> {
        let Some(cap) = record.terms.supply_cap else {
            return Ok(());
        };
        let id = &record.terms.id;
        let room = CreditsSum::from(cap).saturating_sub(self.get(id)?.issued_at_most);
        if CreditsSum::from(worst) <= room {
            return Ok(());
        }
        let room = Credits(u64::try_from(room.0).unwrap_or(u64::MAX));
        Err(ScaleRefusal::SupplyExhausted {
            id: id.clone(),
            room,
            wanted: worst,
        }
        .into())
    }

    /// Records a deposited ticket: no version may begin in its period or before it any more.
    pub(super) fn record_ticket(&self, draft: &mut Draft<'_>, id: &ScaleId, period: Period) {
        if let Some(scale) = self.by_id.get(id) {
            let mut head = ScaleHead::of(scale);
            head.last_ticketed = head.last_ticketed.max(Some(period.index));
            draft.put(scale_key(id), &head);
        }
    }

    /// Records a batch of at most `worst` credits.
    pub(super) fn record_batch(
        &self,
        draft: &mut Draft<'_>,
        id: &ScaleId,
        period: Period,
        worst: Credits,
    ) {
        if let Some(scale) = self.by_id.get(id) {
            let mut head = ScaleHead::of(scale);
            head.last_claimed = head.last_claimed.max(Some(period.index));
            head.issued_at_most = head.issued_at_most.saturating_add(worst);
            draft.put(scale_key(id), &head);
        }
    }

    /// Records the known credits of batches, which replace their V_max.
    pub(super) fn record_total(
        &self,
        draft: &mut Draft<'_>,
        asset: AssetId,
        worst: CreditsSum,
        sum: Credits,
    ) {
        if let Some((id, scale)) = self.by_asset(asset) {
            let mut head = ScaleHead::of(scale);
            let without = head.issued_at_most.saturating_sub(worst);
            head.issued_at_most = without.saturating_add(sum);
            draft.put(scale_key(id), &head);
        }
    }

    /// Applies a changed row of a scale.
    pub(super) fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), RowError> {
        let id = records::read_scale_key(Table::Scale, key)?;
        let head: ScaleHead = decode(value)?;
        Arc::make_mut(&mut self.by_asset).insert(head.asset, id.clone());
        let by_id = Arc::make_mut(&mut self.by_id);
        let scale = by_id.entry(id).or_insert_with(|| Scale {
            asset: head.asset,
            period_kind: head.period_kind,
            versions: Vec::new(),
            last_claimed: None,
            last_ticketed: None,
            issued_at_most: CreditsSum::ZERO,
        });
        scale.last_claimed = head.last_claimed;
        scale.last_ticketed = head.last_ticketed;
        scale.issued_at_most = head.issued_at_most;
        Ok(())
    }

    /// Applies a changed row of a version. The row of its scale must come before it.
    pub(super) fn apply_version(&mut self, value: &[u8]) -> Result<(), RowError> {
        let Version(record) = decode(value)?;
        let scale = Arc::make_mut(&mut self.by_id).get_mut(&record.terms.id);
        let scale = scale.ok_or(RowError::Missing {
            table: Table::Scale,
        })?;
        let number = (record.version().0 as usize).wrapping_sub(1);
        let versions = &mut scale.versions;
        if versions.len() == number {
            versions.push(record);
            return Ok(());
        }
        let table = Table::Version;
        *versions
            .get_mut(number)
            .ok_or(RowError::Missing { table })? = record;
        Ok(())
    }

    /// Applies a changed row of a proposal; `None` if it was removed.
    pub(super) fn apply_proposal(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), RowError> {
        let id = EntryId(stored::key(Table::Proposal, key)?);
        match value {
            None => {
                Arc::make_mut(&mut self.proposals).remove(&id);
            }
            Some(value) => {
                let Proposal(record) = decode(value)?;
                Arc::make_mut(&mut self.proposals).insert(id, record);
            }
        }
        Ok(())
    }

    /// Other proposals for this version, or for an earlier one, can never be approved.
    fn approve(&self, draft: &mut Draft<'_>, record: &VersionRecord) {
        let terms = &record.terms;
        for (id, other) in self.proposals.iter() {
            if other.terms.id == terms.id && other.terms.version <= terms.version {
                draft.remove::<Proposal>(Key::new(&[&id.0]));
            }
        }
        let mut approved = record.clone();
        approved.standing = VersionStanding::Approved;
        draft.put(version_key(&approved), &Version(approved));
        if !self.by_id.contains_key(&terms.id) {
            let head = ScaleHead {
                asset: terms.asset,
                period_kind: terms.period_kind,
                last_claimed: None,
                last_ticketed: None,
                issued_at_most: CreditsSum::ZERO,
            };
            draft.put(scale_key(&terms.id), &head);
        }
    }
}
