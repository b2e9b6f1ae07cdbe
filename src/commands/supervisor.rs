//! `merits supervisor`: found, admit, approve, open epochs, open claims and totals, answer.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use merits_formula::Typed;
use merits_ledger::{
    Entry,
    entry::{HalfKeys, PartyAdmitted},
    state::VersionStanding,
};
use merits_params::manifest::Manifest;
use merits_primitives::ids::{EntryId, Epoch, Origin, Period, ScaleId, ScaleVersion};
use merits_records::disclosure::Disclosure;
use merits_replica::Follower;
use merits_supervisor::{
    acts::Supervisor,
    check::{Checked, ClaimOnLedger, check},
    config::SupervisorConfig,
    net::{HolderClient, OpenedClaim, PublishedTotal, Session},
    request::RequestFile,
    view_key::Side,
};

use super::{stop_signal, witness};
use crate::identity::{Identity, find_entry, find_party, read_handover};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the keys of a founding supervisor and print its party id, which the coordinator needs
    Init {
        /// Name of the supervisor
        #[arg(long)]
        name: String,
        /// The ledger's origin, such as ledger.example.org/merits
        #[arg(long)]
        origin: String,
        /// Directory for supervisor.key and supervisor-sealing.key
        #[arg(long, default_value = ".")]
        directory: PathBuf,
    },
    /// Admit oneself: the ledger's first entry
    Found {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
    /// Admit a party by its application file
    Admit {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Made by `merits <role> apply`
        application: PathBuf,
    },
    /// Suspend a party: its entries are refused from now on
    Suspend {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Name or id
        #[arg(long)]
        party: String,
        /// Why, in words; it stands on the ledger
        #[arg(long)]
        basis: String,
    },
    /// Approve a proposed version of a scale
    Approve {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Id of the scale, such as cycling-week
        #[arg(long)]
        scale: String,
        /// Version that the issuer proposed
        #[arg(long)]
        version: u32,
    },
    /// Open a view-key epoch with the own half and the witness's
    Epoch {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Number of the epoch, from 1
        #[arg(long)]
        epoch: u32,
        /// The witness's public half, made by `merits witness half`
        #[arg(long)]
        witness_half: PathBuf,
    },
    /// Open one claim: the request goes on the ledger first
    Open {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Entry id of the batch; its first digits are enough
        #[arg(long)]
        entry: String,
        /// Claim in it, from 0
        #[arg(long)]
        claim: u16,
        /// Legal basis, in words
        #[arg(long)]
        basis: String,
    },
    /// Go on with an opening that was interrupted
    Resume {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Request file
        request: PathBuf,
    },
    /// Reveal on the ledger what a request was about, as its deadline demands
    Reveal {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Request file
        request: PathBuf,
    },
    /// Check that a disclosure opens the commitment and gives the opened credits
    Check {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Request file of the opening
        #[arg(long)]
        request: PathBuf,
        /// Made by `merits distributor disclose`
        #[arg(long)]
        disclosure: PathBuf,
    },
    /// Open and publish the total of a period
    Total {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Id of the scale, such as cycling-week
        #[arg(long)]
        scale: String,
        /// Such as 2014-W36
        #[arg(long)]
        period: String,
        /// View-key epoch
        #[arg(long, default_value_t = 1)]
        epoch: u32,
    },
    /// Answer requests for the own half until ctrl-c or SIGTERM
    Serve {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Init {
                name,
                origin,
                directory,
            } => {
                let identity = Identity::load(
                    Origin::new(&origin)?,
                    &name,
                    &directory.join("supervisor.key"),
                    &directory.join("supervisor-sealing.key"),
                )?;
                println!("{}", hex::encode(identity.party().0));
            }
            Self::Found { config } => {
                let desk = Desk::open(&config).await?;
                println!("founded the ledger with entry {}", desk.found().await?);
            }
            Self::Admit {
                config,
                application,
            } => {
                let desk = Desk::open(&config).await?;
                let application = read_handover::<PartyAdmitted>(&application)?;
                let (name, roles) = (application.name.clone(), application.roles);
                let entry = desk.admit(application).await?;
                println!("admitted {name} as {roles:?}: entry {entry}");
            }
            Self::Suspend {
                config,
                party,
                basis,
            } => {
                let desk = Desk::open(&config).await?;
                println!(
                    "suspended {party}: entry {}",
                    desk.suspend(&party, &basis).await?
                );
            }
            Self::Approve {
                config,
                scale,
                version,
            } => {
                let desk = Desk::open(&config).await?;
                let entry = desk.approve(&scale, version).await?;
                println!("approved {scale} version {version}: entry {entry}");
            }
            Self::Epoch {
                config,
                epoch,
                witness_half,
            } => {
                let desk = Desk::open(&config).await?;
                let half = read_handover(&witness_half)?;
                println!(
                    "opened epoch {epoch}: entry {}",
                    desk.open_epoch(epoch, half).await?
                );
            }
            Self::Open {
                config,
                entry,
                claim,
                basis,
            } => {
                let desk = Desk::open(&config).await?;
                let entry = find_entry(&desk.follower.replica(), &entry)?;
                let (opened, file) = desk.open_claim(entry, claim, &basis).await?;
                report_opening(&opened, &file);
            }
            Self::Resume { config, request } => {
                let desk = Desk::open(&config).await?;
                let opened = desk.session().await?.resume(&request).await?;
                report_opening(&opened, &request);
            }
            Self::Reveal { config, request } => {
                let desk = Desk::open(&config).await?;
                let entry = desk.session().await?.reveal(&request).await?;
                println!("revealed: entry {entry}");
            }
            Self::Check {
                config,
                request,
                disclosure,
            } => {
                let desk = Desk::open(&config).await?;
                let checked = desk.check(&request, &disclosure)?;
                println!(
                    "the {} disclosed records open the commitment on the ledger and give {} credits",
                    checked.records, checked.credits.0
                );
            }
            Self::Total {
                config,
                scale,
                period,
                epoch,
            } => {
                let desk = Desk::open(&config).await?;
                let period = Period::from_label(&period)?;
                let published = desk.total(&scale, period, epoch).await?;
                println!(
                    "{} claims in {} of {scale} earned {} together: entry {}",
                    published.total.set.claims(),
                    period.label(),
                    published.total.sum,
                    published.entry
                );
            }
            Self::Serve { config } => {
                let config = SupervisorConfig::load(&config)?;
                witness::serve_holder(&config.holder, Side::Supervisor, async {
                    let _ = stop_signal().await;
                })
                .await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn report_opening(opened: &OpenedClaim, file: &Path) {
    println!("requested: entry {}", opened.request);
    println!("completed: entry {}", opened.completion);
    println!("credits and pseudonym are in {}", file.display());
}

/// A supervisor with its copy of the log.
pub(crate) struct Desk {
    pub(crate) config: SupervisorConfig,
    pub(crate) identity: Identity,
    pub(crate) follower: Follower,
}

impl Desk {
    pub(crate) async fn open(config: &Path) -> anyhow::Result<Self> {
        Self::with(SupervisorConfig::load(config)?).await
    }

    pub(crate) async fn with(config: SupervisorConfig) -> anyhow::Result<Self> {
        let holder = &config.holder;
        let identity = Identity::load(
            holder.ledger.origin()?,
            &holder.name,
            &holder.signing_key,
            &holder.sealing_key,
        )?;
        // Its own directory: the holder's process has the other one open.
        let mut ledger = holder.ledger.clone();
        ledger.replica.as_mut_os_string().push("-desk");
        let follower = ledger.follow().await?;
        follower.sync().await?;
        Ok(Self {
            config,
            identity,
            follower,
        })
    }

    fn pen(&self) -> Supervisor {
        Supervisor::founding(
            self.identity.origin.clone(),
            &self.identity.name,
            self.identity.signing.clone(),
            self.identity.sealing.public(),
        )
    }

    async fn submit(&self, entry: &merits_verifier::entry::SignedEntry) -> anyhow::Result<EntryId> {
        let submitted = self.follower.client().submit(entry).await?;
        self.follower.sync().await?;
        Ok(submitted.id)
    }

    /// Brings the copy up to date.
    pub(crate) async fn sync(&self) -> anyhow::Result<()> {
        self.follower.sync().await?;
        Ok(())
    }

    pub(crate) async fn found(&self) -> anyhow::Result<EntryId> {
        let application = self
            .identity
            .application(&[merits_ledger::Role::Supervisor]);
        self.admit(application).await
    }

    pub(crate) async fn admit(&self, application: PartyAdmitted) -> anyhow::Result<EntryId> {
        self.submit(&self.pen().admit(application)?).await
    }

    async fn suspend(&self, party: &str, basis: &str) -> anyhow::Result<EntryId> {
        let entry = {
            let replica = self.follower.replica();
            let id = find_party(&replica, party)?;
            let changes = replica
                .state()?
                .parties()
                .get(&id)
                .map_or(0, |p| p.standing_changes);
            self.pen().suspend(id, changes + 1, basis)
        };
        self.submit(&entry).await
    }

    pub(crate) async fn approve(&self, scale: &str, version: u32) -> anyhow::Result<EntryId> {
        let (id, version) = (ScaleId::new(scale)?, ScaleVersion(version));
        let proposal = {
            let replica = self.follower.replica();
            let record = replica.state()?.scales().version(&id, version)?;
            ensure!(
                record.standing == VersionStanding::Proposed,
                "{id} version {} is {:?}, not proposed",
                version.0,
                record.standing
            );
            record.proposal
        };
        self.submit(&self.pen().approve_scale(id, version, proposal))
            .await
    }

    pub(crate) async fn open_epoch(
        &self,
        epoch: u32,
        witness: HalfKeys,
    ) -> anyhow::Result<EntryId> {
        let share = witness::own_share(&self.config.holder, Epoch(epoch), Side::Supervisor)?;
        let own = share.public(&self.identity.party(), &mut rand::rng());
        let now = unix_millis();
        let entry = self.pen().open_epoch(
            Epoch(epoch),
            now,
            // Batches under the epoch before may still be in proving.
            if epoch > 1 { now + GRACE_MILLIS } else { now },
            own,
            witness,
        )?;
        self.submit(&entry).await
    }

    pub(crate) async fn session(&self) -> anyhow::Result<Session> {
        let mut holders = Vec::with_capacity(self.config.holders.len());
        for address in &self.config.holders {
            holders.push(HolderClient::connect(address).await?);
        }
        let sealing =
            merits_supervisor::sealing::SealingKey::from_bytes(&self.identity.sealing.to_bytes())?;
        Ok(Session::new(
            self.pen(),
            sealing,
            self.follower.clone(),
            holders,
        ))
    }

    pub(crate) async fn open_claim(
        &self,
        entry: EntryId,
        claim: u16,
        basis: &str,
    ) -> anyhow::Result<(OpenedClaim, PathBuf)> {
        std::fs::create_dir_all(&self.config.requests)?;
        let deadline = unix_millis() + u64::from(self.config.deadline_days) * DAY_MILLIS;
        let file = self.config.requests.join(format!(
            "{}-{claim}-{}.json",
            &entry.to_hex()[..16],
            unix_millis()
        ));
        let opened = self
            .session()
            .await?
            .open_claim(entry, claim, basis, deadline, &file)
            .await?;
        self.follower.sync().await?;
        Ok((opened, file))
    }

    pub(crate) fn check(&self, request: &Path, disclosure: &Path) -> anyhow::Result<Checked> {
        let request_file = RequestFile::read(request)
            .with_context(|| format!("request file {}", request.display()))?;
        let opened = request_file
            .opened()
            .context("the request file holds no result: the opening is not completed")?;
        let content = request_file
            .content()
            .context("the request file names no claim")?;
        let disclosure = Disclosure::read(disclosure)
            .with_context(|| format!("disclosure {}", disclosure.display()))?;
        let replica = self.follower.replica();
        let state = replica.state()?;
        let leaf = replica
            .entry(&content.entry)
            .context("the batch is not in the copy")?;
        let Some(Ok(Entry::EarnBatch(batch))) =
            Entry::decode(leaf.entry.kind, &leaf.entry.statement)
        else {
            anyhow::bail!("entry {} is no batch", content.entry);
        };
        let public = batch
            .claims
            .get(usize::from(content.claim))
            .with_context(|| format!("the batch has no claim {}", content.claim))?
            .public;
        let terms = &state.scales().version(&batch.scale, batch.version)?.terms;
        let manifest = Manifest::from_toml(&terms.manifest)?;
        let formula: &Typed = manifest.formula();
        Ok(check(
            &ClaimOnLedger {
                origin: state.origin(),
                entry: content.entry,
                claim: content.claim,
                commitment: public.c,
                period: batch.period,
                schema: terms.schema,
                formula,
                constants: &batch.terms.constants,
            },
            &disclosure,
            &opened,
        )?)
    }

    pub(crate) async fn total(
        &self,
        scale: &str,
        period: Period,
        epoch: u32,
    ) -> anyhow::Result<PublishedTotal> {
        let asset = {
            let replica = self.follower.replica();
            replica.state()?.scales().get(&ScaleId::new(scale)?)?.asset
        };
        let published = self
            .session()
            .await?
            .open_total(asset, period, Epoch(epoch))
            .await?;
        self.follower.sync().await?;
        Ok(published)
    }
}

fn unix_millis() -> u64 {
    let age = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;
/// How long batches under the epoch before are still taken.
const GRACE_MILLIS: u64 = 7 * DAY_MILLIS;
