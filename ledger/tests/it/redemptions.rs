//! Redemptions: each spends a note once, for one purpose, at its time.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

use std::{num::NonZeroU32, time::Duration};

use crate::town::{
    DAY, Town, admit, nowhere, proven, proven_or_not, refusal, refused, town, town_with,
};
use merits_ledger::entry::{
    Attested, Entry, OfferClosed, OfferPublished, Redeemed, Spending, StandingChange,
};
use merits_ledger::state::ROOT_GRACE;
use merits_ledger::{AnchorInterval, Role};
use merits_ledger_fixture::{Citizen, Note, Redeeming, WORTH, acts};
use merits_primitives::ids::{Credits, EntryId, Epoch, PeriodIndex};
use merits_primitives::{
    Fr, calendar::Day, message::Message, owner::KeyParts, scope::Scope, sum::CreditsSum,
    view_encryption::EphemeralKey,
};
use merits_verifier::groth16::Proof;
use merits_verifier::{Reason, entry::SignedEntry};

pub(crate) const PRICE: Credits = Credits(30);

/// A town with a citizen who has a note of [`WORTH`], and an offer.
pub(crate) fn rich() -> (Town, Citizen, Note, EntryId) {
    let mut town = town();
    let citizen = Citizen::new(1);
    let note = town.earner(&citizen).unwrap();
    let offer = town.offer(PRICE, 1_000).unwrap();
    (town, citizen, note, offer)
}

/// The next offer of the sponsor, changed.
fn offer_with(town: &mut Town, change: impl FnOnce(&mut OfferPublished)) -> EntryId {
    let federation = town.federation.clone();
    let mut offer = federation.offer(PRICE, 1_000);
    offer.number = 1 + town.state().offers().iter().count() as u32;
    change(&mut offer);
    let entry = Entry::OfferPublished(offer);
    town.act(&federation.sponsor, &entry).unwrap().id
}

/// Where the next entry redeems.
pub(crate) fn at(town: &Town, offer: EntryId) -> Redeeming {
    Redeeming::new(
        offer,
        &town.federation.exchange,
        town.time + Duration::from_secs(1),
    )
}

pub(crate) fn redemption(
    at: &Redeeming,
    town: &mut Town,
    citizen: &Citizen,
    notes: &[Note],
) -> Redeemed {
    let state = town.ledger.state();
    town.federation
        .redemption(state, citizen, notes, at, &mut town.rng)
        .unwrap()
        .0
}

fn sign_redeemed(town: &mut Town, redeemed: Redeemed) -> SignedEntry {
    let exchange = town.federation.exchange.clone();
    proven_or_not(town, &Entry::Redeemed(redeemed), Some(&exchange))
}

pub(crate) fn redeemed(
    at: &Redeeming,
    town: &mut Town,
    citizen: &Citizen,
    notes: &[Note],
) -> SignedEntry {
    let state = town.ledger.state();
    town.federation
        .redeem(state, citizen, notes, at, &mut town.rng)
        .unwrap()
        .0
}

pub(crate) fn attestation(
    town: &mut Town,
    citizen: &Citizen,
    notes: &[Note],
    verifier: &str,
) -> Attested {
    let about = (Credits(10), verifier, town.time + Duration::from_secs(1));
    let state = town.ledger.state();
    town.federation
        .attestation(state, citizen, notes, about, &mut town.rng)
        .unwrap()
        .0
}

pub(crate) fn redeemed_with(
    town: &mut Town,
    citizen: &Citizen,
    note: Note,
    offer: EntryId,
) -> SignedEntry {
    let at = at(town, offer);
    redeemed(&at, town, citizen, &[note])
}

pub(crate) fn proof_of(entry: &SignedEntry) -> Proof {
    entry.groth16_proof().unwrap()
}

#[test]
fn a_note_is_spent_and_its_change_again() {
    let (mut town, citizen, note, offer) = rich();
    let (_, change) = town.redeem(&citizen, &[note], offer).unwrap();
    assert_eq!(change.value, Credits(WORTH.0 - PRICE.0));
    // A first redemption a day, of a limit of 65,536: the second has another index.
    town.wait(DAY);
    let (_, change) = town.redeem(&citizen, &[change], offer).unwrap();
    assert_eq!(change.value, Credits(WORTH.0 - 2 * PRICE.0));
    let standing = town.state().offers().get(&offer).unwrap();
    assert_eq!(standing.redeemed, 2);
    assert_eq!(town.state().notes().size(), 3);
    let sums: Vec<_> = town.state().offers().redeemed().collect();
    assert_eq!(sums.len(), 1);
    assert_eq!(
        (sums[0].2.redemptions, sums[0].2.credits),
        (2, CreditsSum(60))
    );
}

