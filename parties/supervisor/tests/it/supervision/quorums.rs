//! Openings and totals where many holders share each half: 3 of 5 supervisors and 2 of 3 witnesses, with real key
//! generations.

use std::collections::BTreeMap;

use merits_ledger::state::IntervalTotal;
use merits_primitives::{
    ids::{Credits, EntryId, Epoch, Origin, PartyId},
    jubjub::random_scalar,
    sum::Sum,
};
use merits_supervisor::{
    dkg::share_file::QuorumShare,
    holder::{Holder, SealedPartial, TotalPartial},
    journal::Journal,
    requester::{OpeningFault, combine, combine_and_name, fewest_holders},
    side::Side,
    totals::{TotalFault, TotalSet},
    view::{
        LedgerView, LoggedBatch, LoggedRedemption, LoggedRequest, PartyStanding, QuorumHalf,
        Unreadable, Vouched,
    },
};
use merits_threshold::{
    ceremony::Ceremony,
    message::Slot,
    participant::Participant,
    quorum::{Partial, PartialFault, SecretShare},
    standing::{Board, Outcome, Standing},
};
use merits_verifier::possession::TotalsKey;
use rand::RngExt as _;
use zeroize::Zeroizing;

use super::memory_log::{
    CREDITS, EPOCH, Federation, MemoryLog, NOW, PublishedHalf, SUPERVISOR, handle_of, origin,
};

/// A log in which quorums hold the halves.
struct QuorumLog {
    log: MemoryLog,
    halves: BTreeMap<bool, QuorumHalf>,
}

impl LedgerView for QuorumLog {
    fn origin(&self) -> &Origin {
        self.log.origin()
    }
    fn vouched(&self) -> Vouched {
        self.log.vouched()
    }
    fn party(&self, id: &PartyId) -> Option<PartyStanding> {
        self.log.party(id)
    }
    fn request(&self, id: &EntryId) -> Result<Option<LoggedRequest>, Unreadable> {
        self.log.request(id)
    }
    fn batch(&self, id: &EntryId) -> Result<Option<LoggedBatch>, Unreadable> {
        self.log.batch(id)
    }
    fn redemption(&self, id: &EntryId) -> Result<Option<LoggedRedemption>, Unreadable> {
        self.log.redemption(id)
    }
    fn quorum(&self, epoch: Epoch, side: Side) -> Option<QuorumHalf> {
        let half = self.halves.get(&(side == Side::Witness));
        half.filter(|_| epoch == EPOCH).cloned()
    }
    fn destroyed(&self, _: Epoch, _: Side, _: &PartyId) -> Result<bool, Unreadable> {
        Ok(false)
    }
    fn interval(&self, key: &TotalsKey, number: u32) -> Result<Option<IntervalTotal>, Unreadable> {
        self.log.interval(key, number)
    }
    fn intervals(&self, key: &TotalsKey) -> Result<Vec<(u32, IntervalTotal)>, Unreadable> {
        self.log.intervals(key)
    }
}

/// A key generation of one side, in memory.
fn generated(side: Side, needed: u16, holders: u8) -> (Outcome, Vec<QuorumShare>) {
    let first = if side == Side::Supervisor { 100 } else { 200 };
    let rng = &mut rand::rng();
    let members: Vec<PartyId> = (first..)
        .take(holders.into())
        .map(|number| PartyId([number; 32]))
        .collect();
    let ceremony =
        Ceremony::new(origin(), EPOCH, 1, side, needed, members.clone()).expect("a ceremony");
    let mut parties: Vec<Participant> = members
        .iter()
        .map(|member| {
            let seed = Zeroizing::new(rng.random::<[u8; 32]>());
            Participant::begin(&ceremony, *member, seed).expect("a member")
        })
        .collect();
    let mut board = Board::new();
    let outcome = loop {
        let mut ends = Vec::new();
        for party in &mut parties {
            let seen = party.advance(&ceremony, &board).expect("a turn");
            let me = party.me();
            let new: Vec<(Slot, Vec<u8>)> = party
                .unpublished(&board)
                .into_iter()
                .map(|(round, bytes)| (Slot { round, party: me }, bytes.to_vec()))
                .collect();
            board.extend(new);
            if let Standing::Done(outcome) = seen {
                ends.push(*outcome);
            }
        }
        if ends.len() == parties.len() {
            break ends.swap_remove(0);
        }
    };
    let shares = parties
        .iter()
        .map(|party| {
            let shares = party.shares(&ceremony).expect("shares");
            QuorumShare::new(&ceremony, &outcome, shares)
        })
        .collect();
    (outcome, shares)
}

