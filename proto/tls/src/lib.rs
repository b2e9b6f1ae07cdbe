//! Mutual TLS between the parties of a ledger.
//!
//! A certificate names a party ([`Subject`]), and the party's key on the ledger has signed for the
//! certificate's own key ([`Names`]). So an authority that signs certificates cannot impersonate a
//! party: a connection counts as a party's only if the ledger's key of this party says so. Role and
//! standing are not in the certificate. Servers take them from the ledger's state at each call
//! ([`Peer::is`]), so a suspended party is refused at its next call, on an open connection too.
//!
//! In scope: the names in certificates, the files of a configuration ([`TlsFiles`]), the settings of
//! both ends of a connection ([`Security`]), and (feature `issue`) certificates and their authority, with their
//! files.
//! Out of scope: sockets, and what a party may do. Only TLS 1.3 is spoken.
//!
//! A server takes callers without a certificate, because reading and what people do stays open. It
//! also takes certificates that do not hold, and says at the first call that needs one what is
//! wrong: a handshake that fails could only give a number.

#[cfg(feature = "issue")]
pub mod authority;
#[cfg(feature = "net")]
mod certificates;
#[cfg(feature = "net")]
mod client;
mod files;
#[cfg(feature = "issue")]
pub mod issue;
mod names;
#[cfg(feature = "net")]
pub mod pair;
#[cfg(feature = "net")]
mod peer;
#[cfg(feature = "net")]
mod pem_file;
#[cfg(feature = "issue")]
mod renewal;
#[cfg(feature = "net")]
mod security;
#[cfg(feature = "net")]
mod server;

#[cfg(feature = "issue")]
pub use authority::{Authority, AuthorityError, MadeAuthority, Revoked};
#[cfg(feature = "net")]
pub use client::{ClientTls, Expected, words};
pub use files::TlsFiles;
pub use names::{Names, NamesError, Subject};
#[cfg(feature = "net")]
pub use peer::{Peer, PeerFault, Presented};
#[cfg(feature = "net")]
pub use pem_file::TlsError;
#[cfg(feature = "issue")]
pub use renewal::{Renewal, Requested};
#[cfg(feature = "net")]
pub use rustls;
#[cfg(feature = "net")]
pub use security::{PlainText, Security, is_loopback};
#[cfg(feature = "net")]
pub use server::ServerTls;
