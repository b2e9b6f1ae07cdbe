//! What is found does not depend on where readers stopped.

use merits_indicators::{IndicatorError, Indicators, RuleError, RuleFile, SaveError};

use crate::history::{DEFAULT, History};

/// Rules that hold often, so that random histories have findings.
const OFTEN: &str = r#"
[[rule]]
id = "busy"
words = "Claims above the mean."
severity = "notice"
subject = "distributor"
window_hours = 24
value = "claims"
threshold = "claims_mean + claims_deviation"
when = "value > threshold"

[[rule]]
id = "overdue"
words = "Something is not revealed."
severity = "warning"
subject = "ledger"
window_hours = 36
value = "overdue"
threshold = "0"
when = "value > threshold"

[[rule]]
id = "tags"
words = "Tags without registrations."
severity = "warning"
subject = "registrar"
window_hours = 168
value = "unused_evaluations"
threshold = "evaluations_mean"
when = "value > threshold"
"#;

#[test]
fn stopping_anywhere_changes_nothing() {
    for seed in 0..6 {
        let history = History::random(seed, 120);
        let mut whole = history.indicators(OFTEN);
        let expected = history.observe(&mut whole);
        assert!(expected.len() > 5, "seed {seed}: {}", expected.len());

        // Another stride for each history: saved after each, and gone on from by new indicators.
        let stride = usize::try_from(seed).expect("small") * 5 + 1;
        let mut found = Vec::new();
        let mut saved: Option<String> = None;
        for leaves in history.leaves.chunks(stride) {
            let mut now = history.indicators(OFTEN);
            if let Some(saved) = &saved {
                now.resume(saved).expect("its own position");
            }
            for leaf in leaves {
                let next = now.next();
                found.extend(now.observe(next, leaf).expect("a good leaf"));
            }
            saved = Some(now.save().expect("written"));
        }
        assert_eq!(found, expected, "seed {seed}");
        assert_eq!(saved, Some(whole.save().expect("written")));
    }
}

#[test]
fn a_position_of_other_rules_another_log_or_none_is_not_used() {
    let history = History::random(1, 30);
    let mut indicators = history.indicators(OFTEN);
    history.observe(&mut indicators);
    let saved = indicators.save().expect("written");

    let mut other_rules = history.indicators(DEFAULT);
    assert!(matches!(other_rules.resume(&saved), Err(SaveError::Other)));
    let rules = RuleFile::read(OFTEN).expect("good rules");
    let mut other_log = Indicators::new(rules, "other.example.org/merits");
    assert!(matches!(other_log.resume(&saved), Err(SaveError::Other)));
    let mut damaged = history.indicators(OFTEN);
    let half = &saved[..saved.len() / 2];
    assert!(matches!(damaged.resume(half), Err(SaveError::Damaged(_))));
    assert_eq!(
        (other_rules.next(), other_log.next(), damaged.next()),
        (0, 0, 0)
    );
}

/// Regression: a length of 0 divided by 0, and large numbers overflowed.
#[test]
fn a_position_that_no_log_gives_is_refused() {
    let history = History::random(5, 60);
    let mut indicators = history.indicators(OFTEN);
    history.observe(&mut indicators);
    let saved = indicators.save().expect("written");
    let good: serde_json::Value = serde_json::from_str(&saved).expect("JSON");
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = good.clone();
        change(&mut value);
        assert_ne!(value, good);
        history.indicators(OFTEN).resume(&value.to_string())
    };
    let tally = |value: &serde_json::Value| {
        let subjects = value["windows"][0]["subjects"]["distributor"].as_object();
        let (name, _) = subjects.and_then(|all| all.iter().next()).expect("one");
        format!("/windows/0/subjects/distributor/{name}")
    };
    let at = tally(&good);
    let refused = [
        changed(&|value| value["windows"][0]["hours"] = 0.into()),
        changed(&|value| {
            value["windows"].as_array_mut().expect("windows").pop();
        }),
        changed(&|value| {
            let total = value.pointer_mut(&format!("{at}/total"));
            total.expect("counts")["claims"] = u64::MAX.into();
        }),
        changed(&|value| {
            let past = value.pointer_mut(&format!("{at}/past")).expect("windows");
            *past = vec![serde_json::json!({}); 29].into();
        }),
        changed(&|value| value["next"] = u64::MAX.into()),
        changed(&|value| value["found"]["often"] = u64::MAX.into()),
        changed(&|value| value["windows"][0]["open"] = u64::MAX.into()),
    ];
    for (number, resumed) in refused.into_iter().enumerate() {
        assert!(
            matches!(resumed, Err(SaveError::Unsound)),
            "change {number}: {resumed:?}"
        );
    }
    // One key too many is none of ours.
    let more = changed(&|value| value["more"] = 1.into());
    assert!(matches!(more, Err(SaveError::Damaged(_))), "{more:?}");
}

