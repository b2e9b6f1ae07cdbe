//! How connections of one configuration are protected, and where plain text is allowed.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use thiserror::Error;

use crate::{
    certificates::Tls, client::ClientTls, files::TlsFiles, pem_file::TlsError, server::ServerTls,
};

/// Where plain text, or TLS, is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PlainText {
    /// `https://` without TLS.
    #[error(
        "the address is https, but no TLS is configured here: name the authorities of its certificate \
         (`authorities` in the table [ledger.tls], or [tls] of a coordinator)"
    )]
    NoTls,
    /// `http://` although TLS is configured.
    #[error(
        "TLS is configured, but an http address sends plain text: write https, or remove the table of TLS"
    )]
    NotWithTls,
    /// `http://` over a network.
    #[error(
        "an http address sends plain text, and over a network everybody on the way can read and change it: \
         write https and configure TLS, or set `insecure_plaintext = true` if something else protects the \
         way"
    )]
    OverNetwork,
    /// Not an address of a server.
    #[error("the address begins with neither http:// nor https://")]
    OtherScheme,
    /// A server without TLS on a network.
    #[error(
        "this server would speak plain text on an address that others reach: configure TLS, listen on \
         127.0.0.1, or set `insecure_plaintext = true` if something else protects the way"
    )]
    Listening,
    /// TLS without a certificate.
    #[error(
        "a server with TLS needs its certificate: set `certificate` and `key` (`merits tls certificate` \
         makes them)"
    )]
    NoCertificate,
}

/// How connections are protected. The default is plain text on this machine and nothing else.
#[derive(Debug, Clone, Default)]
pub struct Security {
    tls: Option<Arc<Tls>>,
    insecure_plaintext: bool,
}

impl Security {
    /// Reads the files of a configuration. `insecure_plaintext` allows plain text over a network
    /// where there is no TLS.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn load(files: Option<&TlsFiles>, insecure_plaintext: bool) -> Result<Self, TlsError> {
        Ok(Self {
            tls: files.map(Tls::watched).transpose()?,
            insecure_plaintext,
        })
    }

    /// Whether connections are protected by TLS.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// How to call a server: `None` for plain text.
    ///
    /// # Errors
    /// [`PlainText`].
    pub fn calling(
        &self,
        scheme: Option<&str>,
        host: Option<&str>,
    ) -> Result<Option<ClientTls>, PlainText> {
        match (scheme, &self.tls) {
            (Some("https"), Some(tls)) => Ok(Some(ClientTls(Arc::clone(tls)))),
            (Some("https"), None) => Err(PlainText::NoTls),
            (Some("http"), Some(_)) => Err(PlainText::NotWithTls),
            (Some("http"), None) => {
                if self.insecure_plaintext || host.is_some_and(is_loopback) {
                    Ok(None)
                } else {
                    Err(PlainText::OverNetwork)
                }
            }
            _ => Err(PlainText::OtherScheme),
        }
    }

    /// How to serve on an address: `None` for plain text.
    ///
    /// # Errors
    /// [`PlainText`].
    pub fn serving(&self, address: SocketAddr) -> Result<Option<ServerTls>, PlainText> {
        match &self.tls {
            Some(tls) => ServerTls::new(tls)
                .map(Some)
                .ok_or(PlainText::NoCertificate),
            None if self.insecure_plaintext || address.ip().to_canonical().is_loopback() => {
                Ok(None)
            }
            None => Err(PlainText::Listening),
        }
    }
}

/// Whether a host of an address is this machine, so that nobody is on the way.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_on_this_machine_unless_it_is_said() {
        let (strict, open) = (
            Security::default(),
            Security::load(None, true).expect("no files"),
        );
        for host in [
            "127.0.0.1",
            "127.9.9.9",
            "localhost",
            "[::1]",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(
                matches!(strict.calling(Some("http"), Some(host)), Ok(None)),
                "{host}"
            );
        }
        for host in [
            "10.0.0.1",
            "example.org",
            "localhost.example.org",
            "[::2]",
            "127.1",
        ] {
            let refused = strict.calling(Some("http"), Some(host)).map(|_| ());
            assert_eq!(refused, Err(PlainText::OverNetwork), "{host}");
            assert!(
                matches!(open.calling(Some("http"), Some(host)), Ok(None)),
                "{host}"
            );
        }
        let refused = |scheme| strict.calling(scheme, Some("127.0.0.1")).map(|_| ());
        assert_eq!(refused(Some("https")), Err(PlainText::NoTls));
        assert_eq!(refused(None), Err(PlainText::OtherScheme));
        for (address, allowed) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
        ] {
            let address = address.parse().expect("an address");
            assert_eq!(strict.serving(address).is_ok(), allowed, "{address}");
            assert!(open.serving(address).is_ok());
        }
    }
}