#[test]
fn nothing_is_spent_twice() {
    let (mut town, citizen, note, offer) = rich();
    let other = offer_with(&mut town, |_| {});
    let rival = admit(&mut town, "kiosk", &[Role::Exchange], 41);
    let elsewhere = {
        let id = rival.id;
        offer_with(&mut town, move |offer| offer.exchanges = vec![id])
    };
    // All made before any is submitted: by one person, at two exchanges at once.
    let first = redeemed(&at(&town, offer), &mut town, &citizen, &[note]);
    let again = redeemed(&at(&town, other), &mut town, &citizen, &[note]);
    let mut there = at(&town, elsewhere);
    there.exchange = rival;
    let there = redeemed(&there, &mut town, &citizen, &[note]);
    let second = {
        // As the second note, beside a dummy.
        let dummy = Note {
            value: Credits(0),
            made_of: KeyParts::Earned {
                scope: Scope(Fr::from(1u64)),
                message: Message(Fr::from(2u64)),
            },
            ..note
        };
        redeemed(&at(&town, other), &mut town, &citizen, &[dummy, note])
    };
    let attested = attestation(&mut town, &citizen, &[note], "bank");
    let attested = proven(&mut town, &Entry::Attested(attested), None);

    let before = town.submit(&first).unwrap();
    for entry in [&again, &there, &second, &attested] {
        refused(&mut town, entry, "spent", "spending");
    }
    let repeated = town.submit(&first).unwrap();
    assert_eq!(
        (repeated.index, repeated.already_present),
        (before.index, true)
    );
    // Another proof under the same statement is the same entry.
    let factor = merits_trapdoor::rerandomise(&proof_of(&first), Fr::from(3u64));
    let exchange = town.federation.exchange.clone();
    let entry = Entry::decode(first.kind, &first.statement)
        .unwrap()
        .unwrap();
    let twin = town
        .federation
        .sign_proven(&entry, Some(&exchange), &factor.unwrap());
    assert!(town.submit(&twin).unwrap().already_present);
}

#[test]
fn one_note_is_not_both_notes() {
    let (mut town, citizen, note, offer) = rich();
    let both = redemption(&at(&town, offer), &mut town, &citizen, &[note, note]);
    assert_eq!(both.spending.sn1, both.spending.sn2);
    let entry = sign_redeemed(&mut town, both);
    refused(&mut town, &entry, "same-note-twice", "sn2");
}

#[test]
fn a_spending_is_well_formed() {
    let (mut town, citizen, note, offer) = rich();
    let good = redemption(&at(&town, offer), &mut town, &citizen, &[note]);
    type Change = fn(&mut Spending);
    let cases: [(Change, &str, &str); 6] = [
        (
            |s| s.ey = EphemeralKey(Fr::from(0u64)),
            "ephemeral-invalid",
            "ey",
        ),
        (
            |s| s.ey = EphemeralKey(Fr::from(1u64)),
            "ephemeral-invalid",
            "ey",
        ),
        (|s| s.cm_out.0 = Fr::from(0u64), "note-empty", "cm_out"),
        (|s| s.epoch = Epoch(2), "epoch-unknown", "epoch"),
        (
            |s| s.note_root.0 = Fr::from(7u64),
            "note-root-unknown",
            "note_root",
        ),
        (
            |s| s.group_root.0 = Fr::from(7u64),
            "group-root-unknown",
            "root",
        ),
    ];
    for (change, code, field) in cases {
        let mut other = good.clone();
        change(&mut other.spending);
        let entry = sign_redeemed(&mut town, other);
        refused(&mut town, &entry, code, field);
        let mut other = attestation(&mut town, &citizen, &[note], "bank");
        change(&mut other.spending);
        let entry = proven_or_not(&mut town, &Entry::Attested(other), None);
        refused(&mut town, &entry, code, field);
    }
    // The change of one redemption is not the change of another.
    let entry = sign_redeemed(&mut town, good.clone());
    town.submit(&entry).unwrap();
    let mut same = good;
    same.spending.sn1.0 = Fr::from(1u64);
    same.spending.sn2.0 = Fr::from(2u64);
    same.spending.rn.0 = Fr::from(3u64);
    let entry = sign_redeemed(&mut town, same);
    refused(&mut town, &entry, "note-used", "cm_out");
}

