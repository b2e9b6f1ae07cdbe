//! Attacks with identities: two of them, one that ended, one that never was.

use merits_circuits::{redeem::RedeemViolation, ticket::TicketViolation};
use merits_ledger::{
    Entry,
    entry::{IdentityRetired, PersonStatement},
};
use merits_ledger_fixture::Citizen;
use merits_primitives::{
    Fr,
    calendar::Day,
    field,
    identity::{SECRET_BITS, Secret},
    ids::{Period, PeriodKind},
    jubjub::Scalar,
    nullifier::Nullifier,
    owner::{Handle, OwnerKey, bind},
    poseidon, tags,
};
use merits_verifier::{Reason, Statement as _};
use merits_wallet::prover::{PersonProving as _, ProvingError};

use crate::closed_loop::town::{Town, circuit_of, has_witness};

const HOUR: u64 = 3_600;

#[test]
fn nobody_registers_twice_wherever() {
    let mut town = Town::founded();
    let soul = town.person(1);
    // The same legal identity with a fresh wallet: its tag is the same.
    let other = town.stranger([2; 32]);
    for registrar in [
        town.stage.federation.registrar.clone(),
        town.second_registrar.clone(),
    ] {
        let federation = town.stage.federation.clone();
        let evaluation = federation.evaluation(town.stage.state(), &registrar.id);
        town.submit(&evaluation).unwrap();
        let mut again = federation.registration(&other.citizen, Day::FIRST, evaluation.id());
        again.tag = soul.citizen.tag(&federation);
        let entry = Entry::IdentityRegistered(again.clone());
        let refusal = town
            .submit(&federation.sign(&entry, &registrar))
            .unwrap_err();
        assert_eq!(refusal.code(), Reason::PersonKnown, "{refusal}");
        // Nor the same wallet for somebody else.
        again.commitment = soul.citizen.commitment();
        again.tag = other.citizen.tag(&federation);
        let entry = Entry::IdentityRegistered(again);
        let refusal = town
            .submit(&federation.sign(&entry, &registrar))
            .unwrap_err();
        assert_eq!(refusal.code(), Reason::CommitmentKnown, "{refusal}");
    }
}

#[test]
fn a_retired_identity_neither_claims_nor_spends() {
    let mut town = Town::founded();
    let soul = town.earner(1);
    town.person(2);
    let offer = town.offer(10);
    let (distributor, exchange) = (
        town.stage.federation.distributor.clone(),
        town.stage.federation.exchange.clone(),
    );
    // Proven while it stood.
    let consented = town.consent(&soul.citizen, town.period(1), &distributor);
    let witness = town.witness(&soul.citizen);
    let ticket = town
        .prove(&witness, &distributor, &consented.deposit)
        .unwrap();
    let planned = town.plan(&soul, &offer, &exchange);
    let spent = planned.prove(&town.prover).unwrap();

    let registrar = town.stage.federation.registrar.clone();
    let retired = Entry::IdentityRetired(IdentityRetired {
        commitment: soul.citizen.commitment(),
        basis: "lost".to_owned(),
    });
    town.stage.act(&registrar, &retired).unwrap();

    // Under the new root there is no witness.
    let root = town.stage.state().people().group().root().unwrap();
    let mut deposit = consented.deposit.clone();
    deposit.root = root;
    let refused = town.prove(&witness, &distributor, &deposit).unwrap_err();
    assert!(
        matches!(refused, ProvingError::Ticket(TicketViolation::Member)),
        "{refused}"
    );
    let mut statement = planned.statement;
    statement.group_root = root;
    let refused = town
        .prover
        .redeem(&planned.witness, &statement)
        .unwrap_err();
    assert!(
        matches!(refused, ProvingError::Redeem(RedeemViolation::Group)),
        "{refused}"
    );
    let circuit = circuit_of(PersonStatement::Redeem);
    assert!(has_witness(
        &circuit,
        &planned.witness.inputs(&planned.statement)
    ));
    assert!(!has_witness(&circuit, &planned.witness.inputs(&statement)));

    // And under the old one the ledger's hour is over.
    town.stage.wait(HOUR);
    let refusal = town.submit_deposit(&distributor, consented.deposit, &ticket);
    assert_eq!(refusal.unwrap_err().code(), Reason::GroupRootUnknown);
    let refusal = town.redeem(planned.entry, &spent, &exchange);
    assert_eq!(refusal.unwrap_err().code(), Reason::GroupRootUnknown);
}

