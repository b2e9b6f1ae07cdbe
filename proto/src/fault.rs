//! Errors on the wire: a gRPC status, a machine-readable reason, the field at fault.

use std::{borrow::Cow, fmt, time::Duration};

use tonic::{Code, Status, metadata::MetadataValue};

use crate::limits::{REFUSAL_BYTES, REFUSAL_TEXT_BYTES};

/// Metadata key of the machine-readable reason.
const REASON: &str = "merits-reason";
/// Metadata key of the field at fault.
const FIELD: &str = "merits-field";
/// Metadata key of the milliseconds after which the same call may succeed.
const RETRY: &str = "merits-retry-ms";
/// Metadata key of the signed refusal: a note of several lines, so its bytes.
const REFUSAL: &str = "merits-refusal-bin";

/// Reasons that the wire itself gives. Those of the ledger's rules are `merits-ledger`'s
/// `Refusal::code`.
pub mod reason {
    /// A field has the wrong length, is missing, or is out of its range.
    pub const MALFORMED: &str = "malformed";
    /// A field or message is larger than its limit.
    pub const TOO_LARGE: &str = "too-large";
    /// The thing asked for does not exist.
    pub const NOT_FOUND: &str = "not-found";
    /// A queue is full; try again.
    pub const BUSY: &str = "busy";
    /// More calls than one address may begin in a second; try again.
    pub const TOO_FAST: &str = "too-fast";
    /// The service is stopping; try again.
    pub const STOPPING: &str = "stopping";
    /// The service's clock cannot be right; try again.
    pub const OUT_OF_STEP: &str = "clock-out-of-step";
    /// The service cannot keep what it is given; try again.
    pub const CANNOT_WRITE: &str = "cannot-write";
    /// The call took longer than the service, or its caller, allows: nobody refused anything.
    pub const TIMED_OUT: &str = "timed-out";
    /// The service failed; its operator must look.
    pub const INTERNAL: &str = "internal";
    /// The call got no answer: nobody refused anything. Made by the client, never sent: a server that got
    /// no answer from another one sends [`INTERNAL`].
    pub const NO_ANSWER: &str = "no-answer";
}

/// What went wrong with one call. Becomes a [`Status`] whose metadata carries all of it, and is
/// read back from one by a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// gRPC status code.
    pub code: Code,
    /// Machine-readable reason, lower-case words joined by `-`.
    pub reason: Cow<'static, str>,
    /// Path of the field at fault (`claims[3].c`); empty if none is.
    pub field: Cow<'static, str>,
    /// For people: what, whose fault, what to do.
    pub message: String,
    /// Present if the same call may succeed after this long.
    pub retry_after: Option<Duration>,
    /// Signed note ([`merits_verifier::refusal::SignedRefusal`]); empty if this is no judgement
    /// on an entry.
    pub signed_refusal: String,
}

impl Fault {
    /// A fault of the caller in `field`.
    pub fn new(
        code: Code,
        reason: impl Into<Cow<'static, str>>,
        field: impl Into<Cow<'static, str>>,
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

    /// `field` cannot be read: [`reason::MALFORMED`].
    pub fn malformed(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, reason::MALFORMED, field, message)
    }

    /// `field` has `actual` bytes or items, more than `limit`: [`reason::TOO_LARGE`].
    pub fn too_large(field: impl Into<Cow<'static, str>>, actual: usize, limit: usize) -> Self {
        let message = format!("has {actual}, at most {limit} are taken");
        Self::new(Code::InvalidArgument, reason::TOO_LARGE, field, message)
    }

