//! What t holders compute together, and what fewer or wrong ones do not.

use merits_primitives::{
    dleq::Context,
    ids::PartyId,
    jubjub::{Point, random_scalar},
};
use merits_threshold::quorum::{CombineFault, Partial, PartialFault, QuorumKey, SecretShare};
use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use zeroize::Zeroizing;

use crate::federation::Federation;

fn context(request: &str) -> impl Fn(&PartyId) -> Context {
    move |holder| Context::new("test", &[request.as_bytes(), &holder.0])
}

fn partials(shares: &[[SecretShare; 2]], key: usize, base: &Point, request: &str) -> Vec<Partial> {
    shares
        .iter()
        .map(|share| {
            let share = &share[key];
            share.partial(base, &context(request)(&share.holder()), &mut rand::rng())
        })
        .collect()
}

/// secret · base, by somebody who knows the ephemeral e with base = e·B8: e·key.
fn expected(rng: &mut StdRng, key: &QuorumKey) -> (Point, Point) {
    let ephemeral = random_scalar(rng);
    let base = Point::mul_base(&ephemeral).expect("not zero");
    (base, key.key().mul(&ephemeral).expect("not zero"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn any_t_open_and_fewer_open_nothing(needed in 2u16..=4, more in 0u8..=3, seed: u64) {
        let mut federation = Federation::new(needed, needed as u8 + more, seed);
        let outcome = federation.play_honestly();
        let shares = federation.shares();
        let rng = &mut StdRng::seed_from_u64(seed);
        for (place, key) in [&outcome.claim, &outcome.total].into_iter().enumerate() {
            let (base, image) = expected(rng, key);
            let mut all = partials(&shares, place, &base, "one");
            all.shuffle(rng);
            let least = usize::from(needed);
            for number in least..=all.len() {
                let combined = key.combine(&base, &all[..number], context("one"));
                let combined = combined.expect("enough");
                prop_assert_eq!(combined.image, image);
                prop_assert_eq!(&combined.used, &all[..least]);
                prop_assert!(combined.wrong.is_empty());
            }
            // One holder's answer counts once, however often it is there.
            let mut repeated = all[..least - 1].to_vec();
            repeated.push(all[0]);
            repeated.push(all[0]);
            for few in [&all[..least - 1], repeated.as_slice(), &[]] {
                let refused = key.combine(&base, few, context("one"));
                let right = few.len().min(least - 1);
                let wrong = Vec::new();
                prop_assert_eq!(refused, Err(CombineFault::TooFew { needed, right, wrong }));
            }
        }
    }
}

#[test]
fn a_wrong_partial_is_named_and_stops_nobody_else() {
    let mut federation = Federation::new(3, 5, 7);
    let outcome = federation.play_honestly();
    let shares = federation.shares();
    let rng = &mut StdRng::seed_from_u64(7);
    let (base, image) = expected(rng, &outcome.claim);
    let right = partials(&shares, 0, &base, "one");
    let (other_base, _) = expected(rng, &outcome.claim);
    let liar = right[1].holder;
    let own_secret = SecretShare::new(liar, Zeroizing::new(random_scalar(rng))).expect("not zero");
    let wrong = [
        // Another secret, with a proof that holds for it.
        own_secret.partial(&base, &context("one")(&liar), rng),
        // The share of the other key.
        shares[1][1].partial(&base, &context("one")(&liar), rng),
        // Another point.
        shares[1][0].partial(&other_base, &context("one")(&liar), rng),
        // Another request.
        shares[1][0].partial(&base, &context("two")(&liar), rng),
        // Another holder's answer in this one's name.
        Partial {
            holder: liar,
            ..right[2]
        },
        // A right proof beside another point.
        Partial {
            image: right[2].image,
            ..right[1]
        },
    ];
    for (case, wrong) in wrong.into_iter().enumerate() {
        let mut answers = right.clone();
        answers[1] = wrong;
        let named = vec![PartialFault::Wrong(liar)];
        let combined = outcome
            .claim
            .combine(&base, &answers, context("one"))
            .expect("four right ones");
        assert_eq!(combined.image, image, "{case}");
        assert_eq!(combined.used, [right[0], right[2], right[3]], "{case}");
        assert_eq!(combined.wrong, named, "{case}");
        let refused = outcome
            .claim
            .combine(&base, &answers[..3], context("one"))
            .expect_err("two right ones");
        let few = CombineFault::TooFew {
            needed: 3,
            right: 2,
            wrong: named,
        };
        assert_eq!(refused, few, "{case}");
        assert!(refused.to_string().contains(&liar.to_string()), "{refused}");
    }
    let stranger = Partial {
        holder: PartyId([99; 32]),
        ..right[0]
    };
    assert_eq!(
        outcome
            .claim
            .check(&base, &stranger, &context("one")(&stranger.holder)),
        Err(PartialFault::Stranger(stranger.holder))
    );
}

#[test]
fn one_holder_with_the_whole_half_is_the_smallest_quorum() {
    let rng = &mut StdRng::seed_from_u64(8);
    let holder = PartyId([1; 32]);
    let share = SecretShare::new(holder, Zeroizing::new(random_scalar(rng))).expect("not zero");
    let key = QuorumKey::sole(holder, share.public());
    assert!(key.threshold().is_sole());
    assert!(share.belongs_to(&key));
    let (base, image) = expected(rng, &key);
    let partial = share.partial(&base, &context("one")(&holder), rng);
    let combined = key.combine(&base, &[partial], context("one"));
    assert_eq!(combined.expect("one of one").image, image);
    assert!(SecretShare::new(holder, Zeroizing::new(0u64.into())).is_none());
}
