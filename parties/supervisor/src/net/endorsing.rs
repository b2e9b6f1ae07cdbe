//! How a member of the board endorses an opening that another one requested: it looks at the content first.

use std::path::Path;

use futures::future::BoxFuture;
use merits_ledger::{
    State,
    state::{OpeningSubject, OpeningVoice},
};
use merits_party::report::Entered;
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId},
};
use serde::Serialize;
use thiserror::Error;

use super::{Seat, SupervisorError, service::Follow as _};
use crate::{
    request::{RequestFile, RequestFileError},
    view::Unreadable,
};

/// Why a member does not endorse a request.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndorsingError {
    /// The file.
    #[error(transparent)]
    File(#[from] RequestFileError),
    /// The request is not there.
    #[error(
        "opening request {0} is not on this ledger: it may be another ledger's, or its supervisor has not sent it"
    )]
    NotRequested(EntryId),
    /// The file says something else than the ledger.
    #[error(
        "the file is not what request {0} on the ledger commits to: somebody altered it, so endorse nothing and ask \
         the requester for the file again"
    )]
    OtherContent(EntryId),
    /// The claim is not there.
    #[error(
        "request {request} is about claim {claim} of entry {entry}, which this ledger does not have"
    )]
    NoSuchClaim {
        /// The request.
        request: EntryId,
        /// The batch.
        entry: EntryId,
        /// From 0.
        claim: u16,
    },
    /// The redemption is not there.
    #[error("request {request} is about the redemption {entry}, which this ledger does not have")]
    NoSuchRedemption {
        /// The request.
        request: EntryId,
        /// The redemption.
        entry: EntryId,
    },
    /// The public part of the request is false.
    #[error(
        "request {request} says that it is about scale {said}, and what it would open is of {found}: holders do not \
         answer it"
    )]
    OtherScale {
        /// The request.
        request: EntryId,
        /// The scale in the request.
        said: String,
        /// The scale that it would open.
        found: String,
    },
    /// The copy.
    #[error(transparent)]
    Copy(#[from] Unreadable),
}

/// A request as a member sees it before it endorses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestShown {
    /// The request.
    #[serde(serialize_with = "merits_party::report::text")]
    pub request: EntryId,
    /// Who asks.
    pub requester: String,
    /// What it would open, in words.
    pub what: String,
    /// The legal basis, as the requester gave it.
    pub basis: String,
    /// Until when holders answer, and by when the content is revealed.
    pub deadline: Timestamp,
    /// Supervisors in standing that endorse it with its content.
    pub endorsed: Vec<String>,
    /// How many it takes.
    pub needed: u16,
}

impl Seat {
    /// What a request file asks for, compared with the ledger.
    ///
    /// # Errors
    /// [`SupervisorError::Endorsing`]: the file says something else than the ledger.
    pub fn look_at_opening<'a>(
        &'a self,
        file: &'a Path,
    ) -> BoxFuture<'a, Result<RequestShown, SupervisorError>> {
        Box::pin(async move {
            let (request, content) = RequestFile::asked(file).map_err(EndorsingError::from)?;
            let (entry, claim) = (content.entry, content.claim);
            let follower = self.follower().clone();
            let looked = self.follower().synced(move |log| {
                let logged = log.request(&request)?;
                let logged = logged.ok_or(EndorsingError::NotRequested(request))?;
                if content.commitment(log.origin()) != logged.commitment {
                    return Err(EndorsingError::OtherContent(request));
                }
                let (scale, what) = match logged.subject {
                    OpeningSubject::Claim => {
                        let batch = log.batch(&entry)?;
                        let batch = batch.filter(|batch| usize::from(claim) < batch.claims.len());
                        let batch = batch.ok_or(EndorsingError::NoSuchClaim {
                            request,
                            entry,
                            claim,
                        })?;
                        let (scale, period) = (batch.scale, batch.period.label());
                        let what = format!("claim {claim} of entry {entry} ({scale}, {period})");
                        (scale, what)
                    }
                    OpeningSubject::Redeemer => {
                        let redemption = log.redemption(&entry)?.filter(|_| claim == 0);
                        let redemption = redemption
                            .ok_or(EndorsingError::NoSuchRedemption { request, entry })?;
                        let scale = redemption.scale;
                        let what = format!("who made the redemption {entry} ({scale})");
                        (scale, what)
                    }
                };
                if scale != logged.scale {
                    return Err(EndorsingError::OtherScale {
                        request,
                        said: logged.scale.to_string(),
                        found: scale.to_string(),
                    });
                }
                let endorsed = logged.endorsing(log.origin(), &request, &content);
                Ok::<_, EndorsingError>((
                    endorsed.collect::<Vec<PartyId>>(),
                    logged,
                    what,
                    content.basis,
                ))
            });
            let (endorsed, logged, what, basis) =
                looked.await.map_err(super::SessionError::from)??;
            let replica = follower.replica();
            let state = replica.state()?;
            Ok(RequestShown {
                request,
                requester: name(state, &logged.requester),
                what,
                basis,
                deadline: logged.deadline,
                endorsed: endorsed.iter().map(|member| name(state, member)).collect(),
                needed: logged.needed,
            })
        })
    }

    /// Endorses the request of a file after it compared the content with the ledger ([`Seat::look_at_opening`]).
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn endorse_opening<'a>(
        &'a self,
        file: &'a Path,
    ) -> BoxFuture<'a, Result<Entered, SupervisorError>> {
        Box::pin(async move {
            let request = self.look_at_opening(file).await?.request;
            let (_, content) = RequestFile::asked(file).map_err(EndorsingError::from)?;
            let number = self.voice_on(&request)?.map_or(0, |voice| voice.number) + 1;
            let entry = self.signer().endorse_opening(request, &content, number);
            self.submit(&entry).await
        })
    }

    /// Revokes its endorsement of the request of a file. A requester revokes that of its own request.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn disown_opening<'a>(
        &'a self,
        file: &'a Path,
    ) -> BoxFuture<'a, Result<Entered, SupervisorError>> {
        Box::pin(async move {
            let (request, _) = RequestFile::asked(file).map_err(EndorsingError::from)?;
            let stands = self.voice_on(&request)?.filter(|voice| voice.endorses);
            // The ledger refuses a voice that is not there.
            let number = stands.map_or(0, |voice| voice.number);
            self.submit(&self.signer().disown_opening(request, number))
                .await
        })
    }

    fn voice_on(&self, request: &EntryId) -> Result<Option<OpeningVoice>, SupervisorError> {
        let replica = self.follower().replica();
        let opening = replica.state()?.openings().get(request)?;
        let opening = opening.ok_or(EndorsingError::NotRequested(*request))?;
        let me = self.signer().party();
        Ok(opening.voices.into_iter().find(|voice| voice.member == me))
    }
}

fn name(state: &State, party: &PartyId) -> String {
    let known = state.parties().get(party);
    known.map_or_else(|| party.to_string(), |known| known.name.clone())
}