    /// What `field` names does not exist: [`reason::NOT_FOUND`].
    pub fn not_found(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, reason::NOT_FOUND, field, message)
    }

    /// A queue is full: [`reason::BUSY`], with a hint when to come back.
    pub fn busy(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                Code::ResourceExhausted,
                reason::BUSY,
                "",
                "the queue is full; send it again later",
            )
        }
    }

    /// The service is stopping: [`reason::STOPPING`].
    pub fn stopping() -> Self {
        Self {
            retry_after: Some(Duration::from_secs(5)),
            ..Self::new(
                Code::Unavailable,
                reason::STOPPING,
                "",
                "the service is stopping; send it again when it is back",
            )
        }
    }

    /// The service's clock cannot be right, and it does nothing that depends on the time:
    /// [`reason::OUT_OF_STEP`]. `what` says by how much, and what its operator does.
    pub fn out_of_step(what: impl Into<String>) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(5)),
            ..Self::new(Code::Unavailable, reason::OUT_OF_STEP, "", what)
        }
    }

    /// The service cannot write, so it takes nothing that it would have to keep: [`reason::CANNOT_WRITE`]. If the
    /// write failed under this call, whether it did what it should is not known.
    pub fn cannot_write() -> Self {
        Self {
            retry_after: Some(Duration::from_secs(5)),
            ..Self::new(
                Code::Unavailable,
                reason::CANNOT_WRITE,
                "",
                "the service cannot write to its disk now, so it takes nothing; what it acknowledged is not \
                 lost. Send the same again later; its operator finds the cause in its log",
            )
        }
    }

    /// The call took too long, and whether it did what it should is not known: [`reason::TIMED_OUT`].
    pub fn timed_out() -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(
                Code::DeadlineExceeded,
                reason::TIMED_OUT,
                "",
                "the call took longer than the service, or its caller, allows; send it again",
            )
        }
    }

    /// The service failed, and the caller can do nothing about it: [`reason::INTERNAL`]. Details
    /// belong in the service's own log.
    pub fn internal() -> Self {
        Self::new(
            Code::Internal,
            reason::INTERNAL,
            "",
            "the service failed; its operator finds the cause in its log",
        )
    }

    /// Whether the same call may succeed later.
    pub fn may_retry(&self) -> bool {
        self.retry_after.is_some()
    }

    /// Whether nobody can tell by this fault if the call did what it should: it got no answer, or none
    /// in time, or the service failed under it. A refusal changes nothing.
    pub fn leaves_open(&self) -> bool {
        [
            reason::NO_ANSWER,
            reason::TIMED_OUT,
            reason::INTERNAL,
            reason::CANNOT_WRITE,
        ]
        .contains(&self.reason.as_ref())
    }

    /// What `who` did, in words: who is silent, busy or broken refuses nothing.
    pub fn told_of(&self, who: &str) -> String {
        match self.reason.as_ref() {
            reason::NO_ANSWER => format!(
                "{who} gives no answer ({}): is it running, and can it be reached from here? Nothing was \
                 refused; asking again does no harm",
                self.message
            ),
            reason::INTERNAL => format!(
                "{who} failed, which is no refusal ({self}); whether it did what was asked is not known, \
                 and asking again does no harm"
            ),
            reason::TIMED_OUT => format!(
                "{who} gives no answer in time ({}). Nothing was refused, and asking again does no harm",
                self.message
            ),
            _ if self.may_retry() => format!("{who} cannot do it now: {self}"),
            _ => format!("{who} refuses: {self}"),
        }
    }

    /// The same fault with `prefix.` before its field.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        self.field = if self.field.is_empty() {
            Cow::Owned(prefix.to_owned())
        } else {
            Cow::Owned(format!("{prefix}.{}", self.field))
        };
        self
    }

    /// Reads the fault that a server put in `status`. A status from elsewhere (transport, proxy,
    /// tonic's own limits) gets a reason from its code.
    pub fn from_status(status: &Status) -> Self {
        let text = |key: &'static str| -> Option<Cow<'static, str>> {
            let value = status.metadata().get(key)?.to_str().ok()?;
            Some(Cow::Owned(value.to_owned()))
        };
        let retry = text(RETRY)
            .and_then(|ms| ms.parse().ok())
            .map(Duration::from_millis);
        let lost = is_lost(status);
        let late = status.code() == Code::DeadlineExceeded;
        let unavailable = (lost || late).then_some(Duration::from_secs(1));
        let refusal = status
            .metadata()
            .get_bin(REFUSAL)
            .and_then(|value| value.to_bytes().ok());
        Self {
            code: status.code(),
            reason: text(REASON).unwrap_or(match status.code() {
                Code::OutOfRange | Code::ResourceExhausted => Cow::Borrowed(reason::TOO_LARGE),
                _ if lost => Cow::Borrowed(reason::NO_ANSWER),
                Code::DeadlineExceeded => Cow::Borrowed(reason::TIMED_OUT),
                Code::NotFound => Cow::Borrowed(reason::NOT_FOUND),
                Code::InvalidArgument => Cow::Borrowed(reason::MALFORMED),
                _ => Cow::Borrowed(reason::INTERNAL),
            }),
            field: text(FIELD).unwrap_or_default(),
            // Another party's words, on this party's screen.
            message: merits_text::shown::document(status.message()),
            retry_after: retry.or(unavailable),
            signed_refusal: refusal
                .and_then(|bytes| String::from_utf8(bytes.to_vec()).ok())
                .unwrap_or_default(),
        }
    }
}

