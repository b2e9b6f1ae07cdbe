//! Holders answer an opening that the board endorsed, under a log for which witnesses vouch. The failure is a claim
//! that one supervisor opens alone, however many servers answer by themselves.

use std::time::Duration;

use merits_ledger::{entry::OpeningContent, state::OpeningVoice};
use merits_primitives::ids::{Credits, EntryId, PartyId};
use merits_supervisor::{
    holder::{LONGEST_VOUCHED, OpeningAsk, Refused, SealedPartial},
    requester::{OpeningFault, combine},
    side::Side,
    view::Vouched,
};

use super::memory_log::{Federation, NOW, SUPERVISOR, WITNESS};

const SECOND: PartyId = PartyId([11; 32]);
const THIRD: PartyId = PartyId([12; 32]);

/// Two of three supervisors decide, and witnesses vouched a minute ago.
struct Board {
    fed: Federation,
    entry: EntryId,
    ask: OpeningAsk,
}

impl Board {
    fn new() -> Self {
        let mut fed = Federation::new();
        let standing = fed.log.parties[&SUPERVISOR];
        for member in [SECOND, THIRD] {
            fed.log.parties.insert(member, standing);
        }
        fed.log.vouched = Vouched::AsOf(Some(Self::ago(60)));
        let entry = fed.append_batch(&[10, 20, 30]);
        let ask = Self::request(&mut fed, entry, 0);
        Self { fed, entry, ask }
    }

    fn ago(seconds: u64) -> merits_primitives::calendar::Timestamp {
        NOW - Duration::from_secs(seconds)
    }

    fn request(fed: &mut Federation, entry: EntryId, claim: u16) -> OpeningAsk {
        let ask = fed.append_request(entry, claim, SUPERVISOR);
        fed.log.requests.get_mut(&ask.request).unwrap().needed = 2;
        ask
    }

    /// What stands in the log beside the requester's own voice.
    fn voices(&mut self, voices: &[OpeningVoice]) {
        let request = self.fed.log.requests.get_mut(&self.ask.request).unwrap();
        request.endorsed.truncate(1);
        request.endorsed.extend(voices);
    }

    fn saw(&self, member: PartyId, request: &EntryId, content: &OpeningContent) -> OpeningVoice {
        let seen = content.seen_by(&self.fed.log.origin, request, &member);
        OpeningVoice {
            member,
            number: 1,
            endorses: true,
            seen: Some(seen),
        }
    }

    fn good(&self, member: PartyId) -> OpeningVoice {
        self.saw(member, &self.ask.request, &self.ask.content)
    }

    /// Both holders say the same, and neither writes a line for a refusal.
    #[track_caller]
    fn answers(&mut self, expected: &str) {
        let ask = self.ask.clone();
        for side in [Side::Supervisor, Side::Witness] {
            assert_eq!(code(&self.fed.ask(side, &ask)), expected, "{side}");
        }
        if expected != "answered" {
            assert!(self.fed.supervisor.journal().answers() == 0);
            assert!(self.fed.witness.journal().answers() == 0);
        }
    }
}

fn code(answer: &Result<SealedPartial, Refused>) -> &'static str {
    match answer {
        Ok(_) => "answered",
        Err(refused) => refused.code().as_str(),
    }
}

#[test]
fn the_threshold_of_members_opens_a_claim() {
    let mut board = Board::new();
    board.voices(&[]);
    board.answers("act-endorsements");
    let second = board.good(SECOND);
    board.voices(&[second]);
    board.answers("answered");
    let answers = board.fed.ask_both(&board.ask);
    let opened = combine(&board.fed.log, &board.ask, &board.fed.key, &answers).unwrap();
    assert_eq!(opened.earned, Credits(10).into());
}

#[test]
fn an_endorsement_without_the_content_does_not_count() {
    let mut board = Board::new();
    let (request, content) = (board.ask.request, board.ask.content.clone());
    let other = Board::request(&mut board.fed, board.entry, 1);
    let altered = |change: fn(&mut OpeningContent)| {
        let mut altered = content.clone();
        change(&mut altered);
        board.saw(SECOND, &request, &altered)
    };
    let copied = OpeningVoice {
        member: SECOND,
        ..board.good(THIRD)
    };
    let wrong = [
        // Of another request, of its content under this request, and of this content under another.
        board.saw(SECOND, &other.request, &other.content),
        board.saw(SECOND, &request, &other.content),
        board.saw(SECOND, &other.request, &content),
        altered(|content| content.claim = 1),
        altered(|content| content.basis = "curiosity".to_owned()),
        altered(|content| content.nonce = [0; 32]),
        // What another member saw.
        copied,
    ];
    for voice in wrong {
        board.voices(&[voice]);
        board.answers("act-endorsements");
    }
    let right = board.good(SECOND);
    board.voices(&[right]);
    board.answers("answered");
}

