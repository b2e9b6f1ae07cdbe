//! Members of the board endorse an opening before holders answer it: the ledger keeps each voice once, and none of
//! somebody who has none.

use std::time::Duration;

use crate::founded::Founded;
use merits_ledger::entry::{
    Act, Entry, OpeningCompleted, OpeningContent, OpeningDisowned, OpeningEndorsed,
    OpeningRequested, StandingChange, ThresholdsChanged,
};
use merits_ledger::state::{Opening, OpeningVoice};
use merits_ledger::{BoardFacts, LedgerPolicy, MemoryStore, Role, Sequencer, State, Thresholds};
use merits_ledger_fixture::{Federation, Member, acts};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, PartyId},
};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn content() -> OpeningContent {
    OpeningContent {
        entry: EntryId([4; 32]),
        claim: 2,
        basis: "court order 12/26".to_owned(),
        nonce: [8; 32],
    }
}

/// A ledger of three supervisors, of whom two decide.
struct Three {
    ledger: Founded,
    second: Member,
    third: Member,
}

impl Three {
    fn new() -> Self {
        let mut ledger = Founded::new();
        let origin = ledger.federation.origin.clone();
        let member = |name, seed| Member::new(&origin, name, &[Role::Supervisor], seed);
        let (second, third) = (
            member("second supervisor", 101),
            member("third supervisor", 102),
        );
        for member in [&second, &third] {
            let admitted = acts::admitted(member.application(&origin));
            ledger.supervise(&admitted).expect("admitted");
        }
        Self {
            ledger,
            second,
            third,
        }
    }

    fn two_decide(&mut self) {
        let changed = Act::ThresholdsChanged(ThresholdsChanged {
            generation: 1,
            thresholds: Thresholds {
                ordinary: 2,
                trust: 2,
                delay_seconds: 0,
                consents: 0,
            },
        });
        self.ledger
            .supervise(&acts::at_once(changed))
            .expect("changed");
    }

    fn request(&mut self) -> EntryId {
        let (federation, time) = (&self.ledger.federation, self.ledger.time);
        let requested = Entry::OpeningRequested(OpeningRequested {
            commitment: content().commitment(&federation.origin),
            scale: federation.scale_id(),
            deadline: time + HOUR,
        });
        self.ledger.supervise(&requested).expect("requested").id
    }

    fn endorsement(&self, member: &Member, request: EntryId, number: u32) -> Entry {
        let origin = &self.ledger.federation.origin;
        Entry::OpeningEndorsed(OpeningEndorsed {
            request,
            number,
            seen: content().seen_by(origin, &request, &member.id),
        })
    }

    fn refused(&mut self, member: &Member, entry: &Entry, code: &str, field: &str) {
        let signed = self.ledger.federation.sign(entry, member);
        self.ledger.refused(&signed, code, field);
    }

    fn opening(&self, request: &EntryId) -> Opening {
        let openings = self.ledger.ledger.state().openings();
        let opening = openings.get(request).expect("rows in memory");
        opening.expect("it is there")
    }
}

fn disowned(request: EntryId, number: u32) -> Entry {
    Entry::OpeningDisowned(OpeningDisowned { request, number })
}

#[test]
fn a_voice_is_given_once_revoked_once_and_given_again() {
    let mut three = Three::new();
    three.two_decide();
    let (second, requester) = (
        three.second.clone(),
        three.ledger.federation.supervisor.clone(),
    );
    let request = three.request();
    let own = OpeningVoice {
        member: requester.id,
        number: 1,
        endorses: true,
        seen: None,
    };
    assert_eq!(three.opening(&request).voices, [own]);
    assert_eq!(three.opening(&request).needed, 2);

    // The request is the requester's endorsement.
    let again = three.endorsement(&requester, request, 2);
    three.refused(&requester, &again, "voice-standing", "number");
    three.refused(&second, &disowned(request, 1), "voice-missing", "number");
    let skipped = three.endorsement(&second, request, 2);
    three.refused(&second, &skipped, "out-of-sequence", "number");
    let first = three.endorsement(&second, request, 1);
    three.ledger.act(&second, &first).expect("endorsed");
    let next = three.endorsement(&second, request, 2);
    three.refused(&second, &next, "voice-standing", "number");
    three.refused(&second, &disowned(request, 2), "voice-missing", "number");

    let revoked = disowned(request, 1);
    three.ledger.act(&second, &revoked).expect("revoked");
    assert!(!three.opening(&request).voices[1].endorses);
    three.refused(&second, &disowned(request, 2), "voice-missing", "number");
    three.ledger.act(&second, &next).expect("endorsed again");
    let voice = three.opening(&request).voices[1];
    assert_eq!((voice.number, voice.endorses), (2, true));

    let revoked = disowned(request, 1);
    three
        .ledger
        .act(&requester, &revoked)
        .expect("its own request");
    let renewed = three.endorsement(&requester, request, 2);
    three.ledger.act(&requester, &renewed).expect("it stands");
    let voice = three.opening(&request).voices[0];
    assert_eq!((voice.number, voice.seen), (2, None));
}

