//! Registered people: each has one identity, in a group whose root statements prove against.

mod group;
mod records;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use merits_primitives::{
    calendar::{Day, Timestamp},
    field,
    group::{self as tree, GroupRoot, NodePosition},
    identity::{Birth, IdentityCommitment, IdentityLeaf, leaf},
    ids::{EntryId, PartyId},
};

use super::draft::Draft;
use super::stored;
use super::tickets::MOST_DAYS_AHEAD;
use crate::entry::{
    EvaluationCounted, EvaluatorOpened, IdentityRegistered, IdentityRetired, UniquenessTag,
};
use crate::refusal::{CheckError, IdentityRefusal, Refusal};
use crate::rows::{self, Key, RowError, RowKey, Rows, Table, View, decode};
pub use group::GroupTree;
use records::{Count, GroupHead, Node, Superseded};

/// A root is taken for so long after it was superseded: proofs under way do not fail
/// because somebody else was registered, and a retired identity is gone after an hour.
pub const ROOT_GRACE: Duration = Duration::from_secs(3_600);

/// The evaluator of uniqueness tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluator {
    /// The party.
    pub party: PartyId,
    /// The VOPRF's public key.
    pub public_key: [u8; 32],
}

/// A registered person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The tag that makes the identity unique.
    pub tag: UniquenessTag,
    /// The newest IC.
    pub commitment: IdentityCommitment,
    /// Index of its leaf.
    pub index: u64,
    /// Eligibility and generation.
    pub birth: Birth,
    /// The registrar.
    pub registrar: PartyId,
    /// Whether the identity was retired.
    pub retired: bool,
}

/// An evaluation that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Evaluation {
    registrar: PartyId,
    used: bool,
}

/// The first evaluation of a blinded element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstEvaluation {
    /// The registrar that it was counted for.
    pub registrar: PartyId,
    /// The entry that counted it.
    pub entry: EntryId,
}

/// The governing part of people: the evaluator, and the group's root.
#[derive(Debug, Clone, Default)]
pub(super) struct Register {
    evaluator: Option<Evaluator>,
    /// Evaluations by registrar.
    counts: Arc<BTreeMap<PartyId, u64>>,
    group: GroupHead,
}

/// All people: the governing part, and a reader of the other rows.
#[derive(Debug, Clone, Copy)]
pub struct People<'s> {
    pub(super) register: &'s Register,
    pub(super) rows: &'s dyn Rows,
}

impl<'s> People<'s> {
    /// The evaluator, once it has published its key.
    pub fn evaluator(&self) -> Option<&'s Evaluator> {
        self.register.evaluator.as_ref()
    }

    /// Evaluations counted.
    pub fn evaluations(&self) -> u64 {
        self.register.evaluations()
    }

    /// Evaluations of one registrar.
    pub fn evaluations_of(&self, registrar: &PartyId) -> u64 {
        let counts = &self.register.counts;
        counts.get(registrar).copied().unwrap_or_default()
    }

    /// The first evaluation of a blinded element, by its digest ([`crate::entry::evaluation_digest`]).
    ///
    /// # Errors
    /// [`RowError`].
    pub fn evaluation(&self, request: &[u8; 32]) -> Result<Option<FirstEvaluation>, RowError> {
        rows::get(self.rows, &request_key(request))
    }

    /// The person with this tag.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn by_tag(&self, tag: &UniquenessTag) -> Result<Option<Person>, RowError> {
        rows::get(self.rows, &person_key(tag))
    }

    /// The person whose identity has or had this IC. Compare [`Person::commitment`].
    ///
    /// # Errors
    /// [`RowError`].
    pub fn by_commitment(
        &self,
        commitment: &IdentityCommitment,
    ) -> Result<Option<Person>, RowError> {
        match rows::get(self.rows, &commitment_key(commitment))? {
            None => Ok(None),
            Some(tag) => self.by_tag(&tag),
        }
    }

    /// The group: its root, its leaves, their paths.
    pub fn group(&self) -> GroupTree<'s> {
        GroupTree {
            head: self.register.group,
            rows: self.rows,
        }
    }

    /// Whether a statement may prove against this root at `time`. It must be the present one, or
    /// one that was superseded at most an hour ago.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn accepts(&self, root: GroupRoot, time: Timestamp) -> Result<bool, RowError> {
        if self.register.group.root == Some(root) {
            return Ok(true);
        }
        let old = rows::get(self.rows, &old_root_key(root))?;
        Ok(old.is_some_and(|old| old.is_good(time)))
    }

    /// The first day from which an identity that is registered again at `time` may be eligible. No ticket of
    /// the previous identity reaches this day: tickets are accepted for periods that begin at most
    /// [`MOST_DAYS_AHEAD`] days ahead, and under the old root for one hour more.
    pub fn earliest_after_loss(time: Timestamp) -> Day {
        (time + ROOT_GRACE)
            .day()
            .saturating_add(MOST_DAYS_AHEAD)
            .saturating_add(1)
    }
}