#[test]
fn a_proof_is_for_one_offer_one_exchange_and_one_voucher_key() {
    let (mut town, citizen, note, offer) = rich();
    let rival = admit(&mut town, "kiosk", &[Role::Exchange], 41);
    let other = offer_with(&mut town, |offer| offer.price = Credits(1));
    let both = {
        let id = rival.id;
        offer_with(&mut town, move |offer| offer.exchanges.push(id))
    };
    let federation = town.federation.clone();
    let good = redemption(&at(&town, offer), &mut town, &citizen, &[note]);
    let proof = proof_of(&sign_redeemed(&mut town, good.clone()));
    let with = |change: &dyn Fn(&mut Redeemed)| {
        let mut other = good.clone();
        change(&mut other);
        federation.sign_proven(&Entry::Redeemed(other), Some(&federation.exchange), &proof)
    };
    // Somebody who sees a redemption cannot have its voucher sealed to their own key.
    let stolen = with(&|r| r.voucher_key = [1; 32]);
    refused(&mut town, &stolen, "proof-invalid", "proof");
    let cheaper = with(&|r| r.offer = other);
    refused(&mut town, &cheaper, "proof-invalid", "proof");
    let unknown = with(&|r| r.offer = nowhere());
    refused(&mut town, &unknown, "offer-unknown", "offer");
    let more_change = with(&|r| r.spending.cm_out.0 += Fr::from(1u64));
    refused(&mut town, &more_change, "proof-invalid", "proof");
    let hidden = with(&|r| r.spending.c_id.0 += Fr::from(1u64));
    refused(&mut town, &hidden, "proof-invalid", "proof");

    // Another exchange: of an offer that is not its own, and with a proof made for the first.
    let mut there = at(&town, offer);
    there.exchange = rival.clone();
    let foreign = redeemed(&there, &mut town, &citizen, &[note]);
    refused(&mut town, &foreign, "offer-elsewhere", "party");
    let here = redemption(&at(&town, both), &mut town, &citizen, &[note]);
    let entry = sign_redeemed(&mut town, here.clone());
    let taken = federation.sign_proven(&Entry::Redeemed(here), Some(&rival), &proof_of(&entry));
    refused(&mut town, &taken, "proof-invalid", "proof");
    let stranger = federation.sign_proven(
        &Entry::Redeemed(good),
        Some(&federation.distributor),
        &proof,
    );
    let code = refusal(town.submit(&stranger)).code();
    // The role is asked before the proof, which names the exchange.
    assert_eq!(code, Reason::RoleMissing);
    there.exchange = federation.distributor.clone();
    let named = redemption(&there, &mut town, &citizen, &[note]);
    let distributor = Some(&federation.distributor);
    let no_exchange = proven_or_not(&mut town, &Entry::Redeemed(named), distributor);
    refused(&mut town, &no_exchange, "role-missing", "");
    town.submit(&entry).unwrap();
}

#[test]
fn a_quota_is_kept() {
    let (mut town, ..) = rich();
    let offer = offer_with(&mut town, |offer| offer.quota = 3);
    let at = at(&town, offer);
    let state = town.ledger.state();
    let entries = town
        .federation
        .redemptions(state, 5, &at, &mut town.rng)
        .unwrap();
    for entry in &entries[..3] {
        town.submit(entry).unwrap();
    }
    for entry in &entries[3..] {
        refused(&mut town, entry, "offer-sold-out", "offer");
    }
    assert_eq!(town.state().offers().get(&offer).unwrap().redeemed, 3);
}

#[test]
fn an_offer_is_redeemed_while_it_is_open() {
    let (mut town, citizen, note, _) = rich();
    let opens = town.time + Duration::from_secs(60);
    let offer = offer_with(&mut town, |offer| {
        (offer.opens, offer.closes) = (opens, opens + Duration::from_secs(60));
    });
    let early = redeemed(&at(&town, offer), &mut town, &citizen, &[note]);
    refused(&mut town, &early, "offer-not-open", "offer");
    town.time = opens + Duration::from_secs(59);
    refused(&mut town, &early, "offer-not-open", "offer");

    let offer = offer_with(&mut town, |_| {});
    let late = redeemed(&at(&town, offer), &mut town, &citizen, &[note]);
    let closed = Entry::OfferClosed(OfferClosed {
        offer,
        basis: "out of stock".to_owned(),
    });
    let sponsor = town.federation.sponsor.clone();
    town.act(&sponsor, &closed).unwrap();
    refused(&mut town, &late, "offer-not-open", "offer");
}

