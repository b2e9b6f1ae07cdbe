//! The checks when a version is proposed, approved or retired.

use std::sync::Arc;

use merits_primitives::{
    field,
    ids::{EntryId, PartyId, Quantity, SchemaId, sha256},
    sum::WideSum,
};
use merits_verifier::fields;
use merits_verifier::groth16::KeyPolicy;

use super::records::{Proposal, Version, version_key};
use super::{Scales, VersionRecord, VersionStanding, agreement};
use crate::checked_key::CheckedKey;
use crate::cuts::WORST_TOTAL;
use crate::entry::{MAX_CLAIMS, ScaleApproved, ScaleProposed, ScaleRetired};
use crate::refusal::{Refusal, ScaleRefusal};
use crate::role::Role;
use crate::rows::Key;
use crate::state::{Parties, draft::Draft};

impl Scales {
    pub(in crate::state) fn check_proposed(
        &self,
        proposal: EntryId,
        issuer: PartyId,
        (proposed, key): (&ScaleProposed, &CheckedKey),
        policy: KeyPolicy,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let found = key.key().public_inputs();
        let record = VersionRecord {
            proposal,
            issuer,
            terms: Arc::new(proposed.clone()),
            manifest: sha256(proposed.manifest.as_bytes()),
            key: key.digest(),
            verifying_key: Arc::clone(key.key()),
            standing: VersionStanding::Proposed,
            last_period: proposed.valid_to,
        };
        self.check_identity(&record)?;
        check_bounds(proposed)?;
        proposed.figures.check(proposed.period_kind)?;
        policy.admit(proposed.provenance)?;
        let expected = proposed.layout().input_count();
        if found != expected {
            return Err(Refusal::KeyInputs { expected, found });
        }
        self.check_shape(&record)?;
        draft.put(Key::new(&[&proposal.0]), &Proposal(record));
        Ok(())
    }

    pub(in crate::state) fn check_approved(
        &self,
        parties: &Parties,
        approved: &ScaleApproved,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let ScaleApproved {
            id,
            version,
            proposal,
        } = approved;
        let (id, version) = (id.clone(), *version);
        if let Ok(record) = self.version(&id, version) {
            let standing = standing_word(record.standing);
            return Err(ScaleRefusal::Standing {
                id,
                version,
                standing,
            }
            .into());
        }
        let record = match self.proposals.get(proposal) {
            Some(record) if record.terms.id == id && record.version() == version => record,
            _ if self.proposals_of(&id, version).next().is_some() => {
                return Err(ScaleRefusal::ProposalMismatch { id, version }.into());
            }
            _ => return Err(ScaleRefusal::Unknown { id, version }.into()),
        };
        // Its issuer may have been suspended since, and there may be more approved versions to
        // compare it with.
        parties.acting(&record.issuer, Role::Issuer)?;
        self.check_identity(record)?;
        self.check_shape(record)?;
        if let Ok(scale) = self.get(&id) {
            let valid_from = record.terms.valid_from;
            // Versions change only at period boundaries and only forwards, and never for a period
            // in which somebody claimed or consented under the version before.
            let mut earlier = scale.versions.iter();
            if !earlier.all(|other| other.terms.valid_from < valid_from) {
                let what = "a version must begin after every approved one";
                return Err(ScaleRefusal::Invalid { id, what }.into());
            }
            if let Some(last) = scale.last_claimed
                && valid_from <= last
            {
                let last = record.period(last).label();
                return Err(ScaleRefusal::VersionRetroactive { id, version, last }.into());
            }
            if let Some(last) = scale.last_ticketed
                && valid_from <= last
            {
                let last = record.period(last).label();
                return Err(ScaleRefusal::VersionUnderConsent { id, version, last }.into());
            }
        }
        self.approve(draft, record);
        Ok(())
    }

    pub(in crate::state) fn check_retired(
        &self,
        retired: &ScaleRetired,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let (id, version) = (retired.id.clone(), retired.version);
        let record = self.approved(&id, version)?;
        if record.standing == VersionStanding::Retired {
            let standing = standing_word(VersionStanding::Retired);
            return Err(ScaleRefusal::Standing {
                id,
                version,
                standing,
            }
            .into());
        }
        // Retiring never lengthens a version's life.
        let last = record
            .last_period
            .map_or(retired.last_period, |last| last.min(retired.last_period));
        let ended = VersionRecord {
            standing: VersionStanding::Retired,
            last_period: Some(last),
            ..record.clone()
        };
        draft.put(version_key(&ended), &Version(ended));
        Ok(())
    }

    /// It must be the next version of an approved scale, from that scale's issuer, or the first of
    /// a new scale with a number that no approved scale has.
    fn check_identity(&self, record: &VersionRecord) -> Result<(), Refusal> {
        let proposed = record.terms.as_ref();
        let (id, found) = (proposed.id.clone(), proposed.asset.0);
        let known = self.by_id.get(&id);
        let expected = known.map_or(1, |scale| scale.versions.len() as u32 + 1);
        if proposed.version.0 != expected {
            let (what, found) = (fields::VERSION, proposed.version.0);
            return Err(Refusal::OutOfSequence {
                what,
                expected,
                found,
            });
        }
        match known.and_then(|scale| scale.versions.first()) {
            Some(first) if first.issuer != record.issuer => {
                Err(ScaleRefusal::OfAnother { id }.into())
            }
            Some(first) => match agreement::within_a_scale(&first.terms, proposed) {
                None => Ok(()),
                Some(what) if what == fields::ASSET => {
                    let why = "all versions of a scale have the same number";
                    Err(ScaleRefusal::AssetMismatch { id, found, why }.into())
                }
                Some(what) => Err(ScaleRefusal::VersionDiffers { id, what }.into()),
            },
            None if self.by_asset.contains_key(&proposed.asset) => {
                let why = "it belongs to another scale";
                Err(ScaleRefusal::AssetMismatch { id, found, why }.into())
            }
            None => Ok(()),
        }
    }

    /// A shape determines schema, intervals and sizes for all scales that use it, and a key has one
    /// shape.
    fn check_shape(&self, record: &VersionRecord) -> Result<(), Refusal> {
        let proposed = record.terms.as_ref();
        for earlier in self.by_id.values().flat_map(|scale| &scale.versions) {
            let terms = earlier.terms.as_ref();
            let differs = agreement::within_a_shape(terms, proposed)
                .or_else(|| agreement::under_a_key((terms, earlier.key), (proposed, record.key)));
            if let Some(what) = differs {
                let id = proposed.id.clone();
                return Err(ScaleRefusal::VersionDiffers { id, what }.into());
            }
        }
        Ok(())
    }
}

fn check_bounds(proposed: &ScaleProposed) -> Result<(), Refusal> {
    let capacity = usize::from(proposed.capacity);
    let worst = |most: u64| WideSum(u128::from(most) * u128::from(proposed.capacity));
    let fault = if proposed.asset.0 == 0 {
        "asset numbers count from 1"
    } else if capacity == 0 || capacity > MAX_CLAIMS {
        "a proof takes 1 to 64 claims"
    } else if proposed.max_credits.0 == 0 {
        "V_max is 0: nothing could be earned"
    } else if worst(proposed.max_credits.0) > WORST_TOTAL {
        "V_max times capacity is over 2^48: no total could be opened"
    } else if proposed.max_measure == Some(Quantity(0)) {
        "W_max is 0: nothing could be measured"
    } else if worst(proposed.max_measure.map_or(0, |most| most.0)) > WORST_TOTAL {
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
