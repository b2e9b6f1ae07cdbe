//! A directory of proving keys, one folder for each circuit, named by the circuit's digest.
//!
//! ```text
//! <store>/<circuit digest>/key.json               the manifest: what the key is, written last
//! <store>/<circuit digest>/circuit.r1cs           the constraint system
//! <store>/<circuit digest>/circuit.zkey           the proving key
//! <store>/<circuit digest>/verification_key.json  the verifying key
//! <store>/<circuit digest>/prepared/              the proving key as provers here map it; may be
//!                                                 deleted at any time, and is made again
//! ```
//!
//! A key that was made elsewhere is checked point by point once. The manifest then holds the digest
//! and length of the checked bytes, and every later start compares those and reads the points
//! unchecked. A manifest is only as trustworthy as the directory that holds it. Others verify under
//! the verifying key that the ledger names.
//!
//! Each file is written under a temporary name, flushed and renamed, so a crash leaves the old
//! state or the new one. The manifest is written last, so a key without a manifest does not exist.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use merits_guard::{
    input,
    output::{self, Readers},
};
use merits_verifier::groth16::{KeyDigest, KeyError, KeyPolicy, Provenance, VerifyingKey};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::groth16::{SetupError, set_up};
use crate::positioned::Positioned;
use crate::r1cs::R1cs;
use crate::snarkjs_json::{self, SnarkjsJsonError};
use crate::zkey::{Trust, Zkey, ZkeyError};

/// Name of the constraint system's file.
pub const R1CS_FILE: &str = "circuit.r1cs";
/// Name of the proving key's file.
pub const ZKEY_FILE: &str = "circuit.zkey";
/// Name of the verifying key's file.
pub const VERIFICATION_KEY_FILE: &str = "verification_key.json";
/// Name of the folder for files that can be made again from the proving key.
pub const PREPARED_DIR: &str = "prepared";
/// Name of the manifest.
pub const MANIFEST_FILE: &str = "key.json";
/// Environment variable that names the store which test runs and benches share.
pub const CACHE_VARIABLE: &str = "MERITS_KEY_CACHE";

const FORMAT: &str = "merits-key/1";

/// A store of keys in a directory.
#[derive(Clone, Debug)]
pub struct KeyStore {
    dir: PathBuf,
}

/// What the store knows about a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyManifest {
    /// Version of this file.
    pub format: String,
    /// SHA-256 of the circuit's `.r1cs` bytes, in hex.
    pub circuit: String,
    /// Constraints of the circuit.
    pub constraints: usize,
    /// Public inputs of the circuit.
    pub public_inputs: usize,
    /// How the key was made: `insecure-dev` or `ceremony`.
    pub provenance: String,
    /// The party that made or imported it.
    pub created_by: String,
    /// Length of the `.zkey` file in bytes.
    pub zkey_length: u64,
    /// SHA-256 of the `.zkey` file, in hex.
    pub zkey_sha256: String,
    /// Digest of the verifying key, in hex.
    pub verifying_key: String,
    /// Whether each point of exactly these bytes was checked, or the key was made here.
    pub checked: bool,
}

/// A key from the store, ready to prove with.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// The proving key and its matrices.
    pub zkey: Zkey,
    /// How it was made.
    pub provenance: Provenance,
    /// Its manifest.
    pub manifest: KeyManifest,
    /// The folder with its files.
    pub dir: PathBuf,
}

/// A key of the store that has not been read yet.
#[derive(Clone, Debug)]
pub struct KeyEntry {
    /// Its manifest.
    pub manifest: KeyManifest,
    /// How it was made.
    pub provenance: Provenance,
    /// The folder with its files.
    pub dir: PathBuf,
}

