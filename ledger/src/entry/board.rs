//! Acts of the board: what the supervisors decide together, and the witnesses consent to.
//!
//! A member of the board (a supervisor) proposes an act. Members and witnesses endorse it by its entry's id. Once
//! there are enough endorsements, and the delay of an act of trust is over, any party enacts it by the id alone.
//! The rules are in `state/board`.

use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId},
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::{
    KeyPlace, OfferClosed, PartyAdmitted, Published, QuorumEpochOpened, ScaleApproved,
    ScaleRetired, StandingChange, StatementKeyAdopted, ViewKeyEpochOpened, read_entry_id,
    read_reason, write_entry_id,
};
use crate::board_facts::Thresholds;

/// Makes [`Act`] and its codec from one table of variants, numbers and names, and of what an act carries: a verifying
/// `key`, or nothing.
macro_rules! acts {
    ($(
        $(#[$doc:meta])*
        $variant:ident($statement:ty), $number:literal, $name:literal, [$($carried:ident)?];
    )+) => {
        /// What the board decides. Most numbers are those of the entry kinds by which one supervisor could do the
        /// same alone before there was a board.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(
            clippy::large_enum_variant,
            reason = "acts are handled one at a time, never in arrays"
        )]
        pub enum Act {
            $( $(#[$doc])* $variant($statement), )+
        }

        impl Act {
            /// The act's number in encodings and in marks.
            pub const fn number(&self) -> u16 {
                match self {
                    $( Self::$variant(_) => $number, )+
                }
            }

            /// Its readable name.
            pub const fn name(&self) -> &'static str {
                match self {
                    $( Self::$variant(_) => $name, )+
                }
            }

            /// The verifying key that it publishes; `None` if it publishes none.
            pub fn published(&self) -> Option<Published<'_>> {
                match self {
                    $( Self::$variant(_statement) => acts!(@key _statement [$($carried)?]), )+
                }
            }
        }

        impl Canonical for Act {
            const NAME: &'static str = "act";

            fn write(&self, out: &mut Writer) {
                out.u16(self.number());
                match self {
                    $( Self::$variant(statement) => statement.write(out), )+
                }
            }

            fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
                match input.u16(Self::NAME)? {
                    $( $number => Ok(Self::$variant(<$statement>::read(input)?)), )+
                    found => Err(CodecError::UnknownValue {
                        what: Self::NAME,
                        found: found.into(),
                    }),
                }
            }
        }
    };
    (@key $statement:ident []) => { None };
    (@key $statement:ident [key]) => {
        Some(Published {
            key: KeyPlace::Here(&$statement.key),
            provenance: $statement.provenance,
        })
    };
}

acts! {
    /// A party joins.
    PartyAdmitted(PartyAdmitted), 0x0101, "admit a party", [];
    /// A party is suspended.
    PartySuspended(StandingChange), 0x0102, "suspend a party", [];
    /// A suspended party is reinstated.
    PartyReinstated(StandingChange), 0x0103, "reinstate a party", [];
    /// A party ends: it never acts again.
    PartyEnded(StandingChange), 0x0105, "end a party", [];
    /// A key of `ticket` or `redeem` comes into force.
    StatementKeyAdopted(StatementKeyAdopted), 0x0202, "adopt a statement key", [key];
    /// New view keys. Their proof is in a proposal of its own kind ([`EpochProposed`]).
    ViewKeyEpochOpened(ViewKeyEpochOpened), 0x0203, "open a view-key epoch", [];
    /// New view keys, whose halves quorums made.
    QuorumEpochOpened(QuorumEpochOpened), 0x0204, "open a view-key epoch of quorums", [];
    /// A proposed version of a scale is approved.
    ScaleApproved(ScaleApproved), 0x0302, "approve a scale", [];
    /// A version of a scale ends.
    ScaleRetired(ScaleRetired), 0x0303, "retire a scale", [];
    /// An offer ends early.
    OfferClosed(OfferClosed), 0x0802, "close an offer", [];
    /// The board's own thresholds change.
    ThresholdsChanged(ThresholdsChanged), 0x0410, "change the thresholds", [];
}

impl Act {
    /// What the act is about, by which its mark is found: the act's number, then party, epoch, statement or version.
    /// Epochs of both kinds have one number, because they have one sequence.
    pub fn target(&self, origin: &merits_primitives::ids::Origin) -> Vec<u8> {
        let number = if let Self::QuorumEpochOpened(_) = self {
            EPOCH_NUMBER
        } else {
            self.number()
        };
        let mut key = number.to_be_bytes().to_vec();
        match self {
            Self::PartyAdmitted(admitted) => key.extend(admitted.party(origin).0),
            Self::PartySuspended(change)
            | Self::PartyReinstated(change)
            | Self::PartyEnded(change) => {
                key.extend(change.party.0);
                key.extend(change.sequence.to_be_bytes());
            }
            Self::StatementKeyAdopted(adopted) => {
                key.push(adopted.statement as u8);
                key.extend(adopted.generation.to_be_bytes());
            }
            Self::ViewKeyEpochOpened(opened) => key.extend(opened.epoch.0.to_be_bytes()),
            Self::QuorumEpochOpened(opened) => key.extend(opened.epoch.0.to_be_bytes()),
            Self::ScaleApproved(ScaleApproved { id, version, .. })
            | Self::ScaleRetired(ScaleRetired { id, version, .. }) => {
                key.extend(version.0.to_be_bytes());
                key.extend(id.as_str().as_bytes());
            }
            Self::OfferClosed(closed) => key.extend(closed.offer.0),
            Self::ThresholdsChanged(changed) => key.extend(changed.generation.to_be_bytes()),
        }
        key
    }
}

