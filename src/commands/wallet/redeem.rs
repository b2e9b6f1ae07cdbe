//! `merits wallet redeem`, `voucher`, `merge`.

use std::{num::NonZeroU32, path::PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Args;
use merits_exchange::net::ExchangeClient;
use merits_exchange::voucher::{Code, VoucherContext, open};
use merits_guard::output::{Kind, Output, Readers};
use merits_ledger::{Entry, entry::REDEEMED};
use merits_party::{lookup::find_party, unix_millis};
use merits_primitives::{
    calendar::Date,
    ids::{Credits, EntryId, Expiry, PartyId, ScaleId},
};
use merits_text::typed::argument;
use merits_wallet::{
    spend::Spender,
    view::{OwnSpending, SpendingPurpose},
};
use serde::Serialize;

use super::session::{Place, Session, end_of, name_of, scale_id, unit_of};
use super::standing::Standing;
use crate::{
    commands::dates,
    screen::{say, thousands, working},
};

/// A voucher that the wallet keeps: asked for again, it is the same.
const VOUCHER: Kind<'static> =
    Kind::new("a voucher", Readers::Owner).replacing(b"{\n  \"merits\": \"voucher/v1\",\n");

/// What a redemption takes.
#[derive(Debug, Args)]
pub(crate) struct Redeem {
    #[command(flatten)]
    place: Place,
    /// The offer: its id, or as much of the beginning as no other offer has
    #[arg(long, value_parser = argument)]
    offer: String,
    /// Address of the exchange, such as http://127.0.0.1:7740
    #[arg(long, value_parser = argument)]
    exchange: String,
    /// Which exchange that is, by name or id, if the offer can be redeemed at several
    #[arg(long, value_parser = argument)]
    at: Option<String>,
    /// So many times, one after the other
    #[arg(long, default_value = "1")]
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
        let mut session = Session::open(&self.place).await?;
        let log = session.replica().key().clone();
        let mut client = ExchangeClient::connect(&self.exchange, log).await?;
        for number in 1..=self.count.get() {
            self.once(&mut session, &mut client)
                .await
                .with_context(|| format!("redemption {number} of {}", self.count))?;
        }
        Ok(())
    }

    async fn once(&self, session: &mut Session, client: &mut ExchangeClient) -> anyhow::Result<()> {
        let prover = session.prover()?;
        let (planned, exchange) = {
            let replica = session.replica();
            let state = replica.state()?;
            let offer = offer_id(state.offers().iter().map(|(id, _)| *id), &self.offer)?;
            let exchange = match &self.at {
                Some(name) => find_party(&replica, name)?,
                None => only_exchange(
                    &state
                        .offers()
                        .get(&offer)
                        .context("known")?
                        .published
                        .exchanges,
                )?,
            };
            let spender = Spender::new(state, &session.view, &session.keys, unix_millis())?;
            (
                spender.redeem(&offer, &exchange, &mut rand::rng())?,
                exchange,
            )
        };
        let bar = working("proving");
        let proof = planned.prove(&prover)?;
        bar.finish_and_clear();
        let statement = Entry::Redeemed(planned.entry.clone()).statement();
        let origin = session.keys.origin().clone();
        let id = EntryId::derive(&origin, REDEEMED, &exchange, &statement);
        let answer = client.redeem(&exchange, &planned.entry, &proof).await;
        let voucher = match answer {
            Ok(voucher) => voucher,
            Err(error) => {
                // The exchange has the redemption, proof included: only the log says what became of it.
                let synced = session.sync().await;
                let (found, size) = {
                    let replica = session.replica();
                    (replica.find(&id), replica.size())
                };
                // A copy that cannot be read does not say that the redemption is not in it.
                let (leaf, synced) = match found {
                    Ok(leaf) => (leaf, synced),
                    Err(unreadable) => (None, Err(unreadable.into())),
                };
                let standing = Standing::of(synced, leaf, size);
                let told = standing.told(&id, &self.exchange, error.may_have_spent());
                return Err(anyhow!(error).context(told));
            }
        };
        session.sync().await.with_context(|| {
            format!(
                "redemption {id} is in the log; `merits wallet voucher --redemption {id}` gets its \
                 voucher"
            )
        })?;
        ensure!(
            session.replica().find(&id)?.is_some(),
            "the exchange showed a receipt for redemption {id}, which this wallet's copy of the log does \
             not have: keep the receipt and show it to a supervisor\n{}",
            voucher.receipt
        );
        let keys = session
            .keys
            .voucher_key(&planned.entry.offer, &planned.entry.spending.sn1);
        let code = voucher.open(&origin, &keys.secret)?;
        let own = session.view.spendings.iter().find(|own| own.entry == id);
        let own = own
            .context("this redemption is not found in this wallet's copy of the log: scan again")?;
        keep(session, own, &code, Some(voucher.receipt.to_string()))?;
        println!("{} came back as change", thousands(planned.change.0));
        Ok(())
    }
}

