//! The requirements of every [`Storage`], as checks that panic with the actual result.

mod founding;
mod groups;

use merits_primitives::ids::EntryId;
use merits_verifier::log::{Hash, leaf_hash};

use merits_ledger::blob::MAX_BLOB_BYTES;
use merits_ledger::rows::{KeyValue, RowChange, RowKey, StateDigest, Table};
use merits_ledger::storage::{Commit, Head, Storage, StorageGroup as _, StoredLeaf};
use merits_ledger::tree::{Frontier, Node};
use merits_ledger::{Blob, Conflict, Unique, UniqueSet};

/// Runs all checks, each on a store that `make` made for a ledger that is not founded yet.
///
/// # Panics
/// When a store does not meet a requirement.
pub async fn run<S: Storage, F: Future<Output = S>>(mut make: impl FnMut() -> F) {
    founding::a_ledger_is_founded_and_says_so(make().await).await;
    let mut make = || {
        let made = make();
        async move {
            let mut storage = made.await;
            let founded = storage.found(&founding::founded()).await;
            founded.expect("is founded");
            storage
        }
    };
    founding::a_state_is_replaced_whole(make().await).await;
    founding::many_looks_are_those_of_one(make().await).await;
    an_empty_store_has_nothing(make().await).await;
    a_group_is_durable_together(make().await).await;
    a_dropped_group_never_happened(make().await).await;
    a_collision_leaves_nothing_and_the_group_goes_on(make().await).await;
    rows_are_replaced_removed_and_ordered(make().await).await;
    many_rows_and_keys_at_once(make().await).await;
    leaves_come_in_pages(make().await).await;
    blobs_are_stored_with_their_leaf(make().await).await;
    groups::what_a_group_put_is_its_own(make().await).await;
    groups::leaves_together_name_the_first_conflict(make().await).await;
    groups::groups_leave_what_one_by_one_leaves(make().await).await;
    groups::a_log_goes_in_as_one_group(make().await).await;
}

/// A log of leaves that mean nothing.
struct Log {
    frontier: Frontier,
    digest: StateDigest,
}

/// A leaf, and what goes with it.
struct Made {
    index: u64,
    id: EntryId,
    bytes: Vec<u8>,
    uniques: Vec<Unique>,
}

impl Log {
    fn new() -> Self {
        Self {
            frontier: Frontier::new(),
            digest: StateDigest::default(),
        }
    }

    /// Appends leaves with rows as one group.
    async fn append<S: Storage>(
        &mut self,
        storage: &mut S,
        leaves: &[Made],
        rows: Vec<RowChange>,
    ) -> Commit {
        let mut group = storage.begin().await.expect("begins");
        for made in leaves {
            let appended = group.append(made.stored()).await.expect("appends");
            assert_eq!(appended, Ok(()));
        }
        let commit = self.commit(leaves, rows);
        group.commit(commit.clone()).await.expect("commits");
        commit
    }

    fn commit(&mut self, leaves: &[Made], rows: Vec<RowChange>) -> Commit {
        let mut nodes = Vec::new();
        for made in leaves {
            nodes.extend(self.frontier.push(leaf_hash(&made.bytes)));
        }
        for (key, value) in &rows {
            if let Some(value) = value {
                self.digest.add_row(key, value);
            }
        }
        Commit {
            head: Head {
                size: self.frontier.size(),
                root: self.frontier.root(),
                checkpoint: format!("checkpoint of {}", self.frontier.size()),
                digest: self.digest.clone(),
            },
            nodes,
            rows,
        }
    }
}

impl Made {
    fn new(index: u64, uniques: &[(UniqueSet, u8)]) -> Self {
        let mut id = [0xee; 32];
        id[..8].copy_from_slice(&index.to_be_bytes());
        Self {
            index,
            id: EntryId(id),
            bytes: format!("leaf {index}").into_bytes(),
            uniques: [unique(UniqueSet::Entry, id)]
                .into_iter()
                .chain(
                    uniques
                        .iter()
                        .map(|(set, value)| unique(*set, [*value; 32])),
                )
                .collect(),
        }
    }

    fn stored(&self) -> StoredLeaf<'_> {
        StoredLeaf {
            index: self.index,
            id: self.id,
            bytes: &self.bytes,
            uniques: &self.uniques,
            blobs: &[],
        }
    }
}

fn unique(set: UniqueSet, value: [u8; 32]) -> Unique {
    Unique {
        set,
        value,
        claim: None,
    }
}

fn key(table: Table, key: &[u8]) -> RowKey {
    RowKey {
        table,
        key: key.to_vec(),
    }
}

