//! Openings of single claims: requested, completed, revealed. Never without the first.

use std::collections::BTreeMap;

use merits_primitives::ids::{EntryId, Origin, PartyId};
use merits_verifier::codec::{Canonical, Writer};

use crate::entry::{OpeningCompleted, OpeningContent, OpeningRequested, OpeningRevealed};
use crate::refusal::{OpeningRefusal, Refusal};

/// Longest time from a request to its deadline: 400 days, in milliseconds. What is opened must
/// not stay hidden for ever.
const LONGEST_DEADLINE: u64 = 400 * 24 * 3_600 * 1_000;

/// What the ledger knows about an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The supervisor that asked.
    pub requester: PartyId,
    /// What it asked, hidden.
    pub requested: OpeningRequested,
    /// When, unix milliseconds.
    pub time: u64,
    /// Digest of the result, once there is one.
    pub result: Option<[u8; 32]>,
    /// What was opened, once everybody may know.
    pub revealed: Option<OpeningContent>,
}

/// All openings, by the id of the request.
#[derive(Debug, Clone, Default)]
pub struct Openings(BTreeMap<EntryId, Opening>);

/// An opening's record after the change.
#[derive(Debug, Clone)]
pub(super) struct OpeningChange {
    request: EntryId,
    opening: Opening,
}

impl Openings {
    /// An opening by its request.
    pub fn get(&self, request: &EntryId) -> Option<&Opening> {
        self.0.get(request)
    }

    /// All openings.
    pub fn iter(&self) -> impl Iterator<Item = (&EntryId, &Opening)> {
        self.0.iter()
    }

    /// Requests past their deadline at `time` (unix milliseconds) that are not revealed: a
    /// supervisor's default, for everybody to see.
    pub fn overdue(&self, time: u64) -> impl Iterator<Item = (&EntryId, &Opening)> {
        self.0.iter().filter(move |(_, opening)| {
            opening.revealed.is_none() && opening.requested.deadline < time
        })
    }

    pub(super) fn check_requested(
        &self,
        id: EntryId,
        requester: PartyId,
        requested: &OpeningRequested,
        time: u64,
    ) -> Result<OpeningChange, Refusal> {
        let deadline = requested.deadline;
        if deadline <= time || deadline - time > LONGEST_DEADLINE {
            return Err(OpeningRefusal::Deadline {
                deadline,
                now: time,
                limit: LONGEST_DEADLINE,
            }
            .into());
        }
        let requested = requested.clone();
        let opening = Opening {
            requester,
            requested,
            time,
            result: None,
            revealed: None,
        };
        Ok(OpeningChange {
            request: id,
            opening,
        })
    }

    pub(super) fn check_completed(
        &self,
        party: PartyId,
        completed: &OpeningCompleted,
    ) -> Result<OpeningChange, Refusal> {
        let mut opening = self.own(party, &completed.request)?;
        if opening.result.is_some() {
            let (request, standing) = (completed.request, "completed");
            return Err(OpeningRefusal::Standing { request, standing }.into());
        }
        opening.result = Some(completed.result);
        Ok(OpeningChange {
            request: completed.request,
            opening,
        })
    }

    pub(super) fn check_revealed(
        &self,
        origin: &Origin,
        party: PartyId,
        revealed: &OpeningRevealed,
    ) -> Result<OpeningChange, Refusal> {
        let request = revealed.request;
        let mut opening = self.own(party, &request)?;
        if opening.revealed.is_some() {
            return Err(OpeningRefusal::Standing {
                request,
                standing: "revealed",
            }
            .into());
        }
        if revealed.content.commitment(origin) != opening.requested.commitment {
            return Err(OpeningRefusal::RevealMismatch { request }.into());
        }
        opening.revealed = Some(revealed.content.clone());
        Ok(OpeningChange { request, opening })
    }

    pub(super) fn apply(&mut self, change: OpeningChange) {
        self.0.insert(change.request, change.opening);
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.count(self.0.len());
        for (request, opening) in &self.0 {
            out.array(&request.0);
            out.array(&opening.requester.0);
            out.u64(opening.time);
            opening.requested.write(out);
            out.option(opening.result.as_ref(), |out, result| out.array(result));
            out.option(opening.revealed.as_ref(), |out, content| content.write(out));
        }
    }

    fn own(&self, party: PartyId, request: &EntryId) -> Result<Opening, Refusal> {
        let opening = self
            .0
            .get(request)
            .ok_or(OpeningRefusal::Unknown { request: *request })?;
        if opening.requester != party {
            return Err(OpeningRefusal::OfAnother { request: *request }.into());
        }
        Ok(opening.clone())
    }
}
