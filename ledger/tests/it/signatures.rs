//! Many signatures verified together give the same results as one by one.

use merits_ledger::{Refusal, Submission, Unverified, entry::EarnBatch, verify_together};
use merits_ledger_fixture::Federation;
use merits_verifier::{codec::Canonical as _, entry::SignedEntry};

use crate::founded::Founded;

/// Good batches, and among them a bad signature of the party, of the source, of both, and an unknown source.
#[test]
fn a_bad_signature_is_named_and_does_not_sink_the_others() {
    let mut ledger = Founded::new();
    let mut entries: Vec<SignedEntry> = (0..9).map(|_| ledger.earn(3)).collect();
    let bad_source = |_: &Federation, batch: &mut EarnBatch| {
        batch.claims[2].source_signature[7] ^= 1;
    };
    entries[1] = ledger.changed_batch(3, bad_source);
    entries[4].signature[3] ^= 1;
    entries[5] = ledger.changed_batch(3, bad_source);
    entries[5].signature[3] ^= 1;
    entries[8] = ledger.changed_batch(2, |federation, batch| batch.source = federation.issuer.id);
    let state = ledger.ledger.state();
    let unverified = |entry: &SignedEntry, known| -> Unverified {
        let bytes = entry.to_bytes();
        let submission = Submission::parse(&bytes, state.origin()).expect("well formed");
        state.signatures(submission, known).expect("to be verified")
    };
    let one_by_one: Vec<Option<Refusal>> = entries
        .iter()
        .map(|entry| unverified(entry, None).verify().err())
        .collect();
    let refused = |position: usize| one_by_one[position].as_ref().map(Refusal::code);
    for (position, code) in [
        (1, "source-signature-invalid"),
        (4, "signature-invalid"),
        (5, "signature-invalid"),
        (8, "source-unknown"),
    ] {
        let found = refused(position).expect("refused").to_string();
        assert_eq!(found, code, "{position}");
    }
    assert_eq!(one_by_one.iter().flatten().count(), 4);
    // Together with any others.
    for (from, until) in [(0, 9), (0, 1), (1, 2), (2, 4), (3, 9), (4, 6), (9, 9)] {
        let group = entries[from..until].iter();
        let group = group.map(|entry| unverified(entry, None)).collect();
        let together: Vec<Option<Refusal>> = verify_together(group)
            .into_iter()
            .map(Result::err)
            .collect();
        assert_eq!(together, one_by_one[from..until], "{from} to {until}");
    }
    // A key under which the party's signature was found to hold is taken for that key alone.
    let distributor = ledger.federation.distributor.id;
    let key = state
        .parties()
        .get(&distributor)
        .expect("a party")
        .signing_key;
    let source = ledger.federation.source.id;
    let other = state.parties().get(&source).expect("a party").signing_key;
    assert!(unverified(&entries[4], Some(key)).verify().is_ok());
    assert!(unverified(&entries[4], Some(other)).verify().is_err());
}