#[test]
fn no_period_is_reached_by_an_old_ticket_and_a_new_identity() {
    let mut town = Town::founded();
    let old = town.person(1).citizen;
    let distributor = town.stage.federation.distributor.clone();
    let second = town.second_distributor.clone();
    // Tickets of the old identity, made for the furthest week that the ledger takes, and one more.
    let day = town.stage.time.day().0;
    let furthest = Period::of_day(PeriodKind::Week, day + 31);
    let ahead = town.consent(&old, furthest, &distributor);
    let beyond = town.consent(
        &old,
        Period {
            index: furthest.index + 1,
            ..furthest
        },
        &distributor,
    );
    let witness = town.witness(&old);
    let proofs = [&ahead, &beyond].map(|c| town.prove(&witness, &distributor, &c.deposit).unwrap());

    let reborn = old.reborn();
    town.stage.register(&reborn).unwrap();

    // Within the hour the old ticket still counts, for a period that the new identity has no
    // part in.
    let refusal = town.submit_deposit(&distributor, beyond.deposit, &proofs[1]);
    assert_eq!(refusal.unwrap_err().code(), Reason::TicketTooEarly);
    town.submit_deposit(&distributor, ahead.deposit.clone(), &proofs[0])
        .unwrap();
    let again = town.consent(&reborn, furthest, &second);
    let refused = town.prove(&town.witness(&reborn), &second, &again.deposit);
    assert!(
        matches!(
            refused,
            Err(ProvingError::Ticket(TicketViolation::Eligibility { from, start })) if from > start
        ),
        "{refused:?}"
    );
    // To say another day of birth does not help: the leaf has the ledger's.
    let mut lying = town.witness(&reborn);
    lying.birth.from.0 = 0;
    let refused = town.prove(&lying, &second, &again.deposit);
    assert!(matches!(
        refused,
        Err(ProvingError::Ticket(TicketViolation::Member))
    ));

    // After it, the old root is gone.
    let late = town.consent(&old, town.period(3), &distributor);
    let mut deposit = late.deposit;
    deposit.root = ahead.deposit.root;
    let proof = town.prove(&witness, &distributor, &deposit).unwrap();
    town.stage.wait(HOUR);
    let refusal = town.submit_deposit(&distributor, deposit, &proof);
    assert_eq!(refusal.unwrap_err().code(), Reason::GroupRootUnknown);
}

