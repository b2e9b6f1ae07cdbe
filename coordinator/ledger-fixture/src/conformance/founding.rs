//! Whose ledger it is, a state that is made again, and what a start reads.

use merits_ledger::UniqueSet;
use merits_ledger::rows::{StateDigest, Table};
use merits_ledger::storage::{Founded, STATE_VERSION, Storage};
use merits_primitives::ids::EntryId;
use merits_verifier::log::empty_root;

use super::{Log, Made, key};

pub(super) fn founded() -> Founded {
    let fact = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Founded {
        origin: "store.test".to_owned(),
        log_key: [1; 32],
        facts: vec![fact("anchor_seconds", "60"), fact("tickets", "true")],
        size: 0,
        root: empty_root(),
        checkpoint: "of the empty tree".to_owned(),
    }
}

/// Whose it is stays, and size, root and checkpoint are those of the newest group.
pub(super) async fn a_ledger_is_founded_and_says_so<S: Storage>(mut storage: S) {
    assert_eq!(storage.founded().await.expect("reads"), None);
    storage.found(&founded()).await.expect("is founded");
    let said = storage.founded().await.expect("reads");
    assert_eq!(said, Some(founded()));
    let version = storage.state_version().await.expect("reads");
    assert_eq!(version, Some(i64::from(STATE_VERSION)));
    assert_eq!(storage.head().await.expect("reads"), None);
    assert_eq!(storage.leaf_count().await.expect("reads"), (0, None));

    let mut log = Log::new();
    let leaves = [Made::new(0, &[]), Made::new(1, &[])];
    let commit = log.append(&mut storage, &leaves, Vec::new()).await;
    let grown = Founded {
        size: 2,
        root: commit.head.root,
        checkpoint: commit.head.checkpoint,
        ..founded()
    };
    assert_eq!(storage.founded().await.expect("reads"), Some(grown));
    assert_eq!(storage.leaf_count().await.expect("reads"), (2, Some(1)));
    storage.end().await.expect("ends");
}

/// Rows that were there before are gone; leaves, tree and used values stay.
pub(super) async fn a_state_is_replaced_whole<S: Storage>(mut storage: S) {
    let mut log = Log::new();
    let leaves = [Made::new(0, &[(UniqueSet::Note, 1)])];
    let (old, new) = (key(Table::Party, b"old"), key(Table::Party, b"new"));
    let rows = vec![(old.clone(), Some(b"1".to_vec()))];
    let commit = log.append(&mut storage, &leaves, rows).await;
    let mut digest = StateDigest::default();
    digest.add_row(&new, b"2");
    let rows = [(new.clone(), Some(b"2".to_vec()))];
    let replaced = storage.replace_state(1, &rows, &digest).await;
    replaced.expect("is replaced");
    let values = storage.get(&[old, new]).await.expect("reads");
    assert_eq!(values, [None, Some(b"2".to_vec())]);
    let head = storage.head().await.expect("reads").expect("a head");
    assert_eq!((head.size, head.root), (1, commit.head.root));
    assert_eq!(head.digest, digest);
    let used = storage.used(UniqueSet::Note, &[1; 32]).await;
    assert_eq!(used.expect("reads"), Some(0));
    assert_eq!(storage.leaf_count().await.expect("reads"), (1, Some(0)));
}

/// What is asked for many entries or values at once is what is asked for each.
pub(super) async fn many_looks_are_those_of_one<S: Storage>(mut storage: S) {
    let mut log = Log::new();
    let leaves = [
        Made::new(0, &[(UniqueSet::Note, 1), (UniqueSet::Spend, 2)]),
        Made::new(1, &[(UniqueSet::Note, 3)]),
    ];
    log.append(&mut storage, &leaves, Vec::new()).await;
    let stranger = EntryId([7; 32]);
    let ids = [leaves[1].id, stranger, leaves[0].id];
    let found = storage.find_all(&ids).await.expect("reads");
    assert_eq!(found.len(), 2);
    for id in ids {
        let index = storage.find(&id).await.expect("reads");
        assert_eq!(found.get(&id).copied(), index);
        let entry = storage.entry(&id).await.expect("reads");
        let bytes = |index| format!("leaf {index}").into_bytes();
        assert_eq!(entry, index.map(|index| (index, bytes(index))));
    }
    assert!(storage.find_all(&[]).await.expect("reads").is_empty());
    let values = [
        (UniqueSet::Note, [1; 32]),
        (UniqueSet::Note, [2; 32]),
        (UniqueSet::Spend, [2; 32]),
        (UniqueSet::Note, [3; 32]),
        (UniqueSet::Entry, leaves[0].id.0),
        (UniqueSet::Entry, stranger.0),
    ];
    let used = storage.used_all(&values).await.expect("reads");
    for (set, value) in values {
        let leaf = storage.used(set, &value).await.expect("reads");
        assert_eq!(used.contains(&(set, value)), leaf.is_some(), "{set:?}");
    }
    assert_eq!(used.len(), 4);
    assert!(storage.used_all(&[]).await.expect("reads").is_empty());
}
