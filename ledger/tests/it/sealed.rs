//! The digest of the state in leaves: any leaf may hold it, the last one under a checkpoint must, and a replay and a
//! follower name the leaf that holds a wrong one.

use crate::founded::Founded;
use crate::storage::ready;
use merits_ledger::rows::{MemoryRows, RowChange, Rows as _, StateDigest};
use merits_ledger::storage::{MemoryStorage, Storage as _};
use merits_ledger::tree::Frontier;
use merits_ledger::{
    Extension, Governing, Groth16Keys, Replay, ReplayError, ReplayFault, State, Unique,
};
use merits_verifier::codec::Canonical as _;
use merits_verifier::entry::Leaf;
use rand::{SeedableRng as _, rngs::StdRng};

/// A log with batches, which a follower verifies together.
fn ledger() -> (Founded, Vec<Vec<u8>>) {
    let mut ledger = Founded::new();
    for _ in 0..3 {
        let batch = ledger.earn(2);
        ledger.submit(&batch).expect("a good batch");
    }
    let leaves = ledger.ledger.store().leaves().to_vec();
    (ledger, leaves)
}

/// A leaf with another digest of the state, or none.
fn with(leaf: &[u8], state: Option<[u8; 32]>) -> Vec<u8> {
    let mut leaf = Leaf::from_bytes(leaf).expect("a leaf");
    leaf.state = state;
    leaf.to_bytes()
}

fn state_of(leaf: &[u8]) -> [u8; 32] {
    let leaf = Leaf::from_bytes(leaf).expect("a leaf");
    leaf.state.expect("a sequencer of one entry seals each")
}

fn replayed(ledger: &Founded, leaves: &[Vec<u8>]) -> Result<State, ReplayError> {
    let rng = &mut StdRng::seed_from_u64(5);
    Replay::run(ledger.federation.policy(), leaves, rng).map(|(state, _)| state)
}

fn followed(ledger: &Founded, leaves: &[Vec<u8>]) -> Result<StateDigest, ReplayError> {
    let rng = &mut StdRng::seed_from_u64(5);
    ready(async {
        let mut extension = Extension::new(
            Governing::new(ledger.federation.policy()),
            Frontier::new(),
            StateDigest::default(),
            Groth16Keys::new(),
        );
        let mut storage = MemoryStorage::new();
        let mut group = storage.begin().await.expect("begins");
        for leaf in leaves {
            let pushed = extension.push(&mut group, leaf, rng).await;
            pushed.expect("memory holds it");
        }
        extension.end(&mut group, rng).await.expect("ends");
        extension.finish().map(|extended| extended.digest)
    })
}

/// A replay and a follower refuse the leaves for the same reason.
fn refused(ledger: &Founded, leaves: &[Vec<u8>]) -> ReplayError {
    let one = replayed(ledger, leaves).expect_err("a broken log");
    let other = followed(ledger, leaves).expect_err("a broken log");
    assert_eq!(one.to_string(), other.to_string());
    one
}

#[test]
fn a_leaf_holds_the_digest_of_the_state_before_it() {
    let mut ledger = Founded::new();
    let before = ledger.ledger.state().digest().expect("rows in memory");
    let batch = ledger.earn(2);
    let index = ledger.submit(&batch).expect("a good batch").index;
    let leaf = ledger.ledger.leaf(index).expect("its leaf");
    assert_eq!(leaf.state, Some(before));
    assert_eq!(leaf.entry, batch);
    // That of the first leaf covers the founding facts.
    let empty = State::new(ledger.federation.policy());
    let first = ledger.ledger.leaf(0).expect("the first leaf");
    assert_eq!(first.state, Some(empty.digest().expect("rows in memory")));
    // And a receipt of such a leaf holds offline.
    let receipt = ledger.ledger.receipt(index).expect("a receipt");
    let verified = receipt.verify(ledger.federation.signer().public());
    assert_eq!(verified.expect("it holds").leaf().state, Some(before));
}

