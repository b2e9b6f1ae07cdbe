//! Disclosure: the records and the salt of one claim, for the supervisor that opened it, or for the
//! person themselves.
//!
//! Nothing is disclosed to a supervisor without a trace: the log must contain an opening request,
//! and the content that the supervisor shows must be what that request commits to, for exactly this
//! claim. As many supervisors must endorse it as for an answer of the view key's holders.

use merits_formula::Schema;
use merits_ledger::{State, entry::OpeningContent, rows::RowError, state::OpeningSubject};
use merits_primitives::ids::EntryId;
use merits_records::disclosure::{DISCLOSURE, Disclosure};
use thiserror::Error;

use crate::{
    node::Node,
    store::{ClaimPlace, StoreError},
};

/// The ground for disclosing a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground<'a> {
    /// A supervisor's request in the log, and the content of its commitment.
    Request {
        /// The OpeningRequested entry.
        id: EntryId,
        /// The content that the supervisor shows.
        content: &'a OpeningContent,
    },
    /// The person asks for their records. The operator must check that it is the person.
    Person,
}

/// Why a disclosure is refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DiscloseError {
    /// The copy of the log.
    #[error(transparent)]
    Rows(#[from] RowError),
    /// The claim is not this node's.
    #[error(
        "claim {claim} of entry {entry} is not this node's, or does not exist: take entry and claim from \
         the request for the opening"
    )]
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
    /// The request is not in the log.
    #[error(
        "opening request {0} is not in this node's copy of the log: nothing is disclosed to a \
         supervisor without a trace"
    )]
    NotRequested(EntryId),
    /// The shown content is not that of the request in the log.
    #[error(
        "the content that the supervisor shows is not what request {0} commits to: entry, claim, basis and \
         nonce must be those of the request"
    )]
    OtherRequest(EntryId),
    /// Too few supervisors endorse the request.
    #[error(
        "of the supervisors in standing, {found} endorse request {request} with this content, and {needed} must: \
         others endorse it with `merits supervisor endorse-opening`"
    )]
    NotEndorsed {
        /// The request.
        request: EntryId,
        /// Those that do, the requester among them.
        found: usize,
        /// Those that it takes.
        needed: u16,
    },
    /// The request is for another claim.
    #[error(
        "request {request} is for claim {claim} of entry {entry}: another claim than the one to \
         disclose"
    )]
    OtherClaim {
        /// The request.
        request: EntryId,
        /// Its entry.
        entry: EntryId,
        /// Its claim.
        claim: u16,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The records of a claim, if the node's verified copy of the log (`state`) confirms the ground.
///
/// # Errors
/// [`DiscloseError`].
pub async fn disclose(
    node: &Node,
    state: &State,
    schema: &Schema,
    (entry, claim): (EntryId, u16),
    ground: Ground<'_>,
) -> Result<Disclosure, DiscloseError> {
    if let Ground::Request { id, content } = ground {
        check_request(state, id, content, (entry, claim))?;
    }
    match node.store().claim(&entry, usize::from(claim)).await? {
        ClaimPlace::Unknown => Err(DiscloseError::Unknown { entry, claim }),
        ClaimPlace::Forgotten => Err(DiscloseError::Forgotten { entry, claim }),
        ClaimPlace::Deed(deed) => Ok(Disclosure {
            merits: DISCLOSURE.to_owned(),
            origin: node.origin().to_string(),
            entry: entry.0,
            claim,
            schema: schema.id(),
            period: deed.period,
            h: deed.handle,
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

/// Only supervisors' requests get into the log. Whether the requester is one still, its endorsement shows.
fn check_request(
    state: &State,
    id: EntryId,
    content: &OpeningContent,
    wanted: (EntryId, u16),
) -> Result<(), DiscloseError> {
    let opening = state.openings().get(&id)?;
    let opening = opening.ok_or(DiscloseError::NotRequested(id))?;
    let is_of_claim = opening.subject == OpeningSubject::Claim;
    if !is_of_claim || content.commitment(state.origin()) != opening.requested.commitment {
        return Err(DiscloseError::OtherRequest(id));
    }
    if (content.entry, content.claim) != wanted {
        return Err(DiscloseError::OtherClaim {
            request: id,
            entry: content.entry,
            claim: content.claim,
        });
    }
    let needed = state.opening_needs(&opening);
    let voices = state.opening_voices(&opening);
    let found = voices.filter(|voice| voice.saw(state.origin(), &id, content));
    let found = found.count();
    if found < needed.into() {
        let request = id;
        return Err(DiscloseError::NotEndorsed {
            request,
            found,
            needed,
        });
    }
    Ok(())
}
