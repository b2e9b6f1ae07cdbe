//! Turns records and a source's bundle into deeds in the store.
//!
//! Nothing is trusted. The pseudonym must be the account's (checked now in custody, otherwise when
//! the deed is claimed with the person's ticket, which may come later). The commitment must be that
//! of exactly these records, and the source's signature must hold under the key on the ledger. A
//! subject-period that fails is reported with its reason and does not stop the rest.

use std::{
    collections::{HashMap, hash_map::Entry},
    io::BufRead,
};

use merits_formula::Schema;
use merits_primitives::{
    commitment::Opening,
    ids::{Origin, PartyId, Period, ScaleId},
};
use merits_records::{
    SubjectPeriod,
    bundle::{Bundle, BundleError, BundleHeader, FileReader, SignedCommitment},
};
use merits_verifier::{signature::PublicKey, statement::earn::commitment_signing_bytes};
use rand::{SeedableRng as _, rngs::StdRng};
use rand_core::CryptoRng;
use rayon::prelude::*;
use serde::Serialize;
use thiserror::Error;
use tokio::task::JoinHandle;

use crate::{
    custody::Custody,
    store::{Inserted, NewDeed, Store, StoreError},
};

/// Why ingestion failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The bundle cannot be read.
    #[error("source bundle: {0}")]
    Bundle(#[from] BundleError),
    /// A bundle for another ledger, source or schema.
    #[error("the bundle is for {what} {found}, but {wanted} is needed")]
    ForeignBundle {
        /// Origin, source or schema.
        what: &'static str,
        /// The bundle's value.
        found: String,
        /// The needed value.
        wanted: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task panicked.
    #[error(
        "the task that writes deeds ended without an answer; what it had written stays: run again, with the same files"
    )]
    WriterLost,
}

/// Why a subject-period was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IngestFault {
    /// The bundle has no commitment for it.
    #[error("the source's bundle has no commitment for it: ask the source to sign this period")]
    MissingCommitment,
    /// The bundle has two different commitments for it.
    #[error("the source's bundle has two commitments for it: the source is at fault")]
    TwoCommitments,
    /// The commitment is to other records.
    #[error(
        "the source committed to other records ({committed} of them, here are {records}): the files differ"
    )]
    CommitmentMismatch {
        /// Records here.
        records: usize,
        /// Records that the bundle states.
        committed: u16,
    },
    /// The pseudonym is not the account's.
    #[error("the bundle's pseudonym is not this account's: the source used other links")]
    ForeignHandle,
    /// The source's signature.
    #[error(
        "the source's signature does not hold under a key that signs for it on the ledger now: if the source has \
         changed its key since, let it sign this period again"
    )]
    SignatureInvalid,
    /// Another commitment was ingested before.
    #[error("another commitment is in the store for it: each subject and period has only one")]
    Conflict,
    /// The account is new, and people could mistake it for another one.
    #[error(
        "the account is new and looks like {known:?}, which the store has: find out whether they are \
         one person's. If they are two people, name the new one in `distinct_accounts` of the \
         configuration and run again; if not, have the source correct its records"
    )]
    LooksLike {
        /// The account that the store has.
        known: String,
    },
}

/// A refused subject-period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Untaken {
    /// The account.
    pub subject: String,
    /// The period.
    #[serde(serialize_with = "merits_records::grouping::period_label")]
    pub period: Period,
    /// Why.
    #[serde(serialize_with = "crate::report::text")]
    pub fault: IngestFault,
}

impl std::fmt::Display for Untaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let period = self.period.label();
        write!(f, "subject {} in {period}: {}", self.subject, self.fault)
    }
}

/// The result of an ingestion.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct IngestReport {
    /// Subject-periods that are new in the store.
    pub ingested: u64,
    /// Subject-periods that were already in the store.
    pub known: u64,
    /// Refused subject-periods.
    pub untaken: Vec<Untaken>,
    /// Commitments of the bundle without records here.
    pub unused_commitments: u64,
}

