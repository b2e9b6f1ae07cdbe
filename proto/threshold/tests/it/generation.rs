//! Honest key generations.

use merits_primitives::{
    jubjub::{Point, Scalar},
    threshold::lagrange_at_zero,
};
use merits_threshold::{
    ceremony::SharedKey,
    message::Round,
    quorum::{QuorumFault, QuorumKey},
    standing::{Standing, standing},
};
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use crate::federation::Federation;

/// The secret of a key from these holders' shares.
fn secret(federation: &Federation, key: SharedKey, places: &[usize]) -> Scalar {
    let shares = federation.shares();
    let at: Vec<_> = places
        .iter()
        .map(|place| {
            federation
                .ceremony
                .identifier(key, &federation.party(*place))
        })
        .collect();
    let coefficients = lagrange_at_zero(&at).expect("distinct");
    places
        .iter()
        .zip(coefficients)
        .map(|(place, coefficient)| coefficient * **shares[*place][key as usize].value())
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn all_come_to_one_key_which_any_t_of_them_hold(
        needed in 2u16..=4,
        more in 0u8..=3,
        seed: u64,
    ) {
        let holders = needed as u8 + more;
        let mut federation = Federation::new(needed, holders, seed);
        let outcome = federation.play_honestly();
        let rng = &mut StdRng::seed_from_u64(seed);
        let mut places: Vec<usize> = (0..usize::from(holders)).collect();
        for key in SharedKey::BOTH {
            let quorum = outcome.of(key);
            prop_assert_eq!(quorum.threshold().needed(), needed);
            prop_assert_eq!(quorum.holders().len(), usize::from(holders));
            // What was published is what whoever is handed the parts accepts.
            let parts = (quorum.threshold(), quorum.key(), quorum.holders().to_vec());
            let again = QuorumKey::new(parts.0, parts.1, parts.2.clone());
            prop_assert_eq!(again.as_ref(), Ok(quorum));
            let mut exchanged = parts.2;
            let share = exchanged[0].share;
            exchanged[0].share = exchanged[1].share;
            exchanged[1].share = share;
            prop_assert_eq!(
                QuorumKey::new(parts.0, parts.1, exchanged),
                Err(QuorumFault::Strange(needed))
            );
            places.shuffle(rng);
            let some = &places[..usize::from(needed)];
            let value = secret(&federation, key, some);
            prop_assert_eq!(Point::mul_base(&value), Some(quorum.key()));
            let fewer = secret(&federation, key, &some[1..]);
            prop_assert_ne!(Point::mul_base(&fewer), Some(quorum.key()));
        }
        for shares in federation.shares() {
            prop_assert!(shares[0].belongs_to(&outcome.claim));
            prop_assert!(shares[1].belongs_to(&outcome.total));
            prop_assert!(!shares[0].belongs_to(&outcome.total));
        }
        prop_assert_ne!(outcome.claim.key(), outcome.total.key());
        // An onlooker without any secret comes to the same.
        prop_assert_eq!(
            standing(&federation.ceremony, &federation.board),
            Standing::Done(Box::new(outcome))
        );
    }
}

#[test]
fn sixteen_holders_make_a_key() {
    let mut federation = Federation::new(9, 16, 16);
    let outcome = federation.play_honestly();
    let places: Vec<usize> = (3..12).collect();
    let value = secret(&federation, SharedKey::Claim, &places);
    assert_eq!(Point::mul_base(&value), Some(outcome.claim.key()));
}

#[test]
fn every_attempt_gives_another_key() {
    let one = Federation::new(2, 3, 4).play_honestly();
    let again = Federation::new(2, 3, 4).play_honestly();
    assert_eq!(one, again, "all randomness comes from the seeds");
    let next = Federation::attempt(2, 3, 4, 2).play_honestly();
    assert_ne!(one.claim.key(), next.claim.key());
}

#[test]
fn nobody_shows_a_package_before_every_hash_is_there() {
    let mut federation = Federation::new(2, 3, 5);
    let keep = |federation: &mut Federation, place| {
        federation.turn(place, &mut |_, bytes| Some(bytes));
    };
    keep(&mut federation, 0);
    keep(&mut federation, 1);
    keep(&mut federation, 0);
    let packages = |federation: &Federation| {
        let slots = federation.board.keys();
        slots.filter(|slot| slot.round == Round::Package).count()
    };
    assert_eq!(packages(&federation), 0);
    let waiting = standing(&federation.ceremony, &federation.board);
    let missing = vec![federation.party(2)];
    let round = Round::Hash;
    assert_eq!(waiting, Standing::Waiting { round, missing });
    keep(&mut federation, 2);
    keep(&mut federation, 0);
    assert!(packages(&federation) > 0);
}
