//! Offers: which parties publish them, where they are redeemed, and which parties end them.
#![allow(clippy::unwrap_used, reason = "a failure to set up is a failure")]

use crate::town::{act_refused, admit, nowhere, town};
use merits_ledger::Role;
use merits_ledger::entry::{Act, Entry, OfferClosed, OfferPublished};
use merits_ledger_fixture::acts;
use merits_primitives::{
    calendar::Timestamp,
    ids::{Credits, EntryId, Expiry, ScaleId},
};

fn close(offer: EntryId) -> Entry {
    Entry::OfferClosed(OfferClosed {
        offer,
        basis: "out of stock".to_owned(),
    })
}

#[test]
fn an_offer_is_a_sponsors_and_well_formed() {
    let mut town = town();
    let federation = town.federation.clone();
    let sponsor = federation.sponsor.clone();
    let offer = federation.offer(Credits(30), 5);
    let entry = Entry::OfferPublished(offer.clone());
    for member in [&federation.exchange, &federation.distributor] {
        act_refused(&mut town, member, &entry, "role-missing", "");
    }
    type Change = fn(&mut OfferPublished);
    let cases: [(Change, &str, &str); 11] = [
        (|o| o.price = Credits(0), "offer-invalid", "price"),
        (|o| o.quota = 0, "offer-invalid", "quota"),
        (|o| o.closes = o.opens, "offer-invalid", "closes"),
        (
            |o| (o.opens, o.closes) = (Timestamp::FIRST, merits_ledger_fixture::START),
            "offer-invalid",
            "closes",
        ),
        (|o| o.per_day = 0, "offer-invalid", "per day"),
        (|o| o.per_day = 65_537, "offer-invalid", "per day"),
        (|o| o.exchanges.clear(), "offer-invalid", "exchanges"),
        (|o| o.number = 2, "out-of-sequence", "number"),
        (|o| o.number = 0, "out-of-sequence", "number"),
        // 2026-01 is month 672.
        (|o| o.expiry = Expiry(672), "credits-expired", "expiry"),
        (
            |o| o.scale = ScaleId::new("unknown-scale").unwrap(),
            "scale-unknown",
            "scale",
        ),
    ];
    for (change, code, field) in cases {
        let mut other = offer.clone();
        change(&mut other);
        act_refused(
            &mut town,
            &sponsor,
            &Entry::OfferPublished(other),
            code,
            field,
        );
    }
    let mut nowhere = offer.clone();
    nowhere.exchanges.push(federation.distributor.id);
    act_refused(
        &mut town,
        &sponsor,
        &Entry::OfferPublished(nowhere),
        "role-missing",
        "",
    );
    let mut last = offer;
    last.expiry = Expiry(673);
    let id = town.act(&sponsor, &Entry::OfferPublished(last)).unwrap().id;
    let standing = town.state().offers().get(&id).unwrap();
    assert_eq!((standing.sponsor, standing.redeemed), (sponsor.id, 0));
    assert!(standing.check_open(&id, town.time).is_ok());
}

#[test]
fn its_sponsor_or_the_board_ends_it_once() {
    let mut town = town();
    let federation = town.federation.clone();
    let rival = admit(&mut town, "bakery", &[Role::Sponsor], 40);
    let first = town.offer(Credits(30), 5).unwrap();
    let second = town.offer(Credits(31), 5).unwrap();
    act_refused(
        &mut town,
        &rival,
        &close(first),
        "offer-of-another",
        "offer",
    );
    act_refused(
        &mut town,
        &federation.exchange,
        &close(first),
        "role-missing",
        "",
    );
    act_refused(
        &mut town,
        &rival,
        &close(nowhere()),
        "offer-unknown",
        "offer",
    );
    town.act(&federation.sponsor, &close(first)).unwrap();
    let again = Entry::OfferClosed(OfferClosed {
        offer: first,
        basis: "again".to_owned(),
    });
    act_refused(
        &mut town,
        &federation.sponsor,
        &again,
        "offer-not-open",
        "offer",
    );
    // A supervisor does it by an act of the board.
    act_refused(
        &mut town,
        &federation.supervisor,
        &close(second),
        "role-missing",
        "",
    );
    let closed = acts::at_once(Act::OfferClosed(OfferClosed {
        offer: second,
        basis: "sold out".to_owned(),
    }));
    town.act(&federation.supervisor, &closed).unwrap();
    let closed = town.state().offers().get(&second).unwrap().closed;
    assert_eq!(closed, Some(town.time));
}
