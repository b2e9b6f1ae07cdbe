//! `merits wallet attest`.

use std::time::Duration;

use std::{io::Write as _, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use merits_guard::output::{Kind, Output, Readers};
use merits_party::machine_time;
use merits_primitives::{calendar::Date, ids::Credits};
use merits_text::typed::argument;
use merits_verifier::attestation::Question;
use merits_wallet::{attest_code::AttestationCode, net::AttestRequest};

use super::place::{Place, moment, warn};
use crate::{
    commands::{dates, numbers},
    screen::{say, thousands, working},
};

/// An image does not replace an existing one, since it cannot be known whose that one is.
const IMAGE: Kind<'static> = Kind::new("a QR code", Readers::Owner);

const HOUR: Duration = Duration::from_secs(3_600);

/// What an attestation takes.
#[derive(Debug, Args)]
pub(crate) struct Attest {
    #[command(flatten)]
    place: Place,
    /// The scale
    #[arg(long, value_parser = argument)]
    scale: String,
    /// Show that you own at least this many of its credits
    #[arg(long, value_parser = numbers::credits)]
    at_least: u64,
    /// Credits that are no longer good from this day on, as `merits wallet credits` shows it; the
    /// default is the longest-lasting ones of which you have enough
    #[arg(long, value_parser = dates::day)]
    expiry: Option<Date>,
    /// The name by which the verifier calls itself: nobody else can use the attestation
    #[arg(long = "for", value_parser = argument)]
    verifier: String,
    /// Nonce from the verifier, which tells this question from others
    #[arg(long, value_parser = argument)]
    nonce: String,
    /// Hours for which it is valid; afterwards it proves nothing
    #[arg(long, default_value = "24", value_parser = dates::hours)]
    valid_hours: u16,
    /// QR code to write, a PNG image
    #[arg(long)]
    output: PathBuf,
    /// Show the QR code in the terminal too
    #[arg(long)]
    show: bool,
}

impl Attest {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.place.admit(&self.output, "the QR code")?;
        Output::check(&self.output, IMAGE)?;
        let mut wallet = self.place.open().await?;
        let question = Question::new(&self.verifier, self.nonce.as_bytes())?;
        let now = machine_time();
        let expires = self.expiry.map(dates::label);
        let asked = AttestRequest {
            scale: &self.scale,
            expires: expires.as_deref(),
            at_least: Credits(self.at_least),
            question: &question,
            not_after: now + u32::from(self.valid_hours) * HOUR,
        };
        let prover = wallet.prover()?;
        let planned = wallet.plan_attestation(&asked, now, &mut rand::rng())?;
        let bar = working("proving");
        let proof = planned.prove(&prover)?;
        bar.finish_and_clear();
        let at = || self.output.display().to_string();
        // A question is answered only once, so everything that could prevent the answer is checked
        // first.
        let mut output = Output::begin(&self.output, IMAGE)?;
        let shown = wallet.attest(planned, &proof).await?;
        warn(&wallet);
        let bytes = &shown.packed;
        let code = AttestationCode::new(bytes)?;
        let write = || -> anyhow::Result<()> {
            output.write_all(&code.png()?).with_context(at)?;
            Ok(output.publish()?)
        };
        let written = write();
        // The question is answered and cannot be answered again, so an answer that cannot be
        // written is shown.
        if self.show || written.is_err() {
            print!("{}", code.terminal());
        }
        written?;
        println!(
            "shows       at least {} {} of {}, good until before {}",
            thousands(shown.at_least.0),
            shown.unit,
            shown.scale,
            shown.expires
        );
        println!(
            "to          {}, until {} UTC",
            shown.verifier,
            moment(shown.not_after)
        );
        println!("as of       leaf {} of {}", shown.leaf, shown.origin);
        println!(
            "wrote       {} ({} bytes, QR code version {}, {} % of it may be damaged)",
            self.output.display(),
            thousands(bytes.len() as u64),
            code.version(),
            code.error_correction()
        );
        say(
            "Nothing was paid: the notes are now one, which can be spent once the ledger anchors it.",
        );
        Ok(())
    }
}