/// Why the store has no usable key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyStoreError {
    /// A file cannot be read or written.
    #[error("key store: {action} {}: {source}", path.display())]
    Io {
        /// The operation that failed.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The manifest is damaged.
    #[error("key store: {} is damaged ({reason}): delete its folder and make the key again", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key's bytes are not those that were stored.
    #[error(
        "key store: {} was torn or altered after it was stored ({reason}): \
         delete its folder and make the key again, or restore it from a copy", path.display()
    )]
    Altered {
        /// The file.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
    /// The bytes are those that were stored, but they are not a sound key.
    #[error("key store: {}: {source}", path.display())]
    Zkey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ZkeyError,
    },
    /// The verifying key's file is unsound.
    #[error("key store: {}: {source}", path.display())]
    VerifyingKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SnarkjsJsonError,
    },
    /// The policy refuses the key, or anybody could forge proofs under it.
    #[error(transparent)]
    Refused(#[from] KeyError),
    /// No key can be made for the circuit.
    #[error(transparent)]
    Setup(#[from] SetupError),
}

impl KeyStore {
    /// A store in `dir`, which is created when the first key is written.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The store that tests and benches share, so that a circuit's key is made once: the
    /// directory in [`CACHE_VARIABLE`], else `target/keys` of the enclosing workspace.
    #[must_use]
    pub fn shared() -> Self {
        if let Some(dir) = std::env::var_os(CACHE_VARIABLE) {
            return Self::new(dir);
        }
        let here = std::env::current_dir().unwrap_or_default();
        let root = here
            .ancestors()
            .find(|dir| dir.join("Cargo.lock").exists())
            .unwrap_or(&here);
        Self::new(root.join("target").join("keys"))
    }

    /// The folder of a circuit's key.
    #[must_use]
    pub fn dir_of(&self, circuit: &[u8; 32]) -> PathBuf {
        self.dir.join(hex::encode(circuit))
    }

    /// The key of a circuit; `None` if there is none.
    ///
    /// # Errors
    /// [`KeyStoreError`] if the policy refuses it or its files are not those that were stored.
    pub fn get(
        &self,
        circuit: &[u8; 32],
        policy: KeyPolicy,
    ) -> Result<Option<StoredKey>, KeyStoreError> {
        self.entry(circuit, policy)?.map(KeyEntry::read).transpose()
    }

    /// What the store knows about a circuit's key, without reading the key. `None` if there is
    /// none.
    ///
    /// # Errors
    /// [`KeyStoreError`] if the policy refuses it or its manifest is damaged.
    pub fn entry(
        &self,
        circuit: &[u8; 32],
        policy: KeyPolicy,
    ) -> Result<Option<KeyEntry>, KeyStoreError> {
        let dir = self.dir_of(circuit);
        let known = read_manifest(&dir, circuit, policy)?;
        Ok(known.map(|(manifest, provenance)| KeyEntry {
            manifest,
            provenance,
            dir,
        }))
    }

    /// The verifying key of a circuit alone, without reading the proving key.
    ///
    /// # Errors
    /// As [`KeyStore::get`].
    pub fn verifying_key(
        &self,
        circuit: &[u8; 32],
        policy: KeyPolicy,
    ) -> Result<Option<(VerifyingKey, Provenance)>, KeyStoreError> {
        let dir = self.dir_of(circuit);
        let Some((manifest, provenance)) = read_manifest(&dir, circuit, policy)? else {
            return Ok(None);
        };
        let path = dir.join(VERIFICATION_KEY_FILE);
        let json = merits_text::file::read(&path).map_err(at("reading", &path))?;
        let key = snarkjs_json::read_verification_key(&json).map_err(|source| {
            KeyStoreError::VerifyingKey {
                path: path.clone(),
                source,
            }
        })?;
        if key.digest().to_string() != manifest.verifying_key {
            let reason = "its digest differs".into();
            return Err(KeyStoreError::Altered { path, reason });
        }
        key.check()?;
        Ok(Some((key, provenance)))
    }

    /// The key of a circuit. If there is none, this party makes one, which is marked `insecure-dev`
    /// and refused unless the policy allows that. Concurrent callers make it once.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    pub fn get_or_set_up(
        &self,
        r1cs: &R1cs,
        created_by: &str,
        policy: KeyPolicy,
        rng: &mut impl CryptoRng,
    ) -> Result<StoredKey, KeyStoreError> {
        policy.admit(Provenance::InsecureDev)?;
        let circuit = r1cs.digest();
        if let Some(key) = self.get(&circuit, policy)? {
            return Ok(key);
        }
        let dir = self.dir_of(&circuit);
        let _lock = lock(&dir)?;
        if let Some(key) = self.get(&circuit, policy)? {
            return Ok(key);
        }
        let zkey = Zkey::new(set_up(r1cs, rng)?, r1cs);
        self.put(r1cs, zkey, &circuit, Provenance::InsecureDev, created_by)
    }

    /// Stores a key that was made elsewhere, after checking every point of it and that it belongs
    /// to the circuit. An existing key is replaced.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    pub fn import(
        &self,
        r1cs: &R1cs,
        zkey: &[u8],
        provenance: Provenance,
        created_by: &str,
        policy: KeyPolicy,
    ) -> Result<StoredKey, KeyStoreError> {
        policy.admit(provenance)?;
        let circuit = r1cs.digest();
        let dir = self.dir_of(&circuit);
        let unsound = |source| KeyStoreError::Zkey {
            path: dir.join(ZKEY_FILE),
            source,
        };
        let zkey = Zkey::read(zkey, Trust::Nothing).map_err(unsound)?;
        zkey.check_circuit(r1cs).map_err(unsound)?;
        let _lock = lock(&dir)?;
        self.put(r1cs, zkey, &circuit, provenance, created_by)
    }

    fn put(
        &self,
        r1cs: &R1cs,
        zkey: Zkey,
        circuit: &[u8; 32],
        provenance: Provenance,
        created_by: &str,
    ) -> Result<StoredKey, KeyStoreError> {
        let dir = self.dir_of(circuit);
        zkey.key.vk.check()?;
        // An old manifest must not vouch for new files while the new manifest is missing.
        remove_if_there(&dir.join(MANIFEST_FILE))?;
        write_atomically(&dir.join(R1CS_FILE), |out| r1cs.write(out))?;
        let mut digest = Sha256::new();
        let mut length = 0;
        write_atomically(&dir.join(ZKEY_FILE), |out| {
            zkey.write(&mut Observed {
                out,
                digest: &mut digest,
                length: &mut length,
            })
        })?;
        let json = snarkjs_json::verification_key(&zkey.key.vk);
        write_atomically(&dir.join(VERIFICATION_KEY_FILE), |out| {
            out.write_all(json.as_bytes())
        })?;
        let KeyDigest(verifying_key) = zkey.key.vk.digest();
        let manifest = KeyManifest {
            format: FORMAT.into(),
            circuit: hex::encode(circuit),
            constraints: r1cs.n_constraints(),
            public_inputs: r1cs.n_public as usize,
            provenance: provenance.to_string(),
            created_by: created_by.into(),
            zkey_length: length,
            zkey_sha256: hex::encode(digest.finalize()),
            verifying_key: hex::encode(verifying_key),
            checked: true,
        };
        write_manifest(&dir, &manifest)?;
        Ok(StoredKey {
            zkey,
            provenance,
            manifest,
            dir,
        })
    }
}

