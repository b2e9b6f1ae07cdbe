//! Groups of several entries, as a sequencer and a follower make them: their reads, refusals and
//! results.

use merits_ledger::{
    Authentic, Conflict, Effects, Extension, Governing, KeyRing, LedgerPolicy, State, Submission,
    UniqueSet, VerifiedProof,
    rows::{StateDigest, Table},
    storage::{Commit, Head, Pending, Storage, StorageGroup, StoredLeaf},
    tree::{Frontier, Node},
};
use merits_primitives::{calendar::Timestamp, ids::Credits};
use merits_verifier::{codec::Canonical as _, entry::Leaf};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use super::{Made, key, unique};
use crate::{Citizen, Stage};

/// A leaf of a town's log, with the state before it.
struct Judged {
    authentic: Authentic,
    time: Timestamp,
    verified: Option<VerifiedProof>,
}

/// A town where people register, consent, earn and redeem, and its log.
struct Town {
    policy: LedgerPolicy,
    leaves: Vec<Vec<u8>>,
}

impl Town {
    fn new() -> Self {
        let rng = ChaCha20Rng::from_seed([7; 32]);
        let mut town = Stage::new(rng).expect("the fixture's names are good");
        for number in 1..=3 {
            town.earner(&Citizen::new(number)).expect("earns");
        }
        let citizen = Citizen::new(4);
        let note = town.earner(&citizen).expect("earns");
        let offer = town.offer(Credits(30), 5).expect("an offer");
        town.redeem(&citizen, &[note], offer).expect("redeems");
        Self {
            policy: town.federation.policy(),
            leaves: town.ledger.store().leaves().to_vec(),
        }
    }

    /// The leaves as they are judged, and the state after them, one by one in memory.
    fn judged(&self) -> (Vec<Judged>, State) {
        let mut state = State::new(self.policy.clone());
        let keys = KeyRing::new();
        let judge = |bytes: &Vec<u8>| {
            let leaf = Leaf::from_bytes(bytes).expect("a leaf");
            let submission = Submission::from_signed(leaf.entry, state.origin()).expect("an entry");
            let authentic = state.authenticate(submission).expect("signed");
            let job = state.job(authentic.submission()).expect("good so far");
            let verified = job.map(|job| job.verify(&state, &keys).expect("a proof"));
            let effects = state.check(&authentic, leaf.time, verified.as_ref());
            state.commit(&effects.expect("allowed")).expect("in order");
            Judged {
                authentic,
                time: leaf.time,
                verified,
            }
        };
        let judged = self.leaves.iter().map(judge).collect();
        (judged, state)
    }
}

/// The part of a town that a store has so far.
struct Stored {
    governing: Governing,
    frontier: Frontier,
    digest: StateDigest,
}

impl Stored {
    fn new(policy: LedgerPolicy) -> Self {
        Self {
            governing: Governing::new(policy),
            frontier: Frontier::new(),
            digest: StateDigest::default(),
        }
    }

    fn head(&self) -> Head {
        Head {
            size: self.frontier.size(),
            root: self.frontier.root(),
            checkpoint: format!("checkpoint of {}", self.frontier.size()),
            digest: self.digest.clone(),
        }
    }
}

/// The store has the rows, the used values and the digest that memory has.
async fn is_same<S: Storage>(storage: &S, memory: &State) {
    for table in Table::ALL {
        let expected = memory.rows().range(table, &[], usize::MAX);
        let found = storage.range(table, &[], 1 << 20).await.expect("reads");
        assert_eq!(found, expected.expect("memory"), "{table}");
    }
    let used = memory.memory().expect("in memory").uniques();
    for ((set, value), index) in used {
        let found = storage.used(*set, value).await.expect("reads");
        assert_eq!(found, Some(*index), "{set:?}");
    }
    let head = storage.head().await.expect("reads").expect("a head");
    assert_eq!(head.digest, memory.rows().digest().expect("memory"));
    assert_eq!(head.size, memory.size());
}

/// Groups of all lengths, with entries in them that are refused and taken back: each entry sees what those
/// before it in its group wrote, and the store ends as one by one.
pub(super) async fn groups_leave_what_one_by_one_leaves<S: Storage>(mut storage: S) {
    let town = Town::new();
    let (judged, memory) = town.judged();
    let mut stored = Stored::new(town.policy.clone());
    let mut rest = &judged[..];
    let mut length = 1;
    while !rest.is_empty() {
        let (some, others) = rest.split_at(length.min(rest.len()));
        append_singly(&mut storage, &mut stored, some).await;
        rest = others;
        length = length % 7 + 1;
    }
    is_same(&storage, &memory).await;
}

