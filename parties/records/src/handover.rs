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
    field,
    group::GroupRoot,
    identity::IdentityCommitment,
    ids::{PartyId, Period},
    message::SALT_BYTES,
    nullifier::Nullifier,
    owner::{Handle, OwnerKey, RecordsBinding},
};
use merits_sealing::{Sealed, SealingKey};
use merits_text::{damage::Damage, file::bytes_without_mark};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::field_text;

/// Bytes of a proof.
pub const PROOF_BYTES: usize = 128;

/// Most bytes of a file: a ticket has 3,000, whatever the account's name.
const MAX_FILE_BYTES: u64 = 1 << 16;

/// Separates sealed tickets from everything else that is sealed to a party.
const INFO: &[u8] = b"merits/sealed-ticket/v2";

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
        /// Whom it names.
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
            source: merits_guard::words::writing(source),
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
            source: merits_guard::words::reading(source),
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

    /// The file is for this ledger.
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

/// How every file of this name begins.
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

/// A person says which pseudonym an account of a source has.
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

/// A ticket, sealed to its distributor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketFile {
    /// `ticket/v2`: `ticket/v1` did not name the version of the scale.
    pub merits: String,
    /// The ledger's origin.
    pub origin: String,
    /// The distributor's party id.
    #[serde(with = "field_text::bytes")]
    pub distributor: [u8; 32],
    /// HPKE's encapsulated key.
    #[serde(with = "field_text::bytes")]
    pub encapsulated: [u8; 32],
    /// Ciphertext and tag, in hexadecimal digits.
    pub sealed: String,
}

impl Handover for TicketFile {
    const NAME: &'static str = "ticket/v2";
    const WHAT: &'static str = "a ticket";
    fn name(&self) -> &str {
        &self.merits
    }
    fn origin(&self) -> &str {
        &self.origin
    }
}

/// What a distributor gets: the ticket as it is deposited, and values that only the distributor may
/// see.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// What the distributor's records call the person.
    #[serde(deserialize_with = "merits_text::typed::name")]
    pub account: String,
    /// The scale's id.
    pub scale: String,
    /// The version that is consented to.
    pub version: u32,
    /// The period.
    #[serde(with = "field_text::period")]
    pub period: Period,
    /// Party id of the source of the records.
    #[serde(with = "field_text::bytes")]
    pub source: [u8; 32],
    /// Expiry bucket.
    pub expiry: u32,
    /// Digest of the published terms.
    #[serde(with = "field_text::bytes")]
    pub terms: [u8; 32],
    /// Salt of the message.
    #[serde(with = "field_text::bytes")]
    pub salt: [u8; SALT_BYTES],
    /// Root of the group of registered people.
    #[serde(with = "field_text::element")]
    pub root: GroupRoot,
    /// nf.
    #[serde(with = "field_text::element")]
    pub nullifier: Nullifier,
    /// b.
    #[serde(with = "field_text::element")]
    pub b: RecordsBinding,
    /// The proof of the statement `ticket`.
    #[serde(with = "field_text::bytes")]
    pub proof: [u8; PROOF_BYTES],
    /// K. Secret.
    #[serde(with = "field_text::element")]
    pub key: OwnerKey,
    /// h at the source.
    #[serde(with = "field_text::element")]
    pub h: Handle,
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket")
            .field("scale", &self.scale)
            .field("period", &self.period)
            .finish_non_exhaustive()
    }
}