/// Everything an ingestion needs besides records and bundle.
#[derive(Debug, Clone, Copy)]
pub struct Ingestion<'a> {
    /// The ledger's origin.
    pub origin: &'a Origin,
    /// The scale.
    pub scale: &'a ScaleId,
    /// Its record schema.
    pub schema: &'a Schema,
    /// The source that signed the bundle.
    pub source: PartyId,
    /// Its keys, from the ledger's state.
    pub source_keys: &'a [PublicKey],
    /// Owner keys of a ledger in custody.
    pub custody: Option<&'a Custody>,
    /// The store.
    pub store: &'a Store,
}

/// A bundle, by subject and period. `None` where it contradicts itself.
#[derive(Debug, Default)]
pub struct Commitments(HashMap<(String, Period), Option<SignedCommitment>>);

/// Deeds, and what became of each.
type Written = (Vec<NewDeed>, Vec<Inserted>);

/// Deeds that are being written to the store.
struct Writing {
    task: JoinHandle<Result<Written, StoreError>>,
    /// Groups that were checked up to and with these.
    checked: usize,
}

impl Writing {
    /// Waits until they are written, and counts them. Returns how many groups are done.
    async fn end(self, report: &mut IngestReport) -> Result<usize, IngestError> {
        let (deeds, outcomes) = self.task.await.map_err(|_| IngestError::WriterLost)??;
        for (deed, outcome) in deeds.iter().zip(outcomes) {
            match outcome {
                Inserted::New => report.ingested += 1,
                Inserted::Known => report.known += 1,
                Inserted::LooksLike(known) => report.untaken.push(Untaken {
                    subject: deed.subject.clone(),
                    period: deed.period,
                    fault: IngestFault::LooksLike { known },
                }),
                Inserted::Conflict => report.untaken.push(Untaken {
                    subject: deed.subject.clone(),
                    period: deed.period,
                    fault: IngestFault::Conflict,
                }),
            }
        }
        Ok(self.checked)
    }
}

/// Subject-periods between two writes.
const CHUNK: usize = 512;