/// A redemption at an index and of a day, and its change.
fn turn(
    town: &mut Town,
    citizen: &Citizen,
    note: Note,
    (offer, index, day): (EntryId, u16, Option<Day>),
) -> (SignedEntry, Note) {
    let mut at = at(town, offer);
    at.index = index;
    let federation = town.federation.clone();
    let state = town.ledger.state();
    let (mut redeemed, change) = federation
        .redemption(state, citizen, &[note], &at, &mut town.rng)
        .unwrap();
    redeemed.day = day.unwrap_or(redeemed.day);
    (sign_redeemed(town, redeemed), change)
}

#[test]
fn a_person_redeems_so_often_a_day() {
    let (mut town, citizen, mut note, _) = rich();
    let offer = offer_with(&mut town, |offer| offer.per_day = 2);
    for index in 0..2 {
        let (entry, change) = turn(&mut town, &citizen, note, (offer, index, None));
        town.submit(&entry).unwrap();
        note = change;
    }
    // An index of today again; the circuit keeps it below the limit.
    for index in 0..2 {
        let (entry, _) = turn(&mut town, &citizen, note, (offer, index, None));
        refused(&mut town, &entry, "rate-limit", "rn");
    }
    // By another limit than the offer's, nothing is proven.
    let wide = offer_with(&mut town, |_| {});
    let (entry, _) = turn(&mut town, &citizen, note, (wide, 0, None));
    let Some(Ok(Entry::Redeemed(mut redeemed))) = Entry::decode(entry.kind, &entry.statement)
    else {
        panic!("a redemption");
    };
    redeemed.offer = offer;
    let federation = town.federation.clone();
    let moved = federation.sign_proven(
        &Entry::Redeemed(redeemed),
        Some(&federation.exchange),
        &proof_of(&entry),
    );
    refused(&mut town, &moved, "proof-invalid", "proof");
    town.wait(DAY);
    let (entry, _) = turn(&mut town, &citizen, note, (offer, 0, None));
    town.submit(&entry).unwrap();
}

#[test]
fn a_day_is_the_ledgers_or_the_one_that_just_ended() {
    let (mut town, citizen, note, offer) = rich();
    let day = town.time.day();
    for other in [Day(day.0 - 1), day.saturating_add(1)] {
        // START is midnight; ten minutes of founding are not an hour, so go to noon.
        town.time = day.start() + Duration::from_secs(DAY / 2);
        let (entry, _) = turn(&mut town, &citizen, note, (offer, 0, Some(other)));
        refused(&mut town, &entry, "other-day", "day");
    }
    let midnight = day.saturating_add(1).start();
    town.time = midnight - Duration::from_secs(10);
    let (entry, _) = turn(&mut town, &citizen, note, (offer, 0, Some(day)));
    town.time = midnight + ROOT_GRACE - Duration::from_secs(2);
    town.submit(&entry).unwrap();
    let (entry, _) = turn(&mut town, &citizen, note, (offer, 1, Some(day)));
    town.time = midnight + ROOT_GRACE;
    refused(&mut town, &entry, "other-day", "day");
}

#[test]
fn expired_credits_are_good_for_nothing() {
    let (mut town, citizen, note, offer) = rich();
    // 600 months and more after 2014-04: the bucket of 2064-07 is good in June, not in July.
    let month = merits_primitives::ids::Period {
        kind: merits_primitives::ids::PeriodKind::Month,
        index: PeriodIndex(note.expiry.0),
    };
    let first_day = Day(u32::try_from(month.first_day()).unwrap()).start();
    town.time = first_day - Duration::from_secs(3);
    let good = redeemed(&at(&town, offer), &mut town, &citizen, &[note]);
    town.submit(&good).unwrap();
    town.time = first_day - Duration::from_secs(1);
    let change = Note {
        made_of: KeyParts::Earned {
            scope: Scope(Fr::from(4u64)),
            message: Message(Fr::from(2u64)),
        },
        ..note
    };
    let late = redeemed(&at(&town, offer), &mut town, &citizen, &[change]);
    refused(&mut town, &late, "credits-expired", "expiry");
    let attested = attestation(&mut town, &citizen, &[change], "bank");
    let entry = proven(&mut town, &Entry::Attested(attested), None);
    refused(&mut town, &entry, "credits-expired", "expiry");
}

