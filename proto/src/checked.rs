//! Checked forms of requests: lengths and ranges are right, ids and numbers have their types.
//!
//! A checked value does not guarantee that an entry decodes or is allowed, or that a proof holds.
//! `merits-verifier` and `merits-ledger` check that.

use merits_primitives::{
    Fr, field,
    ids::{AssetId, EntryId, Epoch, Origin, Output, PartyId, Period, ScaleId, ScaleVersion},
};

use merits_verifier::{FieldName, FieldPath, fields, groth16::KeyDigest};

use crate::{
    Fault, ledger,
    limits::{
        BASIS_BYTES, BLOB_BYTES, ENTRY_BYTES, PAGE_ITEMS, PROOF_BYTES, PUBLIC_INPUTS,
        SUPERVISION_ANSWER_MESSAGE,
    },
    registry, supervision, verifier,
};

/// Canonical entry bytes of a submission: not empty, within [`ENTRY_BYTES`].
///
/// # Errors
/// [`Fault`] about the field `entry`.
pub fn entry_bytes(entry: Vec<u8>) -> Result<Vec<u8>, Fault> {
    if entry.is_empty() {
        return Err(Fault::malformed(fields::ENTRY, "is missing"));
    }
    within(fields::ENTRY, entry.len(), ENTRY_BYTES)?;
    Ok(entry)
}

/// The blob of a submission, within [`BLOB_BYTES`]. Nothing for an empty field: no entry names an empty blob.
///
/// # Errors
/// [`Fault`] about the field `blob`.
pub fn blob(blob: Vec<u8>) -> Result<Option<Vec<u8>>, Fault> {
    within(fields::BLOB, blob.len(), BLOB_BYTES)?;
    Ok(Some(blob).filter(|blob| !blob.is_empty()))
}

/// An entry id in `field`.
///
/// # Errors
/// [`Fault`] unless it has 32 bytes.
pub fn entry_id(field: FieldName, bytes: &[u8]) -> Result<EntryId, Fault> {
    digest(field, bytes).map(EntryId)
}

/// 32 bytes in `field`.
///
/// # Errors
/// [`Fault`] unless it has 32 bytes.
pub fn digest(field: FieldName, bytes: &[u8]) -> Result<[u8; 32], Fault> {
    array(field, bytes)
}

/// The requested number of items on a page; 0 asks for the most.
///
/// # Errors
/// [`Fault`] over [`PAGE_ITEMS`].
pub fn page_size(asked: u32) -> Result<usize, Fault> {
    within(fields::PAGE_SIZE, asked as usize, PAGE_ITEMS as usize)?;
    Ok(if asked == 0 { PAGE_ITEMS } else { asked } as usize)
}

/// The leaves that a follower asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeafRange {
    /// First leaf.
    pub from: u64,
    /// One after the last; `None` for all that exist.
    pub until: Option<u64>,
}

impl TryFrom<ledger::StreamEntriesRequest> for LeafRange {
    type Error = Fault;

    fn try_from(raw: ledger::StreamEntriesRequest) -> Result<Self, Fault> {
        let until = (raw.until != 0).then_some(raw.until);
        if until.is_some_and(|until| until < raw.from) {
            return Err(Fault::malformed(fields::UNTIL, "is less than `from`"));
        }
        Ok(Self {
            from: raw.from,
            until,
        })
    }
}

/// One version of a scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleKey {
    /// The scale.
    pub id: ScaleId,
    /// Its version.
    pub version: ScaleVersion,
}

impl TryFrom<registry::GetScaleRequest> for ScaleKey {
    type Error = Fault;

    fn try_from(raw: registry::GetScaleRequest) -> Result<Self, Fault> {
        let id = ScaleId::new(&raw.id).map_err(|e| Fault::malformed(fields::ID, e.to_string()))?;
        Ok(Self {
            id,
            version: ScaleVersion(raw.version),
        })
    }
}

/// What a Verifier is asked to verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VerifySubject {
    /// A canonical signed earn entry, not yet decoded.
    Entry(Vec<u8>),
    /// A proof with its inputs.
    Proof(BareProof),
}

