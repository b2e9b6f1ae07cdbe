//! Rule files: each fault names the rule and the place.

use merits_indicators::{Count, Level, RuleError, RuleFile, SubjectKind};

use crate::history::DEFAULT;

fn file(subject: &str, value: &str, threshold: &str, when: &str) -> String {
    format!(
        "[[rule]]\nid = \"r\"\nwords = \"Words.\"\nseverity = \"notice\"\nsubject = \"{subject}\"\n\
         window_hours = 24\nvalue = '{value}'\nthreshold = '{threshold}'\nwhen = '{when}'\n"
    )
}

fn refused(text: &str) -> String {
    RuleFile::read(text)
        .expect_err("must be refused")
        .to_string()
}

#[test]
fn the_shipped_rules_are_good_and_explained() {
    let rules = RuleFile::read(DEFAULT).expect("good rules");
    assert_eq!(rules.rules.len(), 15);
    let page = include_str!("../../../../docs/src/indicators.md");
    for rule in &rules.rules {
        assert!(page.contains(&format!("`{}`", rule.id)), "{}", rule.id);
    }
    let figures = Count::ALL.iter().map(|count| count.name());
    for name in figures.chain(Level::ALL.iter().map(|level| level.name())) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
    for kind in SubjectKind::ALL {
        assert!(
            page.contains(&format!("`{}`", kind.name())),
            "{}",
            kind.name()
        );
    }
}

#[test]
fn an_expression_that_is_no_cel_names_rule_and_place() {
    let text = refused(&file("distributor", "claims +", "1", "true"));
    assert!(
        text.starts_with("rule \"r\", value, line 1 column "),
        "{text}"
    );
    let deep = format!("{}claims{}", "(".repeat(200), ")".repeat(200));
    let text = refused(&file("distributor", &deep, "1", "true"));
    assert!(text.starts_with("rule \"r\", value"), "{text}");
}

#[test]
fn a_name_that_the_subject_does_not_have_is_refused() {
    for (subject, name) in [
        ("distributor", "refusals"),
        ("sponsor", "claims"),
        ("scale", "claims_share"),
        ("ledger", "supply_used"),
    ] {
        let text = refused(&file(subject, name, "1", "true"));
        assert!(
            text.contains(&format!("`{name}` is no figure of a {subject}")),
            "{text}"
        );
    }
    // The value is known to the condition alone.
    let text = refused(&file("distributor", "threshold", "1", "true"));
    assert!(text.contains("`threshold` is no figure"), "{text}");
}

#[test]
fn a_rule_that_cannot_be_evaluated_never_passes() {
    let faults = [
        ("claims", "100 / claims_mean", "true", "threshold"),
        ("claims - 1", "1", "true", "value"),
        ("9223372036854775807 + 1", "1", "true", "value"),
        ("claims", "1", "claims", "when"),
        ("claims > 0", "1", "true", "value"),
    ];
    for (value, threshold, when, field) in faults {
        let error = RuleFile::read(&file("distributor", value, threshold, when));
        match error {
            Err(RuleError::Evaluation {
                rule, field: of, ..
            }) => {
                assert_eq!(
                    (rule.as_str(), of),
                    ("r", field),
                    "{value} {threshold} {when}"
                );
            }
            other => panic!("{value} {threshold} {when}: {other:?}"),
        }
    }
}

/// Regression: macros of CEL run as long as somebody writes them, and texts and lists grow.
#[test]
fn an_expression_has_numbers_and_operators_alone() {
    let loops = "[1, 2, 3].all(a, [1, 2, 3].all(b, [1, 2, 3].all(c, a + b + c > 0)))";
    for (expression, found) in [
        (loops, "a loop"),
        ("[1, 2].map(a, a * 2) == [2, 4]", "a loop"),
        ("claims in [1, 2]", "the function `@in`"),
        ("[claims][0] > 0", "the function `_[_]`"),
        ("[claims] == [0]", "a list"),
        ("{1: 2} == {1: 2}", "a map"),
        ("\"a\" + \"a\" == \"aa\"", "a text"),
        ("size(\"a\") > 0", "the function `size`"),
        ("\"a\".matches(\"a*\")", "the function `matches`"),
        ("claims * 1.5 > 1.5", "a decimal"),
        ("claims > 1u", "a number with `u`"),
        ("claims == null", "`null`"),
        ("claims.x > 0", "the field `.x`"),
        ("int(claims) > 0", "the function `int`"),
    ] {
        let text = refused(&file("distributor", "claims", "1", expression));
        let names = format!("rule \"r\", when: has {found}; write whole numbers");
        assert!(text.contains(&names), "{expression}: {text}");
    }
    let all = "!(claims + 1 - 1 * 2 / 2 % 3 == -4) && (value != 1 || 1 < 2 && 1 <= 2) || (2 > 1 ? 2 >= 1 : false)";
    RuleFile::read(&file("distributor", "claims", "1", all)).expect("all operators");
}

#[test]
fn fields_are_bounded() {
    let good = file("distributor", "claims", "1", "value > threshold");
    RuleFile::read(&good).expect("good");
    let changed = |from: &str, to: &str| refused(&good.replace(from, to));
    assert!(changed("id = \"r\"", "id = \"R 1\"").contains(", id: "));
    assert!(changed("id = \"r\"", "id = \"\"").contains(", id: "));
    assert!(changed("Words.", "").contains(", words: "));
    assert!(changed("Words.", "a\\u202eb").contains(", words: "));
    assert!(changed("= 24", "= 0").contains(", window_hours: "));
    assert!(changed("= 24", "= 9000").contains(", window_hours: "));
    assert!(changed("notice", "urgent").contains("severity"));
    assert!(changed("window_hours", "windows").contains("windows"));
    let twice = format!("{good}{good}");
    assert!(refused(&twice).contains("another rule has it"));
    assert!(matches!(
        RuleFile::read("rule = []"),
        Err(RuleError::RuleCount { found: 0 })
    ));
    let long = "#".repeat(70_000);
    assert!(matches!(
        RuleFile::read(&long),
        Err(RuleError::FileTooLong { found: 70_000 })
    ));
}
