//! The board as people see it.

use merits_ledger::{
    BoardRefusal, Role, State, Thresholds,
    entry::{Act, KeyGenerationOpened},
    state::{Endorsed, ProposedAct, VoiceRecord},
};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId},
};
use serde::Serialize;

use crate::side::Side;

/// The board at some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BoardReport {
    /// What must stand beside everything of this ledger; `None` if no supervisor could ever decide alone.
    pub mark: Option<String>,
    /// The mark on the view key in force; `None` if quorums hold both of its halves, or there is none.
    pub keys: Option<String>,
    /// The mark on the key of the uniqueness tags.
    pub tags: Option<String>,
    /// Members that an ordinary act takes.
    pub ordinary: u16,
    /// Members that an act of trust takes.
    pub trust: u16,
    /// Seconds that an act of trust waits.
    pub delay_seconds: u32,
    /// Log witnesses that must consent to an act on a witness, an epoch or other thresholds.
    pub consents: u16,
    /// Supervisors that have not ended.
    pub supervisors: Vec<Seated>,
    /// Log witnesses that have not ended.
    pub witnesses: Vec<Seated>,
    /// Acts that were proposed, the newest first.
    pub acts: Vec<ActReport>,
}

/// A member or a witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seated {
    /// Its name.
    pub name: String,
    /// Whether it is suspended.
    pub suspended: bool,
}

/// A proposed act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActReport {
    /// The entry that proposed it.
    pub act: String,
    /// What it does, in words.
    pub what: String,
    /// Who proposed it.
    pub proposer: String,
    /// Supervisors and witnesses that endorse it.
    pub endorsed: Vec<String>,
    /// Witnesses that object.
    pub objected: Vec<String>,
    /// How it stands, in words.
    pub standing: String,
    /// Whether it can still be enacted, now or later.
    pub open: bool,
}

impl BoardReport {
    /// The board of this state at `now`.
    pub fn of(state: &State, now: Timestamp) -> Self {
        let board = state.board();
        let Thresholds {
            ordinary,
            trust,
            delay_seconds,
            consents,
        } = *board.thresholds();
        let seated = |role| {
            let parties = state.parties().iter().map(|(_, party)| party);
            let present = parties.filter(|party| party.roles.has(role) && !party.ended);
            let seats = present.map(|party| Seated {
                name: party.name.clone(),
                suspended: party.suspended,
            });
            seats.collect()
        };
        let mut acts: Vec<(&EntryId, &ProposedAct)> = board.acts().collect();
        acts.sort_by_key(|(_, act)| std::cmp::Reverse(act.proposed));
        let acts = acts.into_iter();
        Self {
            mark: board.mark().map(|mark| mark.to_string()),
            keys: state
                .epochs()
                .active(now)
                .and_then(|keys| keys.mark())
                .map(|mark| mark.to_string()),
            tags: state
                .people()
                .tag_key()
                .and_then(|record| record.mark())
                .map(|mark| mark.to_string()),
            ordinary,
            trust,
            delay_seconds,
            consents,
            supervisors: seated(Role::Supervisor),
            witnesses: seated(Role::Witness),
            acts: acts.map(|(id, act)| report(state, id, act, now)).collect(),
        }
    }
}

fn report(state: &State, id: &EntryId, act: &ProposedAct, now: Timestamp) -> ActReport {
    let board = state.board();
    let said = |wanted: fn(&VoiceRecord) -> bool| {
        let voices = board.voices(id).filter(|(_, voice)| wanted(voice));
        voices.map(|(party, _)| name(state, party)).collect()
    };
    let (standing, open) = standing(state, id, act, now);
    ActReport {
        act: id.to_string(),
        what: in_words(state, &act.act),
        proposer: name(state, &act.proposer),
        endorsed: said(|voice| matches!(voice.endorsed, Endorsed::Since(_))),
        objected: said(VoiceRecord::objects),
        standing,
        open,
    }
}

