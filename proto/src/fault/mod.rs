//! Errors on the wire: a gRPC status, the reason, the field at fault.

mod wire;

use std::{fmt, time::Duration};

use merits_verifier::{FieldPath, Reason, ReasonCode};
use tonic::Code;

pub use wire::BadFault;

/// The fault of one call. It becomes a [`tonic::Status`] whose metadata carries all of it, and a
/// client reads it back from the status. In streams and verdicts it is a
/// [`FaultMessage`](crate::FaultMessage).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// gRPC status code.
    pub code: Code,
    /// The reason. A newer server may give one that this program does not know.
    pub reason: ReasonCode,
    /// The field at fault (`claims[3].c`); empty if no single one is.
    pub field: FieldPath,
    /// For people: what went wrong, whose fault it is, and what to do.
    pub message: String,
    /// Present if the same call may succeed after this long.
    pub retry_after: Option<Duration>,
    /// Signed note ([`merits_verifier::refusal::SignedRefusal`]); empty if the fault is not the
    /// refusal of an entry.
    pub signed_refusal: String,
}

impl Fault {
    /// A fault of the caller in `field`.
    pub fn new(
        code: Code,
        reason: impl Into<ReasonCode>,
        field: impl Into<FieldPath>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            reason: reason.into(),
            field: field.into(),
            message: message.into(),
            retry_after: None,
            signed_refusal: String::new(),
        }
    }

    /// `field` cannot be read: [`Reason::Malformed`].
    pub fn malformed(field: impl Into<FieldPath>, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, Reason::Malformed, field, message)
    }

    /// `field` has `actual` bytes or items, more than `limit`: [`Reason::TooLarge`].
    pub fn too_large(field: impl Into<FieldPath>, actual: usize, limit: usize) -> Self {
        let message = format!("has {actual}, but at most {limit} are allowed");
        Self::new(Code::InvalidArgument, Reason::TooLarge, field, message)
    }

    /// The item that `field` names does not exist: [`Reason::NotFound`].
    pub fn not_found(field: impl Into<FieldPath>, message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, Reason::NotFound, field, message)
    }

    /// A queue is full: [`Reason::Busy`], with the time after which to retry.
    pub fn busy(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                Code::ResourceExhausted,
                Reason::Busy,
                FieldPath::NONE,
                "the queue is full; send it again later",
            )
        }
    }

    /// The service is stopping: [`Reason::Stopping`].
    pub fn stopping() -> Self {
        Self {
            retry_after: Some(Duration::from_secs(5)),
            ..Self::new(
                Code::Unavailable,
                Reason::Stopping,
                FieldPath::NONE,
                "the service is stopping; send it again when it is back",
            )
        }
    }

    /// The service's clock cannot be right, so it does nothing that depends on the time:
    /// [`Reason::ClockOutOfStep`]. `what` says by how much, and what its operator must do.
    pub fn out_of_step(what: impl Into<String>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(5)),
            ..Self::new(
                Code::Unavailable,
                Reason::ClockOutOfStep,
                FieldPath::NONE,
                what,
            )
        }
    }

    /// The service cannot write, so it accepts nothing that it must store: [`Reason::CannotWrite`].
    /// If the write failed during this call, its result is unknown.
    pub fn cannot_write() -> Self {
        Self {
            retry_after: Some(Duration::from_secs(5)),
            ..Self::new(
                Code::Unavailable,
                Reason::CannotWrite,
                FieldPath::NONE,
                "the service cannot write to its disk now, so it accepts nothing. Acknowledged entries are \
                 safe. Try again later; the cause is in the server's log",
            )
        }
    }

    /// The call took too long, and its result is unknown: [`Reason::TimedOut`].
    pub fn timed_out() -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(
                Code::DeadlineExceeded,
                Reason::TimedOut,
                FieldPath::NONE,
                "the call took longer than the service, or its caller, allows; send it again",
            )
        }
    }

    /// The service failed, and the caller can do nothing about it: [`Reason::Internal`]. Details
    /// belong in the service's own log.
    pub fn internal() -> Self {
        Self::new(
            Code::Internal,
            Reason::Internal,
            FieldPath::NONE,
            "the service failed; its operator finds the cause in its log",
        )
    }

    /// Whether the same call may succeed later.
    pub fn may_retry(&self) -> bool {
        self.retry_after.is_some()
    }

    /// Whether this fault leaves the call's result unknown: it got no answer, no answer in time or
    /// no readable answer, or the service failed during it. A refusal, in contrast, changes
    /// nothing.
    pub fn leaves_open(&self) -> bool {
        matches!(
            self.reason.known(),
            Some(
                Reason::NoAnswer
                    | Reason::FaultUnreadable
                    | Reason::TimedOut
                    | Reason::Internal
                    | Reason::CannotWrite
            )
        )
    }

    /// A description of what `who` did. A server that is silent, busy or broken has not refused
    /// anything.
    pub fn told_of(&self, who: &str) -> String {
        match self.reason.known() {
            Some(Reason::NoAnswer) => format!(
                "{who} gives no answer ({}). The request was not refused; you can send it again safely",
                self.message
            ),
            Some(Reason::Internal) => format!(
                "{who} failed ({self}). The request may or may not have been carried out; you can send it \
                 again safely"
            ),
            Some(Reason::TimedOut) => format!(
                "{who} gives no answer in time ({}). The request was not refused; you can send it again safely",
                self.message
            ),
            Some(Reason::FaultUnreadable) => format!(
                "{who} answers with an error that cannot be read: {}. The request may or may not have been \
                 carried out; you can send it again safely",
                self.message
            ),
            _ if self.may_retry() => format!("{who} cannot do it now: {self}"),
            _ => format!("{who} refuses: {self}"),
        }
    }

    /// The same fault in the message at `outer`.
    #[must_use]
    pub fn within(mut self, outer: impl Into<FieldPath>) -> Self {
        self.field = outer.into().join(self.field);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if !self.field.is_empty() {
            write!(f, " ({})", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests {
    use merits_verifier::fields;
    use tonic::Status;

    use super::*;

    #[test]
    fn who_is_silent_or_broken_refuses_nothing() {
        let broken = std::io::Error::other("keep-alive timed out");
        let silent = Fault::from_status(&Status::from_error(broken.into()));
        let failed = Fault::from_status(&Status::from(Fault::internal()));
        let busy = Fault::from_status(&Status::from(Fault::busy(Duration::from_secs(1))));
        let refused =
            Fault::from_status(&Status::from(Fault::malformed(fields::ENTRY, "is missing")));
        let late = Fault::from_status(&Status::deadline_exceeded("said by a proxy"));
        assert!(late.may_retry() && late.reason == Reason::TimedOut);
        let told = |fault: &Fault| fault.told_of("the coordinator");
        assert!(told(&late).starts_with("the coordinator gives no answer in time"));
        assert_eq!(silent.reason, Reason::NoAnswer);
        assert!(
            told(&silent)
                .starts_with("the coordinator gives no answer (no answer came in time: see")
        );
        assert!(told(&failed).starts_with("the coordinator failed ("));
        assert!(told(&busy).starts_with("the coordinator cannot do it now: busy"));
        assert_eq!(
            told(&refused),
            "the coordinator refuses: malformed (entry): is missing"
        );
        for (fault, open) in [
            (silent, true),
            (failed, true),
            (late, true),
            (Fault::timed_out(), true),
            (busy, false),
            (refused, false),
        ] {
            assert_eq!(fault.leaves_open(), open, "{fault}");
        }
    }
}
