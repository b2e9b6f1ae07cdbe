//! Faults planted in a stored copy: whoever can write to its file is not the log, and cannot sign.

use merits_audit::whole::audit;
use merits_ledger::{entry::Entry, storage::wait};
use merits_verifier::log::Checkpoint;

use crate::copies::{Ledger, found, full};

/// What a finding must be about.
#[derive(Debug, Clone, Copy)]
enum About {
    /// This leaf, with its entry.
    Entry(usize),
    /// This leaf, which is gone.
    Gone(usize),
    /// Any one leaf, with its entry.
    AnEntry,
    /// No leaf.
    Log,
}
use About::{AnEntry, Entry as Of, Gone, Log};

/// Class of damage, SQL, the check that finds it, and what the finding is about.
type Damage = (&'static str, String, &'static str, About);

fn damages(ledger: &Ledger) -> Vec<Damage> {
    let earn = ledger.place(|entry| matches!(entry, Entry::EarnBatch(_)));
    let deposit = ledger.place(|entry| matches!(entry, Entry::TicketDeposited(_)));
    let redeem = ledger.place(|entry| matches!(entry, Entry::Redeemed(_)));
    let withdrawal = ledger.place(|entry| matches!(entry, Entry::ConsentWithdrawn(_)));
    let large = ledger.places(|entry| matches!(entry, Entry::ScaleProposed(_)))[1];
    let last = ledger.leaves.len() - 1;
    let first_row = |change: &str, table: u8| {
        format!(
            "{change} WHERE tbl = {table} AND key = (SELECT min(key) FROM row WHERE tbl = {table})"
        )
    };
    let gone = |table| first_row("DELETE FROM row", table);
    let changed = |table| first_row("UPDATE row SET value = zeroblob(3)", table);
    vec![
        (
            "leaf: its signature",
            format!(
                "UPDATE leaf SET leaf = CAST(substr(leaf, 1, length(leaf) - 2) || x'0102' AS BLOB) WHERE idx = {earn}"
            ),
            "node",
            Of(earn),
        ),
        (
            "leaf: its time",
            format!(
                "UPDATE leaf SET leaf = CAST(x'0102030405060708' || substr(leaf, 9) AS BLOB) WHERE idx = {redeem}"
            ),
            "node",
            Of(redeem),
        ),
        (
            "leaf: cut off",
            format!("UPDATE leaf SET leaf = substr(leaf, 1, 20) WHERE idx = {deposit}"),
            "leaf",
            Of(deposit),
        ),
        (
            "leaf: gone from the middle",
            format!("DELETE FROM leaf WHERE idx = {deposit}"),
            "leaf",
            Gone(deposit),
        ),
        (
            "leaf: the last one gone",
            format!("DELETE FROM leaf WHERE idx = {last}"),
            "log",
            Log,
        ),
        (
            "index: an entry under another id",
            format!("UPDATE leaf SET entry_id = zeroblob(32) WHERE idx = {earn}"),
            "leaf",
            Of(earn),
        ),
        (
            "nullifier: a spent note that could be spent again",
            format!("DELETE FROM used WHERE kind = 4 AND idx = {redeem}"),
            "used",
            Of(redeem),
        ),
        (
            "nullifier: a claim that could be made again",
            format!("UPDATE used SET value = zeroblob(32) WHERE kind = 3 AND idx = {deposit}"),
            "used",
            Of(deposit),
        ),
        (
            "nullifier: a day's limit that is forgotten",
            format!("DELETE FROM used WHERE kind = 5 AND idx = {redeem}"),
            "used",
            Of(redeem),
        ),
        (
            "commitment: records that could be claimed again",
            format!("DELETE FROM used WHERE kind = 1 AND idx = {earn}"),
            "used",
            Of(earn),
        ),
        (
            "note: one that is forgotten",
            format!("DELETE FROM used WHERE kind = 2 AND idx = {earn}"),
            "used",
            Of(earn),
        ),
        (
            "index: a used value under another leaf",
            format!("UPDATE used SET idx = idx - 1 WHERE kind = 3 AND idx = {deposit}"),
            "used",
            Of(deposit),
        ),
        (
            "nullifier: one that nobody used",
            "INSERT INTO used VALUES (1, zeroblob(32), 5)".to_owned(),
            "used",
            Of(5),
        ),
        (
            "index: used values of no set",
            "INSERT INTO used VALUES (9, zeroblob(32), 5)".to_owned(),
            "used",
            Of(5),
        ),
        (
            "tile: the hash of a leaf",
            format!("UPDATE node SET hash = zeroblob(32) WHERE level = 0 AND idx = {earn}"),
            "node",
            Of(earn),
        ),
        (
            "tile: a hash above leaves",
            "UPDATE node SET hash = zeroblob(32) WHERE level = 2 AND idx = 1".to_owned(),
            "node",
            Of(4),
        ),
        (
            "tile: a hash that is gone",
            format!("DELETE FROM node WHERE level = 0 AND idx = {earn}"),
            "node",
            Of(earn),
        ),
        (
            "tile: a hash of no leaves",
            "INSERT INTO node VALUES (0, 9999, zeroblob(32))".to_owned(),
            "node",
            Log,
        ),
        (
            "checkpoint: its size",
            "UPDATE log SET size = size + 1".to_owned(),
            "log",
            Log,
        ),
        (
            "checkpoint: its root",
            "UPDATE log SET root = zeroblob(32)".to_owned(),
            "log",
            Log,
        ),
        (
            "checkpoint: not signed",
            "UPDATE log SET checkpoint = substr(checkpoint, 1, 40)".to_owned(),
            "log",
            Log,
        ),
        (
            "key: another log's",
            "UPDATE log SET log_key = zeroblob(32)".to_owned(),
            "log",
            Log,
        ),
        (
            "log: another name",
            "UPDATE log SET origin = 'other.example/log'".to_owned(),
            "log",
            Log,
        ),
        (
            "founding: a fact",
            "UPDATE founding SET value = '1' WHERE fact = 'least_claims_per_total'".to_owned(),
            "founding",
            Log,
        ),
        (
            "founding: a fact that is gone",
            "DELETE FROM founding WHERE fact = 'board'".to_owned(),
            "founding",
            Log,
        ),
        ("row: a party", changed(2), "row", AnEntry),
        ("key: a party's, forgotten", gone(3), "row", AnEntry),
        ("key: a view-key epoch", changed(4), "row", AnEntry),
        ("figure: a scale", changed(5), "row", AnEntry),
        ("figure: an approved version", changed(6), "row", AnEntry),
        ("key: of a statement", changed(8), "row", AnEntry),
        ("row: terms", changed(11), "row", AnEntry),
        ("row: an offer and its quota", changed(12), "row", AnEntry),
        (
            "redemption: the sum of a bucket",
            changed(13),
            "row",
            Of(redeem),
        ),
        ("row: an evaluation", gone(32), "row", AnEntry),
        ("row: a person", gone(33), "row", AnEntry),
        ("row: an identity commitment", gone(34), "row", AnEntry),
        ("row: a ticket", gone(37), "row", AnEntry),
        (
            "row: a consent that was taken back",
            gone(38),
            "row",
            Of(withdrawal),
        ),
        ("anchor: one that is gone", gone(39), "row", AnEntry),
        ("anchor: another root", changed(39), "row", AnEntry),
        ("note: of a batch", changed(40), "row", Of(earn)),
        ("total: of an interval", gone(54), "row", AnEntry),
        (
            "cut: the intervals of a period",
            changed(55),
            "row",
            AnEntry,
        ),
        ("cut: deeds that it counts", gone(56), "row", AnEntry),
        (
            "row: one that no entry wrote",
            "INSERT INTO row VALUES (33, zeroblob(32), zeroblob(9))".to_owned(),
            "row",
            Log,
        ),
        (
            "row: of no table",
            "INSERT INTO row VALUES (99, zeroblob(32), zeroblob(9))".to_owned(),
            "row",
            Log,
        ),
        (
            "state: its size",
            "UPDATE state SET size = size - 1".to_owned(),
            "state",
            Log,
        ),
        (
            "state: its version",
            "UPDATE state SET version = 1".to_owned(),
            "state",
            Log,
        ),
        (
            "state: its sum",
            "UPDATE state SET digest = zeroblob(2080)".to_owned(),
            "state",
            Log,
        ),
        ("state: gone", "DELETE FROM state".to_owned(), "state", Log),
        (
            "blob: other bytes",
            "UPDATE blob SET bytes = x'00'".to_owned(),
            "blob",
            Of(large),
        ),
        (
            "blob: gone",
            "DELETE FROM blob".to_owned(),
            "blob",
            Of(large),
        ),
        (
            "blob: named by nobody",
            "INSERT INTO blob VALUES (zeroblob(32), x'00')".to_owned(),
            "blob",
            Log,
        ),
    ]
}