#[test]
fn a_note_is_spent_under_an_anchor_only() {
    let mut town = town_with(|federation| {
        let ten_minutes = NonZeroU32::new(600).expect("not 0");
        federation.anchor_interval = AnchorInterval::from_secs(ten_minutes);
    });
    let citizen = Citizen::new(1);
    let note = town.earner(&citizen).unwrap();
    let offer = town.offer(PRICE, 10).unwrap();
    // Within the slot of the first note there is no anchor, and the present root is none.
    assert_eq!(
        town.state()
            .notes()
            .anchor(town.time + Duration::from_secs(1)),
        None
    );
    town.wait(600);
    let first = town.state().notes().anchor(town.time).unwrap();
    assert_eq!((first.size, first.root), (1, town.state().notes().root()));
    let good = redemption(&at(&town, offer), &mut town, &citizen, &[note]);
    assert_eq!(good.spending.note_root, first.root);
    town.time = town.time - Duration::from_secs(600);
    let entry = sign_redeemed(&mut town, good.clone());
    refused(&mut town, &entry, "note-root-unknown", "note_root");
    town.wait(600);

    // More notes in the new slot: the anchor stays the old one, the present root is none yet.
    let friend = Citizen::new(2);
    town.earner(&friend).unwrap();
    assert_eq!(town.state().notes().anchor(town.time), Some(first));
    let mut fresh = redemption(&at(&town, offer), &mut town, &citizen, &[note]);
    fresh.spending.note_root = town.state().notes().root();
    let early = sign_redeemed(&mut town, fresh.clone());
    refused(&mut town, &early, "note-root-unknown", "note_root");
    town.wait(600);
    town.submit(&early).unwrap();
    // The old anchor stays valid.
    let other = Note {
        made_of: KeyParts::Earned {
            scope: Scope(Fr::from(4u64)),
            message: Message(Fr::from(2u64)),
        },
        ..note
    };
    town.wait(30 * DAY);
    let mut old = redemption(&at(&town, offer), &mut town, &friend, &[other]);
    old.spending.note_root = first.root;
    let entry = sign_redeemed(&mut town, old);
    town.submit(&entry).unwrap();
    // A root that never was at a slot's end is none: those between the two.
    let empty = merits_primitives::note_tree::empty(merits_primitives::note_tree::DEPTH);
    let mut never = redemption(&at(&town, offer), &mut town, &friend, &[note]);
    never.spending.note_root.0 = empty;
    let entry = sign_redeemed(&mut town, never);
    refused(&mut town, &entry, "note-root-unknown", "note_root");
}

#[test]
fn a_retired_identity_spends_for_an_hour_at_most() {
    let (mut town, citizen, note, offer) = rich();
    let old_root = town.state().people().group().root().unwrap();
    town.register(&citizen.reborn()).unwrap();
    let retired_at = town.time;
    town.time = retired_at + ROOT_GRACE;
    let mut late = redemption(&at(&town, offer), &mut town, &citizen, &[note]);
    late.spending.group_root = old_root;
    let entry = sign_redeemed(&mut town, late);
    refused(&mut town, &entry, "group-root-unknown", "root");
    town.time = retired_at + ROOT_GRACE - Duration::from_secs(1);
    town.submit(&entry).unwrap();
}

#[test]
fn a_sealed_identity_is_sealed_under_a_key_in_force() {
    let (mut town, citizen, note, offer) = rich();
    let federation = town.federation.clone();
    let from = town.time + Duration::from_secs(10);
    // Fresh secrets: keys are never used twice.
    let with = federation.with_fresh_halves(&mut town.rng);
    let (epoch, proof) = with.epoch(Epoch(2), from, from, &mut town.rng);
    town.submit(&federation.sign_epoch(epoch, &proof)).unwrap();
    let mut early = redemption(&at(&town, offer), &mut town, &citizen, &[note]);
    early.spending.epoch = Epoch(2);
    let entry = sign_redeemed(&mut town, early.clone());
    refused(&mut town, &entry, "epoch-not-accepted", "epoch");
    town.wait(20);
    town.submit(&entry).unwrap();
    let mut late = redemption(&at(&town, offer), &mut town, &citizen, &[note]);
    late.spending.epoch = Epoch(1);
    let entry = sign_redeemed(&mut town, late);
    refused(&mut town, &entry, "epoch-not-accepted", "epoch");
}

/// Nobody may spend credits on the offer of a suspended sponsor.
#[test]
fn an_offer_of_a_suspended_sponsor_is_not_redeemed() {
    let (mut town, citizen, note, offer) = rich();
    let federation = town.federation.clone();
    let standing = |sequence| StandingChange {
        party: federation.sponsor.id,
        sequence,
        basis: "decision 9".to_owned(),
    };
    let suspended = acts::suspended(standing(1));
    town.act(&federation.supervisor, &suspended).unwrap();
    let entry = redeemed(&at(&town, offer), &mut town, &citizen, &[note]);
    refused(&mut town, &entry, "party-suspended", "party");
    let reinstated = acts::reinstated(standing(2));
    town.act(&federation.supervisor, &reinstated).unwrap();
    // The note was not spent by the refusal.
    town.redeem(&citizen, &[note], offer).unwrap();
}
