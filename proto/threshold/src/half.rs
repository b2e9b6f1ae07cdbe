//! One side's half of both keys, with what is public about each of its holders.

use merits_primitives::{
    ids::PartyId,
    jubjub::{Point, scalar_from_bytes, scalar_to_bytes},
    threshold::Identifier,
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use crate::{
    Threshold,
    quorum::{Holder, QuorumKey},
    standing::Outcome,
};

/// A half of A and of At, and those who hold it. A half that one holder has is a quorum of 1 of 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumHalf {
    /// The half of A.
    pub claim: QuorumKey,
    /// The half of At.
    pub total: QuorumKey,
}

impl QuorumHalf {
    /// The half of one holder, who has all of it.
    pub fn sole(holder: PartyId, claim: Point, total: Point) -> Self {
        Self {
            claim: QuorumKey::sole(holder, claim),
            total: QuorumKey::sole(holder, total),
        }
    }

    /// The half that a key generation gave.
    pub fn of(outcome: Outcome) -> Self {
        let Outcome { claim, total, .. } = outcome;
        Self { claim, total }
    }

    /// How many of how many.
    pub fn threshold(&self) -> Threshold {
        self.claim.threshold()
    }

    /// Whether one holder has all of it.
    pub fn is_sole(&self) -> bool {
        self.threshold().is_sole()
    }

    /// The holders, in the order of the ceremony.
    pub fn holders(&self) -> impl Iterator<Item = PartyId> {
        self.claim.holders().iter().map(|holder| holder.party)
    }

    /// Whether the party holds a share of it.
    pub fn has(&self, party: &PartyId) -> bool {
        self.claim.holder(party).is_some()
    }
}

/// Threshold, both keys, then for each holder its party, its place and its verification share for A, and the same
/// for At.
impl Canonical for QuorumHalf {
    const NAME: &'static str = "quorum's half";

    fn write(&self, out: &mut Writer) {
        out.u16(self.threshold().needed());
        out.count(self.claim.holders().len());
        for key in [&self.claim, &self.total] {
            out.point(&key.key());
            for holder in key.holders() {
                out.array(&holder.party.0);
                out.array(&scalar_to_bytes(&holder.at.value()));
                out.point(&holder.share);
            }
        }
    }

    /// Checks that the verification shares belong to the keys.
    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let what = "threshold";
        let needed = input.u16(what)?;
        let holders = input.count("holders", Threshold::MOST_HOLDERS.into())?;
        // It is at most the most holders.
        let threshold = Threshold::new(needed, holders as u16)
            .map_err(|_| CodecError::NotCanonical { what })?;
        let claim = read_key(input, threshold)?;
        let total = read_key(input, threshold)?;
        let parties = |key: &QuorumKey| -> Vec<PartyId> {
            key.holders().iter().map(|holder| holder.party).collect()
        };
        if parties(&claim) != parties(&total) {
            let what = "holders";
            return Err(CodecError::NotCanonical { what });
        }
        Ok(Self { claim, total })
    }
}

fn read_key(input: &mut Reader<'_>, threshold: Threshold) -> Result<QuorumKey, CodecError> {
    let key = input.point("half of a key")?;
    let holders = (0..threshold.holders())
        .map(|_| {
            let party = PartyId(input.array("holder")?);
            let what = "place of a share";
            let at = scalar_from_bytes(&input.array(what)?)
                .and_then(Identifier::new)
                .ok_or(CodecError::NotCanonical { what })?;
            let share = input.point("verification share")?;
            Ok(Holder { party, at, share })
        })
        .collect::<Result<_, CodecError>>()?;
    let what = "verification shares";
    QuorumKey::new(threshold, key, holders).map_err(|_| CodecError::NotCanonical { what })
}
