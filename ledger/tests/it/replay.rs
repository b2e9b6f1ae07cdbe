//! Replay gives the sequencer's state for any submissions, and detects every altered leaf.

use crate::founded::Founded;
use crate::storage::ready;
use merits_ledger::entry::{Entry, StandingChange};
use merits_ledger::rows::StateDigest;
use merits_ledger::storage::{MemoryStorage, Storage as _};
use merits_ledger::tree::{Frontier, consistency_proof};
use merits_ledger::{Extension, Governing, Groth16Keys, Replay, State};
use merits_ledger_fixture::acts;
use merits_primitives::{calendar::Timestamp, ids::Credits};
use merits_verifier::codec::Canonical;
use merits_verifier::entry::{Leaf, SignedEntry};
use merits_verifier::log::verify_consistency;
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

fn replayed(ledger: &Founded) -> ([u8; 32], [u8; 32]) {
    let mut rng = StdRng::seed_from_u64(5);
    let leaves = ledger.ledger.store().leaves();
    let (state, root) =
        Replay::run(ledger.federation.policy(), leaves, &mut rng).expect("an honest log");
    (state.digest().expect("rows in memory"), root)
}

fn checkpoint_root(ledger: &Founded) -> [u8; 32] {
    let key = ledger.federation.signer().public().clone();
    ledger
        .ledger
        .checkpoint()
        .expect("own key")
        .verify(&key)
        .expect("own signature")
        .root
}

/// What a test run does next.
#[derive(Debug, Clone)]
enum Act {
    Earn(usize),
    /// An earlier entry again.
    Repeat(usize),
    /// A batch whose proof fails.
    Spoilt,
    Suspend,
    Reinstate,
    Cut(u32),
    Total(u32),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1usize..4).prop_map(Act::Earn),
        1 => (0usize..20).prop_map(Act::Repeat),
        1 => Just(Act::Spoilt),
        1 => Just(Act::Suspend),
        1 => Just(Act::Reinstate),
        1 => (0u32..3).prop_map(Act::Cut),
        1 => (0u32..3).prop_map(Act::Total),
    ]
}

/// Submits; refusals are expected too.
fn play(ledger: &mut Founded, act: &Act, sent: &mut Vec<SignedEntry>) {
    let federation = ledger.federation.clone();
    let party = federation.distributor.id;
    let changes = ledger
        .ledger
        .state()
        .parties()
        .get(&party)
        .map_or(0, |distributor| distributor.standing_changes);
    let standing = StandingChange {
        party,
        sequence: changes + 1,
        basis: "test".to_owned(),
    };
    let entry = match act {
        Act::Earn(claims) => ledger.changed_batch(*claims, |_, _| {}),
        Act::Repeat(index) => match sent.get(*index) {
            Some(entry) => entry.clone(),
            None => return,
        },
        Act::Spoilt => {
            let batch = federation.batch(1, &mut ledger.rng);
            let proof = federation
                .trapdoor
                .prove(&[], &mut ledger.rng)
                .expect("a proof");
            federation.sign_batch(&batch, &proof)
        }
        Act::Suspend => federation.sign(&acts::suspended(standing), &federation.supervisor),
        Act::Reinstate => federation.sign(&acts::reinstated(standing), &federation.supervisor),
        Act::Cut(number) => federation.sign(&federation.cut(*number), &federation.supervisor),
        Act::Total(number) => {
            let state = ledger.ledger.state();
            let key = federation.totals_key(merits_primitives::ids::Output::Credits);
            let interval = state.totals().interval(&key, *number);
            let claims = interval
                .expect("rows in memory")
                .map_or(0, |interval| interval.claims);
            let sum = Credits(100 * claims);
            let total = federation.open_total(state, *number, sum, &mut ledger.rng);
            federation.sign(&Entry::TotalsOpened(total), &federation.supervisor)
        }
    };
    let _refused_or_not = ledger.submit(&entry);
    sent.push(entry);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn replay_equals_the_incremental_state(acts in prop::collection::vec(act(), 1..20)) {
        let mut ledger = Founded::new();
        let mut sent = Vec::new();
        for act in &acts {
            play(&mut ledger, act, &mut sent);
        }
        let (digest, root) = replayed(&ledger);
        prop_assert_eq!(digest, ledger.ledger.state().digest().expect("rows in memory"));
        prop_assert_eq!(root, checkpoint_root(&ledger));
    }
}

#[test]
fn every_earlier_checkpoint_is_consistent_with_the_last() {
    let mut ledger = Founded::new();
    let mut roots = vec![(ledger.ledger.state().size(), checkpoint_root(&ledger))];
    for _ in 0..5 {
        let batch = ledger.earn(1);
        ledger.submit(&batch).expect("a good batch");
        roots.push((ledger.ledger.state().size(), checkpoint_root(&ledger)));
    }
    let (size, root) = *roots.last().expect("there are some");
    for (old, old_root) in &roots {
        let proof = consistency_proof(ledger.ledger.store(), *old, size).expect("all nodes");
        assert_eq!(
            verify_consistency(*old, old_root, size, &root, &proof),
            Ok(())
        );
    }
}

