//! Disclosure: the records and the salt behind one claim, for the supervisor that opened it.

use merits_formula::Schema;
use merits_primitives::ids::EntryId;
use merits_records::disclosure::{DISCLOSURE, Disclosure};
use thiserror::Error;

use crate::{
    node::Node,
    store::{ClaimPlace, StoreError},
};

/// Why nothing is disclosed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DiscloseError {
    /// Not this node's.
    #[error("claim {claim} of entry {entry} is not this node's, or does not exist")]
    Unknown {
        /// The entry.
        entry: EntryId,
        /// The claim.
        claim: u16,
    },
    /// The subject was forgotten.
    #[error(
        "the subject of claim {claim} of entry {entry} was forgotten: its records are gone for good"
    )]
    Forgotten {
        /// The entry.
        entry: EntryId,
        /// The claim.
        claim: u16,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The records behind a claim. Whether somebody may have them is for the caller to know: the
/// ledger must hold an opening request for this claim.
///
/// # Errors
/// [`DiscloseError`].
pub async fn disclose(
    node: &Node,
    schema: &Schema,
    entry: EntryId,
    claim: u16,
) -> Result<Disclosure, DiscloseError> {
    match node.store().claim(&entry, usize::from(claim)).await? {
        ClaimPlace::Unknown => Err(DiscloseError::Unknown { entry, claim }),
        ClaimPlace::Forgotten => Err(DiscloseError::Forgotten { entry, claim }),
        ClaimPlace::Deed(deed) => Ok(Disclosure {
            merits: DISCLOSURE.to_owned(),
            origin: node.origin().to_string(),
            entry: entry.0,
            claim,
            schema: schema.id().0,
            period: deed.period,
            h: deed.handle.0,
            salt: deed.salt,
            fields: schema
                .fields
                .iter()
                .map(|field| field.name.clone())
                .collect(),
            records: deed.records.into_iter().map(|record| record.0).collect(),
        }),
    }
}
