//! The log's signing key on disk.
//!
//! The file holds one line, `PRIVATE+KEY+<origin>+<key id>+<base64(0x01 ‖ seed)>`: the form of Go's
//! `sumdb/note`, which other log tools read. A file that anybody except its owner can read, change
//! or replace is refused ([`merits_guard`]), as for every key of a party.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::SigningKey;
use merits_guard::{Guard, Secret, output::Readers};
use merits_primitives::{calendar::Timestamp, ids::Origin};
use merits_tls::{Names, Subject};
use merits_verifier::log::LogSigner;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{config::Config, error::StartError};

const PREFIX: &str = "PRIVATE+KEY+";
/// Ed25519, in signed notes.
const ALGORITHM: u8 = 0x01;
/// Most bytes of the file: its line has 70 bytes and the origin.
const MOST_BYTES: usize = 4_096;

/// Loads the key of `origin` from `path`; `None` if there is no file.
///
/// # Errors
/// [`StartError::KeyExposed`] for a file that others can read, change or replace;
/// [`StartError::LogKey`] for one that is not a key of this log; [`StartError::File`].
pub(crate) fn load(path: &Path, origin: &Origin) -> Result<Option<LogSigner>, StartError> {
    let key = load_key(path, origin)?;
    Ok(key.map(|key| LogSigner::new(origin.clone(), key)))
}

/// The log's word that a TLS key is its coordinator's: the names of a certificate for the key whose
/// `SubjectPublicKeyInfo` (DER) is `key_info`.
///
/// # Errors
/// [`StartError`]: no log key, which founding the ledger makes, or one that cannot be used.
pub fn tls_names(config: &Config, key_info: &[u8], until: Timestamp) -> Result<Names, StartError> {
    let (path, origin) = (config.log_key_file(), config.origin()?);
    let key = load_key(&path, &origin)?.ok_or_else(|| StartError::LogKeyMissing {
        path,
        database: config.database(),
    })?;
    Ok(Names::sign(&origin, Subject::Log, key_info, until, &key))
}

fn load_key(path: &Path, origin: &Origin) -> Result<Option<SigningKey>, StartError> {
    match merits_guard::open(path, Guard::Private(Secret::LogKey)) {
        Ok(opened) => read(path, opened, origin).map(Some),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(StartError::KeyExposed(error)),
    }
}

fn read(path: &Path, opened: File, origin: &Origin) -> Result<SigningKey, StartError> {
    let refuse = |reason: &str| StartError::LogKey {
        path: path.to_owned(),
        reason: reason.into(),
    };
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_BYTES));
    opened
        .take(MOST_BYTES as u64)
        .read_to_end(&mut bytes)
        .map_err(|e| file("read", path, e))?;
    let malformed = || refuse("is not a log key (`PRIVATE+KEY+<origin>+<key id>+<base64>`)");
    let damaged = || refuse("is damaged: it ends early, or parts of it are other bytes");
    let text = std::str::from_utf8(&bytes).map_err(|_| malformed())?;
    if text.trim().is_empty() {
        return Err(refuse("is empty"));
    }
    let rest = text.trim_end().strip_prefix(PREFIX).ok_or_else(malformed)?;
    let mut parts = rest.splitn(3, '+');
    let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(damaged());
    };
    if name != origin.as_str() {
        return Err(refuse(&format!(
            "belongs to the log {name}, not to {origin}"
        )));
    }
    let bytes = Zeroizing::new(BASE64.decode(encoded).map_err(|_| damaged())?);
    let seed: &[u8; 32] = match bytes.split_first() {
        Some((&ALGORITHM, seed)) => seed.try_into().map_err(|_| damaged())?,
        _ => return Err(damaged()),
    };
    let key = SigningKey::from_bytes(seed);
    if key_id(&LogSigner::new(origin.clone(), key.clone())) != id {
        return Err(refuse("is damaged: its key id does not fit its key"));
    }
    Ok(key)
}

