//! How many blobs a party's entries may name in a day.

use merits_primitives::{
    calendar::{Day, Timestamp},
    ids::PartyId,
};
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::draft::Draft;
use crate::named_blobs::BLOBS_A_DAY;
use crate::refusal::{CheckError, Refusal};
use crate::rows::{Key, Record, Table, View};
use crate::submission::Submission;

/// The blobs that a party's entries named on the last day on which they named any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlobQuota {
    day: Day,
    taken: u32,
}

impl Canonical for BlobQuota {
    const NAME: &'static str = "blob quota";

    fn write(&self, out: &mut Writer) {
        out.u32(self.day.0);
        out.u32(self.taken);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            day: Day(input.u32("day")?),
            taken: input.u32("blobs")?,
        })
    }
}

impl Record for BlobQuota {
    const TABLE: Table = Table::BlobQuota;
}

pub(super) fn quota_key(party: &PartyId) -> Key<BlobQuota> {
    Key::new(&[&party.0])
}

/// Refuses a party that has named all blobs of a day, before anything that comes with its entry is read.
/// [`check_quota`] counts them.
pub(super) fn check_left(party: &PartyId, time: Timestamp, view: &View) -> Result<(), CheckError> {
    let quota = view.get(&quota_key(party))?;
    match quota.filter(|quota| quota.day == time.day()) {
        Some(quota) if quota.taken >= BLOBS_A_DAY => {
            Err(Refusal::BlobQuota { limit: BLOBS_A_DAY }.into())
        }
        _ => Ok(()),
    }
}

/// Counts the blobs of an entry, all of which are there ([`Submission::with_blobs`]).
pub(super) fn check_quota(
    submission: &Submission,
    time: Timestamp,
    draft: &mut Draft<'_>,
) -> Result<(), CheckError> {
    let blobs = submission.blobs().len();
    if blobs == 0 {
        return Ok(());
    }
    let key = quota_key(&submission.party());
    let day = time.day();
    let before = draft.get(&key)?.filter(|quota| quota.day == day);
    let before = before.map_or(0, |quota| quota.taken);
    let taken = u32::try_from(blobs)
        .ok()
        .and_then(|blobs| before.checked_add(blobs))
        .filter(|taken| *taken <= BLOBS_A_DAY);
    let taken = taken.ok_or(Refusal::BlobQuota { limit: BLOBS_A_DAY })?;
    draft.put(key, &BlobQuota { day, taken });
    Ok(())
}
