//! Consents: what a deposit reserves, what a withdrawal ends, and which claims a batch may make.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

use std::time::Duration;

use crate::town::{
    Town, act_refused, admit, consent, inhabited, proven, proven_or_not, refusal, refused,
    second_distributor, town, town_with,
};
use merits_ledger::Role;
use merits_ledger::entry::{
    ConsentWithdrawn, EarnBatch, Entry, ScaleApproved, TermsPublished, TicketDeposited,
};
use merits_ledger::state::{MOST_DAYS_AHEAD, RESERVATION, ROOT_GRACE};
use merits_ledger_fixture::{Citizen, Consented, Federation, Member, Stage, WORTH, acts};
use merits_primitives::earned::Earned;
use merits_primitives::ids::{AssetId, Expiry, PartyId, Period, PeriodIndex, PeriodKind, ScaleId};
use merits_primitives::{
    Fr,
    calendar::{Day, Timestamp},
    nullifier::Nullifier,
};
use merits_verifier::{Reason, entry::SignedEntry, fields};
use rand::{SeedableRng, rngs::StdRng};

/// A deposit by the consent's distributor with a change, proven if possible.
fn changed(
    town: &mut Town,
    consented: &Consented,
    change: impl FnOnce(&mut TicketDeposited),
) -> SignedEntry {
    let mut deposit = consented.deposit.clone();
    change(&mut deposit);
    let entry = Entry::TicketDeposited(deposit);
    proven_or_not(town, &entry, Some(&consented.distributor))
}

/// The batch for these consents with a change, proven for what the state then requires.
fn changed_batch(
    town: &mut Town,
    consents: &[Consented],
    change: impl FnOnce(&Federation, &mut EarnBatch),
) -> SignedEntry {
    let federation = town.federation.clone();
    let (mut batch, _) = federation.batch_for(consents, &mut town.rng);
    change(&federation, &mut batch);
    let distributor = consents[0].distributor.clone();
    proven(town, &Entry::EarnBatch(batch), Some(&distributor))
}

/// The last moment at which the ticket reserves.
fn until(town: &Town, consented: &Consented) -> Timestamp {
    let nullifier = &consented.deposit.nullifier;
    town.state()
        .tickets()
        .open(nullifier)
        .unwrap()
        .unwrap()
        .until
}

#[test]
fn a_ticket_is_deposited_and_claimed_with_once() {
    let (mut town, citizen) = inhabited();
    let consented = town.deposit(&citizen).unwrap();
    let nullifier = consented.deposit.nullifier;
    let ticket = town.state().tickets().open(&nullifier).unwrap().unwrap();
    assert_eq!(ticket.message, consented.message);
    assert_eq!(ticket.distributor, town.federation.distributor.id);
    let notes = town.earn(std::slice::from_ref(&consented)).unwrap();
    assert_eq!(notes[0].value, WORTH);
    assert_eq!(town.state().tickets().open(&nullifier).unwrap(), None);

    // Fresh records under the same ticket.
    let (again, _) = town.batch(std::slice::from_ref(&consented)).unwrap();
    refused(&mut town, &again, "ticket-missing", "claims[0].ticket");
    // A second ticket for the period is refused, at this or another distributor.
    town.register(&Citizen::new(2)).unwrap();
    let rival = second_distributor(&mut town);
    for distributor in [town.federation.distributor.clone(), rival] {
        let anew = consent(&town, &citizen, &distributor);
        let refusal = refusal(town.deposit_consent(&anew));
        assert_eq!(refusal.code(), Reason::NullifierUsed);
    }
}

#[test]
fn two_distributors_cannot_claim_one_period() {
    let (mut town, citizen) = inhabited();
    let rival = second_distributor(&mut town);
    let consented = town.deposit(&citizen).unwrap();
    let other = consent(&town, &citizen, &rival);
    let refusal = refusal(town.deposit_consent(&other));
    assert_eq!(refusal.code(), Reason::TicketReserved);
    assert_eq!(refusal.field(), fields::NULLIFIER.into());
    // Without a deposit of its own, with the first one's ticket.
    let batch = changed_batch(&mut town, &[other], |_, _| {});
    refused(&mut town, &batch, "ticket-of-another", "claims[0].ticket");
    town.earn(&[consented]).unwrap();
}

