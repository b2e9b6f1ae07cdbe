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
use merits_threshold::tags::{key::TagKey, share::check_element};
use merits_verifier::fields;

use super::Parties;
use super::draft::Draft;
use super::stored;
use super::tag_key::{TagDealings, TagKeyRecord, record_key};
use super::tickets::MOST_DAYS_AHEAD;
use crate::board_facts::Thresholds;
use crate::entry::{
    EvaluationCounted, EvaluatorOpened, IdentityRegistered, IdentityRetired, UniquenessTag,
};
use crate::refusal::{CheckError, IdentityRefusal, Refusal, TagKeyRefusal};
use crate::role::Role;
use crate::rows::{self, Key, RowError, RowKey, Rows, Table, View, decode};
pub use group::GroupTree;
use records::{Count, CountedBy, GroupHead, Node, Superseded};

/// A root is taken for so long after it was superseded: proofs under way do not fail
/// because somebody else was registered, and a retired identity is gone after an hour.
pub const ROOT_GRACE: Duration = Duration::from_secs(3_600);

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
    request: [u8; 32],
}

/// What was counted for a registrar's blinded element. What is counted for another registrar is that one's, so no evaluator
/// can spoil a request by counting it for somebody else first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluatedRequest {
    /// The evaluators that counted it, in the order of the log, each with its first entry.
    pub counted: Vec<(PartyId, EntryId)>,
    /// Whether a person was registered with it.
    pub used: bool,
}

impl EvaluatedRequest {
    /// The entry by which this evaluator counted it.
    pub fn counted_by(&self, evaluator: &PartyId) -> Option<EntryId> {
        let own = self.counted.iter().find(|(party, _)| party == evaluator)?;
        Some(own.1)
    }
}

/// The governing part of people: the key of the tags, and the group's root.
#[derive(Debug, Clone, Default)]
pub(super) struct Register {
    tag_key: Option<TagKeyRecord>,
    /// Evaluations by registrar.
    counts: Arc<BTreeMap<PartyId, u64>>,
    /// Evaluations by evaluator.
    counted: Arc<BTreeMap<PartyId, u64>>,
    group: GroupHead,
}

/// All people: the governing part, and a reader of the other rows.
#[derive(Debug, Clone, Copy)]
pub struct People<'s> {
    pub(super) register: &'s Register,
    pub(super) rows: &'s dyn Rows,
}

