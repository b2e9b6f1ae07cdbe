//! Alerts: raised once for an occasion, silenced for a bounded time, acknowledged once.

use std::time::Duration;

use crate::founded::Founded;
use merits_ledger::entry::{AlertHandled, AlertRaised, AlertSubject, Entry, MAX_RULE_ID_BYTES};
use merits_ledger::state::{ALERT_ENTRIES_A_DAY, LONGEST_SILENCE, LONGEST_WINDOW};
use merits_ledger_fixture::START;
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId, ScaleId},
};

const DAY: Duration = Duration::from_secs(86_400);

fn raised(ledger: &Founded) -> AlertRaised {
    AlertRaised {
        rule: "claims-jump".to_owned(),
        rules: [7; 32],
        subject: AlertSubject::Party(ledger.federation.distributor.id),
        from: START - DAY,
        until: START,
        value: 900,
        threshold: 300,
    }
}

fn handled(alert: EntryId, silent_until: Option<Timestamp>) -> Entry {
    Entry::AlertHandled(AlertHandled {
        alert,
        silent_until,
        reason: "The distributor took over another's customers; see letter 7.".to_owned(),
    })
}

fn refused(ledger: &mut Founded, entry: &Entry, code: &str, field: &str) {
    let signed = ledger
        .federation
        .sign(entry, &ledger.federation.supervisor.clone());
    ledger.refused(&signed, code, field);
}

#[test]
fn an_alert_is_raised_once_for_each_occasion() {
    let mut ledger = Founded::new();
    let alert = raised(&ledger);
    let id = ledger
        .supervise(&Entry::AlertRaised(alert.clone()))
        .expect("raised")
        .id;
    let kept = ledger.ledger.state().alerts().get(&id).expect("rows");
    let kept = kept.expect("the alert");
    assert_eq!(kept.raised, alert);
    assert!(kept.is_open(ledger.time));

    // Other figures are no other occasion.
    let again = AlertRaised {
        value: 901,
        ..alert.clone()
    };
    refused(
        &mut ledger,
        &Entry::AlertRaised(again),
        "alert-raised-before",
        "",
    );
    // Each part of the occasion makes another one.
    let others = [
        AlertRaised {
            rule: "claims-jumped".to_owned(),
            ..alert.clone()
        },
        AlertRaised {
            rules: [8; 32],
            ..alert.clone()
        },
        AlertRaised {
            subject: AlertSubject::Scale(ledger.federation.scale_id()),
            ..alert.clone()
        },
        AlertRaised {
            subject: AlertSubject::Ledger,
            ..alert.clone()
        },
        AlertRaised {
            from: START - Duration::from_millis(1),
            ..alert.clone()
        },
        AlertRaised {
            until: START + Duration::from_millis(1),
            ..alert
        },
    ];
    for other in others {
        ledger
            .supervise(&Entry::AlertRaised(other))
            .expect("another occasion");
    }
    let mut ids = Vec::new();
    let visited = ledger.ledger.state().alerts().each(|id, _| ids.push(id));
    visited.expect("rows");
    assert_eq!(ids.len(), 7);
    assert!(ids.is_sorted());
}

#[test]
fn an_alert_has_a_window_and_a_subject_that_exist() {
    let mut ledger = Founded::new();
    let alert = raised(&ledger);
    let empty = AlertRaised {
        until: alert.from,
        ..alert.clone()
    };
    let turned = AlertRaised {
        from: alert.until,
        until: alert.from,
        ..alert.clone()
    };
    let later = AlertRaised {
        from: ledger.time + DAY,
        until: ledger.time + DAY + DAY,
        ..alert.clone()
    };
    // It began, and is judged only when it is over.
    let open = AlertRaised {
        until: ledger.time + DAY,
        ..alert.clone()
    };
    let long = AlertRaised {
        from: alert.until - LONGEST_WINDOW - Duration::from_millis(1),
        ..alert.clone()
    };
    for wrong in [empty, turned, later, open, long] {
        refused(
            &mut ledger,
            &Entry::AlertRaised(wrong),
            "alert-window",
            "until",
        );
    }
    let stranger = AlertRaised {
        subject: AlertSubject::Party(PartyId([9; 32])),
        ..alert.clone()
    };
    refused(
        &mut ledger,
        &Entry::AlertRaised(stranger),
        "party-unknown",
        "party",
    );
    let nowhere = AlertRaised {
        subject: AlertSubject::Scale(ScaleId::new("no-such-scale").expect("a name")),
        ..alert.clone()
    };
    refused(
        &mut ledger,
        &Entry::AlertRaised(nowhere),
        "scale-unknown",
        "scale",
    );
    // An alert has no sentence, and so no person's name in it.
    for rule in ["", "claims\njump", "claims jump", "Zhang", "张伟"] {
        let misleading = AlertRaised {
            rule: rule.to_owned(),
            ..alert.clone()
        };
        refused(
            &mut ledger,
            &Entry::AlertRaised(misleading),
            "malformed",
            "rule",
        );
    }
    let longest = AlertRaised {
        rule: "r".repeat(MAX_RULE_ID_BYTES),
        from: alert.until - LONGEST_WINDOW,
        ..alert
    };
    ledger
        .supervise(&Entry::AlertRaised(longest))
        .expect("within the bounds");
}

