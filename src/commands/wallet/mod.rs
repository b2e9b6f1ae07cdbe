//! `merits wallet`: a person's identity, consents, credits.

mod account;
mod attest;
mod balance;
mod consents;
mod custody;
mod making;
mod offers;
mod openings;
mod place;
mod recompute;
mod redeem;
mod standing;

use std::process::ExitCode;

use clap::Subcommand;

use self::place::Place;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a wallet with a fresh seed
    Create(making::Create),
    /// Write the seed to a file that only the passphrase opens
    Backup(making::Backup),
    /// Make a wallet again from a backup; the ledger gives back the rest
    Restore(making::Restore),
    /// Bring this wallet's verified copy of the ledger up to date
    Sync(Place),
    /// Write the request that a registrar registers this person by
    Register(account::Register),
    /// Who this wallet is on the ledger
    Identity(Place),
    /// Write the link that tells a source which pseudonym an account has
    Link(consents::Link),
    /// Show what a distributor asks people to consent to
    Terms(consents::Terms),
    /// Consent: write a ticket for each period, sealed to the distributor
    Consent(consents::Consent),
    /// Show the consents that were given, and their state
    Consents(Place),
    /// Take consents back; the distributor deletes the records
    Withdraw(consents::Withdraw),
    /// Show your credits, which nobody else can read
    Credits(Place),
    /// What can be redeemed now, and what of it you can afford
    Offers(Place),
    /// Redeem an offer at an exchange; gets and keeps the voucher
    Redeem(redeem::Redeem),
    /// Get the voucher of one of your redemptions again
    Voucher(redeem::Voucher),
    /// Make larger notes of small ones: one redemption takes two at most
    Merge(redeem::Merge),
    /// Show a verifier, by a QR code, that you own at least so much; nothing is paid
    Attest(attest::Attest),
    /// What happened, in the ledger's order
    History(Place),
    /// Who opened your records
    Openings(Place),
    /// Compute a proven credit again from your own records
    Recompute(recompute::Arguments),
    /// Credits of accounts in a distributor's custody, offline
    CustodyCredits(custody::Arguments),
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Create(arguments) => arguments.run()?,
            Self::Backup(arguments) => arguments.run()?,
            Self::Restore(arguments) => arguments.run()?,
            Self::Sync(place) => account::sync(&place).await?,
            Self::Register(arguments) => arguments.run().await?,
            Self::Identity(place) => account::identity(&place).await?,
            Self::Link(arguments) => arguments.run().await?,
            Self::Terms(arguments) => arguments.run().await?,
            Self::Consent(arguments) => return arguments.run().await,
            Self::Consents(place) => consents::list(&place).await?,
            Self::Withdraw(arguments) => arguments.run().await?,
            Self::Credits(place) => balance::show(&place).await?,
            Self::Offers(place) => offers::list(&place).await?,
            Self::Redeem(arguments) => arguments.run().await?,
            Self::Voucher(arguments) => arguments.run().await?,
            Self::Merge(arguments) => arguments.run().await?,
            Self::Attest(arguments) => arguments.run().await?,
            Self::History(place) => balance::history(&place).await?,
            Self::Openings(place) => openings::list(&place).await?,
            Self::Recompute(arguments) => return arguments.run().await,
            Self::CustodyCredits(arguments) => return arguments.run().await,
        }
        Ok(ExitCode::SUCCESS)
    }
}