#[test]
fn a_secret_that_is_larger_by_l_has_no_second_nullifier() {
    let mut town = Town::founded();
    // l − 1 is the largest scalar.
    let largest = Secret::from_scalar(-Scalar::from(1u64));
    let l = largest.element() + Fr::from(1u64);
    // secret + l has 251 bits for small secrets only: one person in three could try.
    let seed = (0u64..)
        .map(|number| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            seed
        })
        .find(|seed| {
            let wrapped = Citizen::from_seed(*seed).secret().element() + l;
            field::to_bytes(&wrapped)[31] < 1 << (SECRET_BITS - 248)
        })
        .unwrap();
    let soul = town.stranger(seed);
    town.stage.register(&soul.citizen).unwrap();
    let distributor = town.stage.federation.distributor.clone();
    let consented = town.consent(&soul.citizen, town.period(0), &distributor);
    let witness = town.witness(&soul.citizen);
    let state = town.stage.state();
    let statement = state
        .ticket_statement(&distributor.id, &consented.deposit)
        .unwrap();
    let circuit = circuit_of(PersonStatement::Ticket);
    let at = statement.public_inputs().len();
    let secret_at = at
        + circuit
            .input_labels
            .iter()
            .position(|(label, _)| label.ends_with("secret"))
            .unwrap();
    // All that follows from a secret, made from any field element.
    let inputs = |secret: Fr| {
        let mut forged = statement;
        forged.nullifier = Nullifier(poseidon::pos2(statement.scope.0, secret));
        let key = [secret, statement.scope.0, statement.message.0];
        let key = OwnerKey(poseidon::hash(tags::OWN, &key));
        let handle = Handle(poseidon::pos2(witness.scope_source.0, secret));
        forged.b = bind(&key, &handle).b;
        let mut inputs = witness.inputs(&forged).to_vec();
        assert_eq!(inputs[secret_at], soul.citizen.secret().element());
        inputs[secret_at] = secret;
        (forged, inputs)
    };
    let secret = soul.citizen.secret().element();
    let (honest, good) = inputs(secret);
    assert_eq!(honest, statement);
    assert!(has_witness(&circuit, &good));
    let (forged, bad) = inputs(secret + l);
    assert_ne!(forged.nullifier, statement.nullifier);
    assert!(!has_witness(&circuit, &bad));
    // And without a witness no proof: the honest one does not fit the forged statement.
    let proof = town.prover.ticket(&witness, &statement).unwrap();
    let mut deposit = consented.deposit;
    deposit.nullifier = forged.nullifier;
    deposit.b = forged.b;
    let refusal = town.submit_deposit(&distributor, deposit, &proof);
    assert_eq!(refusal.unwrap_err().code(), Reason::ProofInvalid);
}

#[test]
fn a_path_of_another_tree_size_leads_nowhere() {
    let mut town = Town::founded();
    let soul = town.earner(1);
    // Three leaves and then seven: the root of three is not a node of the tree of seven. (That of one, two or
    // four is, and says of the same leaf the same.)
    for seed in 2..4 {
        town.person(seed);
    }
    let before = town.witness(&soul.citizen);
    let small = town.stage.state().people().group().root().unwrap();
    for seed in 4..8 {
        town.person(seed);
    }
    let distributor = town.stage.federation.distributor.clone();
    let consented = town.consent(&soul.citizen, town.period(1), &distributor);
    let now = town.witness(&soul.citizen);
    assert_ne!(before.path.steps.len(), now.path.steps.len());
    town.prove(&now, &distributor, &consented.deposit).unwrap();
    // A short path under the large tree's root, and a long one under the small tree's.
    let refused = town.prove(&before, &distributor, &consented.deposit);
    let wrong_path =
        |refused| matches!(refused, Err(ProvingError::Ticket(TicketViolation::Member)));
    assert!(wrong_path(refused));
    let mut deposit = consented.deposit.clone();
    deposit.root = small;
    assert!(wrong_path(town.prove(&now, &distributor, &deposit)));
    let circuit = circuit_of(PersonStatement::Ticket);
    let state = town.stage.state();
    let large = state
        .ticket_statement(&distributor.id, &consented.deposit)
        .unwrap();
    let small = state.ticket_statement(&distributor.id, &deposit).unwrap();
    assert!(has_witness(&circuit, &now.inputs(&large)));
    assert!(has_witness(&circuit, &before.inputs(&small)));
    assert!(!has_witness(&circuit, &before.inputs(&large)));
    assert!(!has_witness(&circuit, &now.inputs(&small)));

    // The same of a spending.
    let offer = town.offer(10);
    let exchange = town.stage.federation.exchange.clone();
    let mut planned = town.plan(&soul, &offer, &exchange);
    planned.prove(&town.prover).unwrap();
    planned.witness.group_path = before.path;
    let refused = planned.prove(&town.prover);
    assert!(matches!(
        refused,
        Err(ProvingError::Redeem(RedeemViolation::Group))
    ));
}
