//! Checked forms of the Uniqueness service's request and answer.

use ed25519_dalek::SigningKey;
use merits_primitives::{
    field,
    ids::{EntryId, Origin, PartyId},
};
use merits_verifier::fields;
use merits_verifier::signature::{self, BadSignature, PublicKey, SIGNATURE_BYTES};

use crate::{
    Fault,
    checked::{array, digest, entry_id, origin},
    uniqueness,
};

/// A registrar's request to have a blinded identity number evaluated. Lengths are right. The
/// evaluator checks that the element is valid and that the signature holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationRequest {
    /// The log that the registrar means.
    pub origin: Origin,
    /// The registrar that asks.
    pub registrar: PartyId,
    /// Ristretto255, compressed.
    pub blinded: [u8; 32],
    /// Fresh for each call.
    pub nonce: [u8; 32],
    /// Ed25519 by the registrar.
    pub signature: [u8; SIGNATURE_BYTES],
}

impl EvaluationRequest {
    /// A request, signed.
    pub fn sign(
        origin: Origin,
        registrar: PartyId,
        blinded: [u8; 32],
        nonce: [u8; 32],
        key: &SigningKey,
    ) -> Self {
        let mut request = Self {
            origin,
            registrar,
            blinded,
            nonce,
            signature: [0; SIGNATURE_BYTES],
        };
        request.signature = signature::sign(key, &request.signing_bytes());
        request
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), BadSignature> {
        key.verify(&self.signing_bytes(), &self.signature)
    }

    /// SHA-256 over its own domain and everything except the signature.
    fn signing_bytes(&self) -> [u8; 32] {
        field::digest(
            "merits/evaluation-request/v1",
            &[
                self.origin.as_str().as_bytes(),
                &self.registrar.0,
                &self.blinded,
                &self.nonce,
            ],
        )
    }
}

impl TryFrom<uniqueness::EvaluateRequest> for EvaluationRequest {
    type Error = Fault;

    fn try_from(raw: uniqueness::EvaluateRequest) -> Result<Self, Fault> {
        Ok(Self {
            origin: origin(&raw.origin)?,
            registrar: PartyId(digest(fields::REGISTRAR, &raw.registrar)?),
            blinded: array(fields::BLINDED_ELEMENT, &raw.blinded_element)?,
            nonce: array(fields::NONCE, &raw.nonce)?,
            signature: array(fields::SIGNATURE, &raw.signature)?,
        })
    }
}

impl From<EvaluationRequest> for uniqueness::EvaluateRequest {
    fn from(request: EvaluationRequest) -> Self {
        Self {
            origin: request.origin.as_str().to_owned(),
            registrar: request.registrar.0.to_vec(),
            blinded_element: request.blinded.to_vec(),
            nonce: request.nonce.to_vec(),
            signature: request.signature.to_vec(),
        }
    }
}

/// An evaluator's answer. Lengths are right. The registrar checks the proof under the evaluator's verification share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvaluationAnswer {
    /// Ristretto255, compressed.
    pub evaluated: [u8; 32],
    /// DLEQ proof: challenge, then response.
    pub proof: [u8; 64],
    /// The entry that counts the evaluation.
    pub entry: EntryId,
    /// The evaluator.
    pub party: PartyId,
    /// The generation of its share.
    pub generation: u32,
}

impl TryFrom<uniqueness::EvaluateResponse> for EvaluationAnswer {
    type Error = Fault;

    fn try_from(raw: uniqueness::EvaluateResponse) -> Result<Self, Fault> {
        Ok(Self {
            evaluated: array(fields::EVALUATED_ELEMENT, &raw.evaluated_element)?,
            proof: array(fields::PROOF, &raw.proof)?,
            entry: entry_id(fields::ENTRY, &raw.entry)?,
            party: PartyId(digest(fields::PARTY, &raw.party)?),
            generation: raw.generation,
        })
    }
}

impl From<EvaluationAnswer> for uniqueness::EvaluateResponse {
    fn from(answer: EvaluationAnswer) -> Self {
        Self {
            evaluated_element: answer.evaluated.to_vec(),
            proof: answer.proof.to_vec(),
            entry: answer.entry.0.to_vec(),
            party: answer.party.0.to_vec(),
            generation: answer.generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> EvaluationRequest {
        let key = SigningKey::from_bytes(&[7; 32]);
        // A literal that fits the alphabet.
        let origin = Origin::new("ledger.test/merits").expect("a good name");
        EvaluationRequest::sign(origin, PartyId([1; 32]), [2; 32], [3; 32], &key)
    }

    #[test]
    fn a_request_travels_and_its_signature_covers_all_of_it() {
        let (request, key) = (request(), SigningKey::from_bytes(&[7; 32]));
        let key = PublicKey::of(&key);
        let wire = uniqueness::EvaluateRequest::from(request.clone());
        assert_eq!(EvaluationRequest::try_from(wire), Ok(request.clone()));
        assert_eq!(request.verify(&key), Ok(()));
        let changes: [fn(&mut EvaluationRequest); 4] = [
            |r| r.origin = Origin::new("other.test/merits").expect("a good name"),
            |r| r.registrar.0[0] ^= 1,
            |r| r.blinded[0] ^= 1,
            |r| r.nonce[0] ^= 1,
        ];
        for change in changes {
            let mut changed = request.clone();
            change(&mut changed);
            assert_eq!(changed.verify(&key), Err(BadSignature), "{changed:?}");
        }
    }

    #[test]
    fn a_field_of_another_length_is_named() {
        let wire = uniqueness::EvaluateRequest::from(request());
        for (name, change) in [
            (
                "registrar",
                (|w| w.registrar.truncate(31)) as fn(&mut uniqueness::EvaluateRequest),
            ),
            ("blinded_element", |w| w.blinded_element.push(0)),
            ("nonce", |w| w.nonce.clear()),
            ("signature", |w| w.signature.truncate(63)),
            ("origin", |w| w.origin = "two words".to_owned()),
        ] {
            let mut changed = wire.clone();
            change(&mut changed);
            let fault = EvaluationRequest::try_from(changed).expect_err("refused");
            assert_eq!(fault.field.to_string(), name);
        }
    }
}
