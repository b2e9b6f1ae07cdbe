//! A folder of signed messages that all holders can read: on a shared disk, or copied from one to another by hand.
//!
//! Each message is a file of its own, named after round and sender and never replaced. Its sender signs it
//! with the key that the ledger has for it, so a party that can write to the folder cannot speak for another,
//! or blame it. A file that is not signed so, or cannot be read, is reported and counts as absent.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use ed25519_dalek::SigningKey;
use merits_guard::output::{self, Readers};
use merits_party::public_line::{self, PublicLine};
use merits_primitives::ids::PartyId;
use merits_threshold::{
    ceremony::Ceremony,
    message::{Round, Slot},
    standing,
};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    signature::{PublicKey, SIGNATURE_BYTES, sign},
};
use thiserror::Error;

/// Most bytes of a message: shares for 31 others have fewer than 5,000.
const MOST_MESSAGE_BYTES: usize = 1 << 14;

/// Most bytes of a file.
const MOST_FILE_BYTES: u64 = 1 << 16;

/// A message with its sender's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedMessage {
    /// The bytes of the message.
    pub message: Vec<u8>,
    /// By the key that the ledger has for the sender, over ceremony, round, sender and message.
    pub signature: [u8; SIGNATURE_BYTES],
}

impl Canonical for SignedMessage {
    const NAME: &'static str = "signed key-generation message";

    fn write(&self, out: &mut Writer) {
        out.bytes(&self.message);
        out.array(&self.signature);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            message: input.bytes("message", MOST_MESSAGE_BYTES)?.to_vec(),
            signature: input.array("signature")?,
        })
    }
}

impl PublicLine for SignedMessage {
    const WORD: &'static str = "merits-key-generation-message/v1";
    const WHAT: &'static str = "a message of a key generation";
}

/// The folder cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BoardError {
    /// The system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Something else lies where this party's message belongs.
    #[error(
        "{0} is there already, and this party's present key did not sign it: look who put it there, and move it \
         away. If this party rotated its key meanwhile, begin another attempt"
    )]
    Taken(PathBuf),
}

/// A file that counts as absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

/// The messages of one ceremony in a folder.
#[derive(Debug)]
pub struct Board<'b> {
    folder: &'b Path,
    ceremony: &'b Ceremony,
    keys: &'b BTreeMap<PartyId, PublicKey>,
}

impl<'b> Board<'b> {
    /// The messages of these holders in this folder.
    pub fn new(
        folder: &'b Path,
        ceremony: &'b Ceremony,
        keys: &'b BTreeMap<PartyId, PublicKey>,
    ) -> Self {
        Self {
            folder,
            ceremony,
            keys,
        }
    }

    /// Everything that is published and rightly signed. It fails only where the folder itself is not there.
    ///
    /// # Errors
    /// [`BoardError`].
    pub fn read(&self) -> Result<(standing::Board, Vec<Ignored>), BoardError> {
        fs::read_dir(self.folder).map_err(|source| BoardError::Io {
            path: self.folder.to_owned(),
            source,
        })?;
        let (mut board, mut ignored) = (standing::Board::new(), Vec::new());
        for (party, key) in self.keys {
            for round in Round::ALL {
                let slot = Slot {
                    round,
                    party: *party,
                };
                let path = self.path(slot);
                let text = match merits_text::file::read_at_most(&path, MOST_FILE_BYTES) {
                    Ok(text) => text,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    // Whoever can write to the folder could otherwise stop everybody by a file of nonsense.
                    Err(error) => {
                        let why = error.to_string();
                        ignored.push(Ignored { path, why });
                        continue;
                    }
                };
                match self.verified(slot, key, &text) {
                    Ok(message) => {
                        board.insert(slot, message);
                    }
                    Err(why) => ignored.push(Ignored { path, why }),
                }
            }
        }
        Ok((board, ignored))
    }

    /// Publishes a message of this party. A file that is there stays.
    ///
    /// # Errors
    /// [`BoardError`].
    pub fn publish(&self, slot: Slot, message: &[u8], key: &SigningKey) -> Result<(), BoardError> {
        let path = self.path(slot);
        let signed = SignedMessage {
            message: message.to_vec(),
            signature: sign(key, &self.signed_bytes(slot, message)),
        };
        let line = public_line::to_line(&signed);
        output::make_own(&path, Readers::Everybody, |file| {
            file.write_all(line.as_bytes())
        })
        .map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => BoardError::Taken(path),
            _ => BoardError::Io { path, source },
        })
    }

    /// `<first digits of the ceremony>-<round>-<sender>.txt`
    fn path(&self, slot: Slot) -> PathBuf {
        let digest = self.ceremony.digest();
        let ceremony = hex::encode(digest.first_chunk::<8>().unwrap_or(&[0; 8]));
        let (number, round) = (slot.round as u8, slot.round);
        let sender = hex::encode(slot.party.0);
        self.folder
            .join(format!("{ceremony}-{number}-{round}-{sender}.txt"))
    }

    fn verified(&self, slot: Slot, key: &PublicKey, text: &str) -> Result<Vec<u8>, String> {
        let signed: SignedMessage =
            public_line::from_line(text).map_err(|fault| fault.to_string())?;
        key.verify(&self.signed_bytes(slot, &signed.message), &signed.signature)
            .map_err(|_| {
                "it is not signed by the key that the ledger has for its sender".to_owned()
            })?;
        Ok(signed.message)
    }

    fn signed_bytes(&self, slot: Slot, message: &[u8]) -> Vec<u8> {
        let mut out = Writer::new();
        out.text("merits/dkg/signed-message/v1");
        out.text(self.ceremony.origin().as_str());
        out.array(&self.ceremony.digest());
        out.u8(slot.round as u8);
        out.array(&slot.party.0);
        out.bytes(message);
        out.into_bytes()
    }
}
