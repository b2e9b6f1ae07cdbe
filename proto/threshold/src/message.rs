//! What the holders publish, round by round.
//!
//! Each holder publishes at most one message a round. All messages of a round are waited for before the next
//! round begins: above all, every hash is published before any package, or the last speaker would choose its
//! polynomial by the others' and so bias the key.

use merits_primitives::{
    field,
    ids::PartyId,
    jubjub::{POINT_BYTES, Point, Scalar, scalar_from_bytes, scalar_to_bytes},
};
use merits_sealing::Sealed;
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};
use zeroize::Zeroizing;

use crate::{Threshold, suite::SCALAR_BYTES};

/// Bytes of a dealt share: a scalar of each key.
pub const SHARE_BYTES: usize = 2 * SCALAR_BYTES;

/// A share and the tag of ChaCha20-Poly1305.
const SEALED_BYTES: usize = SHARE_BYTES + 16;

/// A round. Their order is the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Round {
    /// The hash of the package.
    Hash = 1,
    /// The commitments to both polynomials, with proofs of knowledge.
    Package = 2,
    /// A sealed share for each other holder.
    Shares = 3,
    /// That all shares fit, or whose do not.
    Verdict = 4,
    /// The shares that are in dispute.
    Reveal = 5,
}

impl Round {
    /// All, in order.
    pub const ALL: [Self; 5] = [
        Self::Hash,
        Self::Package,
        Self::Shares,
        Self::Verdict,
        Self::Reveal,
    ];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Package => "package",
            Self::Shares => "shares",
            Self::Verdict => "verdict",
            Self::Reveal => "reveal",
        }
    }
}

impl std::fmt::Display for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Whose message of which round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The round.
    pub round: Round,
    /// The sender.
    pub party: PartyId,
}

/// A message without its sender, whom whatever carries it authenticates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// [`Ceremony::digest`](crate::ceremony::Ceremony::digest).
    pub ceremony: [u8; 32],
    /// The content.
    pub body: Body,
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "messages are handled one at a time, never in arrays"
)]
pub enum Body {
    /// [`Package::hash`].
    Hash([u8; 32]),
    /// The package.
    Package(Package),
    /// The sealed shares, by the receiver's id.
    Shares(Vec<DealtShare>),
    /// How the sender found its shares.
    Verdict(Verdict),
    /// The disputed shares, by the complainer's id.
    Reveal(Vec<RevealedShare>),
}

impl Body {
    /// The round.
    pub fn round(&self) -> Round {
        match self {
            Self::Hash(_) => Round::Hash,
            Self::Package(_) => Round::Package,
            Self::Shares(_) => Round::Shares,
            Self::Verdict(_) => Round::Verdict,
            Self::Reveal(_) => Round::Reveal,
        }
    }
}

/// Commitments to one polynomial, with the proof that its constant term is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// Each coefficient times Base8, the constant term first.
    pub coefficients: Vec<Point>,
    /// The proof's commitment.
    pub nonce: Point,
    /// The proof's response.
    pub response: Scalar,
}

/// Round 1 of both keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// An X25519 key of this ceremony alone, to which others seal this holder's shares. It is erased with the
    /// ceremony's secrets: whoever has a party's long-lived key later opens nothing.
    pub sealing_key: [u8; 32],
    /// Of the half of A.
    pub claim: Commitment,
    /// Of the half of At.
    pub total: Commitment,
}

impl Package {
    /// What is published before the package. The package has 500 bits of randomness at least, so its hash hides
    /// it.
    pub fn hash(&self, ceremony: &[u8; 32], party: &PartyId) -> [u8; 32] {
        field::digest(
            "merits/dkg/package/v1",
            &[ceremony, &party.0, &self.to_bytes()],
        )
    }
}

/// A share for one holder, sealed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DealtShare {
    /// The receiver.
    pub to: PartyId,
    /// [`SHARE_BYTES`] bytes: the value of the claim key's polynomial, then of the total key's.
    pub sealed: Sealed,
}

/// How a holder found the shares that it was dealt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All fit. The digest of all that was published so far: who saw something else has another one.
    Fits([u8; 32]),
    /// These dealers' shares do not open or do not fit their commitments. Ordered, without repetition.
    Complaint(Vec<PartyId>),
}

/// A share in dispute, published by its dealer. The attempt ends by it, so it is no secret any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevealedShare {
    /// The complainer.
    pub to: PartyId,
    /// The share in plain.
    pub share: [u8; SHARE_BYTES],
    /// The seed of the randomness with which it was sealed: everybody seals again, and compares.
    pub sealing: [u8; 32],
}

impl Canonical for Message {
    const NAME: &'static str = "key-generation message";

    fn write(&self, out: &mut Writer) {
        out.array(&self.ceremony);
        out.u8(self.body.round() as u8);
        match &self.body {
            Body::Hash(hash) => out.array(hash),
            Body::Package(package) => package.write(out),
            Body::Shares(shares) => out.list(shares),
            Body::Verdict(verdict) => verdict.write(out),
            Body::Reveal(shares) => out.list(shares),
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let ceremony = input.array("ceremony")?;
        let body = match input.u8("round")? {
            1 => Body::Hash(input.array("hash of the package")?),
            2 => Body::Package(Package::read(input)?),
            3 => Body::Shares(ordered(input, "sealed shares", |share: &DealtShare| {
                share.to
            })?),
            4 => Body::Verdict(Verdict::read(input)?),
            5 => Body::Reveal(ordered(
                input,
                "revealed shares",
                |share: &RevealedShare| share.to,
            )?),
            found => {
                return Err(CodecError::UnknownValue {
                    what: "round",
                    found: found.into(),
                });
            }
        };
        Ok(Self { ceremony, body })
    }
}

impl Canonical for Package {
    const NAME: &'static str = "key-generation package";

