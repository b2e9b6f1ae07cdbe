//! Opening who made a redemption: the same path as for a claim, and no shorter one.

use merits_ledger::state::{OpeningSubject, OpeningVoice};
use merits_primitives::{
    Fr,
    identity::IdentityCommitment,
    ids::{EntryId, PartyId, ScaleId},
};
use merits_sealing::SealingKey;
use merits_supervisor::{
    holder::{OpeningAsk, Refused, SealedPartial},
    request::identity_hash,
    requester::{OpeningFault, combine, combine_redeemer, fewest_holders},
    side::Side,
};

use super::memory_log::{DISTRIBUTOR, Federation, SUPERVISOR};

const SECOND: PartyId = PartyId([11; 32]);

fn person(number: u64) -> IdentityCommitment {
    IdentityCommitment(Fr::from(900 + number))
}

/// Two redemptions of two people, and a batch.
fn federation() -> (Federation, [EntryId; 2], EntryId) {
    let mut fed = Federation::new();
    let redemptions = [1, 2].map(|number| fed.append_redemption(person(number)));
    let batch = fed.append_batch(&[10, 20, 30]);
    (fed, redemptions, batch)
}

fn request(fed: &mut Federation, entry: EntryId, claim: u16) -> OpeningAsk {
    let ask = fed.append_request(entry, claim, SUPERVISOR);
    let logged = fed.log.requests.get_mut(&ask.request).unwrap();
    logged.subject = OpeningSubject::Redeemer;
    ask
}

fn code(answer: &Result<SealedPartial, Refused>) -> &'static str {
    match answer {
        Ok(_) => "answered",
        Err(refused) => refused.code().as_str(),
    }
}

#[test]
fn both_halves_open_who_redeemed_and_nothing_else() {
    let (mut fed, [first, second], _) = federation();
    let ask = request(&mut fed, first, 0);
    assert_eq!(fewest_holders(&fed.log, &first), Ok(Some(2)));
    let answers = fed.ask_both(&ask);
    let (found, faults) = combine_redeemer(&fed.log, &ask, &fed.key, &answers).unwrap();
    assert_eq!((found, faults), (person(1), Vec::new()));
    assert_eq!(fed.witness.journal().answers(), 1);

    let other = request(&mut fed, second, 0);
    let unreadable = Err(OpeningFault::Unreadable {
        side: Side::Supervisor,
        holder: SUPERVISOR,
    });
    // Neither another redemption, nor this one under another request.
    assert_eq!(
        combine_redeemer(&fed.log, &other, &fed.key, &answers),
        unreadable
    );
    let again = request(&mut fed, first, 0);
    assert_eq!(
        combine_redeemer(&fed.log, &again, &fed.key, &answers),
        unreadable
    );
    // The partials of one redemption, under the name of another of the same request.
    let mut moved = ask.clone();
    moved.content.entry = second;
    assert_eq!(
        combine_redeemer(&fed.log, &moved, &fed.key, &answers),
        Err(OpeningFault::BadPartial {
            side: Side::Supervisor,
            holder: SUPERVISOR
        })
    );
    let thief = SealingKey::generate(&mut rand::rng());
    assert_eq!(
        combine_redeemer(&fed.log, &ask, &thief, &answers),
        unreadable
    );
    let answers = fed.ask_both(&other);
    let (found, _) = combine_redeemer(&fed.log, &other, &fed.key, &answers).unwrap();
    assert_eq!(found, person(2));

    let hash = identity_hash(&ask.request, &ask.content, &person(1));
    assert_ne!(hash, identity_hash(&ask.request, &ask.content, &person(2)));
    assert_ne!(
        hash,
        identity_hash(&other.request, &ask.content, &person(1))
    );
    assert_ne!(
        hash,
        identity_hash(&ask.request, &other.content, &person(1))
    );
}

/// What is opened is what the public part of the request says: a claim or a redeemer.
#[test]
fn a_request_of_one_kind_opens_nothing_of_the_other() {
    let (mut fed, [redemption, _], batch) = federation();
    let asks = [
        (request(&mut fed, batch, 0), "not-found"),
        (
            fed.append_request(redemption, 0, SUPERVISOR),
            "batch-unknown",
        ),
        (request(&mut fed, redemption, 1), "not-found"),
        (request(&mut fed, EntryId([9; 32]), 0), "not-found"),
    ];
    for (ask, expected) in asks {
        for side in [Side::Supervisor, Side::Witness] {
            assert_eq!(code(&fed.ask(side, &ask)), expected);
        }
    }
    let misleading = request(&mut fed, redemption, 0);
    let logged = fed.log.requests.get_mut(&misleading.request).unwrap();
    logged.scale = ScaleId::new("reading-day").unwrap();
    assert_eq!(code(&fed.ask(Side::Witness, &misleading)), "other-scale");
    assert!(fed.witness.journal().answers() == 0);

    let ask = request(&mut fed, redemption, 0);
    let answers = fed.ask_both(&ask);
    assert!(matches!(
        combine(&fed.log, &ask, &fed.key, &answers),
        Err(OpeningFault::NoSuchClaim { .. })
    ));
}

#[test]
fn a_redeemer_is_opened_under_the_rules_of_a_claim() {
    let (mut fed, [redemption, _], _) = federation();
    let ask = request(&mut fed, redemption, 0);
    fed.log.requests.get_mut(&ask.request).unwrap().needed = 2;
    fed.log.vouched = merits_supervisor::view::Vouched::AsOf(Some(super::memory_log::NOW));
    assert_eq!(code(&fed.ask(Side::Witness, &ask)), "act-endorsements");
    let seen = ask.content.seen_by(&ask.origin, &ask.request, &SECOND);
    let logged = fed.log.requests.get_mut(&ask.request).unwrap();
    logged.endorsed.push(OpeningVoice {
        member: SECOND,
        number: 1,
        endorses: true,
        seen: Some(seen),
    });
    assert_eq!(code(&fed.ask(Side::Witness, &ask)), "answered");
    fed.log.requests.get_mut(&ask.request).unwrap().result = Some([7; 32]);
    assert_eq!(code(&fed.ask(Side::Witness, &ask)), "request-completed");

    let mut altered = request(&mut fed, redemption, 0);
    altered.content.basis = "curiosity".to_owned();
    assert_eq!(code(&fed.ask(Side::Witness, &altered)), "request-mismatch");
    let ask = fed.append_request(redemption, 0, DISTRIBUTOR);
    fed.log.requests.get_mut(&ask.request).unwrap().subject = OpeningSubject::Redeemer;
    assert_eq!(code(&fed.ask(Side::Witness, &ask)), "not-a-supervisor");
}

#[test]
fn one_half_alone_opens_nobody() {
    let (mut fed, [redemption, _], _) = federation();
    let ask = request(&mut fed, redemption, 0);
    let own = fed.ask(Side::Supervisor, &ask).unwrap();
    assert_eq!(
        combine_redeemer(&fed.log, &ask, &fed.key, &[own]),
        Err(OpeningFault::Missing(Side::Witness))
    );
}
