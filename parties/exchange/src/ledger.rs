//! The faults that the exchange returns to a wallet when its ledger fails.

use merits_party::ledger::LedgerFault;
use merits_proto::{Fault, FieldPath};
use merits_replica::{ClientError, ReplicaError};
use merits_verifier::Reason;
use tonic::Code;

/// A fault of the ledger, for the wallet.
pub(crate) fn for_wallet(fault: LedgerFault) -> Fault {
    match fault {
        LedgerFault::Follow(error) => {
            tracing::error!(%error, "the exchange cannot follow its log");
            unavailable("this exchange's copy of the log cannot be brought up to date")
        }
        LedgerFault::Client(error) => passed_on(&error),
        fault => {
            tracing::error!(%fault, "the exchange's copy of the log cannot be used");
            Fault::internal()
        }
    }
}

/// The coordinator's refusal goes to the wallet unchanged, with its signature. Silence or failure
/// of the coordinator is not a refusal, and not the exchange's fault: it becomes a temporary fault.
fn passed_on(error: &ClientError) -> Fault {
    match error {
        ClientError::Refused { fault, .. } => match fault.reason.known() {
            Some(Reason::NoAnswer) => unavailable("the log does not answer"),
            Some(Reason::Internal | Reason::FaultUnreadable) => {
                tracing::error!(%fault, "the coordinator failed");
                unavailable("the log's coordinator failed")
            }
            _ => (**fault).clone(),
        },
        ClientError::Unreachable(_) => unavailable("the log does not answer"),
        ClientError::NotCosigned { .. } => {
            unavailable("the log's witnesses have not cosigned the redemption yet")
        }
        // A receipt that does not verify: the operator must know, and no voucher is handed out.
        error => {
            tracing::error!(%error, "the coordinator's answer is refused");
            Fault::internal()
        }
    }
}

/// The exchange's copy cannot be used, which says nothing about the caller.
pub(crate) fn unreadable(error: ReplicaError) -> Fault {
    tracing::error!(%error, "the exchange's copy of the log cannot be used");
    Fault::internal()
}

fn unavailable(what: &str) -> Fault {
    Fault {
        retry_after: Some(std::time::Duration::from_secs(2)),
        ..Fault::new(
            Code::Unavailable,
            Reason::LedgerUnavailable,
            FieldPath::NONE,
            format!("{what}; send the same redemption again later, nothing is lost"),
        )
    }
}

#[cfg(test)]
mod tests {
    use merits_verifier::fields;

    use super::*;
    use tonic::Status;

    /// The wallet must not mistake the coordinator's silence for the exchange's.
    #[test]
    fn a_coordinator_that_is_silent_or_broken_is_named_and_asked_again() {
        let told = |status: Status| {
            let fault = Box::new(Fault::from_status(&status));
            passed_on(&ClientError::Refused {
                fault,
                notice: None,
                note: None,
            })
        };
        for (status, said) in [
            (Status::unavailable("refused"), "the log does not answer"),
            (
                Status::from(Fault::internal()),
                "the log's coordinator failed",
            ),
        ] {
            let fault = told(status);
            assert_eq!(fault.reason, Reason::LedgerUnavailable);
            assert!(fault.may_retry());
            assert!(fault.message.starts_with(said), "{fault}");
        }
        let judged = Fault::new(
            Code::FailedPrecondition,
            Reason::Spent,
            fields::SN1,
            "was spent",
        );
        assert_eq!(told(Status::from(judged.clone())), judged);
    }
}
