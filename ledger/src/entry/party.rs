//! Parties: admission, standing, keys.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use merits_primitives::ids::{Origin, PartyId};
use merits_verifier::{
    codec::{Canonical, CodecError, Reader, Writer},
    signature::{self, BadSignature, PublicKey, SIGNATURE_BYTES},
};

use super::read_reason;
use crate::role::Roles;

/// Longest name of a party, in bytes.
const MAX_NAME_BYTES: usize = 80;

/// A party joins, admitted by an act of the board. (Founders admit themselves.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyAdmitted {
    /// Its name, at most 80 bytes.
    pub name: String,
    /// Its roles.
    pub roles: Roles,
    /// Its first signing key.
    pub signing_key: PublicKey,
    /// Its X25519 key for HPKE.
    pub sealing_key: [u8; 32],
    /// The party's own signature, which shows that it knows the key and wants to join this log with
    /// these roles.
    pub consent: [u8; SIGNATURE_BYTES],
}

impl PartyAdmitted {
    /// A party's application, signed by itself, for a supervisor to propose.
    pub fn apply(
        origin: &Origin,
        name: &str,
        roles: Roles,
        key: &SigningKey,
        sealing_key: [u8; 32],
    ) -> Self {
        let mut application = Self {
            name: name.to_owned(),
            roles,
            signing_key: PublicKey::of(key),
            sealing_key,
            consent: [0; SIGNATURE_BYTES],
        };
        application.consent = signature::sign(key, &application.consent_bytes(origin));
        application
    }

    /// The party's permanent id: the key of its application is its first.
    pub fn party(&self, origin: &Origin) -> PartyId {
        PartyId::of_first_key(origin, &self.name, &self.signing_key.to_bytes())
    }

    /// Checks that the party itself signed the application.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_consent(&self, origin: &Origin) -> Result<(), BadSignature> {
        self.signing_key
            .verify(&self.consent_bytes(origin), &self.consent)
    }

    fn consent_bytes(&self, origin: &Origin) -> Vec<u8> {
        let mut out = Writer::new();
        out.text("merits/admission/v1");
        out.text(origin.as_str());
        out.text(&self.name);
        self.roles.write(&mut out);
        self.signing_key.write(&mut out);
        out.array(&self.sealing_key);
        out.into_bytes()
    }
}

impl Canonical for PartyAdmitted {
    const NAME: &'static str = "party admitted";

    fn write(&self, out: &mut Writer) {
        out.text(&self.name);
        self.roles.write(out);
        self.signing_key.write(out);
        out.array(&self.sealing_key);
        out.array(&self.consent);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            name: input.text("name", MAX_NAME_BYTES)?,
            roles: Roles::read(input)?,
            signing_key: PublicKey::read(input)?,
            sealing_key: input.array("sealing key")?,
            consent: input.array("consent")?,
        })
    }
}

/// A party is suspended, reinstated or ended by the board; the act says which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingChange {
    /// The party whose standing changes.
    pub party: PartyId,
    /// The number of changes of its standing so far, plus one, so that no entry repeats an earlier
    /// one.
    pub sequence: u32,
    /// The reason, as text of at most 4,096 bytes.
    pub basis: String,
}

impl Canonical for StandingChange {
    const NAME: &'static str = "standing change";

    fn write(&self, out: &mut Writer) {
        out.array(&self.party.0);
        out.u32(self.sequence);
        out.text(&self.basis);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            party: PartyId(input.array("party")?),
            sequence: input.u32("sequence")?,
            basis: read_reason(input, "basis")?,
        })
    }
}

/// Longest time in which a key that was succeeded still signs: a week.
pub const MAX_GRACE: Duration = Duration::from_secs(7 * 86_400);

/// A party changes its signing key, and the old one signs for some time still, so that nothing that
/// was signed with it is lost. The entry is signed with the old key. The sealing key stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySucceeded {
    /// The number of changes of keys so far, plus one.
    pub generation: u32,
    /// The new signing key.
    pub signing_key: PublicKey,
    /// How long the old key signs from the entry's time on, in seconds, at most [`MAX_GRACE`]. It
    /// never signs another change of keys. 0 ends it at once, with every earlier key. Nothing else is
    /// accepted while an earlier key is in its own grace.
    pub grace_s: u32,
    /// Signature with the new key, which shows that the party knows it.
    pub possession: [u8; SIGNATURE_BYTES],
}

