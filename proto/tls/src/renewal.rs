//! The certificate and the key that a configuration names: how both are made and renewed.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use merits_guard::{
    Secret,
    output::{Readers, make_own, replace_own},
};
use serde::Serialize;

use crate::{
    TlsFiles,
    authority::{AuthorityError, read_key},
    issue::{self, IssueError, Key, Signed},
    names::Names,
    pair,
    pem_file::TlsError,
};

/// The files of a party's certificate and of its private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    certificate: PathBuf,
    key: PathBuf,
}

/// A request for a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Requested {
    /// The request (PEM).
    pub pem: String,
    /// Where a new key waits for its certificate; `None` if the request is for the key in its place.
    pub waits: Option<PathBuf>,
}

impl Renewal {
    /// Of the files that a table of TLS names; `None` unless it names both.
    pub fn of(files: TlsFiles) -> Option<Self> {
        Some(Self {
            certificate: files.certificate?,
            key: files.key?,
        })
    }

    /// The certificate's file.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The key's file.
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// Makes a request for the present key, or with `new_key` for a new one. Afterwards the key's file is there. A new
    /// key beside a present one waits for its certificate. `sign` gets the key's `SubjectPublicKeyInfo`.
    ///
    /// [`Renewal::settle`] comes first, because an earlier run may have ended between the certificate and the name of
    /// its key.
    ///
    /// # Errors
    /// Those of the files and of the request, or that of `sign`.
    pub fn request<E: From<AuthorityError> + From<IssueError>>(
        &self,
        sign: impl FnOnce(&[u8]) -> Result<Names, E>,
        hosts: &[String],
        new_key: bool,
    ) -> Result<Requested, E> {
        let next = pair::next_key(&self.key);
        let path = if new_key && self.key.exists() {
            &next
        } else {
            &self.key
        };
        // A key that waits was used for nothing but requests: it is taken again.
        let key = match path.exists() {
            true => Some(read_key(path, Secret::TlsKey)?),
            false => None,
        };
        let made = issue::request(sign, hosts, key.as_ref().map(|key| key.0.as_str()))?;
        if key.is_none() {
            keep_key(path, &made.key)?;
        }
        Ok(Requested {
            pem: made.pem,
            waits: (path == &next).then_some(next.clone()),
        })
    }

    /// Puts a certificate in its place. [`Renewal::settle`] then gives a key that waited for it its name.
    ///
    /// # Errors
    /// [`AuthorityError::Io`].
    pub fn install(&self, signed: &Signed) -> Result<(), AuthorityError> {
        let written = replace_own(&self.certificate, Readers::Everybody, |out| {
            out.write_all(signed.pem.as_bytes())
        });
        written.map_err(|source| at(&self.certificate, source))
    }

    /// Gives a key that waits its name, if the certificate is for it. `true` if there was one.
    ///
    /// # Errors
    /// [`TlsError`]; the same call again goes on where this one ended.
    pub fn settle(&self) -> Result<bool, TlsError> {
        pair::settle(&self.certificate, &self.key)
    }
}

fn keep_key(path: &Path, key: &Key) -> Result<(), AuthorityError> {
    merits_guard::check_folder(path)?;
    make_own(path, Readers::Owner, |file| {
        file.write_all(key.0.as_bytes())
    })
    .map_err(|source| at(path, source))
}

fn at(path: &Path, source: io::Error) -> AuthorityError {
    AuthorityError::Io {
        path: path.to_owned(),
        source,
    }
}