impl Register {
    pub(super) fn evaluator(&self) -> Option<&Evaluator> {
        self.evaluator.as_ref()
    }

    pub(super) fn evaluations(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Whether a statement may prove against this root at `time`.
    pub(super) fn accepts(
        &self,
        view: &View,
        root: GroupRoot,
        time: Timestamp,
    ) -> Result<bool, RowError> {
        if self.group.root == Some(root) {
            return Ok(true);
        }
        let old = view.get(&old_root_key(root))?;
        Ok(old.is_some_and(|old| old.is_good(time)))
    }

    /// The rows that a registration reads.
    pub(super) fn registration_reads(
        &self,
        view: &View,
        registered: &IdentityRegistered,
    ) -> Result<Vec<RowKey>, RowError> {
        let person = person_key(&registered.tag);
        let mut keys = vec![
            evaluation_key(&registered.evaluation).into_row(),
            commitment_key(&registered.commitment).into_row(),
            person.clone().into_row(),
        ];
        let size = self.group.size;
        if let Some(person) = view.known(&person)?
            && !person.retired
        {
            keys.extend(path_reads(size, person.index));
        }
        keys.extend(path_reads(size.saturating_add(1), size));
        Ok(keys)
    }

    /// The rows that the end of an identity reads.
    pub(super) fn retirement_reads(
        &self,
        view: &View,
        retired: &IdentityRetired,
    ) -> Result<Vec<RowKey>, RowError> {
        let commitment = commitment_key(&retired.commitment);
        let mut keys = vec![commitment.clone().into_row()];
        if let Some(tag) = view.known(&commitment)? {
            let person = person_key(&tag);
            keys.push(person.clone().into_row());
            if let Some(person) = view.known(&person)? {
                keys.extend(path_reads(self.group.size, person.index));
            }
        }
        Ok(keys)
    }

    pub(super) fn check_opened(
        &self,
        party: PartyId,
        opened: &EvaluatorOpened,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        if self.evaluator.is_some() {
            return Err(IdentityRefusal::EvaluatorStands.into());
        }
        let evaluator = Evaluator {
            party,
            public_key: opened.public_key,
        };
        draft.put(Key::new(&[]), &evaluator);
        Ok(())
    }

    pub(super) fn check_counted(
        &self,
        id: EntryId,
        party: PartyId,
        counted: &EvaluationCounted,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        if self.evaluator.as_ref().map(|evaluator| evaluator.party) != Some(party) {
            return Err(IdentityRefusal::NotTheEvaluator { party }.into());
        }
        let expected = self.evaluations() + 1;
        if counted.number != expected {
            let found = counted.number;
            return Err(IdentityRefusal::EvaluationNumber { expected, found }.into());
        }
        let registrar = counted.registrar;
        let count = self.counts.get(&registrar).copied().unwrap_or_default() + 1;
        draft.put(Key::new(&[&registrar.0]), &Count(count));
        let used = false;
        draft.put(evaluation_key(&id), &Evaluation { registrar, used });
        // The first one stays, because an evaluator may count the same element twice.
        let request = request_key(&counted.request);
        if draft.get(&request)?.is_none() {
            let entry = id;
            draft.put(request, &FirstEvaluation { registrar, entry });
        }
        Ok(())
    }

    pub(super) fn check_registered(
        &self,
        registrar: PartyId,
        registered: &IdentityRegistered,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        match draft.get(&evaluation_key(&registered.evaluation))? {
            Some(evaluation) if evaluation.registrar == registrar && !evaluation.used => {}
            _ => return Err(IdentityRefusal::EvaluationUnfit.into()),
        }
        if draft
            .get(&commitment_key(&registered.commitment))?
            .is_some()
        {
            return Err(IdentityRefusal::CommitmentKnown.into());
        }
        let known = draft.get(&person_key(&registered.tag))?;
        let generation = match &known {
            None => 0,
            Some(_) if registered.generation == 0 => {
                return Err(IdentityRefusal::PersonKnown.into());
            }
            Some(person) => {
                let earliest = People::earliest_after_loss(time);
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
            }
            .into());
        }
        self.supersede(draft, time);
        let mut group = self.group;
        if let Some(person) = known {
            group = retire(draft, group, person)?;
        }
        let birth = Birth {
            from: registered.from,
            generation: registered.generation,
        };
        let index = group.size;
        if index >> tree::MAX_DEPTH != 0 {
            return Err(IdentityRefusal::GroupFull.into());
        }
        group.size += 1;
        let leaf = leaf(registered.commitment, birth);
        group = set_leaf(draft, group, index, leaf)?;
        draft.put(Key::new(&[]), &group);
        let used = true;
        let evaluation = Evaluation { registrar, used };
        draft.put(evaluation_key(&registered.evaluation), &evaluation);
        draft.put(commitment_key(&registered.commitment), &registered.tag);
        let person = Person {
            tag: registered.tag,
            commitment: registered.commitment,
            index,
            birth,
            registrar,
            retired: false,
        };
        draft.put(person_key(&registered.tag), &person);
        Ok(())
    }

