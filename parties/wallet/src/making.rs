//! Making a wallet, backing its seed up, and restoring it.

use std::path::{Path, PathBuf};

use merits_primitives::field;
use merits_replica::{LedgerConfig, LedgerConfigError};
use rand_core::CryptoRng;
use serde::Serialize;
use thiserror::Error;

use crate::{
    backup::{Backup, BackupError},
    directory::{Directory, DirectoryError, WalletConfig},
};

/// Why a wallet is not made, backed up or restored.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MakingError {
    /// The wallet's directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The `[ledger]` table.
    #[error(transparent)]
    Ledger(#[from] LedgerConfigError),
    /// A file that the table names.
    #[error("{}: {source}", path.display())]
    Path {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A backup was written, and does not open with its passphrase to the seed.
    #[error("the backup does not give the seed back: delete it, and make another on another disk")]
    Unproven,
    /// The coordinator is reached over TLS, and nothing says whose certificates are believed.
    #[error(
        "{coordinator} is reached over TLS, and a backup does not say whose certificates are believed: name a \
         configuration file with `authorities` in its [ledger.tls] table by --ledger"
    )]
    NoAuthorities {
        /// Its address.
        coordinator: String,
    },
}

/// A wallet that was made or restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MadeWallet {
    /// Its directory.
    pub path: PathBuf,
    /// The commitment of its first identity, in hexadecimal digits.
    pub identity: String,
}

/// A backup that was written, opened again, and holds the seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackedUp {
    /// Its file.
    pub path: PathBuf,
    /// Whether it is in the wallet's own directory, and so is lost together with it.
    pub inside_wallet: bool,
}

impl WalletConfig {
    /// Of a person's wallet on the ledger of a table, which may be any party's: without the certificate of that party,
    /// and with the authorities' files where they are. `key_store` is absolute afterwards; without it, the keys are in
    /// `keys` in the wallet.
    ///
    /// # Errors
    /// [`MakingError::Path`].
    pub fn of_a_person(
        mut ledger: LedgerConfig,
        key_store: Option<PathBuf>,
    ) -> Result<Self, MakingError> {
        if let Some(tls) = &mut ledger.tls {
            (tls.certificate, tls.key) = (None, None);
            for file in tls.authorities.iter_mut().chain(&mut tls.revoked) {
                *file = absolute(file)?;
            }
        }
        let key_store = match key_store {
            None => PathBuf::from("keys"),
            Some(path) => absolute(&path)?,
        };
        Ok(Self { key_store, ledger })
    }
}

fn absolute(path: &Path) -> Result<PathBuf, MakingError> {
    std::path::absolute(path).map_err(|source| MakingError::Path {
        path: path.to_owned(),
        source,
    })
}

