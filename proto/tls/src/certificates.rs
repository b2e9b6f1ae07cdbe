//! Certificates from their files, read again when the files change: a new certificate, authority or
//! list of revoked ones needs no restart.

use std::{
    fmt, fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use rustls::{
    RootCertStore,
    client::WebPkiServerVerifier,
    pki_types::CertificateRevocationListDer,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
};

use crate::{
    files::TlsFiles,
    pair,
    pem_file::{TlsError, provider, read_certificates, read_pem},
};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What the files of a configuration hold.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) trust: Arc<Watched<Trust>>,
    pub(crate) own: Option<Arc<Watched<Own>>>,
}

impl Tls {
    pub(crate) fn watched(files: &TlsFiles) -> Result<Arc<Self>, TlsError> {
        let (trust, own) = (Trust::watched(files)?, watched_own(files)?);
        Ok(Arc::new(Self { trust, own }))
    }
}

/// Whose certificates are taken.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) callers: Arc<dyn ClientCertVerifier>,
    pub(crate) servers: Arc<WebPkiServerVerifier>,
}

impl Trust {
    fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for path in &files.authorities {
            for certificate in read_certificates(path)? {
                roots.add(certificate).map_err(|error| TlsError::File {
                    path: path.clone(),
                    reason: format!("is not an authority's certificate: {error}"),
                })?;
            }
        }
        if roots.is_empty() {
            return Err(TlsError::NoAuthorities);
        }
        let mut revoked = Vec::new();
        for path in &files.revoked {
            revoked.extend(read_pem::<CertificateRevocationListDer<'static>>(path)?);
        }
        let (roots, lists) = (Arc::new(roots), || revoked.clone());
        let unusable = |error: &dyn fmt::Display| TlsError::Lists(error.to_string());
        let callers = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider())
            .with_crls(lists())
            .allow_unknown_revocation_status()
            .build()
            .map_err(|error| unusable(&error))?;
        let servers = WebPkiServerVerifier::builder_with_provider(roots, provider())
            .with_crls(lists())
            .allow_unknown_revocation_status()
            .build()
            .map_err(|error| unusable(&error))?;
        Ok(Self { callers, servers })
    }

    fn watched(files: &TlsFiles) -> Result<Arc<Watched<Self>>, TlsError> {
        let all = files.authorities.iter().chain(&files.revoked).cloned();
        let (all, files) = (all.collect(), files.clone());
        Watched::new(all, move || Self::load(&files))
    }
}

/// The certificate of this end, and its key.
pub(crate) type Own = CertifiedKey;

fn watched_own(files: &TlsFiles) -> Result<Option<Arc<Watched<Own>>>, TlsError> {
    let (certificate, key) = match (&files.certificate, &files.key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        (Some(_), None) => return Err(TlsError::Half("key")),
        (None, Some(_)) => return Err(TlsError::Half("certificate")),
    };
    let all = vec![certificate.clone(), key.clone(), pair::next_key(&key)];
    Watched::new(all, move || pair::load(&certificate, &key)).map(Some)
}

type Stamp = Vec<Option<(SystemTime, u64)>>;

/// What was read from files, and is read again when one of them changes. What cannot be read then
/// is logged, what was read before stays, and it is tried again: a file that was only being written, or
/// a system without free descriptors, must not keep a revoked certificate good.
pub(crate) struct Watched<T> {
    files: Vec<PathBuf>,
    load: Box<dyn Fn() -> Result<T, TlsError> + Send + Sync>,
    present: Mutex<Present<T>>,
}

struct Present<T> {
    value: Arc<T>,
    stamp: Stamp,
    /// Of files that could not be used: logged once.
    failed: Option<Stamp>,
    looked: Instant,
}

impl<T> fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl<T> Watched<T> {
    fn new(
        files: Vec<PathBuf>,
        load: impl Fn() -> Result<T, TlsError> + Send + Sync + 'static,
    ) -> Result<Arc<Self>, TlsError> {
        // Before it reads: a change in between is seen as one.
        let stamp = stamp(&files);
        let value = Arc::new(load()?);
        let present = Present {
            value,
            stamp,
            failed: None,
            looked: Instant::now(),
        };
        Ok(Arc::new(Self {
            files,
            load: Box::new(load),
            present: Mutex::new(present),
        }))
    }

    /// What the files say.
    pub(crate) fn get(&self) -> Arc<T> {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if present.looked.elapsed() >= LOOK_EVERY {
            present.looked = Instant::now();
            let now = stamp(&self.files);
            if now != present.stamp {
                match (self.load)() {
                    Ok(value) => {
                        tracing::info!(files = ?self.files, "files of TLS changed and were read again");
                        present.value = Arc::new(value);
                        present.stamp = now;
                        present.failed = None;
                    }
                    Err(error) => {
                        if present.failed.as_ref() != Some(&now) {
                            tracing::error!(%error, "files of TLS changed and cannot be used; what was read before stays");
                        }
                        present.failed = Some(now);
                    }
                }
            }
        }
        Arc::clone(&present.value)
    }
}

fn stamp(files: &[PathBuf]) -> Stamp {
    let one = |path: &PathBuf| {
        let found = fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    files.iter().map(one).collect()
}
