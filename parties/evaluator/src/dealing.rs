//! The commands by which evaluators deal shares over the log: open a dealing, take part, look, erase.

use std::{path::PathBuf, time::Duration};

use futures::future::BoxFuture;
use merits_keyfile::KeyKind;
use merits_ledger::{
    State,
    entry::{TagDealingMessage, TagDealingOpened},
    state::{People, TagKeyRecord},
};
use merits_party::{lookup::find_party, machine_time};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId},
};
use merits_replica::Follower;
use merits_threshold::tags::{
    board::TagProgress,
    message::TagRound,
    participant::{Deals, TagParticipant},
};

use crate::{
    acts::Evaluator,
    config::EvaluatorConfig,
    key::EvaluatorKey,
    running::EvaluatorError,
    shares::{DEALER, HOLDER, SharesError, dealing_of, next_generation, short_name},
};

/// A dealing to be opened: parties by name or id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDealing {
    /// How many holders must answer with the new shares.
    pub needed: u16,
    /// Who gets a share.
    pub holders: Vec<String>,
    /// Who deals. Empty: for the first key its holders, and later all present holders.
    pub dealers: Vec<String>,
    /// How long messages are taken.
    pub open_for: Duration,
}

/// What a dealing would do, for those who are asked to take part: whoever gets a share can answer with it, and as many as
/// must answer have the key between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// What [`EvaluatorConfig::deal`] is told, so that it takes part in this dealing alone.
    pub dealing: String,
    /// The shares' generation.
    pub generation: u32,
    /// How many holders must answer.
    pub needed: u16,
    /// Who gets a share.
    pub holders: Vec<String>,
    /// Who deals.
    pub dealers: Vec<String>,
    /// Until when messages are taken.
    pub deadline: Timestamp,
}

/// How far a dealing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dealt {
    /// Others' messages are waited for.
    Waiting {
        /// Of this round.
        round: TagRound,
        /// Of the parties with these names.
        missing: Vec<String>,
    },
    /// The shares are the present ones, and this machine's older secrets are erased.
    Done {
        /// The key with its holders.
        held: Held,
        /// The files that were erased.
        erased: Vec<PathBuf>,
    },
}

/// The key of the uniqueness tags, and who holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// As the ledger has it.
    pub record: TagKeyRecord,
    /// The holders' names, in their order.
    pub holders: Vec<String>,
}

/// What a look at the present key gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// The key, if there is one.
    pub held: Option<Held>,
    /// The files that were erased.
    pub erased: Vec<PathBuf>,
}

impl Held {
    fn of(state: &State, record: &TagKeyRecord) -> Self {
        let holders = record.key.holders().iter();
        Self {
            record: record.clone(),
            holders: holders.map(|holder| name(state, &holder.party)).collect(),
        }
    }
}

fn name(state: &State, party: &PartyId) -> String {
    let known = state.parties().get(party);
    known.map_or_else(|| party.to_string(), |known| known.name.clone())
}

