//! How an act is proposed, endorsed, objected to and enacted.

use std::collections::BTreeSet;

use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId},
};
use merits_verifier::fields;

use super::records::{Endorsed, MadeAlone, ProposedAct, VoiceRecord};
use super::{DELAY_WITHOUT_WITNESSES, Demands, LONGEST_PROPOSAL, MOST_PROPOSALS};
use crate::entry::{Act, ProposalTerms, Voice};
use crate::refusal::{BoardRefusal, CheckError, Refusal};
use crate::role::Role;
use crate::rows::Key;
use crate::state::Governing;
use crate::state::draft::Draft;

impl Governing {
    /// A member proposes an act by the entry `id`.
    pub(in crate::state) fn check_proposed(
        &self,
        id: EntryId,
        proposer: PartyId,
        (act, terms): (&Act, &ProposalTerms),
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        self.check_policy(terms)?;
        let demands = self.demands(act);
        let Some(end) = terms.until else {
            if !demands.is_alone() {
                let Demands {
                    members,
                    consents,
                    delay,
                } = demands;
                return Err(BoardRefusal::NotAlone {
                    needed: members,
                    consents,
                    delay,
                }
                .into());
            }
            self.check_act(act, time, draft)?;
            self.mark_alone(id, act, demands, draft);
            return Ok(());
        };
        // What could not be enacted now is not proposed.
        self.check_act(act, time, &mut Draft::new(draft.view()))?;
        let (earliest, latest) = (time + demands.delay, time + LONGEST_PROPOSAL);
        if end <= earliest || end > latest {
            return Err(BoardRefusal::End {
                end,
                earliest,
                latest,
            }
            .into());
        }
        let waiting = self.board.acts();
        let waiting = waiting.filter(|(_, act)| act.proposer == proposer && act.enacted.is_none());
        let generation = self.board.generation();
        let (open, over): (Vec<_>, Vec<_>) =
            waiting.partition(|(_, act)| act.is_open(time) && act.terms.policy == generation);
        if open.len() >= MOST_PROPOSALS {
            let limit = MOST_PROPOSALS;
            return Err(BoardRefusal::TooMany { limit }.into());
        }
        // A member's proposals make room for each other, so that nobody fills everybody's memory.
        for (over, _) in over {
            draft.remove(Key::<ProposedAct>::new(&[&over.0]));
            for (party, _) in self.board.voices(over) {
                draft.remove(Key::<VoiceRecord>::new(&[&over.0, &party.0]));
            }
        }
        let proposed = ProposedAct {
            act: act.clone(),
            terms: *terms,
            proposer,
            proposed: time,
            demands,
            enacted: None,
        };
        draft.put(Key::new(&[&id.0]), &proposed);
        let voice = VoiceRecord {
            number: 1,
            endorsed: Endorsed::Since(time),
            objected: None,
        };
        put_voice(&id, &proposer, &voice, draft);
        Ok(())
    }

    /// A member endorses an act, or a witness consents to it.
    pub(in crate::state) fn check_endorsed(
        &self,
        party: PartyId,
        voice: &Voice,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let proposed = self.open_act(&voice.proposal, time)?;
        // Nobody endorses what could not be enacted any more.
        let scratch = &mut Draft::new(draft.view());
        self.check_act(&proposed.act, time, scratch)?;
        let before = self.voice_of(&voice.proposal, &party);
        if let Endorsed::Since(_) = before.endorsed {
            return Err(BoardRefusal::VoiceStanding { party }.into());
        }
        let expected = before.number.saturating_add(1);
        if voice.number != expected {
            let (what, found) = (fields::NUMBER, voice.number);
            return Err(Refusal::OutOfSequence {
                what,
                expected,
                found,
            }
            .into());
        }
        let after = VoiceRecord {
            number: expected,
            endorsed: Endorsed::Since(time),
            // Its objection rests while it consents: an objection has no number, so it comes once, and counts again
            // when the consent is revoked.
            objected: before.objected,
        };
        put_voice(&voice.proposal, &party, &after, draft);
        Ok(())
    }

    /// A party revokes its endorsement.
    pub(in crate::state) fn check_revoked(
        &self,
        party: PartyId,
        voice: &Voice,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        self.open_act(&voice.proposal, time)?;
        let before = self.voice_of(&voice.proposal, &party);
        let stands = matches!(before.endorsed, Endorsed::Since(_));
        if !stands || voice.number != before.number {
            return Err(BoardRefusal::VoiceMissing { party }.into());
        }
        let after = VoiceRecord {
            endorsed: Endorsed::Revoked,
            ..before
        };
        put_voice(&voice.proposal, &party, &after, draft);
        Ok(())
    }

    /// A witness objects to an act.
    pub(in crate::state) fn check_objected(
        &self,
        party: PartyId,
        proposal: &EntryId,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        self.open_act(proposal, time)?;
        let before = self.voice_of(proposal, &party);
        if before.objects() {
            return Err(BoardRefusal::VoiceStanding { party }.into());
        }
        // Who objects does not consent.
        let endorsed = match before.endorsed {
            Endorsed::Never => Endorsed::Never,
            Endorsed::Since(_) | Endorsed::Revoked => Endorsed::Revoked,
        };
        let after = VoiceRecord {
            endorsed,
            objected: Some(time),
            ..before
        };
        put_voice(proposal, &party, &after, draft);
        Ok(())
    }

