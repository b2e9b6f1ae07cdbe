//! The commands of an exchange by its configuration: serve, take in vouchers, copy its store.

use std::{
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use futures::future::BoxFuture;
use merits_keyfile::{KeyFileError, KeyKind};
use merits_ledger::Role;
use merits_party::{
    identity::{Identity, IdentityError, PartyConfig as _},
    lookup::{LookupError, find_entry},
    store_key::{StoreKey, StoreKeyError},
};
use merits_primitives::ids::EntryId;
use merits_replica::{FollowError, JoinError, LedgerConfigError, ReplicaError};
use merits_serve::{ListenError, ServeError};
use rand::rngs::StdRng;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::{
    at_rest::MasterKey,
    code_file::{CodeFileError, FirstLine, read_codes},
    config::ExchangeConfig,
    exchange::{Clock, Exchange},
    net::{RunError, serve},
    store::{self, Copied, StockError, Store, StoreError},
};

/// Why a command of an exchange failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The party's keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The store's key.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// Store and master key do not belong together.
    #[error(transparent)]
    StoreKey(#[from] StoreKeyError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to copy.
    #[error("there is no file {}", .0.display())]
    NoFile(PathBuf),
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
    /// The exchange was not admitted.
    #[error("{0} is not an exchange on this ledger: have the supervisor admit it")]
    NotAdmitted(String),
    /// The address that it serves on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Serving.
    #[error(transparent)]
    Serve(#[from] RunError),
    /// The file of codes.
    #[error(transparent)]
    CodeFile(#[from] CodeFileError),
    /// The offer that was named.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The entry is not an offer.
    #[error(
        "entry {0} is not an offer: ask the sponsor for the offer's id (`merits sponsor offer list`)"
    )]
    NotAnOffer(EntryId),
    /// The offer does not name this exchange.
    #[error(
        "the offer {offer} cannot be redeemed at {exchange}: its vouchers are not for this exchange"
    )]
    OtherExchanges {
        /// The offer.
        offer: EntryId,
        /// This exchange.
        exchange: String,
    },
    /// Codes that were refused.
    #[error("{}", .path.display())]
    Stock {
        /// Their file.
        path: PathBuf,
        /// Why.
        source: StockError,
    },
}

/// Vouchers that were taken in.
#[derive(Debug, Clone, Serialize)]
pub struct StockReport {
    /// The offer.
    #[serde(serialize_with = "id")]
    pub offer: EntryId,
    /// Its title.
    pub title: String,
    /// Codes in the file.
    pub taken: u64,
    /// Vouchers of the offer in the store.
    pub total: u64,
    /// The offer's quota.
    pub quota: u64,
    /// Whether the file's first line was read as a header.
    pub header: bool,
}

