//! Attacks with notes: another's, spent ones, ones that never were.

use std::time::Duration;

use merits_circuits::redeem::{NoteWitness, RedeemFault, RedeemTerms, RedeemViolation};
use merits_ledger::{
    OfferRefusal, Refusal,
    entry::{PersonStatement, Spending},
};
use merits_primitives::{
    Fr,
    ids::Credits,
    message::Message,
    note::note_commitment,
    note_tree::{self, NotePath},
    nullifier::spend_nullifier,
    owner::{KeyParts, change_key},
    scope::Scope,
};
use merits_verifier::{
    Reason,
    attestation::Question,
    statement::{StatementError, redeem::RedeemStatement},
};
use merits_wallet::{
    prover::{PersonProving as _, ProvingError},
    spend::{Planned, Showing, SpendError},
};

use crate::closed_loop::town::{Town, circuit_of, has_witness};

/// What the prover says to a statement that was altered.
fn refused<T>(town: &Town, planned: &Planned<T>, statement: &RedeemStatement) -> RedeemViolation {
    let circuit = circuit_of(PersonStatement::Redeem);
    assert!(
        !has_witness(&circuit, &planned.witness.inputs(statement)),
        "the circuit refuses what the mirror refuses"
    );
    match town.prover.redeem(&planned.witness, statement) {
        Err(ProvingError::Redeem(violation)) => violation,
        other => panic!("{other:?}"),
    }
}

/// The spending of an altered statement, as an entry would carry it.
fn with(spending: &Spending, statement: &RedeemStatement) -> Spending {
    Spending {
        sn1: statement.sn1,
        sn2: statement.sn2,
        cm_out: statement.cm_out,
        ..spending.clone()
    }
}

#[test]
fn a_note_cannot_be_given_away() {
    let mut town = Town::founded();
    let (owner, friend) = (town.earner(1), town.person(2));
    let offer = town.offer(10);
    let exchange = town.stage.federation.exchange.clone();
    let planned = town.plan(&owner, &offer, &exchange);
    // The change under the friend's key.
    let mut gift = planned.statement;
    let key = change_key(&friend.citizen.secret(), gift.sn1);
    gift.cm_out = note_commitment(Credits(90), gift.expiry, gift.asset, &key);
    assert_eq!(refused(&town, &planned, &gift), RedeemViolation::Change);
    let proof = planned.prove(&town.prover).unwrap();
    let mut entry = planned.entry.clone();
    entry.spending = with(&entry.spending, &gift);
    let refusal = town.redeem(entry, &proof, &exchange).unwrap_err();
    assert_eq!(refusal.code(), Reason::ProofInvalid, "{refusal}");

    // The friend with all that the owner knows of the note but its secret.
    let mut lent = town.plan(&owner, &offer, &exchange);
    let friendly = town.witness(&friend.citizen);
    lent.witness.secret = friend.citizen.secret();
    lent.witness.birth = friendly.birth;
    lent.witness.group_path = friendly.path;
    let statement = lent.statement;
    assert_eq!(
        refused(&town, &lent, &statement),
        RedeemViolation::Nullifier { note: 0 }
    );
    let mut own = statement;
    own.sn1 = spend_nullifier(
        &friend.citizen.secret(),
        lent.witness.notes[0].commitment(&friend.citizen.secret(), own.expiry, own.asset),
    );
    own.sn2 = spend_nullifier(
        &friend.citizen.secret(),
        lent.witness.notes[1].commitment(&friend.citizen.secret(), own.expiry, own.asset),
    );
    assert_eq!(refused(&town, &lent, &own), RedeemViolation::FirstNote);

    town.redeem(planned.entry, &proof, &exchange).unwrap();
    assert_eq!(town.view(&friend).notes.len(), 0);
}

