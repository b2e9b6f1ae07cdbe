//! The VOPRF of RFC 9497, ristretto255-SHA512, verifiable mode: the registrar's half. Each evaluator's answer is checked
//! under its verification share, and as many as the key's threshold says combine to the RFC's output.

use std::fmt;

use ed25519_dalek::SigningKey;
use merits_ledger::entry::{UniquenessTag, evaluation_digest};
use merits_primitives::ids::{Origin, PartyId};
use merits_proto::{EvaluationAnswer, EvaluationRequest};
use merits_threshold::tags::{
    ELEMENT_BYTES,
    key::{TagKey, TagPartial, TagPartialFault, TooFewAnswers, finalize},
    share::Evaluation,
};
use rand_core::CryptoRng;
use rand_core_06::OsRng;
use thiserror::Error;
use voprf::{Ristretto255, VoprfClient};
use zeroize::{Zeroize as _, Zeroizing};

use crate::number::IdentityNumber;

/// Why an evaluation gives no tag. It reveals nothing about the number.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EvaluationFault {
    /// The number cannot be blinded, which has a negligible probability.
    #[error("the identity number cannot be blinded: try again")]
    Blinding,
    /// Too few evaluators proved that they used their shares of the key on the ledger. Another key would give this
    /// person another tag, so nobody is registered.
    #[error("{0}: another key would give this person another tag, so nobody is registered")]
    Answers(#[from] TooFewAnswers),
}

/// A blinded number that waits for its evaluation. It can be sent any number of times. Its blind is
/// not in any file, so it ends with the process.
pub struct Pending {
    number: IdentityNumber,
    state: VoprfClient<Ristretto255>,
    blinded: [u8; 32],
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending(..)")
    }
}

impl Pending {
    /// Blinds a number with a fresh blind.
    ///
    /// # Errors
    /// [`EvaluationFault::Blinding`].
    pub fn blind(number: IdentityNumber) -> Result<Self, EvaluationFault> {
        let blinded = VoprfClient::<Ristretto255>::blind(number.bytes(), &mut OsRng)
            .map_err(|_| EvaluationFault::Blinding)?;
        Ok(Self {
            number,
            state: blinded.state,
            blinded: blinded.message.serialize().into(),
        })
    }

    /// The request to the evaluator. Each call uses a new nonce.
    pub fn request(
        &self,
        origin: Origin,
        registrar: PartyId,
        key: &SigningKey,
        rng: &mut impl CryptoRng,
    ) -> EvaluationRequest {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        EvaluationRequest::sign(origin, registrar, self.blinded, nonce, key)
    }

    /// What evaluators count it by.
    pub(crate) fn digest(&self) -> [u8; 32] {
        evaluation_digest(&self.blinded)
    }

    /// Checks one answer's proof under its evaluator's verification share.
    ///
    /// # Errors
    /// [`TagPartialFault`] names the evaluator.
    pub fn check(&self, key: &TagKey, answer: &EvaluationAnswer) -> Result<(), TagPartialFault> {
        key.check(&self.blinded, &partial(answer))
    }

    /// Checks the answers' proofs under the verification shares on the ledger, combines them, unblinds, and derives the
    /// tag.
    ///
    /// # Errors
    /// [`EvaluationFault`].
    pub fn tag(
        &self,
        origin: &Origin,
        key: &TagKey,
        answers: &[EvaluationAnswer],
    ) -> Result<UniquenessTag, EvaluationFault> {
        let output = self.output(key, answers)?;
        Ok(UniquenessTag::derive(origin, output.as_ref()))
    }

    fn output(
        &self,
        key: &TagKey,
        answers: &[EvaluationAnswer],
    ) -> Result<Zeroizing<[u8; 64]>, EvaluationFault> {
        let partials: Vec<TagPartial> = answers.iter().map(partial).collect();
        let combined = key.combine(&self.blinded, &partials)?;
        // The blind, then the blinded element.
        let mut state = self.state.serialize();
        let mut blind = Zeroizing::new([0; ELEMENT_BYTES]);
        for (to, from) in blind.iter_mut().zip(state.iter()) {
            *to = *from;
        }
        state.as_mut_slice().zeroize();
        finalize(self.number.bytes(), &blind, &combined.element).ok_or(EvaluationFault::Blinding)
    }
}

