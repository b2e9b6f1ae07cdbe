//! Identities: one for each person, with any registrar; what a loss changes; the keys of
//! statements.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

use std::time::Duration;

use crate::town::{
    Town, act_refused, admit, inhabited, nowhere, proven, proven_or_not, refused, town,
};
use merits_ledger::entry::{
    Entry, EvaluationCounted, EvaluatorOpened, IdentityRegistered, IdentityRetired,
    PersonStatement, StandingChange, evaluation_digest,
};
use merits_ledger::state::{People, ROOT_GRACE};
use merits_ledger::{MemoryStore, Role, Sequencer, State};
use merits_ledger_fixture::{Citizen, Federation, Member, Stage, acts};
use merits_primitives::{Fr, calendar::Timestamp, group::GroupRoot, identity::IdentityLeaf};
use merits_primitives::{
    calendar::Day,
    ids::{EntryId, PartyId},
};
use merits_threshold::tags::share::TagShare;
use merits_verifier::codec::Canonical as _;
use merits_verifier::groth16::KeyPolicy;
use rand::{SeedableRng, rngs::StdRng};

/// An evaluation for the registrar, submitted.
fn evaluate(town: &mut Town, registrar: &PartyId) -> EntryId {
    let entry = town.federation.evaluation(town.state(), registrar);
    town.submit(&entry).unwrap().id
}

fn registration(town: &mut Town, citizen: &Citizen, from: Day) -> IdentityRegistered {
    let registrar = town.federation.registrar.id;
    let evaluation = evaluate(town, &registrar);
    town.federation.registration(citizen, from, evaluation)
}

/// Submits as the registrar, expects a refusal.
#[track_caller]
fn register_refused(town: &mut Town, registered: IdentityRegistered, code: &str, field: &str) {
    let registrar = town.federation.registrar.clone();
    let entry = Entry::IdentityRegistered(registered);
    act_refused(town, &registrar, &entry, code, field);
}

fn earliest(town: &Town) -> Day {
    People::earliest_after_loss(town.time)
}

#[test]
fn a_registered_person_is_in_the_group() {
    let (mut town, citizen) = inhabited();
    let people = town.state().people();
    let person = people
        .by_commitment(&citizen.commitment())
        .unwrap()
        .unwrap();
    let tagged = people.by_tag(&citizen.tag(&town.federation)).unwrap();
    assert_eq!(tagged, Some(person.clone()));
    assert_eq!(
        (person.index, person.registrar, person.retired),
        (0, town.federation.registrar.id, false)
    );
    let first = people.group().root().unwrap();
    assert!(people.accepts(first, town.time).unwrap());
    assert_eq!(people.evaluations(), 1);
    assert_eq!(people.evaluations_of(&person.registrar), 1);
    assert_eq!(people.evaluations_of(&town.federation.supervisor.id), 0);

    town.register(&Citizen::new(2)).unwrap();
    let people = town.state().people();
    assert_eq!(people.group().size(), 2);
    assert!(people.accepts(first, town.time + ROOT_GRACE).unwrap());
    // Whatever time a coordinator gives, nothing wraps to a day that is long past.
    assert_eq!(People::earliest_after_loss(Timestamp::LAST), Day::LAST);
    assert!(
        !people
            .accepts(first, town.time + ROOT_GRACE + Duration::from_millis(1))
            .unwrap()
    );
    assert!(
        people
            .accepts(people.group().root().unwrap(), Timestamp::LAST)
            .unwrap()
    );
    assert!(
        !people
            .accepts(GroupRoot(Fr::from(1u64)), town.time)
            .unwrap()
    );
}

#[test]
fn nobody_is_registered_twice_by_whomever() {
    let (mut town, citizen) = inhabited();
    let mut again = registration(&mut town, &citizen, Day::FIRST);
    register_refused(&mut town, again.clone(), "commitment-known", "commitment");
    // With another wallet it is still the same person.
    again.commitment = Citizen::new(77).commitment();
    register_refused(&mut town, again.clone(), "person-known", "tag");

    let other = admit(&mut town, "townhall", &[Role::Registrar], 30);
    again.evaluation = evaluate(&mut town, &other.id);
    let entry = Entry::IdentityRegistered(again);
    act_refused(&mut town, &other, &entry, "person-known", "tag");
}

