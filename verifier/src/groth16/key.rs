//! Verifying keys: their contents, the reasons to refuse one, and their preparation.

use alloc::{collections::BTreeMap, vec::Vec};

use ark_bn254::{Bn254, Fr as BnFr, G1Affine, G1Projective, G2Affine};
use ark_ec::{
    AffineRepr,
    pairing::{Pairing, PairingOutput},
};
use merits_primitives::{Fr, field};
use thiserror::Error;

use super::arithmetic;
use super::input_sum::InputTable;
use super::proof::{Part, PointFault, check_point, decode_g1, decode_g2, encode_g1, encode_g2};
use crate::codec::{Canonical, CodecError, Reader, Writer};

/// SHA-256 over a domain and a key's canonical encoding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyDigest(pub [u8; 32]);

impl core::fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl core::fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "KeyDigest({self})")
    }
}

/// How a key was made. Every key shows the kind of its set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Provenance {
    /// Made by one party, who could keep the trapdoor and forge: for development only.
    InsecureDev = 0,
    /// Made by a ceremony of several parties; sound if one of them was honest.
    Ceremony = 1,
}

impl core::fmt::Display for Provenance {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::InsecureDev => "insecure-dev",
            Self::Ceremony => "ceremony",
        })
    }
}

impl Canonical for Provenance {
    const NAME: &'static str = "key provenance";

    fn write(&self, out: &mut Writer) {
        out.u8(*self as u8);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        match input.u8(Self::NAME)? {
            0 => Ok(Self::InsecureDev),
            1 => Ok(Self::Ceremony),
            found => Err(CodecError::UnknownValue {
                what: Self::NAME,
                found: found.into(),
            }),
        }
    }
}

/// The keys that a verifier accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyPolicy {
    /// Accept keys marked [`Provenance::InsecureDev`]. Off unless the operator turns it on.
    pub allow_dev_keys: bool,
}

impl KeyPolicy {
    /// Applies the policy.
    ///
    /// # Errors
    /// [`KeyError::DevKey`].
    pub fn admit(&self, provenance: Provenance) -> Result<(), KeyError> {
        match provenance {
            Provenance::InsecureDev if !self.allow_dev_keys => Err(KeyError::DevKey),
            _ => Ok(()),
        }
    }
}

/// Why a key is refused. The party that published it is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Marked `insecure-dev`, and the policy does not accept such keys.
    #[error(
        "the key is marked insecure-dev (one party made it and could forge); \
         run with --allow-dev-keys only where nothing is at stake"
    )]
    DevKey,
    /// A point is refused.
    #[error("verifying key, {part}: {fault}")]
    Point {
        /// The point.
        part: Part,
        /// What is wrong with it.
        fault: PointFault,
    },
    /// δ is the generator or its negative: the second phase of the set-up never happened, so
    /// anybody can forge.
    #[error("the key's delta is the generator: its set-up was never finished, anyone could forge")]
    DeltaIsGenerator,
    /// δ = ±γ: an input can be moved into the witness, so anybody can forge.
    #[error("the key's delta equals gamma, or its negative: anyone could forge")]
    DeltaIsGamma,
    /// β = ±γ or ±δ: the pairing of α with β can be built from A, B and C, so anybody can forge.
    #[error("the key's beta equals its {other}, or its negative: anyone could forge")]
    BetaIs {
        /// γ or δ.
        other: Part,
    },
    /// Two input points are equal or opposite: one input can grow by the amount that the other loses.
    #[error(
        "the key's input points {one} and {other} are equal or opposite: values could be traded between them"
    )]
    InputsAlike {
        /// Index of one (0 is the constant's).
        one: usize,
        /// Index of the other.
        other: usize,
    },
    /// There is no point for the constant, or there are more inputs than any statement has.
    #[error("the key has {found} input points; it must have 1 to {limit}")]
    InputPoints {
        /// Points found.
        found: usize,
        /// Most that are allowed.
        limit: usize,
    },
}

/// A Groth16 verifying key, not yet checked (see [`VerifyingKey::check`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    /// α in G1.
    pub alpha: G1Affine,
    /// β in G2.
    pub beta: G2Affine,
    /// γ in G2.
    pub gamma: G2Affine,
    /// δ in G2.
    pub delta: G2Affine,
    /// The constant's point, then one for each public input.
    pub ic: Vec<G1Affine>,
}

impl VerifyingKey {
    /// Most input points of a key: the largest statement has 1,010 inputs.
    pub const MAX_INPUT_POINTS: usize = 1_500;

    /// The number of public inputs that the key takes.
    pub fn public_inputs(&self) -> usize {
        self.ic.len().saturating_sub(1)
    }

