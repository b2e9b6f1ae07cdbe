//! `merits party`: what a party of any role does with its keys.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

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
        println!("{}", former(&done.former, grace_hours));
        println!(
            "back the new key up; {}, and make its TLS certificate again (`merits tls certificate`)",
            match grace_hours {
                0 => "start servers of this party again now",
                _ => "start servers of this party again within that time",
            }
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// What the old key is good for.
fn former(file: &Path, grace_hours: u32) -> String {
    let signs = match grace_hours {
        0 => "signs nothing any more".to_owned(),
        1 => "signs for one hour still".to_owned(),
        hours => format!("signs for {hours} hours still"),
    };
    format!("the old one is {}; it {signs}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_ended_signs_nothing() {
        let of = |hours| former(Path::new("k.1"), hours);
        assert_eq!(of(0), "the old one is k.1; it signs nothing any more");
        assert_eq!(of(1), "the old one is k.1; it signs for one hour still");
        assert_eq!(of(24), "the old one is k.1; it signs for 24 hours still");
    }
}