/// A stolen key, or a rule that always holds, does not fill the disks of all participants.
#[test]
fn a_supervisor_has_so_many_entries_about_alerts_a_day() {
    let mut ledger = Founded::new();
    let supervisor = ledger.federation.supervisor.clone();
    let alert = raised(&ledger);
    let numbered = |number: u32| {
        Entry::AlertRaised(AlertRaised {
            rule: format!("rule-{number}"),
            ..alert.clone()
        })
    };
    let day = ledger.time;
    let mut first = None;
    for number in 1..ALERT_ENTRIES_A_DAY {
        let signed = ledger.federation.sign(&numbered(number), &supervisor);
        let taken = ledger.submit_at(&signed, day).expect("within the limit");
        first.get_or_insert(taken.id);
    }
    // The last one is a silence: both kinds count.
    let first = first.expect("an alert");
    let silence = |days: u32| handled(first, Some(day + DAY * days));
    let signed = ledger.federation.sign(&silence(1), &supervisor);
    ledger.submit_at(&signed, day).expect("the last of the day");
    for entry in [numbered(0), silence(2), handled(first, None)] {
        let signed = ledger.federation.sign(&entry, &supervisor);
        ledger.refused_at(&signed, day, "alert-quota", "");
    }
    // A refused entry uses nothing up: it is taken on the next day.
    let signed = ledger.federation.sign(&numbered(0), &supervisor);
    ledger
        .submit_at(&signed, day + DAY)
        .expect("another day has begun");
}

#[test]
fn an_alert_is_silenced_for_a_bounded_time_and_acknowledged_once() {
    let mut ledger = Founded::new();
    let alert = Entry::AlertRaised(raised(&ledger));
    let id = ledger.supervise(&alert).expect("raised").id;
    let unknown = handled(EntryId([1; 32]), None);
    refused(&mut ledger, &unknown, "alert-unknown", "alert");

    let now = ledger.time;
    let past = handled(id, Some(now));
    refused(&mut ledger, &past, "alert-silence", "silent until");
    let long = handled(id, Some(now + LONGEST_SILENCE + DAY));
    refused(&mut ledger, &long, "alert-silence", "silent until");

    let until = now + DAY;
    ledger
        .supervise(&handled(id, Some(until)))
        .expect("silenced");
    let kept = ledger.ledger.state().alerts().get(&id).expect("rows");
    let kept = kept.expect("the alert");
    assert!(!kept.is_open(until - Duration::from_millis(1)));
    assert!(kept.is_open(until));
    // A silence is only made longer.
    let shorter = handled(id, Some(until - Duration::from_secs(60)));
    refused(&mut ledger, &shorter, "alert-silence", "silent until");

    ledger.supervise(&handled(id, None)).expect("acknowledged");
    let longer = handled(id, Some(until + DAY));
    refused(&mut ledger, &longer, "alert-acknowledged", "");
    let kept = ledger.ledger.state().alerts().get(&id).expect("rows");
    let kept = kept.expect("the alert");
    assert!(!kept.is_open(until + DAY));
    assert_eq!(kept.acknowledged, Some(ledger.federation.supervisor.id));
}

#[test]
fn nobody_handles_an_alert_about_itself() {
    let mut ledger = Founded::new();
    let alert = AlertRaised {
        subject: AlertSubject::Party(ledger.federation.supervisor.id),
        ..raised(&ledger)
    };
    let id = ledger
        .supervise(&Entry::AlertRaised(alert))
        .expect("raised")
        .id;
    for silent_until in [None, Some(ledger.time + DAY)] {
        let own = handled(id, silent_until);
        refused(&mut ledger, &own, "alert-about-itself", "party");
    }
}

/// Regression: an alert was acknowledged for good without a word.
#[test]
fn handling_needs_a_reason() {
    let mut ledger = Founded::new();
    let alert = raised(&ledger);
    let id = ledger
        .supervise(&Entry::AlertRaised(alert))
        .expect("raised")
        .id;
    for reason in ["", " ", "\n\t "] {
        let entry = Entry::AlertHandled(AlertHandled {
            alert: id,
            silent_until: None,
            reason: reason.to_owned(),
        });
        let signed = ledger
            .federation
            .sign(&entry, &ledger.federation.supervisor.clone());
        let read = Entry::decode(signed.kind, &signed.statement).expect("a known kind");
        assert!(read.is_err(), "{reason:?}");
    }
}
