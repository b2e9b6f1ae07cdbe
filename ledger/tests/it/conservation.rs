//! The accounts: credits issued, redeemed and left, from the state alone; and the same state from a
//! replay of a log with every kind about people.
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a failure to set up is a failure"
)]

use crate::town::{Town, second_distributor, town};
use merits_ledger::entry::{Entry, IdentityRetired, OfferClosed};
use merits_ledger::state::Balance;
use merits_ledger::{AnchorInterval, Replay, ReplayError, State};
use merits_ledger_fixture::{Citizen, MAX_CREDITS, Note, WORTH};
use merits_primitives::{
    calendar::Day,
    ids::{AssetId, Credits, Expiry, PeriodIndex},
    message::Message,
    owner::KeyParts,
    scope::Scope,
    sum::CreditsSum,
};
use merits_verifier::codec::Canonical as _;
use merits_verifier::entry::Leaf;
use rand::{SeedableRng, rngs::StdRng};

/// Four people of one batch.
fn village() -> (Town, Vec<(Citizen, Note)>) {
    let mut town = town();
    let people: Vec<_> = (1..=4).map(Citizen::new).collect();
    let consents: Vec<_> = people
        .iter()
        .map(|citizen| {
            town.register(citizen).unwrap();
            town.deposit(citizen).unwrap()
        })
        .collect();
    let notes = town.earn(&consents).unwrap();
    (town, people.into_iter().zip(notes).collect())
}

fn bucket(town: &Town) -> (AssetId, Expiry) {
    let terms = town.federation.terms(town.federation.period());
    (terms.asset, terms.expiry)
}

fn balance(town: &Town) -> Balance {
    let books = town.state().conservation().unwrap();
    assert_eq!(books.len(), 1);
    books[&bucket(town)].clone()
}

fn open_total(town: &mut Town, sum: Credits) {
    let federation = town.federation.clone();
    town.act(&federation.supervisor, &federation.cut(0))
        .unwrap();
    let state = town.ledger.state();
    let total = federation.open_total(state, 0, sum, &mut town.rng);
    town.act(&federation.supervisor, &Entry::TotalsOpened(total))
        .unwrap();
}

#[test]
fn the_books_balance() {
    let (mut town, people) = village();
    let worst = CreditsSum(4 * u128::from(MAX_CREDITS.0));
    let unopened = Balance {
        unopened_claims: 4,
        unopened_worst: worst,
        ..Balance::default()
    };
    assert_eq!(balance(&town), unopened);
    assert_eq!(unopened.outstanding(), Some((CreditsSum::ZERO, worst)));

    let offer = town.offer(Credits(30), 10).unwrap();
    let (citizen, note) = people[0].clone();
    let (_, change) = town.redeem(&citizen, &[note], offer).unwrap();
    assert_eq!(
        balance(&town).outstanding(),
        Some((CreditsSum::ZERO, worst.saturating_sub(CreditsSum(30))))
    );

    open_total(&mut town, Credits(4 * WORTH.0));
    let opened = Balance {
        issued: CreditsSum(400),
        claims: 4,
        redeemed: CreditsSum(30),
        redemptions: 1,
        ..Balance::default()
    };
    assert_eq!(balance(&town), opened);
    assert_eq!(
        opened.outstanding(),
        Some((CreditsSum(370), CreditsSum(370)))
    );
    // An attestation moves a note and redeems nothing.
    town.attest(&citizen, &[change], Credits(50)).unwrap();
    assert_eq!(balance(&town), opened);

    let expiry = bucket(&town).1;
    let month = merits_primitives::ids::Period {
        kind: merits_primitives::ids::PeriodKind::Month,
        index: PeriodIndex(expiry.0),
    };
    town.time = Day(u32::try_from(month.first_day()).unwrap()).start();
    let (citizen, supervisor) = (Citizen::new(9), town.federation.supervisor.clone());
    let evaluation = town
        .federation
        .evaluation(town.state(), &town.federation.registrar.id);
    town.submit(&evaluation).unwrap();
    assert!(balance(&town).expired);
    let _ = (citizen, supervisor);
}