/// A proof with its public inputs, under a key that the ledger has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BareProof {
    /// Digest of the canonical verifying key.
    pub key: KeyDigest,
    /// Public inputs, in the statement's order.
    pub inputs: Vec<Fr>,
    /// Compressed proof; its points are not yet checked.
    pub proof: [u8; PROOF_BYTES],
}

impl TryFrom<Option<verifier::Subject>> for VerifySubject {
    type Error = Fault;

    fn try_from(raw: Option<verifier::Subject>) -> Result<Self, Fault> {
        use verifier::subject::Subject;
        match raw.and_then(|subject| subject.subject) {
            None => Err(Fault::malformed(fields::SUBJECT, "is missing")),
            Some(Subject::Entry(bytes)) => entry_bytes(bytes)
                .map(Self::Entry)
                .map_err(|fault| fault.within(fields::SUBJECT)),
            Some(Subject::Proof(proof)) => {
                BareProof::try_from(proof)
                    .map(Self::Proof)
                    .map_err(|fault| {
                        fault.within(FieldPath::name(fields::SUBJECT).then(fields::PROOF))
                    })
            }
        }
    }
}

impl TryFrom<verifier::BareProof> for BareProof {
    type Error = Fault;

    fn try_from(raw: verifier::BareProof) -> Result<Self, Fault> {
        within(
            fields::PUBLIC_INPUTS,
            raw.public_inputs.len(),
            PUBLIC_INPUTS,
        )?;
        let inputs = raw.public_inputs.iter().enumerate().map(|(i, bytes)| {
            let name = || FieldPath::name(fields::PUBLIC_INPUTS).index(i);
            let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| {
                Fault::malformed(name(), format!("has {} bytes, 32 expected", bytes.len()))
            })?;
            field::from_bytes(&bytes)
                .map_err(|_| Fault::malformed(name(), "is not a canonical field element"))
        });
        Ok(Self {
            key: KeyDigest(digest(fields::KEY_DIGEST, &raw.key_digest)?),
            inputs: inputs.collect::<Result<_, _>>()?,
            proof: array(fields::PROOF, &raw.proof)?,
        })
    }
}

/// A request to a holder for one claim's partial; it opens the request's commitment in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialRequest {
    /// The log that the requester means.
    pub origin: Origin,
    /// The logged opening request.
    pub request: EntryId,
    /// The earn entry.
    pub entry: EntryId,
    /// Claim within it, from 0.
    pub claim: u16,
    /// Legal basis, as text.
    pub basis: String,
    /// The nonce that blinds the commitment.
    pub nonce: [u8; 32],
}

impl TryFrom<supervision::RequestPartialRequest> for PartialRequest {
    type Error = Fault;

    fn try_from(raw: supervision::RequestPartialRequest) -> Result<Self, Fault> {
        within(fields::BASIS, raw.basis.len(), BASIS_BYTES)?;
        if raw.basis.trim().is_empty() {
            return Err(Fault::malformed(
                fields::BASIS,
                "is missing: an opening needs a legal basis",
            ));
        }
        Ok(Self {
            origin: origin(&raw.origin)?,
            request: entry_id(fields::REQUEST, &raw.request)?,
            entry: entry_id(fields::ENTRY, &raw.entry)?,
            claim: u16::try_from(raw.claim)
                .map_err(|_| Fault::malformed(fields::CLAIM, "no batch has that many claims"))?,
            basis: raw.basis,
            nonce: array(fields::NONCE, &raw.nonce)?,
        })
    }
}

impl From<PartialRequest> for supervision::RequestPartialRequest {
    fn from(request: PartialRequest) -> Self {
        Self {
            origin: request.origin.as_str().to_owned(),
            request: request.request.0.to_vec(),
            entry: request.entry.0.to_vec(),
            claim: request.claim.into(),
            basis: request.basis,
            nonce: request.nonce.to_vec(),
        }
    }
}

/// A holder's answer: its partial and proof, sealed to the requester.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPartial {
    /// The holder that answers.
    pub holder: PartyId,
    /// HPKE encapsulated key (X25519).
    pub encapsulated_key: [u8; 32],
    /// HPKE ciphertext.
    pub ciphertext: Vec<u8>,
}