/// The sum that memory keeps is the one over all rows and used values.
#[test]
fn the_kept_sum_is_the_sum_over_all_rows() {
    let (ledger, _) = ledger();
    let rows = ledger.ledger.state().memory().expect("in memory");
    let mut plain = MemoryRows::new();
    let all: Vec<RowChange> = rows
        .iter()
        .map(|(key, value)| (key.clone(), Some(value.to_vec())))
        .collect();
    plain.apply(0, &all, &[]);
    for ((set, value), index) in rows.uniques() {
        let unique = Unique {
            set: *set,
            value: *value,
            claim: None,
        };
        plain.apply(*index, &[], &[unique]);
    }
    let (kept, computed) = (rows.digest(), plain.digest());
    assert_eq!(kept.expect("in memory"), computed.expect("in memory"));
}

/// A wrong digest, and that of another size, at every place.
#[test]
fn a_wrong_digest_is_named_with_its_leaf() {
    let (ledger, good) = ledger();
    for index in 0..good.len() {
        let right = state_of(&good[index]);
        let mut altered = right;
        altered[31] ^= 1;
        let neighbour = state_of(&good[if index == 0 { 1 } else { index - 1 }]);
        for wrong in [altered, neighbour] {
            let mut leaves = good.clone();
            leaves[index] = with(&good[index], Some(wrong));
            let error = refused(&ledger, &leaves);
            assert_eq!(error.index, index as u64, "{error}");
            assert!(
                matches!(error.fault, ReplayFault::OtherState { expected, found }
                    if (expected, found) == (right, wrong)),
                "{error}"
            );
        }
    }
}

/// Checkpoints may be anywhere: a leaf that ends none needs no digest, and the state is the same.
#[test]
fn only_the_last_leaf_must_have_a_digest() {
    let (ledger, good) = ledger();
    let state = ledger.ledger.state();
    let last = good.len() - 1;
    let mut leaves: Vec<_> = good.iter().map(|leaf| with(leaf, None)).collect();
    let error = refused(&ledger, &leaves);
    assert_eq!(error.index, last as u64, "{error}");
    assert!(matches!(error.fault, ReplayFault::NoState), "{error}");

    for sealed in [vec![last], vec![2, last - 1, last], (0..=last).collect()] {
        for (index, leaf) in good.iter().enumerate() {
            leaves[index] = with(leaf, sealed.contains(&index).then(|| state_of(leaf)));
        }
        let replayed = replayed(&ledger, &leaves).expect("an honest log");
        assert_eq!(replayed.digest(), state.digest());
        let followed = followed(&ledger, &leaves).expect("an honest log");
        assert_eq!(followed, state.rows().digest().expect("in memory"));
    }
}

/// Of a wrong digest and another fault the earlier leaf is named.
#[test]
fn of_a_wrong_digest_and_another_fault_the_first_is_named() {
    let (ledger, good) = ledger();
    let size = good.len();
    let again = |index: usize, state| {
        let mut leaf = Leaf::from_bytes(&good[index]).expect("a leaf");
        (leaf.time, leaf.state) = (ledger.time, state);
        leaf.to_bytes()
    };
    // A repeated batch, then a wrong digest, in leaves that are verified together.
    let mut leaves = good.clone();
    leaves.push(again(size - 2, None));
    leaves.push(again(size - 1, Some([7; 32])));
    let error = refused(&ledger, &leaves);
    assert_eq!(error.index, size as u64, "{error}");
    assert!(matches!(error.fault, ReplayFault::Refused(_)), "{error}");
    // The other way round.
    let mut leaves = good.clone();
    leaves[size - 1] = with(&good[size - 1], Some([7; 32]));
    leaves.push(again(size - 2, None));
    let error = refused(&ledger, &leaves);
    assert_eq!(error.index, size as u64 - 1, "{error}");
    assert!(
        matches!(error.fault, ReplayFault::OtherState { .. }),
        "{error}"
    );
}