impl Ingestion<'_> {
    /// Reads a bundle that must be this ledger's, source's and schema's.
    ///
    /// # Errors
    /// [`IngestError`].
    pub fn read_bundle(&self, input: impl BufRead) -> Result<Commitments, IngestError> {
        let (header, lines) = FileReader::<Bundle, _>::open(input)?;
        let foreign = |what, found: String, wanted: String| {
            Err(IngestError::ForeignBundle {
                what,
                found,
                wanted,
            })
        };
        // Destructured in full, so that no part of a bundle's header is ignored.
        let BundleHeader {
            // Its reader has checked this.
            merits: _,
            origin,
            source,
            schema: packed_by,
        } = header;
        if origin != self.origin.as_str() {
            let found = origin.chars().take(Origin::MAX).collect();
            return foreign("log origin", found, self.origin.to_string());
        }
        if source != self.source.0 {
            let found = PartyId(source).to_string();
            return foreign("source", found, self.source.to_string());
        }
        let schema = self.schema.id();
        if packed_by != schema {
            return foreign("record schema", packed_by.to_string(), schema.to_string());
        }
        let mut out = HashMap::new();
        for line in lines {
            let line = line?;
            match out.entry((line.subject.clone(), line.period)) {
                Entry::Vacant(place) => {
                    place.insert(Some(line));
                }
                Entry::Occupied(mut place) => {
                    if place.get().as_ref() != Some(&line) {
                        place.insert(None);
                    }
                }
            }
        }
        Ok(Commitments(out))
    }

    /// Checks groups against the bundle and stores the valid ones. `progress` gets the number of
    /// groups done.
    ///
    /// # Errors
    /// [`IngestError`]; what was stored before stays, and doing it again changes nothing.
    pub async fn ingest(
        &self,
        groups: Vec<SubjectPeriod>,
        mut commitments: Commitments,
        rng: &mut (impl CryptoRng + Send),
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<IngestReport, IngestError> {
        let mut report = IngestReport::default();
        let mut checked = 0;
        let mut groups = groups.into_iter();
        let mut writing: Option<Writing> = None;
        loop {
            let chunk: Vec<(SubjectPeriod, Option<Option<SignedCommitment>>)> = groups
                .by_ref()
                .take(CHUNK)
                .map(|group| {
                    let place = (group.subject.clone(), group.period);
                    let signed = commitments.0.remove(&place);
                    (group, signed)
                })
                .collect();
            if chunk.is_empty() {
                break;
            }
            checked += chunk.len();
            // Some hashes and a signature each: worth all cores, and over within a fraction of a
            // second, for which this task has nothing else to do. The chunk before is written
            // meanwhile.
            let results: Vec<Result<NewDeed, Untaken>> = chunk
                .into_par_iter()
                .map(|(group, signed)| self.check(group, signed))
                .collect();
            let mut deeds = Vec::with_capacity(results.len());
            for result in results {
                match result {
                    Ok(deed) => deeds.push(deed),
                    Err(untaken) => report.untaken.push(untaken),
                }
            }
            let next = self.write(deeds, checked, StdRng::from_rng(rng));
            if let Some(before) = writing.replace(next) {
                progress(before.end(&mut report).await?);
            }
        }
        if let Some(last) = writing {
            progress(last.end(&mut report).await?);
        }
        report.unused_commitments = commitments.0.len() as u64;
        Ok(report)
    }

    /// Begins to write deeds concurrently with this task. The write is one transaction, which
    /// completes even if nobody waits for it.
    fn write(&self, deeds: Vec<NewDeed>, checked: usize, mut rng: StdRng) -> Writing {
        let (store, scale, source) = (self.store.clone(), self.scale.clone(), self.source);
        let task = tokio::spawn(async move {
            let outcomes = store
                .insert_deeds(&scale, &source, &deeds, &mut rng)
                .await?;
            Ok((deeds, outcomes))
        });
        Writing { task, checked }
    }

    fn check(
        &self,
        group: SubjectPeriod,
        signed: Option<Option<SignedCommitment>>,
    ) -> Result<NewDeed, Untaken> {
        match self.fault(&group, signed) {
            Ok(signed) => Ok(NewDeed {
                subject: group.subject,
                period: group.period,
                handle: signed.h,
                salt: signed.salt,
                records: group.records,
                commitment: signed.c,
                signature: signed.signature,
            }),
            Err(fault) => Err(Untaken {
                subject: group.subject,
                period: group.period,
                fault,
            }),
        }
    }

    fn fault(
        &self,
        group: &SubjectPeriod,
        signed: Option<Option<SignedCommitment>>,
    ) -> Result<SignedCommitment, IngestFault> {
        let signed = signed
            .ok_or(IngestFault::MissingCommitment)?
            .ok_or(IngestFault::TwoCommitments)?;
        let handle = signed.h;
        let own = |custody: &Custody| custody.handle(&group.subject, &self.source) == handle;
        if !self.custody.is_none_or(own) {
            return Err(IngestFault::ForeignHandle);
        }
        let opening = Opening {
            schema: self.schema.id(),
            period: group.period,
            // The reader refuses groups over max_records, which is a u16.
            count: group.records.len() as u16,
            handle,
            salt: signed.salt,
            packed: &self.schema.pack(&group.records),
        };
        if opening.commitment() != signed.c {
            return Err(IngestFault::CommitmentMismatch {
                records: group.records.len(),
                committed: signed.count,
            });
        }
        let message = commitment_signing_bytes(
            self.origin,
            &self.source,
            self.schema.id(),
            group.period,
            signed.c,
        );
        let holds = |key: &PublicKey| key.verify(&message, &signed.signature).is_ok();
        if !self.source_keys.iter().any(holds) {
            return Err(IngestFault::SignatureInvalid);
        }
        Ok(signed)
    }
}
