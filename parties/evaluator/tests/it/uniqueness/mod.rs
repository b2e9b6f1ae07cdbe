//! One person, one identity, over real gRPC: evaluator, two registrars and a coordinator.
//!
//! Failures are: a person registered twice, an answer that the log does not count, an unnecessary
//! count, or an answer to a party that may not ask.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

mod city;
mod connections;
mod crash;
mod lying;
mod shares;
mod strangers;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use city::City;
use merits_ledger::{
    Entry,
    entry::{IdentityRegistered, KeySucceeded, UniquenessTag},
    state::People,
};
use merits_primitives::{
    calendar::{Day, Timestamp},
    identity::{IdentityCommitment, IdentityLeaf, Secret},
    ids::{Origin, PartyId},
};
use merits_proto::{EvaluationAnswer, EvaluationRequest};
use merits_registrar::{
    acts::Registrar,
    client::{EvaluatorClient, EvaluatorError},
    evaluation::Pending,
    number::{IdentityNumber, NumberKind},
    registration::{Occasion, RegistrationFault},
    session::{ASKING, FollowingRegistrar, Registered, RegisteringError, Sleep},
};
use merits_replica::{ClientError, Security};
use merits_threshold::tags::key::TagKey;
use merits_verifier::{FieldPath, Reason, ReasonCode};
use rand::{SeedableRng as _, rngs::StdRng};

const ANN: &str = "11010519491231002X";
const BOB: &str = "440524188001010014";

fn number(text: &str) -> IdentityNumber {
    IdentityNumber::parse(NumberKind::ChineseId, text).unwrap()
}

/// The commitment of a wallet with this seed.
fn wallet(seed: u8) -> IdentityCommitment {
    let secret = Secret::from_seed(&[seed; 32], "identity/0");
    secret.commitment().unwrap()
}

async fn register(
    session: &FollowingRegistrar,
    evaluator: &mut EvaluatorClient,
    occasion: Occasion,
    commitment: IdentityCommitment,
    person: &str,
) -> Result<Registered, RegisteringError> {
    // One that may cross threads.
    let rng = &mut StdRng::from_rng(&mut rand::rng());
    session
        .register(
            std::slice::from_ref(evaluator),
            occasion,
            (commitment, Day::FIRST),
            number(person),
            now(),
            rng,
        )
        .await
}

fn now() -> Timestamp {
    merits_replica::machine_time()
}

#[track_caller]
fn fault(result: Result<Registered, RegisteringError>) -> RegistrationFault {
    match result {
        Err(RegisteringError::Registration(fault)) => fault,
        other => panic!("refused, not {other:?}"),
    }
}

/// Why the evaluator refused: reason and field.
#[track_caller]
fn refusal(result: Result<EvaluationAnswer, EvaluatorError>) -> (ReasonCode, FieldPath) {
    match result {
        Err(EvaluatorError::Refused { fault, .. }) => {
            assert!(!fault.may_retry(), "{fault}");
            (fault.reason, fault.field)
        }
        other => panic!("refused, not {other:?}"),
    }
}

fn refused_as(reason: Reason, field: &str) -> (ReasonCode, FieldPath) {
    (reason.into(), field.parse().unwrap())
}

