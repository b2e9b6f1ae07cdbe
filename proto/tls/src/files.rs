//! The table of a configuration about TLS.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// `[ledger.tls]` of a party, `[tls]` of a coordinator. Relative paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// Certificates (PEM) of the authorities whose certificates are taken: the federation's, or the
    /// operator's own and those of the others.
    pub authorities: Vec<PathBuf>,
    /// Lists of revoked certificates (PEM) of these authorities, if they publish any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<PathBuf>,
    /// This party's certificate (PEM), with those between it and its authority after it. Without it
    /// only calls that need none can be made, and nothing can be served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

impl TlsFiles {
    /// The same with its relative paths resolved against `base`.
    #[must_use]
    pub fn relative_to(self, base: &Path) -> Self {
        let join = |path: PathBuf| base.join(path);
        Self {
            authorities: self.authorities.into_iter().map(join).collect(),
            revoked: self.revoked.into_iter().map(join).collect(),
            certificate: self.certificate.map(join),
            key: self.key.map(join),
        }
    }
}
