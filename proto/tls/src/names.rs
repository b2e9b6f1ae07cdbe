//! Who a certificate is for: two names (URIs) among its subject alternative names.
//!
//! ```text
//! merits:party:<party id, 64 hexadecimal digits>:<origin of the log>
//! merits:log:<origin of the log>
//! merits:signed:<until, seconds since 1970>:<Ed25519 signature, 128 hexadecimal digits>
//! ```
//!
//! The first (of a party) or the second (of a coordinator) says who it is, and the third is that
//! party's or log's signature over it, the end, and the certificate's public key. Names are what
//! every authority knows how to put into a certificate.

use std::fmt;

use ed25519_dalek::SigningKey;
use merits_primitives::{
    calendar::Timestamp,
    ids::{Origin, PartyId, sha256},
};
use merits_verifier::{
    codec::Writer,
    signature::{self, PublicKey, SIGNATURE_BYTES},
};
use thiserror::Error;

/// Who is at one end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A party; its signing key on the ledger signs.
    Party(PartyId),
    /// The coordinator; the log's key signs.
    Log,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Party(party) => write!(f, "party {party}"),
            Self::Log => f.write_str("the coordinator"),
        }
    }
}

/// The names of a certificate, signed by whom they name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The ledger.
    pub origin: Origin,
    /// Who it is.
    pub subject: Subject,
    /// The first second in which the signature is no longer good, whatever the certificate says.
    until: u64,
    signature: [u8; SIGNATURE_BYTES],
}

/// Why the names of a certificate are not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NamesError {
    /// It is no certificate of this project.
    #[error(
        "it names no party of a ledger: one name `merits:party:...` or `merits:log:...` and one name \
         `merits:signed:...` are expected. `merits tls certificate` and `merits tls request` put them in"
    )]
    Missing,
    /// A name is not of its form.
    #[error("its name {0:?} is not of the form that `merits tls request` writes")]
    Malformed(String),
    /// The signature is over.
    #[error("the party's word for it ended at {until}: make a new one (`merits tls certificate`)")]
    Over {
        /// The end.
        until: String,
    },
    /// The signature does not hold.
    #[error(
        "it says that it is {subject}'s, but the ledger's key of {subject} did not sign for it: the key was \
         rotated since, or somebody else made it. Its owner makes a new one (`merits tls certificate`)"
    )]
    NotSigned {
        /// Whom it names.
        subject: Subject,
    },
}

const PARTY: &str = "merits:party:";
const LOG: &str = "merits:log:";
const SIGNED: &str = "merits:signed:";

impl Names {
    /// Signs for the TLS key whose `SubjectPublicKeyInfo` (DER) is `key_info`, until `until` (to the
    /// second).
    pub fn sign(
        origin: &Origin,
        subject: Subject,
        key_info: &[u8],
        until: Timestamp,
        key: &SigningKey,
    ) -> Self {
        let mut names = Self {
            origin: origin.clone(),
            subject,
            until: until.as_millis() / 1_000,
            signature: [0; SIGNATURE_BYTES],
        };
        names.signature = signature::sign(key, &names.message(key_info));
        names
    }

    /// The names as they stand in a certificate.
    pub fn to_uris(&self) -> [String; 2] {
        let Self {
            origin,
            subject,
            until,
            signature,
        } = self;
        let subject = match subject {
            Subject::Party(party) => format!("{PARTY}{}:{origin}", hex::encode(party.0)),
            Subject::Log => format!("{LOG}{origin}"),
        };
        [
            subject,
            format!("{SIGNED}{until}:{}", hex::encode(signature)),
        ]
    }

    /// Reads them from all URIs of a certificate. Their signature is not checked yet.
    ///
    /// # Errors
    /// [`NamesError`]: none, several, or not of their form.
    pub fn from_uris<'a>(uris: impl Iterator<Item = &'a str>) -> Result<Self, NamesError> {
        let (mut subjects, mut signed) = (Vec::new(), Vec::new());
        for uri in uris {
            if uri.starts_with(PARTY) || uri.starts_with(LOG) {
                subjects.push(uri);
            } else if let Some(rest) = uri.strip_prefix(SIGNED) {
                signed.push((uri, rest));
            }
        }
        let ([subject], [(whole, signed)]) = (&subjects[..], &signed[..]) else {
            return Err(NamesError::Missing);
        };
        let malformed = |name: &str| NamesError::Malformed(name.to_owned());
        let (origin, subject) = read_subject(subject).ok_or_else(|| malformed(subject))?;
        let (until, signature) = read_signed(signed).ok_or_else(|| malformed(whole))?;
        Ok(Self {
            origin,
            subject,
            until,
            signature,
        })
    }

    /// Checks that `key` signed for the TLS key in `key_info`, and that this is not over at `now`.
    ///
    /// # Errors
    /// [`NamesError::Over`], [`NamesError::NotSigned`].
    pub fn verify(
        &self,
        key: &PublicKey,
        key_info: &[u8],
        now: Timestamp,
    ) -> Result<(), NamesError> {
        if now >= self.until() {
            let until = self.until().to_minute();
            return Err(NamesError::Over { until });
        }
        let subject = self.subject;
        key.verify_strict(&self.message(key_info), &self.signature)
            .map_err(|_| NamesError::NotSigned { subject })
    }

    /// The same for the keys of one party, of which the first that signed is the answer: for some time
    /// after a change of keys there are two.
    ///
    /// # Errors
    /// As [`Names::verify`]; [`NamesError::NotSigned`] without a key.
    pub fn verify_any(
        &self,
        keys: &[PublicKey],
        key_info: &[u8],
        now: Timestamp,
    ) -> Result<PublicKey, NamesError> {
        let mut fault = NamesError::NotSigned {
            subject: self.subject,
        };
        for key in keys {
            match self.verify(key, key_info, now) {
                Ok(()) => return Ok(*key),
                Err(error) => fault = error,
            }
        }
        Err(fault)
    }

    /// The end of the signature.
    pub fn until(&self) -> Timestamp {
        Timestamp::from_millis(self.until.saturating_mul(1_000))
    }

    fn message(&self, key_info: &[u8]) -> Vec<u8> {
        let mut out = Writer::new();
        out.text("merits/tls/v1");
        out.text(self.origin.as_str());
        match self.subject {
            Subject::Party(party) => {
                out.text("party");
                out.array(&party.0);
            }
            Subject::Log => out.text("log"),
        }
        out.array(&sha256(key_info));
        out.u64(self.until);
        out.into_bytes()
    }
}

