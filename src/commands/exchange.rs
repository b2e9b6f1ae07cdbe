//! `merits exchange`: take redemptions, hand out vouchers.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use clap::{Subcommand, ValueEnum};
use merits_exchange::{
    at_rest::MasterKey,
    code_file::{self, read_codes},
    config::ExchangeConfig,
    exchange::Exchange,
    net::serve,
    store::{self, Copied, Store},
};
use merits_keyfile::KeyKind;
use merits_ledger::Role;
use merits_party::{
    identity::{Identity, PartyConfig as _},
    lookup::find_entry,
    stop_signal,
    store_key::StoreKey,
    unix_millis,
};
use merits_text::typed::argument;

use super::hand_over;
use crate::{outputs, screen::thousands};

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
        #[arg(long, value_parser = argument)]
        offer: String,
        /// File of codes, one a line, as `merits sponsor vouchers make` writes it
        #[arg(long)]
        vouchers: PathBuf,
        /// What the file's first line is, where it may be either
        #[arg(long)]
        first_line: Option<FirstLine>,
    },
    /// Take redemptions until ctrl-c or SIGTERM
    Serve {
        /// Configuration file; parties/exchange/exchange.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
    /// Copy the store of vouchers, also while the exchange serves, and check the copy
    Backup {
        /// Configuration file; parties/exchange/exchange.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Copy to make; none is overwritten. It opens with the master key only: keep that apart
        #[arg(long)]
        output: PathBuf,
    },
    /// Put a checked copy where the configuration's store is to be; a store that is there stays
    Restore {
        /// Configuration file; parties/exchange/exchange.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Copy that `merits exchange backup` made
        #[arg(long)]
        backup: PathBuf,
    },
}

/// What the first line of a file of codes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FirstLine {
    /// A table's header
    Header,
    /// A code
    Code,
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    Ok(ExchangeConfig::load(&config)?.apply(&mut rand::rng())?)
                })?;
            }
            Self::Stock {
                config,
                offer,
                vouchers,
                first_line,
            } => {
                let first_line = match first_line {
                    None => code_file::FirstLine::Unsaid,
                    Some(FirstLine::Header) => code_file::FirstLine::Header,
                    Some(FirstLine::Code) => code_file::FirstLine::Code,
                };
                let config = ExchangeConfig::load(&config)?;
                stock(&config, &offer, &vouchers, first_line).await?;
            }
            Self::Serve { config } => {
                serve_until(&ExchangeConfig::load(&config)?, async {
                    let _ = stop_signal().await;
                })
                .await?;
            }
            Self::Backup { config, output } => {
                outputs::of_configuration(&config).admit(&output, "the copy")?;
                let config = ExchangeConfig::load(&config)?;
                let copied = copy(&config, &config.store, &output).await?;
                println!(
                    "wrote {}: {} vouchers, {} of them given",
                    output.display(),
                    thousands(copied.vouchers),
                    thousands(copied.assigned)
                );
            }
            Self::Restore { config, backup } => {
                let config = ExchangeConfig::load(&config)?;
                let copied = copy(&config, &backup, &config.store).await?;
                println!(
                    "restored {}: {} vouchers, {} of them given. The log says who gets the others, and gives \
                     everybody the same voucher again; files that were taken in after this backup are to be \
                     taken in again (`merits exchange stock`), in their order",
                    config.store.display(),
                    thousands(copied.vouchers),
                    thousands(copied.assigned)
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Takes a file of codes in.
pub(crate) async fn stock(
    config: &ExchangeConfig,
    offer: &str,
    vouchers: &Path,
    first_line: code_file::FirstLine,
) -> anyhow::Result<()> {
    let file = read_codes(vouchers, first_line)?;
    let codes = file.codes;
    if file.header {
        println!("line 1 is a header: no voucher was made of it");
    }
    let identity = config.identity()?;
    // Its own copy: the serving process has the other one open.
    let follower = config.ledger.clone().of_the_desk().follow().await?;
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
        .with_context(|| vouchers.display().to_string());
    let total = closed(&store, total).await?;
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
    let identity = config.identity()?;
    let ledger = config.ledger.clone().of_a_server()?;
    let listener = merits_serve::listen(config.listen).await?;
    let follower = ledger.follow().await?.refusing_the_future();
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
    let served = serve(Arc::new(exchange), listener, &config.server, stop).await;
    closed(&store, served.map_err(Into::into)).await?;
    Ok(())
}

/// Folds the store's write-ahead log in, whatever came before; the first failure is told.
async fn closed<T>(store: &Store, done: anyhow::Result<T>) -> anyhow::Result<T> {
    match (done, store.close().await) {
        (Ok(_), Err(error)) => Err(error.into()),
        (done, _) => done,
    }
}

/// Copies the store, checked under the configuration's ledger, party and master key.
async fn copy(config: &ExchangeConfig, from: &Path, to: &Path) -> anyhow::Result<Copied> {
    ensure!(from.exists(), "there is no file {}", from.display());
    let identity = config.identity()?;
    let master = MasterKey::new(merits_keyfile::load(&config.master_key, KeyKind::Master)?);
    let (origin, party) = (&identity.origin, identity.party());
    Ok(store::copy(from, to, origin, &party, &master).await?)
}

async fn open_store(config: &ExchangeConfig, identity: &Identity) -> anyhow::Result<Store> {
    let key = StoreKey::of(
        &config.store,
        &config.master_key,
        "exchange",
        &mut rand::rng(),
    )?;
    let (origin, party) = (&identity.origin, identity.party());
    let master = MasterKey::new(key.secret());
    let store = Store::open(&config.store, origin, &party, master).await?;
    let kept = key.keep(&config.store);
    if kept.is_err() {
        closed(&store, kept.map_err(Into::into)).await?;
    }
    Ok(store)
}
