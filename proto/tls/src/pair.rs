//! A certificate and its private key, and how a new key takes the place of the present one.
//!
//! The two are files, and no system renames two files at once. So a new key waits beside the present
//! one, under a name of its own ([`next_key`]), until its certificate is in its place. Whichever of
//! the two keys the certificate is for is used. So a pair that belongs together is there at every
//! moment.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use merits_guard::{Guard, Secret, folder};
use rustls::{
    Error, InconsistentKeys,
    pki_types::{
        PrivateKeyDer,
        pem::{self, PemObject as _},
    },
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

use crate::{
    names::Names,
    pem_file::{TlsError, provider, read_certificates},
};

/// Most bytes of a private key's file.
const MOST_KEY: usize = 1 << 14;

/// Where a key waits for its certificate.
pub fn next_key(key: &Path) -> PathBuf {
    let mut next = key.to_owned();
    next.as_mut_os_string().push(".next");
    next
}

/// Gives the waiting key its name, if the certificate is for it. `false` if no key waits, or its
/// certificate is not there yet.
///
/// # Errors
/// [`TlsError`]; the same call again goes on where this one ended.
pub fn settle(certificate: &Path, key: &Path) -> Result<bool, TlsError> {
    let next = next_key(key);
    if !next.exists() {
        return Ok(false);
    }
    match pair(certificate, &next) {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(false),
        // A file that is no certificate is not the key's.
        Err(TlsError::File { path, .. }) if path == certificate => return Ok(false),
        Err(error) => return Err(error),
    }
    folder::rename(&next, key).map_err(|source| TlsError::File {
        path: key.to_owned(),
        reason: source.to_string(),
    })?;
    Ok(true)
}

/// The certificate with its key, which may be one that waits.
pub(crate) fn load(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    if let Some(own) = pair(certificate, key)? {
        return Ok(own);
    }
    let next = next_key(key);
    let waits = next.exists();
    if waits && let Some(own) = pair(certificate, &next)? {
        return Ok(own);
    }
    let beside = if waits {
        format!(" Nor does {}.", next.display())
    } else {
        String::new()
    };
    Err(TlsError::File {
        path: certificate.to_owned(),
        reason: format!(
            "is not the certificate of the key {}: the two do not belong together.{beside} Put the certificate of \
             this key there, or make a new one (`merits tls certificate`, or `merits tls request`)",
            key.display()
        ),
    })
}

/// `None` if the two do not belong together.
fn pair(certificate: &Path, key: &Path) -> Result<Option<CertifiedKey>, TlsError> {
    let at = |reason: String| TlsError::File {
        path: certificate.to_owned(),
        reason,
    };
    let chain = read_certificates(certificate)?;
    let first = chain
        .first()
        .ok_or_else(|| at("has no certificate".to_owned()))?;
    // A certificate that no other party would take is better told here.
    let read = webpki::EndEntityCert::try_from(first)
        .map_err(|error| at(format!("is no certificate of a party: {error}")))?;
    Names::from_uris(read.valid_uri_names()).map_err(|error| at(error.to_string()))?;
    match CertifiedKey::from_der(chain, read_key(key)?, &provider()) {
        Ok(own) => Ok(Some(own)),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Ok(None),
        Err(error) => Err(TlsError::File {
            path: key.to_owned(),
            reason: format!("the key is of a kind that is not used here: {error}"),
        }),
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let at = |reason: String| TlsError::File {
        path: path.to_owned(),
        reason,
    };
    let file = merits_guard::open(path, Guard::Private(Secret::TlsKey))
        .map_err(|error| TlsError::Key(error.to_string()))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST_KEY));
    file.take(MOST_KEY as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| at(error.to_string()))?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => at("has no private key".to_owned()),
        // The parser's words may repeat a part of the file.
        _ => at("is not PEM".to_owned()),
    })
}
