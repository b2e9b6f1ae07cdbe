//! Openings of single claims, and of who made a redemption: requested, endorsed, completed, revealed. The request always comes first.
//!
//! A request is an act of the board: holders answer when as many members endorse it as an ordinary act takes. The
//! ledger keeps the endorsements and counts nothing, because only holders see whether a member knew the content.

use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Origin, PartyId},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};
use merits_verifier::fields;

use super::Governing;
use super::draft::Draft;
use super::stored::{MOST, read_party};
use crate::entry::{
    OpeningCompleted, OpeningContent, OpeningDisowned, OpeningEndorsed, OpeningRequested,
    OpeningRevealed,
};
use crate::refusal::{BoardRefusal, CheckError, OpeningRefusal, Refusal};
use crate::role::Role;
use crate::rows::{self, Key, Record, RowError, Rows, Table};

/// What a request opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpeningSubject {
    /// Credits, measure and pseudonym of one claim.
    Claim,
    /// The identity commitment of the person that made one redemption. The content's claim is 0.
    Redeemer,
}

impl OpeningSubject {
    fn write(self, out: &mut Writer) {
        out.u8(match self {
            Self::Claim => 0,
            Self::Redeemer => 1,
        });
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        match input.u8("subject")? {
            0 => Ok(Self::Claim),
            1 => Ok(Self::Redeemer),
            found => {
                let (what, found) = ("subject", found.into());
                Err(CodecError::UnknownValue { what, found })
            }
        }
    }
}

/// The state of an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The supervisor that asked.
    pub requester: PartyId,
    /// What it opens.
    pub subject: OpeningSubject,
    /// The commitment to its content.
    pub requested: OpeningRequested,
    /// When.
    pub time: Timestamp,
    /// Members that an ordinary act took then. Holders take the higher of this and what one takes now.
    pub needed: u16,
    /// What members said of it, the requester first.
    pub voices: Vec<OpeningVoice>,
    /// Digest of the result, once there is one.
    pub result: Option<[u8; 32]>,
    /// The content, once it was revealed.
    pub revealed: Option<OpeningContent>,
}

/// What one member said of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpeningVoice {
    /// The member.
    pub member: PartyId,
    /// Its endorsements so far.
    pub number: u32,
    /// Whether the last one stands.
    pub endorses: bool,
    /// [`OpeningContent::seen_by`] as the member wrote it; `None` of the requester, whose commitment says it.
    pub seen: Option<[u8; 32]>,
}

impl Canonical for OpeningVoice {
    const NAME: &'static str = "voice on an opening";

    fn write(&self, out: &mut Writer) {
        out.array(&self.member.0);
        out.u32(self.number);
        out.bool(self.endorses);
        out.option(self.seen.as_ref(), |out, seen| out.array(seen));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            member: read_party(input, "member")?,
            number: input.u32("number")?,
            endorses: input.bool("endorses")?,
            seen: input.option("seen", |input| input.array("seen"))?,
        })
    }
}

impl Canonical for Opening {
    const NAME: &'static str = "opening";

    fn write(&self, out: &mut Writer) {
        out.array(&self.requester.0);
        self.subject.write(out);
        self.requested.write(out);
        out.time(self.time);
        out.u16(self.needed);
        out.list(&self.voices);
        out.option(self.result.as_ref(), |out, result| out.array(result));
        out.option(self.revealed.as_ref(), |out, content| content.write(out));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            requester: read_party(input, "requester")?,
            subject: OpeningSubject::read(input)?,
            requested: OpeningRequested::read(input)?,
            time: input.time("time")?,
            needed: input.u16("needed")?,
            voices: input.list("voices", MOST)?,
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

impl OpeningVoice {
    /// Whether its member had this content of the request `id`. The requester's commitment must have been compared with
    /// it.
    pub fn saw(&self, origin: &Origin, id: &EntryId, content: &OpeningContent) -> bool {
        self.seen
            .is_none_or(|seen| seen == content.seen_by(origin, id, &self.member))
    }
}

impl Governing {
    /// How many members must endorse an opening: the higher of what an ordinary act took at the request and takes now.
    pub fn opening_needs(&self, opening: &Opening) -> u16 {
        opening.needed.max(self.board.thresholds().ordinary)
    }

    /// The endorsements of an opening that stand, of supervisors in standing.
    pub fn opening_voices<'a>(
        &'a self,
        opening: &'a Opening,
    ) -> impl Iterator<Item = &'a OpeningVoice> {
        let acts = |member| self.parties.acting(member, Role::Supervisor).is_ok();
        let voices = opening.voices.iter();
        voices.filter(move |voice| voice.endorses && acts(&voice.member))
    }

