//! `merits verify attest`: a QR code that a person shows, checked with no network.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use merits_kit::{AttestedError, Kit};
use merits_party::machine_time;
use merits_primitives::{calendar::Timestamp, ids::Expiry};
use merits_text::typed::argument;
use merits_verifier::{
    attestation::{Attestation, Question, Shown},
    groth16::KeyPolicy,
};
use merits_wallet::photograph::read_code;

use crate::{commands::dates, screen::thousands};

/// What `merits verify attest` takes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Photograph of the QR code, or the file itself: PNG or JPEG
    #[arg(long)]
    image: PathBuf,
    /// Offline kit, as `merits kit` writes it: of the ledger that this verifier trusts
    #[arg(long)]
    kit: PathBuf,
    /// This verifier's name, as it was given to the person
    #[arg(long = "for", value_parser = argument)]
    verifier: String,
    /// Nonce that this verifier gave to the person
    #[arg(long, value_parser = argument)]
    nonce: String,
    /// Check as of this time, such as 2026-03-02T08:10Z; the default is now
    #[arg(long, value_parser = dates::instant)]
    at: Option<jiff::Timestamp>,
    /// Accept keys made by one party, which could forge proofs
    #[arg(long)]
    allow_dev_keys: bool,
}

/// Most bytes of a photograph: 64 MiB.
const MOST_IMAGE: u64 = 1 << 26;

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let name = || self.image.display().to_string();
        let image = merits_guard::input::read(&self.image, MOST_IMAGE).with_context(name)?;
        let attestation = read_code(&image)
            .map_err(anyhow::Error::from)
            .and_then(|bytes| Ok(Attestation::from_bytes(&bytes)?))
            .with_context(name)?;
        let question = Question::new(&self.verifier, self.nonce.as_bytes())?;
        // Before 1970, no credits had expired.
        let at = self.at.map_or_else(machine_time, |at| {
            let millis = u64::try_from(at.as_millisecond());
            millis.map_or(Timestamp::FIRST, Timestamp::from_millis)
        });
        let kit = Kit::read(&self.kit)?;
        let keys = KeyPolicy {
            allow_dev_keys: self.allow_dev_keys,
        };
        let shown = match kit.attested(&attestation, &question, at, keys, &mut rand::rng()) {
            Err(AttestedError::Attestation(fault)) => return Err(fault).with_context(name),
            // A fault of the kit is not a fault of the attestation.
            shown => shown?,
        };
        print(&shown.shown, kit.log_key().origin().as_str());
        super::shown::print_marks(&shown.marks);
        Ok(ExitCode::SUCCESS)
    }
}

fn print(shown: &Shown, log: &str) {
    println!("shown       yes: a registered person owned it, perhaps not the one who shows it");
    println!(
        "credits     at least {} of {}",
        thousands(shown.floor.0),
        shown.scale
    );
    println!("good until  before {}", first_day(shown.expiry));
    println!(
        "as of       {}: leaf {} of {}, in its checkpoint of {} leaves; perhaps spent since",
        moment(shown.time),
        shown.index,
        log,
        shown.size
    );
    println!("entry       {}", shown.entry);
    println!("not after   {}", moment(shown.not_after));
    println!(
        "witnesses   no witnesses: a code has room for the log's signature alone, so that everybody sees this history \
         is the log's word"
    );
}

fn first_day(expiry: Expiry) -> String {
    format!("{}-01", expiry.month().label())
}

/// To the minute, UTC.
fn moment(time: Timestamp) -> String {
    let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(time).map_or_else(
        |_| "in a far future".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}