impl TryFrom<supervision::RequestPartialResponse> for SealedPartial {
    type Error = Fault;

    fn try_from(raw: supervision::RequestPartialResponse) -> Result<Self, Fault> {
        within(
            fields::CIPHERTEXT,
            raw.ciphertext.len(),
            SUPERVISION_ANSWER_MESSAGE,
        )?;
        Ok(Self {
            holder: PartyId(digest(fields::HOLDER, &raw.holder)?),
            encapsulated_key: array(fields::ENCAPSULATED_KEY, &raw.encapsulated_key)?,
            ciphertext: raw.ciphertext,
        })
    }
}

impl From<SealedPartial> for supervision::RequestPartialResponse {
    fn from(sealed: SealedPartial) -> Self {
        Self {
            holder: sealed.holder.0.to_vec(),
            encapsulated_key: sealed.encapsulated_key.to_vec(),
            ciphertext: sealed.ciphertext,
        }
    }
}

/// A request to a holder for its partial of a sum of totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalPartialRequest {
    /// The log that the requester means.
    pub origin: Origin,
    /// The scale whose totals are added.
    pub asset: AssetId,
    /// The period.
    pub period: Period,
    /// The epoch of the totals key.
    pub epoch: Epoch,
    /// Credits or measure.
    pub output: Output,
    /// The interval that was cut.
    pub number: u32,
}

impl TryFrom<supervision::RequestTotalPartialRequest> for TotalPartialRequest {
    type Error = Fault;

    fn try_from(raw: supervision::RequestTotalPartialRequest) -> Result<Self, Fault> {
        Ok(Self {
            origin: origin(&raw.origin)?,
            asset: AssetId(raw.asset),
            period: Period::from_u64(raw.period)
                .ok_or_else(|| Fault::malformed(fields::PERIOD, "is not a day, week or month"))?,
            epoch: Epoch(raw.epoch),
            output: u8::try_from(raw.output)
                .ok()
                .and_then(Output::from_number)
                .ok_or_else(|| {
                    Fault::malformed(fields::OUTPUT, "is neither credits nor measure")
                })?,
            number: raw.number,
        })
    }
}

impl From<TotalPartialRequest> for supervision::RequestTotalPartialRequest {
    fn from(request: TotalPartialRequest) -> Self {
        Self {
            origin: request.origin.as_str().to_owned(),
            asset: request.asset.0,
            period: request.period.to_u64(),
            epoch: request.epoch.0,
            number: request.number,
            output: request.output as u32,
        }
    }
}

pub(crate) fn origin(text: &str) -> Result<Origin, Fault> {
    Origin::new(text).map_err(|e| Fault::malformed(fields::ORIGIN, e.to_string()))
}

pub(crate) fn array<const N: usize>(field: FieldName, bytes: &[u8]) -> Result<[u8; N], Fault> {
    bytes
        .try_into()
        .map_err(|_| Fault::malformed(field, format!("has {} bytes, {N} expected", bytes.len())))
}

