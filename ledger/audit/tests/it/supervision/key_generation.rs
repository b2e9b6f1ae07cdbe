//! Key generation of a quorum's half, and the end of its shares.

use merits_ledger::entry::{Entry, KeyGenerationMessage, KeyGenerationOpened, KeyShareDestroyed};
use merits_ledger_fixture::{Member, Quorum};
use merits_primitives::ids::Epoch;
use merits_threshold::{Side, message::Round};

use super::{DAY, Forgery, Supervised};
use crate::copies::Town;

/// Four of the five make it: all hashes, then all packages.
pub(super) fn begin_a_half(town: &mut Town, supervisors: &[Member]) {
    let federation = town.federation.clone();
    let (which, deadline) = ((Epoch(2), Side::Supervisor, 1), town.time + DAY);
    let members = supervisors[..4].to_vec();
    let mut quorum = Quorum::new(&federation, which, 3, members, deadline, &mut town.rng);
    town.act(&supervisors[0], &quorum.opening()).unwrap();
    for round in [Round::Hash, Round::Package] {
        let next = quorum.next(town.state()).into_iter();
        let of_round = next.filter(|(_, message)| message.message.body.round() == round);
        for (member, message) in of_round.collect::<Vec<_>>() {
            let message = Entry::KeyGenerationMessage(message);
            town.act(&member, &message).unwrap();
        }
    }
}

impl Supervised {
    pub(super) fn key_generation(&self) -> Vec<Forgery> {
        let first = &self.supervisors[0];
        let parties = self.parties();
        let attempt = self
            .ledger
            .place(|entry| matches!(entry, Entry::KeyGenerationOpened(_)));
        let of_round = |round: Round| {
            self.ledger.places(|entry| {
                matches!(entry, Entry::KeyGenerationMessage(message) if message.message.body.round() == round)
            })
        };
        let (hashes, packages) = (of_round(Round::Hash), of_round(Round::Package));
        assert_eq!((hashes.len(), packages.len()), (4, 4));
        let Entry::KeyGenerationOpened(opened) = self.entry(attempt) else {
            unreachable!()
        };
        let Entry::KeyGenerationMessage(hash) = self.entry(hashes[3]) else {
            unreachable!()
        };
        let author = |place: usize| {
            let party = self.ledger.leaves[place].entry.party;
            let mut members = self.supervisors.iter();
            members.find(|member| member.id == party).unwrap()
        };
        let mut with_a_stranger = opened.holders.clone();
        with_a_stranger[0] = parties.distributor.id;
        with_a_stranger.sort();
        let open = |opened| self.by(first, &Entry::KeyGenerationOpened(opened));
        let publish = |message| self.by(author(hashes[3]), &Entry::KeyGenerationMessage(message));
        let mut of_another = hash.clone();
        of_another.message.ceremony[0] ^= 1;
        let destroyed = KeyShareDestroyed {
            epoch: Epoch(1),
            side: Side::Supervisor,
        };
        vec![
            (
                "key generation: opened by one who may not",
                attempt,
                self.instead(attempt, &parties.issuer),
                "lacks the role",
            ),
            (
                "key generation: an attempt out of sequence",
                attempt,
                open(KeyGenerationOpened {
                    attempt: 2,
                    ..opened.clone()
                }),
                "must be 1 and is 2",
            ),
            (
                "key generation: of an epoch after the next",
                attempt,
                open(KeyGenerationOpened {
                    epoch: Epoch(3),
                    ..opened.clone()
                }),
                "must be 2 and is 3",
            ),
            (
                "key generation: its deadline is over",
                attempt,
                open(KeyGenerationOpened {
                    deadline: self.time(attempt),
                    ..opened.clone()
                }),
                "the deadline",
            ),
            (
                "key generation: fewer than half would be enough",
                attempt,
                open(KeyGenerationOpened {
                    needed: 2,
                    ..opened.clone()
                }),
                "not more than half of them",
            ),
            (
                "key generation: a holder without the role",
                attempt,
                open(KeyGenerationOpened {
                    holders: with_a_stranger,
                    ..opened
                }),
                "lacks the role",
            ),
            (
                "key generation: a message of one who is no holder",
                hashes[3],
                self.instead(hashes[3], &self.supervisors[4]),
                "is not a holder of this half",
            ),
            (
                "key generation: a message of one of the other side",
                hashes[3],
                self.instead(hashes[3], &parties.witness),
                "lacks the role",
            ),
            (
                "key generation: a second message of a holder",
                hashes[3],
                self.instead(hashes[3], author(hashes[0])),
                "has published its message",
            ),
            (
                "key generation: a message of a later round",
                hashes[3],
                self.instead(packages[3], author(hashes[0])),
                "this message is of the round",
            ),
            (
                "key generation: a message of an attempt that is none",
                hashes[3],
                publish(KeyGenerationMessage { attempt: 9, ..hash }),
                "no entry of this log opened attempt 9",
            ),
            (
                "key generation: a message for another attempt",
                hashes[3],
                publish(of_another),
                "made for another key generation",
            ),
            (
                "key generation: a message changed after it was signed",
                packages[2],
                self.unsigned(packages[2]),
                "signature",
            ),
            (
                "key share: destroyed while its epoch is in use",
                packages[3],
                self.by(first, &Entry::KeyShareDestroyed(destroyed)),
                "the shares of epoch 1 are kept",
            ),
        ]
    }
}
