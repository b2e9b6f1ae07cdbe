//! Blobs: an entry is taken with exactly those that it names, and nobody fills the store.

use std::time::Duration;

use merits_ledger::entry::{
    ACT_PROPOSED, Act, ActProposed, Entry, PersonStatement, ProposalTerms, PublishedKey,
    ScaleApproved, ScaleProposed, StatementKeyAdopted,
};
use merits_ledger::named_blobs::{self, BLOBS_A_DAY};
use merits_ledger::{Blob, MemoryStore, Refusal, Replay, Submission, SubmitError, verify_together};
use merits_ledger_fixture::{LargeScale, acts};
use merits_primitives::{calendar::Timestamp, ids::ScaleId};
use merits_trapdoor::TrapdoorKey;
use merits_verifier::codec::Canonical as _;
use merits_verifier::entry::SignedEntry;
use rand::{SeedableRng as _, rngs::StdRng};

use crate::founded::Founded;

const SECOND: Duration = Duration::from_secs(1);

/// The last millisecond of the day (UTC).
fn end_of(time: Timestamp) -> Timestamp {
    let day = 86_400_000;
    Timestamp::from_millis((time.as_millis() / day + 1) * day - 1)
}

fn sign(ledger: &Founded, proposed: &ScaleProposed) -> SignedEntry {
    let entry = Entry::ScaleProposed(proposed.clone());
    ledger.federation.sign(&entry, &ledger.federation.issuer)
}

