//! One holder's part in a key generation, without input and output.
//!
//! [`Participant::advance`] goes as far as the published messages allow. Its caller stores
//! [`Participant::to_bytes`] before it publishes anything that [`Participant::unpublished`] names: so a process
//! that is killed at any step publishes the same bytes when it comes back, and never a second message of a round.

use std::collections::BTreeMap;

use merits_primitives::ids::PartyId;
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    ceremony::Ceremony,
    dealing::{Dealing, DealingFault, PlainShare, SEED_BYTES, Seed},
    message::{Body, Message, RevealedShare, Round, Slot, Verdict},
    quorum::SecretShare,
    standing::{self, Board, Dealt, Standing},
};

/// One holder's state. It holds the seed of the polynomials until the ceremony ends.
pub struct Participant {
    me: PartyId,
    ceremony: [u8; 32],
    /// `None` when the ceremony ended.
    seed: Option<Seed>,
    /// The messages of all as they were first seen, and the own ones as they are published.
    recorded: Board,
}

impl std::fmt::Debug for Participant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Participant")
            .field("me", &self.me)
            .field("recorded", &self.recorded.len())
            .finish_non_exhaustive()
    }
}

/// Why a holder does not go on. Nothing was published.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParticipantFault {
    /// The state belongs to something else.
    #[error("the state on this machine is of another key generation: name another folder for it")]
    OtherCeremony,
    /// Two different messages of one sender in one round.
    #[error(
        "{party} published two different messages of round {round}: the one that was here first is kept. Show \
         both to the other holders, and begin another attempt without {party}"
    )]
    Changed {
        /// The sender.
        party: PartyId,
        /// The round.
        round: Round,
    },
    /// A message in this party's name that this state did not make.
    #[error(
        "a message of round {round} was published in this party's name, and the state here did not make it: \
         another copy of the state is at work, or the state was made anew. Use the state that made it, or begin \
         another attempt"
    )]
    NotMine {
        /// The round.
        round: Round,
    },
    /// The ceremony ended here, and its secrets are erased.
    #[error("this key generation has ended here, and its secrets are erased")]
    Ended,
    /// The computation.
    #[error(transparent)]
    Dealing(#[from] DealingFault),
}

impl Participant {
    /// Begins: the caller draws a fresh seed.
    ///
    /// # Errors
    /// [`ParticipantFault`].
    pub fn begin(ceremony: &Ceremony, me: PartyId, seed: Seed) -> Result<Self, ParticipantFault> {
        if !ceremony.has(&me) {
            return Err(DealingFault::NoMember(me).into());
        }
        Ok(Self {
            me,
            ceremony: ceremony.digest(),
            seed: Some(seed),
            recorded: Board::new(),
        })
    }

    /// The party.
    pub fn me(&self) -> PartyId {
        self.me
    }

    /// The ceremony's digest.
    pub fn ceremony(&self) -> [u8; 32] {
        self.ceremony
    }

    /// All messages that this holder has seen or made.
    pub fn recorded(&self) -> &Board {
        &self.recorded
    }

    /// Whether the secrets are erased.
    pub fn has_ended(&self) -> bool {
        self.seed.is_none()
    }

    /// Takes what was published, and makes this holder's messages of every round that can begin.
    ///
    /// # Errors
    /// [`ParticipantFault`].
    pub fn advance(
        &mut self,
        ceremony: &Ceremony,
        board: &Board,
    ) -> Result<Standing, ParticipantFault> {
        self.check(ceremony)?;
        self.record(ceremony, board)?;
        loop {
            let standing = standing::standing(ceremony, &self.recorded);
            let Standing::Waiting { round, missing } = &standing else {
                return Ok(standing);
            };
            if !missing.contains(&self.me) {
                return Ok(standing);
            }
            let (round, body) = (*round, self.body(ceremony, *round)?);
            let message = Message {
                ceremony: self.ceremony,
                body,
            };
            let slot = self.slot(round);
            self.recorded.insert(slot, message.to_bytes());
        }
    }

    /// This holder's messages that are not published yet, in the order of the rounds.
    pub fn unpublished(&self, board: &Board) -> Vec<(Round, &[u8])> {
        Round::ALL
            .into_iter()
            .filter(|round| !board.contains_key(&self.slot(*round)))
            .filter_map(|round| Some((round, self.recorded.get(&self.slot(round))?.as_slice())))
            .collect()
    }

