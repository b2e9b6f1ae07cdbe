//! What indicators find in a ledger's own leaves is an alert that the ledger takes, and that another supervisor gets
//! again from the same leaves.

use merits_indicators::{Finding, Indicators, RuleFile};
use merits_ledger::entry::{AlertSubject, Entry};
use merits_ledger_fixture::{Citizen, Stage};
use merits_verifier::{codec::Canonical as _, entry::Leaf};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::history::{DAY, DEFAULT};

/// More than two claims of a distributor, or registrations of a registrar, in a day.
const RULES: &str = r#"
[[rule]]
id = "many-claims"
words = "More than two claims in a day."
severity = "notice"
subject = "distributor"
window_hours = 24
value = "claims"
threshold = "2"
when = "value > threshold"

[[rule]]
id = "many-registrations"
words = "More than two registrations in a day."
severity = "notice"
subject = "registrar"
window_hours = 24
value = "registrations"
threshold = "2"
when = "value > threshold && unused_evaluations == 0"
"#;

fn new_leaves(stage: &Stage<StdRng>, indicators: &mut Indicators) -> Vec<Finding> {
    let mut findings = Vec::new();
    let from = usize::try_from(indicators.next()).expect("few leaves");
    for bytes in &stage.ledger.store().leaves()[from..] {
        let leaf = Leaf::from_bytes(bytes).expect("a leaf");
        let index = indicators.next();
        findings.extend(indicators.observe(index, &leaf).expect("a good leaf"));
    }
    findings
}

#[test]
fn a_finding_is_an_alert_that_the_ledger_takes_once() {
    let mut stage = Stage::new(StdRng::seed_from_u64(21)).expect("a ledger");
    let fresh = |stage: &Stage<StdRng>| {
        let rules = RuleFile::read(RULES).expect("good rules");
        Indicators::new(rules, stage.federation.origin.as_str())
    };
    let mut indicators = fresh(&stage);
    for number in 1..=3 {
        stage.earner(&Citizen::new(number)).expect("earns");
    }
    assert_eq!(
        new_leaves(&stage, &mut indicators),
        [],
        "the day is not over"
    );

    // The first leaf of another day ends it.
    stage.wait(2 * DAY.as_secs());
    stage.register(&Citizen::new(4)).expect("registered");
    let findings = new_leaves(&stage, &mut indicators);
    let found: Vec<_> = findings
        .iter()
        .map(|found| (found.alert.rule.as_str(), &found.alert.subject))
        .collect();
    let federation = stage.federation.clone();
    let distributor = AlertSubject::Party(federation.distributor.id);
    let registrar = AlertSubject::Party(federation.registrar.id);
    assert_eq!(
        found,
        [
            ("many-claims", &distributor),
            ("many-registrations", &registrar)
        ]
    );
    // Anybody with the rule file gets the same from the beginning.
    assert_eq!(new_leaves(&stage, &mut fresh(&stage)), findings);

    for finding in &findings {
        let raised = Entry::AlertRaised(finding.alert.clone());
        let taken = stage.act(&federation.supervisor, &raised).expect("raised");
        let kept = stage.state().alerts().get(&taken.id).expect("rows");
        assert_eq!(kept.expect("the alert").raised, finding.alert);
        // A second one of the same occasion is refused.
        let mut other = finding.alert.clone();
        other.value += 1;
        stage
            .act(&federation.supervisor, &Entry::AlertRaised(other))
            .expect_err("raised before");
    }
    // Alerts count for nothing, so they raise no further ones.
    stage.wait(2 * DAY.as_secs());
    stage.register(&Citizen::new(5)).expect("registered");
    assert_eq!(new_leaves(&stage, &mut indicators), []);
    let (mut all, mut open) = (0, 0);
    let visited = stage.state().alerts().each(|_, alert| {
        all += 1;
        open += u32::from(alert.is_open(stage.time));
    });
    visited.expect("rows");
    assert_eq!((all, open), (2, 2));
}

#[test]
fn the_shipped_rules_find_nothing_in_an_honest_ledger() {
    let mut stage = Stage::new(StdRng::seed_from_u64(22)).expect("a ledger");
    let rules = RuleFile::read(DEFAULT).expect("good rules");
    let mut indicators = Indicators::new(rules, stage.federation.origin.as_str());
    for number in 1..=12 {
        stage.earner(&Citizen::new(number)).expect("earns");
        stage.wait(DAY.as_secs());
        assert_eq!(new_leaves(&stage, &mut indicators), []);
    }
}