    /// A supervisor requests an opening, and endorses it thereby.
    pub(super) fn check_opening_requested(
        &self,
        (id, requester): (EntryId, PartyId),
        (subject, requested): (OpeningSubject, &OpeningRequested),
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        self.scales.get(&requested.scale)?;
        let (deadline, limit) = (requested.deadline, self.policy.board.longest_opening());
        if deadline <= time || deadline.since(time) > limit {
            let now = time;
            return Err(OpeningRefusal::Deadline {
                deadline,
                now,
                limit,
            }
            .into());
        }
        let opening = Opening {
            requester,
            subject,
            requested: requested.clone(),
            time,
            needed: self.board.thresholds().ordinary,
            voices: vec![OpeningVoice {
                member: requester,
                number: 1,
                endorses: true,
                seen: None,
            }],
            result: None,
            revealed: None,
        };
        draft.put(opening_key(&id), &opening);
        Ok(())
    }
}

/// A member endorses a request. One that revoked its endorsement may endorse again.
pub(super) fn check_endorsed(
    member: PartyId,
    endorsed: &OpeningEndorsed,
    time: Timestamp,
    draft: &mut Draft<'_>,
) -> Result<(), CheckError> {
    let request = endorsed.request;
    let mut opening = open(draft, &request)?;
    let deadline = opening.requested.deadline;
    if time > deadline {
        let now = time;
        return Err(OpeningRefusal::Over {
            request,
            deadline,
            now,
        }
        .into());
    }
    let is_requester = member == opening.requester;
    let seen = (!is_requester).then_some(endorsed.seen);
    let place = voice_of(&mut opening, member);
    let voice = place.copied().unwrap_or(OpeningVoice {
        member,
        number: 0,
        endorses: false,
        seen,
    });
    if voice.endorses {
        let party = member;
        return Err(BoardRefusal::VoiceStanding { party }.into());
    }
    let expected = voice.number.saturating_add(1);
    if endorsed.number != expected {
        let (what, found) = (fields::NUMBER, endorsed.number);
        return Err(Refusal::OutOfSequence {
            what,
            expected,
            found,
        }
        .into());
    }
    let voice = OpeningVoice {
        number: expected,
        endorses: true,
        seen,
        ..voice
    };
    match voice_of(&mut opening, member) {
        Some(place) => *place = voice,
        None => opening.voices.push(voice),
    }
    draft.put(opening_key(&request), &opening);
    Ok(())
}

/// A member revokes its endorsement of a request that is not completed, also after the deadline.
pub(super) fn check_disowned(
    member: PartyId,
    disowned: &OpeningDisowned,
    draft: &mut Draft<'_>,
) -> Result<(), CheckError> {
    let request = disowned.request;
    let mut opening = open(draft, &request)?;
    match voice_of(&mut opening, member) {
        Some(voice) if voice.endorses && voice.number == disowned.number => voice.endorses = false,
        Some(_) | None => {
            let party = member;
            return Err(BoardRefusal::VoiceMissing { party }.into());
        }
    }
    draft.put(opening_key(&request), &opening);
    Ok(())
}

fn voice_of(opening: &mut Opening, member: PartyId) -> Option<&mut OpeningVoice> {
    let mut voices = opening.voices.iter_mut();
    voices.find(|voice| voice.member == member)
}

/// A request that was not completed.
fn open(draft: &Draft<'_>, request: &EntryId) -> Result<Opening, CheckError> {
    let opening = known(draft, request)?;
    if opening.result.is_some() {
        let (request, standing) = (*request, "completed");
        return Err(OpeningRefusal::Standing { request, standing }.into());
    }
    Ok(opening)
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
    let opening = known(draft, request)?;
    if opening.requester != party {
        return Err(OpeningRefusal::OfAnother { request: *request }.into());
    }
    Ok(opening)
}

fn known(draft: &Draft<'_>, request: &EntryId) -> Result<Opening, CheckError> {
    let opening = draft.get(&opening_key(request))?;
    Ok(opening.ok_or(OpeningRefusal::Unknown { request: *request })?)
}
