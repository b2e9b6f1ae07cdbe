//! Messages: the part of a ticket beside the person and the claim.
//!
//! Each is a SHA-256 cut to 248 bits, under its own domain, so that a consent is never read as a
//! link or a withdrawal.

use crate::{
    element::public_element,
    field,
    identity::Secret,
    ids::{Expiry, Origin, PartyId, ScaleId, ScaleVersion},
    scope::Scope,
};

public_element! {
    /// The message of a ticket: a consent, a withdrawal or a link.
    Message
}

/// Bytes of a claim message's salt.
pub const SALT_BYTES: usize = 16;

/// The content of a claim's message: a consent to this distributor under these terms, for the fields
/// and the formula of this version of the scale. It does not cover later versions.
#[derive(Debug, Clone, Copy)]
pub struct Consent<'a> {
    /// The ledger.
    pub origin: &'a Origin,
    /// The distributor that may claim.
    pub distributor: &'a PartyId,
    /// Digest of the terms document.
    pub terms: &'a [u8; 32],
    /// The scale.
    pub scale: &'a ScaleId,
    /// The version of the scale.
    pub version: ScaleVersion,
    /// SHA-256 of the version's manifest: its formula, its fields, its figures.
    pub manifest: &'a [u8; 32],
    /// Expiry bucket of the credits.
    pub expiry: Expiry,
}

impl Consent<'_> {
    /// H("claim", origin, distributor, terms, scale, version, manifest, expiry, salt128).
    pub fn message(&self, salt: &[u8; SALT_BYTES]) -> Message {
        // Destructured in full, so that no part of the consent is left out.
        let Self {
            origin,
            distributor,
            terms,
            scale,
            version,
            manifest,
            expiry,
        } = self;
        message(
            "merits/message/v2",
            &[
                b"claim",
                origin.as_str().as_bytes(),
                &distributor.0,
                *terms,
                scale.as_str().as_bytes(),
                &version.0.to_le_bytes(),
                *manifest,
                &expiry.0.to_le_bytes(),
                salt,
            ],
        )
    }
}

/// The salt of a claim's message: a PRF of the secret and the claim scope, so that it can be
/// computed again from seed and ledger alone.
pub fn claim_salt(secret: &Secret, claim_scope: Scope) -> [u8; SALT_BYTES] {
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

/// The claim message of a person who derives the salt.
pub fn claim_message(consent: &Consent<'_>, secret: &Secret, claim_scope: Scope) -> Message {
    consent.message(&claim_salt(secret, claim_scope))
}

/// The message of a ticket in a claim's scope that withdraws a consent: H("withdraw", origin, the
/// consent's message).
pub fn withdrawal_message(origin: &Origin, consent: Message) -> Message {
    message(
        "merits/message/v1",
        &[
            b"withdraw",
            origin.as_str().as_bytes(),
            &field::to_bytes(&consent),
        ],
    )
}

/// The message of a ticket in a source's scope that links a person to an account there: H("link",
/// origin, source, account). The account is the source's name for the person.
pub fn link_message(origin: &Origin, source: &PartyId, account: &str) -> Message {
    message(
        "merits/message/v1",
        &[
            b"link",
            origin.as_str().as_bytes(),
            &source.0,
            account.as_bytes(),
        ],
    )
}

fn message(domain: &str, parts: &[&[u8]]) -> Message {
    Message(field::hash(domain, parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_holds_every_part_of_the_consent() {
        let name = |text| Origin::new(text).expect("a name");
        let (origin, other_origin) = (name("ledger.test/merits"), name("other.test/merits"));
        let name = |text| ScaleId::new(text).expect("a name");
        let (scale, other_scale) = (name("cycling-week"), name("cycling"));
        let consent = Consent {
            origin: &origin,
            distributor: &PartyId([1; 32]),
            terms: &[2; 32],
            scale: &scale,
            version: ScaleVersion(3),
            manifest: &[4; 32],
            expiry: Expiry(684),
        };
        type Change<'a> = fn(&mut Consent<'a>, &'a Origin, &'a ScaleId);
        let changes: [Change<'_>; 7] = [
            |c, origin, _| c.origin = origin,
            |c, _, _| c.distributor = &PartyId([9; 32]),
            |c, _, _| c.terms = &[9; 32],
            |c, _, scale| c.scale = scale,
            |c, _, _| c.version = ScaleVersion(4),
            |c, _, _| c.manifest = &[9; 32],
            |c, _, _| c.expiry = Expiry(685),
        ];
        let salt = [5; SALT_BYTES];
        let mut messages = vec![consent.message(&salt), consent.message(&[9; SALT_BYTES])];
        for change in changes {
            let mut changed = consent;
            change(&mut changed, &other_origin, &other_scale);
            let message = changed.message(&salt);
            assert!(!messages.contains(&message), "part {}", messages.len());
            messages.push(message);
        }
        // Computed with Python's hashlib from the definition in `docs/src/consent.md`.
        let bytes = field::to_bytes(&messages[0]);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "6f3590eb9c2266d5308ddf359dfeb37971f87e0af5b953f3c5931ea864af5900"
        );
    }
}
