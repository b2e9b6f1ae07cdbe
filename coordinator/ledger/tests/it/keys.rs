//! Prepared keys: kept, bounded, and prepared outside of any lock.

use merits_ledger::KeyRing;
use merits_trapdoor::TrapdoorKey;
use merits_verifier::groth16::{KeyPolicy, PreparedKey, Provenance};
use rand::{SeedableRng as _, rngs::StdRng};

fn prepared(seed: u64) -> PreparedKey {
    let key = TrapdoorKey::generate(2, &mut StdRng::seed_from_u64(seed)).key;
    let policy = KeyPolicy {
        allow_dev_keys: true,
    };
    PreparedKey::new(key, Provenance::InsecureDev, policy).unwrap()
}

#[test]
fn the_key_that_was_not_used_longest_makes_room() {
    let ring = KeyRing::holding(2);
    let digests: Vec<_> = (0..2)
        .map(|seed| ring.keep(prepared(seed)).digest())
        .collect();
    assert!(ring.find(&digests[0]).is_some());
    let third = ring.keep(prepared(2)).digest();
    assert!(ring.find(&digests[0]).is_some(), "it was used since");
    assert!(ring.find(&digests[1]).is_none());
    assert!(ring.find(&third).is_some());
    // A clone is the same ring, and a key that came twice is one.
    let clone = ring.clone();
    let again = clone.keep(prepared(0));
    assert!(std::sync::Arc::ptr_eq(
        &again,
        &ring.find(&digests[0]).unwrap()
    ));
}