#[test]
fn a_ticket_of_another_distributor_is_not_deposited() {
    let (mut town, citizen) = inhabited();
    let rival = second_distributor(&mut town);
    let mine = consent(&town, &citizen, &town.federation.distributor);
    // The person's proof names the distributor in its message.
    let proof = proven(
        &mut town,
        &Entry::TicketDeposited(mine.deposit.clone()),
        Some(&mine.distributor),
    );
    let proof = proof.groth16_proof().unwrap();
    let steal = |terms| {
        let mut deposit = mine.deposit.clone();
        deposit.terms = terms;
        Entry::TicketDeposited(deposit)
    };
    let federation = town.federation.clone();
    let own = federation.terms_of(&rival).digest();
    let stolen = federation.sign_proven(&steal(own), Some(&rival), &proof);
    refused(&mut town, &stolen, "proof-invalid", "proof");
    let stolen = proven(&mut town, &steal(mine.deposit.terms), Some(&rival));
    refused(&mut town, &stolen, "terms-unknown", "terms");
}

#[test]
fn a_deposit_must_fit_the_ledger() {
    let (mut town, citizen) = inhabited();
    let federation = town.federation.clone();
    let consented = consent(&town, &citizen, &federation.distributor);
    type Change = fn(&mut TicketDeposited);
    let cases: [(Change, &str, &str); 7] = [
        (
            |d| d.scale = ScaleId::new("unknown-scale").unwrap(),
            "scale-unknown",
            "scale",
        ),
        (
            |d| d.period.kind = PeriodKind::Day,
            "other-period",
            "period",
        ),
        (
            |d| d.expiry = Expiry(d.expiry.0 + 3),
            "other-expiry",
            "expiry",
        ),
        (|d| d.terms = [1; 32], "terms-unknown", "terms"),
        (|d| d.source = PartyId([9; 32]), "source-unknown", "source"),
        (|d| d.root.0 = Fr::from(1u64), "group-root-unknown", "root"),
        // Before the first version's first week.
        (
            |d| d.period.index = PeriodIndex(2_200),
            "scale-not-yet-valid",
            "period",
        ),
    ];
    for (change, code, field) in cases {
        let entry = changed(&mut town, &consented, change);
        refused(&mut town, &entry, code, field);
    }
    let other_role = changed(&mut town, &consented, |d| d.source = federation.issuer.id);
    refused(&mut town, &other_role, "source-unknown", "source");
    // A party that is not a distributor cannot deposit.
    let entry = Entry::TicketDeposited(consented.deposit.clone());
    let by_source = proven_or_not(&mut town, &entry, Some(&federation.source));
    refused(&mut town, &by_source, "role-missing", "");
    // A proof for other values.
    let proof = proven(&mut town, &entry, Some(&federation.distributor));
    let mut deposit = consented.deposit.clone();
    deposit.b.0 += Fr::from(1u64);
    let proof = proof.groth16_proof().unwrap();
    let moved = Entry::TicketDeposited(deposit);
    let moved = federation.sign_proven(&moved, Some(&federation.distributor), &proof);
    refused(&mut town, &moved, "proof-invalid", "proof");
    town.deposit_consent(&consented).unwrap();
}

#[test]
fn tickets_are_taken_31_days_ahead() {
    let (mut town, citizen) = inhabited();
    let distributor = town.federation.distributor.clone();
    let today = town.time.day();
    let start = |index| Period {
        kind: PeriodKind::Week,
        index: PeriodIndex(index),
    };
    let starts = |index: u32| Day(u32::try_from(start(index).first_day()).unwrap());
    let last = (2_800..)
        .take_while(|index| starts(*index) <= today.saturating_add(MOST_DAYS_AHEAD))
        .last()
        .unwrap();
    let ahead = |town: &Town, index| {
        town.federation
            .consent(town.state(), &citizen, start(index), &distributor)
            .unwrap()
    };
    let too_early = ahead(&town, last + 1);
    let entry = changed(&mut town, &too_early, |_| {});
    refused(&mut town, &entry, "ticket-too-early", "period");
    let early = ahead(&town, last);
    town.deposit_consent(&early).unwrap();
    // It reserves until two weeks after the end of its period.
    assert!(until(&town, &early) > town.time + RESERVATION);
}

