//! The demonstration's institutions that must agree: five supervisors and five log witnesses. Each has its own
//! configuration, its own copy of the log, and its own share of the view keys. The log witnesses also cosign.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use merits_guard::Secret;
use merits_keyfile::passphrase_file;
use merits_ledger::Role;
use merits_party::{identity::FounderKeys, machine_time};
use merits_primitives::ids::{Epoch, Origin, PartyId};
use merits_supervisor::{
    config::{SupervisorConfig, WitnessConfig},
    dkg::run::{Places, Progress},
    net::{Generation, KeyMaker, Which, serve},
    side::Side,
};
use merits_verifier::log::{LogKey, WitnessKey};
use merits_witness::{Running, config::CosignerConfig};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::{
    federation::{Federation, ORIGIN},
    servers::Servers,
    typed,
};
use crate::commands::distributor;

/// How many institutions each side has.
pub(super) const SEATS: usize = 5;

/// How many of a side open something together.
pub(super) const NEEDED: u16 = 3;

/// How many log witnesses must have cosigned what a party believes: one may be away, or lie.
pub(super) const COSIGNATURES: usize = 4;

/// How many log witnesses may lie.
pub(super) const FALSE: usize = 1;

/// How many supervisors an ordinary act takes.
pub(super) const ORDINARY: u16 = 2;

/// How many an act of trust takes.
pub(super) const TRUST: u16 = 3;

/// How many log witnesses consent to an act on them, on view keys or on thresholds.
pub(super) const CONSENTS: u16 = 3;

/// The supervisors. The first is the ledger's authority.
const SUPERVISORS: [&str; SEATS] = [
    "city-supervisor",
    "transport-authority",
    "consumer-court",
    "statistics-office",
    "data-commissioner",
];

/// The log witnesses.
const WITNESSES: [&str; SEATS] = [
    "city-university",
    "press-council",
    "public-library",
    "auditors-guild",
    "consumer-union",
];

const EPOCH: Epoch = Epoch(1);

/// How long a key generation may take.
const DEADLINE: Duration = Duration::from_secs(60 * 60);

/// How long a holder waits for the others' messages.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// One of these institutions.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) side: Side,
    /// Its folder in the run.
    pub(super) folder: String,
    /// Where it answers for its share.
    pub(super) holder: SocketAddr,
    /// Where it takes checkpoints. Only log witnesses cosign.
    pub(super) cosigner: SocketAddr,
}

impl Member {
    /// All supervisors, and all log witnesses, at addresses of their own.
    pub(super) fn all(
        addresses: &mut impl Iterator<Item = SocketAddr>,
    ) -> anyhow::Result<(Vec<Self>, Vec<Self>)> {
        let mut side = |side: Side, names: [&'static str; SEATS]| {
            let members = (1..).zip(names).map(|(number, name)| {
                Ok(Self {
                    name,
                    side,
                    folder: format!("{}-{number}", role(side).name()),
                    holder: addresses.next().context("an address")?,
                    cosigner: addresses.next().context("an address")?,
                })
            });
            members.collect::<anyhow::Result<Vec<Self>>>()
        };
        Ok((
            side(Side::Supervisor, SUPERVISORS)?,
            side(Side::Witness, WITNESSES)?,
        ))
    }

    /// Its configuration, from the run's folder.
    pub(super) fn toml(&self) -> String {
        format!("{}/{}.toml", self.folder, role(self.side).name())
    }

    /// What a holder's configuration says before its `[ledger]` table.
    pub(super) fn holder_keys(&self) -> String {
        let (name, role) = (self.name, role(self.side).name());
        format!(
            "name = \"{name}\"\nsigning_key = \"{role}.key\"\nsealing_key = \"{role}-sealing.key\"\n\
             shares = []\nquorum_shares = [\"{SHARE}\"]\npassphrase_file = \"{PASSPHRASE}\"\n\
             journal = \"journal.jsonl\"\nlisten = \"{}\"\n",
            self.holder
        )
    }

    /// Its configuration as a holder.
    pub(super) fn config(&self, federation: &Federation) -> anyhow::Result<WitnessConfig> {
        let path = federation.path(&self.toml());
        Ok(match self.side {
            Side::Supervisor => SupervisorConfig::load(&path)?.holder,
            Side::Witness => WitnessConfig::load(&path)?,
        })
    }

    /// A file of its folder.
    fn file(&self, federation: &Federation, name: &str) -> PathBuf {
        federation.path(&format!("{}/{name}", self.folder))
    }
}

const SHARE: &str = "view-key-share-1.json";
const STATE: &str = "dkg-state-1.json";
const PASSPHRASE: &str = "shares.passphrase";
const COSIGNER_TOML: &str = "cosigner.toml";

fn role(side: Side) -> Role {
    match side {
        Side::Supervisor => Role::Supervisor,
        Side::Witness => Role::Witness,
    }
}