#[test]
fn every_damage_to_a_copy_is_found_at_its_entry() {
    let (ledger, _) = full();
    for (class, sql, check, about) in damages(&ledger) {
        let copy = ledger.altered(&sql);
        let report = ledger.audit(copy.path());
        let is_found = match about {
            Of(leaf) => {
                found(&report, check, Some(leaf)).is_some_and(|found| found.entry.is_some())
            }
            Gone(leaf) => {
                found(&report, check, Some(leaf)).is_some_and(|found| found.entry.is_none())
            }
            AnEntry => {
                let mut of_check = report
                    .findings
                    .kept
                    .iter()
                    .filter(|found| found.check == check);
                of_check.any(|found| found.leaf.is_some() && found.entry.is_some())
            }
            Log => found(&report, check, None).is_some(),
        };
        assert!(is_found, "{class}: {about:?}: {report}");
    }
}

#[test]
fn cosignatures_that_are_altered_or_too_few_are_found() {
    let (ledger, _) = full();
    let report = ledger.audit(ledger.clean());
    let root: [u8; 32] = hex::decode(&report.root).unwrap().try_into().unwrap();
    let note = ledger.checkpoint(report.leaves, root).to_string();
    let lines: Vec<&str> = note.lines().collect();
    // The signatures are the last lines: the log's, then four.
    let few = format!("{}\n", lines[..lines.len() - 2].join("\n"));
    let other = ledger.checkpoint(report.leaves, [7; 32]).to_string();
    let other = other.lines().last().unwrap().to_owned();
    let mut altered = lines[..lines.len() - 1].to_vec();
    altered.push(&other);
    let altered = format!("{}\n", altered.join("\n"));
    for (class, note) in [("too few", few), ("of another tree", altered)] {
        let copy = ledger.altered(&format!("UPDATE log SET checkpoint = '{note}'"));
        let report = ledger.audit(copy.path());
        assert!(
            found(&report, "cosignatures", None).is_some(),
            "{class}: {report}"
        );
    }
}

#[test]
fn a_copy_behind_or_beside_a_known_tree_is_found() {
    let (ledger, _) = full();
    let report = ledger.audit(ledger.clean());
    let origin = ledger.policy.origin.clone();
    for size in [report.leaves + 1, report.leaves, 3] {
        let known = Checkpoint {
            origin: origin.clone(),
            size,
            root: [7; 32],
        };
        let mut copied = ledger.copied();
        copied.mark = Some(&known);
        let audited = wait(audit(ledger.clean(), copied, None, &mut rand::rng())).unwrap();
        let report = audited.report;
        assert!(found(&report, "mark", None).is_some(), "{size}: {report}");
        assert!(audited.reached.is_none(), "{size}");
    }
}
