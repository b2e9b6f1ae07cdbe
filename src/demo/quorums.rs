//! What the institutions that must agree do in the demonstration: they make their keys, cosign, make the view keys
//! together, and answer for their shares. Each has its own configuration and its own copy of the log.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use merits_guard::Secret;
use merits_keyfile::passphrase_file;
use merits_party::{identity::FounderKeys, machine_time};
use merits_primitives::ids::{Epoch, Origin, PartyId};
use merits_supervisor::{
    config::WitnessConfig,
    dkg::run::{Places, Progress},
    net::{Generation, KeyMaker, Which, serve},
    side::Side,
};
use merits_verifier::log::LogKey;
use merits_witness::{Running, config::CosignerConfig};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::{
    federation::{self, Federation, ORIGIN},
    members::{
        CONSENTS, Cosigners, Founders, Member, NEEDED, ORDINARY, PASSPHRASE, SEATS, SHARE, TRUST,
        role,
    },
    servers::Servers,
    typed,
};
use crate::commands::distributor;

const EPOCH: Epoch = Epoch(1);

/// How long a key generation may take.
const DEADLINE: Duration = Duration::from_secs(60 * 60);

/// How long a holder waits for the others' messages.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

const STATE: &str = "dkg-state-1.json";
const COSIGNER_TOML: &str = "cosigner.toml";

/// Every institution makes its keys, and a passphrase for its shares.
pub(super) fn make_founders(federation: &Federation) -> anyhow::Result<Founders> {
    let origin = Origin::new(ORIGIN)?;
    let rng = &mut rand::rng();
    let mut keys = |members: &[Member]| {
        let mut ids = Vec::with_capacity(members.len());
        for member in members {
            let folder = federation.path(&member.folder);
            let (role, name) = (role(member.side), member.name);
            let made = FounderKeys::make(role, name, origin.clone(), &folder, rng)?;
            let passphrase = format!("{:032x}\n", rand::random::<u128>());
            let path = member.file(&federation.directory, PASSPHRASE);
            federation::write(&path, passphrase.as_bytes())?;
            ids.push(made.party);
        }
        anyhow::Ok(ids)
    };
    let supervisors = keys(&federation.supervisors)?;
    let witnesses = keys(&federation.witnesses)?;
    let (authority, others) = supervisors.split_first().context("a supervisor")?;
    let listed = |ids: &[PartyId]| {
        let hex = ids.iter().map(|id| hex::encode(id.0));
        hex.collect::<Vec<_>>().join(" ")
    };
    Ok(Founders {
        authority: *authority,
        board: format!(
            "ordinary {ORDINARY}; trust {TRUST}; delay 0; consents {CONSENTS}; supervisors {}; witnesses {}",
            listed(others),
            listed(&witnesses)
        ),
    })
}

/// Each makes its key and its state, and begins to cosign. The last one leaves early.
pub(super) async fn begin_cosigning(
    federation: &Federation,
    log_key: &LogKey,
    servers: &mut Servers,
) -> anyhow::Result<Cosigners> {
    let mut all = Vec::with_capacity(SEATS);
    for (number, member) in (1..).zip(&federation.witnesses) {
        let path = member.file(&federation.directory, COSIGNER_TOML);
        let text = format!(
            "name = \"{}.example/cosigner\"\nlisten = \"{}\"\nkey = \"cosigner.key\"\n\
             state = \"cosigner.state\"\nlog_key = \"{log_key}\"\n",
            member.name, member.cosigner
        );
        federation::write(&path, text.as_bytes())?;
        let config = CosignerConfig::load(&path)?;
        let keys = config.init(None, &mut rand::rng())?;
        let running = Running::open(config, machine_time).await?;
        let stop = servers.stop(number == SEATS);
        servers.spawn(async move { Ok(running.serve(stop).await?) });
        all.push((member.cosigner, keys.key));
    }
    Ok(Cosigners(all))
}

