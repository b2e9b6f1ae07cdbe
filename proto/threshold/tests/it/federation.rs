//! A federation of holders and the board on which they publish.

use merits_primitives::ids::{Epoch, Origin, PartyId};
use merits_threshold::{
    Side,
    ceremony::Ceremony,
    message::Slot,
    participant::Participant,
    quorum::SecretShare,
    standing::{Board, Outcome, Standing},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use zeroize::Zeroizing;

/// All holders of one side, and what they published.
pub(super) struct Federation {
    pub(super) ceremony: Ceremony,
    pub(super) holders: Vec<Participant>,
    pub(super) board: Board,
}

pub(super) fn origin() -> Origin {
    Origin::new("ledger.test/merits").expect("an origin")
}

/// What somebody does to a message before it is published; `None` keeps it back.
pub(super) type Tamper<'t> = dyn FnMut(Slot, Vec<u8>) -> Option<Vec<u8>> + 't;

impl Federation {
    pub(super) fn new(needed: u16, holders: u8, seed: u64) -> Self {
        Self::attempt(needed, holders, seed, 1)
    }

    pub(super) fn attempt(needed: u16, holders: u8, seed: u64, attempt: u32) -> Self {
        let rng = &mut StdRng::seed_from_u64(seed);
        let members: Vec<PartyId> = (1..=holders).map(|number| PartyId([number; 32])).collect();
        let ceremony = Ceremony::new(
            origin(),
            Epoch(3),
            attempt,
            Side::Witness,
            needed,
            members.clone(),
        )
        .expect("a ceremony");
        let holders = members
            .iter()
            .map(|member| {
                let seed = Zeroizing::new(rng.random::<[u8; 32]>());
                Participant::begin(&ceremony, *member, seed).expect("a member")
            })
            .collect();
        Self {
            ceremony,
            holders,
            board: Board::new(),
        }
    }

    pub(super) fn party(&self, place: usize) -> PartyId {
        self.ceremony.members()[place]
    }

    /// Lets every holder go on until nobody publishes anything, and returns how the last one sees it.
    pub(super) fn play(&mut self, tamper: &mut Tamper<'_>) -> Standing {
        loop {
            let before = self.board.len();
            let mut seen = None;
            for place in 0..self.holders.len() {
                seen = Some(self.turn(place, tamper));
            }
            if self.board.len() == before {
                return seen.expect("holders");
            }
        }
    }

    /// One holder's turn.
    pub(super) fn turn(&mut self, place: usize, tamper: &mut Tamper<'_>) -> Standing {
        let holder = &mut self.holders[place];
        let seen = holder
            .advance(&self.ceremony, &self.board)
            .expect("an honest turn");
        let party = holder.me();
        let messages: Vec<(Slot, Vec<u8>)> = holder
            .unpublished(&self.board)
            .into_iter()
            .map(|(round, bytes)| (Slot { round, party }, bytes.to_vec()))
            .collect();
        for (slot, bytes) in messages {
            if let Some(bytes) = tamper(slot, bytes) {
                self.board.insert(slot, bytes);
            }
        }
        seen
    }

    pub(super) fn play_honestly(&mut self) -> Outcome {
        match self.play(&mut |_, bytes| Some(bytes)) {
            Standing::Done(outcome) => *outcome,
            other => panic!("an honest key generation ends well: {other:?}"),
        }
    }

    pub(super) fn shares(&self) -> Vec<[SecretShare; 2]> {
        self.holders
            .iter()
            .map(|holder| holder.shares(&self.ceremony).expect("shares"))
            .collect()
    }
}
