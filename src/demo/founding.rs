//! The demonstration's beginning: ledger, parties, keys, scale, services.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use merits_clearing::config::ClearingConfig;
use merits_coordinator::{Clock, Config, Coordinator, Synchronised, SystemClock};
use merits_distributor::config::DistributorConfig;
use merits_evaluator::config::EvaluatorConfig;
use merits_exchange::config::ExchangeConfig;
use merits_issuer::config::IssuerConfig;
use merits_ledger::{Role, entry::PersonStatement};
use merits_params::manifest::Manifest;
use merits_party::{
    identity::{FounderKeys, PartyConfig as _},
    machine_time,
};
use merits_primitives::{calendar::Timestamp, ids::Epoch};
use merits_registrar::config::RegistrarConfig;
use merits_source::config::SourceConfig;
use merits_sponsor::config::SponsorConfig;
use merits_supervisor::{
    config::{SupervisorConfig, WitnessConfig},
    net::{Supervisor, serve},
    side::Side,
};
use tokio::{sync::watch, task::JoinSet};

use super::{
    CLEARING_TOML, DISTRIBUTOR_TOML, EVALUATOR_TOML, EXCHANGE_TOML, ISSUER_TOML, REGISTRAR_TOML,
    SOURCE_TOML, SPONSOR_TOML, Story, WITNESS_TOML,
    federation::{self, Federation, ORIGIN},
};
use crate::{
    commands::{distributor, exchange},
    screen::{say, step, thousands, working},
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

pub(super) async fn found(federation: &Federation) -> anyhow::Result<Coordinator> {
    step(1, "A coordinator opens a ledger");
    let origin = merits_primitives::ids::Origin::new(ORIGIN)?;
    let directory = federation.path("supervisor");
    let (role, name) = (Role::Supervisor, federation::SUPERVISOR);
    let authority = FounderKeys::make(role, name, origin, &directory, &mut rand::rng())?.party;
    let config = Config::load(&federation.write_coordinator(&authority)?)?;
    let coordinator = Coordinator::found(config, Arc::new(UnconfirmedClock(SystemClock))).await?;
    federation.write_parties(coordinator.log_key(), &authority)?;
    say(&format!(
        "It orders signed entries, verifies proofs, and signs checkpoints of the log {ORIGIN} on \
         {}. It sees public ledger data only, and can make no entry of its own. (Here entries are dated \
         by this machine's clock alone. A real coordinator asks a time service or other servers whether its \
         clock is right.)",
        coordinator.address()
    ));
    Ok(coordinator)
}

pub(super) async fn admit(federation: &Federation) -> anyhow::Result<Supervisor> {
    step(2, "The supervisor admits the parties");
    let supervisor = Supervisor::open(SupervisorConfig::load(
        &federation.path("supervisor/supervisor.toml"),
    )?)
    .await?;
    supervisor.found().await?;
    let rng = &mut distributor::rng();
    for application in [
        WitnessConfig::load(&federation.path(WITNESS_TOML))?.apply(rng)?,
        IssuerConfig::load(&federation.path(ISSUER_TOML))?.apply(rng)?,
        SourceConfig::load(&federation.path(SOURCE_TOML))?.apply(rng)?,
        DistributorConfig::load(&federation.path(DISTRIBUTOR_TOML))?.apply(rng)?,
        SponsorConfig::load(&federation.path(SPONSOR_TOML))?.apply(rng)?,
        ClearingConfig::load(&federation.path(CLEARING_TOML))?.apply(rng)?,
        EvaluatorConfig::load(&federation.path(EVALUATOR_TOML))?.apply(rng)?,
        RegistrarConfig::load(&federation.path(REGISTRAR_TOML))?.apply(rng)?,
        ExchangeConfig::load(&federation.path(EXCHANGE_TOML))?.apply(rng)?,
    ] {
        supervisor.admit(application, machine_time()).await?;
    }
    say(
        "Itself first, then a log witness, an issuer, a source, a distributor, a sponsor, a \
         clearing bank, an evaluator, a registrar and an exchange, each by an application that it \
         signed with its own key. Nobody may act outside the role that it was admitted for. (Here one \
         supervisor decides alone, and receipts and wallets say so. Several decide together where the \
         founding facts name a board.)",
    );
    Ok(supervisor)
}

pub(super) async fn open_epoch(
    federation: &Federation,
    supervisor: &Supervisor,
    servers: &mut JoinSet<anyhow::Result<()>>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    step(3, "Two halves of a view key");
    let config = WitnessConfig::load(&federation.path(WITNESS_TOML))?;
    let (epoch, rng) = (Epoch(1), &mut distributor::rng());
    let half = config.half(epoch, rng).await?;
    let half = config.publish_half(half, &mut rand::rng())?;
    supervisor
        .open_epoch(epoch, half, machine_time(), rng)
        .await?;
    for (config, side) in [
        (supervisor.config().holder.clone(), Side::Supervisor),
        (config, Side::Witness),
    ] {
        let listener = merits_serve::listen(config.listen).await?;
        let service = config.holder(side, None).await?;
        let mut stopped = stopped.clone();
        servers.spawn(async move {
            let stop = async move {
                // Also ends when the sender is gone.
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            let security = config.ledger.security()?;
            serve(service, listener, &config.server, &security, stop).await?;
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

pub(super) async fn publish(
    federation: &Federation,
    supervisor: &Supervisor,
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
    supervisor.sync().await?;
    let manifest = built.manifest();
    supervisor
        .approve(
            manifest.id().as_str(),
            manifest.version().0,
            None,
            machine_time(),
        )
        .await?;
    say(&format!(
        "{} writes a formula: {}. Its figures: {}. It compiles to {} constraints for {} claims ({} \
         each). The supervisor approves the version. Everybody computes with this formula; \
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
pub(super) async fn adopt(federation: &Federation, supervisor: &Supervisor) -> anyhow::Result<()> {
    let bar = working("making or loading the keys of `ticket` and `redeem`");
    for statement in PersonStatement::ALL {
        supervisor
            .adopt(
                statement,
                federation.path("../keys"),
                machine_time(),
                distributor::rng(),
            )
            .await?;
    }
    bar.finish_and_clear();
    say(
        "The supervisor also puts two more keys into force: by `ticket` people prove that they may \
         consent, by `redeem` that they own what they spend.",
    );
    Ok(())
}

pub(super) async fn serve_evaluator(
    federation: &Federation,
    servers: &mut JoinSet<anyhow::Result<()>>,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let config = EvaluatorConfig::load(&federation.path(EVALUATOR_TOML))?;
    config.announce().await?;
    let listener = merits_serve::listen(config.listen).await?;
    let service = config.service().await?;
    let mut stopped = stopped.clone();
    servers.spawn(async move {
        let stop = async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        let (server, security) = (&config.server, config.ledger.security()?);
        merits_evaluator::net::serve(service, listener, server, &security, stop).await?;
        Ok(())
    });
    Ok(())
}

pub(super) fn serve_exchange(
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