impl<'s> People<'s> {
    /// The key of the uniqueness tags and its holders, once there is one.
    pub fn tag_key(&self) -> Option<&'s TagKeyRecord> {
        self.register.tag_key.as_ref()
    }

    /// Dealings of the key's shares.
    pub fn tag_dealings(&self) -> TagDealings<'s> {
        TagDealings { rows: self.rows }
    }

    /// Evaluations that one evaluator counted.
    pub fn evaluations_by(&self, evaluator: &PartyId) -> u64 {
        self.register.evaluations_by(evaluator)
    }

    /// Evaluations counted: one for each evaluator that answered.
    pub fn evaluations(&self) -> u64 {
        self.register.evaluations()
    }

    /// Evaluations of one registrar.
    pub fn evaluations_of(&self, registrar: &PartyId) -> u64 {
        let counts = &self.register.counts;
        counts.get(registrar).copied().unwrap_or_default()
    }

    /// What was counted for a registrar's blinded element, by its digest ([`crate::entry::evaluation_digest`]).
    ///
    /// # Errors
    /// [`RowError`].
    pub fn evaluation(
        &self,
        registrar: &PartyId,
        request: &[u8; 32],
    ) -> Result<Option<EvaluatedRequest>, RowError> {
        rows::get(self.rows, &request_key(registrar, request))
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
    pub(super) fn tag_key(&self) -> Option<&TagKeyRecord> {
        self.tag_key.as_ref()
    }

    fn evaluations_by(&self, evaluator: &PartyId) -> u64 {
        self.counted.get(evaluator).copied().unwrap_or_default()
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
        let evaluation = evaluation_key(&registered.evaluation);
        let request = view
            .known(&evaluation)?
            .map(|counted| request_key(&counted.registrar, &counted.request));
        let mut keys = vec![
            evaluation.into_row(),
            commitment_key(&registered.commitment).into_row(),
            person.clone().into_row(),
        ];
        keys.extend(request.map(Key::into_row));
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
        board: &Thresholds,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        if self.tag_key.is_some() {
            return Err(IdentityRefusal::EvaluatorStands.into());
        }
        // Where no supervisor decides alone, no evaluator has a key alone, which would be the ledger's for ever.
        if !board.is_alone() {
            return Err(TagKeyRefusal::Whole.into());
        }
        if check_element(&opened.public_key).is_err() {
            return Err(TagKeyRefusal::NoElement.into());
        }
        let record = TagKeyRecord {
            generation: 1,
            key: TagKey::sole(party, opened.public_key),
            was_whole: true,
            dealt_by: None,
        };
        draft.put(record_key(), &record);
        Ok(())
    }

    pub(super) fn check_counted(
        &self,
        id: EntryId,
        party: PartyId,
        counted: &EvaluationCounted,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let share = self
            .tag_key()
            .and_then(|record| record.key.share_of(&party));
        if share.is_none() {
            return Err(IdentityRefusal::NotTheEvaluator { party }.into());
        }
        let expected = self.evaluations_by(&party) + 1;
        if counted.number != expected {
            let found = counted.number;
            return Err(IdentityRefusal::EvaluationNumber { expected, found }.into());
        }
        let registrar = counted.registrar;
        let count = self.counts.get(&registrar).copied().unwrap_or_default() + 1;
        draft.put(Key::new(&[&registrar.0]), &Count(count));
        draft.put(Key::new(&[&party.0]), &CountedBy(expected));
        let request = counted.request;
        draft.put(evaluation_key(&id), &Evaluation { registrar, request });
        let key = request_key(&registrar, &request);
        let evaluated = draft.get(&key)?;
        let mut evaluated = evaluated.unwrap_or_else(|| EvaluatedRequest {
            counted: Vec::new(),
            used: false,
        });
        // The first one stays: an evaluator may count the same element twice.
        if evaluated.counted_by(&party).is_none() {
            evaluated.counted.push((party, id));
            draft.put(key, &evaluated);
        }
        Ok(())
    }

    pub(super) fn check_registered(
        &self,
        registrar: PartyId,
        registered: &IdentityRegistered,
        time: Timestamp,
        parties: &Parties,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let (request, evaluated) = self.evaluated(registrar, registered, draft)?;
        self.check_answered(&evaluated, parties)?;
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
                what: fields::GENERATION,
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
        draft.put(request, &EvaluatedRequest { used, ..evaluated });
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

    /// What was counted for the request that the registration names, which must be its registrar's and not used.
    fn evaluated(
        &self,
        registrar: PartyId,
        registered: &IdentityRegistered,
        draft: &Draft<'_>,
    ) -> Result<(Key<EvaluatedRequest>, EvaluatedRequest), CheckError> {
        let unfit = IdentityRefusal::EvaluationUnfit;
        let counted = draft.get(&evaluation_key(&registered.evaluation))?;
        let Some(counted) = counted.filter(|counted| counted.registrar == registrar) else {
            return Err(unfit.into());
        };
        let request = request_key(&registrar, &counted.request);
        match draft.get(&request)? {
            Some(evaluated) if !evaluated.used => Ok((request, evaluated)),
            _ => Err(unfit.into()),
        }
    }

    /// As many evaluators in standing counted the request as must answer. It may be older than the suspension of one.
    fn check_answered(
        &self,
        evaluated: &EvaluatedRequest,
        parties: &Parties,
    ) -> Result<(), Refusal> {
        let needed = self
            .tag_key()
            .map_or(1, |record| record.key.threshold().needed());
        let mut standing = evaluated.counted.len();
        let mut why = None;
        for (evaluator, _) in &evaluated.counted {
            if let Err(refusal) = parties.acting(evaluator, Role::Evaluator) {
                standing -= 1;
                why.get_or_insert(refusal);
            }
        }
        if standing >= usize::from(needed) {
            return Ok(());
        }
        let counted = standing;
        Err(why.unwrap_or_else(|| IdentityRefusal::EvaluationIncomplete { counted, needed }.into()))
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
            Table::Evaluator => self.tag_key = Some(decode(value)?),
            Table::EvaluatorCount => {
                let CountedBy(count) = decode(value)?;
                Arc::make_mut(&mut self.counted).insert(PartyId(stored::key(table, key)?), count);
            }
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

pub(super) fn request_key(registrar: &PartyId, request: &[u8; 32]) -> Key<EvaluatedRequest> {
    Key::new(&[&registrar.0, request])
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
