//! A wallet's files: one directory, readable by its owner only.
//!
//! | file | |
//! |---|---|
//! | `wallet.toml` | the `[ledger]` table and where proving keys are |
//! | `seed.key` | the seed: the one thing that cannot be made again |
//! | `wallet.json` | what this person is called at sources and distributors |
//! | `replica/` | the wallet's verified copy of the log |
//! | `found.sealed` | what this person has in the leaves that were read, sealed under the seed |
//!
//! Everything except the seed may be lost: the copy is fetched and verified again, and everything
//! else is found on the ledger. Only account names must be entered again.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use merits_guard::output::{self, Readers};
use merits_keyfile::{KeyFileError, KeyKind, SecretBytes};
use merits_replica::{ConfigFileError, ConfigKind, LedgerConfig, LedgerConfigError, read_config};
use merits_text::typed::typed;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::keys::WalletKeys;

/// Why a wallet's directory cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is already a wallet.
    #[error("{} already holds a wallet: nothing is overwritten; choose another directory", .0.display())]
    Exists(PathBuf),
    /// `wallet.toml`.
    #[error(transparent)]
    Config(#[from] ConfigFileError),
    /// Its `[ledger]` table.
    #[error(transparent)]
    Ledger(#[from] LedgerConfigError),
    /// The seed.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// `wallet.json`.
    #[error(
        "{path} is damaged, cut off, or was changed by hand: delete it, since only account names are in it, which the \
         next commands ask for again"
    )]
    Notebook {
        /// The file.
        path: PathBuf,
    },
}

/// `wallet.toml`. Relative paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletConfig {
    /// Store of the proving keys of `ticket` and `redeem`.
    pub key_store: PathBuf,
    /// Which ledger.
    pub ledger: LedgerConfig,
}

/// Most bytes of `wallet.json`.
const MOST_NOTEBOOK: u64 = 1 << 24;

/// An account for which the person gave a pseudonym or a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Name of the source or distributor on the ledger.
    pub party: String,
    /// Its name for the person.
    #[serde(deserialize_with = "merits_text::typed::field")]
    pub account: String,
}

/// `wallet.json`: data that neither the ledger nor the seed contains.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notebook {
    /// Accounts, the last given last.
    pub accounts: Vec<Account>,
}

impl Notebook {
    /// A party's name for the person, if it was entered before.
    pub fn account(&self, party: &str) -> Option<&str> {
        let mut known = self.accounts.iter().rev();
        known
            .find(|known| known.party == party)
            .map(|known| known.account.as_str())
    }

    /// Stores an account.
    pub fn learn(&mut self, party: &str, account: &str) {
        self.accounts.retain(|known| known.party != party);
        self.accounts.push(Account {
            party: party.to_owned(),
            account: typed(account).into_owned(),
        });
    }
}

/// A wallet's directory.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
    config: WalletConfig,
}

impl Directory {
    /// Makes a wallet with a fresh seed.
    ///
    /// # Errors
    /// [`DirectoryError`]; nothing is overwritten.
    pub fn create(
        path: &Path,
        config: WalletConfig,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<Self, DirectoryError> {
        Self::found(path, config, |seed| {
            merits_keyfile::create(seed, KeyKind::Seed, rng).map(drop)
        })
    }

    /// Makes a wallet with the seed of a lost one.
    ///
    /// # Errors
    /// [`DirectoryError`]; nothing is overwritten.
    pub fn restore(
        path: &Path,
        config: WalletConfig,
        seed: &[u8; 32],
    ) -> Result<Self, DirectoryError> {
        Self::found(path, config, |file| {
            merits_keyfile::keep(file, KeyKind::Seed, seed)
        })
    }

    /// Opens a wallet.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        let mut config: WalletConfig =
            read_config(&path.join("wallet.toml"), &[ConfigKind::Wallet])?;
        config.ledger = config.ledger.relative_to(path);
        config.key_store = path.join(config.key_store);
        Ok(Self {
            path: path.to_owned(),
            config,
        })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// `wallet.toml`, paths resolved.
    pub fn config(&self) -> &WalletConfig {
        &self.config
    }

    /// The seed.
    ///
    /// # Errors
    /// [`DirectoryError::Key`]: missing, readable by others, or no seed.
    pub fn seed(&self) -> Result<SecretBytes, DirectoryError> {
        Ok(merits_keyfile::load(&self.seed_path(), KeyKind::Seed)?)
    }

    /// The keys under the seed.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn keys(&self) -> Result<WalletKeys, DirectoryError> {
        Ok(WalletKeys::new(self.seed()?, self.config.ledger.origin()?))
    }

