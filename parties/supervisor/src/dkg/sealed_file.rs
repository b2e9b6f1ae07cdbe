//! JSON files with a public part and a secret under a passphrase, which the public part is bound to.

use std::{
    fs::OpenOptions,
    io::{self, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use merits_guard::{
    Guard, GuardError, Secret, input,
    output::{self, Readers},
};
use merits_keyfile::passphrase::{
    Derivation, NONCE_BYTES, PassphraseError, PassphraseKey, check_new,
};
use merits_primitives::field;
use merits_text::damage::Damage;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;
use zeroize::Zeroizing;

/// Most bytes of such a file: the state of a ceremony with the most holders has about 1 MiB in hexadecimal.
const MOST_BYTES: u64 = 1 << 22;

/// Why such a file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SealedFileError {
    /// The system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Others may read, change or replace it; or it is not there.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// It is not such a file.
    #[error("{path} cannot be read as a file of the kind {kind}: {why}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What was expected.
        kind: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The passphrase.
    #[error("{path}: {source}")]
    Passphrase {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PassphraseError,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form<P> {
    merits: String,
    public: P,
    kdf: Derivation,
    /// 12 bytes, in hexadecimal.
    nonce: String,
    /// In hexadecimal, with its tag.
    sealed: String,
}

/// The public part of a kind of file.
pub(crate) trait Public: Serialize + DeserializeOwned {
    /// The value of the key `merits`.
    const KIND: &'static str;
}

/// A file whose key was derived. Deriving takes a tenth of a second and 64 MiB, so it is done once.
pub(crate) struct SealedFile<P> {
    path: PathBuf,
    public: P,
    kdf: Derivation,
    key: PassphraseKey,
}

impl<P: Public> SealedFile<P> {
    /// A file that is not there yet.
    pub(crate) fn new(
        path: &Path,
        public: P,
        passphrase: &str,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, SealedFileError> {
        let refused = |source| SealedFileError::Passphrase {
            path: path.to_owned(),
            source,
        };
        check_new(passphrase).map_err(refused)?;
        let kdf = Derivation::fresh(rng);
        let key = kdf.key(passphrase).map_err(refused)?;
        Ok(Self {
            path: path.to_owned(),
            public,
            kdf,
            key,
        })
    }

    /// Opens a file.
    pub(crate) fn open(
        path: &Path,
        passphrase: &str,
    ) -> Result<(Self, Zeroizing<Vec<u8>>), SealedFileError> {
        let form = |why: String| SealedFileError::Form {
            path: path.to_owned(),
            kind: P::KIND,
            why,
        };
        let refused = |source| SealedFileError::Passphrase {
            path: path.to_owned(),
            source,
        };
        let (_, file) = read::<P>(path)?;
        let nonce = nonce(&file.nonce).ok_or_else(|| form("its nonce is damaged".to_owned()))?;
        let sealed = hex::decode(&file.sealed)
            .map_err(|_| form("what is sealed is not hexadecimal".to_owned()))?;
        let key = file.kdf.key(passphrase).map_err(refused)?;
        let bound = bound(&file.public, &file.kdf);
        let secret = key.open(&nonce, &bound, &sealed).map_err(refused)?;
        let opened = Self {
            path: path.to_owned(),
            public: file.public,
            kdf: file.kdf,
            key,
        };
        Ok((opened, secret))
    }

    /// The same secret's file under another name, for what is written next.
    pub(crate) fn named(mut self, path: &Path) -> Self {
        self.path = path.to_owned();
        self
    }

    /// The public part.
    pub(crate) fn public(&self) -> &P {
        &self.public
    }

    /// Makes the file, which must not be there. It has its name only when it is whole and on the disk.
    pub(crate) fn make(
        &self,
        secret: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<(), SealedFileError> {
        let text = self.text(secret, rng)?;
        merits_guard::check_folder(&self.path)?;
        output::make_own(&self.path, Readers::Owner, |file| file.write_all(&text))
            .map_err(|source| self.io(source))
    }

    /// Replaces the file. After a crash the old file or the new one is there, whole.
    pub(crate) fn replace(
        &self,
        secret: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<(), SealedFileError> {
        let text = self.text(secret, rng)?;
        output::replace_own(&self.path, Readers::Owner, |file| file.write_all(&text))
            .map_err(|source| self.io(source))
    }

    fn text(&self, secret: &[u8], rng: &mut impl CryptoRng) -> Result<Vec<u8>, SealedFileError> {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let bound = bound(&self.public, &self.kdf);
        let sealed = self.key.seal(&nonce, &bound, secret).map_err(|source| {
            SealedFileError::Passphrase {
                path: self.path.clone(),
                source,
            }
        })?;
        let form = Form {
            merits: P::KIND.to_owned(),
            public: &self.public,
            kdf: self.kdf.clone(),
            nonce: hex::encode(nonce),
            sealed: hex::encode(sealed),
        };
        let mut text = serde_json::to_vec_pretty(&form).map_err(|error| self.io(error.into()))?;
        text.push(b'\n');
        Ok(text)
    }

    fn io(&self, source: io::Error) -> SealedFileError {
        SealedFileError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

/// What a file says without its passphrase. Nothing proves it: whoever can write the file can change it.
pub(crate) fn public_part<P: Public>(path: &Path) -> Result<P, SealedFileError> {
    let (text, file) = read::<P>(path)?;
    sealed_at(path, &text, &file)?;
    Ok(file.public)
}

/// Overwrites the secret of a file with zeros. The public part stays, so a run that is stopped anywhere in between
/// leaves a file that still says what it was.
pub(crate) fn erase<P: Public>(path: &Path) -> Result<(), SealedFileError> {
    let io = |source| SealedFileError::Io {
        path: path.to_owned(),
        source,
    };
    let (text, form) = read::<P>(path)?;
    let at = sealed_at(path, &text, &form)?;
    let mut file = merits_guard::open_state(path, OpenOptions::new().write(true))?;
    file.seek(SeekFrom::Start(at as u64)).map_err(io)?;
    file.write_all(&vec![b'0'; form.sealed.len()]).map_err(io)?;
    file.sync_all().map_err(io)
}

/// Whether the secret of a file was overwritten, and the public part of the file.
pub(crate) fn is_erased<P: Public>(path: &Path) -> Result<(P, bool), SealedFileError> {
    let (text, file) = read::<P>(path)?;
    sealed_at(path, &text, &file)?;
    let is_erased = file.sealed.bytes().all(|digit| digit == b'0');
    Ok((file.public, is_erased))
}

/// Where the digits of the sealed secret begin in the text.
fn sealed_at<P: Public>(
    path: &Path,
    text: &[u8],
    form: &Form<P>,
) -> Result<usize, SealedFileError> {
    const KEY: &[u8] = b"\"sealed\"";
    let digits = form.sealed.as_bytes();
    let key = text.windows(KEY.len()).rposition(|part| part == KEY);
    let found = key.and_then(|key| {
        let rest = text.get(key..)?;
        let mut parts = rest.windows(digits.len().max(1));
        Some(key + parts.position(|part| part == digits)?)
    });
    let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
    found
        .filter(|_| is_hexadecimal)
        .ok_or_else(|| SealedFileError::Form {
            path: path.to_owned(),
            kind: P::KIND,
            why: "what is sealed is not hexadecimal".to_owned(),
        })
}

/// The text of a file, and what it holds.
fn read<P: Public>(path: &Path) -> Result<(Vec<u8>, Form<P>), SealedFileError> {
    let form = |why: String| SealedFileError::Form {
        path: path.to_owned(),
        kind: P::KIND,
        why,
    };
    let opened = merits_guard::open(path, Guard::Private(Secret::ViewKeyShare))?;
    let mut text = Vec::new();
    input::whole(opened, &mut text, MOST_BYTES).map_err(|source| SealedFileError::Io {
        path: path.to_owned(),
        source,
    })?;
    let damage = |line| Damage::of(&text, Some(P::KIND), line).to_string();
    let file: Form<P> =
        serde_json::from_slice(&text).map_err(|error| form(damage(error.line())))?;
    if file.merits != P::KIND {
        return Err(form(damage(1)));
    }
    Ok((text, file))
}

/// What the seal authenticates: the kind, the public part, and how the key is derived.
fn bound<P: Public>(public: &P, kdf: &Derivation) -> [u8; 32] {
    let public = serde_json::to_vec(public).unwrap_or_default();
    let numbers: Vec<u8> = kdf
        .numbers()
        .into_iter()
        .flat_map(u32::to_le_bytes)
        .collect();
    field::digest(
        "merits/sealed-file/v1",
        &[P::KIND.as_bytes(), &public, &numbers, kdf.salt()],
    )
}

fn nonce(digits: &str) -> Option<[u8; NONCE_BYTES]> {
    let mut nonce = [0; NONCE_BYTES];
    hex::decode_to_slice(digits, &mut nonce).ok()?;
    Some(nonce)
}
