//! `merits demo`: a whole federation on this machine, from real records to opened claims.
//!
//! Every step calls what the role's own command calls, with a configuration file that its own
//! process would take; only the processes are one.

mod closing;
mod federation;
mod packs;
mod people;
mod spending;
#[cfg(feature = "bench")]
mod whole_file;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use clap::{Args, Parser as _};
use merits_clearing::config::ClearingConfig;
use merits_coordinator::{Config, Coordinator, SystemClock};
use merits_distributor::{config::DistributorConfig, summary::RunSummary};
use merits_evaluator::config::EvaluatorConfig;
use merits_exchange::config::ExchangeConfig;
use merits_issuer::config::IssuerConfig;
use merits_ledger::{
    Role,
    entry::{EARN_BATCH, PersonStatement},
};
use merits_params::manifest::Manifest;
use merits_primitives::ids::{EntryId, Output, Period};
use merits_registrar::config::RegistrarConfig;
use merits_source::config::SourceConfig;
use merits_sponsor::config::SponsorConfig;
use merits_supervisor::{
    config::{SupervisorConfig, WitnessConfig},
    net::serve,
    request::RequestFile,
    view_key::Side,
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

#[cfg(feature = "bench")]
pub(crate) use self::whole_file::whole_file;

use self::{
    federation::{EVALUATOR, Federation, LEAST_CLAIMS, ORIGIN, Owners, REGISTRAR, SPONSOR},
    packs::Pack,
    people::People,
};
use crate::{
    commands::{
        clearing, distributor, evaluator, exchange, issuer, registrar, source, sponsor,
        supervisor::Desk, verify::Kit, witness,
    },
    identity::Identity,
    screen::{progress, say, step, thousands, working},
};

/// What the demonstration takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where ledger, keys and receipts go; proving keys are reused by later runs
    #[arg(long, default_value = "merits-data")]
    data_dir: PathBuf,
    /// Which of the shipped scales
    #[arg(long, default_value = packs::DEFAULT, value_name = "ID", value_parser = packs::parser())]
    scale: String,
    /// How many subjects (accounts) of the file to claim for; each becomes a person with a wallet
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    subjects: u32,
    /// All subjects of the file
    #[arg(long)]
    all: bool,
    /// Another file of the same columns, such as a whole data set; without it, the records that
    /// come with the command
    #[arg(long)]
    input: Option<PathBuf>,
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
    set_up: Duration,
    key_was_there: bool,
    sponsor: Duration,
    clearing: Duration,
    opening: Duration,
    opened_total: Option<(Period, u64, u64)>,
}

impl Arguments {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        println!("MERITS: good deeds measured where the data lies, proven, verified by strangers.");
        println!("This is a demonstration: its proving key is made by one party, on this machine,");
        println!("who could forge. Such keys are marked insecure-dev and refused everywhere else.");
        let pack = Pack::named(&self.scale).context("the scale is shipped")?;
        let federation = Federation::new(&self.data_dir, pack, Owners::People)?;
        let mut story = Story::default();
        let (stop, stopped) = watch::channel(false);
        let mut servers = JoinSet::new();

        let coordinator = found(&federation).await?;
        let desk = admit(&federation).await?;
        open_epoch(&federation, &desk, &mut servers, &stopped).await?;
        publish(&federation, &desk, &mut story).await?;
        adopt(&federation, &desk).await?;
        serve_evaluator(&federation, &mut servers, &stopped).await?;
        let input = self.input(&federation)?;
        let people = self.register(&federation, &input, &mut story).await?;
        self.consent(&federation, &people, &mut story).await?;
        self.earn(&federation, &input, &mut story).await?;
        verify_by_strangers(&federation, &mut story).await?;
        open_one_claim(&federation, &desk, &mut story).await?;
        open_total(&federation, &desk, &mut story).await?;
        serve_exchange(&federation, &mut servers, &stopped)?;
        spending::play(&federation, &people, &desk, &mut story).await?;

