//! `merits supervisor dkg` and `merits witness dkg`: the key generation of a quorum's half, over files.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;
use merits_guard::{
    Secret,
    output::{Kind, Output, Readers},
};
use merits_party::identity::PartyConfig as _;
use merits_primitives::ids::Epoch;
use merits_supervisor::{
    config::{SupervisorConfig, WitnessConfig},
    dkg::{
        plan::{Checked, Plan},
        run::{self, Places, Progress, Report, Runner, Step},
    },
    side::Side,
};
use merits_text::typed::argument;

use super::{
    distributor::rng,
    passphrase::{self, Asking},
};
use crate::outputs;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the plan that all holders carry out: which half, by whom, how many of them must answer
    Begin {
        /// Configuration file of this party
        #[arg(long)]
        config: PathBuf,
        /// Number of the epoch that the half is for
        #[arg(long)]
        epoch: u32,
        /// 1, or more after an attempt that failed
        #[arg(long, default_value_t = 1)]
        attempt: u32,
        /// How many holders must answer
        #[arg(long)]
        needed: u16,
        /// Name of a holder on the ledger; give it once for each
        #[arg(long = "holder", value_parser = argument, required = true)]
        holders: Vec<String>,
        /// Plan to write: public, for all holders
        #[arg(long)]
        output: PathBuf,
    },
    /// Go as far as the others' messages allow; give the same command again until it is done
    Run {
        /// Configuration file of this party
        #[arg(long)]
        config: PathBuf,
        /// Plan, made by `dkg begin`
        #[arg(long)]
        plan: PathBuf,
        /// Folder of the messages, which all holders read and write
        #[arg(long)]
        board: PathBuf,
        /// File of this party's state until it is done: secret, on this machine only
        #[arg(long)]
        state: PathBuf,
        /// File of this party's share: secret, on this machine only
        #[arg(long)]
        share: PathBuf,
        /// File with the passphrase of state and share in one line; without it the terminal asks
        #[arg(long)]
        passphrase_file: Option<PathBuf>,
    },
    /// Open a share and compare it with the half: do it with each backup of the share
    Check {
        /// Configuration file of this party
        #[arg(long)]
        config: PathBuf,
        /// Plan, made by `dkg begin`
        #[arg(long)]
        plan: PathBuf,
        /// Folder of the messages
        #[arg(long)]
        board: PathBuf,
        /// File of the share, or its backup
        #[arg(long)]
        share: PathBuf,
        /// File with the passphrase of the share in one line; without it the terminal asks
        #[arg(long)]
        passphrase_file: Option<PathBuf>,
    },
    /// Say how far it is by the messages alone
    Status {
        /// Configuration file of this party
        #[arg(long)]
        config: PathBuf,
        /// Plan, made by `dkg begin`
        #[arg(long)]
        plan: PathBuf,
        /// Folder of the messages
        #[arg(long)]
        board: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self, side: Side) -> anyhow::Result<ExitCode> {
        match self {
            Self::Begin {
                config,
                epoch,
                attempt,
                needed,
                holders,
                output,
            } => {
                let settings = holder(&config, side)?;
                let mut kept = outputs::of_configuration(&config);
                kept.admit(&output, "the plan")?;
                let kind = Kind::new("a plan of a key generation", Readers::Everybody);
                Output::check(&output, kind)?;
                let follower = settings.ledger.clone().of_commands().follow().await?;
                follower.sync().await?;
                let plan = {
                    let replica = follower.replica();
                    let state = replica.state()?;
                    Plan::make(state, Epoch(epoch), attempt, side, needed, &holders)?
                };
                Output::write(&output, kind, plan.to_text().as_bytes())?;
                println!("wrote {}", output.display());
            }
            Self::Run {
                config,
                plan,
                board,
                state,
                share,
                passphrase_file,
            } => {
                let settings = holder(&config, side)?;
                let mut kept = outputs::of_configuration(&config);
                kept.keep(&plan, "the plan");
                kept.admit(&state, "the state")?;
                kept.admit(&share, "the share")?;
                let checked = check(&settings, &plan).await?;
                let identity = settings.identity()?;
                let asking = if state.exists() {
                    Asking::Known
                } else {
                    Asking::New
                };
                let passphrase = passphrase::ask(
                    passphrase_file.as_deref(),
                    asking,
                    "state and share",
                    SECRET,
                )?;
                let runner = Runner {
                    party: identity.party(),
                    signing: &identity.signing,
                };
                let places = Places {
                    board: &board,
                    state: &state,
                    share: &share,
                };
                let mut say = |step: Step| match step {
                    Step::Published(round) => println!("published {round}"),
                    Step::ShareWritten => println!("wrote the share {}", share.display()),
                    Step::Stored | Step::Erased => {}
                };
                let report =
                    run::advance(&checked, &runner, places, &passphrase, &mut rng(), &mut say)?;
                return Ok(print(&report));
            }
            Self::Check {
                config,
                plan,
                board,
                share,
                passphrase_file,
            } => {
                let settings = holder(&config, side)?;
                let checked = check(&settings, &plan).await?;
                let passphrase = passphrase::ask(
                    passphrase_file.as_deref(),
                    Asking::Known,
                    "the share",
                    SECRET,
                )?;
                let about = run::check(&checked, &board, &share, &passphrase)?;
                println!(
                    "{} is a share of the {}' half of epoch {}: {} holders must answer",
                    share.display(),
                    about.side.many(),
                    about.epoch,
                    about.threshold
                );
            }
            Self::Status {
                config,
                plan,
                board,
            } => {
                let settings = holder(&config, side)?;
                let checked = check(&settings, &plan).await?;
                return Ok(print(&run::status(&checked, &board)?));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A holder's part of a configuration file.
fn holder(config: &Path, side: Side) -> anyhow::Result<WitnessConfig> {
    Ok(match side {
        Side::Supervisor => SupervisorConfig::load(config)?.holder,
        Side::Witness => WitnessConfig::load(config)?,
    })
}

/// The plan, compared with this party's own copy of the ledger.
async fn check(settings: &WitnessConfig, plan: &Path) -> anyhow::Result<Checked> {
    let plan = Plan::read(plan)?;
    let follower = settings.ledger.clone().of_commands().follow().await?;
    follower.sync().await?;
    let replica = follower.replica();
    Ok(plan.check(replica.state()?)?)
}

/// Prints how far it is. A failed attempt is a failed command.
fn print(report: &Report) -> ExitCode {
    for file in &report.ignored {
        println!("ignored {file}");
    }
    match &report.progress {
        Progress::Waiting { round, missing } => {
            let mut missing = missing.clone();
            missing.sort();
            println!("waiting for the {round} of {}", missing.join(", "));
            ExitCode::SUCCESS
        }
        Progress::Failed { guilty } => {
            for holder in guilty {
                println!("{} is at fault: {}", holder.name, holder.fault);
            }
            println!("the attempt failed, and its secrets are worth nothing: begin the next one");
            ExitCode::FAILURE
        }
        Progress::Done {
            threshold,
            claim_key,
            total_key,
        } => {
            println!("done: {threshold} holders");
            println!("half of the view key   {claim_key}");
            println!("half of the totals key {total_key}");
            ExitCode::SUCCESS
        }
    }
}

/// What the passphrase is of.
const SECRET: Secret = Secret::SharePassphrase;