/// A federation whose halves are quorums', and its holders: five supervisors, then three witnesses.
fn federation() -> (Federation, QuorumLog, Vec<Holder>) {
    let mut fed = Federation::new();
    let (supervisors, first) = generated(Side::Supervisor, 3, 5);
    let (witnesses, second) = generated(Side::Witness, 2, 3);
    // Batches are encrypted to the sums of the halves.
    let half = |outcome: &Outcome| PublishedHalf {
        holder: PartyId([0; 32]),
        claim: outcome.claim.key(),
        total: outcome.total.key(),
    };
    fed.log.halves.supervisor = half(&supervisors);
    fed.log.halves.witness = half(&witnesses);
    let holders = first
        .into_iter()
        .chain(second)
        .map(|share| {
            let path = fed.dir.path().join(format!("{}.jsonl", share.holder()));
            let journal = Journal::open(&path).expect("a journal");
            Holder::new(share.holder(), [share], journal)
        })
        .collect();
    let quorum = |outcome: Outcome| QuorumHalf {
        claim: outcome.claim,
        total: outcome.total,
    };
    let log = QuorumLog {
        log: fed.log.clone(),
        halves: BTreeMap::from([(false, quorum(supervisors)), (true, quorum(witnesses))]),
    };
    (fed, log, holders)
}

#[test]
fn a_claim_opens_with_the_threshold_of_both_sides_and_with_no_less() {
    let (mut fed, mut log, mut holders) = federation();
    let entry = fed.append_batch(&[10, 20, 30]);
    let ask = fed.append_request(entry, 1, SUPERVISOR);
    log.log = fed.log.clone();
    let answers: Vec<SealedPartial> = holders
        .iter_mut()
        .map(|holder| {
            holder
                .answer_opening(&log, &ask, NOW, &mut rand::rng())
                .expect("answered")
        })
        .collect();
    let chosen = |places: &[usize]| -> Vec<SealedPartial> {
        places.iter().map(|place| answers[*place].clone()).collect()
    };
    for places in [
        &[0, 1, 2, 5, 6][..],
        &[4, 2, 0, 7, 5],
        &[0, 1, 2, 3, 4, 5, 6, 7],
    ] {
        let opened = combine(&log, &ask, &fed.key, &chosen(places)).expect("enough");
        assert_eq!(opened.earned, Credits(20).into(), "{places:?}");
        assert_eq!(opened.handle, handle_of(0, 1));
    }
    // So many are asked for before a request goes on the ledger.
    assert_eq!(fewest_holders(&log, &entry), Ok(Some(3 + 2)));
    assert_eq!(fewest_holders(&log, &EntryId([9; 32])), Ok(None));
    let few = |places: &[usize]| combine(&log, &ask, &fed.key, &chosen(places));
    let missing = |side, needed, right| {
        Err(OpeningFault::TooFew {
            side,
            needed,
            right,
            faults: Vec::new(),
        })
    };
    assert_eq!(few(&[0, 1, 5, 6]), missing(Side::Supervisor, 3, 2));
    let said = few(&[0, 1, 2, 5]).expect_err("one witness").to_string();
    assert_eq!(
        said,
        "of the holders of the witness's half, 1 answered rightly, and 2 must"
    );
    assert_eq!(few(&[0, 1, 2, 5]), missing(Side::Witness, 2, 1));
    // All supervisors together are not the witnesses.
    assert_eq!(few(&[0, 1, 2, 3, 4]), missing(Side::Witness, 2, 0));
    assert_eq!(few(&[5, 6, 7]), missing(Side::Supervisor, 3, 0));
    // One answer three times is one answer.
    assert_eq!(few(&[0, 0, 0, 5, 6]), missing(Side::Supervisor, 3, 1));
}

