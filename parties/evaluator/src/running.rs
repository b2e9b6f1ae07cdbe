//! The commands of an evaluator by its configuration: announce its key, and answer registrars.

use std::{future::Future, net::SocketAddr, path::PathBuf, sync::Arc};

use futures::future::BoxFuture;
use merits_party::{
    identity::{IdentityError, PartyConfig as _},
    lookup::LookupError,
};
use merits_primitives::ids::EntryId;
use merits_replica::{
    ClientError, FollowError, Follower, JoinError, LedgerConfigError, ReplicaError,
};
use merits_serve::{ListenError, ServeError};
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::{
    acts::Evaluator,
    config::EvaluatorConfig,
    key::{EvaluatorKey, EvaluatorKeyError},
    net::{Renew, UniquenessService, serve},
    shares::SharesError,
};

/// Why a command of an evaluator failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvaluatorError {
    /// The party's keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The key of its evaluations.
    #[error(transparent)]
    Key(#[from] EvaluatorKeyError),
    /// The `[ledger]` table.
    #[error(transparent)]
    Ledger(#[from] LedgerConfigError),
    /// The ledger could not be joined.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The ledger could not be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The copy of the log.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The coordinator.
    #[error(transparent)]
    Submit(#[from] ClientError),
    /// Dealing, finding or erasing shares.
    #[error(transparent)]
    Shares(#[from] SharesError),
    /// A party that is named.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The ledger does not have the key.
    #[error(
        "the ledger does not have the key in {}: run `merits evaluator announce` once, or restore the file that \
         was announced",
        .0.display()
    )]
    NotAnnounced(PathBuf),
    /// This evaluator holds no share, or there is no key yet.
    #[error(
        "this evaluator holds no share of the ledger's key: have one dealt with `merits evaluator shares open` and \
         `merits evaluator shares run`"
    )]
    NoShare,
    /// The address that it serves on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Serving.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// The key of the tags is on the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Announced {
    /// The entry that announced it now; `None` if it was there already.
    #[serde(serialize_with = "entry")]
    pub entry: Option<EntryId>,
}

fn entry<S: Serializer>(entry: &Option<EntryId>, serializer: S) -> Result<S::Ok, S::Error> {
    let entry = entry.map(|entry| entry.to_string());
    entry.serialize(serializer)
}

impl EvaluatorConfig {
    /// Puts the key on the ledger, and makes it first if the ledger has none.
    ///
    /// # Errors
    /// [`EvaluatorError`].
    pub fn announce(&self) -> BoxFuture<'_, Result<Announced, EvaluatorError>> {
        Box::pin(async move {
            let evaluator = self.evaluator()?;
            let follower = self.ledger.follow().await?;
            follower.sync().await?;
            // The key of a ledger never changes. If it has one, a new one would be useless.
            let announced = follower.replica().state()?.people().tag_key().is_some();
            let key = if announced {
                EvaluatorKey::load(&self.voprf_key)?
            } else {
                EvaluatorKey::load_or_create(&self.voprf_key)?
            };
            if stands(&follower, &evaluator, &key)? {
                return Ok(Announced { entry: None });
            }
            // If the ledger has another evaluator's key, the ledger refuses this one.
            let entry = evaluator.open(key.public());
            let submitted = follower.client().submit(&entry).await?;
            Ok(Announced {
                entry: Some(submitted.id),
            })
        })
    }

    /// The service over its own copy of the log.
    ///
    /// # Errors
    /// [`EvaluatorError`].
    pub fn service(&self) -> BoxFuture<'_, Result<UniquenessService<Follower>, EvaluatorError>> {
        Box::pin(async move {
            let evaluator = self.evaluator()?;
            let follower = self.ledger.clone().of_a_server()?.follow().await?;
            let follower = follower.refusing_the_future();
            follower.sync().await?;
            let party = evaluator.party();
            let dealt = {
                let replica = follower.replica();
                let state = replica.state()?;
                let record = state.people().tag_key();
                match record.and_then(|record| record.dealt_by) {
                    Some(_) => Some(self.present_key(state, party)?),
                    None => None,
                }
            };
            let key = match dealt {
                Some(key) => key.ok_or(EvaluatorError::NoShare)?,
                // No key, or one that an evaluator made alone.
                None => EvaluatorKey::load(&self.voprf_key)?,
            };
            if !stands(&follower, &evaluator, &key)? {
                return Err(EvaluatorError::NotAnnounced(self.voprf_key.clone()));
            }
            let config = self.clone();
            let renew: Renew = Arc::new(move |state| {
                let renewed = config.present_key(state, party);
                renewed.unwrap_or_else(|error| {
                    tracing::error!(%error, "the share that was dealt anew cannot be used");
                    None
                })
            });
            Ok(UniquenessService::renewing(evaluator, key, renew, follower))
        })
    }

    /// Answers registrars until `stop` resolves; `ready` gets the address.
    ///
    /// # Errors
    /// [`EvaluatorError`].
    pub async fn serve(
        &self,
        ready: impl FnOnce(SocketAddr) + Send,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), EvaluatorError> {
        let security = self.ledger.security()?;
        let listener = merits_serve::listen(self.listen).await?;
        let service = self.service().await?;
        ready(listener.local_addr().map_err(ServeError::from)?);
        serve(service, listener, &self.server, &security, stop).await?;
        Ok(())
    }

    pub(crate) fn evaluator(&self) -> Result<Evaluator, IdentityError> {
        let identity = self.identity()?;
        let party = identity.party();
        Ok(Evaluator::new(identity.origin, party, identity.signing))
    }
}

/// Whether the ledger has this evaluator with this key.
fn stands(
    follower: &Follower,
    evaluator: &Evaluator,
    key: &EvaluatorKey,
) -> Result<bool, ReplicaError> {
    let replica = follower.replica();
    let record = replica.state()?.people().tag_key();
    let share = record.and_then(|record| record.key.share_of(&evaluator.party()));
    Ok(share == Some(key.public()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and forms of a report's fields are an interface: programs read them.
    #[test]
    fn a_report_of_a_key_has_its_entry_alone() {
        let entry = Some(EntryId([0xab; 32]));
        let report = serde_json::to_value(Announced { entry }).expect("JSON");
        assert_eq!(report, serde_json::json!({ "entry": "ab".repeat(32) }));
        let there = serde_json::to_value(Announced { entry: None }).expect("JSON");
        assert_eq!(there, serde_json::json!({ "entry": null }));
    }
}
