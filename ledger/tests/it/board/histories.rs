//! Random histories of a board against a second judge, which counts voices on its own.

use super::*;
use merits_ledger::Replay;
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

/// What the second judge knows of a proposal.
struct Proposed {
    id: EntryId,
    what: What,
    trust: bool,
    watched: bool,
    needed: usize,
    policy: u32,
    until: Timestamp,
    enacted: bool,
    /// By seat: how often it endorsed, and since when it does.
    voices: Vec<(u32, Option<Timestamp>)>,
}

/// What a proposal changes that the second judge must know.
#[derive(Clone, Copy)]
enum What {
    Nothing,
    Suspends(usize),
    Reinstates(usize),
    Trust(u16),
}

/// The second judge. Seats 0 to 4 are supervisors, 5 to 7 witnesses.
struct Judge {
    standing: [bool; 5],
    changes: [u32; 5],
    trust: u16,
    generation: u32,
    proposals: Vec<Proposed>,
}

/// Refusals that say something about voices and times, and nothing about the act's content.
const OF_VOICES: [&str; 7] = [
    "act-unknown",
    "act-enacted",
    "act-over",
    "act-policy-moved",
    "act-endorsements",
    "act-consents",
    "act-too-early",
];

impl Judge {
    fn permits(&self, proposed: &Proposed, time: Timestamp) -> bool {
        if proposed.enacted || time > proposed.until || proposed.policy != self.generation {
            return false;
        }
        let now = if proposed.trust { self.trust.into() } else { 2 };
        let needed = proposed.needed.max(now);
        let since = |seats: std::ops::Range<usize>| {
            let voices = seats.filter(|seat| *seat > 4 || self.standing[*seat]);
            let mut times: Vec<_> = voices.filter_map(|seat| proposed.voices[seat].1).collect();
            times.sort();
            times
        };
        let (members, witnesses) = (since(0..5), since(5..8));
        if members.len() < needed {
            return false;
        }
        let mut last = members[needed - 1];
        if proposed.watched {
            if witnesses.len() < 2 {
                return false;
            }
            last = last.max(witnesses[1]);
        }
        let delay = if proposed.trust {
            2 * DAY
        } else {
            Duration::ZERO
        };
        time >= last + delay
    }

    fn take(&mut self, what: What) {
        match what {
            What::Nothing => {}
            What::Suspends(seat) => {
                self.standing[seat] = false;
                self.changes[seat] += 1;
            }
            What::Reinstates(seat) => {
                self.standing[seat] = true;
                self.changes[seat] += 1;
            }
            What::Trust(trust) => {
                self.trust = trust;
                self.generation += 1;
            }
        }
    }
}

struct Play {
    board: Board,
    judge: Judge,
    newcomers: u8,
}

impl Play {
    fn seat(&self, seat: usize) -> Member {
        match seat {
            0..5 => self.board.supervisors[seat].clone(),
            _ => self.board.witnesses[seat - 5].clone(),
        }
    }

    fn newcomer(&mut self, role: Role) -> Act {
        self.newcomers += 1;
        let name: &'static str = Box::leak(format!("newcomer {}", self.newcomers).into_boxed_str());
        let origin = &self.board.federation().origin;
        let newcomer = Member::new(origin, name, &[role], 130 + self.newcomers);
        admission(&self.board, &newcomer)
    }

