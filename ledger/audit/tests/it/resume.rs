//! Audits that go on where an earlier one stopped.

use std::fs;

use merits_audit::{
    progress::{self, ProgressError, SigningKey},
    run::Start,
    whole::Audited,
};
use merits_ledger::{LedgerPolicy, entry::Entry};
use merits_ledger_fixture::{Citizen, Stage};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::copies::{Ledger, Town, found};

fn key() -> SigningKey {
    SigningKey::from_bytes(&[77; 32])
}

/// A ledger of many people, and what an audit of it reached, as the next one reads it.
struct Audit {
    town: Town,
    ledger: Ledger,
    folder: tempfile::TempDir,
    full: Audited,
}

fn audited() -> Audit {
    let mut town = Stage::new(StdRng::seed_from_u64(21)).unwrap();
    for number in 1..=90 {
        let citizen = Citizen::new(number);
        town.register(&citizen).unwrap();
        if number % 2 == 0 {
            town.deposit(&citizen).unwrap();
        }
    }
    let ledger = Ledger::of(&town, &[]);
    let full = ledger.audit_from(ledger.clean(), None);
    assert!(full.report.is_clean(), "{}", full.report);
    let folder = tempfile::tempdir().unwrap();
    let (state, root) = full.reached.as_ref().unwrap();
    let path = folder.path().join("progress");
    progress::save(&path, &key(), &ledger.key, state, root).unwrap();
    Audit {
        town,
        ledger,
        folder,
        full,
    }
}

impl Audit {
    fn load(
        &self,
        key: &SigningKey,
        policy: &LedgerPolicy,
    ) -> Result<Option<Start>, ProgressError> {
        let path = self.folder.path().join("progress");
        progress::load(&path, key, &self.ledger.key, policy)
    }

    fn start(&self) -> Option<Start> {
        let start = self.load(&key(), &self.ledger.policy).unwrap();
        assert!(start.is_some());
        start
    }
}

/// The bound of the issue: with 1 % new entries, a tenth of a full audit. What costs is signatures and proofs.
#[test]
fn an_audit_from_where_it_stopped_verifies_new_leaves_only() {
    let mut audit = audited();
    let before = audit.full.report.counts;
    for number in [201, 202] {
        let citizen = Citizen::new(number);
        audit.town.register(&citizen).unwrap();
    }
    audit.town.deposit(&Citizen::new(201)).unwrap();
    let start = audit.start();
    audit.ledger.follow(&audit.town);
    let went_on = audit.ledger.audit_from(audit.ledger.clean(), start).report;
    assert!(went_on.is_clean(), "{went_on}");
    let counts = went_on.counts;
    assert_eq!(counts.verified_before, before.verified_leaves);
    assert_eq!((counts.verified_leaves, counts.verified_proofs), (5, 1));
    assert!(
        10 * counts.verified_leaves <= before.verified_leaves,
        "{before:?}"
    );
    assert!(
        10 * counts.verified_proofs <= before.verified_proofs,
        "{before:?}"
    );
    // Everything else is as in a full audit.
    let mut full = audit.ledger.audit(audit.ledger.clean());
    assert_eq!(full.counts.verified_leaves, went_on.leaves);
    full.counts = counts;
    assert_eq!(full, went_on);
}

#[test]
fn an_audit_without_new_leaves_verifies_none() {
    let audit = audited();
    let again = audit.ledger.audit_from(audit.ledger.clean(), audit.start());
    assert!(again.report.is_clean(), "{}", again.report);
    assert_eq!(again.report.counts.verified_leaves, 0);
    assert_eq!(again.report.state, audit.full.report.state);
    assert!(again.reached.is_some());
}

#[test]
fn a_progress_that_anybody_changed_is_refused() {
    let audit = audited();
    let path = audit.folder.path().join("progress");
    let sound = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let read = audit.load(&key(), &audit.ledger.policy);
        assert!(matches!(read, Err(ProgressError::NotSigned(_))), "{read:?}");
    };
    // Its version, its ledger, its rows, its used values, its signature.
    for place in [
        3,
        60,
        300,
        sound.len() / 2,
        sound.len() - 100,
        sound.len() - 1,
    ] {
        let mut changed = sound.clone();
        changed[place] ^= 1;
        refused(&changed);
    }
    refused(&sound[..sound.len() - 1]);
    refused(&sound[..20]);
    refused(&[]);
    fs::write(&path, &sound).unwrap();
    // Somebody else's, of this ledger.
    let other = SigningKey::from_bytes(&[78; 32]);
    let read = audit.load(&other, &audit.ledger.policy);
    assert!(matches!(read, Err(ProgressError::NotSigned(_))), "{read:?}");
    // The auditor's own, of other founding facts.
    let policy = LedgerPolicy {
        least_claims_per_total: 5,
        ..audit.ledger.policy.clone()
    };
    let read = audit.load(&key(), &policy);
    assert!(
        matches!(read, Err(ProgressError::OtherLedger { .. })),
        "{read:?}"
    );
    fs::remove_file(&path).unwrap();
    assert!(audit.load(&key(), &audit.ledger.policy).unwrap().is_none());
}

/// A good signature of the auditor hides no change of the leaves that it covers: they are another tree.
#[test]
fn other_leaves_than_those_that_were_audited_are_all_verified_again() {
    let audit = audited();
    let ledger = &audit.ledger;
    let deposit = ledger.place(|entry| matches!(entry, Entry::TicketDeposited(_)));
    let mut leaves = ledger.leaves.clone();
    leaves[deposit].entry.signature[0] ^= 1;
    let copy = ledger.forged(&leaves);
    let report = ledger.audit_from(copy.path(), audit.start()).report;
    assert!(found(&report, "progress", None).is_some(), "{report}");
    assert!(found(&report, "rules", Some(deposit)).is_some(), "{report}");
    // A shorter log went back.
    leaves.clone_from(&ledger.leaves);
    leaves.truncate(deposit + 1);
    let copy = ledger.forged(&leaves);
    let report = ledger.audit_from(copy.path(), audit.start()).report;
    assert!(found(&report, "progress", None).is_some(), "{report}");
    assert_eq!(report.counts.verified_leaves, leaves.len() as u64);
}

/// What is stored beside old leaves is compared again each time.
#[test]
fn old_rows_values_and_nodes_are_compared_each_time() {
    let audit = audited();
    let ledger = &audit.ledger;
    let deposit = ledger.place(|entry| matches!(entry, Entry::TicketDeposited(_)));
    for (check, sql) in [
        (
            "used",
            format!("DELETE FROM used WHERE kind = 3 AND idx = {deposit}"),
        ),
        (
            "node",
            format!("DELETE FROM node WHERE level = 0 AND idx = {deposit}"),
        ),
        (
            "leaf",
            format!("UPDATE leaf SET entry_id = zeroblob(32) WHERE idx = {deposit}"),
        ),
    ] {
        let copy = ledger.altered(&sql);
        let report = ledger.audit_from(copy.path(), audit.start()).report;
        assert!(
            found(&report, check, Some(deposit)).is_some(),
            "{check}: {report}"
        );
        assert_eq!(report.counts.verified_leaves, 0, "{check}");
    }
    let copy = ledger.altered("UPDATE row SET value = zeroblob(3) WHERE tbl = 37");
    let report = ledger.audit_from(copy.path(), audit.start()).report;
    assert!(found(&report, "row", Some(deposit)).is_some(), "{report}");
}