#[test]
fn a_note_is_spent_once_also_at_two_exchanges_at_once() {
    let mut town = Town::founded();
    let soul = town.earner(1);
    let offer = town.offer(10);
    let (here, there) = (
        town.stage.federation.exchange.clone(),
        town.second_exchange.clone(),
    );
    let plans = [
        (town.plan(&soul, &offer, &here), &here),
        (town.plan(&soul, &offer, &there), &there),
        (town.plan(&soul, &offer, &here), &here),
    ];
    let proofs = plans
        .each_ref()
        .map(|(planned, _)| planned.prove(&town.prover).unwrap());
    let mut answers = Vec::new();
    for ((planned, exchange), proof) in plans.into_iter().zip(&proofs) {
        answers.push(town.redeem(planned.entry, proof, exchange));
    }
    assert!(answers[0].is_ok());
    for refusal in &answers[1..] {
        assert_eq!(refusal.as_ref().unwrap_err().code(), Reason::Spent);
    }
}

#[test]
fn a_note_counts_once_in_one_redemption() {
    let mut town = Town::founded();
    let soul = town.earner(1);
    let offer = town.offer(60);
    let exchange = town.stage.federation.exchange.clone();
    let mut planned = town.plan(&soul, &offer, &exchange);
    let proof = planned.prove(&town.prover).unwrap();
    // 100 and the same 100 again: 140 would come back.
    planned.witness.notes[1] = planned.witness.notes[0].clone();
    let mut double = planned.statement;
    double.sn2 = double.sn1;
    let key = change_key(&soul.citizen.secret(), double.sn1);
    double.cm_out = note_commitment(Credits(140), double.expiry, double.asset, &key);
    // The circuit would take it: that both nullifiers differ is the verifier's to see, and it does.
    let circuit = circuit_of(PersonStatement::Redeem);
    assert!(has_witness(&circuit, &planned.witness.inputs(&double)));
    let error = town.prover.redeem(&planned.witness, &double).unwrap_err();
    assert!(
        matches!(
            error,
            ProvingError::Redeem(RedeemViolation::Precondition(StatementError::SameNoteTwice))
        ),
        "{error}"
    );
    let mut entry = planned.entry.clone();
    entry.spending = with(&entry.spending, &double);
    let refusal = town.redeem(entry, &proof, &exchange).unwrap_err();
    assert_eq!(refusal.code(), Reason::SameNoteTwice, "{refusal}");
    // A note has no second nullifier.
    double.sn2.0 += Fr::from(1u64);
    assert_eq!(
        refused(&town, &planned, &double),
        RedeemViolation::Nullifier { note: 1 }
    );
}

#[test]
fn a_dummy_has_no_value() {
    let mut town = Town::founded();
    let soul = town.earner(1);
    let offer = town.offer(10);
    let exchange = town.stage.federation.exchange.clone();
    let mut planned = town.plan(&soul, &offer, &exchange);
    planned.prove(&town.prover).unwrap();
    let secret = soul.citizen.secret();
    let mut rich = planned.statement;
    planned.witness.notes[1] = NoteWitness {
        value: Credits(1_000),
        made_of: KeyParts::Earned {
            scope: Scope(Fr::from(1u64)),
            message: Message(Fr::from(2u64)),
        },
        path: NotePath::dummy(),
    };
    let dummy = planned.witness.notes[1].commitment(&secret, rich.expiry, rich.asset);
    rich.sn2 = spend_nullifier(&secret, dummy);
    let key = change_key(&secret, rich.sn1);
    rich.cm_out = note_commitment(Credits(1_090), rich.expiry, rich.asset, &key);
    assert_eq!(refused(&town, &planned, &rich), RedeemViolation::SecondNote);
    // As the first note it needs no value to be refused.
    planned.witness.notes.swap(0, 1);
    (rich.sn1, rich.sn2) = (rich.sn2, rich.sn1);
    assert_eq!(refused(&town, &planned, &rich), RedeemViolation::FirstNote);
}

