//! The board: no single supervisor, and no supervisors without the witnesses, take over a ledger.

mod acts;
mod attacks;
mod emergency;
mod founders;
mod histories;
mod quorums;
mod voices;

use std::time::Duration;

use crate::founded::Founded;
use merits_ledger::entry::{
    Act, ActProposed, Entry, EpochProposed, KeysRotated, ProposalNamed, ProposalTerms,
    StandingChange, ThresholdsChanged, Voice,
};
use merits_ledger::{
    Appended, BoardFacts, LedgerPolicy, MemoryStore, Refusal, Role, Sequencer, State, Thresholds,
};
use merits_ledger_fixture::{Federation, Member};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Epoch, PartyId},
};
use merits_verifier::entry::SignedEntry;

const DAY: Duration = Duration::from_secs(86_400);

const THRESHOLDS: Thresholds = Thresholds {
    ordinary: 2,
    trust: 3,
    delay_seconds: 2 * 86_400,
    consents: 2,
};

/// A ledger of five supervisors and three witnesses, all of them founders.
struct Board {
    ledger: Founded,
    /// The authority is the first.
    supervisors: Vec<Member>,
    witnesses: Vec<Member>,
    number: u32,
}

impl Board {
    /// Founded, and all founders joined.
    fn new() -> Self {
        let mut board = Self::empty();
        for member in [board.supervisors.clone(), board.witnesses.clone()].concat() {
            board.join(&member).expect("a founder");
        }
        board
    }

    fn empty() -> Self {
        let mut ledger = Founded::empty();
        let federation = ledger.federation.clone();
        let member = |name, role, seed| Member::new(&federation.origin, name, &[role], seed);
        let supervisors = vec![
            federation.supervisor.clone(),
            member("second supervisor", Role::Supervisor, 101),
            member("third supervisor", Role::Supervisor, 102),
            member("fourth supervisor", Role::Supervisor, 103),
            member("fifth supervisor", Role::Supervisor, 104),
        ];
        let witnesses = vec![
            federation.witness.clone(),
            member("second witness", Role::Witness, 111),
            member("third witness", Role::Witness, 112),
        ];
        let ids = |members: &[Member]| members.iter().map(|one| one.id).collect::<Vec<_>>();
        let policy = LedgerPolicy {
            board: BoardFacts::new(THRESHOLDS, ids(&supervisors[1..]), ids(&witnesses))
                .expect("it works"),
            ..federation.policy()
        };
        ledger.ledger = Sequencer::new(State::new(policy), MemoryStore::new(), federation.signer());
        Self {
            ledger,
            supervisors,
            witnesses,
            number: 0,
        }
    }

    fn federation(&self) -> &Federation {
        &self.ledger.federation
    }

    fn state(&self) -> &State {
        self.ledger.ledger.state()
    }

    /// A founder admits itself.
    fn join(&mut self, member: &Member) -> Result<Appended, Refusal> {
        let own = Entry::PartyAdmitted(member.application(&self.ledger.federation.origin));
        self.ledger.act(member, &own)
    }

    fn later(&mut self, duration: Duration) {
        self.ledger.time += duration;
    }

    /// Terms of a proposal that ends in 60 days.
    fn terms(&mut self) -> ProposalTerms {
        self.number += 1;
        ProposalTerms {
            number: self.number,
            policy: self.state().board().generation(),
            until: Some(self.ledger.time + 60 * DAY),
        }
    }

    fn proposal(&mut self, act: &Act) -> Entry {
        let (act, terms) = (act.clone(), self.terms());
        Entry::ActProposed(ActProposed { act, terms })
    }

    fn propose(&mut self, member: &Member, act: &Act) -> Result<EntryId, Refusal> {
        let entry = self.proposal(act);
        Ok(self.ledger.act(member, &entry)?.id)
    }

    /// A view-key epoch, with halves of these holders, as proposed by `member`.
    fn epoch(&mut self, member: &Member, witness: &Member, terms: ProposalTerms) -> SignedEntry {
        let mut federation = self.ledger.federation.clone();
        federation.supervisor = member.clone();
        federation.witness = witness.clone();
        let (from, rng) = (self.ledger.time, &mut self.ledger.rng);
        let (opened, proof) = federation.epoch(Epoch(1), from, from, rng);
        let entry = Entry::EpochProposed(EpochProposed { opened, terms });
        let origin = &federation.origin;
        entry.sign(origin, member.id, Some((&proof).into()), &member.key)
    }