impl Ticket {
    /// Seals the ticket to a distributor's key, as the ledger has it (X25519), for this ledger and
    /// distributor only.
    ///
    /// # Errors
    /// [`HandoverError::Key`] for a key under which nothing would be hidden.
    pub fn seal(
        &self,
        origin: &str,
        distributor: &PartyId,
        sealing_key: &[u8; 32],
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<TicketFile, HandoverError> {
        let text = serde_json::to_vec(self)
            .map(Zeroizing::new)
            .map_err(|_| HandoverError::Sealed)?;
        let bound = bound_to(origin, distributor);
        let sealed = merits_sealing::seal(sealing_key, INFO, &bound, &text, rng)
            .map_err(|_| HandoverError::Key)?;
        Ok(TicketFile {
            merits: TicketFile::NAME.to_owned(),
            origin: origin.to_owned(),
            distributor: distributor.0,
            encapsulated: sealed.encapsulated,
            sealed: hex::encode(sealed.ciphertext),
        })
    }
}

impl TicketFile {
    /// Opens the ticket as `distributor`, on the ledger `origin`, with its secret sealing key.
    ///
    /// The contents are as their maker wrote them. The caller must check terms, b and the proof.
    ///
    /// # Errors
    /// [`HandoverError`]: for another ledger or party, or it does not open.
    pub fn open(
        &self,
        origin: &str,
        distributor: &PartyId,
        secret: &[u8; 32],
    ) -> Result<Ticket, HandoverError> {
        self.expect_origin(origin)?;
        if self.distributor != distributor.0 {
            return Err(HandoverError::OtherParty {
                expected: *distributor,
                found: PartyId(self.distributor),
            });
        }
        let ciphertext = hex::decode(&self.sealed).map_err(|_| HandoverError::Sealed)?;
        let sealed = Sealed {
            encapsulated: self.encapsulated,
            ciphertext,
        };
        let text = SealingKey::from_bytes(secret)
            .and_then(|key| key.open(INFO, &bound_to(origin, distributor), &sealed))
            .map_err(|_| HandoverError::Sealed)?;
        serde_json::from_slice(&text).map_err(|_| HandoverError::Sealed)
    }
}

/// The data to which the ciphertext is bound in addition to its key.
fn bound_to(origin: &str, distributor: &PartyId) -> [u8; 32] {
    field::digest(
        "merits/sealed-ticket/v2",
        &[origin.as_bytes(), &distributor.0],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use merits_primitives::{Fr, ids::PeriodKind};

    const ORIGIN: &str = "ledger.test/merits";

    fn ticket() -> Ticket {
        Ticket {
            account: "card 17".to_owned(),
            scale: "cycling-week".to_owned(),
            version: 1,
            period: Period {
                kind: PeriodKind::Week,
                index: 2330,
            },
            source: [2; 32],
            expiry: 684,
            terms: [3; 32],
            salt: [4; SALT_BYTES],
            root: GroupRoot(Fr::from(5u64)),
            nullifier: Nullifier(Fr::from(6u64)),
            b: RecordsBinding(Fr::from(7u64)),
            proof: [8; PROOF_BYTES],
            key: OwnerKey(Fr::from(990_009u64)),
            h: Handle(Fr::from(10u64)),
        }
    }

    fn keys() -> ([u8; 32], [u8; 32]) {
        let key = SealingKey::generate(&mut rand::rng());
        (*key.to_bytes(), key.public())
    }

    /// A wallet of another maker may write letters and marks apart: the records' account is meant.
    #[test]
    fn an_account_is_read_in_one_form() {
        let (secret, public) = keys();
        let distributor = PartyId([1; 32]);
        let apart = Ticket {
            account: "Zoe\u{301}".to_owned(),
            ..ticket()
        };
        let file = apart
            .seal(ORIGIN, &distributor, &public, &mut rand::rng())
            .expect("sealed");
        let opened = file.open(ORIGIN, &distributor, &secret).expect("opened");
        assert_eq!(opened.account, "Zo\u{e9}");
    }

    /// Regression: "EOF while parsing a value at line 3 column 12".
    #[test]
    fn a_damaged_file_is_told_in_words() {
        let (_, public) = keys();
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ticket.json");
        let file = ticket()
            .seal(ORIGIN, &PartyId([1; 32]), &public, &mut rand::rng())
            .expect("sealed");
        file.write(&path).expect("written");
        let text = std::fs::read_to_string(&path).expect("text");
        for (damaged, says) in [
            (text[..text.len() / 2].to_owned(), "cut off"),
            (String::new(), "is empty"),
            ("%PDF-1.7".to_owned(), "another kind of file"),
            (text.replace("\"origin\"", "\"origins\""), "damaged"),
        ] {
            std::fs::write(&path, &damaged).expect("written");
            let said = TicketFile::read(&path).expect_err(says).to_string();
            assert!(
                said.contains("ticket.json") && said.contains(says),
                "{said}"
            );
            assert!(!said.contains("column") && !said.contains("EOF"), "{said}");
        }
    }

    #[test]
    fn a_ticket_opens_for_its_distributor_on_its_ledger_only() {
        let (secret, public) = keys();
        let distributor = PartyId([1; 32]);
        let file = ticket()
            .seal(ORIGIN, &distributor, &public, &mut rand::rng())
            .expect("sealed");
        let opened = file.open(ORIGIN, &distributor, &secret).expect("opened");
        assert_eq!(opened, ticket());
        assert!(!format!("{opened:?}").contains("card 17"));

        let (other, _) = keys();
        let refused = file.open(ORIGIN, &distributor, &other);
        assert!(matches!(refused, Err(HandoverError::Sealed)));
        let refused = file.open(ORIGIN, &PartyId([9; 32]), &secret);
        assert!(matches!(refused, Err(HandoverError::OtherParty { .. })));
        let refused = file.open("other.test/merits", &distributor, &secret);
        assert!(matches!(refused, Err(HandoverError::OtherOrigin { .. })));
        // Rewriting the outer part does not open it either.
        let mut renamed = file.clone();
        renamed.origin = "other.test/merits".to_owned();
        let refused = renamed.open("other.test/merits", &distributor, &secret);
        assert!(matches!(refused, Err(HandoverError::Sealed)));
        let mut altered = file;
        altered.sealed.replace_range(
            0..1,
            if altered.sealed.starts_with('0') {
                "1"
            } else {
                "0"
            },
        );
        let refused = altered.open(ORIGIN, &distributor, &secret);
        assert!(matches!(refused, Err(HandoverError::Sealed)));
    }

    #[test]
    fn a_useless_key_is_refused() {
        let sealed = ticket().seal(ORIGIN, &PartyId([1; 32]), &[0; 32], &mut rand::rng());
        assert!(matches!(sealed, Err(HandoverError::Key)));
    }

    #[test]
    fn files_read_back_as_what_they_are() {
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
