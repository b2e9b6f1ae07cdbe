//! `merits wallet create`, `backup`, `restore`.

use std::{
    io::{Error, ErrorKind, IsTerminal as _, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use merits_guard::{Guard, Secret, output::Output};
use merits_party::config::ledger_of;
use merits_replica::LedgerConfig;
use merits_text::{file::without_mark, typed::typed};
use merits_wallet::{
    backup::{self, LEAST_PASSPHRASE},
    directory::{Directory, WalletConfig},
};
use zeroize::Zeroizing;

use crate::{outputs, screen::say};

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
    /// File whose first line is the passphrase; without it the terminal asks
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

impl Backup {
    pub(super) fn run(self) -> anyhow::Result<()> {
        outputs::of_wallet(&self.dir).admit(&self.output, "the backup")?;
        Output::check(&self.output, backup::Backup::FILE)?;
        let wallet = Directory::open(&self.dir)?;
        let passphrase = passphrase(self.passphrase_file.as_deref(), Asking::New)?;
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
            "the backup does not give the seed back: do not rely on it"
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
    /// File whose first line is the passphrase; without it the terminal asks
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
        let passphrase = passphrase(self.passphrase_file.as_deref(), Asking::Known)?;
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

/// Most bytes of a passphrase file.
const MOST_PASSPHRASE: usize = 4_096;

enum Asking {
    New,
    Known,
}

/// A passphrase from a file or from the terminal. It is never an argument, because every process on
/// the machine could read that.
fn passphrase(file: Option<&Path>, asking: Asking) -> anyhow::Result<Zeroizing<String>> {
    if let Some(path) = file {
        let at = || format!("passphrase file {}", path.display());
        let mut text = Zeroizing::new(String::with_capacity(MOST_PASSPHRASE));
        merits_guard::open(path, Guard::Private(Secret::Passphrase))?
            .take(MOST_PASSPHRASE as u64)
            .read_to_string(&mut text)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidData => {
                    Error::new(error.kind(), "it is not UTF-8 text: save the file as UTF-8")
                }
                _ => merits_guard::words::reading(error),
            })
            .with_context(at)?;
        let line = without_mark(&text).lines().next().unwrap_or_default();
        return Ok(Zeroizing::new(line.to_owned()));
    }
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the passphrase: give --passphrase-file");
    }
    let ask = |prompt: String| rpassword::prompt_password(prompt).map(Zeroizing::new);
    let first = match asking {
        Asking::Known => return Ok(ask("Passphrase of the backup: ".to_owned())?),
        Asking::New => ask(format!(
            "Passphrase for the backup (at least {LEAST_PASSPHRASE} characters): "
        ))?,
    };
    ensure!(
        typed(&first) == typed(&ask("Once more: ".to_owned())?),
        "the two passphrases differ: nothing was written"
    );
    Ok(first)
}