#[test]
fn terms_are_published_once_by_a_distributor_for_a_scale() {
    let mut town = town();
    let federation = town.federation.clone();
    let known = federation.terms_of(&federation.distributor);
    let rival = admit(&mut town, "rival", &[Role::Distributor], 21);
    let entry = Entry::TermsPublished(known.clone());
    let distributor = federation.distributor.clone();
    // The same text for another scale of its own: one of the two would not be true.
    let mut reading = federation.scale(1);
    reading.id = ScaleId::new("reading-week").unwrap();
    reading.asset = AssetId(2);
    let proposed = Entry::ScaleProposed(reading.clone());
    let proposal = town.act(&federation.issuer, &proposed).unwrap().id;
    let approved = acts::approved(ScaleApproved {
        id: reading.id.clone(),
        version: reading.version,
        proposal,
    });
    town.act(&federation.supervisor, &approved).unwrap();
    let twice = Entry::TermsPublished(TermsPublished {
        scale: reading.id,
        text: known.text.clone(),
    });
    act_refused(&mut town, &distributor, &twice, "terms-known", "text");
    // The same text of another distributor: neither blocks the other.
    town.act(&rival, &entry).unwrap();
    act_refused(&mut town, &federation.source, &entry, "role-missing", "");
    let elsewhere = Entry::TermsPublished(TermsPublished {
        scale: ScaleId::new("unknown-scale").unwrap(),
        text: "other".to_owned(),
    });
    act_refused(
        &mut town,
        &federation.distributor,
        &elsewhere,
        "scale-unknown",
        "scale",
    );
    assert_eq!(town.state().tickets().all_terms().count(), 2);
    for member in [&distributor, &rival] {
        let terms = town.state().tickets().terms(&member.id, &known.digest());
        assert_eq!(terms.unwrap().distributor, member.id);
    }
}

#[test]
fn a_batch_needs_the_fitting_ticket_of_every_claim() {
    let (mut town, citizen) = inhabited();
    let friend = Citizen::new(2);
    town.register(&friend).unwrap();
    let mine = town.deposit(&citizen).unwrap();
    let hers = town.deposit(&friend).unwrap();
    let both = [mine, hers];

    let entry = changed_batch(&mut town, &both, |_, b| b.claims[1].ticket = None);
    refused(&mut town, &entry, "ticket-missing", "claims[1].ticket");
    let entry = changed_batch(&mut town, &both, |_, b| {
        b.claims[0].ticket = Some(Nullifier(Fr::from(5u64)));
    });
    refused(&mut town, &entry, "ticket-missing", "claims[0].ticket");
    // Records of one person under the ticket of another: b shows it.
    let entry = changed_batch(&mut town, &both, |_, b| {
        b.claims[0].ticket = b.claims[1].ticket;
    });
    refused(&mut town, &entry, "ticket-other-records", "claims[0].b");
    // One person twice in a batch, with two lots of records.
    let federation = town.federation.clone();
    let earned = Earned::from(WORTH);
    let (extra, _) = federation.claim(&both[0], earned, &mut town.rng);
    let entry = changed_batch(&mut town, &both[..1], |_, b| b.claims.push(extra));
    let refusal = refusal(town.submit(&entry));
    // The circuit's statement refuses two claims with one b before the ledger looks at tickets.
    assert_eq!(refusal.code(), Reason::DuplicateInBatch);

    // Another period of the same scale.
    let entry = changed_batch(&mut town, &both, |federation, batch| {
        batch.period.index += 1;
        batch.terms = federation.terms(batch.period);
        resign(federation, batch, &federation.source);
    });
    refused(&mut town, &entry, "ticket-other", "claims[0].ticket");
    // Another source's records.
    let mill = admit(&mut town, "mill", &[Role::Source], 33);
    let entry = changed_batch(&mut town, &both, |federation, batch| {
        batch.source = mill.id;
        resign(federation, batch, &mill);
    });
    refused(&mut town, &entry, "ticket-other", "claims[0].ticket");
    town.earn(&both).unwrap();
}

/// Signs all claims of a changed batch as this source.
fn resign(federation: &Federation, batch: &mut EarnBatch, source: &Member) {
    for claim in &mut batch.claims {
        let message = merits_verifier::statement::earn::commitment_signing_bytes(
            &federation.origin,
            &source.id,
            batch.terms.schema,
            batch.period,
            claim.public.c,
        );
        claim.source_signature = merits_verifier::signature::sign(&source.key, &message);
    }
}

#[test]
fn a_ticket_is_for_one_scale() {
    let (mut town, citizen) = inhabited();
    let federation = town.federation.clone();
    // A second scale with the same key and periods.
    let id = ScaleId::new("walking-week").unwrap();
    let mut proposed = federation.scale(1);
    proposed.id = id.clone();
    proposed.asset = merits_primitives::ids::AssetId(2);
    let proposal = town
        .act(&federation.issuer, &Entry::ScaleProposed(proposed))
        .unwrap()
        .id;
    let approved = acts::approved(merits_ledger::entry::ScaleApproved {
        id: id.clone(),
        version: merits_primitives::ids::ScaleVersion(1),
        proposal,
    });
    town.act(&federation.supervisor, &approved).unwrap();
    let consented = town.deposit(&citizen).unwrap();
    let entry = changed_batch(&mut town, std::slice::from_ref(&consented), |_, batch| {
        batch.scale = id;
        batch.terms.asset = merits_primitives::ids::AssetId(2);
    });
    refused(&mut town, &entry, "ticket-other", "claims[0].ticket");
    town.earn(&[consented]).unwrap();
}

