//! The log's signing key on disk.
//!
//! The file holds one line, `PRIVATE+KEY+<origin>+<key id>+<base64(0x01 ‖ seed)>`: the form of
//! Go's `sumdb/note`, which other log tools read. It is readable by its owner only, and a file
//! that is not is refused.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ed25519_dalek::SigningKey;
use merits_primitives::ids::Origin;
use merits_verifier::log::LogSigner;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::error::StartError;

const PREFIX: &str = "PRIVATE+KEY+";
/// Ed25519, in signed notes.
const ALGORITHM: u8 = 0x01;

/// Loads the key of `origin` from `path`; nothing if there is no file.
///
/// # Errors
/// [`StartError::File`], or [`StartError::LogKey`] for a file that is no key of this log or that
/// others can read.
pub(crate) fn load(path: &Path, origin: &Origin) -> Result<Option<LogSigner>, StartError> {
    match fs::metadata(path) {
        Ok(metadata) => read(path, &metadata, origin).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file("read", path, source)),
    }
}

fn read(path: &Path, metadata: &fs::Metadata, origin: &Origin) -> Result<LogSigner, StartError> {
    let refuse = |reason: &str| StartError::LogKey {
        path: path.to_owned(),
        reason: reason.into(),
    };
    if metadata.mode() & 0o077 != 0 {
        return Err(refuse("others than its owner may read it; run chmod 600"));
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|e| file("read", path, e))?);
    let malformed = || refuse("is not `PRIVATE+KEY+<origin>+<key id>+<base64>`");
    let rest = text.trim_end().strip_prefix(PREFIX).ok_or_else(malformed)?;
    let mut parts = rest.splitn(3, '+');
    let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(malformed());
    };
    if name != origin.as_str() {
        return Err(refuse(&format!(
            "belongs to the log {name}, not to {origin}"
        )));
    }
    let bytes = Zeroizing::new(BASE64.decode(encoded).map_err(|_| malformed())?);
    let seed: &[u8; 32] = match bytes.split_first() {
        Some((&ALGORITHM, seed)) => seed.try_into().map_err(|_| malformed())?,
        _ => return Err(malformed()),
    };
    let signer = LogSigner::new(origin.clone(), SigningKey::from_bytes(seed));
    if key_id(&signer) != id {
        return Err(refuse(
            "its key id does not fit its key: the file is damaged",
        ));
    }
    Ok(signer)
}

/// Makes the key of a log that is founded now. No file is overwritten.
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
    // Created with its mode, so that there is no moment at which others can read it; synced before
    // it signs anything, so that no signature outlives its key.
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        // Its name is on disk once the folder is.
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
            _ => File::open(".")?.sync_all(),
        }
    };
    write().map_err(|e| file("write", path, e))?;
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
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

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
        let open = load(&path, &origin("log.test"));
        assert!(open.unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn a_damaged_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.key");
        generate(&path, &origin("log.test"), &mut rand::rng()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
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
