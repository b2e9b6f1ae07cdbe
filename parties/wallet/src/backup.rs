//! A wallet's backup: the seed under a passphrase, and the configuration of its ledger.
//!
//! The key of [`merits_keyfile::passphrase`] seals the seed, and authenticates the plain text in the
//! file. The file and the passphrase restore everything: the rest is on the ledger.
//!
//! A passphrase is normalized (NFC) before use, so a backup also opens on a system that encodes its
//! letters differently. Backups from before that rule open too: after the normalized text, the text
//! as typed is tried, and then the text with letters and marks separated, as some systems type it.

use std::{
    io,
    path::{Path, PathBuf},
};

use merits_guard::{
    input,
    output::{Kind, Output, OutputError, Readers},
};
use merits_keyfile::passphrase::{
    Derivation, NONCE_BYTES, PassphraseError, PassphraseKey, check_new, one_form,
};
use merits_ledger::BoardFacts;
use merits_primitives::field;
use merits_records::field_text;
use merits_replica::{LedgerConfig, WitnessesConfig};
use merits_text::{damage::Damage, file::bytes_without_mark, typed};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

/// The value of the key `merits`.
const KIND: &str = "wallet-backup/v1";

/// Most bytes of a backup.
const MAX_BYTES: u64 = 1 << 16;

pub use merits_keyfile::passphrase::LEAST_PASSPHRASE;

/// Why a backup cannot be made or used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BackupError {
    /// It must not be written there.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not a backup.
    #[error("{path} cannot be read as a wallet's backup: {reason}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The passphrase is too easy to guess.
    #[error(
        "the passphrase has fewer than {LEAST_PASSPHRASE} characters: somebody who finds the backup could \
         try them all; take several words"
    )]
    ShortPassphrase,
    /// A new passphrase has a character that nobody sees.
    #[error(
        "character {place} of the passphrase is U+{character:04X}, {what}: you could not type it again from paper; \
         take it out"
    )]
    HiddenCharacter {
        /// Position, from 1.
        place: usize,
        /// Its code point.
        character: u32,
        /// A description of it.
        what: &'static str,
    },
    /// A new passphrase begins or ends with a space.
    #[error(
        "the passphrase begins or ends with a space, which nobody sees on paper: take the space out"
    )]
    BlankEnd,
    /// Wrong passphrase, or the file was altered. The two cannot be distinguished.
    #[error(
        "the backup does not open: the passphrase is wrong, or the file was altered. Type it again as it \
         was written down, with capital and small letters, or take another copy of the file"
    )]
    Sealed,
    /// The key derivation refused.
    #[error("the key cannot be derived from the passphrase: {0}")]
    Derivation(String),
}

/// A backup in the form of its file. Without the passphrase it only reveals the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    merits: String,
    origin: String,
    /// The `[ledger]` table, which a new device cannot derive from the seed.
    ledger: LedgerConfig,
    kdf: Derivation,
    #[serde(with = "field_text::bytes")]
    nonce: [u8; NONCE_BYTES],
    /// Seed and tag.
    #[serde(with = "field_text::bytes")]
    sealed: [u8; 48],
}

/// In the words of a backup.
impl From<PassphraseError> for BackupError {
    fn from(error: PassphraseError) -> Self {
        match error {
            PassphraseError::Short => Self::ShortPassphrase,
            PassphraseError::HiddenCharacter {
                place,
                character,
                what,
            } => Self::HiddenCharacter {
                place,
                character,
                what,
            },
            PassphraseError::BlankEnd => Self::BlankEnd,
            PassphraseError::Sealed => Self::Sealed,
            other => Self::Derivation(other.to_string()),
        }
    }
}

