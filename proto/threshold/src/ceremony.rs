//! One run of a key generation: what all of its messages are bound to.

use merits_primitives::{
    field,
    ids::{Epoch, Origin, PartyId},
    threshold::Identifier,
};
use merits_sealing::is_usable;
use merits_verifier::possession::KeyHalf;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
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

/// Who will hold a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The party.
    pub party: PartyId,
    /// Its X25519 key, to which shares are sealed.
    pub sealing_key: [u8; 32],
}

/// A key generation: which half of which epoch, by whom, and for the how manieth time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceremony {
    origin: Origin,
    epoch: Epoch,
    attempt: u32,
    side: Side,
    threshold: Threshold,
    members: Vec<Member>,
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
    /// Nothing can be sealed to it.
    #[error("the sealing key of {0} is not a usable X25519 key: the party must rotate it first")]
    SealingKey(PartyId),
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
        mut members: Vec<Member>,
    ) -> Result<Self, CeremonyFault> {
        let holders = u16::try_from(members.len()).unwrap_or(u16::MAX);
        let threshold = Threshold::new(needed, holders)?;
        if threshold.is_sole() {
            return Err(CeremonyFault::Sole);
        }
        members.sort();
        for pair in members.windows(2) {
            if let [one, next] = pair
                && one.party == next.party
            {
                return Err(CeremonyFault::Twice(one.party));
            }
        }
        for member in &members {
            // Whether a key is usable does not depend on the randomness.
            if !is_usable(&member.sealing_key, &mut ChaCha20Rng::from_seed([0; 32])) {
                return Err(CeremonyFault::SealingKey(member.party));
            }
        }
        let named: Vec<u8> = members
            .iter()
            .flat_map(|member| [member.party.0, member.sealing_key].concat())
            .collect();
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

    /// The members, by their party's id.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member that this party is.
    pub fn member(&self, party: &PartyId) -> Option<&Member> {
        self.members.iter().find(|member| member.party == *party)
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
    use merits_sealing::SealingKey;

    use super::*;

    fn members() -> Vec<Member> {
        (1..=3)
            .map(|number| Member {
                party: PartyId([number; 32]),
                sealing_key: SealingKey::generate(&mut rand::rng()).public(),
            })
            .collect()
    }

    fn ceremony(
        origin: &str,
        epoch: u32,
        attempt: u32,
        side: Side,
        needed: u16,
        members: &[Member],
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
        let members = members();
        let one = ceremony("log.test/a", 2, 1, Side::Supervisor, 2, &members).expect("a ceremony");
        let mut turned = members.clone();
        turned.reverse();
        let same = ceremony("log.test/a", 2, 1, Side::Supervisor, 2, &turned);
        assert_eq!(same, Ok(one.clone()));
        let mut rekeyed = members.clone();
        rekeyed[1].sealing_key = SealingKey::generate(&mut rand::rng()).public();
        let others = [
            ceremony("log.test/b", 2, 1, Side::Supervisor, 2, &members),
            ceremony("log.test/a", 3, 1, Side::Supervisor, 2, &members),
            ceremony("log.test/a", 2, 2, Side::Supervisor, 2, &members),
            ceremony("log.test/a", 2, 1, Side::Witness, 2, &members),
            ceremony("log.test/a", 2, 1, Side::Supervisor, 3, &members),
            ceremony("log.test/a", 2, 1, Side::Supervisor, 2, &rekeyed),
            ceremony("log.test/a", 2, 1, Side::Supervisor, 2, &members[..2]),
        ];
        let party = members[0].party;
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
            one.identifier(SharedKey::Claim, &members[1].party)
        );
    }

    #[test]
    fn what_is_no_ceremony_is_refused() {
        let mut members = members();
        let of = |needed, members: &[Member]| {
            ceremony("log.test/a", 1, 1, Side::Witness, needed, members).map(|_| ())
        };
        assert_eq!(of(1, &members[..1]), Err(CeremonyFault::Sole));
        assert!(matches!(of(4, &members), Err(CeremonyFault::Threshold(_))));
        assert!(matches!(of(1, &members), Err(CeremonyFault::Threshold(_))));
        let twice = [members[0], members[1], members[0]];
        assert_eq!(of(2, &twice), Err(CeremonyFault::Twice(members[0].party)));
        members[2].sealing_key = [0; 32];
        let low = CeremonyFault::SealingKey(members[2].party);
        assert_eq!(of(2, &members), Err(low));
    }
}
