//! The replica behind holder and requester.

use merits_replica::Follower;

use super::service::{Follow, FollowError};
use crate::{
    ledger_view::StateView,
    view::{LedgerView, Unreadable, Vouched},
};

impl Follow for Follower {
    async fn sync(&self) -> Result<(), FollowError> {
        let synced = Self::sync(self).await;
        synced
            .map(drop)
            .map_err(|error| FollowError(error.to_string()))
    }

    async fn look<R: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn LedgerView) -> R + Send + 'static,
    ) -> Result<R, FollowError> {
        let follower = self.clone();
        tokio::task::spawn_blocking(move || {
            let replica = follower.replica();
            let state = replica
                .state()
                .map_err(|error| FollowError(error.to_string()))?;
            let view = StateView::new(state, |id| {
                let leaf = replica
                    .entry(id)
                    .map_err(|error| Unreadable(error.to_string()))?;
                Ok(leaf.map(|leaf| leaf.entry))
            });
            let view = match replica.witnesses() {
                None => view,
                Some(_) => view.vouched_for(Vouched::AsOf(replica.cosigned_as_of())),
            };
            Ok(read(&view))
        })
        .await
        .map_err(|_| FollowError("reading the copy stopped unexpectedly".to_owned()))?
    }
}