#[test]
fn nobody_without_a_seat_endorses_and_nothing_that_is_over_is_endorsed() {
    let mut three = Three::new();
    three.two_decide();
    let (second, third) = (three.second.clone(), three.third.clone());
    let federation = three.ledger.federation.clone();
    let request = three.request();
    let of = |three: &Three, member: &Member| three.endorsement(member, request, 1);
    for stranger in [&federation.witness, &federation.distributor] {
        let entry = of(&three, stranger);
        three.refused(stranger, &entry, "role-missing", "");
        three.refused(stranger, &disowned(request, 1), "role-missing", "");
    }
    let unknown = three.endorsement(&second, EntryId([9; 32]), 1);
    three.refused(&second, &unknown, "request-unknown", "");
    three.refused(
        &second,
        &disowned(EntryId([9; 32]), 1),
        "request-unknown",
        "",
    );

    let complete = |request| {
        let result = [1; 32];
        Entry::OpeningCompleted(OpeningCompleted { request, result })
    };
    let other = three.request_with(1);
    three
        .ledger
        .supervise(&complete(other))
        .expect("what happened is recorded");
    let late = three.endorsement(&second, other, 1);
    three.refused(&second, &late, "request-standing", "");

    // After the deadline nobody answers. A voice can still be taken back.
    let entry = of(&three, &third);
    three.ledger.act(&third, &entry).expect("endorsed");
    three.ledger.time += HOUR;
    let entry = of(&three, &second);
    three.refused(&second, &entry, "deadline-past", "request");
    let revoked = disowned(request, 1);
    three.ledger.act(&third, &revoked).expect("revoked");
}

impl Three {
    /// Another request of the same content: its deadline differs.
    fn request_with(&mut self, later: u64) -> EntryId {
        self.ledger.time += Duration::from_secs(later);
        self.request()
    }
}

#[test]
fn a_request_keeps_what_an_act_took_then() {
    let mut three = Three::new();
    let request = three.request();
    assert_eq!(three.opening(&request).needed, 1);
    three.two_decide();
    let later = three.request();
    assert_eq!(
        (three.opening(&request).needed, three.opening(&later).needed),
        (1, 2)
    );
    assert_ne!(request, later);
}

#[test]
fn a_suspended_supervisor_endorses_nothing() {
    let mut three = Three::new();
    let request = three.request();
    let suspended = acts::suspended(StandingChange {
        party: three.second.id,
        sequence: 1,
        basis: "decision 7".to_owned(),
    });
    three.ledger.supervise(&suspended).expect("suspended");
    let second = three.second.clone();
    let entry = three.endorsement(&second, request, 1);
    three.refused(&second, &entry, "party-suspended", "party");
}

#[test]
fn the_founding_facts_bound_the_deadline() {
    let policy = |federation: &Federation| LedgerPolicy {
        board: BoardFacts::alone().opening_within(30).expect("days"),
        ..federation.policy()
    };
    let mut ledger = Founded::empty();
    let federation = ledger.federation.clone();
    let state = State::new(policy(&federation));
    ledger.ledger = Sequencer::new(state, MemoryStore::new(), federation.signer());
    for entry in federation.founding_entries(&mut ledger.rng) {
        ledger.submit(&entry).expect("founded");
    }
    let request = |deadline: Timestamp| {
        let requested = Entry::OpeningRequested(OpeningRequested {
            commitment: content().commitment(&federation.origin),
            scale: federation.scale_id(),
            deadline,
        });
        federation.sign(&requested, &federation.supervisor)
    };
    let time = ledger.time + Duration::from_secs(1);
    let far = request(time + 30 * DAY + Duration::from_millis(1));
    ledger.refused_at(&far, time, "deadline", "deadline");
    let refusal = ledger.submit_at(&far, time).expect_err("too far");
    assert!(refusal.to_string().contains("at most 30 days"), "{refusal}");
    ledger
        .submit_at(&request(time + 30 * DAY), time)
        .expect("as far as it may be");
}

/// What a member writes is its own, and of one content and request.
#[test]
fn what_a_member_saw_is_bound_to_member_request_and_content() {
    let federation = Founded::empty().federation;
    let (origin, request, member) = (&federation.origin, EntryId([1; 32]), PartyId([2; 32]));
    let seen = content().seen_by(origin, &request, &member);
    let altered = |change: fn(&mut OpeningContent)| {
        let mut altered = content();
        change(&mut altered);
        altered.seen_by(origin, &request, &member)
    };
    for other in [
        content().seen_by(origin, &EntryId([9; 32]), &member),
        content().seen_by(origin, &request, &PartyId([9; 32])),
        altered(|content| content.entry = EntryId([5; 32])),
        altered(|content| content.claim = 3),
        altered(|content| content.basis.push('.')),
        altered(|content| content.nonce[0] ^= 1),
    ] {
        assert_ne!(seen, other);
    }
    assert_ne!(seen, content().commitment(origin));
}
