//! A group of entries that is being made.

use std::collections::{HashMap, HashSet};

use merits_ledger::{
    Authentic, CheckError, Conflict, Effects, Governing, Refusal, Submission, Unique, UniqueSet,
    VerifiedProof,
    rows::{RowChange, StateDigest},
    storage::{Finished, Pending as PendingRows, StorageGroup, StoredLeaf},
    tree::{Frontier, Node},
};
use merits_primitives::{calendar::Timestamp, ids::EntryId};
use merits_verifier::log::Hash;

use super::{Log, SequencerError};

/// An entry of a group: authentic, and verified if its kind has a proof.
pub(super) type Entry = (Authentic, Option<VerifiedProof>);

/// A group that is being made.
pub(super) struct Pending {
    pub(super) frontier: Frontier,
    /// Stored nodes at the tree's right edge, and those that the group adds.
    pub(super) nodes: HashMap<Node, Hash>,
    pub(super) new_nodes: Vec<(Node, Hash)>,
    pub(super) rows: PendingRows,
    pub(super) effects: Vec<Effects>,
    /// The values that the effects use up.
    used: HashSet<Value>,
    /// Values that were queried, and whether an earlier group used them up.
    stored: HashMap<Value, bool>,
}

/// A value that may occur only once.
type Value = (UniqueSet, [u8; 32]);

/// Index of a new entry; `None` for one that already existed.
pub(super) type Appended = Option<u64>;

/// The result of the rules and the group so far for an entry.
enum Judged {
    /// It is in the log, or in this group.
    Before,
    Refused(Box<Refusal>),
    Taken(Effects),
}

impl Pending {
    pub(super) fn new(log: &Log) -> Self {
        Self {
            frontier: log.frontier.clone(),
            nodes: log.edge.clone(),
            new_nodes: Vec::new(),
            rows: PendingRows::new(),
            effects: Vec::new(),
            used: HashSet::new(),
            stored: HashMap::new(),
        }
    }

    /// Reads what the rules of these submissions look at, and which of their values are used up: those of all in
    /// as few looks as those of one.
    pub(super) async fn read<G: StorageGroup>(
        &mut self,
        state: &Governing,
        transaction: &mut G,
        submissions: impl IntoIterator<Item = &Submission> + Clone,
    ) -> Result<(), SequencerError> {
        let rows = &mut self.rows;
        let read = rows.read(transaction, state, submissions.clone()).await;
        read.map_err(SequencerError::pending::<G>)?;
        let submissions = submissions.into_iter();
        let values = submissions.flat_map(|submission| state.may_use(submission));
        self.look_up(transaction, values.collect()).await
    }

    async fn look_up<G: StorageGroup>(
        &mut self,
        transaction: &mut G,
        mut values: Vec<Value>,
    ) -> Result<(), SequencerError> {
        values.retain(|value| !self.stored.contains_key(value));
        if values.is_empty() {
            return Ok(());
        }
        let used = transaction.used_all(&values).await.map_err(G::explain)?;
        let values = values.into_iter();
        self.stored
            .extend(values.map(|value| (value, used.contains(&value))));
        Ok(())
    }

    /// Takes one entry, which is appended with all others ([`StorageGroup::append_all`]).
    pub(super) async fn place<G: StorageGroup>(
        &mut self,
        state: &mut Governing,
        transaction: &mut G,
        entry: &Entry,
        known: &HashMap<EntryId, u64>,
        time: Timestamp,
    ) -> Result<Result<Appended, Box<Refusal>>, SequencerError> {
        match self.judge(state, transaction, entry, known, time).await? {
            Judged::Before => Ok(Ok(None)),
            Judged::Refused(refusal) => Ok(Err(refusal)),
            Judged::Taken(effects) => self.take(state, effects).map(Ok),
        }
    }

    /// Takes one entry, and appends its leaf as it is before the group is sealed, so that the store says which of its
    /// values is taken. The transaction must then be dropped.
    pub(super) async fn probe<G: StorageGroup>(
        &mut self,
        state: &mut Governing,
        transaction: &mut G,
        entry: &Entry,
        known: &HashMap<EntryId, u64>,
        time: Timestamp,
    ) -> Result<Result<Appended, Box<Refusal>>, SequencerError> {
        let effects = match self.judge(state, transaction, entry, known, time).await? {
            Judged::Before => return Ok(Ok(None)),
            Judged::Refused(refusal) => return Ok(Err(refusal)),
            Judged::Taken(effects) => effects,
        };
        let appended = transaction.append(StoredLeaf::of(&effects)).await;
        match appended.map_err(G::explain)? {
            Ok(()) => self.take(state, effects).map(Ok),
            Err(Conflict(unique)) if unique.set == UniqueSet::Entry => Ok(Ok(None)),
            Err(Conflict(unique)) => Ok(Err(already_used(unique))),
        }
    }

