//! Proof systems, and a proof as an entry carries it: the system's number, then the system's own
//! encoding.
//!
//! Each system's own module verifies its proofs ([`crate::groth16`], [`crate::schnorr`]). This module
//! has only the shared parts, so that an envelope can be read, and its signature checked, before any
//! part of a proof is decoded. Each system has its own bound on the bytes.

use alloc::vec::Vec;

use merits_primitives::dleq;
use thiserror::Error;

use crate::codec::{CodecError, Reader, Writer};
use crate::groth16::{self, ProofFormatError};
use crate::schnorr::{self, SchnorrFormatError};

/// A proof system. The enum is closed, so that a new system is a compile error in every place that must
/// handle it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ProofSystem {
    /// [`crate::groth16`] over BN254: a statement of any circuit, under the circuit's key.
    Groth16Bn254 = 1,
    /// [`crate::schnorr`] over Baby Jubjub: knowledge of the secrets of points. It has no key.
    SchnorrBabyJubjub = 2,
}

/// The number that marks an entry without a proof.
const NO_PROOF: u8 = 0;

impl ProofSystem {
    /// Every system, in the order of the numbers.
    pub const ALL: [Self; 2] = [Self::Groth16Bn254, Self::SchnorrBabyJubjub];

    /// The number in the envelope, and under the party's signature. It never changes.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The system with this number; `None` if there is none.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|system| system.number() == number)
    }

    /// The name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Groth16Bn254 => "Groth16 over BN254",
            Self::SchnorrBabyJubjub => "Schnorr over Baby Jubjub",
        }
    }

    /// Most bytes of an encoded proof. A longer one is refused before it is copied.
    pub const fn max_bytes(self) -> usize {
        match self {
            Self::Groth16Bn254 => groth16::PROOF_BYTES,
            Self::SchnorrBabyJubjub => schnorr::MAX_POSSESSIONS * dleq::PROOF_BYTES,
        }
    }
}

impl core::fmt::Display for ProofSystem {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// An encoded proof: its system, and bytes that are not decoded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedProof {
    system: ProofSystem,
    bytes: Vec<u8>,
}

/// A decoded proof of any system.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all proofs are of Groth16, and each is moved rarely"
)]
pub enum Proof {
    /// A proof of [`ProofSystem::Groth16Bn254`].
    Groth16(groth16::Proof),
    /// A proof of [`ProofSystem::SchnorrBabyJubjub`].
    Schnorr(schnorr::Proof),
}