/// One group, with a savepoint for each entry.
async fn append_singly<S: Storage>(storage: &mut S, stored: &mut Stored, entries: &[Judged]) {
    let mut group = storage.begin().await.expect("begins");
    let mut pending = Pending::new();
    let submissions = entries.iter().map(|entry| entry.authentic.submission());
    let read = pending.read(&mut group, &stored.governing, submissions);
    read.await.expect("reads");
    let mut nodes: Vec<(Node, _)> = Vec::new();
    for entry in entries {
        let effects = check(&mut group, &mut pending, &stored.governing, entry).await;
        let index = effects.index();
        let appended = group.append(StoredLeaf::of(&effects)).await;
        assert_eq!(appended.expect("appends"), Ok(()));
        // Entry ids are unique by their leaves.
        let used = effects.uniques().iter();
        if let Some(last) = used.rev().find(|unique| unique.set != UniqueSet::Entry) {
            // Another leaf that uses up one of the same values, after one that nobody used.
            let mut other = Made::new(1_000_000 + index, &[]);
            other.uniques.push(unique(UniqueSet::Rate, [0xab; 32]));
            other.uniques.push(*last);
            let taken = StoredLeaf {
                index: index + 1,
                ..other.stored()
            };
            let Err(Conflict(conflict)) = group.append(taken).await.expect("answers") else {
                panic!("a value of the same group was used twice");
            };
            assert_eq!((conflict.set, conflict.value), (last.set, last.value));
            let known = group.find_all(&[effects.id(), other.id]).await;
            assert_eq!(known.expect("reads"), [(effects.id(), index)].into());
        }
        pending.take(&effects);
        nodes.extend(stored.frontier.push(effects.leaf_hash()));
        stored.governing.commit(&effects).expect("in order");
    }
    let finished = pending.finish(&mut group, &stored.digest).await;
    let (rows, digest) = finished.expect("reads");
    stored.digest = digest;
    let head = stored.head();
    let commit = Commit { head, nodes, rows };
    group.commit(commit).await.expect("commits");
}

async fn check<G: StorageGroup>(
    group: &mut G,
    pending: &mut Pending,
    governing: &Governing,
    entry: &Judged,
) -> Effects {
    let submission = [entry.authentic.submission()];
    let read = pending.read(group, governing, submission).await;
    read.expect("reads");
    let (authentic, verified) = (&entry.authentic, entry.verified.as_ref());
    let effects = governing.check(authentic, entry.time, verified, pending.view());
    let effects = effects.expect("the rules took it one by one");
    // A sequencer looks up what an entry may use before the rules judge it.
    let uniques = effects.uniques().iter();
    let used: Vec<_> = uniques
        .filter(|unique| unique.set != UniqueSet::Entry)
        .map(|unique| (unique.set, unique.value))
        .collect();
    assert_eq!(governing.may_use(submission[0]), used);
    let taken = group.used_all(&used).await.expect("reads");
    assert!(taken.is_empty(), "{taken:?}");
    effects
}

/// A whole log in one group, as a follower adds it: written rows can be read in the group, and
/// nothing is visible before the end. A repeated leaf of any kind is reported.
pub(super) async fn a_log_goes_in_as_one_group<S: Storage>(mut storage: S) {
    let town = Town::new();
    let (_, memory) = town.judged();
    let rng = &mut ChaCha20Rng::from_seed([8; 32]);
    let begin = || {
        let Stored {
            governing,
            frontier,
            digest,
        } = Stored::new(town.policy.clone());
        Extension::new(governing, frontier, digest, KeyRing::new())
    };
    // The last leaf a second time.
    let mut extension = begin();
    let mut group = storage.begin().await.expect("begins");
    for leaf in town.leaves.iter().chain(town.leaves.last()) {
        extension.push(&mut group, leaf, rng).await.expect("writes");
    }
    extension.end(&mut group, rng).await.expect("writes");
    let fault = extension.finish().expect_err("a repetition");
    assert_eq!(fault.index, town.leaves.len() as u64);
    drop(group);
    assert_eq!(storage.head().await.expect("reads"), None);

    let mut extension = begin();
    let mut group = storage.begin().await.expect("begins");
    for leaf in &town.leaves {
        extension.push(&mut group, leaf, rng).await.expect("writes");
    }
    extension.end(&mut group, rng).await.expect("writes");
    let extended = extension.finish().expect("a good log");
    let head = Head {
        size: extended.frontier.size(),
        root: extended.frontier.root(),
        checkpoint: "of all".to_owned(),
        digest: extended.digest,
    };
    let commit = Commit {
        head,
        nodes: Vec::new(),
        rows: Vec::new(),
    };
    group.commit(commit).await.expect("commits");
    is_same(&storage, &memory).await;
    let leaves = storage.leaves(0, u64::MAX, usize::MAX).await;
    assert_eq!(leaves.expect("reads"), town.leaves);
}