#[test]
fn no_more_comes_back_than_was_there() {
    let mut town = Town::founded();
    let soul = town.earner(1);
    let (cheap, dear) = (town.offer(10), town.offer(100));
    let exchange = town.stage.federation.exchange.clone();
    let planned = town.plan(&soul, &cheap, &exchange);
    let secret = soul.citizen.secret();
    let mut more = planned.statement;
    let key = change_key(&secret, more.sn1);
    more.cm_out = note_commitment(Credits(91), more.expiry, more.asset, &key);
    assert_eq!(refused(&town, &planned, &more), RedeemViolation::Change);
    let proof = planned.prove(&town.prover).unwrap();
    let mut entry = planned.entry.clone();
    entry.spending = with(&entry.spending, &more);
    let refusal = town.redeem(entry, &proof, &exchange).unwrap_err();
    assert_eq!(refusal.code(), Reason::ProofInvalid, "{refusal}");

    // Paying more than there is would wrap around to a fortune.
    let planned = town.plan(&soul, &dear, &exchange);
    let mut wrapped = planned.statement;
    wrapped.amount = Credits(101);
    assert_eq!(
        refused(&town, &planned, &wrapped),
        RedeemViolation::Amounts(RedeemFault::NotEnough)
    );
    // A value that the note does not have is another note's.
    let mut planned = town.plan(&soul, &cheap, &exchange);
    planned.witness.notes[0].value = Credits(200);
    let statement = planned.statement;
    assert_eq!(
        refused(&town, &planned, &statement),
        RedeemViolation::Nullifier { note: 0 }
    );
}

#[test]
fn expired_credits_are_worth_nothing() {
    let mut town = Town::founded();
    let soul = town.earner(1);
    let offer = town.offer(10);
    let exchange = town.stage.federation.exchange.clone();
    let planned = town.plan(&soul, &offer, &exchange);
    let proof = planned.prove(&town.prover).unwrap();
    let shown = showing(&town, 10);
    let attesting = town.spend(&soul, |spender| spender.attest(&shown, &mut rand::rng()));
    let attesting = attesting.unwrap();
    let attested = attesting.prove(&town.prover).unwrap();
    // The offer of the fixture is open for two centuries; its credits are not good that long.
    town.stage.wait(100 * 366 * 86_400);
    let refusal = town.redeem(planned.entry, &proof, &exchange).unwrap_err();
    assert_eq!(refusal.code(), Reason::CreditsExpired, "{refusal}");
    let refusal = town.attest(attesting.entry, &attested).unwrap_err();
    assert_eq!(refusal.code(), Reason::CreditsExpired, "{refusal}");
}

#[test]
fn a_bucket_that_lasts_longer_is_another_note() {
    let mut town = Town::founded();
    let soul = town.earner(1);
    let offer = town.offer(10);
    let exchange = town.stage.federation.exchange.clone();
    let planned = town.plan(&soul, &offer, &exchange);
    let mut longer = planned.statement;
    longer.expiry.0 += 120;
    assert_eq!(
        refused(&town, &planned, &longer),
        RedeemViolation::Nullifier { note: 0 }
    );
    let mut other_scale = planned.statement;
    other_scale.asset.0 += 1;
    assert_eq!(
        refused(&town, &planned, &other_scale),
        RedeemViolation::Nullifier { note: 0 }
    );
}

#[test]
fn a_proof_for_one_offer_exchange_and_voucher_key_is_for_no_other() {
    let mut town = Town::founded();
    let soul = town.earner(1);
    let (offer, other) = (town.offer(10), town.offer(10));
    let (exchange, second) = (
        town.stage.federation.exchange.clone(),
        town.second_exchange.clone(),
    );
    let planned = town.plan(&soul, &offer, &exchange);
    let proof = planned.prove(&town.prover).unwrap();

    // The voucher of another: same proof, another key.
    let mut stolen = planned.entry.clone();
    stolen.voucher_key = [9; 32];
    let refusal = town.redeem(stolen, &proof, &exchange).unwrap_err();
    assert_eq!(refusal.code(), Reason::ProofInvalid, "{refusal}");
    // Another offer at the same price.
    let mut diverted = planned.entry.clone();
    diverted.offer = other;
    let refusal = town.redeem(diverted, &proof, &exchange).unwrap_err();
    assert_eq!(refusal.code(), Reason::ProofInvalid, "{refusal}");
    // Another exchange of the same offer.
    let refusal = town.redeem(planned.entry.clone(), &proof, &second);
    assert_eq!(refusal.unwrap_err().code(), Reason::ProofInvalid);
    // One that is none of the offer's: the wallet does not even state it.
    let only_here = town.stage.offer(Credits(10), 10).unwrap();
    let there = town.spend(&soul, |spender| {
        spender.redeem(&only_here, &second.id, &mut rand::rng())
    });
    assert!(matches!(
        there,
        Err(SpendError::Refused(Refusal::Offer(
            OfferRefusal::Elsewhere { .. }
        )))
    ));
    // As it was meant.
    town.redeem(planned.entry, &proof, &exchange).unwrap();
}

