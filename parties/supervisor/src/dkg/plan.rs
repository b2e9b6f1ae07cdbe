//! The file that says what a key generation is for and who takes part.

use std::{collections::BTreeMap, path::Path};

use merits_ledger::{Role, State, entry::KeyGenerationOpened, state::Party};
use merits_primitives::ids::{Epoch, NameError, Origin, PartyId};
use merits_threshold::{
    Side,
    ceremony::{Ceremony, CeremonyFault},
};
use merits_verifier::signature::PublicKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The value of the key `merits`.
const KIND: &str = "key-generation/v1";

/// Most bytes of a plan.
const MOST_BYTES: u64 = 1 << 16;

/// A key generation, for people and their machines. It is public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    merits: String,
    /// The log.
    pub origin: String,
    /// The epoch that the half is for.
    pub epoch: u32,
    /// Counted from 1.
    pub attempt: u32,
    /// On which side.
    pub side: Side,
    /// How many holders must answer.
    pub needed: u16,
    /// The holders.
    pub holder: Vec<PlannedHolder>,
}

/// A holder in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedHolder {
    /// Its name on the ledger.
    #[serde(deserialize_with = "merits_text::typed::name")]
    pub name: String,
    /// Its id, in hexadecimal.
    pub party: String,
}

/// Why a plan is not carried out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanFault {
    /// The file.
    #[error("plan {path}: {why}")]
    File {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// The origin.
    #[error("the plan's origin: {0}")]
    Origin(#[from] NameError),
    /// Another log's.
    #[error("the plan is for {theirs}, and this party's ledger is {ours}")]
    OtherLog {
        /// This party's log.
        ours: Origin,
        /// The plan's log.
        theirs: Origin,
    },
    /// Digits.
    #[error("the plan's party id of {0} is not 64 hexadecimal digits")]
    Digits(String),
    /// No such party.
    #[error("the ledger has no party {0:?}: admit it first, or correct the name")]
    Unknown(String),
    /// Another id under this name.
    #[error("the plan's party id of {0} is not the one on the ledger: make the plan again")]
    Differs(String),
    /// The role.
    #[error("{name} is no {side} on this ledger, and only {} hold a share of this half", side.many())]
    Role {
        /// The holder.
        name: String,
        /// The side.
        side: Side,
    },
    /// The standing.
    #[error("{0} is suspended: reinstate it first, or plan without it")]
    Suspended(String),
    /// The end.
    #[error("{0} has ended on this ledger, and holds no share any more: plan without it")]
    Ended(String),
    /// The epoch.
    #[error("epoch {0} is open on the ledger already: plan the next one")]
    EpochOpen(u32),
    /// The numbers.
    #[error(transparent)]
    Ceremony(#[from] CeremonyFault),
}

/// A plan that agrees with a verified copy of the ledger.
#[derive(Debug)]
pub struct Checked {
    /// What the messages are bound to.
    pub ceremony: Ceremony,
    /// The keys under which the holders sign their messages.
    pub signing_keys: BTreeMap<PartyId, PublicKey>,
    /// The holders' names.
    pub names: BTreeMap<PartyId, String>,
}

impl Checked {
    /// What the ledger's entry says that opened an attempt: its rules have checked the holders.
    ///
    /// # Errors
    /// [`PlanFault::Ceremony`].
    pub fn of_generation(state: &State, opened: &KeyGenerationOpened) -> Result<Self, PlanFault> {
        let ceremony = merits_ledger::state::ceremony(state.origin(), opened)?;
        let (mut signing_keys, mut names) = (BTreeMap::new(), BTreeMap::new());
        for (id, party) in opened.holders.iter().filter_map(|id| {
            let party = state.parties().get(id)?;
            Some((*id, party))
        }) {
            signing_keys.insert(id, party.signing_key);
            names.insert(id, party.name.clone());
        }
        Ok(Self {
            ceremony,
            signing_keys,
            names,
        })
    }
}

impl Plan {
    /// A plan for these parties, with their ids on the ledger.
    ///
    /// # Errors
    /// [`PlanFault`].
    pub fn make(
        state: &State,
        epoch: Epoch,
        attempt: u32,
        side: Side,
        needed: u16,
        names: &[String],
    ) -> Result<Self, PlanFault> {
        let holder = names
            .iter()
            .map(|name| {
                let (id, _) = find(state, name)?;
                Ok(PlannedHolder {
                    name: name.clone(),
                    party: hex::encode(id.0),
                })
            })
            .collect::<Result<_, PlanFault>>()?;
        let plan = Self {
            merits: KIND.to_owned(),
            origin: state.origin().as_str().to_owned(),
            epoch: epoch.0,
            attempt,
            side,
            needed,
            holder,
        };
        plan.check(state)?;
        Ok(plan)
    }

    /// Compares the plan with a verified copy of the ledger.
    ///
    /// # Errors
    /// [`PlanFault`].
    pub fn check(&self, state: &State) -> Result<Checked, PlanFault> {
        let theirs = Origin::new(&self.origin)?;
        if theirs != *state.origin() {
            let ours = state.origin().clone();
            return Err(PlanFault::OtherLog { ours, theirs });
        }
        if state.epochs().get(Epoch(self.epoch)).is_some() {
            return Err(PlanFault::EpochOpen(self.epoch));
        }
        let (mut members, mut signing_keys, mut names) =
            (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for planned in &self.holder {
            let name = || planned.name.clone();
            let (id, party) = find(state, &planned.name)?;
            let mut planned_id = [0; 32];
            hex::decode_to_slice(&planned.party, &mut planned_id)
                .map_err(|_| PlanFault::Digits(name()))?;
            if planned_id != id.0 {
                return Err(PlanFault::Differs(name()));
            }
            let role = match self.side {
                Side::Supervisor => Role::Supervisor,
                Side::Witness => Role::Witness,
            };
            if !party.roles.has(role) {
                let side = self.side;
                return Err(PlanFault::Role { name: name(), side });
            }
            if party.ended {
                return Err(PlanFault::Ended(name()));
            }
            if party.suspended {
                return Err(PlanFault::Suspended(name()));
            }
            members.push(id);
            signing_keys.insert(id, party.signing_key);
            names.insert(id, name());
        }
        let epoch = Epoch(self.epoch);
        let (attempt, needed) = (self.attempt, self.needed);
        let ceremony = Ceremony::new(theirs, epoch, attempt, self.side, needed, members)?;
        Ok(Checked {
            ceremony,
            signing_keys,
            names,
        })
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        // Texts, numbers and tables of texts: TOML has all of them.
        toml::to_string(self).expect("a plan is a TOML document")
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// [`PlanFault::File`].
    pub fn read(path: &Path) -> Result<Self, PlanFault> {
        let fault = |why: String| PlanFault::File {
            path: path.display().to_string(),
            why,
        };
        let text = merits_text::file::read_at_most(path, MOST_BYTES)
            .map_err(|error| fault(error.to_string()))?;
        let plan: Self =
            toml::from_str(&text).map_err(|error| fault(error.message().to_owned()))?;
        if plan.merits != KIND {
            return Err(fault(format!("merits = \"{KIND}\" is expected")));
        }
        Ok(plan)
    }
}

fn find<'s>(state: &'s State, name: &str) -> Result<(PartyId, &'s Party), PlanFault> {
    state
        .parties()
        .by_name(name)
        .map(|(id, party)| (*id, party))
        .ok_or_else(|| PlanFault::Unknown(name.to_owned()))
}
