//! What each role receives in the demonstration (`docs/src/what-roles-see.md`), over a scale whose amounts and records
//! look like nothing else: each has about 40 bits.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

const SCALE: &str = r#"id = "unmistakable"
version = 1
asset = 1
period = "month"
unit = "point"
per_source = false
sdg = [13]
terms = "The distributor reads your deeds of the month, and computes points by this scale."

[title]
en = "Unmistakable deeds"
zh = "可辨识的善行"

[validity]
from = "2025-01"

[expiry]
lifetime_months = 12
bucket_months = 6

[batch]
claims = 4

[schema]
id = "unmistakable-deed"
list = "deeds"
max_records = 2

[[schema.field]]
name = "date"
type = "day"
key = true

[[schema.field]]
name = "effort"
type = "int"
min = 0
max = 1_099_511_627_775
unit = "J"

[[constant]]
name = "factor"
value = "1.37"
interval = ["0", "2"]
exponent = 2
unit = "point/J"
source = "A test's figure"

[formula]
rounding = "Once, at the end."
cel = '''
math.floor(deeds.map(d, d.effort).sum() * factor)
'''

[[example]]
name = "one deed"
records = [{ date = 1, effort = 600_000_000_000 }]
credits = 822_000_000_000
"#;

const MAPPING: &str = r#"format = "csv"
subject = "person"

[time]
column = "day"
format = "%Y-%m-%d"

[fields.effort]
column = "effort"
"#;

/// One of them withdraws, and a total takes 16 claims.
const PEOPLE: usize = 18;

/// Two deeds of each person, as the source's file has them, from numbers that look like chance.
fn records() -> String {
    let mut last = 88_172_645_463_325_252u64;
    let mut next = || {
        last ^= last << 13;
        last ^= last >> 7;
        last ^= last << 17;
        last
    };
    let mut text = "person,day,effort\n".to_owned();
    for _ in 0..PEOPLE {
        let account = next();
        for day in ["2025-03-03", "2025-03-17"] {
            let effort = (1 << 39) + next() % (1 << 39);
            writeln!(text, "account-{account:016x},{day},{effort}").expect("a text takes all");
        }
    }
    text
}

/// A folder for this test alone, in which proving keys of earlier runs are kept.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("what-roles-see");
    let data = folder.join("data");
    fs::create_dir_all(&data).expect("a folder");
    for entry in fs::read_dir(&data).expect("a folder").flatten() {
        if entry.file_name().to_string_lossy().starts_with("run-") {
            fs::remove_dir_all(entry.path()).expect("an earlier run");
        }
    }
    let _ = fs::remove_dir_all(folder.join("received"));
    fs::create_dir_all(folder.join("scale")).expect("a folder");
    for (name, text) in [
        ("scale/scale.toml", SCALE),
        ("mapping.toml", MAPPING),
        ("deeds.csv", &records()),
    ] {
        fs::write(folder.join(name), text).expect("written");
    }
    folder
}

/// What the report says of each receiver: calls with their numbers, and of how many people each kind of data is in them.
fn report(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(folder.join("received/report.txt")).expect("a report");
    let mut blocks = BTreeMap::new();
    for block in text.split("\n\n").skip(1) {
        let mut lines = block.lines();
        let head = lines.next().expect("a receiver");
        let (receiver, _) = head.split_once(": ").expect("a receiver");
        let lines = lines.map(|line| line.trim().to_owned()).collect();
        blocks.insert(receiver.to_owned(), lines);
    }
    blocks
}

const KINDS: [&str; 7] = [
    "a raw record",
    "the pseudonym",
    "the account",
    "the amount of a claim",
    "the identity number",
    "the wallet's secret",
    "the identity commitment",
];