#[test]
fn an_evaluation_serves_one_registration_of_its_registrar() {
    let (mut town, _) = inhabited();
    let citizen = Citizen::new(2);
    let other = admit(&mut town, "townhall", &[Role::Registrar], 30);
    let foreign = evaluate(&mut town, &other.id);
    let mut registered = town.federation.registration(&citizen, Day::FIRST, foreign);
    register_refused(
        &mut town,
        registered.clone(),
        "evaluation-unfit",
        "evaluation",
    );
    registered.evaluation = nowhere();
    register_refused(
        &mut town,
        registered.clone(),
        "evaluation-unfit",
        "evaluation",
    );
    let registrar = town.federation.registrar.clone();
    registered.evaluation = evaluate(&mut town, &registrar.id);
    let used = registered.evaluation;
    town.act(&registrar, &Entry::IdentityRegistered(registered))
        .unwrap();
    let next = town
        .federation
        .registration(&Citizen::new(3), Day::FIRST, used);
    register_refused(&mut town, next, "evaluation-unfit", "evaluation");
}

#[test]
fn only_a_registrar_registers_and_only_its_kind_retires() {
    let (mut town, citizen) = inhabited();
    let federation = town.federation.clone();
    let registered = registration(&mut town, &Citizen::new(2), Day::FIRST);
    let entry = Entry::IdentityRegistered(registered);
    act_refused(
        &mut town,
        &federation.distributor,
        &entry,
        "role-missing",
        "",
    );
    let retired = Entry::IdentityRetired(IdentityRetired {
        commitment: citizen.commitment(),
        basis: "lost phone".to_owned(),
    });
    for member in [&federation.distributor, &federation.evaluator] {
        act_refused(&mut town, member, &retired, "role-missing", "");
    }
    town.act(&federation.supervisor, &retired).unwrap();
    let person = town.state().people().by_commitment(&citizen.commitment());
    assert!(person.unwrap().unwrap().retired);
    assert_eq!(
        town.state().people().group().leaves().unwrap(),
        [IdentityLeaf::RETIRED]
    );
    let registrar = federation.registrar;
    act_refused(
        &mut town,
        &registrar,
        &retired,
        "identity-unknown",
        "commitment",
    );
}

#[test]
fn after_a_loss_the_old_identity_ends_and_the_new_one_begins_later() {
    let (mut town, citizen) = inhabited();
    let anew = citizen.reborn();
    let day = earliest(&town).saturating_add(2);
    let registered = registration(&mut town, &anew, day);
    let mut early = registered.clone();
    early.from = Day(earliest(&town).0 - 1);
    register_refused(&mut town, early, "eligible-too-early", "from");
    for generation in [2, 7] {
        let mut other = registered.clone();
        other.generation = generation;
        register_refused(&mut town, other, "out-of-sequence", "generation");
    }
    let registrar = town.federation.registrar.clone();
    town.act(&registrar, &Entry::IdentityRegistered(registered))
        .unwrap();
    let people = town.state().people();
    assert_eq!(people.group().size(), 2);
    assert_eq!(people.group().leaves().unwrap()[0], IdentityLeaf::RETIRED);
    let person = people
        .by_commitment(&citizen.commitment())
        .unwrap()
        .unwrap();
    assert_eq!(person.commitment, anew.commitment());
    assert_eq!((person.index, person.birth.generation), (1, 1));
    // The old commitment belongs to nobody any more, and never will again.
    let old = IdentityRetired {
        commitment: citizen.commitment(),
        basis: "twice".to_owned(),
    };
    let entry = Entry::IdentityRetired(old);
    act_refused(
        &mut town,
        &registrar,
        &entry,
        "identity-unknown",
        "commitment",
    );
    let thief = registration(&mut town, &citizen, Day::FIRST);
    register_refused(&mut town, thief, "commitment-known", "commitment");
}

#[test]
fn a_first_registration_is_generation_zero_and_the_last_is_255() {
    let mut town = town();
    let citizen = Citizen::new(1);
    let first = registration(&mut town, &citizen.reborn(), Day::FIRST);
    register_refused(&mut town, first, "out-of-sequence", "generation");
    let mut citizen = citizen;
    town.register(&citizen).unwrap();
    for _ in 0..255 {
        citizen = citizen.reborn();
        town.register(&citizen).unwrap();
    }
    let from = earliest(&town).saturating_add(1);
    let mut more = registration(&mut town, &Citizen::new(9), from);
    more.tag = citizen.tag(&town.federation);
    more.generation = 255;
    register_refused(&mut town, more, "generations-used-up", "generation");
}

