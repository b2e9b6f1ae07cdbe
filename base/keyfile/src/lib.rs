//! Secrets at rest: one file for each key, mode 0600, of a named kind, never overwritten.
//!
//! A key file is one line of text, `merits-key/v1 <kind> <hex>`. The kind stops a log key from
//! being used as a source's, or a MAC key as a seed. Files that others may read, change or replace
//! are refused ([`merits_guard`]): a readable secret is no longer secret, a secret that others
//! could put there may be theirs, and the user must know.
//!
//! Key files are not encrypted: put their directory on an encrypted disk. [`passphrase`] is for encrypted files: a
//! wallet's backup, and a holder's share of a view key.

pub mod passphrase;
pub mod passphrase_file;

use std::{
    io::{self, Read, Write as _},
    path::{Path, PathBuf},
};

use ed25519_dalek::SigningKey;
use merits_guard::{Guard, GuardError, Secret, output::Readers};
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

const MAGIC: &str = "merits-key/v1";

/// Most bytes of a key file: its line has about 90.
const MOST_BYTES: usize = 512;

/// Bytes of every secret kept here.
pub const SECRET_BYTES: usize = 32;

/// A secret of 32 bytes, zeroized when dropped.
pub type SecretBytes = Zeroizing<[u8; SECRET_BYTES]>;

/// What a key is for. A file of one kind does not load as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// Ed25519 key of a log: signs checkpoints and refusals.
    Log,
    /// Ed25519 key of a party: signs entries (and, of a source, commitments).
    Signing,
    /// X25519 key of a party: opens messages sealed to it.
    Sealing,
    /// A source's MAC key, from which salts are derived.
    SaltMac,
    /// A seed from which a person's owner secrets are derived.
    Seed,
    /// A seed from which the owner secrets of accounts in custody are derived. Its file is like
    /// that of a person's seed.
    Custody,
    /// A seed from which a prover's ephemeral exponents are derived.
    Ephemeral,
    /// The key that wraps the subject keys of a record store.
    Master,
    /// The seed of the evaluator's VOPRF key.
    Voprf,
    /// Ed25519 key of a log's witness: cosigns checkpoints.
    Cosigning,
}

impl KeyKind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Log,
        Self::Signing,
        Self::Sealing,
        Self::SaltMac,
        Self::Seed,
        Self::Custody,
        Self::Ephemeral,
        Self::Master,
        Self::Voprf,
        Self::Cosigning,
    ];

    /// The kind of secret, for advice on how to keep it.
    pub fn secret(self) -> Secret {
        match self {
            Self::Log => Secret::LogKey,
            Self::Signing => Secret::SigningKey,
            Self::Cosigning => Secret::CosigningKey,
            Self::Sealing => Secret::SealingKey,
            Self::SaltMac => Secret::Salts,
            Self::Seed => Secret::WalletSeed,
            Self::Custody => Secret::CustodySeed,
            Self::Ephemeral => Secret::EphemeralSeed,
            Self::Master => Secret::StoreKey,
            Self::Voprf => Secret::EvaluatorKey,
        }
    }

    /// The word in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "log-ed25519",
            Self::Signing => "party-ed25519",
            Self::Sealing => "party-x25519",
            Self::SaltMac => "salt-mac",
            Self::Seed | Self::Custody => "owner-seed",
            Self::Ephemeral => "ephemeral-seed",
            Self::Master => "record-master",
            Self::Voprf => "evaluator-voprf",
            Self::Cosigning => "witness-ed25519",
        }
    }
}

/// Why a key file cannot be used. No variant holds a part of the secret.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Creating would overwrite a key.
    #[error(
        "key file {path} exists already: a key is never overwritten; move it away to make another"
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no such file.
    #[error("key file {path} ({kind}) does not exist: {advice}")]
    Missing {
        /// The file.
        path: PathBuf,
        /// The kind that was expected.
        kind: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// The file that keeps a party's id.
    #[error(
        "{}: {reason}; it holds the party's id, one line of 64 hexadecimal digits, as the ledger has it",
        path.display()
    )]
    NoParty {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Others can read, change or replace the secret.
    #[error("key file {0}")]
    Exposed(GuardError),
    /// Not a key of this kind.
    #[error(
        "key file {path} {found}: one line `{MAGIC} {expected} <64 hex digits>` is expected; {advice}"
    )]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// What the file is instead.
        found: String,
        /// The kind that was asked for.
        expected: &'static str,
        /// What to do.
        advice: &'static str,
    },
}

