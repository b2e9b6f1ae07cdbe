//! What a run cannot make a claim of, so that it stops nothing else.
//!
//! A fault of a single deed (records that the formula does not take, a witness that cannot be made, a row
//! that does not open) sets that deed aside with its reason. A fault that names nobody in a batch takes the
//! batch apart, and its deeds are claimed alone, after all others: the guilty one fails again, the others go
//! through. The reasons are in the store; what is here only keeps one run from trying the same twice, and tells
//! a prover that proves nothing from batches that cannot be proven.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    pool::ProvingError,
    store::{AsideReason, DeedId, Released, Store, StoreError},
};

/// Batches that no proof could be made of, in a run that made no proof at all, which are the prover's fault and
/// not theirs.
const PROVER_AT_FAULT: u32 = 4;

/// What a run tried.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    /// Deeds that it does not try again.
    deeds: Mutex<BTreeSet<DeedId>>,
    prover: Mutex<Proofs>,
}

/// What the prover did in a run.
#[derive(Debug, Default)]
struct Proofs {
    /// Whether it made one.
    made: bool,
    /// Batches that it made none of.
    failed: u32,
    /// Of those, batches with a deed that no earlier one had failed with: no suspects.
    unsuspected: u32,
    /// Why it made none, the last time.
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
    /// Whether this run could not make a claim of a deed that it tried alone.
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

    /// Sets a batch aside that cannot be proven. Gives an error when it is not the batch's own.
    pub(crate) async fn set_batch_aside(
        &self,
        store: &Store,
        batch: i64,
        error: ProvingError,
    ) -> Result<(), ProvingError> {
        let Some(reason) = error.aside_reason() else {
            return Err(error);
        };
        // Other errors may say what the records are.
        if reason == AsideReason::Proof {
            tracing::warn!(batch, %error, "no proof can be made of a batch, which is taken apart");
        } else {
            tracing::warn!(batch, %reason, "a batch cannot be proven and is taken apart");
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

    /// At the end of a run: whether it is the prover that made no proof of anything. Of deeds alone that have
    /// failed in earlier runs, nobody can tell.
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