/// Every holder makes its shares of both keys over the ledger: one of them by the commands that it types, and the
/// others by what these commands call, all at once.
pub(super) async fn generate(federation: &Federation) -> anyhow::Result<()> {
    let shown = federation.supervisors.get(1).context("a supervisor")?;
    let path = |name: &str| {
        shown
            .file(&federation.directory, name)
            .display()
            .to_string()
    };
    let config = federation.path(&shown.toml()).display().to_string();
    let needed = NEEDED.to_string();
    let open = ["supervisor", "dkg", "open", "--config", &config];
    let wanted = ["--epoch", "1", "--needed", &needed];
    let holders = (federation.supervisors.iter()).flat_map(|member| ["--holder", member.name]);
    let words: Vec<&str> = open.iter().chain(&wanted).copied().chain(holders).collect();
    typed(&words).await?;

    let first = federation.witnesses.first().context("a log witness")?;
    let first = first.config(&federation.directory)?;
    let names: Vec<String> = (federation.witnesses.iter())
        .map(|member| member.name.to_owned())
        .collect();
    let maker = KeyMaker::open(&first, Side::Witness).await?;
    let deadline = machine_time() + DEADLINE;
    maker.begin(EPOCH, NEEDED, &names, deadline).await?;
    drop(maker);

    let mut others = JoinSet::new();
    let members = federation.supervisors.iter().chain(&federation.witnesses);
    for member in members.filter(|member| member.name != shown.name) {
        let (config, side) = (member.config(&federation.directory)?, member.side);
        let state = member.file(&federation.directory, STATE);
        let share = member.file(&federation.directory, SHARE);
        // A share costs 64 MiB for a moment. No more of them are made at once than there are threads.
        others.spawn(async move { make_share(&config, side, &state, &share).await });
    }
    let (state, share) = (path(STATE), path(SHARE));
    typed(&[
        "supervisor",
        "dkg",
        "run",
        "--config",
        &config,
        "--epoch",
        "1",
        "--wait-minutes",
        "10",
        "--state",
        &state,
        "--share",
        &share,
    ])
    .await?;
    while let Some(ended) = others.join_next().await {
        ended??;
    }
    Ok(())
}

async fn make_share(
    config: &WitnessConfig,
    side: Side,
    state: &Path,
    share: &Path,
) -> anyhow::Result<()> {
    let passphrase = passphrase(config)?;
    let which = Which::Attempt {
        epoch: EPOCH,
        attempt: None,
    };
    let generation = Generation::open(config, side, which)
        .await?
        .waiting(PATIENCE);
    let (places, mut rng) = (Places { state, share }, distributor::rng());
    let mut told = |_| {};
    let report = generation
        .run(places, &passphrase, machine_time(), &mut rng, &mut told)
        .await?;
    ensure!(
        matches!(report.progress, Progress::Done { .. }),
        "{} could not make its share: {:?}",
        config.name,
        report.progress
    );
    Ok(())
}

/// Every holder but the last of each side answers for its share from now on.
pub(super) async fn serve_holders(
    federation: &Federation,
    servers: &mut Servers,
) -> anyhow::Result<()> {
    let present = |members: &[Member]| {
        let all_but_one = members.iter().take(SEATS - 1);
        let config =
            |member: &Member| anyhow::Ok((member.config(&federation.directory)?, member.side));
        all_but_one.map(config).collect::<anyhow::Result<Vec<_>>>()
    };
    let supervisors = present(&federation.supervisors)?;
    let mut opening = JoinSet::new();
    for (config, side) in supervisors
        .into_iter()
        .chain(present(&federation.witnesses)?)
    {
        opening.spawn(async move {
            let passphrase = passphrase(&config)?;
            let listener = merits_serve::listen(config.listen).await?;
            let service = config.holder(side, Some(passphrase)).await?;
            anyhow::Ok((config, listener, service))
        });
    }
    while let Some(opened) = opening.join_next().await {
        let (config, listener, service) = opened??;
        let stop = servers.stop(false);
        servers.spawn(async move {
            let security = config.ledger.security()?;
            serve(service, listener, &config.server, &security, stop).await?;
            Ok(())
        });
    }
    Ok(())
}

fn passphrase(config: &WitnessConfig) -> anyhow::Result<Zeroizing<String>> {
    let file = config.passphrase_file.as_deref();
    let file = file.context("the configuration names a passphrase's file")?;
    Ok(passphrase_file::read(file, Secret::SharePassphrase)?)
}