fn id<S: Serializer>(id: &EntryId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

impl ExchangeConfig {
    /// Takes in a file of codes for an offer, named by its id or the beginning of it.
    ///
    /// # Errors
    /// [`ExchangeError`]; then no code was taken in.
    pub fn stock<'a>(
        &'a self,
        offer: &'a str,
        vouchers: &'a Path,
        first_line: FirstLine,
        rng: &'a mut StdRng,
    ) -> BoxFuture<'a, Result<StockReport, ExchangeError>> {
        Box::pin(async move {
            let file = read_codes(vouchers, first_line)?;
            let identity = self.identity()?;
            // Use a separate copy, because the serving process has the other one open.
            let follower = self.ledger.clone().of_commands().follow().await?;
            follower.sync().await?;
            let (id, published, sponsor) = {
                let replica = follower.replica();
                let id = find_entry(&replica, offer)?;
                let state = replica.state()?;
                let offer = state.offers().get(&id);
                let offer = offer.ok_or(ExchangeError::NotAnOffer(id))?;
                if !offer.published.exchanges.contains(&identity.party()) {
                    return Err(ExchangeError::OtherExchanges {
                        offer: id,
                        exchange: self.name.clone(),
                    });
                }
                (id, offer.published.clone(), offer.sponsor)
            };
            let store = self.open_store(&identity, rng).await?;
            let quota = published.quota.into();
            let total = store
                .stock(&id, &sponsor, quota, &file.codes, rng)
                .await
                .map_err(|source| ExchangeError::Stock {
                    path: vouchers.to_owned(),
                    source,
                });
            Ok(StockReport {
                offer: id,
                title: published.title,
                taken: file.codes.len() as u64,
                total: closed(&store, total).await?,
                quota,
                header: file.header,
            })
        })
    }

    /// Serves until `stop` resolves; `ready` gets the address.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub async fn serve(
        &self,
        clock: Clock,
        rng: &mut StdRng,
        ready: impl FnOnce(SocketAddr) + Send,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), ExchangeError> {
        let identity = self.identity()?;
        let ledger = self.ledger.clone().of_a_server()?;
        let security = ledger.security()?;
        let listener = merits_serve::listen(self.listen).await?;
        let follower = ledger.follow().await?.refusing_the_future();
        follower.sync().await?;
        {
            let replica = follower.replica();
            let party = replica.state()?.parties().get(&identity.party());
            if !party.is_some_and(|party| party.roles.has(Role::Exchange)) {
                return Err(ExchangeError::NotAdmitted(self.name.clone()));
            }
        }
        let address = listener
            .local_addr()
            .map_err(|error| RunError::from(ServeError::from(error)))?;
        let store = self.open_store(&identity, rng).await?;
        let exchange = Exchange::new(
            identity.origin.clone(),
            identity.party(),
            identity.signing.clone(),
            store.clone(),
            follower,
            clock,
        );
        ready(address);
        let served = serve(Arc::new(exchange), listener, &self.server, &security, stop).await;
        closed(&store, served.map(drop).map_err(ExchangeError::from)).await
    }

    /// Copies a store, checked under the configuration's ledger, party and master key.
    ///
    /// # Errors
    /// [`ExchangeError`]; then there is nothing under the new name.
    pub fn copy_store<'a>(
        &'a self,
        from: &'a Path,
        to: &'a Path,
    ) -> BoxFuture<'a, Result<Copied, ExchangeError>> {
        Box::pin(async move {
            if !from.exists() {
                return Err(ExchangeError::NoFile(from.to_owned()));
            }
            let identity = self.identity()?;
            let master = MasterKey::new(merits_keyfile::load(&self.master_key, KeyKind::Master)?);
            let (origin, party) = (&identity.origin, identity.party());
            let copied = store::copy(from, to, origin, &party, &master).await;
            copied.map_err(|error| match error {
                StoreError::File(error) if from == self.store => {
                    StoreError::File(error.of_live()).into()
                }
                error => error.into(),
            })
        })
    }

    async fn open_store(
        &self,
        identity: &Identity,
        rng: &mut StdRng,
    ) -> Result<Store, ExchangeError> {
        let key = StoreKey::of(&self.store, &self.master_key, "exchange", rng)?;
        let (origin, party) = (&identity.origin, identity.party());
        let master = MasterKey::new(key.secret());
        let store = Store::open(&self.store, origin, &party, master).await?;
        match key.keep(&self.store) {
            Ok(()) => Ok(store),
            Err(error) => closed(&store, Err(error.into())).await,
        }
    }
}

/// Folds the store's write-ahead log in any case, and returns the first failure.
async fn closed<T>(store: &Store, done: Result<T, ExchangeError>) -> Result<T, ExchangeError> {
    match (done, store.close().await) {
        (Ok(_), Err(error)) => Err(error.into()),
        (done, _) => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names and forms of a report's fields are an interface: programs read them.
    #[test]
    fn a_report_of_an_offer_has_these_fields() {
        let report = StockReport {
            offer: EntryId([0xab; 32]),
            title: "A bicycle bell".to_owned(),
            taken: 2,
            total: 5,
            quota: 10,
            header: true,
        };
        let report = serde_json::to_value(&report).expect("JSON");
        let expected = serde_json::json!({
            "offer": "ab".repeat(32),
            "title": "A bicycle bell",
            "taken": 2,
            "total": 5,
            "quota": 10,
            "header": true,
        });
        assert_eq!(report, expected);
    }
}