        let _ = stop.send(true);
        while let Some(ended) = servers.join_next().await {
            ended??;
        }
        drop(desk);
        coordinator.shutdown().await?;
        closing::print(&federation, &story, start.elapsed());
        Ok(ExitCode::SUCCESS)
    }

    fn subjects(&self) -> Option<usize> {
        (!self.all).then_some(self.subjects as usize)
    }

    /// The records to play with.
    fn input(&self, federation: &Federation) -> anyhow::Result<PathBuf> {
        match &self.input {
            Some(input) => Ok(input.clone()),
            None => federation.write_records(),
        }
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
             {REGISTRAR} knows them by (made-up) numbers of identity cards; {EVALUATOR} makes a tag \
             of each number without seeing it, and the ledger keeps a hash of the tag.",
            people.persons.len(),
        ));
        say(&format!(
            "One of them comes again, with another identity. Refused: {refusal}."
        ));
        Ok(people)
    }

    /// People link their accounts and consent; one changes its mind.
    async fn consent(
        &self,
        federation: &Federation,
        people: &People,
        story: &mut Story,
    ) -> anyhow::Result<()> {
        step(6, "People link their accounts and consent");
        let start = Instant::now();
        let pack = federation.pack;
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
        let terms = people::publish_terms(federation).await?;
        let tickets = people.consent(federation, terms).await?;
        story.tickets = tickets.len();
        let station = distributor::Station::open(&federation.path(DISTRIBUTOR_TOML)).await?;
        let mut refused = Vec::new();
        station
            .import_tickets(&tickets, &mut |path, outcome| {
                if let Err(fault) = outcome {
                    refused.push(format!("{}: {fault}", path.display()));
                }
            })
            .await?;
        let deposits = station.deposit().await?;
        ensure!(
            refused.is_empty() && deposits.refused.is_empty(),
            "tickets were refused: {refused:?} {:?}",
            deposits.refused
        );
        story.consenting = start.elapsed();
        let period = federation.period_word();
        say(&format!(
            "{} publishes its terms: purpose, fields, retention, how to withdraw. Each wallet gives \
             a ticket for each {period}, {} in all: some registered person, once for that {period} \
             across all distributors, consents to exactly this one, about the own records. The \
             distributor deposits them on the ledger, and may claim with nothing else.",
            pack.distributor,
            thousands(tickets.len() as u64),
        ));
        if vouched {
            let links = federation.path("source/links.jsonl");
            station.ticket_links(pack.source, &links).await?;
        }
        if tickets.len() > 1 {
            let person = people.last()?;
            let period = person.periods().last().context("a period")?.label();
            say(&format!(
                "The person with account {} changes its mind about {period}:",
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
                pack.id,
                "--period",
                &period,
            ])
            .await?;
        }
        Ok(())
    }

    /// Source and distributor: records become proven credits.
    async fn earn(
        &self,
        federation: &Federation,
        input: &Path,
        story: &mut Story,
    ) -> anyhow::Result<()> {
        step(7, "The source signs what it recorded");
        let station = distributor::Station::open(&federation.path(DISTRIBUTOR_TOML)).await?;
        let pack = federation.pack;
        let links = match federation.owners {
            // They stand in the source's own file.
            Owners::People => None,
            Owners::Custody => {
                let links = federation.path("handover/links.jsonl");
                station.links(input, pack.source, &links, self.subjects())?;
                Some(links)
            }
        };
        let bundle = federation.path("handover/bundle.jsonl");
        let (_, report) = source::sign(&source::SignArguments {
            config: federation.path(SOURCE_TOML),
            input: input.to_owned(),
            links,
            output: bundle.clone(),
            rejects: None,
            subjects: self.subjects(),
        })?;
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
        let summary = station
            .run(&distributor::RunArguments {
                config: federation.path(DISTRIBUTOR_TOML),
                input: Some(input.to_owned()),
                bundle: Some(bundle),
                source: Some(pack.source.to_owned()),
                rejects: Some(federation.path("distributor/rejects.csv")),
                subjects: self.subjects(),
            })
            .await?;
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
        station.write_receipts(&federation.path("receipts")).await?;
        story.summary = summary;
        Ok(())
    }
}

async fn found(federation: &Federation) -> anyhow::Result<Coordinator> {
    step(1, "A coordinator opens a ledger");
    let origin = merits_primitives::ids::Origin::new(ORIGIN)?;
    let directory = federation.path("supervisor");
    let supervisor = Identity::load(
        origin,
        federation::SUPERVISOR,
        &directory.join("supervisor.key"),
        &directory.join("supervisor-sealing.key"),
    )?;
    let authority = supervisor.party();
    let config = Config::load(&federation.write_coordinator(&authority)?)?;
    let coordinator = Coordinator::start(config, Arc::new(SystemClock)).await?;
    federation.write_parties(coordinator.log_key(), &authority)?;
    say(&format!(
        "It orders signed entries, verifies proofs, and signs checkpoints of the log {ORIGIN} on \
         {}. It sees public ledger data only, and can make no entry of its own.",
        coordinator.address()
    ));
    Ok(coordinator)
}

