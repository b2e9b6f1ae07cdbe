//! Attacks with tickets: another's records, two claims of one period.

use merits_circuits::ticket::TicketViolation;
use merits_ledger::{Entry, Refusal};
use merits_ledger_fixture::Consented;
use merits_primitives::Fr;
use merits_wallet::prover::ProvingError;

use crate::closed_loop::town::Town;
use merits_verifier::Reason;

/// The batch of one claim, whose ticket is replaced.
fn claim_with(town: &mut Town, records_of: &Consented, ticket_of: &Consented) -> Refusal {
    let federation = town.stage.federation.clone();
    let rng = &mut rand::rng();
    let (mut batch, _) = federation.batch_for(std::slice::from_ref(records_of), rng);
    batch.claims[0].ticket = Some(ticket_of.deposit.nullifier);
    let member = records_of.distributor.clone();
    let entry = Entry::EarnBatch(batch);
    match federation.prove_entry(town.stage.state(), &entry, Some(&member), rng) {
        Ok(signed) => town.submit(&signed).unwrap_err(),
        Err(refusal) => refusal,
    }
}

#[test]
fn one_persons_records_do_not_go_with_anothers_ticket() {
    let mut town = Town::founded();
    let (one, other) = (town.person(1), town.person(2));
    let distributor = town.stage.federation.distributor.clone();
    let period = town.period(0);
    let records = town.deposit(&one.citizen, period, &distributor).unwrap();
    let ticket = town.deposit(&other.citizen, period, &distributor).unwrap();
    let refusal = claim_with(&mut town, &records, &ticket);
    assert_eq!(refusal.code(), Reason::TicketOtherRecords, "{refusal}");

    // Nor can a ticket be made for another's records: b binds the one who proves.
    let third = town.person(3);
    let mut forged = town.consent(&third.citizen, period, &distributor).deposit;
    let honest = town.prove(&town.witness(&third.citizen), &distributor, &forged);
    forged.b = records.deposit.b;
    let refused = town.prove(&town.witness(&third.citizen), &distributor, &forged);
    assert!(matches!(
        refused,
        Err(ProvingError::Ticket(TicketViolation::Binding))
    ));
    let refusal = town.submit_deposit(&distributor, forged, &honest.unwrap());
    assert_eq!(refusal.unwrap_err().code(), Reason::ProofInvalid);

    // Each with its own ticket: both are credited.
    town.stage.earn(&[records, ticket]).unwrap();
}

#[test]
fn nobody_claims_a_period_through_two_distributors() {
    let mut town = Town::founded();
    let soul = town.person(1);
    let (first, second) = (
        town.stage.federation.distributor.clone(),
        town.second_distributor.clone(),
    );
    let period = town.period(0);
    let consented = town.deposit(&soul.citizen, period, &first).unwrap();
    // While the first one's reservation stands, and after its claim.
    let refusal = town.deposit(&soul.citizen, period, &second).unwrap_err();
    assert_eq!(refusal.code(), Reason::TicketReserved, "{refusal}");
    town.stage.earn(std::slice::from_ref(&consented)).unwrap();
    let refusal = town.deposit(&soul.citizen, period, &second).unwrap_err();
    assert_eq!(refusal.code(), Reason::NullifierUsed, "{refusal}");
    // The first one's ticket again is the same entry: it has its old place, and was claimed with.
    let again = town.deposit(&soul.citizen, period, &first).unwrap();
    let refusal = claim_with(&mut town, &again, &again);
    assert_eq!(refusal.code(), Reason::TicketMissing, "{refusal}");
    // The same person and scope have no second nullifier.
    let mut forged = town.consent(&soul.citizen, period, &second).deposit;
    let honest = town
        .prove(&town.witness(&soul.citizen), &second, &forged)
        .unwrap();
    forged.nullifier.0 += Fr::from(1u64);
    let refused = town.prove(&town.witness(&soul.citizen), &second, &forged);
    assert!(matches!(
        refused,
        Err(ProvingError::Ticket(TicketViolation::Nullifier))
    ));
    let refusal = town.submit_deposit(&second, forged, &honest);
    assert_eq!(refusal.unwrap_err().code(), Reason::ProofInvalid);
    // The next period is free.
    town.deposit(&soul.citizen, town.period(1), &second)
        .unwrap();
}

#[test]
fn a_ticket_serves_its_own_distributor_only() {
    let mut town = Town::founded();
    let soul = town.person(1);
    let (first, second) = (
        town.stage.federation.distributor.clone(),
        town.second_distributor.clone(),
    );
    let consented = town.consent(&soul.citizen, town.period(0), &first);
    let proof = town.prove(&town.witness(&soul.citizen), &first, &consented.deposit);
    let proof = proof.unwrap();
    // As it is, under the other's terms, and then as it should be.
    let refusal = town.submit_deposit(&second, consented.deposit.clone(), &proof);
    assert_eq!(refusal.unwrap_err().code(), Reason::ProofInvalid);
    let mut stolen = consented.deposit.clone();
    stolen.terms = town.stage.federation.terms_of(&second).digest();
    let refusal = town.submit_deposit(&second, stolen, &proof);
    assert_eq!(refusal.unwrap_err().code(), Reason::ProofInvalid);
    town.submit_deposit(&first, consented.deposit, &proof)
        .unwrap();
}
