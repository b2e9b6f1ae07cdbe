//! Attestations: each answers one question, and spends its notes; and which kinds have a proof.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

use crate::redemptions::{PRICE, at, attestation, proof_of, redeemed_with, redemption, rich};
use crate::town::{act_refused, proven, refused};
use merits_ledger::entry::{Attested, Entry, OfferClosed};
use merits_ledger_fixture::{Note, WORTH};
use merits_primitives::{
    Fr,
    ids::{Credits, Expiry},
    owner::KeyParts,
};

#[test]
fn an_attestation_is_for_one_question_and_spends_its_notes() {
    let (mut town, citizen, note, offer) = rich();
    let attested = attestation(&mut town, &citizen, &[note], "bank");
    let entry = proven(&mut town, &Entry::Attested(attested.clone()), None);
    let proof = proof_of(&entry);
    let federation = town.federation.clone();
    let changes: [fn(&mut Attested); 3] = [
        |a| a.context.0 += Fr::from(1u64),
        |a| a.floor = Credits(a.floor.0 + 1),
        |a| a.expiry = Expiry(a.expiry.0 + 3),
    ];
    for change in changes {
        let mut other = attested.clone();
        change(&mut other);
        let other = Entry::Attested(other).personal(&federation.origin, &proof);
        refused(&mut town, &other, "proof-invalid", "proof");
    }
    // It must not have a party's signature, and a redemption without one belongs to nobody.
    let signed = federation.sign_proven(
        &Entry::Attested(attested.clone()),
        Some(&federation.exchange),
        &proof,
    );
    refused(&mut town, &signed, "signature-unexpected", "signature");
    let mut half = entry.clone();
    half.signature[0] = 1;
    refused(&mut town, &half, "signature-unexpected", "signature");
    let redeemed = redemption(&at(&town, offer), &mut town, &citizen, &[note]);
    let unsigned = Entry::Redeemed(redeemed).personal(&federation.origin, &proof);
    refused(&mut town, &unsigned, "party-unknown", "party");

    town.submit(&entry).unwrap();
    assert!(town.submit(&entry).unwrap().already_present);
    // The same question again, with the remaining note: only one answer for each person and
    // question.
    let left = Note {
        made_of: KeyParts::Change {
            sn1: attested.spending.sn1,
        },
        ..note
    };
    let mut again = attestation(&mut town, &citizen, &[left], "bank");
    again.context = attested.context;
    again.spending.rn = attested.spending.rn;
    let entry = proven(&mut town, &Entry::Attested(again), None);
    refused(&mut town, &entry, "rate-limit", "rn");
    // The note itself is spent; its change can be used elsewhere.
    let spent = redeemed_with(&mut town, &citizen, note, offer);
    refused(&mut town, &spent, "spent", "spending");
    let (_, change) = town.redeem(&citizen, &[left], offer).unwrap();
    assert_eq!(change.value, Credits(WORTH.0 - PRICE.0));
}

#[test]
fn a_proof_belongs_to_kinds_that_have_one() {
    let (mut town, citizen, note, offer) = rich();
    let entry = redeemed_with(&mut town, &citizen, note, offer);
    let federation = town.federation.clone();
    let closed = Entry::OfferClosed(OfferClosed {
        offer,
        basis: "with a proof".to_owned(),
    });
    let with = federation.sign_proven(&closed, Some(&federation.sponsor), &proof_of(&entry));
    refused(&mut town, &with, "proof-unexpected", "proof");
    let redeemed = redemption(&at(&town, offer), &mut town, &citizen, &[note]);
    let without = Entry::Redeemed(redeemed);
    act_refused(
        &mut town,
        &federation.exchange,
        &without,
        "proof-malformed",
        "proof",
    );
}