impl MadeWallet {
    /// Makes a wallet with a fresh seed.
    ///
    /// # Errors
    /// [`MakingError`]; nothing is overwritten.
    pub fn create(
        dir: &Path,
        config: WalletConfig,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, MakingError> {
        Self::of(&Directory::create(dir, config, rng)?)
    }

    /// Restores a wallet from its backup. `ledger` takes the place of the backup's table, if the coordinator moved.
    ///
    /// # Errors
    /// [`MakingError`]; nothing is overwritten.
    pub fn restore(
        dir: &Path,
        backup: &Backup,
        passphrase: &str,
        ledger: Option<LedgerConfig>,
        key_store: Option<PathBuf>,
    ) -> Result<Self, MakingError> {
        let seed = backup.open(passphrase)?;
        let ledger = ledger.unwrap_or_else(|| backup.ledger().clone());
        if ledger.tls.is_none() && ledger.coordinator.starts_with("https://") {
            let coordinator = ledger.coordinator;
            return Err(MakingError::NoAuthorities { coordinator });
        }
        let config = WalletConfig::of_a_person(ledger, key_store)?;
        Self::of(&Directory::restore(dir, config, &seed)?)
    }

    fn of(wallet: &Directory) -> Result<Self, MakingError> {
        let commitment = wallet.keys()?.commitment(0);
        Ok(Self {
            path: wallet.path().to_owned(),
            identity: hex::encode(field::to_bytes(&commitment)),
        })
    }
}

impl Directory {
    /// Writes a backup of the seed, and opens it again: a backup counts only once it has been opened.
    ///
    /// # Errors
    /// [`MakingError`]; no file is overwritten.
    pub fn back_up(
        &self,
        output: &Path,
        passphrase: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<BackedUp, MakingError> {
        let seed = self.seed()?;
        let ledger = self.config().ledger.clone();
        let origin = ledger.origin()?;
        Backup::seal(&seed, origin.as_str(), ledger, passphrase, rng)?.write(output)?;
        if *Backup::read(output)?.open(passphrase)? != *self.seed()? {
            return Err(MakingError::Unproven);
        }
        Ok(BackedUp {
            path: output.to_owned(),
            inside_wallet: is_within(output, self.path()),
        })
    }
}

/// Whether a file lies in a folder, or in one within it.
fn is_within(file: &Path, folder: &Path) -> bool {
    let real = |path: &Path| path.canonicalize();
    matches!((real(file), real(folder)), (Ok(file), Ok(folder)) if file.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use merits_primitives::ids::Origin;
    use merits_verifier::log::LogSigner;

    use super::*;

    const PASSPHRASE: &str = "wheel salt lantern";

    fn ledger(coordinator: &str) -> LedgerConfig {
        let origin = Origin::new("ledger.test/merits").expect("an origin");
        let log_key = LogSigner::new(origin, SigningKey::from_bytes(&[1; 32]))
            .public()
            .to_string();
        LedgerConfig {
            coordinator: coordinator.to_owned(),
            log_key,
            authority: "ab".repeat(32),
            least_claims_per_total: 16,
            tickets: true,
            anchor_seconds: merits_ledger::AnchorInterval::HOUR.as_secs(),
            board: "alone".to_owned(),
            replica: "replica".into(),
            high_water_mark: None,
            allow_dev_keys: false,
            log: None,
            insecure_plaintext: false,
            tls: None,
        }
    }

    #[test]
    fn a_persons_table_has_no_certificate_of_the_party_whose_table_it_was() {
        let mut table = ledger("https://ledger.test");
        let tls = "authorities = ['authority.pem']\nrevoked = ['revoked.pem']\n\
                   certificate = 'sponsor.pem'\nkey = 'sponsor.key'";
        table.tls = Some(toml::from_str(tls).expect("a table of TLS"));
        let made = WalletConfig::of_a_person(table, Some("store".into())).expect("a table");
        let tls = made.ledger.tls.expect("it is kept");
        assert_eq!((tls.certificate, tls.key), (None, None));
        let files = [&tls.authorities[0], &tls.revoked[0], &made.key_store];
        assert!(files.iter().all(|path| path.is_absolute()), "{files:?}");
        let made = WalletConfig::of_a_person(ledger("http://ledger.test"), None);
        assert_eq!(made.expect("a table").key_store, Path::new("keys"));
    }

    #[test]
    fn a_wallet_comes_back_from_the_backup_that_was_proven() {
        let dir = tempfile::tempdir().expect("a directory");
        let (mine, rng) = (dir.path().join("mine"), &mut rand::rng());
        let config = WalletConfig::of_a_person(ledger("http://127.0.0.1:7700"), None);
        let made = MadeWallet::create(&mine, config.expect("a table"), rng).expect("made");
        let wallet = Directory::open(&mine).expect("opened");
        for (output, inside_wallet) in [
            (dir.path().join("backup"), false),
            (mine.join("backup"), true),
        ] {
            let written = wallet.back_up(&output, PASSPHRASE, rng).expect("written");
            let expected = BackedUp {
                path: output.clone(),
                inside_wallet,
            };
            assert_eq!(written, expected);
            let again = wallet.back_up(&output, PASSPHRASE, rng);
            assert!(matches!(
                again,
                Err(MakingError::Backup(BackupError::Output(_)))
            ));
        }
        let backup = Backup::read(&dir.path().join("backup")).expect("read");
        let restore = |name: &str, passphrase, ledger| {
            let dir = dir.path().join(name);
            MadeWallet::restore(&dir, &backup, passphrase, ledger, None)
        };
        let restored = restore("again", PASSPHRASE, None).expect("restored");
        assert_eq!(restored.identity, made.identity);
        let wrong = restore("wrong", "wheel salt lanterN", None);
        assert!(matches!(
            wrong,
            Err(MakingError::Backup(BackupError::Sealed))
        ));
        // Over TLS, a person must say whose certificates are believed.
        let over_tls = restore("tls", PASSPHRASE, Some(ledger("https://ledger.test")));
        assert!(matches!(over_tls, Err(MakingError::NoAuthorities { .. })));
        for name in ["wrong", "tls"] {
            assert!(!dir.path().join(name).exists(), "{name}");
        }
        // Programs read the reports.
        let report = serde_json::to_value(&restored).expect("JSON");
        assert_eq!(report["identity"], made.identity);
        let seed = hex::encode(*wallet.seed().expect("the seed"));
        assert!(!report.to_string().contains(&seed));
    }
}