    /// This holder's shares of both keys, once all shares were dealt and fit.
    ///
    /// # Errors
    /// [`ParticipantFault`].
    pub fn shares(&self, ceremony: &Ceremony) -> Result<[SecretShare; 2], ParticipantFault> {
        self.check(ceremony)?;
        let dealt = self.dealt(ceremony)?;
        let dealing = self.dealing(ceremony)?;
        let mine = self.opened(&dealing, &dealt).map_err(|dealers| {
            DealingFault::Library(format!("{} dealers dealt wrong shares", dealers.len()))
        })?;
        let shares = dealing.finish(&dealt.packages, &mine)?;
        // The library's arithmetic and ours come to the same shares.
        let [claim, total] = &shares;
        if !claim.belongs_to(&dealt.outcome.claim) || !total.belongs_to(&dealt.outcome.total) {
            let why = "the shares are not those of the verification shares".to_owned();
            return Err(DealingFault::Library(why).into());
        }
        Ok(shares)
    }

    /// Erases the secrets: the share is in its file, or the attempt failed.
    pub fn end(&mut self) {
        self.seed = None;
    }

    fn check(&self, ceremony: &Ceremony) -> Result<(), ParticipantFault> {
        if ceremony.digest() != self.ceremony {
            return Err(ParticipantFault::OtherCeremony);
        }
        Ok(())
    }

    /// Takes the messages of members that are new, and refuses any that changed.
    fn record(&mut self, ceremony: &Ceremony, board: &Board) -> Result<(), ParticipantFault> {
        let mut new = Board::new();
        for (slot, bytes) in board {
            if !ceremony.has(&slot.party) {
                continue;
            }
            let Slot { round, party } = *slot;
            match self.recorded.get(slot) {
                Some(known) if known == bytes => {}
                Some(_) if party != self.me => {
                    return Err(ParticipantFault::Changed { party, round });
                }
                None if party != self.me => {
                    new.insert(*slot, bytes.clone());
                }
                _ => return Err(ParticipantFault::NotMine { round }),
            }
        }
        self.recorded.append(&mut new);
        Ok(())
    }

    /// This holder's message of a round that waits for it.
    fn body(&self, ceremony: &Ceremony, round: Round) -> Result<Body, ParticipantFault> {
        let dealing = self.dealing(ceremony)?;
        Ok(match round {
            Round::Hash => Body::Hash(dealing.package().hash(&self.ceremony, &self.me)),
            Round::Package => Body::Package(dealing.package().clone()),
            Round::Shares => {
                let packages = standing::packages(ceremony, &self.recorded)
                    .map_err(|_| ParticipantFault::Ended)?;
                Body::Shares(dealing.shares(&packages)?)
            }
            Round::Verdict => {
                let dealt = self.dealt(ceremony)?;
                Body::Verdict(match self.opened(&dealing, &dealt) {
                    Ok(_) => Verdict::Fits(dealt.outcome.digest),
                    Err(dealers) => Verdict::Complaint(dealers),
                })
            }
            Round::Reveal => {
                let dealt = self.dealt(ceremony)?;
                Body::Reveal(self.revealed(ceremony, &dealing, &dealt)?)
            }
        })
    }

    /// What was dealt to this holder; or the dealers whose shares are wrong, in their order.
    fn opened(
        &self,
        dealing: &Dealing<'_>,
        dealt: &Dealt,
    ) -> Result<BTreeMap<PartyId, PlainShare>, Vec<PartyId>> {
        let (mut opened, mut wrong) = (BTreeMap::new(), Vec::new());
        for (dealer, shares) in dealt
            .shares
            .iter()
            .filter(|(dealer, _)| **dealer != self.me)
        {
            let share = shares
                .iter()
                .find(|share| share.to == self.me)
                .and_then(|share| dealing.open(&dealt.packages, dealer, &share.sealed));
            match share {
                Some(share) => {
                    opened.insert(*dealer, share);
                }
                None => wrong.push(*dealer),
            }
        }
        if wrong.is_empty() {
            Ok(opened)
        } else {
            Err(wrong)
        }
    }

