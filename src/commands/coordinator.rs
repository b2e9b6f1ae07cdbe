//! `merits coordinator`: serve the ledger, check its files.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use merits_coordinator::{Config, Coordinator, SystemClock, fsck};

use super::stop_signal;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the ledger over gRPC until ctrl-c or SIGTERM
    Serve {
        /// Configuration file; coordinator/coordinator.sample.toml explains every key
        #[arg(long)]
        config: PathBuf,
    },
    /// Check every leaf, index, proof and signature of the stored ledger
    Fsck {
        /// Configuration file
        #[arg(long)]
        config: PathBuf,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve { config } => {
                let mut coordinator =
                    Coordinator::start(Config::load(&config)?, Arc::new(SystemClock)).await?;
                println!("listening on {}", coordinator.address());
                println!("log key {}", coordinator.log_key());
                tokio::select! {
                    signal = stop_signal() => signal?,
                    failed = coordinator.failed() => failed.context("the coordinator stopped")?,
                }
                coordinator.shutdown().await?;
                println!("stopped; every acknowledged entry is on disk");
                Ok(ExitCode::SUCCESS)
            }
            Self::Fsck { config } => {
                let config = Config::load(&config)?;
                ensure!(
                    config.database().exists(),
                    "there is no ledger at {}; `data_dir` in the configuration names its directory",
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
        }
    }
}
