//! Signatures of many entries, checked together: the more there are, the less each costs.

use merits_primitives::ids::PartyId;
use merits_verifier::signature::{PublicKey, SIGNATURE_BYTES, Signed, all_hold};

use crate::refusal::Refusal;
use crate::submission::{Authentic, Submission};

/// A submission, and the signatures that must hold for it to be authentic. Made by
/// [`crate::Governing::signatures`].
#[derive(Debug, Clone)]
pub struct Unverified {
    authentic: Authentic,
    signatures: Vec<Signature>,
    /// A fault besides its signatures. A bad signature of the party is reported first.
    fault: Option<Refusal>,
}

/// A signature that must hold.
#[derive(Debug, Clone)]
struct Signature {
    whose: Signer,
    key: PublicKey,
    message: Vec<u8>,
    signature: [u8; SIGNATURE_BYTES],
}

/// The message that a source must have signed for a claim, and the submitted signature.
#[derive(Debug, Clone)]
pub(crate) struct ClaimSignature {
    pub(crate) key: PublicKey,
    pub(crate) message: Vec<u8>,
    pub(crate) signature: [u8; SIGNATURE_BYTES],
}

/// The signer.
#[derive(Debug, Clone, Copy)]
enum Signer {
    /// The party's, under the entry.
    Party(PartyId),
    /// The source's, under a claim.
    Source {
        /// Position of the claim.
        claim: usize,
    },
}

impl Unverified {
    /// With no signature yet.
    pub(crate) fn new(submission: Submission) -> Self {
        Self {
            authentic: Authentic {
                submission,
                signer: None,
                sources: Vec::new(),
                key: None,
            },
            signatures: Vec::new(),
            fault: None,
        }
    }

    /// The party must have signed the entry under this key. `is_known` says that its signature was verified
    /// before.
    pub(crate) fn expect_signer(&mut self, key: PublicKey, is_known: bool) {
        self.authentic.signer = Some(key);
        if is_known {
            return;
        }
        let signed = self.authentic.submission.signed();
        self.signatures.push(Signature {
            whose: Signer::Party(signed.party),
            key,
            message: signed.signing_bytes(),
            signature: signed.signature,
        });
    }

    /// The source must have signed these messages under these keys of it, one for each claim.
    pub(crate) fn expect_source(&mut self, claims: Vec<ClaimSignature>) {
        for claim in &claims {
            if !self.authentic.sources.contains(&claim.key) {
                self.authentic.sources.push(claim.key);
            }
        }
        let claims = claims.into_iter().enumerate();
        self.signatures
            .extend(claims.map(|(claim, signed)| Signature {
                whose: Signer::Source { claim },
                key: signed.key,
                message: signed.message,
                signature: signed.signature,
            }));
    }

    /// It is refused, whatever its signatures are.
    pub(crate) fn refuse(&mut self, fault: Refusal) {
        self.fault.get_or_insert(fault);
    }

    /// The submission.
    pub fn submission(&self) -> &Submission {
        &self.authentic.submission
    }

    /// Checks its signatures alone.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(self) -> Result<Authentic, Refusal> {
        let signatures: Vec<Signed<'_>> = self.signed().collect();
        if all_hold(&signatures) {
            return self.holds();
        }
        let bad = |signature: &&Signature| {
            let Signature { message, key, .. } = signature;
            key.verify(message, &signature.signature).is_err()
        };
        Err(match self.signatures.iter().find(bad) {
            None => return self.holds(),
            Some(signature) => match signature.whose {
                Signer::Party(party) => Refusal::SignatureInvalid { party },
                Signer::Source { claim } => Refusal::SourceSignature { claim },
            },
        })
    }

    /// All signatures hold. What else does not depend on the state is checked now.
    fn holds(self) -> Result<Authentic, Refusal> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let mut authentic = self.authentic;
        authentic.key = authentic.submission.checked_key()?;
        Ok(authentic)
    }

    fn signed(&self) -> impl Iterator<Item = Signed<'_>> {
        self.signatures.iter().map(|signature| Signed {
            key: &signature.key,
            message: &signature.message,
            signature: &signature.signature,
        })
    }
}

/// Checks the signatures of many submissions together. The answers are in the order of the
/// submissions. A bad one is found by bisection and does not affect the others.
pub fn verify_together(submissions: Vec<Unverified>) -> Vec<Result<Authentic, Refusal>> {
    let mut good = vec![false; submissions.len()];
    mark_good(&submissions, &mut good);
    submissions
        .into_iter()
        .zip(good)
        .map(|(submission, good)| match good {
            true => submission.holds(),
            false => submission.verify(),
        })
        .collect()
}

/// Marks those whose signatures all hold.
fn mark_good(submissions: &[Unverified], good: &mut [bool]) {
    // For a single one, another check names the faulty signature.
    if submissions.len() < 2 {
        return;
    }
    let signatures: Vec<Signed<'_>> = submissions.iter().flat_map(Unverified::signed).collect();
    if all_hold(&signatures) {
        good.fill(true);
        return;
    }
    let middle = submissions.len() / 2;
    let (left, right) = submissions.split_at(middle);
    let (good_left, good_right) = good.split_at_mut(middle);
    mark_good(left, good_left);
    mark_good(right, good_right);
}