    /// `wallet.json`; empty if there is none.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub fn notebook(&self) -> Result<Notebook, DirectoryError> {
        let path = self.path.join("wallet.json");
        let text = match merits_text::file::read_at_most(&path, MOST_NOTEBOOK) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Notebook::default()),
            Err(source) => {
                return Err(DirectoryError::Io {
                    path,
                    source: merits_guard::explain::reading(source),
                });
            }
        };
        serde_json::from_str(&text).map_err(|_| DirectoryError::Notebook { path })
    }

    /// Writes `wallet.json` atomically.
    ///
    /// # Errors
    /// [`DirectoryError::Io`].
    pub fn keep_notebook(&self, notebook: &Notebook) -> Result<(), DirectoryError> {
        let path = self.path.join("wallet.json");
        output::replace_own(&path, Readers::Owner, |out| {
            Ok(serde_json::to_writer_pretty(out, notebook)?)
        })
        .map_err(|source| DirectoryError::Io {
            path,
            source: merits_guard::explain::writing(source),
        })
    }

    fn seed_path(&self) -> PathBuf {
        self.path.join("seed.key")
    }

    /// The directory, its configuration, and its seed by `keep`: all of them or none.
    fn found(
        path: &Path,
        mut config: WalletConfig,
        keep: impl FnOnce(&Path) -> Result<(), KeyFileError>,
    ) -> Result<Self, DirectoryError> {
        let file = path.join("wallet.toml");
        let seed = path.join("seed.key");
        if file.exists() || seed.exists() {
            return Err(DirectoryError::Exists(path.to_owned()));
        }
        // Report a wrong value before anything is made.
        config.ledger.policy()?;
        // A relative path is relative to the file.
        config.ledger.replica = "replica".into();
        // The owner of the table keeps their own mark.
        config.ledger.high_water_mark = None;
        let had_folder = path.exists();
        let made = Self::make(path, &file, &config, || keep(&seed));
        if made.is_err() && !had_folder {
            // Nobody else made anything in it. A folder that is not empty stays.
            let _ = fs::remove_dir(path);
        }
        made?;
        Self::open(path)
    }

    fn make(
        path: &Path,
        file: &Path,
        config: &WalletConfig,
        keep: impl FnOnce() -> Result<(), KeyFileError>,
    ) -> Result<(), DirectoryError> {
        let io = |source| DirectoryError::Io {
            path: file.to_owned(),
            source: merits_guard::explain::writing(source),
        };
        let text =
            toml::to_string(config).map_err(|error| io(io::Error::other(error.to_string())))?;
        merits_guard::create_folder(path).map_err(io)?;
        output::make_own(file, Readers::Owner, |out| out.write_all(text.as_bytes())).map_err(io)?;
        keep().map_err(|error| {
            // Without its seed it would be a wallet that can be neither opened nor made again.
            let _ = fs::remove_file(file);
            DirectoryError::from(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use merits_ledger::AnchorInterval;

    use super::*;
    use ed25519_dalek::SigningKey;
    use merits_primitives::ids::Origin;
    use merits_verifier::log::LogSigner;

    /// An account is one however its letters were composed: in an argument, and in a notebook of before.
    #[test]
    fn a_notebook_has_accounts_in_one_form() {
        let mut notebook = Notebook::default();
        notebook.learn("watch", "Zoe\u{301}");
        assert_eq!(notebook.account("watch"), Some("Zo\u{e9}"));
        let text = r#"{"accounts":[{"party":"watch","account":"Zoe\u0301"}]}"#;
        let read: Notebook = serde_json::from_str(text).expect("a notebook");
        assert_eq!(read, notebook);
    }

    fn config() -> WalletConfig {
        let origin = Origin::new("ledger.test/merits").expect("an origin");
        let log_key = LogSigner::new(origin, SigningKey::from_bytes(&[1; 32]))
            .public()
            .to_string();
        WalletConfig {
            key_store: "keys".into(),
            ledger: LedgerConfig {
                coordinator: "http://127.0.0.1:7700".to_owned(),
                log_key,
                authority: "ab".repeat(32),
                least_claims_per_total: 16,
                tickets: true,
                anchor_seconds: AnchorInterval::HOUR.as_secs(),
                board: "alone".to_owned(),
                replica: "/somewhere/else".into(),
                high_water_mark: Some("/somewhere/else.mark".into()),
                allow_dev_keys: false,
                log: None,
                insecure_plaintext: false,
                tls: None,
            },
        }
    }

    #[test]
    fn a_wallet_is_made_once_and_restored_from_its_seed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("mine");
        let wallet = Directory::create(&path, config(), &mut rand::rng()).expect("made");
        assert_eq!(wallet.config().ledger.replica, path.join("replica"));
        assert_eq!(wallet.config().ledger.high_water_mark, None);
        let commitment = wallet.keys().expect("keys").commitment(0);
        assert!(matches!(
            Directory::create(&path, config(), &mut rand::rng()),
            Err(DirectoryError::Exists(_))
        ));
        let opened = Directory::open(&path).expect("opened");
        assert_eq!(opened.keys().expect("keys").commitment(0), commitment);

        let again = dir.path().join("again");
        let seed = wallet.seed().expect("the seed");
        let restored = Directory::restore(&again, config(), &seed).expect("restored");
        assert_eq!(restored.keys().expect("keys").commitment(0), commitment);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&again).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }

    /// Regression: on a full disk a part was left, and the next attempt said that there is a wallet.
    #[test]
    fn a_wallet_that_cannot_be_made_leaves_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("mine");
        let full = |file: &Path| {
            Err(KeyFileError::Io {
                path: file.to_owned(),
                source: io::ErrorKind::StorageFull.into(),
            })
        };
        Directory::found(&path, config(), full).expect_err("no room");
        assert!(!path.exists());
        // A folder of the user's own stays, with what is in it.
        fs::create_dir(&path).expect("made");
        fs::write(path.join("notes"), "mine").expect("written");
        Directory::found(&path, config(), full).expect_err("no room");
        assert_eq!(fs::read_dir(&path).expect("readable").count(), 1);
        Directory::create(&path, config(), &mut rand::rng()).expect("there is room again");
    }

    #[test]
    fn accounts_are_kept_and_may_be_lost() {
        let dir = tempfile::tempdir().expect("a directory");
        let wallet = Directory::create(dir.path().join("w").as_path(), config(), &mut rand::rng())
            .expect("made");
        let mut notebook = wallet.notebook().expect("none yet");
        assert_eq!(notebook, Notebook::default());
        notebook.learn("meter", "card 1");
        notebook.learn("green-mile", "u77");
        notebook.learn("meter", "card 2");
        wallet.keep_notebook(&notebook).expect("kept");
        let read = wallet.notebook().expect("read");
        assert_eq!(read.account("meter"), Some("card 2"));
        assert_eq!(read.account("green-mile"), Some("u77"));
        assert_eq!(read.account("other"), None);
        fs::write(wallet.path().join("wallet.json"), "{").expect("written");
        assert!(matches!(
            wallet.notebook(),
            Err(DirectoryError::Notebook { .. })
        ));
    }
}