    fn endorse(&mut self, member: &Member, proposal: EntryId) -> Result<Appended, Refusal> {
        self.ledger.act(member, &endorsement(proposal, 1))
    }

    /// These supervisors endorse.
    fn endorsed_by(&mut self, members: &[usize], proposal: EntryId) {
        for member in members {
            let member = self.supervisors[*member].clone();
            self.endorse(&member, proposal).expect("endorsed");
        }
    }

    /// These witnesses consent.
    fn consented_by(&mut self, witnesses: &[usize], proposal: EntryId) {
        for witness in witnesses {
            let witness = self.witnesses[*witness].clone();
            self.endorse(&witness, proposal).expect("consented");
        }
    }

    fn enact(&mut self, proposal: EntryId) -> Result<Appended, Refusal> {
        let anybody = self.supervisors[4].clone();
        self.ledger.act(&anybody, &enactment(proposal))
    }

    /// An enactment that is refused so.
    fn not_enacted(&mut self, proposal: EntryId, code: &str, field: &str) {
        let anybody = self.supervisors[0].clone();
        let entry = self.federation().sign(&enactment(proposal), &anybody);
        self.ledger.refused(&entry, code, field);
    }

    fn refused(&mut self, member: &Member, entry: &Entry, code: &str, field: &str) {
        let entry = self.federation().sign(entry, member);
        self.ledger.refused(&entry, code, field);
    }

    /// All that an act may need: three supervisors, two witnesses, the delay.
    fn decide(&mut self, act: &Act) -> EntryId {
        let first = self.supervisors[0].clone();
        let proposal = self.propose(&first, act).expect("proposed");
        self.endorsed_by(&[1, 2], proposal);
        self.consented_by(&[0, 1], proposal);
        self.later(2 * DAY);
        self.enact(proposal).expect("enacted");
        proposal
    }

    /// A newcomer, admitted with all that an act may need.
    fn admitted(&mut self, name: &'static str, role: Role, seed: u8) -> Member {
        let newcomer = Member::new(&self.federation().origin, name, &[role], seed);
        let act = admission(self, &newcomer);
        self.decide(&act);
        newcomer
    }
}

fn admission(board: &Board, member: &Member) -> Act {
    Act::PartyAdmitted(member.application(&board.federation().origin))
}

fn change(party: &Member, sequence: u32) -> StandingChange {
    StandingChange {
        party: party.id,
        sequence,
        basis: "decision 7".to_owned(),
    }
}

fn thresholds(generation: u32, thresholds: Thresholds) -> Act {
    Act::ThresholdsChanged(ThresholdsChanged {
        generation,
        thresholds,
    })
}

fn at_once(act: &Act, policy: u32) -> Entry {
    let terms = ProposalTerms {
        policy,
        ..ProposalTerms::AT_ONCE
    };
    let act = act.clone();
    Entry::ActProposed(ActProposed { act, terms })
}

fn endorsement(proposal: EntryId, number: u32) -> Entry {
    Entry::ActEndorsed(Voice { proposal, number })
}

fn revocation(proposal: EntryId, number: u32) -> Entry {
    Entry::EndorsementRevoked(Voice { proposal, number })
}

fn objection(proposal: EntryId) -> Entry {
    Entry::ActObjected(ProposalNamed { proposal })
}

fn enactment(proposal: EntryId) -> Entry {
    Entry::ActEnacted(ProposalNamed { proposal })
}

/// Something that every party in standing may do.
fn rotation(board: &Board, member: &Member, generation: u32, seed: u8) -> Entry {
    let origin = &board.federation().origin;
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let rotated = KeysRotated::new(origin, &member.id, generation, &key, [7; 32]);
    Entry::KeysRotated(rotated)
}

fn is_active(board: &Board, party: &PartyId) -> bool {
    board.state().parties().active(party).is_ok()
}

fn time(board: &Board) -> Timestamp {
    board.ledger.time
}