#[test]
fn a_withdrawn_ticket_is_claimed_with_by_nobody_and_frees_the_period() {
    let (mut town, citizen) = inhabited();
    let rival = second_distributor(&mut town);
    let consented = town.deposit(&citizen).unwrap();
    let (ready, _) = town.batch(std::slice::from_ref(&consented)).unwrap();
    town.withdraw(&consented).unwrap();
    // A batch that was being proven meanwhile.
    refused(&mut town, &ready, "consent-withdrawn", "claims[0].ticket");
    let (nullifier, message) = (consented.deposit.nullifier, consented.message);
    assert!(
        town.state()
            .tickets()
            .is_withdrawn(&nullifier, &message)
            .unwrap()
    );
    // It cannot be deposited again, under any root.
    town.register(&Citizen::new(2)).unwrap();
    let again = consent(&town, &citizen, &consented.distributor);
    assert_eq!(
        refusal(town.deposit_consent(&again)).code(),
        Reason::ConsentWithdrawn
    );
    // A second withdrawal is refused, because it states nothing new.
    let twice = refusal(town.withdraw(&consented));
    assert_eq!(
        (twice.code().as_str(), twice.field().to_string().as_str()),
        ("consent-withdrawn", "message")
    );
    // The claim is free at once for another distributor.
    let elsewhere = consent(&town, &citizen, &rival);
    town.deposit_consent(&elsewhere).unwrap();
    town.earn(&[elsewhere]).unwrap();
}

#[test]
fn a_withdrawal_wins_over_a_later_deposit() {
    let (mut town, citizen) = inhabited();
    let consented = consent(&town, &citizen, &town.federation.distributor);
    town.withdraw(&consented).unwrap();
    assert_eq!(
        refusal(town.deposit_consent(&consented)).code(),
        Reason::ConsentWithdrawn
    );
    // Another consent of the same person and period is not touched.
    let rival = second_distributor(&mut town);
    let elsewhere = consent(&town, &citizen, &rival);
    town.deposit_consent(&elsewhere).unwrap();
    town.earn(&[elsewhere]).unwrap();
}

#[test]
fn a_withdrawal_after_the_claim_is_logged_and_changes_no_credit() {
    let (mut town, citizen) = inhabited();
    let consented = town.deposit(&citizen).unwrap();
    town.earn(std::slice::from_ref(&consented)).unwrap();
    let notes = town.state().notes().size();
    town.withdraw(&consented).unwrap();
    let (nullifier, message) = (consented.deposit.nullifier, consented.message);
    assert!(
        town.state()
            .tickets()
            .is_withdrawn(&nullifier, &message)
            .unwrap()
    );
    assert_eq!(town.state().notes().size(), notes);
    // This does not free the claim.
    let rival = second_distributor(&mut town);
    let elsewhere = consent(&town, &citizen, &rival);
    let refusal = refusal(town.deposit_consent(&elsewhere));
    assert_eq!(
        (
            refusal.code().as_str(),
            refusal.field().to_string().as_str()
        ),
        ("nullifier-used", "nullifier")
    );
}

#[test]
fn nobody_withdraws_for_another() {
    let (mut town, citizen) = inhabited();
    let consented = town.deposit(&citizen).unwrap();
    let federation = town.federation.clone();
    let honest = town
        .federation
        .withdraw(town.ledger.state(), &consented, &mut town.rng)
        .unwrap();
    let proof = honest.groth16_proof().unwrap();
    // A neighbour's proof with the citizen's nullifier, or for another message.
    let withdrawal = federation.withdrawal(town.state(), &consented).unwrap();
    let changes: [fn(&mut ConsentWithdrawn); 3] = [
        |w| w.nullifier.0 += Fr::from(1u64),
        |w| w.message.0 += Fr::from(1u64),
        |w| w.scope.0 += Fr::from(1u64),
    ];
    for change in changes {
        let mut other = withdrawal.clone();
        change(&mut other);
        let entry = Entry::ConsentWithdrawn(other).personal(&federation.origin, &proof);
        refused(&mut town, &entry, "proof-invalid", "proof");
    }
    // The consent's own proof cannot withdraw it: the messages are of different kinds.
    let deposit = Entry::TicketDeposited(consented.deposit.clone());
    let consent = proven(&mut town, &deposit, Some(&consented.distributor));
    let consent = consent.groth16_proof().unwrap();
    let entry = Entry::ConsentWithdrawn(withdrawal.clone()).personal(&federation.origin, &consent);
    refused(&mut town, &entry, "proof-invalid", "proof");
    // It must not have a party's signature.
    let entry = Entry::ConsentWithdrawn(withdrawal);
    let signed = federation.sign_proven(&entry, Some(&federation.distributor), &proof);
    refused(&mut town, &signed, "signature-unexpected", "signature");
    // A deposit without a signature belongs to nobody.
    let unsigned = federation.sign_proven(&deposit, None, &proof);
    refused(&mut town, &unsigned, "party-unknown", "party");
    town.submit(&honest).unwrap();
}

