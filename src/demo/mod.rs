//! `merits demo`: a whole federation on this machine, from real records to opened claims.
//!
//! Every step calls what the role's own command calls, with a configuration file that the role's
//! own process would read. Only here, all roles run in one process.

mod board;
mod closing;
mod evaluators;
mod federation;
mod founding;
mod members;
mod packs;
mod people;
mod quorums;
mod servers;
mod sight;
mod spending;
mod supervising;
mod watching;
#[cfg(feature = "bench")]
mod whole_file;
mod wire;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::{Args, Parser as _};
use merits_distributor::{RecordsInput, summary::RunSummary};
use merits_party::machine_time;
use merits_primitives::{ids::Period, owner::Handle, sum::Sum};
use merits_source::complete_span::CompleteSpan;

#[cfg(feature = "bench")]
pub(crate) use self::whole_file::whole_file;

use self::{
    evaluators::ANSWERS,
    federation::{EVALUATORS, Federation, Owners, REGISTRAR},
    founding::{admit, adopt, found, open_epoch, publish, serve_exchange},
    packs::{Choice, Pack},
    people::People,
    servers::Servers,
    sight::Played,
    supervising::{open_one_claim, open_total, verify_by_strangers},
    wire::Recorder,
};
use crate::{
    commands::{distributor, numbers, scale, source},
    screen::{say, step, thousands},
};

/// What the demonstration takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where ledger, keys and receipts go; proving keys are reused by later runs
    #[arg(long, default_value = "merits-data")]
    data_dir: PathBuf,
    #[arg(long, default_value = packs::DEFAULT, value_name = "ID|DIR", help = packs::help())]
    scale: String,
    /// How many subjects (accounts) of the file to claim for; each becomes a person with a wallet
    #[arg(long, default_value = "16", value_parser = numbers::people)]
    subjects: u32,
    /// All subjects of the file
    #[arg(long)]
    all: bool,
    /// Records of your own: CSV or JSON Lines. Without --mapping, the columns must be those of the
    /// records that come with the command
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// How the columns of --input become fields of the scale, as in a source's configuration
    #[arg(long, value_name = "FILE", requires = "input")]
    mapping: Option<PathBuf>,
    /// Record everything that each role receives into this folder, and search it for what the role must not see
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

/// What the steps leave for the closing table.
#[derive(Debug, Default)]
struct Story {
    people: usize,
    tickets: usize,
    registering: Duration,
    consenting: Duration,
    redeeming: Duration,
    summary: RunSummary,
    /// Links from the distributor, and signing by the source.
    signing: Duration,
    /// Receipts into files.
    receipts: Duration,
    set_up: Duration,
    key_was_there: bool,
    sponsor: Duration,
    clearing: Duration,
    opening: Duration,
    opened_total: Option<(Period, u64, Sum)>,
    /// The pseudonym of the opened claim.
    opened: Option<Handle>,
}

