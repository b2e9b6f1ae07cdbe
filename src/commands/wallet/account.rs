//! `merits wallet sync`, `register`, `identity`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use merits_primitives::field;
use merits_records::handover::{Handover as _, RegistrationRequest};

use super::session::{Place, Session};
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
        let session = Session::open(&self.place).await?;
        let generation = match &session.view.identity {
            None => Some(0),
            Some(identity) if identity.retired => identity.generation.checked_add(1),
            Some(_) => bail!(
                "this wallet's identity is registered and stands: there is nothing to register. If \
                 its seed was stolen, make a new wallet and let the registrar register you anew"
            ),
        };
        let Some(generation) = generation else {
            bail!("all 256 identities of this seed were used up: make a new wallet");
        };
        let commitment = session.keys.commitment(generation);
        let origin = session.keys.origin().as_str();
        RegistrationRequest::new(origin, commitment).write(&self.output)?;
        println!("wrote {}", self.output.display());
        say("Take it to a registrar, with your identity document. Nothing in the file is secret.");
        Ok(())
    }
}

/// Brings the copy up to date.
pub(super) async fn sync(place: &Place) -> anyhow::Result<()> {
    let session = Session::open(place).await?;
    println!("the copy is verified, {}", session.as_of()?);
    Ok(())
}

/// Says who the wallet is.
pub(super) async fn identity(place: &Place) -> anyhow::Result<()> {
    let session = Session::open(place).await?;
    let Some(identity) = &session.view.identity else {
        let commitment = field::to_bytes(&session.keys.commitment(0));
        println!("identity    {}", hex::encode(commitment));
        println!("not registered, {}", session.as_of()?);
        return Ok(());
    };
    let standing = if identity.retired {
        "RETIRED: it can claim, withdraw and spend nothing any more"
    } else {
        "registered"
    };
    println!(
        "identity    {}",
        hex::encode(field::to_bytes(&identity.commitment))
    );
    println!("standing    {standing}");
    println!(
        "eligible    for periods that begin on {} or later",
        identity.birth.from
    );
    println!("generation  {}", identity.birth.generation);
    println!("{}", session.as_of()?);
    Ok(())
}
