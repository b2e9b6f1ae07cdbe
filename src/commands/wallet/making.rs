//! `merits wallet create`, `backup`, `restore`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use merits_guard::{Secret, exposed::Holds, output::Output};
use merits_party::config::ledger_of;
use merits_replica::LedgerConfig;
use merits_wallet::{
    backup,
    directory::{Directory, WalletConfig},
};

use crate::{
    commands::passphrase::{self, Asking, PassphrasePlaces},
    inputs, outputs,
    screen::say,
};

/// What a new wallet takes.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// Directory to make; it must not hold a wallet
    #[arg(long)]
    dir: PathBuf,
    /// Configuration file with the `[ledger]` table of the ledger to join, such as any party's:
    /// log key, authority and founding parameters come from it, so it must come from somebody you
    /// trust
    #[arg(long)]
    ledger: PathBuf,
    /// Directory of the proving keys of `ticket` and `redeem`; the default is `keys` in the wallet
    #[arg(long)]
    key_store: Option<PathBuf>,
}

impl Create {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = WalletConfig {
            key_store: key_store(self.key_store)?,
            ledger: of_a_person(ledger_of(&self.ledger)?)?,
        };
        let wallet = Directory::create(&self.dir, config, &mut rand::rng())?;
        println!("made a wallet in {}", wallet.path().display());
        println!("its identity: {}", commitment(&wallet)?);
        say(
            "Only the seed cannot be made again: `merits wallet backup` writes it to a file that \
             only a passphrase opens. Keep file and passphrase apart from this device. Everything \
             else is on the ledger; what sources and distributors call you, you know yourself.",
        );
        Ok(())
    }
}

/// What a backup takes.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Directory of the wallet
    #[arg(long)]
    dir: PathBuf,
    /// Backup to write; an existing file is not overwritten
    #[arg(long)]
    output: PathBuf,
    /// File with the passphrase in one line; without it the terminal asks
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

impl Backup {
    pub(super) fn run(self) -> anyhow::Result<()> {
        outputs::of_wallet(&self.dir).admit(&self.output, "the backup")?;
        Output::check(&self.output, backup::Backup::FILE)?;
        let wallet = Directory::open(&self.dir)?;
        let passphrase = passphrase::ask(
            PassphrasePlaces::Option(self.passphrase_file.as_deref()),
            Asking::New,
            "the backup",
            Secret::Passphrase,
        )?;
        let ledger = wallet.config().ledger.clone();
        let origin = ledger.origin()?;
        let sealed = backup::Backup::seal(
            &*wallet.seed()?,
            origin.as_str(),
            ledger,
            &passphrase,
            &mut rand::rng(),
        )?;
        sealed.write(&self.output)?;
        // A backup counts only once it has been opened.
        let opened = backup::Backup::read(&self.output)?.open(&passphrase)?;
        ensure!(
            *opened == *wallet.seed()?,
            "the backup does not give the seed back: delete it, and make another on another disk"
        );
        println!(
            "wrote {}; it opens and holds the seed",
            self.output.display()
        );
        if is_within(&self.output, &self.dir) {
            say(
                "The backup lies in the wallet's own folder and is lost together with it: copy it to another \
                 device.",
            );
        }
        Ok(())
    }
}

/// What a restored wallet takes.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Backup that `merits wallet backup` wrote
    #[arg(long)]
    backup: PathBuf,
    /// Directory to make; it must not hold a wallet
    #[arg(long)]
    dir: PathBuf,
    /// File with the passphrase in one line; without it the terminal asks
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// Directory of the proving keys of `ticket` and `redeem`; the default is `keys` in the wallet
    #[arg(long)]
    key_store: Option<PathBuf>,
    /// Configuration file with another `[ledger]` table than the backup's, if the coordinator
    /// moved
    #[arg(long)]
    ledger: Option<PathBuf>,
}

impl Restore {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let backup = backup::Backup::read(&self.backup)?;
        inputs::remark(&self.backup, Holds::Backup);
        let passphrase = passphrase::ask(
            PassphrasePlaces::Option(self.passphrase_file.as_deref()),
            Asking::Known,
            "the backup",
            Secret::Passphrase,
        )?;
        let seed = backup.open(&passphrase)?;
        let ledger = match &self.ledger {
            Some(file) => of_a_person(ledger_of(file)?)?,
            None => backup.ledger().clone(),
        };
        ensure!(
            ledger.tls.is_some() || !ledger.coordinator.starts_with("https://"),
            "{} is reached over TLS, and a backup does not say whose certificates are believed: name a \
             configuration file with `authorities` in its [ledger.tls] table by --ledger",
            ledger.coordinator
        );
        let config = WalletConfig {
            key_store: key_store(self.key_store)?,
            ledger,
        };
        let wallet = Directory::restore(&self.dir, config, &seed)?;
        println!("restored the wallet in {}", wallet.path().display());
        println!("its identity: {}", commitment(&wallet)?);
        say("`merits wallet credits` fetches and verifies the ledger and finds what is yours.");
        Ok(())
    }
}

/// Whether a file lies in a folder, or in one within it.
fn is_within(file: &Path, folder: &Path) -> bool {
    let real = |path: &Path| path.canonicalize();
    matches!((real(file), real(folder)), (Ok(file), Ok(folder)) if file.starts_with(&folder))
}

fn commitment(wallet: &Directory) -> anyhow::Result<String> {
    let commitment = wallet.keys()?.commitment(0);
    Ok(hex::encode(merits_primitives::field::to_bytes(&commitment)))
}

/// The table for a person's wallet: without the certificate of the party whose table it is, and with
/// the authorities' files where they are.
fn of_a_person(mut ledger: LedgerConfig) -> anyhow::Result<LedgerConfig> {
    if let Some(tls) = &mut ledger.tls {
        (tls.certificate, tls.key) = (None, None);
        for file in tls.authorities.iter_mut().chain(&mut tls.revoked) {
            *file = std::path::absolute(&*file).with_context(|| file.display().to_string())?;
        }
    }
    Ok(ledger)
}

/// Where the keys are, as written in `wallet.toml`: relative to that file, or absolute.
fn key_store(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    match given {
        None => Ok(PathBuf::from("keys")),
        Some(path) => std::path::absolute(&path).with_context(|| path.display().to_string()),
    }
}
