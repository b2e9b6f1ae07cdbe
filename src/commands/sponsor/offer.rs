//! `merits sponsor offer` and `merits sponsor vouchers`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use merits_guard::output::{Kind, Output, Readers};
use merits_ledger::{Entry, entry::OfferClosed};
use merits_party::{identity::Identity, lookup::find_entry, unix_millis};
use merits_primitives::ids::EntryId;
use merits_replica::Follower;
use merits_sponsor::{
    config::SponsorConfig,
    offers::{OfferFile, day_label, expiry_label, standing, voucher_codes},
};
use merits_text::typed::{argument, prose};

use crate::{outputs, screen::thousands};

/// A file of vouchers replaces none: the codes in that may be with an exchange.
const VOUCHERS: Kind<'static> = Kind::new("a file of vouchers", Readers::Owner);

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Put an offer onto the ledger; it cannot be changed afterwards
    Publish {
        /// Configuration file; parties/sponsor/sponsor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// The offer; parties/sponsor/offer.sample.toml explains every key
        #[arg(long)]
        offer: PathBuf,
    },
    /// End an own offer before its time
    Close {
        /// Configuration file; parties/sponsor/sponsor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// The offer's entry: its id, or the first 8 digits or more
        #[arg(long, value_parser = argument)]
        offer: String,
        /// Why, in words; it stands on the ledger
        #[arg(long, value_parser = prose)]
        basis: String,
    },
    /// Show own offers, and how many of each quota are redeemed
    List {
        /// Configuration file; parties/sponsor/sponsor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Vouchers {
    /// Write random codes, one a line, for the exchanges of an offer
    Make {
        /// Configuration file; parties/sponsor/sponsor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// The offer's entry: its id, or the first 8 digits or more
        #[arg(long, value_parser = argument)]
        offer: String,
        /// How many; without it, as many as the offer's quota, which is what an exchange asks for
        #[arg(long)]
        count: Option<u32>,
        /// File to make, mode 0600: who reads it has the vouchers
        #[arg(long)]
        output: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Publish { config, offer } => {
                let config = SponsorConfig::load(&config)?;
                let file = OfferFile::read(&offer)?;
                let desk = Desk::open(&config).await?;
                let id = desk
                    .publish(&file)
                    .await
                    .with_context(|| offer.display().to_string())?;
                println!("published offer {id}");
            }
            Self::Close {
                config,
                offer,
                basis,
            } => {
                let desk = Desk::open(&SponsorConfig::load(&config)?).await?;
                let id = find_entry(&desk.follower.replica(), &offer)?;
                desk.submit(&Entry::OfferClosed(OfferClosed { offer: id, basis }))
                    .await?;
                println!("closed offer {id}");
            }
            Self::List { config } => {
                Desk::open(&SponsorConfig::load(&config)?).await?.list()?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Vouchers {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self::Make {
            config,
            offer,
            count,
            output,
        } = self;
        outputs::of_configuration(&config).admit(&output, "the vouchers")?;
        Output::check(&output, VOUCHERS)?;
        let desk = Desk::open(&SponsorConfig::load(&config)?).await?;
        let made = desk.make_vouchers(&offer, count, &output)?;
        println!(
            "wrote {} vouchers to {}: hand them to one exchange, over a channel that both trust",
            thousands(made.into()),
            output.display()
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// A sponsor with its copy of the log, up to date.
pub(crate) struct Desk {
    identity: Identity,
    follower: Follower,
}

impl Desk {
    pub(crate) async fn open(config: &SponsorConfig) -> anyhow::Result<Self> {
        let identity = super::identity(config)?;
        let follower = config.ledger.follow().await?;
        follower.sync().await?;
        Ok(Self { identity, follower })
    }

    /// Publishes an offer; answers its id.
    pub(crate) async fn publish(&self, file: &OfferFile) -> anyhow::Result<EntryId> {
        let offer = {
            let replica = self.follower.replica();
            file.publish(replica.state()?, &self.identity.party())?
        };
        self.submit(&Entry::OfferPublished(offer)).await
    }

    async fn submit(&self, entry: &Entry) -> anyhow::Result<EntryId> {
        let identity = &self.identity;
        let signed = entry.sign(&identity.origin, identity.party(), None, &identity.signing);
        let submitted = self.follower.client().submit(&signed).await?;
        self.follower.sync().await?;
        Ok(submitted.id)
    }

    /// Writes a file of fresh codes for an own offer; answers how many.
    pub(crate) fn make_vouchers(
        &self,
        offer: &str,
        count: Option<u32>,
        output: &Path,
    ) -> anyhow::Result<u32> {
        let count = {
            let replica = self.follower.replica();
            let id = find_entry(&replica, offer)?;
            let state = replica.state()?;
            let offer = state
                .offers()
                .get(&id)
                .with_context(|| format!("entry {id} is no offer"))?;
            ensure!(
                offer.sponsor == self.identity.party(),
                "the offer {id} is another sponsor's"
            );
            count.unwrap_or(offer.published.quota)
        };
        let at = || output.display().to_string();
        let mut file = Output::begin(output, VOUCHERS)?;
        for code in voucher_codes(count, &mut rand::rng()) {
            writeln!(file, "{}", code.as_str()).with_context(at)?;
        }
        file.publish()?;
        Ok(count)
    }

    fn list(&self) -> anyhow::Result<()> {
        let replica = self.follower.replica();
        let state = replica.state()?;
        let party = self.identity.party();
        let mut own: Vec<_> = state
            .offers()
            .iter()
            .filter(|(_, offer)| offer.sponsor == party)
            .collect();
        if own.is_empty() {
            println!("no offer yet");
        }
        own.sort_by_key(|(_, offer)| offer.published.number);
        let now = unix_millis().max(state.time());
        for (id, offer) in own {
            let published = &offer.published;
            println!(
                "{}. {} ({}): {}, {} of {} redeemed",
                published.number,
                published.title,
                published.kind,
                standing(id, offer, now),
                thousands(offer.redeemed.into()),
                thousands(published.quota.into())
            );
            println!(
                "   {} credits of {} good until before {}; open {} to {}; {id}",
                thousands(published.price.0),
                published.scale,
                expiry_label(published.expiry),
                day_label(published.opens),
                day_label(published.closes)
            );
        }
        Ok(())
    }
}
