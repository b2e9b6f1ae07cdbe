//! Sets deeds aside for which a run cannot make a claim, so that they do not stop anything else.
//!
//! A fault of a single deed (records that the formula does not take, a witness that cannot be made,
//! a row that does not open) sets that deed aside with its reason. If a fault does not name a claim
//! of a batch, the batch is taken apart and its deeds are claimed alone, after all others: the
//! faulty one fails again, and the others succeed. The reasons are in the store. This module only
//! prevents a run from trying the same twice, and distinguishes a broken prover from batches that
//! cannot be proven.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    pool::ProvingError,
    store::{AsideReason, BatchId, DeedId, Released, Store, StoreError},
};

/// How many failed batches, in a run without a single proof, mean that the prover is at fault and
/// not the batches.
const PROVER_AT_FAULT: u32 = 4;

/// The attempts of a run.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    /// Deeds that are not tried again.
    deeds: Mutex<BTreeSet<DeedId>>,
    prover: Mutex<Proofs>,
}

/// The prover's results in a run.
#[derive(Debug, Default)]
struct Proofs {
    /// Whether it made one.
    made: bool,
    /// Batches without a proof.
    failed: u32,
    /// Those of them in which some deed was in no earlier failure, so not under suspicion.
    unsuspected: u32,
    /// The reason of the last failure.
    last: Option<ProvingError>,
}

impl Proofs {
    fn at_fault(&mut self) -> Option<ProvingError> {
        let failed = self.failed;
        let last = Box::new(self.last.take()?);
        Some(ProvingError::Prover { failed, last })
    }
}

impl Tried {
    /// Whether this run failed to make a claim of a deed that it tried alone.
    pub(crate) fn has(&self, deed: DeedId) -> bool {
        held(&self.deeds).contains(&deed)
    }

    /// Sets one deed aside.
    pub(crate) async fn set_aside(
        &self,
        store: &Store,
        deed: DeedId,
        reason: AsideReason,
    ) -> Result<(), StoreError> {
        store.set_aside(deed, reason).await?;
        self.add(deed);
        Ok(())
    }

    /// Sets deeds aside that cannot be stated together; a single one is not tried again.
    pub(crate) async fn set_all_aside(
        &self,
        store: &Store,
        deeds: impl IntoIterator<Item = DeedId>,
        reason: AsideReason,
    ) -> Result<(), StoreError> {
        let deeds: Vec<DeedId> = deeds.into_iter().collect();
        for deed in &deeds {
            store.set_aside(*deed, reason).await?;
        }
        if let [deed] = deeds[..] {
            self.add(deed);
        }
        Ok(())
    }

    /// Sets a batch aside that cannot be proven. Returns the error if the batch is not the cause.
    pub(crate) async fn set_batch_aside(
        &self,
        store: &Store,
        batch: BatchId,
        error: ProvingError,
    ) -> Result<(), ProvingError> {
        let Some(reason) = error.aside_reason() else {
            return Err(error);
        };
        // Other errors may reveal the records.
        if reason == AsideReason::Proof {
            tracing::warn!(batch = batch.0, %error, "no proof can be made of a batch, which is taken apart");
        } else {
            tracing::warn!(batch = batch.0, %reason, "a batch cannot be proven and is taken apart");
        }
        let released = store.set_batch_aside(batch, reason).await?;
        if let [Released { deed, .. }] = released[..] {
            self.add(deed);
        }
        if reason != AsideReason::Proof {
            return Ok(());
        }
        let mut proofs = held(&self.prover);
        proofs.failed += 1;
        proofs.unsuspected += u32::from(released.iter().any(|released| !released.again));
        proofs.last = Some(error);
        if !proofs.made && proofs.unsuspected >= PROVER_AT_FAULT {
            return proofs.at_fault().map_or(Ok(()), Err);
        }
        Ok(())
    }

    /// A proof was made: the prover works.
    pub(crate) fn proved(&self) {
        held(&self.prover).made = true;
    }

    /// At the end of a run: whether the prover is at fault because it proved nothing. If only deeds
    /// were tried that failed in earlier runs, this cannot be decided.
    pub(crate) fn prover_at_fault(&self) -> Option<ProvingError> {
        let mut proofs = held(&self.prover);
        let guilty = !proofs.made && proofs.unsuspected > 0 && proofs.failed >= PROVER_AT_FAULT;
        guilty.then(|| proofs.at_fault())?
    }

    fn add(&self, deed: DeedId) {
        held(&self.deeds).insert(deed);
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