/// Makes a fresh secret and its file; the file must not exist.
///
/// # Errors
/// [`KeyFileError::Exists`], or [`KeyFileError::Io`].
pub fn create(
    path: &Path,
    kind: KeyKind,
    rng: &mut impl CryptoRng,
) -> Result<SecretBytes, KeyFileError> {
    let mut secret = Zeroizing::new([0u8; SECRET_BYTES]);
    rng.fill_bytes(secret.as_mut());
    keep(path, kind, &secret)?;
    Ok(secret)
}

/// Makes the file of an existing secret, such as one from a backup. The file must not exist.
///
/// # Errors
/// [`KeyFileError::Exists`], or [`KeyFileError::Io`].
pub fn keep(path: &Path, kind: KeyKind, secret: &[u8; SECRET_BYTES]) -> Result<(), KeyFileError> {
    let io = |source| KeyFileError::Io {
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    };
    if let Some(parent) = path.parent() {
        merits_guard::create_folder(parent).map_err(io)?;
    }
    // Loading refuses a file with this text.
    merits_guard::check_folder(path).map_err(KeyFileError::Exposed)?;
    let line = Zeroizing::new(format!(
        "{MAGIC} {} {}\n",
        kind.name(),
        *Zeroizing::new(hex::encode(secret))
    ));
    // A full disk must leave no empty key: nothing would replace it, and there is no backup of it.
    merits_guard::output::make_own(path, Readers::Owner, |file| file.write_all(line.as_bytes()))
        .map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists {
                path: path.to_owned(),
            },
            _ => io(source),
        })
}

/// Loads a secret.
///
/// # Errors
/// See [`KeyFileError`].
pub fn load(path: &Path, kind: KeyKind) -> Result<SecretBytes, KeyFileError> {
    let io = |source| KeyFileError::Io {
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    };
    let mut file = merits_guard::open(path, Guard::Private(kind.secret())).map_err(|error| {
        if error.is_missing() {
            return KeyFileError::Missing {
                path: path.to_owned(),
                kind: kind.name(),
                advice: kind.secret().worth().when_lost,
            };
        }
        KeyFileError::Exposed(error)
    })?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_BYTES));
    Read::by_ref(&mut file)
        .take(MOST_BYTES as u64)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    parse(&bytes, kind).map_err(|found| KeyFileError::WrongKind {
        path: path.to_owned(),
        found,
        expected: kind.name(),
        advice: kind.secret().worth().when_lost,
    })
}

/// The secret in a file's bytes, or a description of what the file is instead. The description
/// never contains a part of the file, which may be a secret as well.
fn parse(bytes: &[u8], kind: KeyKind) -> Result<SecretBytes, String> {
    let is_no = || format!("is not a key of the kind {}", kind.name());
    let text = std::str::from_utf8(bytes).map_err(|_| is_no())?;
    let text = merits_text::file::without_mark(text);
    if text.trim().is_empty() {
        return Err(
            "is empty, so it was never written whole, or was emptied (if nothing was made with it yet, move it \
             away)"
                .to_owned(),
        );
    }
    let mut words = text.split_ascii_whitespace();
    if words.next() != Some(MAGIC) {
        return Err(is_no());
    }
    let word = words.next();
    if word != Some(kind.name()) {
        let mut names = KeyKind::ALL.into_iter().map(KeyKind::name);
        let other = names.find(|name| Some(*name) == word);
        return Err(other.map_or_else(is_no, |other| {
            format!("is of the kind {other}, not {}", kind.name())
        }));
    }
    let mut secret = Zeroizing::new([0u8; SECRET_BYTES]);
    match (words.next(), words.next()) {
        (Some(digits), None) if hex::decode_to_slice(digits, secret.as_mut()).is_ok() => Ok(secret),
        (digits, None) if digits.map_or(0, str::len) < 2 * SECRET_BYTES => Err(format!(
            "is a damaged {} key: it ends early, as after a full disk",
            kind.name()
        )),
        _ => Err(format!("is a damaged {} key", kind.name())),
    }
}

