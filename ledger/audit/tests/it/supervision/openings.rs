//! Openings: requests, endorsements, completions and reveals.

use merits_ledger::entry::{
    Entry, OpeningCompleted, OpeningContent, OpeningDisowned, OpeningEndorsed, OpeningRequested,
    OpeningRevealed,
};
use merits_ledger_fixture::{Citizen, Member};
use merits_primitives::ids::{Credits, EntryId, ScaleId};

use super::{DAY, Forgery, Supervised};
use crate::copies::Town;

fn content(entry: EntryId, nonce: u8) -> OpeningContent {
    OpeningContent {
        entry,
        claim: 0,
        basis: "court order 12/26".to_owned(),
        nonce: [nonce; 32],
    }
}

/// A claim of a person, and a redemption of its credits.
fn earned_and_redeemed(town: &mut Town) -> [EntryId; 2] {
    let citizen = Citizen::new(1);
    town.register(&citizen).unwrap();
    let consented = town.deposit(&citizen).unwrap();
    let (batch, notes) = town.batch(&[consented]).unwrap();
    let batch = town.submit(&batch).unwrap().id;
    let offer = town.offer(Credits(60), 10).unwrap();
    let (redemption, _) = town.redeem(&citizen, &notes[..1], offer).unwrap();
    [batch, redemption]
}

pub(super) fn open(town: &mut Town, supervisors: &[Member]) {
    let (first, second) = (&supervisors[0], &supervisors[1]);
    let origin = town.federation.origin.clone();
    let [batch, redemption] = earned_and_redeemed(town);
    let requested = |town: &Town, content: &OpeningContent| OpeningRequested {
        commitment: content.commitment(&origin),
        scale: town.federation.scale_id(),
        deadline: town.time + DAY,
    };
    let claim = content(batch, 8);
    let request = Entry::OpeningRequested(requested(town, &claim));
    let request = town.act(first, &request).unwrap().id;
    let endorsed = |request: EntryId, number, content: &OpeningContent| {
        let seen = content.seen_by(&origin, &request, &second.id);
        Entry::OpeningEndorsed(OpeningEndorsed {
            request,
            number,
            seen,
        })
    };
    let disowned = OpeningDisowned { request, number: 1 };
    let completed = OpeningCompleted {
        request,
        result: [1; 32],
    };
    let revealed = OpeningRevealed {
        request,
        content: claim.clone(),
    };
    town.act(second, &endorsed(request, 1, &claim)).unwrap();
    town.act(second, &Entry::OpeningDisowned(disowned)).unwrap();
    town.act(second, &endorsed(request, 2, &claim)).unwrap();
    town.act(first, &Entry::OpeningCompleted(completed))
        .unwrap();
    town.act(first, &Entry::OpeningRevealed(revealed)).unwrap();
    let redeemer = content(redemption, 9);
    let request = Entry::RedeemerRequested(requested(town, &redeemer));
    let request = town.act(first, &request).unwrap().id;
    town.act(second, &endorsed(request, 1, &redeemer)).unwrap();
}