fn read_subject(uri: &str) -> Option<(Origin, Subject)> {
    if let Some(origin) = uri.strip_prefix(LOG) {
        return Some((Origin::new(origin).ok()?, Subject::Log));
    }
    let (digits, origin) = uri.strip_prefix(PARTY)?.split_once(':')?;
    let mut party = [0; 32];
    decode(digits, &mut party)?;
    Some((Origin::new(origin).ok()?, Subject::Party(PartyId(party))))
}

fn read_signed(rest: &str) -> Option<(u64, [u8; SIGNATURE_BYTES])> {
    let (until, digits) = rest.split_once(':')?;
    let number: u64 = until.parse().ok()?;
    // One number has one text.
    (number.to_string() == until).then_some(())?;
    let mut signature = [0; SIGNATURE_BYTES];
    decode(digits, &mut signature)?;
    Some((number, signature))
}

/// Lower-case digits only, so that one value has one text.
fn decode(digits: &str, out: &mut [u8]) -> Option<()> {
    hex::decode_to_slice(digits, out).ok()?;
    (hex::encode(&*out) == digits).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const UNTIL: Timestamp = Timestamp::from_millis(1_800_000_060_000);

    fn made(subject: Subject) -> (Names, SigningKey) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let origin = Origin::new("ledger.test/tls").unwrap();
        (Names::sign(&origin, subject, b"key", UNTIL, &key), key)
    }

    #[test]
    fn names_come_back_and_hold_for_one_key_until_their_end() {
        for subject in [Subject::Party(PartyId([3; 32])), Subject::Log] {
            let (names, key) = made(subject);
            let public = PublicKey::of(&key);
            let uris = names.to_uris();
            let others = ["https://example.org", "merits:other"];
            let read = Names::from_uris(uris.iter().map(String::as_str).chain(others)).unwrap();
            assert_eq!(read, names);
            assert_eq!(read.verify(&public, b"key", NOW), Ok(()));
            let not_signed = Err(NamesError::NotSigned { subject });
            assert_eq!(read.verify(&public, b"other key", NOW), not_signed);
            let other = PublicKey::of(&SigningKey::from_bytes(&[8; 32]));
            assert_eq!(read.verify(&other, b"key", NOW), not_signed);
            assert!(matches!(
                read.verify(&public, b"key", UNTIL),
                Err(NamesError::Over { .. })
            ));
        }
    }

    /// What the authority that signs the certificate could change.
    #[test]
    fn no_other_subject_ledger_or_end_takes_the_signature() {
        let (names, key) = made(Subject::Party(PartyId([3; 32])));
        let public = PublicKey::of(&key);
        for changed in [
            Names {
                subject: Subject::Party(PartyId([4; 32])),
                ..names.clone()
            },
            Names {
                subject: Subject::Log,
                ..names.clone()
            },
            Names {
                origin: Origin::new("ledger.test/other").unwrap(),
                ..names.clone()
            },
            Names {
                until: names.until + 1,
                ..names.clone()
            },
        ] {
            assert!(
                matches!(
                    changed.verify(&public, b"key", NOW),
                    Err(NamesError::NotSigned { .. })
                ),
                "{changed:?}"
            );
        }
    }

    #[test]
    fn other_names_are_refused() {
        let (names, _) = made(Subject::Party(PartyId([0xab; 32])));
        let [subject, signed] = names.to_uris();
        let read = |uris: &[&str]| Names::from_uris(uris.iter().copied());
        for uris in [
            &[][..],
            &[&*subject],
            &[&*signed],
            &[&*subject, &signed, &signed],
            &[&*subject, "merits:log:ledger.test/tls", &signed],
        ] {
            assert_eq!(read(uris), Err(NamesError::Missing), "{uris:?}");
        }
        for (subject, signed) in [
            (
                subject
                    .to_uppercase()
                    .replace("MERITS:PARTY", "merits:party"),
                signed.clone(),
            ),
            (subject.replace("ab", "AB"), signed.clone()),
            (subject.replace(":ledger", "ledger"), signed.clone()),
            (subject.clone(), signed.replace("signed:", "signed:0")),
            (subject.clone(), format!("{signed}00")),
        ] {
            assert!(
                matches!(read(&[&subject, &signed]), Err(NamesError::Malformed(_))),
                "{subject} {signed}"
            );
        }
    }
}