/// Loads a secret, or makes a fresh one if there is no file yet.
///
/// # Errors
/// See [`KeyFileError`].
pub fn load_or_create(
    path: &Path,
    kind: KeyKind,
    rng: &mut impl CryptoRng,
) -> Result<SecretBytes, KeyFileError> {
    match load(path, kind) {
        Err(KeyFileError::Missing { .. }) => create(path, kind, rng),
        loaded => loaded,
    }
}

/// An Ed25519 signing key from its file.
///
/// # Errors
/// See [`KeyFileError`].
pub fn signing_key(path: &Path, kind: KeyKind) -> Result<SigningKey, KeyFileError> {
    let mut secret = load(path, kind)?;
    let key = SigningKey::from_bytes(&secret);
    secret.zeroize();
    Ok(key)
}

/// The file beside a signing key that keeps the party's id after the key was replaced. The id comes
/// from the first key.
pub fn party_file(signing_key: &Path) -> PathBuf {
    let mut path = signing_key.to_owned();
    path.as_mut_os_string().push(".party");
    path
}

/// The file beside a signing key that keeps the key before it, which was in force until change
/// `generation` of the party's keys.
pub fn former_key(signing_key: &Path, generation: u32) -> PathBuf {
    let mut path = signing_key.to_owned();
    path.as_mut_os_string().push(format!(".{generation}"));
    path
}

