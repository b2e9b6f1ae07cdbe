//! Registered people: one identity each, in a group whose root statements prove against.

use std::collections::{BTreeMap, VecDeque};

use merits_primitives::{
    Fr, field,
    group::{self, Group},
    identity::{Birth, leaf},
    ids::{EntryId, PartyId},
};
use merits_verifier::codec::Writer;

use super::tickets::MOST_DAYS_AHEAD;
use crate::entry::{
    EvaluationCounted, EvaluatorOpened, IdentityRegistered, IdentityRetired, UniquenessTag,
};
use crate::refusal::{IdentityRefusal, Refusal};

/// A root is taken for so long after it was superseded, milliseconds: proofs under way do not fail
/// because somebody else was registered, and a retired identity is gone after an hour.
pub const ROOT_GRACE: u64 = 3_600_000;

/// Milliseconds of a day.
pub(super) const DAY: u64 = 86_400_000;

/// The evaluator of uniqueness tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluator {
    /// Who it is.
    pub party: PartyId,
    /// The VOPRF's public key.
    pub public_key: [u8; 32],
}

/// A registered person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The tag that keeps it one.
    pub tag: UniquenessTag,
    /// The newest IC.
    pub commitment: Fr,
    /// Index of its leaf.
    pub index: u64,
    /// Eligibility and generation.
    pub birth: Birth,
    /// Who registered it.
    pub registrar: PartyId,
    /// Whether the identity ended.
    pub retired: bool,
}

/// An evaluation that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Evaluation {
    registrar: PartyId,
    used: bool,
}

/// All people.
#[derive(Debug, Clone, Default)]
pub struct People {
    evaluator: Option<Evaluator>,
    evaluations: BTreeMap<EntryId, Evaluation>,
    by_tag: BTreeMap<UniquenessTag, Person>,
    /// Every IC ever registered, and whose it is or was.
    by_commitment: BTreeMap<[u8; 32], UniquenessTag>,
    group: Group,
    /// Superseded roots with the time at which they were.
    superseded: VecDeque<(Fr, u64)>,
}

/// A change to apply.
#[derive(Debug, Clone)]
pub(super) enum PeopleChange {
    Evaluator(Evaluator),
    Evaluation {
        id: EntryId,
        registrar: PartyId,
    },
    Registered {
        registrar: PartyId,
        registered: IdentityRegistered,
        time: u64,
    },
    Retired {
        tag: UniquenessTag,
        time: u64,
    },
}

/// The day of a time, counted from 1 January 1970.
pub(super) fn day_of(time: u64) -> u32 {
    u32::try_from(time / DAY).unwrap_or(u32::MAX)
}

impl People {
    /// The evaluator, once it showed its key.
    pub fn evaluator(&self) -> Option<&Evaluator> {
        self.evaluator.as_ref()
    }

    /// Evaluations counted, and of them those of one registrar.
    pub fn evaluations(&self) -> u64 {
        self.evaluations.len() as u64
    }

    /// Evaluations of one registrar.
    pub fn evaluations_of(&self, registrar: &PartyId) -> u64 {
        let own = |evaluation: &&Evaluation| evaluation.registrar == *registrar;
        self.evaluations.values().filter(own).count() as u64
    }

    /// The person with this tag.
    pub fn by_tag(&self, tag: &UniquenessTag) -> Option<&Person> {
        self.by_tag.get(tag)
    }

    /// The person whose identity has or had this IC. Compare [`Person::commitment`].
    pub fn by_commitment(&self, commitment: &Fr) -> Option<&Person> {
        self.by_tag
            .get(self.by_commitment.get(&field::to_bytes(commitment))?)
    }

    /// The group: its root, its leaves, their paths.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// Whether a statement may prove against this root at `time`: the present one, or one that was
    /// superseded at most an hour ago.
    pub fn accepts(&self, root: Fr, time: u64) -> bool {
        self.group.root() == Some(root)
            || self
                .superseded
                .iter()
                .any(|(old, at)| *old == root && time.saturating_sub(*at) <= ROOT_GRACE)
    }

    /// The first day from which an identity that is registered anew at `time` may be eligible: no
    /// ticket of the identity before can reach it, for those are taken for periods that begin at most
    /// [`MOST_DAYS_AHEAD`] days ahead, and for an hour more under the old root.
    pub fn earliest_after_loss(time: u64) -> u32 {
        day_of(time.saturating_add(ROOT_GRACE))
            .saturating_add(MOST_DAYS_AHEAD)
            .saturating_add(1)
    }

    pub(super) fn check_opened(
        &self,
        party: PartyId,
        opened: &EvaluatorOpened,
    ) -> Result<PeopleChange, Refusal> {
        if self.evaluator.is_some() {
            return Err(IdentityRefusal::EvaluatorStands.into());
        }
        Ok(PeopleChange::Evaluator(Evaluator {
            party,
            public_key: opened.public_key,
        }))
    }

