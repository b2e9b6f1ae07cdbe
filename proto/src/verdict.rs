//! The Verifier's answer.

use crate::{Fault, FieldPath, fields, verifier};

/// The result of a Verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The subject verifies.
    Valid,
    /// It does not verify, for this reason.
    Invalid(Box<Fault>),
}

impl From<Verdict> for verifier::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Valid => Self {
                valid: true,
                fault: None,
            },
            Verdict::Invalid(fault) => Self {
                valid: false,
                fault: Some((*fault).into()),
            },
        }
    }
}

/// An answer without a verdict, or with a contradictory one, is refused.
impl TryFrom<Option<verifier::Verdict>> for Verdict {
    type Error = Fault;

    fn try_from(raw: Option<verifier::Verdict>) -> Result<Self, Fault> {
        let raw = raw.ok_or_else(|| Fault::malformed(fields::VERDICT, "is missing"))?;
        match (raw.valid, raw.fault) {
            (true, None) => Ok(Self::Valid),
            (false, Some(fault)) => match Fault::try_from(fault) {
                Ok(fault) => Ok(Self::Invalid(Box::new(fault))),
                Err(bad) => Err(Fault::malformed(
                    FieldPath::name(fields::VERDICT).then(fields::FAULT),
                    bad.to_string(),
                )),
            },
            (true, Some(_)) => Err(Fault::malformed(
                fields::VERDICT,
                "is valid and has a fault",
            )),
            (false, None) => Err(Fault::malformed(
                fields::VERDICT,
                "is invalid and has no fault",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use merits_verifier::Reason;
    use tonic::Code;

    use super::*;

    #[test]
    fn a_verdict_survives_the_wire() {
        let fault = Fault::new(
            Code::AlreadyExists,
            Reason::CommitmentUsed,
            FieldPath::name(fields::CLAIMS).index(3).then(fields::C),
            "already used",
        );
        for verdict in [Verdict::Valid, Verdict::Invalid(Box::new(fault))] {
            let raw = verifier::Verdict::from(verdict.clone());
            assert_eq!(Verdict::try_from(Some(raw)), Ok(verdict));
        }
    }

    #[test]
    fn a_verdict_that_says_both_or_neither_is_none() {
        let fault = || Some(Fault::malformed(fields::ENTRY, "is missing").into());
        let said = |valid, fault| Verdict::try_from(Some(verifier::Verdict { valid, fault }));
        for refused in [
            Verdict::try_from(None),
            said(true, fault()),
            said(false, None),
            said(false, Some(crate::FaultMessage::default())),
        ] {
            assert_eq!(refused.unwrap_err().reason, Reason::Malformed);
        }
    }
}