/// Rows that a group wrote can be read, replaced and removed in it, and are not visible to others
/// before its end.
pub(super) async fn what_a_group_put_is_its_own<S: Storage>(mut storage: S) {
    let rows = [b"a", b"b", b"c"].map(|name| key(Table::Ticket, name));
    let value = |text: &str| Some(text.as_bytes().to_vec());
    let mut log = super::Log::new();
    log.append(
        &mut storage,
        &[Made::new(0, &[])],
        vec![(rows[0].clone(), value("old"))],
    )
    .await;
    for is_kept in [false, true] {
        let mut group = storage.begin().await.expect("begins");
        let puts = vec![
            (rows[0].clone(), value("new")),
            (rows[1].clone(), value("other")),
        ];
        group.put(Vec::new(), puts).await.expect("puts");
        let found = group.get(&rows).await.expect("reads");
        assert_eq!(found, [value("new"), value("other"), None]);
        let removed = vec![(rows[1].clone(), None), (rows[2].clone(), value("late"))];
        group.put(Vec::new(), removed).await.expect("puts");
        let found = group.get(&rows).await.expect("reads");
        assert_eq!(found, [value("new"), None, value("late")]);
        if is_kept {
            let leaves = [Made::new(1, &[])];
            let all: Vec<StoredLeaf<'_>> = leaves.iter().map(Made::stored).collect();
            let appended = group.append_all(&all).await.expect("appends");
            assert_eq!(appended, Ok(()));
            // What comes with the end is the last word.
            let commit = log.commit(&leaves, vec![(rows[2].clone(), value("last"))]);
            group.commit(commit).await.expect("commits");
        } else {
            drop(group);
            let found = storage.get(&rows).await.expect("reads");
            assert_eq!(found, [value("old"), None, None]);
        }
    }
    let found = storage.get(&rows).await.expect("reads");
    assert_eq!(found, [value("new"), None, value("last")]);
}

/// Leaves that go in together name the first that uses a value again, and leave nothing.
pub(super) async fn leaves_together_name_the_first_conflict<S: Storage>(mut storage: S) {
    let mut log = super::Log::new();
    let first = Made::new(0, &[(UniqueSet::Note, 1)]);
    log.append(&mut storage, &[first], Vec::new()).await;
    let good = Made::new(1, &[(UniqueSet::Note, 2), (UniqueSet::Spend, 1)]);
    let cases = [
        // With an earlier group, with a leaf of the same list, with itself.
        Made::new(2, &[(UniqueSet::Note, 3), (UniqueSet::Note, 1)]),
        Made::new(2, &[(UniqueSet::Spend, 1)]),
        Made::new(2, &[(UniqueSet::Rate, 4), (UniqueSet::Rate, 4)]),
    ];
    for bad in &cases {
        let last = Made::new(3, &[(UniqueSet::Note, 1)]);
        let all = [good.stored(), bad.stored(), last.stored()];
        let mut group = storage.begin().await.expect("begins");
        let Err((position, Conflict(taken))) = group.append_all(&all).await.expect("answers")
        else {
            panic!("a value that is taken was taken again");
        };
        assert_eq!(position, 1);
        assert_eq!(Some(&taken), bad.uniques.last());
        drop(group);
        assert_eq!(storage.find(&good.id).await.expect("reads"), None);
    }
    let mut group = storage.begin().await.expect("begins");
    let appended = group.append_all(&[]).await.expect("appends");
    assert_eq!(appended, Ok(()));
    let appended = group.append_all(&[good.stored()]).await.expect("appends");
    assert_eq!(appended, Ok(()));
    let known = [good.id, Made::new(0, &[]).id, Made::new(9, &[]).id];
    let found = group.find_all(&known).await.expect("reads");
    assert_eq!(found, [(known[0], 1), (known[1], 0)].into());
    let none = group.find_all(&[]).await.expect("reads");
    assert!(none.is_empty());
    // Of an earlier group, of this one, and of none.
    let values = [
        (UniqueSet::Note, [1; 32]),
        (UniqueSet::Spend, [1; 32]),
        (UniqueSet::Rate, [1; 32]),
        (UniqueSet::Entry, good.id.0),
        (UniqueSet::Entry, known[2].0),
    ];
    let used = group.used_all(&values).await.expect("reads");
    assert_eq!(used, [values[0], values[1], values[3]].into());
    let none = group.used_all(&[]).await.expect("reads");
    assert!(none.is_empty());
}
