//! `merits wallet redeem`, `voucher`, `merge`.

use std::num::NonZeroU32;

use anyhow::{Context as _, anyhow};
use clap::Args;
use merits_exchange::net::ExchangeClient;
use merits_exchange::voucher::{VoucherContext, open};
use merits_ledger::Role;
use merits_party::{lookup::find_party, machine_time};
use merits_primitives::{calendar::Date, ids::EntryId};
use merits_text::typed::argument;
use merits_verifier::receipt::Receipt;
use merits_wallet::net::{KeptVoucher, Wallet};

use super::place::{Place, warn};
use super::standing::told;
use crate::{
    commands::{dates, numbers},
    screen::{say, thousands, working},
};

/// What a redemption takes.
#[derive(Debug, Args)]
pub(crate) struct Redeem {
    #[command(flatten)]
    place: Place,
    /// The offer: its id, or as much of the beginning as no other offer has
    #[arg(long, value_parser = argument)]
    offer: String,
    /// Address of the exchange, such as `https://exchange.example.org:7704`
    #[arg(long, value_parser = argument)]
    exchange: String,
    /// Which exchange that is, by name or id, if the offer can be redeemed at several
    #[arg(long, value_parser = argument)]
    at: Option<String>,
    /// How many times, one after the other
    #[arg(long, default_value = "1", value_parser = numbers::times)]
    count: NonZeroU32,
}

/// Which voucher.
#[derive(Debug, Args)]
pub(crate) struct Voucher {
    #[command(flatten)]
    place: Place,
    /// The redemption: the entry's id, as `merits wallet history` shows it
    #[arg(long, value_parser = argument)]
    redemption: String,
    /// Address of the exchange
    #[arg(long, value_parser = argument)]
    exchange: String,
}

/// What a merge takes.
#[derive(Debug, Args)]
pub(crate) struct Merge {
    #[command(flatten)]
    place: Place,
    /// The scale
    #[arg(long, value_parser = argument)]
    scale: String,
    /// The first day on which the credits are no longer good, as `merits wallet credits` shows it;
    /// the default is every bucket
    #[arg(long, value_parser = dates::day)]
    expiry: Option<Date>,
}

impl Redeem {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut wallet = self.place.open().await?;
        let mut client = connect(&wallet, &self.exchange).await?;
        for number in 1..=self.count.get() {
            self.once(&mut wallet, &mut client)
                .await
                .with_context(|| format!("redemption {number} of {}", self.count))?;
        }
        Ok(())
    }

    async fn once(&self, wallet: &mut Wallet, client: &mut ExchangeClient) -> anyhow::Result<()> {
        wallet.require_voucher_folder()?;
        let prover = wallet.prover()?;
        let at = match &self.at {
            Some(name) => Some(find_party(&wallet.replica(), name)?),
            None => None,
        };
        let planned = wallet.plan_redemption(&self.offer, at, machine_time(), &mut rand::rng())?;
        let bar = working("proving");
        let proof = planned.prove(&prover)?;
        bar.finish_and_clear();
        let id = planned.id;
        let answer = client
            .redeem(&planned.exchange, planned.entry(), &proof)
            .await;
        let voucher = match answer {
            Ok(voucher) => voucher,
            Err(error) => {
                // The exchange has the redemption, proof included, so only the log knows the
                // result.
                let standing = wallet.redemption_standing(id).await;
                let told = told(&standing, &id, &self.exchange, error.may_have_spent());
                return Err(anyhow!(error).context(told));
            }
        };
        let spent = || spent(&id, &self.exchange);
        let confirmed = wallet.confirm_redemption(id, &voucher.receipt).await;
        confirmed.with_context(spent)?;
        warn(wallet);
        let key = wallet.voucher_key(&id).with_context(spent)?;
        let code = voucher.open(wallet.keys().origin(), &key.secret);
        let code = code.with_context(spent)?;
        keep(wallet, &id, code.as_str(), Some(&voucher.receipt)).with_context(spent)?;
        println!("{} came back as change", thousands(planned.change().0));
        Ok(())
    }
}

impl Voucher {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let wallet = self.place.open().await?;
        let own = wallet.redemption(&self.redemption)?;
        let mut client = connect(&wallet, &self.exchange).await?;
        let sealed = client.voucher(&own.id, own.receipt.as_ref()).await?;
        let context = VoucherContext {
            origin: wallet.keys().origin(),
            offer: &own.offer,
            redemption: &own.id,
        };
        let key = wallet.voucher_key(&own.id)?;
        let code = open(&key.secret, &context, &sealed)?;
        keep(&wallet, &own.id, code.as_str(), own.receipt.as_ref())
            .with_context(|| spent(&own.id, &self.exchange))
    }
}

/// What a person needs to know when a redemption was accepted and its voucher is not in the wallet.
fn spent(redemption: &EntryId, exchange: &str) -> String {
    format!(
        "the credits are spent, so do not redeem again, and the voucher is not in the wallet's folder: copy its code \
         if it is shown above. `merits wallet voucher --redemption {redemption} --exchange {exchange}` asks for it \
         again"
    )
}

/// Keeps a voucher in the wallet and shows it. It is paid for, so one that cannot be kept is still
/// shown.
fn keep(
    wallet: &Wallet,
    redemption: &EntryId,
    code: &str,
    receipt: Option<&Receipt>,
) -> anyhow::Result<()> {
    match wallet.keep_voucher(redemption, code, receipt) {
        Ok(kept) => {
            show(&kept, code);
            Ok(())
        }
        Err(error) => {
            println!("voucher     {code}");
            println!("redemption  {redemption}");
            Err(error.into())
        }
    }
}

/// Shows a voucher that was kept.
fn show(kept: &KeptVoucher, code: &str) {
    println!(
        "{}: {} {} at {}",
        kept.title,
        thousands(kept.credits.0),
        kept.unit,
        kept.exchange
    );
    println!("voucher     {code}");
    println!("redemption  {}", kept.redemption);
    println!("kept in     {}", kept.path.display());
}

impl Merge {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut wallet = self.place.open().await?;
        let prover = wallet.prover()?;
        let scale = wallet.scale(&self.scale)?;
        let day = self.expiry.map(dates::label);
        let mut done = 0u32;
        for expiry in wallet.buckets(&scale, day.as_deref(), machine_time())? {
            for merge in wallet.plan_merges(&scale, expiry, machine_time(), &mut rand::rng())? {
                let worth = wallet.merge(merge, &prover).await?;
                warn(&wallet);
                println!("merged two notes into one of {}", thousands(worth.0));
                done += 1;
            }
        }
        if done == 0 {
            say("Nothing to merge: no bucket has two notes that can be spent now.");
        } else {
            say("The new notes can be spent once the ledger anchors them.");
        }
        Ok(())
    }
}

/// Connects to an exchange that the wallet's copy of the ledger knows.
async fn connect(wallet: &Wallet, address: &str) -> anyhow::Result<ExchangeClient> {
    let log = wallet.replica().key().clone();
    let expected = wallet
        .replica()
        .expected("an exchange", &[Role::Exchange])?;
    let security = wallet.directory().config().ledger.security()?;
    Ok(ExchangeClient::connect_over(address, log, security, expected).await?)
}
