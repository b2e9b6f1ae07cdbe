//! The shipped rules raise one alert for a planted fraud, and none on the same ledger without it.

use std::collections::BTreeMap;

use merits_indicators::{Finding, Metrics, metrics_text};
use merits_ledger::entry::AlertSubject;

use crate::history::{DAY, DEFAULT, History};

/// Twelve days of a steady distributor; on the tenth it makes `more` batches of 16 claims.
fn days(more: usize) -> History {
    let mut history = History::new(9);
    for day in 0..12 {
        for claims in [5, 6 + day % 3] {
            history.earn(claims);
        }
        if day == 9 {
            for _ in 0..more {
                history.earn(16);
            }
        }
        history.time += DAY;
    }
    history.earn(1);
    history
}

fn rules(findings: &[Finding]) -> Vec<&str> {
    let rules = findings.iter().map(|found| found.alert.rule.as_str());
    rules.collect()
}

/// The rules for sources would find the same fraud at its source, as a warning of its own. So they are left out here.
fn without_sources() -> String {
    let (before, after) = DEFAULT
        .split_once("[[rule]]\nid = \"source-jump\"")
        .expect("the rule");
    let (_, after) = after.split_once("[[rule]]").expect("the next rule");
    format!("{before}[[rule]]{after}")
}

#[test]
fn a_distributor_whose_claims_jump_is_one_alert() {
    let clean = days(0);
    let mut indicators = clean.indicators(DEFAULT);
    assert_eq!(rules(&clean.observe(&mut indicators)), Vec::<&str>::new());

    let planted = days(6);
    let mut both = planted.indicators(DEFAULT);
    let findings = planted.observe(&mut both);
    assert_eq!(rules(&findings), ["claims-jump", "source-jump"]);

    let mut indicators = planted.indicators(&without_sources());
    let findings = planted.observe(&mut indicators);
    assert_eq!(rules(&findings), ["claims-jump"]);
    let alert = &findings[0].alert;
    let distributor = planted.federation.distributor.id;
    assert_eq!(alert.subject, AlertSubject::Party(distributor));
    assert_eq!(alert.until.since(alert.from), DAY);
    // 5 + 6 + 6 * 16 claims; the mean of the days before is 12, rounded up, and the deviation 1.
    assert_eq!((alert.value, alert.threshold), (107, 48));

    let text = metrics_text(&indicators, &Metrics::default());
    let line = "merits_indicator_findings_total{rule=\"claims-jump\",severity=\"critical\"} 1";
    assert!(text.lines().any(|one| one == line), "{text}");
}

#[test]
fn what_is_not_revealed_in_time_is_an_alert_of_its_own() {
    let mut history = History::new(4);
    let in_time = history.request(history.time + DAY);
    let late = history.request(history.time + DAY);
    history.reveal(in_time);
    history.time += DAY * 2;
    history.earn(1);
    let mut indicators = history.indicators(DEFAULT);
    // On the day of the request, nothing is late.
    assert_eq!(rules(&history.observe(&mut indicators)), Vec::<&str>::new());
    history.time += DAY;
    history.reveal(late);
    assert_eq!(
        rules(&history.observe(&mut indicators)),
        ["overdue-reveals"]
    );
    history.time += DAY;
    history.earn(1);
    assert_eq!(rules(&history.observe(&mut indicators)), ["late-reveals"]);
}

/// Regression: a supervisor that raised alerts of invented rules made a series of each, in the metrics of everybody.
#[test]
fn alerts_of_unknown_rules_are_one_series() {
    let indicators = History::new(1).indicators(DEFAULT);
    let mut open: BTreeMap<String, u64> = (0..1_000).map(|n| (format!("made-up-{n}"), 1)).collect();
    open.insert("claims-jump".to_owned(), 2);
    let text = metrics_text(&indicators, &Metrics { open, newest: None });
    let lines = text
        .lines()
        .filter(|line| line.starts_with("merits_alerts_open"));
    let expected = [
        "merits_alerts_open{rule=\"(others)\"} 1000",
        "merits_alerts_open{rule=\"claims-jump\"} 2",
    ];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
}