fn submit(ledger: &mut Founded, proposed: &ScaleProposed, blobs: &[Blob]) -> Result<(), Refusal> {
    let bytes = sign(ledger, proposed).to_bytes();
    ledger.time += SECOND;
    match ledger
        .ledger
        .submit_with(&bytes, blobs.to_vec(), ledger.time)
    {
        Ok(_) => Ok(()),
        Err(SubmitError::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("not a refusal: {other}"),
    }
}

/// Expects a refusal with this code, and that nothing changed.
#[track_caller]
fn refused(
    ledger: &mut Founded,
    proposed: &ScaleProposed,
    blobs: &[Blob],
    code: &str,
    field: &str,
) {
    let digest = |ledger: &Founded| ledger.ledger.state().digest().expect("rows in memory");
    let before = (digest(ledger), ledger.ledger.store().leaves().len());
    let refusal = submit(ledger, proposed, blobs).expect_err("it must be refused");
    let found = (refusal.code().as_str(), refusal.field().to_string());
    assert_eq!(found, (code, field.to_owned()), "{refusal}");
    let after = (digest(ledger), ledger.ledger.store().leaves().len());
    assert_eq!(before, after);
}

fn large(ledger: &mut Founded) -> LargeScale {
    let federation = ledger.federation.clone();
    federation.large_scale(&mut ledger.rng)
}

#[test]
fn a_large_key_is_a_blob_and_governs_as_any_other() {
    let mut ledger = Founded::new();
    let LargeScale {
        proposed,
        key,
        blob,
    } = large(&mut ledger);
    assert!(blob.bytes().len() > 8_192);
    submit(&mut ledger, &proposed, std::slice::from_ref(&blob)).expect("taken");
    let stored = ledger.ledger.store().blob(&blob.digest());
    assert_eq!(stored, Some(&blob));
    let leaf = ledger
        .ledger
        .store()
        .leaves()
        .last()
        .expect("a leaf")
        .clone();
    assert_eq!(named_blobs::named_by(&leaf), [blob.digest()]);
    assert!(
        !leaf
            .windows(64)
            .any(|bytes| bytes == &blob.bytes()[1_000..1_064])
    );
    let proposal = sign(&ledger, &proposed).id();
    let approved = ScaleApproved {
        id: proposed.id.clone(),
        version: proposed.version,
        proposal,
    };
    ledger
        .supervise(&acts::approved(approved))
        .expect("approved");
    let state = ledger.ledger.state();
    let (found, _) = state.verifying_key(&key.digest()).expect("its key");
    assert_eq!(found, &key);
}

#[test]
fn an_entry_is_taken_with_exactly_its_blobs() {
    let mut ledger = Founded::new();
    let LargeScale { proposed, blob, .. } = large(&mut ledger);
    let other = large(&mut ledger).blob;
    refused(&mut ledger, &proposed, &[], "blob-missing", "blob");
    let (blob, other) = (std::slice::from_ref(&blob), std::slice::from_ref(&other));
    // Swapped, one too many, twice.
    refused(&mut ledger, &proposed, other, "blob-unexpected", "blob");
    let both = [blob, other].concat();
    refused(&mut ledger, &proposed, &both, "blob-unexpected", "blob");
    let twice = [blob, blob].concat();
    refused(&mut ledger, &proposed, &twice, "blob-unexpected", "blob");
    // Beside an entry that names none.
    let small = ledger.federation.scale(2);
    refused(&mut ledger, &small, blob, "blob-unexpected", "blob");
    assert!(ledger.ledger.store().blob(&blob[0].digest()).is_none());
    submit(&mut ledger, &proposed, blob).expect("taken");
}

/// The digest is in the statement: another one is another entry, which the issuer did not sign.
#[test]
fn the_signature_covers_the_digest() {
    let mut ledger = Founded::new();
    let LargeScale { proposed, blob, .. } = large(&mut ledger);
    let other = large(&mut ledger).blob;
    let mut signed = sign(&ledger, &proposed);
    let mut altered = proposed;
    altered.key = PublishedKey::Blob(other.digest());
    signed.statement = altered.to_bytes();
    let time = ledger.time + SECOND;
    let answer = ledger
        .ledger
        .submit_with(&signed.to_bytes(), vec![other], time);
    let Err(SubmitError::Refused(refusal)) = answer else {
        panic!("not refused: {answer:?}");
    };
    assert_eq!(refusal.code().as_str(), "signature-invalid");
    assert!(ledger.ledger.store().blob(&blob.digest()).is_none());
}

#[test]
fn a_key_has_one_form_and_a_blob_must_be_one() {
    let mut ledger = Founded::new();
    let LargeScale { proposed, key, .. } = large(&mut ledger);
    let small = TrapdoorKey::generate(3, &mut ledger.rng).key;
    for bytes in [small.to_bytes(), b"no key".to_vec(), Vec::new()] {
        let blob = Blob::new(bytes).expect("small");
        let mut proposed = proposed.clone();
        proposed.key = PublishedKey::Blob(blob.digest());
        // Before any state is asked: the writer of a log decodes no key.
        let bytes = sign(&ledger, &proposed).to_bytes();
        let read = Submission::parse(&bytes, &ledger.federation.origin).expect("an entry");
        let refusal = read
            .with_blobs(vec![blob.clone()])
            .expect_err("no large key");
        assert_eq!(refusal.code().as_str(), "malformed", "{refusal}");
        let refusal = submit(&mut ledger, &proposed, &[blob]).expect_err("no large key");
        assert_eq!(refusal.code().as_str(), "malformed", "{refusal}");
    }
    // The same key in the entry.
    let mut here = proposed;
    here.key = PublishedKey::Here(key);
    let what = "input points of a key in the entry";
    refused(&mut ledger, &here, &[], "malformed", what);
}

#[test]
fn a_party_has_a_quota_a_day() {
    let mut ledger = Founded::new();
    let LargeScale { proposed, blob, .. } = large(&mut ledger);
    let blob = std::slice::from_ref(&blob);
    // All name one blob: what is stored is one, and what the party asked for are many.
    let named = |number: u32| {
        let mut proposed = proposed.clone();
        proposed.id = ScaleId::new(&format!("large-{number}")).expect("a name");
        proposed
    };
    ledger.time = end_of(ledger.time) + SECOND;
    for number in 0..BLOBS_A_DAY {
        submit(&mut ledger, &named(number), blob).expect("within the quota");
    }
    refused(&mut ledger, &named(100), blob, "blob-quota", "blob");
    // Another entry of the party goes on, and the next day has a quota of its own.
    let small = ledger.federation.scale(2);
    submit(&mut ledger, &small, &[]).expect("it names no blob");
    ledger.time = end_of(ledger.time) - SECOND;
    refused(&mut ledger, &named(100), blob, "blob-quota", "blob");
    ledger.time += SECOND;
    submit(&mut ledger, &named(100), blob).expect("a new day");
}

/// Reading a key takes milliseconds, so a party that may not publish one is refused before its key is read:
/// these bytes are not a key, and nobody notices.
#[test]
fn a_party_without_the_role_or_without_quota_costs_no_key() {
    let mut ledger = Founded::new();
    let LargeScale { proposed, blob, .. } = large(&mut ledger);
    let no_key = Blob::new(b"no key".to_vec()).expect("small");
    let mut unreadable = proposed.clone();
    unreadable.key = PublishedKey::Blob(no_key.digest());
    let no_key = std::slice::from_ref(&no_key);
    // A distributor is admitted, and its signature holds.
    let entry = Entry::ScaleProposed(unreadable.clone());
    let federation = ledger.federation.clone();
    let foreign = federation.sign(&entry, &federation.distributor);
    let time = ledger.time + SECOND;
    let mut code = |signed: &SignedEntry, blobs: &[Blob]| {
        let answer = ledger
            .ledger
            .submit_with(&signed.to_bytes(), blobs.to_vec(), time);
        match answer {
            Err(SubmitError::Refused(refusal)) => refusal.code().as_str(),
            other => panic!("not refused: {other:?}"),
        }
    };
    assert_eq!(code(&foreign, no_key), "role-missing");
    // The same for a key in the entry, and for bytes that are not a statement.
    let distributor = &federation.distributor;
    for kind in [foreign.kind, ACT_PROPOSED] {
        let statement = b"no statement".to_vec();
        let origin = federation.origin.clone();
        let broken = SignedEntry::sign(
            origin,
            kind,
            distributor.id,
            statement,
            None,
            &distributor.key,
        );
        assert_eq!(code(&broken, &[]), "role-missing");
    }
    // A wrong signature is reported first, and nothing is read for it either.
    let mut unsigned = foreign.clone();
    unsigned.signature[9] ^= 1;
    assert_eq!(code(&unsigned, no_key), "signature-invalid");
    // The issuer's is read.
    let refusal = submit(&mut ledger, &unreadable, no_key).expect_err("no key");
    assert_eq!(refusal.code().as_str(), "malformed", "{refusal}");

    ledger.time = end_of(ledger.time) + SECOND;
    for number in 0..BLOBS_A_DAY {
        let mut proposed = proposed.clone();
        proposed.id = ScaleId::new(&format!("large-{number}")).expect("a name");
        submit(&mut ledger, &proposed, std::slice::from_ref(&blob)).expect("within the quota");
    }
    refused(&mut ledger, &unreadable, no_key, "blob-quota", "blob");
}

/// Whether a key could be forged under is asked with the signatures, which no lock waits for.
#[test]
fn a_refused_key_does_not_reach_the_rules() {
    let ledger = Founded::new();
    let mut proposed = ledger.federation.scale(2);
    let PublishedKey::Here(key) = &mut proposed.key else {
        panic!("a small key is in the entry");
    };
    key.delta = key.gamma;
    let state = ledger.ledger.state();
    let bytes = sign(&ledger, &proposed).to_bytes();
    let submission = Submission::parse(&bytes, state.origin()).expect("an entry");
    let refusal = state.authenticate(submission).expect_err("forgeable");
    assert!(matches!(refusal, Refusal::Key(_)), "{refusal}");
    // With others too.
    let unverified = |proposed: &ScaleProposed| {
        let bytes = sign(&ledger, proposed).to_bytes();
        let submission = Submission::parse(&bytes, state.origin()).expect("an entry");
        state.signatures(submission, None).expect("its issuer's")
    };
    let good = ledger.federation.scale(2);
    let answers = verify_together(vec![unverified(&good), unverified(&proposed)]);
    assert!(answers[0].is_ok());
    assert!(
        matches!(&answers[1], Err(Refusal::Key(_))),
        "{:?}",
        answers[1]
    );
}

/// The key of a statement comes in an act, which is kept until it is enacted: it is checked when it is proposed.
#[test]
fn a_refused_key_is_not_proposed_as_an_act() {
    let ledger = Founded::new();
    let federation = &ledger.federation;
    let mut adopted = federation.statement_key(PersonStatement::Ticket, 1);
    let sign = |adopted: &StatementKeyAdopted, until| {
        let terms = ProposalTerms {
            until,
            ..ProposalTerms::AT_ONCE
        };
        let act = Act::StatementKeyAdopted(adopted.clone());
        let entry = Entry::ActProposed(ActProposed { act, terms });
        federation.sign(&entry, &federation.supervisor).to_bytes()
    };
    let state = ledger.ledger.state();
    let later = ledger.time + Duration::from_secs(86_400);
    let read = |bytes: &[u8]| Submission::parse(bytes, state.origin()).expect("an entry");
    for until in [None, Some(later)] {
        let good = state.authenticate(read(&sign(&adopted, until)));
        assert!(good.is_ok(), "{good:?}");
    }
    adopted.key.delta = adopted.key.gamma;
    for until in [None, Some(later)] {
        let refusal = state.authenticate(read(&sign(&adopted, until)));
        assert!(matches!(refusal, Err(Refusal::Key(_))), "{refusal:?}");
    }
}

#[test]
fn a_replay_needs_the_blobs_and_refuses_others() {
    let mut ledger = Founded::new();
    let LargeScale { proposed, blob, .. } = large(&mut ledger);
    let other = large(&mut ledger).blob;
    submit(&mut ledger, &proposed, std::slice::from_ref(&blob)).expect("taken");
    let store: &MemoryStore = ledger.ledger.store();
    let replay = |give: &[Blob]| {
        let rng = &mut StdRng::seed_from_u64(1);
        let mut replay = Replay::new(ledger.federation.policy());
        for leaf in store.leaves() {
            let named = !named_blobs::named_by(leaf).is_empty();
            let blobs = if named { give.to_vec() } else { Vec::new() };
            replay.push_with(leaf, blobs, rng)?;
        }
        replay.finish(rng)
    };
    let (state, _) = replay(std::slice::from_ref(&blob)).expect("an honest log");
    let digest = ledger.ledger.state().digest().expect("rows in memory");
    assert_eq!(state.digest().expect("rows in memory"), digest);
    let last = store.leaves().len() as u64 - 1;
    for (give, said) in [
        (vec![], "did not come with it"),
        (vec![other.clone()], "which does not name it"),
        (vec![blob.clone(), other], "which does not name it"),
        (vec![blob.clone(), blob], "came twice"),
    ] {
        let error = replay(&give).expect_err("another blob");
        assert_eq!(error.index, last);
        assert!(error.to_string().contains(said), "{error}");
    }
}