#[test]
fn a_lapsed_ticket_claims_nothing_and_another_takes_its_place() {
    let (mut town, citizen) = inhabited();
    let rival = second_distributor(&mut town);
    let consented = town.deposit(&citizen).unwrap();
    assert_eq!(until(&town, &consented), town.time + RESERVATION);
    town.time = until(&town, &consented) - Duration::from_secs(1);
    let elsewhere = consent(&town, &citizen, &rival);
    assert_eq!(
        refusal(town.deposit_consent(&elsewhere)).code(),
        Reason::TicketReserved
    );
    let (late, _) = town.batch(std::slice::from_ref(&consented)).unwrap();
    refused(&mut town, &late, "ticket-lapsed", "claims[0].ticket");
    town.deposit_consent(&elsewhere).unwrap();
    refused(&mut town, &late, "ticket-of-another", "claims[0].ticket");
    town.earn(&[elsewhere]).unwrap();
}

#[test]
fn a_retired_identity_consents_for_an_hour_at_most() {
    let (mut town, citizen) = inhabited();
    let old = consent(&town, &citizen, &town.federation.distributor);
    let anew = citizen.reborn();
    town.register(&anew).unwrap();
    let retired_at = town.time;
    // The new one is eligible only for periods that no ticket of the old can reach.
    let birth = town
        .state()
        .people()
        .by_commitment(&anew.commitment())
        .unwrap()
        .unwrap()
        .birth;
    let reach = (retired_at + ROOT_GRACE)
        .day()
        .saturating_add(MOST_DAYS_AHEAD);
    assert!(birth.from > reach);
    town.time = retired_at + ROOT_GRACE;
    let entry = changed(&mut town, &old, |_| {});
    refused(&mut town, &entry, "group-root-unknown", "root");
    let late = Entry::ConsentWithdrawn({
        let mut withdrawal = town.federation.withdrawal(town.state(), &old).unwrap();
        withdrawal.root = old.deposit.root;
        withdrawal
    });
    let late = proven(&mut town, &late, None);
    refused(&mut town, &late, "group-root-unknown", "root");
    town.time = retired_at + ROOT_GRACE - Duration::from_secs(1);
    town.submit(&entry).unwrap();
}

#[test]
fn deeds_at_two_sources_are_two_claims_where_the_scale_says_so() {
    let mut town = town_with(|federation| federation.per_source = true);
    let citizen = Citizen::new(1);
    town.register(&citizen).unwrap();
    let mill = admit(&mut town, "mill", &[Role::Source], 33);
    let federation = town.federation.clone();
    let (period, distributor) = (federation.period(), federation.distributor.clone());
    let at = |town: &Town, source: &PartyId| {
        federation
            .consent_at(town.state(), &citizen, period, &distributor, source)
            .unwrap()
    };
    let (one, other) = (at(&town, &federation.source.id), at(&town, &mill.id));
    town.deposit_consent(&one).unwrap();
    town.deposit_consent(&other).unwrap();
    assert_ne!(one.deposit.nullifier, other.deposit.nullifier);
    town.earn(&[one]).unwrap();
    let entry = changed_batch(&mut town, &[other], |federation, batch| {
        batch.source = mill.id;
        resign(federation, batch, &mill);
    });
    town.submit(&entry).unwrap();
}

#[test]
fn a_ledger_in_custody_takes_no_tickets_in_batches() {
    let mut rng = StdRng::seed_from_u64(48);
    let federation = Federation::generate(&mut rng).unwrap();
    let mut town = Stage::of(federation, rng);
    let mut batch = town.federation.batch(2, &mut town.rng);
    batch.claims[1].ticket = Some(Nullifier(Citizen::new(1).commitment().0));
    let distributor = town.federation.distributor.clone();
    let entry = proven(&mut town, &Entry::EarnBatch(batch), Some(&distributor));
    refused(&mut town, &entry, "ticket-unexpected", "claims[1].ticket");
}