fn standing(state: &State, id: &EntryId, act: &ProposedAct, now: Timestamp) -> (String, bool) {
    if let Some(time) = act.enacted {
        return (format!("in force since {time}"), false);
    }
    if !act.is_open(now) {
        return (format!("over since {}", act.end()), false);
    }
    if act.terms.policy != state.board().generation() {
        return ("void: the thresholds changed".to_owned(), false);
    }
    let demands = state.demands_of(act);
    let said = match state.enactable_from(id, demands) {
        Ok(from) if from <= now => "can be enacted now".to_owned(),
        Ok(from) => format!("can be enacted from {from}"),
        Err(BoardRefusal::TooFewEndorsements { found, needed }) => {
            format!("{found} of {needed} supervisors endorse it")
        }
        Err(BoardRefusal::TooFewConsents { found, needed }) => {
            format!("{found} of {needed} log witnesses consent to it")
        }
        Err(refusal) => refusal.to_string(),
    };
    (said, true)
}

/// What an act does, in words.
pub fn in_words(state: &State, act: &Act) -> String {
    let standing = |verb: &str, change: &merits_ledger::entry::StandingChange| {
        format!("{verb} {}: {}", name(state, &change.party), change.basis)
    };
    match act {
        Act::PartyAdmitted(admitted) => {
            let roles: Vec<&str> = admitted.roles.iter().map(Role::name).collect();
            format!("admit {} as {}", admitted.name, roles.join(", "))
        }
        Act::PartySuspended(change) => standing("suspend", change),
        Act::PartyReinstated(change) => standing("reinstate", change),
        Act::PartyEnded(change) => standing("end", change),
        Act::StatementKeyAdopted(adopted) => format!(
            "adopt key {} of {}, generation {}, made by {:?}",
            adopted.key.digest(),
            adopted.statement,
            adopted.generation,
            adopted.provenance
        ),
        Act::ViewKeyEpochOpened(opened) => format!(
            "open view-key epoch {} with halves of {} and {}, active from {}",
            opened.epoch.0,
            name(state, &opened.supervisor.holder),
            name(state, &opened.witness.holder),
            opened.active_from
        ),
        Act::QuorumEpochOpened(opened) => {
            let half = |side: Side, attempt: u32| {
                let found = state.key_generations().get(opened.epoch, side, attempt);
                match found {
                    Ok(Some(found)) => attempt_in_words(state, &found.opened),
                    _ => format!(
                        "attempt {attempt} of the {}, which this copy does not have",
                        side.many()
                    ),
                }
            };
            format!(
                "open view-key epoch {} with the halves of {} and of {}, active from {}, readable until {}",
                opened.epoch.0,
                half(Side::Supervisor, opened.supervisor),
                half(Side::Witness, opened.witness),
                opened.active_from,
                opened.readable_until
            )
        }
        Act::ScaleApproved(approved) => format!(
            "approve {} version {} of entry {}",
            approved.id, approved.version.0, approved.proposal
        ),
        Act::ScaleRetired(retired) => {
            format!("retire {} version {}", retired.id, retired.version.0)
        }
        Act::OfferClosed(closed) => {
            let offer = state.offers().get(&closed.offer);
            let title = offer.map_or("?", |offer| offer.published.title.as_str());
            format!("close offer {} ({title:?}): {}", closed.offer, closed.basis)
        }
        Act::ThresholdsChanged(changed) => {
            let Thresholds {
                ordinary,
                trust,
                delay_seconds,
                consents,
            } = changed.thresholds;
            format!(
                "change the thresholds to {ordinary} members for an ordinary act, {trust} for an act of trust \
                 with a delay of {delay_seconds} s, and {consents} consents"
            )
        }
    }
}

/// An attempt to make a half, in words: "attempt 2 of the log witnesses (3 of court, press, union)".
pub(crate) fn attempt_in_words(state: &State, opened: &KeyGenerationOpened) -> String {
    let holders = opened.holders.iter();
    let names: Vec<String> = holders.map(|party| name(state, party)).collect();
    format!(
        "attempt {} of the {} ({} of {})",
        opened.attempt,
        opened.side.many(),
        opened.needed,
        names.join(", ")
    )
}

fn name(state: &State, party: &PartyId) -> String {
    let known = state.parties().get(party);
    known.map_or_else(|| party.to_string(), |known| known.name.clone())
}