impl EvaluatorConfig {
    /// Opens a dealing: of the first key, or of the present key's shares.
    ///
    /// # Errors
    /// [`EvaluatorError`].
    pub fn open_dealing<'a>(
        &'a self,
        new: &'a NewDealing,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<EntryId, EvaluatorError>> {
        Box::pin(async move {
            let (evaluator, follower) = self.joined().await?;
            let opened = {
                let replica = follower.replica();
                let ids = |names: &[String]| -> Result<Vec<PartyId>, EvaluatorError> {
                    let ids = names.iter().map(|name| find_party(&replica, name));
                    let mut ids = ids.collect::<Result<Vec<_>, _>>()?;
                    ids.sort();
                    Ok(ids)
                };
                let (holders, mut dealers) = (ids(&new.holders)?, ids(&new.dealers)?);
                let people = replica.state()?.people();
                let present = people.tag_key();
                if dealers.is_empty() {
                    dealers = match present {
                        None => holders.clone(),
                        Some(record) => {
                            let holders = record.key.holders().iter();
                            holders.map(|holder| holder.party).collect()
                        }
                    };
                    dealers.sort();
                }
                let generation = next_generation(present);
                let last = people
                    .tag_dealings()
                    .get(generation, &evaluator.party())
                    .map_err(SharesError::from)?;
                TagDealingOpened {
                    generation,
                    attempt: last.map_or(0, |last| last.opened.attempt) + 1,
                    needed: new.needed,
                    holders,
                    dealers,
                    deadline: now.max(replica.state()?.time()) + new.open_for,
                }
            };
            let entry = evaluator.open_dealing(opened);
            Ok(follower.client().submit(&entry).await?.id)
        })
    }

    /// Takes part in the dealing that `opener` opened (this party, if `None`), as far as the others' messages allow;
    /// with `wait` goes on until it is done, failed or past its deadline. Never in another dealing than `dealing`
    /// ([`Offered::dealing`]), or than the one that it found first: its opener may open another one, with other holders,
    /// as soon as that is over.
    ///
    /// # Errors
    /// [`EvaluatorError`].
    pub fn deal<'a>(
        &'a self,
        opener: Option<&'a str>,
        dealing: Option<&'a str>,
        wait: bool,
    ) -> BoxFuture<'a, Result<Dealt, EvaluatorError>> {
        Box::pin(async move {
            let (evaluator, follower) = self.joined().await?;
            let (opener, generation) = {
                let replica = follower.replica();
                self.erase_over(replica.state()?)?;
                let opener = opener.map(|name| find_party(&replica, name)).transpose()?;
                let opener = opener.unwrap_or(evaluator.party());
                let present = replica.state()?.people().tag_key();
                // A run after the end erases what an earlier one did not.
                let done = present.filter(|record| record.dealt_by == Some(opener));
                match done {
                    Some(record)
                        if self.is_my_newest(&replica.state()?.people(), record, opener)? =>
                    {
                        (opener, record.generation)
                    }
                    _ => (opener, next_generation(present)),
                }
            };
            let mut taken = dealing.map(str::to_owned);
            loop {
                let step = {
                    let replica = follower.replica();
                    let state = replica.state()?;
                    let step = self.step(state, &evaluator, (opener, generation), &mut taken)?;
                    // It takes part on this ledger, so what the ledger does not name any more, such as an earlier attempt
                    // of an opener, is of no use.
                    if !matches!(step, Step::Done(_))
                        && self.present_key(state, evaluator.party()).is_ok()
                    {
                        self.erase_old(state, evaluator.party())?;
                    }
                    step
                };
                match step {
                    Step::Publish(message) => {
                        let entry = evaluator.publish(*message);
                        follower.client().submit(&entry).await?;
                    }
                    Step::Waiting { round, missing } if !wait => {
                        let replica = follower.replica();
                        let state = replica.state()?;
                        let missing = missing.iter().map(|party| name(state, party)).collect();
                        return Ok(Dealt::Waiting { round, missing });
                    }
                    Step::Waiting { .. } => tokio::time::sleep(LOOK_EVERY).await,
                    Step::Done(record) => {
                        let replica = follower.replica();
                        let state = replica.state()?;
                        let held = Held::of(state, &record);
                        let erased = self.erase_old(state, evaluator.party())?;
                        return Ok(Dealt::Done { held, erased });
                    }
                }
                follower.sync().await?;
            }
        })
    }

    /// What the dealing of the next generation that `opener` opened would do (this party, if `None`).
    ///
    /// # Errors
    /// [`EvaluatorError`].
    pub fn look_at_dealing<'a>(
        &'a self,
        opener: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Offered, EvaluatorError>> {
        Box::pin(async move {
            let (evaluator, follower) = self.joined().await?;
            let replica = follower.replica();
            let opener = opener.map(|name| find_party(&replica, name)).transpose()?;
            let opener = opener.unwrap_or(evaluator.party());
            let state = replica.state()?;
            let generation = next_generation(state.people().tag_key());
            let (stored, dealing) = dealing_of(state, generation, opener)?;
            let names =
                |parties: &[PartyId]| parties.iter().map(|party| name(state, party)).collect();
            Ok(Offered {
                dealing: short_name(&dealing),
                generation,
                needed: stored.opened.needed,
                holders: names(&stored.opened.holders),
                dealers: names(&stored.opened.dealers),
                deadline: stored.opened.deadline,
            })
        })
    }

    /// The key on the ledger, if there is one. Erases this machine's seeds of dealings that ended without shares.
    ///
    /// # Errors
    /// [`EvaluatorError`].
    pub fn present_shares(&self) -> BoxFuture<'_, Result<Present, EvaluatorError>> {
        Box::pin(async move {
            let (_, follower) = self.joined().await?;
            let replica = follower.replica();
            let state = replica.state()?;
            let erased = self.erase_over(state)?;
            let record = state.people().tag_key();
            let held = record.map(|record| Held::of(state, record));
            Ok(Present { held, erased })
        })
    }

    /// Erases the secrets on this machine that belong to no present share of this evaluator.
    ///
    /// # Errors
    /// [`EvaluatorError`].
    pub fn erase_shares(&self) -> BoxFuture<'_, Result<Vec<PathBuf>, EvaluatorError>> {
        Box::pin(async move {
            let (evaluator, follower) = self.joined().await?;
            let replica = follower.replica();
            let state = replica.state()?;
            let mut erased = self.erase_over(state)?;
            erased.extend(self.erase_old(state, evaluator.party())?);
            Ok(erased)
        })
    }

    async fn joined(&self) -> Result<(Evaluator, Follower), EvaluatorError> {
        let evaluator = self.evaluator()?;
        let follower = self.ledger.clone().of_commands().follow().await?;
        follower.sync().await?;
        Ok((evaluator, follower))
    }

    /// Whether no later dealing of this opener is under way.
    fn is_my_newest(
        &self,
        people: &People<'_>,
        record: &TagKeyRecord,
        opener: PartyId,
    ) -> Result<bool, SharesError> {
        let later = people
            .tag_dealings()
            .get(record.generation.saturating_add(1), &opener)?;
        Ok(later.is_none())
    }

    fn step(
        &self,
        state: &State,
        evaluator: &Evaluator,
        (opener, generation): (PartyId, u32),
        taken: &mut Option<String>,
    ) -> Result<Step, SharesError> {
        let party = evaluator.party();
        if let Some(record) = state.people().tag_key()
            && record.generation >= generation
        {
            return match record.dealt_by {
                Some(by) if by == opener && record.generation == generation => {
                    Ok(Step::Done(record.clone()))
                }
                Some(by) => Err(SharesError::Overtaken(by)),
                // One evaluator opened a key of its own.
                None => Err(SharesError::Overtaken(
                    record
                        .key
                        .holders()
                        .first()
                        .map_or(party, |holder| holder.party),
                )),
            };
        }
        let (stored, dealing) = dealing_of(state, generation, opener)?;
        let found = short_name(&dealing);
        if let Some(agreed) = taken
            && *agreed != found
        {
            let agreed = agreed.clone();
            return Err(SharesError::OtherDealing { agreed, found });
        }
        *taken = Some(found);
        let (round, missing) = match stored.board.progress(&dealing) {
            TagProgress::Waiting { round, missing } => (round, missing),
            TagProgress::Failed(wrong) => {
                self.erase_over(state)?;
                return Err(SharesError::Failed(wrong));
            }
            // The state has the key as soon as it is done.
            TagProgress::Done(_) => return Err(SharesError::Overtaken(opener)),
        };
        let deadline = stored.opened.deadline;
        if state.time() > deadline {
            self.erase_over(state)?;
            return Err(SharesError::Expired(deadline));
        }
        if machine_time() > deadline {
            return Err(SharesError::Over(deadline));
        }
        if !missing.contains(&party) {
            return Ok(Step::Waiting { round, missing });
        }
        // Only the first round makes seeds: later ones with fresh seeds would not fit what is published.
        let seed = |whose: &str| {
            let path = self.seed_file(&dealing, whose);
            if round == TagRound::Join {
                merits_keyfile::load_or_create(&path, KeyKind::Voprf, &mut rand::rng())
            } else {
                merits_keyfile::load(&path, KeyKind::Voprf)
            }
        };
        let holder = seed(HOLDER)?;
        let dealer = if dealing.is_dealer(&party) && round != TagRound::Verdict {
            Some(seed(DEALER)?)
        } else {
            None
        };
        let present = if dealing.present().is_some() && dealer.is_some() {
            self.present_key(state, party)?
        } else {
            None
        };
        let deals = dealer.as_ref().map(|seed| Deals {
            seed,
            present: present.as_ref().map(EvaluatorKey::share),
        });
        let part = TagParticipant::new(&dealing, party, &holder, deals)?;
        Ok(match part.message(&stored.board)? {
            Some(message) => Step::Publish(Box::new(TagDealingMessage {
                generation,
                opener,
                message,
            })),
            None => Step::Waiting { round, missing },
        })
    }
}

/// What comes next in a dealing.
enum Step {
    /// This party's message.
    Publish(Box<TagDealingMessage>),
    /// Others'.
    Waiting {
        round: TagRound,
        missing: Vec<PartyId>,
    },
    /// Nothing.
    Done(TagKeyRecord),
}

/// How often a dealing's messages are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
