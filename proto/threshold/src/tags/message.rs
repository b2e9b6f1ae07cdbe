//! What the parties of a dealing publish, round by round.

use merits_primitives::{field, ids::PartyId};
use merits_sealing::Sealed;
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};

use super::dealing::Dealing;
use super::ristretto::{
    Bytes, ELEMENT_BYTES, Point, challenge, committed_value, point, scalar, times_base,
};
use crate::Threshold;

/// A share and the tag of ChaCha20-Poly1305.
const SEALED_BYTES: usize = ELEMENT_BYTES + 16;

/// A round. Their order is the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum TagRound {
    /// Holders publish one-time sealing keys, and dealers the hash of what they will commit to.
    Join = 1,
    /// Dealers publish the commitment and the sealed shares.
    Deal = 2,
    /// Holders confirm their shares, or show a wrong one.
    Verdict = 3,
}

impl TagRound {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Deal => "deal",
            Self::Verdict => "verdict",
        }
    }
}

impl std::fmt::Display for TagRound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A message without its sender, whom whatever carries it authenticates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagMessage {
    /// [`Dealing::digest`].
    pub dealing: [u8; 32],
    /// The content.
    pub body: TagBody,
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "messages are handled one at a time, never in arrays"
)]
pub enum TagBody {
    /// Round 1.
    Join(Join),
    /// Round 2.
    Deal(Deal),
    /// Round 3.
    Verdict(TagVerdict),
}

impl TagBody {
    /// The round.
    pub fn round(&self) -> TagRound {
        match self {
            Self::Join(_) => TagRound::Join,
            Self::Deal(_) => TagRound::Deal,
            Self::Verdict(_) => TagRound::Verdict,
        }
    }
}

/// A party takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// A holder's one-time X25519 keys, one for each dealer in their order. A holder that complains of one dealer shows
    /// the secret of that key alone, so what the others dealt it stays sealed. Empty from a party that gets no share.
    pub keys: Vec<[u8; 32]>,
    /// A dealer's [`Commitment::hash`].
    pub commitment: Option<[u8; 32]>,
}

/// A dealer's commitment to its polynomial, with the proof that it knows the constant term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// Each coefficient times B, the constant term first.
    pub coefficients: Vec<Bytes>,
    /// The proof's commitment.
    pub nonce: Bytes,
    /// The proof's response.
    pub response: Bytes,
}

/// A dealer deals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deal {
    /// What it committed to.
    pub commitment: Commitment,
    /// The share of each holder, in their order, sealed to its key for this dealer.
    pub shares: Vec<Sealed>,
}

/// What a holder found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagVerdict {
    /// All shares fit. The digest of the key that they give.
    Fits([u8; 32]),
    /// This dealer's share does not open, or does not fit.
    Complaint {
        /// The dealer.
        dealer: PartyId,
        /// What the holder's key for this dealer was derived from: everybody opens the share with it.
        secret: [u8; 32],
    },
}

impl Commitment {
    /// What a dealer publishes before it.
    pub fn hash(&self, dealing: &[u8; 32], dealer: &PartyId) -> [u8; 32] {
        field::digest(
            "merits/tags/commitment/v1",
            &[dealing, &dealer.0, &self.to_bytes()],
        )
    }

    /// The coefficients as elements; `None` if one is no element.
    pub(super) fn points(&self) -> Option<Vec<Point>> {
        self.coefficients.iter().map(point).collect()
    }

    /// Whether the proof of knowledge holds for this dealer in this dealing.
    pub(super) fn is_proven(&self, dealing: &[u8; 32], dealer: &PartyId) -> bool {
        let (Some(first), Some(nonce), Some(response)) = (
            self.coefficients.first(),
            point(&self.nonce),
            scalar(&self.response),
        ) else {
            return false;
        };
        let Some(constant) = point(first) else {
            return false;
        };
        let challenge = knowledge_challenge(dealing, dealer, first, &self.nonce);
        times_base(&response) == nonce + constant * challenge
    }