/// What the founding facts say of the board.
#[derive(Debug)]
pub(super) struct Founders {
    /// The first supervisor.
    pub(super) authority: PartyId,
    /// Thresholds, the other supervisors and the log witnesses, as configurations state them.
    pub(super) board: String,
}

impl Founders {
    /// Every institution makes its keys, and a passphrase for its shares.
    pub(super) fn make(federation: &Federation) -> anyhow::Result<Self> {
        let origin = Origin::new(ORIGIN)?;
        let rng = &mut rand::rng();
        let mut keys = |members: &[Member]| {
            let mut ids = Vec::with_capacity(members.len());
            for member in members {
                let folder = federation.path(&member.folder);
                let (role, name) = (role(member.side), member.name);
                let made = FounderKeys::make(role, name, origin.clone(), &folder, rng)?;
                let passphrase = format!("{:032x}\n", rand::random::<u128>());
                let path = member.file(federation, PASSPHRASE);
                super::federation::write(&path, passphrase.as_bytes())?;
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
        Ok(Self {
            authority: *authority,
            board: format!(
                "ordinary {ORDINARY}; trust {TRUST}; delay 0; consents {CONSENTS}; supervisors {}; witnesses {}",
                listed(others),
                listed(&witnesses)
            ),
        })
    }
}

/// The log witnesses that cosign: where each takes checkpoints, and its key.
#[derive(Debug)]
pub(super) struct Cosigners(Vec<(SocketAddr, WitnessKey)>);

impl Cosigners {
    /// Each makes its key and its state, and begins to cosign. The last one leaves early.
    pub(super) async fn begin(
        federation: &Federation,
        log_key: &LogKey,
        servers: &mut Servers,
    ) -> anyhow::Result<Self> {
        let mut all = Vec::with_capacity(SEATS);
        for (number, member) in (1..).zip(&federation.witnesses) {
            let path = member.file(federation, COSIGNER_TOML);
            let text = format!(
                "name = \"{}.example/cosigner\"\nlisten = \"{}\"\nkey = \"cosigner.key\"\n\
                 state = \"cosigner.state\"\nlog_key = \"{log_key}\"\n",
                member.name, member.cosigner
            );
            super::federation::write(&path, text.as_bytes())?;
            let config = CosignerConfig::load(&path)?;
            let keys = config.init(None, &mut rand::rng())?;
            let running = Running::open(config, machine_time).await?;
            let stop = servers.stop(number == SEATS);
            servers.spawn(async move { Ok(running.serve(stop).await?) });
            all.push((member.cosigner, keys.key));
        }
        Ok(Self(all))
    }

    /// Nobody yet: their keys are bound to a log that is not founded.
    pub(super) fn none() -> Self {
        Self(Vec::new())
    }

    /// The coordinator's tables about whom it asks.
    pub(super) fn asked(&self) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let mut text = format!("\n[log]\nthreshold = {COSIGNATURES}\nfaulty = {FALSE}\n");
        for (address, key) in &self.0 {
            text.push_str(&format!(
                "\n[[log.witnesses]]\naddress = \"http://{address}\"\nkey = \"{key}\"\n"
            ));
        }
        text
    }

    /// What a party's `[ledger]` table demands.
    pub(super) fn demanded(&self, ledger: &str) -> String {
        let keys: Vec<String> = self.0.iter().map(|(_, key)| format!("\"{key}\"")).collect();
        format!(
            "\n[{ledger}.log]\nwitnesses = [{}]\nthreshold = {COSIGNATURES}\nfaulty = {FALSE}\n",
            keys.join(", ")
        )
    }
}

/// Every holder makes its shares of both keys over the ledger: one of them by the commands that it types, and the
/// others by what these commands call, all at once.
pub(super) async fn generate(federation: &Federation) -> anyhow::Result<()> {
    let shown = federation.supervisors.get(1).context("a supervisor")?;
    let path = |name: &str| shown.file(federation, name).display().to_string();
    let config = federation.path(&shown.toml()).display().to_string();
    let needed = NEEDED.to_string();
    let open = ["supervisor", "dkg", "open", "--config", &config];
    let wanted = ["--epoch", "1", "--needed", &needed];
    let holders = (federation.supervisors.iter()).flat_map(|member| ["--holder", member.name]);
    let words: Vec<&str> = open.iter().chain(&wanted).copied().chain(holders).collect();
    typed(&words).await?;

    let first = federation.witnesses.first().context("a log witness")?;
    let first = first.config(federation)?;
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
        let (config, side) = (member.config(federation)?, member.side);
        let state = member.file(federation, STATE);
        let share = member.file(federation, SHARE);
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
        let config = |member: &Member| anyhow::Ok((member.config(federation)?, member.side));
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
