//! The order in which classes are served, and what is skipped.

use std::sync::mpsc;

use merits_ledger::{Groth16Keys, Job, Submission};
use merits_ledger_fixture::{Federation, Stage};
use merits_primitives::{Fr, ids::Epoch};
use merits_verifier::{
    EncodedProof, ProofSystem, Reason,
    entry::SignedEntry,
    groth16::{KeyPolicy, PreparedKey, Provenance},
};
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;

/// One thread, and a job that holds it until the sender is dropped.
fn held(parties_percent: u32) -> (VerifyPool, mpsc::Sender<()>) {
    let limits = PoolLimits {
        threads: 1,
        batch: 8,
        linger: Duration::ZERO,
        queue: 10_000,
        parties_percent,
    };
    let pool = VerifyPool::start(limits).unwrap();
    let (release, held) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    let hold = move || {
        let _ = begin.send(());
        held.recv()
    };
    let holding = pool.run(Class::Door, hold).unwrap();
    begun.recv().unwrap();
    drop(holding);
    (pool, release)
}

#[test]
fn parties_have_their_share_whatever_others_want() {
    let (pool, release) = held(50);
    let order = Arc::new(Mutex::new(Vec::new()));
    let queue = |class, count| -> Vec<oneshot::Receiver<()>> {
        (0..count)
            .map(|_| {
                let order = Arc::clone(&order);
                let job = move || {
                    std::thread::sleep(Duration::from_millis(2));
                    order.lock().unwrap().push(class);
                };
                pool.run(class, job).unwrap()
            })
            .collect()
    };
    let mut waiting = queue(Class::Others, 400);
    waiting.extend(queue(Class::Door, 400));
    let parties = queue(Class::Parties, 40);
    drop(release);
    for answer in parties {
        answer.blocking_recv().unwrap();
    }
    let done = order.lock().unwrap().clone();
    // They have half of the time: 40 of about 80. First come, first served would give 840.
    assert!(done.len() < 160, "{} before the last of 40", done.len());
    let others = done.iter().filter(|class| **class == Class::Others).count();
    assert!(others >= 5, "others have their share too: {others}");
    drop(waiting);
}

#[test]
fn work_whose_caller_is_gone_is_left_out() {
    let (pool, release) = held(50);
    let done = Arc::new(Mutex::new(0));
    for _ in 0..100 {
        let done = Arc::clone(&done);
        drop(pool.run(Class::Others, move || *done.lock().unwrap() += 1));
    }
    drop(release);
    let last = pool.run(Class::Others, || ()).unwrap();
    last.blocking_recv().unwrap();
    assert_eq!(*done.lock().unwrap(), 0);
}

/// Regression: the one thread that waited until a lane was due took another job, and then no thread
/// waited for the lane.
#[test]
fn a_lane_is_looked_after_while_the_thread_that_waited_works() {
    let limits = PoolLimits {
        threads: 2,
        batch: 8,
        linger: Duration::from_millis(300),
        queue: 100,
        parties_percent: 50,
    };
    let pool = VerifyPool::start(limits).unwrap();
    let rng = &mut rand::rng();
    let made = merits_trapdoor::TrapdoorKey::generate(1, rng);
    let inputs = vec![Fr::from(7u64)];
    let proof = made.prove(&inputs, rng).unwrap();
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    let key = PreparedKey::new(made.key.clone(), Provenance::InsecureDev, policy).unwrap();
    let question = (BareInputs(inputs), proof, ());
    let answer = pool.verify(
        Class::Others,
        &Arc::new(key),
        question,
        Holding::of_nothing(),
    );
    let answer = answer.unwrap();
    // The threads wait in turns: the other one takes this, and then it is the turn of the one that waits for the
    // lane.
    let short = pool.run(Class::Door, || ()).unwrap();
    short.blocking_recv().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let (release, held) = mpsc::channel::<()>();
    let hold = move || held.recv_timeout(Duration::from_secs(20)).is_ok();
    let holding = pool.run(Class::Door, hold).unwrap();
    assert!(answer.blocking_recv().unwrap().is_ok());
    let _ = release.send(());
    assert!(holding.blocking_recv().unwrap(), "the lane waited for it");
}