    /// A party in standing names an act that takes effect now.
    pub(in crate::state) fn check_enacted(
        &self,
        proposal: EntryId,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let proposed = self.open_act(&proposal, time)?;
        let demands = self.demands_of(proposed);
        let from = self.enactable_from(&proposal, demands)?;
        if time < from {
            return Err(BoardRefusal::TooEarly { from }.into());
        }
        self.check_act(&proposed.act, time, draft)?;
        let enacted = ProposedAct {
            enacted: Some(time),
            ..proposed.clone()
        };
        draft.put(Key::new(&[&proposal.0]), &enacted);
        self.mark_alone(proposal, &proposed.act, demands, draft);
        Ok(())
    }

    /// From when the voices on an act suffice for it.
    ///
    /// # Errors
    /// [`BoardRefusal`]: there are too few.
    pub fn enactable_from(
        &self,
        proposal: &EntryId,
        demands: Demands,
    ) -> Result<Timestamp, BoardRefusal> {
        let since = |party: &PartyId| match self.voice_of(proposal, party).endorsed {
            Endorsed::Since(time) => Some(time),
            Endorsed::Never | Endorsed::Revoked => None,
        };
        // Those in standing count; those who are suspended only make it harder.
        let members: Vec<&PartyId> = self.present_with(Role::Supervisor).collect();
        let standing = members.iter().copied();
        let standing = standing.filter(|party| self.parties.active(party).is_ok());
        let mut endorsed: Vec<Timestamp> = standing.filter_map(since).collect();
        endorsed.sort_unstable();
        // Witnesses consent also while they are suspended, so that nobody suspends those who would object.
        let witnesses: BTreeSet<&PartyId> = self.present_with(Role::Witness).collect();
        let mut consented: Vec<Timestamp> = witnesses.iter().copied().filter_map(since).collect();
        consented.sort_unstable();

        let consents = usize::from(demands.consents);
        // Founders that have not joined yet have not ended either.
        let too_few_left = witnesses.len() + self.awaited_witnesses() < consents;
        let needed = if too_few_left {
            // Instead of the witnesses, all members together.
            let all = members.len() + self.awaited_supervisors();
            all.max(demands.members.into())
        } else {
            demands.members.into()
        };
        let Some(last) = nth(&endorsed, needed) else {
            let found = endorsed.len();
            return Err(BoardRefusal::TooFewEndorsements { found, needed });
        };
        if too_few_left {
            let objected = |party: &&&PartyId| self.voice_of(proposal, party).objects();
            let objections = witnesses.iter().filter(objected).count();
            if 2 * objections > witnesses.len() {
                let witnesses = witnesses.len();
                return Err(BoardRefusal::Objected {
                    objections,
                    witnesses,
                });
            }
            return Ok(last + demands.delay.max(DELAY_WITHOUT_WITNESSES));
        }
        let Some(consent) = nth(&consented, consents) else {
            return Err(BoardRefusal::TooFewConsents {
                found: consented.len(),
                needed: demands.consents,
            });
        };
        Ok(last.max(consent) + demands.delay)
    }

    /// An act that can still be enacted at `time`, under the thresholds of its proposal.
    fn open_act(&self, id: &EntryId, time: Timestamp) -> Result<&ProposedAct, BoardRefusal> {
        let proposal = *id;
        let Some(proposed) = self.board.act(id) else {
            return Err(BoardRefusal::Unknown { proposal });
        };
        if let Some(time) = proposed.enacted {
            return Err(BoardRefusal::Enacted { proposal, time });
        }
        let end = proposed.end();
        if time > end {
            return Err(BoardRefusal::Over { proposal, end });
        }
        self.check_policy(&proposed.terms)?;
        Ok(proposed)
    }

    fn check_policy(&self, terms: &ProposalTerms) -> Result<(), BoardRefusal> {
        let (found, present) = (terms.policy, self.board.generation());
        if found == present {
            Ok(())
        } else {
            Err(BoardRefusal::PolicyMoved { found, present })
        }
    }

    fn voice_of(&self, proposal: &EntryId, party: &PartyId) -> VoiceRecord {
        let voice = self.board.voice(proposal, party);
        voice.copied().unwrap_or(VoiceRecord::SILENT)
    }

    /// Parties with a role that have not ended, suspended ones among them.
    pub(super) fn present_with(&self, role: Role) -> impl Iterator<Item = &PartyId> {
        let parties = self.parties.iter();
        let present = parties.filter(move |(_, party)| party.roles.has(role) && !party.ended);
        present.map(|(id, _)| id)
    }

    /// Witnesses that the founding facts name, and that have not admitted themselves.
    fn awaited_witnesses(&self) -> usize {
        let named = self.policy.board.witnesses();
        named.filter(|id| self.parties.get(id).is_none()).count()
    }

    fn awaited_supervisors(&self) -> usize {
        let named = self.policy.board.supervisors();
        named.filter(|id| self.parties.get(id).is_none()).count()
    }

    fn mark_alone(&self, id: EntryId, act: &Act, demands: Demands, draft: &mut Draft<'_>) {
        if demands.members <= 1 {
            let target = act.target(self.origin());
            draft.put(Key::new(&[&target]), &MadeAlone { proposal: id });
        }
    }
}

/// The time of the last of the first `needed`; the first time for none.
fn nth(times: &[Timestamp], needed: usize) -> Option<Timestamp> {
    match needed.checked_sub(1) {
        None => Some(Timestamp::FIRST),
        Some(last) => times.get(last).copied(),
    }
}

fn put_voice(proposal: &EntryId, party: &PartyId, voice: &VoiceRecord, draft: &mut Draft<'_>) {
    draft.put(Key::new(&[&proposal.0, &party.0]), voice);
}
