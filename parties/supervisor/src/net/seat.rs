//! A seat on the board: what a supervisor or a log witness says about acts.

// A new act must say what a member must see before it endorses.
#![deny(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

use std::time::Duration;

use futures::future::BoxFuture;
use merits_ledger::{
    Role, State, Thresholds,
    entry::{Act, OfferClosed, ProposalTerms, ScaleApproved, ThresholdsChanged},
    state::{Demands, Endorsed, ProposedAct},
};
use merits_party::{identity::PartyConfig as _, report::Entered};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId},
};
use merits_replica::Follower;
use merits_text::lookalike::skeleton;
use merits_verifier::entry::SignedEntry;
use serde::Serialize;

use super::SupervisorError;
use crate::{
    acts::{EntrySigner, check_application},
    board::{BoardReport, in_words},
    config::WitnessConfig,
    scale_review::review,
};

/// How long a proposal can be enacted after its delay could be over.
const PROPOSAL: Duration = Duration::from_secs(60 * 86_400);

/// What became of an act that a supervisor decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The entry that proposed it.
    pub entry: EntryId,
    /// What it does, in words: "admit somebody as witness".
    pub act: String,
    /// What it waits for; `None` if that entry enacted it.
    pub waits: Option<Demands>,
}

impl Decided {
    /// What is said about it: `done` if it took effect, and what it waits for otherwise.
    pub fn said(&self, done: &str) -> String {
        let Self { entry, act, waits } = self;
        let Some(demands) = waits else {
            return format!("{done}: entry {entry}");
        };
        let Demands {
            members,
            consents,
            delay,
        } = demands;
        let mut needs = vec![format!(
            "{members} supervisors, of whom this one is the first"
        )];
        match consents {
            0 => {}
            1 => needs.push("1 log witness".to_owned()),
            more => needs.push(format!("{more} log witnesses")),
        }
        let then = if delay.is_zero() {
            String::new()
        } else {
            format!(" {} s later", delay.as_secs())
        };
        format!(
            "not in force yet (to {act}): act {entry} needs {}. Each runs `merits board endorse --act {entry}`; \
             `merits board enact --act {entry}` puts it into force{then}",
            needs.join(" and ")
        )
    }
}

/// An act on which a member spoke, or which it put into force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActReport {
    /// The member's entry.
    #[serde(serialize_with = "merits_party::report::text")]
    pub entry: EntryId,
    /// The act, in words.
    pub act: String,
}

/// A supervisor's or a log witness's seat, with its copy of the log.
#[derive(Debug)]
pub struct Seat {
    signer: EntrySigner,
    follower: Follower,
}

impl Seat {
    /// The seat of a supervisor that is at work.
    pub fn new(signer: EntrySigner, follower: Follower) -> Self {
        Self { signer, follower }
    }

