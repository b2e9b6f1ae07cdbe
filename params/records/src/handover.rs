//! The files that a person's wallet hands over: a request to be registered, a link to an account, a
//! ticket.
//!
//! Each is one JSON object in a file of mode 0600, which begins with what it is and for which
//! ledger. Wallet and receiver share these types and nothing else.
//!
//! - [`RegistrationRequest`] goes to a registrar. Nothing in it is secret.
//! - [`LinkFile`] goes to a source, which may know that the account and the pseudonym are one
//!   person's. It proves that its maker is that person.
//! - [`TicketFile`] goes to a distributor, sealed to the key that the ledger has for it: its
//!   contents make it possible to read the person's credits.

mod ticket;

use std::{
    io,
    path::{Path, PathBuf},
};

use merits_guard::{
    input,
    output::{Kind, Output, OutputError, Readers},
};
use merits_primitives::{
    calendar::Day,
    group::GroupRoot,
    identity::IdentityCommitment,
    ids::PartyId,
    owner::{Handle, RecordsBinding},
};
use merits_text::{damage::Damage, file::bytes_without_mark};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;
use zeroize::Zeroizing;

pub use self::ticket::{Ticket, TicketFile};
use crate::field_text;

/// Bytes of a proof.
pub const PROOF_BYTES: usize = 128;

/// Most bytes of a file. A ticket has 3,000, for any account's name.
const MAX_FILE_BYTES: u64 = 1 << 16;

/// Why a file that was handed over cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HandoverError {
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It may not be written there.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The file is not of the expected kind.
    #[error("{path} cannot be read as a {wanted} file: {reason}")]
    Kind {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        wanted: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Made for another ledger.
    #[error(
        "the file is for the ledger {found}, not for {expected}: its person has to make it again"
    )]
    OtherOrigin {
        /// The receiver's ledger.
        expected: String,
        /// The file's.
        found: String,
    },
    /// Made for another party.
    #[error("the file is for party {found}, not for {expected}: it went to the wrong receiver")]
    OtherParty {
        /// The receiver.
        expected: PartyId,
        /// The party that it names.
        found: PartyId,
    },
    /// A key under which nothing would be hidden.
    #[error(
        "the party's sealing key on the ledger is not a usable X25519 key: nothing was written"
    )]
    Key,
    /// It does not open.
    #[error(
        "the ticket does not open: it was sealed to another key (was the sealing key rotated?), or altered on the way"
    )]
    Sealed,
}

/// A kind of file.
pub trait Handover: Serialize + DeserializeOwned {
    /// The value of `merits`.
    const NAME: &'static str;
    /// What it is, in words with an article.
    const WHAT: &'static str;
    /// `merits` of this file.
    fn name(&self) -> &str;
    /// The ledger's origin.
    fn origin(&self) -> &str;

    /// Judges whether the file may be written, before the work for it, and writes nothing.
    ///
    /// # Errors
    /// [`OutputError`].
    fn admit(path: &Path) -> Result<(), OutputError> {
        let begins = beginning(Self::NAME);
        Output::check(path, kind::<Self>(&begins))
    }

    /// Writes the file, which only its owner reads; one of the same kind that was there is replaced.
    ///
    /// # Errors
    /// [`HandoverError::Output`].
    fn write(&self, path: &Path) -> Result<(), HandoverError> {
        let io = |source| HandoverError::Io {
            path: path.to_owned(),
            source: merits_guard::explain::writing(source),
        };
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| io(error.into()))
            .map(Zeroizing::new)?;
        text.push('\n');
        let begins = beginning(Self::NAME);
        Ok(Output::write(path, kind::<Self>(&begins), text.as_bytes())?)
    }

    /// Reads a file of this kind.
    ///
    /// # Errors
    /// [`HandoverError`].
    fn read(path: &Path) -> Result<Self, HandoverError> {
        let io = |source| HandoverError::Io {
            path: path.to_owned(),
            source: merits_guard::explain::reading(source),
        };
        let kind = |reason: String| HandoverError::Kind {
            path: path.to_owned(),
            wanted: Self::NAME,
            reason,
        };
        let mut text = Zeroizing::new(Vec::new());
        input::open(path)
            .and_then(|file| input::whole(file, &mut text, MAX_FILE_BYTES))
            .map_err(io)?;
        let read: Self = serde_json::from_slice(bytes_without_mark(&text))
            .map_err(|error| kind(Damage::of(&text, Some(Self::NAME), error.line()).to_string()))?;
        if read.name() != Self::NAME {
            let found: String = read.name().chars().take(40).collect();
            return Err(kind(format!("it says {found:?}")));
        }
        Ok(read)
    }

    /// Checks that the file is for this ledger.
    ///
    /// # Errors
    /// [`HandoverError::OtherOrigin`].
    fn expect_origin(&self, expected: &str) -> Result<(), HandoverError> {
        if self.origin() == expected {
            return Ok(());
        }
        Err(HandoverError::OtherOrigin {
            expected: expected.to_owned(),
            found: self.origin().chars().take(128).collect(),
        })
    }
}