    /// The shares that others dispute with this holder.
    fn revealed(
        &self,
        ceremony: &Ceremony,
        dealing: &Dealing<'_>,
        dealt: &Dealt,
    ) -> Result<Vec<RevealedShare>, ParticipantFault> {
        let mut revealed = Vec::new();
        for party in ceremony.members().iter().copied() {
            let slot = Slot {
                round: Round::Verdict,
                party,
            };
            let verdict = self
                .recorded
                .get(&slot)
                .and_then(|bytes| Message::from_bytes(bytes).ok());
            if let Some(Message {
                body: Body::Verdict(Verdict::Complaint(dealers)),
                ..
            }) = verdict
                && party != self.me
                && dealers.contains(&self.me)
            {
                revealed.push(dealing.reveal(&dealt.packages, &party)?);
            }
        }
        Ok(revealed)
    }

    fn dealing<'c>(&self, ceremony: &'c Ceremony) -> Result<Dealing<'c>, ParticipantFault> {
        let seed = self.seed.clone().ok_or(ParticipantFault::Ended)?;
        let dealing = Dealing::of(ceremony, self.me, seed)?;
        // Another release might draw other polynomials from the seed. Then nothing is published.
        if let Some(bytes) = self.recorded.get(&self.slot(Round::Hash)) {
            let hash = Body::Hash(dealing.package().hash(&self.ceremony, &self.me));
            let again = Message {
                ceremony: self.ceremony,
                body: hash,
            };
            if again.to_bytes() != *bytes {
                let why = "this program makes another package than the one whose hash is published: go on with \
                           the release that began, or begin another attempt";
                return Err(DealingFault::Library(why.to_owned()).into());
            }
        }
        Ok(dealing)
    }

    fn dealt(&self, ceremony: &Ceremony) -> Result<Dealt, ParticipantFault> {
        standing::dealt(ceremony, &self.recorded).map_err(|_| {
            DealingFault::Library("the shares are not all there, or the attempt failed".to_owned())
                .into()
        })
    }

    fn slot(&self, round: Round) -> Slot {
        Slot {
            round,
            party: self.me,
        }
    }
}

/// Most bytes of one recorded message, with room for the most holders.
const MOST_MESSAGE_BYTES: usize = 1 << 14;

/// The state as it is stored: secret until the ceremony ended.
impl Canonical for Participant {
    const NAME: &'static str = "state of a key generation";

    fn write(&self, out: &mut Writer) {
        out.array(&self.me.0);
        out.array(&self.ceremony);
        out.option(self.seed.as_ref(), |out, seed| out.array(seed.as_ref()));
        out.count(self.recorded.len());
        for (slot, bytes) in &self.recorded {
            out.u8(slot.round as u8);
            out.array(&slot.party.0);
            out.bytes(bytes);
        }
    }

    /// In one buffer that never grows: a vector that grows leaves copies of the secret behind.
    fn to_bytes(&self) -> Vec<u8> {
        let messages = self.recorded.values().map(|bytes| bytes.len() + 64);
        let mut out = Writer::with_capacity(256 + messages.sum::<usize>());
        self.write(&mut out);
        out.into_bytes()
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let me = PartyId(input.array("party")?);
        let ceremony = input.array("ceremony")?;
        let seed = input.option("seed", |input| {
            let seed: [u8; SEED_BYTES] = input.array("seed")?;
            Ok(Zeroizing::new(seed))
        })?;
        let what = "recorded messages";
        let most = Round::ALL.len() * usize::from(crate::Threshold::MOST_HOLDERS);
        let count = input.count(what, most)?;
        let mut recorded = Board::new();
        for _ in 0..count {
            let number = input.u8("round")?;
            let round = Round::ALL
                .into_iter()
                .find(|round| *round as u8 == number)
                .ok_or(CodecError::UnknownValue {
                    what: "round",
                    found: number.into(),
                })?;
            let party = PartyId(input.array("sender")?);
            let bytes = input.bytes("message", MOST_MESSAGE_BYTES)?.to_vec();
            recorded.insert(Slot { round, party }, bytes);
        }
        if recorded.len() != count {
            return Err(CodecError::NotCanonical { what });
        }
        Ok(Self {
            me,
            ceremony,
            seed,
            recorded,
        })
    }
}