async fn an_empty_store_has_nothing<S: Storage>(storage: S) {
    assert_eq!(storage.head().await.expect("reads"), None);
    let keys = [key(Table::Party, b"a"), key(Table::Log, b"")];
    assert_eq!(storage.get(&keys).await.expect("reads"), [None, None]);
    assert_eq!(storage.get(&[]).await.expect("reads"), [None; 0]);
    let rows = storage.range(Table::Party, b"", 10).await.expect("reads");
    assert_eq!(rows, []);
    let used = storage
        .used(UniqueSet::Note, &[1; 32])
        .await
        .expect("reads");
    assert_eq!(used, None);
    assert_eq!(storage.find(&EntryId([1; 32])).await.expect("reads"), None);
    let leaves = storage.leaves(0, u64::MAX, 1_000).await.expect("reads");
    assert!(leaves.is_empty());
    let node = Node { level: 0, index: 0 };
    assert!(storage.nodes(&[node]).await.expect("reads").is_empty());
    assert!(storage.nodes(&[]).await.expect("reads").is_empty());
}

async fn a_group_is_durable_together<S: Storage>(mut storage: S) {
    let mut log = Log::new();
    let leaves = [
        Made::new(0, &[(UniqueSet::Note, 1), (UniqueSet::Spend, 1)]),
        Made::new(1, &[(UniqueSet::Note, 2)]),
        Made::new(2, &[]),
    ];
    let rows = vec![
        (key(Table::Log, b""), Some(b"three".to_vec())),
        (key(Table::Party, b"ann"), Some(Vec::new())),
    ];
    {
        let mut group = storage.begin().await.expect("begins");
        for made in &leaves {
            let appended = group.append(made.stored()).await.expect("appends");
            assert_eq!(appended, Ok(()));
            // The group sees its own leaves.
            let found = group.find(&made.id).await.expect("reads");
            assert_eq!(found, Some(made.index));
        }
        let commit = log.commit(&leaves, rows.clone());
        group.commit(commit).await.expect("commits");
    }
    let head = storage.head().await.expect("reads").expect("a head");
    assert_eq!((head.size, head.root), (3, log.frontier.root()));
    assert_eq!(head.checkpoint, "checkpoint of 3");
    assert_eq!(head.digest, log.digest);
    for (row, value) in &rows {
        let found = storage.get(std::slice::from_ref(row)).await;
        assert_eq!(found.expect("reads"), std::slice::from_ref(value));
    }
    for made in &leaves {
        let found = storage.find(&made.id).await.expect("reads");
        assert_eq!(found, Some(made.index));
    }
    let used = |set, value| storage.used(set, value);
    assert_eq!(
        used(UniqueSet::Note, &[1; 32]).await.expect("reads"),
        Some(0)
    );
    assert_eq!(
        used(UniqueSet::Note, &[2; 32]).await.expect("reads"),
        Some(1)
    );
    assert_eq!(used(UniqueSet::Spend, &[2; 32]).await.expect("reads"), None);
    let loaded: Hash = {
        let wanted = merits_ledger::tree::frontier_nodes(3);
        let nodes = storage.nodes(&wanted).await.expect("reads");
        assert_eq!(nodes.len(), wanted.len());
        Frontier::load(&nodes, 3).expect("all nodes").root()
    };
    assert_eq!(loaded, log.frontier.root());
}

async fn a_dropped_group_never_happened<S: Storage>(mut storage: S) {
    let mut log = Log::new();
    log.append(
        &mut storage,
        &[Made::new(0, &[(UniqueSet::Note, 1)])],
        Vec::new(),
    )
    .await;
    {
        let mut group = storage.begin().await.expect("begins");
        let lost = Made::new(1, &[(UniqueSet::Note, 2)]);
        let appended = group.append(lost.stored()).await.expect("appends");
        assert_eq!(appended, Ok(()));
    }
    assert_eq!(
        storage.head().await.expect("reads").expect("a head").size,
        1
    );
    let used = storage
        .used(UniqueSet::Note, &[2; 32])
        .await
        .expect("reads");
    assert_eq!(used, None);
    let leaves = storage.leaves(0, 10, 1_000).await.expect("reads");
    assert_eq!(leaves.len(), 1);
    // What it used up is new for the next.
    let next = Made::new(1, &[(UniqueSet::Note, 2)]);
    log.append(&mut storage, &[next], Vec::new()).await;
}