    /// Whether the polynomial has this value at the holder's place.
    pub(super) fn fits(&self, dealing: &Dealing, holder: &PartyId, value: &[u8]) -> bool {
        let value: Option<&Bytes> = value.try_into().ok();
        let (Some(value), Some(at), Some(points)) = (
            value.and_then(scalar),
            dealing.place_of(holder),
            self.points(),
        ) else {
            return false;
        };
        times_base(&value) == committed_value(&points, &at)
    }
}

/// The challenge of a dealer's proof of knowledge.
pub(super) fn knowledge_challenge(
    dealing: &[u8; 32],
    dealer: &PartyId,
    constant: &Bytes,
    nonce: &Bytes,
) -> super::ristretto::Scalar {
    challenge(
        "merits/tags/knowledge/v1",
        &[dealing, &dealer.0, constant, nonce],
    )
}

impl Canonical for TagMessage {
    const NAME: &'static str = "message of a dealing";

    fn write(&self, out: &mut Writer) {
        out.array(&self.dealing);
        out.u8(self.body.round() as u8);
        match &self.body {
            TagBody::Join(join) => join.write(out),
            TagBody::Deal(deal) => deal.write(out),
            TagBody::Verdict(TagVerdict::Fits(digest)) => {
                out.u8(1);
                out.array(digest);
            }
            TagBody::Verdict(TagVerdict::Complaint { dealer, secret }) => {
                out.u8(2);
                out.array(&dealer.0);
                out.array(secret);
            }
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let dealing = input.array("dealing")?;
        let body = match input.u8("round")? {
            1 => TagBody::Join(Join::read(input)?),
            2 => TagBody::Deal(Deal::read(input)?),
            3 => TagBody::Verdict(match input.u8("verdict")? {
                1 => TagVerdict::Fits(input.array("digest of the key")?),
                2 => TagVerdict::Complaint {
                    dealer: PartyId(input.array("accused dealer")?),
                    secret: input.array("secret of the sealing key")?,
                },
                found => return Err(unknown("verdict", found)),
            }),
            found => return Err(unknown("round", found)),
        };
        Ok(Self { dealing, body })
    }
}

fn unknown(what: &'static str, found: u8) -> CodecError {
    CodecError::UnknownValue {
        what,
        found: found.into(),
    }
}

impl Canonical for Join {
    const NAME: &'static str = "join";

    fn write(&self, out: &mut Writer) {
        write_arrays(out, &self.keys);
        out.option(self.commitment.as_ref(), |out, hash| out.array(hash));
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            keys: read_arrays(input, "sealing keys")?,
            commitment: input.option("hash of the commitment", |input| {
                input.array("hash of the commitment")
            })?,
        })
    }
}

impl Canonical for Commitment {
    const NAME: &'static str = "commitment to a polynomial";

    fn write(&self, out: &mut Writer) {
        write_arrays(out, &self.coefficients);
        out.array(&self.nonce);
        out.array(&self.response);
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            coefficients: read_arrays(input, "coefficients")?,
            nonce: input.array("commitment of the proof of knowledge")?,
            response: input.array("response of the proof of knowledge")?,
        })
    }
}

impl Canonical for Deal {
    const NAME: &'static str = "deal";

    fn write(&self, out: &mut Writer) {
        self.commitment.write(out);
        out.count(self.shares.len());
        for share in &self.shares {
            out.array(&share.encapsulated);
            out.bytes(&share.ciphertext);
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let commitment = Commitment::read(input)?;
        let count = input.count("sealed shares", Threshold::MOST_HOLDERS.into())?;
        let shares = (0..count).map(|_| {
            Ok(Sealed {
                encapsulated: input.array("encapsulated key")?,
                ciphertext: input.bytes("sealed share", SEALED_BYTES)?.to_vec(),
            })
        });
        let shares = shares.collect::<Result<_, CodecError>>()?;
        Ok(Self { commitment, shares })
    }
}

fn write_arrays(out: &mut Writer, arrays: &[[u8; 32]]) {
    out.count(arrays.len());
    for array in arrays {
        out.array(array);
    }
}

fn read_arrays(input: &mut Reader<'_>, what: &'static str) -> Result<Vec<[u8; 32]>, CodecError> {
    let count = input.count(what, Threshold::MOST_HOLDERS.into())?;
    (0..count).map(|_| input.array(what)).collect()
}