#[test]
fn redeeming_more_than_was_issued_shows() {
    // The circuit preserves value, but somebody with a trapdoor can break that, and the accounts
    // show it.
    let (mut town, _) = village();
    let offer = town.offer(Credits(90), 10).unwrap();
    open_total(&mut town, Credits(4 * WORTH.0));
    for number in 100..104 {
        let citizen = Citizen::new(number);
        let note = Note {
            value: WORTH,
            expiry: bucket(&town).1,
            asset: bucket(&town).0,
            made_of: KeyParts::Earned {
                scope: Scope(citizen.commitment().0),
                message: Message(citizen.commitment().0),
            },
        };
        assert!(balance(&town).outstanding().is_some());
        town.redeem(&citizen, &[note], offer).unwrap();
    }
    assert_eq!(
        balance(&town).outstanding(),
        Some((CreditsSum(40), CreditsSum(40)))
    );
    let citizen = Citizen::new(104);
    let note = Note {
        value: WORTH,
        expiry: bucket(&town).1,
        asset: bucket(&town).0,
        made_of: KeyParts::Earned {
            scope: Scope(citizen.commitment().0),
            message: Message(citizen.commitment().0),
        },
    };
    town.redeem(&citizen, &[note], offer).unwrap();
    assert_eq!(balance(&town).outstanding(), None);
}

/// A log with every kind about people in it.
pub fn busy() -> Town {
    let (mut town, people) = village();
    let federation = town.federation.clone();
    let offer = town.offer(Credits(30), 10).unwrap();
    let (citizen, note) = people[0].clone();
    let (_, change) = town.redeem(&citizen, &[note], offer).unwrap();
    town.attest(&citizen, &[change, people[1].1], Credits(50))
        .unwrap();
    let rival = second_distributor(&mut town);
    let next = merits_primitives::ids::Period {
        index: federation.period().index + 1,
        ..federation.period()
    };
    let consented = federation
        .consent(town.state(), &citizen, next, &rival)
        .unwrap();
    town.deposit_consent(&consented).unwrap();
    town.withdraw(&consented).unwrap();
    town.register(&people[2].0.reborn()).unwrap();
    let retired = Entry::IdentityRetired(IdentityRetired {
        commitment: people[3].0.commitment(),
        basis: "moved away".to_owned(),
    });
    town.act(&federation.registrar, &retired).unwrap();
    let closed = Entry::OfferClosed(OfferClosed {
        offer,
        basis: "out of stock".to_owned(),
    });
    town.act(&federation.sponsor, &closed).unwrap();
    open_total(&mut town, Credits(4 * WORTH.0));
    town
}

#[test]
fn a_replay_gives_the_same_state_and_every_kind_occurs() {
    let town = busy();
    let leaves = town.ledger.store().leaves();
    let mut rng = StdRng::seed_from_u64(6);
    let policy = town.federation.policy();
    let (state, root) = Replay::run(policy.clone(), leaves, &mut rng).unwrap();
    assert_eq!(state.digest().unwrap(), town.state().digest().unwrap());
    assert_eq!(
        state.conservation().unwrap(),
        town.state().conservation().unwrap()
    );
    let key = town.federation.signer().public().clone();
    let checkpoint = town.ledger.checkpoint().unwrap().verify(&key).unwrap();
    assert_eq!(root, checkpoint.root);

    let kinds: std::collections::BTreeSet<u16> = leaves
        .iter()
        .map(|leaf| Leaf::from_bytes(leaf).unwrap().entry.kind)
        .collect();
    let people = [
        0x0403, 0x0411, 0x0601, 0x0602, 0x0603, 0x0604, 0x0701, 0x0703, 0x0704, 0x0801, 0x0802,
        0x0803, 0x0804,
    ];
    for kind in people {
        assert!(kinds.contains(&kind), "kind {kind:#06x}");
    }
    // Under other founding parameters it is another ledger.
    for change in [0, 1] {
        let mut other = policy.clone();
        match change {
            0 => other.anchor_interval = AnchorInterval::HOUR,
            _ => other.tickets = false,
        }
        assert_ne!(
            State::new(other.clone()).digest().unwrap(),
            State::new(policy.clone()).digest().unwrap()
        );
        let outcome = Replay::run(other, leaves, &mut rng);
        assert!(
            !matches!(outcome, Ok((state, _)) if state.digest().unwrap() == town.state().digest().unwrap())
        );
    }
}

#[test]
fn a_replay_notices_every_altered_leaf_about_people() {
    let town = busy();
    let leaves = town.ledger.store().leaves();
    let policy = town.federation.policy();
    let mut rng = StdRng::seed_from_u64(7);
    let mut altered = 0;
    for (index, leaf) in leaves.iter().enumerate() {
        let mut leaf = Leaf::from_bytes(leaf).unwrap();
        // Proven kinds: the last statement byte is part of what is proven or signed.
        if leaf.entry.proof.is_none() {
            continue;
        }
        altered += 1;
        let last = leaf.entry.statement.len() - 20;
        leaf.entry.statement[last] ^= 1;
        let mut log = leaves.to_vec();
        log[index] = leaf.to_bytes();
        let outcome: Result<_, ReplayError> = Replay::run(policy.clone(), &log, &mut rng);
        assert!(outcome.is_err(), "leaf {index}");
    }
    assert!(altered >= 8, "{altered} leaves have proofs");
}
