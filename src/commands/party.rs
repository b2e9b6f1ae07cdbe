//! `merits party`: what a party of any role does with its keys.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Subcommand;
use merits_party::succession::succeed;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new signing key and put it on the ledger in the present one's place
    RotateKey {
        /// Configuration file of a party, of any role
        #[arg(long)]
        config: PathBuf,
        /// Hours in which the old key still signs; 0 ends it at once, as after a theft
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(0..=168))]
        grace_hours: u32,
    },
}

impl Command {
    pub(crate) async fn run(self) -> anyhow::Result<ExitCode> {
        let Self::RotateKey {
            config,
            grace_hours,
        } = self;
        let grace = Duration::from_secs(u64::from(grace_hours) * 3_600);
        let done = succeed(&config, grace, &mut rand::rng()).await?;
        println!(
            "party {} has a new signing key, its number {}: {}",
            done.party,
            done.generation,
            done.present.display()
        );
        println!(
            "the old one is {}; it signs for {grace_hours} hours still",
            done.former.display()
        );
        println!(
            "back the new key up; start servers of this party again within that time, and make its TLS \
             certificate again (`merits tls certificate`)"
        );
        Ok(ExitCode::SUCCESS)
    }
}
