//! What each act takes, and what it does.

use std::time::Duration;

use merits_primitives::calendar::Timestamp;
use merits_verifier::fields;

use super::Made;
use super::records::{BoardRecord, Demands, ProposedAct};
use crate::entry::{Act, EPOCH_NUMBER, ThresholdsChanged};
use crate::refusal::{BoardRefusal, CheckError, Refusal};
use crate::role::{Role, Roles};
use crate::rows::Key;
use crate::state::draft::Draft;
use crate::state::{Epochs, Governing};

impl Governing {
    /// What an act takes under the thresholds in force.
    pub fn demands(&self, act: &Act) -> Demands {
        let of_roles = |roles: Roles| (roles.of_trust().is_some(), roles.has(Role::Witness));
        let (is_of_trust, is_watched) = match act {
            Act::PartyAdmitted(admitted) => of_roles(admitted.roles),
            Act::PartySuspended(change)
            | Act::PartyReinstated(change)
            | Act::PartyEnded(change) => {
                // The act's own rule refuses a party that is not there.
                let party = self.parties.get(&change.party);
                of_roles(party.map_or_else(Roles::default, |party| party.roles))
            }
            Act::StatementKeyAdopted(_) => (true, false),
            Act::ViewKeyEpochOpened(_) | Act::QuorumEpochOpened(_) => {
                return self.demands_of_epoch();
            }
            Act::ThresholdsChanged(_) => (true, true),
            Act::ScaleApproved(_) | Act::ScaleRetired(_) | Act::OfferClosed(_) => (false, false),
        };
        self.demands_for(is_of_trust, is_watched)
    }

    /// What a view-key epoch takes.
    pub fn demands_of_epoch(&self) -> Demands {
        self.demands_for(true, true)
    }

    /// What a proposed act takes: the higher of what it took when it was proposed and what it takes now.
    pub fn demands_of(&self, proposed: &ProposedAct) -> Demands {
        proposed.demands.or_higher(self.demands(&proposed.act))
    }

    fn demands_for(&self, is_of_trust: bool, is_watched: bool) -> Demands {
        let thresholds = self.board.thresholds();
        let (members, delay) = if is_of_trust {
            (thresholds.trust, thresholds.delay())
        } else {
            (thresholds.ordinary, Duration::ZERO)
        };
        let consents = if is_watched { thresholds.consents } else { 0 };
        Demands {
            members,
            consents,
            delay,
        }
    }

    /// The act's own rules: what it would change, against the present state. They hold when it is proposed, when it
    /// is endorsed, and when it is enacted.
    pub(super) fn check_act(
        &self,
        act: &Act,
        time: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), CheckError> {
        let (parties, trust) = (&self.parties, self.board.thresholds().trust);
        match act {
            Act::PartyAdmitted(admitted) => parties.check_admitted(self.origin(), admitted, draft),
            Act::PartySuspended(change) => parties.check_suspended(change, trust, draft),
            Act::PartyReinstated(change) => parties.check_reinstated(change, draft),
            Act::PartyEnded(change) => parties.check_ended(change, trust, draft),
            Act::StatementKeyAdopted(adopted) => {
                let keys = self.policy.keys;
                self.statement_keys.check_adopted(adopted, keys, draft)
            }
            Act::ViewKeyEpochOpened(opened) => {
                self.epochs.check_next(parties, opened)?;
                let keys = Epochs::sole_keys(opened)?;
                self.epochs.check_opened(&keys, draft)
            }
            Act::QuorumEpochOpened(opened) => {
                let keys = self.quorum_keys(opened, draft)?;
                self.epochs.check_opened(&keys, draft)
            }
            Act::ScaleApproved(approved) => self.scales.check_approved(parties, approved, draft),
            Act::ScaleRetired(retired) => self.scales.check_retired(retired, draft),
            Act::OfferClosed(closed) => self.offers.check_closed(None, closed, time, draft),
            Act::ThresholdsChanged(changed) => self.check_thresholds(changed, draft),
        }
        .map_err(CheckError::from)
    }

    fn check_thresholds(
        &self,
        changed: &ThresholdsChanged,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let expected = self.board.generation().saturating_add(1);
        if changed.generation != expected {
            return Err(Refusal::OutOfSequence {
                what: fields::GENERATION,
                expected,
                found: changed.generation,
            });
        }
        let thresholds = changed.thresholds;
        // Only those in standing endorse. A threshold that they cannot reach could not be lowered again, and would
        // keep those who are suspended from being reinstated.
        let members = self.present_with(Role::Supervisor);
        let members = members.filter(|party| self.parties.active(party).is_ok());
        // Witnesses consent also while they are suspended.
        let witnesses = self.present_with(Role::Witness);
        let refuse = |why| BoardRefusal::Thresholds { why };
        thresholds
            .check(members.count(), witnesses.count())
            .map_err(refuse)?;
        if thresholds.consents == 0 && self.board.thresholds().consents > 0 {
            return Err(refuse("nobody would watch the board any more").into());
        }
        let generation = expected;
        let record = BoardRecord {
            generation,
            thresholds,
        };
        draft.put(Key::new(&[]), &record);
        Ok(())
    }
}

/// The key under which an act's mark is found: as [`Act::target`].
pub(super) fn made_key(made: Made<'_>) -> Vec<u8> {
    match made {
        Made::Party(party) => [&0x0101_u16.to_be_bytes()[..], &party.0].concat(),
        Made::Epoch(epoch) => [&EPOCH_NUMBER.to_be_bytes()[..], &epoch.0.to_be_bytes()].concat(),
        Made::StatementKey(statement, generation) => [
            &0x0202_u16.to_be_bytes()[..],
            &[statement as u8],
            &generation.to_be_bytes(),
        ]
        .concat(),
        Made::Scale(id, version) => [
            &0x0302_u16.to_be_bytes()[..],
            &version.0.to_be_bytes(),
            id.as_str().as_bytes(),
        ]
        .concat(),
    }
}