/// Makes the key of a new log. An existing file is never overwritten.
///
/// # Errors
/// [`StartError::File`].
pub(crate) fn generate(
    path: &Path,
    origin: &Origin,
    rng: &mut impl CryptoRng,
) -> Result<LogSigner, StartError> {
    let key = SigningKey::generate(rng);
    let mut bytes = Zeroizing::new(vec![ALGORITHM]);
    bytes.extend_from_slice(key.as_bytes());
    let signer = LogSigner::new(origin.clone(), key);
    let encoded = Zeroizing::new(BASE64.encode(&bytes));
    let line = Zeroizing::new(format!(
        "{PREFIX}{origin}+{}+{}\n",
        key_id(&signer),
        *encoded
    ));
    // It is created with its mode, so that others can never read it, and synced before it signs
    // anything, so that no signature outlives its key.
    merits_guard::check_folder(path).map_err(StartError::KeyFolder)?;
    merits_guard::output::make_own(path, Readers::Owner, |out| out.write_all(line.as_bytes()))
        .map_err(|e| file("write", path, e))?;
    Ok(signer)
}

/// The middle part of `<origin>+<key id>+<base64>`.
fn key_id(signer: &LogSigner) -> String {
    let text = signer.public().to_string();
    text.split('+').nth(1).unwrap_or_default().to_owned()
}

fn file(action: &'static str, path: &Path, source: std::io::Error) -> StartError {
    StartError::File {
        action,
        path: path.to_owned(),
        source: merits_guard::explain::writing(source),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    };

    use super::*;

    fn origin(name: &str) -> Origin {
        Origin::new(name).unwrap()
    }

    #[test]
    fn a_key_is_made_once_and_read_by_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.key");
        assert!(load(&path, &origin("log.test")).unwrap().is_none());
        let made = generate(&path, &origin("log.test"), &mut rand::rng()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let read = load(&path, &origin("log.test")).unwrap().unwrap();
        assert_eq!(read.public(), made.public());
        // A key is never replaced.
        assert!(generate(&path, &origin("log.test"), &mut rand::rng()).is_err());
        let again = load(&path, &origin("log.test")).unwrap().unwrap();
        assert_eq!(again.public(), made.public());

        let other = load(&path, &origin("other.test"));
        assert!(
            other
                .unwrap_err()
                .to_string()
                .contains("belongs to the log log.test")
        );

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let open = load(&path, &origin("log.test")).unwrap_err().to_string();
        // Regression: the error said "make a new one", which would have ended the ledger.
        let advice = format!("chmod 600 {}", path.display());
        assert!(open.contains(&advice), "{open}");
        assert!(open.contains("a new one would end this ledger"), "{open}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();

        // Anybody who can write into its folder could put another key there.
        let folder = dir.path().join("open");
        fs::create_dir(&folder).unwrap();
        fs::rename(&path, folder.join("log.key")).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o770)).unwrap();
        let open = load(&folder.join("log.key"), &origin("log.test")).unwrap_err();
        assert!(matches!(open, StartError::KeyExposed(_)), "{open}");
        let made = generate(
            &folder.join("new.key"),
            &origin("log.test"),
            &mut rand::rng(),
        );
        assert!(matches!(made, Err(StartError::KeyFolder(_))));
        assert!(!folder.join("new.key").exists());
    }

    #[test]
    fn a_damaged_key_is_refused_and_its_copy_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.key");
        generate(&path, &origin("log.test"), &mut rand::rng()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let half = &text[..text.len() / 2];
        let at = PREFIX.len() + "log.test+12345678+".len();
        let secret = &text[at..at + 8];
        for (written, found) in [
            ("", "is empty"),
            (" \n", "is empty"),
            (half, "is damaged"),
            (&text[..PREFIX.len() + 3], "is damaged"),
            ("merits-key/v1 party-ed25519 00\n", "is not a log key"),
            ("x", "is not a log key"),
        ] {
            fs::write(&path, written).unwrap();
            let said = load(&path, &origin("log.test")).unwrap_err().to_string();
            let begins = format!("the log key {} {found}", path.display());
            assert!(said.starts_with(&begins), "{said}");
            assert!(said.contains("put it back from your backup"), "{said}");
            assert!(!said.contains(secret), "it shows the key");
        }
        fs::write(&path, [0xff; 70]).unwrap();
        let said = load(&path, &origin("log.test")).unwrap_err().to_string();
        assert!(said.contains("is not a log key"), "{said}");
        // Base64 has a '+' of its own.
        let at = PREFIX.len() + "log.test+12345678+".len();
        let (head, key) = text.trim_end().split_at(at);
        let mut bytes = BASE64.decode(key).unwrap();
        bytes[7] ^= 1;
        fs::write(&path, format!("{head}{}\n", BASE64.encode(&bytes))).unwrap();
        let error = load(&path, &origin("log.test")).unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
    }
}