    fn propose(&mut self, seat: usize, kind: u8) {
        let target = usize::from(kind) % 5;
        let of = |judge: &Judge, board: &Board| {
            change(&board.supervisors[target], judge.changes[target] + 1)
        };
        let standing = of(&self.judge, &self.board);
        let (act, what, trust, watched) = match kind % 6 {
            0 => (self.newcomer(Role::Sponsor), What::Nothing, false, false),
            1 => (self.newcomer(Role::Registrar), What::Nothing, true, false),
            2 => (self.newcomer(Role::Witness), What::Nothing, true, true),
            3 => (
                Act::PartySuspended(standing),
                What::Suspends(target),
                true,
                false,
            ),
            4 => (
                Act::PartyReinstated(standing),
                What::Reinstates(target),
                true,
                false,
            ),
            _ => {
                let trust = 2 + u16::from(kind / 6 % 3);
                let changed = Thresholds {
                    trust,
                    ..THRESHOLDS
                };
                let act = thresholds(self.judge.generation + 1, changed);
                (act, What::Trust(trust), true, true)
            }
        };
        let member = self.seat(seat);
        let until = self.board.ledger.time + 60 * DAY;
        let Ok(id) = self.board.propose(&member, &act) else {
            return;
        };
        let mut voices = vec![(0, None); 8];
        voices[seat] = (1, Some(self.board.ledger.time));
        let needed = if trust { self.judge.trust.into() } else { 2 };
        self.judge.proposals.push(Proposed {
            id,
            what,
            trust,
            watched,
            needed,
            policy: self.judge.generation,
            until,
            enacted: false,
            voices,
        });
    }

    /// Endorses, or revokes an endorsement that stands.
    fn speak(&mut self, seat: usize, act: usize, revokes: bool) {
        let member = self.seat(seat);
        let Some(proposed) = self.judge.proposals.get_mut(act) else {
            return;
        };
        let (number, since) = proposed.voices[seat];
        if since.is_some() != revokes {
            return;
        }
        let (entry, said) = match since {
            None => (endorsement(proposed.id, number + 1), number + 1),
            Some(_) => (revocation(proposed.id, number), number),
        };
        if self.board.ledger.act(&member, &entry).is_ok() {
            let now = since.is_none().then_some(self.board.ledger.time);
            proposed.voices[seat] = (said, now);
        }
    }

    fn enact(&mut self, act: usize) -> Result<(), TestCaseError> {
        // Witnesses are never suspended here.
        let anybody = self.seat(5);
        let Some(proposed) = self.judge.proposals.get(act) else {
            return Ok(());
        };
        let (id, what) = (proposed.id, proposed.what);
        let outcome = self.board.ledger.act(&anybody, &enactment(id));
        let permitted = self.judge.permits(proposed, self.board.ledger.time);
        match outcome {
            Ok(appended) if appended.already_present => prop_assert!(proposed.enacted),
            Ok(_) => {
                prop_assert!(
                    permitted,
                    "enacted, and the second judge does not permit it"
                );
                self.judge.proposals[act].enacted = true;
                self.judge.take(what);
            }
            Err(refusal) => {
                let of_voices = OF_VOICES.contains(&refusal.code().as_str());
                prop_assert_eq!(of_voices, !permitted, "{}", refusal);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The ledger enacts exactly what the second judge permits, and a replay agrees.
    #[test]
    fn the_board_enacts_what_a_second_judge_permits(
        steps in prop::collection::vec((0u8..10, any::<u8>(), any::<u8>()), 1..90)
    ) {
        let mut play = Play {
            board: Board::new(),
            judge: Judge {
                standing: [true; 5],
                changes: [0; 5],
                trust: THRESHOLDS.trust,
                generation: 0,
                proposals: Vec::new(),
            },
            newcomers: 0,
        };
        for (kind, one, other) in steps {
            // Mostly about the newest proposals, so that some are enacted.
            let count = play.judge.proposals.len();
            let act = count.saturating_sub(1 + usize::from(other) % 3);
            match kind {
                0 | 1 if play.newcomers < 100 => play.propose(usize::from(one) % 5, other),
                2..=5 => play.speak(usize::from(one) % 8, act, false),
                6 => play.speak(usize::from(one) % 8, act, true),
                7 => play.board.later(Duration::from_secs(u64::from(one) * 3_600)),
                8 => play.board.later(DAY * u32::from(one % 30)),
                _ => play.enact(act)?,
            }
        }
        let policy = play.board.state().policy().clone();
        let leaves = play.board.ledger.ledger.store().leaves();
        let replayed = Replay::run(policy, leaves, &mut StdRng::seed_from_u64(1));
        let (state, _) = replayed.expect("an honest log");
        prop_assert_eq!(state.digest(), play.board.state().digest());
    }
}
