//! Metrics in Prometheus' text format, for node_exporter's textfile collector.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use merits_primitives::calendar::Timestamp;

use crate::engine::Indicators;

/// The label of alerts whose rule is not in the own file. No rule has such an id.
pub const OTHER_RULES: &str = "(others)";

/// What metrics need besides the indicators.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Alerts of the ledger that are open, by rule. Those of rules that the own file does not have count together, as
    /// [`OTHER_RULES`].
    pub open: BTreeMap<String, u64>,
    /// Time of the newest leaf that was observed.
    pub newest: Option<Timestamp>,
}

/// The metrics as a file. There is one series for each rule of the own file and one for all others: any supervisor can
/// raise alerts of invented rules, and must not make series without bound. No label has a character that needs an escape.
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
        open_by_rule(indicators, &metrics.open)
            .into_iter()
            .map(|(rule, open)| (format!("{{rule=\"{rule}\"}}"), open))
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

/// Open alerts of each rule that has some, and of all rules that the own file does not have.
fn open_by_rule<'i>(
    indicators: &'i Indicators,
    open: &BTreeMap<String, u64>,
) -> BTreeMap<&'i str, u64> {
    let mut by_rule = BTreeMap::new();
    for (rule, open) in open {
        let own = indicators.rules().rule(rule);
        let label = own.map_or(OTHER_RULES, |rule| rule.id.as_str());
        *by_rule.entry(label).or_insert(0) += open;
    }
    by_rule
}
