//! Endorsements in a real ledger: who counts is what its state says.

use merits_ledger::{
    Role, Thresholds,
    entry::{Act, OpeningContent, ProposalTerms, StandingChange, ThresholdsChanged},
};
use merits_primitives::ids::{EntryId, PartyId};
use merits_supervisor::{
    acts::EntrySigner,
    holder::OpeningAsk,
    request::request_content,
    view::{LedgerView as _, Vouched},
};

use super::{
    DAY, NOW, federation,
    ledger::{Federation, apply, key, origin, scale},
};

/// A ledger of three supervisors, on which one alone decides until the thresholds are changed.
struct Three {
    fed: Federation,
    batch: EntryId,
    second: EntrySigner,
    third: EntrySigner,
    number: u32,
}

impl Three {
    fn new() -> Self {
        let (mut fed, batch) = federation();
        let mut admitted = |name, number| {
            let application = apply(name, Role::Supervisor, number);
            let party = application.party(&origin());
            let entry = fed.supervisor.admit(application, ProposalTerms::AT_ONCE);
            fed.submit(&entry.unwrap());
            EntrySigner::new(origin(), party, key(number))
        };
        let second = admitted("second supervisor", 21);
        let third = admitted("third supervisor", 22);
        Self {
            fed,
            batch,
            second,
            third,
            number: 0,
        }
    }

    /// `members` decide from now on, for every act.
    fn take(&mut self, members: u16) {
        let generation = self.fed.state().board().generation() + 1;
        let thresholds = Thresholds {
            ordinary: members,
            trust: members,
            delay_seconds: 0,
            consents: 0,
        };
        self.decide(Act::ThresholdsChanged(ThresholdsChanged {
            generation,
            thresholds,
        }));
    }

    /// By all that decide, whoever they are.
    fn decide(&mut self, act: Act) {
        let alone = self.fed.state().demands(&act).is_alone();
        self.number += 1;
        let terms = ProposalTerms {
            number: self.number,
            policy: self.fed.state().board().generation(),
            until: (!alone).then_some(NOW + DAY),
        };
        let proposed = self.fed.supervisor.propose(act, terms);
        let id = self.fed.submit(&proposed);
        if !alone {
            self.fed.submit(&self.third.endorse(id, 1));
            self.fed.submit(&self.third.enact(id));
        }
    }

    fn request(&mut self, claim: u16) -> OpeningAsk {
        let content = request_content(self.batch, claim, "sample 7", &mut rand::rng()).unwrap();
        let signed = (self.fed.supervisor).request_opening(scale(), &content, NOW + DAY);
        let request = self.fed.submit(&signed);
        OpeningAsk {
            origin: origin(),
            request,
            content,
        }
    }

    fn endorse(&mut self, by: fn(&Self) -> &EntrySigner, ask: &OpeningAsk, number: u32) {
        let entry = by(self).endorse_opening(ask.request, &ask.content, number);
        self.fed.submit(&entry);
    }

    /// What both holders say, under a log for which witnesses vouch.
    fn answers(&mut self, ask: &OpeningAsk) -> Vec<&'static str> {
        let mut holders = std::mem::take(&mut self.fed.holders);
        let codes = holders.iter_mut().map(|holder| {
            let view = self.fed.view().vouched_for(Vouched::AsOf(Some(NOW)));
            match holder.answer_opening(&view, ask, NOW, &mut rand::rng()) {
                Ok(_) => "answered",
                Err(refused) => refused.code().as_str(),
            }
        });
        let codes = codes.collect();
        self.fed.holders = holders;
        codes
    }

    fn counted(&self, ask: &OpeningAsk) -> (Vec<PartyId>, u16) {
        let view = self.fed.view();
        let logged = view.request(&ask.request).unwrap().expect("logged");
        let endorsing = logged.endorsing(&ask.origin, &ask.request, &ask.content);
        (endorsing.collect(), logged.needed)
    }
}

const ANSWERED: [&str; 2] = ["answered"; 2];
const TOO_FEW: [&str; 2] = ["act-endorsements"; 2];

fn second(three: &Three) -> &EntrySigner {
    &three.second
}

fn third(three: &Three) -> &EntrySigner {
    &three.third
}

#[test]
fn nothing_changes_where_one_supervisor_decides_alone() {
    let mut three = Three::new();
    let ask = three.request(0);
    assert_eq!(three.counted(&ask), (vec![three.fed.supervisor.party()], 1));
    assert_eq!(three.answers(&ask), ANSWERED);
}

#[test]
fn the_higher_of_both_thresholds_counts() {
    let mut three = Three::new();
    let before = three.request(0);
    three.take(2);
    // One that was requested when one supervisor decided is not answered without others now.
    assert_eq!(three.answers(&before), TOO_FEW);
    three.endorse(second, &before, 1);
    assert_eq!(three.answers(&before), ANSWERED);

    let ask = three.request(1);
    three.take(1);
    assert_eq!(three.counted(&ask).1, 2, "as many as it took then");
    assert_eq!(three.answers(&ask), TOO_FEW);
    three.endorse(second, &ask, 1);
    assert_eq!(three.answers(&ask), ANSWERED);
}

#[test]
fn a_voice_counts_while_it_stands_and_its_member_too() {
    let mut three = Three::new();
    three.take(2);
    let ask = three.request(0);
    assert_eq!(three.answers(&ask), TOO_FEW);
    three.endorse(second, &ask, 1);
    assert_eq!(three.answers(&ask), ANSWERED);

    let revoked = three.second.disown_opening(ask.request, 1);
    three.fed.submit(&revoked);
    assert_eq!(three.answers(&ask), TOO_FEW);
    three.endorse(second, &ask, 2);
    assert_eq!(three.answers(&ask), ANSWERED);

    three.decide(Act::PartySuspended(StandingChange {
        party: three.second.party(),
        sequence: 1,
        basis: "decision 7".to_owned(),
    }));
    assert_eq!(three.answers(&ask), TOO_FEW);
    three.endorse(third, &ask, 1);
    assert_eq!(three.answers(&ask), ANSWERED);
    let own = three.fed.supervisor.disown_opening(ask.request, 1);
    three.fed.submit(&own);
    assert_eq!(three.answers(&ask), TOO_FEW);
}

/// The ledger takes it, because it does not know the content; holders do.
#[test]
fn an_endorsement_of_something_else_is_not_counted() {
    let mut three = Three::new();
    three.take(2);
    let (ask, other) = (three.request(0), three.request(1));
    let blind = OpeningContent {
        nonce: [0; 32],
        ..ask.content.clone()
    };
    for (number, content) in [(1, &other.content), (2, &blind)] {
        let entry = three.second.endorse_opening(ask.request, content, number);
        three.fed.submit(&entry);
        assert_eq!(three.answers(&ask), TOO_FEW);
        assert_eq!(three.answers(&other), TOO_FEW);
        let revoked = three.second.disown_opening(ask.request, number);
        three.fed.submit(&revoked);
    }
    three.endorse(second, &ask, 3);
    assert_eq!(three.answers(&ask), ANSWERED);
    assert_eq!(three.answers(&other), TOO_FEW);
}