    async fn judge<G: StorageGroup>(
        &mut self,
        state: &Governing,
        transaction: &mut G,
        entry: &Entry,
        known: &HashMap<EntryId, u64>,
        time: Timestamp,
    ) -> Result<Judged, SequencerError> {
        let (authentic, verified) = (&entry.0, entry.1.as_ref());
        let id = authentic.submission().id();
        // The state's rules would refuse a repetition (a party cannot join twice), so repetitions
        // are recognised before.
        if known.contains_key(&id) || self.used.contains(&(UniqueSet::Entry, id.0)) {
            return Ok(Judged::Before);
        }
        let submission = [authentic.submission()];
        let read = self.rows.read(transaction, state, submission).await;
        read.map_err(SequencerError::pending::<G>)?;
        let effects = match state.check(authentic, time, verified, self.rows.view()) {
            Ok(effects) => effects,
            Err(CheckError::Refused(refusal)) => return Ok(Judged::Refused(Box::new(refusal))),
            Err(CheckError::Rows(error)) => return Err(error.into()),
        };
        // One value that an earlier group used would force this group onto the slow path, and
        // anybody can send such an entry.
        let of_store = effects.uniques().iter();
        let of_store = of_store.filter(|unique| unique.set != UniqueSet::Entry);
        let of_store = of_store.map(|unique| (unique.set, unique.value)).collect();
        self.look_up(transaction, of_store).await?;
        let mut own = HashSet::new();
        let mut uniques = effects.uniques().iter();
        let is_taken = |unique: &&Unique| {
            let value = (unique.set, unique.value);
            let is_stored = self.stored.get(&value).is_some_and(|is_used| *is_used);
            is_stored || self.used.contains(&value) || !own.insert(value)
        };
        Ok(match uniques.find(is_taken) {
            Some(unique) => Judged::Refused(already_used(*unique)),
            None => Judged::Taken(effects),
        })
    }

    /// Ends the group: writes the digest of the state before it into the last leaf, which a checkpoint will cover, and
    /// adds all leaves to the tree. Returns the changed rows, and the sum after the group.
    pub(super) async fn seal<G: StorageGroup>(
        &mut self,
        log: &Log,
        transaction: &mut G,
    ) -> Result<(Vec<RowChange>, StateDigest), SequencerError> {
        let rows = std::mem::take(&mut self.rows);
        let last = self.effects.last().map(Effects::index);
        let finished = rows.finish(transaction, &log.digest, last.as_slice());
        let Finished {
            rows,
            digest,
            before,
        } = finished.await.map_err(G::explain)?;
        if let (Some(last), Some((_, sum))) = (self.effects.last_mut(), before.first()) {
            last.seal(&log.state.state_digest(sum));
        }
        for effects in &self.effects {
            let nodes = self.frontier.push(effects.leaf_hash());
            self.nodes.extend(nodes.iter().copied());
            self.new_nodes.extend(nodes);
        }
        Ok((rows, digest))
    }

    fn take(
        &mut self,
        state: &mut Governing,
        effects: Effects,
    ) -> Result<Appended, SequencerError> {
        self.rows.take(&effects);
        let uniques = effects.uniques().iter();
        self.used
            .extend(uniques.map(|unique| (unique.set, unique.value)));
        let index = effects.index();
        state.commit(&effects)?;
        self.effects.push(effects);
        Ok(Some(index))
    }
}

fn already_used(unique: Unique) -> Box<Refusal> {
    let (set, claim) = (unique.set, unique.claim);
    Box::new(Refusal::AlreadyUsed { set, claim })
}

#[cfg(test)]
mod tests {
    use merits_ledger::{
        Extension, Groth16Keys, State,
        storage::{Commit, Head, MemoryStorage, Storage as _},
    };
    use merits_ledger_fixture::{Citizen, Stage};
    use merits_primitives::ids::Credits;
    use merits_verifier::{
        codec::Canonical as _,
        entry::{Leaf, SignedEntry},
    };
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    /// Stores a town's log, as one earlier group.
    async fn stored(town: &Stage<StdRng>, storage: &mut MemoryStorage) -> Log {
        let mut extension = Extension::new(
            Governing::new(town.federation.policy()),
            Frontier::new(),
            StateDigest::default(),
            Groth16Keys::new(),
        );
        let rng = &mut StdRng::seed_from_u64(1);
        let mut group = storage.begin().await.unwrap();
        for leaf in town.ledger.store().leaves() {
            extension.push(&mut group, leaf, rng).await.unwrap();
        }
        extension.end(&mut group, rng).await.unwrap();
        let extended = extension.finish().unwrap();
        let head = Head {
            size: extended.frontier.size(),
            root: extended.frontier.root(),
            checkpoint: String::new(),
            digest: extended.digest.clone(),
        };
        let (nodes, rows) = (Vec::new(), Vec::new());
        group.commit(Commit { head, nodes, rows }).await.unwrap();
        Log {
            state: extended.governing,
            digest: extended.digest,
            frontier: extended.frontier,
            edge: HashMap::new(),
        }
    }

