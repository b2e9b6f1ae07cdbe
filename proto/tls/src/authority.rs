//! An authority's folder: its certificate, its key, and its list of revoked certificates.
//!
//! The key gets its name last, so a run that is cut off leaves no half of an authority: the same call makes it again,
//! or [`Authority::open`] finds the key. Nothing that the authority makes is written over one of its own files.

use std::{
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use merits_guard::{
    Guard, GuardError, Secret, folder,
    output::{Kind, Output, OutputError, Readers, replace_own},
    protected::Protected,
};
use merits_primitives::calendar::Timestamp;
use rand_core::CryptoRng;
use serde::Serialize;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    issue::{self, IssueError, Key, Signed},
    pair,
};

const CERTIFICATE: &str = "authority.pem";
const KEY: &str = "authority.key";
const LIST: &str = "revoked.pem";
const REGISTER: &str = "revoked.list";

/// Most bytes of a request or a certificate: each has some hundreds.
const MOST_BYTES: u64 = 1 << 16;

/// Most bytes of the register: 9,000 revoked certificates. Their list then has less than the 1 MiB that a party reads.
const MOST_REGISTER: u64 = 1 << 19;

/// Most bytes of a private key's file.
const MOST_KEY: usize = 1 << 14;

/// A certificate's file. It replaces an earlier certificate.
pub const PEM_CERTIFICATE: Kind<'static> =
    Kind::new("a certificate", Readers::Everybody).replacing(b"-----BEGIN CERTIFICATE-----");

/// A request's file. It replaces an earlier request.
pub const PEM_REQUEST: Kind<'static> = Kind::new("a request for a certificate", Readers::Everybody)
    .replacing(b"-----BEGIN CERTIFICATE REQUEST-----");

/// Why an authority does not do what it is asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// No name.
    #[error("the authority needs a name, by which people know it: give one with --name")]
    NoName,
    /// The folder has an authority. Everybody trusts by its certificate, so it is never replaced.
    #[error(
        "{} has an authority already: name another folder. If its key is lost, move what is left away, and have \
         everybody take its certificate out of `authorities`",
        .0.display()
    )]
    There(PathBuf),
    /// The folder has a key and no certificate.
    #[error(
        "{} is an authority's key without its certificate {CERTIFICATE}: put that back (everybody has it among \
         their `authorities`), or name another folder",
        .0.display()
    )]
    KeyAlone(PathBuf),
    /// The folder has no authority.
    #[error(
        "{} has no authority: there is no {CERTIFICATE}. Name the folder that `merits tls ca` made",
        .0.display()
    )]
    Missing(PathBuf),
    /// Certificate and key.
    #[error("{} and {KEY} beside it: {source}", certificate.display())]
    Halves {
        /// The certificate.
        certificate: PathBuf,
        /// What is wrong with the two.
        source: IssueError,
    },
    /// The register of revoked certificates.
    #[error(
        "{} is damaged: put it back from a backup, because the list of revoked certificates is made from it",
        .0.display()
    )]
    Register(PathBuf),
    /// A file that is no text.
    #[error("{} is not PEM", .0.display())]
    NotPem(PathBuf),
    /// A request or a certificate.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: IssueError,
    },
    /// The system.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A private file that others may read, or a folder in which others write.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A file that must not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// What was to be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
}

fn io_at(path: &Path) -> impl Fn(io::Error) -> AuthorityError {
    move |source| AuthorityError::Io {
        path: path.to_owned(),
        source,
    }
}

/// A new authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MadeAuthority {
    /// Its certificate, for everybody.
    pub certificate: PathBuf,
    /// Its key, which stays with it.
    pub key: PathBuf,
}

/// A certificate on the list of revoked ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revoked {
    /// Its serial in hexadecimal digits.
    pub serial: String,
    /// The list, for everybody.
    pub list: PathBuf,
}

/// An authority whose certificate and key belong together.
#[derive(Debug)]
pub struct Authority {
    dir: PathBuf,
    certificate: String,
    key: Key,
}

impl Authority {
    /// Makes an authority in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`AuthorityError`]; then the same call can be made again.
    pub fn make(
        dir: &Path,
        name: &str,
        now: Timestamp,
        days: u32,
        rng: &mut impl CryptoRng,
    ) -> Result<MadeAuthority, AuthorityError> {
        if name.trim().is_empty() {
            return Err(AuthorityError::NoName);
        }
        let made = issue::authority(name, now, days, rng)?;
        let (certificate, key) = (dir.join(CERTIFICATE), dir.join(KEY));
        if certificate.exists() {
            return Err(AuthorityError::There(dir.to_owned()));
        }
        if key.exists() {
            return Err(AuthorityError::KeyAlone(key));
        }
        merits_guard::create_folder(dir).map_err(io_at(dir))?;
        // First the key, under another name: a certificate without it would be of no use.
        let next = pair::next_key(&key);
        merits_guard::check_folder(&next)?;
        replace_own(&next, Readers::Owner, |out| {
            out.write_all(made.key.0.as_bytes())
        })
        .map_err(io_at(&next))?;
        Output::write(&certificate, PEM_CERTIFICATE, made.pem.as_bytes())?;
        folder::rename(&next, &key).map_err(io_at(&key))?;
        Ok(MadeAuthority { certificate, key })
    }

