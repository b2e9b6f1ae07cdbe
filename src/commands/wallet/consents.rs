//! `merits wallet link`, `terms`, `consent`, `consents`, `withdraw`.

use std::{
    io::{BufRead as _, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use merits_party::{lookup::find_party, machine_time};
use merits_primitives::ids::{Period, ScaleId};
use merits_records::handover::{Handover as _, LinkFile};
use merits_text::typed::argument;
use merits_wallet::{
    net::{ConsentProposal, ConsentRequest, CountedBy, TicketFiles, WithdrawalRequest},
    report::ConsentStatus,
};

use super::place::{Place, as_of, day, warn};
use crate::{
    commands::dates::{self, Periods},
    screen::{VOUCHED, counted, progress},
};

/// What a link takes.
#[derive(Debug, Args)]
pub(crate) struct Link {
    #[command(flatten)]
    place: Place,
    /// The source, by name or id
    #[arg(long, value_parser = argument)]
    source: String,
    /// What the source calls you: the account in its records
    #[arg(long, value_parser = argument)]
    account: String,
    /// Link to write, for the source
    #[arg(long)]
    output: PathBuf,
}

impl Link {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.place.admit(&self.output, "the link")?;
        LinkFile::admit(&self.output)?;
        let wallet = self.place.open().await?;
        let prover = wallet.prover()?;
        let source = find_party(&wallet.replica(), &self.source)?;
        let (output, now) = (&self.output, machine_time());
        let link = wallet.write_link(&source, &self.account, output, &prover, now)?;
        println!(
            "wrote {}, for {} within the hour",
            output.display(),
            link.party
        );
        Ok(())
    }
}

/// Which terms.
#[derive(Debug, Args)]
pub(crate) struct Terms {
    #[command(flatten)]
    place: Place,
    /// The distributor, by name or id
    #[arg(long, value_parser = argument)]
    distributor: String,
    /// The scale
    #[arg(long, value_parser = argument)]
    scale: String,
}

impl Terms {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let wallet = self.place.open().await?;
        let distributor = find_party(&wallet.replica(), &self.distributor)?;
        let scale = wallet.scale(&self.scale)?;
        let terms = wallet.newest_terms(&distributor, &scale)?;
        print!("{}", terms.words());
        println!("Digest:            {}", hex::encode(terms.digest()));
        Ok(())
    }
}

/// What a consent takes.
#[derive(Debug, Args)]
pub(crate) struct Consent {
    #[command(flatten)]
    place: Place,
    /// The distributor, by name or id: the only one that may claim
    #[arg(long, value_parser = argument)]
    distributor: String,
    /// The scale
    #[arg(long, value_parser = argument)]
    scale: String,
    /// The period, such as 2026-W10, or several: 2026-W10..2026-W13, both included
    #[arg(long, value_parser = dates::periods)]
    period: Periods,
    /// The source of the records, by name or id
    #[arg(long, value_parser = argument)]
    source: String,
    /// What the distributor's records call you; the default is what you said the last time
    #[arg(long, value_parser = argument)]
    account: Option<String>,
    /// Ticket to write, for the distributor; of several periods, a directory for them
    #[arg(long)]
    output: PathBuf,
    /// Consent without being asked
    #[arg(long)]
    yes: bool,
}

impl Consent {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let periods = &self.period.0;
        let tickets = TicketFiles::new(&self.output, &ScaleId::new(&self.scale)?, periods);
        for path in tickets.paths() {
            self.place.admit(path, "the ticket")?;
        }
        tickets.admit()?;
        let wallet = self.place.open().await?;
        let proposal = wallet.propose_consent(&ConsentRequest {
            distributor: find_party(&wallet.replica(), &self.distributor)?,
            source: find_party(&wallet.replica(), &self.source)?,
            scale: &self.scale,
            periods: periods.clone(),
            account: self.account.clone(),
        })?;
        show(&proposal, periods)?;
        if !self.yes && !asked_yes("Do you consent?")? {
            println!("nothing was consented to");
            return Ok(ExitCode::FAILURE);
        }
        let prover = wallet.prover()?;
        let name = &proposal.distributor;
        let bar = progress(periods.len() as u64, "proving consents");
        let mut written = |path: &Path| {
            bar.inc(1);
            bar.suspend(|| println!("wrote {}, for {name} within the hour", path.display()));
        };
        let rng = &mut rand::rng();
        wallet.write_tickets(
            &proposal,
            &tickets,
            &prover,
            &machine_time,
            rng,
            &mut written,
        )?;
        bar.finish_and_clear();
        Ok(ExitCode::SUCCESS)
    }
}

