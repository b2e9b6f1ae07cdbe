//! Founding, admission, roles, suspension, key rotation.

use std::time::Duration;

use crate::founded::Founded;
use ed25519_dalek::SigningKey;
use merits_ledger::Role;
use merits_ledger::entry::{Entry, KeySucceeded, KeysRotated, MAX_GRACE, StandingChange};
use merits_ledger_fixture::{Member, acts};

fn standing(party: &Member, sequence: u32) -> StandingChange {
    StandingChange {
        party: party.id,
        sequence,
        basis: "decision 7\nof today".to_owned(),
    }
}

#[test]
fn only_the_configured_authority_founds_a_ledger() {
    let mut ledger = Founded::empty();
    let federation = ledger.federation.clone();
    let stranger = Member::new(&federation.origin, "stranger", &[Role::Supervisor], 77);
    let admitted = Entry::PartyAdmitted(stranger.application(&federation.origin));
    ledger.refused(&federation.sign(&admitted, &stranger), "not-founded", "");
    // The authority cannot begin with another party either.
    ledger.refused(
        &federation.sign(&admitted, &federation.supervisor),
        "not-founded",
        "",
    );
    let suspended = acts::suspended(standing(&stranger, 1));
    ledger.refused(
        &federation.sign(&suspended, &federation.supervisor),
        "party-unknown",
        "party",
    );
    let own = Entry::PartyAdmitted(federation.supervisor.application(&federation.origin));
    assert!(ledger.supervise(&own).is_ok());
}

#[test]
fn only_a_supervisor_admits_and_only_with_consent() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let newcomer = Member::new(&federation.origin, "newcomer", &[Role::Sponsor], 60);
    let application = newcomer.application(&federation.origin);
    let admitted = acts::admitted(application.clone());
    ledger.refused(
        &federation.sign(&admitted, &federation.issuer),
        "role-missing",
        "",
    );
    ledger.refused(
        &federation.sign(&admitted, &newcomer),
        "party-unknown",
        "party",
    );
    // Roles that the party did not ask for void its consent.
    let mut altered = application;
    altered.roles = merits_ledger::Roles::new(&[Role::Sponsor, Role::Clearing]);
    let altered = federation.sign(&acts::admitted(altered), &federation.supervisor);
    ledger.refused(&altered, "possession-invalid", "consent");
    assert!(ledger.supervise(&admitted).is_ok());
}

#[test]
fn names_keys_and_roles_are_checked() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let admit = |member: &Member| {
        let entry = acts::admitted(member.application(&federation.origin));
        federation.sign(&entry, &federation.supervisor)
    };
    let member = |name, roles: &[Role], seed| Member::new(&federation.origin, name, roles, seed);
    ledger.refused(&admit(&member("nobody", &[], 61)), "roles-empty", "roles");
    let both = member("both", &[Role::Supervisor, Role::Distributor], 61);
    ledger.refused(&admit(&both), "role-conflict", "roles");
    let halves = member("halves", &[Role::Supervisor, Role::Witness], 61);
    ledger.refused(&admit(&halves), "role-conflict", "roles");
    ledger.refused(
        &admit(&member("source", &[Role::Sponsor], 61)),
        "name-taken",
        "",
    );
    ledger.refused(
        &admit(&member("other", &[Role::Sponsor], 4)),
        "key-taken",
        "",
    );
}

#[test]
fn a_suspended_party_has_no_voice_until_reinstated() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let distributor = &federation.distributor;
    let suspend = |sequence| acts::suspended(standing(distributor, sequence));
    let reinstate = |sequence| acts::reinstated(standing(distributor, sequence));

    let early = ledger.earn(1);
    ledger.refused(
        &federation.sign(&suspend(2), &federation.supervisor),
        "out-of-sequence",
        "sequence",
    );
    ledger.supervise(&suspend(1)).expect("suspended");
    ledger.refused(&early, "party-suspended", "party");
    ledger.refused(
        &federation.sign(&suspend(2), &federation.supervisor),
        "standing-unchanged",
        "",
    );
    ledger.supervise(&reinstate(2)).expect("reinstated");
    assert!(ledger.submit(&early).is_ok());
    // The first suspension again is an old entry, not a new suspension.
    let again = ledger.supervise(&suspend(1)).expect("the old place");
    assert!(again.already_present);
    assert!(
        ledger
            .ledger
            .state()
            .parties()
            .active(&distributor.id)
            .is_ok()
    );
}

#[test]
fn a_suspended_source_vouches_for_nothing() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let batch = ledger.earn(1);
    let suspend = acts::suspended(standing(&federation.source, 1));
    ledger.supervise(&suspend).expect("suspended");
    ledger.refused(&batch, "party-suspended", "party");
}

#[test]
fn the_last_supervisor_stays() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let suspend = acts::suspended(standing(&federation.supervisor, 1));
    ledger.refused(
        &federation.sign(&suspend, &federation.supervisor),
        "last-supervisor",
        "",
    );
}

#[test]
fn keys_rotate_once_each_and_old_ones_are_dead() {
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let mut source = federation.source.clone();
    let new_key = SigningKey::from_bytes(&[90; 32]);
    let rotation = |generation, key: &SigningKey| {
        Entry::KeysRotated(KeysRotated::new(
            &federation.origin,
            &federation.source.id,
            generation,
            key,
            [5; 32],
        ))
    };
    let unsigned_source = ledger.earn(1);
    ledger.refused(
        &federation.sign(&rotation(2, &new_key), &source),
        "out-of-sequence",
        "generation",
    );
    // A rotation that another party copied proves nothing about its own keys.
    ledger.refused(
        &federation.sign(&rotation(1, &new_key), &federation.issuer),
        "possession-invalid",
        "possession",
    );
    ledger
        .act(&source, &rotation(1, &new_key))
        .expect("rotated");
    // Commitments signed with the old key are no longer the source's.
    ledger.refused(
        &unsigned_source,
        "source-signature-invalid",
        "claims[0].source_signature",
    );
    let back = rotation(2, &federation.source.key);
    ledger.refused(
        &federation.sign(&back, &source),
        "signature-invalid",
        "signature",
    );
    source.key = new_key;
    ledger.refused(&federation.sign(&back, &source), "key-taken", "");
}