#[test]
fn a_replay_names_the_leaf_that_breaks_the_rules() {
    let mut ledger = Founded::new();
    for _ in 0..3 {
        let batch = ledger.earn(2);
        ledger.submit(&batch).expect("a good batch");
    }
    let policy = ledger.federation.policy();
    let good = ledger.ledger.store().leaves().to_vec();
    let fails = |leaves: Vec<Vec<u8>>| {
        let mut rng = StdRng::seed_from_u64(5);
        let error = Replay::run(policy.clone(), leaves, &mut rng).expect_err("a broken log");
        (error.index, error.fault.to_string())
    };

    // A proof that does not hold, under an envelope that its party signed.
    let mut leaves = good.clone();
    let (mut tenth, other) = (
        Leaf::from_bytes(&good[9]).expect("a leaf"),
        Leaf::from_bytes(&good[10]).expect("a leaf"),
    );
    tenth.entry.proof = other.entry.proof;
    tenth.entry.signature = merits_verifier::signature::sign(
        &ledger.federation.distributor.key,
        &tenth.entry.signing_bytes(),
    );
    leaves[9] = tenth.to_bytes();
    let (index, fault) = fails(leaves);
    assert_eq!(index, 9);
    assert!(fault.contains("proof does not hold"), "{fault}");

    // The same leaf twice.
    let mut leaves = good.clone();
    let mut copy = Leaf::from_bytes(&good[8]).expect("a leaf");
    copy.time = ledger.time;
    leaves.push(copy.to_bytes());
    let (index, fault) = fails(leaves);
    assert_eq!(index, 11);
    assert!(fault.contains("already used"), "{fault}");

    // A left-out admission: the party that acts later is unknown.
    // The next leaf's digest of the state shows it at once, and without digests the rules do.
    let mut leaves = good.clone();
    leaves.remove(2);
    assert_eq!(fails(leaves.clone()).0, 2);
    for leaf in &mut leaves {
        let mut unsealed = Leaf::from_bytes(leaf).expect("a leaf");
        unsealed.state = None;
        *leaf = unsealed.to_bytes();
    }
    assert_eq!(fails(leaves).0, 5);

    // Time that goes back.
    let mut leaves = good;
    let mut last = Leaf::from_bytes(&leaves[10]).expect("a leaf");
    last.time = Timestamp::FIRST;
    leaves[10] = last.to_bytes();
    assert_eq!(fails(leaves).0, 10);
}

/// Regression: a bad proof was reported before the rules had checked the leaves before it, and of
/// several faults not always the first was reported.
#[test]
fn of_several_faults_the_first_leaf_is_named() {
    let mut ledger = Founded::new();
    for _ in 0..3 {
        let batch = ledger.earn(2);
        ledger.submit(&batch).expect("a good batch");
    }
    let good = ledger.ledger.store().leaves().to_vec();
    let size = good.len();
    // The batches wait together for their proofs.
    let [first, second, third] = [size - 3, size - 2, size - 1];
    type Spoil<'s> = dyn Fn(&mut Leaf, &Leaf) + 's;
    let time = |leaf: &mut Leaf, _: &Leaf| leaf.time = Timestamp::FIRST;
    let signature = |leaf: &mut Leaf, _: &Leaf| leaf.entry.signature[0] ^= 1;
    let key = &ledger.federation.distributor.key;
    let proof = |leaf: &mut Leaf, other: &Leaf| {
        leaf.entry.proof.clone_from(&other.entry.proof);
        leaf.entry.signature = merits_verifier::signature::sign(key, &leaf.entry.signing_bytes());
    };
    let (time, signature): (&Spoil<'_>, &Spoil<'_>) = (&time, &signature);
    let proof: &Spoil<'_> = &proof;
    for spoilt in [
        [(first, time), (second, proof)],
        [(first, proof), (second, signature)],
        [(first, proof), (third, time)],
        [(second, time), (third, signature)],
        [(second, proof), (third, proof)],
    ] {
        let mut leaves = good.clone();
        for (index, spoil) in spoilt {
            let other = Leaf::from_bytes(&good[size - 1 - usize::from(index == third)]);
            let mut leaf = Leaf::from_bytes(&good[index]).expect("a leaf");
            spoil(&mut leaf, &other.expect("a leaf"));
            leaves[index] = leaf.to_bytes();
        }
        named(&ledger, &leaves, spoilt[0].0);
    }
    // One that cannot be read, behind one whose proof does not hold.
    let mut leaves = good.clone();
    let mut leaf = Leaf::from_bytes(&good[first]).expect("a leaf");
    leaf.time = Timestamp::FIRST;
    leaves[first] = leaf.to_bytes();
    leaves[third].truncate(20);
    named(&ledger, &leaves, first);
}

/// Both a replay and a follower name this leaf.
fn named(ledger: &Founded, leaves: &[Vec<u8>], index: usize) {
    let policy = ledger.federation.policy();
    let rng = &mut StdRng::seed_from_u64(5);
    let replayed = Replay::run(policy.clone(), leaves, rng).expect_err("a broken log");
    assert_eq!(replayed.index, index as u64, "{replayed}");
    let followed = ready(async {
        let mut extension = Extension::new(
            Governing::new(policy),
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
        extension.finish()
    });
    let followed = followed.expect_err("a broken log");
    assert_eq!(followed.index, index as u64, "{followed}");
}

#[test]
fn the_digest_covers_policy_leaves_and_order() {
    let ledger = Founded::new();
    let policy = ledger.federation.policy();
    let mut other = policy.clone();
    other.least_claims_per_total += 1;
    assert_ne!(
        State::new(policy.clone()).digest().expect("rows in memory"),
        State::new(other).digest().expect("rows in memory")
    );
    assert_ne!(
        State::new(policy).digest().expect("rows in memory"),
        ledger.ledger.state().digest().expect("rows in memory")
    );
}
