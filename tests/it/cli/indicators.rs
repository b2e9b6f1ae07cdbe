//! `merits indicators` over a ledger of processes: what it finds becomes an alert, which is then handled.

use std::{fs, path::Path, time::Duration};

use ed25519_dalek::SigningKey;
use merits_indicators::{DEFAULT_RULES, Indicators, RuleFile};
use merits_ledger::entry::{EmergencySuspended, Entry};
use merits_party::machine_time;
use merits_primitives::ids::{Origin, PartyId};
use merits_verifier::entry::Leaf;

use crate::cli::{founding::Ledger, run::merits};

const RULES: &str = r#"[[rule]]
id = "emergency"
words = "Somebody was suspended in an emergency."
severity = "warning"
subject = "ledger"
window_hours = 1
value = "emergencies"
threshold = "0"
when = "value > threshold"
"#;

#[test]
fn the_shipped_rules_are_printed_and_checked() {
    let directory = tempfile::tempdir().expect("a folder");
    let here = directory.path();
    let printed = merits(here, &["indicators", "rules"]);
    let rules = printed.succeeds("").stdout.clone();
    assert_eq!(rules, DEFAULT_RULES);
    fs::write(here.join("rules.toml"), rules).expect("written");
    merits(here, &["indicators", "check", "rules.toml"])
        .succeeds("claims-jump")
        .succeeds("15 rules, digest ");

    let loops = RULES.replace("value > threshold", "[1, 2].all(a, a > value)");
    fs::write(here.join("loops.toml"), loops).expect("written");
    merits(here, &["indicators", "check", "loops.toml"]).refuses(&["emergency", "when", "a loop"]);
    merits(here, &["indicators", "check", "nothing.toml"]).refuses(&["nothing.toml"]);
}

/// A position after the log's first leaf, as if that were an emergency of some hours ago. So a window is over, for which
/// a test would otherwise wait.
fn write_position(path: &Path, hours: u64) {
    write_position_of(RULES, path, hours);
}

fn write_position_of(rules: &str, path: &Path, hours: u64) {
    let origin = Origin::new("ledger.example.org/merits").expect("a name");
    let rules = RuleFile::read(rules).expect("good rules");
    let mut indicators = Indicators::new(rules, origin.as_str());
    let party = PartyId([4; 32]);
    let entry = Entry::EmergencySuspended(EmergencySuspended {
        party,
        number: 1,
        basis: "planted".to_owned(),
    });
    let leaf = Leaf {
        time: machine_time() - Duration::from_secs(hours * 3_600),
        state: None,
        entry: entry.sign(&origin, party, None, &SigningKey::from_bytes(&[5; 32])),
    };
    let found = indicators.observe(0, &leaf).expect("a good leaf");
    assert_eq!(found, []);
    fs::write(path, indicators.save().expect("JSON")).expect("written");
}

#[test]
fn a_finding_is_raised_once_then_silenced_then_acknowledged() {
    let ledger = Ledger::found();
    let here = ledger.path();
    // A second leaf, which ends the window.
    ledger.apply("sponsor");
    ledger
        .merits("supervisor admit --config supervisor.toml sponsor.application")
        .succeeds("admitted");
    fs::write(here.join("rules.toml"), RULES).expect("written");
    let position = here.join("indicators.json");
    write_position(&position, 5);
    let before = fs::read(&position).expect("read");

    let run =
        "indicators run --config supervisor.toml --rules rules.toml --position indicators.json";
    // A trial raises nothing, and what it found is found again.
    for _ in 0..2 {
        ledger
            .merits(run)
            .succeeds("warning: emergency for the ledger")
            .succeeds("2 leaves observed, 1 findings, 0 alerts raised");
        assert_eq!(fs::read(&position).expect("read"), before);
    }
    ledger
        .merits("indicators status --config supervisor.toml")
        .succeeds("0 of 0 alerts");
    let raise = format!("{run} --raise --metrics indicators.prom");
    ledger
        .merits(&raise)
        .succeeds("raised emergency: entry ")
        .succeeds("1 findings, 1 alerts raised");
    let metrics = fs::read_to_string(here.join("indicators.prom")).expect("metrics");
    for line in [
        "merits_indicator_findings_total{rule=\"emergency\",severity=\"warning\"} 1",
        "merits_alerts_open{rule=\"emergency\"} 1",
        "merits_indicator_leaves 2",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{metrics}");
    }
    // The alert is a leaf that ends no window.
    ledger
        .merits(&raise)
        .succeeds("3 leaves observed, 0 findings, 0 alerts raised");
    // A run that was killed before it saved its position: the ledger has one alert all the same.
    fs::write(&position, &before).expect("written");
    ledger.merits(&raise).succeeds("raised emergency: entry ");
    let status = ledger.merits("indicators status --config supervisor.toml");
    let said = status.succeeds("1 of 1 alerts").stdout.clone();
    let alert = said.split(' ').next().expect("an id").to_owned();
    assert!(
        said.contains("open: emergency for the ledger") && said.contains("raised by"),
        "{said}"
    );

    let handle_for = |reason: &str, more: &[&str]| {
        let handle = [
            "indicators",
            "handle",
            "--config",
            "supervisor.toml",
            &alert,
        ];
        merits(here, &[&handle[..], &["--reason", reason], more].concat())
    };
    let handle = |more: &[&str]| handle_for("Letter 7 explains it.", more);
    let blank = handle_for(" ", &[]);
    assert_eq!(blank.code, Some(2), "{blank:#?}");
    assert!(blank.stderr.contains("it is blank: say why"), "{blank:#?}");
    handle(&["--silence-days", "3"]).succeeds("silenced until ");
    ledger
        .merits("indicators status --config supervisor.toml")
        .succeeds("0 of 1 alerts");
    ledger
        .merits("indicators status --config supervisor.toml --all")
        .succeeds("silent until ")
        .succeeds("1 of 1 alerts");
    handle(&["--silence-days", "2"]).refuses(&["the silence until"]);
    handle(&[]).succeeds("acknowledged: entry ");
    // The same again is the same entry, and another one comes too late.
    handle(&[]).succeeds("acknowledged: entry ");
    handle_for("Letter 8 explains it.", &[]).refuses(&["already acknowledged"]);
    ledger
        .merits("indicators status --config supervisor.toml --all")
        .succeeds("acknowledged by ");

    // After a pause, what is too old to be raised is told.
    write_position(&position, 9 * 24);
    ledger
        .merits(&raise)
        .succeeds("not raised: 1 findings")
        .succeeds("1 findings, 0 alerts raised");
}

