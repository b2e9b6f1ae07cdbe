//! `merits exchange`: take redemptions, hand out vouchers.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use merits_exchange::{
    at_rest::MasterKey,
    config::ExchangeConfig,
    exchange::Exchange,
    net::serve,
    store::{Store, read_codes},
};
use merits_keyfile::KeyKind;
use merits_ledger::Role;
use tokio::net::TcpListener;

use super::{stop_signal, unix_millis};
use crate::{
    identity::{Identity, find_entry, write_handover},
    screen::thousands,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the application that the supervisor admits
    Apply {
        /// Configuration file; parties/exchange/exchange.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Application to write: public, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Take a sponsor's vouchers in; an offer is served once there are as many as its quota
    Stock {
        /// Configuration file; parties/exchange/exchange.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// The offer's entry: its id, or the first 8 digits or more
        #[arg(long)]
        offer: String,
        /// File of codes, one a line, as `merits sponsor vouchers make` writes it
        #[arg(long)]
        vouchers: PathBuf,
    },
    /// Take redemptions until ctrl-c or SIGTERM
    Serve {
        /// Configuration file; parties/exchange/exchange.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                let identity = identity(&ExchangeConfig::load(&config)?)?;
                write_handover(&identity.application(&[Role::Exchange]), &output)?;
            }
            Self::Stock {
                config,
                offer,
                vouchers,
            } => stock(&ExchangeConfig::load(&config)?, &offer, &vouchers).await?,
            Self::Serve { config } => {
                serve_until(&ExchangeConfig::load(&config)?, async {
                    let _ = stop_signal().await;
                })
                .await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Key files and name of the exchange.
pub(crate) fn identity(config: &ExchangeConfig) -> anyhow::Result<Identity> {
    Identity::load(
        config.ledger.origin()?,
        &config.name,
        &config.signing_key,
        &config.sealing_key,
    )
}

/// Takes a file of codes in.
pub(crate) async fn stock(
    config: &ExchangeConfig,
    offer: &str,
    vouchers: &Path,
) -> anyhow::Result<()> {
    let codes = read_codes(vouchers)?;
    let identity = identity(config)?;
    // Its own directory: the serving process has the other one open.
    let mut ledger = config.ledger.clone();
    ledger.replica.as_mut_os_string().push("-desk");
    let follower = ledger.follow().await?;
    follower.sync().await?;
    let (id, published, sponsor) = {
        let replica = follower.replica();
        let id = find_entry(&replica, offer)?;
        let state = replica.state()?;
        let offer = state
            .offers()
            .get(&id)
            .with_context(|| format!("entry {id} is no offer"))?;
        ensure!(
            offer.published.exchanges.contains(&identity.party()),
            "the offer {id} cannot be redeemed at {}: its vouchers are not for this exchange",
            config.name
        );
        (id, offer.published.clone(), offer.sponsor)
    };
    let store = open_store(config, &identity).await?;
    let total = store
        .stock(
            &id,
            &sponsor,
            published.quota.into(),
            &codes,
            &mut rand::make_rng::<rand::rngs::StdRng>(),
        )
        .await
        .with_context(|| vouchers.display().to_string())?;
    store.close().await;
    println!(
        "took in {} vouchers of {:?}: {} in all, for a quota of {}",
        thousands(codes.len() as u64),
        published.title,
        thousands(total),
        thousands(published.quota.into())
    );
    println!(
        "delete {}: who reads it has the vouchers",
        vouchers.display()
    );
    Ok(())
}

/// Serves until `stop`.
pub(crate) async fn serve_until(
    config: &ExchangeConfig,
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let identity = identity(config)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listening on {}", config.listen))?;
    let follower = config.ledger.follow().await?;
    follower.sync().await?;
    {
        let replica = follower.replica();
        let party = replica.state()?.parties().get(&identity.party());
        ensure!(
            party.is_some_and(|party| party.roles.has(Role::Exchange)),
            "{} is no exchange on this ledger: have the supervisor admit it",
            config.name
        );
    }
    let store = open_store(config, &identity).await?;
    let exchange = Exchange::new(
        identity.origin.clone(),
        identity.party(),
        identity.signing.clone(),
        store.clone(),
        follower,
        unix_millis,
    );
    println!(
        "{} takes redemptions on {}",
        config.name,
        listener.local_addr()?
    );
    serve(Arc::new(exchange), listener, stop).await?;
    store.close().await;
    Ok(())
}

async fn open_store(config: &ExchangeConfig, identity: &Identity) -> anyhow::Result<Store> {
    let (path, kind) = (&config.master_key, KeyKind::Master);
    // A new key would not open the vouchers of an old store.
    let master = if config.store.exists() {
        merits_keyfile::load(path, kind)?
    } else {
        merits_keyfile::load_or_create(path, kind, &mut rand::rng())?
    };
    let (origin, party) = (&identity.origin, identity.party());
    Ok(Store::open(&config.store, origin, &party, MasterKey::new(master)).await?)
}
