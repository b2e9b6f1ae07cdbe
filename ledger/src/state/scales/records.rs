//! Scales and versions as rows.

use std::sync::Arc;

use merits_primitives::{
    ids::{AssetId, PeriodIndex, PeriodKind, ScaleId, sha256},
    sum::CreditsSum,
};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    groth16::VerifyingKey,
};

use super::super::stored::{read_entry, read_party, read_u128};
use super::{Scale, VersionRecord, VersionStanding};
use crate::entry::{PublishedKey, ScaleProposed};
use crate::rows::{Key, Record, RowError, Table};

/// The values that change with batches and tickets. They are separate from the versions, which are
/// long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ScaleHead {
    pub(super) asset: AssetId,
    pub(super) period_kind: PeriodKind,
    pub(super) last_claimed: Option<PeriodIndex>,
    pub(super) last_ticketed: Option<PeriodIndex>,
    pub(super) issued_at_most: CreditsSum,
}

impl ScaleHead {
    pub(super) fn of(scale: &Scale) -> Self {
        let Scale {
            asset,
            period_kind,
            // These have their own rows.
            versions: _,
            last_claimed,
            last_ticketed,
            issued_at_most,
        } = scale;
        Self {
            asset: *asset,
            period_kind: *period_kind,
            last_claimed: *last_claimed,
            last_ticketed: *last_ticketed,
            issued_at_most: *issued_at_most,
        }
    }
}

impl Canonical for ScaleHead {
    const NAME: &'static str = "scale";

    fn write(&self, out: &mut Writer) {
        out.u64(self.asset.0);
        out.u8(self.period_kind as u8);
        out.option(self.last_claimed.as_ref(), |out, last| out.u32(last.0));
        out.option(self.last_ticketed.as_ref(), |out, last| out.u32(last.0));
        out.array(&self.issued_at_most.0.to_le_bytes());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let asset = AssetId(input.u64("asset")?);
        let what = "period kind";
        let number = input.u8(what)?;
        let unknown = CodecError::UnknownValue {
            what,
            found: number.into(),
        };
        Ok(Self {
            asset,
            period_kind: PeriodKind::from_number(number).ok_or(unknown)?,
            last_claimed: input.option("last claimed", |input| {
                input.u32("last claimed").map(PeriodIndex)
            })?,
            last_ticketed: input.option("last ticketed", |input| {
                input.u32("last ticketed").map(PeriodIndex)
            })?,
            issued_at_most: CreditsSum(read_u128(input, "issued at most")?),
        })
    }
}

impl Record for ScaleHead {
    const TABLE: Table = Table::Scale;
}

/// A version that was approved.
#[derive(Debug, Clone)]
pub(super) struct Version(pub(super) VersionRecord);

/// A version that waits for approval.
#[derive(Debug, Clone)]
pub(super) struct Proposal(pub(super) VersionRecord);

fn write_record(out: &mut Writer, record: &VersionRecord) {
    let VersionRecord {
        proposal,
        issuer,
        terms,
        // These follow from terms and key.
        manifest: _,
        key: _,
        verifying_key,
        standing,
        last_period,
    } = record;
    out.array(&proposal.0);
    out.array(&issuer.0);
    out.u8(*standing as u8);
    out.option(last_period.as_ref(), |out, last| out.u32(last.0));
    terms.write(out);
    // What a blob holds stands here too, so that no rule has to read a blob.
    if terms.key.blob().is_some() {
        verifying_key.write(out);
    }
}

fn read_record(input: &mut Reader<'_>) -> Result<VersionRecord, CodecError> {
    let proposal = read_entry(input, "proposal")?;
    let issuer = read_party(input, "issuer")?;
    let standing = match input.u8("standing")? {
        0 => VersionStanding::Proposed,
        1 => VersionStanding::Approved,
        2 => VersionStanding::Retired,
        found => {
            return Err(CodecError::UnknownValue {
                what: "standing",
                found: found.into(),
            });
        }
    };
    let last_period = input.option("last period", |input| {
        input.u32("last period").map(PeriodIndex)
    })?;
    let terms = ScaleProposed::read(input)?;
    let verifying_key = match &terms.key {
        PublishedKey::Here(key) => key.clone(),
        PublishedKey::Blob(_) => VerifyingKey::read(input)?,
    };
    Ok(VersionRecord {
        proposal,
        issuer,
        manifest: sha256(terms.manifest.as_bytes()),
        key: verifying_key.digest(),
        verifying_key: Arc::new(verifying_key),
        terms: Arc::new(terms),
        standing,
        last_period,
    })
}

impl Canonical for Version {
    const NAME: &'static str = "version";

    fn write(&self, out: &mut Writer) {
        write_record(out, &self.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        read_record(input).map(Self)
    }
}

impl Record for Version {
    const TABLE: Table = Table::Version;
}

impl Canonical for Proposal {
    const NAME: &'static str = "proposal";

    fn write(&self, out: &mut Writer) {
        write_record(out, &self.0);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        read_record(input).map(Self)
    }
}

impl Record for Proposal {
    const TABLE: Table = Table::Proposal;
}

pub(super) fn scale_key(id: &ScaleId) -> Key<ScaleHead> {
    Key::new(&[id.as_str().as_bytes()])
}

pub(super) fn version_key(record: &VersionRecord) -> Key<Version> {
    let id = record.terms.id.as_str();
    Key::new(&[id.as_bytes(), &record.version().0.to_be_bytes()])
}

pub(super) fn read_scale_key(table: Table, key: &[u8]) -> Result<ScaleId, RowError> {
    std::str::from_utf8(key)
        .ok()
        .and_then(|text| ScaleId::new(text).ok())
        .ok_or(RowError::Malformed {
            table,
            fault: CodecError::NotText { what: "scale id" },
        })
}