/// Regression: the run stopped at the first rule that failed, and judged no other.
#[test]
fn a_rule_that_fails_is_told_and_the_run_fails() {
    let ledger = Ledger::found();
    let here = ledger.path();
    // A second leaf, which ends the window.
    ledger.apply("sponsor");
    ledger
        .merits("supervisor admit --config supervisor.toml sponsor.application")
        .succeeds("admitted");
    let failing = RULES
        .replace("id = \"emergency\"", "id = \"divides\"")
        .replace(
            "value = \"emergencies\"",
            "value = \"emergencies == 1 ? 1 / (emergencies - 1) : 0\"",
        );
    let rules = format!("{failing}\n{RULES}");
    fs::write(here.join("rules.toml"), &rules).expect("written");
    write_position_of(&rules, &here.join("indicators.json"), 5);
    let ran = ledger.merits(
        "indicators run --config supervisor.toml --rules rules.toml --position indicators.json",
    );
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    for said in [
        "not judged: rule \"divides\", value",
        "warning: emergency for the ledger",
        "1 findings, 0 alerts raised",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {ran:#?}");
    }
}

#[test]
fn a_run_takes_the_place_of_nothing_and_says_what_it_cannot_use() {
    let ledger = Ledger::found();
    let here = ledger.path();
    fs::write(here.join("rules.toml"), RULES).expect("written");
    let run = |files: &str| {
        ledger.merits(&format!(
            "indicators run --config supervisor.toml --rules rules.toml --raise {files}"
        ))
    };
    // What is not a position is not one, and stays.
    for file in ["supervisor.toml", "rules.toml"] {
        let before = fs::read(here.join(file)).expect("read");
        run(&format!("--position {file}")).refuses(&[file, "damaged"]);
        assert_eq!(fs::read(here.join(file)).expect("read"), before);
    }
    run("--position p.json --metrics supervisor.toml").refuses(&["must end in .prom"]);
    fs::write(here.join("notes.prom"), "Notes.").expect("written");
    run("--position p.json --metrics notes.prom").refuses(&["notes.prom", "something else"]);
    for same in ["p.prom", "./p.prom"] {
        run(&format!("--position p.prom --metrics {same}"))
            .refuses(&["is the position", "name another file"]);
    }
    assert!(!here.join("p.json").exists() && !here.join("p.prom").exists());

    // The log has one leaf; a position behind it is of another copy.
    write_position(&here.join("p.json"), 5);
    run("--position p.json").succeeds("1 leaves observed, 0 findings");
    let text = fs::read_to_string(here.join("p.json")).expect("read");
    let ahead = text.replace("\"next\":1", "\"next\":9");
    assert_ne!(ahead, text);
    fs::write(here.join("p.json"), ahead).expect("written");
    run("--position p.json").refuses(&["leaf 9 is next", "1 leaves only"]);
    // Rules that changed: the log is read from its beginning.
    fs::write(here.join("p.json"), &text).expect("written");
    fs::write(here.join("rules.toml"), format!("# Changed.\n{RULES}")).expect("written");
    run("--position p.json").succeeds("the log is read again from its beginning");
    ledger
        .merits("indicators handle --config supervisor.toml 00000000 --reason none")
        .refuses(&["00000000"]);
}