#[test]
fn the_evaluator_is_one_and_counts_without_gaps() {
    let mut town = town();
    let federation = town.federation.clone();
    let opened = |byte| {
        Entry::EvaluatorOpened(EvaluatorOpened {
            public_key: [byte; 32],
        })
    };
    act_refused(
        &mut town,
        &federation.evaluator,
        &opened(1),
        "evaluator-stands",
        "",
    );
    act_refused(
        &mut town,
        &federation.registrar,
        &opened(1),
        "role-missing",
        "",
    );
    let rival = admit(&mut town, "oracle", &[Role::Evaluator], 31);
    act_refused(&mut town, &rival, &opened(2), "evaluator-stands", "");

    let counted = |registrar: &Member, number| {
        Entry::EvaluationCounted(EvaluationCounted {
            registrar: registrar.id,
            number,
            request: evaluation_digest(b"blinded"),
        })
    };
    let right = counted(&federation.registrar, 1);
    act_refused(&mut town, &rival, &right, "not-the-evaluator", "party");
    act_refused(&mut town, &federation.registrar, &right, "role-missing", "");
    for number in [0, 2] {
        let wrong = counted(&federation.registrar, number);
        act_refused(
            &mut town,
            &federation.evaluator,
            &wrong,
            "evaluation-number",
            "number",
        );
    }
    let no_registrar = counted(&federation.distributor, 1);
    act_refused(
        &mut town,
        &federation.evaluator,
        &no_registrar,
        "role-missing",
        "",
    );
    let of_blinded = |town: &Town, registrar: &PartyId| {
        let digest = evaluation_digest(b"blinded");
        let people = town.state().people();
        people.evaluation(registrar, &digest).unwrap()
    };
    let registrar = federation.registrar.id;
    assert_eq!(of_blinded(&town, &registrar), None);
    town.act(&federation.evaluator, &right).unwrap();
    let first = of_blinded(&town, &registrar).expect("it was counted");
    let repeated = counted(&federation.registrar, 1);
    // The same entry has its place; it is not counted twice.
    assert!(
        town.act(&federation.evaluator, &repeated)
            .unwrap()
            .already_present
    );
    assert_eq!(town.state().people().evaluations(), 1);
    // Nothing prevents an evaluator from counting an element twice. The first entry stays its own.
    let again = counted(&federation.registrar, 2);
    town.act(&federation.evaluator, &again).unwrap();
    assert_eq!(of_blinded(&town, &registrar).as_ref(), Some(&first));
    // What it counts for another registrar is that one's.
    let other = admit(&mut town, "registry", &[Role::Registrar], 32);
    let elsewhere = counted(&other, 3);
    assert_eq!(of_blinded(&town, &other.id), None);
    town.act(&federation.evaluator, &elsewhere).unwrap();
    assert_eq!(of_blinded(&town, &registrar).as_ref(), Some(&first));
    assert_ne!(of_blinded(&town, &other.id), None);
    assert_eq!(town.state().people().evaluations(), 3);
    let (people, unknown) = (town.state().people(), evaluation_digest(b"another"));
    assert_eq!(people.evaluation(&registrar, &unknown).unwrap(), None);
}

#[test]
fn statement_keys_come_in_order_and_fit_their_statement() {
    let (mut town, citizen) = inhabited();
    let federation = town.federation.clone();
    let adopted =
        |statement, generation| acts::adopted(federation.statement_key(statement, generation));
    let supervisor = &federation.supervisor;
    let second = adopted(PersonStatement::Ticket, 2);
    act_refused(&mut town, &federation.issuer, &second, "role-missing", "");
    for generation in [1, 3] {
        let entry = adopted(PersonStatement::Ticket, generation);
        if generation == 1 {
            // The founding entry itself already has its place.
            assert!(town.act(supervisor, &entry).unwrap().already_present);
        } else {
            act_refused(
                &mut town,
                supervisor,
                &entry,
                "out-of-sequence",
                "generation",
            );
        }
    }
    let mut swapped = federation.statement_key(PersonStatement::Redeem, 2);
    swapped.statement = PersonStatement::Ticket;
    let entry = acts::adopted(swapped);
    act_refused(&mut town, supervisor, &entry, "key-inputs", "key");

    // Another key in force: a proof under the old one no longer holds.
    let distributor = federation.distributor.clone();
    let consented = crate::town::consent(&town, &citizen, &distributor);
    let deposit = Entry::TicketDeposited(consented.deposit);
    let old = proven(&mut town, &deposit, Some(&distributor));
    let mut other = StdRng::seed_from_u64(8);
    town.federation.ticket_key =
        merits_trapdoor::TrapdoorKey::generate(PersonStatement::Ticket.inputs(), &mut other);
    let renewed = town.federation.statement_key(PersonStatement::Ticket, 2);
    let entry = acts::adopted(renewed);
    town.act(supervisor, &entry).unwrap();
    refused(&mut town, &old, "proof-invalid", "proof");
    let new = proven(&mut town, &deposit, Some(&distributor));
    town.submit(&new).unwrap();
}

