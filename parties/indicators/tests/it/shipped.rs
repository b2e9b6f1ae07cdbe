//! Each shipped rule holds for what it is about, and not for a little less.

use std::collections::BTreeSet;

use merits_indicators::RuleFile;
use merits_ledger::{
    Role,
    entry::{
        EmergencySuspended, Entry, EvaluationCounted, Redeemed, TagDealingMessage,
        TagDealingOpened, TermsPublished, TicketDeposited,
    },
};
use merits_ledger_fixture::{Citizen, Member, Stage};
use merits_primitives::{
    calendar::Day,
    ids::{Credits, EntryId, PartyId},
};
use merits_threshold::tags::message::{TagBody, TagMessage, TagVerdict};
use merits_verifier::{codec::Canonical as _, entry::Leaf};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::history::{DAY, DEFAULT, History};

/// The rules that hold at the end of a history.
fn found(mut history: History) -> BTreeSet<String> {
    // Ends the windows of a day and of a week.
    history.time += DAY * 8;
    history.earn(1);
    let mut indicators = history.indicators(DEFAULT);
    let findings = history.observe(&mut indicators).into_iter();
    findings.map(|finding| finding.alert.rule).collect()
}

/// Whether a rule holds for so many of something, and not for one fewer.
fn holds_from(rule: &str, least: usize, history: impl Fn(usize) -> History) {
    assert!(found(history(least)).contains(rule), "{rule}: {least}");
    let fewer = found(history(least - 1));
    assert!(!fewer.contains(rule), "{rule}: {} {fewer:?}", least - 1);
}

/// A redemption and a deposit as a ledger has them.
fn samples() -> (Redeemed, TicketDeposited) {
    let mut stage = Stage::new(StdRng::seed_from_u64(31)).expect("a ledger");
    let citizen = Citizen::new(1);
    let note = stage.earner(&citizen).expect("earns");
    let offer = stage.offer(Credits(10), 5).expect("an offer");
    stage.redeem(&citizen, &[note], offer).expect("redeems");
    let (mut redeemed, mut deposited) = (None, None);
    for bytes in stage.ledger.store().leaves() {
        let leaf = Leaf::from_bytes(bytes).expect("a leaf");
        match Entry::decode(leaf.entry.kind, &leaf.entry.statement) {
            Some(Ok(Entry::Redeemed(entry))) => redeemed = Some(entry),
            Some(Ok(Entry::TicketDeposited(entry))) => deposited = Some(entry),
            _ => {}
        }
    }
    (
        redeemed.expect("a redemption"),
        deposited.expect("a deposit"),
    )
}

/// Two more members of a role beside the fixture's.
fn two_more(history: &History, role: Role) -> [Member; 2] {
    let origin = &history.federation.origin;
    [(71, "second"), (72, "third")].map(|(seed, name)| Member::new(origin, name, &[role], seed))
}

#[test]
fn supply_used() {
    holds_from("supply-nearly-used", 9, |claims| {
        let mut history = History::new(41);
        let federation = history.federation.clone();
        let mut scale = federation.scale(1);
        scale.supply_cap = Some(Credits(scale.max_credits.0 * 10));
        history.push(&Entry::ScaleProposed(scale), &federation.issuer);
        history.earn(claims);
        history
    });
}

#[test]
fn redemptions_of_what_was_issued() {
    let (redeemed, _) = samples();
    // Each takes a tenth of the most that two claims can have given.
    holds_from("redemption-rate", 6, |times| {
        let mut history = History::new(42);
        let federation = history.federation.clone();
        let scale = federation.scale(1);
        let price = Credits(scale.max_credits.0 / 5);
        history.push(&Entry::ScaleProposed(scale), &federation.issuer);
        let offer = federation.offer(price, 100);
        let offer = history.push(&Entry::OfferPublished(offer), &federation.sponsor);
        history.earn(2);
        redeem(&mut history, &redeemed, offer, &federation.exchange, times);
        history
    });
}

fn redeem(history: &mut History, sample: &Redeemed, offer: EntryId, by: &Member, times: usize) {
    let mut redeemed = sample.clone();
    redeemed.offer = offer;
    for _ in 0..times {
        history.push(&Entry::Redeemed(redeemed.clone()), by);
    }
}

#[test]
fn one_distributor_and_one_source_of_three() {
    let history = |others: usize| {
        let mut history = History::new(43);
        let federation = history.federation.clone();
        let distributors = two_more(&history, Role::Distributor);
        let sources = two_more(&history, Role::Source);
        for _ in 0..9 {
            history.earn(16);
        }
        for number in 0..others {
            let mut batch = federation.batch(1, &mut StdRng::seed_from_u64(7));
            batch.source = sources[number % 2].id;
            history.push(&Entry::EarnBatch(batch), &distributors[number % 2]);
        }
        found(history)
    };
    // 144 of 160 claims are nine tenths; of 161 they are less. Of two parties, one has the most of course.
    for (others, expected) in [(1, false), (2, true), (16, true), (17, false)] {
        let found = history(others);
        for rule in ["one-distributor", "one-source"] {
            assert_eq!(
                found.contains(rule),
                expected,
                "{rule}, {others}: {found:?}"
            );
        }
    }
}