/// An evaluator that is away is asked as often, and after such waits, as the policy says; the waits are the
/// caller's, so nobody waits here.
#[tokio::test(flavor = "multi_thread")]
async fn an_evaluator_that_is_away_is_asked_by_the_policy() {
    let city = City::new().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let copy = city.copy("evaluator").await;
    let stopping = async move { stopped.await.unwrap() };
    let (address, serving) = city.serve_until(copy, Security::default(), stopping).await;
    let mut evaluator = EvaluatorClient::connect(&address).await.unwrap();
    stop.send(()).unwrap();
    serving.await.unwrap();

    let waits = Arc::new(Mutex::new(Vec::new()));
    let waited = Arc::clone(&waits);
    let sleep: Sleep = Box::new(move |wait| {
        waited.lock().unwrap().push(wait);
        Box::pin(std::future::ready(()))
    });
    let bank = city.waiting_session(&city.bank, sleep).await;
    let away = register(&bank, &mut evaluator, Occasion::First, wallet(1), ANN).await;
    assert!(
        matches!(away, Err(RegisteringError::Evaluator(_))),
        "{away:?}"
    );
    let policy: Vec<_> = (1..).map_while(|failed| ASKING.wait(failed)).collect();
    assert_eq!(*waits.lock().unwrap(), policy);
    assert_eq!(policy.len(), 7);
    assert_eq!(city.counted().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_registered_once_at_any_registrar() {
    let city = City::new().await;
    let address = city.serve(city.copy("evaluator").await).await;
    let mut evaluator = EvaluatorClient::connect(&address).await.unwrap();
    let bank = city.session(&city.bank).await;
    let townhall = city.session(&city.townhall).await;

    let first = register(&bank, &mut evaluator, Occasion::First, wallet(1), ANN).await;
    let ann = first.unwrap();
    assert_eq!((ann.content.generation, ann.content.from), (0, Day::FIRST));
    // The same person, written otherwise, with another wallet, here and elsewhere.
    let lower = ANN.to_ascii_lowercase();
    for (session, person) in [(&bank, lower.as_str()), (&townhall, ANN)] {
        let again = register(session, &mut evaluator, Occasion::First, wallet(2), person).await;
        assert_eq!(fault(again), RegistrationFault::PersonKnown);
    }
    // A commitment of which the ledger knows costs no evaluation.
    let known = register(&townhall, &mut evaluator, Occasion::First, wallet(1), BOB).await;
    assert_eq!(fault(known), RegistrationFault::CommitmentKnown);
    assert_eq!(city.counted().await.len(), 3);
    let bob = register(&townhall, &mut evaluator, Occasion::First, wallet(2), BOB).await;
    assert_ne!(bob.unwrap().content.tag, ann.content.tag);

    let counted = city.counted().await;
    let numbers: Vec<u64> = counted.iter().map(|counted| counted.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    let replica = city.follower.replica();
    let people = replica.state().unwrap().people();
    assert_eq!(people.evaluations_of(&city.bank.id), 2);
    assert_eq!(people.group().size(), 2);
    let person = people.by_tag(&ann.content.tag).unwrap().unwrap();
    assert_eq!(
        (person.commitment, person.registrar),
        (wallet(1), city.bank.id)
    );
}

/// The ledger refuses a registrar that bypasses its own program.
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_itself_refuses_a_person_that_it_has() {
    let city = City::new().await;
    let address = city.serve(city.copy("evaluator").await).await;
    let mut evaluator = EvaluatorClient::connect(&address).await.unwrap();
    let bank = city.session(&city.bank).await;
    let first = register(&bank, &mut evaluator, Occasion::First, wallet(1), ANN).await;
    let pen = city.registrar(&city.townhall);
    let (tag, answer) = evaluate(&city, &pen, &mut evaluator, ANN).await;
    assert_eq!(tag, first.unwrap().content.tag, "one number, one tag");
    let again = pen.register(IdentityRegistered {
        commitment: wallet(2),
        from: Day::FIRST,
        generation: 0,
        tag,
        evaluation: answer.entry,
    });
    match city.follower.client().submit(&again).await {
        Err(ClientError::Refused { fault, .. }) => assert_eq!(fault.reason, Reason::PersonKnown),
        other => panic!("refused, not {other:?}"),
    }
}

async fn evaluate(
    city: &City,
    pen: &Registrar,
    evaluator: &mut EvaluatorClient,
    person: &str,
) -> (UniquenessTag, EvaluationAnswer) {
    let pending = Pending::blind(number(person)).unwrap();
    let answer = evaluator
        .evaluate(pen.ask(&pending, &mut rand::rng()))
        .await;
    let answer = answer.unwrap();
    let key = TagKey::sole(city.evaluator.id, city::key().public());
    let tag = pending.tag(&city.federation.origin, &key, &[answer]);
    (tag.unwrap(), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_loss_the_person_is_registered_anew() {
    let city = City::new().await;
    let address = city.serve(city.copy("evaluator").await).await;
    let mut evaluator = EvaluatorClient::connect(&address).await.unwrap();
    let bank = city.session(&city.bank).await;
    let townhall = city.session(&city.townhall).await;
    let loss = Occasion::AfterLoss;

    let never = register(&bank, &mut evaluator, loss, wallet(1), ANN).await;
    assert_eq!(fault(never), RegistrationFault::PersonUnknown);
    let first = register(&bank, &mut evaluator, Occasion::First, wallet(1), ANN).await;
    let before = now();
    let again = register(&townhall, &mut evaluator, loss, wallet(2), ANN).await;
    let (first, again) = (first.unwrap().content, again.unwrap().content);
    assert_eq!((again.tag, again.generation), (first.tag, 1));
    assert!(
        again.from >= People::earliest_after_loss(before),
        "{again:?}"
    );
    let old = register(&bank, &mut evaluator, loss, wallet(1), ANN).await;
    assert_eq!(fault(old), RegistrationFault::CommitmentKnown);

    bank.retire(wallet(2), "the person gave it up")
        .await
        .unwrap();
    let twice = bank.retire(wallet(2), "again").await.unwrap_err();
    assert!(matches!(twice, RegisteringError::Coordinator(_)), "{twice}");
    let third = register(&bank, &mut evaluator, loss, wallet(3), ANN).await;
    assert_eq!(third.unwrap().content.generation, 2);

    city.follower.sync().await.unwrap();
    let replica = city.follower.replica();
    let group = replica.state().unwrap().people().group();
    assert_eq!(group.leaves().unwrap()[..2], [IdentityLeaf::RETIRED; 2]);
    assert_eq!(group.size(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_active_registrars_are_answered() {
    let city = City::new().await;
    let address = city.serve(city.copy("evaluator").await).await;
    let mut evaluator = EvaluatorClient::connect(&address).await.unwrap();
    let rng = &mut rand::rng();
    let pending = Pending::blind(number(ANN)).unwrap();
    let (bank, origin) = (&city.bank, city.federation.origin.clone());

    let stranger = Registrar::new(origin.clone(), PartyId([9; 32]), bank.key.clone());
    let found = refusal(evaluator.evaluate(stranger.ask(&pending, rng)).await);
    assert_eq!(found, refused_as(Reason::PartyUnknown, "registrar"));
    let distributor = city.registrar(&city.federation.distributor);
    let found = refusal(evaluator.evaluate(distributor.ask(&pending, rng)).await);
    assert_eq!(found, refused_as(Reason::RoleMissing, "registrar"));
    let forger = Registrar::new(origin, bank.id, city.townhall.key.clone());
    let found = refusal(evaluator.evaluate(forger.ask(&pending, rng)).await);
    assert_eq!(found, refused_as(Reason::SignatureInvalid, "signature"));
    let other_log = Origin::new("other.example/merits").unwrap();
    let elsewhere = Registrar::new(other_log, bank.id, bank.key.clone());
    let found = refusal(evaluator.evaluate(elsewhere.ask(&pending, rng)).await);
    assert_eq!(found, refused_as(Reason::OtherOrigin, "origin"));
    for bytes in [[0; 32], [0xff; 32]] {
        let origin = city.federation.origin.clone();
        let request = EvaluationRequest::sign(origin, bank.id, bytes, [1; 32], &bank.key);
        let found = refusal(evaluator.evaluate(request).await);
        assert_eq!(found, refused_as(Reason::Malformed, "blinded_element"));
    }
    assert_eq!(city.counted().await, [], "no refusal is counted");

    let request = city.registrar(bank).ask(&pending, rng);
    evaluator.evaluate(request.clone()).await.unwrap();
    city.suspend(bank).await;
    // What was answered before is not answered again either.
    let fresh = Pending::blind(number(BOB)).unwrap();
    let fresh = city.registrar(bank).ask(&fresh, rng);
    for request in [request, fresh] {
        let found = refusal(evaluator.evaluate(request).await);
        assert_eq!(found, refused_as(Reason::PartySuspended, "registrar"));
    }
    assert_eq!(city.counted().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_gets_the_same_answer_and_no_registrar_spoils_anothers_request() {
    let city = City::new().await;
    let address = city.serve(city.copy("evaluator").await).await;
    let mut evaluator = EvaluatorClient::connect(&address).await.unwrap();
    let (bank, townhall) = (city.registrar(&city.bank), city.registrar(&city.townhall));
    let rng = &mut rand::rng();
    let pending = Pending::blind(number(ANN)).unwrap();
    let request = bank.ask(&pending, rng);
    let first = evaluator.evaluate(request.clone()).await.unwrap();
    for again in [request, bank.ask(&pending, rng)] {
        let again = evaluator.evaluate(again).await.unwrap();
        assert_eq!(
            (again.evaluated, again.entry),
            (first.evaluated, first.entry)
        );
    }
    // Regression: an element that was counted for somebody else first was refused, so a copied one kept its registrar from
    // registering.
    let copied = Pending::blind(number(BOB)).unwrap();
    let before = evaluator.evaluate(townhall.ask(&copied, rng)).await;
    let before = before.unwrap();
    let after = evaluator.evaluate(bank.ask(&copied, rng)).await.unwrap();
    assert_eq!(after.evaluated, before.evaluated);
    assert_ne!(after.entry, before.entry);
    let counted: Vec<_> = city
        .counted()
        .await
        .iter()
        .map(|count| count.registrar)
        .collect();
    let (bank, townhall) = (city.bank.id, city.townhall.id);
    assert_eq!(counted, [bank, townhall, bank]);
}

/// A registrar's server goes on with the key that it read at its start, until it is started again.
#[tokio::test(flavor = "multi_thread")]
async fn a_registrar_that_changed_its_key_is_answered_by_both_until_the_grace_is_over() {
    let city = City::new().await;
    let address = city.serve(city.copy("evaluator").await).await;
    let mut evaluator = EvaluatorClient::connect(&address).await.unwrap();
    let rng = &mut rand::rng();
    let pending = Pending::blind(number(ANN)).unwrap();
    let old = city.bank.clone();
    let with = |seed: u8| {
        let mut member = old.clone();
        member.key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        member
    };
    let (new, newest) = (with(61), with(62));
    let origin = &city.federation.origin;
    let hour = Duration::from_secs(3_600);
    let succeeded = KeySucceeded::new(origin, &old.id, 1, &new.key, hour);
    city.act(&old, Entry::KeySucceeded(succeeded)).await;
    for member in [&new, &old] {
        let request = city.registrar(member).ask(&pending, rng);
        evaluator.evaluate(request).await.unwrap();
    }
    // After a theft the keys before end at once.
    let succeeded = KeySucceeded::new(origin, &old.id, 2, &newest.key, Duration::ZERO);
    city.act(&new, Entry::KeySucceeded(succeeded)).await;
    let request = city.registrar(&newest).ask(&pending, rng);
    evaluator.evaluate(request).await.unwrap();
    for member in [&new, &old] {
        let request = city.registrar(member).ask(&pending, rng);
        let found = refusal(evaluator.evaluate(request).await);
        assert_eq!(found, refused_as(Reason::SignatureInvalid, "signature"));
    }
}

/// An evaluator whose key is not the ledger's would give everybody another tag.
#[tokio::test(flavor = "multi_thread")]
async fn an_evaluator_without_the_ledgers_key_does_not_answer() {
    let city = City::new().await;
    let seed = zeroize::Zeroizing::new([8; 32]);
    let key = merits_evaluator::key::EvaluatorKey::from_seed(&seed).unwrap();
    let copy = city.copy("evaluator").await;
    let service = merits_evaluator::net::UniquenessService::new(city.pen(), key, copy);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (limits, forever) = (merits_serve::Limits::default(), std::future::pending());
        let security = merits_serve::Security::default();
        merits_evaluator::net::serve(service, listener, &limits, &security, forever).await
    });
    let mut evaluator = EvaluatorClient::connect(&address).await.unwrap();
    let pending = Pending::blind(number(ANN)).unwrap();
    let request = city.registrar(&city.bank).ask(&pending, &mut rand::rng());
    let found = refusal(evaluator.evaluate(request).await);
    assert_eq!(found, refused_as(Reason::EvaluatorNotOpened, ""));
    assert_eq!(city.counted().await, []);
}

/// Two processes of one evaluator, 24 registrations at once, each element sent twice: numbers run
/// without a gap, and there are as many entries as different elements.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_counts_as_many_evaluations_as_were_answered() {
    let city = City::new().await;
    let one = city.serve(city.copy("evaluator").await).await;
    let other = city.serve(city.copy("evaluator-2").await).await;
    let mut calls = tokio::task::JoinSet::new();
    for round in 0..12 {
        for member in [&city.bank, &city.townhall] {
            let pending = Pending::blind(number(ANN)).unwrap();
            let pen = city.registrar(member);
            // Both go to the same process: the two processes race for numbers, not for elements.
            let address = if round % 2 == 0 { &one } else { &other }.clone();
            let asks = [(); 2].map(|()| pen.ask(&pending, &mut rand::rng()));
            for ask in asks {
                let address = address.clone();
                calls.spawn(async move {
                    let mut client = EvaluatorClient::connect(&address).await.unwrap();
                    loop {
                        match client.evaluate(ask.clone()).await {
                            Err(error) if error.may_retry() => {}
                            answer => return answer.unwrap().entry,
                        }
                    }
                });
            }
        }
    }
    let answered = calls.join_all().await;
    assert_eq!(answered.len(), 48);
    let entries: std::collections::BTreeSet<_> = answered.into_iter().collect();
    let counted = city.counted().await;
    assert_eq!((counted.len(), entries.len()), (24, 24));
    for (counted, number) in counted.iter().zip(1..) {
        assert_eq!(counted.number, number);
    }
}
