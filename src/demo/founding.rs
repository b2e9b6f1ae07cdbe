//! The demonstration's beginning: ledger, parties, keys, scale, services.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use merits_clearing::config::ClearingConfig;
use merits_coordinator::{Clock, Config, Coordinator, Synchronised, SystemClock};
use merits_distributor::config::DistributorConfig;
use merits_exchange::config::ExchangeConfig;
use merits_issuer::config::IssuerConfig;
use merits_ledger::entry::PersonStatement;
use merits_params::manifest::Manifest;
use merits_party::{identity::PartyConfig as _, machine_time};
use merits_primitives::{calendar::Timestamp, ids::Epoch};
use merits_registrar::config::RegistrarConfig;
use merits_source::config::SourceConfig;
use merits_sponsor::config::SponsorConfig;
use merits_supervisor::{
    config::SupervisorConfig,
    net::{QuorumEpoch, Seat, Supervisor},
};

use super::{
    CLEARING_TOML, DISTRIBUTOR_TOML, EXCHANGE_TOML, ISSUER_TOML, REGISTRAR_TOML, SOURCE_TOML,
    SPONSOR_TOML, Story,
    board::Board,
    evaluators,
    federation::{Federation, ORIGIN},
    members::{CONSENTS, COSIGNATURES, Cosigners, FALSE, Member, NEEDED, ORDINARY, SEATS, TRUST},
    quorums,
    servers::Servers,
    typed,
};
use crate::{
    commands::{distributor, exchange},
    screen::{say, seconds, step, thousands, working},
};

/// The machine's clock, which nobody has to confirm: nothing but this demonstration depends on the times of
/// its ledger. A real ledger warns about such a clock before its first entry, whose time can never be taken
/// back. A later `merits coordinator serve` on the same files asks again.
#[derive(Debug)]
struct UnconfirmedClock(SystemClock);

impl Clock for UnconfirmedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn steady(&self) -> Duration {
        self.0.steady()
    }

    fn boot(&self) -> Option<String> {
        self.0.boot()
    }

    fn synchronised(&self) -> Synchronised {
        Synchronised::Yes
    }
}

pub(super) async fn found(
    federation: &Federation,
    servers: &mut Servers,
) -> anyhow::Result<Coordinator> {
    step(
        1,
        "A coordinator opens a ledger, and five witnesses watch it",
    );
    let founders = quorums::make_founders(federation)?;
    let clock = || Arc::new(UnconfirmedClock(SystemClock));
    // Witnesses are asked for a log that is there, so it is founded without them.
    let config = Config::load(&federation.write_coordinator(&founders, &Cosigners::none())?)?;
    let coordinator = Coordinator::found(config, clock()).await?;
    let log_key = coordinator.log_key().clone();
    coordinator.shutdown().await?;
    let cosigners = quorums::begin_cosigning(federation, &log_key, servers).await?;
    let config = Config::load(&federation.write_coordinator(&founders, &cosigners)?)?;
    let coordinator = Coordinator::start(config, clock()).await?;
    federation.write_parties(&log_key, &founders, &cosigners)?;
    say(&format!(
        "It orders signed entries, verifies proofs, and signs checkpoints of the log {ORIGIN} on \
         {}. It sees public ledger data only, and can make no entry of its own. (Here entries are dated \
         by this machine's clock alone. A real coordinator asks a time service or other servers whether its \
         clock is right.)",
        coordinator.address()
    ));
    say(&format!(
        "{SEATS} log witnesses ({}) sign each checkpoint too, after they checked that it only adds to the one before. \
         Everybody here, wallets too, believes only what {COSIGNATURES} of them signed. So the coordinator cannot \
         show different people different histories, even if {FALSE} witness lies or is away.",
        names(&federation.witnesses)
    ));
    Ok(coordinator)
}

/// The board admits the parties. Their supervisor is the first member, who proposes.
pub(super) async fn admit(federation: &Federation) -> anyhow::Result<()> {
    step(2, "Supervisors admit the parties together");
    join(federation).await?;
    let board = Board::open(federation).await?;
    let rng = &mut distributor::rng();
    let issuer = IssuerConfig::load(&federation.path(ISSUER_TOML))?.apply(rng)?;
    let proposed = board.supervisor.admit(issuer, machine_time()).await?;
    let [first, second, ..] = federation.supervisors.as_slice() else {
        anyhow::bail!("a board has two members or more");
    };
    say(&format!(
        "Nobody decides alone. Of the {SEATS} supervisors ({}), an ordinary act takes {ORDINARY}, and an act of \
         trust {TRUST}. An act on log witnesses or on view keys also takes the consent of {CONSENTS} of the {SEATS} log \
         witnesses.",
        names(&federation.supervisors)
    ));
    let act = proposed.entry;
    let refusal = match board.supervisor.seat().enact(act).await {
        Err(refusal) => refusal,
        Ok(_) => anyhow::bail!("{} decided alone", first.name),
    };
    say(&format!(
        "{} proposes to {}, and tries to put that into force alone. Refused: {refusal}.",
        first.name, proposed.act
    ));
    say(&format!(
        "{} looks at the application, and agrees:",
        second.name
    ));
    let (config, act) = (federation.path(&second.toml()), act.to_string());
    let config = config.display().to_string();
    for verb in ["endorse", "enact"] {
        typed(&["board", verb, "--config", &config, "--act", &act]).await?;
    }
    board.supervisor.sync().await?;
    let mut applications = vec![
        SourceConfig::load(&federation.path(SOURCE_TOML))?.apply(rng)?,
        DistributorConfig::load(&federation.path(DISTRIBUTOR_TOML))?.apply(rng)?,
        SponsorConfig::load(&federation.path(SPONSOR_TOML))?.apply(rng)?,
        ClearingConfig::load(&federation.path(CLEARING_TOML))?.apply(rng)?,
        ExchangeConfig::load(&federation.path(EXCHANGE_TOML))?.apply(rng)?,
        RegistrarConfig::load(&federation.path(REGISTRAR_TOML))?.apply(rng)?,
    ];
    for config in evaluators::configs(federation)? {
        applications.push(config.apply(rng)?);
    }
    for application in applications {
        let proposed = board.supervisor.admit(application, machine_time()).await?;
        board.decide(proposed).await?;
    }
    say(&format!(
        "In the same way {ORDINARY} of them admit a source, a distributor, a sponsor, a clearing bank and an exchange, \
         and {TRUST} three evaluators and a registrar, each by an application that it signed with its own key. Nobody may \
         act outside the role that it was admitted for. (Here an act of trust takes effect at once. On a real ledger it \
         waits for days, so that people can read about it first.)"
    ));
    Ok(())
}

