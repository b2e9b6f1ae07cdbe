//! Who is at the other end of a server's connection.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use merits_primitives::{
    calendar::Timestamp,
    ids::{Origin, PartyId},
};
use merits_verifier::signature::PublicKey;
use rustls::pki_types::{CertificateDer, UnixTime};
use thiserror::Error;

use crate::{
    certificates::{Trust, Watched},
    client::certificate_words,
    names::{Names, NamesError, Subject},
};

/// A certificate that held is not checked again for this long. A list of revoked ones, or the end
/// of a certificate, takes effect on open connections after it at the latest.
const HOLDS_FOR: Duration = Duration::from_secs(10);

/// The other end of a connection.
#[derive(Debug, Clone)]
pub enum Peer {
    /// Plain text: nothing is known, and nothing is asked.
    Plain,
    /// TLS without a certificate.
    Stranger,
    /// TLS with a certificate, whose key it has. Whether the certificate holds is decided when a
    /// call needs it.
    Presented(Arc<Presented>),
}

/// Why a connection is not that of the party that a call needs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PeerFault {
    /// No certificate.
    #[error(
        "this call needs the certificate of the party that makes it, and the connection came without one: \
         set `certificate` and `key` in [ledger.tls] (`merits tls certificate` makes them)"
    )]
    None,
    /// It does not hold.
    #[error("the certificate of this connection does not hold: {0}")]
    Chain(String),
    /// Its names.
    #[error("the certificate of this connection is not taken: {0}")]
    Names(#[from] NamesError),
    /// Another ledger's.
    #[error(
        "the certificate of this connection is for the ledger {found}, and this is {expected}: use the one \
         that was made for this ledger"
    )]
    OtherLedger {
        /// In the certificate.
        found: Origin,
        /// Here.
        expected: Origin,
    },
    /// Another party's.
    #[error(
        "the certificate of this connection is that of {found}, and the call is made for {expected}: a party \
         makes its calls with its own certificate"
    )]
    OtherParty {
        /// In the certificate.
        found: Subject,
        /// By the call.
        expected: Subject,
    },
}

/// A certificate that came with a connection.
#[derive(Debug)]
pub struct Presented {
    chain: Vec<CertificateDer<'static>>,
    key_info: Vec<u8>,
    names: Result<Names, NamesError>,
    trust: Arc<Watched<Trust>>,
    /// Under which key of the ledger, and when, it was found to hold.
    held: Mutex<Option<Held>>,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    key: PublicKey,
    from: Timestamp,
    until: Timestamp,
}

impl Presented {
    pub(crate) fn new(
        chain: Vec<CertificateDer<'static>>,
        trust: Arc<Watched<Trust>>,
    ) -> Option<Self> {
        let read = webpki::EndEntityCert::try_from(chain.first()?).ok()?;
        let names = Names::from_uris(read.valid_uri_names());
        let key_info = read.subject_public_key_info().to_vec();
        Some(Self {
            chain,
            key_info,
            names,
            trust,
            held: Mutex::new(None),
        })
    }

    fn is(
        &self,
        origin: &Origin,
        expected: Subject,
        keys: &[PublicKey],
        now: Timestamp,
    ) -> Result<(), PeerFault> {
        let names = self.names.as_ref().map_err(Clone::clone)?;
        if names.origin != *origin {
            return Err(PeerFault::OtherLedger {
                found: names.origin.clone(),
                expected: origin.clone(),
            });
        }
        if names.subject != expected {
            return Err(PeerFault::OtherParty {
                found: names.subject,
                expected,
            });
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |held: Held| held.from <= now && now < held.until && keys.contains(&held.key);
        if held.is_some_and(holds) {
            return Ok(());
        }
        *held = None;
        let time = UnixTime::since_unix_epoch(Duration::from_millis(now.as_millis()));
        if let Some((first, rest)) = self.chain.split_first() {
            let trust = self.trust.get();
            let checked = trust.callers.verify_client_cert(first, rest, time);
            checked.map_err(|error| PeerFault::Chain(certificate_words(&error)))?;
        }
        let key = names.verify_any(keys, &self.key_info, now)?;
        *held = Some(Held {
            key,
            from: now,
            until: (now + HOLDS_FOR).min(names.until()),
        });
        Ok(())
    }
}

impl Peer {
    /// Refuses a caller without a certificate, before anything is done for it.
    ///
    /// # Errors
    /// [`PeerFault::None`].
    pub fn is_known(&self) -> Result<(), PeerFault> {
        match self {
            Self::Stranger => Err(PeerFault::None),
            Self::Plain | Self::Presented(_) => Ok(()),
        }
    }

    /// Checks that the caller is `party`, whose keys on the ledger are `keys` now. Over plain text
    /// everybody passes: then the signature of what is sent is all there is.
    ///
    /// # Errors
    /// [`PeerFault`], in words for the caller.
    pub fn is(
        &self,
        origin: &Origin,
        party: &PartyId,
        keys: &[PublicKey],
        now: Timestamp,
    ) -> Result<(), PeerFault> {
        let expected = Subject::Party(*party);
        match self {
            Self::Plain => Ok(()),
            Self::Stranger => Err(PeerFault::None),
            Self::Presented(presented) => presented.is(origin, expected, keys, now),
        }
    }
}