    pub(super) fn check_retired(
        &self,
        retired: &IdentityRetired,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let person = match draft.get(&commitment_key(&retired.commitment))? {
            None => None,
            Some(tag) => draft.get(&person_key(&tag))?,
        };
        match person {
            Some(person) if person.commitment == retired.commitment && !person.retired => {
                self.supersede(draft, time);
                let group = retire(draft, self.group, person)?;
                draft.put(Key::new(&[]), &group);
                Ok(())
            }
            _ => Err(IdentityRefusal::Unknown.into()),
        }
    }

    /// Keeps the present root for those who prove against it just now.
    fn supersede(&self, draft: &mut Draft<'_>, time: Timestamp) {
        if let Some(root) = self.group.root {
            draft.put(old_root_key(root), &Superseded(time));
        }
    }

    /// Applies a changed row.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rows of all other tables are refused"
    )]
    pub(super) fn apply(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), RowError> {
        match table {
            Table::Evaluator => self.evaluator = Some(decode(value)?),
            Table::EvaluationCount => {
                let Count(count) = decode(value)?;
                Arc::make_mut(&mut self.counts).insert(PartyId(stored::key(table, key)?), count);
            }
            Table::Group => self.group = decode(value)?,
            table => return Err(RowError::Missing { table }),
        }
        Ok(())
    }
}

/// Retires a person's identity, if it is not yet retired.
fn retire(draft: &mut Draft<'_>, group: GroupHead, person: Person) -> Result<GroupHead, RowError> {
    if person.retired {
        return Ok(group);
    }
    let group = set_leaf(draft, group, person.index, IdentityLeaf::RETIRED)?;
    let retired = Person {
        retired: true,
        ..person
    };
    draft.put(person_key(&retired.tag), &retired);
    Ok(group)
}

/// Writes a leaf, and the nodes above it.
fn set_leaf(
    draft: &mut Draft<'_>,
    group: GroupHead,
    index: u64,
    leaf: IdentityLeaf,
) -> Result<GroupHead, RowError> {
    let nodes = tree::ancestors(group.size, index, leaf, |place| {
        let node = draft.get(&node_key(place))?;
        let missing = RowError::Missing {
            table: Table::GroupNode,
        };
        node.map(|Node(node)| node).ok_or(missing)
    })?;
    let root = nodes.last().map(|(_, root)| GroupRoot(*root));
    for (place, node) in nodes {
        draft.put(node_key(place), &Node(node));
    }
    Ok(GroupHead { root, ..group })
}

/// The sibling nodes of a leaf's path.
fn path_reads(size: u64, index: u64) -> impl Iterator<Item = RowKey> {
    let places = tree::siblings(size, index).flatten();
    places.map(|place| node_key(place).into_row())
}

fn evaluation_key(id: &EntryId) -> Key<Evaluation> {
    Key::new(&[&id.0])
}

pub(super) fn request_key(request: &[u8; 32]) -> Key<FirstEvaluation> {
    Key::new(&[request])
}

fn person_key(tag: &UniquenessTag) -> Key<Person> {
    Key::new(&[&tag.0])
}

fn commitment_key(commitment: &IdentityCommitment) -> Key<UniquenessTag> {
    Key::new(&[&field::to_bytes(commitment)])
}

fn node_key(place: NodePosition) -> Key<Node> {
    Key::new(&[&[place.level], &place.index.to_be_bytes()])
}

pub(super) fn old_root_key(root: GroupRoot) -> Key<Superseded> {
    Key::new(&[&field::to_bytes(&root)])
}
