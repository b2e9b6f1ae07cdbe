//! `merits supervisor dkg` and `merits witness dkg`: the key generation of a quorum's half, over the ledger or over a
//! folder of files.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Subcommand};
use merits_guard::{
    Secret,
    output::{Output, OutputError},
    protected::Protected,
};
use merits_party::machine_time;
use merits_primitives::ids::Epoch;
use merits_supervisor::{
    config::{SupervisorConfig, WitnessConfig},
    dkg::run::{Places, Progress, Report, Step, has_state},
    net::{Generation, KeyMaker, PLAN, Which},
    side::Side,
};
use merits_text::typed::argument;

use super::{
    distributor::rng,
    numbers,
    passphrase::{self, Asking, PassphrasePlaces},
};
use crate::outputs;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open an attempt on the ledger: which half, by whom, how many of them must answer, and until when
    Open {
        /// Configuration file of this party
        #[arg(long)]
        config: PathBuf,
        /// Number of the epoch that the half is for: the next one
        #[arg(long, value_parser = numbers::epoch)]
        epoch: u32,
        /// How many holders must answer: more than half of them
        #[arg(long)]
        needed: u16,
        /// Name of a holder on the ledger; give it once for each
        #[arg(long = "holder", value_parser = argument, required = true)]
        holders: Vec<String>,
        /// Hours until the attempt takes no more messages
        #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u32).range(1..=720))]
        hours: u32,
    },
    /// Write a plan for machines without a network, carried out over a folder; no epoch takes such a half
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
        #[command(flatten)]
        which: WhichArguments,
        /// Wait for the others' messages at most so many minutes, instead of ending where they are missing
        #[arg(long, default_value_t = 0, conflicts_with = "plan", value_parser = clap::value_parser!(u32).range(0..=43_200))]
        wait_minutes: u32,
        /// File of this party's state until it is done: secret, on this machine only
        #[arg(long)]
        state: PathBuf,
        /// File of this party's share: secret, on this machine only
        #[arg(long)]
        share: PathBuf,
        /// File with the passphrase of state and share in one line; without it the configuration's
        /// `passphrase_file`, and without both the terminal asks
        #[arg(long)]
        passphrase_file: Option<PathBuf>,
    },
    /// Open a share and compare it with the half: do it with each backup of the share
    Check {
        /// Configuration file of this party
        #[arg(long)]
        config: PathBuf,
        #[command(flatten)]
        which: WhichArguments,
        /// File of the share, or its backup
        #[arg(long)]
        share: PathBuf,
        /// File with the passphrase of the share in one line; without it the configuration's `passphrase_file`, and
        /// without both the terminal asks
        #[arg(long)]
        passphrase_file: Option<PathBuf>,
    },
    /// Say how far it is by the messages alone
    Status {
        /// Configuration file of this party
        #[arg(long)]
        config: PathBuf,
        #[command(flatten)]
        which: WhichArguments,
        /// File of this party's state: it is overwritten and removed if the attempt is over and made no key
        #[arg(long)]
        state: Option<PathBuf>,
    },
    /// Overwrite and remove this party's share of an epoch whose retention ended, and record that on the ledger
    Destroy {
        /// Configuration file of this party
        #[arg(long)]
        config: PathBuf,
        /// Number of the epoch
        #[arg(long, value_parser = numbers::epoch)]
        epoch: u32,
        /// File of the share, or a copy of it: any other file is refused
        #[arg(long)]
        share: PathBuf,
    },
}

/// Which key generation: an attempt on the ledger, or a plan with its folder.
#[derive(Debug, Args)]
pub(crate) struct WhichArguments {
    /// Number of the epoch that the half is for
    #[arg(long, value_parser = numbers::epoch, required_unless_present = "plan", conflicts_with = "plan")]
    epoch: Option<u32>,
    /// Attempt on the ledger; without it the newest
    #[arg(long, conflicts_with = "plan", value_parser = clap::value_parser!(u32).range(1..))]
    attempt: Option<u32>,
    /// Without a network: the plan, made by `dkg begin`
    #[arg(long, requires = "folder")]
    plan: Option<PathBuf>,
    /// Without a network: the folder of the messages, which all holders read and write
    #[arg(long, alias = "board", requires = "plan")]
    folder: Option<PathBuf>,
}

impl WhichArguments {
    fn which(&self) -> Which<'_> {
        match (&self.plan, &self.folder) {
            (Some(plan), Some(folder)) => Which::Folder { plan, folder },
            // Without a plan, the parser demands the epoch.
            _ => Which::Attempt {
                epoch: Epoch(self.epoch.unwrap_or_default()),
                attempt: self.attempt,
            },
        }
    }
}