async fn a_collision_leaves_nothing_and_the_group_goes_on<S: Storage>(mut storage: S) {
    let mut log = Log::new();
    let first = Made::new(0, &[(UniqueSet::Note, 1), (UniqueSet::Rate, 9)]);
    let next = Made::new(1, &[(UniqueSet::Note, 3)]);
    log.append(&mut storage, &[first], Vec::new()).await;
    let mut group = storage.begin().await.expect("begins");
    // The same value of another set is another value.
    let good = Made::new(1, &[(UniqueSet::Spend, 1), (UniqueSet::Note, 2)]);
    let appended = group.append(good.stored()).await.expect("appends");
    assert_eq!(appended, Ok(()));
    let colliding = [
        // With an earlier group, with this one, and with itself.
        (
            Made::new(2, &[(UniqueSet::Note, 5), (UniqueSet::Rate, 9)]),
            9,
        ),
        (
            Made::new(3, &[(UniqueSet::Note, 5), (UniqueSet::Spend, 1)]),
            1,
        ),
        (
            Made::new(4, &[(UniqueSet::Note, 5), (UniqueSet::Note, 5)]),
            5,
        ),
    ];
    for (made, value) in &colliding {
        let at = StoredLeaf {
            index: 2,
            ..made.stored()
        };
        let Err(Conflict(taken)) = group.append(at).await.expect("answers") else {
            panic!("a value that is taken was taken again");
        };
        assert_eq!(taken.value, [*value; 32]);
        assert_eq!(group.find(&made.id).await.expect("reads"), None);
    }
    for known in [EntryId(good.id.0), EntryId(Made::new(0, &[]).id.0)] {
        let again = StoredLeaf {
            index: 2,
            id: known,
            bytes: b"again",
            uniques: &[],
            blobs: &[],
        };
        let Err(Conflict(taken)) = group.append(again).await.expect("answers") else {
            panic!("an entry was appended twice");
        };
        assert_eq!((taken.set, taken.value), (UniqueSet::Entry, known.0));
    }
    // What the refused ones would have used up is still new.
    let after = Made::new(2, &[(UniqueSet::Note, 5)]);
    let appended = group.append(after.stored()).await.expect("appends");
    assert_eq!(appended, Ok(()));
    let commit = log.commit(&[good, after], Vec::new());
    group.commit(commit).await.expect("commits");
    assert_eq!(storage.leaves(0, 9, 1_000).await.expect("reads").len(), 3);
    let used = storage
        .used(UniqueSet::Note, &[5; 32])
        .await
        .expect("reads");
    assert_eq!(used, Some(2));
    let used = storage
        .used(UniqueSet::Note, &[3; 32])
        .await
        .expect("reads");
    assert_eq!(used, None, "{:?}", next.id);
}

async fn rows_are_replaced_removed_and_ordered<S: Storage>(mut storage: S) {
    let mut log = Log::new();
    let put = |row: &[u8], value: &[u8]| (key(Table::Ticket, row), Some(value.to_vec()));
    let rows = vec![
        put(b"", b"empty key"),
        put(&[0], b"zero"),
        put(&[0, 0], b"zeros"),
        put(&[0x7f], b"low"),
        put(&[0x80], b"high"),
        put(&[0xff, 0xff], b"last"),
        (key(Table::Opening, b"m"), Some(b"another table".to_vec())),
    ];
    log.append(&mut storage, &[Made::new(0, &[])], rows.clone())
        .await;
    let all = storage.range(Table::Ticket, b"", 100).await.expect("reads");
    let expected: Vec<KeyValue> = rows[..6]
        .iter()
        .map(|(row, value)| (row.key.clone(), value.clone().expect("put")))
        .collect();
    assert_eq!(all, expected);
    let some = storage.range(Table::Ticket, &[0, 0], 2).await;
    assert_eq!(some.expect("reads"), expected[2..4]);
    let none = storage.range(Table::Ticket, &[0xff, 0xff, 0], 2).await;
    assert_eq!(none.expect("reads"), []);
    let none = storage.range(Table::Ticket, b"", 0).await;
    assert_eq!(none.expect("reads"), []);
    // Replaced, removed, and removed though never there.
    let changes = vec![
        put(&[0], b"other"),
        (key(Table::Ticket, &[0x80]), None),
        (key(Table::Ticket, &[0x81]), None),
    ];
    log.append(&mut storage, &[Made::new(1, &[])], changes)
        .await;
    let asked = [
        key(Table::Ticket, &[0x80]),
        key(Table::Ticket, &[0]),
        key(Table::Opening, &[0]),
        key(Table::Ticket, &[0]),
    ];
    let found = storage.get(&asked).await.expect("reads");
    let other = Some(b"other".to_vec());
    // In the order of the keys that were asked for, however often.
    assert_eq!(found, [None, other.clone(), None, other]);
    let mut group = storage.begin().await.expect("begins");
    let found = group.get(&asked[..2]).await.expect("reads");
    assert_eq!(found[1].as_deref(), Some(&b"other"[..]));
}

