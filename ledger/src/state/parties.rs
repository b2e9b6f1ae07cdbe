//! Parties: admitted, suspended, reinstated, ended, with rotating keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use merits_primitives::{
    calendar::Timestamp,
    ids::{Origin, PartyId},
};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    signature::PublicKey,
};

use super::draft::Draft;
use super::stored::{self, MOST, present};
use crate::entry::{EmergencySuspended, KeySucceeded, KeysRotated, PartyAdmitted, StandingChange};
use crate::refusal::{BoardRefusal, Refusal};
use crate::role::{Role, Roles};
use crate::rows::{Key, Record, RowError, Table, decode};

/// How long one member alone can suspend a party.
pub const EMERGENCY: Duration = Duration::from_secs(72 * 3_600);

/// The time between two emergency suspensions of one party.
pub const EMERGENCY_PAUSE: Duration = Duration::from_secs(30 * 86_400);

/// The state of a party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: Roles,
    /// Its present signing key.
    pub signing_key: PublicKey,
    /// Its present X25519 key.
    pub sealing_key: [u8; 32],
    /// True while an act of the board suspends it.
    pub suspended: bool,
    /// True once it has ended, which is final.
    pub ended: bool,
    /// Until when an emergency suspension holds; [`Timestamp::FIRST`] without one.
    pub barred_until: Timestamp,
    /// Emergency suspensions so far.
    pub emergencies: u32,
    /// When the last one was; of no meaning without one.
    pub last_emergency: Timestamp,
    /// Suspensions, reinstatements and ends by acts of the board so far.
    pub standing_changes: u32,
    /// Changes of keys so far.
    pub generation: u32,
    /// The signing key before the present one, if it signs for some time still. There is no other: while it signs, the
    /// key is changed only by an entry that ends all earlier keys at once.
    pub former: Option<FormerKey>,
}

/// A key that was succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormerKey {
    /// The key.
    pub key: PublicKey,
    /// From this time on it signs nothing.
    pub until: Timestamp,
}

impl Party {
    /// The keys that sign for it at `time`, the present one first.
    pub fn keys(&self, time: Timestamp) -> impl Iterator<Item = PublicKey> + '_ {
        let former = self.former.filter(|former| time < former.until);
        std::iter::once(self.signing_key).chain(former.map(|former| former.key))
    }

    /// Whether this key signs for it at `time`.
    pub fn signs_with(&self, key: &PublicKey, time: Timestamp) -> bool {
        self.keys(time).any(|known| known == *key)
    }
}

/// All parties.
#[derive(Debug, Clone, Default)]
pub struct Parties {
    by_id: Arc<BTreeMap<PartyId, Party>>,
    /// Every signing key that was ever a party's.
    keys: Arc<BTreeSet<[u8; 32]>>,
    /// Parties that were suspended in an emergency, and until when.
    barred: Arc<BTreeMap<PartyId, Timestamp>>,
    /// The time by which emergency suspensions are judged; without it, none holds ([`Parties::at`]).
    now: Option<Timestamp>,
}

impl Canonical for Party {
    const NAME: &'static str = "party";

    fn write(&self, out: &mut Writer) {
        out.text(&self.name);
        self.roles.write(out);
        self.signing_key.write(out);
        out.array(&self.sealing_key);
        out.bool(self.suspended);
        out.bool(self.ended);
        out.time(self.barred_until);
        out.u32(self.emergencies);
        out.time(self.last_emergency);
        out.u32(self.standing_changes);
        out.u32(self.generation);
        out.option(self.former.as_ref(), |out, former| {
            former.key.write(out);
            out.time(former.until);
        });
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            name: input.text("name", MOST)?,
            roles: Roles::read(input)?,
            signing_key: PublicKey::read(input)?,
            sealing_key: input.array("sealing key")?,
            suspended: input.bool("suspended")?,
            ended: input.bool("ended")?,
            barred_until: input.time("barred until")?,
            emergencies: input.u32("emergencies")?,
            last_emergency: input.time("last emergency")?,
            standing_changes: input.u32("standing changes")?,
            generation: input.u32("generation")?,
            former: input.option("former key", |input| {
                Ok(FormerKey {
                    key: PublicKey::read(input)?,
                    until: input.time("end of the former key")?,
                })
            })?,
        })
    }
}

impl Record for Party {
    const TABLE: Table = Table::Party;
}

present!(
    /// A signing key that was a party's once.
    PartyKey in Table::PartyKey
);

impl Party {
    /// Whether it may act at `time`: neither suspended nor ended.
    pub fn is_in_standing(&self, time: Timestamp) -> bool {
        !self.suspended && !self.ended && time >= self.barred_until
    }
}

