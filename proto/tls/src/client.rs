//! The caller's end of TLS.

use std::{io, sync::Arc};

use merits_primitives::{
    calendar::Timestamp,
    ids::{Origin, PartyId},
};
use merits_verifier::{log::LogKey, signature::PublicKey};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error,
    SignatureScheme,
    client::{
        ResolvesClientCert, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    sign::CertifiedKey,
};

use crate::{
    certificates::{Own, Tls, Trust, Watched},
    names::{Names, NamesError, Subject},
    pem_file::provider,
};

/// Who must be at the other end, beside the name in the address.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(
    clippy::large_enum_variant,
    reason = "a connection has one, and never many of them together"
)]
pub enum Expected {
    /// The coordinator of the log with this key.
    Log(LogKey),
    /// One of these parties of a ledger, by their keys on it now.
    OneOf {
        /// The ledger.
        origin: Origin,
        /// What they are, such as "a holder of view keys".
        what: &'static str,
        /// The parties, each as often as it has keys.
        parties: Vec<(PartyId, PublicKey)>,
    },
    /// Any server with a certificate for its name. For questions whose answers show by themselves
    /// who gave them, or need not be believed.
    AnyServer,
}

/// A caller's TLS.
#[derive(Debug, Clone)]
pub struct ClientTls(pub(crate) Arc<Tls>);

impl ClientTls {
    /// The configuration of connections to a server that must be `expected`.
    ///
    /// # Errors
    /// Never with the arithmetic of this crate; rustls gives its reason.
    pub fn config(&self, expected: Expected) -> Result<Arc<ClientConfig>, Error> {
        let server = Server {
            trust: Arc::clone(&self.0.trust),
            expected,
        };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(server));
        let mut config = match &self.0.own {
            Some(own) => builder.with_client_cert_resolver(Arc::new(Present(Arc::clone(own)))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }
}

/// Shows the certificate that is in the files now.
#[derive(Debug)]
struct Present(Arc<Watched<Own>>);

impl ResolvesClientCert for Present {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.get())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Checks a server: its certificate, the name in the address, and who it is on the ledger.
#[derive(Debug)]
struct Server {
    trust: Arc<Watched<Trust>>,
    expected: Expected,
}

impl Server {
    fn judge(&self, certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), String> {
        if matches!(self.expected, Expected::AnyServer) {
            return Ok(());
        }
        let told = |error: NamesError| format!("its certificate is not taken: {error}");
        let read = webpki::EndEntityCert::try_from(certificate).map_err(|e| e.to_string())?;
        let names = Names::from_uris(read.valid_uri_names()).map_err(told)?;
        let key_info = read.subject_public_key_info();
        let now = Timestamp::from_millis(now.as_secs().saturating_mul(1_000));
        let (origin, keys) = match &self.expected {
            Expected::AnyServer => return Ok(()),
            Expected::Log(log) => {
                if names.subject != Subject::Log {
                    return Err(format!(
                        "its certificate is that of {}, and the coordinator's is expected: is the address right?",
                        names.subject
                    ));
                }
                (log.origin(), vec![*log.public()])
            }
            Expected::OneOf {
                origin,
                what,
                parties,
            } => {
                let keys: Vec<_> = parties
                    .iter()
                    .filter(|(party, _)| names.subject == Subject::Party(*party))
                    .map(|(_, key)| *key)
                    .collect();
                if keys.is_empty() {
                    return Err(format!(
                        "its certificate is that of {}, which is not {what} in standing on this ledger: is the \
                         address right?",
                        names.subject
                    ));
                }
                (origin, keys)
            }
        };
        if names.origin != *origin {
            return Err(format!(
                "its certificate is for the ledger {}, and this one is {origin}",
                names.origin
            ));
        }
        names
            .verify_any(&keys, &key_info, now)
            .map(drop)
            .map_err(told)
    }
}

impl ServerCertVerifier for Server {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let trust = self.trust.get();
        let verified = trust.servers.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        self.judge(end_entity, now).map_err(Error::General)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let trust = self.trust.get();
        trust
            .servers
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let trust = self.trust.get();
        trust
            .servers
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.get().servers.supported_verify_schemes()
    }
}

/// What a failed handshake means, and what to do.
pub fn words(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(Error::General(told)) => told.clone(),
        Some(Error::InvalidCertificate(_)) => inner.map_or_else(String::new, certificate_words),
        Some(Error::InvalidMessage(_)) => {
            "what it sends is not TLS: it serves plain text, or is another service. Is the address right, and \
             does its configuration have TLS?"
                .to_owned()
        }
        Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            "it speaks TLS but not gRPC (HTTP/2): is the address right?".to_owned()
        }
        Some(Error::AlertReceived(alert)) => format!(
            "it refused the TLS handshake ({alert:?}): its operator finds the reason in its log. Both ends need \
             TLS 1.3"
        ),
        Some(other) => format!("the TLS handshake failed: {other}"),
        None if error.kind() == io::ErrorKind::UnexpectedEof
            || error.kind() == io::ErrorKind::ConnectionReset =>
        {
            "it closed the connection during the TLS handshake: it serves plain text, or has no place for more \
             connections. Does its configuration have TLS?"
                .to_owned()
        }
        None => error.to_string(),
    }
}

/// Why a certificate does not hold, and what to do.
pub(crate) fn certificate_words(error: &Error) -> String {
    let Error::InvalidCertificate(error) = error else {
        return error.to_string();
    };
    let day =
        |time: &UnixTime| Timestamp::from_millis(time.as_secs().saturating_mul(1_000)).to_minute();
    match error {
        CertificateError::UnknownIssuer => {
            "its certificate was made by none of the authorities that are configured. If that authority is \
             one of the federation's, add its certificate to `authorities`"
                .to_owned()
        }
        CertificateError::ExpiredContext { not_after, .. } => format!(
            "its certificate ended at {}: its owner makes a new one (`merits tls \
             certificate`). If it should still be good, compare the clocks",
            day(not_after)
        ),
        CertificateError::NotValidYetContext { not_before, .. } => format!(
            "its certificate begins at {} only: compare the clocks",
            day(not_before)
        ),
        CertificateError::Revoked => {
            "its certificate was revoked by its authority: its owner makes a new one, with a new key".to_owned()
        }
        CertificateError::NotValidForNameContext { .. } | CertificateError::NotValidForName => format!(
            "its certificate is for other names ({error}): use one of these in the address, or have its owner \
             make one with this name (`--host`)"
        ),
        CertificateError::InvalidPurposeContext { .. } => format!(
            "its certificate is not for this end of a connection ({error}): both `serverAuth` and `clientAuth` \
             are needed"
        ),
        other => format!("its certificate does not hold ({other}): its owner makes a new one"),
    }
}