#[test]
fn an_attestation_shows_what_is_there_and_is_not_replayed() {
    let mut town = Town::founded();
    let soul = town.earner(1);
    let shown = showing(&town, 100);
    let planned = town.spend(&soul, |spender| spender.attest(&shown, &mut rand::rng()));
    let planned = planned.unwrap();
    let mut more = planned.statement;
    more.floor = Credits(101);
    assert_eq!(refused(&town, &planned, &more), RedeemViolation::Floor);
    let proof = planned.prove(&town.prover).unwrap();
    let mut boast = planned.entry.clone();
    boast.floor = Credits(101);
    let refusal = town.attest(boast, &proof).unwrap_err();
    assert_eq!(refusal.code(), Reason::ProofInvalid, "{refusal}");
    let mut diverted = planned.entry.clone();
    diverted.context.0 += Fr::from(1u64);
    let refusal = town.attest(diverted, &proof).unwrap_err();
    assert_eq!(refusal.code(), Reason::ProofInvalid, "{refusal}");
    let id = town.attest(planned.entry.clone(), &proof).unwrap();
    // The same entry has its old place; nothing is counted twice.
    assert_eq!(town.attest(planned.entry, &proof).unwrap(), id);
    assert_eq!(town.view(&soul).spendings.len(), 1);
}

#[test]
fn a_tree_of_ones_own_is_no_anchor() {
    let mut town = Town::founded();
    let soul = town.earner(1);
    let offer = town.offer(10);
    let exchange = town.stage.federation.exchange.clone();
    let mut planned = town.plan(&soul, &offer, &exchange);
    let asked = planned.statement;
    // A note of a million, in a tree that has nothing else. The proof is real.
    let mut million = NoteWitness::dummy(&mut rand::rng());
    million.value = Credits(1_000_000);
    let leaves = [million.commitment(&planned.witness.secret, asked.expiry, asked.asset)];
    let bucket = note_tree::bucket_root(&leaves);
    million.path = note_tree::path(0, &leaves, &[bucket]).unwrap();
    planned.witness.notes[0] = million;
    let statement = planned
        .witness
        .statement(&RedeemTerms {
            note_root: note_tree::root_of_buckets(&[bucket]),
            group_root: asked.group_root,
            asset: asked.asset,
            expiry: asked.expiry,
            amount: asked.amount,
            floor: asked.floor,
            context: asked.context,
            rate_scope: asked.rate_scope,
            rate_limit: asked.rate_limit,
            view_key: asked.a,
        })
        .unwrap();
    let proof = town.prover.redeem(&planned.witness, &statement).unwrap();
    let mut entry = planned.entry.clone();
    entry.spending = Spending {
        note_root: statement.note_root,
        rn: statement.rn,
        ey: statement.ey,
        c_id: statement.c_id,
        ..with(&entry.spending, &statement)
    };
    let refusal = town.redeem(entry, &proof, &exchange).unwrap_err();
    assert_eq!(refusal.code(), Reason::NoteRootUnknown, "{refusal}");
    // Under the ledger's root there is no such note.
    let mut forged = statement;
    forged.note_root = asked.note_root;
    assert_eq!(
        refused(&town, &planned, &forged),
        RedeemViolation::FirstNote
    );
}

fn showing(town: &Town, floor: u64) -> Showing {
    Showing {
        scale: town.stage.federation.scale_id(),
        expiry: None,
        floor: Credits(floor),
        question: Question::new("library.example", b"1").unwrap(),
        not_after: town.stage.time + Duration::from_secs(3_600),
    }
}