impl Voucher {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let session = Session::open(&self.place).await?;
        let own = {
            let ids = session.view.spendings.iter().map(|own| own.entry);
            let id = entry_id(ids, &self.redemption, "redemption of this wallet")?;
            let own = session.view.spendings.iter().find(|own| own.entry == id);
            own.context("found just now")?.clone()
        };
        let SpendingPurpose::Redeemed { offer, .. } = &own.purpose else {
            bail!(
                "entry {} is an attestation or a merge: there is no voucher for it",
                own.entry
            );
        };
        let (log, receipt) = {
            let replica = session.replica();
            (replica.key().clone(), replica.receipt(&own.entry)?)
        };
        let mut client = ExchangeClient::connect(&self.exchange, log).await?;
        let sealed = client.voucher(&own.entry, receipt.as_ref()).await?;
        let context = VoucherContext {
            origin: session.keys.origin(),
            offer,
            redemption: &own.entry,
        };
        let secret = session.keys.voucher_key(offer, &own.sn1).secret;
        let code = open(&secret, &context, &sealed)?;
        keep(
            &session,
            &own,
            &code,
            receipt.map(|receipt| receipt.to_string()),
        )
    }
}

impl Merge {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut session = Session::open(&self.place).await?;
        let prover = session.prover()?;
        let origin = session.keys.origin().clone();
        let (scale, buckets) = self.buckets(&session)?;
        let mut done = 0u32;
        for expiry in buckets {
            let merges = {
                let replica = session.replica();
                let state = replica.state()?;
                let spender = Spender::new(state, &session.view, &session.keys, unix_millis())?;
                spender.merge(&scale, expiry, &mut rand::rng())?
            };
            for merge in merges {
                let proof = merge.prove(&prover)?;
                let entry = Entry::Attested(merge.entry).personal(&origin, &proof);
                session.submit(&entry).await?;
                println!("merged two notes into one of {}", thousands(merge.change.0));
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

    fn buckets(&self, session: &Session) -> anyhow::Result<(ScaleId, Vec<Expiry>)> {
        let replica = session.replica();
        let state = replica.state()?;
        let scale = scale_id(state, &self.scale)?;
        let asset = state.scales().get(&scale)?.asset;
        let spender = Spender::new(state, &session.view, &session.keys, unix_millis())?;
        let all = spender.buckets(asset);
        let chosen = match &self.expiry {
            None => all,
            Some(day) => vec![bucket(&all, *day)?],
        };
        Ok((scale, chosen))
    }
}

/// The bucket whose credits are no longer good from this day on.
pub(super) fn bucket(buckets: &[Expiry], day: Date) -> anyhow::Result<Expiry> {
    let day = dates::label(day);
    let found = buckets.iter().find(|expiry| end_of(**expiry) == day);
    found.copied().with_context(|| {
        let known: Vec<String> = buckets.iter().map(|expiry| end_of(*expiry)).collect();
        if known.is_empty() {
            return "you have no such credits".to_owned();
        }
        format!(
            "no credits of yours are good until before {day}; you have some that are good until before {}",
            known.join(", ")
        )
    })
}

fn only_exchange(exchanges: &[PartyId]) -> anyhow::Result<PartyId> {
    match exchanges {
        [one] => Ok(*one),
        _ => bail!("the offer can be redeemed at several exchanges: say by --at which one this is"),
    }
}

fn offer_id(known: impl Iterator<Item = EntryId>, text: &str) -> anyhow::Result<EntryId> {
    entry_id(known, text, "offer on the ledger")
}

/// The one id that begins so.
fn entry_id(
    known: impl Iterator<Item = EntryId>,
    text: &str,
    what: &str,
) -> anyhow::Result<EntryId> {
    let text = text.trim().to_lowercase();
    ensure!(!text.is_empty(), "an id is expected");
    let mut found = known.filter(|id| id.to_string().starts_with(&text));
    let first = found
        .next()
        .with_context(|| format!("no {what} has an id that begins with {text}"))?;
    ensure!(
        found.next().is_none(),
        "several ids begin with {text}: give more of it"
    );
    Ok(first)
}

/// What is kept of a voucher. Its code is a bearer's: only the owner may read the file.
#[derive(Serialize)]
struct Kept<'a> {
    merits: &'static str,
    origin: &'a str,
    redemption: String,
    offer: String,
    title: String,
    code: &'a str,
    receipt: Option<String>,
}

/// Shows a voucher and keeps it in the wallet.
fn keep(
    session: &Session,
    own: &OwnSpending,
    code: &Code,
    receipt: Option<String>,
) -> anyhow::Result<()> {
    let replica = session.replica();
    let state = replica.state()?;
    let SpendingPurpose::Redeemed {
        offer,
        exchange,
        amount,
        ..
    } = &own.purpose
    else {
        bail!("entry {} is no redemption", own.entry);
    };
    let known = state
        .offers()
        .get(offer)
        .context("the offer is on the ledger")?;
    let title = known.published.title.clone();
    let directory = session.directory.path().join("vouchers");
    let path: PathBuf = directory.join(format!("{}.json", own.entry));
    let kept = Kept {
        merits: "voucher/v1",
        origin: session.keys.origin().as_str(),
        redemption: own.entry.to_string(),
        offer: offer.to_string(),
        title: title.clone(),
        code: code.as_str(),
        receipt,
    };
    let text = serde_json::to_string_pretty(&kept)?;
    merits_guard::create_folder(&directory).with_context(|| directory.display().to_string())?;
    Output::write(&path, VOUCHER, format!("{text}\n").as_bytes())?;
    let paid: Credits = *amount;
    println!(
        "{title}: {} {} at {}",
        thousands(paid.0),
        unit_of(state, &known.published.scale),
        name_of(state, exchange)
    );
    println!("voucher     {}", code.as_str());
    println!("redemption  {}", own.entry);
    println!("kept in     {}", path.display());
    Ok(())
}
