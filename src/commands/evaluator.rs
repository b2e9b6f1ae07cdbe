//! `merits evaluator`: one uniqueness tag for each person, under a key that no registrar holds, and no evaluator alone.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Subcommand;
use merits_evaluator::{
    config::EvaluatorConfig,
    dealing::{Dealt, Held, NewDealing},
};
use merits_party::{identity::PartyConfig as _, machine_time, stop_signal};
use merits_text::typed::argument;

use super::hand_over;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write the application that the supervisor admits
    Apply {
        /// Configuration file; parties/evaluator/evaluator.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Application to write: public, for the supervisor
        #[arg(long)]
        output: PathBuf,
    },
    /// Make the key of the tags alone and put it on the ledger, which marks it for ever: `shares` makes one together
    Announce {
        /// Configuration file; parties/evaluator/evaluator.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
    /// Shares of the key of the tags: make the key together, or deal its shares anew
    #[command(subcommand)]
    Shares(Shares),
    /// Answer registrars until ctrl-c or SIGTERM; each answer is counted on the ledger first
    Serve {
        /// Configuration file; parties/evaluator/evaluator.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Shares {
    /// Open a dealing on the ledger: who gets a share, from whom, how many of them must answer, and until when
    Open {
        /// Configuration file; parties/evaluator/evaluator.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// How many holders must answer: more than half of them, and two at least
        #[arg(long)]
        needed: u16,
        /// Name of an evaluator that gets a share; give it once for each
        #[arg(long = "holder", value_parser = argument, required = true)]
        holders: Vec<String>,
        /// Name of a holder of the present key that deals; give it once for each, as many as must answer; without it all
        #[arg(long = "dealer", value_parser = argument)]
        dealers: Vec<String>,
        /// Hours until the dealing takes no more messages
        #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u32).range(1..=720))]
        hours: u32,
    },
    /// Go as far as the others' messages allow; give the same command again until it is done
    Run {
        /// Configuration file; parties/evaluator/evaluator.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Name of the evaluator that opened the dealing; without it this one
        #[arg(long, value_parser = argument)]
        opener: Option<String>,
        /// Only show who gets a share and who deals: do it first, because they have the key between them
        #[arg(long)]
        look: bool,
        /// Take part only in the dealing that `--look` showed under this name: its opener may open another afterwards
        #[arg(long, conflicts_with = "look")]
        dealing: Option<String>,
        /// Wait for the others' messages, instead of ending where they are missing
        #[arg(long, conflicts_with = "look")]
        wait: bool,
    },
    /// Say who holds the key, and whether one evaluator ever had it whole
    Status {
        /// Configuration file; parties/evaluator/evaluator.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
    /// Erase the secrets on this machine of shares that were dealt anew
    Erase {
        /// Configuration file; parties/evaluator/evaluator.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
}

impl Shares {
    async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Open {
                config,
                needed,
                holders,
                dealers,
                hours,
            } => {
                let config = EvaluatorConfig::load(&config)?;
                let new = NewDealing {
                    needed,
                    holders,
                    dealers,
                    open_for: Duration::from_secs(u64::from(hours) * 3_600),
                };
                let entry = config.open_dealing(&new, machine_time()).await?;
                println!("opened a dealing: entry {entry}");
                println!(
                    "every holder and dealer now runs `merits evaluator shares run --opener {:?}`",
                    config.name
                );
            }
            Self::Run {
                config,
                opener,
                look,
                dealing,
                wait,
            } => {
                let config = EvaluatorConfig::load(&config)?;
                if look {
                    let offered = config.look_at_dealing(opener.as_deref()).await?;
                    println!(
                        "dealing {}, generation {}: {} of these would have to answer: {}; dealt by {}, until {}",
                        offered.dealing,
                        offered.generation,
                        offered.needed,
                        offered.holders.join(", "),
                        offered.dealers.join(", "),
                        offered.deadline
                    );
                    return Ok(());
                }
                let dealt = config.deal(opener.as_deref(), dealing.as_deref(), wait);
                match dealt.await? {
                    Dealt::Waiting { round, missing } => {
                        println!("waiting for the {round} of {}", missing.join(", "));
                    }
                    Dealt::Done { held, erased } => {
                        println!("done: {}", said(&held));
                        for file in erased {
                            println!("erased {}", file.display());
                        }
                    }
                }
            }
            Self::Status { config } => {
                let present = EvaluatorConfig::load(&config)?.present_shares().await?;
                match present.held {
                    Some(held) => println!("{}", said(&held)),
                    None => println!("the ledger has no key of the uniqueness tags yet"),
                }
                for file in present.erased {
                    println!("erased {}", file.display());
                }
            }
            Self::Erase { config } => {
                let erased = EvaluatorConfig::load(&config)?.erase_shares().await?;
                if erased.is_empty() {
                    println!("nothing to erase");
                }
                for file in erased {
                    println!("erased {}", file.display());
                }
            }
        }
        Ok(())
    }
}

/// Who holds a key, and its mark.
fn said(held: &Held) -> String {
    let record = &held.record;
    let mark = record
        .mark()
        .map_or_else(String::new, |mark| format!("\nnote: {mark}"));
    format!(
        "generation {}: {} evaluators must answer: {}{mark}",
        record.generation,
        record.key.threshold(),
        held.holders.join(", ")
    )
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Apply { config, output } => {
                hand_over(&config, &output, || {
                    Ok(EvaluatorConfig::load(&config)?.apply(&mut rand::rng())?)
                })?;
            }
            Self::Announce { config } => {
                match EvaluatorConfig::load(&config)?.announce().await?.entry {
                    Some(entry) => println!("announced the evaluator's key: entry {entry}"),
                    None => println!("the ledger has this evaluator's key already"),
                }
            }
            Self::Shares(shares) => shares.run().await?,
            Self::Serve { config } => {
                let config = EvaluatorConfig::load(&config)?;
                let ready = |address| println!("{} answers registrars on {address}", config.name);
                config.serve(ready, stop_signal()?).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