impl Arguments {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        scale::shown(self.play().await)
    }

    async fn play(self) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        let pack = Pack::choose(Choice {
            scale: &self.scale,
            input: self.input.as_deref(),
            mapping: self.mapping.as_deref(),
            subjects: self.subjects(),
        })?;
        println!("MERITS: good deeds measured where the data lies, proven, verified by strangers.");
        println!("This is a demonstration: its proving key is made by one party, on this machine,");
        println!("who could forge. Such keys are marked insecure-dev and refused everywhere else.");
        let recorder = self.record.is_some().then(Recorder::default);
        let federation = Federation::new(&self.data_dir, pack, Owners::People, recorder)?;
        let mut story = Story::default();
        let mut servers = Servers::new();

        let coordinator = found(&federation, &mut servers).await?;
        admit(&federation).await?;
        let board = open_epoch(&federation, &mut servers).await?;
        publish(&federation, &board, &mut story).await?;
        adopt(&federation, &board).await?;
        evaluators::serve(&federation, &mut servers).await?;
        let input = federation.records()?;
        let people = self.register(&federation, &input, &mut story).await?;
        self.consent(&federation, &people, &mut story).await?;
        let said = people.complete();
        self.earn(&federation, (&input, said), &mut story).await?;
        verify_by_strangers(&federation, &mut story).await?;
        let supervisor = &board.supervisor;
        open_one_claim(&federation, supervisor, &mut story).await?;
        open_total(&federation, supervisor, &mut story).await?;
        serve_exchange(&federation, &mut servers)?;
        spending::play(&federation, &people, supervisor, &mut story).await?;
        watching::watch(supervisor).await?;
        if let (Some(recorder), Some(folder)) = (&federation.recorder, &self.record) {
            let played = Played {
                federation: &federation,
                people: &people,
                supervisor,
                records: (&input, self.subjects()),
                opened: story.opened,
                redeemed: !story.redeeming.is_zero(),
            };
            let searched = sight::search(&played, recorder, folder).await;
            federation.forget_recorder()?;
            searched?;
        }

        servers.end().await?;
        drop(board);
        coordinator.shutdown().await?;
        closing::print(&federation, &story, start.elapsed());
        Ok(ExitCode::SUCCESS)
    }

    fn subjects(&self) -> Option<usize> {
        (!self.all).then_some(self.subjects as usize)
    }

    /// People get wallets and are registered.
    async fn register(
        &self,
        federation: &Federation,
        input: &Path,
        story: &mut Story,
    ) -> anyhow::Result<People> {
        step(5, "People make wallets, and are registered once each");
        let start = Instant::now();
        let people = People::move_in(federation, input, self.subjects()).await?;
        let refusal = people.register(federation).await?;
        story.people = people.persons.len();
        story.registering = start.elapsed();
        say(&format!(
            "Each of {} accounts becomes a person with a wallet: one seed, which nobody else has. \
             {REGISTRAR} knows them by (made-up) numbers of identity cards; {ANSWERS} of \
             {EVALUATORS} evaluators make a tag of each number together without seeing it, and the ledger keeps a hash \
             of the tag.",
            people.persons.len(),
        ));
        say(&format!(
            "One of them comes again, with another identity. Refused: {refusal}."
        ));
        Ok(people)
    }

    /// People link their accounts and consent; one of them withdraws a consent.
    async fn consent(
        &self,
        federation: &Federation,
        people: &People,
        story: &mut Story,
    ) -> anyhow::Result<()> {
        step(6, "People link their accounts and consent");
        let start = Instant::now();
        let pack = &federation.pack;
        let vouched = federation.manifest.vouched();
        if vouched {
            say(&format!(
                "{} cannot tell whose records these are, so nobody links anything there: {} vouches \
                 for it, and every output that shows these credits says so.",
                pack.source, pack.distributor
            ));
        } else {
            let linked = people.link(federation).await?;
            say(&format!(
                "{linked} wallets prove their pseudonym at {}, which learns to which account it \
                 belongs, and nothing that it could find on the ledger.",
                pack.source
            ));
        }
        people::publish_terms(federation).await?;
        let tickets = people.consent(federation).await?;
        story.tickets = tickets.len();
        let distributor = distributor::open(&federation.path(DISTRIBUTOR_TOML)).await?;
        let done = async {
            let rng = &mut distributor::rng();
            let imported = distributor
                .import_tickets(&tickets, machine_time(), rng)
                .await?;
            let deposits = distributor.deposit().await?;
            if vouched {
                let links = federation.path("source/links.jsonl");
                distributor::links(&distributor, None, pack.source, &links, None).await?;
                federation.handed_file("source", "distributor", &links)?;
            }
            anyhow::Ok((imported, deposits))
        };
        let (imported, deposits) = distributor.close(done.await).await?;
        let refused: Vec<String> = imported
            .iter()
            .filter_map(|ticket| {
                let fault = ticket.outcome.as_ref().err()?;
                Some(format!("{}: {fault}", ticket.path.display()))
            })
            .collect();
        ensure!(
            refused.is_empty() && deposits.refused.is_empty(),
            "tickets were refused: {refused:?} {:?}",
            deposits.refused
        );
        story.consenting = start.elapsed();
        let period = federation.period_word();
        say(&format!(
            "{} publishes its terms: purpose, fields, retention, how to withdraw. Each wallet gives \
             a ticket for each {period}, {} in all. A ticket proves that a registered person consents to \
             this claim over their own records, once for that {period} across all distributors. The \
             distributor deposits the tickets on the ledger. It cannot claim without them.",
            pack.distributor,
            thousands(tickets.len() as u64),
        ));
        if tickets.len() > 1 {
            let person = people.last()?;
            let period = person.periods().last().context("a period")?.label();
            say(&format!(
                "The person with account {} has second thoughts about {period}:",
                person.account()
            ));
            let wallet = person.wallet().display().to_string();
            typed(&[
                "wallet",
                "withdraw",
                "--dir",
                &wallet,
                "--distributor",
                pack.distributor,
                "--scale",
                &pack.id,
                "--period",
                &period,
            ])
            .await?;
        }
        Ok(())
    }

    /// Source and distributor: records become proven credits. The operator says how far they are complete.
    async fn earn(
        &self,
        federation: &Federation,
        (input, said): (&Path, CompleteSpan),
        story: &mut Story,
    ) -> anyhow::Result<()> {
        step(7, "The source signs what it recorded");
        let start = Instant::now();
        let distributor = distributor::open(&federation.path(DISTRIBUTOR_TOML)).await?;
        let pack = &federation.pack;
        let links = match federation.owners {
            // They are in the source's own file.
            Owners::People => None,
            Owners::Custody => {
                let links = federation.path("handover/links.jsonl");
                let (subjects, input) = (self.subjects(), Some(input));
                distributor::links(&distributor, input, pack.source, &links, subjects).await?;
                Some(links)
            }
        };
        let bundle = federation.path("handover/bundle.jsonl");
        federation.handed_file("source", "records", input)?;
        let signing = source::sign(&source::SignArguments {
            config: federation.path(SOURCE_TOML),
            input: input.to_owned(),
            links,
            output: bundle.clone(),
            rejects: None,
            subjects: self.subjects(),
            complete_from: said.complete_from,
            complete_until: said.complete_until,
            most_rejects_percent: Some(packs::REJECTS_PERCENT),
            dry_run: false,
            begin_register_mark: false,
        })?;
        let report = signing.report.context("records that can be read")?;
        story.signing = start.elapsed();
        say(&format!(
            "{source} ({data}) commits to each account's records of each {period}, {} commitments \
             over {} records, and signs them. It learns nothing about credits.",
            thousands(report.signed),
            thousands(report.records),
            source = pack.source,
            data = pack.data,
            period = federation.period_word(),
        ));

        step(8, "The distributor computes and proves");
        for file in [input, &bundle] {
            federation.handed_file("distributor", "source", file)?;
        }
        let records = RecordsInput {
            records: input.to_owned(),
            bundle,
            source: pack.source.to_owned(),
            rejects: Some(federation.path("distributor/rejects.csv")),
            subjects: self.subjects(),
        };
        let summary = distributor::run(&distributor, Some(records)).await?;
        ensure!(
            summary.submitted.refused.is_empty() && summary.submitted.acknowledged > 0,
            "the ledger took {} batches and refused {:?}",
            summary.submitted.acknowledged,
            summary.submitted.refused
        );
        say(&format!(
            "{} read {} records and set {} bad rows aside, each with its line and reason. It \
             checked that its records open the source's commitments, computed {} claims, and made \
             {} proofs of up to {} claims. Records and salts rest encrypted in its own store; the \
             coordinator saw proofs and ciphertexts, and put them on the ledger after verifying \
             them in groups.",
            pack.distributor,
            thousands(summary.reading.rows - summary.reading.left_out),
            thousands(summary.reading.rejected),
            thousands(summary.proved.claims),
            summary.proved.proofs,
            federation.manifest.claims_per_proof(),
        ));
        for group in &summary.refused_groups {
            say(&format!("Refused: {group}."));
        }
        for erased in &summary.followed.erased {
            say(&format!(
                "The consent that was taken back: the records of {} in {} are deleted, and no claim \
                 was made of them.",
                erased.subject.as_deref().unwrap_or("a forgotten account"),
                erased.period.label()
            ));
        }
        let start = Instant::now();
        let written = distributor
            .write_receipts(&federation.path("receipts"))
            .await;
        distributor.close(written).await?;
        story.receipts = start.elapsed();
        story.summary = summary;
        Ok(())
    }
}

/// Runs a command as a person would type it, and shows it.
async fn typed(words: &[&str]) -> anyhow::Result<()> {
    println!("   $ merits {}", words.join(" "));
    let words = std::iter::once("merits").chain(words.iter().copied());
    let cli = crate::Cli::try_parse_from(words)?;
    let code = Box::pin(cli.command.run()).await?;
    ensure!(code == ExitCode::SUCCESS, "the command failed");
    Ok(())
}

/// Of the first supervisor, who proposes what the board decides.
const SUPERVISOR_FOLDER: &str = "supervisor-1";
const SUPERVISOR_TOML: &str = "supervisor-1/supervisor.toml";
const ISSUER_TOML: &str = "issuer/issuer.toml";
const SOURCE_TOML: &str = "source/source.toml";
const DISTRIBUTOR_TOML: &str = "distributor/distributor.toml";
const SPONSOR_TOML: &str = "sponsor/sponsor.toml";
const CLEARING_TOML: &str = "clearing/clearing.toml";
const REGISTRAR_TOML: &str = "registrar/registrar.toml";
const EXCHANGE_TOML: &str = "exchange/exchange.toml";