impl KeyEntry {
    /// SHA-256 of the `.zkey` file.
    ///
    /// # Errors
    /// [`KeyStoreError::Manifest`] if the manifest has none.
    pub fn zkey_sha256(&self) -> Result<[u8; 32], KeyStoreError> {
        let mut digest = [0; 32];
        hex::decode_to_slice(&self.manifest.zkey_sha256, &mut digest).map_err(|error| {
            KeyStoreError::Manifest {
                path: self.dir.join(MANIFEST_FILE),
                reason: format!("`zkey_sha256` is not a digest: {error}"),
            }
        })?;
        Ok(digest)
    }

    /// The folder for files that a prover makes from the key and can make again.
    #[must_use]
    pub fn prepared_dir(&self) -> PathBuf {
        self.dir.join(PREPARED_DIR)
    }

    /// Removes the files that provers made from the key. Running provers keep what they have
    /// mapped.
    ///
    /// Call it for a key that has not been checked yet: such files came with the key and must not
    /// be used.
    ///
    /// # Errors
    /// [`KeyStoreError::Io`].
    pub fn discard_prepared(&self) -> Result<(), KeyStoreError> {
        let dir = self.prepared_dir();
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(at("removing", &dir)(error))
            }
            _ => Ok(()),
        }
    }

    /// Reads the key. Its bytes must be those that this manifest names, even if the folder has
    /// changed since.
    ///
    /// # Errors
    /// [`KeyStoreError`] if its files are not those that were stored.
    pub fn read(self) -> Result<StoredKey, KeyStoreError> {
        if !self.manifest.checked {
            self.discard_prepared()?;
        }
        let Self {
            mut manifest,
            provenance,
            dir,
        } = self;
        let path = dir.join(ZKEY_FILE);
        let file = input::open(&path).map_err(at("reading", &path))?;
        let length = file.metadata().map_err(at("reading", &path))?.len();
        let altered = |reason| KeyStoreError::Altered {
            path: path.clone(),
            reason,
        };
        if length != manifest.zkey_length {
            let expected = manifest.zkey_length;
            return Err(altered(format!("{length} bytes instead of {expected}")));
        }
        let trust = if manifest.checked {
            Trust::Digest
        } else {
            Trust::Nothing
        };
        // The file is parsed while it is hashed, and the result is used only if the digest agrees.
        // Anybody who could change the file between the two could also write a prepared key beside
        // it.
        let (digest, zkey) = rayon::join(
            || sha256(Positioned::new(&file)),
            || Zkey::read_from(Positioned::new(&file), trust),
        );
        if hex::encode(digest.map_err(at("reading", &path))?) != manifest.zkey_sha256 {
            return Err(altered("its digest differs".into()));
        }
        let zkey = zkey.map_err(|source| KeyStoreError::Zkey {
            path: path.clone(),
            source,
        })?;
        if zkey.key.vk.digest().to_string() != manifest.verifying_key {
            return Err(altered(
                "it holds another verifying key than the manifest".into(),
            ));
        }
        if !manifest.checked {
            manifest.checked = true;
            write_manifest(&dir, &manifest)?;
        }
        Ok(StoredKey {
            zkey,
            provenance,
            manifest,
            dir,
        })
    }
}

