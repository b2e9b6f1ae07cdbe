//! The envelope of a ledger entry and the leaf that holds it.
//!
//! A leaf is the sequencer's time (unix milliseconds, `u64`), perhaps the digest of the ledger's state before it (a
//! flag, then 32 bytes if the flag is 1), and the envelope's bytes. The envelope
//! names the log, the kind of statement and the party that makes it, and carries the party's
//! signature, so that each leaf can be checked alone. `merits-ledger` defines what statements mean.

use alloc::vec::Vec;

use ed25519_dalek::SigningKey;
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Origin, PartyId, sha256},
};

use crate::codec::{Canonical, CodecError, Reader, Writer};
use crate::groth16;
use crate::proof::{EncodedProof, Proof, ProofDecodeError, ProofSystem};
use crate::signature::{self, BadSignature, PublicKey, SIGNATURE_BYTES};

/// Version of the envelope.
pub const ENVELOPE_VERSION: u8 = 2;

/// Most bytes of a leaf: C2SP tlog-tiles gives each entry a 16-bit length.
pub const MAX_LEAF_BYTES: usize = 65_535;

/// Most bytes of a leaf before its envelope: time, flag, digest of the state.
pub const LEAF_HEAD_BYTES: usize = TIME_BYTES + 1 + 32;

const TIME_BYTES: usize = 8;

/// Most bytes of an envelope.
pub const MAX_ENTRY_BYTES: usize = MAX_LEAF_BYTES - LEAF_HEAD_BYTES;

/// Most bytes of a blob: data that does not fit into an entry, which names it by its SHA-256.
pub const MAX_BLOB_BYTES: usize = 1_048_576;

/// The party of entries that a person makes. No party has this id: nobody knows an input that
/// hashes to it.
pub const NOBODY: PartyId = PartyId([0; 32]);

/// A party's signed statement, with its proof if the kind has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedEntry {
    /// The log that it is meant for.
    pub origin: Origin,
    /// The kind of statement.
    pub kind: u16,
    /// The party that states it.
    pub party: PartyId,
    /// The statement's canonical encoding.
    pub statement: Vec<u8>,
    /// The proof, if the kind has one. Not part of the entry's id: proofs can be rerandomised.
    pub proof: Option<EncodedProof>,
    /// Ed25519 over [`SignedEntry::signing_bytes`].
    pub signature: [u8; SIGNATURE_BYTES],
}

impl SignedEntry {
    /// Makes and signs an entry.
    pub fn sign(
        origin: Origin,
        kind: u16,
        party: PartyId,
        statement: Vec<u8>,
        proof: Option<EncodedProof>,
        key: &SigningKey,
    ) -> Self {
        let mut entry = Self {
            origin,
            kind,
            party,
            statement,
            proof,
            signature: [0; SIGNATURE_BYTES],
        };
        entry.signature = signature::sign(key, &entry.signing_bytes());
        entry
    }

    /// An entry that a person makes. No party signs it; only its proof counts. Party and signature
    /// are zeros.
    pub fn unsigned(
        origin: Origin,
        kind: u16,
        statement: Vec<u8>,
        proof: Option<EncodedProof>,
    ) -> Self {
        Self {
            origin,
            kind,
            party: NOBODY,
            statement,
            proof,
            signature: [0; SIGNATURE_BYTES],
        }
    }

    /// Whether it has the form of [`SignedEntry::unsigned`].
    pub fn is_unsigned(&self) -> bool {
        self.party == NOBODY && self.signature == [0; SIGNATURE_BYTES]
    }

    /// The bytes that the party signs: domain, origin, version, kind, party, the digest of the
    /// statement, the proof's system (0 for none) and the digest of its bytes.
    pub fn signing_bytes(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.text("merits/entry/v1");
        out.text(self.origin.as_str());
        out.u8(ENVELOPE_VERSION);
        out.u16(self.kind);
        out.array(&self.party.0);
        out.array(&sha256(&self.statement));
        let (system, proof) = EncodedProof::signed_parts(self.proof.as_ref());
        out.u8(system);
        out.array(&sha256(proof));
        out.into_bytes()
    }

    /// Checks the party's signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify_signature(&self, key: &PublicKey) -> Result<(), BadSignature> {
        key.verify(&self.signing_bytes(), &self.signature)
    }

    /// Its proof, which must be a Groth16 proof.
    ///
    /// # Errors
    /// [`ProofDecodeError`], also when there is no proof.
    pub fn groth16_proof(&self) -> Result<groth16::Proof, ProofDecodeError> {
        let expected = ProofSystem::Groth16Bn254;
        let found = self.proof.as_ref().map(EncodedProof::system);
        match self.proof.as_ref().map(EncodedProof::decode).transpose()? {
            Some(Proof::Groth16(proof)) => Ok(proof),
            Some(Proof::Schnorr(_)) | None => {
                Err(ProofDecodeError::OtherSystem { expected, found })
            }
        }
    }

    /// The id: a digest of log, kind, party and statement.
    pub fn id(&self) -> EntryId {
        EntryId::derive(&self.origin, self.kind, &self.party, &self.statement)
    }
}