async fn admit(federation: &Federation) -> anyhow::Result<Desk> {
    step(2, "The supervisor admits the parties");
    let desk = Desk::with(SupervisorConfig::load(
        &federation.path("supervisor/supervisor.toml"),
    )?)
    .await?;
    desk.found().await?;
    let witness = witness::identity(&WitnessConfig::load(&federation.path(WITNESS_TOML))?)?;
    let issuer = issuer::identity(&IssuerConfig::load(&federation.path(ISSUER_TOML))?)?;
    let distributor = distributor::identity(&DistributorConfig::load(
        &federation.path(DISTRIBUTOR_TOML),
    )?)?;
    let sponsor = sponsor::identity(&SponsorConfig::load(&federation.path(SPONSOR_TOML))?)?;
    let clearing = clearing::identity(&ClearingConfig::load(&federation.path(CLEARING_TOML))?)?;
    let evaluator = evaluator::identity(&EvaluatorConfig::load(&federation.path(EVALUATOR_TOML))?)?;
    let registrar = registrar::identity(&RegistrarConfig::load(&federation.path(REGISTRAR_TOML))?)?;
    let exchange = exchange::identity(&ExchangeConfig::load(&federation.path(EXCHANGE_TOML))?)?;
    for application in [
        witness.application(&[Role::Witness]),
        issuer.application(&[Role::Issuer]),
        source::application(&SourceConfig::load(&federation.path(SOURCE_TOML))?)?,
        distributor.application(&[Role::Distributor]),
        sponsor.application(&[Role::Sponsor]),
        clearing.application(&[Role::Clearing]),
        evaluator.application(&[Role::Evaluator]),
        registrar.application(&[Role::Registrar]),
        exchange.application(&[Role::Exchange]),
    ] {
        desk.admit(application).await?;
    }
    say(
        "Itself first, then a log witness, an issuer, a source, a distributor, a sponsor, a \
         clearing bank, a registrar, the evaluator of its tags and an exchange, each by an application that it signed with its own key. Nobody may act \
         outside the role it was admitted for.",
    );
    Ok(desk)
}

