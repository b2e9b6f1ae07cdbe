//! `merits party`: what a party of any role does with its keys.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Subcommand;
use merits_party::{
    machine_time,
    succession::{Succeeded, succeed},
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new signing key and put it on the ledger in the present one's place
    RotateKey {
        /// Configuration file of a party, of any role
        #[arg(long)]
        config: PathBuf,
        /// Hours in which the old key still signs; 0 ends it and all earlier ones at once, as after a theft
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
        let done = succeed(&config, grace, machine_time(), &mut rand::rng()).await?;
        println!(
            "party {} has a new signing key, its number {}: {}",
            done.party,
            done.generation,
            done.present.display()
        );
        for line in earlier(&done) {
            println!("{line}");
        }
        println!(
            "back the new key up; {}, and make its TLS certificate again (`merits tls certificate`)",
            match done.until {
                None => "start servers of this party again now",
                Some(_) => "start servers of this party again within that time",
            }
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// What the earlier keys are good for.
fn earlier(done: &Succeeded) -> Vec<String> {
    let former = done.former.display();
    let mut lines = vec![match done.until {
        None => format!("the old one is {former}; no earlier key signs anything any more"),
        Some(until) => format!("the old one is {former}; it signs until {until}"),
    }];
    if let Some(cut_off) = &done.cut_off {
        lines.push(format!(
            "this cut off {}, which was to sign until {}: what it signed and the ledger does not have is signed again",
            cut_off.file.display(),
            cut_off.until
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use merits_party::succession::CutOff;
    use merits_primitives::{calendar::Timestamp, ids::PartyId};

    use super::*;

    #[test]
    fn what_earlier_keys_are_good_for_is_said() {
        let until = Timestamp::FIRST;
        let mut done = Succeeded {
            party: PartyId([1; 32]),
            generation: 2,
            present: PathBuf::from("k"),
            former: PathBuf::from("k.2"),
            until: Some(until),
            cut_off: None,
        };
        let kept = format!("the old one is k.2; it signs until {until}");
        assert_eq!(earlier(&done), [kept]);
        done.until = None;
        let ended = "the old one is k.2; no earlier key signs anything any more";
        assert_eq!(earlier(&done), [ended]);
        done.cut_off = Some(CutOff {
            file: PathBuf::from("k.1"),
            until,
        });
        let said = earlier(&done);
        assert_eq!(said[0], ended);
        let cut = format!("this cut off k.1, which was to sign until {until}");
        assert!(said[1].starts_with(&cut), "{said:?}");
    }
}
