//! Terms that a distributor asks people to consent to, published in full on the ledger.

use merits_ledger::{Entry, State, entry::TermsPublished};
use merits_params::{
    manifest::Manifest,
    terms::{TermsDocument, TermsError},
};
use merits_primitives::ids::{EntryId, PartyId, ScaleId};
use merits_verifier::entry::SignedEntry;
use serde::Serialize;
use thiserror::Error;

use crate::{
    node::Node,
    outbox::{SubmitFault, SubmitPort},
};

/// Why terms were not published.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The document.
    #[error(transparent)]
    Document(#[from] TermsError),
    /// The ledger knows no such party.
    #[error("the ledger does not know this distributor: the supervisor has to admit it first")]
    NotAdmitted,
    /// The ledger.
    #[error(transparent)]
    Submit(#[from] SubmitFault),
}

/// The result of publishing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Published {
    /// They were already on the ledger.
    Before(#[serde(serialize_with = "crate::report::text")] EntryId),
    /// They were published now.
    Now(#[serde(serialize_with = "crate::report::text")] EntryId),
}

/// The name under which the ledger knows a party.
///
/// # Errors
/// [`PublishError::NotAdmitted`].
pub fn admitted_name<'a>(state: &'a State, party: &PartyId) -> Result<&'a str, PublishError> {
    let known = state.parties().get(party);
    known
        .map(|party| party.name.as_str())
        .ok_or(PublishError::NotAdmitted)
}

/// The terms of a distributor for a scale that stand on the ledger: digests and entries.
pub fn published<'a>(
    state: &'a State,
    party: &'a PartyId,
    scale: &'a ScaleId,
) -> impl Iterator<Item = (&'a [u8; 32], EntryId)> + 'a {
    state
        .tickets()
        .all_terms()
        .filter(move |(_, terms)| terms.distributor == *party && terms.scale == *scale)
        .map(|(digest, terms)| (digest, terms.entry))
}

impl Node {
    /// Publishes a document that is true of this distributor and scale. Publishing it again changes
    /// nothing.
    ///
    /// # Errors
    /// [`PublishError`].
    pub async fn publish_terms(
        &self,
        text: &str,
        manifest: &Manifest,
        state: &State,
        ledger: &impl SubmitPort,
    ) -> Result<Published, PublishError> {
        let document = TermsDocument::parse(text)?;
        let party = self.party();
        document.check(&party, admitted_name(state, &party)?, manifest)?;
        if let Some(terms) = state.tickets().terms(&party, &document.digest()) {
            return Ok(Published::Before(terms.entry));
        }
        let entry = self.sign_terms(&document);
        let id = entry.id();
        ledger.submit(entry).await?;
        Ok(Published::Now(id))
    }

    fn sign_terms(&self, document: &TermsDocument) -> SignedEntry {
        let published = TermsPublished {
            scale: self.scale().clone(),
            text: document.text().to_owned(),
        };
        self.sign_entry(&Entry::TermsPublished(published), None)
    }
}