async fn open_epoch(
    federation: &Federation,
    desk: &Desk,
    servers: &mut JoinSet<anyhow::Result<()>>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    step(3, "Two halves of a view key");
    let config = WitnessConfig::load(&federation.path(WITNESS_TOML))?;
    desk.open_epoch(1, witness::half(&config, 1)?).await?;
    for (config, side) in [
        (desk.config.holder.clone(), Side::Supervisor),
        (config, Side::Witness),
    ] {
        let listener = TcpListener::bind(config.listen).await?;
        let service = witness::holder(&config, side).await?;
        let mut stopped = stopped.clone();
        servers.spawn(async move {
            let stop = async move {
                // Also ends when the sender is gone.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            serve(service, listener, stop).await?;
            Ok(())
        });
    }
    say(
        "The supervisor makes one half, the log witness the other, and neither shows its own. \
         Claims are encrypted under the sum. The witness helps only with a request that stands in \
         the log, so nothing is opened without a trace.",
    );
    Ok(())
}

async fn publish(federation: &Federation, desk: &Desk, story: &mut Story) -> anyhow::Result<()> {
    step(4, "The issuer publishes a scale");
    let config = IssuerConfig::load(&federation.path(ISSUER_TOML))?;
    let start = Instant::now();
    let keys_before = key_sets(&config.key_store);
    let bar = working("compiling the formula; making or loading the keys");
    let built = issuer::build(&config).await?;
    bar.finish_and_clear();
    story.set_up = start.elapsed();
    story.key_was_there = key_sets(&config.key_store) == keys_before;
    issuer::propose(&config, &built).await?;
    desk.sync().await?;
    let manifest = built.manifest();
    desk.approve(manifest.id().as_str(), manifest.version().0)
        .await?;
    say(&format!(
        "{} writes a formula: {}. Its figures: {}. It compiles to {} constraints for {} claims ({} \
         each). The supervisor approves the version. Everybody computes with this formula; \
         changing a figure needs no new key. (Its credits live for 50 years here, longer than the \
         issuer says, since the records are old.)",
        federation.pack.issuer,
        manifest.title().en,
        figures(manifest),
        thousands(built.circuit().circuit().r1cs.n_constraints() as u64),
        manifest.claims_per_proof(),
        thousands(built.circuit().costs().per_claim() as u64),
    ));
    Ok(())
}

/// The keys of what people prove.
async fn adopt(federation: &Federation, desk: &Desk) -> anyhow::Result<()> {
    let bar = working("making or loading the keys of `ticket` and `redeem`");
    for statement in PersonStatement::ALL {
        desk.adopt(statement, federation.path("../keys")).await?;
    }
    bar.finish_and_clear();
    say("It also puts the keys of `ticket` and `redeem` into force, with which people prove.");
    Ok(())
}

async fn serve_evaluator(
    federation: &Federation,
    servers: &mut JoinSet<anyhow::Result<()>>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let config = EvaluatorConfig::load(&federation.path(EVALUATOR_TOML))?;
    evaluator::announce(&config).await?;
    let listener = TcpListener::bind(config.listen).await?;
    let service = evaluator::service(&config).await?;
    let mut stopped = stopped.clone();
    servers.spawn(async move {
        let stop = async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        merits_evaluator::net::serve(service, listener, stop).await?;
        Ok(())
    });
    Ok(())
}

fn serve_exchange(
    federation: &Federation,
    servers: &mut JoinSet<anyhow::Result<()>>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let config = ExchangeConfig::load(&federation.path(EXCHANGE_TOML))?;
    let mut stopped = stopped.clone();
    servers.spawn(async move {
        let stop = async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        exchange::serve_until(&config, stop).await
    });
    Ok(())
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

/// How many sets of keys a store holds: one a circuit.
fn key_sets(store: &Path) -> usize {
    std::fs::read_dir(store).map_or(0, Iterator::count)
}

/// The figures of a scale, in a few words.
fn figures(manifest: &Manifest) -> String {
    let constant = |constant: &merits_params::manifest::Constant| {
        let values = constant.versions.iter().flat_map(|version| &version.values);
        let values: Vec<String> = values.map(ToString::to_string).collect();
        format!(
            "{} = {} {}",
            constant.decl.name,
            values.join(", later "),
            constant.decl.unit
        )
    };
    let table = |table: &merits_params::manifest::Table| {
        let cells = table.decl.by.labels().len();
        format!("the table {} of {cells} cells", table.decl.name)
    };
    let constants = manifest.constants().iter().map(constant);
    let all: Vec<String> = constants
        .chain(manifest.tables().iter().map(table))
        .map(|figure| figure.trim_end().to_owned())
        .collect();
    if all.is_empty() {
        "none but those in the formula".to_owned()
    } else {
        all.join("; ")
    }
}

async fn verify_by_strangers(federation: &Federation, story: &mut Story) -> anyhow::Result<()> {
    step(9, "Strangers verify");
    let start = Instant::now();
    let report = sponsor::verify(&federation.path(SPONSOR_TOML)).await?;
    story.sponsor = start.elapsed();
    ensure!(
        report.faults.is_empty(),
        "the sponsor found faults: {:?}",
        report.faults
    );
    say(&format!(
        "{SPONSOR} follows the log into its own copy and checks all {} batches twice: over gRPC \
         with the coordinator's Verifier, and offline by receipt, signature and proof. It saw {}; \
         it did not see {}.",
        report.batches,
        report.seen().saw,
        report.seen().hidden
    ));
    let start = Instant::now();
    let report = clearing::audit(&federation.path(CLEARING_TOML)).await?;
    story.clearing = start.elapsed();
    ensure!(
        report.is_clean(),
        "the clearing bank found faults: {report:?}"
    );
    say(&format!(
        "The clearing bank verifies them all in one batch and keeps the books: {} claims.",
        thousands(report.batches.claims as u64)
    ));
    Ok(())
}

async fn open_one_claim(
    federation: &Federation,
    desk: &Desk,
    story: &mut Story,
) -> anyhow::Result<()> {
    step(10, "The supervisor opens one claim, with a trace");
    desk.sync().await?;
    Kit::write(&desk.follower.replica(), &federation.path("kit"))?;
    let entry = first_batch(desk).context("the ledger has a batch")?;
    let start = Instant::now();
    let (opened, request) = desk
        .open_claim(
            entry,
            0,
            "Demonstration: sampling of one claim by the regulator",
        )
        .await?;
    story.opening = start.elapsed();
    let station = distributor::Station::open(&federation.path(DISTRIBUTOR_TOML)).await?;
    let disclosure = federation.path("handover/disclosure.json");
    station
        .disclose(entry, 0, Some(&request), &disclosure)
        .await?;
    let checked = desk.check(&request, &disclosure)?;
    let result = RequestFile::read(&request)?.opened().context("a result")?;
    ensure!(
        result.earned == checked.earned,
        "opened and recomputed credits differ"
    );
    say(&format!(
        "The request goes on the ledger first (entry {}), hiding which claim it is about. Both \
         halves find it in their own copies and answer, sealed to the requester, each with a proof \
         that it used its half. Opened: {} and the pseudonym; the hash of that result goes on the ledger (entry {}).",
        short(&opened.request),
        federation.words(&result.earned),
        short(&opened.completion)
    ));
    say(&format!(
        "{} then discloses {} records and the salt of this claim: they open the commitment on the \
         ledger, and the formula gives the same {}. The other claims stay closed.",
        federation.pack.distributor,
        checked.records,
        federation.words(&checked.earned)
    ));
    Ok(())
}

async fn open_total(federation: &Federation, desk: &Desk, story: &mut Story) -> anyhow::Result<()> {
    step(11, "A total, opened for everybody");
    let Some((period, claims)) = largest_period(desk)? else {
        say(&format!(
            "No {} has the {LEAST_CLAIMS} claims that a total must cover, so none is opened: a \
             sum over few people would say too much about each. Try more --subjects.",
            federation.period_word()
        ));
        return Ok(());
    };
    let bar = progress(1, "adding ciphertexts, opening the sum");
    let published = desk
        .total(federation.pack.id, period, 1, Output::Credits)
        .await?;
    let measured = match federation.manifest.measure() {
        Some(measure) => {
            let total = desk
                .total(federation.pack.id, period, 1, Output::Measure)
                .await?;
            format!(", and {} {}", thousands(total.total.sum), measure.unit)
        }
        None => String::new(),
    };
    bar.finish_and_clear();
    let report = clearing::audit(&federation.path(CLEARING_TOML)).await?;
    ensure!(
        report.is_clean() && !report.totals.is_empty(),
        "the clearing bank refuses the total: {report:?}"
    );
    say(&format!(
        "The {claims} claims of {} add up to {} {}{measured}. Only the sum of the ciphertexts was \
         opened; the clearing bank checks it from the log alone, and so can anyone.",
        period.label(),
        thousands(published.total.sum),
        federation.manifest.unit(),
    ));
    story.opened_total = Some((period, claims, published.total.sum));
    Ok(())
}

fn first_batch(desk: &Desk) -> Option<EntryId> {
    let replica = desk.follower.replica();
    replica
        .leaves()
        .map(|(_, leaf)| leaf.entry)
        .find(|entry| entry.kind == EARN_BATCH)
        .map(|entry| entry.id())
}

/// The period with the most claims, if they are enough for a total.
fn largest_period(desk: &Desk) -> anyhow::Result<Option<(Period, u64)>> {
    let replica = desk.follower.replica();
    let totals = replica.state()?.totals();
    Ok(totals
        .keys()
        .map(|key| {
            (
                key.period,
                totals
                    .unopened(key)
                    .map(|b| u64::from(b.claims))
                    .sum::<u64>(),
            )
        })
        .max_by_key(|(_, claims)| *claims)
        .filter(|(_, claims)| *claims >= u64::from(LEAST_CLAIMS)))
}

fn short(id: &EntryId) -> String {
    id.to_hex()[..16].to_owned()
}

const WITNESS_TOML: &str = "witness/witness.toml";
const ISSUER_TOML: &str = "issuer/issuer.toml";
const SOURCE_TOML: &str = "source/source.toml";
const DISTRIBUTOR_TOML: &str = "distributor/distributor.toml";
const SPONSOR_TOML: &str = "sponsor/sponsor.toml";
const CLEARING_TOML: &str = "clearing/clearing.toml";
const EVALUATOR_TOML: &str = "evaluator/evaluator.toml";
const REGISTRAR_TOML: &str = "registrar/registrar.toml";
const EXCHANGE_TOML: &str = "exchange/exchange.toml";
