//! `merits board`: what supervisors decide together, and log witnesses consent to.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Subcommand;
use merits_ledger::Thresholds;
use merits_party::{lookup::find_entry, machine_time};
use merits_primitives::ids::EntryId;
use merits_supervisor::{
    board::{BoardReport, Seated},
    config::WitnessConfig,
    net::{Seat, Supervisor},
};
use merits_text::typed::argument;

use super::{numbers, reason::reason};
use crate::screen;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Propose an act that no command of `merits supervisor` proposes
    #[command(subcommand)]
    Propose(Propose),
    /// Endorse a proposed act, or consent to it as a log witness
    Endorse {
        /// Configuration file of a supervisor or a log witness
        #[arg(long)]
        config: PathBuf,
        /// The entry that proposed the act: 64 hexadecimal digits
        #[arg(long, value_parser = parse_act)]
        act: EntryId,
        /// Endorse an admission although the name looks like another party's: you have compared the two
        #[arg(long)]
        distinct: bool,
    },
    /// Revoke your own endorsement
    Revoke {
        /// Configuration file of a supervisor or a log witness
        #[arg(long)]
        config: PathBuf,
        /// The entry that proposed the act: 64 hexadecimal digits
        #[arg(long, value_parser = parse_act)]
        act: EntryId,
    },
    /// Object, as a log witness, to an act for which too few log witnesses are left
    Object {
        /// Configuration file of a log witness
        #[arg(long)]
        config: PathBuf,
        /// The entry that proposed the act: 64 hexadecimal digits
        #[arg(long, value_parser = parse_act)]
        act: EntryId,
    },
    /// Put an act into force that has its endorsements, and whose delay is over
    Enact {
        /// Configuration file of a supervisor or a log witness
        #[arg(long)]
        config: PathBuf,
        /// The entry that proposed the act: 64 hexadecimal digits
        #[arg(long, value_parser = parse_act)]
        act: EntryId,
    },
    /// Admit yourself as a log witness that the founding facts name
    Join {
        /// Configuration file of a log witness
        #[arg(long)]
        config: PathBuf,
    },
    /// Show thresholds, members, witnesses and acts
    Status {
        /// Configuration file of a supervisor or a log witness
        #[arg(long)]
        config: PathBuf,
        /// Also acts that are in force, over or void
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Propose {
    /// End a party: it never acts again
    End {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Name or id
        #[arg(long, value_parser = argument)]
        party: String,
        /// Why, in words; the ledger publishes it
        #[arg(long, value_parser = reason)]
        basis: String,
    },
    /// Close a sponsor's offer
    CloseOffer {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// The entry that published the offer; its first digits are enough
        #[arg(long, value_parser = argument)]
        offer: String,
        /// Why, in words; the ledger publishes it
        #[arg(long, value_parser = reason)]
        basis: String,
    },
    /// Change how many members an act takes; every open proposal is void then
    Thresholds {
        /// Configuration file; parties/supervisor/supervisor.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Supervisors that an ordinary act takes
        #[arg(long, value_parser = numbers::members)]
        ordinary: u16,
        /// Supervisors that an act of trust takes
        #[arg(long, value_parser = numbers::members)]
        trust: u16,
        /// Seconds that an act of trust waits
        #[arg(long, value_parser = numbers::delay)]
        delay: u32,
        /// Log witnesses that must consent to an act on a witness, an epoch or other thresholds
        #[arg(long, value_parser = numbers::consents)]
        consents: u16,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Propose(propose) => propose.run().await?,
            Self::Endorse {
                config,
                act,
                distinct,
            } => {
                let endorsed = seat(&config).await?.endorse(act, distinct).await?;
                println!("endorsed: {}", endorsed.act);
            }
            Self::Revoke { config, act } => {
                let entry = seat(&config).await?.revoke(act).await?.entry;
                println!("revoked: entry {entry}");
            }
            Self::Object { config, act } => {
                let entry = seat(&config).await?.object(act).await?.entry;
                println!("objected: entry {entry}");
            }
            Self::Enact { config, act } => {
                let enacted = seat(&config).await?.enact(act).await?;
                println!("in force now: {}", enacted.act);
            }
            Self::Join { config } => {
                let config = WitnessConfig::load(&config)?;
                let entry = Seat::open(&config).await?.join(&config).await?.entry;
                println!("joined: entry {entry}");
            }
            Self::Status { config, all } => {
                print(&seat(&config).await?.report(machine_time())?, all);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Propose {
    async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::End {
                config,
                party,
                basis,
            } => {
                let config = merits_supervisor::config::SupervisorConfig::load(&config)?;
                let supervisor = Supervisor::open(config).await?;
                let decided = supervisor.end(&party, &basis, machine_time()).await?;
                println!("{}", decided.said(&format!("ended {party}")));
            }
            Self::CloseOffer {
                config,
                offer,
                basis,
            } => {
                let seat = seat(&config).await?;
                let offer = find_entry(&seat.follower().replica(), &offer)?;
                let decided = seat.close_offer(offer, &basis, machine_time()).await?;
                println!("{}", decided.said(&format!("closed offer {offer}")));
            }
            Self::Thresholds {
                config,
                ordinary,
                trust,
                delay,
                consents,
            } => {
                let thresholds = Thresholds {
                    ordinary,
                    trust,
                    delay_seconds: delay,
                    consents,
                };
                let seat = seat(&config).await?;
                let decided = seat.change_thresholds(thresholds, machine_time()).await?;
                println!("{}", decided.said("changed the thresholds"));
            }
        }
        Ok(())
    }
}

/// The seat of a supervisor or a log witness, by its configuration file.
async fn seat(config: &Path) -> anyhow::Result<Seat> {
    Ok(Seat::open(&WitnessConfig::of_a_holder(config)?).await?)
}

fn parse_act(text: &str) -> anyhow::Result<EntryId> {
    EntryId::from_hex(text).context("64 hexadecimal digits of an entry's id are expected")
}

fn print(report: &BoardReport, all: bool) {
    if let Some(mark) = &report.mark {
        println!("note: {mark}");
    }
    if let Some(keys) = &report.keys {
        println!("note: {keys}");
    }
    if let Some(tags) = &report.tags {
        println!("note: {tags}");
    }
    println!(
        "an ordinary act takes {}, an act of trust {} and {} s; acts on witnesses, view keys and thresholds \
         take the consent of {}",
        screen::counted(report.ordinary, "supervisor"),
        report.trust,
        report.delay_seconds,
        screen::counted(report.consents, "log witness")
    );
    println!("supervisors: {}", names(&report.supervisors));
    println!("log witnesses: {}", names(&report.witnesses));
    let acts = report.acts.iter().filter(|act| all || act.open);
    let mut none = true;
    for act in acts {
        none = false;
        println!("\nact {}\n  {}", act.act, act.what);
        println!("  proposed by {}; {}", act.proposer, act.standing);
        println!("  endorsed by {}", list(&act.endorsed));
        if !act.objected.is_empty() {
            println!("  objected to by {}", list(&act.objected));
        }
    }
    if none {
        println!("no open act");
    }
}

fn names(seated: &[Seated]) -> String {
    let name = |one: &Seated| {
        let suspended = if one.suspended { " (suspended)" } else { "" };
        format!("{}{suspended}", one.name)
    };
    list(&seated.iter().map(name).collect::<Vec<_>>())
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "nobody".to_owned()
    } else {
        names.join(", ")
    }
}
