//! Alerts: raised and handled.

use merits_ledger::entry::{AlertHandled, AlertRaised, AlertSubject, Entry};
use merits_ledger_fixture::{Member, START};
use merits_primitives::ids::{EntryId, PartyId};

use super::{DAY, Forgery, Supervised};
use crate::copies::Town;

pub(super) fn alert(town: &mut Town, supervisors: &[Member]) {
    let first = &supervisors[0];
    let of = |subject| AlertRaised {
        rule: "claims-jump".to_owned(),
        rules: [7; 32],
        subject,
        from: START - DAY,
        until: START,
        value: 900,
        threshold: 300,
    };
    let about = [town.federation.distributor.id, supervisors[1].id];
    let [silenced, acknowledged] = about.map(|party| {
        let raised = Entry::AlertRaised(of(AlertSubject::Party(party)));
        town.act(first, &raised).unwrap().id
    });
    let reason = "The distributor took over another's customers.".to_owned();
    let until = Some(town.time + DAY);
    for (alert, silent_until) in [(silenced, until), (silenced, None), (acknowledged, None)] {
        let handled = Entry::AlertHandled(AlertHandled {
            alert,
            silent_until,
            reason: reason.clone(),
        });
        town.act(first, &handled).unwrap();
    }
}

impl Supervised {
    pub(super) fn alerts(&self) -> Vec<Forgery> {
        let [first, second, ..] = &self.supervisors[..] else {
            unreachable!()
        };
        let raised = self
            .ledger
            .places(|entry| matches!(entry, Entry::AlertRaised(_)));
        let handled = self
            .ledger
            .places(|entry| matches!(entry, Entry::AlertHandled(_)));
        let Entry::AlertRaised(alert) = self.entry(raised[0]) else {
            unreachable!()
        };
        let Entry::AlertHandled(silence) = self.entry(handled[0]) else {
            unreachable!()
        };
        let Entry::AlertHandled(last) = self.entry(handled[2]) else {
            unreachable!()
        };
        let raise = |raised| self.by(first, &Entry::AlertRaised(raised));
        let handle = |handled| self.by(first, &Entry::AlertHandled(handled));
        let again = AlertRaised {
            value: 901,
            ..alert.clone()
        };
        let open = AlertRaised {
            until: self.time(raised[0]) + DAY,
            ..alert.clone()
        };
        let stranger = AlertRaised {
            subject: AlertSubject::Party(PartyId([9; 32])),
            ..alert
        };
        let unknown = AlertHandled {
            alert: EntryId([9; 32]),
            ..silence.clone()
        };
        let long = AlertHandled {
            silent_until: Some(self.time(handled[0]) + 100 * DAY),
            ..silence.clone()
        };
        let twice = AlertHandled {
            alert: silence.alert,
            reason: "It is over.".to_owned(),
            ..last
        };
        vec![
            (
                "alert: by one who may not",
                raised[0],
                self.instead(raised[0], &self.parties().distributor),
                "lacks the role",
            ),
            (
                "alert: of a window that is not over",
                raised[0],
                raise(open),
                "the window",
            ),
            (
                "alert: about a party that is none",
                raised[0],
                raise(stranger),
                "is not admitted",
            ),
            (
                "alert: raised twice",
                raised[1],
                raise(again),
                "already used by an earlier entry",
            ),
            (
                "alert: handled, but never raised",
                handled[0],
                handle(unknown),
                "is unknown",
            ),
            (
                "alert: silenced for too long",
                handled[0],
                handle(long),
                "the silence until",
            ),
            (
                "alert: handled after it was acknowledged",
                handled[2],
                handle(twice),
                "already acknowledged",
            ),
            (
                "alert: handled by whom it is about",
                handled[2],
                self.instead(handled[2], second),
                "about the party that handles it",
            ),
        ]
    }
}
