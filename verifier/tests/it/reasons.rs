//! `docs/src/reasons.md` is the table of reasons. `MERITS_UPDATE_PINS=1` writes it again.

use std::fmt::Write as _;

use merits_verifier::Reason;

/// The text before the table.
const HEAD: &str = "\
# Reasons

Why an entry or a call is refused, for programs. Neither number nor text ever changes its meaning. The number
travels in `merits.fault.v1.Fault`; the text stands in signed refusals, stores and logs. A program keeps a
reason that it does not know, shows it, and passes it on: the other program is newer. Where a page says what to
do about a refusal, it uses the text: [the ledger](ledger.md), [redemption](redemption.md),
[the threat model](threat-model.md).

This page is made from the table in `verifier/src/reason/table.rs`, and a test compares the two.

| number | text | meaning |
|---|---|---|
";

#[test]
fn the_page_is_the_table() {
    let mut page = HEAD.to_owned();
    for reason in Reason::ALL {
        let (number, meaning) = (reason.number(), reason.meaning());
        writeln!(page, "| {number} | `{reason}` | {meaning} |").expect("a string takes all");
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/reasons.md");
    if std::env::var_os("MERITS_UPDATE_PINS").is_some_and(|update| update == "1") {
        std::fs::write(path, &page).expect("the page can be written");
    }
    let found = std::fs::read_to_string(path).expect("the page");
    assert!(
        found == page,
        "docs/src/reasons.md differs from the table; MERITS_UPDATE_PINS=1 writes it again"
    );
}
