//! A wallet's reports to its person: plain data, with names, and without secrets.

use std::time::Duration;

use merits_ledger_fixture::{Citizen, WORTH};
use merits_primitives::ids::Credits;
use merits_wallet::report::{
    Affordable, ConsentStatus, Identity, NoteSource, consents, credits, identity, offers, openings,
};

use crate::person::home::{SEED, Town, keys, town, view_of};

/// How long after the last entry, in which the newest notes come under an anchor.
const LATER: Duration = Duration::from_secs(2);

/// A town in which the person earned 100 and redeemed 30 of them, and an offer that is still open.
fn redeemed() -> (Town, Citizen) {
    let (mut town, citizen) = town();
    town.register(&citizen).unwrap();
    let consent = town.deposit(&citizen).unwrap();
    let notes = town.earn(&[consent]).unwrap();
    let offer = town.offer(Credits(30), 10).unwrap();
    town.redeem(&citizen, &notes, offer).unwrap();
    (town, citizen)
}

#[test]
fn credits_are_told_by_bucket_with_where_they_come_from() {
    let (mut town, citizen) = town();
    town.register(&citizen).unwrap();
    let nothing = credits(town.state(), &view_of(&town, SEED), town.time);
    assert_eq!(nothing, []);

    let consent = town.deposit(&citizen).unwrap();
    let notes = town.earn(&[consent]).unwrap();
    let purses = credits(town.state(), &view_of(&town, SEED), town.time);
    assert_eq!(purses.len(), 1);
    let purse = &purses[0];
    assert_eq!(
        (purse.credits, purse.retired, purse.expired),
        (WORTH, Credits::ZERO, false)
    );
    assert_eq!(purse.notes.len(), 1);
    assert!(
        matches!(
            &purse.notes[0].from,
            NoteSource::Claim { distributor, source, period, .. }
                if distributor == "distributor"
                    && source == "source"
                    && *period == town.federation.period().label()
        ),
        "{purse:?}"
    );

    let offer = town.offer(Credits(30), 10).unwrap();
    town.redeem(&citizen, &notes, offer).unwrap();
    let purses = credits(town.state(), &view_of(&town, SEED), town.time);
    assert_eq!(purses[0].credits, Credits(WORTH.0 - 30));
    assert!(matches!(purses[0].notes[0].from, NoteSource::Change { .. }));
    // A century later they have expired.
    let late = credits(
        town.state(),
        &view_of(&town, SEED),
        town.time + Duration::from_secs(3_200_000_000),
    );
    assert!(late[0].expired);
}

#[test]
fn credits_of_a_retired_identity_are_told_apart() {
    let (mut town, citizen) = town();
    town.earner(&citizen).unwrap();
    let before = identity(&view_of(&town, SEED), &keys(&town, SEED));
    assert!(matches!(
        before,
        Identity::Registered { retired: false, .. }
    ));
    town.register(&citizen.reborn()).unwrap();
    let view = view_of(&town, SEED);
    let purses = credits(town.state(), &view, town.time);
    assert_eq!(
        (purses[0].credits, purses[0].retired),
        (Credits::ZERO, WORTH)
    );
    assert!(purses[0].notes.is_empty());
    // The seed's next identity is in force.
    let now = identity(&view, &keys(&town, SEED));
    assert_ne!(before, now);
    assert!(matches!(now, Identity::Registered { retired: false, .. }));
}

#[test]
fn consents_are_told_with_where_they_stand() {
    let (town, _) = redeemed();
    let told = consents(town.state(), &view_of(&town, SEED));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].distributor, "distributor");
    assert!(
        matches!(
            told[0].standing,
            ConsentStatus::Claimed {
                withdrawn: false,
                ..
            }
        ),
        "{told:?}"
    );
    assert_eq!(openings(town.state(), &view_of(&town, SEED)).openings, []);
}

#[test]
fn offers_are_told_with_what_the_person_can_pay() {
    let (town, _) = redeemed();
    let told = |seed| {
        let (view, keys) = (view_of(&town, seed), keys(&town, seed));
        offers(town.state(), &view, &keys, town.time + LATER).unwrap()
    };
    let own = told(SEED);
    assert_eq!(own.len(), 1);
    assert_eq!(
        (own[0].price, own[0].quota, own[0].left),
        (Credits(30), 10, 9)
    );
    assert_eq!(own[0].exchanges, ["exchange"]);
    assert_eq!(
        own[0].affordable,
        Affordable::Yes {
            change: Credits(WORTH.0 - 60)
        }
    );
    // Looking needs no identity.
    assert_eq!(told([9; 32])[0].affordable, Affordable::NoIdentity);
}

#[test]
fn reports_are_data_without_secrets() {
    let (town, _) = redeemed();
    let (view, keys) = (view_of(&town, SEED), keys(&town, SEED));
    let state = town.state();
    let purses = serde_json::to_value(credits(state, &view, town.time)).unwrap();
    assert_eq!(purses[0]["credits"], 70);
    assert_eq!(purses[0]["notes"][0]["from"]["kind"], "change");
    let told = serde_json::to_value(consents(state, &view)).unwrap();
    assert_eq!(told[0]["standing"]["is"], "claimed");
    let identity = serde_json::to_value(identity(&view, &keys)).unwrap();
    assert_eq!(identity["standing"], "registered");
    let seed = hex::encode(SEED);
    for report in [&purses, &told, &identity] {
        assert!(!report.to_string().contains(&seed), "{report}");
    }
}