#[test]
fn a_wrong_answer_is_named_and_the_others_open() {
    let (mut fed, mut log, mut holders) = federation();
    let entry = fed.append_batch(&[10, 20, 30]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    let other = fed.append_request(entry, 2, SUPERVISOR);
    log.log = fed.log.clone();
    let mut answers: Vec<SealedPartial> = Vec::new();
    for (place, holder) in holders.iter_mut().enumerate() {
        // The second answers to another request, the third from another share.
        let asked = if place == 1 { &other } else { &ask };
        let answer = holder.answer_opening(&log, asked, NOW, &mut rand::rng());
        answers.push(answer.expect("answered"));
    }
    let liar = holders[2].id();
    let false_share =
        SecretShare::new(liar, Zeroizing::new(random_scalar(&mut rand::rng()))).expect("not zero");
    answers[2] = {
        use merits_primitives::jubjub::Point;
        use merits_supervisor::{
            holder::{SEALED_PARTIAL, sealing_context},
            request::opening_context,
        };
        let ey = log.log.batches[0].1.claims[0].ciphertext.ey.0;
        let base = Point::from_y(ey).expect("a point");
        let context = opening_context(&origin(), EPOCH, &ask.request, &entry, 0, &liar);
        let partial = false_share.partial(&base, &context, &mut rand::rng());
        let message = [partial.image.to_bytes(), partial.proof.to_bytes()].concat();
        let bound = sealing_context(&origin(), &ask.request, &liar);
        let to = fed.key.public();
        let sealed = merits_sealing::seal(&to, SEALED_PARTIAL, &bound, &message, &mut rand::rng());
        SealedPartial {
            holder: liar,
            sealed: sealed.expect("sealed"),
        }
    };
    let side = Side::Supervisor;
    let faults = vec![
        OpeningFault::Unreadable {
            side,
            holder: holders[1].id(),
        },
        OpeningFault::BadPartial { side, holder: liar },
    ];
    let combined = combine_and_name(&log, &ask, &fed.key, &answers).expect("enough are right");
    assert_eq!(combined.opened.earned, Credits(10).into());
    assert_eq!(combined.faults, faults);
    // Without one more, it does not open, and both are named.
    answers.remove(0);
    let refused = combine(&log, &ask, &fed.key, &answers).expect_err("two are right");
    assert!(refused.to_string().contains(&liar.to_string()), "{refused}");
    let few = OpeningFault::TooFew {
        side,
        needed: 3,
        right: 2,
        faults,
    };
    assert_eq!(refused, few);
}

#[test]
fn a_holder_answers_with_the_share_that_the_log_has_for_it_only() {
    let (mut fed, mut log, mut holders) = federation();
    let entry = fed.append_batch(&[10, 20, 30]);
    let ask = fed.append_request(entry, 0, SUPERVISOR);
    log.log = fed.log.clone();
    // Another run of the key generation made the half that the log has.
    let (again, _) = generated(Side::Supervisor, 3, 5);
    let half = QuorumHalf {
        claim: again.claim,
        total: again.total,
    };
    log.halves.insert(false, half);
    let mut answer = |place: usize| {
        holders[place]
            .answer_opening(&log, &ask, NOW, &mut rand::rng())
            .map_err(|refused| refused.code().as_str())
            .map(|_| ())
    };
    assert_eq!(answer(0), Err("epoch-not-held"));
    assert_eq!(answer(5), Ok(()));
}

#[test]
fn a_total_opens_with_the_threshold_of_both_sides() {
    let (mut fed, mut log, mut holders) = federation();
    fed.append_batch(&[10, 20, 30]);
    fed.append_batch(&[1, 2, 3]);
    fed.cut();
    log.log = fed.log.clone();
    let set = TotalSet::check(&log, CREDITS, 0).expect("a set");
    let ask = set.ask(&log);
    let mut answers: Vec<TotalPartial> = holders
        .iter_mut()
        .map(|holder| {
            holder
                .answer_total(&log, &ask, NOW, &mut rand::rng())
                .expect("answered")
        })
        .collect();
    let opened = set.open(&log, &answers).expect("enough");
    assert_eq!((opened.sum, opened.wrong), (Sum(66), Vec::new()));
    // One lies, and four others of its side are right.
    let liar = answers[3].holder;
    answers[3].partial = answers[4].partial;
    let opened = set.open(&log, &answers).expect("enough");
    assert_eq!(
        (opened.sum, opened.wrong.clone()),
        (Sum(66), vec![PartialFault::Wrong(liar)])
    );
    // What goes on the log are the right ones of the first three and two.
    let partials = opened.partials.expect("the sum was hidden");
    let holders = |partials: &[Partial]| -> Vec<PartyId> {
        partials.iter().map(|partial| partial.holder).collect()
    };
    assert_eq!(
        [holders(&partials.supervisor), holders(&partials.witness)],
        [
            [0, 1, 2].map(|place| answers[place].holder).to_vec(),
            vec![answers[5].holder, answers[6].holder]
        ]
    );
    answers.drain(..2);
    assert_eq!(
        set.open(&log, &answers),
        Err(TotalFault::TooFew {
            side: Side::Supervisor,
            needed: 3,
            right: 2,
            wrong: vec![PartialFault::Wrong(liar)],
        })
    );
}
