//! What is public of a key: its holders' verification shares. Answers are checked against them and combined.

use merits_primitives::ids::PartyId;
use merits_verifier::codec::{Canonical, CodecError, Reader, Writer};
use thiserror::Error;
use voprf::{EvaluationElement, Group as _, OprfClient, Proof, Ristretto255, VoprfClient};
use zeroize::Zeroizing;

use super::{
    ristretto::{Bytes, Scalar, coefficients, place, point, point_bytes, scalar_bytes},
    share::Evaluation,
};
use crate::Threshold;

/// A holder and its verification share. Its place in the polynomial is its place in the list, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagHolder {
    /// The evaluator.
    pub party: PartyId,
    /// Its share times B, compressed.
    pub share: Bytes,
}

/// A key with its holders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagKey {
    threshold: Threshold,
    public: Bytes,
    holders: Vec<TagHolder>,
}

/// One holder's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagPartial {
    /// The holder.
    pub holder: PartyId,
    /// The element times its share, with the proof.
    pub evaluation: Evaluation,
}

/// What t answers give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagEvaluated {
    /// The element times the key, compressed.
    pub element: Bytes,
    /// Whose answers were used, in the order in which they came.
    pub used: Vec<PartyId>,
    /// Whose were wrong.
    pub wrong: Vec<TagPartialFault>,
}

/// An answer that is refused, with its holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TagPartialFault {
    /// Not a holder.
    #[error("party {0} holds no share of the key of the uniqueness tags")]
    Stranger(PartyId),
    /// Not made with the share, or for another element.
    #[error(
        "the evaluator {0} did not prove that it used its share of the key on the ledger: this evaluator is at fault"
    )]
    Wrong(PartyId),
}

/// Fewer right answers than the threshold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{right} right answers of evaluators are there, and {needed} are needed{}", named(.wrong))]
pub struct TooFewAnswers {
    /// The threshold.
    pub needed: u16,
    /// How many are right.
    pub right: usize,
    /// The wrong ones.
    pub wrong: Vec<TagPartialFault>,
}

fn named(wrong: &[TagPartialFault]) -> String {
    wrong.iter().map(|fault| format!("; {fault}")).collect()
}

impl TagKey {
    /// The key of one evaluator, who has all of it.
    pub fn sole(party: PartyId, public: Bytes) -> Self {
        let share = public;
        Self {
            threshold: Threshold::SOLE,
            public,
            holders: vec![TagHolder { party, share }],
        }
    }

    /// A key whose shares are values of one polynomial by construction, and whose holders differ.
    pub(super) fn dealt(threshold: Threshold, public: Bytes, holders: Vec<TagHolder>) -> Self {
        Self {
            threshold,
            public,
            holders,
        }
    }

    /// How many of how many.
    pub fn threshold(&self) -> Threshold {
        self.threshold
    }

    /// The public key, compressed. It never changes on a ledger.
    pub fn public(&self) -> Bytes {
        self.public
    }

    /// The holders, in their order.
    pub fn holders(&self) -> &[TagHolder] {
        &self.holders
    }

    /// A party's verification share; `None` if it holds none.
    pub fn share_of(&self, party: &PartyId) -> Option<Bytes> {
        let holder = self.holders.iter().find(|holder| holder.party == *party)?;
        Some(holder.share)
    }

    /// Where the party has the value of the polynomial.
    pub(super) fn place_of(&self, party: &PartyId) -> Option<Scalar> {
        let index = self
            .holders
            .iter()
            .position(|holder| holder.party == *party)?;
        Some(place(index))
    }

    /// Checks one answer against its holder's verification share.
    ///
    /// # Errors
    /// [`TagPartialFault`] names the holder.
    pub fn check(&self, blinded: &Bytes, partial: &TagPartial) -> Result<(), TagPartialFault> {
        let party = partial.holder;
        let share = self
            .share_of(&party)
            .ok_or(TagPartialFault::Stranger(party))?;
        if is_proven(&share, blinded, &partial.evaluation) {
            Ok(())
        } else {
            Err(TagPartialFault::Wrong(party))
        }
    }