impl Command {
    pub(crate) async fn run(self, side: Side) -> anyhow::Result<ExitCode> {
        match self {
            Self::Open {
                config,
                epoch,
                needed,
                holders,
                hours,
            } => {
                let settings = holder(&config, side)?;
                let maker = KeyMaker::open(&settings, side).await?;
                let deadline = machine_time() + hours * Duration::from_secs(3_600);
                let (attempt, entry) = maker
                    .begin(Epoch(epoch), needed, &holders, deadline)
                    .await?;
                println!(
                    "opened attempt {attempt} to make the {}' half of epoch {epoch}, until {deadline}: entry {entry}",
                    side.many()
                );
            }
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
                Output::check(&output, PLAN)?;
                settings
                    .plan_generation(side, (Epoch(epoch), attempt), needed, &holders, &output)
                    .await?;
                println!("wrote {}", output.display());
            }
            Self::Run {
                config,
                which,
                wait_minutes,
                state,
                share,
                passphrase_file,
            } => {
                let settings = holder(&config, side)?;
                let mut kept = outputs::of_configuration(&config);
                if let Some(plan) = &which.plan {
                    kept.keep(plan, "the plan");
                }
                admit_share(&mut kept, &share)?;
                kept.admit(&state, "the state")?;
                let patience = wait_minutes * Duration::from_secs(60);
                let generation = Generation::open(&settings, side, which.which())
                    .await?
                    .waiting(patience);
                let asking = if has_state(&state) {
                    Asking::Known
                } else {
                    Asking::New
                };
                let passphrase = passphrase::ask(
                    places_of_passphrase(passphrase_file.as_deref(), &settings),
                    asking,
                    "state and share",
                    SECRET,
                )?;
                let places = Places {
                    state: &state,
                    share: &share,
                };
                let mut say = |step: Step| match step {
                    Step::Published(round) => println!("published {round}"),
                    Step::ShareWritten => println!("wrote the share {}", share.display()),
                    Step::Stored | Step::SetAside | Step::EndStored | Step::Erased => {}
                };
                let report = generation
                    .run(places, &passphrase, machine_time(), &mut rng(), &mut say)
                    .await?;
                return Ok(print(&report));
            }
            Self::Check {
                config,
                which,
                share,
                passphrase_file,
            } => {
                let settings = holder(&config, side)?;
                let generation = Generation::open(&settings, side, which.which()).await?;
                let passphrase = passphrase::ask(
                    places_of_passphrase(passphrase_file.as_deref(), &settings),
                    Asking::Known,
                    "the share",
                    SECRET,
                )?;
                let about = generation.check(&share, &passphrase)?;
                println!(
                    "{} is the share of {} in the {}' half of epoch {}: {} holders must answer",
                    share.display(),
                    settings.name,
                    about.side.many(),
                    about.epoch,
                    about.threshold
                );
            }
            Self::Status {
                config,
                which,
                state,
            } => {
                let settings = holder(&config, side)?;
                let generation = Generation::open(&settings, side, which.which()).await?;
                let report = generation.status(state.as_deref())?;
                return Ok(print(&report));
            }
            Self::Destroy {
                config,
                epoch,
                share,
            } => {
                let settings = holder(&config, side)?;
                admit_share(&mut outputs::of_configuration(&config), &share)?;
                let maker = KeyMaker::open(&settings, side).await?;
                let entry = maker.destroy(Epoch(epoch), &share).await?;
                println!(
                    "destroyed {}: entry {entry}. Copies of it in backups are yours to destroy",
                    share.display()
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Refuses a share in the place of a file that the configuration names, except for the shares that it names.
fn admit_share(kept: &mut Protected, share: &Path) -> Result<(), OutputError> {
    kept.release(share, &outputs::named_by("quorum_shares"));
    kept.admit(share, "the share")
}

/// A holder's part of a configuration file.
fn holder(config: &Path, side: Side) -> anyhow::Result<WitnessConfig> {
    Ok(match side {
        Side::Supervisor => SupervisorConfig::load(config)?.holder,
        Side::Witness => WitnessConfig::load(config)?,
    })
}

/// Prints how far it is. A failed attempt is a failed command.
fn print(report: &Report) -> ExitCode {
    for file in &report.ignored {
        println!("ignored {file}");
    }
    if report.erased {
        println!("erased this party's secrets of the attempt, which made no key");
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
        Progress::Expired { deadline } => {
            println!(
                "the deadline {deadline} is past, and the attempt made no key: open the next one"
            );
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

/// Where the passphrase may come from.
fn places_of_passphrase<'p>(
    option: Option<&'p Path>,
    settings: &'p WitnessConfig,
) -> PassphrasePlaces<'p> {
    PassphrasePlaces::OptionOrConfiguration {
        option,
        configured: settings.passphrase_file.as_deref(),
    }
}

/// What the passphrase is of.
const SECRET: Secret = Secret::SharePassphrase;