/// The founders admit themselves.
async fn join(federation: &Federation) -> anyhow::Result<()> {
    for member in &federation.supervisors {
        let config = SupervisorConfig::load(&federation.path(&member.toml()))?;
        Supervisor::open(config).await?.found().await?;
    }
    for member in &federation.witnesses {
        let config = member.config(&federation.directory)?;
        Seat::open(&config).await?.join(&config).await?;
    }
    Ok(())
}

/// Holders make the view keys together, and the board puts them into force. Then one machine of each side goes away.
pub(super) async fn open_epoch(
    federation: &Federation,
    servers: &mut Servers,
) -> anyhow::Result<Board> {
    step(3, "Ten institutions make the view keys together");
    say(&format!(
        "Claims will be encrypted under a key of two halves. The {SEATS} supervisors make one half together, over the \
         ledger, and the {SEATS} log witnesses the other. Each gets a share. {NEEDED} shares of each side open \
         something; fewer tell nothing. Each of the {} types the same command. One of them:",
        2 * SEATS
    ));
    let start = Instant::now();
    quorums::generate(federation).await?;
    let time = start.elapsed();
    let board = Board::open(federation).await?;
    let wanted = QuorumEpoch {
        epoch: Epoch(1),
        supervisor: None,
        witness: None,
        readable: READABLE,
    };
    let supervisor = &board.supervisor;
    let proposed = supervisor.open_quorum_epoch(wanted, machine_time()).await?;
    board.decide(proposed).await?;
    quorums::serve_holders(federation, servers).await?;
    servers.switch_off_early();
    let last = |members: &[Member]| members.last().map_or("", |last| last.name);
    say(&format!(
        "That took {}. {TRUST} supervisors put the keys into force, and {CONSENTS} log witnesses consent. Each share \
         rests on its holder's own machine, under a passphrase. (Here the passphrase is in a file beside it. A person \
         would type it.) A holder helps only with a request that it finds in its own copy of the log, so nothing is \
         opened without a trace. From now on two machines are switched off: that of {}, and that of {}, which no longer \
         signs checkpoints either. The others are enough.",
        seconds(time),
        last(&federation.supervisors),
        last(&federation.witnesses)
    ));
    Ok(board)
}

/// How long holders keep their shares.
const READABLE: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

fn names(members: &[Member]) -> String {
    let names: Vec<&str> = members.iter().map(|member| member.name).collect();
    names.join(", ")
}

pub(super) async fn publish(
    federation: &Federation,
    board: &Board,
    story: &mut Story,
) -> anyhow::Result<()> {
    step(4, "The issuer publishes a scale");
    let config = IssuerConfig::load(&federation.path(ISSUER_TOML))?;
    let start = Instant::now();
    let keys_before = key_sets(&config.key_store);
    let bar = working("compiling the formula; making or loading the keys");
    let built = config.build(distributor::rng()).await?;
    bar.finish_and_clear();
    story.set_up = start.elapsed();
    story.key_was_there = key_sets(&config.key_store) == keys_before;
    config.propose(&built).await?;
    let supervisor = &board.supervisor;
    supervisor.sync().await?;
    let manifest = built.manifest();
    let (id, version) = (manifest.id().as_str(), manifest.version().0);
    let approval = supervisor.approve(id, version, None, machine_time());
    board.decide(approval.await?).await?;
    say(&format!(
        "{} writes a formula: {}. Its figures: {}. It compiles to {} constraints for {} claims ({} \
         each). {ORDINARY} supervisors approve the version. Everybody computes with this formula; \
         changing a figure needs no new key. (Here its credits live for 50 years, whatever the \
         issuer's file says: the records may be old, and what has expired cannot be spent.)",
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
pub(super) async fn adopt(federation: &Federation, board: &Board) -> anyhow::Result<()> {
    let bar = working("making or loading the keys of `ticket` and `redeem`");
    for statement in PersonStatement::ALL {
        let (keys, rng) = (federation.path("../keys"), distributor::rng());
        let adopting = board.supervisor.adopt(statement, keys, machine_time(), rng);
        if let Some(proposed) = adopting.await?.entry {
            board.decide(proposed).await?;
        }
    }
    bar.finish_and_clear();
    say(&format!(
        "{TRUST} supervisors also put two more keys into force: by `ticket` people prove that they may \
         consent, by `redeem` that they own what they spend."
    ));
    Ok(())
}

pub(super) fn serve_exchange(federation: &Federation, servers: &mut Servers) -> anyhow::Result<()> {
    let config = ExchangeConfig::load(&federation.path(EXCHANGE_TOML))?;
    let stop = servers.stop(false);
    servers.spawn(async move { exchange::serve_until(&config, stop).await });
    Ok(())
}

/// How many sets of keys a store holds: one for each circuit.
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