/// The log's view leaves out who revoked or is suspended: the requester is no exception.
#[test]
fn a_requester_that_revoked_is_not_counted() {
    let mut board = Board::new();
    let voices = [board.good(SECOND), board.good(THIRD)];
    board.voices(&voices);
    let request = board.fed.log.requests.get_mut(&board.ask.request).unwrap();
    request.endorsed.remove(0);
    request.endorsed.pop();
    board.answers("act-endorsements");
    let request = board.fed.log.requests.get_mut(&board.ask.request).unwrap();
    request.endorsed.clear();
    // On a board of one too.
    request.needed = 1;
    board.answers("act-endorsements");
}

#[test]
fn an_altered_request_has_no_endorsements() {
    let mut board = Board::new();
    let second = board.good(SECOND);
    board.voices(&[second]);
    board.ask.content.claim = 1;
    board.answers("request-mismatch");
    // The same commitment and voices under another id, as an altered deadline would give.
    board.ask.content.claim = 0;
    let logged = board.fed.log.requests[&board.ask.request].clone();
    board.ask.request = EntryId([77; 32]);
    board.fed.log.requests.insert(board.ask.request, logged);
    board.answers("act-endorsements");
}

#[test]
fn a_log_for_which_nobody_vouches_now_gets_no_answer() {
    let mut board = Board::new();
    let second = board.good(SECOND);
    board.voices(&[second]);
    let oldest = NOW - LONGEST_VOUCHED;
    for (vouched, expected) in [
        (Vouched::Undemanded, "copy-unreadable"),
        (Vouched::AsOf(None), "busy"),
        (Vouched::AsOf(Some(Board::ago(601))), "busy"),
        (
            Vouched::AsOf(Some(oldest - Duration::from_millis(1))),
            "busy",
        ),
        (Vouched::AsOf(Some(oldest)), "answered"),
        (Vouched::AsOf(Some(NOW)), "answered"),
    ] {
        board.fed.log.vouched = vouched;
        let ask = board.ask.clone();
        for side in [Side::Supervisor, Side::Witness] {
            assert_eq!(code(&board.fed.ask(side, &ask)), expected, "{vouched:?}");
        }
    }
}

/// One supervisor that decides alone may have no witnesses. If it has, they must vouch.
#[test]
fn a_board_of_one_answers_as_it_is_configured() {
    let mut board = Board::new();
    let request = board.fed.log.requests.get_mut(&board.ask.request).unwrap();
    request.needed = 1;
    for (vouched, expected) in [
        (Vouched::Undemanded, "answered"),
        (Vouched::AsOf(Some(NOW)), "answered"),
        (Vouched::AsOf(None), "busy"),
        (Vouched::AsOf(Some(Board::ago(700))), "busy"),
    ] {
        board.fed.log.vouched = vouched;
        let ask = board.ask.clone();
        assert_eq!(code(&board.fed.ask(Side::Witness, &ask)), expected);
    }
}

/// Endorsements of one request open neither another claim of the batch nor the same claim again.
#[test]
fn one_endorsed_request_opens_one_claim() {
    let mut board = Board::new();
    let second = board.good(SECOND);
    board.voices(&[second]);
    let answers = board.fed.ask_both(&board.ask);
    for claim in [0, 1, 2] {
        let other = Board::request(&mut board.fed, board.entry, claim);
        let refused = board.fed.ask(Side::Witness, &other);
        assert_eq!(code(&refused), "act-endorsements");
        // The partials of the endorsed request are of no use for it.
        assert_eq!(
            combine(&board.fed.log, &other, &board.fed.key, &answers),
            Err(OpeningFault::Unreadable {
                side: Side::Supervisor,
                holder: SUPERVISOR
            })
        );
    }
    assert_eq!(board.fed.witness.journal().answers(), 1);
    assert_eq!(board.fed.witness.id(), WITNESS);
}
