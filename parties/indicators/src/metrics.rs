//! Metrics in Prometheus' text format, for node_exporter's textfile collector.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use merits_primitives::calendar::Timestamp;

use crate::engine::Indicators;

/// What metrics need besides the indicators.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Alerts of the ledger that are open, by rule. Rules of other files count too.
    pub open: BTreeMap<String, u64>,
    /// Time of the newest leaf that was observed.
    pub newest: Option<Timestamp>,
}

/// The metrics as a file. Ids of rules have no character that needs an escape; those of other files are escaped.
pub fn text(indicators: &Indicators, metrics: &Metrics) -> String {
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, lines: Vec<(String, u64)>| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in lines {
            let _ = writeln!(out, "{name}{labels} {value}");
        }
    };
    let rules = indicators.rules().rules.iter();
    family(
        "merits_indicator_findings_total",
        "counter",
        "Windows and subjects for which a rule held, since the log's beginning.",
        rules
            .map(|rule| {
                let labels = format!(
                    "{{rule=\"{}\",severity=\"{}\"}}",
                    rule.id,
                    rule.severity.name()
                );
                (labels, indicators.found(&rule.id))
            })
            .collect(),
    );
    family(
        "merits_alerts_open",
        "gauge",
        "Alerts of the ledger that are neither acknowledged nor silent.",
        metrics
            .open
            .iter()
            .map(|(rule, open)| (format!("{{rule=\"{}\"}}", escaped(rule)), *open))
            .collect(),
    );
    family(
        "merits_indicator_leaves",
        "gauge",
        "Leaves of the log that were observed.",
        vec![(String::new(), indicators.next())],
    );
    let newest = metrics
        .newest
        .map(|time| (String::new(), time.as_millis() / 1_000));
    family(
        "merits_indicator_newest_leaf_seconds",
        "gauge",
        "Time of the newest observed leaf, in seconds since 1970.",
        newest.into_iter().collect(),
    );
    out
}

/// A label's value.
fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}