impl Canonical for SignedEntry {
    const NAME: &'static str = "entry";

    fn write(&self, out: &mut Writer) {
        out.u8(ENVELOPE_VERSION);
        out.text(self.origin.as_str());
        out.u16(self.kind);
        out.array(&self.party.0);
        out.bytes(&self.statement);
        EncodedProof::write_option(self.proof.as_ref(), out);
        out.array(&self.signature);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let left = input.left();
        if left > MAX_ENTRY_BYTES {
            let (what, found, limit) = (Self::NAME, left, MAX_ENTRY_BYTES);
            return Err(CodecError::TooLong { what, found, limit });
        }
        let version = input.u8("envelope version")?;
        if version != ENVELOPE_VERSION {
            let (what, found) = ("envelope version", version.into());
            return Err(CodecError::UnknownValue { what, found });
        }
        Ok(Self {
            origin: read_origin(input)?,
            kind: input.u16("kind")?,
            party: PartyId(input.array("party")?),
            statement: input.bytes("statement", MAX_ENTRY_BYTES)?.to_vec(),
            proof: EncodedProof::read_option(input)?,
            signature: input.array("signature")?,
        })
    }
}

/// An entry as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The sequencer's time, never less than the leaf before.
    pub time: Timestamp,
    /// The digest of the ledger's state before this leaf. The last leaf under each checkpoint has one, and others
    /// may. Only who has the state can tell whether it is right, so a leaf that is checked alone shows nothing about
    /// it.
    pub state: Option<[u8; 32]>,
    /// The entry.
    pub entry: SignedEntry,
}

impl Leaf {
    /// The encoding of a leaf with this time and entry, which need not be copied into one. It has no digest of the
    /// state.
    pub fn encoded(time: Timestamp, entry: &SignedEntry) -> Vec<u8> {
        Self::encode(time, None, entry)
    }

    /// Writes the digest of the state before it into the encoding of a leaf that has none. A leaf that has one stays
    /// as it is.
    pub fn seal(encoded: &mut Vec<u8>, state: &[u8; 32]) {
        if encoded.get(TIME_BYTES) == Some(&0) {
            let sealed = [1].into_iter().chain(*state);
            encoded.splice(TIME_BYTES..=TIME_BYTES, sealed);
        }
    }

    fn encode(time: Timestamp, state: Option<&[u8; 32]>, entry: &SignedEntry) -> Vec<u8> {
        let proof = entry.proof.as_ref().map_or(0, |proof| proof.bytes().len());
        let texts = entry.origin.as_str().len() + entry.statement.len() + proof;
        let mut out = Writer::with_capacity(texts + ENVELOPE_BYTES);
        out.time(time);
        out.option(state, |out, state| out.array(state));
        entry.write(&mut out);
        out.into_bytes()
    }
}

/// The envelope's version in a leaf of an older form, in which no ledger is any more: it had no place for a digest of the
/// state, so the envelope followed the time at once. `None` for a leaf of the present form, and for other bytes.
pub fn earlier_envelope(leaf: &[u8]) -> Option<u8> {
    let mut input = Reader::new(leaf);
    input.time("leaf time").ok()?;
    let version = input.u8("envelope version").ok()?;
    let is_known = (1..=LAST_WITHOUT_STATE).contains(&version);
    read_origin(&mut input).ok()?;
    (is_known && Leaf::from_bytes(leaf).is_err()).then_some(version)
}

/// The last version of the envelope in leaves without a place for the digest of the state.
const LAST_WITHOUT_STATE: u8 = 2;

/// Reads only the kind of a leaf's entry; `None` for bytes that end before it.
pub fn kind_of(leaf: &[u8]) -> Option<u16> {
    let mut input = Reader::new(leaf);
    read_head(&mut input).ok()?;
    input.u8("envelope version").ok()?;
    input.bytes("origin", Origin::MAX).ok()?;
    input.u16("kind").ok()
}

/// The time of a leaf, and its digest of the state.
fn read_head(input: &mut Reader<'_>) -> Result<(Timestamp, Option<[u8; 32]>), CodecError> {
    let time = input.time("leaf time")?;
    let state = input.option("leaf state", |input| input.array("leaf state"))?;
    Ok((time, state))
}

/// Bytes of a leaf beside origin, statement and proof: time, state, version, kind, party, proof system, signature
/// and three lengths.
const ENVELOPE_BYTES: usize = LEAF_HEAD_BYTES + 1 + 2 + 32 + 1 + SIGNATURE_BYTES + 3 * 4;

impl Canonical for Leaf {
    const NAME: &'static str = "leaf";

    fn write(&self, out: &mut Writer) {
        out.array(&self.to_bytes());
    }

    fn to_bytes(&self) -> Vec<u8> {
        Self::encode(self.time, self.state.as_ref(), &self.entry)
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let (time, state) = read_head(input)?;
        Ok(Self {
            time,
            state,
            entry: SignedEntry::read(input)?,
        })
    }
}

fn read_origin(input: &mut Reader<'_>) -> Result<Origin, CodecError> {
    let text = input.text("origin", Origin::MAX)?;
    Origin::new(&text).map_err(|_| CodecError::NotText { what: "origin" })
}