    /// Loads the keys of a supervisor or a log witness, and brings its copy up to date.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn open(config: &WitnessConfig) -> BoxFuture<'_, Result<Self, SupervisorError>> {
        Box::pin(async move {
            let signer = EntrySigner::of(&config.identity()?);
            let follower = config.ledger.clone().of_commands().follow().await?;
            follower.sync().await?;
            Ok(Self { signer, follower })
        })
    }

    /// Admits itself as a log witness that the founding facts name.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn join<'a>(
        &'a self,
        config: &'a WitnessConfig,
    ) -> BoxFuture<'a, Result<Entered, SupervisorError>> {
        Box::pin(async move {
            let own = config.identity()?.application(&[Role::Witness])?;
            self.submit(&self.signer.join(own)).await
        })
    }

    /// Decides an act: by one entry where this member alone suffices, and by a proposal otherwise.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn decide(
        &self,
        act: Act,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Decided, SupervisorError>> {
        Box::pin(async move {
            let (entry, act, waits) = {
                let replica = self.follower.replica();
                let state = replica.state()?;
                let demands = state.demands(&act);
                let terms = proposal_terms(state, &self.signer.party(), demands, now);
                let waits = terms.until.map(|_| demands);
                let words = in_words(state, &act);
                (self.signer.propose(act, terms), words, waits)
            };
            let entry = self.submit(&entry).await?.entry;
            Ok(Decided { entry, act, waits })
        })
    }

    /// Closes an offer, or proposes it. `basis` stands on the ledger.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn close_offer<'a>(
        &'a self,
        offer: EntryId,
        basis: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Decided, SupervisorError>> {
        let basis = basis.to_owned();
        self.decide(Act::OfferClosed(OfferClosed { offer, basis }), now)
    }

    /// Proposes other thresholds.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn change_thresholds(
        &self,
        thresholds: Thresholds,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Decided, SupervisorError>> {
        Box::pin(async move {
            let generation = self.follower.replica().state()?.board().generation() + 1;
            let changed = ThresholdsChanged {
                generation,
                thresholds,
            };
            self.decide(Act::ThresholdsChanged(changed), now).await
        })
    }

    /// Endorses an act after it looked at its content, or consents to it as a log witness. `distinct` admits a party although its name looks like another's.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn endorse(
        &self,
        proposal: EntryId,
        distinct: bool,
    ) -> BoxFuture<'_, Result<ActReport, SupervisorError>> {
        Box::pin(async move {
            let (entry, act) = {
                let replica = self.follower.replica();
                let state = replica.state()?;
                let proposed = proposed(state, &proposal)?;
                look_at(state, &proposed.act, distinct)?;
                let voice = state.board().voice(&proposal, &self.signer.party());
                let number = voice.map_or(0, |voice| voice.number) + 1;
                let act = in_words(state, &proposed.act);
                (self.signer.endorse(proposal, number), act)
            };
            let entry = self.submit(&entry).await?.entry;
            Ok(ActReport { entry, act })
        })
    }

    /// Revokes its endorsement.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn revoke(&self, proposal: EntryId) -> BoxFuture<'_, Result<Entered, SupervisorError>> {
        Box::pin(async move {
            let number = {
                let replica = self.follower.replica();
                let state = replica.state()?;
                proposed(state, &proposal)?;
                let voice = state.board().voice(&proposal, &self.signer.party());
                let stands = voice.filter(|voice| matches!(voice.endorsed, Endorsed::Since(_)));
                // The ledger refuses a voice that is not there.
                stands.map_or(0, |voice| voice.number)
            };
            self.submit(&self.signer.revoke(proposal, number)).await
        })
    }

    /// Objects to an act, as a log witness.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn object(&self, proposal: EntryId) -> BoxFuture<'_, Result<Entered, SupervisorError>> {
        Box::pin(async move { self.submit(&self.signer.object(proposal)).await })
    }

    /// Puts an act into force.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn enact(&self, proposal: EntryId) -> BoxFuture<'_, Result<ActReport, SupervisorError>> {
        Box::pin(async move {
            let act = {
                let replica = self.follower.replica();
                let state = replica.state()?;
                in_words(state, &proposed(state, &proposal)?.act)
            };
            let entry = self.submit(&self.signer.enact(proposal)).await?.entry;
            Ok(ActReport { entry, act })
        })
    }

    /// The board as it is at `now`.
    ///
    /// # Errors
    /// [`SupervisorError`].
    pub fn report(&self, now: Timestamp) -> Result<BoardReport, SupervisorError> {
        let replica = self.follower.replica();
        Ok(BoardReport::of(replica.state()?, now))
    }

    /// Its copy of the log.
    pub fn follower(&self) -> &Follower {
        &self.follower
    }

    /// Signs its entries.
    pub(super) fn signer(&self) -> &EntrySigner {
        &self.signer
    }

    pub(super) async fn submit(&self, entry: &SignedEntry) -> Result<Entered, SupervisorError> {
        let submitted = self.follower.client().submit(entry).await?;
        self.follower.sync().await?;
        Ok(submitted.id.into())
    }
}

/// The terms of this member's next proposal of an act that takes so much.
pub(super) fn proposal_terms(
    state: &State,
    party: &PartyId,
    demands: Demands,
    now: Timestamp,
) -> ProposalTerms {
    let board = state.board();
    let before = board.acts().filter(|(_, act)| act.proposer == *party);
    let until = (!demands.is_alone()).then(|| now + demands.delay + PROPOSAL);
    ProposalTerms {
        // The same act may be proposed again. What is enacted at once is the same entry if it is sent again.
        number: until.map_or(0, |_| u32::try_from(before.count()).unwrap_or(u32::MAX)),
        policy: board.generation(),
        until,
    }
}

fn proposed<'s>(state: &'s State, proposal: &EntryId) -> Result<&'s ProposedAct, SupervisorError> {
    let act = state.board().act(proposal);
    act.ok_or(SupervisorError::NoAct(*proposal))
}

/// What a member must see before it endorses: the ledger knows neither formulas nor look-alikes.
fn look_at(state: &State, act: &Act, distinct: bool) -> Result<(), SupervisorError> {
    match act {
        Act::PartyAdmitted(admitted) => {
            check_application(state.origin(), admitted)?;
            if distinct {
                return Ok(());
            }
            refuse_lookalike(state, &admitted.name)
        }
        Act::ScaleApproved(ScaleApproved {
            id,
            version,
            proposal,
        }) => {
            let mut proposals = state.scales().proposals_of(id, *version);
            if let Some(record) = proposals.find(|record| record.proposal == *proposal) {
                review(&record.terms)?;
            }
            Ok(())
        }
        // The ledger's rules check all that can be wrong with these.
        Act::PartySuspended(_)
        | Act::PartyReinstated(_)
        | Act::PartyEnded(_)
        | Act::StatementKeyAdopted(_)
        | Act::ViewKeyEpochOpened(_)
        | Act::QuorumEpochOpened(_)
        | Act::ScaleRetired(_)
        | Act::OfferClosed(_)
        | Act::ThresholdsChanged(_) => Ok(()),
    }
}

/// Refuses a name that people could mistake for that of an admitted party.
pub(super) fn refuse_lookalike(state: &State, name: &str) -> Result<(), SupervisorError> {
    let look = skeleton(name);
    let mut parties = state.parties().iter();
    match parties.find(|(_, party)| party.name != name && skeleton(&party.name) == look) {
        None => Ok(()),
        Some((id, known)) => Err(SupervisorError::LooksAlike {
            name: name.to_owned(),
            known: known.name.clone(),
            id: *id,
        }),
    }
}