    /// Reads an authority's files, and checks that they belong together. A key that waits because its making was cut
    /// off gets its name.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn open(dir: &Path) -> Result<Self, AuthorityError> {
        let file = dir.join(CERTIFICATE);
        if !file.exists() {
            return Err(AuthorityError::Missing(dir.to_owned()));
        }
        let certificate = read_pem(&file)?;
        let path = dir.join(KEY);
        let next = pair::next_key(&path);
        let waits = !path.exists() && next.exists();
        let key = read_key(if waits { &next } else { &path }, Secret::TlsAuthority)?;
        let authority = Self {
            dir: dir.to_owned(),
            certificate,
            key,
        };
        issue::check_authority(authority.parts()).map_err(|source| AuthorityError::Halves {
            certificate: file,
            source,
        })?;
        if waits {
            folder::rename(&next, &path).map_err(io_at(&path))?;
        }
        Ok(authority)
    }

    /// Checks that the authority's own certificate is good at this time.
    ///
    /// # Errors
    /// [`IssueError::NotNow`].
    pub fn check_time(&self, now: Timestamp) -> Result<(), IssueError> {
        issue::check_time(&self.certificate, now)
    }

    /// Makes the certificate that a request (PEM) asks for: [`issue::sign`].
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn sign(
        &self,
        request: &str,
        now: Timestamp,
        days: u32,
        rng: &mut impl CryptoRng,
    ) -> Result<Signed, IssueError> {
        issue::sign(self.parts(), request, now, days, rng)
    }

    /// Makes the certificate that a request's file asks for, and writes it to `output`.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn sign_file(
        &self,
        request: &Path,
        output: &Path,
        now: Timestamp,
        days: u32,
        rng: &mut impl CryptoRng,
    ) -> Result<Signed, AuthorityError> {
        let mut kept = self.files();
        kept.keep(request, "the request");
        kept.admit(output, "the certificate")?;
        let signed = self.sign(&read_pem(request)?, now, days, rng);
        let signed = signed.map_err(|source| AuthorityError::File {
            path: request.to_owned(),
            source,
        })?;
        Output::write(output, PEM_CERTIFICATE, signed.pem.as_bytes())?;
        Ok(signed)
    }

    /// Puts a certificate of this authority on its list, and writes the list again. A certificate that is on it keeps
    /// its time.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn revoke(&self, certificate: &Path, now: Timestamp) -> Result<Revoked, AuthorityError> {
        let serial = issue::serial_of_own(&self.certificate, &read_pem(certificate)?);
        let serial = serial.map_err(|source| AuthorityError::File {
            path: certificate.to_owned(),
            source,
        })?;
        let register = self.dir.join(REGISTER);
        // Until the list is written: of two that revoke at once, one would write over what the other added.
        let _lock = lock(&register)?;
        let mut revoked = read_register(&register)?;
        if !revoked
            .iter()
            .any(|(known, _)| hex::encode(known) == serial)
        {
            let bytes = hex::decode(&serial).unwrap_or_default();
            revoked.push((bytes, now));
        }
        let lines: String = revoked
            .iter()
            .map(|(serial, time)| format!("{} {}\n", hex::encode(serial), time.as_millis()))
            .collect();
        let published = issue::revoked(self.parts(), &revoked, now)?;
        let list = self.dir.join(LIST);
        for (path, text) in [(&register, &lines), (&list, &published)] {
            replace_own(path, Readers::Everybody, |out| {
                out.write_all(text.as_bytes())
            })
            .map_err(io_at(path))?;
        }
        Ok(Revoked { serial, list })
    }

    fn parts(&self) -> (&str, &Key) {
        (&self.certificate, &self.key)
    }

    /// The files of the authority, which nothing else is written over.
    fn files(&self) -> Protected {
        let mut kept = Protected::new();
        for (name, what) in [
            (CERTIFICATE, "the authority's certificate"),
            (KEY, "the authority's key"),
            (LIST, "the authority's list of revoked certificates"),
            (REGISTER, "the authority's register of revoked certificates"),
        ] {
            kept.keep(&self.dir.join(name), what);
        }
        let next = pair::next_key(&self.dir.join(KEY));
        kept.keep(&next, "the authority's key");
        kept
    }
}

/// Waits until no other process changes the register.
fn lock(register: &Path) -> Result<std::fs::File, AuthorityError> {
    let mut path = register.to_owned();
    path.as_mut_os_string().push(".lock");
    let file = merits_guard::open_lock(&path)?;
    file.lock().map_err(io_at(&path))?;
    Ok(file)
}

/// Serials, each with the time at which it was revoked: in the file, hexadecimal digits and milliseconds since 1970.
fn read_register(path: &Path) -> Result<Vec<(Vec<u8>, Timestamp)>, AuthorityError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let line = |line: &str| {
        let (serial, time) = line.split_once(' ')?;
        let time = Timestamp::from_millis(time.parse().ok()?);
        Some((hex::decode(serial).ok()?, time))
    };
    let lines: Option<Vec<_>> = read_text(path, MOST_REGISTER)?.lines().map(line).collect();
    lines.ok_or_else(|| AuthorityError::Register(path.to_owned()))
}

/// Reads a request or a certificate.
fn read_pem(path: &Path) -> Result<String, AuthorityError> {
    read_text(path, MOST_BYTES)
}

/// Reads a public file.
fn read_text(path: &Path, most: u64) -> Result<String, AuthorityError> {
    let bytes = merits_guard::input::read(path, most).map_err(io_at(path))?;
    String::from_utf8(bytes).map_err(|_| AuthorityError::NotPem(path.to_owned()))
}

/// Reads a private key's file.
pub(crate) fn read_key(path: &Path, secret: Secret) -> Result<Key, AuthorityError> {
    let file = merits_guard::open(path, Guard::Private(secret))?;
    let mut text = Zeroizing::new(String::with_capacity(MOST_KEY));
    file.take(MOST_KEY as u64)
        .read_to_string(&mut text)
        .map_err(merits_guard::explain::reading)
        .map_err(io_at(path))?;
    Ok(Key(text))
}
