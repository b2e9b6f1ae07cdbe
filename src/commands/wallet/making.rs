//! `merits wallet create`, `backup`, `restore`.

use std::path::PathBuf;

use clap::Args;
use merits_guard::{Secret, exposed::Holds, output::Output};
use merits_party::config::ledger_of;
use merits_wallet::{
    backup,
    directory::{Directory, WalletConfig},
    making::MadeWallet,
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
        let config = WalletConfig::of_a_person(ledger_of(&self.ledger)?, self.key_store)?;
        let wallet = MadeWallet::create(&self.dir, config, &mut rand::rng())?;
        println!("made a wallet in {}", wallet.path.display());
        println!("its identity: {}", wallet.identity);
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
        let written = wallet.back_up(&self.output, &passphrase, &mut rand::rng())?;
        println!(
            "wrote {}; it opens and holds the seed",
            written.path.display()
        );
        if written.inside_wallet {
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
        let ledger = self.ledger.as_deref().map(ledger_of).transpose()?;
        let wallet = MadeWallet::restore(&self.dir, &backup, &passphrase, ledger, self.key_store)?;
        println!("restored the wallet in {}", wallet.path.display());
        println!("its identity: {}", wallet.identity);
        say("`merits wallet credits` fetches and verifies the ledger and finds what is yours.");
        Ok(())
    }
}
