//! View-key epochs (`docs/src/design-supervision.md`, "View keys").

use merits_primitives::{
    calendar::Timestamp,
    dleq::{PROOF_BYTES, Possession},
    ids::{Epoch, PartyId},
    jubjub::Point,
};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    schnorr,
};

/// One side's halves of both keys.
///
/// Such a half has one holder. Halves of quorums are in [`QuorumEpochOpened`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfKeys {
    /// The holder of the secrets.
    pub holder: PartyId,
    /// The half of A.
    pub claim: Point,
    /// The half of At.
    pub total: Point,
}

impl Canonical for HalfKeys {
    const NAME: &'static str = "view-key half";

    fn write(&self, out: &mut Writer) {
        out.array(&self.holder.0);
        out.point(&self.claim);
        out.point(&self.total);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            holder: PartyId(input.array("holder")?),
            claim: input.point("half of the view key")?,
            total: input.point("half of the totals key")?,
        })
    }
}

/// One side's halves with proofs that their holder knows the secrets, as the holder hands them to
/// the supervisor who opens the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenHalf {
    /// The halves.
    pub keys: HalfKeys,
    /// Possession of the half of A, bound to log, epoch, half and holder.
    pub claim_possession: Possession,
    /// Possession of the half of At.
    pub total_possession: Possession,
}

impl Canonical for ProvenHalf {
    const NAME: &'static str = "view-key half with its proofs";

    fn write(&self, out: &mut Writer) {
        self.keys.write(out);
        out.array(&self.claim_possession.to_bytes());
        out.array(&self.total_possession.to_bytes());
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            keys: HalfKeys::read(input)?,
            claim_possession: read_possession(input, "possession of the view key's half")?,
            total_possession: read_possession(input, "possession of the totals key's half")?,
        })
    }
}

/// A new epoch of view keys: A and At are the sums of both sides' halves. Beside it stands the proof that
/// the holders know the secrets ([`ViewKeyEpochOpened::proof`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewKeyEpochOpened {
    /// The epoch, counted from 1.
    pub epoch: Epoch,
    /// From when batches are proven under it; pending before.
    pub active_from: Timestamp,
    /// Until when batches under the epoch before are still accepted; not
    /// before `active_from`. Of no meaning for the first epoch.
    pub previous_accepted_until: Timestamp,
    /// The supervisors' side.
    pub supervisor: HalfKeys,
    /// The log witnesses' side.
    pub witness: HalfKeys,
}

impl ViewKeyEpochOpened {
    /// The proof of an epoch with these halves: possession of the half of A and of At, the supervisors'
    /// side before the witnesses'.
    pub fn proof(supervisor: &ProvenHalf, witness: &ProvenHalf) -> schnorr::Proof {
        let possessions =
            [supervisor, witness].map(|half| [half.claim_possession, half.total_possession]);
        // Four, which is fewer than the most.
        schnorr::Proof::new(possessions.concat()).expect("four possessions are a proof")
    }
}

impl Canonical for ViewKeyEpochOpened {
    const NAME: &'static str = "view-key epoch opened";

    fn write(&self, out: &mut Writer) {
        out.u32(self.epoch.0);
        out.time(self.active_from);
        out.time(self.previous_accepted_until);
        self.supervisor.write(out);
        self.witness.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            epoch: Epoch(input.u32("epoch")?),
            active_from: input.time("active from")?,
            previous_accepted_until: input.time("previous accepted until")?,
            supervisor: HalfKeys::read(input)?,
            witness: HalfKeys::read(input)?,
        })
    }
}

/// A new epoch whose halves two quorums made together, each in a finished attempt of a key generation. The packages
/// of the attempts have shown that the holders know what they hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumEpochOpened {
    /// The epoch, counted from 1.
    pub epoch: Epoch,
    /// From when batches are proven under it; pending before.
    pub active_from: Timestamp,
    /// Until when batches under the epoch before are still accepted; not before `active_from`. Of no meaning for
    /// the first epoch.
    pub previous_accepted_until: Timestamp,
    /// Until when its holders keep their shares, so that what was encrypted under it can be opened. They destroy
    /// them afterwards.
    pub readable_until: Timestamp,
    /// The attempt that made the supervisors' half.
    pub supervisor: u32,
    /// The attempt that made the log witnesses' half.
    pub witness: u32,
}

impl Canonical for QuorumEpochOpened {
    const NAME: &'static str = "view-key epoch of quorums opened";

    fn write(&self, out: &mut Writer) {
        out.u32(self.epoch.0);
        out.time(self.active_from);
        out.time(self.previous_accepted_until);
        out.time(self.readable_until);
        out.u32(self.supervisor);
        out.u32(self.witness);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            epoch: Epoch(input.u32("epoch")?),
            active_from: input.time("active from")?,
            previous_accepted_until: input.time("previous accepted until")?,
            readable_until: input.time("readable until")?,
            supervisor: input.u32("supervisors' attempt")?,
            witness: input.u32("witnesses' attempt")?,
        })
    }
}

fn read_possession(input: &mut Reader<'_>, what: &'static str) -> Result<Possession, CodecError> {
    let bytes: [u8; PROOF_BYTES] = input.array(what)?;
    Possession::from_bytes(&bytes).map_err(|_| CodecError::NotCanonical { what })
}
