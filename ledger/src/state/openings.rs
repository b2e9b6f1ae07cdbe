//! Openings of single claims: requested, completed, revealed. The request always comes first.

use std::time::Duration;

use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Origin, PartyId},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::draft::Draft;
use super::stored::read_party;
use crate::entry::{OpeningCompleted, OpeningContent, OpeningRequested, OpeningRevealed};
use crate::refusal::{CheckError, OpeningRefusal, Refusal};
use crate::rows::{self, Key, Record, RowError, Rows, Table};

/// Longest time from a request to its deadline: 400 days. What is opened must not stay hidden.
const LONGEST_DEADLINE: Duration = Duration::from_secs(400 * 24 * 3_600);

/// The state of an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The supervisor that asked.
    pub requester: PartyId,
    /// The commitment to its content.
    pub requested: OpeningRequested,
    /// When.
    pub time: Timestamp,
    /// Digest of the result, once there is one.
    pub result: Option<[u8; 32]>,
    /// The content, once it was revealed.
    pub revealed: Option<OpeningContent>,
}

impl Canonical for Opening {
    const NAME: &'static str = "opening";

    fn write(&self, out: &mut Writer) {
        out.array(&self.requester.0);
        self.requested.write(out);
        out.time(self.time);
        out.option(self.result.as_ref(), |out, result| out.array(result));
        out.option(self.revealed.as_ref(), |out, content| content.write(out));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            requester: read_party(input, "requester")?,
            requested: OpeningRequested::read(input)?,
            time: input.time("time")?,
            result: input.option("result", |input| input.array("result"))?,
            revealed: input.option("revealed", OpeningContent::read)?,
        })
    }
}

impl Record for Opening {
    const TABLE: Table = Table::Opening;
}

/// A reader of all openings, by the id of the request.
#[derive(Debug, Clone, Copy)]
pub struct Openings<'s> {
    pub(super) rows: &'s dyn Rows,
}

impl Openings<'_> {
    /// An opening by its request.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn get(&self, request: &EntryId) -> Result<Option<Opening>, RowError> {
        rows::get(self.rows, &opening_key(request))
    }

    /// All openings.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn all(&self) -> Result<Vec<(EntryId, Opening)>, RowError> {
        self.filtered(|_| true)
    }

    /// Requests past their deadline at `time` that are not revealed: a
    /// supervisor's default, for everybody to see.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn overdue(&self, time: Timestamp) -> Result<Vec<(EntryId, Opening)>, RowError> {
        self.filtered(|opening| opening.revealed.is_none() && opening.requested.deadline < time)
    }

    fn filtered(
        &self,
        wanted: impl Fn(&Opening) -> bool,
    ) -> Result<Vec<(EntryId, Opening)>, RowError> {
        let mut found = Vec::new();
        rows::scan(self.rows, &[], |key, opening: Opening| {
            if let Ok(id) = <[u8; 32]>::try_from(key)
                && wanted(&opening)
            {
                found.push((EntryId(id), opening));
            }
            true
        })?;
        Ok(found)
    }
}

pub(super) fn opening_key(request: &EntryId) -> Key<Opening> {
    Key::new(&[&request.0])
}

pub(super) fn check_requested(
    id: EntryId,
    requester: PartyId,
    requested: &OpeningRequested,
    time: Timestamp,
    draft: &mut Draft<'_>,
) -> Result<(), Refusal> {
    let deadline = requested.deadline;
    if deadline <= time || deadline.since(time) > LONGEST_DEADLINE {
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
    draft.put(opening_key(&id), &opening);
    Ok(())
}

pub(super) fn check_completed(
    party: PartyId,
    completed: &OpeningCompleted,
    draft: &mut Draft<'_>,
) -> Result<(), CheckError> {
    let mut opening = own(draft, party, &completed.request)?;
    if opening.result.is_some() {
        let (request, standing) = (completed.request, "completed");
        return Err(OpeningRefusal::Standing { request, standing }.into());
    }
    opening.result = Some(completed.result);
    draft.put(opening_key(&completed.request), &opening);
    Ok(())
}

pub(super) fn check_revealed(
    origin: &Origin,
    party: PartyId,
    revealed: &OpeningRevealed,
    draft: &mut Draft<'_>,
) -> Result<(), CheckError> {
    let request = revealed.request;
    let mut opening = own(draft, party, &request)?;
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
    draft.put(opening_key(&request), &opening);
    Ok(())
}

fn own(draft: &Draft<'_>, party: PartyId, request: &EntryId) -> Result<Opening, CheckError> {
    let opening = draft
        .get(&opening_key(request))?
        .ok_or(OpeningRefusal::Unknown { request: *request })?;
    if opening.requester != party {
        return Err(OpeningRefusal::OfAnother { request: *request }.into());
    }
    Ok(opening)
}
