//! Decides which requests the evaluator answers.

use merits_ledger::{Refusal, Role, State, entry::evaluation_digest, rows::RowError};
use merits_primitives::{
    calendar::Timestamp,
    ids::{EntryId, Origin, PartyId},
};
use merits_proto::{EvaluationRequest, FieldPath, Reason, fields};
use thiserror::Error;

/// Why a request is not evaluated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refused {
    /// Another log.
    #[error("this evaluator works for {own}, not for {asked}: ask the evaluator of that log")]
    OtherLog {
        /// The evaluator's log.
        own: Origin,
        /// The registrar's log.
        asked: Origin,
    },
    /// The party is not allowed to ask.
    #[error("only an active registrar is answered: {0}")]
    Registrar(Refusal),
    /// The request has another signer.
    #[error("the signature is not by the key that the log has for {0}")]
    Signature(PartyId),
    /// The ledger has no key, or another share for this evaluator.
    #[error(
        "the ledger does not have this evaluator's share: its operator has one dealt, or restores the right file"
    )]
    NotOpened,
}

impl Refused {
    /// The reason, for programs.
    pub fn code(&self) -> Reason {
        match self {
            Self::OtherLog { .. } => Reason::OtherOrigin,
            Self::Registrar(refusal) => refusal.code(),
            Self::Signature(_) => Reason::SignatureInvalid,
            Self::NotOpened => Reason::EvaluatorNotOpened,
        }
    }

    /// The request's field at fault; empty if none is.
    pub fn field(&self) -> FieldPath {
        match self {
            Self::OtherLog { .. } => fields::ORIGIN.into(),
            Self::Registrar(_) => fields::REGISTRAR.into(),
            Self::Signature(_) => fields::SIGNATURE.into(),
            Self::NotOpened => FieldPath::NONE,
        }
    }
}

/// The action for a request that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Answer it: this entry has counted it already.
    Counted(EntryId),
    /// Count it first, with this number.
    New {
        /// From 1.
        number: u64,
        /// [`evaluation_digest`] of the blinded element.
        request: [u8; 32],
    },
}

/// Checks a request against the state of a copy of the log, which knows the evaluated elements: the evaluator keeps
/// no record of its own, so a crash cannot damage one. `own` is the evaluator with its verification share. A registrar
/// that changed its key signs with the one before for some time still; `now` says whether that is over.
///
/// # Errors
/// [`RowError`] if the copy cannot be read. The inner error is the refusal.
pub fn judge(
    own: (PartyId, [u8; 32]),
    state: &State,
    request: &EvaluationRequest,
    now: Timestamp,
) -> Result<Result<Verdict, Refused>, RowError> {
    let digest = evaluation_digest(&request.blinded);
    if let Err(refused) = admit(own, state, request, now) {
        return Ok(Err(refused));
    }
    let evaluated = state.people().evaluation(&request.registrar, &digest)?;
    let (party, _) = own;
    let counted = evaluated.and_then(|evaluated| evaluated.counted_by(&party));
    Ok(Ok(match counted {
        Some(entry) => Verdict::Counted(entry),
        None => Verdict::New {
            number: state.people().evaluations_by(&party) + 1,
            request: digest,
        },
    }))
}

/// Refuses whoever may not ask this evaluator.
fn admit(
    own: (PartyId, [u8; 32]),
    state: &State,
    request: &EvaluationRequest,
    now: Timestamp,
) -> Result<(), Refused> {
    if request.origin != *state.origin() {
        return Err(Refused::OtherLog {
            own: state.origin().clone(),
            asked: request.origin.clone(),
        });
    }
    let registrar = state
        .parties()
        .acting(&request.registrar, Role::Registrar)
        .map_err(Refused::Registrar)?;
    if !registrar.keys(now).any(|key| request.verify(&key).is_ok()) {
        return Err(Refused::Signature(request.registrar));
    }
    let (party, share) = own;
    let record = state.people().tag_key();
    if record.and_then(|record| record.key.share_of(&party)) != Some(share) {
        return Err(Refused::NotOpened);
    }
    Ok(())
}
