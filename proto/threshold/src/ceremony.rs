//! One run of a key generation: what all of its messages are bound to.

use merits_primitives::{
    field,
    ids::{Epoch, Origin, PartyId},
    threshold::Identifier,
};
use merits_verifier::possession::KeyHalf;
use thiserror::Error;

use crate::{Side, Threshold, ThresholdFault};

/// One of the two keys that a side's holders share: each side has a half of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SharedKey {
    /// The half of A, which opens single claims.
    Claim,
    /// The half of At, which opens totals.
    Total,
}

impl SharedKey {
    /// Both, in the order in which messages carry them.
    pub const BOTH: [Self; 2] = [Self::Claim, Self::Total];

    /// Which of the four published halves this is.
    pub fn half(self, side: Side) -> KeyHalf {
        match self {
            Self::Claim => side.claim_half(),
            Self::Total => side.total_half(),
        }
    }

    /// `claim` or `total`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Total => "total",
        }
    }
}

/// A key generation: which half of which epoch, by whom, and for the how manieth time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceremony {
    origin: Origin,
    epoch: Epoch,
    attempt: u32,
    side: Side,
    threshold: Threshold,
    members: Vec<PartyId>,
    digest: [u8; 32],
}

/// Why there is no such ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CeremonyFault {
    /// The numbers.
    #[error(transparent)]
    Threshold(#[from] ThresholdFault),
    /// One holder makes a half alone.
    #[error("a half with one holder is made by that holder alone, without a ceremony")]
    Sole,
    /// One party twice.
    #[error("party {0} is named twice: each holder has one share")]
    Twice(PartyId),
}

impl Ceremony {
    /// The ceremony of these members, in whatever order they are named.
    ///
    /// # Errors
    /// [`CeremonyFault`].
    pub fn new(
        origin: Origin,
        epoch: Epoch,
        attempt: u32,
        side: Side,
        needed: u16,
        mut members: Vec<PartyId>,
    ) -> Result<Self, CeremonyFault> {
        let holders = u16::try_from(members.len()).unwrap_or(u16::MAX);
        let threshold = Threshold::new(needed, holders)?;
        if threshold.is_sole() {
            return Err(CeremonyFault::Sole);
        }
        members.sort();
        for pair in members.windows(2) {
            if let [one, next] = pair
                && one == next
            {
                return Err(CeremonyFault::Twice(*one));
            }
        }
        let named: Vec<u8> = members.iter().flat_map(|member| member.0).collect();
        let digest = field::digest(
            "merits/dkg/ceremony/v1",
            &[
                origin.as_str().as_bytes(),
                &epoch.0.to_le_bytes(),
                &attempt.to_le_bytes(),
                &[SharedKey::Claim.half(side) as u8],
                &[SharedKey::Total.half(side) as u8],
                &needed.to_le_bytes(),
                &named,
            ],
        );
        Ok(Self {
            origin,
            epoch,
            attempt,
            side,
            threshold,
            members,
            digest,
        })
    }

    /// The log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The epoch that the half is for.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Counted from 1: a failed attempt is followed by another.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// On which side.
    pub fn side(&self) -> Side {
        self.side
    }

    /// How many of how many.
    pub fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// The members, by id.
    pub fn members(&self) -> &[PartyId] {
        &self.members
    }

    /// Whether this party takes part.
    pub fn has(&self, party: &PartyId) -> bool {
        self.members.contains(party)
    }

    /// SHA-256 over all that the ceremony is: every message carries it.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The place of a party's share of a key: a hash of ceremony, half and party. So the challenge of a proof
    /// of knowledge, which begins with it, is bound to origin, epoch, attempt, half and members; and no share of
    /// one attempt or key fits the commitments of another.
    pub fn identifier(&self, key: SharedKey, party: &PartyId) -> Identifier {
        let half = [key.half(self.side) as u8];
        let bytes = [&self.digest[..], &half, &party.0].concat();
        Identifier::derive(&bytes).expect("no hash of ours is a multiple of l")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Vec<PartyId> {
        (1..=4).map(|number| PartyId([number; 32])).collect()
    }

    fn ceremony(
        origin: &str,
        epoch: u32,
        attempt: u32,
        side: Side,
        needed: u16,
        members: &[PartyId],
    ) -> Result<Ceremony, CeremonyFault> {
        let origin = Origin::new(origin).expect("an origin");
        Ceremony::new(
            origin,
            Epoch(epoch),
            attempt,
            side,
            needed,
            members.to_vec(),
        )
    }

    #[test]
    fn every_part_changes_the_digest_and_the_identifiers_and_the_order_does_not() {
        let all = members();
        let members = all[..3].to_vec();
        let exchanged = [all[0], all[1], all[3]];
        let one = ceremony("log.test/a", 2, 1, Side::Supervisor, 2, &members).expect("a ceremony");
        let mut turned = members.clone();
        turned.reverse();
        let same = ceremony("log.test/a", 2, 1, Side::Supervisor, 2, &turned);
        assert_eq!(same, Ok(one.clone()));
        let others = [
            ceremony("log.test/b", 2, 1, Side::Supervisor, 2, &members),
            ceremony("log.test/a", 3, 1, Side::Supervisor, 2, &members),
            ceremony("log.test/a", 2, 2, Side::Supervisor, 2, &members),
            ceremony("log.test/a", 2, 1, Side::Witness, 2, &members),
            ceremony("log.test/a", 2, 1, Side::Supervisor, 3, &members),
            ceremony("log.test/a", 2, 1, Side::Supervisor, 2, &exchanged),
            ceremony("log.test/a", 2, 1, Side::Supervisor, 2, &members[..2]),
        ];
        let party = members[0];
        for other in others {
            let other = other.expect("a ceremony");
            assert_ne!(one.digest(), other.digest());
            for key in SharedKey::BOTH {
                assert_ne!(one.identifier(key, &party), other.identifier(key, &party));
            }
        }
        assert_ne!(
            one.identifier(SharedKey::Claim, &party),
            one.identifier(SharedKey::Total, &party)
        );
        assert_ne!(
            one.identifier(SharedKey::Claim, &party),
            one.identifier(SharedKey::Claim, &members[1])
        );
    }

    #[test]
    fn what_is_no_ceremony_is_refused() {
        let members = members();
        let of = |needed, members: &[PartyId]| {
            ceremony("log.test/a", 1, 1, Side::Witness, needed, members).map(|_| ())
        };
        assert_eq!(of(1, &members[..1]), Err(CeremonyFault::Sole));
        assert!(matches!(of(5, &members), Err(CeremonyFault::Threshold(_))));
        assert!(matches!(of(1, &members), Err(CeremonyFault::Threshold(_))));
        let twice = [members[0], members[1], members[0]];
        assert_eq!(of(2, &twice), Err(CeremonyFault::Twice(members[0])));
    }
}