/// A second system has a lane of its own beside those of Groth16: it is full, and taken, by its own proofs, and a bad
/// one among them is named with what it is.
#[test]
fn schnorr_proofs_are_verified_in_a_lane_of_their_own() {
    let rng = &mut StdRng::seed_from_u64(4);
    let town = Stage::new(StdRng::seed_from_u64(5)).unwrap();
    let federation = town.federation.clone();
    let epoch = |rng: &mut StdRng, number| {
        let with = federation.with_fresh_halves(rng);
        let from = town.time + Duration::from_secs(1);
        let (opened, proof) = with.epoch(Epoch(number), from, from, rng);
        federation.sign_epoch(opened, &proof)
    };
    let mut signed: Vec<SignedEntry> = (0..7).map(|_| epoch(rng, 2)).collect();
    // The proof of one under the statement of another, and a signature under the proof of another.
    let swapped = signed[3].proof.clone();
    let (id, key) = (federation.supervisor.id, &federation.supervisor.key);
    signed[2] = SignedEntry::sign(
        federation.origin.clone(),
        signed[2].kind,
        id,
        signed[2].statement.clone(),
        swapped.clone(),
        key,
    );
    signed[5].proof = swapped;
    let (pool, release) = held(50);
    let state = town.state();
    let mut answers = Vec::new();
    for signed in signed {
        let submission = Submission::from_signed(signed, &federation.origin).unwrap();
        let job = state.question(&submission).unwrap().unwrap();
        let Job::Schnorr(job) = job else {
            panic!("an epoch has Schnorr proofs");
        };
        let unverified = state.signatures(submission, None).unwrap();
        let question = (job.statement, job.proof, unverified);
        let answer = pool.verify(Class::Parties, &(), question, Holding::of_nothing());
        answers.push(answer.unwrap());
    }
    drop(release);
    for (position, answer) in answers.into_iter().enumerate() {
        let answer = answer.blocking_recv().unwrap();
        match (position, answer) {
            (2, Err(refusal)) => {
                assert_eq!(refusal.code(), Reason::PossessionInvalid);
                let field = refusal.field().to_string();
                assert_eq!(field, "possession of the view key's half");
            }
            (5, Err(refusal)) => assert_eq!(refusal.code(), Reason::SignatureInvalid),
            (2 | 5, Ok(_)) => panic!("{position} does not hold"),
            (_, answer) => assert!(answer.is_ok(), "{position}: {answer:?}"),
        }
    }
}

/// Proofs of a batch are decoded together. One that is none, or that belongs to another statement, is named at its
/// place, and a bad signature before it.
#[test]
fn a_proof_that_cannot_be_decoded_does_not_sink_the_others_of_its_batch() {
    let rng = &mut StdRng::seed_from_u64(6);
    let federation = Federation::generate(rng).unwrap();
    let town = Stage::of(federation, StdRng::seed_from_u64(7));
    let (federation, state) = (&town.federation, town.state());
    let mut signed: Vec<SignedEntry> = (0..8)
        .map(|_| federation.earn(state, 2, rng).unwrap())
        .collect();
    let with_proof = |signed: &SignedEntry, bytes: Vec<u8>| {
        SignedEntry::sign(
            federation.origin.clone(),
            signed.kind,
            signed.party,
            signed.statement.clone(),
            Some(EncodedProof::new(ProofSystem::Groth16Bn254, bytes).unwrap()),
            &federation.distributor.key,
        )
    };
    let good = signed[0].proof.as_ref().unwrap().bytes().to_vec();
    signed[1] = with_proof(&signed[1], vec![0xff; 128]);
    signed[3] = with_proof(&signed[3], good.clone());
    signed[4] = with_proof(&signed[4], good[..127].to_vec());
    // Not signed by the party.
    signed[6].proof = Some(EncodedProof::new(ProofSystem::Groth16Bn254, vec![0xff; 128]).unwrap());
    let (pool, release) = held(50);
    let mut answers = Vec::new();
    for signed in signed {
        let submission = Submission::undecoded(signed, &federation.origin).unwrap();
        let job = state.undecoded_question(&submission).unwrap().unwrap();
        let Job::Groth16(job) = job else {
            panic!("a batch has a Groth16 proof");
        };
        let key = Groth16Keys::new().get(state, &job.key).unwrap();
        let unverified = state.signatures(submission, None).unwrap();
        let question = (job.statement, job.proof, unverified);
        let answer = pool.verify(Class::Parties, &key, question, Holding::of_nothing());
        answers.push(answer.unwrap());
    }
    drop(release);
    for (position, answer) in answers.into_iter().enumerate() {
        let code = answer.blocking_recv().unwrap().err().map(|no| no.code());
        let expected = match position {
            1 | 4 => Some(Reason::ProofMalformed),
            3 => Some(Reason::ProofInvalid),
            6 => Some(Reason::SignatureInvalid),
            _ => None,
        };
        assert_eq!(code, expected, "entry {position}");
    }
}