async fn many_rows_and_keys_at_once<S: Storage>(mut storage: S) {
    const MANY: u32 = 40_000;
    let mut log = Log::new();
    let row = |number: u32| key(Table::GroupNode, &number.to_be_bytes());
    let rows = (0..MANY).map(|number| (row(number), Some(number.to_le_bytes().to_vec())));
    log.append(&mut storage, &[Made::new(0, &[])], rows.collect())
        .await;
    let asked: Vec<RowKey> = (0..MANY + 5).map(row).collect();
    let found = storage.get(&asked).await.expect("reads");
    assert_eq!(found.len(), asked.len());
    for (number, value) in (0..).zip(found) {
        let expected = (number < MANY).then(|| number.to_le_bytes().to_vec());
        assert_eq!(value, expected, "{number}");
    }
    let uniques: Vec<(UniqueSet, u8)> = (0..=255).map(|value| (UniqueSet::Note, value)).collect();
    log.append(&mut storage, &[Made::new(1, &uniques)], Vec::new())
        .await;
}

async fn leaves_come_in_pages<S: Storage>(mut storage: S) {
    let mut log = Log::new();
    let leaves: Vec<Made> = (0..9).map(|index| Made::new(index, &[])).collect();
    log.append(&mut storage, &leaves, Vec::new()).await;
    let bytes: Vec<Vec<u8>> = leaves.iter().map(|made| made.bytes.clone()).collect();
    let page = |from, until, held| storage.leaves(from, until, held);
    assert_eq!(page(0, 100, 1_000).await.expect("reads"), bytes);
    assert_eq!(page(2, 4, 1_000).await.expect("reads"), bytes[2..4]);
    // "leaf n" has six bytes: a page ends once it holds what was asked for.
    assert_eq!(page(0, 100, 13).await.expect("reads"), bytes[..3]);
    assert_eq!(page(0, 100, 12).await.expect("reads"), bytes[..2]);
    assert_eq!(page(4, 100, 0).await.expect("reads"), bytes[4..5]);
    assert_eq!(page(9, 100, 1_000).await.expect("reads"), bytes[9..]);
    assert_eq!(page(5, 2, 1_000).await.expect("reads"), bytes[9..]);
}

/// A store has a blob if and only if a committed leaf names it: not while its group is open, not after the
/// group was dropped, and not when its leaf collided. Two leaves that name one blob share it.
async fn blobs_are_stored_with_their_leaf<S: Storage>(mut storage: S) {
    let blob = |byte: u8, length| Blob::new(vec![byte; length]).expect("within the limit");
    let (one, two, three) = (blob(1, 10), blob(2, 0), blob(3, MAX_BLOB_BYTES));
    let all = [&one, &two, &three];
    let mut log = Log::new();
    let taken = Made::new(0, &[(UniqueSet::Note, 7)]);
    log.append(&mut storage, std::slice::from_ref(&taken), Vec::new())
        .await;
    for blob in all {
        assert_eq!(storage.blob(&blob.digest()).await.expect("reads"), None);
    }

    // Dropped.
    let named = [one.clone(), three.clone()];
    let naming = Made::new(1, &[]);
    let mut group = storage.begin().await.expect("begins");
    let appended = group
        .append(StoredLeaf {
            blobs: &named,
            ..naming.stored()
        })
        .await;
    assert_eq!(appended.expect("appends"), Ok(()));
    drop(group);
    for blob in all {
        assert_eq!(storage.blob(&blob.digest()).await.expect("reads"), None);
    }

    // One leaf collides, and takes its blob with it; those of the others stay.
    let collides = Made::new(2, &[(UniqueSet::Note, 7)]);
    let again = Made::new(2, &[]);
    let mut group = storage.begin().await.expect("begins");
    let appended = group
        .append(StoredLeaf {
            blobs: &named,
            ..naming.stored()
        })
        .await;
    assert_eq!(appended.expect("appends"), Ok(()));
    let lost = [two.clone()];
    let appended = group
        .append(StoredLeaf {
            blobs: &lost,
            ..collides.stored()
        })
        .await;
    assert!(appended.expect("appends").is_err());
    let shared = [one.clone()];
    let appended = group
        .append_all(&[StoredLeaf {
            blobs: &shared,
            ..again.stored()
        }])
        .await;
    assert_eq!(appended.expect("appends"), Ok(()));
    let commit = log.commit(&[naming, again], Vec::new());
    group.commit(commit).await.expect("commits");
    let stored = storage.blob(&two.digest()).await.expect("reads");
    assert_eq!(stored, None, "its leaf collided");
    for blob in [one, three] {
        let stored = storage.blob(&blob.digest()).await.expect("reads");
        assert_eq!(stored.as_deref(), Some(blob.bytes()));
    }
}
