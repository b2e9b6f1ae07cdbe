//! `merits wallet link`, `terms`, `consent`, `consents`, `withdraw`.

use std::{
    io::{BufRead as _, Read as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use merits_ledger::{Entry, Role, State};
use merits_params::{manifest::Manifest, terms::TermsDocument};
use merits_party::{lookup::find_party, unix_millis};
use merits_primitives::ids::{PartyId, Period, ScaleId, ScaleVersion};
use merits_records::handover::{Handover as _, LinkFile, TicketFile};
use merits_replica::Replica;
use merits_text::typed::argument;
use merits_wallet::{
    consent::{Asked, Speaker},
    recompute::approved,
    view::{ConsentStanding, OwnConsent},
};

use super::session::{Place, Session, day, name_of, newest_manifest, scale_id};
use crate::{
    commands::dates::{self, Periods},
    screen::{VOUCHED, progress},
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
        let session = Session::open(&self.place).await?;
        let prover = session.prover()?;
        let name = {
            let replica = session.replica();
            let state = replica.state()?;
            let source = find_party(&replica, &self.source)?;
            state.parties().acting(&source, Role::Source)?;
            let speaker = Speaker::new(state, &session.keys, &session.view, &prover)?;
            speaker
                .link(&source, &self.account, unix_millis())?
                .write(&self.output)?;
            name_of(state, &source)
        };
        learn(&session, &name, &self.account)?;
        println!(
            "wrote {}, for {name} within the hour",
            self.output.display()
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
        let session = Session::open(&self.place).await?;
        let replica = session.replica();
        let distributor = find_party(&replica, &self.distributor)?;
        let scale = scale_id(replica.state()?, &self.scale)?;
        let terms = newest_terms(&replica, &distributor, &scale)?;
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
        let tickets = self.tickets(&self.period.0)?;
        let session = Session::open(&self.place).await?;
        let (distributor, source, scale, terms, name) = {
            let replica = session.replica();
            let state = replica.state()?;
            let distributor = find_party(&replica, &self.distributor)?;
            state.parties().acting(&distributor, Role::Distributor)?;
            let source = find_party(&replica, &self.source)?;
            state.parties().acting(&source, Role::Source)?;
            let scale = scale_id(state, &self.scale)?;
            let terms = newest_terms(&replica, &distributor, &scale)?;
            (
                distributor,
                source,
                scale,
                terms,
                name_of(state, &distributor),
            )
        };
        let periods: Vec<Period> = tickets.iter().map(|(period, _)| *period).collect();
        let account = match &self.account {
            Some(account) => account.clone(),
            None => {
                let notebook = session.directory.notebook()?;
                let known = notebook.account(&name).map(str::to_owned);
                known.context("say by --account what the distributor's records call you")?
            }
        };
        self::show(&session, &terms, &source, &periods, &account)?;
        if !self.yes && !asked_yes("Do you consent?")? {
            println!("nothing was consented to");
            return Ok(ExitCode::FAILURE);
        }
        if self.many(&periods) {
            // Tickets go to their distributor alone.
            merits_guard::create_folder(&self.output)
                .with_context(|| self.output.display().to_string())?;
        }
        let prover = session.prover()?;
        let bar = progress(periods.len() as u64, "proving consents");
        for (period, path) in &tickets {
            let asked = Asked {
                distributor,
                account: &account,
                scale: &scale,
                terms: terms.digest(),
                source,
                period: *period,
            };
            let replica = session.replica();
            let state = replica.state()?;
            // Every field that this period's version reads is in the terms.
            terms.check(&distributor, &name, &approved(state, &scale, *period)?)?;
            let speaker = Speaker::new(state, &session.keys, &session.view, &prover)?;
            let ticket = speaker.ticket(&session.view, &asked, unix_millis(), &mut rand::rng())?;
            ticket.write(path)?;
            bar.inc(1);
            bar.suspend(|| println!("wrote {}, for {name} within the hour", path.display()));
        }
        bar.finish_and_clear();
        learn(&session, &name, &account)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Consent {
    /// Whether the tickets go into a folder.
    fn many(&self, periods: &[Period]) -> bool {
        periods.len() > 1 || self.output.is_dir()
    }

    /// The file of each period's ticket. None of them may be something else that is there.
    fn tickets(&self, periods: &[Period]) -> anyhow::Result<Vec<(Period, PathBuf)>> {
        let many = self.many(periods);
        let scale = ScaleId::new(&self.scale)?;
        let file = |period: &Period| match many {
            true => {
                let name = format!("ticket-{scale}-{}.json", period.label());
                self.output.join(name)
            }
            false => self.output.clone(),
        };
        let files: Vec<_> = periods
            .iter()
            .map(|period| (*period, file(period)))
            .collect();
        for (_, path) in &files {
            self.place.admit(path, "the ticket")?;
            // The folder is made when the person has consented.
            if !many || self.output.exists() {
                TicketFile::admit(path)?;
            }
        }
        Ok(files)
    }
}

/// Shows what is about to be consented to.
fn show(
    session: &Session,
    terms: &TermsDocument,
    source: &PartyId,
    periods: &[Period],
    account: &str,
) -> anyhow::Result<()> {
    let replica = session.replica();
    let state = replica.state()?;
    print!("{}", terms.words());
    for (version, manifest) in versions_of(state, terms.scale(), periods) {
        println!(
            "{:<18} version {}, whose manifest has SHA-256 {}: this one, and no other that comes",
            "Counted by:",
            version.0,
            hex::encode(manifest)
        );
    }
    let [first, .., last] = periods else {
        // `periods` never answers none; one is its own first and last.
        let only = periods.first().context("no period")?;
        println!("{:<18} {}", "Period:", only.label());
        return show_account(state, terms, source, *only, account);
    };
    println!(
        "{:<18} {} to {}: {} tickets",
        "Periods:",
        first.label(),
        last.label(),
        periods.len()
    );
    show_account(state, terms, source, *first, account)
}

/// The versions in force in these periods, each with its manifest's digest.
fn versions_of(
    state: &State,
    scale: &ScaleId,
    periods: &[Period],
) -> Vec<(ScaleVersion, [u8; 32])> {
    let Ok(scale) = state.scales().get(scale) else {
        return Vec::new();
    };
    let mut versions: Vec<_> = periods
        .iter()
        .filter_map(|period| scale.in_force(period.index))
        .map(|record| (record.version(), record.manifest))
        .collect();
    versions.dedup();
    versions
}

fn show_account(
    state: &State,
    terms: &TermsDocument,
    source: &PartyId,
    period: Period,
    account: &str,
) -> anyhow::Result<()> {
    println!("{:<18} {}", "Records of:", name_of(state, source));
    println!("{:<18} {account}", "You are called:");
    if approved(state, terms.scale(), period)?.vouched() {
        println!("{:<18} {VOUCHED}", "Mind:");
    }
    Ok(())
}

/// Every consent that was deposited.
pub(super) async fn list(place: &Place) -> anyhow::Result<()> {
    let session = Session::open(place).await?;
    let replica = session.replica();
    let state = replica.state()?;
    for consent in &session.view.consents {
        println!(
            "{:<10}  {} version {}  to {}, records of {}: {}",
            consent.period.label(),
            consent.scale,
            consent.version.0,
            name_of(state, &consent.distributor),
            name_of(state, &consent.source),
            standing(consent)
        );
    }
    println!(
        "{} consents, {}",
        session.view.consents.len(),
        session.as_of()?
    );
    Ok(())
}

/// Where a consent stands, in words.
pub(super) fn standing(consent: &OwnConsent) -> String {
    match &consent.standing {
        ConsentStanding::Deposited { until } => {
            format!("deposited, to be claimed with until {}", day(*until))
        }
        ConsentStanding::Claimed { entry, claim } => {
            let deleted = if consent.withdrawn {
                "; taken back: the distributor deletes the records, the credits stay"
            } else {
                ""
            };
            format!("claimed (entry {entry}, claim {claim}){deleted}")
        }
        ConsentStanding::Withdrawn => "taken back before it was claimed with".to_owned(),
        ConsentStanding::Lapsed => "lapsed, never claimed with".to_owned(),
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
        let mut session = Session::open(&self.place).await?;
        let prover = session.prover()?;
        let (distributor, scale, name) = {
            let replica = session.replica();
            let distributor = find_party(&replica, &self.distributor)?;
            let scale = scale_id(replica.state()?, &self.scale)?;
            let name = name_of(replica.state()?, &distributor);
            (distributor, scale, name)
        };
        let periods = self.period.as_ref().map(|Periods(periods)| periods.clone());
        let deposited: Vec<OwnConsent> = (session.view.consents.iter())
            .filter(|own| own.distributor == distributor && own.scale == scale && !own.withdrawn)
            .filter(|own| {
                let named = |periods: &Vec<Period>| periods.contains(&own.period);
                periods.as_ref().is_none_or(named)
            })
            .cloned()
            .collect();
        // Tickets that are on their way: seed and ledger tell their messages too.
        let on_the_way: Vec<Period> = (periods.unwrap_or_default().into_iter())
            .filter(|period| !deposited.iter().any(|own| own.period == *period))
            .collect();
        ensure!(
            !deposited.is_empty() || !on_the_way.is_empty(),
            "no consent to {name} for {scale} was deposited that stands"
        );
        for consent in &deposited {
            let entry = {
                let replica = session.replica();
                let speaker =
                    Speaker::new(replica.state()?, &session.keys, &session.view, &prover)?;
                speaker.withdraw_own(consent)?
            };
            let submitted = session.submit(&entry).await?;
            println!(
                "{}: taken back (entry {}); {name} learns it from the ledger and deletes your \
                 records",
                consent.period.label(),
                submitted.id
            );
        }
        for period in on_the_way {
            let entry = {
                let replica = session.replica();
                let state = replica.state()?;
                let asked = Asked {
                    distributor,
                    account: "",
                    scale: &scale,
                    terms: newest_terms(&replica, &distributor, &scale)?.digest(),
                    source: self.source_of(&replica, &scale)?,
                    period,
                };
                let speaker = Speaker::new(state, &session.keys, &session.view, &prover)?;
                speaker.withdraw(&asked)?
            };
            let submitted = session.submit(&entry).await?;
            println!(
                "{}: taken back before any deposit (entry {}); the ledger refuses the ticket from \
                 now on",
                period.label(),
                submitted.id
            );
        }
        Ok(())
    }

    /// The source of a ticket that is on its way. It matters only where the scale counts by source.
    fn source_of(&self, replica: &Replica, scale: &ScaleId) -> anyhow::Result<PartyId> {
        if let Some(source) = &self.source {
            return Ok(find_party(replica, source)?);
        }
        let versions = &replica.state()?.scales().get(scale)?.versions;
        ensure!(
            !versions.iter().any(|version| version.terms.per_source),
            "{scale} counts by source: say by --source whose records the ticket is about"
        );
        Ok(PartyId([0; 32]))
    }
}

/// The terms that a distributor published last for a scale, if they are true of both.
fn newest_terms(
    replica: &Replica,
    distributor: &PartyId,
    scale: &ScaleId,
) -> anyhow::Result<TermsDocument> {
    let state = replica.state()?;
    let name = name_of(state, distributor);
    let published = state.tickets().all_terms();
    let newest = published
        .filter(|(_, terms)| terms.distributor == *distributor && terms.scale == *scale)
        .filter_map(|(_, terms)| replica.find(&terms.entry).transpose())
        .collect::<Result<Vec<u64>, _>>()?
        .into_iter()
        .max()
        .with_context(|| format!("{name} has published no terms for {scale}"))?;
    let leaf = replica.leaf(newest)?.context("the copy lacks a leaf")?;
    let Some(Ok(Entry::TermsPublished(terms))) =
        Entry::decode(leaf.entry.kind, &leaf.entry.statement)
    else {
        bail!("leaf {newest} of the copy holds no terms");
    };
    let terms = TermsDocument::parse(&terms.text)
        .with_context(|| format!("{name}'s terms for {scale} cannot be consented to"))?;
    let manifest: Manifest = newest_manifest(state, scale)
        .with_context(|| format!("the manifest of {scale} cannot be read"))?;
    terms.check(distributor, &name, &manifest)?;
    Ok(terms)
}

/// Keeps what a party calls the person.
fn learn(session: &Session, party: &str, account: &str) -> anyhow::Result<()> {
    let mut notebook = session.directory.notebook()?;
    notebook.learn(party, account);
    Ok(session.directory.keep_notebook(&notebook)?)
}

/// Nothing but y or yes is a yes.
fn asked_yes(question: &str) -> anyhow::Result<bool> {
    print!("{question} [y/N] ");
    // Nobody consents to a question that nobody saw.
    crate::screen::output::finish()?;
    let mut answer = String::new();
    // A few bytes say yes, and more say nothing else.
    let most = 64;
    std::io::stdin().lock().take(most).read_line(&mut answer)?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}