impl Parties {
    /// The same parties, judged at `time`. An emergency suspension ends by time alone. So [`Parties::active`]
    /// without a time ignores it: verification before an entry's time is known, or long after, must not
    /// depend on it. The rules judge each entry at its own time.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> Self {
        let now = Some(time);
        Self {
            now,
            ..self.clone()
        }
    }

    /// Whether an emergency suspension holds at `time`.
    pub(super) fn any_barred(&self, time: Timestamp) -> bool {
        self.barred.values().any(|until| time < *until)
    }

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

    /// The party, admitted and not ended. It may be suspended.
    ///
    /// # Errors
    /// [`Refusal::PartyUnknown`], [`Refusal::PartyEnded`].
    pub fn present(&self, id: &PartyId) -> Result<&Party, Refusal> {
        match self.by_id.get(id) {
            None => Err(Refusal::PartyUnknown { party: *id }),
            Some(party) if party.ended => Err(Refusal::PartyEnded { party: *id }),
            Some(party) => Ok(party),
        }
    }

    /// The party, admitted and neither ended nor suspended. Emergency suspensions count in what [`Parties::at`] gives.
    ///
    /// # Errors
    /// [`Refusal::PartyUnknown`], [`Refusal::PartyEnded`], [`Refusal::PartySuspended`].
    pub fn active(&self, id: &PartyId) -> Result<&Party, Refusal> {
        let party = self.present(id)?;
        if party.suspended || self.now.is_some_and(|now| now < party.barred_until) {
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
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
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
            ended: false,
            barred_until: Timestamp::FIRST,
            emergencies: 0,
            last_emergency: Timestamp::FIRST,
            standing_changes: 0,
            generation: 0,
            former: None,
        };
        record(draft, &id, &party);
        Ok(())
    }

    pub(super) fn check_suspended(
        &self,
        change: &StandingChange,
        trust: u16,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let mut party = self.next_standing(change)?;
        if party.suspended {
            let (party, standing) = (change.party, "suspended");
            return Err(Refusal::StandingUnchanged { party, standing });
        }
        self.check_enough_without(&change.party, &party, trust)?;
        party.suspended = true;
        record(draft, &change.party, &party);
        Ok(())
    }

    /// Also ends an emergency suspension.
    pub(super) fn check_reinstated(
        &self,
        change: &StandingChange,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let mut party = self.next_standing(change)?;
        let is_barred = self.now.is_some_and(|now| now < party.barred_until);
        if !party.suspended && !is_barred {
            let (party, standing) = (change.party, "in good standing");
            return Err(Refusal::StandingUnchanged { party, standing });
        }
        party.suspended = false;
        party.barred_until = Timestamp::FIRST;
        record(draft, &change.party, &party);
        Ok(())
    }

    pub(super) fn check_ended(
        &self,
        change: &StandingChange,
        trust: u16,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let mut party = self.next_standing(change)?;
        self.check_enough_without(&change.party, &party, trust)?;
        party.ended = true;
        record(draft, &change.party, &party);
        Ok(())
    }

    /// One member suspends a party for [`EMERGENCY`].
    pub(super) fn check_emergency(
        &self,
        suspended: &EmergencySuspended,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let id = suspended.party;
        let mut party = self.present(&id)?.clone();
        if let Some(role) = party.roles.of_trust() {
            return Err(BoardRefusal::EmergencyProtected { party: id, role }.into());
        }
        let expected = party.emergencies.saturating_add(1);
        if suspended.number != expected {
            let (what, found) = ("number", suspended.number);
            return Err(Refusal::OutOfSequence {
                what,
                expected,
                found,
            });
        }
        let from = party.last_emergency + EMERGENCY_PAUSE;
        if party.emergencies > 0 && time < from {
            return Err(BoardRefusal::EmergencyAgain { party: id, from }.into());
        }
        if party.suspended {
            let standing = "suspended";
            return Err(Refusal::StandingUnchanged {
                party: id,
                standing,
            });
        }
        party.emergencies = expected;
        party.last_emergency = time;
        party.barred_until = time + EMERGENCY;
        record(draft, &id, &party);
        Ok(())
    }

    /// The party as it is after an act about its standing is counted.
    fn next_standing(&self, change: &StandingChange) -> Result<Party, Refusal> {
        let mut party = self.present(&change.party)?.clone();
        let expected = party.standing_changes.saturating_add(1);
        if change.sequence != expected {
            let (what, found) = ("sequence", change.sequence);
            return Err(Refusal::OutOfSequence {
                what,
                expected,
                found,
            });
        }
        party.standing_changes = expected;
        Ok(party)
    }

    /// Without a supervisor, enough must be left in standing for an act of trust, because nothing else could undo
    /// it.
    fn check_enough_without(&self, id: &PartyId, party: &Party, trust: u16) -> Result<(), Refusal> {
        if !party.roles.has(Role::Supervisor) {
            return Ok(());
        }
        let others = self.by_id.iter().filter(|(other, _)| *other != id);
        let others = others.filter(|(_, other)| other.roles.has(Role::Supervisor));
        let left = others.filter(|(_, other)| !other.suspended && !other.ended);
        let (left, needed) = (left.count(), trust);
        if left < usize::from(needed) {
            let party = *id;
            return Err(Refusal::LastSupervisor {
                party,
                left,
                needed,
            });
        }
        Ok(())
    }

    /// The old signing key ends at once, and so does an earlier one in its grace.
    pub(super) fn check_rotation(
        &self,
        id: &PartyId,
        rotated: &KeysRotated,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let party = self.with_key(id, rotated.generation, rotated.signing_key)?;
        let party = Party {
            sealing_key: rotated.sealing_key,
            former: None,
            ..party
        };
        record(draft, id, &party);
        Ok(())
    }

    /// The old signing key signs for some time still. Without a grace, all earlier keys end at once; with one, none may
    /// be in its own grace, which would be cut off without a word.
    pub(super) fn check_succession(
        &self,
        id: &PartyId,
        succeeded: &KeySucceeded,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let former = FormerKey {
            key: self.active(id)?.signing_key,
            until: time + succeeded.grace(),
        };
        let party = self.with_key(id, succeeded.generation, succeeded.signing_key)?;
        let in_grace = party.former.filter(|earlier| time < earlier.until);
        if let Some(earlier) = in_grace
            && former.until > time
        {
            let until = earlier.until;
            return Err(Refusal::KeyInGrace { party: *id, until });
        }
        let party = Party {
            former: (former.until > time).then_some(former),
            ..party
        };
        record(draft, id, &party);
        Ok(())
    }

    /// The party with its next signing key, which must never have been a party's.
    fn with_key(
        &self,
        id: &PartyId,
        generation: u32,
        signing_key: PublicKey,
    ) -> Result<Party, Refusal> {
        let party = self.active(id)?;
        let expected = party.generation.saturating_add(1);
        if generation != expected {
            let (what, found) = ("generation", generation);
            return Err(Refusal::OutOfSequence {
                what,
                expected,
                found,
            });
        }
        self.check_key_is_new(&signing_key)?;
        Ok(Party {
            signing_key,
            generation,
            ..party.clone()
        })
    }

    /// Applies a changed row.
    pub(super) fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), RowError> {
        let id = PartyId(stored::key(Table::Party, key)?);
        let party: Party = decode(value)?;
        // Most parties never were, and the table is not copied for them.
        if party.barred_until > Timestamp::FIRST {
            Arc::make_mut(&mut self.barred).insert(id, party.barred_until);
        } else if self.barred.contains_key(&id) {
            Arc::make_mut(&mut self.barred).remove(&id);
        }
        Arc::make_mut(&mut self.by_id).insert(id, party);
        Ok(())
    }

    /// Adds a used signing key.
    pub(super) fn apply_key(&mut self, key: &[u8]) -> Result<(), RowError> {
        Arc::make_mut(&mut self.keys).insert(stored::key(Table::PartyKey, key)?);
        Ok(())
    }

    fn check_key_is_new(&self, key: &PublicKey) -> Result<(), Refusal> {
        if self.keys.contains(&key.to_bytes()) {
            Err(Refusal::KeyTaken)
        } else {
            Ok(())
        }
    }
}

fn record(draft: &mut Draft<'_>, id: &PartyId, party: &Party) {
    draft.put(Key::new(&[&id.0]), party);
    draft.put(Key::new(&[&party.signing_key.to_bytes()]), &PartyKey);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A follower clones the governing state for each run of entries.
    #[test]
    fn a_clone_copies_a_table_when_it_changes() {
        let mut parties = Parties::default();
        parties.apply_key(&[1; 32]).expect("a key");
        let before = parties.clone();
        assert!(Arc::ptr_eq(&before.keys, &parties.keys));
        parties.apply_key(&[2; 32]).expect("a key");
        assert_eq!((before.keys.len(), parties.keys.len()), (1, 2));
        assert!(Arc::ptr_eq(&before.by_id, &parties.by_id));
        // Now it is not shared any more.
        let table = Arc::as_ptr(&parties.keys);
        parties.apply_key(&[3; 32]).expect("a key");
        assert_eq!(Arc::as_ptr(&parties.keys), table);
    }
}