impl KeySucceeded {
    /// A succession by `key`, with its proof of possession. Longer graces than [`MAX_GRACE`] are
    /// cut to it.
    pub fn new(
        origin: &Origin,
        party: &PartyId,
        generation: u32,
        key: &SigningKey,
        grace: Duration,
    ) -> Self {
        let seconds = grace.min(MAX_GRACE).as_secs();
        let mut succession = Self {
            generation,
            signing_key: PublicKey::of(key),
            grace_s: u32::try_from(seconds).unwrap_or(0),
            possession: [0; SIGNATURE_BYTES],
        };
        succession.possession = signature::sign(key, &succession.possession_bytes(origin, party));
        succession
    }

    /// How long the old key signs.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_s.into())
    }

    /// Checks the new key's signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_possession(&self, origin: &Origin, party: &PartyId) -> Result<(), BadSignature> {
        self.signing_key
            .verify(&self.possession_bytes(origin, party), &self.possession)
    }

    fn possession_bytes(&self, origin: &Origin, party: &PartyId) -> Vec<u8> {
        let mut out = Writer::new();
        out.text("merits/key-succession/v1");
        out.text(origin.as_str());
        out.array(&party.0);
        out.u32(self.generation);
        self.signing_key.write(&mut out);
        out.u32(self.grace_s);
        out.into_bytes()
    }
}

impl Canonical for KeySucceeded {
    const NAME: &'static str = "key succeeded";

    fn write(&self, out: &mut Writer) {
        out.u32(self.generation);
        self.signing_key.write(out);
        out.u32(self.grace_s);
        out.array(&self.possession);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (generation, signing_key) = (input.u32("generation")?, PublicKey::read(input)?);
        let (what, grace_s) = ("grace", input.u32("grace")?);
        let found = usize::try_from(grace_s).unwrap_or(usize::MAX);
        let limit = usize::try_from(MAX_GRACE.as_secs()).unwrap_or(0);
        if found > limit {
            return Err(CodecError::TooLong { what, found, limit });
        }
        Ok(Self {
            generation,
            signing_key,
            grace_s,
            possession: input.array("possession")?,
        })
    }
}

/// A party changes its keys; the entry is signed with the old one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysRotated {
    /// The number of rotations so far, plus one.
    pub generation: u32,
    /// The new signing key.
    pub signing_key: PublicKey,
    /// The new X25519 key.
    pub sealing_key: [u8; 32],
    /// Signature with the new key, which shows that the party knows it.
    pub possession: [u8; SIGNATURE_BYTES],
}

impl KeysRotated {
    /// A rotation to `key`, with its proof of possession.
    pub fn new(
        origin: &Origin,
        party: &PartyId,
        generation: u32,
        key: &SigningKey,
        sealing_key: [u8; 32],
    ) -> Self {
        let mut rotation = Self {
            generation,
            signing_key: PublicKey::of(key),
            sealing_key,
            possession: [0; SIGNATURE_BYTES],
        };
        rotation.possession = signature::sign(key, &rotation.possession_bytes(origin, party));
        rotation
    }

    /// Checks the new key's signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_possession(&self, origin: &Origin, party: &PartyId) -> Result<(), BadSignature> {
        self.signing_key
            .verify(&self.possession_bytes(origin, party), &self.possession)
    }

    fn possession_bytes(&self, origin: &Origin, party: &PartyId) -> Vec<u8> {
        let mut out = Writer::new();
        out.text("merits/key-rotation/v1");
        out.text(origin.as_str());
        out.array(&party.0);
        out.u32(self.generation);
        self.signing_key.write(&mut out);
        out.array(&self.sealing_key);
        out.into_bytes()
    }
}

impl Canonical for KeysRotated {
    const NAME: &'static str = "keys rotated";

    fn write(&self, out: &mut Writer) {
        out.u32(self.generation);
        self.signing_key.write(out);
        out.array(&self.sealing_key);
        out.array(&self.possession);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            generation: input.u32("generation")?,
            signing_key: PublicKey::read(input)?,
            sealing_key: input.array("sealing key")?,
            possession: input.array("possession")?,
        })
    }
}