impl Supervised {
    pub(super) fn requests(&self) -> Vec<Forgery> {
        let [first, second, ..] = &self.supervisors[..] else {
            unreachable!()
        };
        let parties = self.parties();
        let claim = self
            .ledger
            .place(|entry| matches!(entry, Entry::OpeningRequested(_)));
        let redeemer = self
            .ledger
            .place(|entry| matches!(entry, Entry::RedeemerRequested(_)));
        let Entry::OpeningRequested(asked) = self.entry(claim) else {
            unreachable!()
        };
        let Entry::RedeemerRequested(who) = self.entry(redeemer) else {
            unreachable!()
        };
        let over = OpeningRequested {
            deadline: self.time(claim),
            ..asked.clone()
        };
        let far = OpeningRequested {
            deadline: self.time(redeemer) + 10_000 * DAY,
            ..who.clone()
        };
        let elsewhere = OpeningRequested {
            scale: ScaleId::new("no-such-scale").unwrap(),
            ..asked
        };
        let endorsed = self
            .ledger
            .places(|entry| matches!(entry, Entry::OpeningEndorsed(_)));
        let disowned = self
            .ledger
            .place(|entry| matches!(entry, Entry::OpeningDisowned(_)));
        let Entry::OpeningEndorsed(voice) = self.entry(endorsed[0]) else {
            unreachable!()
        };
        let unknown = OpeningEndorsed {
            request: EntryId([9; 32]),
            ..voice
        };
        let skipped = OpeningEndorsed { number: 3, ..voice };
        let not_given = OpeningDisowned {
            request: voice.request,
            number: 2,
        };
        let request = |requested| self.by(first, &Entry::OpeningRequested(requested));
        let voice = |member, voice| self.by(member, &Entry::OpeningEndorsed(voice));
        vec![
            (
                "request: of a claim, by one who may not",
                claim,
                self.instead(claim, &parties.distributor),
                "lacks the role",
            ),
            (
                "request: its deadline is over",
                claim,
                request(over),
                "the deadline",
            ),
            (
                "request: of a scale that is none",
                claim,
                request(elsewhere),
                "is unknown",
            ),
            (
                "request: of a redeemer, by one who may not",
                redeemer,
                self.instead(redeemer, &parties.witness),
                "lacks the role",
            ),
            (
                "request: of a redeemer, its deadline is too far",
                redeemer,
                self.by(first, &Entry::RedeemerRequested(far)),
                "the deadline",
            ),
            (
                "request: of a redeemer, changed after it was signed",
                redeemer,
                self.unsigned(redeemer),
                "signature",
            ),
            (
                "endorsement: by one without a seat",
                endorsed[0],
                self.instead(endorsed[0], &parties.exchange),
                "lacks the role",
            ),
            (
                "endorsement: by the requester, who endorses already",
                endorsed[0],
                self.instead(endorsed[0], first),
                "has said so already",
            ),
            (
                "endorsement: of a request that is none",
                endorsed[0],
                voice(second, unknown),
                "is unknown",
            ),
            (
                "endorsement: out of sequence",
                endorsed[0],
                voice(second, skipped),
                "must be 1 and is 3",
            ),
            (
                "endorsement: of a redeemer's request, with another's signature",
                endorsed[2],
                self.unsigned(endorsed[2]),
                "signature",
            ),
            (
                "endorsement: revoked, but never given",
                disowned,
                self.by(second, &Entry::OpeningDisowned(not_given)),
                "no endorsement",
            ),
            (
                "endorsement: revoked by another member",
                disowned,
                self.instead(disowned, &self.supervisors[2]),
                "no endorsement",
            ),
        ]
    }

    pub(super) fn ends(&self) -> Vec<Forgery> {
        let [first, second, ..] = &self.supervisors[..] else {
            unreachable!()
        };
        let completed = self
            .ledger
            .place(|entry| matches!(entry, Entry::OpeningCompleted(_)));
        let revealed = self
            .ledger
            .place(|entry| matches!(entry, Entry::OpeningRevealed(_)));
        let redeemer = self
            .ledger
            .place(|entry| matches!(entry, Entry::RedeemerRequested(_)));
        let Entry::OpeningRevealed(told) = self.entry(revealed) else {
            unreachable!()
        };
        let again = OpeningCompleted {
            request: told.request,
            result: [2; 32],
        };
        let early = OpeningRevealed {
            request: self.signed(redeemer).id(),
            ..told.clone()
        };
        let unknown = OpeningCompleted {
            request: EntryId([9; 32]),
            result: [1; 32],
        };
        let another = |change: fn(&mut OpeningContent)| {
            let mut changed = told.clone();
            change(&mut changed.content);
            self.by(first, &Entry::OpeningRevealed(changed))
        };
        let mismatch = "does not open the commitment";
        vec![
            (
                "completion: of another's request",
                completed,
                self.instead(completed, second),
                "belongs to another party",
            ),
            (
                "completion: of a request that is none",
                completed,
                self.by(first, &Entry::OpeningCompleted(unknown)),
                "is unknown",
            ),
            (
                "completion: a second one",
                revealed,
                self.by(first, &Entry::OpeningCompleted(again)),
                "is already completed",
            ),
            (
                "reveal: of another's request",
                revealed,
                self.instead(revealed, second),
                "belongs to another party",
            ),
            (
                "reveal: of another claim",
                revealed,
                another(|content| content.claim += 1),
                mismatch,
            ),
            (
                "reveal: of another batch",
                revealed,
                another(|content| content.entry = EntryId([5; 32])),
                mismatch,
            ),
            (
                "reveal: another basis",
                revealed,
                another(|content| content.basis.push('.')),
                mismatch,
            ),
            (
                "reveal: of a request that is not there yet",
                revealed,
                self.by(first, &Entry::OpeningRevealed(early)),
                "is unknown",
            ),
        ]
    }
}
