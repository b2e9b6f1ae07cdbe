//! Parties: admitted, suspended, reinstated, with rotating keys.

use std::collections::{BTreeMap, BTreeSet};

use merits_primitives::ids::{Origin, PartyId};
use merits_verifier::{
    codec::{Canonical, Writer},
    signature::PublicKey,
};

use crate::entry::{KeysRotated, PartyAdmitted, StandingChange};
use crate::refusal::Refusal;
use crate::role::{Role, Roles};

/// What the ledger knows about a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub roles: Roles,
    /// Its signing key now.
    pub signing_key: PublicKey,
    /// Its X25519 key now.
    pub sealing_key: [u8; 32],
    /// True while it has no voice.
    pub suspended: bool,
    /// Suspensions and reinstatements so far.
    pub standing_changes: u32,
    /// Key rotations so far.
    pub generation: u32,
}

/// All parties.
#[derive(Debug, Clone, Default)]
pub struct Parties {
    by_id: BTreeMap<PartyId, Party>,
    /// Every signing key that was ever a party's.
    keys: BTreeSet<[u8; 32]>,
}

/// A party's record after the change.
#[derive(Debug, Clone)]
pub(super) struct PartyChange {
    id: PartyId,
    party: Party,
}

impl Parties {
    /// The party with this id.
    pub fn get(&self, id: &PartyId) -> Option<&Party> {
        self.by_id.get(id)
    }

    /// The party with this name.
    pub fn by_name(&self, name: &str) -> Option<(&PartyId, &Party)> {
        self.by_id.iter().find(|(_, party)| party.name == name)
    }

    /// All parties, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&PartyId, &Party)> {
        self.by_id.iter()
    }

    /// True before the founder is admitted.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The party, admitted and not suspended.
    ///
    /// # Errors
    /// [`Refusal::PartyUnknown`], [`Refusal::PartySuspended`].
    pub fn active(&self, id: &PartyId) -> Result<&Party, Refusal> {
        let party = self
            .by_id
            .get(id)
            .ok_or(Refusal::PartyUnknown { party: *id })?;
        if party.suspended {
            Err(Refusal::PartySuspended { party: *id })
        } else {
            Ok(party)
        }
    }

    /// The party, active and with this role.
    ///
    /// # Errors
    /// As [`Parties::active`], and [`Refusal::RoleMissing`].
    pub fn acting(&self, id: &PartyId, needed: Role) -> Result<&Party, Refusal> {
        let party = self.active(id)?;
        if party.roles.has(needed) {
            Ok(party)
        } else {
            Err(Refusal::RoleMissing { party: *id, needed })
        }
    }

    pub(super) fn check_admitted(
        &self,
        origin: &Origin,
        admitted: &PartyAdmitted,
    ) -> Result<PartyChange, Refusal> {
        let id = admitted.party(origin);
        if admitted.roles.is_empty() {
            return Err(Refusal::RolesEmpty);
        }
        if let Some((one, other)) = admitted.roles.conflict() {
            return Err(Refusal::RoleConflict { one, other });
        }
        if self.by_id.contains_key(&id) {
            return Err(Refusal::PartyExists { party: id });
        }
        if self.by_name(&admitted.name).is_some() {
            return Err(Refusal::NameTaken {
                name: admitted.name.clone(),
            });
        }
        self.check_key_is_new(&admitted.signing_key)?;
        let party = Party {
            name: admitted.name.clone(),
            roles: admitted.roles,
            signing_key: admitted.signing_key,
            sealing_key: admitted.sealing_key,
            suspended: false,
            standing_changes: 0,
            generation: 0,
        };
        Ok(PartyChange { id, party })
    }

    pub(super) fn check_standing(
        &self,
        change: &StandingChange,
        suspend: bool,
    ) -> Result<PartyChange, Refusal> {
        let id = change.party;
        let mut party = self
            .by_id
            .get(&id)
            .ok_or(Refusal::PartyUnknown { party: id })?
            .clone();
        let expected = party.standing_changes.saturating_add(1);
        if change.sequence != expected {
            let (what, found) = ("sequence", change.sequence);
            return Err(Refusal::OutOfSequence {
                what,
                expected,
                found,
            });
        }
        if party.suspended == suspend {
            let standing = if suspend {
                "suspended"
            } else {
                "in good standing"
            };
            return Err(Refusal::StandingUnchanged {
                party: id,
                standing,
            });
        }
        let active_supervisors = self
            .by_id
            .values()
            .filter(|party| party.roles.has(Role::Supervisor) && !party.suspended)
            .count();
        if suspend && party.roles.has(Role::Supervisor) && active_supervisors == 1 {
            return Err(Refusal::LastSupervisor { party: id });
        }
        party.suspended = suspend;
        party.standing_changes = expected;
        Ok(PartyChange { id, party })
    }

    pub(super) fn check_rotation(
        &self,
        id: &PartyId,
        rotated: &KeysRotated,
    ) -> Result<PartyChange, Refusal> {
        let mut party = self.active(id)?.clone();
        let expected = party.generation.saturating_add(1);
        if rotated.generation != expected {
            let (what, found) = ("generation", rotated.generation);
            return Err(Refusal::OutOfSequence {
                what,
                expected,
                found,
            });
        }
        self.check_key_is_new(&rotated.signing_key)?;
        party.signing_key = rotated.signing_key;
        party.sealing_key = rotated.sealing_key;
        party.generation = expected;
        Ok(PartyChange { id: *id, party })
    }

    pub(super) fn apply(&mut self, change: PartyChange) {
        self.keys.insert(change.party.signing_key.to_bytes());
        self.by_id.insert(change.id, change.party);
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.count(self.by_id.len());
        for (id, party) in &self.by_id {
            out.array(&id.0);
            out.text(&party.name);
            party.roles.write(out);
            party.signing_key.write(out);
            out.array(&party.sealing_key);
            out.bool(party.suspended);
            out.u32(party.standing_changes);
            out.u32(party.generation);
        }
        out.count(self.keys.len());
        self.keys.iter().for_each(|key| out.array(key));
    }

    fn check_key_is_new(&self, key: &PublicKey) -> Result<(), Refusal> {
        if self.keys.contains(&key.to_bytes()) {
            Err(Refusal::KeyTaken)
        } else {
            Ok(())
        }
    }
}