/// Nothing that a party signed shortly before is lost, and the old key takes nothing over.
#[test]
fn a_key_that_was_succeeded_signs_until_its_grace_is_over() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let (old, new) = (&federation.source, SigningKey::from_bytes(&[90; 32]));
    let succession = |generation, key: &SigningKey, grace| {
        let (origin, id) = (&federation.origin, &federation.source.id);
        Entry::KeySucceeded(KeySucceeded::new(origin, id, generation, key, grace))
    };
    let mut present = old.clone();
    present.key = new.clone();
    // Signed before, by the old key: two batches.
    let (soon, late) = (ledger.earn(1), ledger.earn(1));
    ledger.refused(
        &federation.sign(&succession(2, &new, HOUR), old),
        "out-of-sequence",
        "generation",
    );
    ledger.refused(
        &federation.sign(&succession(1, &new, HOUR), &federation.issuer),
        "possession-invalid",
        "possession",
    );
    // Nobody else lengthens the grace.
    let Entry::KeySucceeded(mut longer) = succession(1, &new, HOUR) else {
        unreachable!()
    };
    longer.grace_s += 1;
    ledger.refused(
        &federation.sign(&Entry::KeySucceeded(longer), old),
        "possession-invalid",
        "possession",
    );
    ledger
        .act(old, &succession(1, &new, HOUR))
        .expect("succeeded");
    let at = ledger.time;
    // The old key signs no other change of keys: whoever stole it takes nothing over.
    let other = SigningKey::from_bytes(&[91; 32]);
    ledger.refused(
        &federation.sign(&succession(2, &other, HOUR), old),
        "signature-invalid",
        "signature",
    );
    let rotation = Entry::KeysRotated(KeysRotated::new(
        &federation.origin,
        &federation.source.id,
        2,
        &other,
        [5; 32],
    ));
    ledger.refused(
        &federation.sign(&rotation, old),
        "signature-invalid",
        "signature",
    );
    // Commitments of both keys are the source's.
    ledger.submit(&soon).expect("signed with the old key");
    ledger.federation.source.key = new.clone();
    let fresh = ledger.earn(1);
    ledger.submit(&fresh).expect("signed with the new key");
    // Until the last second.
    let end = at + HOUR;
    ledger.time = end;
    ledger.refused_at(&late, end, "key-rotated", "signature");
    ledger
        .act(&present, &succession(2, &other, Duration::ZERO))
        .expect("the present key ends at once");
    let last = ledger.earn(1);
    ledger.refused(
        &last,
        "source-signature-invalid",
        "claims[0].source_signature",
    );
}

/// A party was told how long its old key signs. Only an entry that ends all earlier keys takes that back.
#[test]
fn a_key_in_its_grace_is_cut_off_on_purpose_only() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let mut ledger = Founded::new();
    let federation = ledger.federation.clone();
    let [first, second, third, fourth] = [0, 90, 91, 92].map(|seed| {
        let mut member = federation.source.clone();
        if seed > 0 {
            member.key = SigningKey::from_bytes(&[seed; 32]);
        }
        member
    });
    let succession = |generation, to: &Member, grace| {
        let (origin, id) = (&federation.origin, &federation.source.id);
        Entry::KeySucceeded(KeySucceeded::new(origin, id, generation, &to.key, grace))
    };
    let keys = |ledger: &Founded, time| {
        let parties = ledger.ledger.state().parties();
        let party = parties.get(&federation.source.id).expect("admitted");
        party.keys(time).count()
    };
    let waiting = ledger.earn(1);
    ledger.act(&first, &succession(1, &second, HOUR)).unwrap();
    let at = ledger.time;
    // Neither with a shorter grace nor with a longer one.
    for grace in [Duration::from_secs(1), HOUR, MAX_GRACE] {
        let entry = federation.sign(&succession(2, &third, grace), &second);
        ledger.refused(&entry, "key-in-grace", "grace");
    }
    assert_eq!(keys(&ledger, at), 2);
    ledger.submit(&waiting).expect("the first key signs still");
    // Once its time is over, the next one gets its own.
    ledger.time = at + HOUR;
    ledger.act(&second, &succession(2, &third, HOUR)).unwrap();
    let now = ledger.time;
    assert_eq!(keys(&ledger, now), 2);
    // After a theft, everything earlier ends.
    ledger
        .act(&third, &succession(3, &fourth, Duration::ZERO))
        .expect("always possible");
    assert_eq!(keys(&ledger, ledger.time), 1);
}

#[test]
fn no_grace_is_longer_than_a_week() {
    let ledger = Founded::new();
    let federation = ledger.federation.clone();
    let key = SigningKey::from_bytes(&[90; 32]);
    let (origin, id) = (&federation.origin, &federation.source.id);
    let cut = KeySucceeded::new(origin, id, 1, &key, MAX_GRACE * 2);
    assert_eq!(cut.grace(), MAX_GRACE);
    let mut longer = cut;
    longer.grace_s += 1;
    let entry = Entry::KeySucceeded(longer);
    let read = Entry::decode(entry.kind(), &entry.statement()).expect("a kind");
    assert!(read.is_err(), "{read:?}");
}