#[test]
fn no_role_receives_what_its_row_does_not_allow() {
    let folder = folder();
    let people = PEOPLE.to_string();
    let ran = merits_test_runner::run(
        env!("CARGO_BIN_EXE_merits"),
        &[],
        &folder,
        &[
            "demo",
            "--data-dir",
            "data",
            "--scale",
            "scale",
            "--input",
            "deeds.csv",
            "--mapping",
            "mapping.toml",
            "--subjects",
            &people,
            "--record",
            "received",
        ],
    );
    ran.succeeds("17. What each role received");
    let report = report(&folder);
    let of = |receiver: &str| {
        let lines = report.get(receiver);
        lines.unwrap_or_else(|| panic!("{receiver} is not in {:?}", report.keys()))
    };
    // Of how many people a kind of data was in what somebody received.
    let people = |receiver: &str, kind: &str| -> usize {
        let start = format!("{kind}: of ");
        let found = of(receiver)
            .iter()
            .find_map(|line| line.strip_prefix(&start));
        let number = found.and_then(|rest| rest.split(' ').next());
        let number = number.unwrap_or_else(|| panic!("{kind} is not in {:?}", of(receiver)));
        number.parse().expect("a number")
    };
    let found = |receiver: &str| KINDS.map(|kind| people(receiver, kind));
    let nobody = [0, 0, 0, 0, 0, 0, PEOPLE];
    for receiver in [
        "coordinator",
        "sponsor",
        "clearing",
        "exchange",
        "wallets",
        "witness-1",
        "supervisor-2",
    ] {
        assert_eq!(found(receiver), nobody, "{receiver}");
    }
    for receiver in ["source", "distributor"] {
        let [records, pseudonyms, accounts, _, numbers, secrets, _] = found(receiver);
        assert_eq!([records, pseudonyms, accounts], [PEOPLE; 3], "{receiver}");
        assert_eq!([numbers, secrets], [0; 2], "{receiver}");
    }
    assert_eq!(people("source", "the amount of a claim"), 0);
    // The records and the pseudonym of the one claim that was opened.
    let [records, pseudonyms, rest @ ..] = found("supervisor-1");
    assert_eq!([records, pseudonyms], [1; 2]);
    assert_eq!(rest, [0, 0, 0, 0, PEOPLE]);
    assert_eq!(people("registrar", "the identity number"), PEOPLE);

    // Calls of all services were seen at their servers, and the answers at the callers.
    let calls = |receiver: &str, name: &str| {
        of(receiver)
            .iter()
            .filter(|line| line.contains(" x ") && line.contains(name))
            .count()
    };
    for (receiver, call) in [
        ("coordinator", "merits.ledger.v1.Ledger/Submit (request)"),
        (
            "coordinator",
            "merits.ledger.v1.Ledger/StreamEntries (request)",
        ),
        (
            "coordinator",
            "merits.ledger.v1.Cosignatures/GetCosignedCheckpoint (request)",
        ),
        (
            "coordinator",
            "merits.registry.v1.Registry/GetLog (request)",
        ),
        ("coordinator", "merits.verifier.v1.Verifier/"),
        ("coordinator", "POST /add-checkpoint (answer)"),
        ("witness-1", "POST /add-checkpoint (request)"),
        ("witness-1", "merits.supervision.v1.Supervision/"),
        (
            "evaluator-1",
            "merits.uniqueness.v1.Uniqueness/Evaluate (request)",
        ),
        (
            "registrar",
            "merits.uniqueness.v1.Uniqueness/Evaluate (answer)",
        ),
        ("exchange", "merits.exchange.v1.Exchange/Redeem (request)"),
        ("wallets", "merits.exchange.v1.Exchange/Redeem (answer)"),
        ("source", "deeds.csv (handed over)"),
        ("distributor", "bundle.jsonl (handed over)"),
        ("supervisor-1", "disclosure.json (handed over)"),
        ("exchange", "vouchers.txt (handed over)"),
        ("verifier", "attestation.png (handed over)"),
    ] {
        assert_ne!(
            calls(receiver, call),
            0,
            "{call} at {receiver}: {:?}",
            of(receiver)
        );
    }

    // The log can be followed again without the recorder.
    let config = folder.join("data/run-1/sponsor/sponsor.toml");
    let recorded = fs::read_to_string(config).expect("a configuration");
    let coordinator = fs::read_to_string(folder.join("data/run-1/coordinator/coordinator.toml"));
    let coordinator = coordinator.expect("a configuration");
    let listens = coordinator
        .lines()
        .find_map(|line| line.strip_prefix("listen = "));
    let listens = listens.expect("an address").trim_matches('"');
    assert!(
        recorded.contains(&format!("http://{listens}")),
        "{recorded}"
    );
}