/// Why an entry's proof cannot be decoded. The sender is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofDecodeError {
    /// A proof of another system.
    #[error("a proof of {expected} is needed, and {}", came(.found))]
    OtherSystem {
        /// The system that is needed.
        expected: ProofSystem,
        /// The system of the proof that came, if one came.
        found: Option<ProofSystem>,
    },
    /// The bytes are not a Groth16 proof.
    #[error(transparent)]
    Groth16(#[from] ProofFormatError),
    /// The bytes are not a Schnorr proof.
    #[error(transparent)]
    Schnorr(#[from] SchnorrFormatError),
}

fn came(found: &Option<ProofSystem>) -> alloc::string::String {
    match found {
        None => "none came".into(),
        Some(system) => alloc::format!("one of {system} came"),
    }
}

impl EncodedProof {
    /// A proof of this system from bytes that are not decoded yet.
    ///
    /// # Errors
    /// [`CodecError::TooLong`] for more bytes than the system's bound.
    pub fn new(system: ProofSystem, bytes: Vec<u8>) -> Result<Self, CodecError> {
        let (found, limit) = (bytes.len(), system.max_bytes());
        if found > limit {
            let what = "proof";
            return Err(CodecError::TooLong { what, found, limit });
        }
        Ok(Self { system, bytes })
    }

    /// The system.
    pub fn system(&self) -> ProofSystem {
        self.system
    }

    /// The system's own encoding.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Decodes the bytes: points are checked, equations are not.
    ///
    /// # Errors
    /// [`ProofDecodeError`].
    pub fn decode(&self) -> Result<Proof, ProofDecodeError> {
        Ok(match self.system {
            ProofSystem::Groth16Bn254 => Proof::Groth16(groth16::Proof::from_bytes(&self.bytes)?),
            ProofSystem::SchnorrBabyJubjub => {
                Proof::Schnorr(schnorr::Proof::from_bytes(&self.bytes)?)
            }
        })
    }

    /// [`EncodedProof::decode`] of each, in their order. Groth16 proofs are decoded together, which takes less
    /// time ([`groth16::Proof::all_from_bytes`]).
    pub fn decode_all(encoded: &[&Self]) -> Vec<Result<Proof, ProofDecodeError>> {
        let is_groth16 = |proof: &&&Self| proof.system == ProofSystem::Groth16Bn254;
        let together = encoded.iter().filter(is_groth16);
        let together: Vec<&[u8]> = together.map(|proof| proof.bytes.as_slice()).collect();
        let mut together = groth16::Proof::all_from_bytes(&together).into_iter();
        let decode = |proof: &&Self| match is_groth16(&proof).then(|| together.next()).flatten() {
            Some(decoded) => Ok(Proof::Groth16(decoded?)),
            None => proof.decode(),
        };
        encoded.iter().map(decode).collect()
    }

    /// The system's number, then the bytes. Without a proof, only the number that marks this.
    pub(crate) fn write_option(proof: Option<&Self>, out: &mut Writer) {
        match proof {
            None => out.u8(NO_PROOF),
            Some(proof) => {
                out.u8(proof.system.number());
                out.bytes(&proof.bytes);
            }
        }
    }

    /// Reads [`EncodedProof::write_option`].
    pub(crate) fn read_option(input: &mut Reader<'_>) -> Result<Option<Self>, CodecError> {
        let number = input.u8("proof system")?;
        if number == NO_PROOF {
            return Ok(None);
        }
        let unknown = CodecError::UnknownValue {
            what: "proof system",
            found: number.into(),
        };
        let system = ProofSystem::from_number(number).ok_or(unknown)?;
        let bytes = input.bytes("proof", system.max_bytes())?.to_vec();
        Ok(Some(Self { system, bytes }))
    }

    /// The part of a proof that a signature covers: the system's number and the bytes.
    pub(crate) fn signed_parts(proof: Option<&Self>) -> (u8, &[u8]) {
        match proof {
            None => (NO_PROOF, &[]),
            Some(proof) => (proof.system.number(), &proof.bytes),
        }
    }
}

impl Proof {
    /// The system.
    pub fn system(&self) -> ProofSystem {
        match self {
            Self::Groth16(_) => ProofSystem::Groth16Bn254,
            Self::Schnorr(_) => ProofSystem::SchnorrBabyJubjub,
        }
    }

    /// The encoding.
    pub fn encode(&self) -> EncodedProof {
        match self {
            Self::Groth16(proof) => proof.into(),
            Self::Schnorr(proof) => proof.into(),
        }
    }
}

impl From<&groth16::Proof> for EncodedProof {
    fn from(proof: &groth16::Proof) -> Self {
        Self {
            system: ProofSystem::Groth16Bn254,
            bytes: proof.to_bytes().to_vec(),
        }
    }
}

impl From<&schnorr::Proof> for EncodedProof {
    fn from(proof: &schnorr::Proof) -> Self {
        Self {
            system: ProofSystem::SchnorrBabyJubjub,
            bytes: proof.to_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<EncodedProof>, CodecError> {
        EncodedProof::read_option(&mut Reader::new(bytes))
    }

    #[test]
    fn each_system_has_a_number_of_its_own_that_reads_back() {
        for system in ProofSystem::ALL {
            assert_ne!(system.number(), NO_PROOF);
            assert_eq!(ProofSystem::from_number(system.number()), Some(system));
            let proof = EncodedProof::new(system, vec![7; system.max_bytes()]).unwrap();
            let mut out = Writer::new();
            EncodedProof::write_option(Some(&proof), &mut out);
            assert_eq!(read(&out.into_bytes()), Ok(Some(proof)));
        }
        assert_eq!(read(&[NO_PROOF]), Ok(None));
    }

    #[test]
    fn an_unknown_system_and_a_proof_over_its_bound_are_refused() {
        let what = "proof system";
        let found = 3;
        let unknown = CodecError::UnknownValue { what, found };
        assert_eq!(read(&[3, 0, 0, 0, 0]), Err(unknown));
        for system in ProofSystem::ALL {
            let limit = system.max_bytes();
            let found = limit + 1;
            let what = "proof";
            let too_long = CodecError::TooLong { what, found, limit };
            let made = EncodedProof::new(system, vec![7; found]);
            assert_eq!(made, Err(too_long.clone()));
            let mut out = Writer::new();
            out.u8(system.number());
            out.bytes(&vec![7; found]);
            assert_eq!(read(&out.into_bytes()), Err(too_long));
        }
    }
}
