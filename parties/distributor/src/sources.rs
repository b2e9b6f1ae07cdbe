//! Whether the ledger would take a source's signatures, looked at before a deed costs a proof.
//!
//! A source's key may end after its deeds were taken in, and the source may be suspended. The ledger then refuses
//! each batch with one of them, and each refusal costs a proof. So deeds whose source or signature does not stand wait,
//! and are judged anew in every run: those of a source that was suspended go on by themselves, and those that an ended
//! key signed go on once the source has signed them again.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use merits_ledger::{Refusal, Role, State, entry::EarnBatch, state::Party};
use merits_primitives::{
    calendar::Timestamp,
    ids::{PartyId, Period, ScaleId, SchemaId},
};
use merits_verifier::{
    signature::{PublicKey, Signed, all_hold},
    statement::earn::commitment_signing_bytes,
};
use rayon::prelude::*;

use crate::{
    consents::{Wait, Waiting},
    store::{Deed, SourceSigned},
    terms::version_for,
};

/// From the look at a key to the ledger's verdict: a few batches are stated ahead and proven, which takes seconds to
/// minutes, and the outbox tries for a minute. A key that ends within this time counts as ended.
const LEAD: Duration = Duration::from_secs(600);

/// Signatures that are verified together: below a millisecond, and large enough for a batch to pay.
const TOGETHER: usize = 64;

/// The sources in one verified state, as time goes on.
pub struct Sources<'a> {
    state: &'a State,
    clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// Sources of batches that the ledger refused although this state would take them.
    changed: Mutex<BTreeSet<PartyId>>,
}

impl std::fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources")
            .field("changed", &self.changed)
            .finish_non_exhaustive()
    }
}

impl<'a> Sources<'a> {
    /// The sources in `state`, judged at the time that `clock` shows, or the log's if that is later.
    pub fn of(state: &'a State, clock: &'a (dyn Fn() -> Timestamp + Sync)) -> Self {
        Self {
            state,
            clock,
            changed: Mutex::default(),
        }
    }

    /// Whether the ledger would take each of these deeds of a scale, in the same order. A period without a version
    /// says nothing about a signature, nor does a row that cannot be read (`None`): a run reports both by themselves.
    pub(crate) fn judge(
        &self,
        scale: &ScaleId,
        deeds: &[Option<SourceSigned>],
    ) -> Vec<Result<(), Wait>> {
        let time = self.time();
        let neighbours = deeds.par_chunks(TOGETHER).flat_map_iter(|deeds| {
            let alike = deeds.chunk_by(|one, other| place(one) == place(other));
            alike.flat_map(|deeds| {
                let version = deeds
                    .first()
                    .and_then(place)
                    .and_then(|(_, period)| version_for(self.state, scale, period));
                let Some(version) = version else {
                    return vec![Ok(()); deeds.len()];
                };
                let deeds: Vec<SourceSigned> = deeds.iter().copied().flatten().collect();
                self.judge_alike(version.terms.schema, time, &deeds)
            })
        });
        neighbours.collect()
    }

    /// Whether a verdict of this run may differ by now: the state stays the same, so only where a key or a suspension
    /// ends by time, or where the ledger said otherwise.
    fn may_differ(&self, source: &PartyId) -> bool {
        self.has_changed(source)
            || self
                .standing(source, self.time())
                .map_or(true, |party| party.former.is_some())
    }

    /// Removes deeds of one source that the ledger would refuse by now, if that may differ since they were chosen.
    pub(crate) fn take_refused(
        &self,
        scale: &ScaleId,
        deeds: &mut Vec<Deed>,
        waiting: &mut Waiting,
    ) {
        let first = deeds.first();
        if !first.is_some_and(|deed| self.may_differ(&deed.source)) {
            return;
        }
        let signed = deeds.iter().map(|deed| {
            Some(SourceSigned {
                source: deed.source,
                period: deed.period,
                commitment: deed.commitment,
                signature: deed.signature,
            })
        });
        let signed: Vec<Option<SourceSigned>> = signed.collect();
        let mut verdicts = self.judge(scale, &signed).into_iter();
        deeds.retain(|_| match verdicts.next() {
            Some(Err(wait)) => {
                waiting.add(wait);
                false
            }
            Some(Ok(())) | None => true,
        });
    }