impl Backup {
    /// Seals a seed under a passphrase.
    ///
    /// # Errors
    /// [`BackupError::ShortPassphrase`], [`BackupError::HiddenCharacter`], [`BackupError::BlankEnd`].
    pub fn seal(
        seed: &[u8; 32],
        origin: &str,
        ledger: LedgerConfig,
        passphrase: &str,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<Self, BackupError> {
        check_new(passphrase)?;
        let mut nonce = [0; NONCE_BYTES];
        let kdf = Derivation::fresh(rng);
        rng.fill_bytes(&mut nonce);
        let mut backup = Self {
            merits: KIND.to_owned(),
            origin: origin.to_owned(),
            // Files of this device: a restored wallet is told which authorities it believes.
            ledger: LedgerConfig {
                insecure_plaintext: false,
                tls: None,
                ..ledger
            },
            kdf,
            nonce,
            sealed: [0; 48],
        };
        let key = backup.kdf.key(passphrase)?;
        backup.sealed = key
            .seal(&nonce, &backup.bound(), seed)?
            .try_into()
            // 32 bytes and a tag of 16.
            .map_err(|_| BackupError::Sealed)?;
        Ok(backup)
    }

    /// Opens the backup and returns the seed. It accepts every encoding of the passphrase's
    /// letters, both at the time of the backup and now.
    ///
    /// # Errors
    /// [`BackupError::Sealed`] for another passphrase or an altered file.
    pub fn open(&self, passphrase: &str) -> Result<Zeroizing<[u8; 32]>, BackupError> {
        let first = one_form(passphrase);
        match self.open_as(&first) {
            Err(BackupError::Sealed) => {}
            opened => return opened,
        }
        if passphrase != *first
            && let Ok(seed) = self.open_as(passphrase)
        {
            return Ok(seed);
        }
        // A copy of the passphrase is made only when it is needed, and wiped afterwards.
        let apart = Zeroizing::new(typed::apart(passphrase));
        if *apart != *first
            && *apart != passphrase
            && let Ok(seed) = self.open_as(&apart)
        {
            return Ok(seed);
        }
        Err(BackupError::Sealed)
    }

    /// Opens the backup with exactly these bytes.
    fn open_as(&self, passphrase: &str) -> Result<Zeroizing<[u8; 32]>, BackupError> {
        let key = self.key_as_typed(passphrase)?;
        let seed = key.open(&self.nonce, &self.bound(), &self.sealed)?;
        let seed: [u8; 32] = seed
            .as_slice()
            .try_into()
            .map_err(|_| BackupError::Sealed)?;
        Ok(Zeroizing::new(seed))
    }

    /// The `[ledger]` table of the wallet that was backed up.
    pub fn ledger(&self) -> &LedgerConfig {
        &self.ledger
    }

    /// The kind of its file: only its owner may read it, and it never replaces a file.
    pub const FILE: Kind<'static> = Kind::new("a backup", Readers::Owner);

    /// Writes the backup to a file that only its owner may read. It never overwrites a file.
    ///
    /// # Errors
    /// [`BackupError::Output`].
    pub fn write(&self, path: &Path) -> Result<(), BackupError> {
        let io = |source| BackupError::Io {
            path: path.to_owned(),
            source: merits_guard::explain::writing(source),
        };
        let mut text = serde_json::to_string_pretty(self).map_err(|error| io(error.into()))?;
        text.push('\n');
        Ok(Output::write(path, Self::FILE, text.as_bytes())?)
    }

    /// Reads a backup.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn read(path: &Path) -> Result<Self, BackupError> {
        let io = |source| BackupError::Io {
            path: path.to_owned(),
            source: merits_guard::explain::reading(source),
        };
        let form = |reason: String| BackupError::Form {
            path: path.to_owned(),
            reason,
        };
        let text = input::read(path, MAX_BYTES).map_err(io)?;
        let backup: Self = serde_json::from_slice(bytes_without_mark(&text))
            .map_err(|error| form(Damage::of(&text, Some(KIND), error.line()).to_string()))?;
        if backup.merits != KIND {
            return Err(form(Damage::of(&text, Some(KIND), 1).to_string()));
        }
        // The seal does not cover them, so somebody else could have put them in.
        if backup.ledger.tls.is_some() || backup.ledger.insecure_plaintext {
            return Err(form(
                "it says how connections are protected, which no backup of ours does".to_owned(),
            ));
        }
        backup
            .kdf
            .check()
            .map_err(|error| form(error.to_string()))?;
        Ok(backup)
    }

    /// The data that the seal authenticates besides the seed, because it decides where a restored
    /// wallet connects.
    fn bound(&self) -> [u8; 32] {
        let ledger = &self.ledger;
        let [memory_kib, passes, lanes] = self.kdf.numbers();
        let numbers = [
            ledger.least_claims_per_total,
            ledger.anchor_seconds.get(),
            u32::from(ledger.tickets),
            u32::from(ledger.allow_dev_keys),
            memory_kib,
            passes,
            lanes,
        ];
        let numbers: Vec<u8> = numbers.into_iter().flat_map(u32::to_le_bytes).collect();
        let mut parts = vec![
            self.origin.as_bytes(),
            ledger.coordinator.as_bytes(),
            ledger.log_key.as_bytes(),
            ledger.authority.as_bytes(),
            ledger.replica.as_os_str().as_encoded_bytes(),
            &numbers,
            self.kdf.salt(),
        ];
        // Backups from before there was a board are those of ledgers with a board of one.
        if ledger.board.parse() != Ok(BoardFacts::alone()) {
            parts.push(ledger.board.as_bytes());
        }
        // Without this, somebody else could take the witnesses out, and the restored wallet would believe a log that
        // nobody cosigned.
        let witnesses = ledger.log.as_ref().map(of_witnesses);
        if let Some(witnesses) = &witnesses {
            parts.push(witnesses);
        }
        field::digest("merits/wallet-backup/v1", &parts)
    }