/// Regression: windows that begin after the log's time never ended, so no rule was evaluated, without a word.
#[test]
fn a_position_of_a_later_time_than_the_log_is_refused() {
    let history = History::random(6, 60);
    let mut indicators = history.indicators(OFTEN);
    let (last, before) = history.leaves.split_last().expect("leaves");
    for (index, leaf) in (0..).zip(before) {
        indicators.observe(index, leaf).expect("observed");
    }
    let saved = indicators.save().expect("written");
    let mut value: serde_json::Value = serde_json::from_str(&saved).expect("JSON");
    let open = value["windows"][0]["open"].as_u64().expect("a window");
    value["windows"][0]["open"] = (open + 100_000).into();
    let mut later = history.indicators(OFTEN);
    later.resume(&value.to_string()).expect("a time there is");
    let index = before.len() as u64;
    let refused = later.observe(index, last);
    let time = last.time;
    assert_eq!(refused, Err(IndicatorError::Earlier { index, time }));
    indicators.observe(index, last).expect("its own position");
}

#[test]
fn a_leaf_is_observed_once_and_in_order() {
    let history = History::random(2, 10);
    let mut indicators = history.indicators(DEFAULT);
    for wrong in [1, 7] {
        let refused = indicators.observe(wrong, &history.leaves[0]);
        let (expected, found) = (0, wrong);
        assert_eq!(refused, Err(IndicatorError::OtherLeaf { expected, found }));
    }
    indicators
        .observe(0, &history.leaves[0])
        .expect("the first");
    let again = indicators.observe(0, &history.leaves[0]);
    let (expected, found) = (1, 0);
    assert_eq!(again, Err(IndicatorError::OtherLeaf { expected, found }));
}

#[test]
fn what_is_kept_does_not_grow_with_claims() {
    // More than 28 weeks, so that the histories of all windows are full.
    let sizes = [250, 750].map(|batches| {
        let mut history = History::new(3);
        for _ in 0..batches {
            history.time += crate::history::DAY;
            history.earn(1);
        }
        let mut indicators = history.indicators(DEFAULT);
        history.observe(&mut indicators);
        indicators.save().expect("written").len()
    });
    // Only numbers get longer.
    assert!(sizes[1] < sizes[0] + 200, "{sizes:?}");
}

/// Regression: a rule that failed stopped all others for ever, so a watched distributor that read the rule file could end
/// the watch with five claims.
#[test]
fn a_rule_that_fails_is_told_and_the_others_go_on() {
    let failing = r#"
[[rule]]
id = "divides"
words = "Nothing."
severity = "notice"
subject = "distributor"
window_hours = 24
value = "claims < 5 ? 0 : 100 / (claims - 5)"
threshold = "0"
when = "claims > 1000"
"#;
    let both = format!("{failing}{OFTEN}");
    let mut history = History::new(6);
    for claims in [1, 5, 5, 9, 3] {
        history.earn(claims);
        history.time += crate::history::DAY;
    }
    history.earn(1);
    let mut alone = history.indicators(OFTEN);
    let expected = history.observe(&mut alone);
    assert_eq!(alone.take_failures(), []);
    let mut indicators = history.indicators(&both);
    let found = history.observe(&mut indicators);
    assert!(!expected.is_empty());
    let names = |findings: &[merits_indicators::Finding]| -> Vec<_> {
        let alerts = findings.iter().map(|found| &found.alert);
        alerts
            .map(|alert| (alert.rule.clone(), alert.from, alert.value))
            .collect()
    };
    assert_eq!(names(&found), names(&expected));
    // One for each window with five claims.
    let failures = indicators.take_failures();
    assert_eq!(failures.len(), 2, "{failures:?}");
    for failure in &failures {
        assert!(matches!(failure.fault, RuleError::Evaluation { .. }));
        assert!(failure.fault.to_string().contains("divides"));
        assert_eq!(failure.subjects, 1);
        assert_eq!(failure.until.since(failure.from), crate::history::DAY);
    }
    assert_eq!(indicators.take_failures(), []);
    assert_eq!(indicators.next(), 6);
}
