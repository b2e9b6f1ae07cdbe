//! Certificates and lists as they are in PEM files, and why a file cannot be used.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, pem::PemObject},
};
use thiserror::Error;

/// Most bytes of a file of certificates: a chain has a few thousand.
const MOST_BYTES: u64 = 1 << 20;

/// Why the files of TLS cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file.
    #[error("TLS: {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The private key's file: missing, or others may read it.
    #[error("TLS key {0}")]
    Key(String),
    /// No authorities.
    #[error(
        "TLS: `authorities` names no certificate, so no server and no caller could be believed"
    )]
    NoAuthorities,
    /// Lists of revoked certificates.
    #[error("TLS: a list in `revoked` cannot be used: {0}")]
    Lists(String),
    /// A certificate without its key, or a key alone.
    #[error("TLS: `certificate` and `key` belong together, and `{0}` is missing")]
    Half(&'static str),
}

/// The arithmetic of all connections.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

pub(crate) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    read_pem(path)
}

pub(crate) fn read_pem<T: PemObject>(path: &Path) -> Result<Vec<T>, TlsError> {
    let at = |reason: String| TlsError::File {
        path: path.to_owned(),
        reason,
    };
    let bytes =
        merits_guard::input::read(path, MOST_BYTES).map_err(|error| at(error.to_string()))?;
    T::pem_slice_iter(&bytes)
        .collect::<Result<Vec<T>, _>>()
        .map_err(|error| at(format!("is not PEM: {error}")))
}
