//! `merits coordinator`: serve the ledger, check its files, copy them and put them back.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use merits_coordinator::{
    Beginning, Config, Coordinator, SystemClock, backup, fsck, raise_mark, restore,
};
use merits_party::stop_signal;
use merits_primitives::calendar::Date;

use super::dates;
use crate::outputs;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the ledger over gRPC until ctrl-c or SIGTERM
    Serve {
        /// Configuration file; coordinator/coordinator.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
        /// Found a new ledger. Use it once. Without it the command never founds a ledger
        #[arg(long)]
        found: bool,
        /// Start after a stop of more than a day, or with a clock that nobody else confirms:
        /// today's date, read from a clock other than this machine's
        #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "found", value_parser = dates::day)]
        after_pause: Option<Date>,
    },
    /// Check every leaf, index, proof and signature of the stored ledger
    Fsck {
        /// Configuration file
        #[arg(long)]
        config: PathBuf,
    },
    /// Copy the ledger, also while it is served, and check the copy; the log key is not in it
    Backup {
        /// Configuration file
        #[arg(long)]
        config: PathBuf,
        /// The copy; its newest checkpoint is written beside it, as FILE.checkpoint
        #[arg(long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Put a backup where the configuration wants its database, which must not exist
    Restore {
        /// Configuration file
        #[arg(long)]
        config: PathBuf,
        /// The backup
        #[arg(long, value_name = "FILE")]
        input: PathBuf,
        /// The newest checkpoint that anybody has (`checkpoint.txt` in a party's copy of the log): the
        /// backup must not be behind it
        #[arg(long, value_name = "FILE")]
        checkpoint: PathBuf,
        /// Take the backup although there is no high-water mark. You have looked at every party's
        /// copy, and none has anything newer
        #[arg(long)]
        nothing_newer: bool,
    },
    /// Make or raise the high-water mark to a checkpoint that somebody kept
    Mark {
        /// Configuration file
        #[arg(long)]
        config: PathBuf,
        /// The newest checkpoint that anybody has (`checkpoint.txt` in a party's copy of the log)
        #[arg(long, value_name = "FILE")]
        checkpoint: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve {
                config,
                found,
                after_pause,
            } => {
                let beginning = match (found, after_pause) {
                    (true, _) => Beginning::Found,
                    (false, Some(today)) => Beginning::AfterPause(dates::index(today)),
                    (false, None) => Beginning::GoOn,
                };
                serve(Config::load(&config)?, beginning).await
            }
            Self::Fsck { config } => {
                let config = Config::load(&config)?;
                ensure!(
                    config.database().exists(),
                    "there is no ledger at {}: check `data_dir` in the configuration",
                    config.database().display()
                );
                let report = fsck(&config, &mut rand::rng()).await?;
                println!("{report}");
                Ok(if report.is_clean() {
                    ExitCode::SUCCESS
                } else {
                    ExitCode::FAILURE
                })
            }
            Self::Backup { config, output } => {
                outputs::of_configuration(&config).admit(&output, "the copy")?;
                let config = Config::load(&config)?;
                let kept = backup(&config, &output, &mut rand::rng()).await?;
                println!(
                    "wrote {}: {} entries, checked; its checkpoint is {}",
                    output.display(),
                    kept.checkpoint.size,
                    kept.checkpoint_file.display()
                );
                println!(
                    "the log key {} is not in it: keep a copy of that apart",
                    config.log_key_file().display()
                );
                Ok(ExitCode::SUCCESS)
            }
            Self::Restore {
                config,
                input,
                checkpoint,
                nothing_newer,
            } => {
                let config = Config::load(&config)?;
                let rng = &mut rand::rng();
                let kept = restore(&config, &input, &checkpoint, nothing_newer, rng).await?;
                println!(
                    "restored {}: {} entries, checked; the high-water mark {} is raised to it",
                    config.database().display(),
                    kept.checkpoint.size,
                    kept.checkpoint_file.display()
                );
                let key = config.log_key_file();
                if !key.exists() {
                    println!(
                        "before you serve it: bring the log key back to {}",
                        key.display()
                    );
                }
                Ok(ExitCode::SUCCESS)
            }
            Self::Mark { config, checkpoint } => {
                let config = Config::load(&config)?;
                let raised = raise_mark(&config, &checkpoint).await?;
                let (marked, stored) = (raised.checkpoint.size, raised.stored);
                println!(
                    "the high-water mark {} is at {marked} entries",
                    config.high_water_mark.display(),
                );
                if stored < marked {
                    println!(
                        "{} holds {stored} of them: it is an older copy, and is not served; bring back the \
                         newest data",
                        config.database().display()
                    );
                }
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

async fn serve(config: Config, beginning: Beginning) -> anyhow::Result<ExitCode> {
    let stop = stop_signal()?;
    let mut coordinator = Coordinator::begin(config, Arc::new(SystemClock), beginning).await?;
    println!("listening on {}", coordinator.address());
    println!("log key {}", coordinator.log_key());
    tokio::select! {
        () = stop => {}
        failed = coordinator.failed() => failed.context("the coordinator stopped")?,
    }
    coordinator.shutdown().await?;
    println!("stopped; every acknowledged entry is on disk");
    Ok(ExitCode::SUCCESS)
}