fn read_manifest(
    dir: &Path,
    circuit: &[u8; 32],
    policy: KeyPolicy,
) -> Result<Option<(KeyManifest, Provenance)>, KeyStoreError> {
    let path = dir.join(MANIFEST_FILE);
    let text = match merits_text::file::read(&path) {
        Ok(text) => text,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(at("reading", &path)(source)),
    };
    let damaged = |reason| KeyStoreError::Manifest {
        path: path.clone(),
        reason,
    };
    let manifest: KeyManifest = serde_json::from_str(&text).map_err(|error| {
        let line = error.line();
        damaged(format!(
            "it was cut off, or changed by hand, near line {line}"
        ))
    })?;
    if manifest.format != FORMAT {
        return Err(damaged(format!(
            "format `{}` instead of `{FORMAT}`",
            manifest.format
        )));
    }
    if manifest.circuit != hex::encode(circuit) {
        return Err(damaged("it names another circuit than its folder".into()));
    }
    let provenance = [Provenance::InsecureDev, Provenance::Ceremony]
        .into_iter()
        .find(|known| known.to_string() == manifest.provenance)
        .ok_or_else(|| damaged(format!("unknown provenance `{}`", manifest.provenance)))?;
    policy.admit(provenance)?;
    Ok(Some((manifest, provenance)))
}

fn write_manifest(dir: &Path, manifest: &KeyManifest) -> Result<(), KeyStoreError> {
    write_atomically(&dir.join(MANIFEST_FILE), |out| {
        serde_json::to_writer_pretty(&mut *out, manifest)?;
        out.write_all(b"\n")
    })
}

/// Keeps other processes from making the same key at the same time.
fn lock(dir: &Path) -> Result<File, KeyStoreError> {
    merits_guard::create_shared_folder(dir).map_err(at("creating", dir))?;
    let path = dir.join("lock");
    let file = merits_guard::open_lock(&path)
        .map_err(|error| at("locking", &path)(io::Error::other(error)))?;
    file.lock().map_err(at("locking", &path))?;
    Ok(file)
}

fn remove_if_there(path: &Path) -> Result<(), KeyStoreError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(at("removing", path)(source))
        }
        _ => Ok(()),
    }
}

/// Replaces a file: a crash leaves the old one or the new one.
fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), KeyStoreError> {
    output::replace_own(path, Readers::Everybody, write).map_err(at("writing", path))
}

fn at<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> KeyStoreError + use<'a> {
    move |source| KeyStoreError::Io {
        action,
        path: path.to_owned(),
        source: if action == "writing" {
            merits_guard::explain::writing(source)
        } else {
            merits_guard::explain::reading(source)
        },
    }
}

fn sha256(mut input: impl Read) -> io::Result<[u8; 32]> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match input.read(&mut buffer)? {
            0 => return Ok(digest.finalize().into()),
            read => digest.update(&buffer[..read]),
        }
    }
}

/// Hashes and counts what passes through.
struct Observed<'a, W> {
    out: &'a mut W,
    digest: &'a mut Sha256,
    length: &'a mut u64,
}

impl<W: Write> Write for Observed<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buf)?;
        self.digest.update(&buf[..written]);
        *self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