/// The number in the targets of acts that open an epoch.
pub(crate) const EPOCH_NUMBER: u16 = 0x0203;

/// The board's thresholds change, and so its generation: every open proposal is void.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThresholdsChanged {
    /// The present generation plus one.
    pub generation: u32,
    /// The new thresholds.
    pub thresholds: Thresholds,
}

impl Canonical for ThresholdsChanged {
    const NAME: &'static str = "thresholds changed";

    fn write(&self, out: &mut Writer) {
        out.u32(self.generation);
        self.thresholds.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            generation: input.u32("generation")?,
            thresholds: Thresholds::read(input)?,
        })
    }
}

/// What every proposal says besides the act itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposalTerms {
    /// Chosen by the proposer, so that the same act can be proposed again.
    pub number: u32,
    /// The generation of the board's thresholds under which it is proposed. The act itself has the generation of
    /// what it changes.
    pub policy: u32,
    /// Until when it may be enacted. `None` enacts it with this entry, which is possible only where the proposer
    /// alone suffices and no delay holds.
    pub until: Option<Timestamp>,
}

impl ProposalTerms {
    /// To be enacted by the proposing entry itself, under the founding thresholds.
    pub const AT_ONCE: Self = Self {
        number: 0,
        policy: 0,
        until: None,
    };
}

impl Canonical for ProposalTerms {
    const NAME: &'static str = "proposal terms";

    fn write(&self, out: &mut Writer) {
        out.u32(self.number);
        out.u32(self.policy);
        out.option(self.until.as_ref(), |out, until| out.time(*until));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            number: input.u32("number")?,
            policy: input.u32("policy")?,
            until: input.option("until", |input| input.time("until"))?,
        })
    }
}

/// A member proposes an act, and thereby endorses it. Every act but a view-key epoch whose halves have one holder each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActProposed {
    /// What is decided.
    pub act: Act,
    /// Number, generation and end.
    pub terms: ProposalTerms,
}

impl Canonical for ActProposed {
    const NAME: &'static str = "act proposed";

    fn write(&self, out: &mut Writer) {
        self.act.write(out);
        self.terms.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let act = Act::read(input)?;
        if let Act::ViewKeyEpochOpened(_) = act {
            // It must come with its proof.
            return Err(CodecError::UnknownValue {
                what: Act::NAME,
                found: act.number().into(),
            });
        }
        Ok(Self {
            act,
            terms: ProposalTerms::read(input)?,
        })
    }
}

/// A member proposes a view-key epoch. Beside it stands the proof that the holders know their secrets
/// ([`ViewKeyEpochOpened::proof`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochProposed {
    /// The epoch.
    pub opened: ViewKeyEpochOpened,
    /// Number, generation and end.
    pub terms: ProposalTerms,
}

impl Canonical for EpochProposed {
    const NAME: &'static str = "view-key epoch proposed";

    fn write(&self, out: &mut Writer) {
        self.opened.write(out);
        self.terms.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            opened: ViewKeyEpochOpened::read(input)?,
            terms: ProposalTerms::read(input)?,
        })
    }
}

/// A member's or a witness's voice on a proposal; the entry's kind says whether it endorses or revokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice {
    /// The entry that proposed the act. Its id covers every byte of the act.
    pub proposal: EntryId,
    /// The party's endorsements of this proposal so far, plus one; a revocation has the number of the endorsement
    /// that it revokes.
    pub number: u32,
}

impl Canonical for Voice {
    const NAME: &'static str = "voice";

    fn write(&self, out: &mut Writer) {
        write_entry_id(out, &self.proposal);
        out.u32(self.number);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            proposal: read_entry_id(input, "proposal")?,
            number: input.u32("number")?,
        })
    }
}

/// A proposal by its id alone: enacted, or objected to by a witness; the entry's kind says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposalNamed {
    /// The entry that proposed the act.
    pub proposal: EntryId,
}

impl Canonical for ProposalNamed {
    const NAME: &'static str = "proposal named";

    fn write(&self, out: &mut Writer) {
        write_entry_id(out, &self.proposal);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            proposal: read_entry_id(input, "proposal")?,
        })
    }
}

/// One member suspends a party at once, for 72 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmergencySuspended {
    /// The party.
    pub party: PartyId,
    /// The party's emergency suspensions so far, plus one.
    pub number: u32,
    /// The reason, as text of at most 4,096 bytes.
    pub basis: String,
}

impl Canonical for EmergencySuspended {
    const NAME: &'static str = "emergency suspension";

    fn write(&self, out: &mut Writer) {
        out.array(&self.party.0);
        out.u32(self.number);
        out.text(&self.basis);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            party: PartyId(input.array("party")?),
            number: input.u32("number")?,
            basis: read_reason(input, "basis")?,
        })
    }
}