    fn key_as_typed(&self, passphrase: &str) -> Result<PassphraseKey, BackupError> {
        Ok(self.kdf.key_as_typed(passphrase)?)
    }
}

/// A digest of the cosignatures that a wallet demands.
fn of_witnesses(log: &WitnessesConfig) -> [u8; 32] {
    let numbers = [
        log.witnesses.len(),
        log.threshold,
        log.faulty,
        log.validating_threshold,
        log.validating_faulty,
    ];
    let numbers: Vec<u8> = numbers
        .into_iter()
        .flat_map(|number| (number as u64).to_le_bytes())
        .collect();
    let keys = log.witnesses.iter().chain(&log.validating);
    let keys = keys.map(String::as_bytes);
    let parts: Vec<&[u8]> = std::iter::once(&numbers[..]).chain(keys).collect();
    field::digest("merits/wallet-backup/witnesses/v1", &parts)
}

#[cfg(test)]
mod tests {
    use merits_ledger::AnchorInterval;

    use super::*;

    const ORIGIN: &str = "ledger.test/merits";
    const PASSPHRASE: &str = "wheel salt lantern";

    fn ledger() -> LedgerConfig {
        LedgerConfig {
            coordinator: "http://127.0.0.1:7700".to_owned(),
            log_key: "ledger.test/merits+00000000+AA".to_owned(),
            authority: "ab".repeat(32),
            least_claims_per_total: 16,
            tickets: true,
            anchor_seconds: AnchorInterval::HOUR.as_secs(),
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
    fn a_seed_comes_back_with_its_passphrase_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("backup.json");
        let backup =
            Backup::seal(&[7; 32], ORIGIN, ledger(), PASSPHRASE, &mut rand::rng()).expect("sealed");
        backup.write(&path).expect("written");
        assert!(matches!(
            backup.write(&path),
            Err(BackupError::Output(OutputError::There { .. }))
        ));
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(!text.contains(&hex::encode([7; 32])));

        let read = Backup::read(&path).expect("read");
        assert_eq!(read.ledger(), &ledger());
        assert_eq!(*read.open(PASSPHRASE).expect("opened"), [7; 32]);
        let other = read.open("wheel salt lanterN");
        assert!(matches!(other, Err(BackupError::Sealed)));
        let mut moved = read.clone();
        moved.ledger.coordinator = "http://evil.test:7700".to_owned();
        assert!(matches!(moved.open(PASSPHRASE), Err(BackupError::Sealed)));
        let mut altered = read;
        altered.sealed[3] ^= 1;
        assert!(matches!(altered.open(PASSPHRASE), Err(BackupError::Sealed)));
    }

    /// Whoever could change them would have the restored wallet believe a log that nobody cosigned.
    #[test]
    fn the_witnesses_in_a_backup_are_sealed() {
        let demanding = LedgerConfig {
            log: Some(WitnessesConfig {
                witnesses: vec!["one".to_owned(), "two".to_owned()],
                threshold: 2,
                faulty: 0,
                validating: Vec::new(),
                validating_threshold: 0,
                validating_faulty: 0,
            }),
            ..ledger()
        };
        let sealed = Backup::seal(&[7; 32], ORIGIN, demanding, PASSPHRASE, &mut rand::rng());
        let sealed = sealed.expect("sealed");
        assert_eq!(*sealed.open(PASSPHRASE).expect("opened"), [7; 32]);
        let changes: [fn(&mut WitnessesConfig); 4] = [
            |log| log.threshold = 1,
            |log| log.witnesses[0] = "mine".to_owned(),
            |log| drop(log.witnesses.pop()),
            |log| log.validating.extend(log.witnesses.pop()),
        ];
        for change in changes {
            let mut altered = sealed.clone();
            change(altered.ledger.log.as_mut().expect("witnesses"));
            assert!(matches!(altered.open(PASSPHRASE), Err(BackupError::Sealed)));
        }
        let mut without = sealed;
        without.ledger.log = None;
        assert!(matches!(without.open(PASSPHRASE), Err(BackupError::Sealed)));
    }

    /// "Zoë's café", by a system that composes letters and by one that does not.
    const SPELT: [&str; 2] = ["Zo\u{eb}'s caf\u{e9}", "Zoe\u{308}'s cafe\u{301}"];

    #[test]
    fn a_passphrase_opens_on_a_system_that_types_it_otherwise() {
        for sealed in SPELT {
            let backup = Backup::seal(&[7; 32], ORIGIN, ledger(), sealed, &mut rand::rng());
            let backup = backup.expect("sealed");
            for opened in SPELT {
                assert_eq!(*backup.open(opened).expect("opened"), [7; 32]);
            }
            let other = backup.open("Zoe's cafe");
            assert!(matches!(other, Err(BackupError::Sealed)));
        }
    }

    /// Old backups: the bytes as typed are the passphrase.
    #[test]
    fn a_backup_from_before_the_one_form_opens() {
        for sealed in SPELT {
            let backup = Backup::seal(&[0; 32], ORIGIN, ledger(), sealed, &mut rand::rng());
            let mut old = backup.expect("sealed");
            let key = old.key_as_typed(sealed).expect("a key");
            let bytes = key.seal(&old.nonce, &old.bound(), &[7; 32]);
            old.sealed = bytes.expect("sealed").try_into().expect("48 bytes");
            for opened in SPELT {
                assert_eq!(*old.open(opened).expect("opened"), [7; 32]);
            }
        }
    }

    /// Regression: a passphrase with a zero-width space was taken, and nobody could type it again.
    #[test]
    fn a_new_passphrase_has_only_what_people_see_and_an_old_one_opens() {
        let new = |passphrase: &str| {
            Backup::seal(&[7; 32], ORIGIN, ledger(), passphrase, &mut rand::rng())
        };
        for (passphrase, character) in [
            ("wheel\u{200b}salt lantern", 0x200b),
            ("wheel salt lantern\u{feff}", 0xfeff),
            ("wheel salt\u{a0}lantern", 0xa0),
            ("wheel salt\tlantern", 0x9),
        ] {
            let refused = new(passphrase).expect_err("hidden");
            assert!(
                matches!(refused, BackupError::HiddenCharacter { character: found, .. } if found == character),
                "{refused}"
            );
            assert!(!refused.to_string().contains("wheel"), "{refused}");
        }
        for passphrase in [" wheel salt lantern", "wheel salt lantern "] {
            assert!(matches!(new(passphrase), Err(BackupError::BlankEnd)));
        }
        let hidden = "wheel\u{200b}salt lantern ";
        let mut old = new(PASSPHRASE).expect("sealed");
        let key = old.key_as_typed(hidden).expect("a key");
        let bytes = key.seal(&old.nonce, &old.bound(), &[7; 32]);
        old.sealed = bytes.expect("sealed").try_into().expect("48 bytes");
        assert_eq!(*old.open(hidden).expect("opened"), [7; 32]);
    }

    /// Regression: "EOF while parsing a string at line 1 column 3".
    #[test]
    fn a_damaged_backup_is_told_in_words() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("backup.json");
        let backup =
            Backup::seal(&[7; 32], ORIGIN, ledger(), PASSPHRASE, &mut rand::rng()).expect("sealed");
        let text = serde_json::to_string_pretty(&backup).expect("text");
        for (damaged, says) in [
            (text[..text.len() / 2].to_owned(), "cut off"),
            (String::new(), "is empty"),
            ("PK\u{3}\u{4}".to_owned(), "another kind of file"),
            (
                text.replace("wallet-backup/v1", "ticket/v2"),
                "kind ticket/v2",
            ),
            (text.replace("/v1", "/v9"), "another version"),
            (text.replace("\"kdf\"", "\"kfd\""), "damaged"),
            (text.replace("\"nonce\": \"", "\"nonce\": \"zz"), "damaged"),
        ] {
            std::fs::write(&path, &damaged).expect("written");
            let said = Backup::read(&path).expect_err(says).to_string();
            assert!(
                said.contains("backup.json") && said.contains(says),
                "{said}"
            );
            for jargon in ["EOF", "column", "expected", "unknown field"] {
                assert!(!said.contains(jargon), "{said}");
            }
        }
    }

