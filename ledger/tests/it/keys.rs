//! Prepared keys: kept, bounded, and prepared outside of any lock.

use merits_ledger::{Groth16Keys, MemoryStore, Refusal, Sequencer, State, Submission};
use merits_ledger_fixture::{Federation, START};
use merits_trapdoor::TrapdoorKey;
use merits_verifier::codec::Canonical as _;
use merits_verifier::groth16::{KeyError, KeyPolicy, PreparedKey, Provenance};
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
    let ring = Groth16Keys::holding(2);
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

/// Every point of a key is read only where the policy takes keys of its provenance.
#[test]
fn the_provenance_is_asked_before_the_key_is_checked() {
    for allow_dev_keys in [false, true] {
        let rng = &mut StdRng::seed_from_u64(11);
        let mut federation = Federation::generate(rng).unwrap();
        // Anybody could forge under it.
        federation.trapdoor.key.delta = federation.trapdoor.key.gamma;
        let mut policy = federation.policy();
        policy.keys = KeyPolicy { allow_dev_keys };
        let store = MemoryStore::new();
        let mut ledger = Sequencer::new(State::new(policy), store, federation.signer());
        let entries = federation.founding_entries(rng);
        let refused = entries
            .iter()
            .find(|entry| ledger.submit(&entry.to_bytes(), START).is_err())
            .expect("the proposal with the key");
        let submission = Submission::from_signed(refused.clone(), &federation.origin).unwrap();
        let refusal = ledger.state().authenticate(submission).unwrap_err();
        let expected = if allow_dev_keys {
            KeyError::DeltaIsGamma
        } else {
            KeyError::DevKey
        };
        assert!(
            matches!(&refusal, Refusal::Key(error) if *error == expected),
            "{refusal}"
        );
    }
}