/// The beginning of every file of this name.
fn beginning(name: &str) -> String {
    format!("{{\n  \"merits\": \"{name}\",\n")
}

fn kind<H: Handover>(begins: &str) -> Kind<'_> {
    Kind::new(H::WHAT, Readers::Owner).replacing(begins.as_bytes())
}

/// A person asks a registrar to be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationRequest {
    /// `registration-request/v1`.
    pub merits: String,
    /// The ledger's origin.
    pub origin: String,
    /// IC.
    #[serde(with = "field_text::element")]
    pub commitment: IdentityCommitment,
}

impl RegistrationRequest {
    /// A request.
    pub fn new(origin: &str, commitment: IdentityCommitment) -> Self {
        Self {
            merits: Self::NAME.to_owned(),
            origin: origin.to_owned(),
            commitment,
        }
    }
}

impl Handover for RegistrationRequest {
    const NAME: &'static str = "registration-request/v1";
    const WHAT: &'static str = "a registration request";
    fn name(&self) -> &str {
        &self.merits
    }

    fn origin(&self) -> &str {
        &self.origin
    }
}

/// A person's statement of the pseudonym of an account at a source.
///
/// The proof is of the statement `ticket`: scope = the source's, nullifier = h, message =
/// `link_message(origin, source, account)`, which the source computes itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkFile {
    /// `link/v1`.
    pub merits: String,
    /// The ledger's origin.
    pub origin: String,
    /// The source's party id.
    #[serde(with = "field_text::bytes")]
    pub source: [u8; 32],
    /// What the source calls the person.
    #[serde(deserialize_with = "merits_text::typed::name")]
    pub account: String,
    /// h, the statement's nullifier.
    #[serde(with = "field_text::element")]
    pub h: Handle,
    /// Root of the group of registered people.
    #[serde(with = "field_text::element")]
    pub root: GroupRoot,
    /// b of the statement.
    #[serde(with = "field_text::element")]
    pub b: RecordsBinding,
    /// The statement's day: the day on which it was made.
    #[serde(with = "field_text::day")]
    pub start: Day,
    /// The proof.
    #[serde(with = "field_text::bytes")]
    pub proof: [u8; PROOF_BYTES],
}

impl std::fmt::Debug for LinkFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkFile")
            .field("source", &PartyId(self.source))
            .field("start", &self.start)
            .finish_non_exhaustive()
    }
}

impl Handover for LinkFile {
    const NAME: &'static str = "link/v1";
    const WHAT: &'static str = "a link";
    fn name(&self) -> &str {
        &self.merits
    }

    fn origin(&self) -> &str {
        &self.origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::Fr;

    const ORIGIN: &str = "ledger.test/merits";

    #[test]
    fn files_are_read_back_as_their_own_kind() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("request.json");
        let request = RegistrationRequest::new(ORIGIN, IdentityCommitment(Fr::from(12u64)));
        request.write(&path).expect("written");
        assert_eq!(RegistrationRequest::read(&path).expect("read"), request);
        request.expect_origin(ORIGIN).expect("the same");
        assert!(request.expect_origin("other.test/merits").is_err());
        assert!(matches!(
            LinkFile::read(&path),
            Err(HandoverError::Kind { .. })
        ));
        let text = std::fs::read_to_string(&path).expect("text");
        std::fs::write(&path, text.replace("request/v1", "request/v2")).expect("written");
        assert!(matches!(
            RegistrationRequest::read(&path),
            Err(HandoverError::Kind { .. })
        ));
        std::fs::write(&path, vec![b' '; 70_000]).expect("written");
        assert!(matches!(
            RegistrationRequest::read(&path),
            Err(HandoverError::Io { .. })
        ));

        let link = LinkFile {
            merits: LinkFile::NAME.to_owned(),
            origin: ORIGIN.to_owned(),
            source: [1; 32],
            account: "rider 4".to_owned(),
            h: Handle(Fr::from(1u64)),
            root: GroupRoot(Fr::from(2u64)),
            b: RecordsBinding(Fr::from(3u64)),
            start: Day(20_000),
            proof: [4; PROOF_BYTES],
        };
        // Another file is there.
        for (refused, kind) in [
            (LinkFile::admit(&path), "is not a link,"),
            (TicketFile::admit(&path), "is not a ticket,"),
            (
                RegistrationRequest::admit(&path),
                "is not a registration request,",
            ),
        ] {
            let said = refused.expect_err(kind).to_string();
            assert!(said.contains(kind), "{said}");
        }
        assert!(matches!(
            link.write(&path),
            Err(HandoverError::Output(OutputError::OtherKind { .. }))
        ));
        assert_eq!(std::fs::read(&path).expect("there"), vec![b' '; 70_000]);
        let path = dir.path().join("link.json");
        link.write(&path).expect("written");
        assert_eq!(LinkFile::read(&path).expect("read"), link);
        LinkFile::admit(&path).expect("one of the same kind is replaced");
        link.write(&path).expect("written again");
        assert!(RegistrationRequest::admit(&path).is_err());
        assert!(!format!("{link:?}").contains("rider"));
    }
}
