//! Messages: what a ticket says beyond who and for which claim.
//!
//! Each is a SHA-256 cut to 248 bits, under a domain of its own, so that a consent is never read as
//! a link or a withdrawal.

use crate::{
    Fr, field,
    identity::Secret,
    ids::{Expiry, Origin, PartyId},
};

/// Bytes of a claim message's salt.
pub const SALT_BYTES: usize = 16;

/// What a claim's message binds: a consent to this distributor under these terms.
#[derive(Debug, Clone, Copy)]
pub struct Consent<'a> {
    /// The ledger.
    pub origin: &'a Origin,
    /// Who may claim.
    pub distributor: &'a PartyId,
    /// Digest of the terms document.
    pub terms: &'a [u8; 32],
    /// Expiry bucket of the credits.
    pub expiry: Expiry,
}

impl Consent<'_> {
    /// H("claim", origin, distributor, terms, expiry, salt128).
    pub fn message(&self, salt: &[u8; SALT_BYTES]) -> Fr {
        field::hash(
            "merits/message/v1",
            &[
                b"claim",
                self.origin.as_str().as_bytes(),
                &self.distributor.0,
                self.terms,
                &self.expiry.0.to_le_bytes(),
                salt,
            ],
        )
    }
}

/// The salt of a claim's message: a PRF of the secret and the claim scope, so that seed and ledger
/// alone give it again.
pub fn claim_salt(secret: &Secret, claim_scope: Fr) -> [u8; SALT_BYTES] {
    let digest = field::digest(
        "merits/message-salt/v1",
        &[
            &field::to_bytes(&secret.element()),
            &field::to_bytes(&claim_scope),
        ],
    );
    let mut salt = [0; SALT_BYTES];
    salt.copy_from_slice(&digest[..SALT_BYTES]);
    salt
}

/// The claim message of a person who derives its own salt.
pub fn claim_message(consent: &Consent<'_>, secret: &Secret, claim_scope: Fr) -> Fr {
    consent.message(&claim_salt(secret, claim_scope))
}

/// What a ticket in a claim's scope says that takes a consent back: H("withdraw", origin, the
/// consent's message).
pub fn withdrawal_message(origin: &Origin, consent: Fr) -> Fr {
    field::hash(
        "merits/message/v1",
        &[
            b"withdraw",
            origin.as_str().as_bytes(),
            &field::to_bytes(&consent),
        ],
    )
}

/// What a ticket in a source's scope says that links a person to an account there: H("link",
/// origin, source, account). The account is what the source calls the person.
pub fn link_message(origin: &Origin, source: &PartyId, account: &str) -> Fr {
    field::hash(
        "merits/message/v1",
        &[
            b"link",
            origin.as_str().as_bytes(),
            &source.0,
            account.as_bytes(),
        ],
    )
}
