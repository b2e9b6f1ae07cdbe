//! Quorums on the ledger: 3 of 5 supervisors and 3 of 5 witnesses make their halves by entries, an epoch takes them,
//! and totals open with t partials a side.
//!
//! Failures are: a half that its holders did not all confirm comes into an epoch, a guilty holder is not named, an
//! attempt blocks others, or fewer than t holders open a total.

mod cheating;
mod epochs;
mod generations;
mod replays;
mod totals;

use std::time::Duration;

use merits_ledger::entry::{Entry, KeyGenerationMessage, QuorumEpochOpened};
use merits_ledger::state::{KeyGeneration, Progress};
use merits_ledger::{Appended, Refusal, State};
use merits_ledger_fixture::{Federation, Member, Quorum};
use merits_primitives::{calendar::Timestamp, ids::Epoch};
use merits_threshold::{Side, message::Round};

use crate::founded::Founded;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// The epoch that quorums make: the fixture's first has sole holders.
const EPOCH: Epoch = Epoch(2);

/// A founded ledger with five supervisors and five witnesses.
struct Quorums {
    ledger: Founded,
    federation: Federation,
}

impl Quorums {
    fn new() -> Self {
        let mut ledger = Founded::new();
        let federation = ledger.federation.clone();
        for admission in federation.admissions_of_quorums() {
            ledger.submit(&admission).expect("admitted");
        }
        Self { ledger, federation }
    }

    fn state(&self) -> &State {
        self.ledger.ledger.state()
    }

    fn now(&self) -> Timestamp {
        self.ledger.time
    }

    /// An attempt of 3 of 5 on this side. Nothing is submitted.
    fn attempt(&mut self, side: Side, attempt: u32) -> Quorum {
        self.attempt_of(EPOCH, side, attempt)
    }

    fn attempt_of(&mut self, epoch: Epoch, side: Side, attempt: u32) -> Quorum {
        let (members, deadline) = (self.federation.side(side), self.now() + DAY);
        let which = (epoch, side, attempt);
        let rng = &mut self.ledger.rng;
        Quorum::new(&self.federation, which, 3, members, deadline, rng)
    }

    fn open(&mut self, quorum: &Quorum) -> Result<Appended, Refusal> {
        let opener = self.federation.supervisor.clone();
        self.ledger.act(&opener, &quorum.opening())
    }

    fn publish(&mut self, (member, message): &(Member, KeyGenerationMessage)) {
        let entry = Entry::KeyGenerationMessage(message.clone());
        self.ledger.act(member, &entry).expect("in order");
    }

    /// Lets the holders publish, up to and with this round.
    fn play(&mut self, quorum: &mut Quorum, last: Round) {
        loop {
            let next = quorum.next(self.state());
            let mut next: Vec<_> = next
                .into_iter()
                .filter(|(_, message)| message.message.body.round() <= last)
                .collect();
            if next.is_empty() {
                return;
            }
            // Later rounds of the same holder wait until the others are as far.
            let first = next.iter().map(|(_, message)| message.message.body.round());
            let first = first.min().expect("not empty");
            next.retain(|(_, message)| message.message.body.round() == first);
            for message in &next {
                self.publish(message);
            }
        }
    }

    fn generation(&self, quorum: &Quorum) -> KeyGeneration {
        let opened = &quorum.opened;
        let generations = self.state().key_generations();
        let found = generations.get(opened.epoch, opened.side, opened.attempt);
        found.expect("rows in memory").expect("opened")
    }

    /// A half that is made, by the side's next attempt.
    fn made(&mut self, epoch: Epoch, side: Side) -> Quorum {
        let before = self.state().key_generations().attempts(epoch, side);
        let attempt = 1 + before.expect("rows in memory").len();
        let attempt = u32::try_from(attempt).expect("few");
        let mut quorum = self.attempt_of(epoch, side, attempt);
        self.open(&quorum).expect("opened");
        self.play(&mut quorum, Round::Reveal);
        assert!(matches!(
            self.generation(&quorum).progress,
            Progress::Done { .. }
        ));
        quorum
    }

    fn both(&mut self, epoch: Epoch) -> [Quorum; 2] {
        Side::BOTH.map(|side| self.made(epoch, side))
    }

    /// An epoch of these halves, active in an hour.
    fn epoch_of(&self, [supervisor, witness]: &[Quorum; 2]) -> QuorumEpochOpened {
        let from = self.now() + HOUR;
        QuorumEpochOpened {
            epoch: supervisor.opened.epoch,
            active_from: from,
            previous_accepted_until: from + DAY,
            readable_until: from + YEAR,
            supervisor: supervisor.opened.attempt,
            witness: witness.opened.attempt,
        }
    }

    /// Makes both halves, and opens the epoch.
    fn opened(&mut self) -> [Quorum; 2] {
        let halves = self.both(EPOCH);
        let opened = self.epoch_of(&halves);
        let entry = Federation::quorum_epoch(opened);
        self.ledger.supervise(&entry).expect("opened");
        halves
    }

    fn refused(&mut self, member: &Member, entry: &Entry, code: &str, field: &str) {
        let entry = self.federation.sign(entry, member);
        self.ledger.refused(&entry, code, field);
    }

    fn refused_epoch(&mut self, opened: QuorumEpochOpened, code: &str, field: &str) {
        let supervisor = self.federation.supervisor.clone();
        let entry = Federation::quorum_epoch(opened);
        self.refused(&supervisor, &entry, code, field);
    }
}