#[test]
fn one_sponsor_and_one_exchange_of_three() {
    let (sample, _) = samples();
    let history = |others: usize| {
        let mut history = History::new(44);
        let federation = history.federation.clone();
        let sponsors = two_more(&history, Role::Sponsor);
        let exchanges = two_more(&history, Role::Exchange);
        let offer = Entry::OfferPublished(federation.offer(Credits(1), 1_000));
        let own = history.push(&offer, &federation.sponsor);
        let offers = [0, 1].map(|number| history.push(&offer, &sponsors[number]));
        redeem(&mut history, &sample, own, &federation.exchange, 108);
        for number in 0..others {
            let (offer, by) = (offers[number % 2], &exchanges[number % 2]);
            redeem(&mut history, &sample, offer, by, 1);
        }
        found(history)
    };
    for (others, expected) in [(2, true), (12, true), (13, false)] {
        let found = history(others);
        for rule in ["one-sponsor", "one-exchange"] {
            assert_eq!(
                found.contains(rule),
                expected,
                "{rule}, {others}: {found:?}"
            );
        }
    }
}

#[test]
fn openings_of_a_supervisor() {
    holds_from("many-openings", 11, |openings| {
        let mut history = History::new(45);
        for _ in 0..openings {
            let request = history.request(history.time + DAY);
            history.reveal(request);
        }
        history
    });
}

#[test]
fn an_emergency_suspension() {
    holds_from("emergency", 1, |times| {
        let mut history = History::new(46);
        let federation = history.federation.clone();
        let suspended = Entry::EmergencySuspended(EmergencySuspended {
            party: federation.source.id,
            number: 1,
            basis: "test".to_owned(),
        });
        history.earn(1);
        for _ in 0..times {
            history.push(&suspended, &federation.supervisor);
        }
        history
    });
}

#[test]
fn evaluations_against_registrations() {
    holds_from("unused-evaluations", 21, |evaluations| {
        let mut history = History::new(47);
        let federation = history.federation.clone();
        let mut rng = StdRng::seed_from_u64(47);
        for number in 0..evaluations {
            let counted = Entry::EvaluationCounted(EvaluationCounted {
                registrar: federation.registrar.id,
                number: number as u64,
                request: rng.random(),
            });
            history.push(&counted, &federation.evaluator);
        }
        history
    });
}

/// 30 people whom two of three evaluators registered, and so many answers for nobody.
#[test]
fn answers_of_several_evaluators_for_one_person_are_used() {
    holds_from("unused-evaluations", 27, |unused| {
        let mut history = History::new(52);
        let federation = history.federation.clone();
        let evaluator = &federation.evaluator;
        let opened = TagDealingOpened {
            generation: 1,
            attempt: 1,
            needed: 2,
            holders: (1..=3).map(|number| PartyId([number; 32])).collect(),
            dealers: Vec::new(),
            deadline: history.time + DAY,
        };
        history.push(&Entry::TagDealingOpened(opened), evaluator);
        let confirmed = Entry::TagDealingMessage(TagDealingMessage {
            generation: 1,
            opener: evaluator.id,
            message: TagMessage {
                dealing: [0; 32],
                body: TagBody::Verdict(TagVerdict::Fits([0; 32])),
            },
        });
        for _ in 0..3 {
            history.push(&confirmed, evaluator);
        }
        for number in 0..60 + unused {
            let counted = Entry::EvaluationCounted(EvaluationCounted {
                registrar: federation.registrar.id,
                number: number as u64,
                request: [7; 32],
            });
            history.push(&counted, evaluator);
        }
        for number in 0..30 {
            let citizen = Citizen::new(number);
            let registered = federation.registration(&citizen, Day::FIRST, EntryId([8; 32]));
            history.push(
                &Entry::IdentityRegistered(registered),
                &federation.registrar,
            );
        }
        history
    });
}

#[test]
fn an_evaluator_that_answers_far_more_than_it_used_to() {
    holds_from("evaluations-jump", 23, |evaluations| {
        let mut history = History::new(53);
        let federation = history.federation.clone();
        let count = |history: &mut History, number: usize| {
            let counted = Entry::EvaluationCounted(EvaluationCounted {
                registrar: federation.registrar.id,
                number: number as u64,
                request: [9; 32],
            });
            history.push(&counted, &federation.evaluator);
        };
        for day in 0..6 {
            count(&mut history, day);
            history.time += DAY;
        }
        for number in 0..evaluations {
            count(&mut history, number);
        }
        history
    });
}

#[test]
fn terms_that_few_tickets_name() {
    let (_, sample) = samples();
    let history = |few: usize| {
        let mut history = History::new(48);
        let federation = history.federation.clone();
        let distributor = federation.distributor.clone();
        let digests = ["For everybody.", "For one person."].map(|text| {
            let terms = TermsPublished {
                scale: federation.scale_id(),
                text: text.to_owned(),
            };
            let digest = terms.digest();
            history.push(&Entry::TermsPublished(terms), &distributor);
            digest
        });
        // Terms of this week's are not judged yet.
        history.time += DAY * 8;
        for (digest, times) in digests.into_iter().zip([100, few]) {
            let mut deposit = sample.clone();
            deposit.terms = digest;
            for _ in 0..times {
                history.push(&Entry::TicketDeposited(deposit.clone()), &distributor);
            }
        }
        found(history)
    };
    assert!(history(4).contains("rare-terms"));
    assert!(!history(5).contains("rare-terms"));
}

/// Every shipped rule has such a test, here or in `fraud.rs`.
#[test]
fn every_shipped_rule_is_tested() {
    let rules = RuleFile::read(DEFAULT).expect("good rules");
    let tests = [include_str!("shipped.rs"), include_str!("fraud.rs")].concat();
    for rule in &rules.rules {
        assert!(tests.contains(&format!("\"{}\"", rule.id)), "{}", rule.id);
    }
}