/// Shows what is about to be consented to.
fn show(proposal: &ConsentProposal, periods: &[Period]) -> anyhow::Result<()> {
    print!("{}", proposal.terms);
    for CountedBy { version, manifest } in &proposal.counted_by {
        println!(
            "{:<18} version {version}, whose manifest has SHA-256 {manifest}: this one, and no other \
             that comes",
            "Counted by:",
        );
    }
    match periods {
        [first, .., last] => println!(
            "{:<18} {} to {}: {} tickets",
            "Periods:",
            first.label(),
            last.label(),
            periods.len()
        ),
        // `periods` is never empty; a single one is both first and last.
        periods => {
            let only = periods.first().context("no period")?;
            println!("{:<18} {}", "Period:", only.label());
        }
    }
    println!("{:<18} {}", "Records of:", proposal.source);
    println!("{:<18} {}", "You are called:", proposal.account);
    if proposal.vouched {
        println!("{:<18} {VOUCHED}", "Mind:");
    }
    Ok(())
}

/// Every consent that was deposited.
pub(super) async fn list(place: &Place) -> anyhow::Result<()> {
    let wallet = place.open().await?;
    let consents = wallet.consents()?;
    for consent in &consents {
        println!(
            "{:<10}  {} version {}  to {}, records of {}: {}",
            consent.period,
            consent.scale,
            consent.version,
            consent.distributor,
            consent.source,
            standing(&consent.standing)
        );
    }
    println!(
        "{}, {}",
        counted(consents.len() as u64, "consent"),
        as_of(&wallet)?
    );
    Ok(())
}

/// The state of a consent, in words.
pub(super) fn standing(standing: &ConsentStatus) -> String {
    match standing {
        ConsentStatus::Deposited { until } => {
            format!("deposited, to be claimed with until {}", day(*until))
        }
        ConsentStatus::Claimed {
            entry,
            claim,
            withdrawn,
        } => {
            let deleted = if *withdrawn {
                "; taken back: the distributor deletes the records, the credits stay"
            } else {
                ""
            };
            format!("claimed (entry {entry}, claim {claim}){deleted}")
        }
        ConsentStatus::Withdrawn => "taken back before it was claimed with".to_owned(),
        ConsentStatus::Lapsed => "lapsed, never claimed with".to_owned(),
    }
}

/// What is taken back.
#[derive(Debug, Args)]
pub(crate) struct Withdraw {
    #[command(flatten)]
    place: Place,
    /// The distributor, by name or id
    #[arg(long, value_parser = argument)]
    distributor: String,
    /// The scale
    #[arg(long, value_parser = argument)]
    scale: String,
    /// The period, or several: 2026-W10..2026-W13, both included
    #[arg(long, required_unless_present = "all", conflicts_with = "all", value_parser = dates::periods)]
    period: Option<Periods>,
    /// Every consent to this distributor for this scale that was deposited
    #[arg(long)]
    all: bool,
    /// The source; needed for a ticket that was not deposited yet, of a scale that counts by source
    #[arg(long, value_parser = argument)]
    source: Option<String>,
}

impl Withdraw {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut wallet = self.place.open().await?;
        let prover = wallet.prover()?;
        let distributor = find_party(&wallet.replica(), &self.distributor)?;
        let source = match &self.source {
            Some(name) => Some(find_party(&wallet.replica(), name)?),
            None => None,
        };
        let withdrawals = wallet.withdrawals(WithdrawalRequest {
            distributor,
            scale: &self.scale,
            periods: self.period.as_ref().map(|Periods(periods)| periods.clone()),
            source,
        })?;
        let name = wallet.party_name(&distributor)?;
        for withdrawal in &withdrawals {
            let done = wallet.withdraw(withdrawal, &prover).await?;
            warn(&wallet);
            if done.deposited {
                println!(
                    "{}: taken back (entry {}); {name} learns it from the ledger and deletes your \
                     records",
                    done.period, done.entry
                );
            } else {
                println!(
                    "{}: taken back before any deposit (entry {}); the ledger refuses the ticket \
                     from now on",
                    done.period, done.entry
                );
            }
        }
        Ok(())
    }
}

/// Only y or yes means yes.
fn asked_yes(question: &str) -> anyhow::Result<bool> {
    print!("{question} [y/N] ");
    // A question that nobody saw cannot be consented to.
    crate::screen::output::finish()?;
    let mut answer = String::new();
    // A few bytes are enough for yes, and a longer answer cannot be one.
    let most = 64;
    let asked = std::io::stdin().lock().take(most).read_line(&mut answer);
    asked.context(
        "the answer cannot be read from standard input: answer in a terminal, or give --yes",
    )?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}
