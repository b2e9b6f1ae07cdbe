//! Who follows a log does not verify again what its process verified itself, and verifies everything else.

use merits_ledger::rows::StateDigest;
use merits_ledger::storage::{MemoryStorage, Storage as _};
use merits_ledger::tree::Frontier;
use merits_ledger::{
    Extended, Extension, Governing, Groth16Job, Groth16Keys, KnownProofs, ProvenStatement,
    ReplayError, Submission,
};
use merits_ledger_fixture::{Citizen, Stage};
use merits_primitives::{Fr, ids::Credits};
use merits_trapdoor::{TrapdoorKey, rerandomise};
use merits_verifier::codec::Canonical as _;
use merits_verifier::entry::{Leaf, SignedEntry};
use merits_verifier::groth16::{KeyPolicy, PreparedKey, Provenance};
use merits_verifier::{EncodedProof, Statement as _, Verified};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::storage::ready;

fn job(town: &Stage<StdRng>, redemption: &SignedEntry) -> Groth16Job {
    let state = town.state();
    let submission = Submission::from_signed(redemption.clone(), state.origin()).expect("an entry");
    let job = state.job(&submission).expect("it may come");
    let job = job.expect("a redemption has a proof");
    job.groth16().expect("of Groth16")
}

fn verified(town: &Stage<StdRng>, job: &Groth16Job) -> Verified<ProvenStatement> {
    let key = Groth16Keys::new().get(town.state(), &job.key);
    let key = key.expect("in force");
    Verified::check(&key, job.statement.clone(), &job.proof).expect("it holds")
}

/// Follows a log from its first leaf.
fn follow(
    town: &Stage<StdRng>,
    leaves: &[Vec<u8>],
    known: &KnownProofs,
) -> Result<Extended, ReplayError> {
    let rng = &mut StdRng::seed_from_u64(5);
    ready(async {
        let extension = Extension::new(
            Governing::new(town.federation.policy()),
            Frontier::new(),
            StateDigest::default(),
            Groth16Keys::new(),
        );
        let mut extension = extension.knowing(known.clone());
        let mut storage = MemoryStorage::new();
        let mut group = storage.begin().await.expect("begins");
        for leaf in leaves {
            let pushed = extension.push(&mut group, leaf, rng).await;
            pushed.expect("memory holds it");
        }
        extension.end(&mut group, rng).await.expect("ends");
        extension.finish()
    })
}

#[test]
fn only_exactly_what_was_verified_is_skipped() {
    let mut town = Stage::new(StdRng::seed_from_u64(7)).expect("a town");
    let people = [Citizen::new(1), Citizen::new(2)];
    let notes = [0, 1].map(|person| town.earner(&people[person]).expect("a note"));
    let offer = town.offer(Credits(30), 5).expect("an offer");
    let redeem = |town: &mut Stage<StdRng>, person: usize| {
        let (redemption, _) = town
            .redemption(&people[person], &notes[person..=person], offer)
            .expect("it may come");
        let job = job(town, &redemption);
        let verified = verified(town, &job);
        town.submit(&redemption).expect("taken");
        (job.proof, verified)
    };
    let (first_proof, first) = redeem(&mut town, 0);
    let (proof, verified) = redeem(&mut town, 1);
    let leaves = town.ledger.store().leaves().to_vec();
    let last = leaves.len() - 1;

    // What was verified is used once.
    let known = KnownProofs::default();
    known.remember(proof, verified.clone());
    known.remember(first_proof, first.clone());
    follow(&town, &leaves, &known).expect("an honest log");
    assert!(known.is_empty());

    // The log has another proof of the same statement, which does not hold: the one of the first redemption.
    let mut altered = leaves.clone();
    let first_leaf = Leaf::from_bytes(&leaves[last - 1]).expect("a leaf");
    let mut leaf = Leaf::from_bytes(&leaves[last]).expect("a leaf");
    let exchange = &town.federation.exchange;
    leaf.entry = SignedEntry::sign(
        town.federation.origin.clone(),
        leaf.entry.kind,
        exchange.id,
        leaf.entry.statement.clone(),
        first_leaf.entry.proof,
        &exchange.key,
    );
    altered[last] = leaf.to_bytes();
    // The true proof of the statement is known, and the false one is known as another statement's.
    for (known_proof, known_statement) in [(proof, &verified), (first_proof, &first)] {
        let known = KnownProofs::default();
        known.remember(known_proof, known_statement.clone());
        let error = follow(&town, &altered, &known).expect_err("a proof that does not hold");
        assert_eq!(error.index, last as u64, "{error}");
    }
    // Without a leaf that has them they stay.
    known.remember(proof, verified.clone());
    follow(&town, &leaves[..last], &known).expect("an honest log");
    assert_eq!(known.len(), 1);
    // Each is remembered once.
    for _ in 0..3 {
        known.remember(proof, verified.clone());
    }
    assert_eq!(known.len(), 1);
    // And they are bounded: the oldest goes.
    let other = |factor: u64| rerandomise(&proof, Fr::from(factor)).expect("not zero");
    for factor in 2..=MOST + 1 {
        known.remember(other(factor), verified.clone());
    }
    assert_eq!(known.len() as u64, MOST);
    follow(&town, &leaves, &known).expect("an honest log");
    assert_eq!(known.len() as u64, MOST, "the first was forgotten");
}

/// The bound that the module states.
const MOST: u64 = 256;

/// What is remembered is not verified again: a proof that does not hold passes if this process says that it verified
/// it. Only under the key that the leaf's statement has.
#[test]
fn what_is_known_is_not_verified() {
    let mut town = Stage::new(StdRng::seed_from_u64(8)).expect("a town");
    let person = Citizen::new(1);
    let note = town.earner(&person).expect("a note");
    let offer = town.offer(Credits(30), 5).expect("an offer");
    let (redemption, _) = town
        .redemption(&person, &[note], offer)
        .expect("it may come");
    let job = job(&town, &redemption);
    let verified = verified(&town, &job);
    town.submit(&redemption).expect("taken");
    let mut leaves = town.ledger.store().leaves().to_vec();
    let last = leaves.len() - 1;

    // Of the same statement, under a key that the ledger does not have.
    let mut rng = StdRng::seed_from_u64(9);
    let inputs = job.statement.public_inputs();
    let strange = TrapdoorKey::generate(inputs.len(), &mut rng);
    let false_proof = strange.prove(&inputs, &mut rng).expect("a proof");
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = PreparedKey::new(strange.key, Provenance::InsecureDev, policy).expect("a key");
    let elsewhere = Verified::check(&key, job.statement.clone(), &false_proof).expect("it holds");

    let mut leaf = Leaf::from_bytes(&leaves[last]).expect("a leaf");
    let (exchange, before) = (&town.federation.exchange, leaf.entry);
    leaf.entry = SignedEntry::sign(
        town.federation.origin.clone(),
        before.kind,
        exchange.id,
        before.statement,
        Some(EncodedProof::from(&false_proof)),
        &exchange.key,
    );
    leaves[last] = leaf.to_bytes();

    let known = KnownProofs::default();
    known.remember(false_proof, elsewhere);
    let error = follow(&town, &leaves, &known).expect_err("verified under another key");
    assert_eq!(error.index, last as u64, "{error}");
    assert_eq!(known.len(), 1);
    known.remember(false_proof, verified);
    follow(&town, &leaves, &known).expect("not verified again");
    assert_eq!(known.len(), 1, "used once");
}