    /// Whether the ledger refused a batch of this source because of a change that this state does not show.
    pub(crate) fn has_changed(&self, source: &PartyId) -> bool {
        held(&self.changed).contains(source)
    }

    /// Whether this state takes the source and its signatures in a batch.
    pub(crate) fn takes(&self, batch: &EarnBatch) -> bool {
        let claims = batch.claims.iter().map(|claim| SourceSigned {
            source: batch.source,
            period: batch.period,
            commitment: claim.public.c,
            signature: claim.source_signature,
        });
        let claims: Vec<SourceSigned> = claims.collect();
        self.judge_alike(batch.terms.schema, self.time(), &claims)
            .into_iter()
            .all(|verdict| verdict.is_ok())
    }

    /// The ledger refused a batch because of its source. If this state would take it, the source has changed since,
    /// and nothing more of it is proven by this state.
    pub(crate) fn refused(&self, batch: &EarnBatch) {
        if self.takes(batch) {
            held(&self.changed).insert(batch.source);
        }
    }

    /// Deeds of one source with records of one schema.
    fn judge_alike(
        &self,
        schema: SchemaId,
        time: Timestamp,
        deeds: &[SourceSigned],
    ) -> Vec<Result<(), Wait>> {
        let Some(SourceSigned { source, .. }) = deeds.first() else {
            return Vec::new();
        };
        if self.has_changed(source) {
            return vec![Err(Wait::SourceChanged); deeds.len()];
        }
        let party = match self.standing(source, time) {
            Ok(party) => party,
            Err(wait) => return vec![Err(wait); deeds.len()],
        };
        let messages: Vec<Vec<u8>> = deeds
            .iter()
            .map(|deed| {
                let (origin, c) = (self.state.origin(), deed.commitment);
                commitment_signing_bytes(origin, &deed.source, schema, deed.period, c)
            })
            .collect();
        let all: Vec<Signed<'_>> = deeds
            .iter()
            .zip(&messages)
            .map(|(deed, message)| Signed {
                key: &party.signing_key,
                message,
                signature: &deed.signature,
            })
            .collect();
        if all_hold(&all) {
            return vec![Ok(()); deeds.len()];
        }
        let keys: Vec<PublicKey> = party.keys(time + LEAD).collect();
        all.iter()
            .map(|one| {
                let holds = |key: &PublicKey| key.verify(one.message, one.signature).is_ok();
                match keys.iter().any(holds) {
                    true => Ok(()),
                    false => Err(Wait::KeyEnded),
                }
            })
            .collect()
    }

    /// The source, if it may vouch at `time`.
    fn standing(&self, source: &PartyId, time: Timestamp) -> Result<&Party, Wait> {
        // An emergency suspension holds for a time, and `Parties::at` alone looks at it.
        let barred = |party: &Party| time < party.barred_until;
        match self.state.parties().acting(source, Role::Source) {
            Ok(party) if barred(party) => Err(Wait::SourceSuspended),
            Ok(party) => Ok(party),
            Err(Refusal::PartySuspended { .. }) => Err(Wait::SourceSuspended),
            // Not admitted, ended, or without the role.
            Err(_) => Err(Wait::SourceGone),
        }
    }

    fn time(&self) -> Timestamp {
        (self.clock)().max(self.state.time())
    }
}

/// What the signatures of neighbours have in common.
fn place(deed: &Option<SourceSigned>) -> Option<(PartyId, Period)> {
    deed.as_ref().map(|deed| (deed.source, deed.period))
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