pub(crate) fn within(field: FieldName, actual: usize, limit: usize) -> Result<(), Fault> {
    if actual > limit {
        Err(Fault::too_large(field, actual, limit))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::BLOBS_REQUEST_MESSAGE;
    use merits_verifier::Reason;

    #[test]
    fn an_entry_has_a_size() {
        assert_eq!(entry_bytes(vec![]).unwrap_err().reason, Reason::Malformed);
        assert!(entry_bytes(vec![0; ENTRY_BYTES]).is_ok());
        let fault = entry_bytes(vec![0; ENTRY_BYTES + 1]).unwrap_err();
        assert_eq!(
            (fault.reason, fault.field),
            (Reason::TooLarge.into(), fields::ENTRY.into())
        );
    }

    #[test]
    fn a_blob_has_a_size_and_an_empty_one_is_none() {
        assert_eq!(blob(Vec::new()), Ok(None));
        let longest = vec![7; BLOB_BYTES];
        assert_eq!(blob(longest.clone()), Ok(Some(longest)));
        let fault = blob(vec![7; BLOB_BYTES + 1]).unwrap_err();
        assert_eq!(
            (fault.reason, fault.field),
            (Reason::TooLarge.into(), fields::BLOB.into())
        );
    }

    /// A legal message of many empty elements must not be decoded into many times its size.
    #[test]
    fn a_submission_has_one_blob_however_often_it_says_so() {
        use prost::Message as _;
        let field = [0x12, 0];
        let bytes = field.repeat(BLOBS_REQUEST_MESSAGE / field.len());
        let request = ledger::SubmitWithBlobsRequest::decode(&bytes[..]).unwrap();
        assert_eq!(blob(request.blob), Ok(None));
        // The last one counts, as protobuf has it.
        let twice = [0x12, 1, 5, 0x12, 1, 6];
        let request = ledger::SubmitWithBlobsRequest::decode(&twice[..]).unwrap();
        assert_eq!(request.blob, [6]);
    }

    #[test]
    fn an_input_that_is_no_field_element_is_named() {
        let raw = verifier::BareProof {
            key_digest: vec![0; 32],
            public_inputs: vec![vec![0; 32], vec![0xff; 32]],
            proof: vec![0; PROOF_BYTES],
        };
        let subject = verifier::Subject {
            subject: Some(verifier::subject::Subject::Proof(raw.clone())),
        };
        let fault = VerifySubject::try_from(Some(subject)).unwrap_err();
        assert_eq!(fault.field.to_string(), "subject.proof.public_inputs[1]");
        let short = verifier::BareProof {
            public_inputs: vec![],
            proof: vec![0; 127],
            ..raw
        };
        assert_eq!(
            BareProof::try_from(short).unwrap_err().field,
            fields::PROOF.into()
        );
    }

    #[test]
    fn too_many_inputs_are_refused() {
        let raw = verifier::BareProof {
            key_digest: vec![0; 32],
            public_inputs: vec![vec![]; PUBLIC_INPUTS + 1],
            proof: vec![],
        };
        assert_eq!(
            BareProof::try_from(raw).unwrap_err().reason,
            Reason::TooLarge
        );
    }

    #[test]
    fn a_total_names_an_output_and_a_period() {
        let mut request = supervision::RequestTotalPartialRequest {
            origin: "ledger.test".into(),
            asset: 1,
            period: (2 << 32) + 2_300,
            epoch: 1,
            number: 3,
            output: 2,
        };
        let checked = TotalPartialRequest::try_from(request.clone()).unwrap();
        assert_eq!(
            supervision::RequestTotalPartialRequest::from(checked),
            request
        );
        request.output = 0;
        assert_eq!(
            TotalPartialRequest::try_from(request.clone())
                .unwrap_err()
                .field,
            fields::OUTPUT.into()
        );
        request.output = 1;
        request.period = 7;
        assert_eq!(
            TotalPartialRequest::try_from(request).unwrap_err().field,
            fields::PERIOD.into()
        );
    }

    #[test]
    fn an_opening_needs_a_basis() {
        let request = supervision::RequestPartialRequest {
            origin: "ledger.test".into(),
            request: vec![1; 32],
            entry: vec![2; 32],
            claim: 0,
            basis: "order 7/2026".into(),
            nonce: vec![3; 32],
        };
        assert!(PartialRequest::try_from(request.clone()).is_ok());
        let blank = supervision::RequestPartialRequest {
            basis: " ".into(),
            ..request.clone()
        };
        assert_eq!(
            PartialRequest::try_from(blank).unwrap_err().field,
            fields::BASIS.into()
        );
        let long = supervision::RequestPartialRequest {
            basis: "x".repeat(4_097),
            ..request
        };
        assert_eq!(
            PartialRequest::try_from(long).unwrap_err().reason,
            Reason::TooLarge
        );
    }

    #[test]
    fn a_range_does_not_run_backwards() {
        let range = |from, until| LeafRange::try_from(ledger::StreamEntriesRequest { from, until });
        assert_eq!(
            range(3, 0),
            Ok(LeafRange {
                from: 3,
                until: None
            })
        );
        assert_eq!(range(3, 2).unwrap_err().field, fields::UNTIL.into());
        assert_eq!(page_size(0), Ok(256));
        assert_eq!(page_size(257).unwrap_err().field, fields::PAGE_SIZE.into());
    }
}
