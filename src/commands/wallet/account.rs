//! `merits wallet sync`, `register`, `identity`.

use std::path::PathBuf;

use clap::Args;
use merits_records::handover::{Handover as _, RegistrationRequest};
use merits_wallet::report::Identity;

use super::place::{Place, as_of};
use crate::screen::say;

/// What a registration request takes.
#[derive(Debug, Args)]
pub(crate) struct Register {
    #[command(flatten)]
    place: Place,
    /// Request to write, for a registrar
    #[arg(long)]
    output: PathBuf,
}

impl Register {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.place.admit(&self.output, "the request")?;
        RegistrationRequest::admit(&self.output)?;
        let wallet = self.place.open().await?;
        wallet.registration_request()?.write(&self.output)?;
        println!("wrote {}", self.output.display());
        say("Take it to a registrar, with your identity document. Nothing in the file is secret.");
        Ok(())
    }
}

/// Brings the copy up to date.
pub(super) async fn sync(place: &Place) -> anyhow::Result<()> {
    let wallet = place.open().await?;
    println!("the copy is verified, {}", as_of(&wallet)?);
    Ok(())
}

/// Prints the wallet's identity.
pub(super) async fn identity(place: &Place) -> anyhow::Result<()> {
    let wallet = place.open().await?;
    match wallet.identity() {
        Identity::Unregistered { commitment } => {
            println!("identity    {commitment}");
            println!("not registered, {}", as_of(&wallet)?);
        }
        Identity::Registered {
            commitment,
            eligible_from,
            generation,
            retired,
        } => {
            let standing = if retired {
                "RETIRED: it can no longer claim, withdraw or spend"
            } else {
                "registered"
            };
            println!("identity    {commitment}");
            println!("standing    {standing}");
            println!("eligible    for periods that begin on {eligible_from} or later");
            println!("generation  {generation}");
            println!("{}", as_of(&wallet)?);
        }
    }
    Ok(())
}