    fn entry(state: &State, signed: SignedEntry) -> Entry {
        let submission = Submission::from_signed(signed, state.origin()).unwrap();
        let authentic = state.authenticate(submission).unwrap();
        let job = state.job(authentic.submission()).unwrap();
        let verified = job.map(|job| job.verify(state, &Groth16Keys::new()).unwrap());
        (authentic, verified)
    }

    /// Regression: a value that an earlier group used was only found when all leaves were inserted,
    /// so the whole group began again with a savepoint for each entry. Anybody with one spent note
    /// could do that to every group.
    #[tokio::test]
    async fn what_an_earlier_group_used_is_known_before_the_group_goes_in() {
        let mut town = Stage::new(StdRng::seed_from_u64(7)).unwrap();
        let people = [Citizen::new(1), Citizen::new(2)];
        let notes = [0, 1].map(|person| town.earner(&people[person]).unwrap());
        let offer = town.offer(Credits(30), 5).unwrap();
        let (spent, _) = town.redemption(&people[0], &notes[..1], offer).unwrap();
        let again = |town: &mut Stage<StdRng>| {
            let (again, _) = town.redemption(&people[0], &notes[..1], offer).unwrap();
            again
        };
        let again = [again(&mut town), again(&mut town)];
        let (good, _) = town.redemption(&people[1], &notes[1..], offer).unwrap();
        town.submit(&spent).unwrap();

        let mut storage = MemoryStorage::new();
        let mut log = stored(&town, &mut storage).await;
        let [first, last] = again.map(|signed| entry(town.state(), signed));
        let entries = [first, entry(town.state(), good), last];
        let mut pending = Pending::new(&log);
        let mut group = storage.begin().await.unwrap();
        let submissions = entries.iter().map(|(authentic, _)| authentic.submission());
        pending
            .read(&log.state, &mut group, submissions)
            .await
            .unwrap();
        let looked_up = pending.stored.len();
        let mut outcomes = Vec::new();
        for entry in &entries {
            let known = HashMap::new();
            let placed = pending.place(&mut log.state, &mut group, entry, &known, town.time);
            outcomes.push(placed.await.unwrap().map_err(|refusal| *refusal));
        }
        let is_spent = |outcome: &Result<Appended, Refusal>| {
            matches!(
                outcome,
                Err(Refusal::AlreadyUsed {
                    set: UniqueSet::Spend,
                    ..
                })
            )
        };
        assert!(is_spent(&outcomes[0]), "{:?}", outcomes[0]);
        assert!(matches!(outcomes[1], Ok(Some(_))), "{:?}", outcomes[1]);
        assert!(is_spent(&outcomes[2]), "{:?}", outcomes[2]);
        // One query was enough, and the store has nothing left to refuse.
        assert_eq!(pending.stored.len(), looked_up);
        let leaves: Vec<StoredLeaf<'_>> = pending.effects.iter().map(StoredLeaf::of).collect();
        assert_eq!(leaves.len(), 1);
        assert_eq!(group.append_all(&leaves).await.unwrap(), Ok(()));
    }

    /// The last leaf of a group holds the digest of the state before it, which those before it in the group made too.
    #[tokio::test]
    async fn the_last_leaf_of_a_group_holds_the_state_before_it() {
        let mut town = Stage::new(StdRng::seed_from_u64(8)).unwrap();
        let people = [Citizen::new(1), Citizen::new(2)];
        let notes = [0, 1].map(|person| town.earner(&people[person]).unwrap());
        let offer = town.offer(Credits(30), 5).unwrap();
        let redemptions = [0, 1].map(|person| {
            let redeemed = town.redemption(&people[person], &notes[person..=person], offer);
            redeemed.unwrap().0
        });
        let mut storage = MemoryStorage::new();
        let mut log = stored(&town, &mut storage).await;
        let entries = redemptions
            .clone()
            .map(|signed| entry(town.state(), signed));
        let time = town.time + std::time::Duration::from_secs(1);
        let mut pending = Pending::new(&log);
        let mut group = storage.begin().await.unwrap();
        for entry in &entries {
            let known = HashMap::new();
            let placed = pending.place(&mut log.state, &mut group, entry, &known, time);
            placed.await.unwrap().unwrap();
        }
        let (_, digest) = pending.seal(&log, &mut group).await.unwrap();

        let [first, last] = &redemptions;
        let mut one_by_one = town.ledger;
        one_by_one.submit(&first.to_bytes(), time).unwrap();
        let before = one_by_one.state().digest().unwrap();
        one_by_one.submit(&last.to_bytes(), time).unwrap();
        let sealed = pending.effects.iter().map(|effects| {
            let leaf = Leaf::from_bytes(effects.leaf()).unwrap();
            leaf.state
        });
        assert_eq!(sealed.collect::<Vec<_>>(), [None, Some(before)]);
        // The digest does not change the state after it.
        assert_eq!(digest, one_by_one.state().rows().digest().unwrap());
        let leaves: Vec<StoredLeaf<'_>> = pending.effects.iter().map(StoredLeaf::of).collect();
        assert_eq!(group.append_all(&leaves).await.unwrap(), Ok(()));
    }
}
