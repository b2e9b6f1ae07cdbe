//! What a run cannot make a claim of, so that it stops nothing else.
//!
//! A fault of a single deed (records that the formula does not take, a witness that cannot be made, a row
//! that does not open) sets that deed aside with its reason. A fault that names nobody in a batch takes the
//! batch apart, and its deeds are claimed alone: the guilty one fails again, the others go through. The
//! reasons are in the store; what is here only keeps one run from trying the same twice.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::{
    proving::ProvingError,
    store::{DeedId, Store, StoreError},
};

/// Batches in a row that no proof could be made of, without any other between them, that are the prover's
/// fault and not theirs.
const PROVER_AT_FAULT: u32 = 4;

/// Deeds that a run does not try again.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    deeds: Mutex<BTreeSet<DeedId>>,
    failures: AtomicU32,
}

impl Tried {
    /// Whether this run could not make a claim of a deed that it tried alone.
    pub(crate) fn has(&self, deed: DeedId) -> bool {
        let deeds = self.deeds.lock().unwrap_or_else(PoisonError::into_inner);
        deeds.contains(&deed)
    }

    /// Sets one deed aside.
    pub(crate) async fn set_aside(
        &self,
        store: &Store,
        deed: DeedId,
        reason: &str,
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
        reason: &str,
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

    /// Sets a batch aside that cannot be proven. Gives the error back when it is not the batch's own.
    pub(crate) async fn set_batch_aside(
        &self,
        store: &Store,
        batch: i64,
        error: ProvingError,
    ) -> Result<(), ProvingError> {
        if !error.may_be_the_batchs() {
            return Err(error);
        }
        tracing::warn!(batch, %error, "a batch cannot be proven and is taken apart");
        if let [deed] = store.set_batch_aside(batch, &error.to_string()).await?[..] {
            self.add(deed);
        }
        let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures >= PROVER_AT_FAULT && !matches!(error, ProvingError::Witness { .. }) {
            return Err(error);
        }
        Ok(())
    }

    /// A proof was made: the prover works.
    pub(crate) fn proved(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    fn add(&self, deed: DeedId) {
        let mut deeds = self.deeds.lock().unwrap_or_else(PoisonError::into_inner);
        deeds.insert(deed);
    }
}