#[test]
fn development_keys_of_statements_are_refused_where_the_policy_says_so() {
    let mut rng = StdRng::seed_from_u64(46);
    let federation = Federation::with_tickets(&mut rng).unwrap();
    let mut policy = federation.policy();
    policy.keys = KeyPolicy {
        allow_dev_keys: false,
    };
    let mut ledger = Sequencer::new(State::new(policy), MemoryStore::new(), federation.signer());
    let founding = federation.founding_entries(&mut rng);
    let start = merits_ledger_fixture::START;
    ledger.submit(&founding[0].to_bytes(), start).unwrap();
    let key = federation.statement_key(PersonStatement::Redeem, 1);
    let entry = federation.sign(&acts::adopted(key), &federation.supervisor);
    let error = ledger.submit(&entry.to_bytes(), start).unwrap_err();
    let merits_ledger::SubmitError::Refused(refusal) = error else {
        panic!("not a refusal: {error}");
    };
    assert_eq!(
        (
            refusal.code().as_str(),
            refusal.field().to_string().as_str()
        ),
        ("dev-key", "key")
    );
}

#[test]
fn without_a_key_nothing_of_people_is_taken() {
    let mut rng = StdRng::seed_from_u64(47);
    let federation = Federation::generate(&mut rng).unwrap();
    let mut town = Stage::of(federation, rng);
    // A ledger in custody whose supervisor then admits a registrar: people, but no keys.
    let supervisor = town.federation.supervisor.clone();
    for member in [
        town.federation.registrar.clone(),
        town.federation.evaluator.clone(),
    ] {
        let application = acts::admitted(member.application(&town.federation.origin));
        town.act(&supervisor, &application).unwrap();
    }
    let evaluator = town.federation.evaluator.clone();
    // Regression: bytes that are no element were taken, and the ledger had them as its key for ever.
    for bad in [[0; 32], [1; 32]] {
        let entry = Entry::EvaluatorOpened(EvaluatorOpened { public_key: bad });
        act_refused(&mut town, &evaluator, &entry, "malformed", "key");
    }
    let share = TagShare::from_seed(&[7; 32], b"test").unwrap();
    let opened = EvaluatorOpened {
        public_key: share.public(),
    };
    town.act(&evaluator, &Entry::EvaluatorOpened(opened))
        .unwrap();
    let citizen = Citizen::new(1);
    town.register(&citizen).unwrap();
    let distributor = town.federation.distributor.clone();
    let consented = crate::town::consent(&town, &citizen, &distributor);
    let withdrawal = town
        .federation
        .withdrawal(town.state(), &consented)
        .unwrap();
    let entry = proven_or_not(&mut town, &Entry::ConsentWithdrawn(withdrawal), None);
    refused(&mut town, &entry, "statement-key-missing", "");
}

/// A false tag would be a second identity, so evaluations from before the evaluator's suspension
/// must wait as well.
#[test]
fn an_evaluation_of_a_suspended_evaluator_registers_nobody() {
    let mut town = town();
    let registered = registration(&mut town, &Citizen::new(5), Day::FIRST);
    let federation = town.federation.clone();
    let standing = |sequence| StandingChange {
        party: federation.evaluator.id,
        sequence,
        basis: "decision 8".to_owned(),
    };
    let suspended = acts::suspended(standing(1));
    town.act(&federation.supervisor, &suspended).unwrap();
    register_refused(&mut town, registered.clone(), "party-suspended", "party");
    let reinstated = acts::reinstated(standing(2));
    town.act(&federation.supervisor, &reinstated).unwrap();
    let entry = Entry::IdentityRegistered(registered);
    town.act(&federation.registrar, &entry).unwrap();
}
