//! The server's end of TLS.

use std::sync::Arc;

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, ServerConnection,
    SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::{
        ClientHello, NoServerSessionStorage, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
};

use crate::{
    certificates::{Own, Tls, Trust, Watched},
    peer::{Peer, Presented},
    pem_file::provider,
};

/// A server's TLS: its certificate, and whose certificates it takes.
#[derive(Debug, Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    trust: Arc<Watched<Trust>>,
}

impl ServerTls {
    /// `None` without an own certificate.
    pub(crate) fn new(tls: &Tls) -> Option<Self> {
        let own = tls.own.clone()?;
        let provider = provider();
        let anyone = Anyone(Arc::clone(&provider));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .ok()?
            .with_client_cert_verifier(Arc::new(anyone))
            .with_cert_resolver(Arc::new(Present(own)));
        config.alpn_protocols = vec![b"h2".to_vec()];
        // Connections live long: nothing is kept for those that ended.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Some(Self {
            config: Arc::new(config),
            trust: Arc::clone(&tls.trust),
        })
    }

    /// The configuration of a handshake.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// Who is at the other end, after the handshake.
    pub fn peer(&self, connection: &ServerConnection) -> Peer {
        let chain = connection.peer_certificates().map(<[_]>::to_vec);
        chain
            .and_then(|chain| Presented::new(chain, Arc::clone(&self.trust)))
            .map_or(Peer::Stranger, |presented| {
                Peer::Presented(Arc::new(presented))
            })
    }
}

/// Hands out the certificate that is in the files now.
#[derive(Debug)]
struct Present(Arc<Watched<Own>>);

impl ResolvesServerCert for Present {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.get())
    }
}

/// Takes callers without a certificate, and any certificate whose key the caller has. Whether it
/// holds is a question of each call ([`Peer::is`]).
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ClientCertVerifier for Anyone {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