    fn write(&self, out: &mut Writer) {
        out.array(&self.sealing_key);
        self.claim.write(out);
        self.total.write(out);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            sealing_key: input.array("sealing key")?,
            claim: Commitment::read(input)?,
            total: Commitment::read(input)?,
        })
    }
}

impl Canonical for Commitment {
    const NAME: &'static str = "commitment to a polynomial";

    fn write(&self, out: &mut Writer) {
        out.count(self.coefficients.len());
        for coefficient in &self.coefficients {
            out.point(coefficient);
        }
        out.point(&self.nonce);
        out.array(&scalar_to_bytes(&self.response));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let count = input.count("coefficients", Threshold::MOST_HOLDERS.into())?;
        let coefficients = (0..count)
            .map(|_| input.point("coefficient"))
            .collect::<Result<_, _>>()?;
        let nonce = input.point("commitment of the proof of knowledge")?;
        let what = "response of the proof of knowledge";
        let response =
            scalar_from_bytes(&input.array(what)?).ok_or(CodecError::NotCanonical { what })?;
        Ok(Self {
            coefficients,
            nonce,
            response,
        })
    }
}

impl Canonical for DealtShare {
    const NAME: &'static str = "sealed share";

    fn write(&self, out: &mut Writer) {
        out.array(&self.to.0);
        out.array(&self.sealed.encapsulated);
        out.bytes(&self.sealed.ciphertext);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            to: PartyId(input.array("receiver")?),
            sealed: Sealed {
                encapsulated: input.array("encapsulated key")?,
                ciphertext: input.bytes("sealed share", SEALED_BYTES)?.to_vec(),
            },
        })
    }
}

impl Canonical for Verdict {
    const NAME: &'static str = "verdict on the shares";

    fn write(&self, out: &mut Writer) {
        match self {
            Self::Fits(digest) => {
                out.u8(1);
                out.array(digest);
            }
            Self::Complaint(dealers) => {
                out.u8(2);
                out.count(dealers.len());
                for dealer in dealers {
                    out.array(&dealer.0);
                }
            }
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        match input.u8("verdict")? {
            1 => Ok(Self::Fits(input.array("digest of the rounds")?)),
            2 => {
                let what = "accused dealers";
                let count = input.count(what, Threshold::MOST_HOLDERS.into())?;
                let dealers: Vec<PartyId> = (0..count)
                    .map(|_| input.array(what).map(PartyId))
                    .collect::<Result<_, _>>()?;
                if dealers.is_empty() || !dealers.is_sorted_by(|one, next| one < next) {
                    return Err(CodecError::NotCanonical { what });
                }
                Ok(Self::Complaint(dealers))
            }
            found => Err(CodecError::UnknownValue {
                what: "verdict",
                found: found.into(),
            }),
        }
    }
}

impl Canonical for RevealedShare {
    const NAME: &'static str = "revealed share";

    fn write(&self, out: &mut Writer) {
        out.array(&self.to.0);
        out.array(&self.share);
        out.array(&self.sealing);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            to: PartyId(input.array("complainer")?),
            share: input.array("revealed share")?,
            sealing: input.array("seed of the sealing")?,
        })
    }
}

/// A list by strictly growing id, so that it has one encoding.
fn ordered<T: Canonical>(
    input: &mut Reader<'_>,
    what: &'static str,
    id: impl Fn(&T) -> PartyId,
) -> Result<Vec<T>, CodecError> {
    let list: Vec<T> = input.list(what, Threshold::MOST_HOLDERS.into())?;
    if !list.is_sorted_by(|one, next| id(one) < id(next)) {
        return Err(CodecError::NotCanonical { what });
    }
    Ok(list)
}

/// The bytes of a share's two values.
pub(crate) fn share_bytes(claim: &Scalar, total: &Scalar) -> Zeroizing<[u8; SHARE_BYTES]> {
    let mut bytes = Zeroizing::new([0; SHARE_BYTES]);
    bytes[..SCALAR_BYTES].copy_from_slice(&*Zeroizing::new(scalar_to_bytes(claim)));
    bytes[SCALAR_BYTES..].copy_from_slice(&*Zeroizing::new(scalar_to_bytes(total)));
    bytes
}

/// The two values of a share; `None` unless both are canonical.
pub(crate) fn share_values(bytes: &[u8]) -> Option<[Zeroizing<Scalar>; 2]> {
    let bytes: &[u8; SHARE_BYTES] = bytes.try_into().ok()?;
    let (claim, total) = bytes.split_at(SCALAR_BYTES);
    let value = |half: &[u8]| {
        let mut word = Zeroizing::new([0; SCALAR_BYTES]);
        word.copy_from_slice(half);
        scalar_from_bytes(&word).map(Zeroizing::new)
    };
    Some([value(claim)?, value(total)?])
}

/// Bytes of one commitment in a proof of knowledge.
pub(crate) const PROOF_BYTES: usize = POINT_BYTES + SCALAR_BYTES;