fn partial(answer: &EvaluationAnswer) -> TagPartial {
    TagPartial {
        holder: answer.party,
        evaluation: Evaluation {
            element: answer.evaluated,
            proof: answer.proof,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::NumberKind;
    use merits_primitives::ids::EntryId;
    use voprf::Group as _;

    fn bytes<const N: usize>(digits: &str) -> [u8; N] {
        let bytes = hex::decode(digits).expect("hexadecimal");
        bytes.try_into().expect("the right length")
    }

    const EVALUATOR: PartyId = PartyId([9; 32]);

    /// A key that one evaluator has.
    fn key(digits: &str) -> TagKey {
        TagKey::sole(EVALUATOR, bytes(digits))
    }

    const KEY: &str = "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e";
    const BLIND: &str = "64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706";
    /// RFC 9497, A.1.2: input, blinded element, evaluation element, proof, output.
    const VECTORS: [[&str; 5]; 2] = [
        [
            "00",
            "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
            "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
            "ddef93772692e535d1a53903db24367355cc2cc78de93b3be5a8ffcc6985dd066d4346421d17bf5117a2a\
             1ff0fcb2a759f58a539dfbe857a40bce4cf49ec600d",
            "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7da4d8527693914139caee5\
             bd03903af43a491351d23b430948dd50cde10d32b3c",
        ],
        [
            "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
            "cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c",
            "60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468",
            "401a0da6264f8cf45bb2f5264bc31e109155600babb3cd4e5af7d181a2c9dc0a67154fabf031fd936051d\
             ec80b0b6ae29c9503493dde7393b722eafdf5a50b02",
            "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60356f4610bf816f27afdd8\
             4f47719e480906d27ecd994985890e5f539e7ea74b6",
        ],
    ];

    fn answer(evaluated: &str, proof: &str) -> EvaluationAnswer {
        EvaluationAnswer {
            evaluated: bytes(evaluated),
            proof: bytes(proof),
            entry: EntryId([0; 32]),
            party: EVALUATOR,
            generation: 1,
        }
    }

    /// An input of the RFC, blinded with the RFC's blind.
    fn pending(input: &str) -> Pending {
        let input = hex::decode(input).expect("hexadecimal");
        let blind = Ristretto255::deserialize_scalar(&bytes::<32>(BLIND)).expect("a scalar");
        let blinded = VoprfClient::<Ristretto255>::deterministic_blind_unchecked(&input, blind)
            .expect("blinded");
        Pending {
            number: IdentityNumber::raw(&input),
            state: blinded.state,
            blinded: blinded.message.serialize().into(),
        }
    }

    #[test]
    fn the_rfcs_vectors_hold() {
        for [input, blinded, evaluated, proof, output] in VECTORS {
            let pending = pending(input);
            assert_eq!(hex::encode(pending.blinded), blinded);
            let found = pending.output(&key(KEY), &[answer(evaluated, proof)]);
            assert_eq!(hex::encode(*found.expect("proven")), output);
        }
    }

    #[test]
    fn an_answer_under_another_key_or_for_another_element_is_refused() {
        let [input, _, evaluated, proof, _] = VECTORS[0];
        let [_, _, other_evaluated, other_proof, _] = VECTORS[1];
        let pending = pending(input);
        let wrong = TagPartialFault::Wrong(EVALUATOR);
        for (key, answer) in [
            (key(evaluated), answer(evaluated, proof)),
            (key(KEY), answer(other_evaluated, other_proof)),
            (key(KEY), answer(evaluated, other_proof)),
            // No element, and no key.
            (key(KEY), answer(&"ff".repeat(32), proof)),
            (key(&"ff".repeat(32)), answer(evaluated, proof)),
        ] {
            assert_eq!(pending.check(&key, &answer), Err(wrong));
            let EvaluationFault::Answers(few) =
                pending.output(&key, &[answer]).expect_err("refused")
            else {
                panic!("an answer is at fault");
            };
            assert_eq!((few.right, few.wrong), (0, vec![wrong]));
        }
    }

    #[test]
    fn one_number_is_blinded_differently_each_time() {
        let number = IdentityNumber::parse(NumberKind::ChineseId, "11010519491231002X");
        let number = number.expect("a right number");
        let one = Pending::blind(number.clone()).expect("blinded");
        let other = Pending::blind(number).expect("blinded");
        assert_ne!(one.blinded, other.blinded);
        assert_eq!(format!("{one:?}"), "Pending(..)");
    }
}