    /// SHA-256 over the canonical encoding, with a domain.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(field::digest(
            "merits/verifying-key/v1",
            &[&self.to_bytes()],
        ))
    }

    /// Refuses keys under which anybody could forge, and invalid points.
    ///
    /// # Errors
    /// [`KeyError`] says which point and why.
    pub fn check(&self) -> Result<(), KeyError> {
        let named = |part| move |fault| KeyError::Point { part, fault };
        if self.ic.is_empty() || self.ic.len() > Self::MAX_INPUT_POINTS {
            let (found, limit) = (self.ic.len(), Self::MAX_INPUT_POINTS);
            return Err(KeyError::InputPoints { found, limit });
        }
        check_point(&self.alpha).map_err(named(Part::Alpha))?;
        check_point(&self.beta).map_err(named(Part::Beta))?;
        check_point(&self.gamma).map_err(named(Part::Gamma))?;
        check_point(&self.delta).map_err(named(Part::Delta))?;
        // If an input point is the identity, nothing binds that input.
        for (index, point) in self.ic.iter().enumerate() {
            check_point(point).map_err(named(Part::Input(index)))?;
        }
        // Points are not the identity here, so equal x means equal or opposite.
        let mut seen = BTreeMap::new();
        for (other, point) in self.ic.iter().enumerate() {
            if let Some(one) = seen.insert(point.x, other) {
                return Err(KeyError::InputsAlike { one, other });
            }
        }
        if self.delta.x == G2Affine::generator().x {
            return Err(KeyError::DeltaIsGenerator);
        }
        if self.delta.x == self.gamma.x {
            return Err(KeyError::DeltaIsGamma);
        }
        for (other, point) in [(Part::Gamma, self.gamma), (Part::Delta, self.delta)] {
            if self.beta.x == point.x {
                return Err(KeyError::BetaIs { other });
            }
        }
        Ok(())
    }
}

impl Canonical for VerifyingKey {
    const NAME: &'static str = "verifying key";

    fn write(&self, out: &mut Writer) {
        out.array(&encode_g1(&self.alpha));
        for point in [&self.beta, &self.gamma, &self.delta] {
            out.array(&encode_g2(point));
        }
        out.count(self.ic.len());
        for point in &self.ic {
            out.array(&encode_g1(point));
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        // `check` reports which point is at fault. Bytes that are not a point are refused here.
        let refuse = |what| move |_| CodecError::NotCanonical { what };
        let alpha = decode_g1(input.take("alpha", 32)?).map_err(refuse("alpha"))?;
        let beta = decode_g2(input.take("beta", 64)?).map_err(refuse("beta"))?;
        let gamma = decode_g2(input.take("gamma", 64)?).map_err(refuse("gamma"))?;
        let delta = decode_g2(input.take("delta", 64)?).map_err(refuse("delta"))?;
        let count = input.count("input points", Self::MAX_INPUT_POINTS)?;
        let ic = (0..count)
            .map(|_| decode_g1(input.take("input point", 32)?).map_err(refuse("input point")))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            alpha,
            beta,
            gamma,
            delta,
            ic,
        })
    }
}

/// A checked key with all values precomputed that do not depend on a proof.
#[derive(Clone)]
pub struct PreparedKey {
    key: VerifyingKey,
    digest: KeyDigest,
    provenance: Provenance,
    table: InputTable,
    pub(super) alpha_beta: PairingOutput<Bn254>,
    pub(super) beta: arithmetic::Fixed,
    pub(super) gamma: arithmetic::Fixed,
    pub(super) delta: arithmetic::Fixed,
}

impl core::fmt::Debug for PreparedKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PreparedKey")
            .field("digest", &self.digest)
            .field("provenance", &self.provenance)
            .field("public_inputs", &self.key.public_inputs())
            .finish()
    }
}

impl PreparedKey {
    /// Checks the key against the policy and prepares it: about 15 ms for 135 inputs.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn new(
        key: VerifyingKey,
        provenance: Provenance,
        policy: KeyPolicy,
    ) -> Result<Self, KeyError> {
        policy.admit(provenance)?;
        key.check()?;
        let (constant, points) = key.ic.split_first().ok_or(KeyError::InputPoints {
            found: 0,
            limit: VerifyingKey::MAX_INPUT_POINTS,
        })?;
        Ok(Self {
            digest: key.digest(),
            provenance,
            table: InputTable::new(*constant, points),
            alpha_beta: Bn254::pairing(key.alpha, key.beta),
            beta: arithmetic::fixed(key.beta),
            gamma: arithmetic::fixed(key.gamma),
            delta: arithmetic::fixed(key.delta),
            key,
        })
    }

    /// The key's digest.
    pub fn digest(&self) -> KeyDigest {
        self.digest
    }

    /// How the key was made.
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// The key itself.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }

    pub(super) fn input_sum(&self, factor: Fr, inputs: &[BnFr]) -> G1Projective {
        self.table.sum(factor, inputs)
    }
}