    /// blinded · key, from the answers of at least t holders. A wrong one is named and left out, so an evaluator that
    /// lies stops nothing as long as t others answer. Of more than t right ones, the first t are used.
    ///
    /// # Errors
    /// [`TooFewAnswers`], which names the wrong ones.
    pub fn combine(
        &self,
        blinded: &Bytes,
        partials: &[TagPartial],
    ) -> Result<TagEvaluated, TooFewAnswers> {
        let mut right: Vec<(Scalar, TagPartial)> = Vec::new();
        let mut wrong = Vec::new();
        for partial in partials {
            let there = |(_, other): &(Scalar, TagPartial)| other.holder == partial.holder;
            // One holder's answer twice is one answer.
            if right.iter().any(there) {
                continue;
            }
            match (self.check(blinded, partial), self.place_of(&partial.holder)) {
                (Ok(()), Some(place)) => right.push((place, *partial)),
                (Ok(()), None) => wrong.push(TagPartialFault::Stranger(partial.holder)),
                (Err(fault), _) => wrong.push(fault),
            }
        }
        let needed = self.threshold.needed();
        let too_few = TooFewAnswers {
            needed,
            right: right.len(),
            wrong: wrong.clone(),
        };
        let Some(chosen) = right.get(..usize::from(needed)) else {
            return Err(too_few);
        };
        let places: Vec<Scalar> = chosen.iter().map(|(place, _)| *place).collect();
        let sum = coefficients(&places).and_then(|coefficients| {
            let values = chosen.iter().zip(coefficients);
            values.into_iter().try_fold(
                Ristretto255::identity_elem(),
                |sum, ((_, partial), coefficient)| {
                    Some(sum + point(&partial.evaluation.element)? * coefficient)
                },
            )
        });
        // Right answers of different holders always combine to an element.
        let element = sum.and_then(point_bytes).ok_or(too_few)?;
        Ok(TagEvaluated {
            element,
            used: chosen.iter().map(|(_, partial)| partial.holder).collect(),
            wrong,
        })
    }
}

/// The proof of RFC 9497, verifiable mode, for one element.
fn is_proven(share: &Bytes, blinded: &Bytes, evaluation: &Evaluation) -> bool {
    // A client whose blind is 1: its state is the blind and the element. Its output is of no interest.
    let state = [scalar_bytes(Scalar::ONE), *blinded].concat();
    let Ok(client) = VoprfClient::<Ristretto255>::deserialize(&state) else {
        return false;
    };
    let (Ok(element), Ok(proof), Some(share)) = (
        EvaluationElement::deserialize(&evaluation.element),
        Proof::deserialize(&evaluation.proof),
        point(share),
    ) else {
        return false;
    };
    client.finalize(b"proof", &element, &proof, share).is_ok()
}

/// The function's output: the evaluated element without its blind, hashed with the input as Finalize of RFC 9497 does.
/// `None` if the blind is no scalar, the element is none, or the input is longer than 65,535 bytes.
pub fn finalize(input: &[u8], blind: &Bytes, element: &Bytes) -> Option<Zeroizing<[u8; 64]>> {
    // The hash of Finalize is the same in both modes of the RFC. This one asks for no proof, because the holders'
    // proofs were checked one by one.
    let client = OprfClient::<Ristretto255>::deserialize(blind).ok()?;
    let element = EvaluationElement::deserialize(element).ok()?;
    let output = client.finalize(input, &element).ok()?;
    Some(Zeroizing::new(output.into()))
}

/// How many must answer, the public key, and for each holder its party and its verification share.
impl Canonical for TagKey {
    const NAME: &'static str = "key of the uniqueness tags";

    fn write(&self, out: &mut Writer) {
        out.u16(self.threshold.needed());
        out.array(&self.public);
        out.count(self.holders.len());
        for holder in &self.holders {
            out.array(&holder.party.0);
            out.array(&holder.share);
        }
    }

    fn read(input: &mut Reader<'_>) -> Result<Self, CodecError> {
        let needed = input.u16("needed")?;
        let public = input.array("public key")?;
        let what = "holders";
        let count = input.count(what, Threshold::MOST_HOLDERS.into())?;
        let holders = (0..count).map(|_| {
            Ok(TagHolder {
                party: PartyId(input.array(what)?),
                share: input.array("verification share")?,
            })
        });
        let holders = holders.collect::<Result<Vec<_>, CodecError>>()?;
        let threshold = u16::try_from(count)
            .ok()
            .and_then(|count| Threshold::new(needed, count).ok())
            .ok_or(CodecError::NotCanonical { what })?;
        Ok(Self {
            threshold,
            public,
            holders,
        })
    }
}
