//! `merits sponsor offer` and `merits sponsor vouchers`.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;
use merits_guard::output::Output;
use merits_party::machine_time;
use merits_sponsor::{OfferReport, Sponsor, VOUCHERS, config::SponsorConfig, offers::OfferFile};
use merits_text::typed::argument;

use crate::{
    commands::{numbers, reason::reason},
    outputs,
    screen::thousands,
};

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
    /// End one of this sponsor's offers before its time
    Close {
        /// Configuration file; parties/sponsor/sponsor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// The offer's entry: its id, or the first 8 digits or more
        #[arg(long, value_parser = argument)]
        offer: String,
        /// Why, in words; the ledger publishes it
        #[arg(long, value_parser = reason)]
        basis: String,
    },
    /// Show this sponsor's offers, and how many of each quota are redeemed
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
        #[arg(long, value_parser = numbers::vouchers)]
        count: Option<u32>,
        /// File to make, mode 0600: anybody who reads it has the vouchers
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
                let sponsor = Sponsor::open(&config).await?;
                let id = sponsor
                    .publish(&file)
                    .await
                    .with_context(|| offer.display().to_string())?
                    .entry;
                println!("published offer {id}");
            }
            Self::Close {
                config,
                offer,
                basis,
            } => {
                let sponsor = Sponsor::open(&SponsorConfig::load(&config)?).await?;
                let closed = sponsor.close_offer(&offer, basis).await?;
                println!("closed offer {}", closed.offer);
            }
            Self::List { config } => {
                let sponsor = Sponsor::open(&SponsorConfig::load(&config)?).await?;
                print(&sponsor.offers(machine_time())?);
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
        let sponsor = Sponsor::open(&SponsorConfig::load(&config)?).await?;
        let made = sponsor.make_vouchers(&offer, count, &output, &mut rand::rng())?;
        println!(
            "wrote {} vouchers to {}: hand them to one exchange, over a channel that both trust",
            thousands(made.count),
            output.display()
        );
        Ok(ExitCode::SUCCESS)
    }
}

fn print(offers: &[OfferReport]) {
    if offers.is_empty() {
        println!("no offer yet");
    }
    for offer in offers {
        println!(
            "{}. {} ({}): {}, {} of {} redeemed",
            offer.number,
            offer.title,
            offer.kind,
            offer.standing,
            thousands(offer.redeemed),
            thousands(offer.quota)
        );
        println!(
            "   {} credits of {} good until before {}; open {} to {}; {}",
            thousands(offer.price.0),
            offer.scale,
            offer.good_until_before,
            offer.opens,
            offer.closes,
            offer.id
        );
    }
}