/// The call got no answer: the server is not there, or its connection broke or fell silent under
/// the call. Of a broken connection the transport makes a status of its own here, with a cause and
/// no certain code; a status that a server sent has no cause.
fn is_lost(status: &Status) -> bool {
    let made_here = std::error::Error::source(status).is_some();
    match status.code() {
        Code::Unavailable => true,
        Code::Unknown | Code::Cancelled => made_here,
        _ => false,
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let mut message = fault.message;
        truncate(&mut message, REFUSAL_TEXT_BYTES);
        let mut status = Status::new(fault.code, message);
        let metadata = status.metadata_mut();
        // The caller has an answer. That another server gave this one none is this one's failure.
        let reason = match fault.reason.as_ref() {
            reason::NO_ANSWER => reason::INTERNAL,
            reason => reason,
        };
        // Reasons and field paths are ASCII; a path with a user's text in it is left out rather
        // than failing the answer.
        if let Ok(value) = MetadataValue::try_from(reason) {
            metadata.insert(REASON, value);
        }
        if !fault.field.is_empty()
            && let Ok(value) = MetadataValue::try_from(fault.field.as_ref())
        {
            metadata.insert(FIELD, value);
        }
        if let Some(after) = fault.retry_after {
            let millis = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
            metadata.insert(RETRY, MetadataValue::from(millis));
        }
        if !fault.signed_refusal.is_empty() && fault.signed_refusal.len() <= REFUSAL_BYTES {
            metadata.insert_bin(
                REFUSAL,
                MetadataValue::from_bytes(fault.signed_refusal.as_bytes()),
            );
        }
        status
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

/// Cuts `text` to at most `limit` bytes, at a character boundary.
pub(crate) fn truncate(text: &mut String, limit: usize) {
    if text.len() > limit {
        let end = (0..=limit)
            .rev()
            .find(|&i| text.is_char_boundary(i))
            .unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_survives_the_status() {
        let mut fault = Fault::busy(Duration::from_millis(250));
        fault.field = Cow::Borrowed("claims[3].c");
        fault.signed_refusal = "first\nsecond\n".to_owned();
        assert_eq!(Fault::from_status(&Status::from(fault.clone())), fault);
    }

    #[test]
    fn a_foreign_status_gets_a_reason() {
        let fault = Fault::from_status(&Status::out_of_range("message length too large"));
        assert_eq!(fault.reason, reason::TOO_LARGE);
        assert!(!fault.may_retry());
        assert!(Fault::from_status(&Status::unavailable("connection refused")).may_retry());
        // A connection that broke under a call is no judgement of the server's.
        let broken = std::io::Error::other("keep-alive timed out");
        let fault = Fault::from_status(&Status::from_error(broken.into()));
        assert_eq!(fault.code, Code::Unknown);
        assert!(fault.may_retry());
        assert!(!Fault::from_status(&Status::unknown("said by the server")).may_retry());
    }

    #[test]
    fn who_is_silent_or_broken_refuses_nothing() {
        let broken = std::io::Error::other("keep-alive timed out");
        let silent = Fault::from_status(&Status::from_error(broken.into()));
        let failed = Fault::from_status(&Status::from(Fault::internal()));
        let busy = Fault::from_status(&Status::from(Fault::busy(Duration::from_secs(1))));
        let refused = Fault::from_status(&Status::from(Fault::malformed("x", "is missing")));
        let late = Fault::from_status(&Status::deadline_exceeded("said by a proxy"));
        assert!(late.may_retry() && late.reason == reason::TIMED_OUT);
        let told = |fault: &Fault| fault.told_of("the coordinator");
        assert!(told(&late).starts_with("the coordinator gives no answer in time"));
        assert_eq!(silent.reason, reason::NO_ANSWER);
        assert!(
            told(&silent).starts_with("the coordinator gives no answer (keep-alive timed out)")
        );
        assert!(told(&failed).starts_with("the coordinator failed, which is no refusal"));
        assert!(told(&busy).starts_with("the coordinator cannot do it now: busy"));
        assert_eq!(
            told(&refused),
            "the coordinator refuses: malformed (x): is missing"
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

    /// A server that passes on the silence of another one would be called silent itself.
    #[test]
    fn an_answer_never_says_that_there_is_none() {
        let broken = std::io::Error::other("keep-alive timed out");
        for silence in [
            Status::from_error(broken.into()),
            Status::unavailable("connection refused"),
        ] {
            let silent = Fault::from_status(&silence);
            assert_eq!(silent.reason, reason::NO_ANSWER);
            let passed_on = Fault::from_status(&Status::from(silent));
            assert_eq!(passed_on.reason, reason::INTERNAL);
            assert!(passed_on.leaves_open() && passed_on.may_retry());
        }
    }

    #[test]
    fn a_peer_does_not_speak_to_the_terminal() {
        let fault = Fault::from_status(&Status::internal("fine\u{1b}[2J\u{202e}"));
        assert_eq!(fault.message, "fine\\u{1b}[2J\\u{202e}");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let fault = Fault::malformed("x", "善".repeat(1_000));
        let status = Status::from(fault);
        assert_eq!(
            status.message().len(),
            REFUSAL_TEXT_BYTES - REFUSAL_TEXT_BYTES % 3
        );
    }
}