    pub(super) fn check_counted(
        &self,
        id: EntryId,
        party: PartyId,
        counted: &EvaluationCounted,
    ) -> Result<PeopleChange, Refusal> {
        if self.evaluator.as_ref().map(|evaluator| evaluator.party) != Some(party) {
            return Err(IdentityRefusal::NotTheEvaluator { party }.into());
        }
        let expected = self.evaluations() + 1;
        if counted.number != expected {
            let found = counted.number;
            return Err(IdentityRefusal::EvaluationNumber { expected, found }.into());
        }
        Ok(PeopleChange::Evaluation {
            id,
            registrar: counted.registrar,
        })
    }

    pub(super) fn check_registered(
        &self,
        registrar: PartyId,
        registered: &IdentityRegistered,
        time: u64,
    ) -> Result<PeopleChange, Refusal> {
        match self.evaluations.get(&registered.evaluation) {
            Some(evaluation) if evaluation.registrar == registrar && !evaluation.used => {}
            _ => return Err(IdentityRefusal::EvaluationUnfit.into()),
        }
        let commitment = field::to_bytes(&registered.commitment);
        if self.by_commitment.contains_key(&commitment) {
            return Err(IdentityRefusal::CommitmentKnown.into());
        }
        let generation = match self.by_tag.get(&registered.tag) {
            None => 0,
            Some(_) if registered.generation == 0 => {
                return Err(IdentityRefusal::PersonKnown.into());
            }
            Some(person) => {
                let earliest = Self::earliest_after_loss(time);
                if registered.from < earliest {
                    let found = registered.from;
                    return Err(IdentityRefusal::EligibleTooEarly { earliest, found }.into());
                }
                person
                    .birth
                    .generation
                    .checked_add(1)
                    .ok_or(IdentityRefusal::GenerationsUsedUp)?
            }
        };
        if registered.generation != generation {
            return Err(Refusal::OutOfSequence {
                what: "generation",
                expected: generation.into(),
                found: registered.generation.into(),
            });
        }
        Ok(PeopleChange::Registered {
            registrar,
            registered: registered.clone(),
            time,
        })
    }

    pub(super) fn check_retired(
        &self,
        retired: &IdentityRetired,
        time: u64,
    ) -> Result<PeopleChange, Refusal> {
        match self.by_commitment(&retired.commitment) {
            Some(person) if person.commitment == retired.commitment && !person.retired => {
                let tag = person.tag;
                Ok(PeopleChange::Retired { tag, time })
            }
            _ => Err(IdentityRefusal::Unknown.into()),
        }
    }

    pub(super) fn apply(&mut self, change: PeopleChange) {
        match change {
            PeopleChange::Evaluator(evaluator) => self.evaluator = Some(evaluator),
            PeopleChange::Evaluation { id, registrar } => {
                let used = false;
                self.evaluations.insert(id, Evaluation { registrar, used });
            }
            PeopleChange::Registered {
                registrar,
                registered,
                time,
            } => self.register(registrar, &registered, time),
            PeopleChange::Retired { tag, time } => {
                self.supersede(time);
                self.retire(&tag);
            }
        }
    }

    fn register(&mut self, registrar: PartyId, registered: &IdentityRegistered, time: u64) {
        self.supersede(time);
        self.retire(&registered.tag);
        if let Some(evaluation) = self.evaluations.get_mut(&registered.evaluation) {
            evaluation.used = true;
        }
        let birth = Birth {
            from: registered.from,
            generation: registered.generation,
        };
        // 2^32 people do not fit into memory, so the group never gets full here.
        let Ok(index) = self.group.push(leaf(registered.commitment, birth)) else {
            return;
        };
        self.by_commitment
            .insert(field::to_bytes(&registered.commitment), registered.tag);
        self.by_tag.insert(
            registered.tag,
            Person {
                tag: registered.tag,
                commitment: registered.commitment,
                index,
                birth,
                registrar,
                retired: false,
            },
        );
    }

    fn retire(&mut self, tag: &UniquenessTag) {
        if let Some(person) = self.by_tag.get_mut(tag).filter(|person| !person.retired) {
            person.retired = true;
            // The index is a leaf's.
            let _ = self.group.update(person.index, group::empty());
        }
    }

    /// Keeps the present root for those who prove against it just now.
    fn supersede(&mut self, time: u64) {
        self.superseded
            .retain(|(_, at)| time.saturating_sub(*at) <= ROOT_GRACE);
        if let Some(root) = self.group.root() {
            self.superseded.push_back((root, time));
        }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        out.option(self.evaluator.as_ref(), |out, evaluator| {
            out.array(&evaluator.party.0);
            out.array(&evaluator.public_key);
        });
        out.count(self.evaluations.len());
        for (id, evaluation) in &self.evaluations {
            out.array(&id.0);
            out.array(&evaluation.registrar.0);
            out.bool(evaluation.used);
        }
        out.count(self.by_tag.len());
        for person in self.by_tag.values() {
            out.array(&person.tag.0);
            out.field(&person.commitment);
            out.u64(person.index);
            out.field(&person.birth.element());
            out.array(&person.registrar.0);
            out.bool(person.retired);
        }
        out.option(self.group.root().as_ref(), |out, root| out.field(root));
        out.count(self.superseded.len());
        for (root, time) in &self.superseded {
            out.field(root);
            out.u64(*time);
        }
    }
}