    #[test]
    fn what_is_weak_or_no_backup_is_refused() {
        let short = Backup::seal(&[7; 32], ORIGIN, ledger(), "password", &mut rand::rng());
        assert!(matches!(short, Err(BackupError::ShortPassphrase)));
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("backup.json");
        std::fs::write(&path, "{}").expect("written");
        assert!(matches!(Backup::read(&path), Err(BackupError::Form { .. })));
        let backup =
            Backup::seal(&[7; 32], ORIGIN, ledger(), PASSPHRASE, &mut rand::rng()).expect("sealed");
        let text = serde_json::to_string(&backup).expect("text");
        // Whom a restored wallet believes is not for a file to say that anybody can change.
        for more in [
            "\"insecure_plaintext\":true",
            "\"tls\":{\"authorities\":[\"/tmp/mine.pem\"]}",
        ] {
            let changed = text.replace(
                "\"allow_dev_keys\":false",
                &format!("\"allow_dev_keys\":false,{more}"),
            );
            assert_ne!(changed, text);
            std::fs::write(&path, changed).expect("written");
            let refused = Backup::read(&path);
            assert!(matches!(refused, Err(BackupError::Form { .. })), "{more}");
        }
        std::fs::write(&path, text.replace("65536", "4000000000")).expect("written");
        assert!(matches!(Backup::read(&path), Err(BackupError::Form { .. })));
    }
}
