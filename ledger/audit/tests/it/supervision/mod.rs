//! Faults in what supervisors and holders put on the log, which the log itself accepted and signed: openings, their
//! endorsements and reveals, alerts, and key generation.

mod alerts;
mod key_generation;
mod openings;

use std::time::Duration;

use merits_ledger::entry::Entry;
use merits_ledger_fixture::{Federation, Member, Stage};
use merits_primitives::calendar::Timestamp;
use merits_threshold::Side;
use merits_verifier::entry::SignedEntry;
use rand::{SeedableRng as _, rngs::StdRng};

use crate::copies::{Ledger, entry, found};

const DAY: Duration = Duration::from_secs(86_400);

/// Class of forgery, the leaf at fault, what stands there instead, and words of its refusal.
type Forgery = (&'static str, usize, SignedEntry, &'static str);

/// A ledger on which five supervisors opened a claim, asked for a redeemer, raised and handled alerts, and four of
/// them began to make their half of the next epoch.
struct Supervised {
    ledger: Ledger,
    supervisors: Vec<Member>,
}

impl Supervised {
    fn new() -> Self {
        let mut town = Stage::new(StdRng::seed_from_u64(31)).unwrap();
        for admission in town.federation.admissions_of_quorums() {
            town.submit(&admission).unwrap();
        }
        let supervisors = town.federation.side(Side::Supervisor);
        openings::open(&mut town, &supervisors);
        alerts::alert(&mut town, &supervisors);
        key_generation::begin_a_half(&mut town, &supervisors);
        Self {
            ledger: Ledger::of(&town, &[]),
            supervisors,
        }
    }

    fn parties(&self) -> &Federation {
        &self.ledger.federation
    }

    /// When the leaf was appended.
    fn time(&self, place: usize) -> Timestamp {
        self.ledger.leaves[place].time
    }

    fn signed(&self, place: usize) -> SignedEntry {
        self.ledger.leaves[place].entry.clone()
    }

    fn entry(&self, place: usize) -> Entry {
        entry(&self.ledger.leaves[place].entry)
    }

    fn by(&self, member: &Member, entry: &Entry) -> SignedEntry {
        self.parties().sign(entry, member)
    }

    /// The entry, signed by this member instead.
    fn instead(&self, place: usize, member: &Member) -> SignedEntry {
        self.by(member, &self.entry(place))
    }

    /// The entry with its signature changed.
    fn unsigned(&self, place: usize) -> SignedEntry {
        let mut signed = self.signed(place);
        signed.signature[0] ^= 1;
        signed
    }
}

#[test]
fn what_supervisors_and_holders_may_not_do_is_named_though_the_log_signed_it() {
    let supervised = Supervised::new();
    let ledger = &supervised.ledger;
    let clean = ledger.audit(ledger.clean());
    assert!(clean.is_clean(), "{clean}");
    let mut all = supervised.requests();
    all.extend(supervised.ends());
    all.extend(supervised.alerts());
    all.extend(supervised.key_generation());
    for (class, place, planted, words) in all {
        let mut leaves = ledger.leaves.clone();
        assert_ne!(leaves[place].entry, planted, "{class}: nothing was planted");
        leaves[place].entry = planted;
        let copy = ledger.forged(&leaves);
        let report = ledger.audit(copy.path());
        let finding = found(&report, "rules", Some(place));
        let finding = finding.unwrap_or_else(|| panic!("{class}: leaf {place}: {report}"));
        let at_fault = Some(leaves[place].entry.id());
        assert_eq!(finding.entry, at_fault, "{class}: {report}");
        assert!(finding.what.contains(words), "{class}: {}", finding.what);
        // The log and its witnesses signed all of it.
        for check in ["node", "log", "cosignatures"] {
            assert_eq!(found(&report, check, None), None, "{class}: {report}");
        }
        assert!(!report.is_clean() && report.state.is_none(), "{class}");
    }
}
