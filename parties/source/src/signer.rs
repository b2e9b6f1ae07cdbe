//! Salts, commitments, signatures.

use ed25519_dalek::SigningKey;
use hmac::{Hmac, KeyInit, Mac};
use merits_formula::{Record, Schema};
use merits_keyfile::SecretBytes;
use merits_primitives::{
    commitment::{Opening, RecordCommitment, RecordSalt},
    field,
    ids::{Origin, PartyId, Period},
    owner::Handle,
};
use merits_text::typed::typed;
use merits_verifier::{
    signature::{self, PublicKey},
    statement::earn::commitment_signing_bytes,
};
use sha2::Sha256;
use zeroize::Zeroize;

/// A source's keys, bound to one ledger and one record schema.
pub struct Signer {
    origin: Origin,
    source: PartyId,
    schema: Schema,
    signing: SigningKey,
    salts: SecretBytes,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("origin", &self.origin)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// A commitment and what is needed to open it, except the records.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// s, the secret salt.
    pub salt: RecordSalt,
    /// C.
    pub c: RecordCommitment,
    /// The source's signature.
    pub signature: [u8; 64],
}

impl Signer {
    /// `source` is the id under which the ledger knows the key.
    pub fn new(
        origin: Origin,
        source: PartyId,
        schema: Schema,
        signing: SigningKey,
        salts: SecretBytes,
    ) -> Self {
        Self {
            origin,
            source,
            schema,
            signing,
            salts,
        }
    }

    /// The id under which a source with this name is admitted if this is its first key.
    pub fn party_id(origin: &Origin, name: &str, first_key: &SigningKey) -> PartyId {
        PartyId::of_first_key(origin, name, &PublicKey::of(first_key).to_bytes())
    }

    /// The source's id.
    pub fn source(&self) -> PartyId {
        self.source
    }

    /// The ledger's origin.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The record schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The register's name for an account: a MAC, so that the register names nobody.
    pub fn account_tag(&self, subject: &str) -> [u8; 32] {
        // HMAC takes keys of any length.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(self.salts.as_ref())
            .expect("any length fits");
        // The input of a salt begins with a schema's id. That is a hash, and nobody finds a hash
        // that begins with these words.
        mac.update(b"merits/source-account/v1\0");
        mac.update(typed(subject).as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// s = HMAC-SHA-256(salt key, schema ‖ h ‖ period), its top 248 bits
    /// (`docs/src/design-cryptography.md`, "Statement `earn`"). The same subject and period always
    /// has the same salt, so it has only one commitment.
    pub fn salt(&self, handle: &Handle, period: Period) -> RecordSalt {
        // HMAC takes keys of any length.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(self.salts.as_ref())
            .expect("any length fits");
        // Fixed widths: no two inputs share an encoding.
        mac.update(&field::to_bytes(&self.schema.id()));
        mac.update(&field::to_bytes(handle));
        mac.update(&period.to_u64().to_le_bytes());
        let mut tag: [u8; 32] = mac.finalize().into_bytes().into();
        let salt = RecordSalt(field::from_digest(&tag));
        tag.zeroize();
        salt
    }

    /// Commits to one subject's records of one period, and signs. `records` were checked against
    /// the schema.
    pub fn commit(&self, handle: Handle, period: Period, records: &[Record]) -> Committed {
        let salt = self.salt(&handle, period);
        let packed = self.schema.pack(records);
        let c = Opening {
            schema: self.schema.id(),
            period,
            // The reader refuses groups over max_records, which is a u16.
            count: records.len() as u16,
            handle,
            salt,
            packed: &packed,
        }
        .commitment();
        let message =
            commitment_signing_bytes(&self.origin, &self.source, self.schema.id(), period, c);
        Committed {
            salt,
            c,
            signature: signature::sign(&self.signing, &message),
        }
    }
}
