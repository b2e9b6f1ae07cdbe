//! Clean ledgers, of which an audit finds nothing.

use crate::copies::{full, random};

fn audit_clean(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let ledger = random(seed);
        let report = ledger.audit(ledger.clean());
        assert!(report.is_clean(), "seed {seed}: {report}");
        let counts = report.counts;
        assert_eq!(
            counts.verified_leaves,
            ledger.leaves.len() as u64,
            "seed {seed}"
        );
        assert!(report.state.is_some() && counts.rows > 0 && counts.nodes > 0);
    }
}

#[test]
fn nothing_is_found_in_fifty_clean_ledgers() {
    audit_clean(0..50);
}

/// The same as above, twenty times as many.
#[test]
#[ignore = "takes minutes"]
fn nothing_is_found_in_a_thousand_clean_ledgers() {
    audit_clean(50..1_050);
}

#[test]
fn a_full_ledger_is_clean_and_its_report_is_json() {
    let (ledger, _) = full();
    let report = ledger.audit(ledger.clean());
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.counts.blobs, 1);
    let json = merits_audit::page::json(&report).unwrap();
    assert!(json.starts_with("{\n  \"origin\""), "{json}");
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read["leaves"], ledger.leaves.len() as u64);
    assert_eq!(read["findings"]["more"], 0);
    assert_eq!(read["books"][0]["redeemed"], 60);
}