/// The party's id that is kept beside a signing key; `None` while the key is the first.
///
/// # Errors
/// [`KeyFileError::NoParty`]: also if the id is lost beside a key that is not the first, because
/// the id of a later key would be another party's.
pub fn kept_party(signing_key: &Path) -> Result<Option<[u8; 32]>, KeyFileError> {
    let path = party_file(signing_key);
    let no_party = |reason: String| KeyFileError::NoParty {
        path: path.clone(),
        reason,
    };
    let bytes = match merits_guard::input::read(&path, MOST_BYTES as u64) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let first = former_key(signing_key, 1);
            return match first.exists() {
                false => Ok(None),
                true => Err(no_party(format!(
                    "it is not there, and {} shows that the party has another key now than its \
                     first: put it back from your backup, or write it again",
                    first.display()
                ))),
            };
        }
        read => read.map_err(|error| no_party(error.to_string()))?,
    };
    let text = String::from_utf8_lossy(&bytes);
    let mut id = [0; 32];
    hex::decode_to_slice(merits_text::file::without_mark(&text).trim(), &mut id)
        .map_err(|error| no_party(error.to_string()))?;
    Ok(Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A cosigning witness is no party: no supervisor suspends it, and no `apply` makes its key.
    #[test]
    fn a_cosigning_witness_is_told_what_is_its_own() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("cosigner.key");
        let lost = load(&path, KeyKind::Cosigning).expect_err("none");
        assert!(lost.to_string().contains("witness cosign init"), "{lost}");
        create(&path, KeyKind::Cosigning, &mut rand::rng()).expect("created");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(&path, mode).expect("set");
        let exposed = load(&path, KeyKind::Cosigning)
            .expect_err("exposed")
            .to_string();
        assert!(exposed.contains("witness cosign init"), "{exposed}");
        assert!(!exposed.contains("suspend"), "{exposed}");
    }

    #[test]
    fn a_key_comes_back_as_its_kind_only() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("sub/log.key");
        let made = create(&path, KeyKind::Log, &mut rand::rng()).expect("created");
        assert_eq!(*load(&path, KeyKind::Log).expect("loaded"), *made);
        assert!(matches!(
            load(&path, KeyKind::Seed),
            Err(KeyFileError::WrongKind { .. })
        ));
        assert!(matches!(
            create(&path, KeyKind::Log, &mut rand::rng()),
            Err(KeyFileError::Exists { .. })
        ));
        assert_eq!(
            *load_or_create(&path, KeyKind::Log, &mut rand::rng()).expect("kept"),
            *made
        );
        let restored = dir.path().join("restored.key");
        keep(&restored, KeyKind::Log, &made).expect("kept");
        assert_eq!(*load(&restored, KeyKind::Log).expect("loaded"), *made);
        assert!(matches!(
            keep(&restored, KeyKind::Log, &[1; SECRET_BYTES]),
            Err(KeyFileError::Exists { .. })
        ));
    }

    #[test]
    fn a_lost_key_is_reported_with_what_to_do() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("seed.key");
        for kind in KeyKind::ALL {
            let said = load(&path, kind).expect_err("not there").to_string();
            assert!(
                said.contains("does not exist") && said.contains("backup"),
                "{said}"
            );
            assert!(
                said.contains(kind.name()) && !said.contains("os error"),
                "{said}"
            );
        }
        assert!(!path.exists());
    }

    /// Regression: the error for an empty or truncated key said which line was expected, but not
    /// where to get it from.
    #[test]
    fn a_damaged_key_says_what_the_file_is_and_that_a_copy_is_needed() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("a.key");
        create(&path, KeyKind::SaltMac, &mut rand::rng()).expect("created");
        let text = fs::read_to_string(&path).expect("text");
        let cut = &text[..text.len() - 9];
        let digits = text.trim().rsplit(' ').next().expect("hex");
        for (written, found) in [
            ("", "is empty"),
            ("\n", "is empty"),
            ("\u{feff}", "is empty"),
            (cut, "ends early"),
            (MAGIC, "is not a key of the kind salt-mac"),
            (
                &text.replace("salt-mac", "owner-seed"),
                "is of the kind owner-seed, not salt-mac",
            ),
            (
                &text.replace("salt-mac", digits),
                "is not a key of the kind salt-mac",
            ),
            (&format!("{} x", text.trim()), "is a damaged salt-mac key"),
            (digits, "is not a key of the kind salt-mac"),
        ] {
            fs::write(&path, written).expect("written");
            let said = load(&path, KeyKind::SaltMac)
                .expect_err("no key")
                .to_string();
            assert!(said.contains(found), "{said}");
            assert!(
                said.contains("a.key") && said.contains("put it back from your backup"),
                "{said}"
            );
            assert!(!said.contains(&digits[..16]), "it shows a part of the file");
        }
        fs::write(&path, [0xff; 90]).expect("written");
        let said = load(&path, KeyKind::SaltMac)
            .expect_err("no key")
            .to_string();
        assert!(said.contains("is not a key of the kind salt-mac"), "{said}");
    }

    #[test]
    fn a_torn_or_readable_file_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("a.key");
        create(&path, KeyKind::Signing, &mut rand::rng()).expect("created");
        let text = fs::read_to_string(&path).expect("text");
        fs::write(&path, &text[..text.len() - 4]).expect("written");
        assert!(matches!(
            load(&path, KeyKind::Signing),
            Err(KeyFileError::WrongKind { .. })
        ));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::write(&path, &text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
            let error = load(&path, KeyKind::Signing).expect_err("readable by others");
            assert!(matches!(
                error,
                KeyFileError::Exposed(GuardError::Readable { mode: 0o644, .. })
            ));
            assert!(
                !error
                    .to_string()
                    .contains(text.trim().rsplit(' ').next().expect("hex"))
            );
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
            load(&path, KeyKind::Signing).expect("ours alone");
            // Anybody who can write into the folder could have put another file there.
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).expect("set");
            for refused in [
                load(&path, KeyKind::Signing).map(drop),
                create(
                    &dir.path().join("b.key"),
                    KeyKind::Signing,
                    &mut rand::rng(),
                )
                .map(drop),
            ] {
                let error = refused.expect_err("an open folder");
                assert!(matches!(
                    error,
                    KeyFileError::Exposed(GuardError::Writable { mode: 0o777, .. })
                ));
            }
            assert!(!dir.path().join("b.key").exists());
        }
    }
}
