//! Which wallet a command is about, and the words that reports share.

use std::path::{Path, PathBuf};

use clap::Args;
use merits_primitives::calendar::Timestamp;
use merits_wallet::{directory::Directory, net::Wallet};

use crate::{outputs, screen::working};

/// Which wallet.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Directory of the wallet
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// Use the copy of the ledger as it is, without asking the coordinator
    #[arg(long)]
    pub(crate) offline: bool,
}

impl Place {
    /// Refuses an output that would replace a file of the wallet.
    pub(crate) fn admit(&self, output: &Path, what: &str) -> anyhow::Result<()> {
        Ok(outputs::of_wallet(&self.dir).admit(output, what)?)
    }

    /// Opens the wallet and, unless it is to stay offline, brings its copy up to date.
    pub(crate) async fn open(&self) -> anyhow::Result<Wallet> {
        let directory = Directory::open(&self.dir)?;
        let wallet = if self.offline {
            Wallet::open(directory).await?
        } else {
            let bar = working("verifying the ledger");
            let wallet = Wallet::follow(directory).await?;
            bar.finish_and_clear();
            wallet
        };
        warn(&wallet);
        Ok(wallet)
    }
}

/// Prints which entries of the copy contradict themselves, and why the whole copy was read again.
pub(super) fn warn(wallet: &Wallet) {
    let reading = wallet.reading();
    if let Some(again) = &reading.again {
        eprintln!("note: {again}");
    }
    if let Some(why) = &reading.unwritten {
        eprintln!(
            "note: found.sealed could not be written, so the next command takes longer: {why}"
        );
    }
    for fault in &wallet.view().faults {
        eprintln!("WARNING: {fault}");
    }
}

/// "as of leaf 812 of 2026-03-02", and in a line of its own what marks the ledger.
pub(super) fn as_of(wallet: &Wallet) -> anyhow::Result<String> {
    let as_of = wallet.as_of()?;
    let mark = as_of.mark.map(|mark| format!("\nnote: {mark}"));
    let keys = as_of.keys.map(|mark| format!("\nnote: {mark}"));
    Ok(format!(
        "as of leaf {} of {}{}{}",
        as_of.leaves,
        day(as_of.time),
        mark.unwrap_or_default(),
        keys.unwrap_or_default()
    ))
}

/// The day of a time, such as `2026-03-02` (UTC).
pub(super) fn day(time: Timestamp) -> String {
    time.day().to_string()
}

/// Day and minute of a time, UTC.
pub(super) fn moment(time: Timestamp) -> String {
    let minutes = time.as_millis() / 60_000 % 1_440;
    format!("{} {:02}:{:02}", day(time), minutes / 60, minutes % 60)
}
